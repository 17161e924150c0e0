"""LoggingConfig: JSON logs, their levels, and groups of one's own. Expectations: developer guide, "Configuring advanced
logging controls for Lambda functions"."""

import json

import pytest
from botocore.exceptions import ClientError
from conftest import ROLE, wait_until, zip_of

PYTHON = """
import logging
log = logging.getLogger()
def handler(event, context):
    log.debug("quiet")
    log.warning("loud")
    print("plain")
    print('{"timestamp":"2026-01-01T00:00:00Z","level":"DEBUG","message":"own quiet"}')
    print('{"timestamp":"2026-01-01T00:00:00Z","level":"ERROR","message":"own loud"}')
    return 1
"""
NODE = "export const handler = async () => { console.debug('quiet'); console.warn('loud'); return 1 }"


@pytest.fixture(scope="module", autouse=True)
def supported(lambda_client):
    """Skips where the control plane takes no LoggingConfig."""
    try:
        lambda_client.create_function(
            FunctionName="logging-probe", Role=ROLE, Runtime="python3.11", Handler="app.handler",
            Code={"ZipFile": zip_of({"app.py": PYTHON})}, LoggingConfig={"LogFormat": "JSON"})
    except ClientError as error:
        pytest.skip(f"LoggingConfig is refused: {error}")
    lambda_client.delete_function(FunctionName="logging-probe")


def messages(server, group, ending):
    logs = server.client("logs")

    def lines():
        try:
            events = logs.filter_log_events(logGroupName=group)["events"]
        except logs.exceptions.ResourceNotFoundException:
            return None
        found = [event["message"].rstrip("\n") for event in events]
        return found if any(ending in line for line in found) else None

    return wait_until(lines, what=ending)


def objects(lines):
    return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.mark.parametrize("language, source", [("python", PYTHON), ("node", NODE)])
def test_json_logs(server, lambda_client, deploy, language, source):
    function = deploy(**{language: source}, LoggingConfig={"LogFormat": "JSON"})
    assert lambda_client.invoke(FunctionName=function)["StatusCode"] == 200
    lines = messages(server, "/aws/lambda/" + function, "platform.report")
    found = objects(lines)
    assert [o["type"] for o in found if "type" in o] == ["platform.initStart", "platform.start", "platform.report"]
    assert [o["message"] for o in found if "message" in o] == (["loud", "own loud"] if language == "python" else ["loud"])
    assert ("plain" in lines) == (language == "python")
    report = found[-1]["record"]
    assert report["status"] == "success"
    assert set(report["metrics"]) == {
        "durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "initDurationMs"
    }


def test_levels(server, lambda_client, deploy):
    config = {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "SystemLogLevel": "DEBUG"}
    function = deploy(python=PYTHON, LoggingConfig=config)
    lambda_client.invoke(FunctionName=function)
    found = objects(messages(server, "/aws/lambda/" + function, "platform.report"))
    assert "platform.runtimeDone" in [o.get("type") for o in found]
    assert [o["message"] for o in found if "message" in o] == ["quiet", "loud", "own quiet", "own loud"]


def test_a_group_of_ones_own(server, lambda_client, deploy, name):
    function = deploy(python=PYTHON, LoggingConfig={"LogFormat": "Text", "LogGroup": "/mine/" + name})
    lambda_client.invoke(FunctionName=function)
    lines = messages(server, "/mine/" + name, "REPORT RequestId")
    assert "plain" in lines
