"""Events that pass through several services: outcomes to queues and topics, topics to queues and functions.

Expectations: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html,
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-dlq.html
"""

import json

import pytest

from conftest import let_role_send, wait_until

FAIL = "def handler(event, context): raise ValueError('no')\n"


@pytest.fixture
def queue(server, name):
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    yield url, arn
    sqs.delete_queue(QueueUrl=url)


def messages(server, url, count=1):
    sqs, got = server.client("sqs"), []

    def receive():
        got.extend(sqs.receive_message(
            QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages", []))
        return len(got) >= count and got

    return wait_until(receive, 60, f"{count} messages")


def test_outcomes_go_to_queues(server, deploy, lambda_client, queue):
    url, arn = queue
    let_role_send(server)
    function = deploy(python="def handler(event, context): return event\n")
    lambda_client.put_function_event_invoke_config(
        FunctionName=function, DestinationConfig={"OnSuccess": {"Destination": arn}})
    lambda_client.invoke(FunctionName=function, InvocationType="Event", Payload=b'{"a": 1}')
    [message] = messages(server, url)
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "Success" and record["responsePayload"] == {"a": 1}


def test_dead_letters_have_their_attributes(server, deploy, lambda_client, queue):
    url, arn = queue
    let_role_send(server)
    function = deploy(python=FAIL)
    lambda_client.update_function_configuration(FunctionName=function, DeadLetterConfig={"TargetArn": arn})
    lambda_client.get_waiter("function_updated").wait(FunctionName=function)
    lambda_client.put_function_event_invoke_config(FunctionName=function, MaximumRetryAttempts=0)
    request = lambda_client.invoke(
        FunctionName=function, InvocationType="Event", Payload=b'{"a": 1}')["ResponseMetadata"]["RequestId"]
    [message] = messages(server, url)
    assert json.loads(message["Body"]) == {"a": 1}
    attributes = {key: (value["DataType"], value["StringValue"]) for key, value in message["MessageAttributes"].items()}
    assert attributes["RequestID"] == ("String", request)
    assert attributes["ErrorCode"] == ("Number", "200")
    assert attributes["ErrorMessage"] == ("String", "no")


def test_a_chain_through_a_topic(server, deploy, lambda_client, queue):
    """A function's failure is told to a topic, whose subscriber is a queue."""
    url, arn = queue
    let_role_send(server)
    sns, sqs = server.client("sns"), server.client("sqs")
    topic = sns.create_topic(Name=arn.rsplit(":", 1)[1])["TopicArn"]
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    function = deploy(python=FAIL)
    lambda_client.put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": topic}})
    lambda_client.invoke(FunctionName=function, InvocationType="Event", Payload=b'"x"')
    [message] = messages(server, url)
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted" and record["requestPayload"] == "x"
    sns.delete_topic(TopicArn=topic)
