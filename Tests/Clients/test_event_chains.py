"""Events that pass through several services.

Expectations: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html.
"""

import json

import pytest

from conftest import wait_until

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


def test_a_chain_through_a_topic(server, deploy, lambda_client, sender, queue):
    """A function's failure is told to a topic, whose subscriber is a queue."""
    url, arn = queue
    sns, sqs = server.client("sns"), server.client("sqs")
    topic = sns.create_topic(Name=arn.rsplit(":", 1)[1])["TopicArn"]
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    function = deploy(python=FAIL)
    lambda_client.update_function_configuration(FunctionName=function, Role=sender("sns:Publish"))
    lambda_client.get_waiter("function_updated_v2").wait(
        FunctionName=function, WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})
    lambda_client.put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": topic}})
    lambda_client.invoke(FunctionName=function, InvocationType="Event", Payload=b'"x"')
    [message] = messages(server, url)
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted" and record["requestPayload"] == "x"
    sns.delete_topic(TopicArn=topic)
