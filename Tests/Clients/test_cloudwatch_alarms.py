"""Amazon CloudWatch's alarms by boto3: what they are, when they change, whom they tell.

Expectations are what AWS answered to LocalStack's tests/aws/services/cloudwatch/test_cloudwatch.py, whose tests are named
here.
"""

import datetime
import json
import re
import uuid

import pytest

from cloudwatch_api import cloudwatch, minute, namespace  # noqa: F401 (fixtures)
from conftest import refused, wait_until, zip_of

ACCOUNT = "000000000000"


@pytest.fixture
def name():
    return f"alarm-{uuid.uuid4().hex[:8]}"


def arn(name):
    return f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:{name}"


def put(cloudwatch, name, namespace, **more):
    cloudwatch.put_metric_alarm(**{
        "AlarmName": name, "MetricName": "m", "Namespace": namespace, "Period": 10, "EvaluationPeriods": 1,
        "Threshold": 30, "ComparisonOperator": "GreaterThanThreshold", "Statistic": "Sum", **more})


def described(cloudwatch, name, composite=False):
    answer = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    alarm, = answer["CompositeAlarms" if composite else "MetricAlarms"]
    return alarm


@pytest.fixture
def told(server, cloudwatch):
    """A topic, and what is in a queue that subscribes to it."""
    sns, sqs = server.client("sns"), server.client("sqs")
    tag = uuid.uuid4().hex[:8]
    topic = sns.create_topic(Name=f"alarms-{tag}")["TopicArn"]
    url = sqs.create_queue(QueueName=f"alarms-{tag}")["QueueUrl"]
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:alarms-{tag}"
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
         "Resource": queue}]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)

    def receive():
        found = []

        def some():
            for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                notice = json.loads(message["Body"])
                told = json.loads(notice["Message"])
                subject = f'{told["NewStateValue"]}: "{told["AlarmName"]}" in {told["Region"]}'
                assert notice["Subject"] == subject[:100]
                found.append(told)
            return found

        wait_until(some, 60, "a message")
        return found

    return topic, receive


def test_an_alarm_as_it_is_made(cloudwatch, namespace, name):
    # test_describe_minimal_metric_alarm
    put(cloudwatch, name, namespace, Period=60)
    alarm = described(cloudwatch, name)
    for stamp in ("AlarmConfigurationUpdatedTimestamp", "StateUpdatedTimestamp", "StateTransitionedTimestamp"):
        assert abs((alarm.pop(stamp) - datetime.datetime.now(datetime.timezone.utc)).total_seconds()) < 120
    assert alarm == {
        "ActionsEnabled": True, "AlarmActions": [], "AlarmArn": arn(name), "AlarmName": name,
        "ComparisonOperator": "GreaterThanThreshold", "Dimensions": [], "EvaluationPeriods": 1,
        "InsufficientDataActions": [], "MetricName": "m", "Namespace": namespace, "OKActions": [], "Period": 60,
        "StateReason": "Unchecked: Initial alarm creation", "StateValue": "INSUFFICIENT_DATA", "Statistic": "Sum",
        "Threshold": 30}
    found = cloudwatch.describe_alarms_for_metric(MetricName="m", Namespace=namespace)["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in found] == [name]
    assert cloudwatch.describe_alarms_for_metric(
        MetricName="m", Namespace=namespace, Dimensions=[{"Name": "a", "Value": "b"}])["MetricAlarms"] == []
    # test_delete_alarm
    cloudwatch.delete_alarms(AlarmNames=[name, "there-is-none"])
    answer = cloudwatch.describe_alarms(AlarmNames=[name])
    assert (answer["MetricAlarms"], answer["CompositeAlarms"]) == ([], [])
    items = cloudwatch.describe_alarm_history(AlarmName=name)["AlarmHistoryItems"]
    assert [(item["HistoryItemType"], item["HistorySummary"]) for item in items] == [
        ("ConfigurationUpdate", f'Alarm "{name}" deleted'), ("ConfigurationUpdate", f'Alarm "{name}" created')]


def test_alarms_are_found(cloudwatch, namespace, name):
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:nobody"
    for number in range(5):
        put(cloudwatch, f"{name}-{number}", namespace, Period=3600, AlarmActions=[topic] if number % 2 else [])
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=name, PaginationConfig={"PageSize": 2})
    assert [[alarm["AlarmName"][-1] for alarm in page["MetricAlarms"]] for page in pages] == [
        ["0", "1"], ["2", "3"], ["4"]]
    found = cloudwatch.describe_alarms(AlarmNamePrefix=name, ActionPrefix=topic)["MetricAlarms"]
    assert [alarm["AlarmName"][-1] for alarm in found] == ["1", "3"]
    cloudwatch.set_alarm_state(AlarmName=f"{name}-2", StateValue="ALARM", StateReason="x")
    found = cloudwatch.describe_alarms(AlarmNamePrefix=name, StateValue="ALARM")["MetricAlarms"]
    assert [alarm["AlarmName"][-1] for alarm in found] == ["2"]


def test_a_state_that_is_set(cloudwatch, namespace, name, told):
    # test_set_alarm, test_enable_disable_alarm_actions
    topic, receive = told
    put(cloudwatch, name, namespace, Period=300, EvaluationPeriods=2, Threshold=2, Statistic="Average", Unit="Seconds",
        AlarmDescription="testing cloudwatch alarms", Dimensions=[{"Name": "InstanceId", "Value": "abc"}],
        OKActions=[topic], AlarmActions=[topic], TreatMissingData="ignore")
    cloudwatch.set_alarm_state(AlarmName=name, StateReason="testing alarm", StateValue="ALARM")
    message, = receive()
    for member in ("StateChangeTime", "AlarmConfigurationUpdatedTimestamp"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", message.pop(member))
    assert message == {
        "AWSAccountId": ACCOUNT, "ActionExecutedAfterMuteWindow": False, "AlarmActions": [topic],
        "AlarmArn": arn(name), "AlarmDescription": "testing cloudwatch alarms", "AlarmName": name,
        "InsufficientDataActions": [], "NewStateReason": "testing alarm", "NewStateValue": "ALARM", "OKActions": [topic],
        "OldStateValue": "INSUFFICIENT_DATA", "Region": "US East (N. Virginia)", "Trigger": {
            "ComparisonOperator": "GreaterThanThreshold", "Dimensions": [{"name": "InstanceId", "value": "abc"}],
            "EvaluateLowSampleCountPercentile": "", "EvaluationPeriods": 2, "MetricName": "m", "Namespace": namespace,
            "Period": 300, "Statistic": "AVERAGE", "StatisticType": "Statistic", "Threshold": 2.0,
            "TreatMissingData": "ignore", "Unit": "Seconds"}}
    alarm = described(cloudwatch, name)
    assert (alarm["StateValue"], alarm["StateReason"]) == ("ALARM", "testing alarm")
    cloudwatch.disable_alarm_actions(AlarmNames=[name])
    assert described(cloudwatch, name)["ActionsEnabled"] is False
    cloudwatch.set_alarm_state(AlarmName=name, StateReason="nobody hears", StateValue="OK")
    cloudwatch.enable_alarm_actions(AlarmNames=[name])
    cloudwatch.set_alarm_state(AlarmName=name, StateReason="again", StateValue="ALARM", StateReasonData='{"a":1}')
    message, = receive()
    assert (message["NewStateReason"], message["OldStateValue"]) == ("again", "OK")
    done = wait_until(lambda: len(found := cloudwatch.describe_alarm_history(
        AlarmName=name, HistoryItemType="Action")["AlarmHistoryItems"]) == 2 and found)
    assert {item["HistorySummary"] for item in done} == {f"Successfully executed action {topic}"}
    states = cloudwatch.describe_alarm_history(
        AlarmName=name, HistoryItemType="StateUpdate", ScanBy="TimestampAscending")["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in states] == [
        "Alarm updated from INSUFFICIENT_DATA to ALARM", "Alarm updated from ALARM to OK", "Alarm updated from OK to ALARM"]
    assert json.loads(states[-1]["HistoryData"])["newState"] == {
        "stateValue": "ALARM", "stateReason": "again", "stateReasonData": {"a": 1}}
    # test_set_alarm_invalid_input
    assert refused(cloudwatch.set_alarm_state, AlarmName=name + "-none", StateValue="OK", StateReason="test") == (
        "ResourceNotFound", "", 404)
    assert refused(
        cloudwatch.set_alarm_state, AlarmName=name, StateValue="OK", StateReason="x", StateReasonData="{")[::2] == (
        "InvalidFormat", 400)


def test_an_alarm_rings(cloudwatch, namespace, name, told):
    # test_put_metric_alarm
    topic, receive = told
    put(cloudwatch, name, namespace, Threshold=21, Statistic="Average", Unit="Seconds", AlarmActions=[topic],
        Dimensions=[{"Name": "InstanceId", "Value": "abc"}], TreatMissingData="ignore")

    def rings():
        # What came in a period counts once it is over.
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=[
            {"MetricName": "m", "Dimensions": [{"Name": "InstanceId", "Value": "abc"}], "Value": value,
             "Unit": "Seconds", "StorageResolution": 1} for value in (21, 22)])
        return described(cloudwatch, name)["StateValue"] == "ALARM"

    wait_until(rings, 90, "the alarm")
    alarm = described(cloudwatch, name)
    assert re.fullmatch(
        r"Threshold Crossed: 1 datapoint \[21\.5 \(\d\d/\d\d/\d\d \d\d:\d\d:\d\d\)\] was greater than the threshold "
        r"\(21\.0\)\.", alarm["StateReason"])
    data = json.loads(alarm["StateReasonData"])
    evaluated, = data.pop("evaluatedDatapoints")
    assert evaluated["value"] == 21.5 and set(evaluated) == {"timestamp", "sampleCount", "value"}
    assert set(data) == {"version", "queryDate", "startDate", "unit", "statistic", "period", "recentDatapoints", "threshold"}
    assert data["recentDatapoints"] == [21.5]
    message, = receive()
    assert (message["NewStateValue"], message["NewStateReason"]) == ("ALARM", alarm["StateReason"])


def test_missing_data(cloudwatch, namespace, name, told):
    # test_breaching_alarm_actions
    topic, receive = told
    put(cloudwatch, name, namespace, EvaluationPeriods=2, AlarmActions=[topic], TreatMissingData="breaching")
    message, = receive()
    assert message["NewStateReason"] == (
        "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as "
        "[Breaching].")
    data = json.loads(described(cloudwatch, name)["StateReasonData"])
    assert len(data["evaluatedDatapoints"]) == 2 and data["recentDatapoints"] == []
    put(cloudwatch, name + "-ok", namespace, TreatMissingData="notBreaching")
    wait_until(lambda: described(cloudwatch, name + "-ok")["StateValue"] == "OK")


def test_metric_math_alarms(cloudwatch, namespace, name):
    metrics = [
        {"Id": "e", "Expression": "FILL(m1, 7) + FILL(m2, 1)", "Label": "both"},
        *[{"Id": metric, "ReturnData": False, "MetricStat": {
            "Metric": {"Namespace": namespace, "MetricName": metric}, "Period": 10, "Stat": "Sum"}}
          for metric in ("m1", "m2")]]
    put_math = {"AlarmName": name, "EvaluationPeriods": 1, "Threshold": 7.5, "ComparisonOperator": "GreaterThanThreshold"}
    cloudwatch.put_metric_alarm(**put_math, Metrics=metrics)
    wait_until(lambda: described(cloudwatch, name)["StateValue"] == "ALARM")
    alarm = described(cloudwatch, name)
    assert alarm["Metrics"] == [{**metrics[0], "ReturnData": True}, *metrics[1:]] or alarm["Metrics"] == metrics
    assert "[8.0 (" in alarm["StateReason"] and "MetricName" not in alarm
    for wrong in ([*metrics, {"Id": "x", "Expression": "m1"}], metrics[1:], [{"Id": "e", "Expression": "m9"}]):
        assert refused(cloudwatch.put_metric_alarm, **put_math, Metrics=wrong)[::2] == ("ValidationError", 400)


def test_composite_alarms(cloudwatch, namespace, name, told):
    # test_trigger_composite_alarm
    topic, receive = told
    one, two, both = f"{name}-1", f"{name}-2", f"{name}-both"
    for child in (one, two):
        put(cloudwatch, child, namespace, Period=3600, TreatMissingData="ignore")
        cloudwatch.set_alarm_state(AlarmName=child, StateValue="OK", StateReason="begin")
    rule = f'ALARM("{arn(one)}") OR ALARM({two})'
    cloudwatch.put_composite_alarm(
        AlarmName=both, AlarmRule=rule, AlarmActions=[topic], AlarmDescription="composite alarm description")
    wait_until(lambda: described(cloudwatch, both, True)["StateValue"] == "OK")
    assert described(cloudwatch, both, True)["StateReason"] == f"{arn(both)} was created and its alarm rule evaluates to OK"
    cloudwatch.set_alarm_state(AlarmName=one, StateValue="ALARM", StateReason="ring")
    alarm = described(cloudwatch, both, True)
    assert alarm["StateValue"] == "ALARM" and alarm["AlarmRule"] == rule
    assert alarm["StateReason"].startswith(f"{arn(one)} transitioned to ALARM at ")
    child, = json.loads(alarm["StateReasonData"])["triggeringAlarms"]
    assert (child["arn"], child["state"]["value"]) == (arn(one), "ALARM")
    message, = receive()
    assert (message["AlarmName"], message["AlarmRule"]) == (both, rule)
    assert message["TriggeringChildren"][0]["Arn"] == arn(one)
    before = alarm["StateUpdatedTimestamp"]
    cloudwatch.set_alarm_state(AlarmName=two, StateValue="ALARM", StateReason="ring")
    assert described(cloudwatch, both, True)["StateUpdatedTimestamp"] == before
    for child in (one, two):
        cloudwatch.set_alarm_state(AlarmName=child, StateValue="OK", StateReason="over")
    assert described(cloudwatch, both, True)["StateValue"] == "OK"
    # Only those that are asked for are told.
    answer = cloudwatch.describe_alarms(AlarmNamePrefix=name)
    assert (len(answer["MetricAlarms"]), len(answer["CompositeAlarms"])) == (2, 0)
    children = cloudwatch.describe_alarms(ChildrenOfAlarmName=both)["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in children] == [one, two]
    parents = cloudwatch.describe_alarms(ParentsOfAlarmName=two)["CompositeAlarms"]
    assert [alarm["AlarmName"] for alarm in parents] == [both]
    for wrong in (" TRUE", "ALARM(", "RINGING(x)", "TRUE AND", "ALARM(a) ALARM(b)", "(TRUE", 'ALARM("x)', "ALARM()",
                  "ALARM(there-is-none)", "NOT " * 200 + "TRUE"):
        assert refused(cloudwatch.put_composite_alarm, AlarmName=f"{name}-w", AlarmRule=wrong)[::2] == (
            "ValidationError", 400), wrong


def test_tags(cloudwatch, namespace, name):
    # test_tagging_metric_alarm
    put(cloudwatch, name, namespace, Period=3600, Tags=[{"Key": "Environment", "Value": "Production"}])

    def tags():
        return {tag["Key"]: tag["Value"] for tag in cloudwatch.list_tags_for_resource(ResourceARN=arn(name))["Tags"]}

    assert tags() == {"Environment": "Production"}
    cloudwatch.tag_resource(ResourceARN=arn(name), Tags=[{"Key": "tag1", "Value": "foo"}, {"Key": "tag2", "Value": "bar"}])
    assert tags() == {"Environment": "Production", "tag1": "foo", "tag2": "bar"}
    cloudwatch.untag_resource(ResourceARN=arn(name), TagKeys=["tag1"])
    # Putting it again leaves them.
    put(cloudwatch, name, namespace, Period=3600, Threshold=31, Tags=[{"Key": "late", "Value": "x"}])
    assert tags() == {"Environment": "Production", "tag2": "bar"}
    cloudwatch.delete_alarms(AlarmNames=[name])
    assert tags() == {}
    assert refused(cloudwatch.tag_resource, ResourceARN=arn(name), Tags=[{"Key": "a", "Value": "b"}])[::2] == (
        "ResourceNotFoundException", 404)
    assert refused(cloudwatch.list_tags_for_resource, ResourceARN="nonsense")[::2] == ("InvalidParameterValue", 400)


def test_dashboards(cloudwatch, name):
    # test_dashboard_lifecycle, test_invalid_dashboard_name
    body = json.dumps({"widgets": [{"type": "metric", "x": 0, "y": 0, "width": 6, "height": 6, "properties": {
        "metrics": [["AWS/EC2", "CPUUtilization", "InstanceId", "i-12345678"]], "region": "us-east-1"}}]})
    assert cloudwatch.put_dashboard(DashboardName=name, DashboardBody=body)["DashboardValidationMessages"] == []
    shown = cloudwatch.get_dashboard(DashboardName=name)
    shown.pop("ResponseMetadata")
    there = f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{name}"
    assert shown == {"DashboardArn": there, "DashboardBody": body, "DashboardName": name}
    entry, = cloudwatch.list_dashboards(DashboardNamePrefix=name)["DashboardEntries"]
    assert isinstance(entry.pop("LastModified"), datetime.datetime)
    assert entry == {"DashboardArn": there, "DashboardName": name, "Size": len(body)}
    assert cloudwatch.list_dashboards(DashboardNamePrefix="no-such")["DashboardEntries"] == []
    cloudwatch.delete_dashboards(DashboardNames=[name])
    assert refused(cloudwatch.get_dashboard, DashboardName=name)[::2] == ("ResourceNotFound", 404)
    assert refused(cloudwatch.delete_dashboards, DashboardNames=[name])[::2] == ("ResourceNotFound", 404)
    assert refused(cloudwatch.put_dashboard, DashboardName="a/b", DashboardBody=body) == (
        "InvalidParameterValue", "The value for field DashboardName contains invalid characters. It can only contain "
        "alphanumerics, dash (-) and underscore (_).\n", 400)
    assert refused(cloudwatch.put_dashboard, DashboardName=name, DashboardBody="nonsense")[::2] == (
        "InvalidParameterInput", 400)


def test_a_function_is_told(server, cloudwatch, namespace, name):
    # test_alarm_lambda_target
    functions, logs = server.client("lambda"), server.client("logs")
    made = functions.create_function(
        FunctionName=name, Runtime="python3.13", Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/lambda",
        Code={"ZipFile": zip_of({"index.py": "import json\ndef handler(event, _):\n    print(json.dumps(event))\n"})})
    target = made["FunctionArn"]
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    functions.add_permission(
        FunctionName=name, StatementId="alarms", Action="lambda:InvokeFunction",
        Principal="lambda.alarms.cloudwatch.amazonaws.com", SourceArn=arn(name))
    put(cloudwatch, name, namespace, Statistic="Average", AlarmDescription="testing lambda alarm action",
        AlarmActions=[target], Period=3600, TreatMissingData="ignore")
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="testing alarm")

    def event():
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern='"alarmArn"')["events"]
        except logs.exceptions.ResourceNotFoundException:
            return None
        return json.loads(events[0]["message"]) if events else None

    got = wait_until(event, 60, "the event")
    data = got.pop("alarmData")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", got.pop("time"))
    assert got == {"source": "aws.cloudwatch", "alarmArn": arn(name), "accountId": ACCOUNT, "region": "us-east-1"}
    assert data["alarmName"] == name
    for state in ("state", "previousState"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", data[state].pop("timestamp"))
    assert data["state"] == {"value": "ALARM", "reason": "testing alarm"}
    assert data["previousState"] == {"value": "INSUFFICIENT_DATA", "reason": "Unchecked: Initial alarm creation"}
    metric, = data["configuration"]["metrics"]
    assert uuid.UUID(metric.pop("id"))
    assert data["configuration"]["description"] == "testing lambda alarm action"
    assert metric == {"returnData": True, "metricStat": {
        "metric": {"namespace": namespace, "name": "m", "dimensions": {}}, "period": 3600, "stat": "Average"}}


def test_an_action_that_fails_is_in_the_history(cloudwatch, namespace, name):
    put(cloudwatch, name, namespace, Period=3600, AlarmActions=[f"arn:aws:sns:us-east-1:{ACCOUNT}:there-is-none-{name}"])
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="x")
    item, = wait_until(lambda: cloudwatch.describe_alarm_history(
        AlarmName=name, HistoryItemType="Action")["AlarmHistoryItems"], 60)
    assert item["HistorySummary"].startswith("Failed to execute action")
