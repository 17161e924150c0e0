"""Amazon EventBridge as clients see it: boto3, `aws` and Terraform, and events on their way to other services.

Answers and refusals are AWS's as LocalStack recorded them (tests/aws/services/events/*.snapshot.json and, for outcomes of
functions, tests/aws/services/lambda_/test_lambda_destinations.snapshot.json).
"""

import datetime
import json
import signal

import pytest

from conftest import refused, wait_until

ACCOUNT = "000000000000"
PATTERN = json.dumps({"source": ["shop"], "detail": {"n": [{"numeric": [">", 0]}]}})


def entry(bus="default", n=1, **members):
    return {"Source": "shop", "DetailType": "sold", "Detail": json.dumps({"n": n}), "EventBusName": bus, **members}


def make_queue(server, name):
    """A queue into which events may be put."""
    sqs = server.client("sqs")
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if name.endswith(".fifo") else {}
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    return url, arn


def messages(server, url, count=1):
    sqs, got = server.client("sqs"), []

    def receive():
        got.extend(sqs.receive_message(
            QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages", []))
        return len(got) >= count and got

    return wait_until(receive, 90, f"{count} messages")


@pytest.fixture
def events(server):
    return server.client("events")


@pytest.fixture
def rule(events, name):
    """A rule on a bus of its own."""
    events.create_event_bus(Name=name)
    events.put_rule(Name=name, EventBusName=name, EventPattern=PATTERN)
    return name


def test_buses(events, name):
    arn = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/{name}"
    assert events.create_event_bus(Name=name, Description="mine")["EventBusArn"] == arn
    assert refused(events.create_event_bus, Name=name)[:2] == (
        "ResourceAlreadyExistsException", f"Event bus {name} already exists.")
    bus = events.describe_event_bus(Name=name)
    assert {"Name", "Arn", "Description", "CreationTime", "LastModifiedTime"} == set(bus) - {"ResponseMetadata"}
    events.update_event_bus(Name=name, Description="ours")
    [bus] = events.list_event_buses(NamePrefix=name)["EventBuses"]
    assert bus["Description"] == "ours" and bus["Arn"] == arn
    assert events.describe_event_bus()["Name"] == "default"
    events.put_permission(EventBusName=name, Action="events:PutEvents", Principal="111111111111", StatementId="one")
    policy = json.loads(events.describe_event_bus(Name=name)["Policy"])
    assert policy["Statement"] == [{
        "Sid": "one", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
        "Action": "events:PutEvents", "Resource": arn}]
    assert refused(events.remove_permission, EventBusName=name, StatementId="two")[:2] == (
        "ResourceNotFoundException", "Statement with the provided id does not exist.")
    events.remove_permission(EventBusName=name, StatementId="one")
    assert "Policy" not in events.describe_event_bus(Name=name)
    events.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "b"}])
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    events.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == []
    assert refused(events.delete_event_bus, Name="default")[:2] == (
        "ValidationException", "Cannot delete event bus default.")
    events.delete_event_bus(Name=name)
    assert refused(events.describe_event_bus, Name=name)[:2] == (
        "ResourceNotFoundException", f"Event bus {name} does not exist.")


def test_rules_and_targets(events, rule, server):
    arn = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{rule}/{rule}"
    described = events.describe_rule(Name=rule, EventBusName=rule)
    assert {key: value for key, value in described.items() if key != "ResponseMetadata"} == {
        "Name": rule, "Arn": arn, "EventPattern": PATTERN, "State": "ENABLED", "EventBusName": rule,
        "CreatedBy": ACCOUNT}
    events.disable_rule(Name=rule, EventBusName=rule)
    assert events.list_rules(EventBusName=rule)["Rules"][0]["State"] == "DISABLED"
    events.enable_rule(Name=rule, EventBusName=rule)
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{rule}"
    targets = [{"Id": f"t{n}", "Arn": queue, "InputPath": "$.detail"} for n in range(5)]
    assert events.put_targets(Rule=rule, EventBusName=rule, Targets=targets)["FailedEntryCount"] == 0
    assert refused(events.put_targets, Rule=rule, EventBusName=rule, Targets=[{"Id": "t6", "Arn": queue}])[:2] == (
        "LimitExceededException", "The requested resource exceeds the maximum number allowed.")
    first = events.list_targets_by_rule(Rule=rule, EventBusName=rule, Limit=3)
    rest = events.list_targets_by_rule(Rule=rule, EventBusName=rule, Limit=3, NextToken=first["NextToken"])
    assert first["Targets"] + rest["Targets"] == targets and "NextToken" not in rest
    assert events.list_rule_names_by_target(TargetArn=queue, EventBusName=rule)["RuleNames"] == [rule]
    assert refused(events.delete_rule, Name=rule, EventBusName=rule)[:2] == (
        "ValidationException", "Rule can't be deleted since it has targets.")
    assert refused(events.describe_rule, Name="none")[:2] == (
        "ResourceNotFoundException", "Rule none does not exist on EventBus default.")
    one = {"Id": "t0", "Arn": queue}
    both = {**one, "InputPath": "$.detail", "Input": "{}"}
    assert refused(events.put_targets, Rule=rule, EventBusName=rule, Targets=[both])[:2] == (
        "ValidationException", "Only one of Input, InputPath, or InputTransformer must be provided for target t0.")
    unknown = {**one, "InputTransformer": {"InputTemplate": '"<nobody>"'}}
    assert refused(events.put_targets, Rule=rule, EventBusName=rule, Targets=[unknown])[:2] == (
        "ValidationException", "InputTemplate for target t0 contains invalid placeholder nobody.")
    machine = {**one, "Arn": f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m"}
    assert refused(events.put_targets, Rule=rule, EventBusName=rule, Targets=[machine])[0] == "NotImplementedException"
    events.remove_targets(Rule=rule, EventBusName=rule, Ids=[target["Id"] for target in targets])
    events.delete_rule(Name=rule, EventBusName=rule)
    assert events.list_rules(EventBusName=rule)["Rules"] == []


def test_patterns(events):
    event = {"id": "1", "source": "s", "account": "1", "time": "t", "region": "r", "detail-type": "d", "a": [1, 2]}
    assert events.test_event_pattern(EventPattern='{"a":[2]}', Event=json.dumps(event))["Result"] is True
    assert events.test_event_pattern(EventPattern='{"a":[3]}', Event=json.dumps(event))["Result"] is False
    assert refused(events.test_event_pattern, EventPattern='{"a":[3]}', Event="x")[:2] == (
        "ValidationException", "Parameter Event is not valid.")
    assert refused(events.test_event_pattern, EventPattern='{"int": 42}', Event=json.dumps(event))[:2] == (
        "InvalidEventPatternException",
        'Event pattern is not valid. Reason: "int" must be an object or an array\n'
        ' at [Source: (String)"{"int": 42}"; line: 1, column: 11]')


def test_entries(events):
    bad = [{k: v for k, v in entry().items() if k != left} for left in ("Source", "DetailType", "Detail")]
    bad += [entry(Detail=detail) for detail in ("NotJSON", "[]", "{{}", '"NotJSON"')] + [entry(Source="aws.ec2")]
    answer = events.put_events(Entries=bad + [entry(bus="nowhere")])
    assert answer["FailedEntryCount"] == 8 and "EventId" in answer["Entries"][8]
    assert answer["Entries"][0] == {
        "ErrorCode": "InvalidArgument",
        "ErrorMessage": "Parameter Source is not valid. Reason: Source is a required argument."}
    assert {each["ErrorCode"] for each in answer["Entries"][3:7]} == {"MalformedDetail"}
    assert answer["Entries"][7]["ErrorCode"] == "NotAuthorizedForSourceException"
    assert refused(events.put_events, Entries=[entry(Detail=json.dumps({"x": "y" * 1_048_576}))])[:2] == (
        "ValidationException", "Total size of the entries in the request is over the limit.")
    assert refused(events.put_events, Entries=[entry()] * 11)[0] == "ValidationException"


def test_queues_get_events(server, events, rule):
    url, arn = make_queue(server, rule)
    fifo_url, fifo = make_queue(server, f"{rule[:70]}.fifo")
    transformer = {
        "InputPathsMap": {"n": "$.detail.n", "whole": "$.detail"},
        "InputTemplate": '{"n": <n>, "text": "n is <n>", "whole": <whole>, "rule": <aws.events.rule-name>}'}
    events.put_targets(Rule=rule, EventBusName=rule, Targets=[
        {"Id": "plain", "Arn": arn},
        {"Id": "path", "Arn": arn, "InputPath": "$.detail.n"},
        {"Id": "constant", "Arn": arn, "Input": '{"a":1}'},
        {"Id": "transformed", "Arn": arn, "InputTransformer": transformer},
        {"Id": "fifo", "Arn": fifo, "SqsParameters": {"MessageGroupId": "g"}}])
    sent = events.put_events(Entries=[entry(rule, 7, Resources=["arn:x"]), entry(rule, -1)])
    bodies = [json.loads(message["Body"]) for message in messages(server, url, 4)]
    assert len(bodies) == 4 and 7 in bodies and {"a": 1} in bodies
    assert {"n": 7, "text": "n is 7", "whole": {"n": 7}, "rule": rule} in bodies
    [event] = [body for body in bodies if isinstance(body, dict) and "detail-type" in body]
    time = event.pop("time")
    assert datetime.datetime.fromisoformat(time)
    assert event == {
        "version": "0", "id": sent["Entries"][0]["EventId"], "detail-type": "sold", "source": "shop",
        "account": ACCOUNT, "region": "us-east-1", "resources": ["arn:x"], "detail": {"n": 7}}
    [message] = messages(server, fifo_url)
    assert json.loads(message["Body"])["detail"] == {"n": 7}


def test_topics_buses_and_functions_get_events(server, events, rule, deploy, lambda_client):
    url, arn = make_queue(server, rule)
    second = f"{rule[:60]}-2"
    bus = events.create_event_bus(Name=second)["EventBusArn"]
    events.put_permission(EventBusName=second, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Sid": "s", "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "events:PutEvents",
        "Resource": bus}]}))
    events.put_rule(Name=rule, EventBusName=second, EventPattern='{"source":["shop"]}')
    events.put_targets(Rule=rule, EventBusName=second, Targets=[{"Id": "queue", "Arn": arn}])
    sns = server.client("sns")
    topic = sns.create_topic(Name=rule)["TopicArn"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish",
            "Resource": topic}]}))
    server.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": ["events.amazonaws.com", "sns.amazonaws.com"]},
            "Action": "sqs:SendMessage", "Resource": arn}]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    function = deploy(python="def handler(event, context): print('GOT', event['detail']['n'])\n")
    function_arn = lambda_client.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    lambda_client.add_permission(
        FunctionName=function, StatementId="events", Action="lambda:InvokeFunction", Principal="events.amazonaws.com")
    events.put_targets(Rule=rule, EventBusName=rule, Targets=[
        {"Id": "topic", "Arn": topic}, {"Id": "bus", "Arn": bus}, {"Id": "function", "Arn": function_arn}])
    events.put_events(Entries=[entry(rule, 5)])
    bodies = [json.loads(message["Body"]) for message in messages(server, url, 2)]
    [notice] = [body for body in bodies if body.get("Type") == "Notification"]
    [passed] = [body for body in bodies if "detail" in body]
    assert json.loads(notice["Message"])["detail"] == passed["detail"] == {"n": 5}
    logs = server.client("logs")

    def printed():
        try:
            got = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return False
        return any("GOT 5" in each["message"] for each in got)

    wait_until(printed, 90, "the function's line")


@pytest.mark.parametrize("region, count", [("us-east-1", 1), ("eu-west-1", 2)])
def test_ids_from_bus_to_bus(server, events, rule, region, count):
    """An event keeps its id in its region: test_event_bus_to_event_bus_cross_account_region."""
    url, arn = make_queue(server, rule)
    there, second = server.client("events", region_name=region), f"{rule[:60]}-2"
    bus = there.create_event_bus(Name=second)["EventBusArn"]
    there.put_permission(EventBusName=second, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Sid": "s", "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "events:PutEvents",
        "Resource": bus}]}))
    there.put_rule(Name=rule, EventBusName=second, EventPattern='{"source":["shop"]}')
    there.put_targets(Rule=rule, EventBusName=second, Targets=[{"Id": "queue", "Arn": arn}])
    events.put_targets(Rule=rule, EventBusName=rule, Targets=[{"Id": "queue", "Arn": arn}, {"Id": "bus", "Arn": bus}])
    events.put_events(Entries=[entry(rule, 5)])
    bodies = [json.loads(message["Body"]) for message in messages(server, url, 2)]
    assert len({body["id"] for body in bodies}) == count and {body["region"] for body in bodies} == {"us-east-1"}


def test_dead_letters(server, events, rule):
    url, arn = make_queue(server, rule)
    target = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{rule}-nowhere"
    events.put_targets(Rule=rule, EventBusName=rule, Targets=[{
        "Id": "gone", "Arn": target, "InputPath": "$.detail", "DeadLetterConfig": {"Arn": arn},
        "RetryPolicy": {"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 60}}])
    events.put_events(Entries=[entry(rule, 3)])
    [message] = messages(server, url)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["TARGET_ARN"] == target and attributes["ERROR_CODE"] == "NO_RESOURCE"
    assert attributes["RULE_ARN"] == f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{rule}/{rule}"
    assert attributes["ERROR_MESSAGE"] and attributes["RETRY_ATTEMPTS"] == "0"
    assert json.loads(message["Body"])["detail"] == {"n": 3}


def test_targets_are_reached_as_their_roles(server, events, rule, name):
    """What a role may is the caller's to hand on: "iam:PassRole" in the Service Authorization Reference."""
    iam, sqs, short = server.client("iam"), server.client("sqs"), name[-50:]
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def make_role(suffix, service):
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}]}
        made = iam.create_role(RoleName=short + suffix, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=short + suffix, PolicyName="send", PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue}]}))
        return made

    role, other = make_role("-e", "events.amazonaws.com"), make_role("-l", "lambda.amazonaws.com")
    target = {"Id": "queue", "Arn": queue, "RoleArn": role}
    words = f"Provided role '{other}' cannot be assumed by principal 'events.amazonaws.com'."
    assert refused(events.put_targets, Rule=rule, EventBusName=rule, Targets=[{**target, "RoleArn": other}])[:2] == (
        "ValidationException", words)
    assert refused(events.put_rule, Name=rule, EventBusName=rule, EventPattern=PATTERN, RoleArn=other)[:2] == (
        "ValidationException", words)
    assert refused(
        events.put_targets, Rule=rule, EventBusName=rule,
        Targets=[{**target, "RoleArn": role.replace(ACCOUNT, "111111111111")}])[0] == "AccessDeniedException"
    # Of a user who may change rules, but not hand on that role.
    iam.create_user(UserName=short)
    keys = iam.create_access_key(UserName=short)["AccessKey"]
    user = server.client(
        "events", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"])
    for actions, may in ((["events:*"], False), (["events:*", "iam:PassRole"], True)):
        iam.put_user_policy(UserName=short, PolicyName="p", PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}))
        if may:
            assert user.put_targets(Rule=rule, EventBusName=rule, Targets=[target])["FailedEntryCount"] == 0
        else:
            code, message = refused(user.put_targets, Rule=rule, EventBusName=rule, Targets=[target])[:2]
            assert code == "AccessDeniedException" and "iam:PassRole" in message
    # The queue's own policy lets nobody in.
    events.put_events(Entries=[entry(rule)])
    assert json.loads(messages(server, url)[0]["Body"])["detail"] == {"n": 1}


def test_a_bus_in_another_region_is_reached_as_the_role_of_the_rule(server, events, rule, name):
    """"The Amazon Resource Name (ARN) of the role that is used for target invocation": the model's Rule$RoleArn."""
    iam, far, short = server.client("iam"), server.client("events", region_name="eu-west-1"), name[-60:]
    url, arn = make_queue(server, name)
    bus = far.create_event_bus(Name=short)["EventBusArn"]
    far.put_rule(Name="r", EventBusName=short, EventPattern=PATTERN)
    far.put_targets(Rule="r", EventBusName=short, Targets=[{"Id": "queue", "Arn": arn}])
    target = {"Id": "bus", "Arn": bus, "DeadLetterConfig": {"Arn": arn}}
    events.put_targets(Rule=rule, EventBusName=rule, Targets=[target])
    failing = events.put_events(Entries=[entry(rule, 1)])["Entries"][0]["EventId"]
    # The bus has no policy.
    [letter] = messages(server, url)
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert json.loads(letter["Body"])["id"] == failing
    server.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
    role = iam.create_role(RoleName=short, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "events.amazonaws.com"}}]}))["Role"]["Arn"]
    iam.put_role_policy(RoleName=short, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "events:PutEvents", "Resource": bus}]}))
    events.put_rule(Name=rule, EventBusName=rule, EventPattern=PATTERN, RoleArn=role)
    sent = events.put_events(Entries=[entry(rule, 2)])["Entries"][0]["EventId"]
    [message] = messages(server, url)
    event = json.loads(message["Body"])
    assert (event["detail"], event["region"]) == ({"n": 2}, "us-east-1") and event["id"] != sent
    server.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    # From there it does not go on: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-bus-to-bus.html
    far.put_targets(Rule="r", EventBusName=short, Targets=[{
        "Id": "queue", "Arn": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/{rule}", "DeadLetterConfig": {"Arn": arn}}])
    events.put_events(Entries=[entry(rule, 3)])
    [letter] = messages(server, url)
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "THIRD_REGION_HOP_DETECTED"
    assert "because an event can be sent to an event bus target only once" in (
        letter["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"])
    assert refused(events.put_targets, Rule=rule, EventBusName=rule, Targets=[{**target, "InputPath": "$.detail"}])[:2] == (
        "ValidationException", "Modifying the input for target bus is not supported.")


def test_outcomes_of_functions_come_to_buses(server, events, deploy, lambda_client, sender, name):
    url, arn = make_queue(server, name)
    bus = events.create_event_bus(Name=name)["EventBusArn"]
    events.put_rule(Name=name, EventBusName=name, EventPattern='{"source":["lambda"]}')
    events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "queue", "Arn": arn}])
    function = deploy(python="def handler(event, context): return 'done'\n")
    lambda_client.update_function_configuration(FunctionName=function, Role=sender("events:PutEvents"))
    lambda_client.get_waiter("function_updated_v2").wait(
        FunctionName=function, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    lambda_client.put_function_event_invoke_config(
        FunctionName=function, DestinationConfig={"OnSuccess": {"Destination": bus}})
    lambda_client.invoke(FunctionName=function, InvocationType="Event", Payload=b'"x"')
    [message] = messages(server, url)
    event = json.loads(message["Body"])
    assert event["source"] == "lambda" and event["detail-type"] == "Lambda Function Invocation Result - Success"
    assert event["resources"][0] == bus and event["resources"][1].endswith(f":function:{function}:$LATEST")
    assert event["detail"]["responsePayload"] == "done" and event["detail"]["requestPayload"] == "x"


def test_archives_and_replays(server, events, rule):
    url, arn = make_queue(server, rule)
    bus = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/{rule}"
    short = rule[-40:]
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)
    created = events.create_archive(ArchiveName=short, EventSourceArn=bus, RetentionDays=1, EventPattern=PATTERN)
    assert created["State"] == "ENABLED" and created["ArchiveArn"].endswith(f":archive/{short}")
    assert refused(events.create_archive, ArchiveName=short, EventSourceArn=bus)[:2] == (
        "ResourceAlreadyExistsException", f"Archive {short} already exists.")
    events.put_events(Entries=[entry(rule, n) for n in (1, 2, 0)])
    archive = events.describe_archive(ArchiveName=short)
    assert archive["EventCount"] == 2 and archive["SizeBytes"] > 0 and archive["RetentionDays"] == 1
    assert [each["ArchiveName"] for each in events.list_archives(NamePrefix=short)["Archives"]] == [short]
    assert refused(events.update_archive, ArchiveName=short)[:2] == (
        "ValidationException", "At least one of EventPattern, RetentionDays or Description must be provided.")
    events.update_archive(ArchiveName=short, Description="some")
    events.put_targets(Rule=rule, EventBusName=rule, Targets=[{"Id": "queue", "Arn": arn}])
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=1)
    window = {"EventStartTime": start, "EventEndTime": end, "EventSourceArn": created["ArchiveArn"]}
    assert refused(events.start_replay, ReplayName=short, **{**window, "EventEndTime": start},
                   Destination={"Arn": bus})[:2] == (
        "ValidationException", "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.")
    assert events.start_replay(ReplayName=short, Destination={"Arn": bus}, **window)["State"] == "STARTING"
    assert refused(events.start_replay, ReplayName=short, Destination={"Arn": bus}, **window)[:2] == (
        "ResourceAlreadyExistsException", f"Replay {short} already exists.")
    bodies = [json.loads(message["Body"]) for message in messages(server, url, 2)]
    assert sorted(body["detail"]["n"] for body in bodies) == [1, 2]
    assert {body["replay-name"] for body in bodies} == {short}
    wait_until(lambda: events.describe_replay(ReplayName=short)["State"] == "COMPLETED", 60, "the replay's end")
    assert [each["ReplayName"] for each in events.list_replays(NamePrefix=short)["Replays"]] == [short]
    assert refused(events.cancel_replay, ReplayName=short)[0] == "IllegalStatusException"
    assert refused(events.describe_replay, ReplayName="none")[:2] == (
        "ResourceNotFoundException", "Replay none does not exist.")
    events.delete_archive(ArchiveName=short)
    assert refused(events.describe_archive, ArchiveName=short)[:2] == (
        "ResourceNotFoundException", f"Archive {short} does not exist.")


def test_accepted_events_outlive_a_kill(own_server):
    server = own_server()
    events = server.client("events")
    url, arn = make_queue(server, "kept")
    events.put_rule(Name="r", EventPattern='{"source":["shop"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "queue", "Arn": arn}])
    for batch in range(10):
        events.put_events(Entries=[entry(n=batch * 10 + n) for n in range(10)])
    server.stop(signal.SIGKILL)
    server.start()
    url = server.client("sqs").get_queue_url(QueueName="kept")["QueueUrl"]
    sqs, seen = server.client("sqs"), set()

    def all_there():
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages", []):
            seen.add(json.loads(message["Body"])["detail"]["n"])
        return len(seen) == 100

    wait_until(all_there, 90, "all events")


def test_a_replay_goes_on_after_a_kill(own_server):
    server = own_server()
    events = server.client("events")
    url, arn = make_queue(server, "again")
    bus = events.describe_event_bus()["Arn"]
    archive = events.create_archive(ArchiveName="a", EventSourceArn=bus)["ArchiveArn"]
    start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)
    for batch in range(30):
        events.put_events(Entries=[entry(n=batch * 10 + n) for n in range(10)])
    events.put_rule(Name="r", EventPattern='{"source":["shop"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "queue", "Arn": arn}])
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=1)
    events.start_replay(
        ReplayName="r", EventSourceArn=archive, EventStartTime=start, EventEndTime=end, Destination={"Arn": bus})
    server.stop(signal.SIGKILL)
    server.start()
    events, sqs, seen = server.client("events"), server.client("sqs"), set()
    url = sqs.get_queue_url(QueueName="again")["QueueUrl"]
    wait_until(lambda: events.describe_replay(ReplayName="r")["State"] == "COMPLETED", 60, "the replay's end")

    def all_there():
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10).get("Messages", []):
            seen.add(json.loads(message["Body"])["detail"]["n"])
        return len(seen) == 300

    wait_until(all_there, 120, "all events")


def test_rules_come_by_their_schedules(server, events, name):
    """Each minute: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html"""
    url, arn = make_queue(server, name)
    rule = events.put_rule(Name=name, ScheduleExpression="cron(* * * * ? *)")["RuleArn"]
    assert events.describe_rule(Name=name)["ScheduleExpression"] == "cron(* * * * ? *)"
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    event = json.loads(messages(server, url)[0]["Body"])
    events.disable_rule(Name=name)
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
    assert (event["account"], event["region"], event["resources"]) == (ACCOUNT, "us-east-1", [rule])
    assert event["time"].endswith(":00Z")
    events.remove_targets(Rule=name, Ids=["queue"])
    events.delete_rule(Name=name)


def test_bad_schedules_of_rules(events, name):
    for expression in ("rate(0 minutes)", "rate(1 minutes)", "rate(2 minute)", "cron(0 12 * * *)", "at(2030-01-01T00:00:00)",
                       "every minute"):
        assert refused(events.put_rule, Name=name, ScheduleExpression=expression)[:2] == (
            "ValidationException", "Parameter ScheduleExpression is not valid.")
    events.create_event_bus(Name=name)
    assert refused(events.put_rule, Name=name, EventBusName=name, ScheduleExpression="rate(5 minutes)")[:2] == (
        "ValidationException", "ScheduleExpression is supported only on the default event bus.")


def test_schedules_of_rules_outlive_a_kill(own_server):
    server = own_server()
    events = server.client("events")
    url, arn = make_queue(server, "ticks")
    events.put_rule(Name="tick", ScheduleExpression="rate(1 minute)")
    events.put_rule(Name="quiet", ScheduleExpression="rate(1 minute)", State="DISABLED")
    events.put_rule(Name="gone", ScheduleExpression="rate(1 minute)")
    for rule in ("tick", "quiet", "gone"):
        events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn, "Input": json.dumps({"rule": rule})}])
    events.remove_targets(Rule="gone", Ids=["queue"])
    events.delete_rule(Name="gone")
    server.stop(signal.SIGKILL)
    server.start()
    url = server.client("sqs").get_queue_url(QueueName="ticks")["QueueUrl"]
    assert [json.loads(each["Body"]) for each in messages(server, url)] == [{"rule": "tick"}]


def test_aws_cli(server, name):
    def aws(*arguments):
        ended = server.run("aws", "events", *arguments, "--output", "json")
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout) if ended.stdout.strip() else None

    url, arn = make_queue(server, name)
    aws("create-event-bus", "--name", name)
    place = ("--name", name, "--event-bus-name", name)
    assert aws("put-rule", *place, "--event-pattern", PATTERN)["RuleArn"].endswith(f":rule/{name}/{name}")
    of_rule = ("--rule", name, "--event-bus-name", name)
    assert aws("put-targets", *of_rule, "--targets", f"Id=queue,Arn={arn},InputPath=$.detail")["FailedEntryCount"] == 0
    assert aws("put-events", "--entries", json.dumps([entry(name, 7)]))["FailedEntryCount"] == 0
    assert json.loads(messages(server, url)[0]["Body"]) == {"n": 7}
    source = aws("describe-event-bus", "--name", name)["Arn"]
    aws("create-archive", "--archive-name", name[-40:], "--event-source-arn", source, "--retention-days", "1")
    assert aws("list-archives", "--event-source-arn", source)["Archives"][0]["RetentionDays"] == 1
    aws("delete-archive", "--archive-name", name[-40:])
    aws("disable-rule", *place)
    assert aws("describe-rule", *place)["State"] == "DISABLED"
    assert [each["Id"] for each in aws("list-targets-by-rule", *of_rule)["Targets"]] == ["queue"]
    aws("remove-targets", *of_rule, "--ids", "queue")
    aws("delete-rule", *place)
    aws("delete-event-bus", "--name", name)
    assert aws("list-event-buses", "--name-prefix", name)["EventBuses"] == []


def test_what_is_missing_says_so(events, name):
    for call, arguments in [
            (events.list_connections, {}), (events.list_api_destinations, {}), (events.list_endpoints, {}),
            (events.list_partner_event_sources, {"NamePrefix": "aws.partner/a/b"}),
            (events.create_event_bus, {"Name": name, "KmsKeyIdentifier": "key"})]:
        assert refused(call, **arguments)[0] == "NotImplementedException"
