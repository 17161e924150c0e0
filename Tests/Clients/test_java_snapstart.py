"""SnapStart of Java functions, whose hooks are registered as org.crac does it."""

import json
import subprocess

import pytest
from test_java import CORE, JAVAC, pytestmark  # noqa: F401
from test_snapstart import ON, active, failed, lines

from conftest import ROOT, refused_with, wait_until


@pytest.fixture(scope="module")
def hooked(tmp_path_factory):
    """`example.Hooked` of the bootstrap's tests, compiled against the interfaces of Lambda alone."""
    place = tmp_path_factory.mktemp("hooked")
    core = [path for path in CORE.glob("*.java") if "package com.amazonaws" in path.read_text()]
    for output, sources in (("core", core), ("classes", [ROOT / "Tests/Bootstraps/java/Hooked.java"])):
        command = [JAVAC, "-nowarn", "-Xlint:-options", "-source", "8", "-target", "8", "-d", place / output,
                   "-cp", place / "core", *sources]
        outcome = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
        assert outcome.returncode == 0, outcome.stderr
    files = (place / "classes").rglob("*.class")
    return {str(path.relative_to(place / "classes")): path.read_bytes() for path in files}


def deploy_hooked(deploy, hooked, **settings):
    return deploy(files=hooked, Runtime="java17", Handler="example.Hooked", MemorySize=512, Timeout=30, Publish=True,
                  SnapStart=ON, **settings)


def test_a_version_is_initialised_and_restored(server, deploy, lambda_client, hooked):
    function = deploy_hooked(deploy, hooked)
    version = active(lambda_client, function)
    assert version["SnapStart"]["OptimizationStatus"] == "On"
    wait_until(lambda: any(line.startswith("INIT_REPORT") for line in lines(server, function)), what="INIT_REPORT")
    assert not any(line.startswith("afterRestore") for line in lines(server, function))
    answer = lambda_client.invoke(FunctionName=function, Qualifier="1")
    steps = [step for step in json.loads(answer["Payload"].read()) if "nobody" not in step]
    assert steps == ["init", "beforeCheckpoint two", "beforeCheckpoint one", "afterRestore one", "afterRestore two",
                     "UnsupportedOperationException"]
    latest = json.loads(lambda_client.invoke(FunctionName=function)["Payload"].read())
    assert latest == ["init", "UnsupportedOperationException"]


def test_hooks_that_fail(server, deploy, lambda_client, hooked):
    before = {"Variables": {"FAILING": "beforeCheckpoint one"}}
    function = deploy_hooked(deploy, hooked, Environment=before)
    assert failed(lambda_client, function)["StateReasonCode"] == "FunctionError"
    assert any("Error Type: Runtime.BeforeCheckpointError" in line for line in lines(server, function))
    after = {"Variables": {"FAILING": "afterRestore one"}}
    function = deploy_hooked(deploy, hooked, suffix="-2", Environment=after)
    active(lambda_client, function)
    refused_with("SnapStartException", 400, lambda_client.invoke, FunctionName=function, Qualifier="1")
    wait_until(lambda: any("Error Type: Runtime.AfterRestoreError" in line for line in lines(server, function)),
               what="RESTORE_REPORT")
