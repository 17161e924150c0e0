"""What was acknowledged is executed, whatever happens to the server: SIGKILL at any moment, a full disk, one that can
only be read.

`APUS_SOAK_ROUNDS` (default 4) says how often the server is killed.
"""

import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from conftest import ROLE, Server, wait_until, zip_of
from test_async import ECHO, event, received

ROUNDS = int(os.environ.get("APUS_SOAK_ROUNDS", "4"))
ACCESS_POINT = "fsap-0123456789abcdef0"
ARN = f"arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/{ACCESS_POINT}"
OWNER = (45678, 45679) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
WAIT = {"Delay": 0.05, "MaxAttempts": 2000}

# A file for each event that has run: what a log has of the last moments before a kill may be lost.
WITNESS = """
import os
def handler(event, context):
    with open(f"/mnt/witness/{event}", "a") as file:
        file.write(context.aws_request_id + "\\n")
"""


@pytest.fixture
def witness():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="apus-witness-"))
    directory.chmod(0o755)
    (directory / "data").mkdir(mode=0o700)
    os.chown(directory / "data", *OWNER)
    yield directory / "data"
    shutil.rmtree(directory)


def create(client, name, code, **settings):
    client.create_function(
        FunctionName=name, Role=ROLE, Runtime="python3.11", Handler="app.handler", Timeout=20,
        Code={"ZipFile": zip_of({"app.py": code})}, **settings)
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig=WAIT)


def queued(server):
    with sqlite3.connect(f"file:{server.data}/events.db?mode=ro", uri=True, timeout=10) as database:
        return database.execute("SELECT COUNT(*) FROM lambda_events").fetchone()[0]


def test_acknowledged_events_are_executed_whatever_is_killed(own_server, witness):
    server = own_server("--file-system", f"{ACCESS_POINT}={witness}")
    functions = ["a", "b", "c"]
    for name in functions:
        create(
            server.client(), name, WITNESS, VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
            FileSystemConfigs=[{"Arn": ARN, "LocalMountPath": "/mnt/witness"}])
    # One that is throttled most of the time.
    server.client().put_function_concurrency(FunctionName="c", ReservedConcurrentExecutions=1)
    acknowledged, running = {}, threading.Event()
    running.set()

    def send(worker):
        client, number = server.client(), 0
        while running.is_set():
            number += 1
            payload = f"{worker}-{number}"
            try:
                acknowledged[payload] = event(client, functions[number % 3], payload)
            except (BotoCoreError, ClientError):
                # Gone: there will be another.
                client = server.client()
                running.wait(0.05)
                threading.Event().wait(0.02)

    senders = [threading.Thread(target=send, args=(worker,)) for worker in range(4)]
    for sender in senders:
        sender.start()
    dice = random.Random(6)
    try:
        for _ in range(ROUNDS):
            before = len(acknowledged)
            wait_until(lambda: len(acknowledged) >= before + dice.randint(1, 60), 120, "some events")
            server.stop(signal.SIGKILL)
            server.start()
    finally:
        running.clear()
        for sender in senders:
            sender.join(60)
    missing = lambda: set(acknowledged) - {path.name for path in witness.iterdir()}
    wait_until(lambda: not missing(), 240, "the last event")
    assert len(acknowledged) >= ROUNDS
    # In every try an event has the id that was acknowledged.
    for payload, request in acknowledged.items():
        assert set((witness / payload).read_text().split()) == {request}
    wait_until(lambda: queued(server) == 0, 60, "an empty queue")


def test_a_stopped_server_gives_back_what_waits(own_server, witness):
    server = own_server("--file-system", f"{ACCESS_POINT}={witness}")
    client = server.client()
    create(
        client, "slow", "import time\n" + WITNESS.replace("    with", "    time.sleep(0.2)\n    with"),
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        FileSystemConfigs=[{"Arn": ARN, "LocalMountPath": "/mnt/witness"}])
    client.put_function_concurrency(FunctionName="slow", ReservedConcurrentExecutions=1)
    for number in range(12):
        event(client, "slow", number)
    wait_until(lambda: any(witness.iterdir()), 60, "the first")
    server.stop(signal.SIGTERM)
    assert server.process.returncode == 0
    done = {path.name for path in witness.iterdir()}
    assert queued(server) == 12 - len(done)
    with sqlite3.connect(f"file:{server.data}/events.db?mode=ro", uri=True) as database:
        assert database.execute("SELECT COUNT(*) FROM lambda_events WHERE node IS NOT NULL").fetchone() == (0,)
    server.start()
    wait_until(lambda: len(list(witness.iterdir())) == 12, 120, "the last")
    # None of them ran twice.
    assert all(len(path.read_text().split()) == 1 for path in witness.iterdir())


@pytest.fixture
def small_disk():
    """A file system of 48 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    home = tempfile.mkdtemp(prefix="apus-small-")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "apus-small", home]).returncode:
        pytest.skip("nothing can be mounted here")
    yield home
    subprocess.run(["umount", "-l", home], check=True)
    os.rmdir(home)


@pytest.fixture
def on_small_disk(small_disk, witness):
    made = []

    def start():
        made.append(Server("--file-system", f"{ACCESS_POINT}={witness}", data=small_disk).start())
        return made[-1]

    yield start
    for server in made:
        server.stop()
        server.log.close()


def test_a_full_disk_loses_nothing_that_was_acknowledged(on_small_disk, small_disk, witness):
    server = on_small_disk()
    client = server.client()
    create(
        client, "f", WITNESS.replace("{event}", "{event['number']}"),
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        FileSystemConfigs=[{"Arn": ARN, "LocalMountPath": "/mnt/witness"}])
    filler = pathlib.Path(small_disk) / "filler"
    filler.write_bytes(b"x" * max(0, shutil.disk_usage(small_disk).free - 3_000_000))
    acknowledged, refusals = {}, 0
    for number in range(2000):
        try:
            acknowledged[str(number)] = event(client, "f", {"number": number, "payload": "p" * 200_000})
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 500
            refusals += 1
            if refusals == 3:
                break
    assert refusals == 3 and acknowledged
    server.stop(signal.SIGKILL)
    filler.unlink()
    server.start()
    wait_until(lambda: set(acknowledged) <= {path.name for path in witness.iterdir()}, 120, "the last event")
    for number, request in acknowledged.items():
        assert request in (witness / number).read_text()
    # And it goes on.
    event(server.client(), "f", {"number": "more"})
    wait_until(lambda: (witness / "more").exists(), 60, "one more")


def test_a_disk_that_can_only_be_read_keeps_what_was_acknowledged(on_small_disk, small_disk, witness):
    server = on_small_disk()
    client = server.client()
    create(
        client, "f", WITNESS.replace("    with", "    import time; time.sleep(0.2)\n    with"),
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        FileSystemConfigs=[{"Arn": ARN, "LocalMountPath": "/mnt/witness"}])
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    acknowledged = [str(number) for number in range(10) if event(client, "f", number)]
    server.stop(signal.SIGKILL)
    server.log.close()
    # The server's family may still be ending, with the log open.
    remount = ["mount", "-o", "remount,ro", small_disk]
    wait_until(lambda: subprocess.run(remount, capture_output=True).returncode == 0, 60, "the end of all who write")
    try:
        ended = subprocess.run(server.command(), capture_output=True, text=True, timeout=60)
    finally:
        subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    assert ended.returncode != 0 and "ead-only" in ended.stderr
    server.start()
    wait_until(lambda: set(acknowledged) <= {path.name for path in witness.iterdir()}, 120, "the last event")
