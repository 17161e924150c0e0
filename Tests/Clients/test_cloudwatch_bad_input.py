"""What CloudWatch refuses, operation by operation, in AWS's words where LocalStack's recordings have them
(tests/aws/services/cloudwatch/test_cloudwatch.snapshot.json), else by the model's constraints."""

import datetime

import pytest

from cloudwatch_api import cloudwatch, form, json_call, minute, namespace  # noqa: F401 (fixtures)
from conftest import refused

# Each operation with what is missing, as the message names it.
REQUIRED = {
    "delete_alarms": ["alarmNames"],
    "delete_dashboards": ["dashboardNames"],
    "describe_alarms_for_metric": ["metricName", "namespace"],
    "disable_alarm_actions": ["alarmNames"],
    "enable_alarm_actions": ["alarmNames"],
    "get_dashboard": ["dashboardName"],
    "get_metric_data": ["metricDataQueries", "startTime", "endTime"],
    "get_metric_statistics": ["namespace", "metricName", "startTime", "endTime", "period"],
    "list_tags_for_resource": ["resourceARN"],
    "put_composite_alarm": ["alarmName", "alarmRule"],
    "put_dashboard": ["dashboardName", "dashboardBody"],
    "put_metric_alarm": ["alarmName"],
    "put_metric_data": ["namespace"],
    "set_alarm_state": ["alarmName", "stateValue", "stateReason"],
    "tag_resource": ["resourceARN", "tags"],
    "untag_resource": ["resourceARN", "tagKeys"],
}
LONG = "x" * 256
# Each operation with a value that its model does not allow, and the path that is told.
WRONG = {
    "delete_alarms": ({"AlarmNames": ["a"] * 101}, "alarmNames"),
    "describe_alarm_history": ({"MaxRecords": 101}, "maxRecords"),
    "describe_alarms": ({"AlarmNamePrefix": LONG}, "alarmNamePrefix"),
    "describe_alarms_for_metric": ({"MetricName": LONG, "Namespace": "n"}, "metricName"),
    "disable_alarm_actions": ({"AlarmNames": [LONG]}, "alarmNames"),
    "enable_alarm_actions": ({"AlarmNames": [""]}, "alarmNames"),
    "get_metric_data": ({"MetricDataQueries": [{"Id": LONG}], "StartTime": minute(1), "EndTime": minute(0)},
                        "metricDataQueries.1.member.id"),
    "get_metric_statistics": (
        {"Namespace": "n", "MetricName": "m", "StartTime": minute(1), "EndTime": minute(0), "Period": 0,
         "Statistics": ["Sum"]}, "period"),
    "list_metrics": ({"Namespace": ":n"}, "namespace"),
    "list_tags_for_resource": ({"ResourceARN": "x" * 1025}, "resourceARN"),
    "put_composite_alarm": ({"AlarmName": LONG, "AlarmRule": "TRUE"}, "alarmName"),
    "put_dashboard": ({"DashboardName": "d", "DashboardBody": "{}", "Tags": [{"Key": LONG, "Value": "v"}]},
                      "tags.1.member.key"),
    "put_metric_alarm": ({"AlarmName": "a", "OKActions": ["x"] * 6}, "oKActions"),
    "put_metric_data": ({"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1, "Unit": "Furlongs"}]},
                        "metricData.1.member.unit"),
    "set_alarm_state": ({"AlarmName": "a", "StateValue": "RINGING", "StateReason": "r"}, "stateValue"),
    "tag_resource": ({"ResourceARN": "arn:x", "Tags": [{"Key": "k", "Value": "v" * 257}]}, "tags.1.member.value"),
    "untag_resource": ({"ResourceARN": "", "TagKeys": ["k"]}, "resourceARN"),
}
NOT_THERE = [
    "delete_anomaly_detector", "delete_insight_rules", "delete_metric_stream", "describe_alarm_contributors",
    "describe_anomaly_detectors", "describe_insight_rules", "disable_insight_rules", "enable_insight_rules",
    "get_insight_rule_report", "get_metric_stream", "get_metric_widget_image", "list_managed_insight_rules",
    "list_metric_streams", "put_anomaly_detector", "put_insight_rule", "put_managed_insight_rules",
    "put_metric_stream", "start_metric_streams", "stop_metric_streams",
]


@pytest.mark.parametrize("operation", sorted(REQUIRED))
def test_what_is_required(server, operation):
    code, message, status = refused(getattr(server.unchecked("cloudwatch"), operation))
    assert (code, status) == ("ValidationError", 400)
    for member in REQUIRED[operation]:
        assert f"Value null at '{member}' failed to satisfy constraint: Member must not be null" in message


@pytest.mark.parametrize("operation", sorted(WRONG))
def test_what_the_model_forbids(server, operation):
    arguments, path = WRONG[operation]
    code, message, status = refused(getattr(server.unchecked("cloudwatch"), operation), **arguments)
    assert (code, status) == ("ValidationError", 400)
    assert message.startswith("1 validation error detected: Value '") and f"' at '{path}' failed" in message


@pytest.mark.parametrize("operation", NOT_THERE)
def test_what_is_not_there_yet(server, operation):
    assert refused(getattr(server.unchecked("cloudwatch"), operation))[::2] == ("NotImplementedException", 501)


def test_states(cloudwatch):
    # test_set_alarm_invalid_input
    assert refused(cloudwatch.set_alarm_state, AlarmName="a", StateValue="INVALID", StateReason="test") == (
        "ValidationError", "1 validation error detected: Value 'INVALID' at 'stateValue' failed to satisfy constraint: "
        "Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]", 400)


def test_statuses_in_each_protocol(server):
    # test_exception_serializing_with_no_shape_in_spec
    wanted = {"AlarmName": "there-is-none", "StateValue": "OK", "StateReason": "test"}
    answer = json_call(server, "SetAlarmState", wanted)
    assert (answer.status_code, answer.json()) == (
        400, {"__type": "com.amazonaws.cloudwatch.v2010_08_01#ResourceNotFound"})
    assert json_call(server, "SetAlarmState", wanted, **{"x-amzn-query-mode": "true"}).status_code == 404
    answer = form(server, "SetAlarmState", list(wanted.items()))
    assert answer.status_code == 404 and "<Code>ResourceNotFound</Code></Error>" in answer.text


def test_samples(cloudwatch, namespace):
    # test_put_metric_data_validation
    def put(**datum):
        return refused(cloudwatch.put_metric_data, Namespace=namespace, MetricData=[{"MetricName": "m", **datum}])

    now = datetime.datetime.now(datetime.timezone.utc)
    stats = {"SampleCount": 10, "Sum": 55, "Minimum": 1, "Maximum": 10}
    exclusive = ("The parameters MetricData.member.1.Value and MetricData.member.1.{} are mutually exclusive and you have "
                 "specified both.")
    assert put(Value=1.5, Values=[1.0, 10.0]) == ("InvalidParameterCombination", exclusive.format("Values"), 400)
    assert put(Value=1.5, StatisticValues=stats) == (
        "InvalidParameterCombination", exclusive.format("StatisticValues"), 400)
    assert put(Values=[1.0, 10.0], Counts=[2, 4, 5]) == (
        "InvalidParameterValue",
        "The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size.", 400)
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=[
        {"MetricName": "m", "Values": [1.0, 10.0], "StatisticValues": stats}])
    for value in (float("nan"), float("inf"), float("-inf"), 1e200):
        code, message, _ = put(Value=value)
        assert code == "InvalidParameterValue" and "MetricData.member.1.Value is invalid" in message
    for wrong in (
            {}, {"Values": []}, {"Values": [1.0] * 151}, {"Values": [1.0], "Counts": [0.0]}, {"Counts": [1.0]},
            {"Value": 1, "StorageResolution": 30}, {"Value": 1, "Timestamp": now - datetime.timedelta(days=15)},
            {"Value": 1, "Timestamp": now + datetime.timedelta(hours=3)}, {"StatisticValues": {**stats, "Minimum": 11}},
            {"StatisticValues": {**stats, "SampleCount": 0}}, {"Value": 1, "MetricName": " "},
            {"Value": 1, "MetricName": "ü"}, {"Value": 1, "Dimensions": [{"Name": "a", "Value": "b"}] * 2},
            {"Value": 1, "Dimensions": [{"Name": "a", "Value": " "}]}):
        code, _, status = put(**wrong)
        assert code.startswith(("InvalidParameter", "MissingParameter")) and status == 400, wrong
    assert put(Value=1, Dimensions=[{"Name": str(n), "Value": "v"} for n in range(31)])[0] == "ValidationError"
    for name in ("AWS/Lambda", "a$b", " ", "ü"):
        assert refused(cloudwatch.put_metric_data, Namespace=name, MetricData=[{"MetricName": "m", "Value": 1}]) == (
            "InvalidParameterValue", f"The value {name} for parameter Namespace is invalid.", 400)
    assert refused(cloudwatch.put_metric_data, Namespace=namespace) == (
        "MissingParameter", "The parameter MetricData is required.", 400)
    assert refused(cloudwatch.put_metric_data, Namespace=namespace, MetricData=[
        {"MetricName": "m", "Value": 1}] * 1001)[::2] == ("InvalidParameterValue", 400)
    assert refused(cloudwatch.put_metric_data, Namespace=namespace, EntityMetricData=[])[0] == "NotImplementedException"
    # Nothing of a request that is refused is kept.
    refused(cloudwatch.put_metric_data, Namespace=namespace, MetricData=[
        {"MetricName": "kept", "Value": 1}, {"MetricName": "m"}])
    assert cloudwatch.list_metrics(Namespace=namespace, MetricName="kept")["Metrics"] == []


def test_statistics(cloudwatch, namespace):
    # test_invalid_amount_of_datapoints
    start = datetime.datetime(2026, 11, 1, tzinfo=datetime.timezone.utc)
    asked = {"Namespace": namespace, "MetricName": "m", "StartTime": start, "EndTime": start + datetime.timedelta(days=1),
             "Period": 60, "Statistics": ["Sum"]}

    def get(**changes):
        return refused(cloudwatch.get_metric_statistics, **{
            name: value for name, value in {**asked, **changes}.items() if value is not None})

    assert get(Period=1) == (
        "InvalidParameterCombination", "You have requested up to 86400 datapoints, which exceeds the limit of 1440. You may "
        "reduce the datapoints requested by increasing Period, or decreasing the time range.", 400)
    assert get(EndTime=start) == (
        "InvalidParameterValue", "The parameter StartTime must be less than the parameter EndTime.", 400)
    assert get(Period=7)[0] == "InvalidParameterValue"
    assert get(Statistics=None)[0] == "MissingParameter"
    assert get(ExtendedStatistics=["p50"])[0] == "InvalidParameterCombination"
    for name in ("p101", "p", "Sum", "TM(90%:", "TM()", "TM(:)", "XX(1:2)", "p5.12345678901", "TM(5:10%)", "PR(1%:2%)"):
        assert get(Statistics=None, ExtendedStatistics=[name])[0] == "InvalidParameterValue", name
    assert cloudwatch.get_metric_statistics(**asked)["Datapoints"] == []


def test_queries(cloudwatch, namespace):
    metric = {"Metric": {"Namespace": namespace, "MetricName": "m"}, "Period": 60, "Stat": "Sum"}

    def get(*queries, **more):
        return refused(cloudwatch.get_metric_data, **{
            "MetricDataQueries": list(queries), "StartTime": minute(10), "EndTime": minute(0), **more})[::2]

    one = {"Id": "a", "MetricStat": metric}
    for queries in ([], [{**one, "Id": "A"}], [{**one, "Id": "1"}], [one, one], [{"Id": "a"}],
                    [{**one, "Expression": "1"}], [{"Id": "a", "MetricStat": {**metric, "Stat": "Most"}}],
                    [{"Id": "a", "MetricStat": {**metric, "Period": 7}}], [one] * 501):
        assert get(*queries) == ("ValidationError", 400), queries
    assert get(one, EndTime=minute(20)) == ("ValidationError", 400)
    assert get(one, MaxDatapoints=0) == ("ValidationError", 400)
    assert get(one, NextToken="nonsense") == ("InvalidNextToken", 400)
    assert get({"Id": "a", "MetricStat": {**metric, "Metric": {"Namespace": namespace}}}) == ("MissingParameter", 400)


def test_alarms(cloudwatch, namespace):
    good = {"AlarmName": "wrong", "MetricName": "m", "Namespace": namespace, "Period": 60, "EvaluationPeriods": 3,
            "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold", "Statistic": "Sum"}

    def put(**changes):
        return refused(cloudwatch.put_metric_alarm, **{
            name: value for name, value in {**good, **changes}.items() if value is not None})

    for missing in ("MetricName", "Namespace", "Period", "EvaluationPeriods", "Threshold", "ComparisonOperator"):
        assert put(**{missing: None}) == ("MissingParameter", f"The parameter {missing} is required.", 400)
    assert put(TreatMissingData="Missing") == (
        "ValidationError", "Option Missing is not supported for TreatMissingData parameter. Supported options are "
        "[breaching, notBreaching, ignore, missing].", 400)
    assert put(EvaluationPeriods=1441) == (
        "ValidationError",
        "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).", 400)
    for wrong in (
            {"Statistic": None}, {"ExtendedStatistic": "p50"}, {"Statistic": None, "ExtendedStatistic": "x"}, {"Period": 15},
            {"DatapointsToAlarm": 4}, {"EvaluateLowSampleCountPercentile": "ignore"}, {"AlarmActions": ["nonsense"]},
            {"EvaluationPeriods": 200, "Period": 3600}, {"Metrics": [{"Id": "a", "Expression": "1"}]}):
        code, _, status = put(**wrong)
        assert code in ("ValidationError", "InvalidParameterCombination") and status == 400, wrong
    for unsupported in (
            {"ComparisonOperator": "GreaterThanUpperThreshold", "ThresholdMetricId": "a"},
            {"AlarmActions": ["arn:aws:automate:us-east-1:ec2:stop"]}):
        assert put(**unsupported)[::2] == ("NotImplementedException", 501)
    assert refused(
        cloudwatch.put_composite_alarm, AlarmName="wrong", AlarmRule="TRUE", ActionsSuppressor="a",
        ActionsSuppressorWaitPeriod=1, ActionsSuppressorExtensionPeriod=1)[0] == "NotImplementedException"
    assert cloudwatch.describe_alarms(AlarmNames=["wrong"])["MetricAlarms"] == []
    assert refused(cloudwatch.describe_alarms, NextToken="?")[::2] == ("InvalidNextToken", 400)
    assert refused(cloudwatch.describe_alarm_history, NextToken="?")[::2] == ("InvalidNextToken", 400)
