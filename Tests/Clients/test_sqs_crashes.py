"""What SQS acknowledged survives SIGKILL: every message is there, or was received and deleted.

`APUS_SOAK_ROUNDS` (default 3) says how often the server is killed.
"""

import os
import random
import signal
import threading

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from conftest import wait_until

ROUNDS = int(os.environ.get("APUS_SOAK_ROUNDS", "3"))


@pytest.mark.parametrize("kind", ["standard", "fifo"])
@pytest.mark.parametrize("seed", range(2))
def test_messages_survive_sigkill(own_server, seed, kind):
    server = own_server()
    settings = {"VisibilityTimeout": "0", **({"FifoQueue": "true"} if kind == "fifo" else {})}
    name = "kept.fifo" if kind == "fifo" else "kept"
    server.client("sqs").create_queue(QueueName=name, Attributes=settings)
    chance = random.Random(f"{kind} {seed}")
    sent, deleted = [], set()
    lock = threading.Lock()

    def url(client):
        return client.get_queue_url(QueueName=name)["QueueUrl"]

    def send(sender, round_, client, target):
        for number in range(1000):
            body = f"{sender}-{round_}-{number}"
            order = {"MessageGroupId": sender, "MessageDeduplicationId": body} if kind == "fifo" else {}
            try:
                client.send_message(QueueUrl=target, MessageBody=body, **order)
            except (BotoCoreError, ClientError):
                return
            with lock:
                sent.append(body)

    def delete(client, target):
        while True:
            try:
                for message in client.receive_message(
                        QueueUrl=target, MaxNumberOfMessages=10, VisibilityTimeout=20).get("Messages", [])[:3]:
                    # Whether or not it is answered, it may be gone from here on.
                    with lock:
                        deleted.add(message["Body"])
                    client.delete_message(QueueUrl=target, ReceiptHandle=message["ReceiptHandle"])
            except (BotoCoreError, ClientError):
                return

    for round_ in range(ROUNDS):
        client = server.client("sqs")
        target = url(client)
        workers = [threading.Thread(target=send, args=(f"s{n}", round_, client, target)) for n in range(4)]
        workers.append(threading.Thread(target=delete, args=(client, target)))
        for worker in workers:
            worker.start()
        wanted = len(sent) + chance.randint(20, 120)
        wait_until(lambda: len(sent) >= wanted, 60, "some messages")
        server.stop(signal.SIGKILL)
        for worker in workers:
            worker.join(60)
        server.start()

    client = server.client("sqs")
    target = url(client)
    found = []

    def drain():
        got = client.receive_message(
            QueueUrl=target, MaxNumberOfMessages=10, VisibilityTimeout=600, WaitTimeSeconds=1).get("Messages", [])
        for message in got:
            found.append(message["Body"])
            client.delete_message(QueueUrl=target, ReceiptHandle=message["ReceiptHandle"])
        counts = client.get_queue_attributes(QueueUrl=target, AttributeNames=["All"])["Attributes"]
        return not got and counts["ApproximateNumberOfMessagesNotVisible"] == "0"

    wait_until(drain, 120, "the end of the queue")
    assert set(sent) - set(found) <= deleted
    assert len(found) == len(set(found))
    if kind == "fifo":
        for sender in range(4):
            mine = [tuple(map(int, body.split("-")[1:])) for body in found if body.startswith(f"s{sender}-")]
            assert mine == sorted(mine)
