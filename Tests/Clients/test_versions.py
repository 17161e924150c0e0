"""Versions and aliases, as boto3's users publish, point and roll out."""

import json
import signal


from conftest import ROLE, refused_with, wait_until, zip_of

WHO = """
import os
def handler(event, context):
    return [%r, context.function_version, context.invoked_function_arn, os.environ["AWS_LAMBDA_FUNCTION_VERSION"]]
"""


def call(client, function, **options):
    answer = client.invoke(FunctionName=function, **options)
    return answer["ExecutedVersion"], json.loads(answer["Payload"].read())


def update(client, function, text, **options):
    answer = client.update_function_code(FunctionName=function, ZipFile=zip_of({"app.py": WHO % text}), **options)
    client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    return answer


def test_a_version_stays_as_it_was(deploy, lambda_client):
    function = deploy(python=WHO % "one", Publish=True)
    lambda_client.get_waiter("published_version_active").wait(
        FunctionName=function, Qualifier="1", WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    update(lambda_client, function, "two")
    arn = lambda_client.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    assert call(lambda_client, function, Qualifier="1") == ("1", ["one", "1", f"{arn}:1", "1"])
    assert call(lambda_client, function) == ("$LATEST", ["two", "$LATEST", arn, "$LATEST"])
    assert call(lambda_client, f"{arn}:1")[0] == "1"
    refused_with(
        "InvalidParameterValueException", 400, lambda_client.update_function_configuration,
        FunctionName=f"{function}:1", Timeout=9)


def test_nothing_new_is_no_new_version(deploy, lambda_client):
    function = deploy(python=WHO % "one")
    first = lambda_client.publish_version(FunctionName=function, Description="first")
    assert (first["Version"], first["Description"], first["State"]) == ("1", "first", "Active")
    assert lambda_client.publish_version(FunctionName=function)["Version"] == "1"
    second = update(lambda_client, function, "two", Publish=True)
    assert (second["Version"], second["FunctionArn"][-2:]) == ("2", ":2")
    listed = lambda_client.list_versions_by_function(FunctionName=function)["Versions"]
    assert [version["Version"] for version in listed] == ["$LATEST", "1", "2"]
    assert "State" not in listed[0]
    # A number is never used again: https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
    lambda_client.delete_function(FunctionName=function, Qualifier="2")
    update(lambda_client, function, "three", Publish=True)
    listed = lambda_client.get_paginator("list_versions_by_function").paginate(
        FunctionName=function, PaginationConfig={"PageSize": 1})
    assert [version["Version"] for page in listed for version in page["Versions"]] == ["$LATEST", "1", "3"]


def test_an_alias_splits_its_invocations(deploy, lambda_client):
    function = deploy(python=WHO % "one", Publish=True)
    update(lambda_client, function, "two", Publish=True)
    lambda_client.create_alias(
        FunctionName=function, Name="live", FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.3}})
    versions = [call(lambda_client, function, Qualifier="live")[0] for _ in range(300)]
    # Binomial(300, 0.3): six standard deviations on either side of 90.
    assert 42 <= versions.count("2") <= 138
    assert versions.count("1") + versions.count("2") == 300
    lambda_client.update_alias(FunctionName=function, Name="live", FunctionVersion="2", RoutingConfig={})
    assert {call(lambda_client, f"{function}:live")[0] for _ in range(20)} == {"2"}
    answer = lambda_client.get_function(FunctionName=function, Qualifier="live")["Configuration"]
    assert (answer["Version"], answer["FunctionArn"].rsplit(":", 1)[1]) == ("2", "live")
    message = refused_with(
        "ResourceConflictException", 409, lambda_client.delete_function, FunctionName=function, Qualifier="2")
    assert "live" in message
    lambda_client.delete_alias(FunctionName=function, Name="live")
    refused_with(
        "ResourceNotFoundException", 404, lambda_client.invoke, FunctionName=function, Qualifier="live")


def test_the_command_line_sees_versions(server, deploy, lambda_client):
    function = deploy(python=WHO % "one")
    made = server.run("aws", "lambda", "publish-version", "--function-name", function)
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["Version"] == "1"
    made = server.run(
        "aws", "lambda", "create-alias", "--function-name", function, "--name", "live", "--function-version", "1")
    assert json.loads(made.stdout)["AliasArn"].endswith(f"{function}:live")
    listed = json.loads(server.run("aws", "lambda", "list-aliases", "--function-name", function).stdout)
    assert [alias["Name"] for alias in listed["Aliases"]] == ["live"]


def test_versions_and_aliases_survive_sigkill(own_server):
    server = own_server()
    client = server.client()
    client.create_function(
        FunctionName="kept", Role=ROLE, Runtime="python3.11", Handler="app.handler", Publish=True,
        Code={"ZipFile": zip_of({"app.py": WHO % "one"})})
    # Killed before or after the worker has put the code in place: both must come out right.
    server.stop(signal.SIGKILL)
    server.start()
    client = server.client()
    client.get_waiter("published_version_active").wait(
        FunctionName="kept", Qualifier="1", WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    alias = client.create_alias(FunctionName="kept", Name="live", FunctionVersion="1", Description="kept too")
    update(client, "kept", "two")
    server.stop(signal.SIGKILL)
    server.start()
    client = server.client()
    found = client.get_alias(FunctionName="kept", Name="live")
    assert {**found, "ResponseMetadata": None} == {**alias, "ResponseMetadata": None}
    assert call(client, "kept:live")[1][0] == "one"
    assert call(client, "kept")[1][0] == "two"
    wait_until(lambda: client.list_versions_by_function(FunctionName="kept")["Versions"], what="the list")
