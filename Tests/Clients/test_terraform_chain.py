"""What Terraform made of SQS, SNS, EventBridge, Scheduler, Logs, CloudWatch and Lambda in one configuration, as people
write it, works together: whatever happens ends in one queue."""

import json
import time

from conftest import wait_until, zip_of

RESOURCES = """
variable "age" { default = 60 }

resource "aws_sqs_queue" "dead" { name = "%(name)s-dead" }
resource "aws_sqs_queue" "inbox" { name = "%(name)s" }
resource "aws_sqs_queue_redrive_policy" "inbox" {
  queue_url      = aws_sqs_queue.inbox.id
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = 9 })
}
resource "aws_sqs_queue_policy" "inbox" {
  queue_url = aws_sqs_queue.inbox.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = ["sns.amazonaws.com", "events.amazonaws.com"] }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.inbox.arn
      Condition = { ArnEquals = { "aws:SourceArn" = [aws_sns_topic.news.arn, aws_cloudwatch_event_rule.sold.arn] } }
    }]
  })
}

resource "aws_sns_topic" "news" { name = "%(name)s" }
resource "aws_sns_topic_subscription" "inbox" {
  topic_arn            = aws_sns_topic.news.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.inbox.arn
  raw_message_delivery = true
  depends_on           = [aws_sqs_queue_policy.inbox]
}

resource "aws_cloudwatch_event_bus" "shop" { name = "%(name)s" }
resource "aws_cloudwatch_event_rule" "sold" {
  name           = "%(name)s"
  event_bus_name = aws_cloudwatch_event_bus.shop.name
  event_pattern  = jsonencode({ source = ["shop"] })
}
resource "aws_cloudwatch_event_target" "inbox" {
  rule           = aws_cloudwatch_event_rule.sold.name
  event_bus_name = aws_cloudwatch_event_bus.shop.name
  arn            = aws_sqs_queue.inbox.arn
  input_transformer {
    input_paths    = { n = "$.detail.n" }
    input_template = "{\\"sold\\": <n>}"
  }
}

resource "aws_iam_role" "sender" {
  name = "%(name)s"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{
    Effect    = "Allow", Action = "sts:AssumeRole"
    Principal = { Service = ["lambda.amazonaws.com", "scheduler.amazonaws.com"] } }] })
}
resource "aws_iam_role_policy" "sender" {
  name = "sends"
  role = aws_iam_role.sender.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "sqs:SendMessage", Resource = aws_sqs_queue.inbox.arn },
    { Effect = "Allow", Action = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], Resource = "*" }] })
}

resource "aws_scheduler_schedule" "often" {
  name                = "%(name)s"
  schedule_expression = "rate(1 minutes)"
  flexible_time_window { mode = "OFF" }
  target {
    arn      = aws_sqs_queue.inbox.arn
    role_arn = aws_iam_role.sender.arn
    input    = jsonencode({ scheduled = true })
  }
  depends_on = [aws_iam_role_policy.sender]
}

resource "aws_lambda_function" "fails" {
  function_name = "%(name)s"
  role          = aws_iam_role.sender.arn
  runtime       = "python3.11"
  handler       = "app.handler"
  filename      = "code.zip"
  depends_on    = [aws_iam_role_policy.sender]
}
resource "aws_lambda_function_event_invoke_config" "fails" {
  function_name                = aws_lambda_function.fails.function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = var.age
  destination_config {
    on_failure { destination = aws_sqs_queue.inbox.arn }
  }
}

resource "aws_cloudwatch_log_group" "app" {
  name              = "%(name)s"
  retention_in_days = 7
}
resource "aws_cloudwatch_log_stream" "app" {
  name           = "s"
  log_group_name = aws_cloudwatch_log_group.app.name
}
resource "aws_lambda_permission" "logs" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.fails.function_name
  principal     = "logs.amazonaws.com"
  source_arn    = "${aws_cloudwatch_log_group.app.arn}:*"
}
resource "aws_cloudwatch_log_subscription_filter" "errors" {
  name            = "errors"
  log_group_name  = aws_cloudwatch_log_group.app.name
  filter_pattern  = "ERROR"
  destination_arn = aws_lambda_function.fails.arn
  depends_on      = [aws_lambda_permission.logs]
}

resource "aws_cloudwatch_metric_alarm" "loud" {
  alarm_name          = "%(name)s"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 1
  metric_name         = "Errors"
  namespace           = "app"
  period              = 60
  statistic           = "Sum"
  threshold           = 1
  treat_missing_data  = "ignore"
  alarm_actions       = [aws_sns_topic.news.arn]
}
"""


def test_everything_ends_in_one_queue(server, terraform, name):
    name = name[-40:]
    code = zip_of({"app.py": "def handler(event, context): raise ValueError('as it should')"})
    run = terraform(RESOURCES % {"name": name}, {"code.zip": code})
    run("apply")
    sqs, account = server.client("sqs"), "000000000000"
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    server.client("sns").publish(TopicArn=f"arn:aws:sns:us-east-1:{account}:{name}", Message="published")
    server.client("events").put_events(Entries=[
        {"Source": "shop", "DetailType": "sold", "Detail": '{"n": 3}', "EventBusName": name}])
    server.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="testing")
    server.client("logs").put_log_events(logGroupName=name, logStreamName="s", logEvents=[
        {"timestamp": int(time.time() * 1000), "message": "ERROR here"}])

    wanted = {"published", "sold", "alarm", "logged", "scheduled"}

    def come():
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5).get("Messages", []):
            wanted.discard(kind(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return not wanted

    # A rate's first time is a minute after it was made.
    wait_until(come, 180, "a message of each kind")
    assert run.has_no_changes()
    run("apply", "-var", "age=90")
    assert run.has_no_changes("-var", "age=90")
    run("destroy")
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=name)


def kind(body):
    """What a message of the queue tells of."""
    if body == "published":
        return body
    document = json.loads(body)
    if "responsePayload" in document:
        assert document["responsePayload"]["errorMessage"] == "as it should" and "awslogs" in document["requestPayload"]
        return "logged"
    if "AlarmName" in document:
        assert document["NewStateValue"] == "ALARM"
        return "alarm"
    return next(name for name in ("sold", "scheduled") if name in document)
