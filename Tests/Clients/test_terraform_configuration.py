"""The resources of Terraform's AWS provider beside aws_lambda_function: apply, plan without change, destroy."""

import pytest

from conftest import zip_of

RESOURCES = """
resource "aws_iam_role" "sender" {
  name               = "%(name)s"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }] })
}
resource "aws_iam_role_policy" "sends" {
  name   = "sends"
  role   = aws_iam_role.sender.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "sqs:SendMessage", Resource = "*" }] })
}
resource "aws_lambda_code_signing_config" "signing" {
  description = "by a profile"
  allowed_publishers { signing_profile_version_arns = ["arn:aws:signer:us-east-1:000000000000:/signing-profiles/test/1"] }
  policies { untrusted_artifact_on_deployment = "Warn" }
  tags = { team = "swifts" }
}
resource "aws_lambda_function" "hello" {
  function_name           = "%(name)s"
  role                    = aws_iam_role.sender.arn
  depends_on              = [aws_iam_role_policy.sends]
  runtime                 = "python3.11"
  handler                 = "app.handler"
  filename                = "code.zip"
  source_code_hash        = filebase64sha256("code.zip")
  publish                 = true
  code_signing_config_arn = aws_lambda_code_signing_config.signing.arn
  kms_key_arn             = "arn:aws:kms:us-east-1:000000000000:key/1"
  environment { variables = { GREETING = "hello" } }
  dead_letter_config { target_arn = "arn:aws:sqs:us-east-1:000000000000:queue" }
  tracing_config { mode = "Active" }
  vpc_config {
    subnet_ids         = ["subnet-1"]
    security_group_ids = ["sg-1"]
  }
  logging_config {
    log_format            = "JSON"
    application_log_level = "WARN"
    system_log_level      = "DEBUG"
  }
}
variable "age" { default = 60 }
resource "aws_lambda_function_event_invoke_config" "latest" {
  function_name                = aws_lambda_function.hello.function_name
  maximum_event_age_in_seconds = var.age
  maximum_retry_attempts       = 0
  destination_config {
    on_failure { destination = "arn:aws:sqs:us-east-1:000000000000:queue" }
  }
}
resource "aws_lambda_function_event_invoke_config" "version" {
  function_name          = aws_lambda_function.hello.function_name
  qualifier              = aws_lambda_function.hello.version
  maximum_retry_attempts = 1
}
resource "aws_lambda_runtime_management_config" "updates" {
  function_name     = aws_lambda_function.hello.function_name
  update_runtime_on = "FunctionUpdate"
}
resource "aws_lambda_function_recursion_config" "loops" {
  function_name  = aws_lambda_function.hello.function_name
  recursive_loop = "Allow"
}
"""


def test_apply_plan_destroy(terraform, lambda_client, name):
    code = zip_of({"app.py": "import os\ndef handler(e, c): return os.environ['GREETING']"})
    run = terraform(RESOURCES % {"name": name}, {"code.zip": code})
    run("apply")
    assert lambda_client.get_function_event_invoke_config(FunctionName=name)["MaximumEventAgeInSeconds"] == 60
    assert lambda_client.get_function_event_invoke_config(FunctionName=name, Qualifier="1")["MaximumRetryAttempts"] == 1
    assert lambda_client.get_runtime_management_config(FunctionName=name)["UpdateRuntimeOn"] == "FunctionUpdate"
    assert lambda_client.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Allow"
    signing = lambda_client.get_function_code_signing_config(FunctionName=name)["CodeSigningConfigArn"]
    assert run.has_no_changes()
    run("apply", "-var", "age=90")
    assert run.has_no_changes("-var", "age=90")
    assert lambda_client.get_function_event_invoke_config(FunctionName=name)["MaximumEventAgeInSeconds"] == 90
    run("destroy")
    with pytest.raises(lambda_client.exceptions.ResourceNotFoundException):
        lambda_client.get_function(FunctionName=name)
    with pytest.raises(lambda_client.exceptions.ResourceNotFoundException):
        lambda_client.get_code_signing_config(CodeSigningConfigArn=signing)
