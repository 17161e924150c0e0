"""Function URLs, asked as browsers and scripts do: by host name and by path, signed and not."""

import base64
import http.client
import json
import signal
import urllib.parse

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from conftest import wait_until, zip_of

ECHO = "def handler(event, context): return event"
SCRIPT = """
def handler(event, context):
    if event["rawPath"] == "/fail":
        raise ValueError("no")
    if event["rawPath"] == "/binary":
        return {"statusCode": 200, "headers": {"Content-Type": "image/x"}, "body": "AAEC", "isBase64Encoded": True}
    return {"statusCode": 201, "headers": {"X-One": "1"}, "cookies": ["a=b", "c=d"], "body": "made"}
"""


class URL:
    """A function's URL, asked over a plain connection."""

    def __init__(self, server, address):
        self.parts = urllib.parse.urlsplit(address)
        self.authority = server.endpoint.split("//")[1]
        self.id = self.parts.netloc.split(".")[0]

    def ask(self, path="/", method="GET", body=None, headers=None, by="host"):
        host = self.parts.netloc if by == "host" else self.authority
        path = path if by == "host" else f"/_apus/url/{self.id}{path}"
        return self.send(method, path, body, {"Host": host, **(headers or {})})

    def send(self, method, path, body, headers):
        connection = http.client.HTTPConnection(self.authority, timeout=60)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.content = answer.read()
            return answer
        finally:
            connection.close()

    def signed(self, credentials, path="/", method="GET", body=None, service="lambda", region="us-east-1", by="host"):
        host = self.parts.netloc if by == "host" else self.authority
        path = path if by == "host" else f"/_apus/url/{self.id}{path}"
        request = AWSRequest(method, f"http://{host}{path}", data=body, headers={"Host": host})
        SigV4Auth(credentials, service, region).add_auth(request)
        return self.send(method, path, body, dict(request.headers))


def allow(client, function, **options):
    client.add_permission(
        FunctionName=function, StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*",
        FunctionUrlAuthType="NONE", **options)
    client.add_permission(
        FunctionName=function, StatementId="invoke", Action="lambda:InvokeFunction", Principal="*",
        InvokedViaFunctionUrl=True, **options)


@pytest.fixture
def open_url(server, deploy, lambda_client):
    """Makes a function with a URL that everybody may use: `open_url(SOURCE, Cors={…})`."""
    def make(source, **options):
        function = deploy(python=source)
        made = lambda_client.create_function_url_config(FunctionName=function, AuthType="NONE", **options)
        allow(lambda_client, function)
        return URL(server, made["FunctionUrl"])
    return make


@pytest.mark.parametrize("by", ["host", "path"])
def test_events(open_url, by):
    url = open_url(ECHO)
    answer = url.ask("/a%20b/c?x=1&x=2&y", "POST", b'{"k": 1}', {
        "Content-Type": "application/json", "Cookie": "a=b; c=d", "X-Twice": "1"}, by=by)
    assert answer.status == 200
    assert answer.getheader("Content-Type") == "application/json"
    assert answer.getheader("x-amzn-RequestId")
    assert answer.getheader("X-Amzn-Trace-Id").startswith("Root=1-")
    event = json.loads(answer.content)
    context = event["requestContext"]
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "$default", "/a%20b/c")
    assert event["rawQueryString"] == "x=1&x=2&y"
    assert event["queryStringParameters"] == {"x": "1,2", "y": ""}
    assert event["cookies"] == ["a=b", "c=d"]
    assert (event["body"], event["isBase64Encoded"]) == ('{"k": 1}', False)
    assert event["headers"]["x-twice"] == "1"
    assert context["apiId"] == context["domainPrefix"] == url.id
    assert context["domainName"].startswith(f"{url.id}.lambda-url.us-east-1.")
    assert (context["http"]["method"], context["http"]["path"]) == ("POST", "/a b/c")
    assert context["http"]["sourceIp"] == "127.0.0.1"
    assert context["requestId"] == answer.getheader("x-amzn-RequestId")
    # As recorded in localstack's test_lambda_url_echo_http_fixture_default.
    event = json.loads(url.ask("//pa2%25Fth/1", by=by).content)
    assert (event["rawPath"], event["requestContext"]["http"]["path"]) == ("//pa2%25Fth/1", "/pa2%Fth/1")
    binary = json.loads(url.ask("/", "POST", b"\x00\xff", by=by).content)
    assert (base64.b64decode(binary["body"]), binary["isBase64Encoded"]) == (b"\x00\xff", True)


def test_answers(open_url):
    url = open_url(SCRIPT)
    made = url.ask()
    assert (made.status, made.content, made.getheader("X-One")) == (201, b"made", "1")
    assert made.headers.get_all("Set-Cookie") == ["a=b", "c=d"]
    binary = url.ask("/binary")
    assert (binary.content, binary.getheader("Content-Type")) == (b"\x00\x01\x02", "image/x")
    failed = url.ask("/fail")
    assert (failed.status, failed.content) == (502, b"Internal Server Error")
    # A URL's host has every path.
    assert url.ask("/_apus/health").status == 201
    assert url.ask("/", "HEAD").content == b""


def test_too_large(open_url):
    url = open_url(ECHO)
    answer = url.ask("/", "POST", b"x" * (6 * 1024 * 1024 + 1), {"Content-Type": "text/plain"})
    assert answer.status == 413


def test_signatures(server, deploy, lambda_client):
    function = deploy(python=ECHO)
    made = lambda_client.create_function_url_config(FunctionName=function, AuthType="AWS_IAM")
    url = URL(server, made["FunctionUrl"])
    assert url.ask().status == 403
    keys = Credentials(server.credentials["access_key_id"], server.credentials["secret_access_key"])
    for by in ("host", "path"):
        answer = url.signed(keys, "/x?a=b", "POST", b"{}", by=by)
        assert answer.status == 200, answer.content
        event = json.loads(answer.content)
        identity = event["requestContext"]["authorizer"]["iam"]
        assert identity["userArn"] == "arn:aws:iam::000000000000:root"
        assert identity["accessKey"] == keys.access_key
        assert "authorization" not in event["headers"]
    assert url.signed(keys, service="s3").status == 403
    assert url.signed(Credentials(keys.access_key, "wrong")).status == 403
    assert url.signed(Credentials("AKIAUNKNOWN", "wrong")).status == 403


def test_who_may(server, deploy, lambda_client):
    function = deploy(python=ECHO)
    made = lambda_client.create_function_url_config(FunctionName=function, AuthType="NONE")
    url = URL(server, made["FunctionUrl"])
    refused = url.ask()
    assert refused.status == 403
    assert json.loads(refused.content)["Message"].startswith("Forbidden. For troubleshooting Function URL")
    assert refused.getheader("x-amzn-ErrorType") == "AccessDeniedException"
    allow(lambda_client, function)
    assert url.ask().status == 200
    lambda_client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    assert url.ask().status == 429
    lambda_client.delete_function_concurrency(FunctionName=function)
    lambda_client.remove_permission(FunctionName=function, StatementId="invoke")
    assert url.ask().status == 403
    lambda_client.delete_function_url_config(FunctionName=function)
    gone = url.ask()
    assert (gone.status, gone.content) == (403, b'{"Message":null}')


def test_other_sites(open_url):
    url = open_url(ECHO, Cors={
        "AllowOrigins": ["https://swift.example"], "AllowMethods": ["PUT"], "AllowHeaders": ["x-one"], "MaxAge": 9})
    preflight = url.ask("/", "OPTIONS", headers={
        "Origin": "https://swift.example", "Access-Control-Request-Method": "PUT"})
    assert preflight.status == 200
    assert preflight.getheader("Access-Control-Allow-Origin") == "https://swift.example"
    assert preflight.getheader("Access-Control-Allow-Methods") == "PUT"
    assert preflight.getheader("Access-Control-Max-Age") == "9"
    answer = url.ask("/", "PUT", headers={"Origin": "https://swift.example"})
    assert answer.getheader("Access-Control-Allow-Origin") == "https://swift.example"
    other = url.ask("/", "PUT", headers={"Origin": "https://other.example"})
    assert (other.status, other.getheader("Access-Control-Allow-Origin")) == (200, None)


def test_survives_a_crash(own_server):
    server = own_server("--auth", "off")
    client = server.client()
    client.create_function(
        FunctionName="hello", Role="arn:aws:iam::000000000000:role/lambda", Runtime="python3.11", Handler="app.handler",
        Code={"ZipFile": zip_of({"app.py": ECHO})})
    client.get_waiter("function_active_v2").wait(FunctionName="hello", WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    made = client.create_function_url_config(FunctionName="hello", AuthType="NONE")
    allow(client, "hello")
    server.stop(signal.SIGKILL)
    server.start()
    # With authentication off, a page of another site may still use what is meant for it.
    answer = URL(server, made["FunctionUrl"]).ask(headers={"Origin": "https://elsewhere.example"})
    assert answer.status == 200


def test_aliases_have_their_own(server, deploy, lambda_client):
    function = deploy(python=ECHO, Publish=True)
    lambda_client.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    made = lambda_client.create_function_url_config(FunctionName=function, AuthType="NONE", Qualifier="live")
    allow(lambda_client, function, Qualifier="live")
    url = URL(server, made["FunctionUrl"])
    assert url.ask().status == 200
    listed = lambda_client.list_function_url_configs(FunctionName=function)["FunctionUrlConfigs"]
    assert [each["FunctionUrl"] for each in listed] == [made["FunctionUrl"]]
    lambda_client.delete_alias(FunctionName=function, Name="live")
    assert url.ask().status == 403
    with pytest.raises(ClientError):
        lambda_client.get_function_url_config(FunctionName=function, Qualifier="live")


RESOURCES = """
variable "age" { default = 5 }
resource "aws_lambda_function" "hello" {
  function_name    = "%(name)s"
  role             = "arn:aws:iam::000000000000:role/lambda"
  runtime          = "python3.11"
  handler          = "app.handler"
  filename         = "code.zip"
  source_code_hash = filebase64sha256("code.zip")
}
resource "aws_lambda_function_url" "open" {
  function_name      = aws_lambda_function.hello.function_name
  authorization_type = "NONE"
  cors {
    allow_origins = ["https://swift.example"]
    allow_methods = ["GET"]
    max_age       = var.age
  }
}
resource "aws_lambda_permission" "invoke" {
  statement_id  = "invoke"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.hello.function_name
  principal     = "*"
}
output "url" { value = aws_lambda_function_url.open.function_url }
output "id" { value = aws_lambda_function_url.open.url_id }
"""


def test_terraform(server, terraform, lambda_client, name):
    run = terraform(RESOURCES % {"name": name}, {"code.zip": zip_of({"app.py": ECHO})})
    run("apply")
    assert run.has_no_changes()
    output = json.loads((run.folder / "terraform.tfstate").read_text())["outputs"]
    url = URL(server, output["url"]["value"])
    assert output["id"]["value"] == url.id
    # The provider itself lets everybody use a URL without authentication.
    assert wait_until(lambda: url.ask().status == 200, what="the URL's answer")
    run("apply", "-var", "age=6")
    assert lambda_client.get_function_url_config(FunctionName=name)["Cors"]["MaxAge"] == 6
    run("destroy")
    with pytest.raises(ClientError):
        lambda_client.get_function_url_config(FunctionName=name)
