"""Terraform's `aws_iam_*` resources and data sources: apply, plan without change, update, destroy."""

import json

import pytest

EVERYTHING = """
variable "description" { default = "what functions run as" }

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "read" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["arn:aws:s3:::swifts/*"]
  }
}

resource "aws_iam_role" "function" {
  name                 = "%(name)s"
  path                 = "/team/"
  description          = var.description
  max_session_duration = 7200
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = aws_iam_policy.read.arn
  tags                 = { team = "swifts" }
}

resource "aws_iam_policy" "read" {
  name        = "%(name)s-read"
  description = "reading"
  policy      = data.aws_iam_policy_document.read.json
  tags        = { team = "swifts" }
}

resource "aws_iam_role_policy" "inline" {
  name   = "inline"
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_role_policy_attachment" "logs" {
  role       = aws_iam_role.function.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_iam_role_policy_attachment" "read" {
  role       = aws_iam_role.function.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_instance_profile" "profile" {
  name = "%(name)s"
  role = aws_iam_role.function.name
}

resource "aws_iam_user" "user" {
  name          = "%(name)s"
  path          = "/people/"
  force_destroy = true
  tags          = { team = "swifts" }
}

resource "aws_iam_user_policy" "inline" {
  name   = "inline"
  user   = aws_iam_user.user.name
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_user_policy_attachment" "read" {
  user       = aws_iam_user.user.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_access_key" "key" { user = aws_iam_user.user.name }

resource "aws_iam_group" "group" { name = "%(name)s" }

resource "aws_iam_group_policy" "inline" {
  name   = "inline"
  group  = aws_iam_group.group.name
  policy = data.aws_iam_policy_document.read.json
}

resource "aws_iam_group_policy_attachment" "read" {
  group      = aws_iam_group.group.name
  policy_arn = aws_iam_policy.read.arn
}

resource "aws_iam_group_membership" "members" {
  name  = "members"
  group = aws_iam_group.group.name
  users = [aws_iam_user.user.name]
}

resource "aws_iam_openid_connect_provider" "pipelines" {
  url             = "https://%(name)s.example.com"
  client_id_list  = ["sts.amazonaws.com"]
  thumbprint_list = ["6938fd4d98bab03faadb97b34396831e3780aea1"]
  tags            = { team = "swifts" }
}

data "aws_iam_role" "function" { name = aws_iam_role.function.name }
data "aws_iam_policy" "logs" { name = "AWSLambdaBasicExecutionRole" }
data "aws_iam_user" "user" { user_name = aws_iam_user.user.name }
data "aws_iam_group" "group" {
  group_name = aws_iam_group.group.name
  depends_on = [aws_iam_group_membership.members]
}
data "aws_iam_instance_profile" "profile" { name = aws_iam_instance_profile.profile.name }

output "facts" {
  value = {
    role    = data.aws_iam_role.function.arn
    policy  = data.aws_iam_policy.logs.policy
    user    = data.aws_iam_user.user.arn
    members = data.aws_iam_group.group.users[*].user_name
    profile = data.aws_iam_instance_profile.profile.role_name
    key     = aws_iam_access_key.key.id
  }
}
"""


def test_everything_apply_plan_update_destroy(terraform, server, name):
    iam = server.client("iam")
    run = terraform(EVERYTHING % {"name": name.lower().replace("_", "-")})
    name = name.lower().replace("_", "-")
    run("apply")
    facts = json.loads(run("output", "-json", "facts").stdout)
    assert facts["role"] == f"arn:aws:iam::000000000000:role/team/{name}"
    assert facts["user"] == f"arn:aws:iam::000000000000:user/people/{name}"
    assert (facts["members"], facts["profile"]) == ([name], name)
    assert "logs:PutLogEvents" in facts["policy"]
    assert facts["key"].startswith("AKIA")
    role = iam.get_role(RoleName=name)["Role"]
    assert (role["MaxSessionDuration"], role["Description"]) == (7200, "what functions run as")
    assert {each["PolicyName"] for each in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]} == {
        "AWSLambdaBasicExecutionRole", f"{name}-read"}
    assert run.has_no_changes()
    main = run.folder / "main.tf"
    main.write_text(main.read_text().replace('["s3:GetObject"]', '["s3:GetObject", "s3:ListBucket"]'))
    run("apply", "-var", "description=other")
    assert iam.get_role(RoleName=name)["Role"]["Description"] == "other"
    arn = f"arn:aws:iam::000000000000:policy/{name}-read"
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v2"
    run("destroy")
    for get in (lambda: iam.get_role(RoleName=name), lambda: iam.get_user(UserName=name),
                lambda: iam.get_group(GroupName=name), lambda: iam.get_policy(PolicyArn=arn)):
        with pytest.raises(iam.exceptions.NoSuchEntityException):
            get()


LINKED = """
resource "aws_iam_service_linked_role" "batch" { aws_service_name = "batch.amazonaws.com" }
resource "aws_iam_account_password_policy" "strict" {
  minimum_password_length        = 14
  require_lowercase_characters   = true
  require_numbers                = true
  allow_users_to_change_password = true
}
resource "aws_iam_account_alias" "alias" { account_alias = "swifts" }
"""


def test_what_an_account_has_one_of(terraform, own_server):
    server = own_server()
    iam = server.client("iam")
    run = terraform(LINKED, server=server)
    run("apply")
    assert iam.get_role(RoleName="AWSServiceRoleForBatch")["Role"]["Path"] == "/aws-service-role/batch.amazonaws.com/"
    assert iam.get_account_password_policy()["PasswordPolicy"]["MinimumPasswordLength"] == 14
    assert iam.list_account_aliases()["AccountAliases"] == ["swifts"]
    assert run.has_no_changes()
    run("destroy")
    assert iam.list_account_aliases()["AccountAliases"] == []
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="AWSServiceRoleForBatch")
