"""Lambda's API as botocore's model describes it: which operations tests owe something to, and raw requests to them."""

import base64
import functools
import http.client
import json
import re
import urllib.parse

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from conftest import ROOT

MODEL = botocore.session.get_session().get_service_model("lambda")
# Where AWS is recorded to do something else than the model says.
RECORDED = json.loads((ROOT / "Scripts/models.json").read_text())["lambda"]

# What Apus does not have yet, by a word of the operations' names.
OUTSIDE = re.compile("EventSourceMapping|DurableExecution|CapacityProvider")
COVERED = [name for name in MODEL.operation_names if not OUTSIDE.search(name)]


def python_name(operation):
    """`GetFunctionUrlConfig` is `get_function_url_config` in boto3 and with dashes for `aws`."""
    return botocore.xform_name(operation)


@functools.cache
def members(operation):
    """`(name, shape, location, wire name)` of each member of the input; the location of the rest is `body`."""
    shape = MODEL.operation_model(operation).input_shape
    payload = shape.serialization.get("payload")
    return [
        (name, member, "payload" if name == payload else member.serialization.get("location", "body"),
         member.serialization.get("name", name))
        for name, member in shape.members.items()
    ]


def constraints(shape):
    """The bounds, pattern and values of a shape, as AWS answers them."""
    return {**shape.metadata, **RECORDED["constraints"].get(shape.name, {})}


class Request:
    """A request of an operation, built from its parameters without checking any; each part can be changed."""

    def __init__(self, operation, parameters):
        model = MODEL.operation_model(operation)
        self.method, self.path = model.http["method"], model.http["requestUri"]
        query, self.headers, body, self.body = [], {}, {}, None
        if "?" in self.path:
            self.path, fixed = self.path.split("?")
            query.append(fixed)
        for name, shape, location, wire in members(operation):
            value = parameters.get(name)
            if location == "uri":
                label = urllib.parse.quote("" if value is None else str(value), safe="")
                self.path = self.path.replace("{%s}" % wire, label)
            elif value is None:
                continue
            elif location == "querystring":
                values = value if isinstance(value, list) else [value]
                query += [f"{wire}={urllib.parse.quote(text(each), safe='')}" for each in values]
            elif location == "header":
                self.headers[wire] = text(value)
            elif location == "payload":
                self.body = value
            else:
                body[wire] = value
        self.query = "&".join(query)
        if body or any(location == "body" for _, _, location, _ in members(operation)):
            self.headers["Content-Type"] = "application/json"
            self.body = json.dumps(body, default=lambda value: base64.b64encode(value).decode())

    def send(self, server):
        """Signs and sends it; returns status, code and the body's document."""
        target = self.path + ("?" + self.query if self.query else "")
        credentials = Credentials(server.credentials["access_key_id"], server.credentials["secret_access_key"])
        signed = AWSRequest(self.method, server.endpoint + target, data=self.body, headers=dict(self.headers))
        SigV4Auth(credentials, "lambda", server.credentials["region"]).add_auth(signed)
        address = urllib.parse.urlparse(server.endpoint)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        try:
            connection.request(self.method, target, body=self.body, headers=dict(signed.headers))
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        try:
            document = json.loads(content) if content else None
        except ValueError:
            document = content
        return answer.status, answer.headers.get("x-amzn-ErrorType"), document


def text(value):
    """A value of a header or of the query."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def message(document):
    """An error's message, however its shape spells it."""
    return document.get("message", document.get("Message")) if isinstance(document, dict) else None
