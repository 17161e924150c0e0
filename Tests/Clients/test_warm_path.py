"""What one warm invocation costs the server: system calls and allocations of its event loops, counted by the kernel.

Times vary with the machine; these counts do not. Each is the difference between two runs, so that what happens once counts
for nothing, divided by the invocations that one has more than the other.
"""

import os
import pathlib
import socket
import time
import urllib.parse

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from conftest import APUS, ROLE, wait_until, zip_of
from kernel_counters import Counters, Unavailable, allocations, system_calls

ECHO = "def handler(event, context):\n    return event\n"

# The numbers are x86-64's and arm64's (asm/unistd.h).
NUMBERS = {
    "x86_64": {"read": 0, "write": 1, "ioctl": 16, "pread64": 17, "writev": 20, "getrandom": 318},
    "aarch64": {"read": 63, "write": 64, "ioctl": 29, "pread64": 67, "writev": 66, "getrandom": 278},
}

# The caller's request is read, and the runtime's answer with its next request; the caller's answer is written, and the
# invocation with what the runtime's last answer is answered. The pipe is asked for what the function has printed, and the
# group for its peak of memory.
CALLS = {"read": 2, "write": 1, "writev": 1, "ioctl": 1, "pread64": 1}
# With the waits in between, of which there are two. Random numbers come a few times in a hundred invocations, and
# whoever stores the logs is woken ten times a second.
ALL_CALLS = 9
# A debug build allocates where an optimised one does not.
ALLOCATIONS = {"debug": 641, "release": 73}


class Caller:
    """Sends one signed invocation over and over, on one connection."""

    def __init__(self, server, function):
        body = b'{"name": "Apus"}'
        url = f"{server.endpoint}/2015-03-31/functions/{function}/invocations"
        request = AWSRequest("POST", url, data=body, headers={"Content-Length": str(len(body))})
        keys = Credentials(server.credentials["access_key_id"], server.credentials["secret_access_key"])
        SigV4Auth(keys, "lambda", "us-east-1").add_auth(request)
        target = urllib.parse.urlparse(url)
        head = [f"POST {target.path} HTTP/1.1", f"Host: {target.netloc}"] + [f"{k}: {v}" for k, v in request.headers.items()]
        self.request = ("\r\n".join(head) + "\r\n\r\n").encode() + body
        self.connection = socket.create_connection((target.hostname, target.port), 30)
        self.body = body

    def call(self, count, settle=lambda number: None):
        """`settle` is called after each answer, with its number."""
        for number in range(1, count + 1):
            self.connection.sendall(self.request)
            answer = b""
            while not answer.endswith(self.body):
                part = self.connection.recv(65536)
                assert part, answer
                answer += part
            assert answer.startswith(b"HTTP/1.1 200 "), answer
            settle(number)


def loops(process):
    """The threads that serve connections."""
    return [int(task.name) for task in pathlib.Path(f"/proc/{process}/task").iterdir() if (task / "comm").read_text().startswith("NIO-SGLTN")]


def cost(counters, caller, count=400):
    """What one invocation costs, by event: of `2 * count` calls less what half as many cost.

    Each comes when the runtime has asked for it, which is the last thing that is read: an invocation that has to wait for
    its environment costs more.
    """
    def is_quiet():
        before = counters.count("read")
        time.sleep(0.05)
        return counters.count("read") == before

    def run(calls):
        before = counters.read()

        def settle(number):
            end = time.monotonic() + 30
            while counters.count("read") < before["read"] + CALLS["read"] * number:
                assert time.monotonic() < end, "the runtime does not ask for its next invocation"

        caller.call(calls, settle)
        return {name: after - before[name] for name, after in counters.read().items()}

    # The runtime may not have asked yet for what comes first.
    wait_until(is_quiet)
    once, twice = run(count), run(2 * count)
    return {name: (twice[name] - once[name]) / count for name in once}


@pytest.fixture
def warm(own_server):
    """A server of its own with a warm function: nobody else's requests are counted."""
    server = own_server(environment={"APUS_REQUESTS_PER_CONCURRENCY": "100000"})
    client = server.client()
    client.create_function(
        FunctionName="echo", Runtime="python3.11", Handler="app.handler", Role=ROLE, Code={"ZipFile": zip_of({"app.py": ECHO})},
        MemorySize=1769, Timeout=30)
    client.get_waiter("function_active_v2").wait(FunctionName="echo", WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    caller = Caller(server, "echo")
    caller.call(200)
    yield server, caller
    caller.connection.close()


def measured(server, caller, events):
    """What one invocation costs in system calls and `events()`, or a skip that says why it can't be told."""
    numbers = NUMBERS.get(os.uname().machine)
    if numbers is None:
        pytest.skip("the numbers of this machine's system calls are not known")
    threads = wait_until(lambda: loops(server.process.pid), what="an event loop")
    try:
        counters = Counters(threads, {**system_calls(numbers), **events()})
    except Unavailable as reason:
        pytest.skip(f"this kernel counts nothing for us: {reason}")
    try:
        return cost(counters, caller)
    finally:
        counters.close()


def test_system_calls(warm):
    found = measured(*warm, dict)
    for name, count in CALLS.items():
        assert found[name] == pytest.approx(count, abs=0.1), found
    assert found["getrandom"] < 0.25, found
    assert found["all"] < ALL_CALLS, found


def test_allocations(warm):
    build = "debug" if "debug" in APUS.resolve().parts else "release"
    found = measured(*warm, allocations)["allocations"]
    assert found == pytest.approx(ALLOCATIONS[build], abs=max(2, 0.01 * ALLOCATIONS[build])), found
