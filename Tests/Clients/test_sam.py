"""AWS's SAM command line, unmodified: what of it needs neither CloudFormation nor Docker.

It wants versions of boto3 of its own, so it lives in a venv of its own: the one that APUS_SAM_VENV names, or one that is
made beside the tests' once and kept.
"""

import fcntl
import json
import os
import pathlib
import subprocess
import sys

import pytest

from conftest import ROLE, ROOT, zip_of

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: hello/
      Handler: app.handler
      Runtime: python3.11
"""
CODE = """
def handler(event, context):
    print("words of the function")
    return {"hello": event}
"""


@pytest.fixture(scope="module")
def sam():
    """The path of the command."""
    venv = pathlib.Path(os.environ.get("APUS_SAM_VENV", ROOT / ".venv-sam"))
    command = venv / "bin/sam"
    venv.mkdir(parents=True, exist_ok=True)
    with open(venv / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (venv / "ready").exists():
            made = subprocess.run([sys.executable, "-m", "venv", venv], capture_output=True, text=True)
            if made.returncode == 0:
                made = subprocess.run([venv / "bin/pip", "install", "--quiet", "aws-sam-cli"], capture_output=True, text=True)
            if made.returncode:
                pytest.skip(f"sam can't be installed: {made.stderr.strip()[-300:]}")
            (venv / "ready").touch()
    return command


@pytest.fixture
def project(tmp_path):
    (tmp_path / "hello").mkdir()
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "hello/app.py").write_text(CODE)
    (tmp_path / "hello/requirements.txt").touch()
    return tmp_path


def test_build_invoke_and_logs(sam, server, lambda_client, project, name):
    def run(*arguments, code=0):
        ended = server.run(sam, *arguments, cwd=project, environment={
            "SAM_CLI_TELEMETRY": "0", "HOME": str(project), "PATH": f"{sam.parent}:{os.environ['PATH']}"})
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended

    run("build")
    built = project / ".aws-sam/build/Hello"
    lambda_client.create_function(
        FunctionName=name, Role=ROLE, Runtime="python3.11", Handler="app.handler",
        Code={"ZipFile": zip_of({path.name: path.read_bytes() for path in built.iterdir()})})
    lambda_client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    invoked = run("remote", "invoke", arn, "--event", '{"a": 1}')
    assert json.loads(invoked.stdout) == {"hello": {"a": 1}}
    assert "words of the function" in invoked.stderr
    whole = json.loads(run("remote", "invoke", arn, "--event", "{}", "--output", "json").stdout)
    assert (whole["StatusCode"], whole["ExecutedVersion"], json.loads(whole["Payload"])) == (200, "$LATEST", {"hello": {}})
    assert run("logs", "--cw-log-group", f"/aws/lambda/{name}").stdout.count("words of the function") == 2
    # It looks for the stack of what is no ARN. That there are none here, it can read.
    by_name = run("remote", "invoke", name, code=1)
    assert "Please provide full resource ARN" in by_name.stderr
    lambda_client.delete_function(FunctionName=name)
