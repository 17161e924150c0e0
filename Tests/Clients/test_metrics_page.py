"""`/_apus/metrics`, as Prometheus reads it: https://prometheus.io/docs/instrumenting/exposition_formats/"""

import re
import urllib.error
import urllib.request

import pytest

from conftest import wait_until

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*)\})? (\S+)$')


def scrape(server):
    """`{(name, frozenset of labels): value}`, and the families' kinds; fails where a line is none of the format."""
    with urllib.request.urlopen(f"{server.endpoint}/_apus/metrics", timeout=30) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        text = answer.read().decode()
    assert text.endswith("\n")
    samples, kinds = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            assert name not in kinds, name
            kinds[name] = kind
        elif not line.startswith("#"):
            name, labels, value = SAMPLE.match(line).groups()
            assert re.sub("_(bucket|sum|count)$", "", name) in kinds or name in kinds, line
            pairs = frozenset(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or ""))
            assert (name, pairs) not in samples, line
            samples[name, pairs] = float(value)
    return samples, kinds


def value(samples, name, **labels):
    found = [v for (n, pairs), v in samples.items() if n == name and labels.items() <= dict(pairs).items()]
    return found[0] if found else None


def test_invocations_are_counted(server, deploy, lambda_client):
    function = deploy(python="def handler(event, context):\n    return 1 / event['by']\n")
    for by in (1, 1, 0):
        lambda_client.invoke(FunctionName=function, Payload=f'{{"by": {by}}}')
    labels = {"function": function, "account": "000000000000", "region": "us-east-1"}

    def counted():
        samples, _ = scrape(server)
        return value(samples, "apus_lambda_invocations_total", **labels) == 3 and samples

    samples = wait_until(counted, what="three invocations")
    assert value(samples, "apus_lambda_errors_total", **labels) == 1
    assert value(samples, "apus_lambda_throttles_total", **labels) == 0
    assert value(samples, "apus_lambda_duration_seconds_count", **labels) == 3
    assert value(samples, "apus_lambda_duration_seconds_bucket", le="+Inf", **labels) == 3
    assert 0 < value(samples, "apus_lambda_duration_seconds_sum", **labels) < 30
    assert value(samples, "apus_lambda_cold_starts_total") >= 1
    lambda_client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    with pytest.raises(lambda_client.exceptions.TooManyRequestsException):
        lambda_client.invoke(FunctionName=function)
    assert value(scrape(server)[0], "apus_lambda_throttles_total", **labels) == 1


def test_the_server_is_seen(server, name):
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    sqs.send_message(QueueUrl=url, MessageBody="m", DelaySeconds=900)
    samples, kinds = scrape(server)
    arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
    assert [value(samples, "apus_sqs_messages", queue=arn, state=state) for state in ("visible", "delayed", "in_flight")] == [1, 1, 0]
    assert value(samples, "apus_outbox_parcels") is not None
    assert value(samples, "apus_lambda_async_events") is not None
    assert value(samples, "apus_store_commits_total", store="events") > 0
    assert value(samples, "process_resident_memory_bytes") > 1 << 20
    assert value(samples, "apus_lambda_environments", state="idle") is not None
    assert kinds["apus_lambda_duration_seconds"] == "histogram"
    sqs.delete_queue(QueueUrl=url)


def test_functions_do_not_see_it(deploy, lambda_client):
    """They would learn what others run."""
    function = deploy(python="""
import os, urllib.request, urllib.error
def handler(event, context):
    try:
        return urllib.request.urlopen(os.environ['AWS_ENDPOINT_URL'] + '/_apus/metrics', timeout=5).status
    except urllib.error.HTTPError as error:
        return error.code
""")
    assert lambda_client.invoke(FunctionName=function)["Payload"].read() == b"404"
