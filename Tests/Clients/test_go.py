"""Go functions: an executable `bootstrap` in the zip, on the OS-only runtimes, which is how AWS runs Go today."""

import json
import os
import shutil
import subprocess

import pytest
from botocore.exceptions import ClientError

from conftest import ROLE, ROOT, zip_of


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The Go example, compiled."""
    if not shutil.which("go"):
        pytest.skip("there is no go")
    out = tmp_path_factory.mktemp("go")
    ended = subprocess.run(
        [ROOT / "Scripts/build-examples", "go"], capture_output=True, text=True, timeout=600,
        env={**os.environ, "APUS_EXAMPLES": str(out)})
    assert ended.returncode == 0, ended.stdout
    return (out / "hello-go/bootstrap").read_bytes()


@pytest.mark.parametrize("runtime", ["provided.al2", "provided.al2023"])
def test_a_bootstrap_is_run(deploy, lambda_client, program, runtime):
    function = deploy(files={"bootstrap!": program}, Runtime=runtime, Handler="bootstrap")
    answer = lambda_client.invoke(FunctionName=function, Payload='{"name": "Gopher"}')
    assert json.loads(answer["Payload"].read()) == {"statusCode": 200, "body": "Hello, Gopher"}


def test_an_error_is_the_functions(deploy, lambda_client, program):
    """encoding/json refuses a number for a string; the function reports that and goes on."""
    function = deploy(files={"bootstrap!": program}, Runtime="provided.al2023", Handler="bootstrap")
    answer = lambda_client.invoke(FunctionName=function, Payload='{"name": 1}')
    assert answer["FunctionError"] == "Unhandled"
    document = json.loads(answer["Payload"].read())
    assert document["errorType"] == "*json.UnmarshalTypeError" and "event.name" in document["errorMessage"]
    again = lambda_client.invoke(FunctionName=function, Payload="{}")
    assert json.loads(again["Payload"].read())["body"] == "Hello, world"


def test_a_binary_without_the_name_is_no_bootstrap(deploy, lambda_client, program):
    """go1.x ran the file that the handler names; the OS-only runtimes run `bootstrap` and nothing else."""
    function = deploy(files={"main!": program}, Runtime="provided.al2023", Handler="main")
    answer = lambda_client.invoke(FunctionName=function, Payload="{}")
    assert json.loads(answer["Payload"].read())["errorType"] == "Runtime.InvalidEntrypoint"


def test_go1x_is_retired(lambda_client, name):
    """AWS's recorded answer to creating a function with go1.x: there is none to package for."""
    with pytest.raises(ClientError) as refused:
        lambda_client.create_function(
            FunctionName=name, Runtime="go1.x", Handler="main", Role=ROLE, Code={"ZipFile": zip_of({"main!": "x"})})
    assert refused.value.response["Error"] == {
        "Code": "InvalidParameterValueException",
        "Message": "The runtime parameter of go1.x is no longer supported for creating or updating AWS Lambda functions. "
        "We recommend you use a supported runtime while creating or updating functions.",
    }
