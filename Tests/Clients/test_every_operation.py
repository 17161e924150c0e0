"""Every operation through boto3 and through the `aws` command, unmodified."""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import sys

import botocore
import pytest
from botocore.exceptions import ClientError

from conftest import let_role_send, wait_until
from lambda_api import COVERED, MODEL, members, python_name
from lambda_tour import CHANGE, MAKE, READ, REFUSED, WHOLE, settled, walk

AWS = shutil.which("aws", path=f"{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}")
# The command leaves out operations whose answers are event streams.
NOT_IN_THE_COMMAND = {"InvokeWithResponseStream"}


def test_the_tour_misses_nothing():
    assert sorted(operation for phase in WHOLE for operation, _ in phase) == sorted(COVERED)


def test_boto3(own_server):
    client = let_role_send(own_server()).client()

    def call(operation, parameters):
        try:
            return getattr(client, python_name(operation))(**parameters)
        except ClientError as error:
            assert error.response["Error"]["Code"] == REFUSED.get(operation), error
            return None

    answers = walk(WHOLE, client, call)
    assert {operation for operation, answer in answers.items() if answer is None} == set(REFUSED)
    assert json.loads(answers["Invoke"]["Payload"].read()) == {"a": 1}
    events = list(answers["InvokeWithResponseStream"]["EventStream"])
    assert [name for event in events for name in event] == ["PayloadChunk", "InvokeComplete"]
    assert client.list_functions()["Functions"] == []


@pytest.mark.skipif(AWS is None, reason="the aws command is not installed")
def test_the_aws_command(own_server, tmp_path):
    """Each operation by its own options. What the command prints are the members that boto3 would return."""
    server = let_role_send(own_server())

    def call(operation, parameters):
        if operation in NOT_IN_THE_COMMAND:
            return None
        folder = tmp_path / operation
        folder.mkdir()
        arguments, out = options(operation, parameters, folder)
        ended = server.run(AWS, "lambda", python_name(operation).replace("_", "-"), *arguments, "--output", "json")
        if operation in REFUSED:
            assert ended.returncode != 0 and f"({REFUSED[operation]})" in ended.stderr, ended.stderr
            return None
        assert ended.returncode == 0, (operation, ended.stderr)
        if out:
            assert json.loads(out.read_text()) == {"a": 1}
        printed = json.loads(ended.stdout) if ended.stdout.strip() else {}
        output = MODEL.operation_model(operation).output_shape
        assert set(printed) <= set(output.members if output else {}), printed
        return printed

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = walk(WHOLE, server.client(), call, pool)
    assert set(answers) == set(COVERED)
    assert answers["GetAlias"]["FunctionVersion"] == "1"
    assert answers["PublishVersion"]["Version"] == "2"
    assert answers["ListFunctions"]["Functions"][0]["FunctionName"] == "tour"
    assert server.client().list_functions()["Functions"] == []


def options(operation, parameters, folder):
    """The command's arguments for parameters, and the file where it puts an invocation's answer."""
    arguments, shapes = [], dict(member[:2] for member in members(operation))
    for name, value in parameters.items():
        option = "--" + botocore.xform_name(name, "-")
        if name in ("Code", "Content") and "ZipFile" in value:
            option, value = "--zip-file", value["ZipFile"]
        if isinstance(value, bytes):
            (folder / name).write_bytes(value)
            # Of a payload that is streamed, the command wants the file's name alone.
            arguments += [option, str(folder / name) if name == "InvokeArgs" else f"fileb://{folder / name}"]
        elif isinstance(value, bool):
            arguments.append(option if value else option.replace("--", "--no-"))
        elif shapes[name].type_name == "list" and all(isinstance(each, str) for each in value):
            arguments += [option, *value]
        else:
            arguments += [option, json.dumps(value) if isinstance(value, (dict, list)) else str(value)]
    out = folder / "out.json" if operation == "Invoke" else None
    return arguments + ([str(out)] if out else []), out


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM], ids=lambda sig: sig.name)
def test_every_kind_of_resource_survives(own_server, sig):
    """Every answer of every reading operation is what it was before the server was killed, or stopped."""
    server = let_role_send(own_server())

    def call(operation, parameters):
        try:
            return getattr(server.client(), python_name(operation))(**parameters)
        except ClientError as error:
            assert error.response["Error"]["Code"] == REFUSED.get(operation), error

    walk(MAKE + CHANGE, server.client(), call)

    def everything():
        answers = walk(READ, server.client(), call)
        assert set(answers) == {operation for operation, _ in READ[0]}
        return {operation: stable(answer) for operation, answer in answers.items()}

    before = everything()
    server.stop(sig)
    server.start()
    # What is kept initialised is initialised anew.
    wait_until(lambda: settled(server.client()), 60, "the provisioned environment")
    assert everything() == before
    assert json.loads(server.client().invoke(FunctionName="tour:live", Payload=b"[1]")["Payload"].read()) == [1]
    walk([CHANGE[-1]], server.client(), call)


def stable(answer):
    """An answer without what boto3 adds, and without signatures and ports, which are others after a restart."""
    del answer["ResponseMetadata"]
    for part in ("Code", "Content"):
        if part in answer:
            del answer[part]["Location"]
    return json.loads(re.sub(r"localhost:\d+", "localhost", json.dumps(answer, default=str)))
