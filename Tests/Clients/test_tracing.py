"""X-Ray: the segments of traced functions, what their SDKs send, and the API by which traces are read.

Expectations: https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html and
https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html.
"""

import json
import os
import pathlib
import time

import aws_xray_sdk
import pytest
import wrapt
from botocore.exceptions import ClientError

from conftest import ROLE, wait_until, zip_of


def trace_id():
    return f"1-{int(time.time()):08x}-{os.urandom(12).hex()}"


def segment(trace, name="client", **members):
    now = time.time()
    return {"id": os.urandom(8).hex(), "trace_id": trace, "name": name, "start_time": now - 0.5, "end_time": now, **members}


def put(client, *segments):
    answer = client.put_trace_segments(TraceSegmentDocuments=[json.dumps(each) for each in segments])
    return answer["UnprocessedTraceSegments"]


def documents(client, trace):
    """The trace's segments by their origin or name."""
    traces = client.batch_get_traces(TraceIds=[trace])["Traces"]
    found = [json.loads(each["Document"]) for trace in traces for each in trace["Segments"]]
    return {each.get("origin", each["name"]): each for each in found}


def complete(client, trace, *names):
    def all_there():
        found = documents(client, trace)
        return found if all(name in found for name in names) else None

    return wait_until(all_there, what=f"the segments {names}")


def summaries(client, trace=None, **settings):
    settings = {"StartTime": time.time() - 600, "EndTime": time.time() + 10, **settings}
    pages = client.get_paginator("get_trace_summaries").paginate(**settings)
    found = [each for page in pages for each in page["TraceSummaries"]]
    return [each for each in found if trace is None or each["Id"] == trace]


def invoke(client, name, payload=b"{}", header=None):
    """Invokes with a trace header, and returns the answer's payload and the trace that it names."""
    def add(request, **_):
        if header:
            request.headers["X-Amzn-Trace-Id"] = header

    client.meta.events.register("before-send.lambda.Invoke", add)
    try:
        answer = client.invoke(FunctionName=name, Payload=payload)
    finally:
        client.meta.events.unregister("before-send.lambda.Invoke", add)
    seen = answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-trace-id"]
    fields = dict(field.split("=", 1) for field in seen.split(";"))
    return json.loads(answer["Payload"].read()), fields["Root"]


def modules():
    """The SDK with what it imports, for a function's zip."""
    files = {}
    for package in (aws_xray_sdk, wrapt):
        folder = pathlib.Path(package.__file__).parent
        for path in folder.rglob("*.py"):
            files[f"{folder.name}/{path.relative_to(folder)}"] = path.read_text()
        for path in folder.rglob("*.json"):
            files[f"{folder.name}/{path.relative_to(folder)}"] = path.read_text()
    return files


@pytest.fixture
def xray(server):
    return server.client("xray")


def test_a_traced_invocation_has_the_services_and_the_functions_segments(deploy, lambda_client, xray):
    name = deploy(python="def handler(e, c): return c.aws_request_id", TracingConfig={"Mode": "Active"})
    request, trace = invoke(lambda_client, name)
    found = complete(xray, trace, "AWS::Lambda", "AWS::Lambda::Function")
    service, function = found["AWS::Lambda"], found["AWS::Lambda::Function"]
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    assert service["name"] == function["name"] == name
    assert service["resource_arn"] == function["resource_arn"] == arn
    assert service["aws"]["request_id"] == function["aws"]["request_id"] == request
    assert service["http"] == {"response": {"status": 200}}
    assert function["parent_id"] == service["id"]
    assert function["aws"]["function_arn"] == arn
    assert [each["name"] for each in function["subsegments"]] == ["Initialization", "Invocation", "Overhead"]
    for each in (service, function, *function["subsegments"]):
        assert each["start_time"] <= each["end_time"] and len(each["id"]) == 16
        assert not {"error", "fault", "throttle"} & set(each)
    # Only the first invocation of an environment has its initialization.
    _, second = invoke(lambda_client, name)
    function = complete(xray, second, "AWS::Lambda::Function")["AWS::Lambda::Function"]
    assert [each["name"] for each in function["subsegments"]] == ["Invocation", "Overhead"]
    [summary] = summaries(xray, trace)
    assert summary["EntryPoint"]["Name"] == name and summary["EntryPoint"]["Type"] == "AWS::Lambda"
    assert {each["Type"] for each in summary["ServiceIds"]} == {"AWS::Lambda", "AWS::Lambda::Function"}
    assert summary["ResourceARNs"] == [{"ARN": arn}] and summary["Http"]["HttpStatus"] == 200
    assert not (summary["HasFault"] or summary["HasError"] or summary["HasThrottle"] or summary["IsPartial"])


def test_failures_are_faults_with_their_cause(deploy, lambda_client, xray):
    name = deploy(python="def handler(e, c): raise ValueError('no good')", TracingConfig={"Mode": "Active"})
    _, trace = invoke(lambda_client, name)
    found = complete(xray, trace, "AWS::Lambda", "AWS::Lambda::Function")
    assert found["AWS::Lambda"]["fault"] and found["AWS::Lambda::Function"]["fault"]
    [exception] = found["AWS::Lambda::Function"]["cause"]["exceptions"]
    assert (exception["type"], exception["message"]) == ("ValueError", "no good")
    assert summaries(xray, trace)[0]["HasFault"]


def test_throttles_are_seen(deploy, lambda_client, xray, name):
    deploy(python="def handler(e, c): pass", TracingConfig={"Mode": "Active"})
    lambda_client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    trace = trace_id()
    with pytest.raises(ClientError):
        invoke(lambda_client, name, header=f"Root={trace};Parent=0123456789abcdef;Sampled=1")
    service = complete(xray, trace, "AWS::Lambda")["AWS::Lambda"]
    assert service["throttle"] and service["error"] and service["http"]["response"]["status"] == 429
    assert service["parent_id"] == "0123456789abcdef"
    assert summaries(xray, trace)[0]["HasThrottle"]


def test_what_is_not_sampled_leaves_nothing(deploy, lambda_client, xray, name):
    traced = deploy(python="def handler(e, c): pass", TracingConfig={"Mode": "Active"})
    plain = deploy(python="def handler(e, c): pass", suffix="-plain")
    refused = trace_id()
    invoke(lambda_client, traced, header=f"Root={refused};Sampled=0")
    _, unasked = invoke(lambda_client, plain)
    # A caller who samples is followed by functions that would not by themselves.
    sampled = trace_id()
    invoke(lambda_client, plain, header=f"Root={sampled};Sampled=1")
    complete(xray, sampled, "AWS::Lambda", "AWS::Lambda::Function")
    assert documents(xray, refused) == {} and documents(xray, unasked) == {}


SDK = """
import os
from aws_xray_sdk.core import xray_recorder

def handler(event, context):
    with xray_recorder.in_subsegment("work") as subsegment:
        subsegment.put_annotation("color", "blue")
        subsegment.put_annotation("size", 7)
        with xray_recorder.in_subsegment("inner"):
            pass
    names = ["AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT", "AWS_XRAY_CONTEXT_MISSING"]
    return {name: os.environ[name] for name in names}
"""


def test_what_the_sdk_sends_joins_the_functions_segment(deploy, lambda_client, xray):
    name = deploy(files={"app.py": SDK, **modules()}, Runtime="python3.11", Handler="app.handler",
                  TracingConfig={"Mode": "Active"}, MemorySize=512)
    variables, trace = invoke(lambda_client, name)
    assert variables["AWS_XRAY_CONTEXT_MISSING"] == "LOG_ERROR"
    host, port = variables["_AWS_XRAY_DAEMON_ADDRESS"], variables["_AWS_XRAY_DAEMON_PORT"]
    assert variables["AWS_XRAY_DAEMON_ADDRESS"] == f"{host}:{port}"
    found = complete(xray, trace, "AWS::Lambda::Function", "work", "inner")
    work = found["work"]
    assert work["type"] == "subsegment" and work["parent_id"] == found["AWS::Lambda::Function"]["id"]
    assert found["inner"]["parent_id"] == work["id"]
    for expression in ('annotation.color = "blue"', "annotation[size] > 6 AND !fault", f'service("{name}")',
                       f'service(id(name: "{name}", type: "AWS::Lambda::Function")) {{ duration >= 0 }}'):
        assert summaries(xray, trace, FilterExpression=expression), expression
    for expression in ('annotation.color = "red"', "annotation.size > 7", 'service("other")', "fault", "http.status = 404"):
        assert not summaries(xray, trace, FilterExpression=expression), expression
    [summary] = summaries(xray, trace)
    assert summary["Annotations"]["color"][0]["AnnotationValue"] == {"StringValue": "blue"}
    assert summary["Annotations"]["size"][0]["AnnotationValue"] == {"NumberValue": 7.0}


SOCKETS = """
import json, os, socket, time
def handler(event, context):
    fields = dict(field.split("=", 1) for field in os.environ["_X_AMZN_TRACE_ID"].split(";"))
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    address = (os.environ["_AWS_XRAY_DAEMON_ADDRESS"], int(os.environ["_AWS_XRAY_DAEMON_PORT"]))
    head = b'{"format": "json", "version": 1}\\n'
    document = {"id": os.urandom(8).hex(), "trace_id": fields["Root"], "parent_id": fields["Parent"], "type": "subsegment",
                "name": event["name"], "start_time": time.time(), "end_time": time.time()}
    for _ in range(event.get("times", 0)):
        sender.sendto(head + os.urandom(200), address)
        sender.sendto(os.urandom(60), address)
        sender.sendto(b"", address)
    for _ in range(20):
        sender.sendto(head + json.dumps(document).encode(), address)
        time.sleep(0.02)
"""


def test_nonsense_does_not_stop_the_daemon(deploy, lambda_client, xray):
    name = deploy(python=SOCKETS, TracingConfig={"Mode": "Active"}, Timeout=30)
    _, trace = invoke(lambda_client, name, json.dumps({"name": "after", "times": 2000}).encode())
    complete(xray, trace, "after", "AWS::Lambda::Function")


def test_clients_put_and_read_segments(xray):
    trace = trace_id()
    root = segment(trace, "web", http={"request": {"url": "http://example.com/a", "method": "GET"},
                                       "response": {"status": 404}}, user="ann", annotations={"paid": True})
    child = segment(trace, "db", parent_id=root["id"], origin="AWS::EC2::Instance")
    assert put(xray, root, child) == []
    [found] = xray.batch_get_traces(TraceIds=[trace, trace_id()])["Traces"]
    assert found["Id"] == trace and {each["Id"] for each in found["Segments"]} == {root["id"], child["id"]}
    assert not found["LimitExceeded"]
    [summary] = summaries(xray, trace)
    assert summary["HasError"] and not summary["HasFault"]
    assert summary["Http"] == {"HttpURL": "http://example.com/a", "HttpMethod": "GET", "HttpStatus": 404}
    assert summary["Users"][0]["UserName"] == "ann"
    for expression in ('http.url BEGINSWITH "http://example" AND error', 'user = "ann"', "annotation.paid = true",
                       "NOT (fault OR ok)", "responsetime > 0.1", 'http.method != "POST"', "annotation.paid"):
        assert summaries(xray, trace, FilterExpression=expression), expression
    assert summaries(xray, trace, TimeRangeType="Event")
    assert not summaries(xray, trace, StartTime=time.time() - 600, EndTime=time.time() - 300)
    bad = [{"id": "x"}, segment("1-2-3"), segment(f"1-00000001-{24 * 'a'}"), {**root, "name": ""}]
    unprocessed = put(xray, *bad)
    assert len(unprocessed) == len(bad)
    assert all(each["ErrorCode"] and each["Message"] for each in unprocessed)
    for expression in ("http.status >", 'service("a"', "fault AND", '"x"'):
        with pytest.raises(xray.exceptions.InvalidRequestException):
            summaries(xray, FilterExpression=expression)
    with pytest.raises(ClientError, match="NotImplementedException"):
        summaries(xray, FilterExpression='edge("a", "b")')


def test_many_traces_are_paged(server):
    xray = server.client("xray", region_name="eu-west-1")
    traces = [trace_id() for _ in range(230)]
    for start in range(0, len(traces), 50):
        assert put(xray, *(segment(each) for each in traces[start:start + 50])) == []
    assert {each["Id"] for each in summaries(xray)} == set(traces)
    # Whole traces are not: https://github.com/boto/boto3/issues/3924
    assert [each["Id"] for each in xray.batch_get_traces(TraceIds=traces[:5])["Traces"]] == traces[:5]
    with pytest.raises(xray.exceptions.InvalidRequestException, match="Exceeding maximum query size: 5"):
        xray.batch_get_traces(TraceIds=traces[:6])
    with pytest.raises(xray.exceptions.InvalidRequestException, match="NextToken is currently not supported"):
        xray.batch_get_traces(TraceIds=traces[:1], NextToken="1")


def test_sampling_and_telemetry(xray):
    [record] = xray.get_sampling_rules()["SamplingRuleRecords"]
    rule = record["SamplingRule"]
    assert (rule["RuleName"], rule["Priority"], rule["FixedRate"], rule["ReservoirSize"]) == ("Default", 10000, 0.05, 1)
    document = {"ClientID": os.urandom(12).hex(), "Timestamp": time.time(), "RequestCount": 3, "SampledCount": 1}
    answer = xray.get_sampling_targets(
        SamplingStatisticsDocuments=[{**document, "RuleName": "Default"}, {**document, "RuleName": "mine"}])
    [target] = answer["SamplingTargetDocuments"]
    assert target["RuleName"] == "Default" and target["FixedRate"] == 0.05
    assert [each["RuleName"] for each in answer["UnprocessedStatistics"]] == ["mine"]
    [summary] = xray.get_sampling_statistic_summaries()["SamplingStatisticSummaries"]
    assert summary["RuleName"] == "Default" and summary["RequestCount"] >= 3
    xray.put_telemetry_records(TelemetryRecords=[{"Timestamp": time.time(), "SegmentsReceivedCount": 1}])
    with pytest.raises(ClientError, match="NotImplementedException"):
        xray.get_groups()


def test_traces_survive_the_server(own_server, name):
    server = own_server()
    trace = trace_id()
    assert put(server.client("xray"), segment(trace)) == []
    server.stop(9)
    server.start()
    assert summaries(server.client("xray"), trace)
