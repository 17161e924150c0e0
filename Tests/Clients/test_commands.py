"""The command line: apus's own commands, and the stock `aws`."""

import json
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from conftest import APUS, ROLE, ROOT, wait_until, zip_of

AWS = pathlib.Path(sys.executable).parent / "aws"


@pytest.mark.parametrize("command", [[], ["serve"], ["env"], ["doctor"], ["deploy"], ["invoke"], ["logs"], ["list"], ["sign"], ["signing-profiles"]])
def test_every_command_has_help(command):
    ended = subprocess.run([APUS, *command, "--help"], capture_output=True, text=True)
    assert ended.returncode == 0 and "USAGE: apus" in ended.stdout and "OVERVIEW" in ended.stdout


def test_env_is_what_a_shell_needs(server):
    script = f'eval "$({APUS} env --data {server.data})" && echo $AWS_ENDPOINT_URL && {AWS} lambda list-functions --query "length(Functions)"'
    ended = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[0] == server.endpoint


def test_the_aws_command(server, name, tmp_path):
    package = tmp_path / "code.zip"
    package.write_bytes(zip_of({"app.py": "def handler(e, c): return {'hello': e['name']}"}))

    def aws(*arguments):
        ended = server.run(AWS, "lambda", *arguments)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout) if ended.stdout else None

    aws("create-function", "--function-name", name, "--runtime", "python3.11", "--handler", "app.handler", "--role", ROLE,
        "--zip-file", f"fileb://{package}")
    aws("wait", "function-active-v2", "--function-name", name)
    out = tmp_path / "out.json"
    event = tmp_path / "event.json"
    event.write_text('{"name": "swift"}')
    answer = aws("invoke", "--function-name", name, "--payload", f"fileb://{event}", out)
    assert answer["StatusCode"] == 200 and json.loads(out.read_text()) == {"hello": "swift"}
    package.write_bytes(zip_of({"app.py": "def handler(e, c): return 2"}))
    aws("update-function-code", "--function-name", name, "--zip-file", f"fileb://{package}")
    aws("wait", "function-updated-v2", "--function-name", name)
    aws("invoke", "--function-name", name, out)
    assert json.loads(out.read_text()) == 2
    assert name in [f["FunctionName"] for f in aws("list-functions")["Functions"]]
    events = server.run(AWS, "logs", "filter-log-events", "--log-group-name", f"/aws/lambda/{name}")
    assert events.returncode == 0 and "REPORT" in events.stdout, events.stderr
    aws("delete-function", "--function-name", name)


@pytest.mark.parametrize("language", ["python", "nodejs"])
def test_deploy_invoke_logs_list(server, name, language):
    def apus(*arguments, code=0):
        ended = server.run(APUS, *arguments)
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    deployed = apus("deploy", ROOT / "Examples/hello" / language, "--name", name)
    assert "runtime" in deployed.lower() and "handler" in deployed.lower()
    answer = apus("invoke", name, "--payload", '{"name": "Apus"}', "--log")
    assert "Hello, Apus" in answer and "REPORT RequestId" in answer
    assert name in apus("list")
    assert "START RequestId" in apus("logs", name)
    assert "updated" in apus("deploy", ROOT / "Examples/hello" / language, "--name", name).lower()


def test_deploy_a_zip_and_a_payload_file(server, name, tmp_path):
    package = tmp_path / "p.zip"
    package.write_bytes(zip_of({"lambda_function.py": "def lambda_handler(e, c): return e"}))
    payload = tmp_path / "event.json"
    payload.write_text('{"from": "file"}')
    assert server.run(APUS, "deploy", package, "--name", name).returncode == 0
    ended = server.run(APUS, "invoke", name, "--payload", f"@{payload}")
    assert ended.returncode == 0 and json.loads(ended.stdout) == {"from": "file"}


def test_a_failing_function_fails_the_command(server, name, tmp_path):
    (tmp_path / "app.py").write_text("def handler(e, c): raise ValueError('boom')")
    assert server.run(APUS, "deploy", tmp_path, "--name", name).returncode == 0
    ended = server.run(APUS, "invoke", name)
    assert ended.returncode != 0 and "boom" in ended.stdout


def test_following_logs(server, name, tmp_path):
    (tmp_path / "app.py").write_text("def handler(e, c): print('seen', e['n'])")
    assert server.run(APUS, "deploy", tmp_path, "--name", name).returncode == 0
    follow = subprocess.Popen([APUS, "logs", name, "--follow"], env=server.variables(), stdout=subprocess.PIPE, text=True)
    try:
        server.run(APUS, "invoke", name, "--payload", '{"n": 7}')
        import threading

        lines = []
        reader = threading.Thread(target=lambda: lines.extend(iter(follow.stdout.readline, "")), daemon=True)
        reader.start()
        wait_until(lambda: any("seen 7" in line for line in lines), what="the followed line")
    finally:
        follow.terminate()
        follow.wait(10)


def test_doctor(server):
    ended = subprocess.run([APUS, "doctor"], capture_output=True, text=True)
    assert re.search(r"python3\.11", ended.stdout) and re.search(r"cgroup", ended.stdout)
    for program in ("skopeo", "umoci"):
        [found] = re.findall(rf"(.) {program} +(.*)", ended.stdout)
        path = shutil.which(program, path="/usr/local/bin:/usr/bin:/bin")
        assert found == ("✓", path) if path else found[0] == "✗" and found[1].startswith("not installed"), found


def test_settings_problems_are_listed_at_once(tmp_path):
    ended = subprocess.run(
        [APUS, "serve", "--listen", "nowhere", "--account", "12", "--auth", "maybe", "--data", tmp_path], capture_output=True, text=True)
    assert ended.returncode != 0
    assert all(word in ended.stderr for word in ("listen", "account", "auth"))


def test_a_second_server_is_refused_on_the_same_data(server):
    ended = subprocess.run([APUS, "serve", "--listen", "127.0.0.1:0", "--data", server.data], capture_output=True, text=True, timeout=30)
    assert ended.returncode != 0 and "Another server" in ended.stderr
