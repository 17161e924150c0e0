"""`make bench`: ratios, each against a baseline that runs in the same minute, turn by turn.

    Benchmarks/bench.py [KEY ...]    measures all rows, or those with these keys

Absolute times depend on the machine; ratios travel. Every row alternates numerator and denominator for a number of rounds
and quotes the median round. All rows together go to docs/benchmarks.md.
"""

import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from statistics import mean, median

from queues import committed, consumed, dispatched, fill, starts, synced, waiting
from report import Row, write
from tools import (
    BUILT, ROOT, Nginx, Peer, ask, available, command, descendants, inits, invocation, message, percentile, plain, processor, pss, resident, run,
    send, ticks)

from conftest import ROLE, Server, wait_until, zip_of

ROUNDS = int(os.environ.get("APUS_BENCH_ROUNDS", "5"))
COLD = int(os.environ.get("APUS_BENCH_COLD", "100"))
HELD = int(os.environ.get("APUS_BENCH_HELD", "500"))
QUEUED = int(os.environ.get("APUS_BENCH_QUEUED", "1000000"))
CHURN = int(os.environ.get("APUS_BENCH_CHURN", "10000"))

# What is measured is the server, not its limits.
UNLIMITED = {"APUS_REQUESTS_PER_CONCURRENCY": "100000"}
INTERPRETER = subprocess.run(
    [sys.executable, "-c", "import sys; print(sys._base_executable)"], capture_output=True, text=True).stdout.strip()
PYTHON = {"app.py": "def handler(event, context):\n    return event\n"}
RUBY = {"app.rb": "def handler(event:, context:)\n  event\nend\n"}
NODE = {"index.mjs": "export const handler = async (event) => event;\n"}
ECHO = BUILT / "apus-echo"
NATIVE = {"bootstrap!": ECHO.read_bytes()}
JAVA = "public class Main { public static void main(String[] a) {} public Object handle(Object event) { return event; } }"
IMPORTS = "import time, json, logging, traceback"

ROWS = []


def row(key, name, **goals):
    """Declares a row. `goals`: label → bound; one in a tuple is a least, not a most."""
    bounds = {label: (bound[0], True) if isinstance(bound, tuple) else (bound, False) for label, bound in goals.items()}
    return lambda measure: ROWS.append((key, name, bounds, measure))


class Bench:
    """The server, its baselines, and the ways to measure them."""

    def __init__(self):
        self.server = Server(environment=UNLIMITED).start()
        self.pid = self.server.process.pid
        self.port = int(self.server.endpoint.rsplit(":", 1)[1])
        self.client = self.server.client()
        self.plain = subprocess.Popen([BUILT / "apus-load", "answer"], stdout=subprocess.PIPE, text=True)
        self.plain_port = int(self.plain.stdout.readline())
        self.nginx = Nginx(self.plain_port)

    def close(self):
        self.nginx.close()
        self.plain.send_signal(signal.SIGTERM)
        self.server.close()

    def deploy(self, name, files, runtime, handler="app.handler", memory=1769, client=None, **settings):
        client = client or self.client
        client.create_function(
            FunctionName=name, Runtime=runtime, Handler=handler, Role=ROLE, Code={"ZipFile": zip_of(files)}, MemorySize=memory,
            Timeout=60, **settings)
        client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200})
        return name

    def invocation(self, function):
        return invocation(self.server, function)

    # Each answers ratios by label, our figure, the baseline's, and their unit.

    def warm(self, function):
        rounds = [
            (send(self.port, self.invocation(function), 1), send(self.nginx.port, plain(self.nginx.port), 1)) for _ in range(ROUNDS)]
        shown = ["{:.0f} / {:.0f}".format(*(median(r[side][key] for r in rounds) for key in ("p50", "p99"))) for side in (0, 1)]
        return {key: median(ours[key] / base[key] for ours, base in rounds) for key in ("p50", "p99")}, *shown, "µs (p50 / p99)"

    def throughput(self, function, base_port, base):
        # Environments for all of them first.
        send(self.port, self.invocation(function), 64, "0.5", quiet=True)
        rounds = [
            (send(self.port, self.invocation(function), 64)["perSecond"], send(base_port, base, 64)["perSecond"]) for _ in range(ROUNDS)]
        shown = [f"{median(r[side] for r in rounds):.0f}" for side in (0, 1)]
        return {"rate": median(ours / base for ours, base in rounds)}, *shown, "a second"

    def cold(self, files, runtime, handler, baseline, memory=1769, pause=0.0, count=COLD, **settings):
        """Each round asks a function that never ran, `pause` seconds after it was made, and runs the program that is the
        baseline, in turn."""
        ours, base = [], []
        for _ in range(count):
            self.deploy("cold", files, runtime, handler, memory, **settings)
            time.sleep(pause)
            ours.append(ask(self.port, self.invocation("cold")))
            base.append(run(baseline))
            self.client.delete_function(FunctionName="cold")
        shown = [f"{median(side):.1f} / {percentile(side, 0.99):.1f}" for side in (ours, base)]
        ratios = {"p50": median(ours) / median(base), "p99": percentile(ours, 0.99) / percentile(base, 0.99)}
        return ratios, *shown, f"ms (p50 / p99 of {count})"


# Warm


@row("warm-native", "warm native echo / nginx proxy to a plain server", p50=1.5, p99=2)
def _(bench):
    return bench.warm(bench.deploy("echo", NATIVE, "provided.al2023"))


@row("warm-python", "warm Python / nginx proxy to a plain server")
def _(bench):
    return bench.warm(bench.deploy("python", PYTHON, "python3.11"))


@row("warm-node", "warm Node.js / nginx proxy to a plain server")
def _(bench):
    return bench.warm(bench.deploy("node", NODE, "nodejs20.x", "index.handler"))


@row("warm-user", "warm native echo, for a user with ten policies / for the owner, whom none limits", p50=1.05)
def _(bench):
    function = bench.deploy("user-echo", NATIVE, "provided.al2023")
    iam = bench.server.client("iam")
    iam.create_user(UserName="bench")
    for number in range(10):
        statement = {"Effect": "Allow", "Action": ["s3:Get*", "lambda:InvokeFunction"], "Resource": f"arn:aws:lambda:*:*:function:{'user' if number == 9 else number}-*"}
        iam.put_user_policy(
            UserName="bench", PolicyName=str(number), PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    key = iam.create_access_key(UserName="bench")["AccessKey"]
    key = (key["AccessKeyId"], key["SecretAccessKey"])
    rounds = [
        tuple(send(bench.port, invocation(bench.server, function, each), 1) for each in (key, None)) for _ in range(ROUNDS)]
    shown = ["{:.0f} / {:.0f}".format(*(median(r[side][key] for r in rounds) for key in ("p50", "p99"))) for side in (0, 1)]
    return {key: median(ours[key] / base[key] for ours, base in rounds) for key in ("p50", "p99")}, *shown, "µs (p50 / p99)"


@row("rate-native", "native echo, 64 connections / our own health page", rate=(0.22,))
def _(bench):
    function = bench.deploy("rate-echo", NATIVE, "provided.al2023")
    return bench.throughput(function, bench.port, b"GET /_apus/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")


@row("rate-plain", "native echo, 64 connections / bare plain server")
def _(bench):
    return bench.throughput(bench.deploy("plain-echo", NATIVE, "provided.al2023"), bench.plain_port, plain(bench.plain_port))


@row("rate-python", "Python, 64 connections, per core of its own / its bootstrap alone", rate=(0.7,))
def _(bench):
    """Invocations per second of the processor time of the interpreters, in environments and outside of any."""
    function = bench.deploy("rate-python", PYTHON, "python3.11")
    request = bench.invocation(function)
    send(bench.port, request, 64, "0.5", quiet=True)
    task = bench.server.home / "task"
    task.mkdir(exist_ok=True)
    (task / "app.py").write_text(PYTHON["app.py"])
    rounds = []
    for _ in range(ROUNDS):
        pythons = [pid for init in inits(bench.pid) for pid in descendants(init)]
        before = sum(map(processor, pythons))
        answered = send(bench.port, request, 64)["count"]
        # The warm-up of 0.3 s before those that count is work, too.
        ours = answered * 1.2 / (sum(map(processor, pythons)) - before)
        rounds.append((ours, alone(task)))
    shown = [f"{median(r[side] for r in rounds):.0f}" for side in (0, 1)]
    return {"rate": median(ours / base for ours, base in rounds)}, *shown, "a second of processor time"


def alone(task):
    """What Python's bootstrap answers in a second of its processor time, fed by a program that does nothing else."""
    feed = subprocess.Popen([BUILT / "apus-load", "feed", "--seconds", "1.5"], stdout=subprocess.PIPE, text=True)
    port = feed.stdout.readline().strip()
    python = subprocess.Popen(
        [INTERPRETER, "-I", ROOT / "Sources/Runtimes/Bootstraps/bootstrap.py"],
        env={"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}", "_HANDLER": "app.handler", "LAMBDA_TASK_ROOT": str(task),
             "AWS_LAMBDA_FUNCTION_NAME": "alone", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
             "AWS_LAMBDA_LOG_GROUP_NAME": "g", "AWS_LAMBDA_LOG_STREAM_NAME": "s"})
    # The first request has come.
    feed.stdout.readline()
    before = processor(python.pid)
    count = int(feed.stdout.readline())
    rate = count / (processor(python.pid) - before)
    for process in (python, feed):
        process.kill()
        process.wait()
    return rate


# Cold


@row("cold-python", "cold Python / python3 -c pass", p50=0.25, p99=1.0)
def _(bench):
    return bench.cold(PYTHON, "python3.11", "app.handler", [INTERPRETER, "-c", "pass"])


@row("cold-python-128", "cold Python with 128 MB / python3 -c pass", p50=0.25, p99=1.0)
def _(bench):
    return bench.cold(PYTHON, "python3.11", "app.handler", [INTERPRETER, "-c", "pass"], 128)


@row("cold-ruby", "cold Ruby / ruby -e 0")
def _(bench):
    if not shutil.which("ruby"):
        print("no Ruby: its row is left out")
        return None
    return bench.cold(RUBY, "ruby3.3", "app.handler", ["ruby", "-e", "0"])


@row("cold-node", "cold Node.js / node -e 0", p50=0.15)
def _(bench):
    return bench.cold(NODE, "nodejs20.x", "index.handler", ["node", "-e", "0"])


@row("miss-node", "cold Node.js, a miss / node -e 0", p50=1.4)
def _(bench):
    # A variable that Node.js reads when it starts: nothing that was started ahead will do.
    return bench.cold(NODE, "nodejs20.x", "index.handler", ["node", "-e", "0"], Environment={"Variables": {"NODE_NO_WARNINGS": "1"}})


@row("cold-java", "cold Java / an empty java main", p50=0.5)
def _(bench):
    if not shutil.which("javac"):
        print("no Java compiler: its row is left out")
        return None
    folder = pathlib.Path(tempfile.mkdtemp(prefix="apus-bench-"))
    (folder / "Main.java").write_text(JAVA)
    subprocess.run(["javac", "-d", folder, folder / "Main.java"], check=True)
    files = {"Main.class": (folder / "Main.class").read_bytes()}
    # A hit: there has been time for a virtual machine to start.
    measured = bench.cold(
        files, "java17", "Main::handle", ["java", "-cp", folder, "Main"], pause=1.0, count=max(1, COLD // 4))
    shutil.rmtree(folder)
    return measured


@row("cold-native", "cold native echo / fork and exec of it", p50=3)
def _(bench):
    # Without a Runtime API it ends at once.
    return bench.cold(NATIVE, "provided.al2023", "any", [ECHO])


# Many


@row("memory", "memory of an idle Python environment / fresh interpreter", processes=0.25)
def _(bench):
    """Of many environments that have run, against as many interpreters with the same imports: what their processes hold,
    and what the whole machine lost by them."""
    bench.deploy("idle", {"app.py": f"{IMPORTS}\ndef handler(event, context): time.sleep(30)\n"}, "python3.11", memory=128)
    # The first environments of a server start by themselves, until there is a process to fork others from.
    bench.deploy("first", PYTHON, "python3.11", memory=128)
    ask(bench.port, bench.invocation("first"))
    time.sleep(10)
    others = set(inits(bench.pid))
    before = available()
    with concurrent.futures.ThreadPoolExecutor(HELD) as pool:
        list(pool.map(lambda _: ask(bench.port, bench.invocation("idle")), range(HELD)))
    machine = before - available()
    held = [sum(map(pss, [init] + descendants(init))) for init in inits(bench.pid) if init not in others]
    bench.client.delete_function(FunctionName="idle")
    before = available()
    fresh = [
        subprocess.Popen([INTERPRETER, "-c", f"{IMPORTS}; print(1, flush=True); time.sleep(600)"], stdout=subprocess.PIPE)
        for _ in range(HELD)]
    for process in fresh:
        process.stdout.readline()
    bare = before - available()
    base = [pss(process.pid) for process in fresh]
    for process in fresh:
        process.kill()
        process.wait()
    # Spares for the next are not held.
    ours = sum(sorted(held)[-HELD:]) / HELD
    return ({"processes": ours / mean(base), "machine": machine / bare},
            f"{ours / 1024:.1f} / {machine / HELD / 1024:.1f}", f"{mean(base) / 1024:.1f} / {bare / HELD / 1024:.1f}",
            f"MiB each of {HELD} (processes / machine)")


@row("storm", "warm native echo in a storm of 200 cold starts / quiet", p99=3)
def _(bench, count=200):
    """One warm function's p99 while `count` others start cold, against its quiet p99 just before."""
    echo = bench.deploy("calm", NATIVE, "provided.al2023")
    functions = [f"storm-{number}" for number in range(count)]
    for function in functions:
        bench.client.create_function(
            FunctionName=function, Runtime="python3.11", Handler="app.handler", Role=ROLE, MemorySize=256,
            Code={"ZipFile": zip_of(PYTHON)}, Timeout=60)
    rounds = []
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        for number in range(3):
            for function in functions:
                # A new revision: whatever ran for the old one ends.
                bench.client.update_function_configuration(FunctionName=function, Description=str(number))
            for function in functions:
                bench.client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 0.02, "MaxAttempts": 500})
            quiet = send(bench.port, bench.invocation(echo), 1, "3")
            requests = [bench.invocation(function) for function in functions]
            begin = time.perf_counter()
            cold = [pool.submit(ask, bench.port, request) for request in requests]
            stormy = send(bench.port, bench.invocation(echo), 1, "3")
            taken = [future.result() for future in cold]
            rounds.append((stormy["p99"], quiet["p99"]))
            print(f"    {count} cold starts: median {median(taken):.0f} ms, all within {time.perf_counter() - begin:.1f} s", flush=True)
    for function in functions:
        bench.client.delete_function(FunctionName=function)
    shown = [f"{median(r[side] for r in rounds):.0f}" for side in (0, 1)]
    return {"p99": median(storm / quiet for storm, quiet in rounds)}, *shown, "µs (p99)"


@row("churn", f"create, call, delete: the last twentieth of {CHURN:,} / the first", p50=1.1)
def _(bench):
    """Over and over, and what is left behind."""
    def left():
        pids = descendants(bench.pid)
        launcher = next(pid for pid in pids if command(pid) == "apus-launcher")
        return {
            "processes": len(pids), "mounts": len(pathlib.Path(f"/proc/{launcher}/mountinfo").read_text().splitlines()),
            "descriptors of the server": len(os.listdir(f"/proc/{bench.pid}/fd")),
            "descriptors of the launcher": len(os.listdir(f"/proc/{launcher}/fd")),
            "control groups": sum(1 for _ in pathlib.Path("/sys/fs/cgroup").rglob("cgroup.procs")),
            "network namespaces": sum(1 for line in pathlib.Path("/proc/net/dev").read_text().splitlines() if ":" in line),
            "code": len(os.listdir(bench.server.data / "code")), "server's MiB": resident(bench.pid) // 1024,
        }

    times, before = [], None
    for number in range(CHURN):
        if number == CHURN // 20:
            before = left()
        begin = time.perf_counter()
        bench.deploy("churn", PYTHON, "python3.11", memory=128)
        ask(bench.port, bench.invocation("churn"))
        bench.client.delete_function(FunctionName="churn")
        times.append((time.perf_counter() - begin) * 1000)
    after = left()
    print(f"    left behind: {', '.join(f'{key} {before[key]} then {after[key]}' for key in before)}", flush=True)
    first, last = median(times[: CHURN // 20]), median(times[-(CHURN // 20):])
    return {"p50": last / first}, f"{last:.1f}", f"{first:.1f}", "ms (p50)"


# The nearest peer


@row("peer-cold", "ministack's cold Python / ours", times=(50,))
def _(bench):
    return peer(bench, lambda server, port, function: ask(port, invocation(server, function)))


# Asynchronous


@row("async-accept", "asynchronous invocations accepted, 64 connections / rows that SQLite syncs one by one", rate=(5,))
def _(bench):
    request = invocation(bench.server, bench.deploy("async-accept", NATIVE, "provided.al2023"), kind="Event")
    rounds = []
    for _ in range(ROUNDS):
        rounds.append((send(bench.port, request, 64)["perSecond"], committed(bench.server.home)))
        wait_until(lambda: waiting(bench.server) == 0, 600, "an empty queue")
    shown = [f"{median(r[side] for r in rounds):.0f}" for side in (0, 1)]
    return {"rate": median(ours / base for ours, base in rounds)}, *shown, "a second"


@row("async-start", "from sending an event to the handler, idle queue / the same of a warm invocation and one fdatasync", p50=1.5)
def _(bench):
    source = {"app.py": "import time\ndef handler(event, context):\n    print('AT', time.time())\n"}
    function = bench.deploy("async-start", source, "python3.11")
    ask(bench.port, bench.invocation(function))
    rounds = []
    for _ in range(ROUNDS):
        ours = median(starts(bench.server, function, [invocation(bench.server, function, kind="Event")] * 50))
        base = median(starts(bench.server, function, [invocation(bench.server, function)] * 50))
        rounds.append((ours, base + synced(bench.server.home)))
    shown = [f"{median(r[side] for r in rounds) * 1e6:.0f}" for side in (0, 1)]
    return {"p50": median(ours / base for ours, base in rounds)}, *shown, "µs (p50)"


@row("async-depth", f"events dispatched with {QUEUED:,} in the queue / with 1,000", rate=(0.9,))
def _(bench):
    rates = {}
    for count in (1_000, QUEUED):
        server = Server(environment=UNLIMITED).start()
        function = bench.deploy("depth", NATIVE, "provided.al2023", client=server.client())
        measured = []
        for _ in range(ROUNDS if count < QUEUED else 1):
            server.stop()
            fill(server, function, count)
            server.start()
            # From the first few, which environments are started for, to the last few.
            measured.append(dispatched(server, function, 200, min(count - 100, 50_000)))
            if count < QUEUED:
                wait_until(lambda: waiting(server) == 0, 600, "an empty queue")
        rates[count] = median(measured)
        server.close()
    ours, base = rates[QUEUED], rates[1_000]
    return {"rate": ours / base}, f"{ours:.0f}", f"{base:.0f}", "a second"


@row("peer-warm", "ministack's warm Python / ours", times=(20,))
def _(bench):
    def warm(server, port, function):
        ask(port, invocation(server, function))
        return median(ask(port, invocation(server, function)) for _ in range(20))

    return peer(bench, warm)


def peer(bench, measure):
    """The same Python function here and there, in turn: how many times slower the peer is."""
    other = Peer()
    if not other.process:
        return None
    pairs = []
    for number in range(ROUNDS * 2):
        function = f"peer-{number}"
        pair = []
        for server, client, port in ((bench.server, bench.client, bench.port), (other, other.client, other.port)):
            bench.deploy(function, PYTHON, "python3.11", client=client)
            pair.append(measure(server, port, function))
            client.delete_function(FunctionName=function)
        pairs.append(pair)
    other.close()
    shown = [f"{median(pair[side] for pair in pairs):.1f}" for side in (0, 1)]
    return {"times": median(theirs / ours for ours, theirs in pairs)}, *shown, "ms (p50)"


# Queues


@row("sqs-send", "SendMessage, 64 clients, synced / one row a commit of SQLite, synced", rate=(5,))
def _(bench):
    url = bench.server.client("sqs").create_queue(QueueName="bench")["QueueUrl"]
    request = message(bench.server, "SendMessage", QueueUrl=url, MessageBody="x" * 100)
    rounds = [
        (send(bench.port, request, 64)["perSecond"], committed(bench.server.home)) for _ in range(ROUNDS)]
    shown = [f"{median(side[at] for side in rounds):.0f}" for at in (0, 1)]
    return {"rate": median(ours / base for ours, base in rounds)}, *shown, "a second"


@row("sqs-consume", "messages received and deleted ten at a time, 16 consumers / rows that SQLite syncs one by one")
def _(bench):
    url = bench.server.client("sqs").create_queue(QueueName="bench-consume")["QueueUrl"]
    entries = [{"Id": str(number), "MessageBody": "x" * 100} for number in range(10)]
    ten = message(bench.server, "SendMessageBatch", QueueUrl=url, Entries=entries)
    rounds = []
    for _ in range(ROUNDS):
        send(bench.port, ten, 64, seconds="4")
        rounds.append((consumed(bench.server, url), committed(bench.server.home)))
    shown = [f"{median(r[side] for r in rounds):.0f}" for side in (0, 1)]
    return {"rate": median(ours / base for ours, base in rounds)}, *shown, "a second"


def idle():
    """What a server that nobody asks uses: resident memory in MiB, processor time over some seconds."""
    server = Server(environment=UNLIMITED).start()
    before = ticks(server.process.pid)
    time.sleep(5)
    used = resident(server.process.pid) / 1024, ticks(server.process.pid) - before
    server.close()
    return used


def main(keys):
    unknown = set(keys) - {key for key, *_ in ROWS}
    if unknown:
        raise SystemExit(f"no row {', '.join(sorted(unknown))}; there are {', '.join(key for key, *_ in ROWS)}")
    unloaded = None if keys else idle()
    rows = []
    bench = Bench()
    try:
        for key, name, goals, measure in ROWS:
            if keys and key not in keys:
                continue
            measured = measure(bench)
            if measured:
                rows.append(Row(key, name, measured[0], goals, *measured[1:]))
                print(rows[-1].text(), flush=True)
    finally:
        bench.close()
    if not keys:
        write(rows, *unloaded)


main(sys.argv[1:])
