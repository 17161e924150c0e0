"""Amazon SQS by boto3: queues, messages, visibility, batches, tags.

Expectations are what AWS answered to LocalStack's tests/aws/services/sqs/test_sqs.py, whose tests are named here.
"""

import hashlib
import threading
import time

from conftest import refused, wait_until
from sqs_api import attributes, arn, bodies, queue, sqs, waiting_receives  # noqa: F401 (fixtures)


def test_a_queue_from_its_making_to_its_end(sqs, queue, server):
    url = queue(VisibilityTimeout="20", MessageRetentionPeriod="604800", ReceiveMessageWaitTimeSeconds="10")
    name = url.rsplit("/", 1)[1]
    assert url == f"{server.endpoint}/000000000000/{name}"
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == url
    assert sqs.list_queues(QueueNamePrefix=name)["QueueUrls"] == [url]
    # test_create_and_update_queue_attributes
    shown = attributes(sqs, url)
    stamps = {shown.pop("CreatedTimestamp"), shown.pop("LastModifiedTimestamp")}
    assert all(abs(int(stamp) - time.time()) < 60 for stamp in stamps)
    assert shown == {
        "ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0", "DelaySeconds": "0", "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "604800", "QueueArn": f"arn:aws:sqs:us-east-1:000000000000:{name}",
        "ReceiveMessageWaitTimeSeconds": "10", "SqsManagedSseEnabled": "true", "VisibilityTimeout": "20"}
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"VisibilityTimeout": "69", "MaximumMessageSize": "2048", "DelaySeconds": "420"})
    shown = attributes(sqs, url, "VisibilityTimeout", "MaximumMessageSize", "DelaySeconds")
    assert shown == {"VisibilityTimeout": "69", "MaximumMessageSize": "2048", "DelaySeconds": "420"}
    sqs.delete_queue(QueueUrl=url)
    assert refused(sqs.send_message, QueueUrl=url, MessageBody="late") == (
        "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.", 400)
    # test_create_queue_recently_deleted
    code, message, _ = refused(sqs.create_queue, QueueName=name)
    assert code == "AWS.SimpleQueueService.QueueDeletedRecently"
    assert message == (
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.")


def test_a_queue_that_is_there(sqs, queue):
    # test_create_queue_with_different_attributes_raises_exception
    url = queue(ReceiveMessageWaitTimeSeconds="2", DelaySeconds="1")
    name = url.rsplit("/", 1)[1]
    assert sqs.create_queue(QueueName=name)["QueueUrl"] == url
    assert sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "1"})["QueueUrl"] == url
    assert refused(sqs.create_queue, QueueName=name, Attributes={"DelaySeconds": "2"}) == (
        "QueueAlreadyExists",
        "A queue already exists with the same name and a different value for attribute DelaySeconds", 400)


def test_queues_are_listed_in_pages(sqs, queue):
    urls = sorted(queue(suffix=f"-{number}") for number in range(5))
    prefix = urls[0].rsplit("/", 1)[1].rsplit("-0-", 1)[0]
    pages = [
        page["QueueUrls"] for page in sqs.get_paginator("list_queues").paginate(
            QueueNamePrefix=prefix, PaginationConfig={"PageSize": 2})]
    assert pages == [urls[:2], urls[2:4], urls[4:]]
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=prefix + "-none")


def test_messages_keep_what_was_said(sqs, queue):
    url = queue()
    said = {
        "text": {"DataType": "String", "StringValue": "grüße"},
        "number.1": {"DataType": "Number.int", "StringValue": "-17"},
        "bytes": {"DataType": "Binary", "BinaryValue": bytes(range(256))},
    }
    trace = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"
    # boto3 checks the MD5s of both.
    sent = sqs.send_message(
        QueueUrl=url, MessageBody="häll\n<o>&", MessageAttributes=said, MessageSystemAttributes={
            "AWSTraceHeader": {"DataType": "String", "StringValue": trace}})
    assert sent["MD5OfMessageBody"] == hashlib.md5("häll\n<o>&".encode()).hexdigest()
    assert "SequenceNumber" not in sent
    got = sqs.receive_message(
        QueueUrl=url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])["Messages"][0]
    assert got["MessageId"] == sent["MessageId"] and got["Body"] == "häll\n<o>&"
    assert got["MessageAttributes"] == said
    assert got["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    system = got["Attributes"]
    assert system["AWSTraceHeader"] == trace and system["ApproximateReceiveCount"] == "1"
    assert system["SenderId"] == "000000000000"
    assert set(system) == {
        "AWSTraceHeader", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp", "SenderId", "SentTimestamp"}


def test_which_attributes_come_along(sqs, queue):
    # test_receive_message_message_attribute_names_filters, with its digests
    url = queue(VisibilityTimeout="0")
    sent = sqs.send_message(QueueUrl=url, MessageBody="msg", MessageAttributes={
        name: {"DataType": "String", "StringValue": value}
        for name, value in {"Hello": "There", "General": "Kenobi", "Help.Me": "Me"}.items()})
    assert sent["MD5OfMessageAttributes"] == "4c360f3fdafd970e05fae2f149d997f5"

    def receive(names):
        message = sqs.receive_message(QueueUrl=url, MessageAttributeNames=names)["Messages"][0]
        assert "Attributes" not in message
        return message.get("MD5OfMessageAttributes"), sorted(message.get("MessageAttributes", {}))

    everything = ("4c360f3fdafd970e05fae2f149d997f5", ["General", "Hello", "Help.Me"])
    assert receive([]) == (None, [])
    assert receive(["All"]) == receive(["*"]) == receive([".*"]) == everything
    assert receive(["Foo", "Help"]) == (None, [])
    assert receive(["Hello", "General"]) == ("fca026605781cb4126a1e9044df24232", ["General", "Hello"])
    assert receive(["Foo", "Hello"]) == ("a311262e065454b75da111d535b8dacd", ["Hello"])
    assert receive(["Hel.*"]) == ("83fee93c1bcd8b9a5a923ffacdc636c7", ["Hello", "Help.Me"])


def test_a_long_message(sqs, queue):
    url = queue(VisibilityTimeout="0")
    body = "ä" * 524_288
    sqs.send_message(QueueUrl=url, MessageBody=body)
    for _ in range(2):
        message = sqs.receive_message(QueueUrl=url)["Messages"][0]
        assert message["Body"] == body
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert bodies(sqs.receive_message(QueueUrl=url)) == []
    # test_send_oversized_message
    assert refused(sqs.send_message, QueueUrl=url, MessageBody=body + "a") == (
        "InvalidParameterValue",
        "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.", 400)


def test_what_is_received_is_out_of_sight(sqs, queue):
    url = queue()
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    first = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2)
    assert bodies(first) == ["0", "1"]
    counts = attributes(sqs, url, "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    assert counts == {"ApproximateNumberOfMessages": "1", "ApproximateNumberOfMessagesNotVisible": "2"}
    handle = first["Messages"][0]["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    again = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    assert sorted(bodies(again)) == ["0", "2"]
    newer = next(message for message in again["Messages"] if message["Body"] == "0")["ReceiptHandle"]
    assert newer != handle
    # The handle of an earlier receipt deletes nothing, and says nothing.
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    assert attributes(sqs, url, "ApproximateNumberOfMessagesNotVisible") == {
        "ApproximateNumberOfMessagesNotVisible": "3"}
    sqs.delete_message(QueueUrl=url, ReceiptHandle=newer)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=newer)
    assert attributes(sqs, url, "ApproximateNumberOfMessagesNotVisible") == {
        "ApproximateNumberOfMessagesNotVisible": "2"}
    # test_delete_message_with_deleted_receipt_handle and its neighbour
    assert refused(
        sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=newer, VisibilityTimeout=42)[:2] == (
            "InvalidParameterValue",
            f"Value {newer} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available "
            "for visibility timeout change.")


def test_long_polling_ends_with_a_message(sqs, queue, server):
    url = queue()
    got = []
    # Two wait: each message goes to one of them.
    consumers = [
        threading.Thread(target=lambda: got.append(bodies(server.client("sqs").receive_message(
            QueueUrl=url, WaitTimeSeconds=20)))) for _ in range(2)]
    for consumer in consumers:
        consumer.start()
    sqs.send_message(QueueUrl=url, MessageBody="one")
    wait_until(lambda: got, what="the first message")
    sqs.send_message(QueueUrl=url, MessageBody="two")
    for consumer in consumers:
        consumer.join(15)
    assert sorted(got) == [["one"], ["two"]]


def test_long_polling_ends_when_a_message_becomes_visible(sqs, queue):
    url = queue(VisibilityTimeout="1")
    sqs.send_message(QueueUrl=url, MessageBody="again")
    assert bodies(sqs.receive_message(QueueUrl=url)) == ["again"]
    assert bodies(sqs.receive_message(QueueUrl=url)) == []
    assert bodies(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)) == ["again"]
    sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=1)
    assert attributes(sqs, url, "ApproximateNumberOfMessagesDelayed") == {"ApproximateNumberOfMessagesDelayed": "1"}
    wait_until(lambda: "delayed" in bodies(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)))


def test_a_long_poll_ends_without_messages_and_with_its_queue(sqs, queue, server):
    url = queue()
    assert bodies(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)) == []
    ended = []

    def wait():
        ended.append(refused(server.client("sqs").receive_message, QueueUrl=url, WaitTimeSeconds=20)[0])

    consumer = threading.Thread(target=wait)
    consumer.start()
    wait_until(lambda: waiting_receives(server, url) == 1, what="the receive's wait")
    sqs.delete_queue(QueueUrl=url)
    consumer.join(15)
    assert ended == ["AWS.SimpleQueueService.NonExistentQueue"]


def test_batches_succeed_and_fail_by_entry(sqs, queue):
    # test_send_batch_message_size
    url = queue(MaximumMessageSize="1024")
    answer = sqs.send_message_batch(QueueUrl=url, Entries=[
        {"Id": "long", "MessageBody": "x" * 1025}, {"Id": "short", "MessageBody": "y"},
        {"Id": "late", "MessageBody": "z", "DelaySeconds": 901}])
    assert [entry["Id"] for entry in answer["Successful"]] == ["short"]
    assert answer["Failed"] == [
        {"Id": "long", "SenderFault": True, "Code": "InvalidParameterValue",
         "Message": "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes."},
        {"Id": "late", "SenderFault": True, "Code": "InvalidParameterValue",
         "Message": "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."}]
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": str(n)} for n in range(9)])
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert len(got) == 10
    entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(got)]
    changed = sqs.change_message_visibility_batch(
        QueueUrl=url, Entries=[{**entry, "VisibilityTimeout": 600} for entry in entries[:2]]
        + [{"Id": "bad", "ReceiptHandle": "garbage", "VisibilityTimeout": 1}])
    assert [entry["Id"] for entry in changed["Successful"]] == ["0", "1"]
    assert [(entry["Id"], entry["Code"]) for entry in changed["Failed"]] == [("bad", "ReceiptHandleIsInvalid")]
    deleted = sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    assert len(deleted["Successful"]) == 10 and "Failed" not in deleted
    assert attributes(sqs, url, "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible") == {
        "ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0"}


def test_tags(sqs, queue):
    # test_tag_untag_queue
    url = queue(tags={"made": "with"})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"made": "with"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["made"])
    sqs.tag_queue(QueueUrl=url, Tags={"tag1": "value1", "tag2": "value2", "tag3": ""})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"tag1": "value1", "tag2": "value2", "tag3": ""}
    sqs.untag_queue(QueueUrl=url, TagKeys=["tag1", "tag3"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"tag2": "value2"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["tag2"])
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=url)


def test_purging(sqs, queue):
    url = queue()
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    sqs.receive_message(QueueUrl=url)
    sqs.purge_queue(QueueUrl=url)
    assert bodies(sqs.receive_message(QueueUrl=url)) == []
    # test_successive_purge_calls_fail
    assert refused(sqs.purge_queue, QueueUrl=url) == (
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        f"Only one PurgeQueue operation on {url.rsplit('/', 1)[1]} is allowed every 60 seconds.", 403)
    sqs.send_message(QueueUrl=url, MessageBody="after")
    assert bodies(sqs.receive_message(QueueUrl=url)) == ["after"]


def test_encryption_settings(sqs, queue):
    # test_sse_queue_attributes, test_set_queue_attributes_default_values
    url = queue()
    sqs.set_queue_attributes(QueueUrl=url, Attributes={
        "KmsMasterKeyId": "testKeyId", "KmsDataKeyReusePeriodSeconds": "6000"})
    names = ("KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled")
    assert attributes(sqs, url, *names) == {
        "KmsMasterKeyId": "testKeyId", "KmsDataKeyReusePeriodSeconds": "6000", "SqsManagedSseEnabled": "false"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={
        "KmsMasterKeyId": "", "KmsDataKeyReusePeriodSeconds": "300"})
    assert attributes(sqs, url, *names) == {"SqsManagedSseEnabled": "false"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"SqsManagedSseEnabled": "true"})
    assert attributes(sqs, url, *names) == {"SqsManagedSseEnabled": "true"}
    # test_sse_kms_and_sqs_are_mutually_exclusive
    assert refused(sqs.set_queue_attributes, QueueUrl=url, Attributes={
        "SqsManagedSseEnabled": "true", "KmsMasterKeyId": "testKeyId"})[:2] == (
            "InvalidAttributeName",
            "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS "
            "SSE.")


def test_queues_by_other_urls(sqs, queue):
    url = queue()
    account, name = url.rsplit("/", 2)[1:]
    for way in (
            name, f"/{account}/{name}", f"https://sqs.us-east-1.amazonaws.com/{account}/{name}",
            f"http://us-east-1.queue.localhost:4566/{account}/{name}",
            f"http://localhost:4566/queue/us-east-1/{account}/{name}"):
        assert sqs.send_message(QueueUrl=way, MessageBody=way)["MessageId"]
    assert attributes(sqs, url, "ApproximateNumberOfMessages") == {"ApproximateNumberOfMessages": "5"}
    elsewhere = f"https://sqs.eu-west-1.amazonaws.com/{account}/{name}"
    assert refused(sqs.send_message, QueueUrl=elsewhere, MessageBody="x")[0] == (
        "AWS.SimpleQueueService.NonExistentQueue")


def test_messages_and_queues_outlive_a_restart(own_server):
    server = own_server()
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="kept", Attributes={"VisibilityTimeout": "300"}, tags={"a": "b"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="one")
    sqs.send_message(QueueUrl=url, MessageBody="two")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    server.stop()
    server.start()
    sqs = server.client("sqs")
    url = sqs.get_queue_url(QueueName="kept")["QueueUrl"]
    assert attributes(sqs, url, "VisibilityTimeout", "ApproximateNumberOfMessagesNotVisible") == {
        "VisibilityTimeout": "300", "ApproximateNumberOfMessagesNotVisible": "1"}
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"a": "b"}
    assert bodies(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)) == ["two"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    assert attributes(sqs, url, "ApproximateNumberOfMessagesNotVisible") == {
        "ApproximateNumberOfMessagesNotVisible": "1"}


def test_reset_empties_queues(own_server):
    server = own_server("--auth", "off")
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="gone")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="gone")
    import urllib.request
    urllib.request.urlopen(urllib.request.Request(server.endpoint + "/_apus/reset", method="POST"), timeout=30)
    assert "QueueUrls" not in sqs.list_queues()
    url = sqs.create_queue(QueueName="gone")["QueueUrl"]
    assert bodies(sqs.receive_message(QueueUrl=url)) == []


def test_a_shutdown_does_not_wait_for_long_polls(own_server):
    server = own_server()
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="empty")["QueueUrl"]
    answers = []
    consumer = threading.Thread(
        target=lambda: answers.append(server.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=20)))
    consumer.start()
    wait_until(lambda: waiting_receives(server, url) == 1, 60, "the receive's wait")
    started = time.monotonic()
    server.stop()
    consumer.join(30)
    assert bodies(answers[0]) == []
    assert time.monotonic() - started < 19
