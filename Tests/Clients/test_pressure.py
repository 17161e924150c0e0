"""Environments that are idle, on a node whose memory is bounded.

Between invocations AWS freezes an environment: "the execution environment is frozen … background processes … resume"
(developer guide, "Understanding the Lambda execution environment lifecycle")."""

import json
import pathlib
import threading
import time

import pytest
from botocore.exceptions import ClientError

import held
from conftest import ROLE, wait_until, zip_of

COUNTER = """
import os, threading, time
seen = {"count": 0, "gap": 0.0}
def count():
    last = time.monotonic()
    while True:
        time.sleep(0.001)
        now = time.monotonic()
        seen["gap"] = max(seen["gap"], now - last)
        seen["count"] += 1
        last = now
threading.Thread(target=count, daemon=True).start()
def handler(event, context):
    before = seen["count"]
    while seen["count"] < before + 3:
        time.sleep(0.001)
    return seen
"""


def create(client, function, source, **settings):
    client.create_function(
        FunctionName=function, Runtime="python3.11", Handler="app.handler", Role=ROLE, Code={"ZipFile": zip_of({"app.py": source})},
        **{"Timeout": 30, **settings})
    client.get_waiter("function_active_v2").wait(FunctionName=function, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})


def invoke(client, function):
    answer = client.invoke(FunctionName=function)
    assert "FunctionError" not in answer, answer["Payload"].read()
    return json.loads(answer["Payload"].read())


def children(pid):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        if int(text.rsplit(")", 1)[1].split()[1]) == pid:
            found.append((int(path.parent.name), text.split("(", 1)[1].rsplit(")", 1)[0]))
    return found


def sandboxes(server):
    """The inits of the sandboxes, spares among them."""
    launcher = next(pid for pid, name in children(server.process.pid) if name == "apus-launcher")
    return [pid for pid, name in children(launcher) if name == "init"]


def frozen(server):
    """The inits of the sandboxes that are frozen, by the kernel's word; skips where none can be."""
    mounts = [line.split() for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
    mount = next((fields[4] for fields in mounts if fields[fields.index("-") + 1] == "cgroup2"), None)
    if mount is None:
        pytest.skip("no control groups of version 2")
    found = []
    for pid in sandboxes(server):
        try:
            groups = pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        except OSError:
            continue
        path = next(line[3:] for line in groups if line.startswith("0::"))
        events = pathlib.Path(mount + path) / "cgroup.events"
        if "/apus" not in path:
            pytest.skip("sandboxes have no control groups of version 2 here")
        if events.exists() and "frozen 1" in events.read_text():
            found.append(pid)
    return found


def test_background_threads_stand_still_between_invocations(own_server):
    server = own_server(environment={"APUS_FREEZE_AFTER_MILLISECONDS": "20"})
    client = server.client()
    # The limit counts from the invocation's begin, not from where the environment stood still.
    create(client, "counter", COUNTER, Timeout=3)
    first = invoke(client, "counter")
    for pause in (1.1, 1.1, 3.1):
        wait_until(lambda: frozen(server), what="the environment frozen")
        time.sleep(pause)
        second = invoke(client, "counter")
        assert second["count"] > first["count"]
        assert second["gap"] > 1
        first = second


def test_threads_go_on_where_nothing_is_to_be_frozen(own_server):
    server = own_server(environment={"APUS_FREEZE_AFTER_MILLISECONDS": "0"})
    client = server.client()
    create(client, "counter", COUNTER)
    before = invoke(client, "counter")["count"]
    wait_until(lambda: invoke(client, "counter")["count"] > before + 200, what="some hundred counts")
    assert not frozen(server)


def test_frozen_environments_end_like_others(own_server):
    server = own_server(environment={"APUS_FREEZE_AFTER_MILLISECONDS": "20"})
    client = server.client()
    create(client, "counter", COUNTER)
    invoke(client, "counter")
    pids = wait_until(lambda: frozen(server), what="the environment frozen")
    client.delete_function(FunctionName="counter")
    wait_until(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in pids), what="the end of the environment")
    create(client, "counter", COUNTER)
    invoke(client, "counter")
    pids = wait_until(lambda: frozen(server), what="the environment frozen")
    server.process.kill()
    server.process.wait(60)
    wait_until(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in pids), what="the end of the environment")
    server.start()
    invoke(server.client(), "counter")


def test_idle_environments_give_way(own_server):
    server = own_server(environment={"APUS_MEMORY": "130"})
    client = server.client()
    for name in "abc":
        create(client, name, "import os\ncalls = 0\ndef handler(e, c):\n    global calls\n    calls += 1\n    return calls\n", MemorySize=128)
    # One that is not known is expected to take 128 MB: there is room for one such, and none beside.
    assert [invoke(client, name) for name in "aabbcc"] == [1, 2, 1, 2, 1, 2]
    # By now each is known to take a fraction of that: all have room.
    assert invoke(client, "a") == 1
    assert invoke(client, "c") == 3
    assert invoke(client, "b") == 1
    assert [invoke(client, name) for name in "abc"] == [2, 2, 4]


def test_a_full_node_refuses(own_server):
    server = own_server(environment={"APUS_MEMORY": "130"})
    client = server.client()
    create(client, "busy", held.PYTHON + "def handler(e, c): held(e)", MemorySize=128, Timeout=300)
    create(client, "other", "def handler(e, c): return 1\n", MemorySize=128)
    with held.Held(server, "busy") as holding:
        payload = json.dumps(holding.event)
        thread = threading.Thread(target=lambda: server.client().invoke(FunctionName="busy", Payload=payload))
        thread.start()
        holding.wait(1)
        with pytest.raises(ClientError) as error:
            client.invoke(FunctionName="other")
    # "Amazon EC2 throttled Lambda during function initialization": what Lambda's model has for a want of capacity.
    assert error.value.response["Error"]["Code"] == "EC2ThrottledException"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 502
    thread.join()
    assert invoke(client, "other") == 1


def test_a_storm_over_many_functions_is_served(own_server):
    server = own_server()
    client = server.client()
    for number in range(40):
        create(client, f"f{number}", f"def handler(e, c): return {number}\n")
    answers = {}
    threads = [threading.Thread(target=lambda n=number: answers.update({n: invoke(client, f"f{n}")})) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert answers == {number: number for number in range(40)}
