"""What rows about the queue of asynchronous invocations measure with."""

import http.client
import json
import os
import re
import socket
import sqlite3
import threading
import time
import urllib.parse
import uuid

from tools import BODY, message  # also has the folder of the tests searched for modules

from conftest import wait_until


def connect(path):
    database = sqlite3.connect(path, timeout=30, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    return database


def committed(folder, seconds=1.5):
    """Rows of the size of an event that SQLite commits in a second, one by one, each of them synced."""
    path = folder / "baseline.db"
    database = connect(path)
    database.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, payload BLOB)")
    count, end, row = 0, time.monotonic() + seconds, BODY + b" " * 200
    while time.monotonic() < end:
        database.execute("INSERT INTO rows (payload) VALUES (?)", (row,))
        count += 1
    database.close()
    for each in folder.glob("baseline.db*"):
        each.unlink()
    return count / seconds


def synced(folder, rounds=100):
    """Seconds that an fdatasync of a few bytes takes, in the middle."""
    taken = []
    with open(folder / "baseline", "wb") as file:
        for _ in range(rounds):
            file.write(BODY)
            file.flush()
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - begin)
    (folder / "baseline").unlink()
    return sorted(taken)[rounds // 2]


def waiting(server):
    """How many events the queue has."""
    with sqlite3.connect(f"file:{server.data}/events.db?mode=ro", uri=True, timeout=30) as database:
        return database.execute("SELECT COUNT(*) FROM lambda_events").fetchone()[0]


def fill(server, function, count):
    """Puts events into the queue of a server that does not run."""
    with sqlite3.connect(f"file:{server.data}/apus.db?mode=ro", uri=True, timeout=30) as functions:
        creation = functions.execute("SELECT creation FROM lambda_functions WHERE name = ?", (function,)).fetchone()[0]
    database = connect(server.data / "events.db")
    database.execute("BEGIN")
    now = int(time.time() * 1000)
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"
    database.executemany(
        "INSERT INTO lambda_events (account, region, name, due, position, request, accepted, failures, trace, sampled, payload, creation) "
        "VALUES ('000000000000', 'us-east-1', ?, ?, ?, ?, ?, 0, ?, 0, ?, ?)",
        ((function, now, number, str(uuid.UUID(int=number)), now, trace, BODY, creation) for number in range(count)))
    database.execute("COMMIT")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def first(server, function):
    """The position of the first event that nobody has claimed."""
    with sqlite3.connect(f"file:{server.data}/events.db?mode=ro", uri=True, timeout=30) as database:
        row = database.execute(
            "SELECT position FROM lambda_events WHERE account = '000000000000' AND region = 'us-east-1' AND name = ? "
            "ORDER BY due, position LIMIT 1", (function,)).fetchone()
    return row[0] if row else None


def dispatched(server, function, begin, end):
    """Events a second between two positions of a queue that is being worked off."""
    def passed(position):
        reached = first(server, function)
        return reached is None or reached >= position

    wait_until(lambda: passed(begin), 120, "the first events")
    started, at = time.perf_counter(), first(server, function) or begin
    wait_until(lambda: passed(end), 600, "the last events")
    reached = first(server, function)
    return ((end if reached is None else reached) - at) / (time.perf_counter() - started)


def starts(server, function, requests):
    """Seconds from each request's first byte to the start of the handler, which prints `AT` and the time: in the order of
    the requests, between which the queue is idle."""
    sent = []
    port = int(server.endpoint.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for request in requests:
            time.sleep(0.05)
            sent.append(time.time())
            connection.sendall(request)
            connection.recv(65536)
    logs = server.client("logs")

    def times():
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function}", filterPattern="AT")
        lines = [event["message"] for page in pages for event in page["events"]]
        found = sorted(float(match[1]) for match in (re.match(r"AT (\S+)", line) for line in lines) if match)
        return len(found) >= len(requests) and found[-len(requests):]

    return [began - asked for asked, began in zip(sent, wait_until(times, 60, "the log"))]


def consumed(server, url, clients=16, seconds=1.5):
    """Messages a second that consumers receive and delete, ten at a time, from a queue that has enough of them."""
    receive = message(server, "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10)
    address = urllib.parse.urlparse(server.endpoint)
    end = time.monotonic() + seconds
    counts = []

    def ask(connection, request):
        connection.sendall(request)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(body.decode())
        return json.loads(body)

    def consume():
        count = 0
        with socket.create_connection((address.hostname, address.port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while time.monotonic() < end:
                found = ask(connection, receive).get("Messages", [])
                if not found:
                    raise SystemExit("the queue has run empty")
                entries = [{"Id": str(at), "ReceiptHandle": each["ReceiptHandle"]} for at, each in enumerate(found)]
                deleted = ask(connection, message(server, "DeleteMessageBatch", QueueUrl=url, Entries=entries))
                count += len(deleted["Successful"])
        counts.append(count)

    began = time.monotonic()
    threads = [threading.Thread(target=consume) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(counts) < clients:
        raise SystemExit("a consumer has failed")
    return sum(counts) / (time.monotonic() - began)
