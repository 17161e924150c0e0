"""What of the provider's Lambda parts the other tests of Terraform do not have: data sources, and an invocation as a
resource. And whether any part has been left out."""

import json
import pathlib
import re

import pytest

from conftest import zip_of

CODE = zip_of({"app.py": "def handler(event, context): return {'seen': event}"})

RESOURCES = """
resource "aws_lambda_function" "hello" {
  function_name                  = "%(name)s"
  role                           = "arn:aws:iam::000000000000:role/lambda"
  runtime                        = "python3.11"
  handler                        = "app.handler"
  filename                       = "code.zip"
  source_code_hash               = filebase64sha256("code.zip")
  publish                        = true
  reserved_concurrent_executions = 7
  memory_size                    = 256
  timeout                        = 20
  ephemeral_storage { size = 1024 }
}
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.hello.function_name
  function_version = aws_lambda_function.hello.version
}
resource "aws_lambda_function_url" "live" {
  function_name      = aws_lambda_function.hello.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = "AWS_IAM"
}
resource "aws_lambda_code_signing_config" "signing" {
  allowed_publishers { signing_profile_version_arns = ["arn:aws:signer:us-east-1:000000000000:/signing-profiles/test/1"] }
}
resource "aws_lambda_invocation" "once" {
  function_name   = aws_lambda_function.hello.function_name
  qualifier       = aws_lambda_alias.live.name
  input           = jsonencode({ key = "value" })
  lifecycle_scope = "CRUD"
}

data "aws_lambda_function" "hello" {
  function_name = aws_lambda_function.hello.function_name
  qualifier     = aws_lambda_alias.live.name
}
data "aws_lambda_functions" "all" { depends_on = [aws_lambda_function.hello] }
data "aws_lambda_alias" "live" {
  function_name = aws_lambda_function.hello.function_name
  name          = aws_lambda_alias.live.name
}
data "aws_lambda_function_url" "live" {
  function_name = aws_lambda_function_url.live.function_name
  qualifier     = aws_lambda_function_url.live.qualifier
}
data "aws_lambda_code_signing_config" "signing" { arn = aws_lambda_code_signing_config.signing.arn }
data "aws_lambda_invocation" "now" {
  function_name = aws_lambda_function.hello.function_name
  input         = jsonencode([1, 2])
}

output "seen" {
  value = {
    function   = data.aws_lambda_function.hello
    names      = data.aws_lambda_functions.all.function_names
    alias      = data.aws_lambda_alias.live
    url        = data.aws_lambda_function_url.live.function_url
    same_url   = aws_lambda_function_url.live.function_url
    signing    = data.aws_lambda_code_signing_config.signing.config_id
    same_id    = aws_lambda_code_signing_config.signing.config_id
    once       = jsondecode(aws_lambda_invocation.once.result)
    invocation = jsondecode(data.aws_lambda_invocation.now.result)
  }
}
"""

# What the provider has and the tests do not, and why.
LEFT_OUT = {
    "aws_lambda_event_source_mapping": "event sources are not implemented",
}


def test_data_sources_and_invocations(terraform, lambda_client, name):
    run = terraform(RESOURCES % {"name": name}, {"code.zip": CODE})
    run("apply")
    seen = json.loads((run.folder / "terraform.tfstate").read_text())["outputs"]["seen"]["value"]
    shown = lambda_client.get_function_configuration(FunctionName=name, Qualifier="1")
    function = seen["function"]
    assert (function["memory_size"], function["timeout"], function["ephemeral_storage"]) == (256, 20, [{"size": 1024}])
    assert (function["version"], function["source_code_size"]) == ("1", shown["CodeSize"])
    assert function["reserved_concurrent_executions"] == 7 and name in seen["names"]
    assert (seen["alias"]["function_version"], seen["alias"]["arn"]) == ("1", shown["FunctionArn"][:-1] + "live")
    assert seen["url"] == seen["same_url"] and seen["signing"] == seen["same_id"]
    assert seen["once"]["seen"]["key"] == "value" and seen["once"]["seen"]["tf"]["action"] == "create"
    assert seen["invocation"] == {"seen": [1, 2]}
    assert run.has_no_changes()
    run("destroy")
    with pytest.raises(lambda_client.exceptions.ResourceNotFoundException):
        lambda_client.get_function(FunctionName=name)


def test_no_part_of_the_provider_is_left_out(terraform):
    run = terraform("")
    provider = json.loads(run("providers", "schema", "-json").stdout)["provider_schemas"].popitem()[1]
    parts = {(kind, name) for kind in ("resource", "data_source") for name in provider[f"{kind}_schemas"]
             if name.startswith("aws_lambda_")}
    assert {("resource", "aws_lambda_function"), ("data_source", "aws_lambda_function")} <= parts
    text = "\n".join(path.read_text() for path in pathlib.Path(__file__).parent.glob("test_*.py"))
    tested = {("data_source" if word == "data" else word, name)
              for word, name in re.findall(r'(resource|data) "(aws_lambda_\w+)"', text)}
    assert {part for part in parts - tested if part[1] not in LEFT_OUT} == set()
    assert {name for name in LEFT_OUT if ("resource", name) in tested} == set()
