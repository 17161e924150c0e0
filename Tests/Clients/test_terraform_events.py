"""Terraform's `aws_cloudwatch_event_*` resources: apply, plan without change, update, destroy."""

import json

import pytest
from botocore.exceptions import ClientError

RESOURCES = """
variable "description" { default = "Swifts" }

resource "aws_cloudwatch_event_bus" "bus" {
  name        = "%(name)s"
  description = var.description
  tags        = { team = "swifts" }
}

resource "aws_cloudwatch_event_rule" "rule" {
  name           = "%(name)s"
  event_bus_name = aws_cloudwatch_event_bus.bus.name
  event_pattern  = jsonencode({ source = [{ prefix = "shop" }] })
  tags           = { team = "swifts" }
}

resource "aws_cloudwatch_event_target" "queue" {
  rule           = aws_cloudwatch_event_rule.rule.name
  event_bus_name = aws_cloudwatch_event_bus.bus.name
  target_id      = "queue"
  arn            = "arn:aws:sqs:us-east-1:000000000000:%(name)s"
  input_transformer {
    input_paths    = { n = "$.detail.n" }
    input_template = "{\\"n\\": <n>}"
  }
  retry_policy {
    maximum_retry_attempts       = 3
    maximum_event_age_in_seconds = 120
  }
  dead_letter_config { arn = "arn:aws:sqs:us-east-1:000000000000:%(name)s-dead" }
}

resource "aws_cloudwatch_event_archive" "archive" {
  name             = "%(short)s"
  event_source_arn = aws_cloudwatch_event_bus.bus.arn
  retention_days   = 3
}

resource "aws_cloudwatch_event_rule" "hourly" {
  name                = "%(name)s-hourly"
  schedule_expression = "rate(1 hour)"
  state               = "DISABLED"
}

resource "aws_cloudwatch_event_bus" "guarded" { name = "%(name)s-guarded" }

resource "aws_cloudwatch_event_bus_policy" "guarded" {
  event_bus_name = aws_cloudwatch_event_bus.guarded.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "others"
      Effect    = "Allow"
      Principal = { AWS = "111111111111" }
      Action    = ["events:PutEvents"]
      Resource  = aws_cloudwatch_event_bus.guarded.arn
    }]
  })
}

resource "aws_iam_role" "passer" {
  name = "%(short)s"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "events.amazonaws.com" } }] })
}

resource "aws_cloudwatch_event_target" "bus" {
  rule           = aws_cloudwatch_event_rule.rule.name
  event_bus_name = aws_cloudwatch_event_bus.bus.name
  arn            = aws_cloudwatch_event_bus.guarded.arn
  role_arn       = aws_iam_role.passer.arn
}

data "aws_cloudwatch_event_bus" "found" { name = aws_cloudwatch_event_bus.guarded.name }

resource "aws_cloudwatch_event_permission" "other" {
  event_bus_name = aws_cloudwatch_event_bus.bus.name
  principal      = "111111111111"
  statement_id   = "other"
}
"""


def test_buses_rules_targets_and_archives(server, terraform, name):
    run = terraform(RESOURCES % {"name": name, "short": name[-40:]})
    run("apply")
    assert run.has_no_changes()
    events = server.client("events")
    targets = events.list_targets_by_rule(Rule=name, EventBusName=name)["Targets"]
    assert len(targets) == 2
    [target] = [each for each in targets if each["Id"] == "queue"]
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 120}
    bus = events.describe_event_bus(Name=name)
    assert json.loads(bus["Policy"])["Statement"][0]["Sid"] == "other"
    run("apply", "-var", "description=Apus")
    assert run.has_no_changes("-var", "description=Apus")
    assert events.describe_event_bus(Name=name)["Description"] == "Apus"
    run("destroy")
    with pytest.raises(ClientError):
        events.describe_event_bus(Name=name)
