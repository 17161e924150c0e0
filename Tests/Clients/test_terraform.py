"""Terraform's AWS provider, version 5, as a user would run it: apply, plan without change, update, destroy."""

import json

import pytest

from conftest import zip_of

CODE = zip_of({"app.py": "import os\ndef handler(e, c): return os.environ['GREETING']"})

FUNCTION = """
variable "timeout" { default = 5 }
resource "aws_lambda_function" "hello" {
  function_name    = "%(name)s"
  role             = "arn:aws:iam::000000000000:role/lambda"
  runtime          = "python3.11"
  handler          = "app.handler"
  filename         = "code.zip"
  source_code_hash = filebase64sha256("code.zip")
  timeout          = var.timeout
  %(more)s
  environment { variables = { GREETING = "hello" } }
  tags = { team = "swifts" }
}
"""

ALIAS = """
resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "what users see"
  function_name    = aws_lambda_function.hello.function_name
  function_version = aws_lambda_function.hello.version
}
"""


def test_apply_plan_update_destroy(terraform, lambda_client, name):
    run = terraform(FUNCTION % {"name": name, "more": ""}, {"code.zip": CODE})
    run("apply")
    assert json.loads(lambda_client.invoke(FunctionName=name)["Payload"].read()) == "hello"
    assert run.has_no_changes()
    (run.folder / "code.zip").write_bytes(zip_of({"app.py": "def handler(e, c): return 'new'"}))
    run("apply", "-var", "timeout=8")
    assert json.loads(lambda_client.invoke(FunctionName=name)["Payload"].read()) == "new"
    assert lambda_client.get_function_configuration(FunctionName=name)["Timeout"] == 8
    run("destroy")
    with pytest.raises(lambda_client.exceptions.ResourceNotFoundException):
        lambda_client.get_function(FunctionName=name)


def test_versions_and_an_alias_that_moves(terraform, lambda_client, name):
    run = terraform(FUNCTION % {"name": name, "more": "publish = true"} + ALIAS, {"code.zip": CODE})
    run("apply")
    assert lambda_client.get_alias(FunctionName=name, Name="live")["FunctionVersion"] == "1"
    assert run.has_no_changes()
    (run.folder / "code.zip").write_bytes(zip_of({"app.py": "def handler(e, c): return 'new'"}))
    routing = '  description      = "both"\n  routing_config { additional_version_weights = { "1" = 0.25 } }\n'
    main = run.folder / "main.tf"
    main.write_text(main.read_text().replace('  description      = "what users see"\n', routing))
    run("apply")
    alias = lambda_client.get_alias(FunctionName=name, Name="live")
    assert (alias["FunctionVersion"], alias["RoutingConfig"]) == ("2", {"AdditionalVersionWeights": {"1": 0.25}})
    answers = [lambda_client.invoke(FunctionName=f"{name}:live") for _ in range(60)]
    assert {(answer["ExecutedVersion"], json.loads(answer["Payload"].read())) for answer in answers} == {
        ("1", "hello"), ("2", "new")}
    assert run.has_no_changes()
    run("destroy")
    with pytest.raises(lambda_client.exceptions.ResourceNotFoundException):
        lambda_client.get_alias(FunctionName=name, Name="live")


PROVISIONED = """
variable "executions" { default = 1 }
resource "aws_lambda_provisioned_concurrency_config" "live" {
  function_name                     = aws_lambda_function.hello.function_name
  qualifier                         = aws_lambda_alias.live.name
  provisioned_concurrent_executions = var.executions
}
"""


def test_provisioned_concurrency_of_an_alias(terraform, lambda_client, name):
    run = terraform(FUNCTION % {"name": name, "more": "publish = true"} + ALIAS + PROVISIONED, {"code.zip": CODE})
    run("apply")
    get = lambda: lambda_client.get_provisioned_concurrency_config(FunctionName=name, Qualifier="live")
    assert (get()["Status"], get()["AvailableProvisionedConcurrentExecutions"]) == ("READY", 1)
    assert run.has_no_changes()
    run("apply", "-var", "executions=2")
    assert (get()["Status"], get()["AvailableProvisionedConcurrentExecutions"]) == ("READY", 2)
    run("destroy")
    with pytest.raises(lambda_client.exceptions.ResourceNotFoundException):
        get()
