"""Responses in parts, as boto3 and raw sockets see them.

Expectations: the Lambda developer guide's pages on response streaming and on custom runtimes, and the service model of
InvokeWithResponseStream.
"""

import base64
import concurrent.futures
import http.client
import json
import pathlib
import urllib.parse

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from botocore.credentials import Credentials

from conftest import wait_until

STREAM = "export const handler = awslambda.streamifyResponse(async (event, stream, context) => { %s });"
# Writes event.count parts of event.size bytes and waits whenever it is asked to.
MANY = STREAM % """
  const part = Buffer.alloc(event.size, 'x');
  for (let i = 0; i < event.count; i++) {
    if (!stream.write(part)) await new Promise((go) => stream.once('drain', go));
  }
  console.log('all is written');
  stream.end();"""


def stream(client, function, payload=None, **options):
    return client.invoke_with_response_stream(FunctionName=function, Payload=json.dumps(payload), **options)


def collect(answer):
    """The whole payload and the members of InvokeComplete."""
    parts, complete = [], None
    for event in answer["EventStream"]:
        assert complete is None
        if "PayloadChunk" in event:
            parts.append(event["PayloadChunk"]["Payload"])
        else:
            complete = event["InvokeComplete"]
    assert complete is not None
    return b"".join(parts), complete


def memory(server):
    """Bytes that the server's process holds."""
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) * 1024


def signed(server, function, payload):
    """A connection on which the request has been sent and nothing was read."""
    url = f"{server.endpoint}/2021-11-15/functions/{function}/response-streaming-invocations"
    request = AWSRequest("POST", url, data=json.dumps(payload).encode())
    keys = Credentials(server.credentials["access_key_id"], server.credentials["secret_access_key"])
    SigV4Auth(keys, "lambda", server.credentials["region"]).add_auth(request)
    place = urllib.parse.urlsplit(server.endpoint)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=120)
    connection.connect()
    connection.request("POST", urllib.parse.urlsplit(url).path, body=request.data, headers=dict(request.headers))
    return connection


def logged(server, function, text):
    """Waits until the function's log has `text`."""
    logs = server.client("logs")

    def found():
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return False
        return any(text in event["message"] for event in events)

    wait_until(found, 60, f"'{text}' in the log")


def test_parts_and_their_end(deploy, lambda_client):
    function = deploy(node=STREAM % "console.log('hi'); stream.write('one'); stream.write('two'); stream.end();")
    answer = stream(lambda_client, function, {}, LogType="Tail")
    assert answer["StatusCode"] == 200 and answer["ExecutedVersion"] == "$LATEST"
    assert answer["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"
    payload, complete = collect(answer)
    assert payload == b"onetwo"
    assert set(complete) == {"LogResult"}
    log = base64.b64decode(complete["LogResult"]).decode()
    assert "\tINFO\thi" in log and "\nREPORT RequestId: " in log
    payload, complete = collect(stream(lambda_client, function, {}))
    assert (payload, complete) == (b"onetwo", {})


def test_the_first_part_comes_before_the_function_ends(deploy, server, lambda_client):
    """The function ends once it sees a tag, which it gets when the first part has been read."""
    function = deploy(node="import http from 'node:http';" + STREAM % """
      if (event.ask) return stream.end(process.env.AWS_ENDPOINT_URL);
      stream.write('first');
      const tags = () => new Promise((resolve, reject) => http.get(event.url, async (answer) => {
        let text = '';
        for await (const part of answer) text += part;
        resolve(text);
      }).on('error', reject));
      while (!(await tags()).includes('go')) await new Promise((go) => setTimeout(go, 10));
      stream.end('last');""", Timeout=60)  # fmt: skip
    endpoint = collect(stream(lambda_client, function, {"ask": True}))[0].decode()
    arn = lambda_client.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    inside = boto3.Session().client(
        "lambda", endpoint_url=endpoint, region_name=server.credentials["region"],
        aws_access_key_id=server.credentials["access_key_id"],
        aws_secret_access_key=server.credentials["secret_access_key"])
    url = inside.generate_presigned_url("list_tags", Params={"Resource": arn})
    events = iter(stream(lambda_client, function, {"url": url})["EventStream"])
    assert next(events)["PayloadChunk"]["Payload"] == b"first"
    lambda_client.tag_resource(Resource=arn, Tags={"go": "now"})
    assert next(events)["PayloadChunk"]["Payload"] == b"last"
    assert next(events) == {"InvokeComplete": {}}


def test_http_integration_prelude_is_handed_on(deploy, lambda_client):
    function = deploy(node=STREAM % """
      const http = awslambda.HttpResponseStream.from(stream, {statusCode: 418, headers: {'X-A': 'b'}, cookies: ['c=d']});
      http.write('short '); http.write('and stout'); http.end();""")  # fmt: skip
    payload, complete = collect(stream(lambda_client, function))
    head, body = payload.split(b"\0" * 8)
    assert json.loads(head) == {"statusCode": 418, "headers": {"X-A": "b"}, "cookies": ["c=d"]}
    assert (body, complete) == (b"short and stout", {})


def test_functions_that_do_not_stream(deploy, lambda_client):
    function = deploy(python="def handler(event, context):\n    if event: raise ValueError('bad')\n    return {'a': 1}")
    assert collect(stream(lambda_client, function)) == (b'{"a": 1}', {})
    payload, complete = collect(stream(lambda_client, function, 1))
    assert (payload, complete["ErrorCode"]) == (b"", "Unhandled")
    assert json.loads(complete["ErrorDetails"])["errorType"] == "ValueError"


def test_invoke_gathers_the_parts(deploy, lambda_client):
    function = deploy(node=MANY, MemorySize=512)
    answer = lambda_client.invoke(FunctionName=function, Payload=json.dumps({"size": 1000, "count": 1000}))
    assert answer["Payload"].read() == b"x" * 1_000_000 and "FunctionError" not in answer
    answer = lambda_client.invoke(FunctionName=function, Payload=json.dumps({"size": 70_000, "count": 100}))
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == "Function.ResponseSizeTooLarge"


@pytest.mark.parametrize("before", ["", "stream.write('half');"])
def test_an_error(deploy, lambda_client, before):
    function = deploy(node=STREAM % (before + "throw new RangeError('bad')"))
    payload, complete = collect(stream(lambda_client, function, LogType="Tail"))
    assert payload == (b"half" if before else b"")
    assert complete["ErrorCode"] == "Unhandled"
    details = json.loads(complete["ErrorDetails"])
    assert (details["errorType"], details["errorMessage"]) == ("RangeError", "bad")
    assert b"REPORT RequestId" in base64.b64decode(complete["LogResult"])


def test_a_timeout_in_the_middle(deploy, lambda_client):
    function = deploy(node=STREAM % "stream.write('half'); await new Promise((go) => setTimeout(go, 60000))", Timeout=1)
    payload, complete = collect(stream(lambda_client, function))
    assert payload == b"half" and complete["ErrorCode"] == "Unhandled"
    assert "Task timed out after 1.00 seconds" in complete["ErrorDetails"]


def test_an_exit_in_the_middle(deploy, lambda_client):
    function = deploy(node=STREAM % "await new Promise((sent) => stream.write('half', sent)); process.exit(3)")
    payload, complete = collect(stream(lambda_client, function))
    assert payload == b"half" and complete["ErrorCode"] == "Unhandled"
    assert json.loads(complete["ErrorDetails"])["errorType"] == "Runtime.ExitError"
    assert "exit status 3" in complete["ErrorDetails"]


def test_memory_stays_flat(deploy, server, lambda_client):
    function = deploy(node=MANY, MemorySize=512, Timeout=120)
    payload, _ = collect(stream(lambda_client, function, {"size": 65536, "count": 160}))
    assert len(payload) == 160 * 65536
    del payload
    before, size, most = memory(server), 0, 0
    for event in stream(lambda_client, function, {"size": 65536, "count": 1600})["EventStream"]:
        size += len(event.get("PayloadChunk", {}).get("Payload", b""))
        most = max(most, memory(server))
    assert size == 1600 * 65536
    assert most - before < 24 << 20


def test_a_slow_client_slows_the_function_not_the_server(deploy, server, lambda_client):
    function = deploy(node=MANY, MemorySize=512, Timeout=120)
    collect(stream(lambda_client, function, {"size": 65536, "count": 160}))
    before = memory(server)
    connection = signed(server, function, {"size": 65536, "count": 1000})
    answer = connection.getresponse()
    assert answer.status == 200 and answer.getheader("Transfer-Encoding") == "chunked"
    size, most = 0, 0
    # Small bites at first, so that the buffers in between are full; then the rest.
    while part := answer.read(1000 if size < 2_000_000 else 1 << 20):
        size += len(part)
        most = max(most, memory(server))
    connection.close()
    assert size > 1000 * 65536
    assert most - before < 24 << 20


def test_a_client_that_goes_away(deploy, server):
    function = deploy(node=MANY, MemorySize=512, Timeout=120)
    connection = signed(server, function, {"size": 65536, "count": 500})
    assert connection.getresponse().read(100_000)
    connection.close()
    # The function runs to its end.
    logged(server, function, "all is written")


def test_many_at_a_time(deploy, lambda_client):
    function = deploy(node=MANY.replace("'x'", "event.byte"), Timeout=60)

    def one(number):
        byte = chr(ord("a") + number)
        payload, complete = collect(stream(lambda_client, function, {"byte": byte, "size": 9973, "count": 100}))
        return payload == byte.encode() * 997_300 and complete == {}

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        assert all(pool.map(one, range(20)))


def test_a_custom_runtime_with_trailers(deploy, lambda_client):
    body = base64.b64encode(b'{"errorType":"Odd","errorMessage":"halfway"}').decode()
    bootstrap = """#!/bin/bash
while true; do
  exec 3<>/dev/tcp/${AWS_LAMBDA_RUNTIME_API%%:*}/${AWS_LAMBDA_RUNTIME_API#*:}
  printf 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' >&3
  answer=$(cat <&3); exec 3>&-
  id=$(grep -i '^Lambda-Runtime-Aws-Request-Id:' <<<"$answer" | tr -d '\\r' | cut -d' ' -f2)
  exec 3<>/dev/tcp/${AWS_LAMBDA_RUNTIME_API%%:*}/${AWS_LAMBDA_RUNTIME_API#*:}
  printf 'POST /2018-06-01/runtime/invocation/%%s/response HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n' "$id" >&3
  printf 'Lambda-Runtime-Function-Response-Mode: streaming\\r\\nTransfer-Encoding: chunked\\r\\n' >&3
  printf 'Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\\r\\n\\r\\n' >&3
  printf '5\\r\\nhello\\r\\n' >&3
  printf '6\\r\\n world\\r\\n0\\r\\n' >&3
  case $answer in
  *'"trailers"'*) printf 'Lambda-Runtime-Function-Error-Type: Function.Odd\\r\\nLambda-Runtime-Function-Error-Body: %s\\r\\n' >&3 ;;
  esac
  printf '\\r\\n' >&3
  cat <&3 >/dev/null; exec 3>&-
done
""" % body
    function = deploy(files={"bootstrap!": bootstrap}, Runtime="provided.al2023", Handler="x")
    assert collect(stream(lambda_client, function, "plain")) == (b"hello world", {})
    payload, complete = collect(stream(lambda_client, function, "trailers"))
    assert payload == b"hello world"
    assert complete == {"ErrorCode": "Unhandled", "ErrorDetails": '{"errorType":"Odd","errorMessage":"halfway"}'}
    answer = lambda_client.invoke(FunctionName=function, Payload='"trailers"')
    assert answer["FunctionError"] == "Unhandled" and json.loads(answer["Payload"].read())["errorType"] == "Odd"


def test_requests_that_are_refused(deploy, lambda_client, name):
    function = deploy(node=STREAM % "stream.end('x')")
    answer = lambda_client.invoke_with_response_stream(FunctionName=function, InvocationType="DryRun")
    assert answer["StatusCode"] == 204
    with pytest.raises(lambda_client.exceptions.ResourceNotFoundException):
        stream(lambda_client, name + "-none")
    with pytest.raises(ClientError, match="enum value set: \\[RequestResponse, DryRun\\]"):
        stream(lambda_client, function, InvocationType="Event")
    with pytest.raises(lambda_client.exceptions.InvalidRequestContentException):
        lambda_client.invoke_with_response_stream(FunctionName=function, Payload=b"{")
