"""PowerShell functions. A program stands in for `pwsh`, which no registry of the tests' machines has: it answers as PowerShell
does when it is looked for, and as a function it tells how it was started. What PowerShell itself makes of the bootstrap is
tested where there is one (Tests/Bootstraps/test_powershell.py, and the example in test_provided_languages.py)."""

import json
import os
import shutil
import subprocess

import pytest

from conftest import APUS, ROLE, Server, zip_of

STAND_IN = r"""#!/bin/bash
case "$*" in
*-Command*)
    printf 'version=7.4.6\nexecutable=%s/pwsh\n' "${0%/*}"
    exit ;;
esac
place=/dev/tcp/${AWS_LAMBDA_RUNTIME_API%:*}/${AWS_LAMBDA_RUNTIME_API#*:}
while :; do
    exec 3<>"$place"
    printf 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n' >&3
    while IFS= read -r line <&3 && line=${line%$'\r'} && [[ $line ]]; do
        case ${line,,} in lambda-runtime-aws-request-id:*) id=${line#*: } ;; esac
    done
    exec 3>&-
    module=$(cat /var/task/modules/hello.txt 2>/dev/null)
    [[ -r /var/runtime/bootstrap.ps1 && -r /var/lang/beside ]] && is_there=true || is_there=false
    body="{\"program\":\"$0\",\"arguments\":\"$*\",\"handler\":\"$_HANDLER\",\"there\":$is_there,\"module\":\"$module\"}"
    exec 3<>"$place"
    printf 'POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s' "$id" ${#body} "$body" >&3
    read -r line <&3
    exec 3>&-
done
"""


@pytest.fixture(scope="module")
def powered(tmp_path_factory):
    """A server that finds the stand-in."""
    server = Server()
    place = server.home / "powershell"
    place.mkdir()
    (place / "pwsh").write_text(STAND_IN)
    (place / "pwsh").chmod(0o755)
    (place / "beside").write_text("")
    for path in (place, place / "beside"):
        path.chmod(0o755)
    server.environment = {"PATH": f"{place}:{os.environ['PATH']}"}
    yield server.start()
    server.close()


def create(server, name, files, handler, **settings):
    client = server.client()
    client.create_function(
        FunctionName=name, Role=ROLE, Runtime="provided.al2023", Handler=handler, Code={"ZipFile": zip_of(files)},
        Timeout=10, **settings)
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    answer = client.invoke(FunctionName=name)
    return json.loads(answer["Payload"].read())


@pytest.mark.parametrize("handler", ["app.ps1", "app.ps1::Invoke-Hello", "Module::Hello::Invoke-Hello"])
def test_powershell_runs_its_handlers(powered, name, handler):
    said = create(powered, name, {"app.ps1": "", "modules/hello.txt": "here"}, handler)
    assert said == {
        "program": "/var/lang/pwsh", "handler": handler, "there": True, "module": "here",
        "arguments": "-NoLogo -NoProfile -NonInteractive -File /var/runtime/bootstrap.ps1"}


def test_a_bootstrap_goes_first(powered, name):
    script = STAND_IN.replace('"program\\":\\"$0', '"program\\":\\"own')
    assert create(powered, name, {"app.ps1": "", "bootstrap!": script}, "app.ps1")["program"] == "own"
    layer = powered.client().publish_layer_version(LayerName=name, Content={"ZipFile": zip_of({"bootstrap!": script})})
    said = create(powered, name + "-layer", {"app.ps1": ""}, "app.ps1", Layers=[layer["LayerVersionArn"]])
    assert said["program"] == "own"


def test_it_is_listed(powered, tmp_path):
    ended = subprocess.run(
        [APUS, "runtimes", "--json", "--data", tmp_path], capture_output=True, text=True,
        env={**os.environ, **powered.environment})
    lines = {line["runtime"]: line for line in json.loads(ended.stdout)}
    assert lines["powershell"] == {
        "runtime": "powershell", "status": "native", "language": "PowerShell", "version": "7.4.6",
        "path": str(powered.home / "powershell/pwsh")}


@pytest.mark.skipif(shutil.which("pwsh") is not None, reason="this machine has PowerShell")
def test_without_powershell_the_function_says_so(server, name):
    client = server.client()
    client.create_function(
        FunctionName=name, Role=ROLE, Runtime="provided.al2023", Handler="app.ps1", Code={"ZipFile": zip_of({"app.ps1": ""})})
    waiter = client.get_waiter("function_active_v2")
    with pytest.raises(Exception, match="Failed"):
        waiter.wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    state = client.get_function_configuration(FunctionName=name)
    assert state["StateReasonCode"] == "InvalidRuntime" and "pwsh" in state["StateReason"]
