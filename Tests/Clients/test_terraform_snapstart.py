"""Terraform's `snap_start` block: apply, plan without change, update, destroy."""

import json

import pytest
from test_snapstart import HOOKED

from conftest import zip_of

FUNCTION = """
resource "aws_lambda_function" "hello" {
  function_name    = "%s"
  role             = "arn:aws:iam::000000000000:role/lambda"
  runtime          = "python3.13"
  handler          = "app.handler"
  filename         = "code.zip"
  source_code_hash = filebase64sha256("code.zip")
  publish          = true
  snap_start { apply_on = "PublishedVersions" }
}
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.hello.function_name
  function_version = aws_lambda_function.hello.version
}
"""


def test_snap_start(terraform, lambda_client, name):
    run = terraform(FUNCTION % name, {"code.zip": zip_of({"app.py": HOOKED})})
    call = lambda: json.loads(lambda_client.invoke(FunctionName=f"{name}:live")["Payload"].read())
    status = lambda: lambda_client.get_function_configuration(FunctionName=name, Qualifier="live")["SnapStart"]
    run("apply")
    assert status() == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
    assert (call()["kind"], call()["version"]) == ("snap-start", "1")
    assert run.has_no_changes()
    (run.folder / "code.zip").write_bytes(zip_of({"app.py": HOOKED + "\nsteps.append('new')"}))
    run("apply")
    assert call()["version"] == "2"
    assert call()["steps"] == ["init", "new", "before", "after"]
    assert run.has_no_changes()
    main = run.folder / "main.tf"
    main.write_text(main.read_text().replace('  snap_start { apply_on = "PublishedVersions" }\n', ""))
    run("apply")
    latest = lambda_client.get_function_configuration(FunctionName=name)["SnapStart"]
    assert latest == {"ApplyOn": "None", "OptimizationStatus": "Off"}
    assert run.has_no_changes()
    run("destroy")
    with pytest.raises(lambda_client.exceptions.ResourceNotFoundException):
        lambda_client.get_function(FunctionName=name)
