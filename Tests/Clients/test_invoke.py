"""Invocation as boto3 sees it: AWS's documents, headers and log lines for every outcome.

Expectations: the Lambda developer guide's pages on Invoke, on error handling per runtime, and on the REPORT line.
"""

import base64
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

import held
from conftest import wait_until, zip_of

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def invoke(client, function, payload=None, **options):
    answer = client.invoke(FunctionName=function, **({"Payload": json.dumps(payload)} if payload is not None else {}), **options)
    body = answer["Payload"].read()
    return answer, json.loads(body) if body else None


def test_python_answers_with_its_log(deploy, lambda_client):
    function = deploy(python="def handler(event, context):\n    print('hello from', context.function_name)\n    return {'echo': event}")
    answer, document = invoke(lambda_client, function, {"a": [1, "é"]}, LogType="Tail")
    assert answer["StatusCode"] == 200 and answer["ExecutedVersion"] == "$LATEST" and "FunctionError" not in answer
    assert document == {"echo": {"a": [1, "é"]}}
    log = base64.b64decode(answer["LogResult"]).decode()
    request = answer["ResponseMetadata"]["RequestId"]
    lines = log.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("START"))
    assert lines[start] == f"START RequestId: {request} Version: $LATEST"
    assert lines[start + 1] == f"hello from {function}"
    assert lines[start + 2] == f"END RequestId: {request}"
    assert re.fullmatch(
        rf"REPORT RequestId: {UUID}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t"
        r"Max Memory Used: \d+ MB\tInit Duration: [\d.]+ ms\t?", lines[start + 3])


def test_node_answers_with_its_log(deploy, lambda_client):
    function = deploy(node="export const handler = async (event, context) => { console.log('hi', event.n); return {twice: event.n * 2}; };")
    answer, document = invoke(lambda_client, function, {"n": 21}, LogType="Tail")
    assert document == {"twice": 42}
    assert re.search(rf"\tINFO\thi 21", base64.b64decode(answer["LogResult"]).decode())


def test_a_custom_runtime_in_shell(deploy, lambda_client):
    """The tutorial's way: bash and curl against the Runtime API, here with /dev/tcp since curl may not be installed."""
    bootstrap = """#!/bin/bash
while true; do
  exec 3<>/dev/tcp/${AWS_LAMBDA_RUNTIME_API%:*}/${AWS_LAMBDA_RUNTIME_API#*:}
  printf 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' >&3
  answer=$(cat <&3); exec 3>&-
  id=$(grep -i '^Lambda-Runtime-Aws-Request-Id:' <<<"$answer" | tr -d '\\r' | cut -d' ' -f2)
  body=${answer##*$'\\r\\n\\r\\n'}
  exec 3<>/dev/tcp/${AWS_LAMBDA_RUNTIME_API%:*}/${AWS_LAMBDA_RUNTIME_API#*:}
  printf 'POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n%s' "$id" "${#body}" "$body" >&3
  cat <&3 >/dev/null; exec 3>&-
done
"""
    function = deploy(files={"bootstrap!": bootstrap}, Runtime="provided.al2023", Handler="any")
    assert invoke(lambda_client, function, {"x": 1})[1] == {"x": 1}
    assert invoke(lambda_client, function, {"x": 2})[1] == {"x": 2}


def test_a_provided_function_without_bootstrap(deploy, lambda_client):
    function = deploy(files={"other": "x"}, Runtime="provided.al2", Handler="any")
    answer, document = invoke(lambda_client, function, {})
    assert answer["FunctionError"] == "Unhandled" and document["errorType"] == "Runtime.InvalidEntrypoint"


def test_handler_errors(deploy, lambda_client):
    function = deploy(python="class Oops(Exception): pass\ndef handler(event, context):\n    raise Oops('boom')")
    answer, document = invoke(lambda_client, function, {})
    assert answer["StatusCode"] == 200 and answer["FunctionError"] == "Unhandled"
    assert document["errorMessage"] == "boom" and document["errorType"] == "Oops"
    assert document["requestId"] == answer["ResponseMetadata"]["RequestId"]
    assert document["stackTrace"][-1] == "  File \"/var/task/app.py\", line 3, in handler\n    raise Oops('boom')\n"
    function = deploy(node="export const handler = async () => { throw new TypeError('boom'); };", suffix="-node")
    answer, document = invoke(lambda_client, function, {})
    assert answer["FunctionError"] == "Unhandled"
    assert document["errorType"] == "TypeError" and document["errorMessage"] == "boom" and document["trace"][0] == "TypeError: boom"


def test_import_errors(deploy, lambda_client):
    function = deploy(python="import no_such_module\ndef handler(e, c): pass")
    answer, document = invoke(lambda_client, function, {})
    assert answer["FunctionError"] == "Unhandled"
    assert document["errorType"] == "Runtime.ImportModuleError"
    assert document["errorMessage"] == "Unable to import module 'app': No module named 'no_such_module'"


def test_a_missing_handler(deploy, lambda_client):
    function = deploy(python="x = 1")
    answer, document = invoke(lambda_client, function, {})
    assert document["errorType"] == "Runtime.HandlerNotFound"
    assert document["errorMessage"] == "Handler 'handler' missing on module 'app'"


def test_a_timeout_replaces_the_environment(deploy, lambda_client):
    function = deploy(
        python="import time\ncount = 0\ndef handler(e, c):\n    global count\n    count += 1\n    if e.get('hang'): time.sleep(60)\n    return count",
        Timeout=1)
    assert invoke(lambda_client, function, {})[1] == 1
    assert invoke(lambda_client, function, {})[1] == 2
    answer, document = invoke(lambda_client, function, {"hang": True}, LogType="Tail")
    request = answer["ResponseMetadata"]["RequestId"]
    assert answer["FunctionError"] == "Unhandled"
    assert document == {"errorType": "Sandbox.Timedout", "errorMessage": f"RequestId: {request} Error: Task timed out after 1.00 seconds"}
    assert "Status: timeout" in base64.b64decode(answer["LogResult"]).decode()
    assert invoke(lambda_client, function, {})[1] == 1


@pytest.mark.parametrize(
    "code,message",
    [
        ("import os; os._exit(3)", "Runtime exited with error: exit status 3"),
        ("import os; os._exit(0)", "Runtime exited without providing a reason"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "Runtime exited with error: signal: killed"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "Runtime exited with error: signal: segmentation fault"),
    ],
)
def test_exits(deploy, lambda_client, code, message):
    function = deploy(python=f"def handler(e, c):\n    if e.get('die'):\n        {code}\n    return 'alive'")
    answer, document = invoke(lambda_client, function, {"die": True})
    request = answer["ResponseMetadata"]["RequestId"]
    assert answer["FunctionError"] == "Unhandled"
    assert document == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {request} Error: {message}"}
    assert invoke(lambda_client, function, {})[1] == "alive"


def test_environments_are_reused_and_keep_their_globals_and_tmp(deploy, lambda_client):
    function = deploy(
        python="import os\ncount = 0\ndef handler(e, c):\n    global count\n    count += 1\n    open('/tmp/log', 'a').write('x')\n"
        "    return [count, os.path.getsize('/tmp/log')]")
    assert [invoke(lambda_client, function, {})[1] for _ in range(3)] == [[1, 1], [2, 2], [3, 3]]


def test_parallel_invocations_have_environments_of_their_own(deploy, server):
    client = server.client()
    function = deploy(
        python="import time, uuid\nme = str(uuid.uuid4())\nbusy = False\ndef handler(e, c):\n    global busy\n    assert not busy\n"
        "    busy = True\n    time.sleep(0.3)\n    busy = False\n    return me")
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: invoke(client, function, {}), range(6)))
    assert all("FunctionError" not in answer for answer, _ in answers)
    assert len({document for _, document in answers}) > 1


def test_the_environment_that_aws_documents(deploy, lambda_client):
    function = deploy(
        python="import os\ndef handler(e, c):\n    return dict(os.environ, cwd=os.getcwd())",
        MemorySize=192, Environment={"Variables": {"MINE": "value"}})
    environment = invoke(lambda_client, function, {})[1]
    expected = {
        "MINE": "value", "_HANDLER": "app.handler", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": function, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "192", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function}", "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "LAMBDA_TASK_ROOT": "/var/task", "LAMBDA_RUNTIME_DIR": "/var/runtime", "TZ": ":UTC",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11", "cwd": "/var/task",
    }
    assert {key: environment.get(key) for key in expected} == expected
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", environment["AWS_LAMBDA_LOG_STREAM_NAME"])
    assert environment["AWS_LAMBDA_RUNTIME_API"] == "127.0.0.1:9001"


def test_the_context_object(deploy, lambda_client):
    function = deploy(
        python="""
def handler(event, c):
    return {"id": c.aws_request_id, "name": c.function_name, "version": c.function_version, "arn": c.invoked_function_arn,
            "memory": c.memory_limit_in_mb, "group": c.log_group_name, "remaining": c.get_remaining_time_in_millis(),
            "custom": c.client_context.custom if c.client_context else None}
""")
    context = base64.b64encode(json.dumps({"custom": {"k": "v"}, "client": {}, "env": {}}).encode()).decode()
    answer, document = invoke(lambda_client, function, {}, ClientContext=context)
    assert document["id"] == answer["ResponseMetadata"]["RequestId"]
    assert document["arn"] == f"arn:aws:lambda:us-east-1:000000000000:function:{function}"
    assert 0 < document.pop("remaining") <= 10_000
    assert (document["name"], document["version"], document["memory"]) == (function, "$LATEST", "128")
    assert document["custom"] == {"k": "v"}


def test_dry_run(deploy, lambda_client):
    function = deploy(python="def handler(e, c): return 1")
    assert lambda_client.invoke(FunctionName=function, InvocationType="DryRun")["StatusCode"] == 204


def test_big_payloads(deploy, lambda_client):
    function = deploy(python="def handler(e, c): return {'size': len(e['text'])} if not e.get('back') else 'x' * e['back']", MemorySize=512)
    assert invoke(lambda_client, function, {"text": "x" * 6_000_000})[1] == {"size": 6_000_000}
    with pytest.raises(ClientError) as caught:
        invoke(lambda_client, function, {"text": "x" * 6_300_000})
    assert caught.value.response["Error"]["Code"] == "RequestTooLargeException"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    answer, document = invoke(lambda_client, function, {"back": 6_400_000})
    assert answer["FunctionError"] == "Unhandled" and document["errorType"] == "Function.ResponseSizeTooLarge"
    assert invoke(lambda_client, function, {"text": "again"})[1] == {"size": 5}


@pytest.mark.parametrize("payload", [b"{", b"nothing", b'{"a":1,}', b"\xff\xfe", b'{"a":1} x'])
def test_payloads_that_are_not_json(deploy, lambda_client, payload):
    function = deploy(python="def handler(e, c): return e")
    with pytest.raises(ClientError) as caught:
        lambda_client.invoke(FunctionName=function, Payload=payload)
    assert caught.value.response["Error"]["Code"] == "InvalidRequestContentException"
    assert caught.value.response["Error"]["Message"].startswith("Could not parse request body into json")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_an_unknown_function(lambda_client):
    with pytest.raises(ClientError) as caught:
        lambda_client.invoke(FunctionName="no-such-function")
    assert caught.value.response["Error"] == {
        "Code": "ResourceNotFoundException",
        "Message": "Function not found: arn:aws:lambda:us-east-1:000000000000:function:no-such-function:$LATEST",
    }
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_names_in_every_form(deploy, lambda_client):
    function = deploy(python="def handler(e, c): return 'ok'")
    for form in (function, f"function:{function}", f"000000000000:function:{function}",
                 f"arn:aws:lambda:us-east-1:000000000000:function:{function}",
                 f"arn:aws:lambda:us-east-1:000000000000:function:{function}:$LATEST", f"{function}:$LATEST"):
        assert invoke(lambda_client, form, {})[1] == "ok", form


def test_concurrency_limits(deploy, lambda_client, server):
    function = deploy(python="import time\ndef handler(e, c): time.sleep(e.get('s', 0))\n")
    lambda_client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError) as caught:
        invoke(lambda_client, function, {})
    assert caught.value.response["Error"]["Code"] == "TooManyRequestsException"
    assert caught.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    lambda_client.delete_function_concurrency(FunctionName=function)
    assert invoke(lambda_client, function, {})[1] is None


def test_the_accounts_concurrency_limit(own_server, tmp_path):
    server = own_server(environment={"APUS_CONCURRENCY": "2"})
    client = server.client()
    client.create_function(
        FunctionName="slow", Runtime="python3.11", Handler="app.handler", Role="arn:aws:iam::000000000000:role/lambda",
        Code={"ZipFile": zip_of({"app.py": held.PYTHON + "def handler(e, c): held(e)"})}, Timeout=300)
    client.get_waiter("function_active_v2").wait(FunctionName="slow", WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with held.Held(server, "slow") as holding:
            running = [pool.submit(invoke, client, "slow", holding.event) for _ in range(2)]
            holding.wait(2)
            with pytest.raises(ClientError) as caught:
                invoke(client, "slow", {})
        assert caught.value.response["Error"]["Code"] == "TooManyRequestsException"
        assert caught.value.response["Reason"] == "ConcurrentInvocationLimitExceeded"
        assert all("FunctionError" not in each.result()[0] for each in running)


def test_updated_code_is_what_runs_next(deploy, lambda_client):
    function = deploy(python="def handler(e, c): return 1")
    assert invoke(lambda_client, function, {})[1] == 1
    lambda_client.update_function_code(FunctionName=function, ZipFile=zip_of({"app.py": "def handler(e, c): return 2"}))
    lambda_client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    assert invoke(lambda_client, function, {})[1] == 2


def test_logs_are_kept(deploy, lambda_client, server):
    function = deploy(python="def handler(e, c): print('line', e['n'])")
    for n in range(3):
        invoke(lambda_client, function, {"n": n})
    logs = server.client("logs")

    def messages():
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
        except ClientError:
            return None
        found = [event["message"].rstrip("\n") for event in events]
        return found if sum(m.startswith("REPORT") for m in found) == 3 else None

    found = wait_until(messages, what="three reports in the log")
    assert [m for m in found if m.startswith("line")] == ["line 0", "line 1", "line 2"]
    assert found[0].startswith("INIT_START Runtime Version: python:3.11")


def tree(folder, prefix):
    """The files below `folder` that a package needs, by their names in the package."""
    skipped = {"__pycache__", "test", "tests", "site-packages", "idlelib", "tkinter", "ensurepip", "lib2to3"}
    return {
        prefix + str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
        and not any(part in skipped or part.startswith("config-") for part in path.relative_to(folder).parts)
    }


def test_aws_own_runtime_client_runs_unchanged(deploy, lambda_client, tmp_path):
    """The judge: a function packaged with awslambdaric as a `provided` function."""
    target = tmp_path / "package"
    installed = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--target", target, "--only-binary=:all:", "awslambdaric"],
        capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"awslambdaric has no wheel here: {installed.stderr[-300:]}")
    files = tree(target, "")
    files["app.py"] = "def handler(event, context):\n    if event.get('fail'): raise ValueError('boom')\n    return {'id': context.aws_request_id, 'echo': event}"
    python = "/usr/bin/python3"
    if sys.base_prefix != "/usr":  # an interpreter of its own: the package brings it along, as packages for `provided` do
        library = f"python{sys.version_info.major}.{sys.version_info.minor}"
        files |= tree(pathlib.Path(sys.base_prefix) / "lib" / library, f"python/lib/{library}/")
        files["python/bin/python3!"] = (pathlib.Path(sys.base_prefix) / "bin" / library).read_bytes()
        python = "/var/task/python/bin/python3"
    files["bootstrap!"] = f"#!/bin/sh\nexec {python} -m awslambdaric app.handler\n"
    function = deploy(files=files, Runtime="provided.al2023", Handler="app.handler", MemorySize=256)
    answer, document = invoke(lambda_client, function, {"x": "é"})
    assert document == {"id": answer["ResponseMetadata"]["RequestId"], "echo": {"x": "é"}}
    answer, document = invoke(lambda_client, function, {"fail": 1})
    assert answer["FunctionError"] == "Unhandled" and document["errorType"] == "ValueError"
