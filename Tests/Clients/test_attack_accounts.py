"""Another account, by name, id and ARN: it reaches nothing that is not its own, and learns nothing.

AWS answers AccessDeniedException (403) for functions of others, whether they exist or not ("Identity and access management
for AWS Lambda": cross-account access is for resource-based policies to grant).
"""

import json
import time
import urllib.parse

import pytest
from botocore.exceptions import ClientError

from attack import Line, Signed
from conftest import ROLE, Server, zip_of
from lambda_api import COVERED, Request, members
from test_bad_input import GOOD

OWNER, GUEST = "000000000000", "222222222222"
ARN = f"arn:aws:lambda:us-east-1:{OWNER}:function:f"
LAYER = f"arn:aws:lambda:us-east-1:{OWNER}:layer:l"
# What names something of the owner's, in the inputs of operations.
NAMES = {"FunctionName": ARN, "Resource": ARN, "LayerName": LAYER, "Arn": LAYER + ":1"}
ECHO = "def handler(event, context):\n    print('apus-secret')\n    return 'apus-secret'\n"


@pytest.fixture(scope="module")
def world():
    """A server on which the access key's id is the account, and whose first account has one of everything."""
    server = Server("--auth", "off").start()
    owner = server.account(OWNER)
    owner.create_function(
        FunctionName="f", Role=ROLE, Runtime="python3.11", Handler="app.handler", Code={"ZipFile": zip_of({"app.py": ECHO})},
        Environment={"Variables": {"SECRET": "apus-secret"}}, TracingConfig={"Mode": "Active"}, Publish=True)
    owner.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    owner.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    owner.add_permission(FunctionName="f", StatementId="taken", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com")
    server.url = owner.create_function_url_config(FunctionName="f", AuthType="AWS_IAM")["FunctionUrl"]
    owner.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=1)
    owner.publish_layer_version(LayerName="l", Content={"ZipFile": zip_of({"python/x.py": "apus-secret"})})
    server.attacker = type("Attacker", (), {"endpoint": server.endpoint, "credentials": {
        **server.credentials, "access_key_id": GUEST, "secret_access_key": "x"}})
    server.state = lambda: (owner.get_function(FunctionName="f")["Configuration"], owner.get_policy(FunctionName="f")["Policy"],
                            owner.list_aliases(FunctionName="f")["Aliases"], owner.list_layer_versions(LayerName="l")["LayerVersions"],
                            owner.get_function_url_config(FunctionName="f")["AuthType"], owner.list_tags(Resource=ARN)["Tags"])
    yield server
    server.close()


BY_NAME = [(operation, name) for operation in COVERED for name, *_ in members(operation)
           if name in NAMES and operation not in ("CreateFunction",)]


@pytest.mark.parametrize("operation,name", BY_NAME)
@pytest.mark.parametrize("form", ["arn", "partial", "qualified"])
def test_operations_on_what_is_anothers(world, operation, name, form):
    arn = NAMES[name]
    if form != "arn" and name != "FunctionName":
        pytest.skip("only functions have other names with an account")
    named = {"arn": arn, "partial": f"{OWNER}:function:f", "qualified": arn + ":live"}[form]
    before = world.state()
    status, code, document = Request(operation, {**GOOD[operation], name: named}).send(world.attacker)
    assert status in (400, 403, 404), (status, code, document)
    assert code in ("AccessDeniedException", "ResourceNotFoundException", "InvalidParameterValueException", "ValidationException"), (code, document)
    assert "apus-secret" not in json.dumps(document)
    assert world.state() == before


@pytest.mark.parametrize("operation", [operation for operation, name in BY_NAME if name == "FunctionName"])
def test_what_is_not_there_looks_the_same(world, operation):
    """Nobody finds out by asking which functions another account has."""
    answers = [Request(operation, {**GOOD[operation], "FunctionName": f"arn:aws:lambda:us-east-1:{OWNER}:function:{name}"})
               .send(world.attacker) for name in ("f", "ghost")]
    (status, code, document), (ghostly, ghost_code, ghost_document) = answers
    assert (status, code) == (ghostly, ghost_code)
    assert json.dumps(document).replace("function:f", "") == json.dumps(ghost_document).replace("function:ghost", "")


def test_lists_show_nothing_of_others(world):
    guest = world.account(GUEST)
    assert guest.list_functions(FunctionVersion="ALL")["Functions"] == []
    assert guest.list_layers()["Layers"] == []
    assert guest.get_account_settings()["AccountUsage"]["FunctionCount"] == 0
    # The same name is free.
    guest.create_function(FunctionName="f", Role=f"arn:aws:iam::{GUEST}:role/r", Runtime="python3.11", Handler="app.handler",
                          Code={"ZipFile": zip_of({"app.py": "def handler(e, c): return 'mine'"})})
    guest.delete_function(FunctionName="f")
    assert world.account(OWNER).get_function(FunctionName="f")


def test_code_and_layers_of_others_cannot_be_used(world):
    guest = world.account(GUEST)
    with pytest.raises(ClientError) as caught:
        guest.create_function(FunctionName="g", Role=f"arn:aws:iam::{GUEST}:role/r", Runtime="python3.11", Handler="app.handler",
                              Code={"ZipFile": zip_of({"app.py": ""})}, Layers=[LAYER + ":1"])
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403, caught.value
    assert guest.list_functions()["Functions"] == []


def test_roles_of_others_cannot_be_passed(server):
    """Not even by an account's owner: https://github.com/aws/aws-toolkit-azure-devops/issues/546"""
    with pytest.raises(ClientError) as caught:
        server.client().create_function(
            FunctionName="thief", Role=f"arn:aws:iam::{GUEST}:role/r", Runtime="python3.11", Handler="app.handler",
            Code={"ZipFile": zip_of({"app.py": ""})})
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("AccessDeniedException", "Cross-account pass role is not allowed.")


def get(server, url, **headers):
    place = urllib.parse.urlparse(url)
    with Line(server) as line:
        lines = "".join(f"{name}: {value}\r\n" for name, value in {"Host": place.netloc, **headers}.items())
        return line.send(f"GET {place.path}?{place.query} HTTP/1.1\r\n{lines}\r\n".encode()).answer()


def test_a_functions_url_is_not_for_others(world):
    request = Signed(world.attacker, "GET", "/", host=urllib.parse.urlparse(world.url).netloc)
    request.replace("Host", request.host)
    answer = request.sign().send(world)
    assert answer.status == 403 and b"apus-secret" not in answer.body, answer


def test_code_is_for_whom_the_url_was_made(own_server):
    """A download is a presigned URL: each part of it is signed."""
    server = own_server()
    owner = server.client()
    urls = []
    for name in ("f", "g"):
        owner.create_function(FunctionName=name, Role=ROLE, Runtime="python3.11", Handler="app.handler",
                              Code={"ZipFile": zip_of({"app.py": f"# {name}"})})
        urls.append(owner.get_function(FunctionName=name)["Code"]["Location"])
    assert get(server, urls[0]).status == 200
    path, query = urls[0].split("?")
    other = urls[1].split("?")[0]
    parameters = dict(urllib.parse.parse_qsl(query))
    for url in (path, f"{other}?{query}", f"{path}?{query[:-1]}0", f"{path}?{query[:-1]}1", f"{path}x?{query}",
                f"{path}?X-Amz-Expires=604800&{query}", f"{path}?{query}&x=y",
                path + "?" + urllib.parse.urlencode({**parameters, "X-Amz-Expires": "604800"}),
                path + "?" + urllib.parse.urlencode({**parameters, "X-Amz-Date": "20200101T000000Z"})):
        answer = get(server, url)
        # One of two last digits may be the right one.
        assert answer.status == 403 or url.endswith(query), (url, answer)


def test_logs_and_traces_are_not_for_others(world):
    owner = world.account(OWNER)
    for _ in range(5):
        assert json.load(owner.invoke(FunctionName="f")["Payload"]) == "apus-secret"
    logs, spy = world.account(OWNER, "logs"), world.account(GUEST, "logs")
    group = "/aws/lambda/f"
    end = time.monotonic() + 60
    while not logs.filter_log_events(logGroupName=group, filterPattern="secret")["events"]:
        assert time.monotonic() < end, "the log did not come"
    assert spy.describe_log_groups()["logGroups"] == []
    stream = logs.describe_log_streams(logGroupName=group)["logStreams"][0]
    for ask in (
        lambda: spy.filter_log_events(logGroupName=group), lambda: spy.describe_log_streams(logGroupName=group),
        lambda: spy.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"]),
        lambda: spy.filter_log_events(logGroupIdentifier=stream["arn"].split(":log-stream:")[0]),
        lambda: spy.get_log_events(logGroupIdentifier=stream["arn"].split(":log-stream:")[0], logStreamName=stream["logStreamName"]),
        lambda: spy.delete_log_group(logGroupName=group),
    ):
        with pytest.raises(ClientError) as caught:
            ask()
        assert caught.value.response["Error"]["Code"] in (
            "ResourceNotFoundException", "AccessDeniedException", "InvalidParameterException"), caught.value
    assert logs.filter_log_events(logGroupName=group)["events"]
    traces, spy = world.account(OWNER, "xray"), world.account(GUEST, "xray")
    span = {"StartTime": time.time() - 3600, "EndTime": time.time() + 3600}
    end = time.monotonic() + 60
    while not (found := traces.get_trace_summaries(**span)["TraceSummaries"]):
        assert time.monotonic() < end, "the trace did not come"
        span["EndTime"] = time.time() + 3600
    assert spy.get_trace_summaries(**span)["TraceSummaries"] == []
    assert spy.batch_get_traces(TraceIds=[found[0]["Id"]])["Traces"] == []
