"""SnapStart of .NET functions, with the hooks of Amazon.Lambda.Core's SnapshotRestore. Expectations: what AWS's own runtime
support (aws-lambda-dotnet, Amazon.Lambda.RuntimeSupport) does with them."""

import json

import pytest
from test_dotnet import client, compiled, create, dotnet_server, framework  # noqa: F401
from test_snapstart import ON, active, failed, lines

from conftest import refused_with, wait_until


@pytest.fixture(scope="module")
def hooked(compiled):  # noqa: F811
    return {"Amazon.Lambda.Core.dll": compiled("Core"), "Hooked.dll": compiled("Hooked", "Core")}


def test_a_version_is_initialised_and_restored(create, client, hooked):  # noqa: F811
    function = create(hooked, "Hooked::Test.Hooked::Steps", SnapStart=ON, Publish=True)
    assert active(client, function)["SnapStart"]["OptimizationStatus"] == "On"
    answer = client.invoke(FunctionName=function, Qualifier="1")
    assert json.loads(answer["Payload"].read()) == ["init", "before 2", "before 1", "after 1", "after 2"]
    assert json.loads(client.invoke(FunctionName=function)["Payload"].read()) == ["init"]


def test_hooks_that_fail(dotnet_server, create, client, hooked):  # noqa: F811
    def deploy(failing, suffix):
        return create(hooked, "Hooked::Test.Hooked::Steps", SnapStart=ON, Publish=True, suffix=suffix,
                      Environment={"Variables": {"FAILING": failing}})

    function = deploy("before 2", "-1")
    assert failed(client, function)["StateReasonCode"] == "FunctionError"
    assert any("Error Type: Runtime.BeforeSnapshotError" in line for line in lines(dotnet_server, function))
    function = deploy("after 1", "-2")
    active(client, function)
    refused_with("SnapStartException", 400, client.invoke, FunctionName=function, Qualifier="1")
    wait_until(lambda: any("Error Type: Runtime.AfterRestoreError" in line for line in lines(dotnet_server, function)),
               what="RESTORE_REPORT")
    assert any("cannot after 1" in line for line in lines(dotnet_server, function))
