"""`make bench`: ratios, each against a baseline that runs in the same minute, turn by turn.

    Benchmarks/bench.py [ROW ...]    runs all rows, or those whose names contain one of the words

Absolute times depend on the machine; ratios travel. Every row alternates numerator and denominator for a number of rounds
and quotes the median round. The table goes to standard output and to docs/benchmarks.md.
"""

import datetime
import json
import os
import pathlib
import platform
import shutil
import signal
import socket
import statistics
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
from conftest import ROLE, Server, wait_until, zip_of  # noqa: E402

BUILT = pathlib.Path(os.environ.get("APUS_BINARY", ROOT / ".build/release/apus")).parent
ROUNDS = int(os.environ.get("APUS_BENCH_ROUNDS", "5"))
SECONDS = os.environ.get("APUS_BENCH_SECONDS", "1.5")

# What is measured is the server, not its limits.
UNLIMITED = {"APUS_REQUESTS_PER_CONCURRENCY": "100000"}
PYTHON = "def handler(event, context):\n    return event\n"
NODE = "export const handler = async (event) => event;\n"
JAVA = "public class Main { public static void main(String[] a) {} public Object handle(Object event) { return event; } }\n"


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


REQUESTS = pathlib.Path(tempfile.mkdtemp(prefix="apus-bench-"))


def plain(port, path="/"):
    body = b'{"name": "Apus"}'
    return f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def invocation(server, function):
    """The bytes of one signed invocation; valid for five minutes."""
    body = b'{"name": "Apus"}'
    url = f"{server.endpoint}/2015-03-31/functions/{function}/invocations"
    request = AWSRequest("POST", url, data=body, headers={"Content-Length": str(len(body))})
    SigV4Auth(Credentials(server.credentials["access_key_id"], server.credentials["secret_access_key"]), "lambda", "us-east-1").add_auth(request)
    target = urllib.parse.urlparse(url)
    head = [f"POST {target.path} HTTP/1.1", f"Host: {target.netloc}"] + [f"{name}: {value}" for name, value in request.headers.items()]
    return ("\r\n".join(head) + "\r\n\r\n").encode() + body


def send(port, request, connections, seconds=SECONDS, quiet=False):
    """One run of the load generator: count, perSecond, p50, p99 (microseconds)."""
    path = REQUESTS / "request"
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


def java():
    """A class with a handler, and a class path of its own with an empty main; nothing where there is no compiler."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="apus-bench-"))
    (folder / "Main.java").write_text(JAVA)
    if shutil.which("javac"):
        subprocess.run(["javac", "-d", folder, folder / "Main.java"], check=True)
    return {path.name: path.read_bytes() for path in folder.glob("*.class")}, folder


def run(command):
    """Milliseconds from the start to the end of a program."""
    begin = time.perf_counter()
    subprocess.run(command, check=True)
    return (time.perf_counter() - begin) * 1000


class Bench:
    def __init__(self):
        self.server = Server(environment=UNLIMITED).start()
        self.port = int(self.server.endpoint.rsplit(":", 1)[1])
        self.client = self.server.client()
        self.plain = subprocess.Popen([BUILT / "apus-load", "answer"], stdout=subprocess.PIPE, text=True)
        self.plain_port = int(self.plain.stdout.readline())
        self.nginx = Nginx(self.plain_port)
        self.rows = []

    def close(self):
        self.nginx.close()
        self.plain.send_signal(signal.SIGTERM)
        self.server.close()

    def deploy(self, name, files, runtime, handler, memory=1769, client=None):
        client = client or self.client
        client.create_function(
            FunctionName=name, Runtime=runtime, Handler=handler, Role=ROLE, Code={"ZipFile": zip_of(files)}, MemorySize=memory, Timeout=30)
        client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200})

    def row(self, name, ours, base, unit, ratios):
        """`ratios`: label → list of one ratio per round."""
        quoted = ", ".join(f"{label} **{statistics.median(values):.2f}**" for label, values in ratios.items())
        self.rows.append((name, quoted, f"{ours} {unit}", f"{base} {unit}"))
        print(f"{name:58} {quoted.replace('**', ''):34} {ours} against {base} {unit}", flush=True)

    def latency(self, name, function, connections=1):
        rounds = []
        for _ in range(ROUNDS):
            rounds.append((send(self.port, invocation(self.server, function), connections), send(self.nginx.port, plain(self.nginx.port), connections)))
        median = lambda side, key: statistics.median(r[side][key] for r in rounds)  # noqa: E731
        self.row(
            name, f"{median(0, 'p50'):.0f} / {median(0, 'p99'):.0f}", f"{median(1, 'p50'):.0f} / {median(1, 'p99'):.0f}", "µs (p50 / p99)",
            {key: [ours[key] / base[key] for ours, base in rounds] for key in ("p50", "p99")})

    def throughput(self, name, function, connections, base_port, base_path):
        # Environments for all of them first.
        send(self.port, invocation(self.server, function), connections, "0.5", quiet=True)
        rounds = []
        for _ in range(ROUNDS):
            base = plain(base_port, base_path)
            if base_path != "/":
                base = f"GET {base_path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
            rounds.append((send(self.port, invocation(self.server, function), connections), send(base_port, base, connections)))
        median = lambda side: statistics.median(r[side]["perSecond"] for r in rounds)  # noqa: E731
        self.row(name, f"{median(0):.0f}", f"{median(1):.0f}", "a second", {"per second": [o["perSecond"] / b["perSecond"] for o, b in rounds]})

    def cold(self, name, language, files, runtime, handler, baseline, memory=1769, pause=0.0):
        """Each round asks a function that never ran, `pause` seconds after it was made, and runs the bare interpreter, in turn."""
        ours, base = [], []
        for number in range(ROUNDS * 5):
            function = f"cold-{language}-{memory}-{number}"
            self.deploy(function, files, runtime, handler, memory)
            time.sleep(pause)
            ours.append(ask(self.port, invocation(self.server, function)))
            base.append(run(baseline))
            self.client.delete_function(FunctionName=function)
        middle = statistics.median
        self.row(
            name, f"{middle(ours):.1f} / {max(ours):.1f}", f"{middle(base):.1f} / {max(base):.1f}",
            f"ms (p50 / worst of {len(ours)})", {"p50": [middle(ours) / middle(base)], "worst": [max(ours) / max(base)]})

    def storm(self, name, count=200):
        """One warm function's p99 while `count` others start cold, against its quiet p99 just before."""
        import concurrent.futures

        functions = [f"storm-{number}" for number in range(count)]
        for function in functions:
            self.client.create_function(
                FunctionName=function, Runtime="python3.11", Handler="app.handler", Role=ROLE, MemorySize=256,
                Code={"ZipFile": zip_of({"app.py": PYTHON})}, Timeout=60)
        rounds = []
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            for number in range(3):
                for function in functions:
                    # A new revision: whatever ran for the old one ends.
                    self.client.update_function_configuration(FunctionName=function, Description=str(number))
                for function in functions:
                    self.client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 0.02, "MaxAttempts": 500})
                quiet = send(self.port, invocation(self.server, "echo"), 1, "3")
                requests = [invocation(self.server, function) for function in functions]
                begin = time.perf_counter()
                cold = [pool.submit(ask, self.port, request) for request in requests]
                stormy = send(self.port, invocation(self.server, "echo"), 1, "3")
                taken = [future.result() for future in cold]
                rounds.append((stormy, quiet))
                print(f"    {count} cold starts: median {statistics.median(taken):.0f} ms, all within {time.perf_counter() - begin:.1f} s", flush=True)
        for function in functions:
            self.client.delete_function(FunctionName=function)
        middle = lambda side: statistics.median(r[side]["p99"] for r in rounds)  # noqa: E731
        self.row(name, f"{middle(0):.0f}", f"{middle(1):.0f}", "µs (p99)", {"p99": [s["p99"] / q["p99"] for s, q in rounds]})

    def churn(self, name, count=int(os.environ.get("APUS_BENCH_CHURN", "1000"))):
        """Create, call once, delete, over and over: the last twentieth against the first, and what is left behind."""
        def left():
            pids = descendants(self.server.process.pid)
            launcher = next(pid for pid in pids if command(pid) == "apus-launcher")
            return {
                "processes": len(pids), "mounts": len(pathlib.Path(f"/proc/{launcher}/mountinfo").read_text().splitlines()),
                "descriptors of the server": len(os.listdir(f"/proc/{self.server.process.pid}/fd")),
                "descriptors of the launcher": len(os.listdir(f"/proc/{launcher}/fd")),
                "code": len(os.listdir(self.server.data / "code")),
            }

        times = []
        before = None
        for number in range(count):
            if number == count // 20:
                before = left()
            begin = time.perf_counter()
            self.deploy("churn", {"app.py": PYTHON}, "python3.11", "app.handler", 128)
            ask(self.port, invocation(self.server, "churn"))
            self.client.delete_function(FunctionName="churn")
            times.append((time.perf_counter() - begin) * 1000)
        after = left()
        print(f"    left behind: {', '.join(f'{key} {before[key]} then {after[key]}' for key in before)}", flush=True)
        first, last = statistics.median(times[: count // 20]), statistics.median(times[-(count // 20):])
        self.row(name, f"{last:.1f}", f"{first:.1f}", "ms (p50)", {"p50": [last / first]})

    def peer(self, cold, warm):
        """The same Python function here and there, in turn: its first invocation, then some more. How many times slower the peer is."""
        peer = Peer()
        if not peer.process:
            return
        files, middle = {"app.py": PYTHON}, statistics.median
        first, later = [], []
        for number in range(ROUNDS * 2):
            function = f"peer-{number}"
            sides = []
            for server, client, port in ((peer, peer.client, peer.port), (self.server, self.client, self.port)):
                self.deploy(function, files, "python3.11", "app.handler", client=client)
                request = invocation(server, function)
                sides.append((ask(port, request), middle(ask(port, request) for _ in range(20))))
            first.append((sides[0][0], sides[1][0]))
            later.append((sides[0][1], sides[1][1]))
        for name, pairs in ((cold, first), (warm, later)):
            theirs, ours = (middle(pair[side] for pair in pairs) for side in (0, 1))
            self.row(name, f"{ours:.1f}", f"{theirs:.1f}", "ms (p50)", {"times slower": [a / b for a, b in pairs]})
        peer.close()

    def memory(self, name, count=20):
        """Proportional memory of idle warm Python environments against as many fresh interpreters with the same imports."""
        import concurrent.futures

        self.deploy("idle", {"app.py": "import time, json, logging, traceback\ndef handler(e, c): time.sleep(0.8)\n"}, "python3.11", "app.handler")
        client = self.server.client()
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            list(pool.map(lambda _: client.invoke(FunctionName="idle"), range(count)))
        inits = children(self.server.process.pid)
        ours = [sum(pss(p) for p in [init] + descendants(init)) for init in inits if command(init) == "init"]
        # The rest is what earlier rows left idle.
        ours = ours[-count:]
        fresh = [subprocess.Popen([sys.executable, "-c", "import time, json, logging, traceback; print(1, flush=True); time.sleep(60)"], stdout=subprocess.PIPE)
                 for _ in range(count)]
        for process in fresh:
            process.stdout.readline()
        base = [pss(process.pid) for process in fresh]
        for process in fresh:
            process.kill()
            process.wait()
        self.row(name, f"{statistics.mean(ours) / 1024:.1f}", f"{statistics.mean(base) / 1024:.1f}", "MiB each",
                 {"mean": [statistics.mean(ours) / statistics.mean(base)]})


def children(pid):
    """The launcher's children: one init for each sandbox, and the keeper of the network."""
    launchers = descendants(pid, 1)
    return [child for launcher in launchers for child in descendants(launcher, 1)]


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


def pss(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def idle(bench):
    """What a server that nobody asks uses: resident memory now, processor ticks over some seconds."""
    fields = lambda: pathlib.Path(f"/proc/{bench.process.pid}/stat").read_text().rsplit(")", 1)[1].split()  # noqa: E731
    before = sum(map(int, fields()[11:13]))
    time.sleep(5)
    resident = next(int(line.split()[1]) for line in pathlib.Path(f"/proc/{bench.process.pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return resident / 1024, sum(map(int, fields()[11:13])) - before


def main(words):
    fresh = Server(environment=UNLIMITED).start()
    resident, ticks = idle(fresh)
    fresh.close()
    print(f"idle server: {resident:.1f} MiB resident, {ticks} ticks of 10 ms in 5 s")
    bench = Bench()
    classes, folder = java()
    python = subprocess.run([sys.executable, "-c", "import sys; print(sys._base_executable)"], capture_output=True, text=True).stdout.strip()
    try:
        bench.deploy("echo", {"bootstrap!": (BUILT / "apus-echo").read_bytes()}, "provided.al2023", "any")
        bench.deploy("python", {"app.py": PYTHON}, "python3.11", "app.handler")
        bench.deploy("node", {"index.mjs": NODE}, "nodejs20.x", "index.handler")
        rows = [
            ("warm native echo / nginx proxy to a plain server", lambda n: bench.latency(n, "echo")),
            ("warm Python / nginx proxy to a plain server", lambda n: bench.latency(n, "python")),
            ("warm Node.js / nginx proxy to a plain server", lambda n: bench.latency(n, "node")),
            ("cold Python / python3 -c pass", lambda n: bench.cold(n, "python", {"app.py": PYTHON}, "python3.11", "app.handler", [python, "-c", "pass"])),
            ("cold Python with 128 MB / python3 -c pass",
             lambda n: bench.cold(n, "python", {"app.py": PYTHON}, "python3.11", "app.handler", [python, "-c", "pass"], 128)),
            ("cold native echo / true", lambda n: bench.cold(n, "echo", {"bootstrap!": (BUILT / "apus-echo").read_bytes()}, "provided.al2023", "any", ["true"])),
            ("cold Node.js / node -e 0", lambda n: bench.cold(n, "node", {"index.mjs": NODE}, "nodejs20.x", "index.handler", ["node", "-e", "0"])),
            ("cold Java / an empty java main",
             lambda n: bench.cold(n, "java", classes, "java17", "Main::handle", ["java", "-cp", folder, "Main"], pause=1) if classes else None),
            ("native echo, 64 connections / our own health page", lambda n: bench.throughput(n, "echo", 64, bench.port, "/_apus/health")),
            ("native echo, 64 connections / bare plain server", lambda n: bench.throughput(n, "echo", 64, bench.plain_port, "/")),
            ("memory of an idle Python environment / fresh interpreter", lambda n: bench.memory(n)),
            ("warm native echo in a storm of 200 cold starts / quiet", lambda n: bench.storm(n)),
            ("create, call, delete: the last twentieth of 1,000 / the first", lambda n: bench.churn(n)),
            ("ministack's cold and warm Python / ours", lambda n: bench.peer("ministack's cold Python / ours", "ministack's warm Python / ours")),
        ]
        for name, measure in rows:
            if not words or any(word in name for word in words):
                measure(name)
    finally:
        bench.close()
    if not words:
        write(bench.rows, resident, ticks)


def size(program):
    return round((BUILT / program).stat().st_size / 1e6)


def write(rows, resident, ticks):
    lines = [
        "# Benchmarks", "",
        "Ratios against a baseline of the same run, which alternates with the measured side; smaller is better, but for the rows",
        "per second. `make bench` repeats all of it, `Benchmarks/bench.py WORD` the rows whose name has the word. Absolute",
        "figures are those of one small shared machine and say little by themselves.", "",
        f"{datetime.date.today()}, {os.cpu_count()} cores, Linux {platform.release().split('-')[0]}.", "",
        f"An idle server: {resident:.0f} MiB resident, {ticks * 10} ms of processor time in 5 s. The programs: apus "
        f"{size('apus')} MB, apus-launcher {size('apus-launcher')} MB, not stripped.", "",
        "Warm rows send signed requests, one after the other over one connection, and record them in an HdrHistogram; the function",
        "returns its event. Their baseline, nginx in front of a server that answers a constant, has two processes in the path, too.",
        "Cold rows ask a function for the first time since it was made, one function right after the other; their baseline is a",
        "whole run of the bare interpreter. Java's functions are asked a second after they were made: there a waiting sandbox is ready.",
        "A storm's p99 is that of one warm function while 200 others start, on all processors.", "",
        "| row | ratio | Apus | baseline |", "|---|---|---|---|",
    ] + [f"| {' | '.join(row)} |" for row in rows]
    (ROOT / "docs/benchmarks.md").write_text("\n".join(lines) + "\n")


main(sys.argv[1:])
