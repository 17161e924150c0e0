"""Dead letters and move tasks by boto3.

Expectations are what AWS answered to LocalStack's tests/aws/services/sqs (test_sqs.py, test_sqs_move_task.py), whose
tests are named here.
"""

import base64
import json
import time

from conftest import refused, wait_until
from sqs_api import arn, attributes, bodies, queue, redrive, sqs  # noqa: F401 (fixtures)


def pipe(sqs, queue, count=1, **attributes):
    """A queue and the one for its dead letters."""
    target = queue("-dead", **attributes)
    return queue("-work", RedrivePolicy=redrive(arn(sqs, target), count), **attributes), target


def kill(sqs, url, times):
    for _ in range(times):
        sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)


def size(sqs, url):
    return int(attributes(sqs, url, "ApproximateNumberOfMessages")["ApproximateNumberOfMessages"])


def test_dead_letters(sqs, queue):
    # test_dead_letter_queue_message_attributes
    url, dead = pipe(sqs, queue)
    policy = attributes(sqs, url, "RedrivePolicy")["RedrivePolicy"]
    assert json.loads(policy) == {"deadLetterTargetArn": arn(sqs, dead), "maxReceiveCount": 1}
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    assert sqs.list_dead_letter_source_queues(QueueUrl=url)["queueUrls"] == []
    sent = sqs.send_message(QueueUrl=url, MessageBody="message-1", MessageAttributes={
        "MyAttribute": {"DataType": "String", "StringValue": "foobar"}})
    kill(sqs, url, 1)
    assert bodies(sqs.receive_message(QueueUrl=url)) == []
    letter = sqs.receive_message(
        QueueUrl=dead, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])["Messages"][0]
    assert (letter["MessageId"], letter["Body"]) == (sent["MessageId"], "message-1")
    assert letter["MessageAttributes"]["MyAttribute"]["StringValue"] == "foobar"
    assert letter["Attributes"]["ApproximateReceiveCount"] == "2"
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == arn(sqs, url)


def test_dead_letters_of_groups(sqs, queue):
    # test_dead_letter_queue_with_fifo_and_content_based_deduplication
    url, dead = pipe(sqs, queue, FifoQueue="true", ContentBasedDeduplication="true")
    for body in ("foo", "bar"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="1")
    assert bodies(sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)) == ["foo"]
    assert bodies(sqs.receive_message(QueueUrl=url)) == ["bar"]
    letter = sqs.receive_message(QueueUrl=dead, MessageSystemAttributeNames=["All"])["Messages"][0]
    assert (letter["Body"], letter["Attributes"]["MessageGroupId"]) == ("foo", "1")


def test_a_waiting_consumer_gets_dead_letters(sqs, queue, server):
    import threading
    url, dead = pipe(sqs, queue)
    sqs.send_message(QueueUrl=url, MessageBody="dying")
    got = []
    consumer = threading.Thread(target=lambda: got.append(
        bodies(server.client("sqs").receive_message(QueueUrl=dead, WaitTimeSeconds=20))))
    consumer.start()
    kill(sqs, url, 2)
    consumer.join(30)
    assert got == [["dying"]]


def test_what_redrive_policies_must_say(sqs, queue):
    url, other = queue(), queue(FifoQueue="true")

    def set_policy(policy):
        text = policy if isinstance(policy, str) else json.dumps(policy)
        code, message, _ = refused(sqs.set_queue_attributes, QueueUrl=url, Attributes={"RedrivePolicy": text})
        assert message.startswith("Value {")
        return code, message.split("Reason: ")[1]

    target = arn(sqs, queue("-dead"))
    assert set_policy({"deadLetterTargetArn": target}) == (
        "InvalidParameterValue", "Redrive policy does not contain mandatory attribute: maxReceiveCount.")
    assert set_policy({"maxReceiveCount": 42}) == (
        "InvalidParameterValue", "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
    for count in ("invalid", 0, 1001):
        assert set_policy({"deadLetterTargetArn": target, "maxReceiveCount": count}) == (
            "InvalidParameterValue",
            f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive.")
    assert set_policy({"deadLetterTargetArn": target + "-none", "maxReceiveCount": 1}) == (
        "InvalidParameterValue", "Dead letter target does not exist.")
    assert set_policy({"deadLetterTargetArn": arn(sqs, other), "maxReceiveCount": 1}) == (
        "InvalidParameterValue", "Dead-letter queue must be same type of queue as the source.")
    # test_set_empty_redrive_policy
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": redrive(target, "42")})
    assert json.loads(attributes(sqs, url)["RedrivePolicy"])["maxReceiveCount"] == 42
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    assert "RedrivePolicy" not in attributes(sqs, url)


def test_who_may_use_a_queue_for_dead_letters(sqs, queue):
    url, dead = queue(), queue("-dead")
    policy = {"RedrivePolicy": redrive(arn(sqs, dead), 3)}

    def allow(permission, **more):
        sqs.set_queue_attributes(QueueUrl=dead, Attributes={
            "RedriveAllowPolicy": json.dumps({"redrivePermission": permission, **more})})

    allow("denyAll")
    assert refused(sqs.set_queue_attributes, QueueUrl=url, Attributes=policy)[0] == "InvalidParameterValue"
    allow("byQueue", sourceQueueArns=[arn(sqs, dead)])
    assert refused(sqs.set_queue_attributes, QueueUrl=url, Attributes=policy)[0] == "InvalidParameterValue"
    allow("byQueue", sourceQueueArns=[arn(sqs, url)])
    sqs.set_queue_attributes(QueueUrl=url, Attributes=policy)
    assert json.loads(attributes(sqs, dead)["RedriveAllowPolicy"]) == {
        "redrivePermission": "byQueue", "sourceQueueArns": [arn(sqs, url)]}


def last_task(sqs, source):
    return sqs.list_message_move_tasks(SourceArn=source)["Results"][0]


def test_moving_to_another_queue(sqs, queue):
    # test_basic_move_task_workflow
    url, dead = pipe(sqs, queue)
    other = queue("-other")
    source, destination = arn(sqs, dead), arn(sqs, other)
    ids = {sqs.send_message(QueueUrl=url, MessageBody=f"message-{n}")["MessageId"] for n in (1, 2)}
    kill(sqs, url, 4)
    assert size(sqs, dead) == 2
    handle = sqs.start_message_move_task(SourceArn=source, DestinationArn=destination)["TaskHandle"]
    assert json.loads(base64.b64decode(handle))["sourceArn"] == source
    wait_until(lambda: size(sqs, other) == 2, what="the move")
    messages = sqs.receive_message(
        QueueUrl=other, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])["Messages"]
    assert {message["Body"] for message in messages} == {"message-1", "message-2"}
    # They are new messages.
    assert not ids & {message["MessageId"] for message in messages}
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in messages} == {"1"}
    task = last_task(sqs, source)
    assert abs(task.pop("StartedTimestamp") / 1000 - time.time()) < 120
    assert task == {
        "ApproximateNumberOfMessagesMoved": 2, "ApproximateNumberOfMessagesToMove": 2, "DestinationArn": destination,
        "SourceArn": source, "Status": "COMPLETED"}
    assert size(sqs, dead) == 0


def test_moving_back_to_where_they_came_from(sqs, queue):
    # test_move_task_workflow_with_multiple_sources_as_default_destination
    url, dead = pipe(sqs, queue)
    source = arn(sqs, dead)
    second = queue("-second", RedrivePolicy=redrive(source, 1))
    for each in (url, second):
        sqs.send_message(QueueUrl=each, MessageBody=each)
        kill(sqs, each, 2)
    assert size(sqs, dead) == 2
    sqs.start_message_move_task(SourceArn=source)
    wait_until(lambda: last_task(sqs, source)["Status"] == "COMPLETED", what="the move")
    for each in (url, second):
        assert bodies(sqs.receive_message(QueueUrl=each)) == [each]
    assert "DestinationArn" not in last_task(sqs, source)


def test_a_move_that_is_cancelled(sqs, queue):
    # test_move_task_cancel, test_start_multiple_move_tasks
    url, dead = pipe(sqs, queue)
    source, other = arn(sqs, dead), queue("-other")
    for number in range(10):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    kill(sqs, url, 20)
    assert size(sqs, dead) == 10
    settings = {"SourceArn": source, "DestinationArn": arn(sqs, other), "MaxNumberOfMessagesPerSecond": 1}
    handle = sqs.start_message_move_task(**settings)["TaskHandle"]
    wait_until(lambda: size(sqs, other) > 0, what="the first message")
    task = last_task(sqs, source)
    assert (task["Status"], task["TaskHandle"], task["MaxNumberOfMessagesPerSecond"]) == ("RUNNING", handle, 1)
    assert refused(sqs.start_message_move_task, **settings)[:2] == (
        "InvalidParameterValue",
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time.")
    assert sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"] > 0
    wait_until(lambda: last_task(sqs, source)["Status"] == "CANCELLED", what="the end of the task")
    assert "TaskHandle" not in last_task(sqs, source)
    assert size(sqs, dead) + size(sqs, other) == 10 and size(sqs, dead) > 0


def test_a_move_whose_destination_goes(sqs, queue):
    # test_move_task_delete_destination_queue_while_running
    url, dead = pipe(sqs, queue)
    source, other = arn(sqs, dead), queue("-other")
    for number in range(5):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    kill(sqs, url, 10)
    sqs.start_message_move_task(
        SourceArn=source, DestinationArn=arn(sqs, other), MaxNumberOfMessagesPerSecond=1)
    sqs.delete_queue(QueueUrl=other)
    wait_until(lambda: last_task(sqs, source)["Status"] == "FAILED", what="the failure")
    assert last_task(sqs, source)["FailureReason"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert size(sqs, dead) > 0


def test_a_move_goes_on_after_a_crash(own_server):
    import signal
    server = own_server()
    sqs = server.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    source = arn(sqs, dead)
    url = sqs.create_queue(QueueName="work", Attributes={"RedrivePolicy": redrive(source, 1)})["QueueUrl"]
    for number in range(4):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    kill(sqs, url, 8)
    sqs.start_message_move_task(SourceArn=source, MaxNumberOfMessagesPerSecond=1)
    server.stop(signal.SIGKILL)
    server.start()
    sqs = server.client("sqs")
    wait_until(lambda: last_task(sqs, source)["Status"] == "COMPLETED", 60, "the move")
    url = sqs.get_queue_url(QueueName="work")["QueueUrl"]
    assert sorted(bodies(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10))) == ["0", "1", "2", "3"]


def test_what_move_tasks_demand(sqs, queue):
    url, dead = pipe(sqs, queue)
    plain = arn(sqs, queue("-plain"))
    # test_source_needs_redrive_policy
    assert refused(sqs.start_message_move_task, SourceArn=plain) == (
        "InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.", 400)
    # test_destination_needs_to_exist
    assert refused(sqs.start_message_move_task, SourceArn=arn(sqs, dead), DestinationArn=plain + "doesntexist") == (
        "ResourceNotFoundException",
        "The resource that you specified for the DestinationArn parameter doesn't exist.", 404)
    # test_cancel_with_invalid_task_handle
    assert refused(sqs.cancel_message_move_task, TaskHandle="foobared") == (
        "InvalidParameterValue", "Value for parameter TaskHandle is invalid.", 400)

    def handle(task, source):
        return base64.b64encode(json.dumps({"taskId": task, "sourceArn": source}).encode()).decode()

    # test_cancel_with_invalid_source_arn_in_task_handle
    nowhere = "arn:aws:sqs:us-east-1:878966065785:test-queue-doesnt-exist-123456"
    assert refused(
        sqs.cancel_message_move_task, TaskHandle=handle("10f57157-fc38-4da9-a113-4de7e12d05dd", nowhere)) == (
            "ResourceNotFoundException",
            "The resource that you specified for the SourceArn parameter doesn't exist.", 404)
    # test_cancel_with_invalid_task_id_in_task_handle
    assert refused(
        sqs.cancel_message_move_task, TaskHandle=handle("10f57157-fc38-4da9-a113-4de7e12d05aa", plain)) == (
            "ResourceNotFoundException", "Task does not exist.", 404)
