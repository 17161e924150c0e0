"""FIFO queues by boto3: order in groups, deduplication, attempts.

Expectations are what AWS answered to LocalStack's tests/aws/services/sqs/test_sqs.py, whose tests are named here.
"""

import pytest

from conftest import refused
from sqs_api import attributes, bodies, queue, sqs  # noqa: F401 (fixtures)


def send(sqs, url, body, group="1", **settings):
    settings.setdefault("MessageDeduplicationId", body)
    return sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, **settings)


def receive(sqs, url, count=10, **settings):
    return sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=count, **settings).get("Messages", [])


def delete(sqs, url, message):
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_attributes_of_messages_and_queues(sqs, queue):
    # test_fifo_set_content_based_deduplication_strategy, test_fifo_message_attributes
    url = queue(FifoQueue="true", ContentBasedDeduplication="true")
    shown = attributes(sqs, url)
    assert {name: shown[name] for name in (
        "FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")} == {
            "FifoQueue": "true", "ContentBasedDeduplication": "true", "DeduplicationScope": "queue",
            "FifoThroughputLimit": "perQueue"}
    sent = send(sqs, url, "message-body-1", "group-1", MessageDeduplicationId="dedup-1")
    assert len(sent["SequenceNumber"]) == 20 and sent["SequenceNumber"].isdigit()
    message = receive(sqs, url, MessageSystemAttributeNames=["All"])[0]
    shown = message["Attributes"]
    assert (shown["MessageGroupId"], shown["MessageDeduplicationId"], shown["SequenceNumber"]) == (
        "group-1", "dedup-1", sent["SequenceNumber"])
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"ContentBasedDeduplication": "false"})
    assert attributes(sqs, url, "ContentBasedDeduplication") == {"ContentBasedDeduplication": "false"}


def test_a_group_waits_for_its_messages_in_flight(sqs, queue):
    # test_fifo_empty_message_groups_added_back_to_queue
    url = queue(FifoQueue="true")
    for body, group in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("a3", "a")):
        send(sqs, url, body, group)
    first = receive(sqs, url, 1)
    assert [message["Body"] for message in first] == ["a1"]
    # Another group can be had, this one cannot.
    assert [message["Body"] for message in receive(sqs, url)] == ["b1"]
    assert receive(sqs, url) == []
    delete(sqs, url, first[0])
    assert [message["Body"] for message in receive(sqs, url)] == ["a2", "a3"]
    assert attributes(sqs, url, "ApproximateNumberOfMessagesNotVisible") == {
        "ApproximateNumberOfMessagesNotVisible": "3"}


@pytest.mark.parametrize("extended, seen", [(0, []), (1, ["foo"]), (2, ["foo", "bar"])])
def test_a_message_out_of_sight_keeps_back_what_came_after_it(sqs, queue, extended, seen):
    # test_fifo_group_visibility_extends_with_change_message_visibility
    url = queue(FifoQueue="true", VisibilityTimeout="600")
    for body in ("foo", "bar", "baz"):
        send(sqs, url, body)
    messages = receive(sqs, url)
    assert [message["Body"] for message in messages] == ["foo", "bar", "baz"]
    for number, message in enumerate(messages):
        if number != extended:
            sqs.change_message_visibility(
                QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert [message["Body"] for message in receive(sqs, url)] == seen


def test_a_handle_whose_time_is_over(sqs, queue):
    # test_fifo_delete_after_visibility_timeout
    url = queue(FifoQueue="true")
    send(sqs, url, "foobar")
    handle = receive(sqs, url)[0]["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    assert refused(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle) == (
        "InvalidParameterValue",
        f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.", 400)
    assert [message["Body"] for message in receive(sqs, url)] == ["foobar"]


@pytest.mark.parametrize("by_content", [True, False])
def test_what_is_sent_twice_comes_once(sqs, queue, by_content):
    # test_fifo_deduplication_arrives_once_after_delete, test_fifo_deduplication_not_on_message_group_id
    url = queue(FifoQueue="true", ContentBasedDeduplication="true" if by_content else "false")

    def send_again(group):
        settings = {} if by_content else {"MessageDeduplicationId": "the-same"}
        return sqs.send_message(QueueUrl=url, MessageBody="body", MessageGroupId=group, **settings)

    first = send_again("1")
    message = receive(sqs, url)[0]
    delete(sqs, url, message)
    second = send_again("2")
    assert (second["MessageId"], second["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    assert receive(sqs, url) == []
    assert attributes(sqs, url, "ApproximateNumberOfMessages") == {"ApproximateNumberOfMessages": "0"}


def test_deduplication_within_groups(sqs, queue):
    # test_fifo_high_throughput_ordering, test_sqs_fifo_message_group_scope_no_throughput_setting
    url = queue(FifoQueue="true", DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    send(sqs, url, "one", "1", MessageDeduplicationId="same")
    send(sqs, url, "two", "2", MessageDeduplicationId="same")
    send(sqs, url, "three", "1", MessageDeduplicationId="same")
    assert [message["Body"] for message in receive(sqs, url)] == ["one", "two"]


def test_the_queue_s_delay_holds_for_all(sqs, queue):
    # test_fifo_queue_send_message_with_zero_delay_defaults_to_queue_delay
    url = queue(FifoQueue="true", DelaySeconds="600")
    send(sqs, url, "late", DelaySeconds=0)
    assert receive(sqs, url) == []
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})
    assert [message["Body"] for message in receive(sqs, url, WaitTimeSeconds=5)] == ["late"]


def test_an_attempt_that_is_repeated(sqs, queue):
    url = queue(FifoQueue="true")
    for body in ("1", "2", "3"):
        send(sqs, url, body)
    first = receive(sqs, url, 2, ReceiveRequestAttemptId="a")
    again = receive(sqs, url, 2, ReceiveRequestAttemptId="a")
    assert [message["Body"] for message in first] == ["1", "2"]
    assert [message["ReceiptHandle"] for message in again] == [message["ReceiptHandle"] for message in first]
    for message in first:
        delete(sqs, url, message)
    # Something was done with what it got: it is an attempt like any other.
    assert [message["Body"] for message in receive(sqs, url, 2, ReceiveRequestAttemptId="a")] == ["3"]


def test_batches_keep_their_order(sqs, queue):
    url = queue(FifoQueue="true", ContentBasedDeduplication="true")
    answer = sqs.send_message_batch(QueueUrl=url, Entries=[
        {"Id": str(number), "MessageBody": str(number), "MessageGroupId": "g"} for number in range(10)])
    numbers = [entry["SequenceNumber"] for entry in answer["Successful"]]
    assert numbers == sorted(numbers)
    assert [message["Body"] for message in receive(sqs, url)] == [str(number) for number in range(10)]


def test_what_fifo_queues_demand(sqs, queue):
    url = queue(FifoQueue="true")
    missing = (
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
    # test_posting_to_fifo_requires_deduplicationid_group_id
    assert refused(sqs.send_message, QueueUrl=url, MessageBody="x", MessageGroupId="g") == (
        "InvalidParameterValue", missing, 400)
    assert refused(sqs.send_message, QueueUrl=url, MessageBody="x", MessageDeduplicationId="d") == (
        "MissingParameter", "The request must contain the parameter MessageGroupId.", 400)
    # test_send_batch_missing_deduplication_id_for_fifo_queue and its neighbour
    entry = {"Id": "1", "MessageBody": "x"}
    assert refused(sqs.send_message_batch, QueueUrl=url, Entries=[{**entry, "MessageGroupId": "g"}]) == (
        "InvalidParameterValue", missing, 400)
    assert refused(sqs.send_message_batch, QueueUrl=url, Entries=[{**entry, "MessageDeduplicationId": "d"}]) == (
        "InvalidParameterValue", "The request must contain the parameter MessageGroupId.", 400)
    # test_fifo_queue_send_message_with_delay_seconds_fails
    assert refused(send, sqs, url, "x", DelaySeconds=2) == (
        "InvalidParameterValue",
        "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for "
        "this queue type.", 400)
    # test_message_deduplication_id_invalid
    for value in ("", "a" * 129, "group 123"):
        assert refused(send, sqs, url, "x", MessageDeduplicationId=value) == (
            "InvalidParameterValue",
            f"Value {value} for parameter MessageDeduplicationId is invalid. Reason: MessageDeduplicationId can only "
            "include alphanumeric and punctuation characters. 1 to 128 in length.", 400)
    # test_set_unsupported_attribute_fifo
    assert refused(sqs.set_queue_attributes, QueueUrl=url, Attributes={"FifoQueue": "false"}) == (
        "InvalidAttributeValue",
        "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.", 400)


def test_groups_of_a_standard_queue(sqs, queue):
    # test_fair_queue_with_message_group_id
    url = queue()
    assert "SequenceNumber" not in sqs.send_message(QueueUrl=url, MessageBody="message", MessageGroupId="test")
    message = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"][0]
    assert message["Attributes"]["MessageGroupId"] == "test"
    # test_send_message_to_standard_queue_with_invalid_message_group_id
    for value in ("", "a" * 129, "group 123"):
        assert refused(sqs.send_message, QueueUrl=url, MessageBody="x", MessageGroupId=value)[:2] == (
            "InvalidParameterValue",
            f"Value {value} for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include "
            "alphanumeric and punctuation characters. 1 to 128 in length.")
