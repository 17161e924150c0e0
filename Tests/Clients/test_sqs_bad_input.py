"""What SQS refuses, operation by operation, in AWS's words where LocalStack's recordings have them
(tests/aws/services/sqs/test_sqs.snapshot.json)."""

import pytest

from conftest import refused
from sqs_api import bodies, queue, sqs  # noqa: F401 (fixtures)

NONE = "http://127.0.0.1/000000000000/there-is-no-such-queue"
GONE = ("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.", 400)
ON_QUEUES = {
    "add_permission": {"Label": "l", "AWSAccountIds": ["111111111111"], "Actions": ["SendMessage"]},
    "change_message_visibility": {"ReceiptHandle": "x", "VisibilityTimeout": 1},
    "change_message_visibility_batch": {"Entries": [{"Id": "1", "ReceiptHandle": "x", "VisibilityTimeout": 1}]},
    "delete_message": {"ReceiptHandle": "x"},
    "delete_message_batch": {"Entries": [{"Id": "1", "ReceiptHandle": "x"}]},
    "delete_queue": {},
    "get_queue_attributes": {},
    "list_dead_letter_source_queues": {},
    "list_queue_tags": {},
    "purge_queue": {},
    "receive_message": {},
    "remove_permission": {"Label": "l"},
    "send_message": {"MessageBody": "x"},
    "send_message_batch": {"Entries": [{"Id": "1", "MessageBody": "x"}]},
    "set_queue_attributes": {"Attributes": {"DelaySeconds": "1"}},
    "tag_queue": {"Tags": {"a": "b"}},
    "untag_queue": {"TagKeys": ["a"]},
}


@pytest.mark.parametrize("operation", sorted(ON_QUEUES))
def test_a_queue_that_is_not_there(sqs, operation):
    # test_non_existent_queue
    assert refused(getattr(sqs, operation), QueueUrl=NONE, **ON_QUEUES[operation]) == GONE


@pytest.mark.parametrize("operation", sorted(set(ON_QUEUES) | {
    "create_queue", "get_queue_url", "start_message_move_task", "list_message_move_tasks", "cancel_message_move_task"}))
def test_what_is_required(server, operation):
    code, message, status = refused(getattr(server.unchecked("sqs"), operation))
    assert (code, status) == ("MissingParameter", 400)
    assert message.startswith("The request must contain the parameter ")


def test_names(sqs):
    plain = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
    for name in ("with space", "slash/ed", "x" * 81, "a.fifo", "ü"):
        assert refused(sqs.create_queue, QueueName=name) == ("InvalidParameterValue", plain, 400)
    for name in ("ordered", ".fifo", "x" * 76 + ".fifo"):
        code, _, _ = refused(sqs.create_queue, QueueName=name, Attributes={"FifoQueue": "true"})
        assert code == "InvalidParameterValue"
    assert refused(sqs.get_queue_url, QueueName="there-is-none") == GONE


@pytest.mark.parametrize("name, values", [
    ("VisibilityTimeout", ["-1", "43201", "x", ""]), ("DelaySeconds", ["-1", "901"]),
    ("MaximumMessageSize", ["1023", "1048577"]), ("MessageRetentionPeriod", ["59", "1209601"]),
    ("ReceiveMessageWaitTimeSeconds", ["-1", "21"]), ("KmsDataKeyReusePeriodSeconds", ["59", "86401"]),
    ("SqsManagedSseEnabled", ["perhaps"]), ("Policy", ["no policy", "{}"])])
def test_values_of_attributes(sqs, queue, name, values):
    url = queue()
    for value in values:
        wanted = ("InvalidAttributeValue", f"Invalid value for the parameter {name}.", 400)
        assert refused(sqs.set_queue_attributes, QueueUrl=url, Attributes={name: value}) == wanted
        assert refused(sqs.create_queue, QueueName="never-made", Attributes={name: value}) == wanted


def test_attributes_that_cannot_be_set(sqs, queue):
    url = queue()
    for name in ("QueueArn", "CreatedTimestamp", "ApproximateNumberOfMessages", "Nothing", "All"):
        assert refused(sqs.set_queue_attributes, QueueUrl=url, Attributes={name: "1"}) == (
            "InvalidAttributeName", f"Unknown Attribute {name}.", 400)
    # test_create_standard_queue_with_fifo_attribute_raises_error
    for name, value in (("FifoQueue", "false"), ("ContentBasedDeduplication", "false")):
        assert refused(sqs.create_queue, QueueName="never-made", Attributes={name: value}) == (
            "InvalidAttributeName", f"Unknown Attribute {name}.", 400)
    for name, value in (("DeduplicationScope", "queue"), ("FifoThroughputLimit", "perQueue")):
        assert refused(sqs.create_queue, QueueName="never-made", Attributes={name: value}) == (
            "InvalidAttributeName", f"You can specify the {name} only when FifoQueue is set to true.", 400)
    assert refused(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["Foobar"]) == (
        "InvalidAttributeName", "Unknown Attribute Foobar.", 400)


def test_bodies(sqs, queue):
    url = queue()
    # test_send_empty_message
    assert refused(sqs.send_message, QueueUrl=url, MessageBody="") == (
        "MissingParameter", "The request must contain the parameter MessageBody.", 400)
    # test_send_message_with_invalid_payload_characters
    for character in ("\x00", "\x08", "\x13", "\uffff"):
        assert refused(sqs.send_message, QueueUrl=url, MessageBody=f"Invalid-{character}")[0] == (
            "InvalidMessageContents")
    assert bodies(sqs.receive_message(QueueUrl=url)) == []


@pytest.mark.parametrize("name, value", [
    ("ErrorDetails", {"StringValue": "", "DataType": "String"}), ("attr1", {"StringValue": "\x08", "DataType": "String"}),
    ("aWs.x", None), ("AMAZON.x", None), (".x", None), ("x.", None), ("a!b", None), ("a§b", None), ("a b", None),
    ("L" * 257, None), ("kind", {"StringValue": "Valid", "DataType": "Invalid"}),
    ("kind", {"StringValue": "1", "DataType": "Number." + "L" * 256}), ("n", {"StringValue": "x", "DataType": "Number"}),
    ("b", {"BinaryValue": b"", "DataType": "Binary"}), ("s", {"DataType": "String"})])
def test_message_attributes(sqs, queue, name, value):
    # test_send_message_with_invalid_string_attributes, test_send_message_with_empty_string_attribute
    value = value or {"StringValue": "Valid", "DataType": "String"}
    code, message, status = refused(
        sqs.send_message, QueueUrl=queue(), MessageBody="test", MessageAttributes={name: value})
    assert (code, status) == ("InvalidParameterValue", 400)
    if name == "ErrorDetails":
        assert message == "Message (user) attribute 'ErrorDetails' must contain a non-empty value of type 'String'."


def test_lists_in_message_attributes(sqs, queue):
    value = {"DataType": "String", "StringValue": "x", "StringListValues": ["x"]}
    assert refused(sqs.send_message, QueueUrl=queue(), MessageBody="x", MessageAttributes={"a": value})[0] == (
        "AWS.SimpleQueueService.UnsupportedOperation")


def test_ranges_of_receiving(sqs, queue):
    url = queue()
    # test_send_receive_max_number_of_messages, test_send_receive_wait_time_seconds
    for value in (0, 11):
        assert refused(sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=value) == (
            "InvalidParameterValue", f"Value {value} for parameter MaxNumberOfMessages is invalid. Reason: Must be "
            "between 1 and 10, if provided.", 400)
    for value in (-1, 21):
        assert refused(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=value) == (
            "InvalidParameterValue",
            f"Value {value} for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.", 400)
    assert refused(sqs.receive_message, QueueUrl=url, VisibilityTimeout=43201)[0] == "InvalidParameterValue"
    assert refused(sqs.receive_message, QueueUrl=url, ReceiveRequestAttemptId="a")[0] == "InvalidParameterValue"


def test_batches(sqs, queue):
    url = queue()
    calls = [
        (sqs.send_message_batch, {"MessageBody": "x"}, "SendMessageBatchRequestEntry"),
        (sqs.delete_message_batch, {"ReceiptHandle": "x"}, "DeleteMessageBatchRequestEntry"),
        (sqs.change_message_visibility_batch, {"ReceiptHandle": "x", "VisibilityTimeout": 1},
         "ChangeMessageVisibilityBatchRequestEntry")]
    for call, entry, name in calls:
        def batch(*ids):
            return refused(call, QueueUrl=url, Entries=[{"Id": each, **entry} for each in ids])

        assert batch() == (
            "AWS.SimpleQueueService.EmptyBatchRequest", f"There should be at least one {name} in the request.", 400)
        # test_too_many_entries_in_batch_request
        assert batch(*map(str, range(20))) == (
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            "Maximum number of entries per request are 10. You have sent 20.", 400)
        # test_invalid_batch_id
        for each in ("", "invalid:id", "testLongId" * 10):
            assert batch(each) == (
                "AWS.SimpleQueueService.InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most "
                "80 letters long.", 400)
        assert batch("a", "b", "a") == ("AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Id a repeated.", 400)
    # test_send_message_batch_with_oversized_contents
    entries = [{"Id": "1", "MessageBody": "a" * 1048576}, {"Id": "2", "MessageBody": "a"}]
    assert refused(sqs.send_message_batch, QueueUrl=url, Entries=entries) == (
        "AWS.SimpleQueueService.BatchRequestTooLong",
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.", 400)


def test_handles(sqs, queue):
    url, other = queue(), queue()
    # test_delete_message_with_illegal_receipt_handle, test_invalid_receipt_handle_should_return_error_message
    wanted = ("ReceiptHandleIsInvalid", 'The input receipt handle "garbage" is not a valid receipt handle.', 400)
    assert refused(sqs.delete_message, QueueUrl=url, ReceiptHandle="garbage") == wanted
    assert refused(
        sqs.change_message_visibility, QueueUrl=url, ReceiptHandle="garbage", VisibilityTimeout=60) == wanted
    sqs.send_message(QueueUrl=other, MessageBody="x")
    handle = sqs.receive_message(QueueUrl=other)["Messages"][0]["ReceiptHandle"]
    assert refused(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle)[0] == "ReceiptHandleIsInvalid"
    assert refused(
        sqs.change_message_visibility, QueueUrl=other, ReceiptHandle=handle, VisibilityTimeout=43201)[0] == (
            "InvalidParameterValue")


def test_tags_and_permissions(sqs, queue):
    url = queue()
    assert refused(sqs.tag_queue, QueueUrl=url, Tags={f"k{n}": "v" for n in range(51)})[0] == "InvalidParameterValue"
    assert refused(sqs.tag_queue, QueueUrl=url, Tags={"aws:x": "v"})[0] == "InvalidParameterValue"
    assert refused(sqs.add_permission, QueueUrl=url, Label="l", AWSAccountIds=["111111111111"], Actions=["Nothing"])[:2] == (
        "InvalidParameterValue",
        "Value SQS:Nothing for parameter ActionName is invalid. Reason: Please refer to the appropriate WSDL for a list "
        "of valid actions. ")
    assert refused(sqs.remove_permission, QueueUrl=url, Label="l")[:2] == (
        "InvalidParameterValue", "Value l for parameter Label is invalid. Reason: can't find label.")


def test_pages(sqs):
    assert refused(sqs.list_queues, MaxResults=1001)[0] == "InvalidParameterValue"
    assert refused(sqs.list_queues, NextToken="!", MaxResults=1)[0] == "InvalidParameterValue"
