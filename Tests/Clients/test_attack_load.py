"""Many connections, slow ones, and ones that break: the others are served, and nothing stays behind.

The deadlines themselves, on a clock that stands still until it is moved: Tests/GatewayTests/DeadlineTests.swift.
"""

import json
import os
import random
import resource
import socket

import pytest

from attack import LIST, Line, Signed, Traces, eventually
from conftest import ROLE, Server, zip_of

IDLE = 10_000
# The server keeps one of four descriptors for itself.
NEEDED = IDLE * 4 // 3 + 200
HEALTH = b"GET /_apus/health HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def descriptors():
    """As many as this process may have; the server inherits the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def target(descriptors, own_server):
    server = own_server()
    assert Signed(server).sign().send(server).status == 200
    return server


def reset(lines):
    for line in lines:
        line.reset()


def test_ten_thousand_idle_connections(target, descriptors):
    """Held in flat memory while others are served; a further ten thousand requests change nothing of that."""
    if descriptors < NEEDED:
        pytest.skip(f"a process may have {descriptors} descriptors here: {NEEDED} are needed")
    traces = Traces(target)
    lines = []
    try:
        for number in range(IDLE):
            lines.append(Line(target))
            # Half of them have been served before.
            if number % 2:
                lines[-1].send(HEALTH)
        for line in lines[1::2]:
            assert line.answer().status == 200
        held = traces.now()
        assert held["descriptors"] - traces.before["descriptors"] >= IDLE - 100
        # 40 KiB each at most; a reading buffer of its own would be more.
        assert held["memory"] - traces.before["memory"] < IDLE * 40 // 1024, (traces.before, held)
        for _ in range(20):
            with Line(target, timeout=10) as line:
                for _ in range(500):
                    assert line.send(HEALTH).answer().status == 200
        assert Signed(target).sign().send(target).status == 200
        later = traces.now()
        assert later["memory"] <= held["memory"] + 32 and later["threads"] <= held["threads"] + 4, (held, later)
        # They are as good as new.
        for line in random.sample(lines, 50):
            assert line.send(HEALTH).answer().status == 200
    finally:
        reset(lines)
    traces.are_gone(memory=IDLE * 40 // 1024)


def test_connections_past_the_limit_are_turned_away(own_server):
    server = own_server(environment={"APUS_CONNECTIONS": "16"})
    half = HEALTH.replace(b"\r\n\r\n", b"\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
    lines = []

    def is_full():
        # Half a request, of which the server knows: it is not idle.
        lines.append(Line(server).send(half))
        return lines[-1].answer().status == 503 and lines[-1].is_over()

    eventually(is_full, what="the limit")
    assert len(lines) <= 17
    reset(lines)
    eventually(lambda: Line(server).send(HEALTH).answer().status == 200, what="room for others")


def test_idle_connections_make_room(own_server):
    """However many somebody holds, everybody else is served; who was served last keeps its connection."""
    server = own_server(environment={"APUS_CONNECTIONS": "16"})
    lines = []
    try:
        def is_served():
            lines.append(Line(server))
            answer = lines[-1].send(HEALTH).answer()
            if answer and answer.status == 200:
                return True
            lines.pop().close()

        for _ in range(48):
            eventually(is_served, what="room")
        assert lines[0].is_over() and lines[24].is_over()
        assert lines[-1].send(HEALTH).answer().status == 200
    finally:
        reset(lines)


def test_half_a_request_keeps_nobody_waiting(target):
    """Heads and bodies that do not go on, a thousand of each kind."""
    traces = Traces(target)
    whole = Signed(target, "POST", LIST + "f/invocations", body=b"x" * 1000).sign().bytes()
    lines = []
    try:
        for cut in (1, len("POST"), 60, 200, len(whole) - 1000, len(whole) - 1):
            for _ in range(170):
                lines.append(Line(target).send(whole[:cut]))
        for _ in range(50):
            with Line(target, timeout=10) as line:
                assert line.send(Signed(target).sign().bytes()).answer().status == 200
    finally:
        reset(lines)
    traces.are_gone()


def test_clients_that_do_not_read(target):
    """A hundred downloads that nobody takes: files are read as far as clients take them."""
    code = zip_of({"app.py": "def handler(e, c): return 1", "data": os.urandom(24 << 20)})
    client = target.client()
    client.create_function(FunctionName="f", Role=ROLE, Runtime="python3.11", Handler="app.handler", Code={"ZipFile": code})
    url = client.get_function(FunctionName="f")["Code"]["Location"]
    path = url.split("/", 3)[3]
    request = f"GET /{path} HTTP/1.1\r\nHost: {target.endpoint.split('//')[1]}\r\n\r\n".encode()
    traces = Traces(target)
    lines = []
    try:
        for _ in range(100):
            line = Line(target)
            line.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lines.append(line.send(request))
        # All are being answered, and nobody else waits.
        for line in lines:
            assert line.socket.recv(12, socket.MSG_PEEK).startswith(b"HTTP/1.1 200")
        assert Signed(target).sign().send(target).status == 200
        assert traces.now()["memory"] < traces.before["memory"] + 200, (traces.before, traces.now())
    finally:
        reset(lines)
    traces.are_gone()


def test_connections_that_break_anywhere(target):
    chosen = random.Random(1)
    traces = Traces(target)
    requests = [
        Signed(target).sign().bytes(), Signed(target, "POST", LIST + "f/invocations", body=b"{}" * 2000).sign().bytes(),
        Signed(target, "POST", LIST, body=json.dumps({"FunctionName": "x"}).encode()).sign().bytes(), HEALTH * 20,
        b"GET /nonsense\r\n\r\n",
    ]
    for _ in range(1500):
        data = chosen.choice(requests)
        line = Line(target).send(data[:chosen.randrange(len(data) + 1)])
        if chosen.random() < 0.5:
            line.reset()
        else:
            line.close()
    traces.are_gone()


def test_bodies_of_nobody_take_no_memory(target):
    """Whoever does not sign is refused before the body, however much of it is sent."""
    traces = Traces(target)
    lines = []
    try:
        for _ in range(40):
            line = Line(target)
            line.send(f"POST {LIST} HTTP/1.1\r\nHost: a\r\nContent-Length: {60 << 20}\r\n\r\n".encode())
            assert line.answer().status == 403
            try:
                line.send(b"x" * (4 << 20))
            except (BrokenPipeError, ConnectionResetError):
                pass
            lines.append(line)
        assert traces.now()["memory"] < traces.before["memory"] + 64, (traces.before, traces.now())
    finally:
        reset(lines)
    traces.are_gone()
