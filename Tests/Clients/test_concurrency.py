"""Provisioned concurrency, and how it shares the account's concurrency with reservations."""

import concurrent.futures
import json
import signal

import pytest
from botocore.exceptions import ClientError

import held
from conftest import ROLE, refused_with, wait_until, zip_of

FAST = {"Delay": 0.05, "MaxAttempts": 2000}

# Says what its environment was started for, and which one it is.
WHO = held.PYTHON + """
import os, uuid
me = str(uuid.uuid4())
kind = os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
def handler(event, context):
    held(event)
    if event.get("exit"): os._exit(3)
    return {"kind": kind, "me": me, "version": context.function_version}
"""


def call(client, function, qualifier=None, **event):
    more = {"Qualifier": qualifier} if qualifier else {}
    answer = client.invoke(FunctionName=function, Payload=json.dumps(event), **more)
    return json.loads(answer["Payload"].read())


def put(client, function, qualifier, executions):
    return client.put_provisioned_concurrency_config(
        FunctionName=function, Qualifier=qualifier, ProvisionedConcurrentExecutions=executions)


def get(client, function, qualifier):
    return client.get_provisioned_concurrency_config(FunctionName=function, Qualifier=qualifier)


def until(client, function, qualifier, status="READY"):
    def reached():
        config = get(client, function, qualifier)
        assert config["Status"] in ("IN_PROGRESS", status), config
        return config if config["Status"] == status else None

    return wait_until(reached, 60, f"{qualifier} is {status}")


def figures(config):
    return tuple(
        config[f"{word}ProvisionedConcurrentExecutions"] for word in ("Requested", "Allocated", "Available"))


def provisioned(client, function, qualifier):
    """An answer of an environment that was started ahead; one that has just answered may still be busy."""
    def answer():
        found = call(client, function, qualifier)
        return found if found["kind"] == "provisioned-concurrency" else None

    return wait_until(answer, 60, "an answer of a provisioned environment")


@pytest.fixture
def who(deploy, lambda_client):
    """A function with the version 1."""
    function = deploy(python=WHO, Publish=True, Timeout=120)
    lambda_client.get_waiter("published_version_active").wait(FunctionName=function, Qualifier="1", WaiterConfig=FAST)
    return function


def lines(server, function):
    logs = server.client("logs")
    try:
        return [e["message"] for e in logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]]
    except ClientError:
        return []


def test_environments_are_initialised_ahead(server, lambda_client, who):
    answer = put(lambda_client, who, "1", 2)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert (answer["Status"], figures(answer)) == ("IN_PROGRESS", (2, 0, 0))
    ready = until(lambda_client, who, "1")
    assert figures(ready) == (2, 2, 2)
    assert ready["LastModified"] == answer["LastModified"]
    # They are there before anybody has called.
    assert sum(line.startswith("INIT_START") for line in lines(server, who)) == 2
    answers = [provisioned(lambda_client, who, "1") for _ in range(3)]
    assert len({answer["me"] for answer in answers}) <= 2
    assert call(lambda_client, who)["kind"] == "on-demand"
    # The first invocation tells of the initialisation.
    wait_until(lambda: any("\tInit Duration: " in line for line in lines(server, who)), what="a REPORT")
    lambda_client.delete_provisioned_concurrency_config(FunctionName=who, Qualifier="1")
    refused_with("ProvisionedConcurrencyConfigNotFoundException", 404, get, lambda_client, who, "1")
    assert call(lambda_client, who, "1")["kind"] == "on-demand"


def test_what_is_too_much_runs_on_demand(server, lambda_client, who):
    put(lambda_client, who, "1", 1)
    until(lambda_client, who, "1")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        with held.Held(server, who) as holding:
            first = pool.submit(call, lambda_client, who, "1", **holding.event)
            holding.wait(1)
            second = call(lambda_client, who, "1")
            assert second["kind"] == "on-demand"
        assert first.result()["kind"] == "provisioned-concurrency"
    assert second["me"] != first.result()["me"]


def test_what_ends_is_replaced(lambda_client, who):
    put(lambda_client, who, "1", 1)
    until(lambda_client, who, "1")
    before = provisioned(lambda_client, who, "1")["me"]
    answer = lambda_client.invoke(FunctionName=who, Qualifier="1", Payload=json.dumps({"exit": True}))
    assert answer["FunctionError"] == "Unhandled"
    until(lambda_client, who, "1")
    after = provisioned(lambda_client, who, "1")["me"]
    assert after != before


def test_it_follows_its_alias(lambda_client, who):
    lambda_client.create_alias(FunctionName=who, Name="live", FunctionVersion="1")
    put(lambda_client, who, "live", 2)
    until(lambda_client, who, "live")
    # The version has it too, as recorded in localstack's test_lambda_provisioned_concurrency_moves_with_alias.
    assert provisioned(lambda_client, who, "1")["version"] == "1"
    lambda_client.update_function_configuration(FunctionName=who, Description="second")
    lambda_client.get_waiter("function_updated_v2").wait(FunctionName=who, WaiterConfig=FAST)
    assert lambda_client.publish_version(FunctionName=who)["Version"] == "2"
    lambda_client.update_alias(FunctionName=who, Name="live", FunctionVersion="2")
    until(lambda_client, who, "live")
    assert provisioned(lambda_client, who, "live")["version"] == "2"
    assert call(lambda_client, who, "1")["kind"] == "on-demand"
    # Weights divide it.
    lambda_client.update_alias(
        FunctionName=who, Name="live", RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}})
    assert figures(until(lambda_client, who, "live")) == (2, 2, 2)
    assert provisioned(lambda_client, who, "1")["version"] == "1"
    assert provisioned(lambda_client, who, "2")["version"] == "2"
    message = refused_with("InvalidParameterValueException", 400, put, lambda_client, who, "live", 3)
    assert message == "Alias with weights can not be used with Provisioned Concurrency"
    lambda_client.delete_alias(FunctionName=who, Name="live")
    assert lambda_client.list_provisioned_concurrency_configs(FunctionName=who)["ProvisionedConcurrencyConfigs"] == []


def test_an_initialisation_that_fails(server, deploy, lambda_client):
    """As recorded in localstack's test_provisioned_concurrency_init_failure."""
    function = deploy(python=WHO + "\nif kind != 'on-demand': raise Exception('not ahead')\n", Publish=True)
    put(lambda_client, function, "1", 1)
    assert call(lambda_client, function, "1")["kind"] == "on-demand"
    failed = until(lambda_client, function, "1", "FAILED")
    assert (figures(failed), failed["StatusReason"]) == ((1, 0, 0), "FUNCTION_ERROR_INIT_FAILURE")
    assert call(lambda_client, function, "1")["kind"] == "on-demand"
    wait_until(
        lambda: sum(line.startswith("INIT_REPORT") and "Phase: init\tStatus: error" in line
                    for line in lines(server, function)) == 6, what="six attempts in the log")


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_it_is_there_after_a_restart(own_server, sig):
    server = own_server()
    client = server.client()
    client.create_function(
        FunctionName="who", Runtime="python3.11", Handler="app.handler", Role=ROLE, Publish=True,
        Code={"ZipFile": zip_of({"app.py": WHO})})
    client.get_waiter("published_version_active").wait(FunctionName="who", Qualifier="1", WaiterConfig=FAST)
    before = put(client, "who", "1", 2)
    until(client, "who", "1")
    me = provisioned(client, "who", "1")["me"]
    server.stop(sig)
    server.start()
    client = server.client()
    after = until(client, "who", "1")
    assert figures(after) == (2, 2, 2)
    assert after["LastModified"] == before["LastModified"]
    assert provisioned(client, "who", "1")["me"] != me
    assert client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 998


def test_it_comes_out_of_reservations_and_the_account(own_server):
    server = own_server()
    client = server.client()
    client.create_function(
        FunctionName="who", Runtime="python3.11", Handler="app.handler", Role=ROLE, Publish=True,
        Code={"ZipFile": zip_of({"app.py": WHO})})
    client.get_waiter("published_version_active").wait(FunctionName="who", Qualifier="1", WaiterConfig=FAST)

    def unreserved():
        return client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]

    put(client, "who", "1", 1)
    until(client, "who", "1")
    assert unreserved() == 999
    message = refused_with(
        "InvalidParameterValueException", 400, client.put_function_concurrency, FunctionName="who",
        ReservedConcurrentExecutions=0)
    assert message == (
        " ReservedConcurrentExecutions  0 should not be lower than function's total provisioned concurrency [1].")
    client.put_function_concurrency(FunctionName="who", ReservedConcurrentExecutions=1)
    assert unreserved() == 999
    # All of the reservation is provisioned: nothing is left to other versions.
    with pytest.raises(client.exceptions.TooManyRequestsException) as caught:
        call(client, "who")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert caught.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert call(client, "who", "1")["kind"] == "provisioned-concurrency"
    message = refused_with("InvalidParameterValueException", 400, put, client, "who", "1", 2)
    assert message == (
        "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function")
    client.delete_function_concurrency(FunctionName="who")
    message = refused_with("InvalidParameterValueException", 400, put, client, "who", "1", 1001)
    assert message == (
        "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000].")
    message = refused_with("InvalidParameterValueException", 400, put, client, "who", "1", 901)
    assert message == (
        "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
        "minimum value of [100].")
    client.delete_function(FunctionName="who")
    assert unreserved() == 1000


def test_requests_and_environments_may_not_come_too_fast(own_server):
    server = own_server(environment={
        "APUS_CONCURRENCY": "4", "APUS_REQUESTS_PER_CONCURRENCY": "1", "APUS_BURST": "1"})
    client = server.client()
    for function in ("rate", "burst"):
        client.create_function(
            FunctionName=function, Runtime="python3.11", Handler="app.handler", Role=ROLE, Timeout=120,
            Code={"ZipFile": zip_of({"app.py": WHO})})
        client.get_waiter("function_active_v2").wait(FunctionName=function, WaiterConfig=FAST)

    def throttled(function):
        """Whether an invocation is refused for its rate."""
        try:
            call(client, function)
        except client.exceptions.TooManyRequestsException as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 429
            assert error.response["Error"]["Message"] == "Rate Exceeded."
            assert error.response["Reason"] == "FunctionInvocationRateLimitExceeded"
            return True

    with concurrent.futures.ThreadPoolExecutor() as pool:
        with held.Held(server, "burst") as holding:
            first = pool.submit(call, client, "burst", **holding.event)
            holding.wait(1)
            # Its one environment of ten seconds is busy.
            assert throttled("burst")
        assert first.result()["kind"] == "on-demand"
    # Four a second, whatever the functions.
    wait_until(lambda: throttled("rate"), what="a refusal")
    wait_until(lambda: not throttled("rate"), what="the next second")


@pytest.fixture
def unchecked(server):
    """A client that sends what the service ought to refuse."""
    return server.unchecked()


def test_bad_input(lambda_client, unchecked, who):
    unknown = "doesnotexist"
    operations = {
        "put": lambda function, qualifier: put(unchecked, function, qualifier, 1),
        "get": lambda function, qualifier: get(unchecked, function, qualifier),
        "delete": lambda function, qualifier: unchecked.delete_provisioned_concurrency_config(
            FunctionName=function, Qualifier=qualifier),
    }
    for act in operations.values():
        refused_with("InvalidParameterValueException", 400, act, who, "$LATEST")
        refused_with("ResourceNotFoundException", 404, act, who, "7")
        refused_with("ResourceNotFoundException", 404, act, who, "nobody")
        refused_with("ResourceNotFoundException", 404, act, unknown, "1")
        refused_with("ValidationException", 400, act, who, "a.b")
        refused_with("ValidationException", 400, act, who, "a" * 129)
        refused_with("ValidationException", 400, act, "no such name", "1")
        refused_with("InvalidParameterValueException", 400, act, f"{who}:2", "1")
        refused_with(
            "ResourceNotFoundException", 404, act, f"arn:aws:lambda:eu-west-1:000000000000:function:{who}", "1")
        refused_with(
            "AccessDeniedException", 403, act, f"arn:aws:lambda:us-east-1:111111111111:function:{who}", "1")
    for missing in (
        lambda: unchecked.put_provisioned_concurrency_config(FunctionName=who, ProvisionedConcurrentExecutions=1),
        lambda: unchecked.put_provisioned_concurrency_config(FunctionName=who, Qualifier="1"),
        lambda: unchecked.get_provisioned_concurrency_config(FunctionName=who),
        lambda: unchecked.delete_provisioned_concurrency_config(FunctionName=who),
    ):
        refused_with("ValidationException", 400, missing)
    message = refused_with("ValidationException", 400, put, unchecked, who, "1", 0)
    assert message.endswith("Member must have value greater than or equal to 1")
    refused_with("InvalidParameterValueException", 400, put, lambda_client, who, "1", 2**31 - 1)
    lists = unchecked.list_provisioned_concurrency_configs
    refused_with("ResourceNotFoundException", 404, lists, FunctionName=unknown)
    refused_with("InvalidParameterValueException", 400, lists, FunctionName=who, Marker="*")
    refused_with("InvalidParameterValueException", 400, lists, FunctionName=f"{who}:1")
    refused_with("ValidationException", 400, lists, FunctionName=who, MaxItems=51)
    assert lists(FunctionName=who)["ProvisionedConcurrencyConfigs"] == []
    # Of a version one configuration counts.
    lambda_client.create_alias(FunctionName=who, Name="live", FunctionVersion="1")
    put(lambda_client, who, "1", 1)
    refused_with("ResourceConflictException", 409, put, lambda_client, who, "live", 1)
    operations["delete"](who, "1")
    operations["delete"](who, "1")
    put(lambda_client, who, "live", 1)
    refused_with("ResourceConflictException", 409, put, lambda_client, who, "1", 1)
    assert [c["FunctionArn"].rsplit(":", 1)[1] for c in lists(FunctionName=who)["ProvisionedConcurrencyConfigs"]] == ["live"]
