"""The APIs of SQS and SNS as botocore's models describe them: a good request of each operation that Apus has, ways to
break one, and clients that send what they are given."""

import json

import boto3
import botocore.session
from botocore.config import Config

from conftest import ROOT

_SESSION = botocore.session.get_session()
MODELS = {name: _SESSION.get_service_model(name) for name in ("sqs", "sns")}
_SETTINGS = json.loads((ROOT / "Scripts/models.json").read_text())
# The operations that Apus has, by service.
PRESENT = {name: _SETTINGS[name]["operations"] for name in MODELS}

_ENTRY = {"Id": "1"}
_ATTRIBUTES = {"kind": {"DataType": "String", "StringValue": "bird"}}
_ON_QUEUE = {
    "AddPermission": {"Label": "l", "AWSAccountIds": ["111111111111"], "Actions": ["SendMessage"]},
    "ChangeMessageVisibility": {"ReceiptHandle": "x", "VisibilityTimeout": 1},
    "ChangeMessageVisibilityBatch": {"Entries": [{**_ENTRY, "ReceiptHandle": "x", "VisibilityTimeout": 1}]},
    "DeleteMessage": {"ReceiptHandle": "x"},
    "DeleteMessageBatch": {"Entries": [{**_ENTRY, "ReceiptHandle": "x"}]},
    "DeleteQueue": {},
    "GetQueueAttributes": {"AttributeNames": ["All"]},
    "ListDeadLetterSourceQueues": {"MaxResults": 1},
    "ListQueueTags": {},
    "PurgeQueue": {},
    "ReceiveMessage": {"MaxNumberOfMessages": 1, "WaitTimeSeconds": 0, "MessageAttributeNames": ["All"]},
    "RemovePermission": {"Label": "l"},
    "SendMessage": {"MessageBody": "m", "DelaySeconds": 0, "MessageAttributes": _ATTRIBUTES},
    "SendMessageBatch": {"Entries": [{**_ENTRY, "MessageBody": "m", "MessageAttributes": _ATTRIBUTES}]},
    "SetQueueAttributes": {"Attributes": {"DelaySeconds": "1"}},
    "TagQueue": {"Tags": {"k": "v"}},
    "UntagQueue": {"TagKeys": ["k"]},
}
_ON_TOPIC = {
    "AddPermission": {"Label": "l", "AWSAccountId": ["111111111111"], "ActionName": ["Publish"]},
    "ConfirmSubscription": {"Token": "0" * 288},
    "DeleteTopic": {},
    "GetTopicAttributes": {},
    "ListSubscriptionsByTopic": {},
    "Publish": {"Message": "m", "MessageAttributes": _ATTRIBUTES},
    "PublishBatch": {"PublishBatchRequestEntries": [{**_ENTRY, "Message": "m", "MessageAttributes": _ATTRIBUTES}]},
    "RemovePermission": {"Label": "l"},
    "SetTopicAttributes": {"AttributeName": "DisplayName", "AttributeValue": "d"},
    "Subscribe": {"Protocol": "sqs", "Endpoint": "arn:aws:sqs:us-east-1:000000000000:nowhere"},
}


def good(queue, arn, topic):
    """`{(service, operation): parameters}`, on a queue of that URL and ARN, and a topic."""
    subscription = f"{topic}:00000000-0000-4000-8000-000000000000"
    tagged = {"ResourceArn": topic}
    return {
        **{("sqs", name): {"QueueUrl": queue, **rest} for name, rest in _ON_QUEUE.items()},
        ("sqs", "CreateQueue"): {"QueueName": "made"},
        ("sqs", "GetQueueUrl"): {"QueueName": queue.rsplit("/", 1)[1]},
        ("sqs", "ListQueues"): {"MaxResults": 1},
        ("sqs", "StartMessageMoveTask"): {"SourceArn": arn},
        ("sqs", "ListMessageMoveTasks"): {"SourceArn": arn},
        ("sqs", "CancelMessageMoveTask"): {"TaskHandle": "x"},
        **{("sns", name): {"TopicArn": topic, **rest} for name, rest in _ON_TOPIC.items()},
        ("sns", "CreateTopic"): {"Name": topic.rsplit(":", 1)[1], "Tags": []},
        ("sns", "GetSubscriptionAttributes"): {"SubscriptionArn": subscription},
        ("sns", "SetSubscriptionAttributes"): {
            "SubscriptionArn": subscription, "AttributeName": "RawMessageDelivery", "AttributeValue": "true"},
        ("sns", "Unsubscribe"): {"SubscriptionArn": subscription},
        ("sns", "ListSubscriptions"): {},
        ("sns", "ListTopics"): {},
        ("sns", "ListTagsForResource"): tagged,
        ("sns", "TagResource"): {**tagged, "Tags": [{"Key": "k", "Value": "v"}]},
        ("sns", "UntagResource"): {**tagged, "TagKeys": ["k"]},
    }


def members(shape, parameters, path=()):
    """`(path, shape, is required)` of each member of an input, and of those structures in it that a request has. A
    number in a path is an element of a list, a word after a map's name its key."""
    for name, member in shape.members.items():
        here = path + (name,)
        yield here, member, name in shape.required_members
        value = parameters.get(name)
        if not value:
            continue
        if member.type_name == "structure":
            yield from members(member, value, here)
        elif member.type_name == "list" and member.member.type_name == "structure":
            yield from members(member.member, value[0], here + (0,))
        elif member.type_name == "map" and member.value.type_name == "structure":
            key = next(iter(value))
            yield from members(member.value, value[key], here + (key,))


def changed(holder, path, value):
    """A request's copy with the value at the path; without what is there for None."""
    first, *rest = path
    copy = list(holder) if isinstance(holder, list) else dict(holder)
    if rest:
        copy[first] = changed(copy[first], rest, value)
    elif value is None:
        copy.pop(first, None)
    else:
        copy[first] = value
    return copy


def spelled(path):
    """As messages name a member: `tags.1.member.key`, `messageAttributes.kind.member.dataType`."""
    words = []
    for word in path:
        if isinstance(word, int):
            words += [str(word + 1), "member"]
        elif words and words[-1] == "messageAttributes":
            words += [word, "member"]
        else:
            words.append(word[0].lower() + word[1:])
    return ".".join(words)


def plain(server, service, key=None):
    """A client that checks nothing before it sends. `key`: of another user than the root."""
    key = key or {
        "AccessKeyId": server.credentials["access_key_id"], "SecretAccessKey": server.credentials["secret_access_key"]}
    return boto3.Session().client(
        service, endpoint_url=server.endpoint, region_name="us-east-1", aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}))
