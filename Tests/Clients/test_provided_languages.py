"""The examples, built with the tools that this machine has, deployed and invoked as a user would."""

import json
import os
import shutil
import subprocess

import pytest

from conftest import APUS, ROOT

# What each example answers to {"name": "Ada"}.
GREETING = {"statusCode": 200, "body": "Hello, Ada"}
ANSWERS = {
    "python": GREETING,
    "nodejs": GREETING,
    "ruby": GREETING,
    "java": GREETING,
    "powershell": GREETING,
    "go": GREETING,
    "swift": GREETING,
    "rust": {"statusCode": 200, "body": "Hello from Rust", "event": {"name": "Ada"}},
    "cpp": {"statusCode": 200, "body": "Hello from C++", "event": {"name": "Ada"}},
}


def build(language, out):
    """Runs the script behind `make examples`; skips the test when it says that a tool is missing."""
    ended = subprocess.run(
        [ROOT / "Scripts/build-examples", language], capture_output=True, text=True, timeout=600,
        env={**os.environ, "APUS_EXAMPLES": str(out)})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    if "SKIPPED" in ended.stdout:
        pytest.skip(ended.stdout.splitlines()[0])
    return out / f"hello-{language}"


@pytest.mark.parametrize("language", ANSWERS)
def test_hello(server, lambda_client, name, language, tmp_path):
    built = build(language, tmp_path)
    deployed = server.run(APUS, "deploy", built, "--name", name)
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    for _ in range(3):
        answer = lambda_client.invoke(FunctionName=name, Payload='{"name": "Ada"}', LogType="Tail")
        payload = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer and payload == ANSWERS[language]
    logged = server.run(APUS, "logs", name)
    assert logged.stdout.count("Greeting") == 3, logged.stdout
    lambda_client.delete_function(FunctionName=name)


def test_a_language_without_tools_is_skipped_aloud(tmp_path):
    ended = subprocess.run(
        [ROOT / "Scripts/build-examples", "python", "go"], capture_output=True, text=True,
        env={"PATH": bare(tmp_path), "APUS_EXAMPLES": str(tmp_path / "out")})
    assert ended.returncode == 0, ended.stderr
    assert "SKIPPED  go: there is no go" in ended.stdout and ended.stdout.endswith("1 built, 1 skipped\n")


def bare(tmp_path):
    """A PATH with the few programs that the script itself needs."""
    place = tmp_path / "bin"
    place.mkdir()
    for program in ["bash", "cp", "dirname", "mkdir", "rm", "rmdir"]:
        (place / program).symlink_to(shutil.which(program))
    return str(place)


def test_an_unknown_language_is_an_error():
    ended = subprocess.run([ROOT / "Scripts/build-examples", "cobol"], capture_output=True, text=True)
    assert ended.returncode == 2 and "cobol" in ended.stderr
