"""Who may do what, seen from outside: users, roles, functions' own credentials, permissive mode.

Wordings follow the IAM guide's "Troubleshoot access denied error messages"; actions and resources the Service
Authorization Reference.
"""

import json
import signal

import pytest
from botocore.exceptions import ClientError

from conftest import APUS, ROLE, zip_of

TRUST = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
ECHO = "def handler(event, context):\n    return event\n"
# Signs by itself: functions have no SDK but what they bring.
CALLER = """
import datetime, hashlib, hmac, json, os, urllib.request, urllib.error

def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()

def handler(event, context):
    url, service, body = os.environ["AWS_ENDPOINT_URL"] + event["path"], event["service"], event.get("body", "")
    host, now = url.split("/")[2], datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    token, region = os.environ["AWS_SESSION_TOKEN"], os.environ["AWS_REGION"]
    headers = {"host": host, "x-amz-date": now, "x-amz-security-token": token, **event.get("headers", {})}
    names = ";".join(sorted(headers))
    canonical = "\\n".join(
        [event["method"], event["path"], "", *(f"{name}:{headers[name]}" for name in sorted(headers)), "", names,
         hashlib.sha256(body.encode()).hexdigest()])
    scope = f"{now[:8]}/{region}/{service}/aws4_request"
    text = "\\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
    for part in scope.split("/"):
        key = sign(key, part)
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={os.environ['AWS_ACCESS_KEY_ID']}/{scope}, SignedHeaders={names}, Signature={signature}")
    request = urllib.request.Request(url, body.encode() if body else None, headers, method=event["method"])
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return [answer.status, answer.read().decode()]
    except urllib.error.HTTPError as error:
        return [error.code, error.read().decode()]
"""


def document(actions, resource="*", effect="Allow", **more):
    statement = {"Effect": effect, "Action": actions, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def fails(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


def user(server, name):
    """A new user's client for any service."""
    iam = server.client("iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return lambda service="lambda": server.client(
        service, aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])


def function(server, name, code=ECHO, role=ROLE):
    client = server.client()
    client.create_function(
        FunctionName=name, Role=role, Runtime="python3.11", Handler="app.handler", Code={"ZipFile": zip_of({"app.py": code})})
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    return f"arn:aws:lambda:us-east-1:000000000000:function:{name}"


def invoke(client, name, event):
    return json.loads(client.invoke(FunctionName=name, Payload=json.dumps(event))["Payload"].read())


def test_users_may_what_their_policies_say(server, name):
    arn, iam, client = function(server, name), server.client("iam"), user(server, name)
    me = f"arn:aws:iam::000000000000:user/{name}"
    assert fails(client().invoke, FunctionName=name) == (
        403, "AccessDeniedException",
        f"User: {me} is not authorized to perform: lambda:InvokeFunction on resource: {arn} because no identity-based "
        "policy allows the lambda:InvokeFunction action")
    status, code, message = fails(client("logs").describe_log_streams, logGroupName="/aws/lambda/x")
    assert (status, code) == (400, "AccessDeniedException")
    assert "logs:DescribeLogStreams on resource: arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/x:log-stream:" in message
    assert fails(client("iam").list_users)[:2] == (403, "AccessDenied")
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document("lambda:Invoke*", arn))
    assert invoke(client(), name, 7) == 7
    # A denial wins over whatever allows it, from the next request on.
    iam.create_group(GroupName=name)
    iam.add_user_to_group(GroupName=name, UserName=name)
    iam.put_group_policy(GroupName=name, PolicyName="no", PolicyDocument=document("lambda:*", effect="Deny"))
    assert "with an explicit deny in an identity-based policy" in fails(client().invoke, FunctionName=name)[2]
    iam.remove_user_from_group(GroupName=name, UserName=name)
    assert invoke(client(), name, 8) == 8
    # A boundary limits what policies allow.
    boundary = iam.create_policy(PolicyName=name, PolicyDocument=document("logs:*"))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=boundary)
    assert "because no permissions boundary allows" in fails(client().invoke, FunctionName=name)[2]
    iam.delete_user_permissions_boundary(UserName=name)
    assert invoke(client(), name, 9) == 9
    # Keys that are switched off or gone sign nothing.
    key = iam.list_access_keys(UserName=name)["AccessKeyMetadata"][0]["AccessKeyId"]
    iam.update_access_key(UserName=name, AccessKeyId=key, Status="Inactive")
    assert fails(client().invoke, FunctionName=name)[1] == "UnrecognizedClientException"
    iam.update_access_key(UserName=name, AccessKeyId=key, Status="Active")
    assert invoke(client(), name, 10) == 10
    iam.delete_access_key(UserName=name, AccessKeyId=key)
    assert fails(client().invoke, FunctionName=name)[1] == "UnrecognizedClientException"


def test_conditions(server, name):
    function(server, name)
    iam, client = server.client("iam"), user(server, name)
    for condition, may in (
            ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True), ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
            ({"StringEquals": {"aws:username": "${aws:username}"}}, True), ({"StringEquals": {"aws:username": "x"}}, False),
            ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, False),
            ({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, True), ({"Bool": {"aws:SecureTransport": "true"}}, False)):
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document("lambda:*", Condition=condition))
        if may:
            assert invoke(client(), name, 1) == 1, condition
        else:
            assert fails(client().invoke, FunctionName=name)[1] == "AccessDeniedException", condition


def test_tags_of_functions(server, name):
    """Service Authorization Reference: `aws:ResourceTag` goes with every action on a function, invocations among them."""
    arn = function(server, name)
    iam, client = server.client("iam"), user(server, name)
    iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=document("lambda:*"))
    iam.put_user_policy(UserName=name, PolicyName="not", PolicyDocument=document(
        "lambda:InvokeFunction", effect="Deny", Condition={"StringEquals": {"aws:ResourceTag/stage": "prod"}}))
    assert invoke(client(), name, 1) == 1
    server.client().tag_resource(Resource=arn, Tags={"stage": "prod"})
    assert "with an explicit deny" in fails(client().invoke, FunctionName=name)[2]
    assert fails(client().invoke, FunctionName=name, Qualifier="$LATEST")[1] == "AccessDeniedException"
    server.client().untag_resource(Resource=arn, TagKeys=["stage"])
    assert invoke(client(), name, 2) == 2


def test_users_sessions_are_not_for_iam(server, name):
    """The IAM guide, "Compare AWS STS credentials": GetSessionToken without MFA and GetFederationToken."""
    client = user(server, name)
    server.client("iam").put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document("*"))
    sts = client("sts")
    for answer in (sts.get_session_token(), sts.get_federation_token(Name="guest", Policy=document("*"))):
        key = answer["Credentials"]
        session = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"],
                   "aws_session_token": key["SessionToken"]}
        assert fails(server.client("iam", **session).list_users)[:2] == (403, "InvalidClientTokenId")
        server.client("lambda", **session).list_functions()


def test_parameters_of_other_operations_count_for_nothing(server, name):
    """What a request is decided on is what it is about, whatever else its form holds and whatever region it names."""
    iam, client = server.client("iam"), user(server, name)
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=document("iam:*"))
    iam.put_user_policy(UserName=name, PolicyName="not", PolicyDocument=document("iam:*", role, effect="Deny"))
    for extra in ({"InstanceProfileName": "x"}, {"GroupName": "x"}, {"Path": "/x/"}, {}):
        attacker = client("iam")
        attacker.meta.events.register("before-call.iam.DeleteRole", lambda params, **_: params["body"].update(extra))
        assert fails(attacker.delete_role, RoleName=name)[:2] == (403, "AccessDenied"), extra
    key = client("iam")._request_signer._credentials
    elsewhere = server.client("iam", aws_access_key_id=key.access_key, aws_secret_access_key=key.secret_key,
                              region_name="cn-north-1")
    assert fails(elsewhere.delete_role, RoleName=name)[:2] == (403, "AccessDenied")
    assert iam.get_role(RoleName=name)["Role"]["Arn"] == role


def test_roles_of_functions(server, name):
    iam, client = server.client("iam"), server.client()
    refusal = (
        400, "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")
    settings = {
        "Runtime": "python3.11", "Handler": "app.handler", "Code": {"ZipFile": zip_of({"app.py": ECHO})}, "FunctionName": name}
    assert fails(client.create_function, Role=f"arn:aws:iam::000000000000:role/{name}", **settings) == refusal
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=TRUST.replace("lambda", "ec2"))["Role"]["Arn"]
    assert fails(client.create_function, Role=role, **settings) == refusal
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=TRUST)
    assert client.create_function(Role=role, **settings)["Role"] == role
    # Whoever gives a function a role has to be allowed that.
    worker = user(server, name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document("lambda:*"))
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    message = fails(worker().update_function_configuration, FunctionName=name, Role=ROLE)[2]
    assert f"is not authorized to perform: iam:PassRole on resource: {ROLE}" in message
    iam.put_user_policy(UserName=name, PolicyName="q", PolicyDocument=document(
        "iam:PassRole", ROLE, Condition={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}))
    assert worker().update_function_configuration(FunctionName=name, Role=ROLE)["Role"] == ROLE


def test_functions_act_as_their_role(server, name):
    iam, client = server.client("iam"), server.client()
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    target = function(server, f"{name}-target")
    function(server, name, CALLER, role)
    call = {"method": "POST", "path": f"/2015-03-31/functions/{name}-target/invocations", "service": "lambda", "body": "5"}
    status, text = invoke(client, name, call)
    assert status == 403
    assert (
        f"User: arn:aws:sts::000000000000:assumed-role/{name}/{name} is not authorized to perform: lambda:InvokeFunction on "
        f"resource: {target} because no identity-based policy allows the lambda:InvokeFunction action") in text
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document("lambda:InvokeFunction", target))
    assert invoke(client, name, call) == [200, "5"]
    listing = {"method": "GET", "path": "/2015-03-31/functions", "service": "lambda"}
    assert invoke(client, name, listing)[0] == 403
    # The function that asks is a condition key of its own.
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(
        "lambda:*", Condition={"ArnLike": {"lambda:SourceFunctionArn": f"arn:aws:lambda:*:*:function:{name}"}}))
    assert invoke(client, name, listing)[0] == 200
    logs = {
        "method": "POST", "path": "/", "service": "logs", "body": "{}",
        "headers": {"x-amz-target": "Logs_20140328.DescribeLogGroups", "content-type": "application/x-amz-json-1.1"}}
    assert invoke(client, name, logs)[0] == 400
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    assert invoke(client, name, logs)[0] == 200


def test_function_policies_let_users_in(server, name):
    """In one account either policy is enough, as the guide's "Policy evaluation logic" has it."""
    function(server, name)
    client = user(server, name)
    server.client().add_permission(
        FunctionName=name, StatementId="a", Action="lambda:InvokeFunction", Principal=f"arn:aws:iam::000000000000:user/{name}")
    assert invoke(client(), name, 3) == 3
    assert fails(client().get_function, FunctionName=name)[1] == "AccessDeniedException"


def test_permissions_survive_sigkill(own_server):
    server = own_server()
    function(server, "f")
    client = user(server, "ann")
    server.client("iam").put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=document("lambda:InvokeFunction"))
    invoker = client()
    assert invoke(invoker, "f", 1) == 1
    key = invoker._request_signer._credentials
    server.stop(signal.SIGKILL)
    server.start()
    again = server.client(aws_access_key_id=key.access_key, aws_secret_access_key=key.secret_key)
    assert invoke(again, "f", 2) == 2
    assert fails(again.list_functions)[1] == "AccessDeniedException"


def test_permissive_mode_notes_what_it_lets_pass(own_server):
    server = own_server("--iam", "permissive")
    # Nothing stands against a role that is not there, either.
    function(server, "f", role="arn:aws:iam::000000000000:role/none")
    client = user(server, "ann")
    for _ in range(2):
        assert invoke(client(), "f", 1) == 1
    client().get_function(FunctionName="f")
    client().list_functions()
    report = json.loads(server.run(APUS, "iam", "report").stdout)
    me = "arn:aws:iam::000000000000:user/ann"
    assert set(report) == {me, "lambda.amazonaws.com"}
    policy = json.loads(server.run(APUS, "iam", "report", "--principal", me).stdout)
    assert policy == report[me]
    found = {(action, resource) for statement in policy["Statement"] for action in as_list(statement["Action"])
             for resource in as_list(statement["Resource"])}
    arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
    assert found == {("lambda:InvokeFunction", arn), ("lambda:GetFunction", arn), ("lambda:ListFunctions", "*")}
    # The report is what it takes.
    server.client("iam").put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(policy))
    key = client()._request_signer._credentials
    server.stop()
    server.arguments = ()
    server.start()
    strict = server.client(aws_access_key_id=key.access_key, aws_secret_access_key=key.secret_key)
    strict.list_functions()
    assert invoke(strict, "f", 4) == 4
    assert fails(strict.delete_function, FunctionName="f")[1] == "AccessDeniedException"


def as_list(value):
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("mode", ["permissive", "off"])
def test_lenient_modes_are_for_loopback(server, mode):
    ended = server.run(APUS, "serve", "--listen", "0.0.0.0:0", "--data", server.home / "other", "--iam", mode)
    assert ended.returncode != 0
    assert f"iam: {mode} is refused on 0.0.0.0" in ended.stderr


def test_lenient_modes_let_nobody_into_another_account(own_server):
    server = own_server("--auth", "off")

    account = server.account
    account("111111111111").create_function(
        FunctionName="f", Role="arn:aws:iam::111111111111:role/x", Runtime="python3.11", Handler="app.handler",
        Code={"ZipFile": zip_of({"app.py": ECHO})})
    arn = "arn:aws:lambda:us-east-1:111111111111:function:f"
    for call in ("invoke", "get_function", "delete_function"):
        assert fails(getattr(account("222222222222"), call), FunctionName=arn)[1] == "AccessDeniedException"
