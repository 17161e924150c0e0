"""Terraform's `aws_sns_*` resources: apply, plan without change, update, destroy."""

import json

RESOURCES = """
variable "display_name" { default = "Swifts" }

resource "aws_sns_topic" "news" {
  name              = "%(name)s"
  display_name      = var.display_name
  signature_version = 2
  delivery_policy   = jsonencode({
    http = {
      defaultHealthyRetryPolicy = {
        minDelayTarget = 5, maxDelayTarget = 6, numRetries = 1, numMaxDelayRetries = 0, numNoDelayRetries = 0,
        numMinDelayRetries = 0, backoffFunction = "linear"
      }
      disableSubscriptionOverrides = false
    }
  })
  tags = { team = "swifts" }
}

resource "aws_sns_topic" "ordered" {
  name                        = "%(name)s.fifo"
  fifo_topic                  = true
  content_based_deduplication = true
}

resource "aws_sns_topic_policy" "news" {
  arn    = aws_sns_topic.news.arn
  policy = data.aws_iam_policy_document.publish.json
}

data "aws_iam_policy_document" "publish" {
  statement {
    sid       = "buckets"
    actions   = ["SNS:Publish"]
    resources = [aws_sns_topic.news.arn]
    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }
  }
}

resource "aws_sns_topic_subscription" "queue" {
  topic_arn            = aws_sns_topic.news.arn
  protocol             = "sqs"
  endpoint             = "arn:aws:sqs:us-east-1:000000000000:%(name)s"
  raw_message_delivery = true
  filter_policy        = jsonencode({ kind = [{ prefix = "bi" }] })
  redrive_policy       = jsonencode({ deadLetterTargetArn = "arn:aws:sqs:us-east-1:000000000000:%(name)s-dead" })
}

resource "aws_sns_topic_subscription" "function" {
  topic_arn           = aws_sns_topic.news.arn
  protocol            = "lambda"
  endpoint            = "arn:aws:lambda:us-east-1:000000000000:function:%(name)s"
  filter_policy_scope = "MessageBody"
  filter_policy       = jsonencode({ detail = { kind = ["bird"] } })
}

resource "aws_sns_topic_subscription" "ordered" {
  topic_arn = aws_sns_topic.ordered.arn
  protocol  = "sqs"
  endpoint  = "arn:aws:sqs:us-east-1:000000000000:%(name)s.fifo"
}

data "aws_sns_topic" "news" {
  name       = aws_sns_topic.news.name
}

output "facts" { value = [data.aws_sns_topic.news.arn, aws_sns_topic_subscription.queue.arn] }
"""


def test_topics_and_subscriptions(server, terraform, name):
    run = terraform(RESOURCES % {"name": name})
    run("apply")
    assert run.has_no_changes()
    topic, subscription = json.loads(run("output", "-json", "facts").stdout)
    sns = server.client("sns")
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert attributes["DisplayName"] == "Swifts" and attributes["SubscriptionsConfirmed"] == "2"
    assert json.loads(attributes["Policy"])["Statement"][0]["Sid"] == "buckets"
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert attributes["RawMessageDelivery"] == "true" and json.loads(attributes["FilterPolicy"]) == {
        "kind": [{"prefix": "bi"}]}

    run("apply", "-var", "display_name=Apus")
    assert run.has_no_changes("-var", "display_name=Apus")
    assert sns.get_topic_attributes(TopicArn=topic)["Attributes"]["DisplayName"] == "Apus"
    run("destroy")
    pages = sns.get_paginator("list_topics").paginate()
    assert topic not in [each["TopicArn"] for page in pages for each in page["Topics"]]
