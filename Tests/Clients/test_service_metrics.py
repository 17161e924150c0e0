"""What services tell CloudWatch of themselves, read by boto3 as anybody would.

Names, dimensions, units and what counts are those of AWS's documentation: "Types of metrics for Lambda functions", "Available
CloudWatch metrics for Amazon SQS", "Monitoring Amazon SNS topics using CloudWatch".
"""

import datetime
import json

import pytest

from cloudwatch_api import cloudwatch  # noqa: F401 (fixture)
from conftest import wait_until

FAILING = "def handler(event, context):\n    return 1 / event['by']\n"


@pytest.fixture
def statistic(cloudwatch):  # noqa: F811
    """`statistic("AWS/Lambda", "Errors", "Sum", FunctionName="f")`: over the last minutes; None where there is nothing."""

    def get(namespace, name, stat, **dimensions):
        now = datetime.datetime.now(datetime.timezone.utc)
        points = cloudwatch.get_metric_statistics(
            Namespace=namespace, MetricName=name, StartTime=now - datetime.timedelta(minutes=20),
            EndTime=now + datetime.timedelta(minutes=1), Period=3600, Statistics=[stat],
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()])["Datapoints"]
        # An hour may begin in between.
        values = [point[stat] for point in points]
        if not values:
            return None
        return sum(values) if stat in ("Sum", "SampleCount") else {"Minimum": min, "Maximum": max}[stat](values)

    return get


@pytest.fixture
def becomes(statistic):
    """Waits for what is drained every few seconds: `becomes(2, "AWS/SQS", "NumberOfMessagesSent", "Sum", QueueName="q")`."""

    def wait(expected, *arguments, **dimensions):
        wait_until(lambda: statistic(*arguments, **dimensions) == expected, 150,
                   f"{arguments} = {expected}, which is {statistic(*arguments, **dimensions)},")

    return wait


def test_invocations(deploy, lambda_client, cloudwatch, statistic, becomes):  # noqa: F811
    function = deploy(python=FAILING)
    for by in (1, 2, 0):
        lambda_client.invoke(FunctionName=function, Payload=json.dumps({"by": by}))
    lambda_client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    with pytest.raises(lambda_client.exceptions.TooManyRequestsException):
        lambda_client.invoke(FunctionName=function)
    becomes(3, "AWS/Lambda", "Invocations", "Sum", FunctionName=function)
    becomes(1, "AWS/Lambda", "Throttles", "Sum", FunctionName=function)
    for dimensions in ({}, {"Resource": function}):
        def of(name, stat):
            return statistic("AWS/Lambda", name, stat, FunctionName=function, **dimensions)

        assert of("Errors", "Sum") == 1
        # So that the average is the rate.
        assert of("Errors", "SampleCount") == 3
        assert of("Duration", "SampleCount") == 3
        assert 0 < of("Duration", "Minimum") <= of("Duration", "Maximum") < 10_000
        assert of("ConcurrentExecutions", "Maximum") == 1
    assert statistic("AWS/Lambda", "Invocations", "Sum") >= 3
    metrics = cloudwatch.list_metrics(
        Namespace="AWS/Lambda", Dimensions=[{"Name": "FunctionName", "Value": function}])["Metrics"]
    assert {"Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"} == {m["MetricName"] for m in metrics}


def test_versions_behind_an_alias_are_told_apart(deploy, lambda_client, cloudwatch, becomes, statistic):  # noqa: F811
    function = deploy(python="def handler(event, context):\n    return 1\n")
    version = lambda_client.publish_version(FunctionName=function)["Version"]
    lambda_client.get_waiter("published_version_active").wait(FunctionName=function, Qualifier=version)
    lambda_client.create_alias(FunctionName=function, Name="live", FunctionVersion=version)
    for qualifier in ("live", "live", version):
        lambda_client.invoke(FunctionName=function, Qualifier=qualifier)
    lambda_client.invoke(FunctionName=function)
    becomes(4, "AWS/Lambda", "Invocations", "Sum", FunctionName=function)
    alias = f"{function}:live"
    becomes(2, "AWS/Lambda", "Invocations", "Sum", FunctionName=function, Resource=alias)
    becomes(2, "AWS/Lambda", "Invocations", "Sum", FunctionName=function, Resource=alias, ExecutedVersion=version)
    becomes(1, "AWS/Lambda", "Invocations", "Sum", FunctionName=function, Resource=f"{function}:{version}")
    becomes(1, "AWS/Lambda", "Invocations", "Sum", FunctionName=function, Resource=function)
    # By GetMetricData with a percentile, too.
    now = datetime.datetime.now(datetime.timezone.utc)
    result, = cloudwatch.get_metric_data(
        StartTime=now - datetime.timedelta(minutes=20), EndTime=now + datetime.timedelta(minutes=1),
        MetricDataQueries=[{"Id": "d", "MetricStat": {"Period": 60, "Stat": "p99", "Metric": {
            "Namespace": "AWS/Lambda", "MetricName": "Duration", "Dimensions": [
                {"Name": "FunctionName", "Value": function}]}}}])["MetricDataResults"]
    assert result["Values"] and max(result["Values"]) == statistic("AWS/Lambda", "Duration", "Maximum", FunctionName=function)


def test_asynchronous_invocations(server, deploy, lambda_client, becomes, statistic):
    function = deploy(python=FAILING)
    lambda_client.put_function_event_invoke_config(FunctionName=function, MaximumRetryAttempts=0)
    for by in (1, 0):
        lambda_client.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps({"by": by}))
    becomes(2, "AWS/Lambda", "AsyncEventsReceived", "Sum", FunctionName=function)
    becomes(1, "AWS/Lambda", "AsyncEventsDropped", "Sum", FunctionName=function)
    becomes(2, "AWS/Lambda", "Invocations", "Sum", FunctionName=function)
    assert statistic("AWS/Lambda", "Errors", "Sum", FunctionName=function) == 1
    assert statistic("AWS/Lambda", "AsyncEventAge", "SampleCount", FunctionName=function) == 2
    assert 0 <= statistic("AWS/Lambda", "AsyncEventAge", "Maximum", FunctionName=function) < 60_000


def test_dead_letters_that_do_not_arrive(server, deploy, lambda_client, sender, name, becomes, statistic):
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName=f"{name}-dead"[-80:])["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    function = deploy(python=FAILING)
    lambda_client.update_function_configuration(
        FunctionName=function, Role=sender("sqs:SendMessage"), DeadLetterConfig={"TargetArn": arn})
    lambda_client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 1})
    lambda_client.put_function_event_invoke_config(FunctionName=function, MaximumRetryAttempts=0)
    sqs.delete_queue(QueueUrl=url)
    lambda_client.invoke(FunctionName=function, InvocationType="Event", Payload='{"by": 0}')
    becomes(1, "AWS/Lambda", "DeadLetterErrors", "Sum", FunctionName=function)
    assert statistic("AWS/Lambda", "DestinationDeliveryFailures", "Sum", FunctionName=function) is None
    assert statistic("AWS/Lambda", "AsyncEventsDropped", "Sum", FunctionName=function) == 1


def test_queues(server, name, becomes, statistic):
    sqs = server.client("sqs")
    queue = name[-80:]
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="12345")
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "1"}, {"Id": "b", "MessageBody": "22"}])
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    for message in got[:2]:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=900)
    becomes(4, "AWS/SQS", "NumberOfMessagesSent", "Sum", QueueName=queue)
    becomes(len(got), "AWS/SQS", "NumberOfMessagesReceived", "Sum", QueueName=queue)
    becomes(2, "AWS/SQS", "NumberOfMessagesDeleted", "Sum", QueueName=queue)
    becomes(1, "AWS/SQS", "NumberOfEmptyReceives", "Sum", QueueName=queue)
    assert statistic("AWS/SQS", "SentMessageSize", "Maximum", QueueName=queue) == 5
    # What lies there, once a minute.
    becomes(1, "AWS/SQS", "ApproximateNumberOfMessagesDelayed", "Maximum", QueueName=queue)
    assert statistic("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", QueueName=queue) >= 0
    sqs.delete_queue(QueueUrl=url)


def test_topics(server, name, becomes, statistic):
    sns, sqs = server.client("sns"), server.client("sqs")
    name = name[-80:]
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}]})})
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={
        "FilterPolicy": json.dumps({"kind": ["wanted"]})})
    sns.publish(TopicArn=topic, Message="1234", MessageAttributes={"kind": {"DataType": "String", "StringValue": "wanted"}})
    sns.publish(TopicArn=topic, Message="1234")
    becomes(2, "AWS/SNS", "NumberOfMessagesPublished", "Sum", TopicName=name)
    becomes(1, "AWS/SNS", "NumberOfNotificationsDelivered", "Sum", TopicName=name)
    becomes(1, "AWS/SNS", "NumberOfNotificationsFilteredOut", "Sum", TopicName=name)
    assert statistic("AWS/SNS", "PublishSize", "Minimum", TopicName=name) == 4
    sns.delete_topic(TopicArn=topic)
    sqs.delete_queue(QueueUrl=url)


def letter_box(server, name):
    """A queue that lets EventBridge in."""
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}]})})
    return url, arn


def test_buses_and_rules(server, name, cloudwatch, becomes, statistic):  # noqa: F811
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html"""
    events, sqs, name = server.client("events"), server.client("sqs"), name[-60:]
    url, arn = letter_box(server, name)
    bus = {"EventBusName": name}
    rule = {**bus, "RuleName": name}
    events.create_event_bus(Name=name)
    events.put_rule(Name=name, EventBusName=name, EventPattern='{"source":["shop"]}')
    events.put_targets(Rule=name, EventBusName=name, Targets=[
        {"Id": "queue", "Arn": arn}, {"Id": "gone", "Arn": arn + "-gone", "DeadLetterConfig": {"Arn": arn}}])
    calls = statistic("AWS/Events", "PutEventsApproximateCallCount", "Sum") or 0
    entry = {"Source": "shop", "DetailType": "sold", "Detail": "{}", "EventBusName": name}
    events.put_events(Entries=[entry, {**entry, "Source": "other"}])
    becomes(1, "AWS/Events", "InvocationsSentToDlq", "Sum", **rule)
    becomes(1, "AWS/Events", "SuccessfulInvocationAttempts", "Sum", **rule)
    becomes(2, "AWS/Events", "Invocations", "Sum", **rule)
    assert statistic("AWS/Events", "FailedInvocations", "Sum", **rule) == 1
    assert statistic("AWS/Events", "RetryInvocationAttempts", "Sum", **rule) is None
    for dimensions in (rule, bus):
        assert statistic("AWS/Events", "MatchedEvents", "Sum", **dimensions) == 1
        assert statistic("AWS/Events", "TriggeredRules", "Sum", **dimensions) == 1
        assert statistic("AWS/Events", "InvocationAttempts", "Sum", **dimensions) == 2
        assert statistic("AWS/Events", "IngestionToInvocationStartLatency", "SampleCount", **dimensions) == 2
    assert statistic("AWS/Events", "PutEventsApproximateCallCount", "Sum") > calls
    assert statistic("AWS/Events", "PutEventsEntriesCount", "Maximum") >= 2
    assert statistic("AWS/Events", "InvocationsCreated", "Sum") >= 2
    listed = cloudwatch.list_metrics(Namespace="AWS/Events", Dimensions=[{"Name": "RuleName", "Value": name}])["Metrics"]
    assert {metric["MetricName"] for metric in listed} == {
        "Invocations", "FailedInvocations", "MatchedEvents", "TriggeredRules", "InvocationAttempts",
        "SuccessfulInvocationAttempts", "InvocationsSentToDlq", "IngestionToInvocationStartLatency",
        "IngestionToInvocationCompleteLatency", "IngestionToInvocationSuccessLatency"}
    sqs.delete_queue(QueueUrl=url)


def test_schedules(server, name, becomes, statistic):
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html"""
    scheduler, sqs, name = server.client("scheduler"), server.client("sqs"), name[-60:]
    url, arn = letter_box(server, name)
    iam = server.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "scheduler.amazonaws.com"}}]}))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}]}))
    group = {"ScheduleGroup": name}
    scheduler.create_schedule_group(Name=name)
    for suffix in ("", "-gone"):
        scheduler.create_schedule(
            Name=f"s{suffix}", GroupName=name, ScheduleExpression="rate(1 day)", FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": arn + suffix, "RoleArn": role, "DeadLetterConfig": {"Arn": arn}})
    becomes(2, "AWS/Scheduler", "InvocationAttemptCount", "Sum", **group)
    becomes(1, "AWS/Scheduler", "InvocationsSentToDeadLetterCount", "Sum", **group)
    assert statistic("AWS/Scheduler", "TargetErrorCount", "Sum", **group) == 1
    assert statistic("AWS/Scheduler", "InvocationDroppedCount", "Sum", **group) == 1
    assert statistic("AWS/Scheduler", "TargetErrorThrottledCount", "Sum", **group) is None
    assert statistic("AWS/Scheduler", "InvocationAttemptCount", "Sum") >= 2
    scheduler.delete_schedule_group(Name=name)
    sqs.delete_queue(QueueUrl=url)


def test_log_groups(server, name, becomes):
    logs = server.client("logs")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    now = int(datetime.datetime.now(datetime.timezone.utc).timestamp() * 1000)
    logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=[
        {"timestamp": now, "message": "12345"}, {"timestamp": now, "message": "123"}])
    becomes(2, "AWS/Logs", "IncomingLogEvents", "Sum", LogGroupName=name)
    becomes(8, "AWS/Logs", "IncomingBytes", "Sum", LogGroupName=name)
    logs.delete_log_group(logGroupName=name)


def test_what_was_counted_is_there_after_a_restart(own_server):
    server = own_server()
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    # Ended before the next drain: what was counted is written at the end.
    server.stop()
    server.start()
    now = datetime.datetime.now(datetime.timezone.utc)
    points = server.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SQS", MetricName="NumberOfMessagesSent", StartTime=now - datetime.timedelta(minutes=20),
        EndTime=now + datetime.timedelta(minutes=1), Period=3600, Statistics=["Sum"],
        Dimensions=[{"Name": "QueueName", "Value": "q"}])["Datapoints"]
    assert sum(point["Sum"] for point in points) == 1
