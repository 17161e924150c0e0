"""What the tests of CloudWatch share: clients in each protocol, and times."""

import datetime
import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
import xml.etree.ElementTree

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

PROTOCOLS = ("smithy-rpc-v2-cbor", "json", "query")


@pytest.fixture
def cloudwatch(server):
    return server.client("cloudwatch")


@pytest.fixture
def namespace():
    return f"ns-{uuid.uuid4().hex[:8]}"


def minute(ago=0):
    """The beginning of a minute, so many minutes ago, in UTC."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
    return now - datetime.timedelta(minutes=ago)


class Answer:
    def __init__(self, status_code, headers, content):
        self.status_code, self.headers, self.content = status_code, headers, content

    @property
    def text(self):
        return self.content.decode()

    def json(self):
        return json.loads(self.content)


def send(server, method, path, headers, body, query=""):
    """A signed request as it is, by hand."""
    url = f"{server.endpoint}{path}{query}"
    request = botocore.awsrequest.AWSRequest(method, url, headers=headers, data=body)
    credentials = botocore.credentials.Credentials(
        server.credentials["access_key_id"], server.credentials["secret_access_key"])
    botocore.auth.SigV4Auth(credentials, "monitoring", "us-east-1").add_auth(request)
    raw = body.encode() if isinstance(body, str) else body
    try:
        with urllib.request.urlopen(
                urllib.request.Request(url, raw, dict(request.headers), method=method), timeout=30) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read())


def form(server, action, parameters=()):
    body = urllib.parse.urlencode([("Action", action), ("Version", "2010-08-01"), *parameters])
    return send(server, "POST", "/", {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, body)


def json_call(server, operation, body, **headers):
    return send(
        server, "POST", "/", {"Content-Type": "application/x-amz-json-1.0",
                              "X-Amz-Target": f"GraniteServiceVersion20100801.{operation}", **headers},
        json.dumps(body))


def cbor_call(server, operation, body, **headers):
    return send(
        server, "POST", f"/service/GraniteServiceVersion20100801/operation/{operation}",
        {"Content-Type": "application/cbor", "Accept": "application/cbor", "smithy-protocol": "rpc-v2-cbor", **headers},
        body)


def names(text):
    """The elements of a document without their namespace, as pairs of path and text."""
    found = []

    def walk(element, path):
        name = element.tag.split("}")[-1]
        here = f"{path}/{name}"
        if len(element) == 0:
            found.append((here, element.text or ""))
        for child in element:
            walk(child, here)

    walk(xml.etree.ElementTree.fromstring(text), "")
    return found
