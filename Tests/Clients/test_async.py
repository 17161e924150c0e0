"""Asynchronous invocation: accepted at once, run later, and told of.

Expectations: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html, and LocalStack's recorded
test_invocation_type_event and test_lambda_destinations.
"""

import json
import re
import uuid

import boto3
import pytest
from botocore.exceptions import ClientError

from conftest import ROLE, refused_with, wait_until, zip_of

ECHO = "import json\ndef handler(event, context):\n    print('GOT', context.aws_request_id, json.dumps(event))\n    return event\n"
FAIL = ECHO.replace("return event", "raise ValueError('no')")


def got(server, function):
    """What a function has printed: (request id, event), in the order of the log."""
    try:
        pages = server.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function}")
        lines = [event["message"] for page in pages for event in page["events"]]
    except ClientError:
        return []
    found = [re.match(r"(?s)GOT (\S+) (.*)", line) for line in lines]
    return [(match[1], json.loads(match[2])) for match in found if match]


def received(server, function, count=1, seconds=60):
    return wait_until(lambda: len(got(server, function)) >= count and got(server, function), seconds, f"{count} events")


def event(client, function, payload, **options):
    answer = client.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(payload), **options)
    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""
    assert "FunctionError" not in answer and "ExecutedVersion" not in answer and "LogResult" not in answer
    return answer["ResponseMetadata"]["RequestId"]


def test_events_are_accepted_and_run(server, deploy, lambda_client):
    function = deploy(python=ECHO)
    requests = [event(lambda_client, function, {"number": number}, LogType="Tail") for number in range(5)]
    found = received(server, function, 5)
    assert sorted(found) == sorted(zip(requests, ({"number": number} for number in range(5))))


def test_the_older_operation_does_the_same(server, deploy, lambda_client):
    function = deploy(python=ECHO)
    answer = lambda_client.invoke_async(FunctionName=function, InvokeArgs=b'{"old": true}')
    assert answer["Status"] == 202
    assert [found for _, found in received(server, function)] == [{"old": True}]


def test_what_is_wrong_is_said_at_once(deploy, lambda_client):
    function = deploy(python=ECHO)

    def attempt(**arguments):
        return lambda_client.invoke(**{"FunctionName": function, "InvocationType": "Event", **arguments})

    refused_with("InvalidRequestContentException", 400, attempt, Payload=b"{")
    refused_with("ResourceNotFoundException", 404, attempt, FunctionName="nobody")
    refused_with("ResourceNotFoundException", 404, attempt, Qualifier="12")
    # github.com/ASFHyP3/hyp3/issues/2241, with today's limit.
    message = refused_with("RequestEntityTooLargeException", 413, attempt, Payload=b'"' + b"x" * 1048575 + b'"')
    assert message == "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)"
    assert attempt(Payload=b'"' + b"x" * 1048574 + b'"')["StatusCode"] == 202


def test_outcomes_go_to_functions(server, deploy, lambda_client):
    witness = deploy(python=ECHO, suffix="-witness")
    arn = lambda_client.get_function_configuration(FunctionName=witness)["FunctionArn"]
    function = deploy(python="def handler(e, c):\n    if e == 'fail': raise ValueError('no')\n    return {'was': e}\n")
    lambda_client.put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=0,
        DestinationConfig={"OnSuccess": {"Destination": arn}, "OnFailure": {"Destination": arn}})
    request = event(lambda_client, function, {"a": 1})
    [(own, record)] = received(server, witness)
    assert own != request and uuid.UUID(own)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.pop("timestamp"))
    assert list(record) == ["version", "requestContext", "requestPayload", "responseContext", "responsePayload"]
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": request, "functionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{function}:$LATEST",
            "condition": "Success", "approximateInvokeCount": 1},
        "requestPayload": {"a": 1}, "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"was": {"a": 1}}}
    request = event(lambda_client, function, "fail")
    record = received(server, witness, 2)[-1][1]
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["requestId"] == request
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert record["responsePayload"]["errorMessage"] == "no"


def test_the_settings_are_those_of_the_qualifier(server, deploy, lambda_client):
    witness = deploy(python=ECHO, suffix="-witness")
    arn = lambda_client.get_function_configuration(FunctionName=witness)["FunctionArn"]
    function = deploy(python=ECHO)
    lambda_client.publish_version(FunctionName=function)
    lambda_client.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    lambda_client.put_function_event_invoke_config(
        FunctionName=function, Qualifier="live", DestinationConfig={"OnSuccess": {"Destination": arn}})
    event(lambda_client, function, "of the function")
    event(lambda_client, function, "of the version", Qualifier="1")
    event(lambda_client, function, "of the alias", Qualifier="live")
    received(server, function, 3)
    [(_, record)] = received(server, witness)
    assert record["requestPayload"] == "of the alias"
    assert record["requestContext"]["functionArn"].endswith(f":function:{function}:live")
    assert record["responseContext"]["executedVersion"] == "1"


def test_nothing_reserved_is_told_at_once(server, deploy, lambda_client):
    witness = deploy(python=ECHO, suffix="-witness")
    arn = lambda_client.get_function_configuration(FunctionName=witness)["FunctionArn"]
    function = deploy(python=ECHO)
    lambda_client.put_function_event_invoke_config(
        FunctionName=function, DestinationConfig={"OnFailure": {"Destination": arn}})
    lambda_client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    event(lambda_client, function, 1)
    [(_, record)] = received(server, witness)
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert "responseContext" not in record and "responsePayload" not in record
    assert got(server, function) == []


def test_reserved_concurrency_throttles_without_losing_anything(server, deploy, lambda_client):
    function = deploy(python="import time\n" + ECHO.replace("    return", "    time.sleep(0.1)\n    return"))
    lambda_client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=1)
    for number in range(20):
        event(lambda_client, function, number)
    found = received(server, function, 20)
    # One at a time, they come in their order.
    assert [number for _, number in found] == list(range(20))


def test_a_loop_of_destinations_is_stopped(server, deploy, lambda_client):
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html: about 16 times."""
    witness = deploy(python=ECHO, suffix="-witness")
    ping, pong = (deploy(python="def handler(e, c):\n    print('GOT', 1, 1)\n", suffix=end) for end in ("-ping", "-pong"))
    arns = [lambda_client.get_function_configuration(FunctionName=each)["FunctionArn"] for each in (ping, pong, witness)]
    for function, success in ((ping, arns[1]), (pong, arns[0])):
        lambda_client.put_function_event_invoke_config(
            FunctionName=function,
            DestinationConfig={"OnSuccess": {"Destination": success}, "OnFailure": {"Destination": arns[2]}})
    event(lambda_client, ping, {})
    [(_, record)] = received(server, witness)
    assert record["requestContext"]["functionArn"] == arns[0] + ":$LATEST"
    assert "responsePayload" not in record
    assert (len(got(server, ping)), len(got(server, pong))) == (16, 16)


def test_a_function_that_invokes_itself_is_stopped(server, deploy, lambda_client):
    """The SDK sends the trace on, and with it how often the function has run."""
    pytest.importorskip("boto3")
    function = deploy(python="""
import boto3, os
client = boto3.client("lambda", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
def handler(event, context):
    print("GOT", context.aws_request_id, os.environ["_X_AMZN_TRACE_ID"].count("Lineage"))
    client.invoke(FunctionName=context.function_name, InvocationType="Event", Payload=b"1")
""", Timeout=60)
    event(lambda_client, function, 1)
    received(server, function, 16, 120)
    log = (server.home / "server.log").read_text
    wait_until(lambda: any("RecursiveInvocation" in line and function in line for line in log().splitlines()), 60, "the end")
    assert len(got(server, function)) == 16


@pytest.fixture
def queue(server, name):
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName=name[-70:])["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def receive():
        def some():
            names = {"AttributeNames": ["SenderId"], "MessageAttributeNames": ["All"]}
            return sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2, **names).get("Messages")

        [message] = wait_until(some, 60, "a message")
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return message

    receive.arn = arn
    yield receive
    sqs.delete_queue(QueueUrl=url)


def test_dead_letters_have_the_event_and_what_went_wrong(deploy, lambda_client, sender, queue):
    """As recorded in test_dead_letter_queue."""
    function = deploy(python=FAIL)
    lambda_client.update_function_configuration(
        FunctionName=function, Role=sender("sqs:SendMessage"), DeadLetterConfig={"TargetArn": queue.arn})
    lambda_client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    lambda_client.put_function_event_invoke_config(FunctionName=function, MaximumRetryAttempts=0)
    request = event(lambda_client, function, {"raise_error": 1})
    message = queue()
    assert json.loads(message["Body"]) == {"raise_error": 1}
    assert message["MessageAttributes"] == {
        "RequestID": {"StringValue": request, "DataType": "String"},
        "ErrorCode": {"StringValue": "200", "DataType": "Number"},
        "ErrorMessage": {"StringValue": "no", "DataType": "String"}}


def test_outcomes_go_to_queues(deploy, lambda_client, sender, queue):
    """As recorded in test_assess_lambda_destination_invocation."""
    function = deploy(python=ECHO)
    lambda_client.update_function_configuration(FunctionName=function, Role=sender("sqs:SendMessage"))
    lambda_client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    lambda_client.put_function_event_invoke_config(
        FunctionName=function, DestinationConfig={"OnSuccess": {"Destination": queue.arn}})
    request = event(lambda_client, function, {"a": 1})
    message = queue()
    record = json.loads(message["Body"])
    assert record["requestContext"]["requestId"] == request
    assert record["responsePayload"] == {"a": 1}
    assert "MessageAttributes" not in message
    # The role's session, which is named after the function.
    assert re.fullmatch(rf"AROA\w+:{function}", message["Attributes"]["SenderId"])


def test_a_role_that_may_not_send_tells_nobody(server, deploy, lambda_client, queue):
    function = deploy(python=ECHO)
    lambda_client.put_function_event_invoke_config(
        FunctionName=function, DestinationConfig={"OnSuccess": {"Destination": queue.arn}})
    event(lambda_client, function, 1)
    log = (server.home / "server.log").read_text
    wait_until(lambda: any("given up" in line and queue.arn in line and "AccessDenied" in line for line in log().splitlines()), 60, "the end")


def test_dead_letters_need_a_role_that_may_send_them(deploy, lambda_client, sender, queue):
    function = deploy(python=ECHO)
    topic = "arn:aws:sns:us-east-1:000000000000:t"

    def update(target, **settings):
        return lambda_client.update_function_configuration(
            FunctionName=function, DeadLetterConfig={"TargetArn": target}, **settings)

    # github.com/elastic/beats/issues/13963.
    message = refused_with("InvalidParameterValueException", 400, update, target=queue.arn)
    assert message == "The provided execution role does not have permissions to call SendMessage on SQS"
    message = refused_with("InvalidParameterValueException", 400, update, target=topic)
    assert message == "The provided execution role does not have permissions to call Publish on SNS"
    role = sender("sqs:SendMessage")
    assert update(queue.arn, Role=role)["DeadLetterConfig"] == {"TargetArn": queue.arn}


def test_a_deleted_function_takes_its_events_along(own_server):
    server = own_server()
    client = server.client()

    def create(code):
        client.create_function(
            FunctionName="f", Runtime="python3.11", Handler="app.handler", Role=ROLE, Code={"ZipFile": zip_of({"app.py": code})})
        client.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})

    create(ECHO)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    for _ in range(5):
        event(client, "f", "first")
    client.delete_function(FunctionName="f")
    create(ECHO)
    before = len([each for _, each in got(server, "f") if each == "first"])
    request = event(client, "f", "second")
    wait_until(lambda: request in [each for each, _ in got(server, "f")], 60, "the second")
    assert len([each for _, each in got(server, "f") if each == "first"]) <= max(before, 1)


def test_reset_empties_the_queue(own_server):
    server = own_server("--auth", "off")
    client = server.client()
    client.create_function(
        FunctionName="f", Runtime="python3.11", Handler="app.handler", Role=ROLE, Code={"ZipFile": zip_of({"app.py": FAIL})})
    client.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    event(client, "f", 1)
    received(server, "f")
    import urllib.request
    urllib.request.urlopen(urllib.request.Request(server.endpoint + "/_apus/reset", method="POST")).read()
    import sqlite3
    with sqlite3.connect(f"file:{server.data}/events.db?mode=ro", uri=True) as database:
        assert database.execute("SELECT COUNT(*) FROM lambda_events").fetchall() == [(0,)]
