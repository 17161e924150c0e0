"""What CloudWatch Logs acknowledged survives SIGKILL: every event is there, every change of the configuration, and each
event that a metric filter or the embedded metric format measures counts once, whenever the server is killed.

`APUS_SOAK_ROUNDS` (default 3) says how often that is.
"""

import datetime
import json
import os
import random
import signal
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError

from conftest import wait_until

ROUNDS = int(os.environ.get("APUS_SOAK_ROUNDS", "3"))
GROUP = "kept"


def milliseconds():
    return int(time.time() * 1000)


def embedded(now):
    return json.dumps({
        "_aws": {"Timestamp": now, "CloudWatchMetrics": [
            {"Namespace": "crash", "Dimensions": [[]], "Metrics": [{"Name": "embedded"}]}]}, "embedded": 1, "word": "hit"})


def total(server, name):
    now = datetime.datetime.now(datetime.timezone.utc)
    points = server.client("cloudwatch").get_metric_statistics(
        Namespace="crash", MetricName=name, Period=3600, Statistics=["Sum"],
        StartTime=now - datetime.timedelta(hours=2), EndTime=now + datetime.timedelta(hours=1))["Datapoints"]
    return sum(point["Sum"] for point in points)


def test_events_and_their_samples_survive_sigkill(own_server):
    server = own_server()
    logs = server.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.put_metric_filter(
        logGroupName=GROUP, filterName="f", filterPattern="hit",
        metricTransformations=[{"metricName": "filtered", "metricNamespace": "crash", "metricValue": "1"}])
    chance = random.Random(7)
    acknowledged, made = [], []
    lock = threading.Lock()

    def write(client, round_, writer):
        stream = f"{round_}-{writer}"
        try:
            client.create_log_stream(logGroupName=GROUP, logStreamName=stream)
            with lock:
                made.append(stream)
            for number in range(1000):
                now = milliseconds()
                client.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=[
                    {"timestamp": now, "message": f"hit {stream} {number}"}, {"timestamp": now, "message": embedded(now)},
                    {"timestamp": now, "message": "neither"}])
                with lock:
                    acknowledged.append(f"hit {stream} {number}")
        except (BotoCoreError, ClientError):
            return

    for round_ in range(ROUNDS):
        client = server.client("logs")
        writers = [threading.Thread(target=write, args=(client, round_, writer)) for writer in range(4)]
        for writer in writers:
            writer.start()
        wanted = len(acknowledged) + chance.randint(15, 60)
        wait_until(lambda: len(acknowledged) >= wanted, 60, "some events")
        server.stop(signal.SIGKILL)
        for writer in writers:
            writer.join(60)
        server.start()

    logs = server.client("logs")
    events = [
        event["message"] for page in logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP)
        for event in page["events"]]
    assert set(acknowledged) <= set(events)
    streams = [
        stream["logStreamName"] for page in logs.get_paginator("describe_log_streams").paginate(logGroupName=GROUP)
        for stream in page["logStreams"]]
    assert set(made) <= set(streams)
    # What was stored and not acknowledged counts, too.
    hits = sum(event.startswith("hit ") for event in events)
    metrics = sum(event.startswith("{") for event in events)
    assert hits == metrics
    wait_until(lambda: total(server, "filtered") >= hits + metrics and total(server, "embedded") >= metrics, 60,
               f"{hits} and {metrics} samples, which are {total(server, 'filtered')} and {total(server, 'embedded')},")
    # A proper end writes what waits: nothing more comes.
    server.stop()
    server.start()
    assert (total(server, "filtered"), total(server, "embedded")) == (hits + metrics, metrics)
