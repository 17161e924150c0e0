"""IAM through boto3: every operation that there is, and what AWS says when something cannot be done.

Wordings are those that LocalStack has recorded from AWS (tests/aws/services/iam/test_iam.snapshot.json), where it has.
"""

import json
import pathlib
import signal
import sys
import threading
import urllib.error
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from conftest import wait_until

TRUST = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
DOCUMENT = json.dumps(POLICY)
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


@pytest.fixture(scope="module")
def iam(server):
    return server.client("iam")


def fails(call, **arguments):
    """The status, code and message with which a call fails."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    error = response["Error"]
    return response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]


def own(kind, name):
    return f"arn:aws:iam::000000000000:{kind}/{name}"


def facts(answer):
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def test_roles(iam, name):
    made = iam.create_role(
        RoleName=name, Path="/team/", AssumeRolePolicyDocument=TRUST, Description="d", MaxSessionDuration=7200,
        Tags=[{"Key": "test", "Value": "value"}])["Role"]
    assert made["Arn"] == own("role/team", name)
    assert made["RoleId"].startswith("AROA") and len(made["RoleId"]) == 21
    assert made["AssumeRolePolicyDocument"] == json.loads(TRUST)
    assert made["Tags"] == [{"Key": "test", "Value": "value"}]
    role = iam.get_role(RoleName=name)["Role"]
    assert set(role) == {
        "Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument", "Description",
        "MaxSessionDuration", "RoleLastUsed", "Tags"}
    assert (role["MaxSessionDuration"], role["RoleLastUsed"]) == (7200, {})
    listed = [each for each in iam.list_roles(PathPrefix="/team/")["Roles"] if each["RoleName"] == name]
    assert len(listed) == 1 and "Tags" not in listed[0] and "RoleLastUsed" not in listed[0]
    iam.update_role(RoleName=name, Description="e", MaxSessionDuration=3600)
    assert iam.update_role_description(RoleName=name, Description="f")["Role"]["Description"] == "f"
    other = TRUST.replace("lambda.", "ec2.")
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=other)
    role = iam.get_role(RoleName=name)["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("f", 3600)
    assert role["AssumeRolePolicyDocument"] == json.loads(other)
    iam.tag_role(RoleName=name, Tags=[{"Key": "a", "Value": ""}])
    iam.untag_role(RoleName=name, TagKeys=["test"])
    assert iam.list_role_tags(RoleName=name)["Tags"] == [{"Key": "a", "Value": ""}]
    iam.delete_role(RoleName=name)
    assert fails(iam.get_role, RoleName=name) == (
        404, "NoSuchEntity", f"The role with name {name} cannot be found.")


def test_roles_that_cannot_be(iam, name):
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    taken = (409, "EntityAlreadyExists", f"Role with name {name.upper()} already exists.")
    assert fails(iam.create_role, RoleName=name.upper(), AssumeRolePolicyDocument=TRUST) == taken
    assert fails(iam.create_role, RoleName="x" * 65, AssumeRolePolicyDocument=TRUST) == (
        400, "ValidationError", "1 validation error detected: Value at 'roleName' failed to satisfy constraint: "
        "Member must have length less than or equal to 64")
    assert fails(iam.create_role, RoleName="a b", AssumeRolePolicyDocument=TRUST) == (
        400, "ValidationError", "The specified value for roleName is invalid. It must contain only alphanumeric "
        "characters and/or the following: +=,.@_-")
    assert fails(iam.create_role, RoleName="r", Path="x", AssumeRolePolicyDocument=TRUST) == (
        400, "ValidationError", "The specified value for path is invalid. It must begin and end with / and contain "
        "only alphanumeric characters and/or / characters.")
    assert fails(iam.create_role, RoleName="r", AssumeRolePolicyDocument="not json") == (
        400, "MalformedPolicyDocument", "This policy contains invalid Json")
    assert fails(iam.create_policy, PolicyName="p", PolicyDocument="not json") == (
        400, "MalformedPolicyDocument", "Syntax errors in policy.")
    assert fails(
        iam.create_role, RoleName="r", AssumeRolePolicyDocument=TRUST.replace(
            '"Service": "lambda.amazonaws.com"', f'"AWS": "{own("role", "nobody-of-that-name")}"')) == (
        400, "MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{own("role", "nobody-of-that-name")}"')
    assert fails(
        iam.create_role, RoleName="r", AssumeRolePolicyDocument=TRUST,
        Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]) == (
        400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    iam.delete_role(RoleName=name)


KINDS = ["user", "group", "role"]


def create(iam, kind, name):
    if kind == "role":
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    else:
        getattr(iam, f"create_{kind}")(**{f"{kind.title()}Name": name})


@pytest.mark.parametrize("kind", KINDS)
def test_inline_policies(iam, name, kind):
    create(iam, kind, name)
    who = {f"{kind.title()}Name": name}
    call = lambda verb, **arguments: getattr(iam, verb.replace("X", kind))(**who, **arguments)
    encoded = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": ["apigateway:PUT"], "Resource": ["arn:aws:apigateway:us-east-1::/tags/arn%3Aaws"]}]}
    call("put_X_policy", PolicyName="p", PolicyDocument=json.dumps(encoded))
    assert facts(call("get_X_policy", PolicyName="p")) == {**who, "PolicyName": "p", "PolicyDocument": encoded}
    call("put_X_policy", PolicyName="p", PolicyDocument=DOCUMENT)
    call("put_X_policy", PolicyName="a", PolicyDocument=DOCUMENT)
    assert call("get_X_policy", PolicyName="p")["PolicyDocument"] == POLICY
    assert facts(call("list_X_policies")) == {"PolicyNames": ["a", "p"], "IsTruncated": False}
    delete = getattr(iam, f"delete_{kind}")
    assert fails(delete, **who) == (409, "DeleteConflict", "Cannot delete entity, must delete policies first.")
    missing = (404, "NoSuchEntity", f"The {kind} policy with name b cannot be found.")
    assert fails(getattr(iam, f"get_{kind}_policy"), **who, PolicyName="b") == missing
    assert fails(getattr(iam, f"delete_{kind}_policy"), **who, PolicyName="b") == missing
    large = json.dumps({**POLICY, "Statement": POLICY["Statement"] * 500})
    assert fails(getattr(iam, f"put_{kind}_policy"), **who, PolicyName="b", PolicyDocument=large)[1] == "LimitExceeded"
    call("delete_X_policy", PolicyName="p")
    call("delete_X_policy", PolicyName="a")
    delete(**who)
    assert fails(getattr(iam, f"put_{kind}_policy"), **who, PolicyName="b", PolicyDocument=DOCUMENT) == (
        404, "NoSuchEntity", f"The {kind} with name {name} cannot be found.")


@pytest.mark.parametrize("kind", KINDS)
def test_attachments(iam, name, kind):
    create(iam, kind, name)
    who = {f"{kind.title()}Name": name}
    attach, detach, listed = (
        getattr(iam, verb.replace("X", kind)) for verb in ("attach_X_policy", "detach_X_policy", "list_attached_X_policies"))
    arn = iam.create_policy(PolicyName=name, PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    for bad in ("longpolicynamebutnoarn", name.ljust(20, "x")):
        assert fails(attach, **who, PolicyArn=bad) == (400, "ValidationError", "Invalid ARN:  Could not be parsed!")
    assert fails(attach, **who, PolicyArn=f"{arn}123") == (
        404, "NoSuchEntity", f"Policy {arn}123 does not exist or is not attachable.")
    attach(**who, PolicyArn=arn)
    attach(**who, PolicyArn=arn)
    attach(**who, PolicyArn=BASIC)
    assert listed(**who)["AttachedPolicies"] == [
        {"PolicyName": name, "PolicyArn": arn}, {"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": BASIC}]
    assert listed(**who, PathPrefix="/service-role/")["AttachedPolicies"][0]["PolicyArn"] == BASIC
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    entities = facts(iam.list_entities_for_policy(PolicyArn=arn))
    assert entities[f"Policy{kind.title()}s"][0][f"{kind.title()}Name"] == name
    assert sum(len(entities[f"Policy{each.title()}s"]) for each in KINDS) == 1
    assert fails(iam.delete_policy, PolicyArn=arn) == (
        409, "DeleteConflict", "Cannot delete a policy attached to entities.")
    assert fails(getattr(iam, f"delete_{kind}"), **who) == (
        409, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
    detach(**who, PolicyArn=arn)
    detach(**who, PolicyArn=BASIC)
    assert fails(detach, **who, PolicyArn=arn) == (404, "NoSuchEntity", f"Policy {arn} was not found.")
    getattr(iam, f"delete_{kind}")(**who)
    iam.delete_policy(PolicyArn=arn)


def test_managed_policies_and_their_versions(iam, name):
    made = iam.create_policy(
        PolicyName=name, Path="/team/", Description="d", PolicyDocument=DOCUMENT,
        Tags=[{"Key": "a", "Value": "1"}])["Policy"]
    arn = made["Arn"]
    assert arn == own("policy/team", name) and made["PolicyId"].startswith("ANPA")
    assert set(iam.create_policy(PolicyName=f"{name}2", PolicyDocument=DOCUMENT)["Policy"]) == {
        "PolicyName", "PolicyId", "Arn", "Path", "DefaultVersionId", "AttachmentCount",
        "PermissionsBoundaryUsageCount", "IsAttachable", "CreateDate", "UpdateDate"}
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (policy["Description"], policy["DefaultVersionId"]) == ("d", "v1")
    assert fails(iam.create_policy, PolicyName=name, PolicyDocument=DOCUMENT) == (
        409, "EntityAlreadyExists", f"A policy called {name} already exists. Duplicate names are not allowed.")
    changed = json.dumps({**POLICY, "Id": "changed"})
    for number in range(2, 6):
        version = iam.create_policy_version(
            PolicyArn=arn, PolicyDocument=changed, SetAsDefault=number == 3)["PolicyVersion"]
        assert (version["VersionId"], version["IsDefaultVersion"]) == (f"v{number}", number == 3)
    assert fails(iam.create_policy_version, PolicyArn=arn, PolicyDocument=changed) == (
        409, "LimitExceeded", "A managed policy can have up to 5 versions. Before you create a new version, you must "
        "delete an existing version.")
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [each["VersionId"] for each in versions] == ["v5", "v4", "v3", "v2", "v1"]
    assert [each["VersionId"] for each in versions if each["IsDefaultVersion"]] == ["v3"]
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v3")["PolicyVersion"]["Document"]["Id"] == "changed"
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == POLICY
    assert fails(iam.delete_policy_version, PolicyArn=arn, VersionId="v3") == (
        409, "DeleteConflict", "Cannot delete the default version of a policy.")
    assert fails(iam.get_policy_version, PolicyArn=arn, VersionId="v9") == (
        404, "NoSuchEntity", f"Policy {arn} version v9 does not exist or is not attachable.")
    assert fails(iam.delete_policy, PolicyArn=arn)[1:] == (
        "DeleteConflict", "This policy has more than one version. Before you delete a policy, you must delete the "
        "policy's versions. The default version is deleted with the policy.")
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v5")
    for number in (1, 2, 3, 4):
        iam.delete_policy_version(PolicyArn=arn, VersionId=f"v{number}")
    assert iam.create_policy_version(PolicyArn=arn, PolicyDocument=DOCUMENT)["PolicyVersion"]["VersionId"] == "v6"
    iam.delete_policy_version(PolicyArn=arn, VersionId="v6")
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["a"])
    assert iam.list_policy_tags(PolicyArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    assert [each["Arn"] for each in iam.list_policies(Scope="Local", PathPrefix="/team/")["Policies"]
            if each["PolicyName"] == name] == [arn]
    iam.delete_policy(PolicyArn=arn)
    iam.delete_policy(PolicyArn=own("policy", f"{name}2"))
    assert fails(iam.delete_policy, PolicyArn=arn) == (404, "NoSuchEntity", f"Policy {arn} was not found.")
    large = json.dumps({**POLICY, "Statement": POLICY["Statement"] * 200})
    assert fails(iam.create_policy, PolicyName=name, PolicyDocument=large) == (
        409, "LimitExceeded", "Cannot exceed quota for PolicySize: 6144")


def test_policies_of_aws(iam):
    policy = iam.get_policy(PolicyArn=BASIC)["Policy"]
    assert (policy["PolicyName"], policy["Path"]) == ("AWSLambdaBasicExecutionRole", "/service-role/")
    version = iam.get_policy_version(PolicyArn=BASIC, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    assert version["Document"]["Statement"][0]["Action"] == [
        "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    names = [each["PolicyName"] for page in iam.get_paginator("list_policies").paginate(
        Scope="AWS", PaginationConfig={"PageSize": 7}) for each in page["Policies"]]
    assert len(names) == len(set(names)) > 50
    for wanted in ("AdministratorAccess", "AWSLambdaSQSQueueExecutionRole", "AWSLambdaKinesisExecutionRole",
                   "AWSLambdaDynamoDBExecutionRole", "AWSLambdaVPCAccessExecutionRole", "ReadOnlyAccess"):
        assert wanted in names
    assert fails(iam.delete_policy, PolicyArn=BASIC)[:2] == (403, "AccessDenied")
    assert fails(iam.create_policy_version, PolicyArn=BASIC, PolicyDocument=DOCUMENT)[:2] == (403, "AccessDenied")


def test_boundaries(iam, name):
    arn = iam.create_policy(PolicyName=name, PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    missing = own("policy", "no-such-boundary")
    iam.create_user(UserName=name, PermissionsBoundary=arn)
    create(iam, "role", name)
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=arn)
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    assert iam.get_user(UserName=name)["User"]["PermissionsBoundary"] == boundary
    assert iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"] == boundary
    assert iam.get_policy(PolicyArn=arn)["Policy"]["PermissionsBoundaryUsageCount"] == 2
    assert fails(iam.put_user_permissions_boundary, UserName=name, PermissionsBoundary=missing)[:2] == (
        404, "NoSuchEntity")
    bounded = iam.list_entities_for_policy(PolicyArn=arn, PolicyUsageFilter="PermissionsBoundary")
    assert [len(bounded[f"Policy{kind.title()}s"]) for kind in KINDS] == [1, 0, 1]
    iam.delete_user_permissions_boundary(UserName=name)
    iam.delete_role_permissions_boundary(RoleName=name)
    assert "PermissionsBoundary" not in iam.get_user(UserName=name)["User"]
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=arn)
    iam.delete_user(UserName=name)
    iam.delete_role(RoleName=name)
    iam.delete_policy(PolicyArn=arn)


def test_users_and_groups(iam, name):
    user = iam.create_user(UserName=name, Path="/people/", Tags=[{"Key": "a", "Value": "1"}])["User"]
    assert user["Arn"] == own("user/people", name) and user["UserId"].startswith("AIDA")
    group = iam.create_group(GroupName=name, Path="/teams/")["Group"]
    assert group["Arn"] == own("group/teams", name) and group["GroupId"].startswith("AGPA")
    assert fails(iam.create_user, UserName=name) == (
        409, "EntityAlreadyExists", f"User with name {name} already exists.")
    assert fails(iam.create_group, GroupName=name) == (
        409, "EntityAlreadyExists", f"Group with name {name} already exists.")
    iam.add_user_to_group(GroupName=name, UserName=name)
    iam.add_user_to_group(GroupName=name, UserName=name)
    assert [each["UserName"] for each in iam.get_group(GroupName=name)["Users"]] == [name]
    assert [each["GroupName"] for each in iam.list_groups_for_user(UserName=name)["Groups"]] == [name]
    assert fails(iam.delete_group, GroupName=name)[1] == "DeleteConflict"
    assert fails(iam.delete_user, UserName=name)[1] == "DeleteConflict"
    iam.update_group(GroupName=name, NewGroupName=f"{name}2", NewPath="/")
    iam.update_user(UserName=name, NewUserName=f"{name}2", NewPath="/")
    renamed = iam.get_user(UserName=f"{name}2")["User"]
    assert (renamed["Arn"], renamed["UserId"]) == (own("user", f"{name}2"), user["UserId"])
    assert renamed["Tags"] == [{"Key": "a", "Value": "1"}]
    assert [each["UserName"] for each in iam.get_group(GroupName=f"{name}2")["Users"]] == [f"{name}2"]
    assert fails(iam.get_user, UserName=name) == (404, "NoSuchEntity", f"The user with name {name} cannot be found.")
    assert f"{name}2" in [each["UserName"] for page in iam.get_paginator("list_users").paginate() for each in page["Users"]]
    assert f"{name}2" in [
        each["GroupName"] for page in iam.get_paginator("list_groups").paginate() for each in page["Groups"]]
    iam.tag_user(UserName=f"{name}2", Tags=[{"Key": "b", "Value": "2"}])
    iam.untag_user(UserName=f"{name}2", TagKeys=["a", "none"])
    assert iam.list_user_tags(UserName=f"{name}2")["Tags"] == [{"Key": "b", "Value": "2"}]
    iam.remove_user_from_group(GroupName=f"{name}2", UserName=f"{name}2")
    assert fails(iam.remove_user_from_group, GroupName=f"{name}2", UserName=f"{name}2")[:2] == (404, "NoSuchEntity")
    iam.delete_group(GroupName=f"{name}2")
    iam.delete_user(UserName=f"{name}2")


def test_the_owner(iam):
    user = iam.get_user()["User"]
    assert (user["Arn"], user["UserId"]) == ("arn:aws:iam::000000000000:root", "000000000000")


def test_access_keys(iam, server, name):
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    assert (key["UserName"], key["Status"], len(key["SecretAccessKey"])) == (name, "Active", 40)
    assert key["AccessKeyId"].startswith("AKIA") and len(key["AccessKeyId"]) == 20
    second = iam.create_access_key(UserName=name)["AccessKey"]
    assert fails(iam.create_access_key, UserName=name) == (
        409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
    listed = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
    assert {each["AccessKeyId"] for each in listed} == {key["AccessKeyId"], second["AccessKeyId"]}
    assert all(set(each) == {"UserName", "AccessKeyId", "Status", "CreateDate"} for each in listed)
    iam.update_access_key(UserName=name, AccessKeyId=second["AccessKeyId"], Status="Inactive")
    assert {each["AccessKeyId"]: each["Status"] for each in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]} == {
        key["AccessKeyId"]: "Active", second["AccessKeyId"]: "Inactive"}
    used = iam.get_access_key_last_used(AccessKeyId=second["AccessKeyId"])
    assert (used["UserName"], used["AccessKeyLastUsed"]["ServiceName"]) == (name, "N/A")
    assert fails(iam.update_access_key, UserName=name, AccessKeyId="A" * 20, Status="Inactive") == (
        404, "NoSuchEntity", f"The Access Key with id {'A' * 20} cannot be found.")
    assert fails(iam.create_access_key)[:2] == (400, "ValidationError")
    assert fails(iam.delete_user, UserName=name) == (
        409, "DeleteConflict", "Cannot delete entity, must delete access keys first.")
    secret = key["SecretAccessKey"]
    assert not any(
        secret.encode() in path.read_bytes() for path in server.data.iterdir() if path.name.startswith("apus.db"))
    for each in (key, second):
        iam.delete_access_key(UserName=name, AccessKeyId=each["AccessKeyId"])
    iam.delete_user(UserName=name)


def test_login_profiles(iam, name):
    iam.create_user(UserName=name)
    assert fails(iam.get_login_profile, UserName=name)[:2] == (404, "NoSuchEntity")
    made = iam.create_login_profile(UserName=name, Password="correct horse", PasswordResetRequired=True)["LoginProfile"]
    assert (made["UserName"], made["PasswordResetRequired"]) == (name, True)
    assert fails(iam.create_login_profile, UserName=name, Password="correct horse")[1] == "EntityAlreadyExists"
    iam.update_login_profile(UserName=name, PasswordResetRequired=False)
    assert iam.get_login_profile(UserName=name)["LoginProfile"]["PasswordResetRequired"] is False
    assert fails(iam.update_login_profile, UserName=name, Password="short")[1] == "PasswordPolicyViolation"
    assert fails(iam.delete_user, UserName=name)[2] == "Cannot delete entity, must delete login profile first."
    iam.delete_login_profile(UserName=name)
    iam.delete_user(UserName=name)


def test_instance_profiles(iam, name):
    create(iam, "role", name)
    profile = iam.create_instance_profile(InstanceProfileName=name, Path="/p/")["InstanceProfile"]
    assert (profile["Arn"], profile["Roles"]) == (own("instance-profile/p", name), [])
    assert profile["InstanceProfileId"].startswith("AIPA")
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    assert fails(iam.add_role_to_instance_profile, InstanceProfileName=name, RoleName=name) == (
        409, "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
    assert iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"][0]["RoleName"] == name
    assert len(iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"]) == 1
    assert name in [each["InstanceProfileName"] for each in iam.list_instance_profiles()["InstanceProfiles"]]
    assert fails(iam.delete_role, RoleName=name)[2] == (
        "Cannot delete entity, must remove roles from instance profile first.")
    assert fails(iam.delete_instance_profile, InstanceProfileName=name)[1] == "DeleteConflict"
    iam.tag_instance_profile(InstanceProfileName=name, Tags=[{"Key": "a", "Value": "1"}])
    assert iam.list_instance_profile_tags(InstanceProfileName=name)["Tags"] == [{"Key": "a", "Value": "1"}]
    iam.untag_instance_profile(InstanceProfileName=name, TagKeys=["a"])
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
    iam.delete_instance_profile(InstanceProfileName=name)
    iam.delete_role(RoleName=name)
    assert fails(iam.get_instance_profile, InstanceProfileName=name) == (
        404, "NoSuchEntity", f"Instance Profile {name} cannot be found.")


def test_providers(iam, name):
    url = f"https://{name.lower().replace('_', '-')}.example.com/path"
    arn = iam.create_open_id_connect_provider(
        Url=url, ClientIDList=["one"], ThumbprintList=["0" * 40])["OpenIDConnectProviderArn"]
    assert arn == own("oidc-provider", url.removeprefix("https://"))
    assert fails(iam.create_open_id_connect_provider, Url=url)[1] == "EntityAlreadyExists"
    assert fails(iam.create_open_id_connect_provider, Url="example.com") == (
        400, "ValidationError", "Invalid Open ID Connect Provider URL")
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="two")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="one")
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["1" * 40])
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    provider = facts(iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn))
    provider.pop("CreateDate")
    assert provider == {
        "Url": url.removeprefix("https://"), "ClientIDList": ["two"], "ThumbprintList": ["1" * 40],
        "Tags": [{"Key": "a", "Value": "1"}]}
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["a"])
    assert iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"] == []
    assert {"Arn": arn} in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert fails(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn) == (
        404, "NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}")


def test_service_linked_roles(iam):
    made = iam.create_service_linked_role(AWSServiceName="lexv2.amazonaws.com", CustomSuffix="own")["Role"]
    assert made["RoleName"] == "AWSServiceRoleForLexV2Bots_own"
    assert made["Path"] == "/aws-service-role/lexv2.amazonaws.com/"
    assert fails(iam.create_service_linked_role, AWSServiceName="lexv2.amazonaws.com", CustomSuffix="own") == (
        400, "InvalidInput", "Service role name AWSServiceRoleForLexV2Bots_own has been taken in this account, please "
        "try a different suffix.")
    assert fails(iam.create_service_linked_role, AWSServiceName="ecs.amazonaws.com", CustomSuffix="own") == (
        400, "InvalidInput", "Custom suffix is not allowed for ecs.amazonaws.com")
    name = made["RoleName"]
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"][0]["PolicyName"] == "AmazonLexV2BotPolicy"
    for call in (lambda: fails(iam.delete_role, RoleName=name),
                 lambda: fails(iam.attach_role_policy, RoleName=name, PolicyArn=BASIC),
                 lambda: fails(iam.put_role_policy, RoleName=name, PolicyName="p", PolicyDocument=DOCUMENT)):
        assert call() == (
            400, "UnmodifiableEntity", f"Cannot perform the operation on the protected role '{name}' - this role is "
            "only modifiable by AWS")
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert task.startswith(f"task/aws-service-role/lexv2.amazonaws.com/{name}/")
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    assert fails(iam.get_service_linked_role_deletion_status, DeletionTaskId=f"{task}0")[:2] == (404, "NoSuchEntity")


def test_the_account(own_server):
    iam = own_server().client("iam")
    assert iam.list_account_aliases()["AccountAliases"] == []
    iam.create_account_alias(AccountAlias="swifts")
    assert iam.list_account_aliases()["AccountAliases"] == ["swifts"]
    assert fails(iam.delete_account_alias, AccountAlias="others")[:2] == (404, "NoSuchEntity")
    iam.delete_account_alias(AccountAlias="swifts")
    missing = (404, "NoSuchEntity", "The Password Policy with domain name 000000000000 cannot be found.")
    assert fails(iam.get_account_password_policy) == missing
    iam.update_account_password_policy(MinimumPasswordLength=12, RequireNumbers=True, MaxPasswordAge=90)
    policy = iam.get_account_password_policy()["PasswordPolicy"]
    assert policy == {
        "MinimumPasswordLength": 12, "RequireSymbols": False, "RequireNumbers": True,
        "RequireUppercaseCharacters": False, "RequireLowercaseCharacters": False, "AllowUsersToChangePassword": False,
        "ExpirePasswords": True, "MaxPasswordAge": 90}
    iam.delete_account_password_policy()
    assert fails(iam.delete_account_password_policy) == missing
    create(iam, "role", "r")
    create(iam, "user", "u")
    create(iam, "group", "g")
    arn = iam.create_policy(PolicyName="p", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    iam.attach_group_policy(GroupName="g", PolicyArn=BASIC)
    iam.put_role_policy(RoleName="r", PolicyName="i", PolicyDocument=DOCUMENT)
    summary = iam.get_account_summary()["SummaryMap"]
    # There is a role from the start.
    assert [summary[each] for each in ("Users", "Groups", "Roles", "Policies", "RolesQuota")] == [1, 1, 2, 1, 1000]
    details = iam.get_account_authorization_details()
    assert [len(details[each]) for each in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")] == [
        1, 1, 2, 3]
    assert details["RoleDetailList"][1]["RolePolicyList"] == [{"PolicyName": "i", "PolicyDocument": POLICY}]
    assert details["GroupDetailList"][0]["AttachedManagedPolicies"][0]["PolicyArn"] == BASIC
    local = iam.get_account_authorization_details(Filter=["LocalManagedPolicy"])
    assert [each["Arn"] for each in local["Policies"]] == [arn]
    assert local["Policies"][0]["PolicyVersionList"][0]["Document"] == POLICY
    pages = iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 1})
    assert len(list(pages)) == 7
    for each in ("list_mfa_devices", "list_ssh_public_keys", "list_signing_certificates"):
        assert getattr(iam, each)(UserName="u")["IsTruncated"] is False
    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []
    assert iam.list_service_specific_credentials(UserName="u")["ServiceSpecificCredentials"] == []


def test_pages(own_server):
    iam = own_server().client("iam")
    names = [f"u{number}" for number in range(25)]
    for each in names:
        create(iam, "user", each)
    first = iam.list_users(MaxItems=10)
    assert (len(first["Users"]), first["IsTruncated"]) == (10, True)
    rest = iam.list_users(Marker=first["Marker"], MaxItems=20)
    assert (len(rest["Users"]), rest["IsTruncated"]) == (15, False) and "Marker" not in rest
    assert sorted(each["UserName"] for each in first["Users"] + rest["Users"]) == sorted(names)
    assert fails(iam.list_users, Marker="!")[:2] == (400, "ValidationError")


def test_accounts_know_nothing_of_each_other(own_server):
    server = own_server("--auth", "off")
    mine, theirs = (server.client("iam", aws_access_key_id=account) for account in ("111111111111", "222222222222"))
    assert mine.create_user(UserName="u")["User"]["Arn"] == "arn:aws:iam::111111111111:user/u"
    assert fails(theirs.get_user, UserName="u")[1] == "NoSuchEntity"
    arn = mine.create_policy(PolicyName="p", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    assert fails(theirs.get_policy, PolicyArn=arn)[1] == "NoSuchEntity"
    theirs.create_user(UserName="u")
    assert fails(theirs.attach_user_policy, UserName="u", PolicyArn=arn)[1] == "NoSuchEntity"


def simulate(iam, arn, **arguments):
    return iam.simulate_principal_policy(PolicySourceArn=arn, **arguments)["EvaluationResults"]


@pytest.mark.parametrize("kind", KINDS)
def test_simulations_of_principals(iam, name, kind):
    """As recorded by LocalStack: test_simulate_principle_policy, but for the organization, which there is none."""
    policy = {"Version": "2012-10-17", "Statement": {
        "Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}}
    arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(policy))["Policy"]["Arn"]
    create(iam, kind, name)
    who = {f"{kind.title()}Name": name}
    getattr(iam, f"attach_{kind}_policy")(**who, PolicyArn=arn)
    bucket = "arn:aws:s3:::bucket"
    matched = [{
        "SourcePolicyId": name, "SourcePolicyType": "IAM Policy", "StartPosition": {"Line": 1, "Column": 41},
        "EndPosition": {"Line": 1, "Column": 113}}]
    result = lambda action, decision, matched: {
        "EvalActionName": action, "EvalResourceName": bucket, "EvalDecision": decision, "MatchedStatements": matched,
        "MissingContextValues": [], "EvalDecisionDetails": {}, "ResourceSpecificResults": [{
            "EvalResourceName": bucket, "EvalResourceDecision": decision, "MatchedStatements": matched,
            "MissingContextValues": []}]}
    assert simulate(iam, own(kind, name), ActionNames=["s3:PutObject", "s3:GetObjectVersion"], ResourceArns=[bucket]) == [
        result("s3:PutObject", "allowed", matched), result("s3:GetObjectVersion", "implicitDeny", [])]
    denying = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:Put*", "Resource": "*",
         "Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}}]}
    getattr(iam, f"put_{kind}_policy")(**who, PolicyName="i", PolicyDocument=json.dumps(denying, indent=1))
    region = [{"ContextKeyName": "aws:requestedregion", "ContextKeyValues": ["eu-west-1"], "ContextKeyType": "string"}]
    denied, = simulate(iam, own(kind, name), ActionNames=["s3:PutObject"], ResourceArns=[bucket], ContextEntries=region)
    assert denied["EvalDecision"] == "explicitDeny"
    assert [each["SourcePolicyId"] for each in denied["MatchedStatements"]] == [f"{kind}_{name}_i"]
    assert denied["MatchedStatements"][0]["StartPosition"] == {"Line": 9, "Column": 4}
    open_, = simulate(iam, own(kind, name), ActionNames=["s3:PutObject"], ResourceArns=[bucket])
    assert (open_["EvalDecision"], open_["MissingContextValues"]) == ("allowed", ["aws:RequestedRegion"])
    bounded, = simulate(
        iam, own(kind, name), ActionNames=["s3:GetObject"], PermissionsBoundaryPolicyInputList=[json.dumps(policy)])
    assert bounded["EvalDecision"] == "implicitDeny"
    assert bounded["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    assert iam.get_context_keys_for_principal_policy(PolicySourceArn=own(kind, name))["ContextKeyNames"] == [
        "aws:RequestedRegion"]
    getattr(iam, f"delete_{kind}_policy")(**who, PolicyName="i")
    getattr(iam, f"detach_{kind}_policy")(**who, PolicyArn=arn)
    getattr(iam, f"delete_{kind}")(**who)
    iam.delete_policy(PolicyArn=arn)


def test_which_policies_grant_access_to_a_service(iam, name):
    iam.create_user(UserName=name)
    iam.create_group(GroupName=name)
    iam.add_user_to_group(GroupName=name, UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn=BASIC)
    iam.put_group_policy(GroupName=name, PolicyName="i", PolicyDocument=DOCUMENT.replace("logs:", "s3:"))
    granting = iam.list_policies_granting_service_access(
        Arn=own("user", name), ServiceNamespaces=["s3", "logs", "sqs"])["PoliciesGrantingServiceAccess"]
    assert granting == [
        {"ServiceNamespace": "logs", "Policies": [{
            "PolicyName": "AWSLambdaBasicExecutionRole", "PolicyType": "MANAGED", "PolicyArn": BASIC}]},
        {"ServiceNamespace": "s3", "Policies": [{
            "PolicyName": "i", "PolicyType": "INLINE", "EntityType": "GROUP", "EntityName": name}]},
        {"ServiceNamespace": "sqs", "Policies": []}]
    iam.detach_user_policy(UserName=name, PolicyArn=BASIC)
    iam.delete_group_policy(GroupName=name, PolicyName="i")
    iam.remove_user_from_group(GroupName=name, UserName=name)
    iam.delete_group(GroupName=name)
    iam.delete_user(UserName=name)


def test_simulations_of_texts(iam):
    own_home = json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::home/${aws:username}/*"}})
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=[own_home])["ContextKeyNames"] == ["aws:username"]
    results = iam.simulate_custom_policy(
        PolicyInputList=[own_home], ActionNames=["s3:GetObject"],
        ResourceArns=["arn:aws:s3:::home/ada/x", "arn:aws:s3:::home/bob/x"],
        CallerArn=own("user", "ada"))["EvaluationResults"]
    assert [each["EvalDecision"] for each in results] == ["allowed", "implicitDeny"]
    assert results[0]["MatchedStatements"][0]["SourcePolicyId"] == "PolicyInputList.1"
    first = iam.simulate_custom_policy(
        PolicyInputList=[DOCUMENT], ActionNames=["logs:PutLogEvents", "s3:GetObject", "sqs:SendMessage"], MaxItems=2)
    assert (len(first["EvaluationResults"]), first["IsTruncated"]) == (2, True)
    foreign, = iam.simulate_custom_policy(
        PolicyInputList=[DOCUMENT], ActionNames=["logs:PutLogEvents"], ResourceOwner="111111111111",
        CallerArn=own("user", "ada"))["EvaluationResults"]
    assert foreign["EvalDecision"] == "implicitDeny"
    assert fails(iam.simulate_custom_policy, PolicyInputList=["no"], ActionNames=["s3:GetObject"])[:2] == (
        400, "InvalidInput")
    assert fails(iam.simulate_principal_policy, PolicySourceArn=own("user", "nobody-there"), ActionNames=["s3:Get"]) == (
        404, "NoSuchEntity", "The user with name nobody-there cannot be found.")


def test_what_is_not_here_says_so(iam):
    assert fails(iam.generate_credential_report)[:2] == (501, "NotImplementedException")


def test_the_documents(iam, server):
    """Errors and answers are in the service's namespace, and unknown actions are named."""
    def send(body):
        request = AWSRequest("POST", server.endpoint, data=body, headers={
            "Content-Type": "application/x-www-form-urlencoded"})
        keys = Credentials(server.credentials["access_key_id"], server.credentials["secret_access_key"])
        SigV4Auth(keys, "iam", "us-east-1").add_auth(request)
        prepared = request.prepare()
        try:
            with urllib.request.urlopen(urllib.request.Request(
                    prepared.url, prepared.body.encode(), dict(prepared.headers))) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    status, text = send("Action=Nothing&Version=2010-05-08")
    assert status == 400 and "<Code>InvalidAction</Code>" in text
    assert "<Message>Could not find operation Nothing for version 2010-05-08</Message>" in text
    assert '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>' in text
    status, text = send("Action=ListRoles&Version=2010-05-08&MaxItems=many")
    assert status == 400 and "<Code>MalformedInput</Code>" in text
    status, text = send("Action=GetUser&Version=2010-05-08")
    assert text.startswith('<GetUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetUserResult><User>')


@pytest.mark.parametrize("command", [
    ["list-roles"], ["get-user"], ["list-policies", "--scope", "AWS"], ["get-account-summary"],
    ["get-policy", "--policy-arn", BASIC]])
def test_the_command_line(server, command):
    ended = server.run(pathlib.Path(sys.executable).parent / "aws", "iam", *command)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)


def test_acknowledged_identities_survive_sigkill(own_server):
    server = own_server()
    iam = server.client("iam")
    acknowledged = []

    def work():
        for number in range(10_000):
            try:
                create(iam, "user", f"u{number}")
                key = iam.create_access_key(UserName=f"u{number}")["AccessKey"]["AccessKeyId"]
            except (BotoCoreError, ClientError):
                return
            acknowledged.append((f"u{number}", key))

    thread = threading.Thread(target=work)
    thread.start()
    wait_until(lambda: len(acknowledged) >= 20, 60, "some users")
    server.stop(signal.SIGKILL)
    thread.join(60)
    server.start()
    iam = server.client("iam")
    for user, key in acknowledged:
        assert [each["AccessKeyId"] for each in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]] == [key]
