"""CloudWatch Logs as clients use it beside functions: their own events, filters, and subscriptions of functions.

Expectations: LocalStack's recorded test_logs_events, test_logs_streams and test_logs_subscription_filters, and
https://docs.aws.amazon.com/lambda/latest/dg/services-cloudwatchlogs.html.
"""

import base64
import gzip
import json
import signal
import subprocess
import threading
import time

import pytest
from botocore.exceptions import ClientError

from conftest import wait_until

PRINT = "import json\ndef handler(event, context):\n    print('GOT', json.dumps(event))\n"


@pytest.fixture
def logs(server):
    return server.client("logs")


@pytest.fixture
def group(logs, name):
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    yield name
    logs.delete_log_group(logGroupName=name)


def put(logs, group, *messages):
    now = int(time.time() * 1000)
    return logs.put_log_events(
        logGroupName=group, logStreamName="s", logEvents=[{"timestamp": now, "message": each} for each in messages])


def found(logs, group, pattern):
    return [each["message"] for each in logs.filter_log_events(logGroupName=group, filterPattern=pattern)["events"]]


def test_events_of_clients(logs, group):
    [stream] = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert set(stream) == {"arn", "creationTime", "logStreamName", "storedBytes"}
    assert put(logs, group, "hello", "wörld")["nextSequenceToken"]
    events = logs.get_log_events(logGroupName=group, logStreamName="s")["events"]
    assert [each["message"] for each in events] == ["hello", "wörld"]
    with pytest.raises(ClientError) as failure:
        logs.create_log_stream(logGroupName=group, logStreamName="s")
    assert failure.value.response["Error"] == {
        "Code": "ResourceAlreadyExistsException", "Message": "The specified log stream already exists"}


def test_patterns(logs, group):
    put(logs, group, '{"level":"error","code":503}', '{"level":"info","code":200}', "1.2.3.4 GET 503", "plain text")
    assert found(logs, group, '{ $.level = "err*" && $.code >= 500 }') == ['{"level":"error","code":503}']
    assert found(logs, group, "[ip, method, status = 5*]") == ["1.2.3.4 GET 503"]
    assert found(logs, group, r"%\d{1,3}\.\d%") == ["1.2.3.4 GET 503"]
    assert found(logs, group, "plain -json") == ["plain text"]


def test_events_outlive_a_crash(own_server):
    server = own_server()
    logs = server.client("logs")
    logs.create_log_group(logGroupName="kept")
    logs.create_log_stream(logGroupName="kept", logStreamName="s")
    for number in range(20):
        put(logs, "kept", f"event {number}")
    server.stop(signal.SIGKILL)
    server.start()
    logs = server.client("logs")
    events = logs.get_log_events(logGroupName="kept", logStreamName="s", startFromHead=True)["events"]
    assert [each["message"] for each in events] == [f"event {number}" for number in range(20)]


def test_a_function_subscribes(server, logs, group, deploy, lambda_client):
    function = deploy(python=PRINT)
    arn = lambda_client.get_function_configuration(FunctionName=function)["FunctionArn"]

    def subscribe():
        logs.put_subscription_filter(
            logGroupName=group, filterName="errors", filterPattern="ERROR", destinationArn=arn)

    with pytest.raises(ClientError) as failure:
        subscribe()
    assert failure.value.response["Error"]["Code"] == "InvalidParameterException"
    assert failure.value.response["Error"]["Message"].startswith("Could not execute the lambda function.")
    lambda_client.add_permission(
        FunctionName=function, StatementId="logs", Action="lambda:InvokeFunction",
        Principal="logs.us-east-1.amazonaws.com", SourceAccount="000000000000",
        SourceArn=f"arn:aws:logs:us-east-1:000000000000:log-group:{group}:*")
    subscribe()
    [described] = logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    assert described.pop("creationTime")
    assert described == {
        "filterName": "errors", "logGroupName": group, "filterPattern": "ERROR", "destinationArn": arn,
        "distribution": "ByLogStream", "applyOnTransformedLogs": False}
    put(logs, group, "an ERROR", "fine")

    def documents():
        messages = found(logs, f"/aws/lambda/{function}", "GOT")
        data = [json.loads(each.split("GOT", 1)[1])["awslogs"]["data"] for each in messages]
        return [json.loads(gzip.decompress(base64.b64decode(each))) for each in data]

    def arrived():
        try:
            return documents()
        except ClientError:
            return None

    [document] = wait_until(arrived, 60, "the events")
    [event] = document.pop("logEvents")
    assert event["message"] == "an ERROR" and len(event["id"]) == 56
    assert document == {
        "messageType": "DATA_MESSAGE", "owner": "000000000000", "logGroup": group, "logStream": "s",
        "subscriptionFilters": ["errors"]}
    logs.delete_subscription_filter(logGroupName=group, filterName="errors")
    assert logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"] == []


def test_insights(logs, group):
    put(logs, group, '{"level":"info","ms":10}', '{"level":"error","ms":30}', '{"level":"info","ms":20}')

    def results(text):
        now = int(time.time())
        query = logs.start_query(logGroupName=group, startTime=now - 60, endTime=now + 60, queryString=text)["queryId"]

        def complete():
            answer = logs.get_query_results(queryId=query)
            return answer["status"] == "Complete" and answer

        return wait_until(complete, 60, "the query")

    answer = results("stats count(*) as n, avg(ms) as mean by level | sort n desc")
    assert [{each["field"]: each["value"] for each in line} for line in answer["results"]] == [
        {"level": "info", "n": "2", "mean": "15"}, {"level": "error", "n": "1", "mean": "30"}]
    answer = results(r'parse @message /"ms":(?<took>\d+)/ | sort took desc | display took | limit 1')
    assert [each["value"] for each in answer["results"][0] if each["field"] == "took"] == ["30"]
    assert answer["statistics"]["estimatedRecordsSkipped"] == 0
    assert answer["statistics"]["recordsMatched"] == 3
    [line] = results("fields @message, ms | filter ms > 10 and level = 'info'")["results"]
    assert [each["field"] for each in line] == ["@message", "ms", "@ptr"]
    with pytest.raises(ClientError) as failure:
        results("fields")
    assert failure.value.response["Error"]["Code"] == "MalformedQueryException"
    assert logs.describe_queries(logGroupName=group)["queries"][0]["queryLanguage"] == "CWLI"


def arn(group):
    return f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"


def test_live_tail(server, logs, group):
    # The name that the operation's prefix makes of an IP address is nobody's.
    tail = server.client("logs", host_prefixes=False).start_live_tail(
        logGroupIdentifiers=[arn(group)], logEventFilterPattern="ERROR")
    stream = iter(tail["responseStream"])
    start = next(stream)["sessionStart"]
    assert start["logGroupIdentifiers"] == [arn(group)] and start["sessionId"] and start["requestId"]
    put(logs, group, "an ERROR", "fine")
    for update in stream:
        session = update["sessionUpdate"]
        assert session["sessionMetadata"] == {"sampled": False}
        if session["sessionResults"]:
            break
    [event] = session["sessionResults"]
    assert event.pop("timestamp") and event.pop("ingestionTime")
    assert event == {"logStreamName": "s", "logGroupIdentifier": f"000000000000:{group}", "message": "an ERROR"}
    tail["responseStream"].close()


def test_a_function_is_tailed(server, deploy, lambda_client):
    function = deploy(python=PRINT)
    lambda_client.invoke(FunctionName=function)
    group = f"/aws/lambda/{function}"
    tail = server.client("logs", host_prefixes=False).start_live_tail(logGroupIdentifiers=[arn(group)])
    lambda_client.invoke(FunctionName=function, Payload='{"n": 1}')
    messages = []
    for update in tail["responseStream"]:
        messages += [each["message"] for each in update.get("sessionUpdate", {}).get("sessionResults", [])]
        if any(each.startswith("REPORT") for each in messages):
            break
    assert any(each.startswith('GOT {"n": 1}') for each in messages)
    tail["responseStream"].close()


def test_the_server_ends_while_somebody_tails(own_server):
    server = own_server()
    server.client("logs").create_log_group(logGroupName="g")
    tail = server.client("logs", host_prefixes=False).start_live_tail(logGroupIdentifiers=[arn("g")])
    stream = iter(tail["responseStream"])
    next(stream)
    server.stop()
    assert all("sessionUpdate" in each for each in stream)


def test_aws_tails(server, logs, group):
    tail = subprocess.Popen(
        ["aws", "logs", "start-live-tail", "--log-group-identifiers", arn(group)],
        env=server.variables(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        # It says nothing before the first event: some are put until one is seen.
        lines = []
        threading.Thread(target=lambda: lines.extend(tail.stdout), daemon=True).start()

        def seen():
            put(logs, group, "over here")
            return any("over here" in each for each in lines)

        wait_until(seen, 60, "the event")
    finally:
        tail.kill()
        tail.wait()


def test_metric_filters(logs, group):
    logs.put_metric_filter(
        logGroupName=group, filterName="latency", filterPattern="{ $.ms = * }", metricTransformations=[{
            "metricName": "Latency", "metricNamespace": "app", "metricValue": "$.ms", "unit": "Milliseconds",
            "dimensions": {"Path": "$.path"}}])
    [described] = logs.describe_metric_filters(logGroupName=group)["metricFilters"]
    assert described.pop("creationTime")
    assert described == {
        "filterName": "latency", "filterPattern": "{ $.ms = * }", "logGroupName": group, "applyOnTransformedLogs": False,
        "metricTransformations": [{
            "metricName": "Latency", "metricNamespace": "app", "metricValue": "$.ms", "unit": "Milliseconds",
            "dimensions": {"Path": "$.path"}}]}
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["metricFilterCount"] == 1
    matches = logs.test_metric_filter(
        filterPattern="[ip, ..., code = 4*]", logEventMessages=["1.2.3.4 GET 200", "1.2.3.4 GET 404"])["matches"]
    assert matches == [{
        "eventNumber": 1, "eventMessage": "1.2.3.4 GET 404",
        "extractedValues": {"$ip": "1.2.3.4", "$2": "GET", "$code": "404"}}]
    put(logs, group, '{"ms": 5, "path": "/a"}')
    logs.delete_metric_filter(logGroupName=group, filterName="latency")
    assert logs.describe_metric_filters(logGroupName=group)["metricFilters"] == []
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.delete_metric_filter(logGroupName=group, filterName="latency")


def embedded(value, time):
    return json.dumps({
        "_aws": {"Timestamp": time, "CloudWatchMetrics": [{
            "Namespace": "embedded", "Dimensions": [["Service"]], "Metrics": [{"Name": "Took", "Unit": "Milliseconds"}]}]},
        "Service": "s", "Took": value})


def test_logs_become_metrics(server, logs, group, deploy, lambda_client, name):
    metrics = server.client("cloudwatch")
    logs.put_metric_filter(
        logGroupName=group, filterName="latency", filterPattern="{ $.ms = * }", metricTransformations=[{
            "metricName": "Latency", "metricNamespace": name, "metricValue": "$.ms", "unit": "Milliseconds",
            "dimensions": {"Path": "$.path"}}])
    logs.put_metric_filter(
        logGroupName=group, filterName="lines", filterPattern="", metricTransformations=[{
            "metricName": "Lines", "metricNamespace": name, "metricValue": "1"}])
    now = int(time.time() * 1000)
    put(logs, group, '{"ms": 5, "path": "/a"}', '{"ms": 7.5, "path": "/a"}', "plain", embedded([1, 2], now))
    function = deploy(python=f"def handler(event, context):\n    print({embedded(40, now)!r})\n")
    lambda_client.invoke(FunctionName=function)

    def sums(namespace, metric, count, **dimensions):
        def there():
            points = metrics.get_metric_statistics(
                Namespace=namespace, MetricName=metric, Statistics=["Sum", "SampleCount"], Period=3600,
                Dimensions=[{"Name": each, "Value": value} for each, value in dimensions.items()],
                StartTime=now / 1000 - 7200, EndTime=now / 1000 + 7200)["Datapoints"]
            return sum(each["SampleCount"] for each in points) == count and sum(each["Sum"] for each in points)

        return wait_until(there, 60, f"{count} samples of {metric}")

    assert sums(name, "Latency", 2, Path="/a") == 12.5
    assert sums(name, "Lines", 4) == 4
    assert sums("embedded", "Took", 3, Service="s") == 43


def test_resource_policies(logs, name):
    statement = {
        "Effect": "Allow", "Principal": {"Service": ["events.amazonaws.com"]}, "Action": "logs:PutLogEvents",
        "Resource": "arn:aws:logs:us-east-1:000000000000:log-group:/aws/events/*:*"}
    document = json.dumps({"Statement": [statement]})
    made = logs.put_resource_policy(policyName=name, policyDocument=document)["resourcePolicy"]
    assert made.pop("lastUpdatedTime")
    assert made == {"policyName": name, "policyDocument": document, "policyScope": "ACCOUNT"}
    # What AWS makes of it: test_put_resource_policy_update, test_describe_resource_policies.
    [found] = [each for each in logs.describe_resource_policies()["resourcePolicies"] if each["policyName"] == name]
    assert json.loads(found["policyDocument"]) == {"Version": "2008-10-17", "Statement": [
        {**statement, "Principal": {"Service": "events.amazonaws.com"}}]}
    logs.delete_resource_policy(policyName=name)
    with pytest.raises(ClientError) as failure:
        logs.delete_resource_policy(policyName=name)
    assert failure.value.response["Error"] == {
        "Code": "ResourceNotFoundException", "Message": f"Policy with name [{name}] does not exist."}


def test_query_definitions(logs, name):
    made = logs.put_query_definition(name=name, queryString="fields @message", logGroupNames=["g"])["queryDefinitionId"]
    [found] = logs.describe_query_definitions(queryDefinitionNamePrefix=name)["queryDefinitions"]
    assert found.pop("lastModified")
    assert found == {
        "queryLanguage": "CWLI", "queryDefinitionId": made, "name": name, "queryString": "fields @message",
        "logGroupNames": ["g"]}
    assert logs.delete_query_definition(queryDefinitionId=made)["success"]


def test_policies_decide(server, logs, group, name):
    """Actions and resources are those of the Service Authorization Reference."""
    iam = server.client("iam")
    iam.create_user(UserName=name)
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": ["logs:StartLiveTail", "logs:PutMetricFilter", "logs:DescribeResourcePolicies"],
            "Resource": f"{arn(group)}:*"}, {"Effect": "Allow", "Action": "logs:TestMetricFilter", "Resource": "*"}]}))
    try:
        own = server.client(
            "logs", host_prefixes=False, aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"])
        own.start_live_tail(logGroupIdentifiers=[arn(group)])["responseStream"].close()
        own.test_metric_filter(filterPattern="a", logEventMessages=["a"])
        transformation = {"metricName": "m", "metricNamespace": "n", "metricValue": "1"}
        arguments = {"filterName": "f", "filterPattern": "a", "metricTransformations": [transformation]}
        own.put_metric_filter(logGroupName=group, **arguments)
        for call in [
            lambda: own.start_live_tail(logGroupIdentifiers=[arn(group), arn(f"{group}-other")]),
            lambda: own.put_metric_filter(logGroupName=f"{group}-other", **arguments),
            lambda: own.delete_metric_filter(logGroupName=group, filterName="f"),
            own.describe_resource_policies,
            lambda: own.put_query_definition(name="q", queryString="limit 1"),
        ]:
            with pytest.raises(ClientError) as failure:
                call()
            assert failure.value.response["Error"]["Code"] == "AccessDeniedException"
    finally:
        iam.delete_access_key(UserName=name, AccessKeyId=keys["AccessKeyId"])
        iam.delete_user_policy(UserName=name, PolicyName="p")
        iam.delete_user(UserName=name)


def test_the_command_line(server, group):
    def aws(*arguments):
        ended = subprocess.run(
            ["aws", "logs", *arguments, "--output", "json"], env=server.variables(), capture_output=True, text=True,
            timeout=120)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout) if ended.stdout.strip() else None

    now = int(time.time() * 1000)
    answer = aws(
        "put-log-events", "--log-group-name", group, "--log-stream-name", "s", "--log-events",
        f"timestamp={now},message=hello")
    assert answer["nextSequenceToken"]
    events = aws("filter-log-events", "--log-group-name", group)["events"]
    assert [each["message"] for each in events] == ["hello"]
    aws("put-metric-filter", "--log-group-name", group, "--filter-name", "f", "--filter-pattern", "hello",
        "--metric-transformations", "metricName=m,metricNamespace=n,metricValue=1,defaultValue=0")
    [described] = aws("describe-metric-filters", "--log-group-name", group)["metricFilters"]
    assert described["metricTransformations"][0]["defaultValue"] == 0
    assert aws("test-metric-filter", "--filter-pattern", "hello", "--log-event-messages", "hello you")["matches"]


RESOURCES = """
variable "pattern" { default = "ERROR" }

variable "days" { default = 7 }

resource "aws_cloudwatch_log_group" "events" {
  name              = "%(name)s"
  retention_in_days = var.days
  tags              = { team = "swifts" }
}

data "aws_cloudwatch_log_groups" "all" {
  log_group_name_prefix = aws_cloudwatch_log_group.events.name
}

resource "aws_cloudwatch_log_stream" "events" {
  name           = "s"
  log_group_name = aws_cloudwatch_log_group.events.name
}

resource "aws_lambda_permission" "logs" {
  action        = "lambda:InvokeFunction"
  function_name = "%(function)s"
  principal     = "logs.amazonaws.com"
  source_arn    = "${aws_cloudwatch_log_group.events.arn}:*"
}

resource "aws_cloudwatch_log_subscription_filter" "errors" {
  name            = "errors"
  log_group_name  = aws_cloudwatch_log_group.events.name
  filter_pattern  = var.pattern
  destination_arn = "%(arn)s"
  depends_on      = [aws_lambda_permission.logs]
}

resource "aws_cloudwatch_log_metric_filter" "errors" {
  name           = "errors"
  log_group_name = aws_cloudwatch_log_group.events.name
  pattern        = "{ $.level = error }"

  metric_transformation {
    name       = "Errors"
    namespace  = "app"
    value      = "$.count"
    unit       = "Count"
    dimensions = { Code = "$.code" }
  }
}

resource "aws_cloudwatch_log_metric_filter" "words" {
  name           = "words"
  log_group_name = aws_cloudwatch_log_group.events.name
  pattern        = var.pattern

  metric_transformation {
    name          = "Words"
    namespace     = "app"
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_log_resource_policy" "events" {
  policy_name = "%(name)s"
  policy_document = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = ["events.amazonaws.com", "delivery.logs.amazonaws.com"] }
      Action    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource  = "${aws_cloudwatch_log_group.events.arn}:*"
    }]
  })
}

resource "aws_cloudwatch_query_definition" "errors" {
  name            = "%(name)s"
  log_group_names = [aws_cloudwatch_log_group.events.name]
  query_string    = "filter level = 'error' | limit 5"
}
"""


def test_terraform(logs, terraform, deploy, lambda_client, name):
    function = deploy(python=PRINT)
    arn = lambda_client.get_function_configuration(FunctionName=function)["FunctionArn"]
    run = terraform(RESOURCES % {"name": f"{name}-group", "function": function, "arn": arn})
    run("apply")
    assert run.has_no_changes()
    changes = ("-var", "pattern={ $.level = error }", "-var", "days=14")
    run("apply", *changes)
    assert run.has_no_changes(*changes)
    [described] = logs.describe_log_groups(logGroupNamePrefix=f"{name}-group")["logGroups"]
    assert described["retentionInDays"] == 14
    [described] = logs.describe_subscription_filters(logGroupName=f"{name}-group")["subscriptionFilters"]
    assert described["filterPattern"] == "{ $.level = error }"
    filters = logs.describe_metric_filters(logGroupName=f"{name}-group")["metricFilters"]
    assert [each["filterPattern"] for each in filters] == ["{ $.level = error }", "{ $.level = error }"]
    run("destroy")
    assert logs.describe_log_groups(logGroupNamePrefix=f"{name}-group")["logGroups"] == []
    assert logs.describe_query_definitions(queryDefinitionNamePrefix=f"{name}")["queryDefinitions"] == []
