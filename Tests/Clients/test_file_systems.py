"""FileSystemConfigs: a directory of the host stands for an access point of a file system.

Expectations: https://docs.aws.amazon.com/lambda/latest/dg/configuration-filesystem.html, and of access points
https://docs.aws.amazon.com/efs/latest/ug/efs-access-points.html: whoever comes through one acts as its user.
"""

import json
import os
import pathlib
import shutil
import subprocess
import threading

import pytest
from botocore.exceptions import ClientError

from conftest import APUS, ROLE, Server, zip_of
from test_privileges import ORDINARY, OrdinaryServer, ordinary  # noqa: F401

ACCESS_POINT = "fsap-0123456789abcdef0"
ARN = f"arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/{ACCESS_POINT}"
OTHER = "fsap-0123456789abcdef1"
OTHER_ARN = ARN.replace(ACCESS_POINT, OTHER)
# Root's server lets functions act as anybody, an ordinary user's as itself.
OWNER = (45678, 45679) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
VPC = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}

# Runs the shell script that the event is.
SHELL = """
import subprocess
def handler(event, context):
    ended = subprocess.run(["sh", "-c", event], capture_output=True, text=True)
    return ended.stdout + ended.stderr
"""


def configs(arn=ARN, path="/mnt/data"):
    return [{"Arn": arn, "LocalMountPath": path}]


@pytest.fixture(scope="module")
def shared():
    """Two directories, closed to everybody but their owner."""
    home = pathlib.Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True).stdout.strip())
    home.chmod(0o755)
    for name in ("data", "other"):
        (home / name).mkdir(mode=0o700)
        os.chown(home / name, *OWNER)
    yield home
    shutil.rmtree(home)


def arguments(shared):
    return ["--file-system", f"{ACCESS_POINT}={shared / 'data'}", "--file-system", f"{OTHER}={shared / 'other'}"]


@pytest.fixture(scope="module")
def sharing(shared):
    running = Server(*arguments(shared)).start()
    yield running
    running.close()


def create(client, name, path="/mnt/data", arn=ARN, **settings):
    client.create_function(
        FunctionName=name, Role=ROLE, Runtime="python3.11", Handler="app.handler", Timeout=20,
        Code={"ZipFile": zip_of({"app.py": SHELL})}, VpcConfig=VPC, FileSystemConfigs=configs(arn, path), **settings)
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    return name


def settle(client, name):
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})


def run(client, name, script, **settings):
    answer = client.invoke(FunctionName=name, Payload=json.dumps(script), **settings)
    assert "FunctionError" not in answer, answer["Payload"].read()
    return json.loads(answer["Payload"].read())


def fails(code, call, *arguments, **settings):
    with pytest.raises(ClientError) as caught:
        call(*arguments, **settings)
    assert caught.value.response["Error"]["Code"] == code, caught.value
    return caught.value


def test_two_functions_share_it_and_their_files_are_the_owners(sharing, shared, name):
    client = sharing.client()
    writer, reader = create(client, name), create(client, name + "-reader", path="/mnt/elsewhere")
    folder = shared / "data" / name
    assert run(client, writer, f"umask 077; mkdir /mnt/data/{name} && echo kept > /mnt/data/{name}/file") == ""
    for path in (folder, folder / "file"):
        status = path.stat()
        assert (status.st_uid, status.st_gid) == OWNER
        assert status.st_mode & 0o077 == 0
    # What the host puts there is the function's too, and another function's environment reads it all.
    (folder / "host").write_text("from the host\n")
    os.chown(folder / "host", *OWNER)
    (folder / "host").chmod(0o600)
    seen = run(client, reader, f"cd /mnt/elsewhere/{name} && cat file host && echo more >> host && ls -A /mnt")
    assert seen == "kept\nfrom the host\nelsewhere\n"
    assert (folder / "host").read_text() == "from the host\nmore\n"


def test_two_functions_use_it_at_the_same_time(sharing, name):
    client = sharing.client()
    one, two = create(client, name), create(client, name + "-two")
    answers = {}

    def ask(function, script):
        answers[function] = run(client, function, script)

    place = f"/mnt/data/{name}"
    script = "mkdir -p {0}; echo {1} > {0}/{1}; for i in $(seq 300); do [ -e {0}/{2} ] && break; sleep 0.05; done; cat {0}/{2}"
    threads = [
        threading.Thread(target=ask, args=(one, script.format(place, "one", "two"))),
        threading.Thread(target=ask, args=(two, script.format(place, "two", "one"))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {one: "two\n", two: "one\n"}


def test_only_the_directory_is_reached(sharing, shared, name):
    client = sharing.client()
    function = create(client, name)
    secret = shared / "secret"
    secret.write_text("secret")
    secret.chmod(0o644)
    (shared / "data" / "out").symlink_to(secret)
    seen = run(
        client, function,
        "cd /mnt/data; cat out ../secret 2>/dev/null; ls /mnt; touch /mnt/file 2>/dev/null && echo wrote;"
        "grep -o ' /mnt/data rw,nosuid,nodev' /proc/self/mountinfo; mknod zero c 1 5 2>/dev/null && echo made; id -u")
    (shared / "data" / "out").unlink()
    assert seen == "data\n /mnt/data rw,nosuid,nodev\n993\n"


def test_answers_versions_updates_and_removal(sharing, name):
    client = sharing.client()
    create(client, name, Publish=True)
    shown = client.get_function_configuration(FunctionName=name)
    assert shown["FileSystemConfigs"] == configs()
    assert shown["VpcConfig"]["SubnetIds"] == ["subnet-1"]
    updated = client.update_function_configuration(FunctionName=name, FileSystemConfigs=configs(OTHER_ARN, "/mnt/other"))
    assert updated["FileSystemConfigs"] == configs(OTHER_ARN, "/mnt/other")
    settle(client, name)
    assert run(client, name, f"echo latest > /mnt/other/{name}; ls /mnt") == "other\n"
    assert run(client, name, f"cat /mnt/data/{name} 2>/dev/null; ls /mnt", Qualifier="1") == "data\n"
    removed = client.update_function_configuration(FunctionName=name, FileSystemConfigs=[])
    assert "FileSystemConfigs" not in removed
    settle(client, name)
    assert run(client, name, "ls -A /mnt") == ""
    assert client.get_function_configuration(FunctionName=name, Qualifier="1")["FileSystemConfigs"] == configs()


def test_bad_input(sharing, name):
    client = sharing.client()

    def attempt(**settings):
        client.create_function(
            FunctionName=name, Role=ROLE, Runtime="python3.11", Handler="app.handler",
            Code={"ZipFile": zip_of({"app.py": SHELL})}, **{"VpcConfig": VPC, **settings})

    error = fails("InvalidParameterValueException", attempt, FileSystemConfigs=configs(), VpcConfig={})
    assert f"Function must be configured to execute in a VPC to reference access point {ARN}" in str(error)
    unknown = ARN.replace(ACCESS_POINT, "fsap-0123456789abcdef2")
    for arn in (unknown, ARN.replace("us-east-1", "eu-west-1"), ARN.replace("000000000000", "111111111111")):
        fails("InvalidParameterValueException", attempt, FileSystemConfigs=configs(arn))
    fails("InvalidParameterValueException", attempt, FileSystemConfigs=configs(path="/mnt/.."))
    fails("ValidationException", attempt, FileSystemConfigs=configs(path="/tmp/data"))
    fails("ValidationException", attempt, FileSystemConfigs=configs() + configs(OTHER_ARN, "/mnt/other"))
    s3_files = ARN.replace("elasticfilesystem", "s3files").replace("access-point", f"file-system/fs-{17 * '0'}/access-point")
    fails("NotImplementedException", attempt, FileSystemConfigs=configs(s3_files))
    create(client, name)
    error = fails(
        "InvalidParameterValueException", client.update_function_configuration, FunctionName=name,
        VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})
    assert f"Function VPC configuration cannot be removed with access point {ARN} referenced" in str(error)


def test_restarts_and_an_access_point_that_is_gone(own_server, shared, name):
    server = own_server(*arguments(shared))
    create(server.client(), name)
    assert run(server.client(), name, f"echo before > /mnt/data/{name}") == ""
    server.stop()
    server.start()
    assert server.client().get_function_configuration(FunctionName=name)["FileSystemConfigs"] == configs()
    assert run(server.client(), name, f"cat /mnt/data/{name}") == "before\n"
    # The operator names it no more: the function cannot run, and says why.
    server.stop()
    server.arguments = ()
    server.start()
    client = server.client()
    error = fails("EFSMountFailureException", client.invoke, FunctionName=name, Payload=b'"true"')
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert ARN in str(error)
    client.update_function_configuration(FunctionName=name, FileSystemConfigs=[])
    settle(client, name)
    assert run(client, name, "echo well") == "well\n"


def test_a_directory_that_is_removed(own_server, shared, name):
    directory = shared / f"removed-{name}"
    directory.mkdir()
    os.chown(directory, *OWNER)
    server = own_server("--file-system", f"{ACCESS_POINT}={directory}")
    create(server.client(), name)
    directory.rmdir()
    fails("EFSMountFailureException", server.client().invoke, FunctionName=name, Payload=b'"true"')


TERRAFORM = """
resource "aws_lambda_function" "shared" {
  function_name    = "%(name)s"
  role             = "arn:aws:iam::000000000000:role/lambda"
  runtime          = "python3.11"
  handler          = "app.handler"
  filename         = "code.zip"
  source_code_hash = filebase64sha256("code.zip")
  vpc_config {
    subnet_ids         = ["subnet-1"]
    security_group_ids = ["sg-1"]
  }
%(file_system)s}
"""
TERRAFORM_FILE_SYSTEM = """  file_system_config {
    arn              = "%s"
    local_mount_path = "/mnt/data"
  }
"""


def test_terraform(terraform, sharing, name):
    project = terraform(
        TERRAFORM % {"name": name, "file_system": TERRAFORM_FILE_SYSTEM % ARN},
        {"code.zip": zip_of({"app.py": SHELL})}, server=sharing)
    project("apply")
    client = sharing.client()
    assert client.get_function_configuration(FunctionName=name)["FileSystemConfigs"] == configs()
    assert run(client, name, "ls /mnt") == "data\n"
    assert project.has_no_changes()
    main = project.folder / "main.tf"
    main.write_text(main.read_text().replace(TERRAFORM_FILE_SYSTEM % ARN, ""))
    project("apply")
    assert "FileSystemConfigs" not in client.get_function_configuration(FunctionName=name)
    assert project.has_no_changes()
    project("destroy")


def test_settings_are_refused_together(shared, tmp_path):
    ended = subprocess.run(
        [APUS, "serve", "--listen", "nowhere", "--data", tmp_path / "data", "--file-system", f"{ACCESS_POINT}=relative",
         "--file-system", f"fsap-1={shared / 'data'}", "--file-system", f"{OTHER}={shared / 'none'}"],
        capture_output=True, text=True)
    assert ended.returncode != 0
    for text in ("listen", "relative", "fsap-1", "none"):
        assert text in ended.stderr, ended.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests are an ordinary user's already")
def test_an_ordinary_users_server_shares_what_is_its_own(ordinary, shared, name):  # noqa: F811
    directory = shared / f"ordinary-{name}"
    directory.mkdir(mode=0o700)
    os.chown(directory, ORDINARY, ORDINARY)
    ordinary.stop()
    ordinary.arguments = (*ordinary.arguments, "--file-system", f"{ACCESS_POINT}={directory}")
    ordinary.start()
    client = ordinary.client()
    create(client, name)
    assert run(client, name, "id -u; echo mine > /mnt/data/file; stat -c %u /mnt/data/file") == "993\n993\n"
    assert (directory / "file").stat().st_uid == ORDINARY
    # Another's directory would need what only root's launcher can do.
    ordinary.stop()
    ordinary.arguments = (*ordinary.arguments, "--file-system", f"{OTHER}={shared / 'data'}")
    with pytest.raises(AssertionError, match="belongs to another user"):
        ordinary.start()
