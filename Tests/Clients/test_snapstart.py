"""SnapStart: published versions are initialised ahead, hooks and all, and restored for invocations."""

import base64
import concurrent.futures
import json
import pathlib
import re
import signal
import time

import boto3
import pytest
from botocore.exceptions import ClientError

import held
from conftest import ROLE, refused_with, wait_until, zip_of

FAST = {"Delay": 0.05, "MaxAttempts": 2400}
ON = {"ApplyOn": "PublishedVersions"}

# Says what it has been through and which environment it is.
HOOKED = held.PYTHON + """
import os, sys, time, uuid
from snapshot_restore_py import register_after_restore, register_before_snapshot
me, steps, restored = str(uuid.uuid4()), ["init"], []
kind = os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
register_before_snapshot(lambda: steps.append("before"))
@register_after_restore
def after():
    steps.append("after")
    restored.append(str(uuid.uuid4()))
    print("hook of", me)
def handler(event, context):
    if event.get("exit"): os._exit(3)
    held(event)
    return {"me": me, "steps": steps, "kind": kind, "version": context.function_version, "restored": restored,
            "names": sorted(os.environ), "stream": context.log_stream_name}
"""


def call(client, function, qualifier="1", **event):
    answer = client.invoke(FunctionName=function, Qualifier=qualifier, Payload=json.dumps(event))
    assert "FunctionError" not in answer, answer["Payload"].read()
    return json.loads(answer["Payload"].read())


def active(client, function, version="1"):
    client.get_waiter("published_version_active").wait(FunctionName=function, Qualifier=version, WaiterConfig=FAST)
    return client.get_function_configuration(FunctionName=function, Qualifier=version)


def failed(client, function, version="1"):
    def state():
        found = client.get_function_configuration(FunctionName=function, Qualifier=version)
        return found if found["State"] != "Pending" else None

    found = wait_until(state, 120, "an end of Pending")
    assert found["State"] == "Failed"
    return found


def events(server, function, since=0):
    """`(stream, message)` of the function's log, from a time on (milliseconds since 1970)."""
    logs = server.client("logs")
    try:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function}", startTime=since)
        return [(event["logStreamName"], event["message"].rstrip("\n")) for page in pages for event in page["events"]]
    except ClientError:
        return []


def lines(server, function):
    return [message for _, message in events(server, function)]


def deploy_hooked(deploy, source=HOOKED, **settings):
    return deploy(python=source, Runtime="python3.13", SnapStart=ON, Publish=True, **settings)


def test_a_version_is_initialised_when_it_is_published(server, deploy, lambda_client):
    function = deploy(python=HOOKED, Runtime="python3.13")
    latest = lambda_client.update_function_configuration(FunctionName=function, SnapStart=ON)
    # As recorded in localstack's test_snapstart_update_function_configuration.
    assert latest["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}
    lambda_client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig=FAST)
    answer = lambda_client.publish_version(FunctionName=function)
    assert (answer["State"], answer["StateReasonCode"]) == ("Pending", "Creating")
    assert "LastUpdateStatus" not in answer
    version = active(lambda_client, function)
    assert version["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
    assert version["LastUpdateStatus"] == "Successful"
    assert version["RevisionId"] != answer["RevisionId"]
    assert lambda_client.get_function_configuration(FunctionName=function)["SnapStart"]["OptimizationStatus"] == "Off"
    listed = lambda_client.list_versions_by_function(FunctionName=function)["Versions"]
    assert [entry["SnapStart"]["OptimizationStatus"] for entry in listed] == ["Off", "On"]
    # It is initialised, and its hook has not run.
    wait_until(lambda: any(line.startswith("INIT_REPORT") for line in lines(server, function)), what="INIT_REPORT")
    assert not any(line.startswith(("RESTORE", "hook", "START")) for line in lines(server, function))
    # Once more with nothing changed is the same version.
    assert lambda_client.publish_version(FunctionName=function)["Version"] == "1"


def test_an_invocation_restores_an_environment(server, deploy, lambda_client):
    function = deploy_hooked(deploy)
    active(lambda_client, function)
    answer = lambda_client.invoke(FunctionName=function, Qualifier="1", LogType="Tail")
    tail = base64.b64decode(answer["LogResult"]).decode()
    found = json.loads(answer["Payload"].read())
    assert (found["kind"], found["steps"], found["version"]) == ("snap-start", ["init", "before", "after"], "1")
    assert found["stream"] is None
    # https://docs.aws.amazon.com/lambda/latest/dg/snapstart-monitoring.html, and how SDKs get credentials.
    names = set(found["names"])
    assert not names & {"AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY_ID",
                        "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    assert {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"} <= names
    report = re.search(
        r"REPORT RequestId: \S+\tDuration: (\S+) ms\tBilled Duration: (\d+) ms\tMemory Size: \d+ MB\t"
        r"Max Memory Used: \d+ MB\tRestore Duration: (\S+) ms\tBilled Restore Duration: (\d+) ms\t", tail)
    assert report, tail
    duration, billed, restore, billed_restore = (float(value) for value in report.groups())
    # As in logs of AWS that users show: 2338.66 ms and 182 ms of restoration are 2521 ms.
    assert billed == -(-duration // 1) + billed_restore
    assert billed_restore >= restore
    assert "Init Duration" not in tail and "hook" not in tail
    assert call(lambda_client, function)["steps"] == ["init", "before", "after"]

    stream = next(name for name, line in events(server, function) if line.startswith("REPORT"))
    restored = [line for name, line in events(server, function) if name == stream]
    assert restored[0] == "RESTORE_START Runtime Version: python:3.13"
    assert restored[1] == f"hook of {found['me']}"
    assert re.fullmatch(r"RESTORE_REPORT Restore Duration: [\d.]+ ms", restored[2])
    assert restored[3].startswith("START RequestId: ")
    # The log of its initialisation is another stream.
    first = next(name for name, line in events(server, function) if line.startswith("INIT_REPORT"))
    initialised = [line for name, line in events(server, function) if name == first]
    assert initialised[0] == "INIT_START Runtime Version: python:3.13"
    assert re.fullmatch(r"INIT_REPORT Init Duration: [\d.]+ ms", initialised[1])
    assert len(initialised) == 2


def test_each_environment_is_its_own(server, deploy, lambda_client):
    function = deploy_hooked(deploy, Timeout=120)
    active(lambda_client, function)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        found = held.at_once(server, function, lambda event: call(lambda_client, function, **event), 6, pool)
    assert len({answer["me"] for answer in found}) == len({answer["restored"][0] for answer in found}) == 6
    assert all(answer["steps"] == ["init", "before", "after"] for answer in found)
    assert lambda_client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 1000
    # One that ends is replaced.
    ended = lambda_client.invoke(FunctionName=function, Qualifier="1", Payload=b'{"exit": true}')
    assert ended["FunctionError"] == "Unhandled"
    assert call(lambda_client, function)["kind"] == "snap-start"


def test_what_the_latest_does_is_as_ever(server, deploy, lambda_client):
    function = deploy_hooked(deploy)
    active(lambda_client, function)
    found = call(lambda_client, function, "$LATEST")
    assert (found["kind"], found["steps"]) == ("on-demand", ["init"])
    assert found["stream"]
    me = call(lambda_client, function)["me"]
    lambda_client.update_function_configuration(FunctionName=function, SnapStart={"ApplyOn": "None"}, Description="new")
    lambda_client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig=FAST)
    assert lambda_client.publish_version(FunctionName=function)["State"] == "Active"
    assert call(lambda_client, function, "2")["kind"] == "on-demand"
    assert call(lambda_client, function)["me"] == me
    lambda_client.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    assert call(lambda_client, function, "live")["me"] == me


CREDENTIALS = """
import json, os, urllib.request, urllib.error
import boto3
def fetch(token):
    request = urllib.request.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers={"Authorization": token})
    return json.load(urllib.request.urlopen(request))
at_init = fetch(os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"])
def handler(event, context):
    if event.get("echo"): return "echo"
    now = fetch(os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"])
    try:
        fetch("guess")
    except urllib.error.HTTPError as error:
        wrong = error.code
    answer = boto3.client("lambda").invoke(FunctionName=context.function_name, Qualifier="1", Payload=b'{"echo": true}')
    return {"init": at_init["AccessKeyId"], "now": now["AccessKeyId"], "keys": sorted(now), "wrong": wrong,
            "answer": json.load(answer["Payload"])}
"""


def boto3_files():
    """boto3 and what it needs, as a function would bring it, with the model of Lambda alone."""
    packages = pathlib.Path(boto3.__file__).parents[1]
    kept = re.compile(r"(boto3|botocore|s3transfer|jmespath|urllib3|dateutil)/.*\.(py|json|json\.gz|pem)$|six\.py$")
    other = re.compile(r"(boto3|botocore)/data/(?!lambda/)[^/]+/")
    names = [str(path.relative_to(packages)) for path in packages.rglob("*") if path.is_file()]
    return {
        name: (packages / name).read_bytes() for name in names if kept.match(name) and not other.match(name)}


def test_credentials_are_asked_for(deploy, lambda_client):
    """AWS's SDKs ask at AWS_CONTAINER_CREDENTIALS_FULL_URI: boto3 signs with what it gets there."""
    function = deploy_hooked(deploy, CREDENTIALS, Timeout=60, MemorySize=512, files=boto3_files())
    active(lambda_client, function)
    found = call(lambda_client, function)
    assert found["keys"] == ["AccessKeyId", "Expiration", "SecretAccessKey", "Token"]
    assert found["wrong"] == 404
    # Those of the snapshot would have ended some time.
    assert found["init"] != found["now"]
    assert found["answer"] == "echo"


def test_a_version_that_does_not_initialise_fails(server, deploy, lambda_client):
    """As users of AWS report it: hashicorp/terraform-provider-aws#49904."""
    function = deploy_hooked(deploy, HOOKED + "\nif kind == 'snap-start': raise ValueError('no connection')")
    version = failed(lambda_client, function)
    assert (version["StateReasonCode"], version["LastUpdateStatus"]) == ("FunctionError", "Failed")
    assert version["StateReason"] == "An error occurred during function initialization."
    assert refused_with("ResourceConflictException", 409, call, lambda_client, function)
    assert any("ValueError: no connection" in line for line in lines(server, function))
    assert any(re.fullmatch(r"INIT_REPORT Init Duration: \S+ ms\tPhase: init\tStatus: error\tError Type: \S+", line)
               for line in lines(server, function))
    assert call(lambda_client, function, "$LATEST")["kind"] == "on-demand"


def test_a_hook_that_fails_before_the_snapshot(server, deploy, lambda_client):
    function = deploy_hooked(deploy, HOOKED + "\nregister_before_snapshot(lambda: 1 / 0)")
    assert failed(lambda_client, function)["StateReasonCode"] == "FunctionError"
    assert any("Error Type: Runtime.BeforeSnapshotError" in line for line in lines(server, function))


def test_a_hook_that_fails_after_the_restoration(server, deploy, lambda_client):
    function = deploy_hooked(deploy, HOOKED + "\nregister_after_restore(lambda: 1 / 0)")
    active(lambda_client, function)
    assert "afterRestore" in refused_with("SnapStartException", 400, call, lambda_client, function)
    wait_until(
        lambda: any(re.fullmatch(
            r"RESTORE_REPORT Restore Duration: \S+ ms\tStatus: error\tError Type: Runtime.AfterRestoreError", line)
            for line in lines(server, function)), what="RESTORE_REPORT")
    assert any("ZeroDivisionError" in line for line in lines(server, function))
    assert not any(line.startswith("START") for line in lines(server, function))
    assert lambda_client.get_function_configuration(FunctionName=function, Qualifier="1")["State"] == "Active"


def test_a_hook_that_takes_too_long(server, deploy, lambda_client):
    function = deploy_hooked(deploy, HOOKED + "\nregister_after_restore(time.sleep, 60)")
    active(lambda_client, function)
    message = refused_with("SnapStartTimeoutException", 408, call, lambda_client, function)
    # The developer guide has it, "Troubleshooting SnapStart errors".
    assert message == "Lambda couldn't restore the snapshot within the timeout limit."
    wait_until(
        lambda: any(re.fullmatch(r"RESTORE_REPORT Restore Duration: 1\d{4}\.\d\d ms\tStatus: timeout", line)
                    for line in lines(server, function)), what="RESTORE_REPORT")


def test_not_before_it_is_ready(deploy, lambda_client):
    function = deploy_hooked(deploy, HOOKED + "\nif kind == 'snap-start': time.sleep(5)")
    lambda_client.get_waiter("function_active_v2").wait(FunctionName=function, WaiterConfig=FAST)
    message = refused_with("SnapStartNotReadyException", 409, call, lambda_client, function)
    assert message.startswith("Lambda is initializing your function.")
    lambda_client.delete_function(FunctionName=function, Qualifier="1")
    refused_with("ResourceNotFoundException", 404, call, lambda_client, function)


REFUSALS = [
    ({"Runtime": "python3.11"}, "python3.11 is not supported for SnapStart enabled functions."),
    ({"Runtime": "nodejs22.x"}, "nodejs22.x is not supported for SnapStart enabled functions."),
    ({"EphemeralStorage": {"Size": 513}}, None),
]


@pytest.mark.parametrize("settings, words", REFUSALS)
def test_what_cannot_have_it(lambda_client, settings, words):
    request = {"FunctionName": "never", "Runtime": "python3.13", "Handler": "app.handler", "Role": ROLE,
               "Code": {"ZipFile": zip_of({"app.py": HOOKED})}, "SnapStart": ON, **settings}
    message = refused_with("InvalidParameterValueException", 400, lambda_client.create_function, **request)
    assert words is None or message == words


def test_not_together_with_provisioned_concurrency(deploy, lambda_client):
    function = deploy_hooked(deploy)
    active(lambda_client, function)
    refused_with(
        "InvalidParameterValueException", 400, lambda_client.put_provisioned_concurrency_config, FunctionName=function,
        Qualifier="1", ProvisionedConcurrentExecutions=1)
    lambda_client.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    refused_with(
        "InvalidParameterValueException", 400, lambda_client.put_provisioned_concurrency_config, FunctionName=function,
        Qualifier="live", ProvisionedConcurrentExecutions=1)


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_it_is_there_after_a_restart(own_server, sig):
    server = own_server()
    client = server.client()
    client.create_function(
        FunctionName="who", Runtime="python3.13", Handler="app.handler", Role=ROLE, Publish=True, SnapStart=ON,
        Code={"ZipFile": zip_of({"app.py": HOOKED})})
    before = active(client, "who")
    me = call(client, "who")["me"]
    # Another whose initialisation the end of the server cuts off.
    client.update_function_code(FunctionName="who", ZipFile=zip_of({"app.py": HOOKED + "\ntime.sleep(3)"}))
    client.get_waiter("function_updated_v2").wait(FunctionName="who", WaiterConfig=FAST)
    assert client.publish_version(FunctionName="who")["State"] == "Pending"
    server.stop(sig)
    restart = int(time.time() * 1000)
    server.start()
    client = server.client()
    after = client.get_function_configuration(FunctionName="who", Qualifier="1")
    for name in ("State", "SnapStart", "RevisionId", "LastModified"):
        assert after[name] == before[name]
    # An environment is initialised ahead again, without a call.
    wait_until(
        lambda: any("[1]" in stream and line.startswith("INIT_REPORT") for stream, line in events(server, "who", restart)),
        120, "another INIT_REPORT")
    assert call(client, "who")["me"] != me
    assert active(client, "who", "2")["SnapStart"]["OptimizationStatus"] == "On"
    assert call(client, "who", "2")["steps"] == ["init", "before", "after"]
