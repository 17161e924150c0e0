"""Temporary credentials as clients get and use them: boto3, `aws`, and whoever has a token of an identity provider.

Refusals are worded as AWS words them: LocalStack's recordings (tests/aws/services/sts) and AWS's documentation.
"""

import base64
import http.server
import json
import signal
import subprocess
import threading
import time

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from conftest import refused, wait_until
from test_audit import events


def session_client(server, credentials, service="sts"):
    return server.client(
        service, aws_access_key_id=credentials["AccessKeyId"], aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"])


def trust(principal, *actions, condition=None):
    statement = {"Effect": "Allow", "Principal": principal, "Action": list(actions)}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(*actions):
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]})


@pytest.fixture
def role(server, name):
    """A role that the account may assume, and that may list functions."""
    iam = server.client("iam")
    made = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=trust({"AWS": "000000000000"}, "sts:AssumeRole"),
        MaxSessionDuration=7200)["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=allow("lambda:ListFunctions"))
    return made["Arn"]


def test_who_one_is(server):
    identity = server.client("sts").get_caller_identity()
    assert identity["Arn"] == "arn:aws:iam::000000000000:root"
    assert (identity["Account"], identity["UserId"]) == ("000000000000", "000000000000")
    run = server.run("aws", "sts", "get-caller-identity", "--output", "json")
    assert run.returncode == 0 and json.loads(run.stdout)["Arn"] == identity["Arn"], run.stderr
    key = server.credentials["access_key_id"]
    assert server.client("sts").get_access_key_info(AccessKeyId=key)["Account"] == "000000000000"


def test_a_role_is_assumed_and_does_what_it_may(server, name, role):
    answer = server.client("sts").assume_role(RoleArn=role, RoleSessionName="night")
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::000000000000:assumed-role/{name}/night"
    credentials = answer["Credentials"]
    assert session_client(server, credentials).get_caller_identity()["Arn"] == answer["AssumedRoleUser"]["Arn"]
    functions = session_client(server, credentials, "lambda")
    functions.list_functions()
    with pytest.raises(ClientError) as failure:
        functions.delete_function(FunctionName="none")
    error = failure.value.response["Error"]
    assert error["Code"] == "AccessDeniedException"
    assert error["Message"].startswith(
        f"User: {answer['AssumedRoleUser']['Arn']} is not authorized to perform: lambda:DeleteFunction on resource: ")
    told = wait_until(lambda: events(server, EventName="DeleteFunction20150331"), what="the denial")
    denied = next(event for event in told if event["userIdentity"].get("arn") == answer["AssumedRoleUser"]["Arn"])
    assert denied["errorCode"] == "AccessDenied"
    assert denied["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == role

    # Without its token, or with another's, a key is nobody's.
    assert refused(server.client(
        "sts", aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"]).get_caller_identity)[0] == "InvalidClientTokenId"
    narrowed = server.client("sts").assume_role(
        RoleArn=role, RoleSessionName="narrow", Policy=allow("s3:GetObject"))
    assert narrowed["PackedPolicySize"] > 0
    assert refused(session_client(server, narrowed["Credentials"], "lambda").list_functions)[0] == "AccessDeniedException"


def test_the_audit_has_who_got_credentials_but_not_the_credentials(server, name, role):
    answer = server.client("sts").assume_role(RoleArn=role, RoleSessionName="audited")
    told = wait_until(lambda: events(server, ResourceName=role), what="the event")
    record = next(event for event in told if event["eventName"] == "AssumeRole")
    assert record["requestParameters"] == {"roleArn": role, "roleSessionName": "audited"}
    credentials = record["responseElements"]["credentials"]
    assert credentials["accessKeyId"] == answer["Credentials"]["AccessKeyId"]
    assert credentials["secretAccessKey"] == credentials["sessionToken"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    for file in server.data.glob("audit/*.jsonl"):
        content = file.read_text()
        assert answer["Credentials"]["SecretAccessKey"] not in content
        assert answer["Credentials"]["SessionToken"] not in content


def test_refusals(server, name, role):
    sts = server.client("sts")
    iam = server.client("iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    user = server.client("sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    with pytest.raises(ClientError) as failure:
        user.assume_role(RoleArn=role, RoleSessionName="night")
    error = failure.value.response["Error"]
    assert error["Code"] == "AccessDenied"
    assert error["Message"].startswith(
        f"User: arn:aws:iam::000000000000:user/{name} is not authorized to perform: sts:AssumeRole on resource: {role}")
    assert refused(sts.assume_role, RoleArn=f"{role}-missing", RoleSessionName="night")[0] == "AccessDenied"
    assert refused(
        sts.assume_role, RoleArn=role, RoleSessionName="night", DurationSeconds=7201)[0] == "ValidationError"
    assert refused(
        sts.assume_role, RoleArn=role, RoleSessionName="night", SerialNumber="123456789", TokenCode="123456"
    )[0] == "NotImplementedException"
    assert refused(
        sts.assume_role, RoleArn=role, RoleSessionName="night", Policy="{")[0] == "MalformedPolicyDocument"
    session = sts.get_session_token()["Credentials"]
    assert session_client(server, session).get_caller_identity()["Arn"] == "arn:aws:iam::000000000000:root"
    assert refused(session_client(server, session).get_session_token)[0] == "AccessDenied"
    guest = sts.get_federation_token(Name="guest")
    assert guest["FederatedUser"]["FederatedUserId"] == "000000000000:guest"
    assert session_client(server, guest["Credentials"]).get_caller_identity()["Arn"].endswith(":federated-user/guest")
    assert refused(session_client(server, guest["Credentials"], "lambda").list_functions)[0] == "AccessDeniedException"
    assert refused(sts.decode_authorization_message, EncodedMessage="x")[0] == "InvalidAuthorizationMessageException"


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_sessions_outlive_the_server(own_server, name, sig):
    server = own_server()
    server.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=trust({"AWS": "000000000000"}, "sts:AssumeRole"))
    credentials = server.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::000000000000:role/{name}", RoleSessionName="night")["Credentials"]
    server.stop(sig)
    server.start()
    assert session_client(server, credentials).get_caller_identity()["Arn"].endswith(f"/{name}/night")


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Provider:
    """An OpenID Connect provider on a loopback port, with an RSA key that openssl made."""

    def __init__(self, directory):
        self.key = directory / "key.pem"
        subprocess.run(["openssl", "genrsa", "-out", str(self.key), "2048"], check=True, capture_output=True)
        modulus = subprocess.run(
            ["openssl", "rsa", "-in", str(self.key), "-noout", "-modulus"], check=True, capture_output=True, text=True)
        number = bytes.fromhex(modulus.stdout.strip().split("=")[1])
        keys = {"keys": [{"kty": "RSA", "kid": "1", "use": "sig", "n": base64url(number), "e": "AQAB"}]}
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page = {"/.well-known/openid-configuration": {
                    "issuer": provider.issuer, "jwks_uri": f"{provider.issuer}/keys"}, "/keys": keys}.get(self.path)
                self.send_response(200 if page else 404)
                self.end_headers()
                self.wfile.write(json.dumps(page).encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.name = f"127.0.0.1:{self.server.server_address[1]}"
        self.issuer = f"http://{self.name}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, **claims):
        body = {"iss": self.issuer, "aud": "apus", "sub": "repo:x", "exp": int(time.time()) + 600, **claims}
        signed = ".".join(
            base64url(json.dumps(part).encode()) for part in [{"alg": "RS256", "kid": "1"}, body])
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", str(self.key)], input=signed.encode(), check=True,
            capture_output=True).stdout
        return f"{signed}.{base64url(signature)}"


def test_web_identities(server, name, tmp_path):
    provider = Provider(tmp_path)
    iam = server.client("iam")
    arn = iam.create_open_id_connect_provider(
        Url=f"https://{provider.name}", ClientIDList=["apus"], ThumbprintList=["0" * 40])["OpenIDConnectProviderArn"]
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=trust(
            {"Federated": arn}, "sts:AssumeRoleWithWebIdentity",
            condition={"StringEquals": {f"{provider.name}:sub": "repo:x", f"{provider.name}:aud": "apus"}}))["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=allow("lambda:ListFunctions"))
    anonymous = boto3.client(
        "sts", endpoint_url=server.endpoint, region_name="us-east-1",
        config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}))

    def assume(token):
        return anonymous.assume_role_with_web_identity(
            RoleArn=role["Arn"], RoleSessionName="ci", WebIdentityToken=token)

    answer = assume(provider.token())
    assert answer["SubjectFromWebIdentityToken"] == "repo:x" and answer["Audience"] == "apus"
    assert answer["Provider"] == arn
    session_client(server, answer["Credentials"], "lambda").list_functions()
    told = wait_until(lambda: events(server, ResourceName=role["Arn"]), what="the event")[0]
    assert told["userIdentity"] == {
        "type": "WebIdentityUser", "principalId": f"{provider.issuer}:apus:repo:x", "userName": "repo:x",
        "identityProvider": provider.issuer}

    good = provider.token()
    forged = good[:-8] + ("A" * 8 if good[-8:] != "A" * 8 else "B" * 8)
    for token, code in [
        (forged, "InvalidIdentityToken"), ("nonsense", "InvalidIdentityToken"),
        (provider.token(aud="other"), "InvalidIdentityToken"), (provider.token(sub="repo:y"), "AccessDenied"),
        (provider.token(exp=int(time.time()) - 1), "ExpiredTokenException"),
        (provider.token(iss="https://elsewhere.invalid"), "InvalidIdentityToken"),
    ]:
        assert refused(assume, token=token)[0] == code
    # Nothing else goes without a signature.
    assert refused(anonymous.get_caller_identity)[0] == "MissingAuthenticationToken"

    # SDKs find the token in a file, as in Kubernetes.
    (tmp_path / "token").write_text(provider.token())
    run = server.run("aws", "sts", "get-caller-identity", "--output", "json", environment={
        "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_ROLE_ARN": role["Arn"],
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"), "AWS_ROLE_SESSION_NAME": "pod"})
    assert run.returncode == 0 and json.loads(run.stdout)["Arn"].endswith(f"/{name}/pod"), run.stderr
    provider.server.shutdown()
