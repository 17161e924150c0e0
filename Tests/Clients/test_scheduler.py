"""EventBridge Scheduler as clients see it: boto3 for every operation, the `aws` command, what it refuses, and what a
killed server keeps.

Refusals are AWS's as LocalStack recorded them (tests/aws/services/scheduler/test_scheduler.snapshot.json), as
moto's tests have them, or as the Terraform provider waits for them.
"""

import datetime
import json
import os
import pathlib
import shutil
import signal
import sys
import time

import pytest
from botocore.exceptions import ClientError

from conftest import refused, wait_until

AWS = shutil.which("aws", path=f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}")
OFF = {"Mode": "OFF"}
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "scheduler.amazonaws.com"}}]}


def make_role(server, name, trust=TRUST, actions=("sqs:SendMessage", "lambda:InvokeFunction", "sns:Publish")):
    iam = server.client("iam")
    role = iam.create_role(RoleName=name[-60:], AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    if actions:
        iam.put_role_policy(RoleName=name[-60:], PolicyName="p", PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}))
    return role


def make_queue(server, name, **attributes):
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def receive(server, url, count=1, seconds=60):
    sqs, found = server.client("sqs"), []

    def enough():
        for message in sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"]).get("Messages", []):
            found.append(message)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(found) >= count

    wait_until(enough, seconds, f"{count} messages")
    return found


def soon(seconds=1):
    return datetime.datetime.fromtimestamp(time.time() + seconds, datetime.timezone.utc).strftime("at(%Y-%m-%dT%H:%M:%S)")


@pytest.fixture
def scheduler(server):
    return server.client("scheduler")


@pytest.fixture
def role(server, name):
    return make_role(server, name)


@pytest.fixture
def target(server, name, role):
    """A queue's URL, and it as a target."""
    url, arn = make_queue(server, name)
    return url, {"Arn": arn, "RoleArn": role, "Input": "hello"}


def answer(response):
    return {key: value for key, value in response.items() if key != "ResponseMetadata"}


def test_every_operation(scheduler, server, name, target):
    arn = "arn:aws:scheduler:us-east-1:000000000000"
    group = name[-60:]
    made = answer(scheduler.create_schedule_group(Name=group, Tags=[{"Key": "a", "Value": "b"}]))
    assert made == {"ScheduleGroupArn": f"{arn}:schedule-group/{group}"}
    shown = answer(scheduler.get_schedule_group(Name=group))
    assert set(shown) == {"Arn", "CreationDate", "LastModificationDate", "Name", "State"} and shown["State"] == "ACTIVE"
    listed = scheduler.list_schedule_groups(NamePrefix=group)["ScheduleGroups"]
    assert [each["Name"] for each in listed] == [group]
    tagged = made["ScheduleGroupArn"]
    assert answer(scheduler.tag_resource(ResourceArn=tagged, Tags=[{"Key": "c", "Value": "d"}])) == {}
    assert answer(scheduler.untag_resource(ResourceArn=tagged, TagKeys=["a"])) == {}
    assert answer(scheduler.list_tags_for_resource(ResourceArn=tagged)) == {"Tags": [{"Key": "c", "Value": "d"}]}

    settings = {
        "Name": "s", "GroupName": group, "ScheduleExpression": "cron(0 3 * * ? *)",
        "ScheduleExpressionTimezone": "Europe/Berlin", "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5},
        "Description": "d", "Target": {**target[1], "RetryPolicy": {"MaximumRetryAttempts": 3}}}
    assert answer(scheduler.create_schedule(**settings)) == {"ScheduleArn": f"{arn}:schedule/{group}/s"}
    shown = answer(scheduler.get_schedule(Name="s", GroupName=group))
    assert shown.pop("CreationDate") == shown.pop("LastModificationDate")
    assert shown == {
        **settings, "Arn": f"{arn}:schedule/{group}/s", "State": "ENABLED", "ActionAfterCompletion": "NONE",
        "Target": {**target[1], "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 86400}}}
    del settings["Description"]
    changed = {**settings, "State": "DISABLED", "ScheduleExpression": "rate(2 hours)"}
    assert answer(scheduler.update_schedule(**changed)) == {"ScheduleArn": f"{arn}:schedule/{group}/s"}
    shown = answer(scheduler.get_schedule(Name="s", GroupName=group))
    assert shown["State"] == "DISABLED" and "Description" not in shown
    pages = scheduler.get_paginator("list_schedules").paginate(GroupName=group, PaginationConfig={"PageSize": 1})
    listed = [each for page in pages for each in page["Schedules"]]
    assert [(each["Name"], each["GroupName"], each["State"]) for each in listed] == [("s", group, "DISABLED")]
    assert listed[0]["Target"] == {"Arn": target[1]["Arn"]}
    assert answer(scheduler.delete_schedule(Name="s", GroupName=group)) == {}
    assert answer(scheduler.delete_schedule_group(Name=group)) == {}
    assert refused(scheduler.get_schedule_group, Name=group)[0] == "ResourceNotFoundException"


def test_a_schedule_reaches_its_queue(scheduler, server, name, target):
    url, settings = target
    settings["Input"] = json.dumps({
        "arn": "<aws.scheduler.schedule-arn>", "time": "<aws.scheduler.scheduled-time>",
        "execution": "<aws.scheduler.execution-id>", "attempt": "<aws.scheduler.attempt-number>"})
    expression = soon()
    arn = scheduler.create_schedule(
        Name=name[-60:], ScheduleExpression=expression, FlexibleTimeWindow=OFF, Target=settings,
        ActionAfterCompletion="DELETE")["ScheduleArn"]
    body = json.loads(receive(server, url)[0]["Body"])
    assert (body["arn"], body["time"], body["attempt"]) == (arn, expression[3:-1] + "Z", "1")
    assert len(body["execution"]) == 16
    wait_until(lambda: name[-60:] not in [each["Name"] for each in scheduler.list_schedules(
        NamePrefix=name[-60:])["Schedules"]], what="the schedule's end")


def test_a_schedule_invokes_its_function(scheduler, server, name, role, deploy):
    function = deploy(python="def handler(event, context):\n    print('scheduled', event)\n")
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{function}"
    scheduler.create_schedule(
        Name=name[-60:], ScheduleExpression="rate(1 hours)", FlexibleTimeWindow=OFF,
        Target={"Arn": arn, "RoleArn": role})
    logs = server.client("logs")

    def lines():
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
        except ClientError:
            return []
        return [event["message"] for event in events if event["message"].startswith("scheduled")]

    found = wait_until(lines, 90, "the function's log")
    assert "'source': 'aws.scheduler'" in found[0] and "'detail': '{}'" in found[0]
    scheduler.delete_schedule(Name=name[-60:])


def test_what_does_not_arrive_goes_to_the_dead_letter_queue(scheduler, server, name, role):
    url, letters = make_queue(server, name)
    missing = "arn:aws:sqs:us-east-1:000000000000:there-is-no-such-queue"
    arn = scheduler.create_schedule(
        Name=name[-60:], ScheduleExpression=soon(), FlexibleTimeWindow=OFF,
        Target={"Arn": missing, "RoleArn": role, "Input": "x", "DeadLetterConfig": {"Arn": letters}})["ScheduleArn"]
    letter = receive(server, url)[0]
    attributes = {key: value["StringValue"] for key, value in letter["MessageAttributes"].items()}
    assert letter["Body"] == "x"
    assert attributes["ERROR_CODE"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert (attributes["SCHEDULE_ARN"], attributes["TARGET_ARN"]) == (arn, missing)
    assert set(attributes) == {
        "ERROR_CODE", "ERROR_MESSAGE", "EXECUTION_ID", "IS_PAYLOAD_TRUNCATED", "RETRY_ATTEMPTS", "SCHEDULED_TIME",
        "SCHEDULE_ARN", "TARGET_ARN"}


# The role


def test_a_role_must_trust_the_scheduler(scheduler, server, name, target):
    other = make_role(server, f"o-{name}", {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]})
    words = ("ValidationException",
             "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.", 400)
    for role in (other, "arn:aws:iam::000000000000:role/there-is-no-such-role"):
        settings = {"Name": name[-60:], "ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": OFF}
        assert refused(scheduler.create_schedule, **settings, Target={**target[1], "RoleArn": role}) == words
    foreign = {**target[1], "RoleArn": "arn:aws:iam::111111111111:role/r"}
    assert refused(scheduler.create_schedule, **settings, Target=foreign) == (
        "AccessDeniedException", "Cross-account pass role is not allowed.", 403)
    scheduler.create_schedule(**settings, Target=target[1])
    assert refused(scheduler.update_schedule, **settings, Target={**target[1], "RoleArn": other}) == words


def test_a_role_must_be_allowed_what_the_target_needs(scheduler, server, name):
    """What the role may not do goes to the dead letters, if it may at least that."""
    url, letters = make_queue(server, f"l-{name}")
    _, queue = make_queue(server, f"q-{name}")
    role = make_role(server, name, actions=())
    server.client("iam").put_role_policy(RoleName=name[-60:], PolicyName="p", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": letters}]}))
    scheduler.create_schedule(
        Name=name[-60:], ScheduleExpression=soon(), FlexibleTimeWindow=OFF,
        Target={"Arn": queue, "RoleArn": role, "Input": "x", "DeadLetterConfig": {"Arn": letters}})
    attributes = receive(server, url)[0]["MessageAttributes"]
    assert attributes["ERROR_CODE"]["StringValue"] == "AccessDenied"


def test_policies_decide(server, name, target):
    iam = server.client("iam")
    iam.create_user(UserName=name[-60:])
    key = iam.create_access_key(UserName=name[-60:])["AccessKey"]
    client = server.client(
        "scheduler", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    settings = {"Name": name[-60:], "ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": OFF, "Target": target[1]}

    def allow(*actions):
        iam.put_user_policy(UserName=name[-60:], PolicyName="p", PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}))

    code, message, status = refused(client.create_schedule, **settings)
    assert (code, status) == ("AccessDeniedException", 403) and "scheduler:CreateSchedule" in message
    allow("scheduler:CreateSchedule")
    assert "iam:PassRole" in refused(client.create_schedule, **settings)[1]
    allow("scheduler:CreateSchedule", "iam:PassRole")
    client.create_schedule(**settings)
    arn = "arn:aws:scheduler:us-east-1:000000000000:schedule-group/default"
    for call, arguments in {
            "get_schedule": {"Name": "n"}, "delete_schedule": {"Name": "n"}, "update_schedule": settings, "list_schedules": {},
            "get_schedule_group": {"Name": "n"}, "delete_schedule_group": {"Name": "n"}, "list_schedule_groups": {},
            "create_schedule_group": {"Name": "n"}, "list_tags_for_resource": {"ResourceArn": arn},
            "tag_resource": {"ResourceArn": arn, "Tags": [{"Key": "a", "Value": "b"}]},
            "untag_resource": {"ResourceArn": arn, "TagKeys": ["a"]}}.items():
        assert refused(getattr(client, call), **arguments)[0] == "AccessDeniedException", call


# Bad input

GHOST = "there-is-none"
GOOD = {"Name": "n", "ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": OFF,
        "Target": {"Arn": "arn:aws:sqs:us-east-1:000000000000:q", "RoleArn": "arn:aws:iam::000000000000:role/r"}}
GROUP = f"arn:aws:scheduler:us-east-1:000000000000:schedule-group/{GHOST}"


@pytest.fixture
def unchecked(server):
    """A client that sends what the model forbids."""
    return server.unchecked("scheduler")


LONG, BAD = "x" * 65, "a b"
NAME = "Member must satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$"


@pytest.mark.parametrize("call, arguments, words", [
    ("create_schedule", {**GOOD, "Name": BAD}, f"Value '{BAD}' at 'name' failed to satisfy constraint: {NAME}"),
    ("create_schedule", {"Name": "n"}, "Value null at 'scheduleExpression' failed to satisfy constraint: Member must not be null"),
    ("create_schedule", {**GOOD, "FlexibleTimeWindow": {"Mode": "X"}},
     "Value 'X' at 'flexibleTimeWindow.mode' failed to satisfy constraint: Member must satisfy enum value set: [OFF, FLEXIBLE]"),
    ("create_schedule", {**GOOD, "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 1441}},
     "Member must have value less than or equal to 1440"),
    ("create_schedule", {**GOOD, "Target": {**GOOD["Target"], "RoleArn": "r"}}, "at 'target.roleArn' failed to satisfy constraint"),
    ("create_schedule", {**GOOD, "Target": {**GOOD["Target"], "RetryPolicy": {"MaximumRetryAttempts": 186}}},
     "Member must have value less than or equal to 185"),
    ("create_schedule", {**GOOD, "Target": {**GOOD["Target"], "DeadLetterConfig": {"Arn": "q.fifo"}}},
     "at 'target.deadLetterConfig.arn' failed to satisfy constraint"),
    ("create_schedule", {**GOOD, "Description": "x" * 513}, "Member must have length less than or equal to 512"),
    ("create_schedule", {**GOOD, "Target": {**GOOD["Target"], "EcsParameters": {"TaskDefinitionArn": "t", "Tags": [{"": "v"}]}}},
     "failed to satisfy constraint"),
    ("update_schedule", {**GOOD, "State": "X"}, "Member must satisfy enum value set"),
    ("update_schedule", {"Name": "n"}, "at 'target' failed to satisfy constraint: Member must not be null"),
    ("get_schedule", {"Name": LONG}, "Member must have length less than or equal to 64"),
    ("get_schedule", {"Name": "n", "GroupName": BAD}, f"'groupName' failed to satisfy constraint: {NAME}"),
    ("delete_schedule", {"Name": LONG}, "Member must have length less than or equal to 64"),
    ("delete_schedule", {"Name": "n", "ClientToken": BAD}, "'clientToken' failed to satisfy constraint"),
    ("list_schedules", {"MaxResults": 101}, "Member must have value less than or equal to 100"),
    ("list_schedules", {"State": "X"}, "Member must satisfy enum value set: [ENABLED, DISABLED]"),
    ("create_schedule_group", {"Name": BAD}, NAME),
    ("create_schedule_group", {"Name": "n", "Tags": [{"Key": "k"}]}, "at 'tags.1.member.value' failed to satisfy constraint"),
    ("get_schedule_group", {"Name": BAD}, NAME),
    ("delete_schedule_group", {"Name": BAD}, NAME),
    ("list_schedule_groups", {"MaxResults": 0}, "Member must have value greater than or equal to 1"),
    ("tag_resource", {"ResourceArn": "x", "Tags": []}, "at 'resourceArn' failed to satisfy constraint"),
    ("tag_resource", {"ResourceArn": GROUP}, "at 'tags' failed to satisfy constraint: Member must not be null"),
    ("untag_resource", {"ResourceArn": "x", "TagKeys": ["a"]}, "at 'resourceArn' failed to satisfy constraint"),
    ("list_tags_for_resource", {"ResourceArn": "x"}, "at 'resourceArn' failed to satisfy constraint"),
])
def test_constraints(unchecked, call, arguments, words):
    code, message, status = refused(getattr(unchecked, call), **arguments)
    assert (code, status) == ("ValidationException", 400)
    assert words in message


@pytest.mark.parametrize("call, arguments, what", [
    ("create_schedule", {**GOOD, "GroupName": GHOST}, "Schedule group"), ("update_schedule", {**GOOD, "Name": GHOST}, "Schedule"),
    ("get_schedule", {"Name": GHOST}, "Schedule"), ("get_schedule", {"Name": "n", "GroupName": GHOST}, "Schedule group"),
    ("delete_schedule", {"Name": GHOST}, "Schedule"), ("list_schedules", {"GroupName": GHOST}, "Schedule group"),
    ("get_schedule_group", {"Name": GHOST}, "Schedule group"), ("delete_schedule_group", {"Name": GHOST}, "Schedule group"),
    ("tag_resource", {"ResourceArn": GROUP, "Tags": [{"Key": "a", "Value": "b"}]}, "Schedule group"),
    ("untag_resource", {"ResourceArn": GROUP, "TagKeys": ["a"]}, "Schedule group"),
    ("list_tags_for_resource", {"ResourceArn": GROUP}, "Schedule group")])
def test_what_is_not_there(scheduler, role, call, arguments, what):
    if "Target" in arguments:
        arguments = {**arguments, "Target": {**arguments["Target"], "RoleArn": role}}
    assert refused(getattr(scheduler, call), **arguments) == (
        "ResourceNotFoundException", f"{what} {GHOST} does not exist.", 404)


@pytest.mark.parametrize("expression", [
    "cron(0 1 * * * *)", "cron(7 20 * * NOT *)", "cron(INVALID)", "cron()", "rate(10 seconds)", "rate()", "rate(foo minutes)",
    "rate( 10 minutes )", " rate(10 minutes)", "at(2021-12-31T23:59:59Z)", "at(2021-12-31)"])
def test_expressions(scheduler, expression):
    # tests_create_schedule_with_invalid_schedule_expression
    assert refused(scheduler.create_schedule, **{**GOOD, "ScheduleExpression": expression}) == (
        "ValidationException", f"Invalid Schedule Expression {expression}.", 400)


def test_conflicts(scheduler, name, target):
    settings = {**GOOD, "Name": name[-60:], "Target": target[1], "State": "DISABLED"}
    scheduler.create_schedule(**settings)
    assert refused(scheduler.create_schedule, **settings) == (
        "ConflictException", f"Schedule {name[-60:]} already exists.", 409)
    scheduler.create_schedule_group(Name=name[-60:])
    assert refused(scheduler.create_schedule_group, Name=name[-60:])[0] == "ConflictException"
    assert refused(scheduler.create_schedule_group, Name="default")[0] == "ConflictException"
    assert refused(scheduler.delete_schedule_group, Name="default")[0] == "ValidationException"
    assert refused(scheduler.create_schedule, **{**settings, "ScheduleExpressionTimezone": "Mars/Olympus"})[0] == \
        "ValidationException"
    assert refused(scheduler.create_schedule, **{**settings, "FlexibleTimeWindow": {"Mode": "FLEXIBLE"}})[0] == \
        "ValidationException"


# Tools and crashes


@pytest.mark.skipif(AWS is None, reason="the aws command is not installed")
def test_the_aws_command(server, name, target):
    def aws(*arguments):
        ended = server.run(AWS, "scheduler", *arguments, "--output", "json")
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout or "{}")

    group = name[-60:]
    arn = aws("create-schedule-group", "--name", group, "--tags", "Key=a,Value=b")["ScheduleGroupArn"]
    aws("tag-resource", "--resource-arn", arn, "--tags", "Key=c,Value=d")
    aws("untag-resource", "--resource-arn", arn, "--tag-keys", "a")
    assert aws("list-tags-for-resource", "--resource-arn", arn)["Tags"] == [{"Key": "c", "Value": "d"}]
    place = ("--name", "s", "--group-name", group)
    what = ("--flexible-time-window", "Mode=OFF", "--target", json.dumps(target[1]))
    aws("create-schedule", *place, "--schedule-expression", "cron(0 3 * * ? *)", *what)
    aws("update-schedule", *place, "--schedule-expression", "rate(1 day)", *what, "--state", "DISABLED")
    assert aws("get-schedule", *place)["State"] == "DISABLED"
    assert [each["Name"] for each in aws("list-schedules", "--group-name", group)["Schedules"]] == ["s"]
    assert aws("get-schedule-group", "--name", group)["State"] == "ACTIVE"
    assert group in [each["Name"] for each in aws("list-schedule-groups", "--name-prefix", group)["ScheduleGroups"]]
    aws("delete-schedule", *place)
    aws("delete-schedule-group", "--name", group)


def test_schedules_survive_sigkill(own_server):
    """Every acknowledged schedule comes, at least once, though the server is killed before and while they come."""
    server = own_server()
    role = make_role(server, "kept")
    url, arn = make_queue(server, "kept")
    wanted = set()
    for round_ in range(3):
        client = server.client("scheduler")
        for number in range(20):
            body = f"{round_}-{number}"
            client.create_schedule(
                Name=f"s{body}", ScheduleExpression=soon(number % 3), FlexibleTimeWindow=OFF,
                Target={"Arn": arn, "RoleArn": role, "Input": body}, ActionAfterCompletion="DELETE")
            wanted.add(body)
        server.stop(signal.SIGKILL)
        server.start()
    url = server.client("sqs").get_queue_url(QueueName="kept")["QueueUrl"]
    found = set()

    def all_came():
        messages = server.client("sqs").receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        found.update(message["Body"] for message in messages)
        return found == wanted

    wait_until(all_came, 120, "all schedules")
    wait_until(lambda: server.client("scheduler").list_schedules()["Schedules"] == [], what="the end of all schedules")
