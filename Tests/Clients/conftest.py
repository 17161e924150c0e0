"""Starts the built server as a user would, and hands tests boto3 clients for it."""

import glob
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import zipfile

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

ROOT = pathlib.Path(__file__).resolve().parents[2]
APUS = pathlib.Path(os.environ.get("APUS_BINARY", ROOT / ".build/release/apus"))
ROLE = "arn:aws:iam::000000000000:role/lambda"


# A session reads a service's model once, which takes twenty times as long as to make a client of it. Threads must not make
# clients at the same time.
SESSION, MAKING = boto3.Session(), threading.Lock()


def wait_until(condition, seconds=120.0, what="the condition"):
    """Polls `condition` until it is true; fails after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come true within {seconds} s")


class Server:
    """One `apus serve` with its own data directory and port."""

    def __init__(self, *arguments, data=None, environment=None):
        # Root's server becomes an ordinary user, who must be able to reach its data directory.
        self.home = pathlib.Path(data) if data else pathlib.Path(tempfile.mkdtemp(prefix="apus-test-"))
        self.home.chmod(0o755)
        self.data = self.home / "data"
        self.arguments = arguments
        self.environment = environment or {}
        self.process = None

    def start(self):
        credentials = self.data / "credentials"
        self.log = open(self.home / "server.log", "ab")
        before = credentials.stat().st_mtime_ns if credentials.exists() else None
        self.process = subprocess.Popen(
            self.command(),
            stdout=self.log, stderr=self.log, env={**os.environ, **self.environment},
        )

        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended: {(self.home / 'server.log').read_text()[-4000:]}")
            if not credentials.exists() or credentials.stat().st_mtime_ns == before:
                return False
            values = dict(line.split("=", 1) for line in credentials.read_text().splitlines())
            port = int(values["endpoint"].rsplit(":", 1)[1])
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0 and values

        self.credentials = wait_until(ready, 60, "the server's start")
        self.endpoint = self.credentials["endpoint"]
        return self

    def command(self):
        return [APUS, "serve", "--listen", "127.0.0.1:0", "--data", self.data, *self.arguments]

    def variables(self):
        """The environment that `apus env` prints, for child processes."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_") or k == "AWS_CA_BUNDLE"}
        return {
            **clean,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.credentials["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": self.credentials["secret_access_key"],
            "AWS_REGION": self.credentials["region"],
            "AWS_DEFAULT_REGION": self.credentials["region"],
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
            "APUS_DATA": str(self.data),
        }

    def client(self, service="lambda", host_prefixes=True, **settings):
        """`region_name` and the like are boto3's settings."""
        settings.setdefault("aws_access_key_id", self.credentials["access_key_id"])
        settings.setdefault("aws_secret_access_key", self.credentials["secret_access_key"])
        settings.setdefault("region_name", self.credentials["region"])
        config = Config(retries={"total_max_attempts": 1}, read_timeout=120, max_pool_connections=64)
        if not host_prefixes:
            config = config.merge(Config(inject_host_prefix=False))
        if "config" in settings:
            config = config.merge(settings.pop("config"))
        with MAKING:
            return SESSION.client(service, endpoint_url=self.endpoint, config=config, **settings)

    def unchecked(self, service="lambda", **settings):
        """A client that sends what the model forbids."""
        return self.client(service, False, config=Config(parameter_validation=False), **settings)

    def account(self, digits, service="lambda"):
        """An account's client, where the access key names it: without authentication."""
        return self.client(service, aws_access_key_id=digits, aws_secret_access_key="x", region_name="us-east-1")

    def run(self, *command, **options):
        """Runs a command line tool against this server; returns the finished process."""
        return subprocess.run(
            [str(part) for part in command], env={**self.variables(), **options.pop("environment", {})},
            capture_output=True, text=True, timeout=options.pop("timeout", 180), **options)

    def stop(self, sig=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sig)
            self.process.wait(60)

    def close(self):
        self.stop()
        self.log.close()
        shutil.rmtree(self.home, ignore_errors=True)


def refused(call, *arguments, **parameters):
    """The error of a call: its code, its message and its status."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **parameters)
    answer = caught.value.response
    error = answer["Error"]
    return error["Code"], error.get("Message", ""), answer["ResponseMetadata"]["HTTPStatusCode"]


def refused_with(code, status, call, *arguments, **parameters):
    """The message of a call's error, which has that code and that status."""
    found = refused(call, *arguments, **parameters)
    assert (found[0], found[2]) == (code, status), found
    return found[1]


def let_role_send(server):
    """Lets the standard role send to queues and topics, which functions with a dead-letter queue need."""
    server.client("iam").put_role_policy(
        RoleName="lambda", PolicyName="send", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["sqs:SendMessage", "sns:Publish"], "Resource": "*"}]}))
    return server


def zip_of(files):
    """A zip of `{name: text or bytes}`; a name that ends in `!` is made executable (and loses the mark)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in files.items():
            info = zipfile.ZipInfo(name.rstrip("!"), (2026, 1, 1, 0, 0, 0))
            info.external_attr = (0o755 if name.endswith("!") else 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, contents)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def server():
    """A server that all tests of this worker share: use unique function names."""
    running = Server().start()
    yield running
    running.close()


@pytest.fixture
def own_server():
    """Makes servers of a test's own, closed at its end: `own_server("--auth", "off")`."""
    made = []

    def make(*arguments, **options):
        made.append(Server(*arguments, **options).start())
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="session")
def lambda_client(server):
    return server.client()


@pytest.fixture
def name(request):
    """A function name that no other test uses."""
    return f"{request.node.name.split('[')[0][:40]}-{os.urandom(4).hex()}"


@pytest.fixture
def deploy(lambda_client, name):
    """Creates a function from source and waits until it is active: `deploy(python="def handler(e, c): …")`."""
    made = []

    def create(python=None, node=None, files=None, client=lambda_client, suffix="", **settings):
        if python is not None:
            files = {"app.py": python, **(files or {})}
            settings = {"Runtime": "python3.11", "Handler": "app.handler", **settings}
        if node is not None:
            files = {"index.mjs": node, **(files or {})}
            settings = {"Runtime": "nodejs20.x", "Handler": "index.handler", **settings}
        function = name + suffix
        client.create_function(
            FunctionName=function, Role=ROLE, Code={"ZipFile": zip_of(files)}, **{"Timeout": 10, **settings})
        # The first Java function waits for a compiler.
        client.get_waiter("function_active_v2").wait(FunctionName=function, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
        made.append((client, function))
        return function

    yield create
    for client, function in made:
        try:
            client.delete_function(FunctionName=function)
        except client.exceptions.ResourceNotFoundException:
            pass


@pytest.fixture
def sender(server, name):
    """A role that may send to the queues and topics of its statements: `sender("sqs:SendMessage")`."""
    iam = server.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]}
    role = iam.create_role(RoleName=name[-60:], AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]

    def allow(*actions):
        iam.put_role_policy(RoleName=name[-60:], PolicyName="send", PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}))
        return role

    return allow


TERRAFORM_HEAD = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 5.0" }
  }
}
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "%(key)s"
  secret_key                  = "%(secret)s"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
  endpoints {
    lambda = "%(endpoint)s"
    iam    = "%(endpoint)s"
    sts    = "%(endpoint)s"
    sns    = "%(endpoint)s"
    sqs    = "%(endpoint)s"
    events = "%(endpoint)s"
    scheduler  = "%(endpoint)s"
    cloudwatch = "%(endpoint)s"
  }
}
"""


def plugin_mirror():
    """A folder of provider plugins that is already on this machine, laid out as Terraform's file-system mirrors are."""
    named = os.environ.get("APUS_TERRAFORM_MIRROR")
    places = [named] if named else ["~/.terraform.d/plugins", "/usr/local/share/terraform/plugins", "/opt/*"]
    for place in places:
        for provider in glob.glob(os.path.expanduser(place) + "/*/hashicorp/aws"):
            return pathlib.Path(provider).parents[2]
    return None


@pytest.fixture
def terraform(server, tmp_path):
    """Makes a Terraform project against the shared server, or another:
    `terraform("resource …", {"code.zip": bytes}, server=own)`. What it returns runs Terraform there: `run("apply")`;
    `run.folder` is the project's."""
    if not shutil.which("terraform"):
        pytest.skip("terraform is not installed")
    mirror = plugin_mirror()
    settings = tmp_path / "terraformrc"
    settings.write_text(
        f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n' if mirror else "")

    def project(resources, files={}, server=server):
        folder = tmp_path / f"project-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        head = TERRAFORM_HEAD % {
            "key": server.credentials["access_key_id"], "secret": server.credentials["secret_access_key"],
            "endpoint": server.endpoint}
        (folder / "main.tf").write_text(head + resources)
        for path, contents in files.items():
            (folder / path).write_bytes(contents)

        def run(verb, *arguments, codes=(0,)):
            consent = ["-auto-approve"] if verb in ("apply", "destroy") else []
            quiet = [] if verb in ("providers", "output") else ["-input=false"]
            ended = server.run(
                "terraform", verb, *quiet, *consent, *arguments, cwd=folder, timeout=300,
                environment={"TF_CLI_CONFIG_FILE": str(settings), "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"})
            assert ended.returncode in codes, ended.stdout + ended.stderr
            return ended

        first = run("init", codes=(0, 1))
        if first.returncode:
            assert mirror is None, first.stdout + first.stderr
            pytest.skip("the AWS provider can neither be found nor downloaded")
        run.folder = folder
        run.has_no_changes = lambda *arguments: run(
            "plan", "-detailed-exitcode", *arguments, codes=(0, 2)).returncode == 0
        return run

    return project
