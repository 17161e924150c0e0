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
        FunctionName=function, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
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
        FunctionName=function, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})


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


@pytest.fixture
def bus_rule(server, name):
    """Makes a rule of the default bus with one target."""
    events = server.client("events")

    def make(pattern, target):
        events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        assert events.put_targets(Rule=name, Targets=[{"Id": "t", "Arn": target}])["FailedEntryCount"] == 0

    yield make
    events.remove_targets(Rule=name, Ids=["t"])
    events.delete_rule(Name=name)


def test_alarms_are_on_the_bus(server, queue, bus_rule, name):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html"""
    url, arn = queue
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": arn}]}
    server.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    cloudwatch = server.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name, AlarmDescription="too much", Namespace=name, MetricName="m", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=5, ComparisonOperator="GreaterThanThreshold", ActionsEnabled=False)
    alarm = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmArn"]
    bus_rule({"source": ["aws.cloudwatch"], "resources": [alarm], "detail-type": ["CloudWatch Alarm State Change"],
              "detail": {"state": {"value": ["ALARM"]}}}, arn)
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")
    event = json.loads(messages(server, url)[0]["Body"])
    cloudwatch.delete_alarms(AlarmNames=[name])
    assert (event["detail-type"], event["account"]) == ("CloudWatch Alarm State Change", "000000000000")
    detail = event["detail"]
    assert (detail["alarmName"], detail["state"]["reason"]) == (name, "by hand")
    assert detail["previousState"]["value"] == "INSUFFICIENT_DATA"
    [metric] = detail["configuration"]["metrics"]
    assert metric["metricStat"] == {
        "metric": {"namespace": name, "name": "m", "dimensions": {}}, "period": 60, "stat": "Sum"}


def test_configurations_of_alarms_are_on_the_bus(server, queue, bus_rule, name):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html"""
    url, arn = queue
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": arn}]}
    server.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    bus_rule({"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm Configuration Change"],
              "detail": {"alarmName": [name]}}, arn)
    cloudwatch = server.client("cloudwatch")
    alarm = {"AlarmName": name, "AlarmDescription": "too much", "Namespace": name, "MetricName": "m", "Statistic": "Sum",
             "Period": 60, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"}
    cloudwatch.put_metric_alarm(**alarm, Threshold=70)
    cloudwatch.put_metric_alarm(**alarm, Threshold=80)
    cloudwatch.disable_alarm_actions(AlarmNames=[name])
    cloudwatch.delete_alarms(AlarmNames=[name])
    details = [json.loads(message["Body"])["detail"] for message in messages(server, url, 4)]
    # Whatever millisecond each is of.
    details.sort(key=lambda detail: (
        detail["operation"] == "delete", detail["configuration"]["threshold"],
        not detail["configuration"]["actionsEnabled"]))
    assert [detail["operation"] for detail in details] == ["create", "update", "update", "delete"]
    assert [detail["configuration"]["threshold"] for detail in details] == [70, 80, 80, 80]
    assert [detail["configuration"]["actionsEnabled"] for detail in details] == [True, True, False, False]
    assert details[1]["previousConfiguration"]["threshold"] == 70
    assert "previousConfiguration" not in details[0] and "previousConfiguration" not in details[3]


def test_events_of_a_bus_are_logged(server, bus_rule, name):
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-delivery-cloudwatch-logs.html"""
    logs, group = server.client("logs"), f"/aws/events/{name}"
    logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": f"{arn}:*"}]}
    logs.put_resource_policy(policyName=name, policyDocument=json.dumps(policy))
    bus_rule({"source": [name]}, arn)
    server.client("events").put_events(
        Entries=[{"Source": name, "DetailType": "sold", "Detail": '{"n":7}'}])
    [logged] = wait_until(lambda: logs.filter_log_events(logGroupName=group)["events"], 90, "the event")
    logs.delete_resource_policy(policyName=name)
    logs.delete_log_group(logGroupName=group)
    event = json.loads(logged["message"])
    assert (event["source"], event["detail"]) == (name, {"n": 7})
