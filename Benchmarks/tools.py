"""What rows measure with: signed requests, the load generator, programs, and what processes hold."""

import json
import math
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "Tests/Clients"))
from conftest import wait_until  # noqa: E402

BUILT = pathlib.Path(os.environ.get("APUS_BINARY", ROOT / ".build/release/apus")).parent
SECONDS = os.environ.get("APUS_BENCH_SECONDS", "1.5")
REQUESTS = pathlib.Path(tempfile.mkdtemp(prefix="apus-bench-"))
BODY = b'{"name": "Apus"}'


def percentile(values, share):
    """The smallest value that `share` of all do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]


# Requests


def plain(port, path="/"):
    return f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY


def invocation(server, function, key=None, kind="RequestResponse"):
    """The bytes of one invocation, signed with `key` (id, secret) or the owner's; valid for five minutes."""
    headers = {} if kind == "RequestResponse" else {"X-Amz-Invocation-Type": kind}
    return signed(server, "lambda", f"/2015-03-31/functions/{function}/invocations", BODY, headers, key)


def message(server, operation, **parameters):
    """The bytes of one request to SQS."""
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{operation}"}
    return signed(server, "sqs", "/", json.dumps(parameters).encode(), headers)


def signed(server, service, path, body, headers, key=None):
    key = key or (server.credentials["access_key_id"], server.credentials["secret_access_key"])
    url = server.endpoint + path
    request = AWSRequest("POST", url, data=body, headers={"Content-Length": str(len(body)), **headers})
    SigV4Auth(Credentials(*key), service, "us-east-1").add_auth(request)
    target = urllib.parse.urlparse(url)
    head = [f"POST {target.path} HTTP/1.1", f"Host: {target.netloc}"] + [f"{name}: {value}" for name, value in request.headers.items()]
    return ("\r\n".join(head) + "\r\n\r\n").encode() + body


def send(port, request, connections, seconds=SECONDS, quiet=False):
    """One run of the load generator: count, perSecond, p50, p99 (microseconds)."""
    path = REQUESTS / f"request-{port}"
    path.write_bytes(request)
    ended = subprocess.run(
        [BUILT / "apus-load", "send", "--port", str(port), "--request", path, "--connections", str(connections), "--seconds", seconds,
         "--warmup", "0.3"], capture_output=True, text=True)
    if ended.returncode:
        if quiet:
            return None
        raise SystemExit(ended.stderr)
    result = json.loads(ended.stdout)
    if result["failures"] and not quiet:
        raise SystemExit(f"{result['failures']} of {result['count']} requests failed")
    return result


def ask(port, request):
    """One request over a connection of its own; milliseconds from the first byte sent to the last received."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begin = time.perf_counter()
        connection.sendall(request)
        answer = b""
        while True:
            head, separator, body = answer.partition(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
            if separator and len(body) >= length:
                break
            part = connection.recv(65536)
            if not part:
                raise SystemExit("the connection ended before the answer")
            answer += part
        taken = (time.perf_counter() - begin) * 1000
    if lines[0] != b"http/1.1 200 ok" or b"x-amz-function-error" in head.lower():
        raise SystemExit(answer.decode())
    return taken


def run(command):
    """Milliseconds from the start to the end of a program, whatever it says of itself."""
    begin = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - begin) * 1000


# Processes


def descendants(pid, depth=99):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found + ([x for child in found for x in descendants(child, depth - 1)] if depth > 1 else [])


def command(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def inits(server):
    """One for each sandbox of a server: the launcher's children, but for the keeper of the network."""
    launchers = descendants(server, 1)
    return [child for launcher in launchers for child in descendants(launcher, 1) if command(child) == "init"]


def pss(pid):
    """KiB of memory, with a share of what others use as well."""
    try:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def processor(pid):
    """Seconds of processor time that the threads of a process have used that live, to the nanosecond."""
    used = 0
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            used += int(path.read_text().split()[0])
        except OSError:
            pass
    return used / 1e9


def ticks(pid):
    """The same of a whole process, with the threads that have ended, in steps of 10 ms."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS"))


def available():
    """KiB of memory that the machine could still give."""
    text = pathlib.Path("/proc/meminfo").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("MemAvailable:"))


# Others


class Nginx:
    """nginx as a reverse proxy, with keep-alive on both sides, to the plain server."""

    def __init__(self, upstream):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="apus-bench-"))
        self.folder.chmod(0o755)
        self.port = upstream + 1 if upstream < 65000 else upstream - 1
        (self.folder / "nginx.conf").write_text(f"""
worker_processes 1; daemon off; pid {self.folder}/pid; error_log {self.folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_body_temp_path {self.folder}/body; proxy_temp_path {self.folder}/proxy;
  fastcgi_temp_path {self.folder}/f; uwsgi_temp_path {self.folder}/u; scgi_temp_path {self.folder}/s;
  keepalive_requests 100000000;
  upstream plain {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{self.port}; location / {{ proxy_pass http://plain; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
}}""")
        nginx = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        self.process = subprocess.Popen([nginx, "-c", self.folder / "nginx.conf", "-p", self.folder], stderr=subprocess.DEVNULL)
        wait_until(lambda: send(self.port, plain(self.port), 1, "0.05", quiet=True), 10, "nginx")

    def close(self):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.folder)


class Peer:
    """ministack, a LocalStack replacement that runs functions in plain subprocesses: from PyPI, in an environment of its own."""

    def __init__(self):
        self.process = None
        venv = ROOT / ".venv-ministack"
        program = venv / "bin/ministack"
        if not program.exists():
            subprocess.run([sys.executable, "-m", "venv", venv], check=True)
            installed = subprocess.run([venv / "bin/pip", "install", "--quiet", "ministack"])
            if installed.returncode:
                print("ministack cannot be installed: its rows are left out")
                return
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="apus-bench-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.credentials = {"access_key_id": "test", "secret_access_key": "test"}
        self.process = subprocess.Popen(
            [program], cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "GATEWAY_PORT": str(self.port), "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1",
                 "LAMBDA_EXECUTOR": "local", "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0", "HOME": str(self.folder)})
        self.client = boto3.client(
            "lambda", endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id="test",
            aws_secret_access_key="test", config=Config(retries={"max_attempts": 0}))
        wait_until(self.answers, 60, "ministack")

    def answers(self):
        try:
            return self.client.list_functions()
        except ClientError:
            raise
        except BotoCoreError:
            return None

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
            shutil.rmtree(self.folder, ignore_errors=True)
