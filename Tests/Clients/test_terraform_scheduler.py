"""Terraform's `aws_scheduler_*` resources: apply, plan without change, update, destroy."""

RESOURCES = """
variable "state" { default = "ENABLED" }

resource "aws_iam_role" "scheduler" {
  name               = "%(name)s"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "scheduler.amazonaws.com" } }]
  })
}

resource "aws_scheduler_schedule_group" "group" {
  name = "%(name)s"
  tags = { team = "swifts" }
}

resource "aws_scheduler_schedule" "nightly" {
  name                         = "%(name)s-nightly"
  group_name                   = aws_scheduler_schedule_group.group.name
  schedule_expression          = "cron(0 3 * * ? *)"
  schedule_expression_timezone = "Europe/Berlin"
  description                  = "each night"
  state                        = var.state
  start_date                   = "2099-01-01T00:00:00Z"
  end_date                     = "2099-12-31T00:00:00Z"
  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 10
  }
  target {
    arn      = "arn:aws:sqs:us-east-1:000000000000:%(name)s.fifo"
    role_arn = aws_iam_role.scheduler.arn
    input    = jsonencode({ a = 1 })
    sqs_parameters { message_group_id = "g" }
    dead_letter_config { arn = "arn:aws:sqs:us-east-1:000000000000:%(name)s-dead" }
    retry_policy {
      maximum_event_age_in_seconds = 600
      maximum_retry_attempts       = 2
    }
  }
}

resource "aws_scheduler_schedule" "hourly" {
  name                = "%(name)s-hourly"
  schedule_expression = "rate(1 hours)"
  state               = "DISABLED"
  flexible_time_window { mode = "OFF" }
  target {
    arn      = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"
    role_arn = aws_iam_role.scheduler.arn
    input    = jsonencode({ MessageBody = "m", QueueUrl = "http://127.0.0.1/000000000000/%(name)s" })
  }
}
"""


def test_schedules(terraform, server, name):
    name = name[-40:]
    project = terraform(RESOURCES % {"name": name})
    project("apply")
    assert project.has_no_changes()
    client = server.client("scheduler")
    assert client.get_schedule(Name=f"{name}-nightly", GroupName=name)["State"] == "ENABLED"
    project("apply", "-var", "state=DISABLED")
    assert project.has_no_changes("-var", "state=DISABLED")
    assert client.get_schedule(Name=f"{name}-nightly", GroupName=name)["State"] == "DISABLED"
    project("destroy")
    assert [each["Name"] for each in client.list_schedules(NamePrefix=name)["Schedules"]] == []
