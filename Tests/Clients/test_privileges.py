"""Which user does what: the process that faces the network is never root, and an ordinary user can run all of it.

Expectations: docs/isolation.md.
"""

import json
import os
import pathlib
import subprocess

import pytest

from conftest import APUS, ROLE, Server, zip_of

ORDINARY = 54321
AS_ORDINARY = ["setpriv", "--reuid", str(ORDINARY), "--regid", str(ORDINARY), "--clear-groups"]


def status(pid, task=None):
    text = pathlib.Path(f"/proc/{pid}/task/{task}/status" if task else f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


@pytest.mark.skipif(os.geteuid() != 0, reason="only a server that root started has something to give up")
def test_a_server_started_by_root_is_an_ordinary_user_in_every_thread(server):
    tasks = os.listdir(f"/proc/{server.process.pid}/task")
    assert tasks
    for task in tasks:
        fields = status(server.process.pid, task)
        assert "0" not in fields["Uid"].split() and "0" not in fields["Gid"].split(), fields["Name"]
        for kind in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
            assert int(fields[kind], 16) == 0, (fields["Name"], kind)


def test_the_data_directory_is_for_the_server_alone(server):
    assert server.data.stat().st_mode & 0o077 == 0
    assert (server.data / "credentials").stat().st_mode & 0o077 == 0


class OrdinaryServer(Server):
    """A server that an ordinary user starts, who may lack control groups and a way to the internet."""

    def __init__(self):
        weaknesses = ["memory-limit", "cpu-limit", "process-limit", "no-internet"]
        super().__init__(*(word for name in weaknesses for word in ("--accept", name)), environment={"HOME": "/"})
        os.chown(self.home, ORDINARY, ORDINARY)

    def command(self):
        return [*AS_ORDINARY, *super().command()]


@pytest.fixture
def ordinary():
    if os.geteuid() != 0:
        pytest.skip("the whole suite runs as an ordinary user already")
    if subprocess.run([*AS_ORDINARY, APUS, "--version"], capture_output=True).returncode != 0:
        pytest.skip(f"an ordinary user cannot reach {APUS}")
    if subprocess.run([*AS_ORDINARY, "unshare", "--user", "true"], capture_output=True).returncode != 0:
        pytest.skip("this host has no unprivileged user namespaces")
    running = OrdinaryServer().start()
    yield running
    running.close()


def test_an_ordinary_user_runs_functions_in_isolation(ordinary):
    assert status(ordinary.process.pid)["Uid"].split()[0] == str(ORDINARY)
    client = ordinary.client()
    code = """
import os
def handler(event, context):
    try:
        seen = os.listdir(event["path"])
    except OSError as error:
        seen = type(error).__name__
    status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
    return {"uid": os.getuid(), "seen": seen, "capabilities": int(status["CapBnd"], 16), "seccomp": status["Seccomp"],
            "processes": sum(name.isdigit() for name in os.listdir("/proc"))}
"""
    client.create_function(
        FunctionName="f", Runtime="python3.11", Handler="app.handler", Role=ROLE, Code={"ZipFile": zip_of({"app.py": code})})
    client.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    answer = client.invoke(FunctionName="f", Payload=json.dumps({"path": str(ordinary.data)}))
    document = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, document
    assert document == {"uid": 993, "seen": "FileNotFoundError", "capabilities": 0, "seccomp": "2", "processes": 2}
