"""Resource policies of functions, as boto3's users and Terraform's write them, and what they let other accounts do."""

import json
import signal


from conftest import refused_with, zip_of

ECHO = "def handler(event, context): return event"


def policy(client, function, **options):
    return json.loads(client.get_policy(FunctionName=function, **options)["Policy"])


def test_statements_come_and_go(deploy, lambda_client):
    function = deploy(python=ECHO)
    arn = lambda_client.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    added = lambda_client.add_permission(
        FunctionName=function, StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::bucket", SourceAccount="000000000000")
    statement = json.loads(added["Statement"])
    assert statement == {
        "Sid": "s3", "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction", "Resource": arn,
        "Condition": {
            "StringEquals": {"AWS:SourceAccount": "000000000000"},
            "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::bucket"}}}
    assert policy(lambda_client, function) == {"Version": "2012-10-17", "Id": "default", "Statement": [statement]}
    refused_with(
        "ResourceConflictException", 409, lambda_client.add_permission, FunctionName=function, StatementId="s3",
        Action="lambda:InvokeFunction", Principal="sns.amazonaws.com")
    revision = lambda_client.get_policy(FunctionName=function)["RevisionId"]
    lambda_client.add_permission(
        FunctionName=function, StatementId="sns", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com",
        RevisionId=revision)
    refused_with(
        "PreconditionFailedException", 412, lambda_client.remove_permission, FunctionName=function, StatementId="s3",
        RevisionId=revision)
    lambda_client.remove_permission(FunctionName=function, StatementId="s3")
    assert [each["Sid"] for each in policy(lambda_client, function)["Statement"]] == ["sns"]
    lambda_client.remove_permission(FunctionName=function, StatementId="sns")
    refused_with("ResourceNotFoundException", 404, lambda_client.get_policy, FunctionName=function)


def test_each_qualifier_has_its_own(deploy, lambda_client):
    function = deploy(python=ECHO, Publish=True)
    lambda_client.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    for qualifier in ("1", "live"):
        lambda_client.add_permission(
            FunctionName=function, StatementId="one", Action="lambda:*", Principal="*", Qualifier=qualifier)
        resource = policy(lambda_client, function, Qualifier=qualifier)["Statement"][0]["Resource"]
        assert resource.endswith(f":{qualifier}")
    refused_with("ResourceNotFoundException", 404, lambda_client.get_policy, FunctionName=function)


def test_other_accounts_invoke_what_they_may(own_server):
    server = own_server("--auth", "off")
    owner, guest = server.account("111111111111"), server.account("222222222222")
    owner.create_function(
        FunctionName="hello", Role="arn:aws:iam::111111111111:role/lambda", Runtime="python3.11", Handler="app.handler",
        Code={"ZipFile": zip_of({"app.py": ECHO})})
    owner.get_waiter("function_active_v2").wait(FunctionName="hello", WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    arn = "arn:aws:lambda:us-east-1:111111111111:function:hello"
    refused_with("AccessDeniedException", 403, guest.invoke, FunctionName=arn)
    owner.add_permission(
        FunctionName="hello", StatementId="guest", Action="lambda:InvokeFunction", Principal="222222222222")
    assert guest.invoke(FunctionName=arn, Payload=b"7")["Payload"].read() == b"7"
    refused_with("AccessDeniedException", 403, guest.get_function, FunctionName=arn)
    owner.add_permission(
        FunctionName="hello", StatementId="reader", Action="lambda:GetFunction", Principal="222222222222")
    assert guest.get_function(FunctionName=arn)["Configuration"]["FunctionArn"] == arn
    server.stop(signal.SIGKILL)
    server.start()
    guest = server.account("222222222222")
    assert guest.invoke(FunctionName=arn, Payload=b"8")["Payload"].read() == b"8"
    server.account("111111111111").remove_permission(FunctionName="hello", StatementId="guest")
    refused_with("AccessDeniedException", 403, guest.invoke, FunctionName=arn)


RESOURCES = """
resource "aws_lambda_function" "hello" {
  function_name    = "%(name)s"
  role             = "arn:aws:iam::000000000000:role/lambda"
  runtime          = "python3.11"
  handler          = "app.handler"
  filename         = "code.zip"
  source_code_hash = filebase64sha256("code.zip")
  publish          = true
}
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.hello.function_name
  function_version = aws_lambda_function.hello.version
}
resource "aws_lambda_permission" "bucket" {
  statement_id   = "bucket"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.hello.function_name
  principal      = "s3.amazonaws.com"
  source_arn     = "arn:aws:s3:::bucket"
  source_account = "000000000000"
}
resource "aws_lambda_permission" "account" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.hello.function_name
  qualifier     = aws_lambda_alias.live.name
  principal     = "arn:aws:iam::222222222222:root"
}
resource "aws_lambda_permission" "everyone" {
  statement_id           = "url"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = aws_lambda_function.hello.function_name
  principal              = "*"
  function_url_auth_type = "AWS_IAM"
}
"""


def test_terraform(terraform, lambda_client, name):
    run = terraform(RESOURCES % {"name": name}, {"code.zip": zip_of({"app.py": ECHO})})
    run("apply")
    assert run.has_no_changes()
    assert {each["Sid"] for each in policy(lambda_client, name)["Statement"]} == {"bucket", "url"}
    assert len(policy(lambda_client, name, Qualifier="live")["Statement"]) == 1
    run("destroy")
    refused_with("ResourceNotFoundException", 404, lambda_client.get_policy, FunctionName=name)
