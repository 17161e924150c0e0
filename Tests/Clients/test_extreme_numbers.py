"""No number in a request ends the server.

Every operation of every service gets every number of its model as large, as small and as odd as JSON and forms can say it.
Whatever is answered, the same process answers the next request. Shapes are botocore's.
"""

import copy
import datetime
import json
import struct

import botocore
import pytest
from botocore.exceptions import ClientError

ACCOUNT = "000000000000"
EXTREMES = [2**63 - 1, -(2**63), 2**62, 2**53, 2**32, 2**31, -1, 9223372036854775800]
METRIC = {"Namespace": "x", "MetricName": "x"}
# Members that no operation's model asks for, but the operation itself.
FURTHER = {
    "StartQuery": {"logGroupName": "x"}, "PutMetricAlarm": {**METRIC, "Statistic": "Sum", "Period": 60, "Threshold": 1.0},
    "GetMetricStatistics": {"Statistics": ["Sum"]}, "GetMetricData": {"MetricDataQueries": [
        {"Id": "m", "MetricStat": {"Metric": METRIC, "Period": 60, "Stat": "Sum"}}]},
}
# What stands in a body where a time is to be that no date can say.
PLACE = datetime.datetime(2001, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
MARK = str(int(PLACE.timestamp())).encode()
TIMES = [b"1e300", b"-1e300", b"9223372036854775807", b"-9223372036854775808", b"9223372036854775", b"-9223372036854775",
         b"9007199254740993", b"253402300800", b'"NaN"']
# The same in CBOR: a time is tag 1, of a whole number or of a fraction.
CBOR_MARK = b"\xc1" + b"\x1a" + struct.pack(">I", int(PLACE.timestamp()))
SERVICES = ["events", "scheduler", "logs", "cloudwatch", "sqs", "sns", "cloudtrail", "xray", "lambda", "iam", "sts"]


@pytest.fixture
def prepared(own_server):
    """A server that has what requests name, and what requests name it by."""
    server = own_server()
    events, logs, sqs, sns = (server.client(name) for name in ("events", "logs", "sqs", "sns"))
    bus = events.describe_event_bus()["Arn"]
    events.put_rule(Name="x", EventPattern='{"source":["x"]}')
    archive = events.create_archive(ArchiveName="there", EventSourceArn=bus)["ArchiveArn"]
    logs.create_log_group(logGroupName="x")
    logs.create_log_stream(logGroupName="x", logStreamName="x")
    url = sqs.create_queue(QueueName="x")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="x")["TopicArn"]
    server.client("cloudwatch").put_metric_data(Namespace="x", MetricData=[{"MetricName": "x", "Value": 1}])
    role = server.client("iam").create_role(RoleName="x", AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {
            "Service": ["scheduler.amazonaws.com", "events.amazonaws.com"], "AWS": ACCOUNT}}]}))["Role"]["Arn"]
    known = {
        "EventSourceArn": bus, ("StartReplay", "EventSourceArn"): archive, "Destination": {"Arn": bus},
        "EventBusName": "default", ("UpdateArchive", "ArchiveName"): "there", "Arn": queue, "RoleArn": role,
        "Source": "x", "DetailType": "x", "Detail": "{}", "EventPattern": '{"source":["x"]}', "QueueUrl": url,
        "TopicArn": topic, "ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": {"Mode": "OFF"},
        "queryString": "fields @message", "ComparisonOperator": "GreaterThanThreshold", "Statistics": ["Sum"],
        "Statistic": "Sum", "Stat": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0,
        "DestinationArn": queue, "SourceArn": queue, "filterPattern": "", "EventStartTime": PLACE,
        "EventEndTime": datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc), "AlarmRule": "TRUE",
    }
    return server, known


def cbor(text):
    """A time of JSON in CBOR."""
    number = json.loads(text)
    if isinstance(number, int):
        return b"\xc1" + (b"\x1b" + struct.pack(">Q", number) if number >= 0 else b"\x3b" + struct.pack(">Q", -1 - number))
    return b"\xc1\xfb" + struct.pack(">d", float(number))


def sample(shape, name, operation, known, depth=0):
    """A value that is likely to be taken: what is known by its name, and else what the shape asks for."""
    for key in ((operation, name), name):
        if key in known:
            return copy.deepcopy(known[key])
    kind = shape.type_name
    if kind == "structure":
        made = {key: sample(shape.members[key], key, operation, known, depth + 1) for key in shape.required_members}
        return {**made, **copy.deepcopy(FURTHER.get(operation, {}))} if depth == 0 else made
    if kind == "list":
        return [sample(shape.member, name, operation, known, depth + 1)] if depth < 6 else []
    if kind == "map":
        return {}
    if kind == "string":
        return shape.enum[0] if shape.enum else "x" * max(1, shape.metadata.get("min", 1))
    return {"integer": max(1, shape.metadata.get("min", 1)), "long": max(1, shape.metadata.get("min", 1)), "double": 1.0,
            "float": 1.0, "boolean": False, "timestamp": PLACE, "blob": b"x"}[kind]


def numbers(shape, path=(), depth=0):
    """Where in a structure there are numbers: paths of names, with 0 for an element of a list."""
    if depth > 6:
        return
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from numbers(member, path + (name,), depth + 1)
    elif shape.type_name == "list":
        yield from numbers(shape.member, path + (0,), depth + 1)
    elif shape.type_name in ("integer", "long", "double", "float", "timestamp"):
        yield path, shape.type_name


def put(shape, value, path, number, operation, known):
    """Puts a number where a path leads, with what has to stand around it."""
    name, rest = path[0], path[1:]
    if shape.type_name == "structure":
        member = shape.members[name]
        if not rest:
            value[name] = number
            return
        if name not in value:
            value[name] = sample(member, name, operation, {k: v for k, v in known.items() if k != name}, 1)
        put(member, value[name], rest, number, operation, known)
    else:
        if not value:
            value.append(sample(shape.member, "", operation, known, 1))
        if not rest:
            value[0] = number
        else:
            put(shape.member, value[0], rest, number, operation, known)


@pytest.mark.parametrize("service", SERVICES)
def test_no_number_ends_the_server(prepared, service):
    server, known = prepared
    client = server.unchecked(service)
    model, replacement, asked = client.meta.service_model, [MARK], 0

    def replace(params, **_):
        if isinstance(params["body"], bytes):
            params["body"] = params["body"].replace(MARK, replacement[0]).replace(CBOR_MARK, cbor(replacement[0]))

    client.meta.events.register("before-call.*", replace)
    for operation in model.operation_names:
        shape = model.operation_model(operation).input_shape
        if shape is None:
            continue
        method = getattr(client, botocore.xform_name(operation))
        for path, kind in numbers(shape):
            for extreme in TIMES if kind == "timestamp" else EXTREMES:
                arguments = sample(shape, "", operation, known)
                put(shape, arguments, path, PLACE if kind == "timestamp" else extreme, operation, known)
                replacement[0] = extreme if kind == "timestamp" else MARK
                try:
                    method(**arguments)
                except ClientError:
                    pass
                asked += 1
                assert server.process.poll() is None, (operation, path, extreme)
    assert asked > 10, asked
    # What was taken can be told of, also by the next process.
    for _ in range(2):
        for operation in model.operation_names:
            shape = model.operation_model(operation).input_shape
            if not operation.startswith(("List", "Describe", "Get")) or shape is None or shape.required_members:
                continue
            try:
                getattr(client, botocore.xform_name(operation))()
            except ClientError:
                pass
            assert server.process.poll() is None, operation
        server.stop()
        server.start()
        client = server.unchecked(service)
