"""External extensions in layers, as their authors write them: the Extensions API (2020-01-01) and the Telemetry API
(2022-07-01) of the developer guide, spoken by a plain program."""

import datetime
import json

import pytest
from conftest import wait_until, zip_of

API = """#!/usr/bin/env python3
import http.client, json, os, sys, threading
def call(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body and json.dumps(body), headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read().decode()
def say(kind, value):
    print(kind + " " + (value if isinstance(value, str) else json.dumps(value)), flush=True)
def register(events=("INVOKE", "SHUTDOWN")):
    status, headers, body = call("POST", "/2020-01-01/extension/register", {"events": list(events)},
        Lambda_Extension_Name=os.path.basename(sys.argv[0]), Lambda_Extension_Accept_Feature="accountId")
    return headers["Lambda-Extension-Identifier"], json.loads(body)
def next_event(identifier):
    return json.loads(call("GET", "/2020-01-01/extension/event/next", Lambda_Extension_Identifier=identifier)[2])
"""
WATCHER = API + """
identifier, function = register()
say("REGISTERED", function)
say("ME", [os.getuid(), os.getcwd(), "_HANDLER" in os.environ, os.environ["GREETING"]])
while True:
    event = next_event(identifier)
    say("EVENT", event)
    if event["eventType"] == "SHUTDOWN":
        break
"""
FUNCTION = """
import os
print("function starts")
def handler(event, context):
    print("function runs")
    return [event, context.aws_request_id]
"""


@pytest.fixture
def layer(lambda_client, name):
    """Publishes a layer with these extensions; returns its ARN."""
    made = []

    def publish(**extensions):
        files = {f"extensions/{file}!": source for file, source in extensions.items()}
        version = lambda_client.publish_layer_version(
            LayerName=name + "-layer", Content={"ZipFile": zip_of(files)}, CompatibleRuntimes=["python3.11"])
        made.append(version["Version"])
        return version["LayerVersionArn"]

    yield publish
    for version in made:
        lambda_client.delete_layer_version(LayerName=name + "-layer", VersionNumber=version)


def messages(server, function):
    logs = server.client("logs")
    try:
        events = logs.filter_log_events(logGroupName="/aws/lambda/" + function)["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"].rstrip("\n") for event in events]


def said(server, function, kind):
    return [json.loads(line.split(" ", 1)[1]) for line in messages(server, function) if line.startswith(kind + " ")]


def invoke(client, function, payload):
    answer = client.invoke(FunctionName=function, Payload=json.dumps(payload))
    return json.loads(answer["Payload"].read()), answer


def test_an_extension_lives_beside_its_function(server, lambda_client, deploy, layer):
    function = deploy(
        python=FUNCTION, Layers=[layer(watcher=WATCHER)], Environment={"Variables": {"GREETING": "hi"}})
    for number in range(2):
        assert invoke(lambda_client, function, number)[0][0] == number
    wait_until(lambda: len(said(server, function, "EVENT")) >= 2, what="the extension's events")
    assert said(server, function, "REGISTERED") == [
        {"accountId": "000000000000", "functionName": function, "functionVersion": "$LATEST", "handler": "app.handler"}
    ]
    assert said(server, function, "ME") == [[993, "/", False, "hi"]]
    lambda_client.update_function_configuration(FunctionName=function, Timeout=11)
    wait_until(lambda: len(said(server, function, "EVENT")) == 3, what="the extension's shutdown")
    first, second, last = said(server, function, "EVENT")
    assert set(first) == {"eventType", "deadlineMs", "requestId", "invokedFunctionArn", "tracing"}
    assert (first["eventType"], second["eventType"]) == ("INVOKE", "INVOKE")
    assert first["requestId"] != second["requestId"]
    assert first["invokedFunctionArn"].endswith(":function:" + function)
    assert last == {"eventType": "SHUTDOWN", "deadlineMs": last["deadlineMs"], "shutdownReason": "spindown"}
    assert "EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE,SHUTDOWN]" in messages(server, function)


SLOW = API + """
import time
identifier, _ = register()
while next_event(identifier)["eventType"] == "INVOKE":
    time.sleep(0.2)
"""


def test_what_an_extension_takes_after_the_answer_is_a_metric(server, lambda_client, deploy, layer):
    """"Types of metrics for Lambda functions": PostRuntimeExtensionsDuration."""
    function = deploy(python=FUNCTION, Layers=[layer(slow=SLOW)])
    for number in range(2):
        assert invoke(lambda_client, function, number)[0][0] == number
    cloudwatch = server.client("cloudwatch")

    def points():
        now = datetime.datetime.now(datetime.timezone.utc)
        return cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda", MetricName="PostRuntimeExtensionsDuration", Unit="Milliseconds", Period=3600,
            StartTime=now - datetime.timedelta(minutes=20), EndTime=now + datetime.timedelta(minutes=1),
            Statistics=["SampleCount", "Maximum"],
            Dimensions=[{"Name": "FunctionName", "Value": function}])["Datapoints"]

    wait_until(lambda: sum(point["SampleCount"] for point in points()) == 2, 150, what="the extension's times")
    assert max(point["Maximum"] for point in points()) > 100


# Signature Version 4 by hand: an extension brings its SDK along, this one has none.
SENDER = API + """
import datetime, hashlib, hmac, urllib.parse
def sign(key, text): return hmac.new(key, text.encode(), hashlib.sha256).digest()
def invoke(function):
    endpoint = urllib.parse.urlparse(os.environ["AWS_ENDPOINT_URL"])
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    region, path, body = os.environ["AWS_REGION"], "/2015-03-31/functions/" + function + "/invocations", b'"from shutdown"'
    headers = {"host": endpoint.netloc, "x-amz-date": now, "x-amz-security-token": os.environ["AWS_SESSION_TOKEN"]}
    names, digest = ";".join(sorted(headers)), hashlib.sha256(body).hexdigest()
    request = "\\n".join(["POST", path, "", *(n + ":" + headers[n] for n in sorted(headers)), "", names, digest])
    scope = "/".join([now[:8], region, "lambda", "aws4_request"])
    text = "\\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in scope.split("/"): key = sign(key, part)
    headers["authorization"] = ("AWS4-HMAC-SHA256 Credential=" + os.environ["AWS_ACCESS_KEY_ID"] + "/" + scope
        + ", SignedHeaders=" + names + ", Signature=" + sign(key, text).hex())
    connection = http.client.HTTPConnection(endpoint.netloc, timeout=10)
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    return [answer.status, answer.read().decode()]
identifier, _ = register(["SHUTDOWN"])
next_event(identifier)
say("ANSWER", invoke(os.environ["TARGET"]))
"""


def test_credentials_outlive_the_shutdown(server, lambda_client, deploy, layer):
    target = deploy(python="def handler(event, context): return event", suffix="-target")
    function = deploy(
        python=FUNCTION, Layers=[layer(sender=SENDER)], Environment={"Variables": {"TARGET": target}})
    invoke(lambda_client, target, 1)
    invoke(lambda_client, function, 1)
    lambda_client.update_function_configuration(FunctionName=function, Timeout=11)
    assert wait_until(lambda: said(server, function, "ANSWER"), what="the answer") == [[200, '"from shutdown"']]


def test_a_crash_is_the_invocations_error(lambda_client, deploy, layer):
    source = API + "identifier, _ = register()\nnext_event(identifier)\nsys.exit(3)\n"
    function = deploy(python="import time\ndef handler(e, c): time.sleep(9)", Layers=[layer(fragile=source)])
    document, answer = invoke(lambda_client, function, 1)
    assert answer["FunctionError"] == "Unhandled"
    assert document["errorType"] == "Extension.Crash"
    assert document["errorMessage"].endswith("Error: exit status 3")


@pytest.mark.parametrize("phase, kind", [("init", "Extension.InitError"), ("exit", "Extension.ExitError")])
def test_a_reported_error_names_the_failure(lambda_client, deploy, layer, phase, kind):
    source = API + f"""
identifier, _ = register()
call("POST", "/2020-01-01/extension/{phase}/error", {{}}, Lambda_Extension_Identifier=identifier,
    Lambda_Extension_Function_Error_Type="Mine.Bad")
sys.exit(1)
"""
    function = deploy(python=FUNCTION, Layers=[layer(broken=source)])
    assert invoke(lambda_client, function, 1)[0]["errorType"] == kind


def test_what_cannot_be_executed_fails_the_function(lambda_client, deploy, layer):
    function = deploy(python=FUNCTION, Layers=[layer(rubbish="no program")])
    document, _ = invoke(lambda_client, function, 1)
    assert document["errorType"] == "Extension.LaunchError"
    assert "fork/exec /opt/extensions/rubbish: exec format error" in document["errorMessage"]


def test_the_runtime_hears_of_the_end_first(server, lambda_client, deploy, layer):
    source = """
import signal, sys
def leave(*_):
    print("runtime leaves", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
def handler(event, context): return 1
"""
    function = deploy(python=source, Layers=[layer(watcher=WATCHER)], Environment={"Variables": {"GREETING": ""}})
    invoke(lambda_client, function, 1)
    lambda_client.update_function_configuration(FunctionName=function, Timeout=11)
    wait_until(lambda: len(said(server, function, "EVENT")) == 2, what="the extension's shutdown")
    lines = messages(server, function)
    assert lines.index("runtime leaves") < next(i for i, line in enumerate(lines) if '"SHUTDOWN"' in line)


@pytest.mark.parametrize("protocol", ["HTTP", "TCP"])
def test_telemetry_reaches_the_extension(server, lambda_client, deploy, layer, protocol):
    source = API + f"""
import http.server, socketserver
seen = []
class Web(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        seen.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass
class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile: seen.append(json.loads(line))
server = {"http.server.ThreadingHTTPServer" if protocol == "HTTP" else "socketserver.ThreadingTCPServer"}(
    ("sandbox.localdomain", 8080), {"Web" if protocol == "HTTP" else "Lines"})
threading.Thread(target=server.serve_forever, daemon=True).start()
identifier, _ = register()
destination = {{"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/x"}}
if "{protocol}" == "TCP": destination = {{"protocol": "TCP", "port": 8080}}
say("ANSWER", call("PUT", "/2022-07-01/telemetry", {{"schemaVersion": "2022-07-01", "types": ["platform", "function"],
    "destination": destination, "buffering": {{"timeoutMs": 25}}}}, Lambda_Extension_Identifier=identifier)[2])
while next_event(identifier)["eventType"] == "INVOKE": pass
import time
while not any(event["type"] == "platform.report" for event in seen): time.sleep(0.01)
say("SEEN", [[event["type"], event["record"]] for event in seen])
"""
    function = deploy(python=FUNCTION, Layers=[layer(ear=source)])
    request = invoke(lambda_client, function, 1)[0][1]
    lambda_client.update_function_configuration(FunctionName=function, Timeout=11)
    (events,) = wait_until(lambda: said(server, function, "SEEN"), what="the extension's report")
    assert said(server, function, "ANSWER") == ["OK"]
    kinds = [kind for kind, _ in events]
    expected = ["platform.initStart", "platform.telemetrySubscription", "platform.initRuntimeDone", "platform.extension",
        "platform.initReport", "platform.start", "platform.runtimeDone", "platform.report"]  # fmt: skip
    assert [kind for kind in kinds if kind != "function"] == expected
    assert [record for kind, record in events if kind == "function"] == ["function starts", "function runs"]
    report = dict(events[kinds.index("platform.report")][1])
    assert report["requestId"] == request
    assert set(report["metrics"]) >= {"durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB"}


def test_an_internal_extension_registers_in_the_runtime(lambda_client, deploy):
    source = API.replace("#!/usr/bin/env python3", "") + """
sys.argv[0] = "inside"
refused = call("POST", "/2020-01-01/extension/register", {"events": ["SHUTDOWN"]}, Lambda_Extension_Name="inside")
identifier, _ = register(["INVOKE"])
def ask():
    while True: next_event(identifier)
threading.Thread(target=ask, daemon=True).start()
def handler(event, context): return [refused[0], json.loads(refused[2])]
"""
    function = deploy(python=source)
    for _ in range(2):
        (status, document), _ = invoke(lambda_client, function, 1)
        assert status == 403
        assert document["errorType"] == "Extension.InvalidEventType"
