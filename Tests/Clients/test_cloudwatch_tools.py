"""CloudWatch by `aws` and Terraform, and what is left of it after SIGKILL."""

import json
import os
import random
import shutil
import signal
import threading

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from cloudwatch_api import cloudwatch, minute, namespace  # noqa: F401 (fixtures)

ROUNDS = int(os.environ.get("APUS_SOAK_ROUNDS", "3"))

RESOURCES = """
variable "threshold" { default = 80 }

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "%(name)s-errors"
  alarm_description   = "Functions fail"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  metric_name         = "Errors"
  namespace           = "AWS/Lambda"
  period              = 300
  statistic           = "Sum"
  threshold           = var.threshold
  treat_missing_data  = "notBreaching"
  dimensions          = { FunctionName = "swift" }
  alarm_actions       = ["arn:aws:sns:us-east-1:000000000000:%(name)s"]
  ok_actions          = ["arn:aws:sns:us-east-1:000000000000:%(name)s"]
  tags                = { team = "swifts" }
}

resource "aws_cloudwatch_metric_alarm" "slow" {
  alarm_name                            = "%(name)s-slow"
  comparison_operator                   = "GreaterThanThreshold"
  evaluation_periods                    = 2
  metric_name                           = "Duration"
  namespace                             = "AWS/Lambda"
  period                                = 60
  extended_statistic                    = "p99"
  evaluate_low_sample_count_percentiles = "ignore"
  threshold                             = 1000
  unit                                  = "Milliseconds"
}

resource "aws_cloudwatch_metric_alarm" "rate" {
  alarm_name          = "%(name)s-rate"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 1
  threshold           = 10

  metric_query {
    id          = "rate"
    expression  = "errors / invocations * 100"
    label       = "Error rate"
    return_data = true
  }
  metric_query {
    id = "errors"
    metric {
      metric_name = "Errors"
      namespace   = "AWS/Lambda"
      period      = 120
      stat        = "Sum"
      unit        = "Count"
      dimensions  = { FunctionName = "swift" }
    }
  }
  metric_query {
    id = "invocations"
    metric {
      metric_name = "Invocations"
      namespace   = "AWS/Lambda"
      period      = 120
      stat        = "Sum"
    }
  }
}

resource "aws_cloudwatch_composite_alarm" "either" {
  alarm_name        = "%(name)s-either"
  alarm_description = "Something is wrong"
  alarm_rule = "ALARM(${aws_cloudwatch_metric_alarm.errors.alarm_name}) OR ALARM(${aws_cloudwatch_metric_alarm.slow.alarm_name})"
  alarm_actions     = ["arn:aws:sns:us-east-1:000000000000:%(name)s"]
}

resource "aws_cloudwatch_dashboard" "all" {
  dashboard_name = "%(name)s"
  dashboard_body = jsonencode({
    widgets = [{
      type = "metric", x = 0, y = 0, width = 12, height = 6,
      properties = { metrics = [["AWS/Lambda", "Invocations"]], period = 300, stat = "Sum", region = "us-east-1" }
    }]
  })
}
"""


def test_terraform(server, cloudwatch, terraform, namespace):
    run = terraform(RESOURCES % {"name": namespace})
    run("apply")
    assert run.has_no_changes()
    alarms = cloudwatch.describe_alarms(AlarmNamePrefix=namespace, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    assert [alarm["AlarmName"][len(namespace) + 1:] for alarm in alarms["MetricAlarms"]] == ["errors", "rate", "slow"]
    assert len(alarms["CompositeAlarms"]) == 1
    errors = alarms["MetricAlarms"][0]
    assert (errors["Threshold"], errors["DatapointsToAlarm"]) == (80, 2)
    run("apply", "-var", "threshold=90")
    assert run.has_no_changes("-var", "threshold=90")
    errors, = cloudwatch.describe_alarms(AlarmNames=[f"{namespace}-errors"])["MetricAlarms"]
    assert errors["Threshold"] == 90
    run("destroy")
    alarms = cloudwatch.describe_alarms(AlarmNamePrefix=namespace, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    assert (alarms["MetricAlarms"], alarms["CompositeAlarms"]) == ([], [])
    assert cloudwatch.list_dashboards(DashboardNamePrefix=namespace)["DashboardEntries"] == []


@pytest.mark.skipif(not shutil.which("aws"), reason="aws is not installed")
def test_aws(server, namespace):
    def aws(*arguments):
        ended = server.run("aws", "cloudwatch", *arguments, "--output", "json")
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout) if ended.stdout else None

    time = minute(2).strftime("%Y-%m-%dT%H:%M:%SZ")
    aws("put-metric-data", "--namespace", namespace, "--metric-name", "m", "--value", "7", "--timestamp", time,
        "--dimensions", "side=left", "--unit", "Count")
    aws("put-metric-data", "--namespace", namespace, "--metric-data", json.dumps(
        [{"MetricName": "m", "Dimensions": [{"Name": "side", "Value": "left"}], "Timestamp": time, "Value": 5,
          "Unit": "Count"}]))
    points = aws(
        "get-metric-statistics", "--namespace", namespace, "--metric-name", "m", "--dimensions", "Name=side,Value=left",
        "--start-time", minute(10).isoformat(), "--end-time", minute(-1).isoformat(), "--period", "60", "--statistics",
        "Sum", "Average")
    assert points["Label"] == "m"
    point, = points["Datapoints"]
    assert (point["Sum"], point["Average"], point["Unit"]) == (12, 6, "Count")
    assert len(aws("list-metrics", "--namespace", namespace)["Metrics"]) == 1
    aws("put-metric-alarm", "--alarm-name", namespace, "--namespace", namespace, "--metric-name", "m", "--statistic",
        "Sum", "--period", "60", "--evaluation-periods", "1", "--threshold", "5", "--comparison-operator",
        "GreaterThanThreshold", "--tags", "Key=a,Value=b")
    aws("set-alarm-state", "--alarm-name", namespace, "--state-value", "ALARM", "--state-reason", "testing")
    alarm, = aws("describe-alarms", "--alarm-names", namespace)["MetricAlarms"]
    assert alarm["AlarmName"] == namespace
    aws("delete-alarms", "--alarm-names", namespace)


@pytest.mark.parametrize("seed", range(2))
def test_samples_survive_sigkill(own_server, seed):
    server = own_server()
    chance = random.Random(seed)
    sent = {}
    lock = threading.Lock()
    start = minute(30)

    def put(worker, client):
        for _ in range(1000):
            try:
                client.put_metric_data(Namespace="kept", MetricData=[
                    {"MetricName": f"m{worker}", "Value": 1, "Timestamp": start}])
            except (BotoCoreError, ClientError):
                return
            with lock:
                sent[worker] = sent.get(worker, 0) + 1

    for _ in range(ROUNDS):
        client = server.client("cloudwatch")
        workers = [threading.Thread(target=put, args=(number, client)) for number in range(4)]
        for worker in workers:
            worker.start()
        before = sum(sent.values())
        wanted = before + chance.randrange(20, 200)
        while sum(sent.values()) < wanted and any(worker.is_alive() for worker in workers):
            workers[0].join(0.01)
        server.stop(signal.SIGKILL)
        for worker in workers:
            worker.join()
        server.start()
    client = server.client("cloudwatch")
    for worker, count in sent.items():
        point, = client.get_metric_statistics(
            Namespace="kept", MetricName=f"m{worker}", StartTime=start, EndTime=minute(0), Period=3600,
            Statistics=["Sum"])["Datapoints"]
        # What was not answered may be there, too: one for each time that the server was killed.
        assert count <= point["Sum"] <= count + ROUNDS


def test_alarms_and_their_actions_survive_sigkill(own_server):
    server = own_server()
    client = server.client("cloudwatch")
    client.put_metric_alarm(
        AlarmName="kept", MetricName="m", Namespace="n", Period=3600, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold", Statistic="Sum", TreatMissingData="ignore")
    client.put_dashboard(DashboardName="kept", DashboardBody='{"widgets":[]}')
    client.set_alarm_state(AlarmName="kept", StateValue="ALARM", StateReason="testing")
    server.stop(signal.SIGKILL)
    server.start()
    client = server.client("cloudwatch")
    alarm, = client.describe_alarms(AlarmNames=["kept"])["MetricAlarms"]
    assert (alarm["StateValue"], alarm["StateReason"]) == ("ALARM", "testing")
    assert client.get_dashboard(DashboardName="kept")["DashboardBody"] == '{"widgets":[]}'
    items = client.describe_alarm_history(AlarmName="kept")["AlarmHistoryItems"]
    assert [item["HistoryItemType"] for item in items] == ["StateUpdate", "ConfigurationUpdate"]
