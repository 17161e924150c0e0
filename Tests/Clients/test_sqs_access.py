"""Who may do what with queues: users' policies, queues' policies, other accounts; and what the audit tells of it.

The shape of the permissions' statements is what AWS answered to LocalStack's test_sqs_permission_lifecycle; wordings
follow the IAM guide, actions and resources the Service Authorization Reference.
"""

import json

import boto3
import pytest
from botocore.config import Config

from conftest import refused, wait_until
from sqs_api import arn, attributes, bodies, queue, sqs  # noqa: F401 (fixtures)


def document(actions, resource="*", effect="Allow", **more):
    statement = {"Effect": effect, "Action": actions, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def user(server, name):
    """A new user's client of SQS and, for its policies, its name."""
    iam = server.client("iam")
    name = name[-60:]
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    client = server.client(
        "sqs", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    yield client, name
    for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
        iam.delete_user_policy(UserName=name, PolicyName=policy)
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=name)


def test_users_need_to_be_allowed(server, sqs, queue, user):
    client, name = user
    url = queue()
    me = f"arn:aws:iam::000000000000:user/{name}"
    assert refused(client.send_message, QueueUrl=url, MessageBody="x") == (
        "AccessDenied",
        f"User: {me} is not authorized to perform: sqs:sendmessage on resource: {arn(sqs, url)} because no "
        "identity-based policy allows the sqs:sendmessage action", 403)
    assert refused(client.create_queue, QueueName="not-mine")[0] == "AccessDenied"
    assert refused(client.list_queues)[0] == "AccessDenied"
    server.client("iam").put_user_policy(
        UserName=name, PolicyName="p", PolicyDocument=document(["sqs:SendMessage", "sqs:Get*"], arn(sqs, url)))
    client.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "x"}])
    assert attributes(client, url, "ApproximateNumberOfMessages") == {"ApproximateNumberOfMessages": "1"}
    assert refused(client.receive_message, QueueUrl=url)[0] == "AccessDenied"
    assert refused(client.delete_message_batch, QueueUrl=url, Entries=[{"Id": "1", "ReceiptHandle": "x"}])[0] == (
        "AccessDenied")


def test_a_queue_s_policy_lets_users_in_and_keeps_them_out(sqs, queue, user):
    client, name = user
    url = queue()
    me = {"AWS": f"arn:aws:iam::000000000000:user/{name}"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={
        "Policy": document("sqs:SendMessage", arn(sqs, url), Principal=me)})
    client.send_message(QueueUrl=url, MessageBody="x")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={
        "Policy": document("sqs:*", arn(sqs, url), "Deny", Principal="*", Condition={
            "StringEquals": {"aws:PrincipalType": "User"}})})
    assert "explicit deny in a resource-based policy" in refused(client.send_message, QueueUrl=url, MessageBody="x")[1]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert "Policy" not in attributes(sqs, url)


def test_other_accounts(own_server):
    server = own_server("--auth", "off", "--iam", "enforce")
    # With signatures off, the key id names the account.
    owner, other = (
        boto3.Session().client(
            "sqs", endpoint_url=server.endpoint, region_name="us-east-1", aws_access_key_id=account,
            aws_secret_access_key="x", config=Config(retries={"total_max_attempts": 1}))
        for account in ("111111111111", "222222222222"))
    url = owner.create_queue(QueueName="shared")["QueueUrl"]
    assert url.endswith("/111111111111/shared")
    assert refused(other.send_message, QueueUrl=url, MessageBody="x")[0] == "AccessDenied"
    owner.add_permission(QueueUrl=url, Label="all", AWSAccountIds=["222222222222"], Actions=["*"])
    other.send_message(QueueUrl=url, MessageBody="from there")
    found = other.get_queue_url(QueueName="shared", QueueOwnerAWSAccountId="111111111111")["QueueUrl"]
    assert found == url and bodies(owner.receive_message(QueueUrl=url)) == ["from there"]
    # What no policy allows to others.
    assert refused(other.delete_queue, QueueUrl=url)[0] == "AccessDenied"
    assert refused(other.set_queue_attributes, QueueUrl=url, Attributes={"DelaySeconds": "1"})[0] == "AccessDenied"
    assert refused(other.tag_queue, QueueUrl=url, Tags={"a": "b"})[0] == "AccessDenied"


def test_permissions(sqs, queue):
    # test_sqs_permission_lifecycle
    url = queue()
    resource = arn(sqs, url)

    def statement(label, principal, action="SQS:ReceiveMessage"):
        return {
            "Sid": label, "Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": resource}

    def policy():
        text = attributes(sqs, url).get("Policy")
        return text and json.loads(text)

    first, second = "arn:aws:iam::668614515564:root", "arn:aws:iam::000000000000:root"
    sqs.add_permission(
        QueueUrl=url, Label="crossaccountpermission", AWSAccountIds=["668614515564", "000000000000"],
        Actions=["ReceiveMessage"])
    assert policy() == {
        "Version": "2008-10-17", "Id": f"{resource}/SQSDefaultPolicy",
        "Statement": [statement("crossaccountpermission", [first, second])]}
    assert refused(
        sqs.add_permission, QueueUrl=url, Label="crossaccountpermission", AWSAccountIds=["668614515564"],
        Actions=["ReceiveMessage"])[:2] == (
            "InvalidParameterValue",
            "Value crossaccountpermission for parameter Label is invalid. Reason: Already exists.")
    sqs.add_permission(
        QueueUrl=url, Label="crossaccountpermission2", AWSAccountIds=["000000000000"], Actions=["ReceiveMessage"])
    sqs.remove_permission(QueueUrl=url, Label="crossaccountpermission")
    assert policy()["Statement"] == [statement("crossaccountpermission2", second)]
    sqs.remove_permission(QueueUrl=url, Label="crossaccountpermission2")
    assert policy() is None


def test_the_audit_tells_of_queues_and_not_of_messages(server, sqs, queue, user):
    client, name = user
    url = queue()
    sqs.send_message(QueueUrl=url, MessageBody="not to be told")
    refused(client.send_message, QueueUrl=url, MessageBody="secret")
    trail = server.client("cloudtrail")

    def events():
        found = trail.lookup_events(LookupAttributes=[
            {"AttributeKey": "ResourceName", "AttributeValue": arn(sqs, url)}])["Events"]
        return {event["EventName"]: json.loads(event["CloudTrailEvent"]) for event in found}

    made = wait_until(lambda: events().get("CreateQueue"), what="the record")
    assert made["eventSource"] == "sqs.amazonaws.com"
    assert made["requestParameters"]["queueName"] == url.rsplit("/", 1)[1]
    assert "secret" not in json.dumps(events()) and "not to be told" not in json.dumps(events())
