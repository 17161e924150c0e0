"""Signed packages end to end: `apus sign`, the operator's signing profiles, and what Lambda's API makes of both."""

import io
import re
import shutil
import signal
import zipfile

import pytest
from botocore.exceptions import ClientError

from conftest import APUS, ROLE, Server, refused, wait_until, zip_of
from test_commands import AWS

SIGNATURE = "META-INF/apus-signature.jws"
CODE = {"app.py": "def handler(e, c): return 'signed'"}

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl, which makes the keys, is not installed")


class Signers:
    """A server with a profile `team`, and what its owner does: all by the commands that docs/signing.md has."""

    def __init__(self, server, folder):
        self.server, self.folder = server, folder
        self.profiles = server.data / "signing-profiles"
        self.key = self.new_key("team", "P-384")
        self.foreign = self.new_key(None, "P-256")
        self.profile = self.command("signing-profiles").strip()

    def new_key(self, profile, curve):
        key = self.folder / f"{profile}.key"
        made = self.server.run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-out", key)
        assert made.returncode == 0, made.stderr
        if profile:
            public = self.server.run("openssl", "pkey", "-in", key, "-pubout", "-out", self.profiles / f"{profile}.pem")
            assert public.returncode == 0, public.stderr
        return key

    def command(self, *arguments):
        ended = self.server.run(APUS, *arguments)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def sign(self, files=CODE, key=None, *arguments):
        """A signed package and the id of its job."""
        (self.folder / "code.zip").write_bytes(zip_of(files))
        said = self.command(
            "sign", self.folder / "code.zip", "--key", key or self.key, "--output", self.folder / "signed.zip", *arguments)
        return (self.folder / "signed.zip").read_bytes(), re.search(r"job ([0-9a-f-]{36})", said)[1]

    def config(self, policy, publishers=None):
        made = self.server.client().create_code_signing_config(
            AllowedPublishers={"SigningProfileVersionArns": publishers or [self.profile]},
            CodeSigningPolicies={"UntrustedArtifactOnDeployment": policy})
        return made["CodeSigningConfig"]["CodeSigningConfigArn"]

    def revoke(self, line):
        with open(self.profiles / "revoked", "a") as revoked:
            revoked.write(line + "\n")


@pytest.fixture(scope="module")
def signers(tmp_path_factory):
    server = Server().start()
    yield Signers(server, tmp_path_factory.mktemp("keys"))
    server.close()


def create(signers, name, code, config=None, **settings):
    signing = {"CodeSigningConfigArn": config} if config else {}
    client = signers.server.client()
    answer = client.create_function(
        FunctionName=name, Role=ROLE, Runtime="python3.11", Handler="app.handler", Code={"ZipFile": code}, **signing,
        **settings)
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    return answer


def tampered(signed):
    """The package with other code; its checksums fit."""
    with zipfile.ZipFile(io.BytesIO(signed)) as archive:
        files = {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
    return zip_of({**files, "app.py": b"def handler(e, c): return 'evil'"})


def test_a_signed_package_is_deployed_and_runs(signers, name, tmp_path):
    signed, job = signers.sign()
    created = create(signers, name, signed, signers.config("Enforce"), Publish=True)
    expected = {
        "SigningProfileVersionArn": signers.profile,
        "SigningJobArn": f"arn:aws:signer:us-east-1:000000000000:/signing-jobs/{job}"}
    assert expected.items() <= created.items()
    assert re.fullmatch(r"arn:aws:signer:us-east-1:000000000000:/signing-profiles/team/[A-Za-z0-9]{10}", signers.profile)
    client = signers.server.client()
    assert client.invoke(FunctionName=name)["Payload"].read() == b'"signed"'
    shown = signers.server.run(AWS, "lambda", "get-function-configuration", "--function-name", name, "--query", "SigningJobArn")
    assert job in shown.stdout, shown.stderr
    # A kill and a restart later it is the same, and so is the profile.
    signers.server.stop(signal.SIGKILL)
    signers.server.start()
    client = signers.server.client()
    assert expected.items() <= client.get_function_configuration(FunctionName=name, Qualifier="1").items()
    assert signers.command("signing-profiles").strip() == signers.profile
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "app.py").write_text("def handler(e, c): return 'from a folder'")
    signers.command("sign", folder, "--key", signers.key, "--output", tmp_path / "folder.zip")
    client.update_function_code(FunctionName=name, ZipFile=(tmp_path / "folder.zip").read_bytes())
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    assert client.invoke(FunctionName=name)["Payload"].read() == b'"from a folder"'


def test_what_is_not_trusted_is_refused_or_let_pass(signers, name):
    strict, lax = signers.config("Enforce"), signers.config("Warn")
    other = signers.config("Enforce", ["arn:aws:signer:us-east-1:000000000000:/signing-profiles/other/0123456789"])
    client = signers.server.client()
    signed, job = signers.sign()
    create(signers, name, signed, strict)
    update = lambda code: client.update_function_code(FunctionName=name, ZipFile=code, DryRun=True)
    assert "SigningJobArn" in update(signed)
    revoked, job = signers.sign()
    signers.revoke(f"signing-jobs/{job}  # leaked")
    expired, _ = signers.sign(CODE, None, "--valid-for", "1s")
    doubtful = {"unsigned": zip_of(CODE), "foreign": signers.sign(CODE, signers.foreign)[0], "revoked": revoked}
    for what, code in doubtful.items():
        assert refused(update, code)[0] == "CodeVerificationFailedException", what
    wait_until(lambda: expired_is_refused(update, expired), what="the signature's expiry")
    assert refused(update, tampered(signed))[0] == "InvalidCodeSignatureException"
    client.put_function_code_signing_config(FunctionName=name, CodeSigningConfigArn=other)
    assert refused(update, signed)[0] == "CodeVerificationFailedException"
    client.put_function_code_signing_config(FunctionName=name, CodeSigningConfigArn=lax)
    for what, code in {**doubtful, "expired": expired}.items():
        assert ("SigningJobArn" in update(code)) == (what in ("revoked", "expired")), what
    assert refused(update, tampered(signed))[0] == "InvalidCodeSignatureException"
    client.delete_function_code_signing_config(FunctionName=name)
    assert "SigningJobArn" not in update(tampered(signed))


def expired_is_refused(update, code):
    try:
        update(code)
    except ClientError as error:
        return error.response["Error"]["Code"] == "CodeVerificationFailedException"


def test_layers_are_signed_too(signers, name):
    client = signers.server.client()
    strict = signers.config("Enforce")
    signed, job = signers.sign({"python/greeting.py": "text = 'from a layer'"})
    layer = client.publish_layer_version(LayerName=name, Content={"ZipFile": signed})
    assert layer["Content"]["SigningJobArn"].endswith(job)
    assert layer["Content"]["SigningProfileVersionArn"] == signers.profile
    plain = client.publish_layer_version(LayerName=name + "-plain", Content={"ZipFile": zip_of({"a": ""})})
    assert "SigningJobArn" not in plain["Content"]
    code, _ = signers.sign({"app.py": "import greeting\ndef handler(e, c): return greeting.text"})
    layers = [plain["LayerVersionArn"]]
    assert refused(create, signers, name, code, strict, Layers=layers)[0] == "CodeVerificationFailedException"
    created = create(signers, name, code, strict, Layers=[layer["LayerVersionArn"]])
    assert created["Layers"][0]["SigningProfileVersionArn"] == signers.profile
    assert client.invoke(FunctionName=name)["Payload"].read() == b'"from a layer"'
    both = [layer["LayerVersionArn"], plain["LayerVersionArn"]]
    configure = client.update_function_configuration
    assert refused(configure, FunctionName=name, Layers=both)[0] == "CodeVerificationFailedException"
    broken = client.publish_layer_version(LayerName=name + "-broken", Content={"ZipFile": tampered(signed)})
    assert refused(configure, FunctionName=name, Layers=[broken["LayerVersionArn"]])[0] == "InvalidCodeSignatureException"


def test_apus_sign_says_what_is_wrong(signers, tmp_path):
    (tmp_path / "code.zip").write_bytes(zip_of(CODE))
    out = tmp_path / "out.zip"
    for arguments, words in [
        (["code.zip", "--key", "missing.pem"], "Cannot read"),
        (["code.zip", "--key", "code.zip"], "is no private key"),
        (["code.zip", "--key", signers.profiles / "team.pem"], "is no private key"),
        (["missing", "--key", signers.key], "Cannot read"),
        (["code.zip", "--key", signers.key, "--valid-for", "soon"], "is wanted"),
    ]:
        ended = signers.server.run(APUS, "sign", *arguments, "--output", out, cwd=tmp_path)
        assert ended.returncode != 0 and words in ended.stderr, ended.stderr
        assert not out.exists()


def test_a_server_does_not_start_with_profiles_that_it_does_not_understand(own_server):
    server = own_server()
    server.stop()
    (server.data / "signing-profiles" / "revoked").write_text("everything\n")
    (server.data / "signing-profiles" / "no key.pem").write_text("")
    ended = server.run(*server.command(), timeout=60)
    assert ended.returncode != 0
    assert "line 1" in ended.stderr and "no key.pem" in ended.stderr, ended.stderr


TERRAFORM = """
resource "aws_lambda_code_signing_config" "signing" {
  allowed_publishers { signing_profile_version_arns = ["%(profile)s"] }
  policies { untrusted_artifact_on_deployment = "Enforce" }
}
resource "aws_lambda_layer_version" "things" {
  layer_name = "%(name)s"
  filename   = "layer.zip"
}
resource "aws_lambda_function" "hello" {
  function_name           = "%(name)s"
  role                    = "arn:aws:iam::000000000000:role/lambda"
  runtime                 = "python3.11"
  handler                 = "app.handler"
  filename                = "code.zip"
  source_code_hash        = filebase64sha256("code.zip")
  layers                  = [aws_lambda_layer_version.things.arn]
  code_signing_config_arn = aws_lambda_code_signing_config.signing.arn
}
"""


def test_terraform_deploys_signed_packages(signers, terraform, name):
    code, job = signers.sign()
    layer, layer_job = signers.sign({"python/greeting.py": ""})
    run = terraform(
        TERRAFORM % {"name": name, "profile": signers.profile}, {"code.zip": code, "layer.zip": layer},
        server=signers.server)
    run("apply")
    deployed = signers.server.client().get_function_configuration(FunctionName=name)
    assert deployed["SigningJobArn"].endswith(job) and deployed["Layers"][0]["SigningJobArn"].endswith(layer_job)
    assert run.has_no_changes()
    (run.folder / "code.zip").write_bytes(zip_of(CODE))
    ended = run("apply", codes=(1,))
    assert "CodeVerificationFailedException" in ended.stderr
    (run.folder / "code.zip").write_bytes(signers.sign({"app.py": "def handler(e, c): return 2"})[0])
    run("apply")
    assert run.has_no_changes()
    run("destroy")
