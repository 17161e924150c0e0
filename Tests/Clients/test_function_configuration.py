"""The rest of a function's configuration, as boto3's users set it: it is answered as AWS does and survives a restart."""

import base64
import json
import os
import re
import signal


from conftest import ROLE, let_role_send, refused_with, zip_of

ECHO = "import os\ndef handler(event, context): return {k: v for k, v in os.environ.items() if k in event}"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:queue"
PROFILE = "arn:aws:signer:us-east-1:000000000000:/signing-profiles/test"
WAIT = {"Delay": 0.05, "MaxAttempts": 2000}


def members(answer):
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def update(client, function, **settings):
    answer = client.update_function_configuration(FunctionName=function, **settings)
    client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig=WAIT)
    return answer


def invoke(client, function, payload, **options):
    answer = client.invoke(FunctionName=function, Payload=json.dumps(payload), **options)
    return json.loads(answer["Payload"].read())


def test_event_invoke_configurations(deploy, lambda_client):
    function = deploy(python=ECHO)
    put = lambda_client.put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": QUEUE}})
    assert set(members(put)) == {"LastModified", "FunctionArn", "MaximumRetryAttempts", "DestinationConfig"}
    assert put["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {"Destination": QUEUE}}
    updated = lambda_client.update_function_event_invoke_config(FunctionName=function, MaximumEventAgeInSeconds=60)
    assert (updated["MaximumRetryAttempts"], updated["MaximumEventAgeInSeconds"]) == (0, 60)
    assert members(lambda_client.get_function_event_invoke_config(FunctionName=function)) == members(updated)
    lambda_client.publish_version(FunctionName=function)
    lambda_client.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    lambda_client.put_function_event_invoke_config(FunctionName=function, Qualifier="live", MaximumRetryAttempts=1)
    pages = lambda_client.get_paginator("list_function_event_invoke_configs").paginate(
        FunctionName=function, PaginationConfig={"PageSize": 1})
    found = [config["FunctionArn"].split(":")[-1] for page in pages for config in page["FunctionEventInvokeConfigs"]]
    assert found == ["$LATEST", "live"]
    lambda_client.delete_function_event_invoke_config(FunctionName=function)
    message = refused_with(
        "ResourceNotFoundException", 404, lambda_client.get_function_event_invoke_config, FunctionName=function)
    assert message.endswith(f":function:{function}:$LATEST doesn't have an EventInvokeConfig")
    refused_with("InvalidParameterValueException", 400, lambda_client.put_function_event_invoke_config,
            FunctionName=function, DestinationConfig={"OnSuccess": {"Destination": "arn:aws:iam::000000000000:role/x"}})


def test_runtime_management_and_recursion(deploy, lambda_client):
    function = deploy(python=ECHO)
    assert lambda_client.get_runtime_management_config(FunctionName=function)["UpdateRuntimeOn"] == "Auto"
    lambda_client.put_runtime_management_config(FunctionName=function, UpdateRuntimeOn="FunctionUpdate")
    assert lambda_client.get_runtime_management_config(FunctionName=function)["UpdateRuntimeOn"] == "FunctionUpdate"
    version = lambda_client.get_function_configuration(FunctionName=function)["RuntimeVersionConfig"]["RuntimeVersionArn"]
    pinned = lambda_client.put_runtime_management_config(
        FunctionName=function, UpdateRuntimeOn="Manual", RuntimeVersionArn=version)
    assert pinned["RuntimeVersionArn"] == version
    refused_with("InvalidParameterValueException", 400, lambda_client.put_runtime_management_config,
            FunctionName=function, UpdateRuntimeOn="Manual")
    assert lambda_client.get_function_recursion_config(FunctionName=function)["RecursiveLoop"] == "Terminate"
    lambda_client.put_function_recursion_config(FunctionName=function, RecursiveLoop="Allow")
    assert lambda_client.get_function_recursion_config(FunctionName=function)["RecursiveLoop"] == "Allow"
    lambda_client.publish_version(FunctionName=function)
    refused_with("AccessDeniedException", 403, lambda_client.get_function_scaling_config,
            FunctionName=function, Qualifier="1")


def test_code_signing(deploy, lambda_client, name):
    configs = {}
    for policy in ("Enforce", "Warn"):
        made = lambda_client.create_code_signing_config(
            AllowedPublishers={"SigningProfileVersionArns": [PROFILE]},
            CodeSigningPolicies={"UntrustedArtifactOnDeployment": policy}, Tags={"policy": policy})["CodeSigningConfig"]
        configs[policy] = made["CodeSigningConfigArn"]
        assert lambda_client.get_code_signing_config(
            CodeSigningConfigArn=configs[policy])["CodeSigningConfig"] == made
        assert lambda_client.list_tags(Resource=configs[policy])["Tags"] == {"policy": policy}
    code = {"ZipFile": zip_of({"app.py": ECHO})}
    message = refused_with(
        "CodeVerificationFailedException", 400, lambda_client.create_function, FunctionName=name, Role=ROLE,
        Runtime="python3.11", Handler="app.handler", Code=code, CodeSigningConfigArn=configs["Enforce"])
    assert message.startswith("Lambda cannot deploy the function.")
    function = deploy(python=ECHO, CodeSigningConfigArn=configs["Warn"])
    assert members(lambda_client.get_function_code_signing_config(FunctionName=function)) == {
        "CodeSigningConfigArn": configs["Warn"], "FunctionName": function}
    listed = lambda_client.list_functions_by_code_signing_config(CodeSigningConfigArn=configs["Warn"])["FunctionArns"]
    assert [arn.split(":")[-1] for arn in listed] == [function]
    refused_with("ResourceConflictException", 409, lambda_client.delete_code_signing_config,
            CodeSigningConfigArn=configs["Warn"])
    lambda_client.put_function_code_signing_config(FunctionName=function, CodeSigningConfigArn=configs["Enforce"])
    refused_with("CodeVerificationFailedException", 400, lambda_client.update_function_code, FunctionName=function, **code)
    lambda_client.delete_function_code_signing_config(FunctionName=function)
    lambda_client.update_function_code(FunctionName=function, **code)
    for arn in configs.values():
        lambda_client.delete_code_signing_config(CodeSigningConfigArn=arn)
    ids = {config["CodeSigningConfigArn"] for page in lambda_client.get_paginator("list_code_signing_configs").paginate()
           for config in page["CodeSigningConfigs"]}
    assert not ids & set(configs.values())


def test_an_active_trace_is_sampled(deploy, lambda_client):
    function = deploy(python="import os\ndef handler(e, c): return os.environ['_X_AMZN_TRACE_ID']",
                      TracingConfig={"Mode": "Active"})
    seen = invoke(lambda_client, function, {})
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=1.*", seen)
    update(lambda_client, function, TracingConfig={"Mode": "PassThrough"})
    assert "Sampled=0" in invoke(lambda_client, function, {})


def test_json_logs(deploy, lambda_client):
    function = deploy(python="def handler(e, c): print('words'); return 1", LoggingConfig={"LogFormat": "JSON"})
    shown = lambda_client.get_function_configuration(FunctionName=function)["LoggingConfig"]
    assert shown == {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO",
                     "LogGroup": f"/aws/lambda/{function}"}
    tail = base64.b64decode(lambda_client.invoke(FunctionName=function, LogType="Tail")["LogResult"]).decode()
    kinds = [json.loads(line).get("type") for line in tail.splitlines() if line.startswith("{")]
    assert "platform.report" in kinds, tail
    update(lambda_client, function, LoggingConfig={"LogFormat": "Text"})
    tail = base64.b64decode(lambda_client.invoke(FunctionName=function, LogType="Tail")["LogResult"]).decode()
    assert "REPORT RequestId: " in tail


def test_everything_survives_a_kill_and_no_file_holds_a_variable(own_server):
    server = let_role_send(own_server())
    client = server.client()
    secret = "hunter2-" + os.urandom(12).hex()
    client.create_function(
        FunctionName="f", Role=ROLE, Runtime="python3.11", Handler="app.handler", Publish=True,
        Code={"ZipFile": zip_of({"app.py": ECHO})}, Environment={"Variables": {"SECRET": secret}},
        DeadLetterConfig={"TargetArn": QUEUE}, TracingConfig={"Mode": "Active"},
        KMSKeyArn="arn:aws:kms:us-east-1:000000000000:key/1",
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]})
    client.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig=WAIT)
    client.put_function_event_invoke_config(FunctionName="f", Qualifier="1", MaximumRetryAttempts=1)
    client.put_runtime_management_config(FunctionName="f", UpdateRuntimeOn="FunctionUpdate")
    client.put_function_recursion_config(FunctionName="f", RecursiveLoop="Allow")

    def everything():
        shown = members(client.get_function_configuration(FunctionName="f"))
        return [
            {name: shown.get(name) for name in
             ("Environment", "DeadLetterConfig", "TracingConfig", "KMSKeyArn", "VpcConfig", "RevisionId")},
            members(client.get_function_event_invoke_config(FunctionName="f", Qualifier="1")),
            members(client.get_runtime_management_config(FunctionName="f")),
            members(client.get_function_recursion_config(FunctionName="f")),
        ]

    before = everything()
    assert before[0]["Environment"] == {"Variables": {"SECRET": secret}}
    assert before[0]["VpcConfig"] == {
        "SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"], "VpcId": "", "Ipv6AllowedForDualStack": False}
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(60)
    files = [path for path in server.data.rglob("*") if path.is_file() and not path.is_symlink()]
    assert any(path.name.startswith("apus.db") for path in files)
    assert [str(path) for path in files if secret.encode() in path.read_bytes()] == []
    assert (server.data / "variables.key").stat().st_mode & 0o777 == 0o600
    server.start()
    client = server.client()
    assert everything() == before
    assert invoke(client, "f", ["SECRET"]) == {"SECRET": secret}
    assert invoke(client, "f", ["SECRET"], Qualifier="1") == {"SECRET": secret}
