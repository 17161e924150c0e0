"""Terraform's AWS provider, version 5, as a user would run it: apply, plan without change, update, destroy."""

import glob
import json
import os
import pathlib
import shutil

import pytest

from conftest import zip_of

CONFIGURATION = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 5.0" }
  }
}
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "%(key)s"
  secret_key                  = "%(secret)s"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  endpoints { lambda = "%(endpoint)s" }
}
variable "timeout" { default = 5 }
resource "aws_lambda_function" "hello" {
  function_name    = "%(name)s"
  role             = "arn:aws:iam::000000000000:role/lambda"
  runtime          = "python3.11"
  handler          = "app.handler"
  filename         = "code.zip"
  source_code_hash = filebase64sha256("code.zip")
  timeout          = var.timeout
  environment { variables = { GREETING = "hello" } }
  tags = { team = "swifts" }
}
output "arn" { value = aws_lambda_function.hello.arn }
"""


def plugin_mirror():
    """A folder of provider plugins that is already on this machine, laid out as Terraform's file-system mirrors are."""
    named = os.environ.get("APUS_TERRAFORM_MIRROR")
    places = [named] if named else ["~/.terraform.d/plugins", "/usr/local/share/terraform/plugins", "/opt/*"]
    for place in places:
        for provider in glob.glob(os.path.expanduser(place) + "/*/hashicorp/aws"):
            return pathlib.Path(provider).parents[2]
    return None


@pytest.fixture
def terraform(server, tmp_path, name):
    if not shutil.which("terraform"):
        pytest.skip("terraform is not installed")
    mirror = plugin_mirror()
    settings = tmp_path / "terraformrc"
    settings.write_text(
        f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n' if mirror else "")
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "main.tf").write_text(CONFIGURATION % {
        "key": server.credentials["access_key_id"], "secret": server.credentials["secret_access_key"],
        "endpoint": server.endpoint, "name": name})
    (folder / "code.zip").write_bytes(zip_of({"app.py": "import os\ndef handler(e, c): return os.environ['GREETING']"}))

    def run(*arguments, codes=(0,)):
        ended = server.run(
            "terraform", *arguments, cwd=folder, timeout=300,
            environment={"TF_CLI_CONFIG_FILE": str(settings), "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"})
        assert ended.returncode in codes, ended.stdout + ended.stderr
        return ended

    first = run("init", "-input=false", codes=(0, 1))
    if first.returncode:
        assert mirror is None, first.stdout + first.stderr
        pytest.skip("the AWS provider can neither be found nor downloaded")
    run.folder = folder
    return run


def test_apply_plan_update_destroy(terraform, lambda_client, name):
    terraform("apply", "-input=false", "-auto-approve")
    answer = lambda_client.invoke(FunctionName=name)
    assert json.loads(answer["Payload"].read()) == "hello"
    assert terraform("plan", "-input=false", "-detailed-exitcode", codes=(0, 2)).returncode == 0
    (terraform.folder / "code.zip").write_bytes(zip_of({"app.py": "def handler(e, c): return 'new'"}))
    terraform("apply", "-input=false", "-auto-approve", "-var", "timeout=8")
    assert json.loads(lambda_client.invoke(FunctionName=name)["Payload"].read()) == "new"
    assert lambda_client.get_function_configuration(FunctionName=name)["Timeout"] == 8
    terraform("destroy", "-input=false", "-auto-approve")
    with pytest.raises(lambda_client.exceptions.ResourceNotFoundException):
        lambda_client.get_function(FunctionName=name)
