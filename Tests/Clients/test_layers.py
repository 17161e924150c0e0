"""Layers with boto3, the `aws` command and Terraform: their operations, and what functions see of them at /opt.

Expectations: the developer guide's pages about layers, runtimes and environment variables, and the API reference.
"""

import base64
import hashlib
import json
import pathlib
import signal
import sys
import urllib.request

import pytest

from conftest import ROLE, zip_of

SHARED = "import shared\ndef handler(event, context): return shared.VALUE"


def value(number):
    return {"python/shared.py": f"VALUE = {number}\n"}


@pytest.fixture
def publish(lambda_client, name):
    """Publishes a layer version: `publish({"python/x.py": "…"})`; returns its answer."""
    def make(files, suffix="", client=lambda_client, **settings):
        return client.publish_layer_version(LayerName=name + suffix, Content={"ZipFile": zip_of(files)}, **settings)

    return make


def invoke(client, function, event=None):
    answer = client.invoke(FunctionName=function, Payload=json.dumps(event))
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def change_layers(client, function, layers):
    client.update_function_configuration(FunctionName=function, Layers=layers)
    client.get_waiter("function_updated_v2").wait(
        FunctionName=function, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})


def test_the_operations(lambda_client, publish, name):
    contents = zip_of(value(1))
    first = publish(
        value(1), Description="shared", LicenseInfo="MIT", CompatibleRuntimes=["python3.11", "python3.12"],
        CompatibleArchitectures=["x86_64", "arm64"])
    assert first["Version"] == 1 and first["LayerVersionArn"] == first["LayerArn"] + ":1"
    assert first["Content"]["CodeSize"] == len(contents)
    assert first["Content"]["CodeSha256"] == base64.b64encode(hashlib.sha256(contents).digest()).decode()
    with urllib.request.urlopen(first["Content"]["Location"]) as download:
        assert download.read() == contents
    assert publish(value(2))["Version"] == 2

    one = lambda_client.get_layer_version(LayerName=name, VersionNumber=1)
    by_arn = lambda_client.get_layer_version_by_arn(Arn=first["LayerVersionArn"])
    for answer in [one, by_arn]:
        assert {k: v for k, v in answer.items() if k not in ["ResponseMetadata", "Content"]} == {
            k: v for k, v in first.items() if k not in ["ResponseMetadata", "Content"]}
    full = lambda_client.get_layer_version(LayerName=first["LayerArn"], VersionNumber=1)
    assert full["LayerVersionArn"] == first["LayerVersionArn"]

    pages = lambda_client.get_paginator("list_layer_versions").paginate(
        LayerName=name, PaginationConfig={"PageSize": 1})
    assert [v["Version"] for page in pages for v in page["LayerVersions"]] == [2, 1]
    layers = {
        layer["LayerName"]: layer["LatestMatchingVersion"]["Version"]
        for page in lambda_client.get_paginator("list_layers").paginate(CompatibleRuntime="python3.12")
        for layer in page["Layers"]}
    assert layers[name] == 1

    lambda_client.delete_layer_version(LayerName=name, VersionNumber=2)
    with pytest.raises(lambda_client.exceptions.ResourceNotFoundException):
        lambda_client.get_layer_version(LayerName=name, VersionNumber=2)
    assert publish(value(3))["Version"] == 3


def test_permissions(lambda_client, publish, name):
    publish(value(1))
    added = lambda_client.add_layer_version_permission(
        LayerName=name, VersionNumber=1, StatementId="all", Action="lambda:GetLayerVersion", Principal="*")
    lambda_client.add_layer_version_permission(
        LayerName=name, VersionNumber=1, StatementId="one", Action="lambda:GetLayerVersion",
        Principal="111122223333", RevisionId=added["RevisionId"])
    policy = lambda_client.get_layer_version_policy(LayerName=name, VersionNumber=1)
    statements = json.loads(policy["Policy"])["Statement"]
    assert [statement["Sid"] for statement in statements] == ["all", "one"]
    assert statements[0] == json.loads(added["Statement"])
    with pytest.raises(lambda_client.exceptions.PreconditionFailedException):
        lambda_client.remove_layer_version_permission(
            LayerName=name, VersionNumber=1, StatementId="all", RevisionId=added["RevisionId"])
    for statement in ["all", "one"]:
        lambda_client.remove_layer_version_permission(LayerName=name, VersionNumber=1, StatementId=statement)
    with pytest.raises(lambda_client.exceptions.ResourceNotFoundException):
        lambda_client.get_layer_version_policy(LayerName=name, VersionNumber=1)


def test_functions_see_layers_in_their_order(lambda_client, publish, deploy):
    one = publish(value(1), "-1")["LayerVersionArn"]
    two = publish(value(2), "-2")["LayerVersionArn"]
    function = deploy(python=SHARED, Layers=[one, two])
    assert invoke(lambda_client, function) == 2
    change_layers(lambda_client, function, [two, one])
    assert invoke(lambda_client, function) == 1
    configuration = lambda_client.get_function_configuration(FunctionName=function)
    assert [layer["Arn"] for layer in configuration["Layers"]] == [two, one]
    change_layers(lambda_client, function, [])
    assert "Layers" not in lambda_client.get_function_configuration(FunctionName=function)
    answer = lambda_client.invoke(FunctionName=function)
    assert "No module named 'shared'" in json.loads(answer["Payload"].read())["errorMessage"]


def test_a_version_keeps_its_layers(lambda_client, publish, deploy):
    one = publish(value(1), "-1")["LayerVersionArn"]
    two = publish(value(2), "-2")["LayerVersionArn"]
    function = deploy(python=SHARED, Layers=[one])
    version = lambda_client.publish_version(FunctionName=function)
    assert [layer["Arn"] for layer in version["Layers"]] == [one]
    change_layers(lambda_client, function, [two])
    assert invoke(lambda_client, function) == 2
    assert invoke(lambda_client, f"{function}:1") == 1


def test_a_deleted_layer_stays_with_its_functions(lambda_client, publish, deploy, name):
    layer = publish(value(5))["LayerVersionArn"]
    function = deploy(python=SHARED, Layers=[layer])
    lambda_client.delete_layer_version(LayerName=name, VersionNumber=1)
    lambda_client.update_function_configuration(FunctionName=function, Description="new environments")
    lambda_client.get_waiter("function_updated_v2").wait(
        FunctionName=function, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    assert invoke(lambda_client, function) == 5
    with pytest.raises(lambda_client.exceptions.InvalidParameterValueException):
        lambda_client.update_function_configuration(FunctionName=function, Layers=[layer])


READ_ONLY = """
import os, subprocess
def attempt(action):
    try:
        action()
        return "done"
    except OSError as error:
        return error.errno
def handler(event, context):
    return [
        sorted(os.listdir("/opt")),
        attempt(lambda: open("/opt/new", "w")), attempt(lambda: open("/opt/data", "a")),
        attempt(lambda: os.remove("/opt/data")), attempt(lambda: os.chmod("/opt/data", 0o777)),
        attempt(lambda: os.rename("/opt/bin", "/opt/nib")), attempt(lambda: os.mkdir("/opt/bin/x")),
        subprocess.run(["tool"], capture_output=True, text=True).stdout,
    ]
"""


def test_opt_is_read_only(lambda_client, publish, deploy):
    layer = publish({"data": "x", "bin/tool!": "#!/bin/sh\necho tool"})["LayerVersionArn"]
    function = deploy(python=READ_ONLY, Layers=[layer])
    # A file of another user cannot be opened for writing (EACCES); all else fails on a read-only file system (EROFS).
    assert invoke(lambda_client, function) == [["bin", "data"], 30, 13, 30, 30, 30, 30, "tool\n"]


def test_without_layers_opt_is_empty(lambda_client, deploy):
    function = deploy(python="import os\ndef handler(e, c): return os.listdir('/opt')")
    assert invoke(lambda_client, function) == []


def test_pythons_search_path(lambda_client, publish, deploy):
    """The code first, then site-packages of the version, then /opt/python."""
    layer = publish({
        "python/a.py": "WHERE = 'python'", "python/b.py": "WHERE = 'python'", "python/app.py": "WHERE = 'layer'",
        "python/lib/python3.11/site-packages/a.py": "WHERE = 'site'",
        "python/lib/python3.8/site-packages/c.py": "WHERE = 'site of another version'",
    })["LayerVersionArn"]
    function = deploy(
        python="import a, b, sys\ndef handler(e, c): return [a.WHERE, b.WHERE, sys.path[:3]]", Layers=[layer])
    assert invoke(lambda_client, function) == [
        "site", "python", ["/var/task", "/opt/python/lib/python3.11/site-packages", "/opt/python"]]


def test_nodes_search_path(lambda_client, publish, deploy):
    layer = publish({
        "nodejs/node_modules/a/index.js": "module.exports = 'common'",
        "nodejs/node_modules/b/index.js": "module.exports = 'common'",
        "nodejs/node20/node_modules/a/index.js": "module.exports = 'of the version'",
    })["LayerVersionArn"]
    function = deploy(
        files={"index.js": "exports.handler = async () => [require('a'), require('b')]"}, Runtime="nodejs20.x",
        Handler="index.handler", Layers=[layer])
    assert invoke(lambda_client, function) == ["of the version", "common"]


def test_a_custom_runtime_from_a_layer(lambda_client, publish, deploy):
    """`/opt/bootstrap` runs a function whose own package has none."""
    bootstrap = """#!/bin/sh
while true; do
    id=$(curl -s -D - -o /tmp/event "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next" \
        | tr -d '\\r' | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p')
    curl -s -X POST "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response" -d '"from the layer"' \
        > /dev/null
done
"""
    layer = publish({"bootstrap!": bootstrap})["LayerVersionArn"]
    function = deploy(files={"data": ""}, Runtime="provided.al2023", Handler="any", Layers=[layer])
    assert invoke(lambda_client, function) == "from the layer"


def test_a_wrapper_starts_the_runtime(lambda_client, publish, deploy):
    layer = publish({"wrap!": '#!/bin/sh\nexport WRAPPED="$(basename "$1")"\nexec "$@"\n', "plain": ""})["LayerVersionArn"]
    code = "import os\ndef handler(e, c): return os.environ['WRAPPED']"
    function = deploy(
        python=code, Layers=[layer], Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrap"}})
    assert invoke(lambda_client, function).startswith("python3")


@pytest.mark.parametrize("wrapper, status", [("/opt/missing", 127), ("/opt/plain", 126)])
def test_a_wrapper_that_cannot_be_run(lambda_client, publish, deploy, wrapper, status):
    layer = publish({"plain": ""})["LayerVersionArn"]
    function = deploy(
        python="def handler(e, c): return 1", Layers=[layer],
        Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": wrapper}})
    answer = lambda_client.invoke(FunctionName=function)
    document = json.loads(answer["Payload"].read())
    assert answer["FunctionError"] == "Unhandled"
    assert document["errorType"] == "Runtime.ExitError"
    assert document["errorMessage"].endswith(f"Runtime exited with error: exit status {status}")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_layers_survive_a_restart(own_server, how):
    server = own_server()
    client = server.client()
    arns = [
        client.publish_layer_version(LayerName=f"l{number}", Content={"ZipFile": zip_of(value(number))})
        ["LayerVersionArn"] for number in range(3)]
    client.add_layer_version_permission(
        LayerName="l0", VersionNumber=1, StatementId="s", Action="lambda:GetLayerVersion", Principal="*")
    client.create_function(
        FunctionName="f", Runtime="python3.11", Handler="app.handler", Role=ROLE, Layers=arns,
        Code={"ZipFile": zip_of({"app.py": SHARED})})
    client.delete_layer_version(LayerName="l2", VersionNumber=1)
    before = client.list_layers()["Layers"]
    server.stop(how)
    server.start()
    client = server.client()
    assert client.list_layers()["Layers"] == before
    assert [layer["LayerName"] for layer in before] == ["l0", "l1"]
    client.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    assert invoke(client, "f") == 2
    assert "Policy" in client.get_layer_version_policy(LayerName="l0", VersionNumber=1)
    again = client.publish_layer_version(LayerName="l2", Content={"ZipFile": zip_of(value(9))})
    assert again["Version"] == 2


def test_the_aws_command(server, lambda_client, name, tmp_path):
    aws = [pathlib.Path(sys.executable).parent / "aws"]
    (tmp_path / "layer.zip").write_bytes(zip_of(value(7)))

    def run(*arguments):
        ended = server.run(*aws, "lambda", *arguments, cwd=tmp_path)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout or "null")

    published = run(
        "publish-layer-version", "--layer-name", name, "--zip-file", "fileb://layer.zip", "--compatible-runtimes",
        "python3.11")
    arn = published["LayerVersionArn"]
    assert run("get-layer-version-by-arn", "--arn", arn)["Version"] == 1
    assert run("list-layer-versions", "--layer-name", name)["LayerVersions"][0]["LayerVersionArn"] == arn
    statement = run(
        "add-layer-version-permission", "--layer-name", name, "--version-number", "1", "--statement-id", "s",
        "--action", "lambda:GetLayerVersion", "--principal", "*")
    assert json.loads(statement["Statement"])["Resource"] == arn
    run("get-layer-version-policy", "--layer-name", name, "--version-number", "1")
    run("remove-layer-version-permission", "--layer-name", name, "--version-number", "1", "--statement-id", "s")
    layer = published["LayerArn"]
    run("tag-resource", "--resource", layer, "--tags", "team=swifts")
    assert run("list-tags", "--resource", layer)["Tags"] == {"team": "swifts"}
    run("delete-layer-version", "--layer-name", name, "--version-number", "1")
    assert run("list-layer-versions", "--layer-name", name)["LayerVersions"] == []


TERRAFORM = """
resource "aws_lambda_layer_version" "one" {
  layer_name               = "%(name)s-1"
  description              = "shared code"
  license_info             = "MIT"
  filename                 = "one.zip"
  source_code_hash         = filebase64sha256("one.zip")
  compatible_runtimes      = ["python3.11", "python3.12"]
  compatible_architectures = ["x86_64"]
}
resource "aws_lambda_layer_version" "two" {
  layer_name = "%(name)s-2"
  filename   = "two.zip"
}
resource "aws_lambda_layer_version_permission" "all" {
  layer_name     = aws_lambda_layer_version.one.layer_name
  version_number = aws_lambda_layer_version.one.version
  statement_id   = "all"
  action         = "lambda:GetLayerVersion"
  principal      = "*"
}
resource "aws_lambda_layer_version_permission" "account" {
  layer_name     = aws_lambda_layer_version.two.layer_name
  version_number = aws_lambda_layer_version.two.version
  statement_id   = "account"
  action         = "lambda:GetLayerVersion"
  principal      = "111122223333"
}
resource "aws_lambda_function" "hello" {
  function_name    = "%(name)s"
  role             = "arn:aws:iam::000000000000:role/lambda"
  runtime          = "python3.11"
  handler          = "app.handler"
  filename         = "code.zip"
  source_code_hash = filebase64sha256("code.zip")
  layers           = [aws_lambda_layer_version.one.arn, aws_lambda_layer_version.two.arn]
}
data "aws_lambda_layer_version" "one" {
  layer_name = aws_lambda_layer_version.one.layer_name
}
output "latest" { value = data.aws_lambda_layer_version.one.version }
"""


def test_terraform(terraform, lambda_client, name):
    run = terraform(TERRAFORM % {"name": name}, {
        "one.zip": zip_of(value(1)), "two.zip": zip_of(value(2)), "code.zip": zip_of({"app.py": SHARED})})
    run("apply")
    assert invoke(lambda_client, name) == 2
    assert run.has_no_changes()
    (run.folder / "one.zip").write_bytes(zip_of({"python/shared2.py": ""}))
    run("apply")
    assert lambda_client.list_layer_versions(LayerName=f"{name}-1")["LayerVersions"][0]["Version"] == 2
    assert run.has_no_changes()
    run("destroy")
    for suffix in ["-1", "-2"]:
        assert lambda_client.list_layer_versions(LayerName=name + suffix)["LayerVersions"] == []
