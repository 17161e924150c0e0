"""What the tests of Amazon SQS share: queues of one test, errors in short, and a client of the query protocol."""

import json
import os
import re
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NAMESPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"


def bodies(answer):
    return [message["Body"] for message in answer.get("Messages", [])]


def attributes(client, url, *names):
    return client.get_queue_attributes(QueueUrl=url, AttributeNames=list(names) or ["All"]).get("Attributes", {})


def arn(client, url):
    return attributes(client, url, "QueueArn")["QueueArn"]


def waiting_receives(server, url):
    """How many calls of ReceiveMessage wait for a message of the queue."""
    with urllib.request.urlopen(f"{server.endpoint}/_apus/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    gauge = re.compile(rf'apus_sqs_waiting_receives\{{queue="[^"]*:{url.rsplit("/", 1)[1]}"\}} (\d+)$')
    return sum(int(match[1]) for match in map(gauge.match, lines) if match)


def redrive(target, count):
    return json.dumps({"deadLetterTargetArn": target, "maxReceiveCount": count})


class QueryClient:
    """Forms as SDKs sent them before SQS spoke JSON, signed by botocore."""

    def __init__(self, server, region="us-east-1"):
        self.endpoint, self.region = server.endpoint, region
        self.credentials = Credentials(
            server.credentials["access_key_id"], server.credentials["secret_access_key"])

    def call(self, action=None, parameters=(), url=None, method="POST"):
        """The status and the document of an answer."""
        pairs = dict(parameters)
        if action:
            pairs = {"Action": action, "Version": "2012-11-05", **pairs}
        target, data = url or self.endpoint + "/", None
        if method == "GET":
            target += "?" + urllib.parse.urlencode(pairs)
        else:
            data = urllib.parse.urlencode(pairs).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"} if data is not None else {}
        request = AWSRequest(method=method, url=target, data=data, headers=headers)
        SigV4Auth(self.credentials, "sqs", self.region).add_auth(request)
        prepared = request.prepare()
        raw = urllib.request.Request(prepared.url, data=data, headers=dict(prepared.headers), method=method)
        try:
            with urllib.request.urlopen(raw, timeout=60) as answer:
                return answer.status, ElementTree.fromstring(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, ElementTree.fromstring(error.read())


def text(document, path):
    found = document.find("/".join(NAMESPACE + part for part in path.split("/")))
    return None if found is None else found.text


def texts(document, path):
    return [found.text for found in document.findall("/".join(NAMESPACE + part for part in path.split("/")))]


def error(document):
    return text(document, "Error/Code"), text(document, "Error/Message"), text(document, "Error/Type")


@pytest.fixture(scope="session")
def sqs(server):
    return server.client("sqs")


@pytest.fixture
def queue(sqs):
    """Makes queues of a test's own: `queue()`, `queue("-suffix", FifoQueue="true")`."""
    made = []
    stem = "queue-" + os.urandom(6).hex()

    def make(suffix="", client=sqs, tags=None, **attributes):
        if attributes.get("FifoQueue") == "true" and not suffix.endswith(".fifo"):
            suffix += ".fifo"
        settings = {"tags": tags} if tags else {}
        url = client.create_queue(
            QueueName=f"{stem}-{len(made)}{suffix}", Attributes=attributes, **settings)["QueueUrl"]
        made.append((client, url))
        return url

    yield make
    for client, url in made:
        try:
            client.delete_queue(QueueUrl=url)
        except client.exceptions.QueueDoesNotExist:
            pass
