"""Who gets in: SigV4 failures as AWS answers them, through raw requests."""

import datetime
import http.client
import json
import urllib.parse

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

PATH = "/2015-03-31/functions/"


def send(server, headers=None, path=PATH, method="GET", body=None):
    address = urllib.parse.urlparse(server.endpoint)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
    connection.request(method, path, body=body, headers=headers or {})
    answer = connection.getresponse()
    document = json.loads(answer.read() or b"{}")
    assert answer.headers["x-amzn-RequestId"]
    return answer.status, (answer.headers.get("x-amzn-ErrorType") or "").split(":")[0], document


def signed(server, secret=None, key=None, token=None, region="us-east-1", service="lambda"):
    credentials = Credentials(key or server.credentials["access_key_id"], secret or server.credentials["secret_access_key"], token)
    request = AWSRequest("GET", server.endpoint + PATH)
    SigV4Auth(credentials, service, region).add_auth(request)
    return dict(request.headers)


def test_a_good_signature(server):
    assert send(server, signed(server))[0] == 200


def test_no_signature(server):
    assert send(server)[:2] == (403, "MissingAuthenticationTokenException")


def test_a_wrong_secret(server):
    assert send(server, signed(server, secret="wrong"))[:2] == (403, "InvalidSignatureException")


def test_an_unknown_key(server):
    assert send(server, signed(server, key="AKIAAAAAAAAAAAAAAAAA"))[:2] == (403, "UnrecognizedClientException")


def test_a_wrong_session_token(server):
    assert send(server, signed(server, token="nonsense"))[0] == 403


def test_an_incomplete_header(server):
    status, code, _ = send(server, {"Authorization": "AWS4-HMAC-SHA256 Credential=x", "X-Amz-Date": "20260101T000000Z"})
    assert status in (400, 403) and code == "IncompleteSignatureException"


def test_an_old_signature(server, monkeypatch):
    import botocore.auth

    real = botocore.auth.get_current_datetime
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *a, **k: real(*a, **k) - datetime.timedelta(minutes=20))
    status, code, document = send(server, signed(server))
    assert (status, code) == (403, "InvalidSignatureException")
    assert "Signature expired" in (document.get("message") or document.get("Message"))


def test_a_changed_request(server):
    assert send(server, signed(server), path=PATH + "?MaxItems=1")[:2] == (403, "InvalidSignatureException")


def test_a_presigned_request(server):
    credentials = Credentials(server.credentials["access_key_id"], server.credentials["secret_access_key"])
    request = AWSRequest("GET", server.endpoint + PATH)
    SigV4QueryAuth(credentials, "lambda", "us-east-1", expires=60).add_auth(request)
    path = request.url[len(server.endpoint):]
    assert send(server, path=path)[0] == 200
    assert send(server, path=path.replace("X-Amz-Expires=60", "X-Amz-Expires=61"))[0] == 403


def test_without_authentication_any_key_will_do(own_server):
    server = own_server("--auth", "off")
    assert send(server)[0] == 200
    assert send(server, signed(server, key="test", secret="test"))[0] == 200


def test_authentication_off_is_refused_beyond_loopback(server, tmp_path):
    from conftest import APUS

    ended = server.run(APUS, "serve", "--listen", "0.0.0.0:0", "--auth", "off", "--data", tmp_path / "d", timeout=30)
    assert ended.returncode != 0 and "loopback" in ended.stderr


def test_functions_may_invoke_but_not_manage(deploy, lambda_client):
    function = deploy(python="""
import hashlib, hmac, json, os, datetime, http.client
from urllib.parse import urlparse

def sign(key, text): return hmac.new(key, text.encode(), hashlib.sha256).digest()

def call(method, path, body=b""):
    url = urlparse(os.environ["AWS_ENDPOINT_URL"])
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{os.environ['AWS_REGION']}/lambda/aws4_request"
    names = "host;x-amz-date;x-amz-security-token"
    canonical = f"{method}\\n{path}\\n\\nhost:{url.netloc}\\nx-amz-date:{now}\\nx-amz-security-token:{os.environ['AWS_SESSION_TOKEN']}\\n\\n{names}\\n{hashlib.sha256(body).hexdigest()}"
    text = f"AWS4-HMAC-SHA256\\n{now}\\n{scope}\\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in scope.split("/"): key = sign(key, part)
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=5)
    connection.request(method, path, body, {"X-Amz-Date": now, "X-Amz-Security-Token": os.environ["AWS_SESSION_TOKEN"],
        "Authorization": f"AWS4-HMAC-SHA256 Credential={os.environ['AWS_ACCESS_KEY_ID']}/{scope}, SignedHeaders={names}, Signature={signature}"})
    answer = connection.getresponse()
    return [answer.status, answer.read().decode(), answer.headers.get("x-amzn-ErrorType")]

def handler(event, context):
    if event.get("leaf"): return "leaf"
    return [call("POST", f"/2015-03-31/functions/{context.function_name}/invocations", b'{"leaf": 1}'),
            call("DELETE", f"/2015-03-31/functions/{context.function_name}")]
""")
    answer = lambda_client.invoke(FunctionName=function, Payload=b"{}")
    invoked, deleted = json.loads(answer["Payload"].read())
    assert invoked[:2] == [200, '"leaf"']
    assert deleted[0] == 403 and deleted[2].startswith("AccessDeniedException")
