"""The audit as its readers see it: LookupEvents through boto3 and `aws`, and the files that are shipped.

Where an expectation is CloudTrail's: "CloudTrail record contents" and "CloudTrail userIdentity element" in its user
guide, and "Logging AWS Lambda API calls using AWS CloudTrail" in Lambda's developer guide (names with API versions;
ZipFile and Environment are not told).
"""

import datetime
import json
import os
import pathlib
import re
import signal
import stat
import subprocess
import tempfile

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from conftest import ROLE, wait_until, zip_of
from test_function_urls import URL

CODE = zip_of({"app.py": "def handler(event, context): return event\n"})


def events(server, **attributes):
    """The records of LookupEvents, newest first."""
    client = server.client("cloudtrail")
    wanted = [{"AttributeKey": key, "AttributeValue": value} for key, value in attributes.items()]
    pages = client.get_paginator("lookup_events").paginate(LookupAttributes=wanted)
    return [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]]


def lines(server):
    """The records of the files, oldest first."""
    return [
        json.loads(line) for file in sorted((server.data / "audit").glob("*.jsonl"))
        for line in file.read_text().splitlines()]


def create(client, name, **settings):
    return client.create_function(
        FunctionName=name, Runtime="python3.11", Handler="app.handler", Role=ROLE, Code={"ZipFile": CODE}, **settings)


def test_calls_are_found_by_each_attribute(server, name):
    client = server.client()
    key = server.credentials["access_key_id"]
    create(client, name, Description="told", Environment={"Variables": {"TOKEN": "environment-secret"}})
    client.get_function(FunctionName=name)
    client.delete_function(FunctionName=name)

    found = wait_until(lambda: (e := events(server, ResourceName=name)) and len(e) == 3 and e, what="three events")
    assert [event["eventName"] for event in found] == [
        "DeleteFunction20150331", "GetFunction20150331v2", "CreateFunction20150331"]
    created = found[2]
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    assert created["eventVersion"] == "1.11"
    assert created["userIdentity"] == {
        "type": "Root", "principalId": "000000000000", "arn": "arn:aws:iam::000000000000:root",
        "accountId": "000000000000", "accessKeyId": key}
    assert created["eventSource"] == "lambda.amazonaws.com"
    assert (created["awsRegion"], created["sourceIPAddress"]) == ("us-east-1", "127.0.0.1")
    assert created["userAgent"].startswith("Boto3/")
    parameters = created["requestParameters"]
    assert (parameters["functionName"], parameters["description"]) == (name, "told")
    assert parameters["code"] == {"zipFile": "HIDDEN_DUE_TO_SECURITY_REASONS"}
    assert parameters["environment"] == {"variables": "HIDDEN_DUE_TO_SECURITY_REASONS"}
    assert created["responseElements"]["functionArn"] == arn
    assert created["resources"] == [{"accountId": "000000000000", "type": "AWS::Lambda::Function", "ARN": arn}]
    assert (created["readOnly"], created["managementEvent"]) == (False, True)
    assert (created["eventType"], created["eventCategory"]) == ("AwsApiCall", "Management")
    assert created["recipientAccountId"] == "000000000000"
    assert found[1]["readOnly"] is True and found[1]["responseElements"] is None

    for attributes in [
        {"EventId": created["eventID"]}, {"EventName": "CreateFunction20150331"}, {"ReadOnly": "false"},
        {"Username": "root"}, {"ResourceType": "AWS::Lambda::Function"}, {"ResourceName": arn},
        {"EventSource": "lambda.amazonaws.com"}, {"AccessKeyId": key},
    ]:
        assert created in events(server, **attributes), attributes
    assert events(server, EventId="none") == []
    assert created in lines(server)

    lookup = server.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventId", "AttributeValue": created["eventID"]}])
    event = lookup["Events"][0]
    assert (event["EventName"], event["ReadOnly"], event["Username"]) == ("CreateFunction20150331", "false", "root")
    assert event["Resources"] == [{"ResourceType": "AWS::Lambda::Function", "ResourceName": name}]


def test_times_and_pages(server, name):
    client, trail = server.client(), server.client("cloudtrail")
    for _ in range(3):
        with pytest.raises(ClientError):
            client.get_function(FunctionName=name)
    wanted = [{"AttributeKey": "ResourceName", "AttributeValue": name}]

    def all_there():
        return len(trail.lookup_events(LookupAttributes=wanted)["Events"]) == 3

    wait_until(all_there, what="three events")
    first = trail.lookup_events(LookupAttributes=wanted, MaxResults=2)
    rest = trail.lookup_events(LookupAttributes=wanted, MaxResults=2, NextToken=first["NextToken"])
    found = [event["EventId"] for event in first["Events"] + rest["Events"]]
    assert len(set(found)) == 3 and "NextToken" not in rest
    record = json.loads(first["Events"][0]["CloudTrailEvent"])
    assert record["errorCode"] == "ResourceNotFoundException"
    assert record["errorMessage"].startswith("Function not found: ")

    now = datetime.datetime.now(datetime.timezone.utc)
    hour = datetime.timedelta(hours=1)
    assert trail.lookup_events(LookupAttributes=wanted, StartTime=now - hour, EndTime=now + hour)["Events"]
    assert trail.lookup_events(LookupAttributes=wanted, EndTime=now - hour)["Events"] == []
    for arguments, code in [
        ({"StartTime": now, "EndTime": now - hour}, "InvalidTimeRangeException"),
        ({"MaxResults": 51}, "InvalidMaxResultsException"),
        ({"NextToken": "x"}, "InvalidNextTokenException"),
        ({"LookupAttributes": wanted * 2}, "InvalidLookupAttributesException"),
    ]:
        with pytest.raises(ClientError) as failure:
            trail.lookup_events(**arguments)
        assert failure.value.response["Error"]["Code"] == code
    assert trail.list_trails()["Trails"] == [] and trail.describe_trails()["trailList"] == []
    with pytest.raises(ClientError) as failure:
        trail.create_trail(Name="t", S3BucketName="b")
    assert failure.value.response["Error"]["Code"] == "NotImplementedException"


def test_the_command_line_finds_events(server, name):
    create(server.client(), name)
    server.client().delete_function(FunctionName=name)

    def found():
        run = server.run(
            "aws", "cloudtrail", "lookup-events", "--lookup-attributes", f"AttributeKey=ResourceName,AttributeValue={name}",
            "--query", "Events[].EventName", "--output", "json")
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout) == ["DeleteFunction20150331", "CreateFunction20150331"]

    wait_until(found, 60, "two events")


def test_denials_are_told_and_bad_signatures_are_nobodys(server, name):
    with pytest.raises(ClientError):
        server.client(aws_secret_access_key="wrong").get_function(FunctionName=name)
    stranger = f"AKIA{os.urandom(8).hex().upper()}"
    with pytest.raises(ClientError):
        server.client(aws_access_key_id=stranger).list_functions()

    mismatch = wait_until(lambda: events(server, ResourceName=name), what="the event")[0]
    assert mismatch["errorCode"] == "InvalidSignatureException"
    assert mismatch["userIdentity"] == {
        "type": "Unknown", "principalId": "", "accountId": "", "accessKeyId": server.credentials["access_key_id"],
        "userName": ""}
    unknown = wait_until(lambda: events(server, AccessKeyId=stranger), what="the event")[0]
    assert unknown["eventName"] == "ListFunctions20150331"
    assert unknown["errorCode"] == "UnrecognizedClientException"


def test_a_form_of_an_unknown_key_names_its_operation(server):
    stranger = f"AKIA{os.urandom(8).hex().upper()}"
    iam = server.client("iam", aws_access_key_id=stranger)
    with pytest.raises(ClientError):
        iam.get_user(UserName="somebody")
    told = wait_until(lambda: events(server, AccessKeyId=stranger), what="the event")[0]
    assert (told["eventName"], told["errorCode"]) == ("GetUser", "InvalidClientTokenId")
    assert told["requestParameters"] == {"userName": "somebody"}
    assert told["userIdentity"]["type"] == "Unknown"


def test_a_flood_of_forgeries_is_counted_not_kept(own_server):
    server = own_server()
    forger = server.client(aws_secret_access_key="wrong")
    for _ in range(700):
        with pytest.raises(ClientError):
            forger.list_functions()
    server.client().list_functions()
    wait_until(lambda: any(line["eventName"] == "ListFunctions20150331" and "errorCode" not in line
                           for line in lines(server)), what="the event")
    assert len(lines(server)) < 690
    wait_until(lambda: "left out of the audit" in (server.home / "server.log").read_text(), what="the count")


@pytest.mark.parametrize("wanted", [False, True])
def test_invocations_by_choice(own_server, name, wanted):
    server = own_server(*(["--audit-data-events"] if wanted else []))
    client = server.client()
    create(client, name)
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 2000})
    client.invoke(FunctionName=name, Payload=b'"payload-secret"')
    client.delete_function(FunctionName=name)
    wait_until(lambda: any(line["eventName"] == "DeleteFunction20150331" for line in lines(server)), what="the event")
    told = [line for line in lines(server) if line["eventName"] == "Invoke"]
    assert len(told) == (1 if wanted else 0)
    if wanted:
        assert told[0]["requestParameters"] == {"functionName": name}
        assert (told[0]["eventCategory"], told[0]["managementEvent"]) == ("Data", False)
        assert told[0]["resources"][0]["ARN"].endswith(f":function:{name}")
    # CloudTrail's event history has management events only.
    assert [event["eventName"] for event in events(server, EventName="Invoke")] == []


@pytest.mark.parametrize("wanted", [False, True])
def test_function_urls_when_they_are_denied_and_by_choice(own_server, name, wanted):
    """"Monitoring Lambda function URLs": `InvokeFunctionUrl` is a data event."""
    server = own_server(*(["--audit-data-events"] if wanted else []))
    client = server.client()
    create(client, name)
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 2000})
    address = client.create_function_url_config(FunctionName=name, AuthType="AWS_IAM")["FunctionUrl"]
    url = URL(server, address)
    key = server.credentials["access_key_id"]
    assert url.ask("/?word=query-secret", "POST", b"body-secret").status == 403
    for credentials in [Credentials(key, "wrong"), Credentials("AKIAUNKNOWN", "wrong")]:
        assert url.signed(credentials, "/query-secret", "POST", b"body-secret").status == 403
    assert url.signed(Credentials(key, server.credentials["secret_access_key"])).status == 200
    assert URL(server, address.replace(url.id, "0" * 32)).ask().status == 403
    client.delete_function(FunctionName=name)
    wait_until(lambda: any(line["eventName"] == "DeleteFunction20150331" for line in lines(server)), what="the event")
    told = [line for line in lines(server) if line["eventName"] == "InvokeFunctionUrl"]
    assert [line.get("errorCode") for line in told] == [
        "AccessDenied", "InvalidSignatureException", "UnrecognizedClientException"] + [None] * wanted
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    for line in told:
        assert line["resources"] == [{"accountId": "000000000000", "type": "AWS::Lambda::Function", "ARN": arn}]
        assert (line["eventSource"], line["awsRegion"]) == ("lambda.amazonaws.com", "us-east-1")
        assert (line["eventCategory"], line["managementEvent"], line["readOnly"]) == ("Data", False, False)
        assert line["requestParameters"] == {"functionName": name} and line["responseElements"] is None
        assert "secret" not in json.dumps(line)
    assert told[0]["userIdentity"]["accountId"] == "ANONYMOUS_PRINCIPAL"
    assert [line["userIdentity"].get("accessKeyId") for line in told[1:3]] == [key, "AKIAUNKNOWN"]


def test_nothing_secret_is_in_any_file(own_server, name):
    """Secrets in every place that takes one: none is in the audit, nor in any other file in clear."""
    server = own_server("--audit-data-events")
    client = server.client()
    mark = os.urandom(8).hex()
    secret = f"secret-{mark}"
    code = zip_of({"app.py": f"# {secret}\ndef handler(event, context): return 1\n"})
    client.create_function(
        FunctionName=name, Runtime="python3.11", Handler="app.handler", Role=ROLE, Code={"ZipFile": code},
        Environment={"Variables": {"TOKEN": secret}})
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 2000})
    client.update_function_configuration(FunctionName=name, Environment={"Variables": {"TOKEN": f"new-{secret}"}})
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 2000})
    client.get_function(FunctionName=name)
    client.publish_layer_version(LayerName=name, Content={"ZipFile": zip_of({"python/x.py": f"# {secret}\n"})})
    client.invoke(FunctionName=name, Payload=json.dumps(secret).encode(), ClientContext="eyJjdXN0b20iOnt9fQ==")
    with pytest.raises(ClientError):
        client.invoke(FunctionName=f"{name}-missing", Payload=json.dumps(secret).encode())
    with pytest.raises(ClientError):
        server.client(aws_session_token=f"session-{secret}").list_functions()
    for service, call, arguments in [
        ("iam", "create_login_profile", {"UserName": "u", "Password": secret}),
        ("iam", "change_password", {"OldPassword": secret, "NewPassword": secret}),
        ("sts", "assume_role_with_web_identity",
         {"RoleArn": ROLE, "RoleSessionName": "session", "WebIdentityToken": secret}),
    ]:
        with pytest.raises(ClientError):
            getattr(server.client(service), call)(**arguments)
    client.delete_function(FunctionName=name)
    wait_until(lambda: any(line["eventName"] == "DeleteFunction20150331" for line in lines(server)), what="the event")
    server.stop()

    own = server.credentials["secret_access_key"].encode()
    files = list((server.data / "audit").glob("*")) + list(server.data.glob("audit.db*")) + [server.home / "server.log"]
    assert len(files) >= 3
    for file in files:
        content = file.read_bytes()
        assert mark.encode() not in content, file
        assert own not in content, file


@pytest.fixture
def small_disk():
    """A home for a server whose data are on a disk of 64 MiB."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="apus-small-"))
    data = home / "data"
    data.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", data], capture_output=True, text=True)
    if mount.returncode:
        pytest.skip(f"a disk of its own needs root: {mount.stderr}")
    yield home
    subprocess.run(["umount", "-l", data], check=True)


def fill(path):
    """Takes what is left of a disk, to the last page."""
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                pass


def test_requests_go_on_when_the_disk_is_full(small_disk, own_server, name):
    """That is logged once; what waited is in the file and in the history once there is room."""
    server = own_server(data=small_disk)
    client = server.client()
    create(client, name)
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 2000})
    assert client.invoke(FunctionName=name, Payload=b"1")["Payload"].read() == b"1"
    wait_until(lambda: events(server, ResourceName=name), what="the event")
    fill(server.data / "filler")

    def log():
        return (server.home / "server.log").read_text()

    def is_told():
        client.get_function(FunctionName=name)
        return "cannot be written: requests go on" in log()

    wait_until(is_told, what="the warning")
    for number in range(20):
        client.get_function(FunctionName=name)
        assert client.invoke(FunctionName=name, Payload=b"2")["Payload"].read() == b"2"
        with pytest.raises(ClientError) as failure:
            client.get_function(FunctionName=f"{name}-{number}")
        assert failure.value.response["Error"]["Code"] == "ResourceNotFoundException"
    (server.data / "filler").unlink()
    wanted = {f"{name}-{number}" for number in range(20)}

    def told(records):
        return wanted <= {(line["requestParameters"] or {}).get("functionName") for line in records}

    wait_until(lambda: told(lines(server)), what="the lines")
    wait_until(lambda: told(events(server, EventName="GetFunction20150331v2")), what="the events")
    warnings = [line for line in log().splitlines() if "cannot be written: requests go on" in line]
    assert len(warnings) == len({line.split("to=")[1].split()[0] for line in warnings}) <= 2, warnings
    wait_until(lambda: log().count("are written again") == len(warnings), what="the end of the trouble")


def test_files_are_the_operators_and_survive_a_kill(own_server, name):
    server = own_server()
    create(server.client(), name)
    wait_until(lambda: events(server, ResourceName=name), what="the event")
    files = list((server.data / "audit").iterdir())
    assert files and all(re.fullmatch(r"\d{4}-\d\d-\d\d\.jsonl", file.name) for file in files)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    before = lines(server)
    server.stop(signal.SIGKILL)
    server.start()
    server.client().delete_function(FunctionName=name)
    names = wait_until(lambda: (e := events(server, ResourceName=name)) and len(e) == 2 and e, what="both events")
    assert [event["eventName"] for event in names] == ["DeleteFunction20150331", "CreateFunction20150331"]
    assert lines(server)[:len(before)] == before
