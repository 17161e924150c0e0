"""`apus runtimes`: what serves what, and getting a runtime by its package's name."""

import json
import os
import pwd
import re
import shutil
import subprocess

import pytest

from conftest import APUS, ROLE, Server, zip_of


def runtimes(*arguments, environment=None, **options):
    return subprocess.run(
        [APUS, "runtimes", *map(str, arguments)], capture_output=True, text=True, timeout=600,
        env=environment or os.environ, **options)


def listed(data, environment=None):
    ended = runtimes("--json", "--data", data, environment=environment)
    assert ended.returncode == 0, ended.stderr
    return {line["runtime"]: line for line in json.loads(ended.stdout)}


def nothing_installed(tmp_path):
    """Variables under which no interpreter outside of the system's directories is found."""
    return {"PATH": str(tmp_path / "empty"), "HOME": str(tmp_path)}


def test_the_list_says_what_serves_and_why(tmp_path):
    lines = listed(tmp_path)
    assert {"python3.13", "nodejs22.x", "dotnet8", "provided.al2023"} <= set(lines)
    for name, line in lines.items():
        assert line["status"] in ("native", "substituted", "missing")
        if line["status"] == "missing":
            assert name in line["reason"] and "path" not in line
        elif not name.startswith("provided"):
            assert os.access(line["path"], os.X_OK) and re.fullmatch(r"\d+\.\d+\.\d+", line["version"])
        if line["status"] == "substituted":
            assert line["reason"] == f"Runtime {name} is not installed here; {line['language']} {line['version']} serves it."
            assert line["install"].endswith(name) or line["install"].startswith("apt-get install ")
    assert lines["provided.al2023"] == {"runtime": "provided.al2023", "status": "native"}


def test_the_list_for_people(tmp_path):
    ended = runtimes("--data", tmp_path)
    assert ended.returncode == 0
    for name, line in listed(tmp_path).items():
        assert re.search(rf"^{re.escape(name)} +{line['status']}\b.*{re.escape(line.get('version', ''))}", ended.stdout, re.M)


@pytest.mark.parametrize("name, why", [
    ("java9", "java9 is not a runtime of AWS Lambda's"),
    ("go1.x", "go1.x is not served by this version of Apus"),
    ("provided.al2023", "provided.al2023 needs nothing installed"),
    ("../../etc", "is not a runtime"),
    ("", "is not a runtime"),
])
def test_what_cannot_be_installed(tmp_path, name, why):
    ended = runtimes("install", name, "--data", tmp_path / "data")
    assert ended.returncode != 0 and why in ended.stderr
    assert not (tmp_path / "data/runtimes").exists()


def test_without_root_the_command_is_named(tmp_path):
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        options = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    else:
        options = {}
    place = tmp_path / "apus"
    shutil.copy(APUS, place)
    for directory in [tmp_path, *tmp_path.parents]:
        if not directory.stat().st_mode & 0o001 and directory != directory.parent:
            directory.chmod(directory.stat().st_mode | 0o011)
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o777)
    ended = subprocess.run(
        [place, "runtimes", "install", "python3.12", "--data", data], capture_output=True, text=True, **options)
    assert ended.returncode != 0 and "sudo apt-get install python3.12" in ended.stderr


def test_a_registry_that_has_it_not(tmp_path):
    """pip is there and finds nothing: the command says which and leaves nothing behind."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tools / "python3").chmod(0o755)
    ended = runtimes(
        "install", "nodejs22.x", "--data", tmp_path / "data", environment={"PATH": f"{tools}:/usr/bin:/bin", "HOME": str(tmp_path)})
    assert ended.returncode != 0
    assert "nodejs22.x could not be got: `python3 -m pip install" in ended.stderr and "left with status 1" in ended.stderr
    assert list((tmp_path / "data/runtimes").iterdir()) == []


def test_an_installed_runtime_serves(tmp_path_factory, name):
    """Node.js 22 from the Python Package Index, in a server that was started afterwards."""
    server = Server()
    data = server.data
    try:
        ended = runtimes("install", "nodejs22.x", "--data", data)
        if ended.returncode != 0:
            pytest.skip(f"nodejs22.x cannot be had: {ended.stderr.strip().splitlines()[-1]}")
        assert re.match(r"nodejs22\.x: Node\.js 22\.\d+\.\d+ \(", ended.stdout)
        tree = data / "runtimes"
        assert [entry.name for entry in tree.iterdir()] == ["nodejs22.x"]
        assert tree.stat().st_mode & 0o022 == 0 and tree.stat().st_uid == os.geteuid()
        lines = listed(data, nothing_installed(tmp_path_factory.mktemp("home")))
        assert lines["nodejs22.x"]["status"] == "native" and lines["nodejs22.x"]["path"].startswith(str(tree))

        # Again: what was there is replaced.
        assert runtimes("install", "nodejs22.x", "--data", data).returncode == 0
        assert [entry.name for entry in tree.iterdir()] == ["nodejs22.x"]

        server.start()
        client = server.client()
        source = "export const handler = async () => process.version + ' ' + process.env.AWS_EXECUTION_ENV;"
        client.create_function(
            FunctionName=name, Runtime="nodejs22.x", Handler="index.handler", Role=ROLE,
            Code={"ZipFile": zip_of({"index.mjs": source})}, Timeout=30)
        client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
        answer = json.loads(client.invoke(FunctionName=name)["Payload"].read())
        assert re.fullmatch(r"v22\.\d+\.\d+ AWS_Lambda_nodejs22\.x", answer)
        # The server gave root up, and what root runs at its next start stays root's.
        assert tree.stat().st_uid == os.geteuid()
    finally:
        if server.process:
            server.close()
        shutil.rmtree(server.home, ignore_errors=True)


def test_a_directory_that_others_may_write_to_is_not_searched(tmp_path):
    """What is found there is run, maybe by root."""
    place = tmp_path / "data/runtimes/nodejs22.x/bin"
    place.mkdir(parents=True)
    node = place / "node"
    node.write_text(f"#!/bin/sh\necho version=v22.1.1\necho executable={node}\n")
    node.chmod(0o755)
    environment = nothing_installed(tmp_path)
    assert listed(tmp_path / "data", environment)["nodejs22.x"]["path"] == str(node)
    (tmp_path / "data/runtimes").chmod(0o777)
    assert listed(tmp_path / "data", environment)["nodejs22.x"].get("path") != str(node)
