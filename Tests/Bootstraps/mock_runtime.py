"""A Runtime API of one environment, and a way to run a bootstrap against it."""

import json
import os
import queue
import re
import signal
import socket
import struct
import subprocess
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BOOTSTRAPS = REPOSITORY / "Sources" / "Runtimes" / "Bootstraps"
REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3f%02x"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:hello:live"
TRACE = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=%d"
PATIENCE = 30


@dataclass
class Event:
    body: object = field(default_factory=dict)
    headers: dict = field(default_factory=dict)
    raw: bytes = None
    chunked: bool = False

    def bytes(self):
        return self.raw if self.raw is not None else json.dumps(self.body).encode()


@dataclass
class Post:
    path: str
    headers: dict
    raw: bytes
    trailers: dict = field(default_factory=dict)

    @property
    def kind(self):
        return self.path.rsplit("/", 1)[-1]

    @property
    def body(self):
        return json.loads(self.raw)

    @property
    def error_type(self):
        return self.headers.get("lambda-runtime-function-error-type")


@dataclass
class Result:
    posts: list
    output: str
    status: int
    nexts: int
    connections: int
    restores: int = 0

    @property
    def only(self):
        assert len(self.posts) == 1, (self.posts, self.output)
        return self.posts[0]


class MockRuntime:
    def __init__(self, events, statuses=None):
        self.events = queue.Queue()
        for index, event in enumerate(events):
            self.events.put((index, event))
        self.expected = len(events)
        self.statuses = statuses or {}
        self.posts = []
        self.nexts = 0
        self.restores = 0
        self.connections = 0
        self.finished = threading.Event()
        mock = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def setup(self):
                mock.connections += 1
                super().setup()

            def log_message(self, *arguments):
                pass

            def do_GET(self):
                if self.path == "/2018-06-01/runtime/restore/next":
                    mock.restores += 1
                    self.send_response(200)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    self.wfile.flush()
                    return
                assert self.path == "/2018-06-01/runtime/invocation/next", self.path
                mock.nexts += 1
                try:
                    index, event = mock.events.get(block=False)
                except queue.Empty:
                    mock.finished.set()
                    mock.ended.wait(PATIENCE)
                    self.close_connection = True
                    return
                self.answer_event(index, event)

            def answer_event(self, index, event):
                headers = {
                    "Content-Type": "application/json",
                    "Lambda-Runtime-Aws-Request-Id": REQUEST_ID % index,
                    "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 20_000),
                    "Lambda-Runtime-Invoked-Function-Arn": ARN,
                    "Lambda-Runtime-Trace-Id": TRACE % index,
                    **event.headers,
                }
                body = event.bytes()
                self.send_response(200)
                for name, value in headers.items():
                    if value is not None:
                        self.send_header(name, value)
                if event.chunked:
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    half = len(body) // 2
                    for part in (body[:half], body[half:], b""):
                        if part or not body[half:] or part == b"":
                            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                            self.wfile.flush()
                else:
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                self.wfile.flush()

            def do_POST(self):
                trailers = {}
                if self.headers.get("Transfer-Encoding") == "chunked":
                    raw = b""
                    while size := int(self.rfile.readline(), 16):
                        raw += self.rfile.read(size)
                        self.rfile.readline()
                    while line := self.rfile.readline().strip():
                        name, value = line.decode().split(": ", 1)
                        trailers[name.lower()] = value
                else:
                    raw = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                post = Post(self.path.removeprefix("/2018-06-01/runtime"), headers, raw, trailers)
                mock.posts.append(post)
                body = b'{"status":"OK"}\n'
                self.send_response(mock.statuses.get(post.kind, 202))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                self.wfile.flush()

        self.ended = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def authority(self):
        return "127.0.0.1:%d" % self.server.server_address[1]

    def close(self):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


# What a process has from its start that learns only later for which function it is (ResolvedRuntime.startVariables).
START_VARIABLES = re.compile(
    "(PATH|LAMBDA_TASK_ROOT|LAMBDA_RUNTIME_DIR|AWS_EXECUTION_ENV)$"
    "|LD_|LANG|LC_|GLIBC_|MALLOC_|OPENSSL_|SSL_|PYTHON|NODE_|UV_|RUBY|GEM_|BUNDLE_"
)


def rest(process):
    """Waits until a process that was started ahead has prepared itself: it uses no more of the processor."""
    used, quiet, limit = None, 0, time.monotonic() + PATIENCE
    while quiet < 4 and process.poll() is None:
        assert time.monotonic() < limit, "the process has not come to rest"
        time.sleep(0.02)
        fields = Path("/proc/%d/stat" % process.pid).read_text().rsplit(")", 1)[1].split()
        quiet = quiet + 1 if fields[11:13] == used else 0
        used = fields[11:13]


def run(command, directory, files, handler="app.handler", events=(Event(),), env=None, statuses=None, ahead=False, keeps_directory=False, rested=False):
    """Runs `command` with `files` as the function's code until it asks for one event more than there are, or ends.

    `ahead`: it is started before it is known for which function, in another directory, and told then; "forked": and forks
    before it is told. In a sandbox the init changes its directory; `keeps_directory` is for what relies on that. `rested`:
    not told before it waits.
    """
    directory = Path(directory)
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    mock = MockRuntime(list(events), statuses)
    environment = {
        "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": ":UTC", "LAMBDA_TASK_ROOT": str(directory),
        "LAMBDA_RUNTIME_DIR": "/var/runtime", "AWS_LAMBDA_RUNTIME_API": mock.authority, "_HANDLER": handler,
        "AWS_LAMBDA_FUNCTION_NAME": "hello", "AWS_LAMBDA_FUNCTION_VERSION": "7", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/hello", "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/02/[7]abc",
        "AWS_REGION": "us-east-1",
        **(env or {}),
    }  # fmt: skip
    environment = {name: value for name, value in environment.items() if value is not None}
    binding, start, place, theirs = None, environment, directory, ()
    if ahead:
        binding, other = socket.socketpair()
        theirs = (other.fileno(),)
        start = {name: value for name, value in environment.items() if START_VARIABLES.match(name)}
        start.update(TZ=":UTC", APUS_BINDING=str(other.fileno()))
        if ahead == "forked":
            start["APUS_ZYGOTE"] = "1"
        place = directory if keeps_directory else "/"
    process = subprocess.Popen(
        command, cwd=place, env=start, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        pass_fds=theirs, start_new_session=True,
    )  # fmt: skip
    if ahead:
        other.close()
        if rested:
            rest(process)
        pairs = b"".join(b"%s=%s\0" % (name.encode(), value.encode()) for name, value in environment.items())
        binding.sendall(struct.pack("<I", len(pairs)) + pairs)
        binding.close()
    chunks = []
    reader = threading.Thread(target=lambda: chunks.append(process.stdout.read()))
    reader.start()
    limit = time.monotonic() + PATIENCE
    try:
        while process.poll() is None and not mock.finished.wait(0.005):
            assert time.monotonic() < limit, "the bootstrap neither ended nor asked for another event"
        status = process.poll()
    finally:
        if process.poll() is None:
            # With what it has forked.
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join()
        process.stdout.close()
        mock.close()
    output = b"".join(chunks).decode("utf-8", "replace")
    return Result(mock.posts, output, status, mock.nexts, mock.connections, mock.restores)
