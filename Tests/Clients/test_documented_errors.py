"""What EventBridge and CloudWatch Logs answer about what is not there, is there already or may not be, operation by
operation, in the words that LocalStack recorded of AWS (tests/aws/services/events/*.snapshot.json and
tests/aws/services/logs/*.snapshot.json)."""

import pytest

from conftest import refused


GHOST = "there-is-none"
EVENTS, LOGS = "arn:aws:events:us-east-1:000000000000", "arn:aws:logs:us-east-1:000000000000"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
MISSING, EXISTS, INVALID = "ResourceNotFoundException", "ResourceAlreadyExistsException", "ValidationException"
NO_BUS, NO_RULE = f"Event bus {GHOST} does not exist.", f"Rule {GHOST} does not exist on EventBus default."
NO_ARCHIVE, NO_REPLAY = f"Archive {GHOST} does not exist.", f"Replay {GHOST} does not exist."
TAG = [{"Key": "a", "Value": "b"}]
TIMES = {"EventStartTime": 1_700_000_000, "EventEndTime": 1_700_000_001}
BUS = f"{EVENTS}:event-bus/default"


@pytest.fixture(scope="module")
def events(server):
    return server.client("events")


@pytest.mark.parametrize("call, arguments, message", [
    ("create_archive", {"ArchiveName": "a", "EventSourceArn": f"{EVENTS}:event-bus/{GHOST}"}, NO_BUS),
    # Another's is not told from none: test_create_archive_error_unknown_event_bus.
    ("create_archive", {"ArchiveName": "a", "EventSourceArn": f"arn:aws:events:us-east-1:123456789012:event-bus/{GHOST}"},
     NO_BUS),
    ("list_archives", {"EventSourceArn": f"{EVENTS}:event-bus/{GHOST}"}, NO_BUS),
    ("describe_archive", {"ArchiveName": GHOST}, NO_ARCHIVE), ("delete_archive", {"ArchiveName": GHOST}, NO_ARCHIVE),
    ("update_archive", {"ArchiveName": GHOST, "RetentionDays": 1}, NO_ARCHIVE),
    ("describe_replay", {"ReplayName": GHOST}, NO_REPLAY), ("cancel_replay", {"ReplayName": GHOST}, NO_REPLAY),
    ("describe_event_bus", {"Name": GHOST}, NO_BUS), ("update_event_bus", {"Name": GHOST, "Description": "d"}, NO_BUS),
    ("put_permission", {"EventBusName": GHOST, "Action": "events:PutEvents", "Principal": "111111111111",
                        "StatementId": "s"}, NO_BUS),
    ("remove_permission", {"EventBusName": GHOST, "StatementId": "s"}, NO_BUS),
    ("put_rule", {"Name": "r", "EventBusName": GHOST, "EventPattern": '{"source":["s"]}'}, NO_BUS),
    ("list_rules", {"EventBusName": GHOST}, NO_BUS),
    ("list_rule_names_by_target", {"EventBusName": GHOST, "TargetArn": QUEUE}, NO_BUS),
    ("describe_rule", {"Name": GHOST}, NO_RULE), ("enable_rule", {"Name": GHOST}, NO_RULE),
    ("disable_rule", {"Name": GHOST}, NO_RULE), ("list_targets_by_rule", {"Rule": GHOST}, NO_RULE),
    ("put_targets", {"Rule": GHOST, "Targets": [{"Id": "t", "Arn": QUEUE}]}, NO_RULE),
    ("remove_targets", {"Rule": GHOST, "Ids": ["t"]}, NO_RULE),
    ("tag_resource", {"ResourceARN": f"{EVENTS}:rule/{GHOST}", "Tags": TAG}, NO_RULE),
    ("untag_resource", {"ResourceARN": f"{EVENTS}:rule/{GHOST}", "TagKeys": ["a"]}, NO_RULE),
    ("list_tags_for_resource", {"ResourceARN": f"{EVENTS}:rule/{GHOST}"}, NO_RULE),
])
def test_what_eventbridge_does_not_have(events, call, arguments, message):
    assert refused(getattr(events, call), **arguments) == (MISSING, message, 400)


@pytest.mark.parametrize("call, arguments, code, message", [
    ("delete_event_bus", {"Name": "default"}, INVALID, "Cannot delete event bus default."),
    ("create_event_bus", {"Name": "default"}, EXISTS, "Event bus default already exists."),
    ("update_archive", {"ArchiveName": GHOST}, INVALID,
     "At least one of EventPattern, RetentionDays or Description must be provided."),
    ("start_replay", {"ReplayName": "r", "EventSourceArn": f"{EVENTS}:archive/{GHOST}", **TIMES, "Destination": {"Arn": BUS}},
     INVALID, f"Parameter EventSourceArn is not valid. Reason: {NO_ARCHIVE}"),
    ("put_rule", {"Name": "r"}, INVALID, "Parameter(s) EventPattern or ScheduleExpression must be specified."),
    ("put_rule", {"Name": "r", "ScheduleExpression": "rate(1 minute)", "EventBusName": GHOST}, MISSING, NO_BUS),
    ("put_rule", {"Name": "r", "ScheduleExpression": "rate(10 seconds)"}, INVALID,
     "Parameter ScheduleExpression is not valid."),
    ("put_rule", {"Name": "r", "EventPattern": "x"}, "InvalidEventPatternException", None),
    ("test_event_pattern", {"EventPattern": "{}", "Event": "{}"}, "InvalidEventPatternException", None),
])
def test_what_eventbridge_refuses(events, call, arguments, code, message):
    found, words, status = refused(getattr(events, call), **arguments)
    assert (found, status) == (code, 400) and (message is None or words == message), words


# MARK: CloudWatch Logs

NO_GROUP, NO_STREAM = "The specified log group does not exist.", "The specified log stream does not exist."
FILTER = {"logGroupName": GHOST, "filterName": "f"}
METRIC = {"filterPattern": "", "metricTransformations": [
    {"metricName": "m", "metricNamespace": "n", "metricValue": "1"}]}


@pytest.fixture(scope="module")
def logs(server):
    client = server.client("logs")
    client.create_log_group(logGroupName="documented-errors")
    return client


@pytest.mark.parametrize("call, arguments", [
    ("create_log_stream", {"logGroupName": GHOST, "logStreamName": "s"}), ("delete_log_group", {"logGroupName": GHOST}),
    ("delete_log_stream", {"logGroupName": GHOST, "logStreamName": "s"}),
    ("delete_metric_filter", FILTER), ("delete_subscription_filter", FILTER), ("put_metric_filter", {**FILTER, **METRIC}),
    ("delete_retention_policy", {"logGroupName": GHOST}), ("put_retention_policy", {"logGroupName": GHOST, "retentionInDays": 1}),
    ("describe_log_streams", {"logGroupName": GHOST}), ("describe_metric_filters", {"logGroupName": GHOST}),
    ("describe_subscription_filters", {"logGroupName": GHOST}), ("filter_log_events", {"logGroupName": GHOST}),
    ("get_log_events", {"logGroupName": GHOST, "logStreamName": "s"}),
    ("put_log_events", {"logGroupName": GHOST, "logStreamName": "s", "logEvents": [{"timestamp": 1, "message": "m"}]}),
    ("list_tags_log_group", {"logGroupName": GHOST}), ("tag_log_group", {"logGroupName": GHOST, "tags": {"a": "b"}}),
    ("untag_log_group", {"logGroupName": GHOST, "tags": ["a"]}),
])
def test_groups_that_are_not_there(logs, call, arguments):
    assert refused(getattr(logs, call), **arguments) == (MISSING, NO_GROUP, 400)


@pytest.mark.parametrize("call, arguments, code, message", [
    ("create_log_group", {}, EXISTS, "The specified log group already exists"),
    ("delete_log_stream", {"logStreamName": GHOST}, MISSING, NO_STREAM),
    ("get_log_events", {"logStreamName": GHOST}, MISSING, NO_STREAM),
    ("put_log_events", {"logStreamName": GHOST, "logEvents": [{"timestamp": 1, "message": "m"}]}, MISSING, NO_STREAM),
    ("delete_metric_filter", {"filterName": GHOST}, MISSING, "The specified metric filter does not exist."),
    ("delete_subscription_filter", {"filterName": GHOST}, MISSING, "The specified subscription filter does not exist."),
    ("describe_log_groups", {"logGroupNamePrefix": "a", "logGroupNamePattern": "a"}, "InvalidParameterException",
     "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."),
    ("describe_log_groups", {"nextToken": "!"}, "InvalidParameterException", "The specified nextToken is invalid."),
    ("list_log_groups", {"nextToken": "!"}, "InvalidParameterException", "The specified nextToken is invalid."),
    ("list_log_groups", {"includeLinkedAccounts": True}, "NotImplementedException", None),
    ("list_tags_for_resource", {"resourceArn": f"{LOGS}:log-group:{GHOST}"}, MISSING, None),
    ("tag_resource", {"resourceArn": f"{LOGS}:log-group:{GHOST}", "tags": {"a": "b"}}, MISSING, None),
    ("untag_resource", {"resourceArn": f"{LOGS}:log-group:{GHOST}", "tagKeys": ["a"]}, MISSING, None),
    ("delete_resource_policy", {"policyName": GHOST}, MISSING, f"Policy with name [{GHOST}] does not exist."),
    ("put_resource_policy", {"policyName": "p", "policyDocument": "x"}, "InvalidParameterException", None),
    ("get_query_results", {"queryId": GHOST}, MISSING, None), ("stop_query", {"queryId": GHOST}, MISSING, None),
    ("delete_query_definition", {"queryDefinitionId": GHOST}, MISSING, None),
    ("start_query", {"queryString": "fields", "startTime": 0, "endTime": 1}, "MalformedQueryException", None),
    ("put_subscription_filter", {"filterName": "f", "filterPattern": "{", "destinationArn": FUNCTION},
     "InvalidParameterException", None),
    ("test_metric_filter", {"filterPattern": "{ $.a", "logEventMessages": ["a"]}, "InvalidParameterException", None),
    ("start_live_tail", {"logGroupIdentifiers": [f"{LOGS}:log-group:{GHOST}"]}, MISSING, None),
])
def test_what_logs_refuses(server, logs, call, arguments, code, message):
    shape = logs.meta.service_model.operation_model(logs.meta.method_to_api_mapping[call]).input_shape
    if "logGroupName" in shape.members:
        arguments = {"logGroupName": "documented-errors", **arguments}
    client = server.client("logs", host_prefixes=False)
    found, words, status = refused(getattr(client, call), **arguments)
    assert (found, status) == (code, 501 if code == "NotImplementedException" else 400)
    assert message is None or words == message


def test_groups_by_older_and_newer_operations(logs, name):
    """test_tag_resource_api, and https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListLogGroups.html"""
    names = [f"{name}-{number}" for number in range(3)]
    for each in names:
        logs.create_log_group(logGroupName=each, tags={"env": "one"})
    arn = f"{LOGS}:log-group:{names[0]}"
    logs.tag_resource(resourceArn=arn, tags={"two": "2"})
    logs.tag_log_group(logGroupName=names[0], tags={"three": "3"})
    tags = {"env": "one", "two": "2", "three": "3"}
    assert logs.list_tags_log_group(logGroupName=names[0])["tags"] == tags
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == tags
    logs.untag_log_group(logGroupName=names[0], tags=["env", "three"])
    assert logs.list_tags_log_group(logGroupName=names[0])["tags"] == {"two": "2"}
    assert refused(logs.tag_log_group, logGroupName=names[0], tags={f"k{n}": "v" for n in range(50)})[0] == (
        "InvalidParameterException")

    part = name[-12:]
    first = logs.list_log_groups(logGroupNamePattern=part, limit=2)
    assert first["logGroups"] == [
        {"logGroupName": each, "logGroupArn": f"{LOGS}:log-group:{each}", "logGroupClass": "STANDARD"} for each in names[:2]]
    rest = logs.list_log_groups(logGroupNamePattern=part, limit=2, nextToken=first["nextToken"])
    assert [each["logGroupName"] for each in rest["logGroups"]] == names[2:] and "nextToken" not in rest
    assert logs.list_log_groups(logGroupNamePattern=f"^{part}")["logGroups"] == []
    assert len(logs.list_log_groups(logGroupNamePattern=f"nothing|^{name[:20]}")["logGroups"]) >= 3
    assert logs.list_log_groups(logGroupNamePattern=part, logGroupClass="INFREQUENT_ACCESS")["logGroups"] == []
    for each in names:
        logs.delete_log_group(logGroupName=each)


def test_names_of_metrics_have_more_characters_than_the_model_says(logs):
    """test_put_metric_filter_with_special_namespace"""
    [transformation] = METRIC["metricTransformations"]
    logs.put_metric_filter(logGroupName="documented-errors", filterName="f", filterPattern="", metricTransformations=[
        {**transformation, "metricNamespace": "A.B-c_d/1#2:metricNamespace", "defaultValue": 0}])
    [found] = logs.describe_metric_filters(logGroupName="documented-errors")["metricFilters"]
    assert found["metricTransformations"][0]["metricNamespace"] == "A.B-c_d/1#2:metricNamespace"
    # As AWS writes it.
    assert type(found["metricTransformations"][0]["defaultValue"]) is float
