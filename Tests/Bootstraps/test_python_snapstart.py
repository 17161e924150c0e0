"""SnapStart in our Python bootstrap, beside AWS's own client (awslambdaric): which hooks run when, and what fails how."""

import pytest
from conftest import PYTHONS
from mock_runtime import BOOTSTRAPS, Event, run
from test_python_judge import log, seen

SNAP_START = {"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}

ORDER = """
from snapshot_restore_py import register_before_snapshot, register_after_restore
order = []
@register_before_snapshot
def first(): order.append("before 1")
@register_before_snapshot
def second():
    order.append("before 2")
    register_before_snapshot(order.append, "before 3")
register_after_restore(lambda *a, **k: order.append(["after 1", a, k]), 1, key=2)
@register_after_restore
def later():
    order.append("after 2")
    register_after_restore(order.append, "after 3")
print("loaded")
def handler(e, c):
    return [order, first.__name__, c.log_stream_name, c.log_group_name]
"""
CASES = {
    "no hooks": "def handler(e, c): return 'plain'",
    "order": ORDER,
    "before fails": ORDER + "\nregister_before_snapshot(lambda: 1 / 0)",
    "before exits": "import sys\n" + ORDER + "\nregister_before_snapshot(sys.exit, 7)",
    "after fails": ORDER + "\n@register_after_restore\ndef bad(): raise ValueError('no connection')",
    "after exits": "import sys\n" + ORDER + "\nregister_after_restore(sys.exit, 7)",
    "hooks print": ORDER + "\nregister_before_snapshot(print, 'b')\nregister_after_restore(print, 'a')",
    "init fails": ORDER + "\n1 / 0",
}


def without_client(seen):
    """Both clients may have frames of their own below a hook, and AWS's names no content type for `restore/error`."""
    posts, status = seen
    for _, _, _, document in posts:
        if isinstance(document, dict):
            document["stackTrace"] = [
                frame for frame in document["stackTrace"] if "awslambdaric" not in frame and "bootstrap.py" not in frame]
    return [(path, kind if path == "/init/error" else None, *rest) for path, kind, *rest in posts], status


@pytest.mark.parametrize("name", CASES)
def test_hooks_equal_awslambdaric(judges, python_minor, tmp_path, name):
    judge, python = judges(python_minor), PYTHONS[python_minor]
    env = {**SNAP_START, "AWS_EXECUTION_ENV": "AWS_Lambda_python3." + python_minor,
           "AWS_LAMBDA_LOG_STREAM_NAME": None, "AWS_LAMBDA_LOG_GROUP_NAME": None}
    results = []
    for side, command, more in [
        ("a", [python, str(BOOTSTRAPS / "bootstrap.py")], {"LAMBDA_RUNTIME_DIR": str(BOOTSTRAPS)}),
        ("b", [python, "-m", "awslambdaric", "app.handler"], {"PYTHONPATH": str(judge)}),
    ]:
        task = tmp_path / side / "task"
        task.mkdir(parents=True)
        results.append(run(command, task, {"app.py": CASES[name]}, events=[Event()], env={**env, **more}))
    ours, theirs = results
    assert without_client(seen(ours, tmp_path)) == without_client(seen(theirs, tmp_path)), ours.output
    assert ours.restores == theirs.restores == (0 if "before" in name or name == "init fails" else 1)
    assert log(ours, tmp_path).splitlines()[:1] == log(theirs, tmp_path).splitlines()[:1]


def test_a_function_may_bring_the_package(judges, python_minor, tmp_path):
    """The package that AWS's client depends on, in the function's own code."""
    package = (judges(python_minor) / "snapshot_restore_py.py").read_text()
    files = {"app.py": ORDER.replace("return [", "import snapshot_restore_py as s; return [s.__author__, "),
             "snapshot_restore_py.py": package}
    command = [PYTHONS[python_minor], str(BOOTSTRAPS / "bootstrap.py")]
    result = run(command, tmp_path, files, env={**SNAP_START, "LAMBDA_RUNTIME_DIR": str(BOOTSTRAPS)})
    assert result.only.body[0] == "Amazon Web Services"
    assert result.only.body[1][:2] == ["before 2", "before 3"], result.output


@pytest.mark.parametrize("path", [None, "/nonexistent"])
def test_without_snap_start_no_hook_runs(python_minor, tmp_path, ahead, path):
    command = [PYTHONS[python_minor], str(BOOTSTRAPS / "bootstrap.py")]
    env = {"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "LAMBDA_RUNTIME_DIR": str(BOOTSTRAPS), "PYTHONPATH": path}
    result = run(command, tmp_path, {"app.py": ORDER}, env=env, ahead=ahead and path is None)
    assert result.only.body[:2] == [[], "first"], result.output
    assert result.restores == 0


def test_started_ahead(python_minor, tmp_path):
    command = [PYTHONS[python_minor], str(BOOTSTRAPS / "bootstrap.py")]
    result = run(
        command, tmp_path, {"app.py": ORDER}, env={**SNAP_START, "LAMBDA_RUNTIME_DIR": str(BOOTSTRAPS)}, ahead=True)
    assert [step if isinstance(step, str) else step[0] for step in result.only.body[0]] == [
        "before 2", "before 3", "before 1", "after 1", "after 2", "after 3"]
    assert result.restores == 1
