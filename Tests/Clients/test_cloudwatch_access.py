"""Who may do what with metrics and alarms, by users' policies and functions' policies, and what the audit tells.

Actions, resources and condition keys are those of the Service Authorization Reference.
"""

import json

import pytest

from cloudwatch_api import cloudwatch, minute, namespace  # noqa: F401 (fixtures)
from conftest import refused, wait_until


@pytest.fixture
def user(server, name):
    """A new user's client of CloudWatch, and a function that gives it a policy."""
    iam = server.client("iam")
    name = name[-60:]
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    client = server.client(
        "cloudwatch", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])

    def allow(actions, resource="*", **more):
        statement = {"Effect": "Allow", "Action": actions, "Resource": resource, **more}
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [statement]}))

    yield client, allow
    for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
        iam.delete_user_policy(UserName=name, PolicyName=policy)
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=name)


def test_users_need_to_be_allowed(cloudwatch, namespace, user):
    client, allow = user
    sample = [{"MetricName": "m", "Value": 1}]
    alarm = {"MetricName": "m", "Namespace": namespace, "Period": 60, "EvaluationPeriods": 1, "Threshold": 1,
             "ComparisonOperator": "GreaterThanThreshold", "Statistic": "Sum"}
    for call, arguments in (
            (client.put_metric_data, {"Namespace": namespace, "MetricData": sample}),
            (client.list_metrics, {}), (client.describe_alarms, {}), (client.list_dashboards, {}),
            (client.put_metric_alarm, {"AlarmName": namespace, **alarm}),
            (client.set_alarm_state, {"AlarmName": "a", "StateValue": "OK", "StateReason": "r"}),
            (client.delete_alarms, {"AlarmNames": ["a"]}),
            (client.put_dashboard, {"DashboardName": "d", "DashboardBody": "{}"}),
            (client.get_metric_data, {"StartTime": minute(1), "EndTime": minute(0), "MetricDataQueries": []})):
        code, message, _ = refused(call, **arguments)
        assert code.startswith("AccessDenied") and "is not authorized to perform: cloudwatch:" in message, arguments
    allow("cloudwatch:PutMetricData", Condition={"StringEquals": {"cloudwatch:namespace": namespace}})
    client.put_metric_data(Namespace=namespace, MetricData=sample)
    assert refused(client.put_metric_data, Namespace="another", MetricData=sample)[0].startswith("AccessDenied")
    allow(["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"],
          f"arn:aws:cloudwatch:us-east-1:000000000000:alarm:{namespace}*")
    client.put_metric_alarm(AlarmName=namespace, **alarm)
    assert refused(client.put_metric_alarm, AlarmName="another", **alarm)[0].startswith("AccessDenied")
    assert refused(client.delete_alarms, AlarmNames=[namespace, "another"])[0].startswith("AccessDenied")
    assert len(cloudwatch.describe_alarms(AlarmNames=[namespace])["MetricAlarms"]) == 1
    client.delete_alarms(AlarmNames=[namespace])


def test_accounts_and_regions_are_apart(server, cloudwatch, namespace):
    other = server.client("cloudwatch", region_name="eu-west-1")
    other.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "m", "Value": 1}])
    other.put_metric_alarm(
        AlarmName=namespace, MetricName="m", Namespace=namespace, Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold", Statistic="Sum")
    assert cloudwatch.list_metrics(Namespace=namespace)["Metrics"] == []
    assert cloudwatch.describe_alarms(AlarmNames=[namespace])["MetricAlarms"] == []
    alarm, = other.describe_alarms(AlarmNames=[namespace])["MetricAlarms"]
    assert alarm["AlarmArn"] == f"arn:aws:cloudwatch:eu-west-1:000000000000:alarm:{namespace}"


def test_the_audit_tells_of_alarms_not_of_samples(server, cloudwatch, namespace):
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "m", "Value": 1}])
    cloudwatch.put_metric_alarm(
        AlarmName=namespace, MetricName="m", Namespace=namespace, Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold", Statistic="Sum")
    cloudtrail = server.client("cloudtrail")

    def events():
        found = cloudtrail.lookup_events(
            LookupAttributes=[{"AttributeKey": "EventSource", "AttributeValue": "monitoring.amazonaws.com"}])["Events"]
        records = [json.loads(event["CloudTrailEvent"]) for event in found]
        return [record for record in records if namespace in json.dumps(record)]

    record, = wait_until(events)
    assert record["eventName"] == "PutMetricAlarm"
    assert record["requestParameters"]["alarmName"] == namespace
