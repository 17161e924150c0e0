"""Amazon SNS as clients see it: boto3, `aws`, and endpoints of the web that are asked, told and may verify it all.

Answers and refusals are AWS's as LocalStack recorded them (tests/aws/services/sns/*.snapshot.json); what is signed is
in https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html.
"""

import base64
import http.server
import json
import signal
import subprocess
import threading
import urllib.error
import urllib.request

import pytest

from conftest import refused, wait_until


class Endpoint:
    """A server on a loopback port that keeps what is posted to it, and answers with what `statuses` say, then 200."""

    def __init__(self, statuses=()):
        self.requests = []
        self.statuses = list(statuses)
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.requests.append((self.path, dict(self.headers), body.decode()))
                is_question = "Confirmation" in (self.headers["x-amz-sns-message-type"] or "")
                status = endpoint.statuses.pop(0) if endpoint.statuses and not is_question else 200
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def got(self, count):
        wait_until(lambda: len(self.requests) >= count, 60, f"request {count}")
        return self.requests[count - 1]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def endpoint():
    made = []

    def make(*statuses):
        made.append(Endpoint(statuses))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def sns(server):
    return server.client("sns")


@pytest.fixture
def topic(sns, name):
    arn = sns.create_topic(Name=name)["TopicArn"]
    yield arn
    sns.delete_topic(TopicArn=arn)


def confirmed(sns, topic, endpoint, **attributes):
    """A subscription of an endpoint that has followed the link it was sent."""
    arn = sns.subscribe(
        TopicArn=topic, Protocol="http", Endpoint=endpoint.url, Attributes=attributes, ReturnSubscriptionArn=True)
    question = json.loads(endpoint.got(1)[2])
    assert question["Type"] == "SubscriptionConfirmation"
    with urllib.request.urlopen(question["SubscribeURL"]) as answer:
        assert arn["SubscriptionArn"] in answer.read().decode()
    return arn["SubscriptionArn"]


def verify(message):
    """What a careful endpoint does: the certificate's key over the members that AWS names."""
    with urllib.request.urlopen(message["SigningCertURL"]) as answer:
        certificate = answer.read()
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    if message["Type"] == "Notification":
        names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
    return certificate, text.encode(), base64.b64decode(message["Signature"])


def is_signed(message, folder):
    """By OpenSSL, which also reads the certificate."""
    certificate, text, signature = verify(message)
    for name, contents in (("certificate", certificate), ("text", text), ("signature", signature)):
        (folder / name).write_bytes(contents)
    key = subprocess.run(
        ["openssl", "x509", "-in", folder / "certificate", "-noout", "-pubkey"], capture_output=True, check=True).stdout
    (folder / "key").write_bytes(key)
    subprocess.run(
        ["openssl", "verify", "-CAfile", folder / "certificate", folder / "certificate"], capture_output=True,
        check=True)
    digest = {"1": "-sha1", "2": "-sha256"}[message["SignatureVersion"]]
    return subprocess.run(
        ["openssl", "dgst", digest, "-verify", folder / "key", "-signature", folder / "signature", folder / "text"],
        capture_output=True).returncode == 0


def test_a_topic_comes_and_goes(sns, name):
    arn = sns.create_topic(
        Name=name, Attributes={"DisplayName": "Swifts"}, Tags=[{"Key": "team", "Value": "swifts"}])["TopicArn"]
    assert arn == f"arn:aws:sns:us-east-1:000000000000:{name}"
    attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert attributes["DisplayName"] == "Swifts" and attributes["Owner"] == "000000000000"
    assert json.loads(attributes["Policy"])["Id"] == "__default_policy_ID"
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "swifts"}]
    assert {"TopicArn": arn} in [t for page in sns.get_paginator("list_topics").paginate() for t in page["Topics"]]
    sns.delete_topic(TopicArn=arn)
    assert refused(sns.get_topic_attributes, TopicArn=arn)[:2] == ("NotFound", "Topic does not exist")


def test_an_endpoint_is_asked_and_told(server, sns, topic, endpoint, tmp_path):
    web = endpoint()
    subscription = confirmed(sns, topic, web)
    path, headers, body = web.requests[0]
    headers = {name.lower(): value for name, value in headers.items()}
    assert path == "/hook" and headers["x-amz-sns-message-type"] == "SubscriptionConfirmation"
    assert headers["content-type"] == "text/plain; charset=UTF-8"
    assert headers["user-agent"] == "Amazon Simple Notification Service Agent"
    assert is_signed(json.loads(body), tmp_path)

    published = sns.publish(
        TopicArn=topic, Subject="Subject", Message="ä <message> & \"more\"\n",
        MessageAttributes={
            "kind": {"DataType": "String", "StringValue": "bird"},
            "raw": {"DataType": "Binary", "BinaryValue": b"\x02\x03\x04"}})
    _, headers, body = web.got(2)
    headers = {name.lower(): value for name, value in headers.items()}
    message = json.loads(body)
    assert headers["x-amz-sns-message-id"] == published["MessageId"] == message["MessageId"]
    assert headers["x-amz-sns-subscription-arn"] == subscription and headers["x-amz-sns-topic-arn"] == topic
    assert message["Message"] == "ä <message> & \"more\"\n" and message["Subject"] == "Subject"
    assert message["MessageAttributes"] == {
        "kind": {"Type": "String", "Value": "bird"}, "raw": {"Type": "Binary", "Value": "AgME"}}
    assert message["SignatureVersion"] == "1" and is_signed(message, tmp_path)
    message["Message"] += "!"
    assert not is_signed(message, tmp_path)

    sns.set_topic_attributes(TopicArn=topic, AttributeName="SignatureVersion", AttributeValue="2")
    sns.publish(TopicArn=topic, Message="m")
    message = json.loads(web.got(3)[2])
    assert message["SignatureVersion"] == "2" and is_signed(message, tmp_path)

    with urllib.request.urlopen(message["UnsubscribeURL"]) as answer:
        assert b"UnsubscribeResponse" in answer.read()
    goodbye = json.loads(web.got(4)[2])
    assert goodbye["Type"] == "UnsubscribeConfirmation" and is_signed(goodbye, tmp_path)
    assert refused(sns.get_subscription_attributes, SubscriptionArn=subscription)[0] == "NotFound"
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["SubscriptionsDeleted"] == "1"
    # Whoever may not have meant it can come back.
    with urllib.request.urlopen(goodbye["SubscribeURL"]):
        pass
    assert sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]["PendingConfirmation"] == "false"


def test_raw_messages_filters_and_content_types(sns, topic, endpoint):
    web = endpoint()
    confirmed(
        sns, topic, web, RawMessageDelivery="true", FilterPolicy='{"kind":[{"prefix":"bi"}]}',
        DeliveryPolicy='{"requestPolicy":{"headerContentType":"application/json"}}')

    def publish(text, kind):
        sns.publish(
            TopicArn=topic, Message=text, MessageAttributes={"kind": {"DataType": "String", "StringValue": kind}})

    publish("one", "fish")
    publish("two", "bird")
    _, headers, body = web.got(2)
    headers = {name.lower(): value for name, value in headers.items()}
    assert body == "two" and headers["content-type"] == "application/json"
    assert headers["x-amz-sns-rawdelivery"] == "true"


def test_failed_deliveries_are_tried_again(sns, topic, endpoint):
    web = endpoint(500, 503)
    confirmed(
        sns, topic, web,
        DeliveryPolicy='{"healthyRetryPolicy":{"numRetries":2,"numNoDelayRetries":1,"minDelayTarget":1,'
        '"maxDelayTarget":1}}')
    sns.publish(TopicArn=topic, Message="m")
    assert len({json.loads(web.got(number)[2])["MessageId"] for number in (2, 3, 4)}) == 1


def test_what_the_endpoint_refuses_is_not_tried_again(sns, topic, endpoint):
    web = endpoint(404)
    confirmed(sns, topic, web)
    sns.publish(TopicArn=topic, Message="first")
    web.got(2)
    sns.publish(TopicArn=topic, Message="second")
    assert json.loads(web.got(3)[2])["Message"] == "second"


def test_mail_is_a_file(server, sns, topic):
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="swift@example.com")
    box = server.data / "mail"

    def letters():
        texts = [path.read_text() for path in box.glob("*.eml")] if box.exists() else []
        return [text for text in texts if topic in text or "mailed text" in text]

    question = wait_until(letters, 60, "a letter")[0]
    assert "To: swift@example.com" in question and "Subject: AWS Notification - Subscription Confirmation" in question
    link = next(line for line in question.splitlines() if "Action=ConfirmSubscription" in line)
    urllib.request.urlopen(link).close()
    sns.publish(TopicArn=topic, Subject="A subject", Message="mailed text")
    letter = wait_until(lambda: [text for text in letters() if "mailed text" in text], 60, "the message")[0]
    assert "Subject: A subject" in letter and "Action=Unsubscribe" in letter


def test_what_was_accepted_outlives_a_crash(own_server, endpoint):
    """Answered means on disk: the endpoint is down, the server dies, both come back."""
    running = own_server()
    sns = running.client("sns")
    topic = sns.create_topic(Name="news")["TopicArn"]
    web = endpoint(*[503] * 20)
    confirmed(
        sns, topic, web,
        DeliveryPolicy='{"healthyRetryPolicy":{"numRetries":90,"minDelayTarget":1,"maxDelayTarget":1}}')
    published = {sns.publish(TopicArn=topic, Message=str(number))["MessageId"] for number in range(20)}
    running.stop(signal.SIGKILL)
    running.start()
    again = running.client("sns")
    assert again.list_topics()["Topics"] == [{"TopicArn": topic}]
    wait_until(
        lambda: published <= {json.loads(body)["MessageId"] for _, _, body in list(web.requests)}, 120, "all messages")


def test_nothing_is_posted_to_this_machine_where_that_is_not_allowed(own_server, endpoint):
    """As where the server listens on other addresses than loopback ones: a name counts for what it stands for."""
    running = own_server(environment={"APUS_PRIVATE_ENDPOINTS": "false"})
    sns, web = running.client("sns"), endpoint()
    topic = sns.create_topic(Name="news")["TopicArn"]
    urls = [web.url.replace("127.0.0.1", host) for host in ("127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]")]
    for url in urls:
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=url)

    def all_refused():
        log = (running.home / "server.log").read_text().splitlines()
        return all(any("EndpointRefused" in line and url in line for line in log) for url in urls)

    wait_until(all_refused, 60, "the end of all questions")
    assert not web.requests


def test_an_ordered_topic_numbers_its_messages(sns, name):
    arn = sns.create_topic(
        Name=f"{name}.fifo", Attributes={"FifoTopic": "true", "ContentBasedDeduplication": "true"})["TopicArn"]
    first = sns.publish(TopicArn=arn, Message="a", MessageGroupId="g")
    same = sns.publish(TopicArn=arn, Message="a", MessageGroupId="g")
    batch = sns.publish_batch(
        TopicArn=arn, PublishBatchRequestEntries=[
            {"Id": "1", "Message": "b", "MessageGroupId": "g"}, {"Id": "2", "Message": "c", "MessageGroupId": "g"}])
    assert same["SequenceNumber"] == first["SequenceNumber"] and same["MessageId"] == first["MessageId"]
    numbers = [first["SequenceNumber"], *[entry["SequenceNumber"] for entry in batch["Successful"]]]
    assert numbers == sorted(set(numbers)) and batch["Failed"] == []
    assert refused(sns.publish, TopicArn=arn, Message="m")[0] == "InvalidParameter"
    sns.delete_topic(TopicArn=arn)


def test_policies_decide_about_users(server, sns, topic, name):
    iam = server.client("iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    user = server.client(
        "sns", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    arn = f"arn:aws:iam::000000000000:user/{name}"
    assert refused(user.publish, TopicArn=topic, Message="m")[:2] == (
        "AuthorizationError",
        f"User: {arn} is not authorized to perform: SNS:Publish on resource: {topic} because no identity-based policy "
        "allows the SNS:Publish action")
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "SNS:Publish", "Resource": topic}]}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))
    assert user.publish(TopicArn=topic, Message="m")["MessageId"]
    assert refused(user.list_topics)[0] == "AuthorizationError"
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=name)


def test_the_audit_has_no_messages(server, sns, name):
    arn = sns.create_topic(Name=name)["TopicArn"]
    sns.publish(TopicArn=arn, Message="nobody else reads this")
    sns.delete_topic(TopicArn=arn)

    def records():
        lines = [line for path in (server.data / "audit").iterdir() for line in path.read_text().splitlines()]
        return [line for line in lines if arn in line]

    wait_until(lambda: any('"DeleteTopic"' in line for line in records()), 60, "the audit's record")
    assert not any('"Publish"' in line or "nobody else" in line for line in records())


def test_unsigned_requests_get_nowhere_else(server, topic):
    for query in (
        f"Action=ConfirmSubscription&TopicArn={topic}&Token=abc", "Action=ListTopics",
        f"Action=Publish&TopicArn={topic}&Message=m", "Action=Unsubscribe&SubscriptionArn=x",
    ):
        with pytest.raises(urllib.error.HTTPError) as failure:
            urllib.request.urlopen(f"{server.endpoint}/?{query}")
        assert failure.value.code in (400, 403)


NOWHERE = "arn:aws:sns:us-east-1:000000000000:nowhere"
BAD_INPUT = [
    ("publish", {"Message": "m"}, "InvalidParameter"),
    ("publish", {"TopicArn": "x", "Message": "m"}, "InvalidParameter"),
    ("publish", {"TopicArn": NOWHERE, "Message": "m"}, "NotFound"),
    ("publish", {"PhoneNumber": "+1a234", "Message": "m"}, "InvalidParameter"),
    ("publish", {"PhoneNumber": "+15551234567", "Message": "m"}, "NotImplementedException"),
    ("publish_batch", {"TopicArn": "x", "PublishBatchRequestEntries": [{"Id": "1", "Message": "m"}]},
     "InvalidParameter"),
    ("create_topic", {"Name": "a b"}, "InvalidParameter"),
    ("create_topic", {"Name": "a", "Attributes": {"Nothing": "x"}}, "InvalidParameter"),
    ("create_topic", {"Name": "a", "Attributes": {"KmsMasterKeyId": "k"}}, "NotImplementedException"),
    ("create_topic", {"Name": "a", "Tags": [{"Key": "k", "Value": "v" * 257}]}, "ValidationError"),
    ("delete_topic", {"TopicArn": "x"}, "InvalidParameter"),
    ("get_topic_attributes", {"TopicArn": "x"}, "InvalidParameter"),
    ("set_topic_attributes", {"TopicArn": "x", "AttributeName": "DisplayName"}, "InvalidParameter"),
    ("subscribe", {"TopicArn": "x", "Protocol": "sqs", "Endpoint": "y"}, "InvalidParameter"),
    ("confirm_subscription", {"TopicArn": "x", "Token": "y"}, "InvalidParameter"),
    ("unsubscribe", {"SubscriptionArn": "x"}, "InvalidParameter"),
    ("get_subscription_attributes", {"SubscriptionArn": "x"}, "InvalidParameter"),
    ("set_subscription_attributes", {"SubscriptionArn": "x", "AttributeName": "FilterPolicy"}, "InvalidParameter"),
    ("list_subscriptions_by_topic", {"TopicArn": NOWHERE}, "NotFound"),
    ("list_topics", {"NextToken": "!"}, "InvalidParameter"),
    ("list_subscriptions", {"NextToken": "!"}, "InvalidParameter"),
    ("tag_resource", {"ResourceArn": NOWHERE, "Tags": [{"Key": "k", "Value": "v"}]},
     "ResourceNotFound"),
    ("untag_resource", {"ResourceArn": NOWHERE, "TagKeys": ["k"]}, "ResourceNotFound"),
    ("list_tags_for_resource", {"ResourceArn": NOWHERE}, "ResourceNotFound"),
    ("add_permission", {"TopicArn": NOWHERE, "Label": "l",
                        "AWSAccountId": ["111111111111"], "ActionName": ["Publish"]}, "NotFound"),
    ("remove_permission", {"TopicArn": NOWHERE, "Label": "l"}, "NotFound"),
    ("create_platform_application", {"Name": "a", "Platform": "GCM", "Attributes": {}}, "NotImplementedException"),
    ("get_data_protection_policy", {"ResourceArn": "x"}, "NotImplementedException"),
    ("set_sms_attributes", {"attributes": {"DefaultSMSType": "Promotional"}}, "NotImplementedException"),
]


@pytest.mark.parametrize("operation,arguments,code", BAD_INPUT)
def test_bad_input(server, operation, arguments, code):
    assert refused(getattr(server.client("sns"), operation), **arguments)[0] == code


def test_the_command_line(server, name):
    def aws(*arguments):
        ended = server.run("aws", "sns", *arguments)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout) if ended.stdout.strip() else None

    arn = aws("create-topic", "--name", name)["TopicArn"]
    assert aws("publish", "--topic-arn", arn, "--message", "m")["MessageId"]
    assert aws("subscribe", "--topic-arn", arn, "--protocol", "email", "--notification-endpoint", "a@example.com") == {
        "SubscriptionArn": "pending confirmation"}
    listed = aws("list-subscriptions-by-topic", "--topic-arn", arn)["Subscriptions"]
    assert [each["SubscriptionArn"] for each in listed] == ["PendingConfirmation"]
    aws("delete-topic", "--topic-arn", arn)


def test_a_function_gets_the_event(server, sns, topic, deploy, lambda_client):
    function = deploy(python="import json\ndef handler(event, context): print('GOT ' + json.dumps(event))")
    arn = lambda_client.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    lambda_client.add_permission(
        FunctionName=function, StatementId="sns", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com",
        SourceArn=topic)
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="to a function")
    logs = server.client("logs")

    def event():
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
        except logs.exceptions.ResourceNotFoundException:  # until its first line is there
            return None
        return next((e["message"] for e in events if "to a function" in e["message"]), None)

    record = json.loads(wait_until(event, 60, "the event").split("GOT ", 1)[1])["Records"][0]
    assert record["EventSource"] == "aws:sns" and record["Sns"]["Message"] == "to a function"


def test_a_queue_gets_the_message(server, sns, topic, name):
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]
    published = sns.publish(TopicArn=topic, Message="to a queue")
    found = wait_until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"), 60, "the message")
    body = json.loads(found[0]["Body"])
    assert body["Message"] == "to a queue" and body["MessageId"] == published["MessageId"]
    sns.unsubscribe(SubscriptionArn=subscription)
    sqs.delete_queue(QueueUrl=url)


def test_what_an_endpoint_refuses_lies_in_the_queue_of_dead_letters(server, sns, topic, name, endpoint):
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    web = endpoint(404)
    confirmed(sns, topic, web, RedrivePolicy=json.dumps({"deadLetterTargetArn": arn}))
    published = sns.publish(TopicArn=topic, Message="refused")
    found = wait_until(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"), 60, "the message")
    body = json.loads(found[0]["Body"])
    assert body["MessageId"] == published["MessageId"] and body["Message"] == "refused"
    assert body == json.loads(web.got(2)[2])
    sqs.delete_queue(QueueUrl=url)
