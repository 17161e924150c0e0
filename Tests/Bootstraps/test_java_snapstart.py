"""SnapStart in the Java bootstrap. Expectations: what AWS's own client (aws-lambda-java-libs, AWSLambda and its package
crac) does, and the developer guide's page about runtime hooks for Java. org.crac itself is not here: example.Hooked uses
what it would use."""

import pytest
from mock_runtime import Event
from test_java import java  # noqa: F401

SNAP_START = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}
FORGOTTEN = "nobody holds this"


def test_hooks_run_around_the_snapshot(java):
    result = java("example.Hooked", [Event()], env=SNAP_START)
    steps = [step for step in result.only.body if FORGOTTEN not in step]
    assert steps == ["init", "beforeCheckpoint two", "beforeCheckpoint one", "afterRestore one", "afterRestore two",
                     "UnsupportedOperationException"], result.output
    assert result.restores == 1


def test_without_snap_start_no_hook_runs(java):
    result = java("example.Hooked", [Event()], env={"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"})
    assert result.only.body == ["init", "UnsupportedOperationException"]
    assert result.restores == 0


def test_what_nobody_holds_is_not_kept(java):
    """The garbage is collected before the snapshot is taken, so it cannot be there afterwards."""
    result = java("example.Hooked", [Event()], env=SNAP_START)
    assert f"afterRestore {FORGOTTEN}" not in result.only.body


@pytest.mark.parametrize("failing, path, kind, error, restores", [
    ("beforeCheckpoint one", "/init/error", "Runtime.BeforeCheckpointError", "CheckpointException", 0),
    ("afterRestore one", "/restore/error", "Runtime.AfterRestoreError", "RestoreException", 1),
])
def test_a_hook_that_fails(java, failing, path, kind, error, restores):
    result = java("example.Hooked", [], env={**SNAP_START, "FAILING": failing})
    assert (result.status, result.restores) == (64, restores)
    assert (result.only.path, result.only.error_type) == (path, kind)
    assert result.only.body["errorType"] == "com.amazonaws.services.lambda.crac." + error
    # The others run all the same.
    assert failing.replace("one", "two") in result.output
    assert "java.lang.IllegalStateException: cannot " + failing in result.output


def test_a_handler_without_hooks(java):
    result = java("example.Cases$Greeting", [Event({"name": "you"})], env=SNAP_START)
    assert result.only.body == "Hello, you 1!"
    assert result.restores == 1
