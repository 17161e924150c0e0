"""SQS and SNS against their models: every required member, bound and type is broken in turn, and every error that the
models give an operation is caused, with its code and status, or is in a table with the reason why it never comes.

Codes and statuses are the models' or, for SQS, those of its API reference and of clients' reports of what AWS answered;
words are from LocalStack's recordings where they have them (tests/aws/services/{sqs,sns}/*.snapshot.json).
"""

import json
import os
import urllib.error
import urllib.request

import botocore
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from conftest import refused
from messaging_api import good
from modelled import WRONG, Model, changed, shown

QUEUE, TOPIC = "http://q/000000000000/q", "arn:aws:sns:us-east-1:000000000000:t"
SHAPES = good(QUEUE, "arn:aws:sqs:us-east-1:000000000000:q", TOPIC)
MODELS = {name: Model(name) for name in ("sqs", "sns")}
OPERATIONS = [(service, name) for service, model in MODELS.items() for name in model.operations]
MEMBERS = [(service, name, *member) for service, name in OPERATIONS
           for member in MODELS[service].members(MODELS[service].input(name), SHAPES[service, name])]


def label(value):
    return ".".join(map(str, value)) if isinstance(value, tuple) else value if isinstance(value, str) else ""


class World:
    """A server with a queue, a topic, a user who may do nothing, and requests that would succeed, or nearly."""

    def __init__(self, server):
        self.server = server
        self.clients = {name: server.unchecked(name) for name in MODELS}
        stem = "world-" + os.urandom(6).hex()
        self.queue = self.clients["sqs"].create_queue(QueueName=stem)["QueueUrl"]
        attributes = self.clients["sqs"].get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        self.arn = attributes["Attributes"]["QueueArn"]
        self.topic = self.clients["sns"].create_topic(Name=stem)["TopicArn"]
        self.good = good(self.queue, self.arn, self.topic)
        iam = server.client("iam")
        iam.create_user(UserName=stem)
        key = iam.create_access_key(UserName=stem)["AccessKey"]
        self.nobody = server.unchecked(
            "sns", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])

    def method(self, service, operation):
        return getattr(self.clients[service], botocore.xform_name(operation))

    def refusal(self, service, operation, parameters):
        return refused(self.method(service, operation), **parameters)

    def json(self, operation, parameters):
        """The status and the document that SQS answers to a body as it is."""
        request = AWSRequest("POST", self.server.endpoint + "/", data=json.dumps(parameters), headers={
            "X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": "application/x-amz-json-1.0"})
        credentials = self.server.credentials
        key = Credentials(credentials["access_key_id"], credentials["secret_access_key"])
        SigV4Auth(key, "sqs", "us-east-1").add_auth(request)
        raw = urllib.request.Request(request.url, data=request.data.encode(), headers=dict(request.headers))
        try:
            with urllib.request.urlopen(raw, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())


@pytest.fixture(scope="module")
def world(server):
    return World(server)


def test_every_operation_has_a_request():
    assert set(SHAPES) == set(OPERATIONS)


# MARK: Required members, bounds and types

ARNS = ("TopicArn", "SubscriptionArn")


@pytest.mark.parametrize(
    "service, operation, path", [case[:3] for case in MEMBERS if case[4]], ids=label)
def test_what_is_required(world, service, operation, path):
    code, message, status = world.refusal(service, operation, changed(world.good[service, operation], path, None))
    assert status == 400
    if service == "sqs" and path == ("Entries",):
        # As good as an empty one.
        assert code == "AWS.SimpleQueueService.EmptyBatchRequest"
    elif service == "sqs":
        assert (code, message) == ("MissingParameter", f"The request must contain the parameter {path[-1]}.")
    elif path[-1] in ARNS:
        # test_unsubscribe_wrong_arn_format
        assert (code, message) == (
            "InvalidParameter", f"Invalid parameter: {path[-1]} Reason: no value for required parameter")
    else:
        assert (code, message) == (
            "ValidationError", f"1 validation error detected: Value null at '{shown(path)}' failed to satisfy "
            "constraint: Member must not be null")


def bounds():
    """Each member of SNS that has bounds, with a value beyond one of them."""
    for service, operation, path, shape, _ in MEMBERS:
        element = shape.member if shape.type_name == "list" else shape
        if service != "sns" or element.type_name != "string":
            continue
        for bound, rule in (("min", "greater"), ("max", "less")):
            limit = element.metadata.get(bound)
            if limit is None or (bound, limit) == ("min", 0):
                continue
            value = "" if bound == "min" else "x" * (limit + 1)
            words = f"Member must have length {rule} than or equal to {limit}"
            yield operation, path, [value] if shape.type_name == "list" else value, words


@pytest.mark.parametrize("operation, path, value, words", list(bounds()), ids=label)
def test_bounds(world, operation, path, value, words):
    code, message, status = world.refusal("sns", operation, changed(world.good["sns", operation], path, value))
    assert (code, status) == ("ValidationError", 400)
    assert message.startswith("1 validation error detected: Value ") and words in message
    assert f" at '{shown(path)}" in message


@pytest.mark.parametrize(
    "operation, path, shape", [case[1:4] for case in MEMBERS if case[0] == "sqs"], ids=label)
def test_json_of_the_wrong_type(world, operation, path, shape):
    status, document = world.json(
        operation, changed(world.good["sqs", operation], path, WRONG[shape.type_name]))
    assert status == 400
    assert document["__type"].endswith("#SerializationException"), document


@pytest.mark.parametrize("service, operation", [
    ("sns", name) for name in MODELS["sns"].shapes.operation_names if name not in MODELS["sns"].operations])
def test_operations_that_are_not_there_say_so(world, service, operation):
    code, _, status = world.refusal(service, operation, {})
    assert (code, status) == ("NotImplementedException", 501)


# MARK: Errors

NEVER = {
    "sqs": {
        "InvalidIdFormat": "AWS retired it",
        "InvalidSecurity": "requests that are not secure enough are not known here",
        "MessageNotInflight": "test_change_message_visibility_after_visibility_timeout_expiration: AWS changes nothing",
        "RequestThrottled": "nobody is slowed down",
        "UnsupportedOperation": "what is not supported has other codes, but for lists of values in SendMessage",
        **dict.fromkeys([
            "KmsAccessDenied", "KmsDisabled", "KmsInvalidKeyUsage", "KmsInvalidState", "KmsNotFound",
            "KmsOptInRequired", "KmsThrottled"], "messages are not encrypted"),
    },
    "sns": {
        "ConcurrentAccessException": "tags are changed one after the other",
        "StaleTagException": "as before",
        "TagPolicyException": "there are no organisations",
        "InternalErrorException": "a store that fails",
        "InvalidSecurityException": "requests that are not secure enough are not known here",
        "InvalidStateException": "no topic is in a state that keeps it",
        "ReplayLimitExceededException": "nothing is replayed",
        "EndpointDisabledException": "there is no mobile push",
        "PlatformApplicationDisabledException": "as before",
        "ValidationException": "the recordings have ValidationError",
        **dict.fromkeys([
            "KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException",
            "KMSOptInRequired", "KMSThrottlingException"], "messages are not encrypted"),
    },
}
# What only some operations of those that list it answer.
NEVER_OF = {
    ("sqs", "ReceiveMessage", "OverLimit"): "VisibilityTests has it: 120,000 messages are many",
    ("sns", "ConfirmSubscription", "FilterPolicyLimitExceededException"): "it was checked when the filter was set",
    ("sns", "ConfirmSubscription", "SubscriptionLimitExceededException"): "it was checked when it was made",
    ("sns", "ConfirmSubscription", "NotFoundException"): "test_subscribe_external_http_endpoint: the token decides",
    ("sns", "CreateTopic", "TopicLimitExceededException"): "TopicTests has it",
    ("sns", "DeleteTopic", "NotFoundException"): "deleting what is not there is as good",
    ("sns", "SetSubscriptionAttributes", "FilterPolicyLimitExceededException"): "SubscriptionTests has it",
    ("sns", "Subscribe", "FilterPolicyLimitExceededException"): "SubscriptionTests has it",
    ("sns", "Subscribe", "SubscriptionLimitExceededException"): "SubscriptionTests has it",
    ("sns", "Unsubscribe", "NotFoundException"): "test_unsubscribe_idempotency: it is as good",
    ("sns", "UntagResource", "TagLimitExceededException"): "there are fewer afterwards",
}
NOT_THERE = {"QueueUrl": QUEUE + "-none", "TopicArn": TOPIC + "-none", "ResourceArn": TOPIC + "-none"}
BATCHES = ["ChangeMessageVisibilityBatch", "DeleteMessageBatch", "SendMessageBatch", "PublishBatch"]
MANY_ACTIONS = [
    "SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueUrl", "GetQueueAttributes",
    "PurgeQueue", "ListDeadLetterSourceQueues"]
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}] * 21})
MANY_TAGS = [{"Key": str(number), "Value": "v"} for number in range(51)]
GHOST = "arn:aws:sqs:us-east-1:000000000000:ghost"
BAD_ATTRIBUTE = {"MessageAttributes": {"a..b": {"DataType": "String", "StringValue": "v"}}}
# What is changed in a good request of an operation for an error to come.
CAUSES = {
    ("sqs", "AddPermission", "OverLimit"): {"Actions": MANY_ACTIONS},
    ("sqs", "CancelMessageMoveTask", "ResourceNotFoundException"): {
        "TaskHandle": "eyJ0YXNrSWQiOiJhIiwic291cmNlQXJuIjoiYXJuOmF3czpzcXM6dXMtZWFzdC0xOjAwMDAwMDAwMDAwMDpnaG9zdCJ9"},
    ("sqs", "ChangeMessageVisibility", "ReceiptHandleIsInvalid"): {},
    ("sqs", "CreateQueue", "InvalidAttributeName"): {"Attributes": {"Nothing": "1"}},
    ("sqs", "CreateQueue", "InvalidAttributeValue"): {"Attributes": {"DelaySeconds": "x"}},
    ("sqs", "CreateQueue", "QueueNameExists"): {"QueueName": "{queue}", "Attributes": {"DelaySeconds": "7"}},
    ("sqs", "CreateQueue", "QueueDeletedRecently"): {"QueueName": "{deleted}"},
    ("sqs", "DeleteMessage", "ReceiptHandleIsInvalid"): {},
    ("sqs", "GetQueueAttributes", "InvalidAttributeName"): {"AttributeNames": ["Nothing"]},
    ("sqs", "GetQueueUrl", "QueueDoesNotExist"): {"QueueName": "none"},
    ("sqs", "ListMessageMoveTasks", "ResourceNotFoundException"): {"SourceArn": GHOST},
    ("sqs", "PurgeQueue", "PurgeQueueInProgress"): {"QueueUrl": "{purged}"},
    ("sqs", "SendMessage", "InvalidMessageContents"): {"MessageBody": "\x01"},
    ("sqs", "SendMessage", "UnsupportedOperation"): {
        "MessageAttributes": {"a": {"DataType": "String", "StringListValues": ["v"]}}},
    ("sqs", "SendMessageBatch", "BatchRequestTooLong"): {
        "Entries": [{"Id": str(number), "MessageBody": "m" * 600_000} for number in range(2)]},
    ("sqs", "SetQueueAttributes", "InvalidAttributeName"): {"Attributes": {"Nothing": "1"}},
    ("sqs", "SetQueueAttributes", "InvalidAttributeValue"): {"Attributes": {"DelaySeconds": "x"}},
    ("sqs", "SetQueueAttributes", "OverLimit"): {"Attributes": {"Policy": POLICY}},
    ("sqs", "StartMessageMoveTask", "ResourceNotFoundException"): {"SourceArn": GHOST},
    ("sns", "AddPermission", "InvalidParameterException"): {"ActionName": ["Nothing"]},
    ("sns", "ConfirmSubscription", "InvalidParameterException"): {"Token": "x"},
    ("sns", "CreateTopic", "InvalidParameterException"): {"Name": "a b"},
    ("sns", "CreateTopic", "TagLimitExceededException"): {"Name": "many-tags", "Tags": MANY_TAGS},
    ("sns", "ListSubscriptions", "InvalidParameterException"): {"NextToken": "!"},
    ("sns", "ListTopics", "InvalidParameterException"): {"NextToken": "!"},
    ("sns", "Publish", "InvalidParameterException"): {"Message": ""},
    ("sns", "Publish", "InvalidParameterValueException"): BAD_ATTRIBUTE,
    ("sns", "PublishBatch", "BatchRequestTooLongException"): {"PublishBatchRequestEntries": [
        {"Id": str(number), "Message": "m" * 200_000} for number in range(2)]},
    ("sns", "PublishBatch", "InvalidParameterValueException"): {
        "PublishBatchRequestEntries": [{"Id": "1", "Message": "m", **BAD_ATTRIBUTE}]},
    ("sns", "TagResource", "TagLimitExceededException"): {"Tags": MANY_TAGS},
}


# Nobody has looked at it.
UNKNOWN = {"?": "?"}


def documented():
    for service, operation in OPERATIONS:
        for error in MODELS[service].shapes.operation_model(operation).error_shapes:
            yield service, operation, error


def cause(service, operation, error):
    """The changes that bring the error about; None where it never comes."""
    if (service, operation, error) in CAUSES:
        return CAUSES[service, operation, error]
    if error in NEVER[service] or (service, operation, error) in NEVER_OF:
        return None
    request = SHAPES[service, operation]
    if error == "InvalidAddress":
        return {"QueueUrl": "http://127.0.0.1/"} if "QueueUrl" in request else None
    if error in ("QueueDoesNotExist", "NotFoundException", "ResourceNotFoundException"):
        return {name: value for name, value in NOT_THERE.items() if name in request}
    if error == "InvalidParameterException":
        return {name: "x" for name in ("TopicArn", "SubscriptionArn", "ResourceArn") if name in request}
    if error == "AuthorizationErrorException":
        return {}
    if operation in BATCHES:
        name = "PublishBatchRequestEntries" if service == "sns" else "Entries"
        entry = request[name][0]
        return {name: {
            "EmptyBatchRequest": [],
            "TooManyEntriesInBatchRequest": [{**entry, "Id": str(number)} for number in range(11)],
            "BatchEntryIdsNotDistinct": [entry, entry],
            "InvalidBatchEntryId": [{**entry, "Id": "a b"}],
        }[error.removesuffix("Exception")]}
    return UNKNOWN


def expected(service, shape):
    """The code and the status of an error."""
    if service == "sns":
        error = shape.metadata["error"]
        return error["code"], error["httpStatusCode"]
    older = {"QueueDoesNotExist": "NonExistentQueue"}.get(shape.name, shape.name)
    code = {"QueueNameExists": "QueueAlreadyExists"}.get(shape.name, older)
    if shape.name in (
            "BatchEntryIdsNotDistinct", "BatchRequestTooLong", "EmptyBatchRequest", "InvalidBatchEntryId",
            "PurgeQueueInProgress", "QueueDeletedRecently", "QueueDoesNotExist", "TooManyEntriesInBatchRequest",
            "UnsupportedOperation"):
        code = f"AWS.SimpleQueueService.{code}"
    statuses = {"InvalidAddress": 404, "OverLimit": 403, "PurgeQueueInProgress": 403, "ResourceNotFoundException": 404}
    return code, statuses.get(shape.name, 400)


ERRORS = [case for case in documented() if cause(case[0], case[1], case[2].name) not in (None, UNKNOWN)]


@pytest.mark.parametrize(
    "service, operation, shape", ERRORS, ids=["-".join([*case[:2], case[2].name]) for case in ERRORS])
def test_errors(world, service, operation, shape):
    parameters = {**world.good[service, operation], **cause(service, operation, shape.name)}
    if operation == "ConfirmSubscription" and shape.name == "InvalidParameterException":
        parameters["Token"] = "x"
    for name, value in parameters.items():
        if value == "{queue}":
            parameters[name] = world.queue.rsplit("/", 1)[1]
        elif value == "{deleted}":
            parameters[name] = "deleted-" + os.urandom(6).hex()
            gone = world.clients["sqs"].create_queue(QueueName=parameters[name])["QueueUrl"]
            world.clients["sqs"].delete_queue(QueueUrl=gone)
        elif value == "{purged}":
            parameters[name] = world.clients["sqs"].create_queue(QueueName="purged-" + os.urandom(6).hex())["QueueUrl"]
            world.clients["sqs"].purge_queue(QueueUrl=parameters[name])
    method = world.method(service, operation)
    if shape.name == "AuthorizationErrorException":
        method = getattr(world.nobody, botocore.xform_name(operation))
    code, message, status = refused(method, **parameters)
    assert (code, status) == expected(service, shape), message


def test_every_error_is_caused_or_has_a_reason():
    """A model that gives an operation another error fails here, until somebody has looked at it."""
    all_of_them = {(service, operation, shape.name) for service, operation, shape in documented()}
    assert [case for case in sorted(all_of_them) if cause(*case) is UNKNOWN] == []
    assert set(CAUSES) <= all_of_them and set(NEVER_OF) <= all_of_them and not set(CAUSES) & set(NEVER_OF)
    for service, errors in NEVER.items():
        assert set(errors) <= {error for of, _, error in all_of_them if of == service}
