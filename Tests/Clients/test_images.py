"""Functions from container images: what their sandboxes see, what AWS answers, and what becomes of bad images.

The images are made here (oci.py), with a shell as their runtime: it runs each event, a JSON string, as a command line and
answers with what that printed. Answers are compared with those of AWS that LocalStack recorded in
tests/aws/services/lambda_/test_lambda_api.snapshot.json, class TestLambdaImages.
"""

import json
import os
import pathlib
import shutil
import signal
import tempfile

import pytest
from botocore.exceptions import ClientError

import oci
from conftest import APUS, ROLE, Server, wait_until
from oci import Image, Registry, write_layout

BUSYBOX = pathlib.Path("/bin/busybox")
pytestmark = pytest.mark.skipif(
    not BUSYBOX.exists() or not shutil.which("skopeo") or not shutil.which("umoci"),
    reason="busybox-static, skopeo or umoci is not installed")

ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
PROGRAMS = ["sh", "cat", "echo", "env", "grep", "id", "ls", "mkdir", "pwd", "rm", "sed", "sleep", "stat", "touch", "wget", "ln",
            "mount", "umount", "find", "printf", "tr", "head", "mknod", "unshare", "readlink"]
LOOP = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while :; do
  event=$(wget -q -S -O - "$api/invocation/next" 2>/tmp/.headers)
  request=$(sed -n 's/.*Runtime-Aws-Request-Id: *\\([^ \\r]*\\).*/\\1/Ip' /tmp/.headers)
  event=${event#?}
  printf '%s' "$(set -- "$@"; eval "${event%?}" 2>&1)" > /tmp/.result
  wget -q -O /dev/null --post-file /tmp/.result "$api/invocation/$request/response"
done
"""
SYSTEM = [
    ("bin", None), ("bin/busybox!", BUSYBOX.read_bytes() if BUSYBOX.exists() else b""), ("usr", None), ("usr/local", None),
    ("usr/local/bin", None), ("usr/local/bin/loop!", LOOP), ("app", None), ("app/here", ""), ("etc", None), ("etc/name", "one"),
    ("var", None), ("var/task", None), ("var/task/mine", ""),
] + [(f"bin/{name}", ("link", "busybox")) for name in PROGRAMS]


def image(*layers, **settings):
    settings = {"Entrypoint": ["/usr/local/bin/loop"], "Env": ["PATH=/usr/local/bin:/bin", "GREETING=from the image"], **settings}
    return Image(SYSTEM, *layers, **settings)


ONE = image() if BUSYBOX.exists() else None
TWO = image([("etc/name", "two")]) if BUSYBOX.exists() else None


@pytest.fixture(scope="module")
def registry():
    made = Registry()
    made.images = {("team/app", "one"): ONE, ("docker", "one"): image(docker=True)}
    yield made
    made.close()


def reachable(directory):
    """Opens the way to a directory below the system's temporary one: root's server becomes an ordinary user."""
    for parent in [directory, *directory.parents]:
        if parent == pathlib.Path(tempfile.gettempdir()):
            break
        parent.chmod(0o755)
    return directory


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """The operator's directory of layouts."""
    return reachable(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def host(images, registry):
    running = Server("--images", str(images), "--registry", registry.host).start()
    yield running
    running.close()


@pytest.fixture(scope="module")
def client(host):
    return host.client()


def until(client, name, seconds=60):
    """The function's configuration once nothing about it is pending."""

    def settled():
        found = client.get_function_configuration(FunctionName=name)
        return found if found["State"] != "Pending" and found.get("LastUpdateStatus") != "InProgress" else None

    return wait_until(settled, seconds, f"the end of {name}'s deployment")


def create(client, name, uri, **settings):
    answer = client.create_function(
        FunctionName=name, Role=ROLE, PackageType="Image", Code={"ImageUri": uri}, **{"Timeout": 20, **settings})
    return answer, until(client, name)


def run(client, name, command, **settings):
    """What a command prints in the function's sandbox."""
    answer = client.invoke(FunctionName=name, Payload=json.dumps(command), **settings)
    text = answer["Payload"].read().decode()
    assert "FunctionError" not in answer, text
    return text


def failure(client, name):
    answer = client.invoke(FunctionName=name, Payload='"true"')
    assert answer.get("FunctionError") == "Unhandled"
    return json.loads(answer["Payload"].read())


def test_answers_have_the_members_of_aws(client, images, name):
    write_layout(images / "members", one=ONE, two=TWO)
    made, active = create(
        client, name, f"{ECR}/members:one", Environment={"Variables": {"CUSTOM_ENV": "test"}}, Timeout=3)
    common = {
        "Architectures", "CodeSha256", "CodeSize", "Description", "Environment", "EphemeralStorage", "FunctionArn",
        "FunctionName", "LastModified", "LoggingConfig", "MemorySize", "PackageType", "RevisionId", "Role", "SnapStart",
        "State", "Timeout", "TracingConfig", "Version", "ResponseMetadata",
    }
    assert set(made) == common | {"StateReason", "StateReasonCode"}
    assert (made["State"], made["StateReasonCode"], made["PackageType"]) == ("Pending", "Creating", "Image")
    assert (made["CodeSha256"], made["CodeSize"]) == (ONE.hex, 0)
    assert set(active) == common | {"LastUpdateStatus"} and active["State"] == "Active"
    found = client.get_function(FunctionName=name)
    assert found["Code"] == {
        "RepositoryType": "ECR", "ImageUri": f"{ECR}/members:one", "ResolvedImageUri": f"{ECR}/members@sha256:{ONE.hex}"}

    with pytest.raises(ClientError) as refusal:
        client.update_function_code(FunctionName=name, ZipFile=b"x")
    assert refusal.value.response["Error"] == {
        "Code": "InvalidParameterValueException",
        "Message": "Please provide ImageUri when updating a function with packageType Image."}

    updated = client.update_function_code(FunctionName=name, ImageUri=f"{ECR}/members:two")
    assert set(updated) == common | {"LastUpdateStatus", "LastUpdateStatusReason", "LastUpdateStatusReasonCode"}
    assert (updated["CodeSha256"], updated["LastUpdateStatus"], updated["State"]) == (TWO.hex, "InProgress", "Active")
    assert until(client, name)["LastUpdateStatus"] == "Successful"
    assert run(client, name, "cat /etc/name") == "two"
    assert client.get_function(FunctionName=name)["Code"]["ResolvedImageUri"] == f"{ECR}/members@sha256:{TWO.hex}"


def test_image_config_is_kept_shown_and_obeyed(client, images, name):
    write_layout(images / "config", one=ONE)
    config = {"EntryPoint": ["loop"], "Command": ["-c", "echo test"], "WorkingDirectory": "/app"}
    made, _ = create(client, name, f"{ECR}/config:one", ImageConfig=config)
    assert made["ImageConfigResponse"] == {"ImageConfig": config}
    assert run(client, name, "pwd; echo $1/$2") == "/app\n-c/echo test"

    config = {"Command": ["other"], "WorkingDirectory": "/var/task"}
    updated = client.update_function_configuration(FunctionName=name, ImageConfig=config)
    assert updated["ImageConfigResponse"] == {"ImageConfig": config}
    assert until(client, name)["ImageConfigResponse"] == {"ImageConfig": config}
    assert run(client, name, "pwd; echo $1") == "/var/task\nother"

    updated = client.update_function_configuration(FunctionName=name, ImageConfig={})
    assert "ImageConfigResponse" not in updated
    assert "ImageConfigResponse" not in until(client, name)
    assert run(client, name, "pwd; echo $#") == "/\n0"


def test_the_digest_is_resolved_once(client, images, name):
    write_layout(images / "pinned", live=ONE)
    create(client, name, f"{ECR}/pinned:live")
    write_layout(images / "pinned", live=TWO)
    client.update_function_configuration(FunctionName=name, Description="new")
    assert until(client, name)["CodeSha256"] == ONE.hex
    assert run(client, name, "cat /etc/name") == "one"
    create(client, f"{name}-digest", f"{ECR}/pinned@sha256:{TWO.hex}")
    assert run(client, f"{name}-digest", "cat /etc/name") == "two"


def test_versions_and_aliases(client, images, name):
    write_layout(images / "versions", one=ONE, two=TWO)
    made, _ = create(client, name, f"{ECR}/versions:one", Publish=True)
    assert made["Version"] == "1"
    with pytest.raises(ClientError) as refusal:
        client.publish_version(FunctionName=name, CodeSha256="a" * 64)
    assert refusal.value.response["Error"]["Message"] == (
        f"CodeSHA256 ({'a' * 64}) is different from current CodeSHA256 in $LATEST ({ONE.hex}). Please try again with the "
        "CodeSHA256 in $LATEST.")
    client.update_function_code(FunctionName=name, ImageUri=f"{ECR}/versions:two")
    until(client, name)
    second = client.publish_version(FunctionName=name, CodeSha256=TWO.hex)
    assert (second["Version"], second["PackageType"], second["CodeSha256"]) == ("2", "Image", TWO.hex)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    assert run(client, name, "cat /etc/name", Qualifier="live") == "one"
    client.update_alias(FunctionName=name, Name="live", FunctionVersion="2")
    assert run(client, name, "cat /etc/name", Qualifier="live") == "two"
    assert run(client, name, "cat /etc/name", Qualifier="1") == "one"
    assert [v["PackageType"] for v in client.list_versions_by_function(FunctionName=name)["Versions"]] == ["Image"] * 3


def test_the_images_variables_and_lambdas(client, images, name):
    """AWS: the function's variables go over the image's, the reserved ones over all; there is no AWS_EXECUTION_ENV."""
    write_layout(images / "variables", one=image(
        Env=["PATH=/usr/local/bin:/bin", "AA=image", "BB=image", "AWS_REGION=image", "LAMBDA_TASK_ROOT=/app", "BROKEN"]))
    create(client, name, f"{ECR}/variables:one", Environment={"Variables": {"BB": "function"}})
    lines = dict(line.split("=", 1) for line in run(client, name, "env").splitlines())
    assert (lines["AA"], lines["BB"], lines["AWS_REGION"]) == ("image", "function", "us-east-1")
    assert (lines["LAMBDA_TASK_ROOT"], lines["LAMBDA_RUNTIME_DIR"]) == ("/app", "/var/runtime")
    assert lines["AWS_LAMBDA_FUNCTION_NAME"] == name and lines["PATH"] == "/usr/local/bin:/bin"
    assert "_HANDLER" not in lines and "AWS_EXECUTION_ENV" not in lines and "BROKEN" not in lines


@pytest.mark.parametrize("repository", ["team/app", "docker"])
def test_an_image_from_a_registry(client, registry, name, repository):
    wanted = registry.images[(repository, "one")]
    made, active = create(client, name, f"{registry.host}/{repository}:one")
    assert (made["CodeSha256"], active["State"]) == (wanted.hex, "Active")
    assert run(client, name, "cat /etc/name; echo $GREETING") == "onefrom the image"


def test_other_hosts_are_not_asked(client, name):
    other = Registry()
    other.images = {("app", "one"): ONE}
    try:
        for uri in [f"{other.host}/app:one", f"localhost:{other.server.server_port}/app:one"]:
            with pytest.raises(ClientError) as refusal:
                create(client, name, uri)
            assert refusal.value.response["Error"]["Message"] == f"Source image {uri} does not exist. Provide a valid source image."
        assert other.requests == []
    finally:
        other.close()


def test_what_a_registry_refuses(client, registry, name):
    with pytest.raises(ClientError) as refusal:
        create(client, name, f"{registry.host}/team/app:none")
    assert refusal.value.response["Error"]["Message"].startswith("Source image ")
    registry.is_private = True
    try:
        with pytest.raises(ClientError) as refusal:
            create(client, name, f"{registry.host}/team/app:one")
        assert refusal.value.response["Error"] == {
            "Code": "AccessDeniedException",
            "Message": "Lambda does not have permission to access the ECR image. Check the ECR permissions."}
        assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    finally:
        registry.is_private = False


def test_bad_input(client, images, name):
    write_layout(images / "bad", one=ONE, zstd=Image(SYSTEM, layer_type="application/vnd.oci.image.layer.v1.tar+zstd"))
    (images / "index").mkdir()
    (images / "index" / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [
        {"mediaType": oci.INDEX, "digest": "sha256:" + "0" * 64, "size": 2,
         "annotations": {"org.opencontainers.image.ref.name": "one"}}]}))
    good = {"PackageType": "Image", "Code": {"ImageUri": f"{ECR}/bad:one"}}
    zipped = {"Runtime": "python3.11", "Handler": "a.b", "Code": {"ZipFile": b"x"}}
    no_parts = "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."
    cases = [
        ({**good, "Runtime": "python3.11"}, no_parts), ({**good, "Handler": "a.b"}, no_parts),
        ({**good, "Layers": ["arn:aws:lambda:us-east-1:000000000000:layer:a:1"]}, no_parts),
        ({**good, "Code": {"ZipFile": b"x"}}, None), ({**good, "Code": {}}, None),
        ({**good, "Code": {**good["Code"], "ZipFile": b"x"}}, None),
        # https://github.com/boto/boto3/issues/2705
        ({"Code": good["Code"]}, "Runtime and Handler are mandatory parameters for functions created with deployment packages."),
        ({**zipped, "Code": good["Code"]}, "Please provide a source for function code."),
        ({**zipped, "ImageConfig": {"Command": ["x"]}}, None),
    ]
    for uri in ["alpine", f"{ECR}/bad", "alpine:latest", "../../etc:1", "/etc/passwd:1", "dir:/etc", f"{ECR}/../bad:one",
                f"oci:{images}/bad:one", f"docker-archive:/tmp/x.y/z:1", "--help", f"{ECR}/bad:--x", f"{ECR}/bad:one:two"]:
        cases.append(({**good, "Code": {"ImageUri": uri}}, f"Source image {uri} is not valid. Provide a valid source image."))
    for tag in ["bad:none", "none:one", "bad@sha256:" + "0" * 64]:
        uri = f"{ECR}/{tag}"
        cases.append(({**good, "Code": {"ImageUri": uri}}, f"Source image {uri} does not exist. Provide a valid source image."))
    for tag in ["bad:zstd", "index:one"]:
        uri = f"{ECR}/{tag}"
        cases.append(({**good, "Code": {"ImageUri": uri}},
                      f"The image manifest, config or layer media type for the source image {uri} is not supported."))
    for settings, message in cases:
        with pytest.raises(ClientError) as refusal:
            client.create_function(FunctionName=name, Role=ROLE, **settings)
        error, status = refusal.value.response["Error"], refusal.value.response["ResponseMetadata"]["HTTPStatusCode"]
        assert (error["Code"], status) == ("InvalidParameterValueException", 400), settings
        assert message is None or error["Message"] == message, settings
    with pytest.raises(ClientError) as refusal:
        client.create_function(FunctionName=name, Role=ROLE, **good, ImageConfig={"WorkingDirectory": "/" + "x" * 1000})
    assert refusal.value.response["Error"]["Code"] == "ValidationException"

    create(client, name, good["Code"]["ImageUri"])
    for settings in [{"Runtime": "python3.11"}, {"Handler": "a.b"}, {"Layers": ["arn:aws:lambda:us-east-1:000000000000:layer:a:1"]}]:
        with pytest.raises(ClientError) as refusal:
            client.update_function_configuration(FunctionName=name, **settings)
        assert refusal.value.response["Error"]["Code"] == "InvalidParameterValueException"


@pytest.mark.parametrize("config,kind,message", [
    ({"EntryPoint": ["/no/such"]}, "InvalidEntrypoint", "fork/exec /no/such: no such file or directory"),
    ({"EntryPoint": ["app.handler"]}, "InvalidEntrypoint", 'exec: "app.handler": executable file not found in $PATH'),
    ({"EntryPoint": ["/etc/name"]}, "InvalidEntrypoint", "fork/exec /etc/name: permission denied"),
    ({"EntryPoint": [""]}, "InvalidEntrypoint", None),
    ({"EntryPoint": ["x"] * 1500, "Command": ["\0"]}, "InvalidEntrypoint", None),
    ({"WorkingDirectory": "/nowhere"}, "InvalidWorkingDir", "the working directory doesn't exist: /nowhere"),
    ({"WorkingDirectory": "app"}, "InvalidWorkingDir",
     "the working directory 'app' is invalid, it needs to be an absolute path"),
])
def test_what_cannot_be_started(client, images, name, config, kind, message):
    write_layout(images / "unfit", one=ONE)
    create(client, name, f"{ECR}/unfit:one", ImageConfig=config)
    document = failure(client, name)
    assert document["errorType"] == f"Runtime.{kind}"
    assert message is None or document["errorMessage"].endswith(f" Error: {message}")
    # The launcher is none the worse for it.
    client.update_function_configuration(FunctionName=name, ImageConfig={})
    until(client, name)
    assert run(client, name, "cat /etc/name") == "one"


def test_a_variable_that_no_process_can_have(client, images, name):
    write_layout(images / "nul", one=ONE)
    create(client, name, f"{ECR}/nul:one", Environment={"Variables": {"AB": "a\0b"}})
    assert failure(client, name)["errorType"] == "Runtime.InvalidEntrypoint"
    client.update_function_configuration(FunctionName=name, Environment={"Variables": {"AB": "ab"}})
    until(client, name)
    assert run(client, name, "echo $AB") == "ab"


def test_an_image_without_a_command(client, images, name):
    write_layout(images / "empty", one=image(Entrypoint=None), other=Image([("etc", None)]))
    create(client, name, f"{ECR}/empty:one", ImageConfig={"Command": ["./usr/local/bin/loop"]})
    assert run(client, name, "pwd") == "/"
    create(client, f"{name}-other", f"{ECR}/empty:other")
    assert failure(client, f"{name}-other")["errorType"] == "Runtime.InvalidEntrypoint"


def test_its_root_is_the_image_and_read_only(client, images, name):
    write_layout(images / "root", one=image([("opt", None), ("opt/mine", ""), ("etc/hosts", "1.2.3.4 elsewhere")]))
    create(client, name, f"{ECR}/root:one")
    assert run(client, name, "ls /var/task /opt") == "/opt:\nmine\n\n/var/task:\nmine"
    tried = run(client, name, "for d in / /bin /etc /etc/name /var/task/x /opt/x /dev/x /proc/sys/kernel/hostname /mnt/x /app/here; "
                "do touch -c $d/file 2>/dev/null; { echo x > $d; } 2>/dev/null && echo wrote $d; mkdir $d/dir 2>/dev/null && echo made $d; "
                "done; echo end")
    assert tried == "end"
    assert run(client, name, "touch /tmp/x /dev/shm/x && ls /tmp/x; echo x > /dev/null; head -c 4 /dev/zero | tr -c x z") == "/tmp/x\nzzzz"
    assert run(client, name, "cat /etc/hosts").startswith("127.0.0.1 localhost")
    assert run(client, name, "grep -c nameserver /etc/resolv.conf") == "1"
    assert "ro,nosuid,nodev" in run(client, name, "grep ' / / ' /proc/self/mountinfo")


def test_it_is_as_confined_as_other_functions(client, images, host, name):
    write_layout(images / "confined", one=image(
        [("bin/suid!", {"mode": 0o4755, "type": b"0"}), ("dev", None), ("dev/disk", {"type": b"4", "devmajor": 8, "devminor": 0})]))
    create(client, name, f"{ECR}/confined:one")
    status = dict(line.split(":\t", 1) for line in run(client, name, "cat /proc/self/status").splitlines() if ":\t" in line)
    for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[field], 16) == 0, field
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert run(client, name, "id -u; id -g") == "993\n990"
    assert run(client, name, "ls -d /proc/[0-9]* | sed 's/.*proc.//' | head -1") == "1"
    assert run(client, name, "ls /proc/1/root 2>&1; kill -9 1; echo alive").endswith("alive")
    assert run(client, name, "ls /proc/acpi /proc/bus /proc/fs 2>/dev/null | grep -v : | tr -d '\\n'") == ""
    assert run(client, name, "ls /dev/disk 2>/dev/null; mknod /tmp/d b 8 0 2>/dev/null && echo device; echo end") == "end"
    assert run(client, name, "mount -t tmpfs x /tmp 2>/dev/null && echo mounted; umount /proc 2>/dev/null && echo unmounted; "
               "unshare -U true 2>/dev/null && echo namespace; echo end") == "end"
    assert run(client, name, f"ls {host.data} /root /home /work 2>/dev/null; echo end") == "end"
    assert run(client, name, f"wget -q -T 3 -O - {host.endpoint}/ 2>/dev/null || echo no") == "no"


def test_links_in_place_of_mount_points_lead_nowhere(client, images, name):
    """What an image has at /tmp, /proc, /dev and /etc is covered, whatever it is."""
    hostile = [(place, ("link", "/app")) for place in ["tmp", "proc", "dev", "mnt"]]
    write_layout(images / "links", one=image(hostile))
    create(client, name, f"{ECR}/links:one")
    assert run(client, name, "ls -d /tmp /proc /dev; readlink /tmp; readlink /proc; ls /proc/self/status; echo x > /dev/null; ls /app") == (
        "/dev\n/proc\n/tmp\n/proc/self/status\nhere")


HOSTILE = {
    "parent": [("../../../apus-escape", "x")],
    "absolute": [("/apus-escape", "x")],
    "link": [("out", ("link", "{outside}")), ("out/apus-escape", "x")],
    "relative": [("out", ("link", "../../../../../../../..{outside}")), ("out/apus-escape", "x")],
    "hard": [("out", ("hard", "../../../../../../../..{outside}/target")), ("out", "changed")],
    "hardlink": [("link", ("link", "{outside}/target")), ("out", ("hard", "link")), ("link", "changed")],
    "whiteout": [("out", ("link", "{outside}")), ("out/.wh.target", "")],
    "opaque": [("out", ("link", "{outside}")), ("out/.wh..wh..opq", "")],
    "dotdot": [("app/.wh...", "")],
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_nothing_of_a_layer_leaves_the_image(client, images, host, name, kind, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    outside.chmod(0o777)
    (outside / "target").write_text("unchanged")
    (outside / "target").chmod(0o666)
    reachable(tmp_path)

    def named(value):
        return (value[0], value[1].format(outside=outside)) if isinstance(value, tuple) else value

    layer = oci.tar([(path, named(value)) for path, value in HOSTILE[kind]])
    write_layout(images / f"hostile-{kind}", one=image(layer))
    _, found = create(client, name, f"{ECR}/hostile-{kind}:one")
    # Either it is refused, or it has become a file of the image.
    assert found["State"] == "Active" or (found["State"], found["StateReasonCode"]) == ("Failed", "InvalidImage")
    assert [path.name for path in outside.iterdir()] == ["target"]
    assert (outside / "target").read_text() == "unchanged"
    for place in [host.data, host.data / "code", host.home, pathlib.Path("/")]:
        assert not (place / "apus-escape").exists()
    if found["State"] == "Active":
        assert run(client, name, "cat /etc/name") == "one"


def test_a_damaged_layer_fails_the_function(client, images, name):
    broken = image([("more", "x")])
    write_layout(images / "damaged", one=broken)
    digest = json.loads(broken.blobs[broken.manifest["digest"]])["layers"][-1]["digest"]
    path = images / "damaged" / "blobs" / "sha256" / digest.split(":")[1]
    path.write_bytes(path.read_bytes()[:-9] + b"x" * 9)
    _, found = create(client, name, f"{ECR}/damaged:one")
    assert (found["State"], found["StateReasonCode"], found["LastUpdateStatus"]) == ("Failed", "InvalidImage", "Failed")
    with pytest.raises(ClientError) as refusal:
        client.invoke(FunctionName=name)
    assert refusal.value.response["Error"]["Code"] == "ResourceConflictException"


def test_apus_deploy_takes_an_images_name(client, images, host, name):
    write_layout(images / "team" / "deployed", one=ONE, two=TWO)
    for tag, said in [("one", "Created"), ("two", "Updated")]:
        ended = host.run(APUS, "deploy", f"{ECR}/team/deployed:{tag}", "--name", name, "--env", "AB=c")
        assert ended.returncode == 0 and ended.stdout.startswith(said), ended.stdout + ended.stderr
        assert run(client, name, "cat /etc/name; echo $AB") == f"{tag}c"
    assert host.run(APUS, "deploy", f"{ECR}/team/deployed:one", "--runtime", "python3.11").returncode != 0


EXTENSION = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2020-01-01/extension"
wget -q -S -O /dev/null --header "Lambda-Extension-Name: watcher" --post-data '{"events":["INVOKE"]}' "$api/register" 2>/tmp/.register
id=$(sed -n 's/.*Lambda-Extension-Identifier: *\\([^ \\r]*\\).*/\\1/Ip' /tmp/.register)
while :; do
  wget -q -O - --header "Lambda-Extension-Identifier: $id" "$api/event/next" > /tmp/.event
  echo told >> /tmp/events
done
"""


def test_extensions_of_an_image_run(client, images, name):
    write_layout(images / "extended", one=image([("opt", None), ("opt/extensions", None), ("opt/extensions/watcher!", EXTENSION)]))
    create(client, name, f"{ECR}/extended:one")
    run(client, name, "true")
    wait_until(lambda: run(client, name, "cat /tmp/events 2>/dev/null").startswith("told"), what="the extension's event")


def test_functions_survive_a_restart(own_server, tmp_path):
    reachable(tmp_path)
    write_layout(tmp_path / "kept", one=ONE)
    server = own_server("--images", str(tmp_path))
    create(server.client(), "f", f"{ECR}/kept:one")
    assert run(server.client(), "f", "cat /etc/name") == "one"
    server.stop()
    # The unpacked tree is kept; where it is lost, it is made again from the image.
    server.start()
    assert run(server.client(), "f", "cat /etc/name") == "one"
    server.stop(signal.SIGKILL)
    shutil.rmtree(server.data / "code" / f"image-{ONE.hex}")
    server.start()
    wait_until((server.data / "code" / f"image-{ONE.hex}").exists, 60, "the image's return")
    assert run(server.client(), "f", "cat /etc/name") == "one"


def tools(server):
    """The programs that a server runs for images."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().split(b"\0")[0].decode()
            directory = os.readlink(path.parent / "cwd")
        except OSError:
            continue
        if pathlib.Path(command).name in ("skopeo", "umoci", "setpriv") and directory.startswith(str(server.data)):
            found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_a_server_that_dies_while_it_fetches(own_server, sig):
    registry = Registry()
    try:
        registry.images = {("app", "one"): ONE}
        server = own_server("--registry", registry.host)
        client = server.client()
        made = client.create_function(
            FunctionName="f", Role=ROLE, PackageType="Image", Code={"ImageUri": f"{registry.host}/app:one"})
        assert made["State"] == "Pending"
        until(client, "f")
        registry.images[("app", "two")] = TWO
        layer = json.loads(TWO.blobs[TWO.manifest["digest"]])["layers"][-1]["digest"]
        registry.gate_for = layer
        client.update_function_code(FunctionName="f", ImageUri=f"{registry.host}/app:two")
        wait_until(lambda: any(path.endswith(layer) for _, path in registry.requests), 60, "the layer's request")
        assert tools(server)
        # What served before serves on.
        assert run(client, "f", "cat /etc/name") == "one"
        server.stop(sig)
        wait_until(lambda: not tools(server), what="the end of the tools")
        registry.gate.set()
        registry.gate_for = None
        server.start()
        client = server.client()
        assert until(client, "f")["LastUpdateStatus"] == "Successful"
        assert run(client, "f", "cat /etc/name") == "two"
        assert not [p for p in (server.data / "code").iterdir() if p.name.startswith(".incoming")]
    finally:
        registry.close()
