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
        found = sqs.receive_message(
            QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages", [])
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        got.extend(found)
        return len(got) >= count and got

    return wait_until(receive, 120, f"{count} messages")


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


def log_of(server, function):
    pages = server.client("logs").get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/{function}", filterPattern="RAN")
    return [event["message"] for page in pages for event in page["events"]]


def subscribed(server, topic, function):
    """Has a topic invoke a function."""
    arn = server.client().get_function_configuration(FunctionName=function)["FunctionArn"]
    server.client().add_permission(
        FunctionName=function, StatementId="topic", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com",
        SourceArn=topic)
    server.client("sns").subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    return arn


def configured(client, function, **settings):
    client.update_function_configuration(FunctionName=function, **settings)
    client.get_waiter("function_updated_v2").wait(
        FunctionName=function, WaiterConfig={"Delay": 0.05, "MaxAttempts": 400})


PUBLISH = """
import boto3, json, os
client = boto3.client("sns", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
def handler(event, context):
    print("RAN", json.dumps(event))
    client.publish(TopicArn=os.environ["TOPIC"], Message="again")
"""
STOPPED = "Lambda has detected your function being invoked in a recursive loop with other AWS resources"


def test_a_loop_through_a_topic_is_stopped_and_told(server, deploy, lambda_client, sender, queue, name):
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html: a function that publishes to the topic that
    invokes it runs about 16 times; then the event goes to the dead-letter queue and to the destination for failures."""
    pytest.importorskip("boto3")
    url, arn = queue
    topic = server.client("sns").create_topic(Name=name)["TopicArn"]
    function = deploy(python=PUBLISH, Timeout=60)
    configured(
        lambda_client, function, Role=sender("sns:Publish", "sqs:SendMessage"), DeadLetterConfig={"TargetArn": arn},
        Environment={"Variables": {"TOPIC": topic}})
    lambda_client.put_function_event_invoke_config(
        FunctionName=function, DestinationConfig={"OnFailure": {"Destination": arn}})
    subscribed(server, topic, function)
    server.client("sns").publish(TopicArn=topic, Message="first")
    told = [(json.loads(each["Body"]), each.get("MessageAttributes")) for each in messages(server, url, 2)]
    [letter] = [each for each in told if each[1]]
    [(record, _)] = [each for each in told if not each[1]]
    assert letter[0]["Records"][0]["Sns"]["Message"] == "again"
    assert letter[1]["ErrorMessage"]["StringValue"].startswith(STOPPED)
    assert record["requestContext"]["condition"] == "RecursiveInvocation"
    assert record["requestPayload"] == letter[0] and "responsePayload" not in record
    assert len(log_of(server, function)) == 16
    server.client("sns").delete_topic(TopicArn=topic)


def test_the_end_of_a_loop_is_told_once(server, deploy, lambda_client, sender, queue, name):
    """That a loop was stopped is told to a topic that is part of it: the function that gets this is stopped, too, and
    nobody is told, or it would go on for ever."""
    pytest.importorskip("boto3")
    url, arn = queue
    sns, sqs = server.client("sns"), server.client("sqs")
    topic = sns.create_topic(Name=name)["TopicArn"]
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    function = deploy(python=PUBLISH, Timeout=60)
    configured(lambda_client, function, Role=sender("sns:Publish"), Environment={"Variables": {"TOPIC": topic}})
    lambda_client.put_function_event_invoke_config(
        FunctionName=function, DestinationConfig={"OnFailure": {"Destination": topic}})
    subscribed(server, topic, function)
    sns.publish(TopicArn=topic, Message="first")
    told = [each["Body"] for each in messages(server, url, 18)]
    assert sorted(told)[:17] == ["again"] * 16 + ["first"]
    [record] = [json.loads(each) for each in told if each not in ("first", "again")]
    assert record["requestContext"]["condition"] == "RecursiveInvocation"

    def is_over():
        log = (server.home / "server.log").read_text().splitlines()
        return sum("RecursiveInvocation" in line and f":{function} " in line for line in log) == 2

    # The one that nobody is told of.
    wait_until(is_over, 60, "the end of the loop")
    assert not sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages")
    assert len(log_of(server, function)) == 16
    sns.delete_topic(TopicArn=topic)
