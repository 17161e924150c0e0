"""The members of every operation's answer: exactly those that AWS gives in the same state, none of them null.

Which those are is read off localstack's recordings of AWS's answers; the test of each is named beside them. Where there
is no recording of an operation, its members are those that botocore's model and AWS's reference page have.
"""

import json

import pytest

from conftest import Server, let_role_send
from lambda_api import COVERED, MODEL, Request
from lambda_tour import WHOLE, walk

CONFIGURATION = (
    "FunctionName FunctionArn Runtime Role Handler CodeSize Description Timeout MemorySize LastModified CodeSha256 Version "
    "DeadLetterConfig.TargetArn Environment.Variables TracingConfig.Mode RevisionId PackageType Architectures "
    "EphemeralStorage.Size SnapStart.ApplyOn SnapStart.OptimizationStatus LoggingConfig.LogFormat "
    "LoggingConfig.ApplicationLogLevel LoggingConfig.SystemLogLevel LoggingConfig.LogGroup")
LAYERS = " Layers.Arn Layers.CodeSize"
SETTLED = " State LastUpdateStatus RuntimeVersionConfig.RuntimeVersionArn"
UPDATING = SETTLED + " LastUpdateStatusReason LastUpdateStatusReasonCode"
PENDING = " State StateReason StateReasonCode RuntimeVersionConfig.RuntimeVersionArn"
ALIAS = "AliasArn Name FunctionVersion Description RevisionId"
SIGNING = (
    "CodeSigningConfigId CodeSigningConfigArn Description AllowedPublishers.SigningProfileVersionArns "
    "CodeSigningPolicies.UntrustedArtifactOnDeployment LastModified")
INVOKE_CONFIG = (
    "LastModified FunctionArn MaximumRetryAttempts MaximumEventAgeInSeconds DestinationConfig.OnSuccess "
    "DestinationConfig.OnFailure.Destination")
URL = "FunctionUrl FunctionArn AuthType Cors.AllowOrigins Cors.MaxAge CreationTime"
PROVISIONED = (
    "RequestedProvisionedConcurrentExecutions AvailableProvisionedConcurrentExecutions "
    "AllocatedProvisionedConcurrentExecutions Status LastModified")
LISTED_LAYER = (
    "LayerVersionArn Version Description CreatedDate CompatibleRuntimes LicenseInfo CompatibleArchitectures")
LAYER = f"{LISTED_LAYER} LayerArn Content.Location Content.CodeSha256 Content.CodeSize"


def under(prefix, names):
    return " ".join(f"{prefix}.{name}" for name in names.split())


# The members of the answer, as paths through structures and lists, and where they are from.
MEMBERS = {
    "AddLayerVersionPermission": ("Statement RevisionId", "test_layer_policy_lifecycle"),
    "AddPermission": ("Statement", "test_add_lambda_permission_aws"),
    "CreateAlias": (ALIAS, "test_alias_lifecycle"),
    "CreateCodeSigningConfig": (under("CodeSigningConfig", SIGNING), "test_function_code_signing_config"),
    "CreateFunction": (CONFIGURATION + PENDING, "test_publish_version_on_create, test_function_advanced_logging_configuration"),
    "CreateFunctionUrlConfig": (URL, "test_url_config_lifecycle"),
    "DeleteAlias": ("", "test_alias_lifecycle"),
    "DeleteCodeSigningConfig": ("", "test_function_code_signing_config"),
    "DeleteFunction": ("", "test_function_lifecycle"),
    "DeleteFunctionCodeSigningConfig": ("", "test_function_code_signing_config"),
    "DeleteFunctionConcurrency": ("", "test_function_concurrency"),
    "DeleteFunctionEventInvokeConfig": ("", "test_lambda_eventinvokeconfig_lifecycle"),
    "DeleteFunctionUrlConfig": ("", "test_url_config_lifecycle"),
    "DeleteLayerVersion": ("", "test_layer_lifecycle"),
    "DeleteProvisionedConcurrencyConfig": ("", "test_lambda_provisioned_lifecycle"),
    "GetAccountSettings": (
        under("AccountLimit", "TotalCodeSize CodeSizeUnzipped CodeSizeZipped ConcurrentExecutions UnreservedConcurrentExecutions")
        + " AccountUsage.TotalCodeSize AccountUsage.FunctionCount", "test_account_settings"),
    "GetAlias": (ALIAS, "test_alias_lifecycle"),
    "GetCodeSigningConfig": (under("CodeSigningConfig", SIGNING), "test_function_code_signing_config"),
    "GetFunction": (
        under("Configuration", CONFIGURATION + LAYERS + SETTLED)
        + " Code.RepositoryType Code.Location Tags Concurrency.ReservedConcurrentExecutions",
        "test_function_lifecycle, test_tag_lifecycle, test_layer_lifecycle; Concurrency: test_lambda_concurrency_update"),
    "GetFunctionCodeSigningConfig": ("CodeSigningConfigArn FunctionName", "test_function_code_signing_config"),
    "GetFunctionConcurrency": ("ReservedConcurrentExecutions", "test_function_concurrency"),
    "GetFunctionConfiguration": (CONFIGURATION + SETTLED, "test_version_lifecycle"),
    "GetFunctionEventInvokeConfig": (INVOKE_CONFIG, "test_lambda_eventinvokeconfig_lifecycle"),
    "GetFunctionRecursionConfig": ("RecursiveLoop", "test_put_function_recursion_config_allow"),
    "GetFunctionUrlConfig": (f"{URL} LastModifiedTime InvokeMode", "test_url_config_lifecycle"),
    "GetLayerVersion": (LAYER, "test_layer_lifecycle"),
    "GetLayerVersionByArn": (LAYER, "test_layer_lifecycle"),
    "GetLayerVersionPolicy": ("Policy RevisionId", "test_layer_policy_lifecycle"),
    "GetPolicy": ("Policy RevisionId", "test_add_lambda_permission_aws"),
    "GetProvisionedConcurrencyConfig": (PROVISIONED, "test_provisioned_concurrency"),
    "GetRuntimeManagementConfig": ("UpdateRuntimeOn FunctionArn", "the model; RuntimeVersionArn is for Manual"),
    "ListAliases": (under("Aliases", ALIAS), "test_alias_lifecycle"),
    "ListCodeSigningConfigs": (under("CodeSigningConfigs", SIGNING), "test_function_code_signing_config"),
    "ListFunctionEventInvokeConfigs": (under("FunctionEventInvokeConfigs", INVOKE_CONFIG), "test_lambda_eventinvokeconfig_lifecycle"),
    "ListFunctionUrlConfigs": (under("FunctionUrlConfigs", f"{URL} LastModifiedTime InvokeMode"), "test_url_config_list_paging"),
    "ListFunctions": (under("Functions", CONFIGURATION + LAYERS), "test_list_functions"),
    "ListFunctionsByCodeSigningConfig": ("FunctionArns", "test_function_code_signing_config"),
    "ListLayerVersions": (under("LayerVersions", LISTED_LAYER), "test_layer_lifecycle"),
    "ListLayers": (
        "Layers.LayerName Layers.LayerArn " + under("Layers.LatestMatchingVersion", LISTED_LAYER), "test_layer_lifecycle"),
    "ListProvisionedConcurrencyConfigs": (
        under("ProvisionedConcurrencyConfigs", f"{PROVISIONED} FunctionArn"), "the model"),
    "ListTags": ("Tags", "test_tag_lifecycle"),
    "ListVersionsByFunction": (under("Versions", CONFIGURATION + LAYERS), "test_version_lifecycle"),
    "PublishLayerVersion": (LAYER, "test_layer_lifecycle"),
    "PublishVersion": (CONFIGURATION + LAYERS + SETTLED, "test_version_lifecycle"),
    "PutFunctionCodeSigningConfig": ("CodeSigningConfigArn FunctionName", "test_function_code_signing_config"),
    "PutFunctionConcurrency": ("ReservedConcurrentExecutions", "test_function_concurrency"),
    "PutFunctionEventInvokeConfig": (INVOKE_CONFIG, "test_lambda_eventinvokeconfig_lifecycle"),
    "PutFunctionRecursionConfig": ("RecursiveLoop", "test_put_function_recursion_config_allow"),
    "PutProvisionedConcurrencyConfig": (PROVISIONED, "test_lambda_provisioned_lifecycle"),
    "PutRuntimeManagementConfig": ("UpdateRuntimeOn FunctionArn", "the model; RuntimeVersionArn is for Manual"),
    "RemoveLayerVersionPermission": ("", "test_layer_policy_lifecycle"),
    "RemovePermission": ("", "test_remove_multi_permissions"),
    "TagResource": ("", "test_tag_lifecycle"),
    "UntagResource": ("", "test_tag_lifecycle"),
    "UpdateAlias": (ALIAS, "test_alias_lifecycle"),
    "UpdateCodeSigningConfig": (under("CodeSigningConfig", SIGNING), "test_function_code_signing_config"),
    "UpdateFunctionCode": (CONFIGURATION + LAYERS + UPDATING, "test_function_lifecycle"),
    "UpdateFunctionConfiguration": (CONFIGURATION + LAYERS + UPDATING, "test_function_lifecycle, test_layer_lifecycle"),
    "UpdateFunctionEventInvokeConfig": (INVOKE_CONFIG, "test_lambda_eventinvokeconfig_lifecycle"),
    "UpdateFunctionUrlConfig": (f"{URL} LastModifiedTime", "test_lambda_update_function_url_config"),
}
# What these answer is not a document of members: their own tests look at it.
WITHOUT_MEMBERS = {
    "Invoke": "the function's own payload: test_invoke.py",
    "InvokeAsync": "no body: test_async.py",
    "InvokeWithResponseStream": "an event stream: test_streaming.py",
    "GetFunctionScalingConfig": "refused for functions without a capacity provider: test_bad_input.py",
    "PutFunctionScalingConfig": "refused for functions without a capacity provider: test_bad_input.py",
}
# As recorded in test_function_lifecycle: the model says 200.
STATUSES = {"DeleteFunction": 204}
MAPS = {"Tags", "Variables", "AdditionalVersionWeights"}


@pytest.fixture(scope="module")
def answers():
    """Status, code and document of each operation of the tour."""
    server = let_role_send(Server().start())
    try:
        yield walk(WHOLE, server.client(), lambda operation, parameters: Request(operation, parameters).send(server))
    finally:
        server.close()


def paths(value, path=""):
    """The members of a document as paths; a map and an empty structure or list are members themselves."""
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from [path + name] if name in MAPS else paths(member, f"{path}{name}.")
    elif isinstance(value, list) and value:
        for element in value:
            yield from paths(element, path)
    elif path:
        yield path.rstrip(".")


def test_every_operation_is_here():
    assert set(MEMBERS) | set(WITHOUT_MEMBERS) == set(COVERED) and not set(MEMBERS) & set(WITHOUT_MEMBERS)


@pytest.mark.parametrize("operation", MEMBERS)
def test_an_answer_has_awss_members_and_no_others(answers, operation):
    status, code, document = answers[operation]
    assert code is None, document
    assert status == STATUSES.get(operation, MODEL.operation_model(operation).http["responseCode"])
    names, source = MEMBERS[operation]
    assert source
    assert set(paths(document)) == set(names.split())
    assert "null" not in json.dumps(document) or document is None
