"""Every operation refuses a missing, a malformed, a too large, an unknown and a conflicting argument with AWS's code,
status and words.

The first three follow from the model's constraints, member by member, as AWS is recorded to word them; what AWS answers
to the other two is in a table, with the recording (of localstack's snapshots of AWS's answers) or the page that says so
beside each row. `test_every_operation_has_every_kind` holds both against botocore's model.
"""

import re

import pytest

from conftest import ROLE, Server, zip_of
from lambda_api import COVERED, MODEL, OUTSIDE, RECORDED, Request, constraints, members, message
from modelled import WRONG

MISSING, MALFORMED, LARGE, UNKNOWN, CONFLICTING = KINDS = ("missing", "malformed", "too large", "unknown", "conflicting")
LAMBDA = "arn:aws:lambda:us-east-1:000000000000"
F, GHOST = f"{LAMBDA}:function:f", f"{LAMBDA}:function:ghost"
SIGNING = f"{LAMBDA}:code-signing-config:csc-" + "0" * 17
PROFILE = "arn:aws:signer:us-east-1:000000000000:/signing-profiles/test"
CODE = zip_of({"app.py": "def handler(e, c): return 1"})
PERMISSION = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
VERSION = {"LayerName": "l", "VersionNumber": 1}
ACCESS_POINT = "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-0123456789abcdef0"
IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/ghost:1"
AHEAD = {"FunctionName": "f", "Qualifier": "1"}

# A request of each operation that has nothing wrong.
GOOD = {name: {"FunctionName": "f"} for name in COVERED if "FunctionName" in dict(m[:2] for m in members(name))} | {
    "AddLayerVersionPermission": {**VERSION, "StatementId": "s", "Action": "lambda:GetLayerVersion", "Principal": "*"},
    "AddPermission": {"FunctionName": "f", **PERMISSION},
    "CreateAlias": {"FunctionName": "f", "Name": "new", "FunctionVersion": "1"},
    "CreateCodeSigningConfig": {"AllowedPublishers": {"SigningProfileVersionArns": [PROFILE]}},
    "CreateFunction": {
        "FunctionName": "new", "Role": ROLE, "Runtime": "python3.11", "Handler": "app.handler", "Code": {"ZipFile": CODE}},
    "CreateFunctionUrlConfig": {"FunctionName": "bare", "AuthType": "NONE"},
    "DeleteAlias": {"FunctionName": "f", "Name": "live"},
    "DeleteCodeSigningConfig": {"CodeSigningConfigArn": SIGNING},
    "DeleteLayerVersion": VERSION,
    "DeleteProvisionedConcurrencyConfig": AHEAD,
    "GetAccountSettings": {},
    "GetAlias": {"FunctionName": "f", "Name": "live"},
    "GetCodeSigningConfig": {"CodeSigningConfigArn": SIGNING},
    "GetFunctionScalingConfig": {"FunctionName": "f", "Qualifier": "1"},
    "GetLayerVersion": VERSION,
    "GetLayerVersionByArn": {"Arn": f"{LAMBDA}:layer:l:1"},
    "GetLayerVersionPolicy": VERSION,
    "GetProvisionedConcurrencyConfig": AHEAD,
    "InvokeAsync": {"FunctionName": "f", "InvokeArgs": b"{}"},
    "ListCodeSigningConfigs": {},
    "ListFunctions": {},
    "ListFunctionsByCodeSigningConfig": {"CodeSigningConfigArn": SIGNING},
    "ListLayerVersions": {"LayerName": "l"},
    "ListLayers": {},
    "ListTags": {"Resource": F},
    "PublishLayerVersion": {"LayerName": "l", "Content": {"ZipFile": CODE}},
    "PutFunctionCodeSigningConfig": {"FunctionName": "f", "CodeSigningConfigArn": SIGNING},
    "PutFunctionConcurrency": {"FunctionName": "f", "ReservedConcurrentExecutions": 1},
    "PutFunctionEventInvokeConfig": {"FunctionName": "f", "MaximumRetryAttempts": 1},
    "PutFunctionRecursionConfig": {"FunctionName": "f", "RecursiveLoop": "Allow"},
    "PutFunctionScalingConfig": {"FunctionName": "f", "Qualifier": "1"},
    "PutProvisionedConcurrencyConfig": {**AHEAD, "ProvisionedConcurrentExecutions": 1},
    "PutRuntimeManagementConfig": {"FunctionName": "f", "UpdateRuntimeOn": "Auto"},
    "RemoveLayerVersionPermission": {**VERSION, "StatementId": "taken"},
    "RemovePermission": {"FunctionName": "f", "StatementId": "taken"},
    "TagResource": {"Resource": F, "Tags": {"k": "v"}},
    "UntagResource": {"Resource": F, "TagKeys": ["k"]},
    "UpdateAlias": {"FunctionName": "f", "Name": "live"},
    "UpdateCodeSigningConfig": {"CodeSigningConfigArn": SIGNING},
    "UpdateFunctionCode": {"FunctionName": "f", "ZipFile": CODE},
    "UpdateFunctionEventInvokeConfig": {"FunctionName": "f", "MaximumRetryAttempts": 1},
}


@pytest.fixture(scope="module")
def world():
    """A server with a function that has one of everything, a bare one, a layer and a code signing configuration."""
    server = Server().start()
    client = server.client()
    for name in ("f", "bare"):
        client.create_function(FunctionName=name, Role=ROLE, Runtime="python3.11", Handler="app.handler",
                               Code={"ZipFile": CODE}, Publish=name == "f")
    for name in ("f", "bare"):
        client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    client.add_permission(FunctionName="f", **{**PERMISSION, "StatementId": "taken"})
    client.create_function_url_config(FunctionName="f", AuthType="NONE")
    client.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=1)
    client.put_provisioned_concurrency_config(**AHEAD, ProvisionedConcurrentExecutions=1)
    client.publish_layer_version(LayerName="l", Content={"ZipFile": CODE})
    client.add_layer_version_permission(**VERSION, StatementId="taken", Action="lambda:GetLayerVersion", Principal="*")
    made = client.create_code_signing_config(
        AllowedPublishers={"SigningProfileVersionArns": [PROFILE]},
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Warn"})
    server.signing = made["CodeSigningConfig"]["CodeSigningConfigArn"]
    client.put_function_code_signing_config(FunctionName="f", CodeSigningConfigArn=server.signing)
    server.digest = client.get_function_configuration(FunctionName="f")["CodeSha256"]
    yield server
    server.close()


# MARK: What follows from the model

class Case:
    """One broken member of a request that is otherwise good."""

    def __init__(self, operation, kind, path, value, *rules):
        self.operation, self.kind, self.path, self.value, self.rules = operation, kind, path, value, rules

    def __str__(self):
        return f"{self.operation}-{self.kind}-{'.'.join(self.path)}"

    def request(self):
        return Request(self.operation, self.changed(GOOD[self.operation], self.path))

    def changed(self, holder, path):
        """The holder's copy with the value in it. `1` and `member` stand for the one element of a list."""
        name, *rest = path
        if rest[:2] == ["1", "member"]:
            return {**holder, name: [self.changed(GOOD_STRUCTURES[name], rest[2:])]}
        return {**holder, name: self.changed(holder.get(name) or {}, rest) if rest else self.value}

    def message(self):
        """`vpcConfig.subnetIds`: AWS names members so."""
        where = ".".join(name[0].lower() + name[1:] for name in self.path)
        shown = f"[{', '.join(map(str, self.value))}]" if isinstance(self.value, list) else self.value
        value = "Value null" if self.value is None else f"Value '{shown}'"
        found = [f"{value} at '{where}' failed to satisfy constraint: {rule}" for rule in self.rules]
        return f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected: {'; '.join(found)}"


def broken(shape):
    """A kind, a value and the rules that it breaks, for each way in which it can break those of its shape."""
    limits = constraints(shape)
    if shape.name in RECORDED["uncheckedEnums"]:
        return
    if shape.type_name == "string":
        if "enum" in limits:
            yield MALFORMED, "wrong", f"Member must satisfy enum value set: [{', '.join(limits['enum'])}]"
        elif "pattern" in limits and not re.fullmatch(limits["pattern"], "! !"):
            fits = limits.get("min", 0) <= 3 <= limits.get("max", 3)
            value = "! !" if fits else "!" * limits["min"]
            yield MALFORMED, value, f"Member must satisfy regular expression pattern: {limits['pattern']}"
        if "max" in limits and "enum" not in limits:
            value = "a" * (limits["max"] + 1)
            rules = [f"Member must have length less than or equal to {limits['max']}"]
            if "pattern" in limits and not re.fullmatch(limits["pattern"], value):
                rules.append(f"Member must satisfy regular expression pattern: {limits['pattern']}")
            yield LARGE, value, *rules
    elif shape.type_name in ("integer", "long"):
        if "min" in limits and limits["min"] > 0:
            yield MALFORMED, limits["min"] - 1, f"Member must have value greater than or equal to {limits['min']}"
        if "max" in limits:
            yield LARGE, limits["max"] + 1, f"Member must have value less than or equal to {limits['max']}"
    elif shape.type_name == "list" and shape.member.type_name == "string" and "max" in limits:
        value = [GOOD_ELEMENTS.get(shape.member.name, "GET")] * (limits["max"] + 1)
        yield LARGE, value, f"Member must have length less than or equal to {limits['max']}"


GOOD_ELEMENTS = {
    "Arn": PROFILE, "Architecture": "x86_64", "SubnetId": "subnet-1", "SecurityGroupId": "sg-1", "Runtime": "python3.11"}
GOOD_STRUCTURES = {"FileSystemConfigs": {"Arn": ACCESS_POINT, "LocalMountPath": "/mnt/data"}}
# Members whose bounds AWS checks by other means, in other words: they are in the table.
ELSEWHERE = {("CreateFunction", "MemorySize"), ("UpdateFunctionConfiguration", "MemorySize")}


def cases(operation, shape=None, path=()):
    """The members of an operation's input, and of the structures in it, each broken in each way."""
    shape = shape or MODEL.operation_model(operation).input_shape
    locations = {name: location for name, _, location, _ in members(operation)}
    for name, member in shape.members.items():
        here = path + (name,)
        if OUTSIDE.search(name) or (operation, name) in ELSEWHERE:
            continue
        if name in shape.required_members and (path or locations[name] in ("body", "querystring")):
            yield Case(operation, MISSING, here, None, "Member must not be null")
        if member.type_name == "structure":
            yield from cases(operation, member, here)
            continue
        if member.type_name == "list" and member.member.type_name == "structure":
            # As AWS numbers elements: `fileSystemConfigs.1.member.arn`.
            yield from cases(operation, member.member, here + ("1", "member"))
        for broke in broken(member):
            kind, value, *rules = broke
            yield Case(operation, kind, here, value, *rules)


MODELLED = [case for operation in COVERED for case in cases(operation)]


@pytest.mark.parametrize("case", MODELLED, ids=str)
def test_a_member_that_breaks_the_model_is_refused(world, case):
    status, code, document = case.request().send(world)
    assert (status, code) == (400, "ValidationException"), document
    assert document == {"message": case.message()}


@pytest.mark.parametrize("operation", COVERED)
def test_members_that_the_model_does_not_have_change_nothing(world, operation):
    """AWS ignores what it does not know, in the body and in the query."""
    for case in [case for case in MODELLED if case.operation == operation][:1]:
        plain, more = case.request(), case.request()
        more.query += ("&" if more.query else "") + "Nonsense=1"
        if more.headers.get("Content-Type"):
            more.body = more.body[:-1] + (", " if len(more.body) > 2 else "") + '"Nonsense": {"a": [1]}}'
        assert more.send(world) == plain.send(world)


LABELS = [(operation, name) for operation in COVERED for name, _, location, _ in members(operation) if location == "uri"]
# Without its last word, the path is that of another operation, which AWS then does.
LISTS = {("GetAlias", "Name"), ("GetCodeSigningConfig", "CodeSigningConfigArn"), ("GetFunction", "FunctionName"),
         ("GetLayerVersion", "VersionNumber")}


@pytest.mark.parametrize("operation,name", LABELS)
def test_a_missing_word_of_the_path_names_no_operation(world, operation, name):
    """Labels cannot be empty: https://smithy.io/2.0/spec/http-bindings.html#httplabel-trait."""
    status, code, document = Request(operation, {**GOOD[operation], name: None}).send(world)
    if (operation, name) in LISTS:
        assert status == 200 and len(document) == 1 and isinstance(*document.values(), list)
    else:
        assert (status, code) == (404, "UnknownOperationException")


BODIES = [(operation, name, shape) for operation in COVERED for name, shape, location, _ in members(operation) if location == "body"]
TEXTS = [(operation, name) for operation in COVERED for name, shape, location, _ in members(operation)
         if location in ("uri", "querystring") and shape.type_name in ("integer", "long")]


@pytest.mark.parametrize("operation,name,shape", BODIES, ids=lambda value: value if isinstance(value, str) else "")
def test_a_member_of_the_wrong_type_is_refused(world, operation, name, shape):
    status, code, document = Request(operation, {**GOOD[operation], name: WRONG[shape.type_name]}).send(world)
    kind = "NUMBER_VALUE" if shape.type_name in ("string", "blob") else "STRING_VALUE"
    assert (status, code) == (400, "SerializationException")
    assert message(document).startswith(f"{kind} can not be converted to a")


@pytest.mark.parametrize("operation,name", TEXTS)
def test_a_word_that_is_no_number_is_refused(world, operation, name):
    answer = Request(operation, {**GOOD[operation], name: "x"}).send(world)
    assert answer == (400, "SerializationException", {"message": "STRING_VALUE can not be converted to an Integer"})


@pytest.mark.parametrize("operation", sorted({operation for operation, *_ in BODIES}))
@pytest.mark.parametrize("body", ["{", "[]", '"x"', '{"a": }', "\xff"])
def test_a_body_that_is_no_json_object_is_refused(world, operation, body):
    request = Request(operation, GOOD[operation])
    request.body = body.encode("latin-1")
    status, code, document = request.send(world)
    assert (status, code) == (400, "SerializationException")
    assert message(document)


# MARK: What AWS is recorded to answer

NOT_FOUND, INVALID, CONFLICT = "ResourceNotFoundException", "InvalidParameterValueException", "ResourceConflictException"
DERIVED = "The derived qualifier from the function name does not match the specified qualifier."
FUNCTIONS_ONLY = ("This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
                  "Please specify either a function name or an unqualified function ARN.")
REGION = "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"
LAYER_REGION = "Layers from 'eu-west-1' are not reachable in this region ('us-east-1')"
STALE = "The Revision Id provided does not match the latest Revision Id. Call the {} API to retrieve the latest Revision Id"
NO_FUNCTION, NOTHING = f"Function not found: {GHOST}", "The resource you requested does not exist."
TAKEN = ("The statement id (taken) provided already exists. Please provide a new statement id, or remove the existing "
         "statement.")
NO_SIGNING = f"The Lambda code signing configuration {SIGNING} can not be found."
LOST_SIGNING = ("The code signing configuration cannot be found. Check that the provided configuration is not deleted: "
                f"{SIGNING}.")
NO_ALIAS_TAGS = "Tags on function aliases and versions are not supported. Please specify a function ARN."
PROTECTED = "The function provided by the arn does not contain a capacity provider configuration"
UNPUBLISHED = "The function resource provided must be an alias or a published version."
UNPROVISIONED = "No Provisioned Concurrency Config found for this function"
TOO_MUCH = "Specified ConcurrentExecutions for function "
NO_PARTS = "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."
TWO_FILE_SYSTEMS = (
    "1 validation error detected: Value '[" + ", ".join(["{Arn=%s, LocalMountPath=/mnt/data}" % ACCESS_POINT] * 2)
    + "]' at 'fileSystemConfigs' failed to satisfy constraint: Member must have length less than or equal to 1")
IMAGED = {"PackageType": "Image", "Runtime": None, "Handler": None}
OUTSIDE_VPC = f"Function must be configured to execute in a VPC to reference access point {ACCESS_POINT}."
VPC = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
ghost, qualified = {"FunctionName": "ghost"}, {"FunctionName": "f:1", "Qualifier": "live"}
version_1, abroad = {"FunctionName": "f:1"}, {"FunctionName": F.replace("us-east-1", "eu-west-1")}
layer_abroad = {"LayerName": f"{LAMBDA}:layer:l".replace("us-east-1", "eu-west-1")}


def no_config(arn):
    return f"The function {arn} doesn't have an EventInvokeConfig"


# Operation, kind, what is changed of the good request, status, code, message, and the recording that has the answer. A
# `like` recording has it of the same check in another operation.
RECORDINGS = [
    ("AddLayerVersionPermission", UNKNOWN, {"VersionNumber": 9}, 404, NOT_FOUND, f"Layer version {LAMBDA}:layer:l:9 does not exist.", "test_layer_policy_exceptions"),
    ("AddLayerVersionPermission", CONFLICTING, {"StatementId": "taken"}, 409, CONFLICT, TAKEN, "test_layer_policy_exceptions"),
    ("AddLayerVersionPermission", CONFLICTING, {"RevisionId": "stale"}, 412, "PreconditionFailedException", STALE.format("GetLayerPolicy"), "test_layer_policy_exceptions"),
    ("AddPermission", UNKNOWN, ghost, 404, NOT_FOUND, NO_FUNCTION, "test_permission_exceptions"),
    ("AddPermission", UNKNOWN, {"Qualifier": "9"}, 404, NOT_FOUND, f"Function not found: {F}:9", "test_permission_exceptions"),
    ("AddPermission", UNKNOWN, {"Qualifier": "ghost"}, 404, NOT_FOUND, f"Cannot find alias arn: {F}:ghost", "test_permission_exceptions"),
    ("AddPermission", CONFLICTING, {"StatementId": "taken"}, 409, CONFLICT, TAKEN, "test_permission_exceptions"),
    ("AddPermission", CONFLICTING, {"RevisionId": "stale"}, 412, "PreconditionFailedException", STALE.format("GetPolicy"), "test_function_revisions_permissions"),
    ("AddPermission", CONFLICTING, {"Qualifier": "$LATEST"}, 400, INVALID, "We currently do not support adding policies for $LATEST.", "test_permission_exceptions"),
    ("AddPermission", CONFLICTING, {"FunctionUrlAuthType": "NONE"}, 400, INVALID, "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action", "not recorded"),
    ("CreateAlias", UNKNOWN, ghost, 404, NOT_FOUND, f"{NO_FUNCTION}:1", "test_notfound_and_invalid_routingconfigs"),
    ("CreateAlias", UNKNOWN, {"FunctionVersion": "9"}, 404, NOT_FOUND, f"Function not found: {F}:9", "test_notfound_and_invalid_routingconfigs"),
    ("CreateAlias", CONFLICTING, {"Name": "live"}, 409, CONFLICT, f"Alias already exists: {F}:live", "test_notfound_and_invalid_routingconfigs"),
    ("CreateAlias", CONFLICTING, {"RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}}, 400, INVALID, "Invalid function version 1. Function version 1 is already included in routing configuration.", "test_notfound_and_invalid_routingconfigs"),
    ("CreateFunction", UNKNOWN, {"Runtime": "ghost"}, 400, INVALID, "Value ghost at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, java11, dotnet6, nodejs18.x, provided.al2, java8.al2] or be a valid ARN", "test_create_lambda_exceptions"),
    ("CreateFunction", UNKNOWN, {"Layers": [f"{LAMBDA}:layer:ghost:1"]}, 400, INVALID, f"Layer version {LAMBDA}:layer:ghost:1 does not exist.", "test_layer_function_exceptions"),
    ("CreateFunction", UNKNOWN, {"CodeSigningConfigArn": SIGNING}, 404, "CodeSigningConfigNotFoundException", LOST_SIGNING, "like test_code_signing_not_found_excs"),
    ("CreateFunction", LARGE, {"MemorySize": 10241}, 400, INVALID, "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 10240", "https://github.com/alexcasalboni/aws-lambda-power-tuning/pull/181"),
    ("CreateFunction", LARGE, {"Layers": [f"{LAMBDA}:layer:l:1"] * 6}, 400, INVALID, "Cannot reference more than 5 layers.", "test_layer_function_quota_exception"),
    ("CreateFunction", LARGE, {"FunctionName": "a" * 65}, 400, INVALID, f"1 validation error detected: Value '{'a' * 65}' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64", "test_function_arns"),
    ("CreateFunction", CONFLICTING, {"FunctionName": "f"}, 409, CONFLICT, "Function already exist: f", "https://github.com/hashicorp/terraform/issues/15929"),
    ("CreateFunction", CONFLICTING, {"Code": {"ZipFile": CODE, "S3Bucket": "bucket", "S3Key": "key"}}, 400, INVALID, "Please do not provide other FunctionCode parameters when providing a ZipFile.", "AWS's SDK users' tests quote it"),
    ("CreateFunction", CONFLICTING, {"VpcConfig": {"SubnetIds": ["subnet-1"]}}, 400, INVALID, "SubnetIds and SecurityIds must coexist or be both empty list.", "https://github.com/aws/aws-sdk-js/issues/1293"),
    ("CreateFunction", MISSING, {"Code": {}, **IMAGED}, 400, INVALID, "Please provide ImageUri when creating a function with packageType Image.", "not recorded; worded as test_lambda_image_crud has it of an update"),
    ("CreateFunction", MALFORMED, {**IMAGED, "Code": {"ImageUri": "no image"}}, 400, INVALID, "Source image no image is not valid. Provide a valid source image.", "https://github.com/ministryofjustice/modernisation-platform/pull/2419"),
    ("CreateFunction", UNKNOWN, {**IMAGED, "Code": {"ImageUri": IMAGE}}, 400, INVALID, f"Source image {IMAGE} does not exist. Provide a valid source image.", "https://github.com/hashicorp/terraform/issues/27963"),
    ("CreateFunction", CONFLICTING, {"PackageType": "Image", "Code": {"ImageUri": IMAGE}}, 400, INVALID, NO_PARTS, "https://github.com/pulumi/pulumi-aws/issues/5439"),
    ("CreateFunction", CONFLICTING, {"Code": {"ZipFile": CODE, "ImageUri": IMAGE}}, 400, INVALID, "Please don't provide ImageUri when the intended function PackageType is Zip.", "not recorded"),
    ("CreateFunction", CONFLICTING, {"ImageConfig": {"Command": ["x"]}}, 400, INVALID, "Please don't provide ImageConfig when the intended function PackageType is Zip.", "not recorded"),
    ("CreateFunction", LARGE, {"FileSystemConfigs": [GOOD_STRUCTURES["FileSystemConfigs"]] * 2}, 400, "ValidationException", TWO_FILE_SYSTEMS, "the model; how AWS prints structures is not recorded"),
    ("CreateFunction", UNKNOWN, {"VpcConfig": VPC, "FileSystemConfigs": [GOOD_STRUCTURES["FileSystemConfigs"]]}, 400, INVALID, f"Access point {ACCESS_POINT} does not exist.", "not recorded"),
    ("CreateFunction", CONFLICTING, {"FileSystemConfigs": [GOOD_STRUCTURES["FileSystemConfigs"]]}, 400, INVALID, OUTSIDE_VPC, "https://github.com/aws-cloudformation/cfn-lint/issues/4369"),
    ("CreateFunctionUrlConfig", UNKNOWN, ghost, 404, NOT_FOUND, "Function does not exist", "test_url_config_exceptions"),
    ("CreateFunctionUrlConfig", CONFLICTING, {"FunctionName": "f"}, 409, CONFLICT, f"Failed to create function url config for [functionArn = {F}]. Error message:  FunctionUrlConfig exists for this Lambda function", "test_url_config_lifecycle"),
    ("CreateFunctionUrlConfig", CONFLICTING, qualified, 400, INVALID, DERIVED, "test_url_config_exceptions"),
    ("DeleteAlias", UNKNOWN, {"Name": "ghost"}, 204, None, None, "test_non_existent_alias_deletion"),
    ("DeleteAlias", CONFLICTING, abroad, 404, NOT_FOUND, REGION, "like test_get_function_wrong_region"),
    ("DeleteCodeSigningConfig", UNKNOWN, {}, 404, NOT_FOUND, NO_SIGNING, "test_code_signing_not_found_excs"),
    ("DeleteFunction", UNKNOWN, ghost, 404, NOT_FOUND, NO_FUNCTION, "test_ops_on_nonexisting_fn"),
    ("DeleteFunction", CONFLICTING, qualified, 400, INVALID, DERIVED, "test_ops_with_arn_qualifier_mismatch"),
    ("DeleteFunction", CONFLICTING, {"Qualifier": "$LATEST"}, 400, INVALID, "$LATEST version cannot be deleted without deleting the function.", "test_ops_with_arn_qualifier_mismatch"),
    ("DeleteFunctionCodeSigningConfig", UNKNOWN, ghost, 404, NOT_FOUND, NO_FUNCTION, "test_code_signing_not_found_excs"),
    ("DeleteFunctionCodeSigningConfig", CONFLICTING, abroad, 404, NOT_FOUND, REGION, "like test_get_function_wrong_region"),
    ("DeleteFunctionConcurrency", UNKNOWN, ghost, 404, NOT_FOUND, f"{NO_FUNCTION}:$LATEST", "like test_function_concurrency_exceptions"),
    ("DeleteFunctionConcurrency", CONFLICTING, version_1, 400, INVALID, FUNCTIONS_ONLY, "like test_function_concurrency_exceptions"),
    ("DeleteFunctionEventInvokeConfig", UNKNOWN, ghost, 404, NOT_FOUND, no_config(f"{GHOST}:$LATEST"), "test_lambda_eventinvokeconfig_exceptions"),
    ("DeleteFunctionEventInvokeConfig", UNKNOWN, {"FunctionName": "bare"}, 404, NOT_FOUND, no_config(f"{LAMBDA}:function:bare:$LATEST"), "test_lambda_eventinvokeconfig_exceptions"),
    ("DeleteFunctionEventInvokeConfig", CONFLICTING, qualified, 400, INVALID, DERIVED, "like test_lambda_eventinvokeconfig_exceptions"),
    ("DeleteFunctionUrlConfig", UNKNOWN, ghost, 404, NOT_FOUND, NOTHING, "test_url_config_exceptions"),
    ("DeleteFunctionUrlConfig", CONFLICTING, qualified, 400, INVALID, DERIVED, "test_url_config_exceptions"),
    ("DeleteLayerVersion", UNKNOWN, {"VersionNumber": 9}, 204, None, None, "test_layer_exceptions"),
    ("DeleteLayerVersion", MALFORMED, {"VersionNumber": -1}, 400, INVALID, "Layer Version Cannot be less than 1", "test_layer_exceptions"),
    ("DeleteLayerVersion", CONFLICTING, layer_abroad, 404, NOT_FOUND, LAYER_REGION, "not recorded; worded as test_get_function_wrong_region"),
    ("DeleteProvisionedConcurrencyConfig", UNKNOWN, ghost, 404, NOT_FOUND, f"{NO_FUNCTION}:1", "test_provisioned_concurrency_exceptions"),
    ("DeleteProvisionedConcurrencyConfig", UNKNOWN, {"Qualifier": "ghost"}, 404, NOT_FOUND, f"Cannot find alias arn: {F}:ghost", "test_provisioned_concurrency_exceptions"),
    ("DeleteProvisionedConcurrencyConfig", UNKNOWN, {"Qualifier": "9"}, 404, NOT_FOUND, f"Function not found: {F}:9", "test_provisioned_concurrency_exceptions"),
    ("DeleteProvisionedConcurrencyConfig", UNKNOWN, {"Qualifier": "live"}, 204, None, None, "test_provisioned_concurrency_exceptions"),
    ("DeleteProvisionedConcurrencyConfig", CONFLICTING, {"Qualifier": "$LATEST"}, 400, INVALID, UNPUBLISHED, "test_provisioned_concurrency_exceptions"),
    ("DeleteProvisionedConcurrencyConfig", CONFLICTING, qualified, 400, INVALID, DERIVED, "like test_ops_with_arn_qualifier_mismatch"),
    ("GetAlias", UNKNOWN, {"Name": "ghost"}, 404, NOT_FOUND, f"Cannot find alias arn: {F}:ghost", "test_notfound_and_invalid_routingconfigs"),
    ("GetAlias", CONFLICTING, abroad, 404, NOT_FOUND, REGION, "like test_get_function_wrong_region"),
    ("GetCodeSigningConfig", UNKNOWN, {}, 404, NOT_FOUND, NO_SIGNING, "test_code_signing_not_found_excs"),
    ("GetFunction", UNKNOWN, ghost, 404, NOT_FOUND, NO_FUNCTION, "test_ops_on_nonexisting_fn"),
    ("GetFunction", UNKNOWN, {"Qualifier": "9"}, 404, NOT_FOUND, f"Function not found: {F}:9", "test_ops_on_nonexisting_version"),
    ("GetFunction", CONFLICTING, qualified, 400, INVALID, DERIVED, "test_ops_with_arn_qualifier_mismatch"),
    ("GetFunctionCodeSigningConfig", UNKNOWN, ghost, 404, NOT_FOUND, NO_FUNCTION, "test_ops_on_nonexisting_fn"),
    ("GetFunctionCodeSigningConfig", CONFLICTING, abroad, 404, NOT_FOUND, REGION, "test_get_function_wrong_region"),
    ("GetFunctionConcurrency", UNKNOWN, ghost, 404, NOT_FOUND, NO_FUNCTION, "test_ops_on_nonexisting_fn"),
    ("GetFunctionConcurrency", CONFLICTING, abroad, 404, NOT_FOUND, REGION, "test_get_function_wrong_region"),
    ("GetFunctionConfiguration", UNKNOWN, ghost, 404, NOT_FOUND, NO_FUNCTION, "test_ops_on_nonexisting_fn"),
    ("GetFunctionConfiguration", UNKNOWN, {"Qualifier": "ghost"}, 404, NOT_FOUND, f"Function not found: {F}:ghost", "like test_alias_lifecycle"),
    ("GetFunctionConfiguration", CONFLICTING, qualified, 400, INVALID, DERIVED, "test_ops_with_arn_qualifier_mismatch"),
    ("GetFunctionEventInvokeConfig", UNKNOWN, ghost, 404, NOT_FOUND, no_config(f"{GHOST}:$LATEST"), "test_lambda_eventinvokeconfig_exceptions"),
    ("GetFunctionEventInvokeConfig", UNKNOWN, {"Qualifier": "9"}, 404, NOT_FOUND, no_config(f"{F}:9"), "test_ops_on_nonexisting_version"),
    ("GetFunctionEventInvokeConfig", CONFLICTING, abroad, 404, NOT_FOUND, REGION, "test_get_function_wrong_region"),
    ("GetFunctionRecursionConfig", UNKNOWN, ghost, 404, NOT_FOUND, NO_FUNCTION, "like test_ops_on_nonexisting_fn"),
    ("GetFunctionRecursionConfig", CONFLICTING, abroad, 404, NOT_FOUND, REGION, "like test_get_function_wrong_region"),
    ("GetFunctionScalingConfig", UNKNOWN, {"Qualifier": "9"}, 404, NOT_FOUND, f"Function not found: {F}:9", "like test_ops_on_nonexisting_version"),
    ("GetFunctionScalingConfig", CONFLICTING, {}, 403, "AccessDeniedException", PROTECTED, "like https://github.com/go-to-k/cdkd/issues/1616"),
    ("GetFunctionUrlConfig", UNKNOWN, ghost, 404, NOT_FOUND, NOTHING, "test_ops_on_nonexisting_fn"),
    ("GetFunctionUrlConfig", CONFLICTING, qualified, 400, INVALID, DERIVED, "test_url_config_exceptions"),
    ("GetLayerVersion", UNKNOWN, {"VersionNumber": 9}, 404, NOT_FOUND, NOTHING, "test_layer_exceptions"),
    ("GetLayerVersion", MALFORMED, {"VersionNumber": -1}, 400, INVALID, "Layer Version Cannot be less than 1", "test_layer_exceptions"),
    ("GetLayerVersion", CONFLICTING, layer_abroad, 404, NOT_FOUND, LAYER_REGION, "not recorded; worded as test_get_function_wrong_region"),
    ("GetLayerVersionByArn", UNKNOWN, {"Arn": f"{LAMBDA}:layer:l:9"}, 404, NOT_FOUND, NOTHING, "test_layer_exceptions"),
    ("GetLayerVersionByArn", CONFLICTING, {"Arn": f"{LAMBDA}:layer:l:1".replace("us-east-1", "eu-west-1")}, 404, NOT_FOUND, NOTHING, "like test_layer_exceptions"),
    ("GetLayerVersionPolicy", UNKNOWN, {"VersionNumber": 9}, 404, NOT_FOUND, f"Layer version {LAMBDA}:layer:l:9 does not exist.", "test_layer_policy_exceptions"),
    ("GetLayerVersionPolicy", CONFLICTING, layer_abroad, 404, NOT_FOUND, LAYER_REGION, "not recorded; worded as test_get_function_wrong_region"),
    ("GetPolicy", UNKNOWN, ghost, 404, NOT_FOUND, NOTHING, "test_permission_exceptions"),
    ("GetPolicy", UNKNOWN, {"FunctionName": "bare"}, 404, NOT_FOUND, NOTHING, "test_permission_exceptions"),
    ("GetPolicy", CONFLICTING, qualified, 400, INVALID, DERIVED, "like test_ops_with_arn_qualifier_mismatch"),
    ("GetProvisionedConcurrencyConfig", UNKNOWN, {**ghost, "Qualifier": "ghost"}, 404, NOT_FOUND, f"Cannot find alias arn: {GHOST}:ghost", "test_provisioned_concurrency_exceptions"),
    ("GetProvisionedConcurrencyConfig", UNKNOWN, {"Qualifier": "ghost"}, 404, NOT_FOUND, f"Cannot find alias arn: {F}:ghost", "test_provisioned_concurrency_exceptions"),
    ("GetProvisionedConcurrencyConfig", UNKNOWN, {"Qualifier": "9"}, 404, NOT_FOUND, f"Function not found: {F}:9", "test_provisioned_concurrency_exceptions"),
    ("GetProvisionedConcurrencyConfig", UNKNOWN, {"Qualifier": "live"}, 404, "ProvisionedConcurrencyConfigNotFoundException", UNPROVISIONED, "test_provisioned_concurrency_exceptions"),
    ("GetProvisionedConcurrencyConfig", CONFLICTING, {"Qualifier": "$LATEST"}, 400, INVALID, UNPUBLISHED, "test_provisioned_concurrency_exceptions"),
    ("GetProvisionedConcurrencyConfig", CONFLICTING, qualified, 400, INVALID, DERIVED, "like test_ops_with_arn_qualifier_mismatch"),
    ("GetRuntimeManagementConfig", UNKNOWN, ghost, 404, NOT_FOUND, NO_FUNCTION, "like test_ops_on_nonexisting_fn"),
    ("GetRuntimeManagementConfig", CONFLICTING, qualified, 400, INVALID, DERIVED, "like test_ops_with_arn_qualifier_mismatch"),
    ("Invoke", UNKNOWN, ghost, 404, NOT_FOUND, f"{NO_FUNCTION}:$LATEST", "test_invoke_exceptions"),
    ("Invoke", UNKNOWN, {"Qualifier": "ghost"}, 404, NOT_FOUND, f"Function not found: {F}:ghost", "test_lambda_alias_moving"),
    ("Invoke", LARGE, {"Payload": b"1" * 6_291_557}, 413, "RequestTooLargeException", "Request must be smaller than 6291456 bytes for the InvokeFunction operation", "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"),
    ("Invoke", CONFLICTING, qualified, 400, INVALID, DERIVED, "like test_ops_with_arn_qualifier_mismatch"),
    ("Invoke", CONFLICTING, {"TenantId": "t"}, 400, INVALID, "The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request and try again.", "AWS's sam local invoke"),
    ("InvokeAsync", UNKNOWN, ghost, 404, NOT_FOUND, NO_FUNCTION, "like test_ops_on_nonexisting_fn"),
    ("InvokeAsync", CONFLICTING, abroad, 404, NOT_FOUND, REGION, "like test_get_function_wrong_region"),
    ("InvokeWithResponseStream", UNKNOWN, ghost, 404, NOT_FOUND, f"{NO_FUNCTION}:$LATEST", "like test_invoke_exceptions"),
    ("InvokeWithResponseStream", CONFLICTING, qualified, 400, INVALID, DERIVED, "like test_ops_with_arn_qualifier_mismatch"),
    ("ListAliases", UNKNOWN, ghost, 404, NOT_FOUND, NO_FUNCTION, "like test_ops_on_nonexisting_fn"),
    ("ListAliases", CONFLICTING, abroad, 404, NOT_FOUND, REGION, "like test_get_function_wrong_region"),
    ("ListFunctionEventInvokeConfigs", UNKNOWN, ghost, 404, NOT_FOUND, "The function doesn't exist.", "test_lambda_eventinvokeconfig_exceptions"),
    ("ListFunctionEventInvokeConfigs", CONFLICTING, abroad, 404, NOT_FOUND, REGION, "like test_get_function_wrong_region"),
    ("ListFunctionUrlConfigs", UNKNOWN, ghost, 404, NOT_FOUND, "Function does not exist", "test_url_config_list_paging"),
    ("ListFunctionUrlConfigs", CONFLICTING, abroad, 404, NOT_FOUND, REGION, "like test_get_function_wrong_region"),
    ("ListFunctionsByCodeSigningConfig", UNKNOWN, {}, 404, NOT_FOUND, NO_SIGNING, "test_code_signing_not_found_excs"),
    ("ListLayerVersions", UNKNOWN, {"LayerName": "ghost"}, 200, None, None, "test_layer_exceptions"),
    ("ListLayerVersions", CONFLICTING, layer_abroad, 404, NOT_FOUND, LAYER_REGION, "not recorded; worded as test_get_function_wrong_region"),
    ("ListProvisionedConcurrencyConfigs", UNKNOWN, ghost, 404, NOT_FOUND, NO_FUNCTION, "test_provisioned_concurrency_exceptions"),
    ("ListProvisionedConcurrencyConfigs", CONFLICTING, abroad, 404, NOT_FOUND, REGION, "like test_get_function_wrong_region"),
    ("ListTags", UNKNOWN, {"Resource": GHOST}, 404, NOT_FOUND, NO_FUNCTION, "test_tag_exceptions"),
    ("ListTags", CONFLICTING, {"Resource": f"{F}:1"}, 400, INVALID, NO_ALIAS_TAGS, "test_tag_exceptions"),
    ("ListVersionsByFunction", UNKNOWN, ghost, 404, NOT_FOUND, NO_FUNCTION, "like test_ops_on_nonexisting_fn"),
    ("ListVersionsByFunction", CONFLICTING, abroad, 404, NOT_FOUND, REGION, "like test_get_function_wrong_region"),
    ("PublishLayerVersion", CONFLICTING, layer_abroad, 404, NOT_FOUND, LAYER_REGION, "not recorded; worded as test_get_function_wrong_region"),
    ("PublishVersion", UNKNOWN, ghost, 404, NOT_FOUND, NO_FUNCTION, "like test_ops_on_nonexisting_fn"),
    ("PublishVersion", CONFLICTING, {"RevisionId": "stale"}, 412, "PreconditionFailedException", STALE.format("GetFunction/GetAlias"), "test_publish_with_wrong_revisionid"),
    ("PublishVersion", CONFLICTING, {"CodeSha256": "x"}, 400, INVALID, "CodeSHA256 (x) is different from current CodeSHA256 in $LATEST ({digest}). Please try again with the CodeSHA256 in $LATEST.", "test_publish_with_wrong_sha256"),
    ("PutFunctionCodeSigningConfig", UNKNOWN, {}, 404, "CodeSigningConfigNotFoundException", LOST_SIGNING, "test_code_signing_not_found_excs"),
    ("PutFunctionCodeSigningConfig", CONFLICTING, abroad, 404, NOT_FOUND, REGION, "like test_get_function_wrong_region"),
    ("PutFunctionConcurrency", UNKNOWN, ghost, 404, NOT_FOUND, f"{NO_FUNCTION}:$LATEST", "test_function_concurrency_exceptions"),
    ("PutFunctionConcurrency", LARGE, {"ReservedConcurrentExecutions": 901}, 400, INVALID, "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].", "test_function_concurrency_limits"),
    ("PutFunctionConcurrency", CONFLICTING, {"ReservedConcurrentExecutions": 0}, 400, INVALID, " ReservedConcurrentExecutions  0 should not be lower than function's total provisioned concurrency [1].", "test_reserved_provisioned_overlap"),
    ("PutFunctionConcurrency", CONFLICTING, version_1, 400, INVALID, FUNCTIONS_ONLY, "test_function_concurrency_exceptions"),
    ("PutFunctionEventInvokeConfig", MISSING, {"MaximumRetryAttempts": None}, 400, INVALID, "You must specify at least one of error handling or destination setting.", "test_lambda_eventinvokeconfig_exceptions"),
    ("PutFunctionEventInvokeConfig", UNKNOWN, ghost, 404, NOT_FOUND, "The function doesn't exist.", "test_lambda_eventinvokeconfig_exceptions"),
    ("PutFunctionEventInvokeConfig", UNKNOWN, {"DestinationConfig": {"OnSuccess": {"Destination": GHOST}}}, 400, INVALID, f"The destination ARN {GHOST} is invalid.", "test_lambda_eventinvokeconfig_exceptions"),
    ("PutFunctionEventInvokeConfig", CONFLICTING, {"DestinationConfig": {"OnFailure": {"Destination": F}}}, 400, INVALID, "You can't specify the function as a destination for itself.", "test_lambda_eventinvokeconfig_exceptions"),
    ("PutFunctionEventInvokeConfig", CONFLICTING, qualified, 400, INVALID, DERIVED, "test_lambda_eventinvokeconfig_exceptions"),
    ("PutFunctionRecursionConfig", UNKNOWN, ghost, 404, NOT_FOUND, NO_FUNCTION, "like test_ops_on_nonexisting_fn"),
    ("PutFunctionRecursionConfig", CONFLICTING, abroad, 404, NOT_FOUND, REGION, "like test_get_function_wrong_region"),
    ("PutFunctionScalingConfig", UNKNOWN, {"Qualifier": "9"}, 404, NOT_FOUND, f"Function not found: {F}:9", "like test_ops_on_nonexisting_version"),
    ("PutFunctionScalingConfig", CONFLICTING, {}, 403, "AccessDeniedException", PROTECTED, "https://github.com/go-to-k/cdkd/issues/1616"),
    ("PutProvisionedConcurrencyConfig", UNKNOWN, ghost, 404, NOT_FOUND, f"{NO_FUNCTION}:1", "test_provisioned_concurrency_exceptions"),
    ("PutProvisionedConcurrencyConfig", UNKNOWN, {"Qualifier": "ghost"}, 404, NOT_FOUND, f"Cannot find alias arn: {F}:ghost", "test_provisioned_concurrency_exceptions"),
    ("PutProvisionedConcurrencyConfig", UNKNOWN, {"Qualifier": "9"}, 404, NOT_FOUND, f"Function not found: {F}:9", "test_provisioned_concurrency_exceptions"),
    ("PutProvisionedConcurrencyConfig", LARGE, {"ProvisionedConcurrentExecutions": 1001}, 400, INVALID, TOO_MUCH + "is greater than account's unreserved concurrency [1000].", "test_provisioned_concurrency_limits"),
    ("PutProvisionedConcurrencyConfig", LARGE, {"ProvisionedConcurrentExecutions": 901}, 400, INVALID, TOO_MUCH + "decreases account's UnreservedConcurrentExecution below its minimum value of [100].", "test_provisioned_concurrency_limits"),
    ("PutProvisionedConcurrencyConfig", CONFLICTING, {"Qualifier": "live"}, 409, CONFLICT, "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version", "test_lambda_provisioned_lifecycle"),
    ("PutProvisionedConcurrencyConfig", CONFLICTING, {"Qualifier": "$LATEST"}, 400, INVALID, "Provisioned Concurrency Configs cannot be applied to unpublished function versions.", "test_provisioned_concurrency_exceptions"),
    ("PutProvisionedConcurrencyConfig", CONFLICTING, qualified, 400, INVALID, DERIVED, "like test_ops_with_arn_qualifier_mismatch"),
    ("PutRuntimeManagementConfig", UNKNOWN, ghost, 404, NOT_FOUND, NO_FUNCTION, "like test_ops_on_nonexisting_fn"),
    ("PutRuntimeManagementConfig", CONFLICTING, qualified, 400, INVALID, DERIVED, "like test_ops_with_arn_qualifier_mismatch"),
    ("RemoveLayerVersionPermission", UNKNOWN, {"StatementId": "ghost"}, 404, NOT_FOUND, "Statement ghost is not found in resource policy.", "test_layer_policy_exceptions"),
    ("RemoveLayerVersionPermission", CONFLICTING, {"RevisionId": "stale"}, 412, "PreconditionFailedException", STALE.format("GetLayerPolicy"), "test_layer_policy_exceptions"),
    ("RemovePermission", UNKNOWN, ghost, 404, NOT_FOUND, f"No policy found for: {GHOST}", "test_permission_exceptions"),
    ("RemovePermission", UNKNOWN, {"StatementId": "ghost"}, 404, NOT_FOUND, "Statement ghost is not found in resource policy.", "test_remove_multi_permissions"),
    ("RemovePermission", CONFLICTING, {"RevisionId": "stale"}, 412, "PreconditionFailedException", STALE.format("GetFunction/GetAlias"), "test_lambda_permission_revisions"),
    ("TagResource", UNKNOWN, {"Resource": GHOST}, 404, NOT_FOUND, NO_FUNCTION, "test_tag_exceptions"),
    ("TagResource", UNKNOWN, {"Resource": f"{LAMBDA}:event-source-mapping:{'0' * 8}-0000-0000-0000-{'0' * 12}"}, 404, NOT_FOUND, f"Event source mapping not found: {LAMBDA}:event-source-mapping:{'0' * 8}-0000-0000-0000-{'0' * 12}", "test_tag_exceptions"),
    ("TagResource", LARGE, {"Tags": {str(number): "" for number in range(51)}}, 400, INVALID, "Number of tags exceeds resource tag limit.", "test_tag_limits"),
    ("TagResource", CONFLICTING, {"Resource": f"{F}:1"}, 400, INVALID, NO_ALIAS_TAGS, "test_tag_exceptions"),
    ("UntagResource", UNKNOWN, {"Resource": GHOST}, 404, NOT_FOUND, NO_FUNCTION, "test_tag_exceptions"),
    ("UntagResource", MISSING, {"TagKeys": []}, 400, "ValidationException", "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null", "TestLambdaTags::test_tag_exceptions"),
    ("UntagResource", CONFLICTING, {"Resource": f"{F}:1"}, 400, INVALID, NO_ALIAS_TAGS, "test_tag_exceptions"),
    ("UpdateAlias", UNKNOWN, {"Name": "ghost"}, 404, NOT_FOUND, f"Alias not found: {F}:ghost", "test_non_existent_alias_update"),
    ("UpdateAlias", CONFLICTING, {"RevisionId": "stale"}, 412, "PreconditionFailedException", STALE.format("GetFunction/GetAlias"), "test_function_revisions_version_and_alias"),
    ("UpdateCodeSigningConfig", UNKNOWN, {}, 404, NOT_FOUND, NO_SIGNING, "test_code_signing_not_found_excs"),
    ("UpdateFunctionCode", MISSING, {"ZipFile": None}, 400, INVALID, "Please provide a source for function code.", "https://github.com/aws/aws-sdk-go/issues/2183"),
    ("UpdateFunctionCode", UNKNOWN, ghost, 404, NOT_FOUND, NO_FUNCTION, "like test_ops_on_nonexisting_fn"),
    ("UpdateFunctionCode", MALFORMED, {"ZipFile": b"x"}, 400, INVALID, "Could not unzip uploaded file. Please check your file, then try to upload again.", "https://github.com/boto/boto3/issues/488"),
    ("UpdateFunctionCode", CONFLICTING, {"RevisionId": "stale"}, 412, "PreconditionFailedException", STALE.format("GetFunction/GetAlias"), "test_function_revisions_basic"),
    ("UpdateFunctionCode", CONFLICTING, {"ImageUri": "image"}, 400, INVALID, "Please don't provide ImageUri when updating a function with packageType Zip.", "test_lambda_zip_file_to_image"),
    ("UpdateFunctionConfiguration", UNKNOWN, ghost, 404, NOT_FOUND, NO_FUNCTION, "like test_ops_on_nonexisting_fn"),
    ("UpdateFunctionConfiguration", UNKNOWN, {"Layers": [f"{LAMBDA}:layer:ghost:1"]}, 400, INVALID, f"Layer version {LAMBDA}:layer:ghost:1 does not exist.", "test_layer_function_exceptions"),
    ("UpdateFunctionConfiguration", CONFLICTING, {"RevisionId": "stale"}, 412, "PreconditionFailedException", STALE.format("GetFunction/GetAlias"), "test_function_revisions_basic"),
    ("UpdateFunctionConfiguration", CONFLICTING, {"ImageConfig": {"Command": ["x"]}}, 400, INVALID, "Please don't provide ImageConfig when updating a function with packageType Zip.", "not recorded; worded as test_lambda_zip_file_to_image"),
    ("UpdateFunctionConfiguration", LARGE, {"FileSystemConfigs": [GOOD_STRUCTURES["FileSystemConfigs"]] * 2}, 400, "ValidationException", TWO_FILE_SYSTEMS, "the model; how AWS prints structures is not recorded"),
    ("UpdateFunctionConfiguration", UNKNOWN, {"VpcConfig": VPC, "FileSystemConfigs": [GOOD_STRUCTURES["FileSystemConfigs"]]}, 400, INVALID, f"Access point {ACCESS_POINT} does not exist.", "not recorded"),
    ("UpdateFunctionConfiguration", CONFLICTING, {"FileSystemConfigs": [GOOD_STRUCTURES["FileSystemConfigs"]]}, 400, INVALID, OUTSIDE_VPC, "https://github.com/aws-cloudformation/cfn-lint/issues/4369"),
    ("UpdateFunctionEventInvokeConfig", MISSING, {"MaximumRetryAttempts": None}, 400, INVALID, "You must specify at least one of error handling or destination setting.", "like test_lambda_eventinvokeconfig_exceptions"),
    ("UpdateFunctionEventInvokeConfig", UNKNOWN, ghost, 404, NOT_FOUND, "The function doesn't exist.", "test_lambda_eventinvokeconfig_exceptions"),
    ("UpdateFunctionEventInvokeConfig", UNKNOWN, {"FunctionName": "bare"}, 404, NOT_FOUND, no_config(f"{LAMBDA}:function:bare:$LATEST"), "test_lambda_eventinvokeconfig_exceptions"),
    ("UpdateFunctionEventInvokeConfig", CONFLICTING, qualified, 400, INVALID, DERIVED, "like test_lambda_eventinvokeconfig_exceptions"),
    ("UpdateFunctionUrlConfig", UNKNOWN, ghost, 404, NOT_FOUND, "Function does not exist", "test_url_config_exceptions"),
    ("UpdateFunctionUrlConfig", UNKNOWN, {"FunctionName": "bare"}, 404, NOT_FOUND, NOTHING, "test_url_config_exceptions"),
    ("UpdateFunctionUrlConfig", CONFLICTING, qualified, 400, INVALID, DERIVED, "test_url_config_exceptions"),
]


@pytest.mark.parametrize(
    "operation,kind,changes,status,code,text,source", RECORDINGS, ids=lambda value: value if value in KINDS or value in COVERED else "")
def test_what_aws_is_recorded_to_refuse_is_refused(world, operation, kind, changes, status, code, text, source):
    assert source
    answer = Request(operation, {**GOOD[operation], **changes}).send(world)
    assert answer[:2] == (status, code), answer
    assert message(answer[2]) == (text and text.replace("{digest}", world.digest))


# MARK: Is anything left out?

# Kinds of arguments that an operation cannot have, and why.
IMPOSSIBLE = {
    ("CreateCodeSigningConfig", UNKNOWN): "it names nothing that is in Lambda; AWS Signer's profiles are not looked up",
    ("CreateCodeSigningConfig", CONFLICTING): "any values go together, and names are not chosen by the caller",
    ("DeleteCodeSigningConfig", CONFLICTING): "the one argument; one that is in use is tested below",
    ("GetAccountSettings", MISSING): "it takes no argument",
    ("GetAccountSettings", MALFORMED): "it takes no argument",
    ("GetAccountSettings", LARGE): "it takes no argument",
    ("GetAccountSettings", UNKNOWN): "it takes no argument",
    ("GetAccountSettings", CONFLICTING): "it takes no argument",
    ("GetCodeSigningConfig", CONFLICTING): "the one argument has but one spelling",
    ("ListCodeSigningConfigs", MISSING): "both arguments may be left out",
    ("ListCodeSigningConfigs", UNKNOWN): "it names nothing",
    ("ListCodeSigningConfigs", CONFLICTING): "a page's begin and its size go together always",
    ("ListFunctions", MISSING): "every argument may be left out",
    ("ListFunctions", UNKNOWN): "it names nothing",
    ("ListFunctions", CONFLICTING): "filters go together always",
    ("ListFunctionsByCodeSigningConfig", CONFLICTING): "a page's begin and its size go together always",
    ("ListLayers", MISSING): "every argument may be left out",
    ("ListLayers", UNKNOWN): "it names nothing",
    ("ListLayers", CONFLICTING): "filters go together always",
    ("PublishLayerVersion", UNKNOWN): "a new layer may have any name",
    ("UpdateCodeSigningConfig", CONFLICTING): "any values go together",
}


@pytest.mark.parametrize("operation", COVERED)
def test_every_operation_has_every_kind(operation):
    tested = {case.kind for case in MODELLED if case.operation == operation}
    tested |= {row[1] for row in RECORDINGS if row[0] == operation}
    tested |= {MISSING for row in LABELS if row[0] == operation} | {MALFORMED for row in BODIES if row[0] == operation}
    excused = {kind for name, kind in IMPOSSIBLE if name == operation}
    assert tested | excused == set(KINDS)
    assert not tested & excused


def test_a_code_signing_configuration_in_use_stays(world):
    """localstack's recorded test_function_code_signing_config deletes it only after its last use."""
    status, code, _ = Request("DeleteCodeSigningConfig", {"CodeSigningConfigArn": world.signing}).send(world)
    assert (status, code) == (409, CONFLICT)
