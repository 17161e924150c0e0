"""The control plane through boto3 and its waiters.

Expectations: botocore's service model (bounds, error shapes) and AWS's recorded answers for the same calls.
"""

import base64
import hashlib
import io
import json
import signal
import stat
import urllib.request
import zipfile

import pytest
from botocore.exceptions import ClientError

from conftest import ROLE, refused, refused_with, zip_of

CODE = {"app.py": "def handler(e, c): return 1"}


def create(client, name, files=None, **settings):
    settings = {"Runtime": "python3.11", "Handler": "app.handler", "Role": ROLE, **settings}
    return client.create_function(FunctionName=name, Code={"ZipFile": zip_of(files or CODE)}, **settings)


def wait_active(client, name):
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})


def wait_updated(client, name):
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})


def test_a_functions_life(lambda_client, name):
    created = create(lambda_client, name, Description="d", MemorySize=256, Timeout=7, Tags={"k": "v"}, Environment={"Variables": {"KEY_1": "1"}})
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert created["FunctionArn"] == f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    assert created["State"] == "Pending" and created["StateReasonCode"] == "Creating"
    code = zip_of(CODE)
    assert created["CodeSha256"] == base64.b64encode(hashlib.sha256(code).digest()).decode()
    assert created["CodeSize"] == len(code)
    wait_active(lambda_client, name)
    got = lambda_client.get_function(FunctionName=name)
    assert got["Configuration"]["State"] == "Active" and got["Configuration"]["LastUpdateStatus"] == "Successful"
    assert got["Tags"] == {"k": "v"} and got["Code"]["RepositoryType"] == "S3"
    assert urllib.request.urlopen(got["Code"]["Location"]).read() == code
    configuration = lambda_client.get_function_configuration(FunctionName=name)
    for key, value in {"MemorySize": 256, "Timeout": 7, "Description": "d", "Handler": "app.handler", "Runtime": "python3.11",
                       "Environment": {"Variables": {"KEY_1": "1"}}, "Version": "$LATEST", "PackageType": "Zip",
                       "EphemeralStorage": {"Size": 512}, "TracingConfig": {"Mode": "PassThrough"}}.items():
        assert configuration[key] == value, key
    updated = lambda_client.update_function_configuration(FunctionName=name, Timeout=9, Environment={"Variables": {"KEY_2": "2"}})
    assert updated["LastUpdateStatus"] == "InProgress" and updated["RevisionId"] != configuration["RevisionId"]
    wait_updated(lambda_client, name)
    configuration = lambda_client.get_function_configuration(FunctionName=name)
    assert configuration["Timeout"] == 9 and configuration["Environment"]["Variables"] == {"KEY_2": "2"} and configuration["MemorySize"] == 256
    lambda_client.delete_function(FunctionName=name)
    refused_with("ResourceNotFoundException", 404, lambda_client.get_function, FunctionName=name)
    refused_with("ResourceNotFoundException", 404, lambda_client.delete_function, FunctionName=name)


def test_names_are_unique(lambda_client, name):
    create(lambda_client, name)
    assert refused_with("ResourceConflictException", 409, create, lambda_client, name) == f"Function already exist: {name}"
    lambda_client.delete_function(FunctionName=name)


def test_pages(own_server):
    client = own_server().client()
    names = sorted(f"page-{n:02}" for n in range(7))
    for each in names:
        create(client, each)
    pages = list(client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["Functions"]) for page in pages] == [3, 3, 1]
    assert [f["FunctionName"] for page in pages for f in page["Functions"]] == names
    assert client.get_account_settings()["AccountUsage"]["FunctionCount"] == 7


@pytest.mark.parametrize(
    "settings,code,fragment",
    [
        ({"MemorySize": 127}, "ValidationException", "'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128"),
        ({"Timeout": 901}, "ValidationException", "'timeout' failed to satisfy constraint: Member must have value less than or equal to 900"),
        ({"Runtime": "cobol"}, "InvalidParameterValueException", "Value cobol at 'runtime' failed to satisfy constraint: Member must satisfy enum value set"),
        ({"Role": "nobody"}, "ValidationException", "Value 'nobody' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern"),
        ({"EphemeralStorage": {"Size": 511}}, "ValidationException", "ephemeralStorage.size"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "InvalidParameterValueException", "reserved keys"),
        ({"Environment": {"Variables": {"BIG": "x" * 4096}}}, "InvalidParameterValueException", "exceeded the 4KB limit"),
        ({"Description": "x" * 257}, "ValidationException", "'description' failed to satisfy constraint: Member must have length less than or equal to 256"),
    ],
)
def test_bad_settings(server, name, settings, code, fragment):
    client = server.unchecked()
    found, message, status = refused(create, client, name, **settings)
    assert found in (code, "InvalidParameterValueException") and fragment in message, (found, message)
    assert status == 400
    refused_with("ResourceNotFoundException", 404, client.get_function, FunctionName=name)


def link(target):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, target)
    return buffer.getvalue()


def duplicate():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", "1")
        with pytest.warns(UserWarning):
            archive.writestr("app.py", "2")
    return buffer.getvalue()


def bomb():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("zeros", "w", force_zip64=True) as file:
            for _ in range(260):
                file.write(bytes(1 << 20))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "make", [lambda: b"not a zip", lambda: zip_of(CODE)[:-30], lambda: zip_of({"../up.py": "x"}), lambda: zip_of({"/abs.py": "x"}),
             lambda: link("/etc/passwd"), lambda: link("../../x"), duplicate, bomb],
    ids=["no zip", "truncated", "traversal", "absolute", "absolute link", "link out", "duplicate", "bomb"])
def test_bad_zips(own_server, name, make):
    server = own_server()
    client = server.client()
    message = refused_with(
        "InvalidParameterValueException", 400, client.create_function, FunctionName=name, Runtime="python3.11", Handler="app.handler",
        Role=ROLE, Code={"ZipFile": make()})
    assert "unzip" in message.lower()
    left = [path for folder in ("blobs", "code") for path in (server.data / folder).rglob("*") if path.is_file()]
    assert left == []


def test_updating_code_with_preconditions(deploy, lambda_client):
    function = deploy(python="def handler(e, c): return 1")
    code = zip_of({"app.py": "def handler(e, c): return 2"})
    refused_with("PreconditionFailedException", 412, lambda_client.update_function_code, FunctionName=function, ZipFile=code,
            RevisionId="00000000-0000-0000-0000-000000000000")
    revision = lambda_client.get_function_configuration(FunctionName=function)["RevisionId"]
    dry = lambda_client.update_function_code(FunctionName=function, ZipFile=code, DryRun=True)
    assert dry["CodeSha256"] == base64.b64encode(hashlib.sha256(code).digest()).decode()
    assert lambda_client.get_function_configuration(FunctionName=function)["RevisionId"] == revision
    lambda_client.update_function_code(FunctionName=function, ZipFile=code, RevisionId=revision)
    wait_updated(lambda_client, function)


def test_tags(deploy, lambda_client):
    function = deploy(python="def handler(e, c): return 1")
    arn = lambda_client.get_function_configuration(FunctionName=function)["FunctionArn"]
    lambda_client.tag_resource(Resource=arn, Tags={"a": "1", "b": "2"})
    lambda_client.untag_resource(Resource=arn, TagKeys=["a"])
    assert lambda_client.list_tags(Resource=arn)["Tags"] == {"b": "2"}


def test_operations_that_are_not_built_say_so(deploy, lambda_client):
    function = deploy(python="def handler(e, c): return 1")
    message = refused_with(
        "NotImplementedException", 501, lambda_client.create_event_source_mapping, FunctionName=function,
        EventSourceArn="arn:aws:sqs:us-east-1:000000000000:queue")
    assert "CreateEventSourceMapping" in message


def test_accounts_and_regions_do_not_see_each_other(own_server):
    server = own_server("--auth", "off")
    one = server.client(aws_access_key_id="111111111111", aws_secret_access_key="x")
    two = server.client(aws_access_key_id="222222222222", aws_secret_access_key="x")
    elsewhere = server.client(aws_access_key_id="111111111111", aws_secret_access_key="x", region_name="eu-west-1")
    create(one, "mine")
    assert [f["FunctionName"] for f in one.list_functions()["Functions"]] == ["mine"]
    assert two.list_functions()["Functions"] == [] and elsewhere.list_functions()["Functions"] == []
    with pytest.raises(ClientError):
        two.get_function(FunctionName="arn:aws:lambda:us-east-1:111111111111:function:mine")


def test_reset_is_there_only_without_signatures(own_server):
    server = own_server("--auth", "off")
    client = server.client()
    create(client, "gone")
    wait_active(client, "gone")
    client.invoke(FunctionName="gone")
    urllib.request.urlopen(urllib.request.Request(server.endpoint + "/_apus/reset", method="POST"))
    assert client.list_functions()["Functions"] == []
    create(client, "gone")
    # The account is as it was in a new data directory, its first role included, and stays so.
    def roles():
        return [(role["RoleName"], role["Arn"]) for role in server.client("iam").list_roles()["Roles"]]

    server.client("iam").create_role(RoleName="mine", AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))
    urllib.request.urlopen(urllib.request.Request(server.endpoint + "/_apus/reset", method="POST"))
    assert roles() == [("lambda", ROLE)]
    server.stop(signal.SIGKILL)
    server.start()
    assert roles() == [("lambda", ROLE)]
    strict = own_server()
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(strict.endpoint + "/_apus/reset", method="POST"))
    assert caught.value.code == 404


def test_health(server):
    document = json.load(urllib.request.urlopen(server.endpoint + "/_apus/health"))
    assert document["status"] == "ok" and document["version"] and document["uptimeSeconds"] >= 0
    assert {"lambda", "logs"} <= set(document["services"])
