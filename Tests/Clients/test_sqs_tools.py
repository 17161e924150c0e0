"""Queues by `aws` and Terraform."""

import json
import shutil

import pytest

from sqs_api import attributes, bodies, sqs  # noqa: F401 (fixtures)

RESOURCES = """
variable "timeout" { default = 45 }

resource "aws_sqs_queue" "dead" {
  name                      = "%(name)s-dead"
  message_retention_seconds = 1209600
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.work.arn]
  })
}

resource "aws_sqs_queue" "work" {
  name                       = "%(name)s"
  visibility_timeout_seconds = var.timeout
  delay_seconds              = 1
  receive_wait_time_seconds  = 2
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 4
  })
  tags = { team = "swifts" }
}

resource "aws_sqs_queue" "ordered" {
  name                        = "%(name)s.fifo"
  fifo_queue                  = true
  content_based_deduplication = true
  deduplication_scope         = "messageGroup"
  fifo_throughput_limit       = "perMessageGroupId"
}

data "aws_iam_policy_document" "send" {
  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.work.arn]
    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["arn:aws:sns:us-east-1:000000000000:topic"]
    }
  }
}

resource "aws_sqs_queue_policy" "work" {
  queue_url = aws_sqs_queue.work.id
  policy    = data.aws_iam_policy_document.send.json
}

data "aws_sqs_queue" "found" {
  name       = aws_sqs_queue.work.name
  depends_on = [aws_sqs_queue.work]
}

output "url" { value = data.aws_sqs_queue.found.url }
"""


def test_terraform(server, terraform, sqs, name):
    name = name[-50:]
    project = terraform(RESOURCES % {"name": name})
    project("apply")
    assert project.has_no_changes()
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    assert project("output", "-raw", "url").stdout == url
    shown = attributes(sqs, url)
    assert (shown["VisibilityTimeout"], shown["DelaySeconds"]) == ("45", "1")
    assert json.loads(shown["Policy"])["Statement"][0]["Principal"] == {"Service": "sns.amazonaws.com"}
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "swifts"}
    project("apply", "-var", "timeout=60")
    assert project.has_no_changes("-var", "timeout=60")
    assert attributes(sqs, url, "VisibilityTimeout") == {"VisibilityTimeout": "60"}
    project("destroy")
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=name)


def test_aws(server, name):
    if not shutil.which("aws"):
        pytest.skip("aws is not installed")
    name = name[-60:]

    def aws(*arguments):
        ended = server.run("aws", "sqs", *arguments, "--output", "json", "--endpoint-url", server.endpoint)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout) if ended.stdout.strip() else None

    url = aws("create-queue", "--queue-name", name, "--attributes", "VisibilityTimeout=60")["QueueUrl"]
    aws("send-message", "--queue-url", url, "--message-body", "hello", "--message-attributes",
        '{"a":{"DataType":"String","StringValue":"b"}}')
    got = aws("receive-message", "--queue-url", url, "--message-attribute-names", "All", "--wait-time-seconds", "5")
    assert got["Messages"][0]["Body"] == "hello"
    assert got["Messages"][0]["MessageAttributes"]["a"]["StringValue"] == "b"
    aws("delete-message", "--queue-url", url, "--receipt-handle", got["Messages"][0]["ReceiptHandle"])
    shown = aws("get-queue-attributes", "--queue-url", url, "--attribute-names", "All")["Attributes"]
    assert shown["VisibilityTimeout"] == "60" and shown["ApproximateNumberOfMessages"] == "0"
    assert url in aws("list-queues")["QueueUrls"]
    aws("delete-queue", "--queue-url", url)
    failed = server.run("aws", "sqs", "get-queue-url", "--queue-name", name, "--endpoint-url", server.endpoint)
    assert "AWS.SimpleQueueService.NonExistentQueue" in failed.stderr
