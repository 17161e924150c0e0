"""Amazon SQS in the query protocol: forms in, XML out, also at queues' own URLs.

The older model's names are those of the API reference; what is asserted was validated against AWS by LocalStack's
tests/aws/services/sqs/test_sqs.py (TestSqsQueryApi and the `sqs_query` variants).
"""

import pytest

from conftest import refused
from sqs_api import QueryClient, error, queue, sqs, text, texts  # noqa: F401 (fixtures)


@pytest.fixture
def query(server):
    return QueryClient(server)


def test_every_operation_as_forms(query, sqs, queue, name):
    status, document = query.call("CreateQueue", {
        "QueueName": name, "Attribute.1.Name": "VisibilityTimeout", "Attribute.1.Value": "40",
        "Tag.1.Key": "team", "Tag.1.Value": "swifts"})
    assert status == 200 and document.tag == "{http://queue.amazonaws.com/doc/2012-11-05/}CreateQueueResponse"
    url = text(document, "CreateQueueResult/QueueUrl")
    assert text(document, "ResponseMetadata/RequestId")

    def call(action, **parameters):
        status, document = query.call(
            action, {"QueueUrl": url, **{key.replace("_", "."): value for key, value in parameters.items()}})
        assert status == 200, error(document)
        assert document.tag.endswith(f"}}{action}Response")
        return document

    assert text(query.call("GetQueueUrl", {"QueueName": name})[1], "GetQueueUrlResult/QueueUrl") == url
    assert url in texts(query.call("ListQueues", {"QueueNamePrefix": name})[1], "ListQueuesResult/QueueUrl")
    call("SetQueueAttributes", Attribute_1_Name="DelaySeconds", Attribute_1_Value="0")
    shown = call("GetQueueAttributes", AttributeName_1="VisibilityTimeout", AttributeName_2="QueueArn")
    names = texts(shown, "GetQueueAttributesResult/Attribute/Name")
    values = dict(zip(names, texts(shown, "GetQueueAttributesResult/Attribute/Value")))
    assert values == {"VisibilityTimeout": "40", "QueueArn": f"arn:aws:sqs:us-east-1:000000000000:{name}"}
    call("TagQueue", Tag_1_Key="colour", Tag_1_Value="black")
    assert texts(call("ListQueueTags"), "ListQueueTagsResult/Tag/Key") == ["colour", "team"]
    call("UntagQueue", TagKey_1="colour", TagKey_2="team")
    assert texts(call("ListQueueTags"), "ListQueueTagsResult/Tag/Key") == []

    sent = call(
        "SendMessage", MessageBody="a <b> & ü", MessageAttribute_1_Name="x", MessageAttribute_1_Value_DataType="Number",
        MessageAttribute_1_Value_StringValue="17", MessageAttribute_2_Name="y",
        MessageAttribute_2_Value_DataType="Binary", MessageAttribute_2_Value_BinaryValue="AAEC",
        MessageSystemAttribute_1_Name="AWSTraceHeader", MessageSystemAttribute_1_Value_DataType="String",
        MessageSystemAttribute_1_Value_StringValue="Root=1")
    assert text(sent, "SendMessageResult/MessageId")
    got = call(
        "ReceiveMessage", MessageAttributeName_1="All", AttributeName_1="All", MaxNumberOfMessages="1")
    message = "ReceiveMessageResult/Message/"
    assert text(got, message + "Body") == "a <b> & ü"
    assert text(got, message + "MD5OfMessageAttributes") == text(sent, "SendMessageResult/MD5OfMessageAttributes")
    assert texts(got, message + "MessageAttribute/Name") == ["x", "y"]
    assert texts(got, message + "MessageAttribute/Value/DataType") == ["Number", "Binary"]
    assert texts(got, message + "MessageAttribute/Value/BinaryValue") == ["AAEC"]
    assert "AWSTraceHeader" in texts(got, message + "Attribute/Name")
    handle = text(got, message + "ReceiptHandle")
    call("ChangeMessageVisibility", ReceiptHandle=handle, VisibilityTimeout="100")
    changed = call(
        "ChangeMessageVisibilityBatch", ChangeMessageVisibilityBatchRequestEntry_1_Id="a",
        ChangeMessageVisibilityBatchRequestEntry_1_ReceiptHandle=handle,
        ChangeMessageVisibilityBatchRequestEntry_1_VisibilityTimeout="30")
    assert texts(
        changed, "ChangeMessageVisibilityBatchResult/ChangeMessageVisibilityBatchResultEntry/Id") == ["a"]
    call("DeleteMessage", ReceiptHandle=handle)

    batch = call(
        "SendMessageBatch", SendMessageBatchRequestEntry_1_Id="one", SendMessageBatchRequestEntry_1_MessageBody="1",
        SendMessageBatchRequestEntry_2_Id="two", SendMessageBatchRequestEntry_2_MessageBody="2",
        SendMessageBatchRequestEntry_2_DelaySeconds="901")
    assert texts(batch, "SendMessageBatchResult/SendMessageBatchResultEntry/Id") == ["one"]
    assert texts(batch, "SendMessageBatchResult/BatchResultErrorEntry/SenderFault") == ["true"]
    handle = text(call("ReceiveMessage"), message + "ReceiptHandle")
    deleted = call(
        "DeleteMessageBatch", DeleteMessageBatchRequestEntry_1_Id="d",
        DeleteMessageBatchRequestEntry_1_ReceiptHandle=handle)
    assert texts(deleted, "DeleteMessageBatchResult/DeleteMessageBatchResultEntry/Id") == ["d"]

    call("AddPermission", Label="l", AWSAccountId_1="111111111111", ActionName_1="SendMessage")
    call("RemovePermission", Label="l")
    arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
    source = queue("-source", RedrivePolicy='{"deadLetterTargetArn":"%s","maxReceiveCount":1}' % arn)
    assert texts(call("ListDeadLetterSourceQueues"), "ListDeadLetterSourceQueuesResult/QueueUrl") == [source]
    sqs.send_message(QueueUrl=url, MessageBody="stays")
    task = text(
        query.call("StartMessageMoveTask", {"SourceArn": arn, "DestinationArn": arn.replace(name, source.rsplit("/", 1)[1])})[1],
        "StartMessageMoveTaskResult/TaskHandle")
    assert task
    listed = query.call("ListMessageMoveTasks", {"SourceArn": arn})[1]
    assert text(listed, "ListMessageMoveTasksResult/ListMessageMoveTasksResultEntry/SourceArn") == arn
    assert query.call("CancelMessageMoveTask", {"TaskHandle": "x"})[0] == 400
    call("PurgeQueue")
    call("DeleteQueue")
    assert error(query.call("GetQueueUrl", {"QueueName": name})[1]) == (
        "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist for this wsdl version.", "Sender")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_queue_s_own_url(query, queue, method):
    url, other = queue(), queue()

    def call(action=None, where=url, **parameters):
        return query.call(action, {k.replace("_", "."): v for k, v in parameters.items()}, where, method)

    # test_get_send_and_receive_messages
    assert call("SendMessage", MessageBody="foobar")[0] == 200
    status, document = call("ReceiveMessage", where=other)
    assert status == 200 and text(document, "ReceiveMessageResult/Message/Body") is None
    assert text(call("ReceiveMessage")[1], "ReceiveMessageResult/Message/Body") == "foobar"
    # test_overwrite_queue_url_in_params
    document = call("GetQueueAttributes", AttributeName_1="QueueArn", QueueUrl=other)[1]
    assert text(document, "GetQueueAttributesResult/Attribute/Value").endswith(other.rsplit("/", 1)[1])
    # test_get_queue_url_work_for_different_queue
    document = call("GetQueueUrl", QueueName=other.rsplit("/", 1)[1])[1]
    assert text(document, "GetQueueUrlResult/QueueUrl") == other
    # test_invalid_action_raises_exception, test_get_create_queue_fails, test_get_list_queues_fails
    for action in ("FooBar", "CreateQueue", "ListQueues"):
        status, document = call(action, QueueName="x")
        assert status == 400
        assert error(document) == ("InvalidAction", f"The action {action} is not valid for this endpoint.", "Sender")
    # test_valid_action_with_missing_parameter_raises_exception
    assert error(call("SendMessage")[1]) == (
        "MissingParameter", "The request must contain the parameter MessageBody.", "Sender")
    # test_get_queue_attributes_with_invalid_arg_returns_error
    assert error(call("GetQueueAttributes", AttributeName_1="Foobar")[1]) == (
        "InvalidAttributeName", "Unknown Attribute Foobar.", "Sender")
    # test_get_without_query_returns_unknown_operation
    status, document = call()
    assert status == 404 and document.tag == "UnknownOperationException"


def test_regions_are_apart(server, queue, name):
    # test_endpoint_strategy_with_multi_region
    west, north = QueryClient(server, "us-west-1"), QueryClient(server, "eu-north-1")
    urls = [
        text(client.call("CreateQueue", {"QueueName": name})[1], "CreateQueueResult/QueueUrl")
        for client in (west, north)]
    west.call("SendMessage", {"MessageBody": "foobar"}, urls[0])
    north_body = text(north.call("ReceiveMessage", {}, urls[1])[1], "ReceiveMessageResult/Message/Body")
    west_body = text(west.call("ReceiveMessage", {}, urls[0])[1], "ReceiveMessageResult/Message/Body")
    assert (north_body, west_body) == (None, "foobar")


def test_errors_in_both_protocols(query, sqs, queue):
    url = queue()
    calls = [
        ("SendMessage", {"MessageBody": "x", "DelaySeconds": "901"}, sqs.send_message,
         {"MessageBody": "x", "DelaySeconds": 901}),
        ("DeleteMessage", {"ReceiptHandle": "garbage"}, sqs.delete_message, {"ReceiptHandle": "garbage"}),
        ("ReceiveMessage", {"MaxNumberOfMessages": "11"}, sqs.receive_message, {"MaxNumberOfMessages": 11}),
        ("SetQueueAttributes", {"Attribute.1.Name": "Nothing", "Attribute.1.Value": "1"}, sqs.set_queue_attributes,
         {"Attributes": {"Nothing": "1"}}),
        ("SendMessageBatch", {}, sqs.send_message_batch, {"Entries": []}),
    ]
    for action, form, call, parameters in calls:
        code, message, status = refused(call, QueueUrl=url, **parameters)
        form_status, document = query.call(action, {"QueueUrl": url, **form})
        assert (form_status, *error(document)) == (status, code, message, "Sender")
    assert query.call("SetQueueAttributes", {
        "QueueUrl": url, "Attribute.1.Name": "DelaySeconds", "Attribute.1.Value": "x"})[0] == 400
    assert error(query.call("ReceiveMessage", {"QueueUrl": url, "MaxNumberOfMessages": "many"})[1])[0] == (
        "MalformedInput")


def test_a_forged_signature_is_refused_in_xml(server, queue):
    client = QueryClient(server)
    client.credentials.secret_key = "not the key"
    status, document = client.call("ListQueues")
    assert status == 403 and error(document)[0] == "SignatureDoesNotMatch"
