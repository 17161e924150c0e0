"""What was acknowledged survives SIGKILL, and a killed server leaves nothing running."""

import json
import pathlib
import random
import signal
import threading

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from conftest import ROLE, wait_until, zip_of


def create(client, name, answer):
    client.create_function(
        FunctionName=name, Runtime="python3.11", Handler="app.handler", Role=ROLE,
        Code={"ZipFile": zip_of({"app.py": f"def handler(e, c): return {answer}"})})


@pytest.mark.parametrize("seed", range(3))
def test_acknowledged_functions_survive_sigkill(own_server, seed):
    server = own_server()
    client = server.client()
    acknowledged = []

    def work():
        for number in range(1000):
            try:
                create(client, f"f-{number}", number)
            except (BotoCoreError, ClientError):
                return
            acknowledged.append(number)

    thread = threading.Thread(target=work)
    thread.start()
    target = random.Random(seed).randint(3, 25)
    wait_until(lambda: len(acknowledged) >= target, 60, "some functions")
    server.stop(signal.SIGKILL)
    thread.join(60)
    server.start()
    client = server.client()
    for number in acknowledged:
        client.get_waiter("function_active_v2").wait(FunctionName=f"f-{number}", WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    number = acknowledged[-1]
    assert json.loads(client.invoke(FunctionName=f"f-{number}")["Payload"].read()) == number


def test_a_killed_server_takes_its_sandboxes_along(own_server):
    server = own_server()
    client = server.client()
    create(client, "f", 1)
    client.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    client.invoke(FunctionName="f")

    def family():
        """The server's descendants, by their parent ids."""
        children = {}
        for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(path.parent.name))
        found, waiting = [], [server.process.pid]
        while waiting:
            for child in children.get(waiting.pop(), []):
                found.append(child)
                waiting.append(child)
        return found

    before = family()
    assert len(before) >= 3  # the launcher, a sandbox's init, its runtime
    server.stop(signal.SIGKILL)
    wait_until(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in before), what="the end of the server's family")


def test_a_stopped_server_lets_invocations_finish(own_server):
    server = own_server()
    client = server.client()
    client.create_function(
        FunctionName="slow", Runtime="python3.11", Handler="app.handler", Role=ROLE, Timeout=20,
        Code={"ZipFile": zip_of({"app.py": "import time\ndef handler(e, c):\n    print('begun')\n    time.sleep(2)\n    return 'done'"})})
    client.get_waiter("function_active_v2").wait(FunctionName="slow", WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    answers = []
    thread = threading.Thread(target=lambda: answers.append(json.loads(client.invoke(FunctionName="slow")["Payload"].read())))
    logs = server.client("logs")
    thread.start()

    def begun():
        try:
            return any("begun" in e["message"] for e in logs.filter_log_events(logGroupName="/aws/lambda/slow")["events"])
        except ClientError:
            return False

    wait_until(begun, what="the invocation's begin")
    server.stop(signal.SIGTERM)
    thread.join(60)
    assert answers == ["done"]
    assert server.process.returncode == 0
