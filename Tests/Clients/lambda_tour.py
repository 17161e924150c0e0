"""A tour of Lambda's API that calls every operation once, in an order that works.

A phase is a list of calls that do not wait for each other. The clients' tests walk it: each in its own way.
"""

from conftest import ROLE, wait_until, zip_of

LAMBDA = "arn:aws:lambda:us-east-1:000000000000"
PROFILE = "arn:aws:signer:us-east-1:000000000000:/signing-profiles/test"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:queue"
CODE = zip_of({"app.py": "def handler(event, context): return event"})
F = {"FunctionName": "tour"}
ALIAS = {**F, "Name": "live"}
LIVE = {**F, "Qualifier": "live"}
LAYER = {"LayerName": "tour", "VersionNumber": 1}
RESOURCE = {"Resource": f"{LAMBDA}:function:tour"}
# What `walk` puts in the place of: the ARN of the code signing configuration that the tour makes.
SIGNING = {"CodeSigningConfigArn": "$signing"}

MAKE = [
    [("CreateFunction", {
        **F, "Role": ROLE, "Runtime": "python3.11", "Handler": "app.handler", "Code": {"ZipFile": CODE}, "Publish": True,
        "Description": "a tour", "Timeout": 10, "MemorySize": 256, "Environment": {"Variables": {"KEY": "value"}},
        "Tags": {"team": "swifts"}, "LoggingConfig": {"LogFormat": "JSON"}, "TracingConfig": {"Mode": "Active"},
        "DeadLetterConfig": {"TargetArn": QUEUE}})],
    [
        ("CreateAlias", {**ALIAS, "FunctionVersion": "1", "Description": "an alias"}),
        ("CreateCodeSigningConfig", {
            "Description": "signed", "AllowedPublishers": {"SigningProfileVersionArns": [PROFILE]},
            "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Warn"}, "Tags": {"team": "swifts"}}),
        ("CreateFunctionUrlConfig", {**F, "AuthType": "AWS_IAM", "Cors": {"AllowOrigins": ["*"], "MaxAge": 60}}),
        ("AddPermission", {
            **F, "StatementId": "s3", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com",
            "SourceArn": "arn:aws:s3:::bucket"}),
        ("PublishLayerVersion", {
            "LayerName": "tour", "Content": {"ZipFile": CODE}, "Description": "a layer", "LicenseInfo": "MIT",
            "CompatibleRuntimes": ["python3.11"], "CompatibleArchitectures": ["x86_64"]}),
        ("PutFunctionConcurrency", {**F, "ReservedConcurrentExecutions": 5}),
        ("PutFunctionEventInvokeConfig", {
            **F, "MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 60,
            "DestinationConfig": {"OnFailure": {"Destination": QUEUE}}}),
        ("PutFunctionRecursionConfig", {**F, "RecursiveLoop": "Allow"}),
        ("PutRuntimeManagementConfig", {**F, "UpdateRuntimeOn": "FunctionUpdate"}),
        ("TagResource", {**RESOURCE, "Tags": {"tour": "yes"}}),
    ],
    [
        ("AddLayerVersionPermission", {
            **LAYER, "StatementId": "all", "Action": "lambda:GetLayerVersion", "Principal": "*"}),
        ("PutFunctionCodeSigningConfig", {**F, **SIGNING}),
        ("PutProvisionedConcurrencyConfig", {**LIVE, "ProvisionedConcurrentExecutions": 1}),
        ("UpdateFunctionConfiguration", {**F, "Layers": [f"{LAMBDA}:layer:tour:1"]}),
    ],
]

READ = [[
    ("GetAccountSettings", {}),
    ("GetAlias", ALIAS),
    ("GetCodeSigningConfig", SIGNING),
    ("GetFunction", F),
    ("GetFunctionCodeSigningConfig", F),
    ("GetFunctionConcurrency", F),
    ("GetFunctionConfiguration", LIVE),
    ("GetFunctionEventInvokeConfig", F),
    ("GetFunctionRecursionConfig", F),
    ("GetFunctionUrlConfig", F),
    ("GetLayerVersion", LAYER),
    ("GetLayerVersionByArn", {"Arn": f"{LAMBDA}:layer:tour:1"}),
    ("GetLayerVersionPolicy", LAYER),
    ("GetPolicy", F),
    ("GetProvisionedConcurrencyConfig", LIVE),
    ("GetRuntimeManagementConfig", F),
    ("ListAliases", F),
    ("ListCodeSigningConfigs", {}),
    ("ListFunctionEventInvokeConfigs", F),
    ("ListFunctionUrlConfigs", F),
    ("ListFunctions", {}),
    ("ListFunctionsByCodeSigningConfig", SIGNING),
    ("ListLayerVersions", {"LayerName": "tour"}),
    ("ListLayers", {}),
    ("ListProvisionedConcurrencyConfigs", F),
    ("ListTags", RESOURCE),
    ("ListVersionsByFunction", F),
]]

CHANGE = [
    [
        ("Invoke", {**F, "Payload": b'{"a": 1}', "LogType": "Tail"}),
        ("InvokeAsync", {**F, "InvokeArgs": b"{}"}),
        ("InvokeWithResponseStream", {**F, "Payload": b"{}"}),
        ("GetFunctionScalingConfig", {**F, "Qualifier": "1"}),
        ("PutFunctionScalingConfig", {**F, "Qualifier": "1"}),
        ("UpdateAlias", {**ALIAS, "Description": "changed"}),
        ("UpdateCodeSigningConfig", {**SIGNING, "Description": "changed"}),
        ("UpdateFunctionEventInvokeConfig", {**F, "MaximumRetryAttempts": 2}),
        ("UpdateFunctionUrlConfig", {**F, "AuthType": "NONE"}),
        ("UpdateFunctionCode", {**F, "ZipFile": CODE}),
    ],
    [("PublishVersion", {**F, "Description": "the second"})],
]

REMOVE = [
    [("DeleteProvisionedConcurrencyConfig", LIVE)],
    [
        ("RemovePermission", {**F, "StatementId": "s3"}),
        ("RemoveLayerVersionPermission", {**LAYER, "StatementId": "all"}),
        ("DeleteFunctionUrlConfig", F),
        ("DeleteFunctionEventInvokeConfig", F),
        ("DeleteFunctionConcurrency", F),
        ("DeleteFunctionCodeSigningConfig", F),
        ("DeleteAlias", ALIAS),
        ("UntagResource", {**RESOURCE, "TagKeys": ["tour"]}),
    ],
    [("DeleteCodeSigningConfig", SIGNING), ("DeleteLayerVersion", LAYER), ("DeleteFunction", F)],
]

WHOLE = MAKE + READ + CHANGE + REMOVE
# What is not done here, nor on AWS for a function without a capacity provider.
REFUSED = {
    "GetFunctionScalingConfig": "AccessDeniedException",
    "PutFunctionScalingConfig": "AccessDeniedException"}


def walk(phases, client, call, pool=None):
    """Calls what the phases have, by `call(operation, parameters)`, and waits between phases until the function has
    settled. Each phase's calls run on the pool, if there is one. Returns the answers by operation."""
    answers = {}
    for phase in phases:
        configs = client.list_code_signing_configs()["CodeSigningConfigs"]
        known = {"$signing": configs[-1]["CodeSigningConfigArn"]} if configs else {}
        steps = [(operation, {name: known.get(value, value) if isinstance(value, str) else value
                              for name, value in parameters.items()}) for operation, parameters in phase]
        results = (pool.map if pool else map)(lambda step: call(*step), steps)
        answers.update({operation: answer for (operation, _), answer in zip(steps, results)})
        wait_until(lambda: settled(client), what="the function's update")
    return answers


def settled(client):
    """Whether nothing is being put in place. A function that is gone has settled too."""
    try:
        shown = client.get_function_configuration(FunctionName="tour")
        ahead = client.list_provisioned_concurrency_configs(FunctionName="tour")["ProvisionedConcurrencyConfigs"]
    except client.exceptions.ResourceNotFoundException:
        return True
    return (shown["State"] == "Active" and shown["LastUpdateStatus"] == "Successful"
            and all(config["Status"] != "IN_PROGRESS" for config in ahead))

