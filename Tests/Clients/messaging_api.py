"""Good requests of each operation of SQS and SNS that Apus has."""

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
