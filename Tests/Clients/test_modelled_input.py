"""EventBridge, its Scheduler, CloudWatch Logs and CloudWatch refuse whatever their models forbid, in AWS's words and
with its codes; and what is no request of their protocols."""

import json

import pytest
from botocore.exceptions import ClientError

from conftest import refused
from modelled import WRONG, Model, call, shown, told

CODES = {"events": "ValidationException", "scheduler": "ValidationException", "logs": "InvalidParameterException",
         "cloudwatch": "ValidationError"}
SERVICES = {name: Model(name) for name in CODES}
OPERATIONS = [(name, operation) for name, model in SERVICES.items() for operation in model.operations]
# CloudWatch Logs says so before anything else (LocalStack's recording of test_create_log_group_invalid_name_length).
TOO_LONG = "Invalid LogGroup or LogStream, both must have length less than or equal to 512."
# botocore makes a host of it.
OF_CLIENTS = {("PutEvents", "EndpointId")}


@pytest.mark.parametrize("service, operation", OPERATIONS)
def test_a_member_that_breaks_the_model_is_refused(server, service, operation):
    model = SERVICES[service]
    client = server.unchecked(service)
    wrong = []
    for path, value, rules in model.cases(operation):
        if (operation, path[0]) in OF_CLIENTS:
            continue
        request = model.request(operation, path, value)
        try:
            call(client, operation, request)
            wrong.append((shown(path), value, "accepted"))
            continue
        except ClientError as error:
            answer = error.response
        found, status = answer["Error"], answer["ResponseMetadata"]["HTTPStatusCode"]
        words = [TOO_LONG] if found["Message"] == TOO_LONG and len(str(value)) > 512 else told(path, rules)
        if (found["Code"], status) != (CODES[service], 400) or not all(each in found["Message"] for each in words):
            wrong.append((shown(path), str(value)[:40], rules, found["Code"], status, found["Message"][:300]))
    assert not wrong, "\n".join(map(str, wrong))


def test_every_operation_has_something_to_break():
    """Only those whose input has no constraint have nothing."""
    bare = {operation for service, operation in OPERATIONS if not list(SERVICES[service].cases(operation))}
    assert bare == {"ListDashboards"}
    assert sum(len(list(SERVICES[service].cases(operation))) for service, operation in OPERATIONS) > 1000


# JSON alone: CloudWatch's other protocols are in its own suite.
JSON = [(service, operation) for service, operation in OPERATIONS if service != "cloudwatch"]


def raw(client, service, operation, request, body):
    """The refusal of a request whose body is another than botocore made of it."""
    def replace(params, **_):
        params["body"] = body

    name = f"before-call.{client.meta.service_model.service_id.hyphenize()}.{operation}"
    client.meta.events.register(name, replace)
    try:
        with pytest.raises(ClientError) as failure:
            call(client, operation, request)
    finally:
        client.meta.events.unregister(name, replace)
    answer = failure.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


def typed(service, operation):
    """The members of which a request can have a value of another type: those of the body, and numbers in the query."""
    return {name: shape for name, shape in SERVICES[service].input(operation).members.items()
            if (operation, name) not in OF_CLIENTS
            and (not (location := shape.serialization.get("location"))
                 or location == "querystring" and shape.type_name == "integer")}


@pytest.mark.parametrize("service, operation", [each for each in JSON if typed(*each)])
def test_members_of_the_wrong_type_are_refused(server, service, operation):
    model = SERVICES[service]
    client, good = server.unchecked(service), model.good(model.input(operation))
    shapes = model.input(operation).members
    body = {each: value for each, value in good.items() if not shapes[each].serialization.get("location")}
    for name, shape in typed(service, operation).items():
        wrong = WRONG[shape.type_name]
        if shape.serialization.get("location"):
            code, message, status = refused(call, client, operation, {**good, name: wrong})
        else:
            code, status, message = raw(client, service, operation, good, json.dumps({**body, name: wrong}))
        assert (code, status) == ("SerializationException", 400), (name, message)


def test_every_operation_has_a_type_to_get_wrong():
    """Only those have none whose input is words of the path and of the query."""
    assert {operation for service, operation in JSON if not typed(service, operation)} == {
        "DeleteSchedule", "DeleteScheduleGroup", "GetSchedule", "GetScheduleGroup", "ListTagsForResource", "UntagResource"}


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b'{"a": }', b"\xff"])
@pytest.mark.parametrize("service", ["events", "scheduler", "logs"])
def test_a_body_that_is_no_json_object_is_refused(server, service, body):
    model = SERVICES[service]
    operation = {"events": "PutRule", "scheduler": "CreateSchedule", "logs": "PutLogEvents"}[service]
    code, status, _ = raw(server.unchecked(service), service, operation, model.good(model.input(operation)), body)
    assert (code, status) == ("SerializationException", 400)
