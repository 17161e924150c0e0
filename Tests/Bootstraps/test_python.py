"""The Python bootstrap, without AWS's client beside it."""

import json
import subprocess

import pytest
from conftest import PYTHONS
from mock_runtime import BOOTSTRAPS, REQUEST_ID, Event, run

FIRST = REQUEST_ID % 0


@pytest.fixture
def python(python_minor, tmp_path, origin):
    def invoke(files, handler="app.handler", events=(Event(),), env=None, script=BOOTSTRAPS / "bootstrap.py", **more):
        if isinstance(files, str):
            files = {"app.py": files}
        task = tmp_path / "task"
        task.mkdir(exist_ok=True)
        env = {"AWS_EXECUTION_ENV": "AWS_Lambda_python3." + python_minor, **(env or {})}
        # One that is forked has had the time to rehearse.
        more.setdefault("rested", origin == "forked")
        return run([PYTHONS[python_minor], str(script)], task, files, handler, events, env, ahead=origin, **more)

    return invoke


def answers(result):
    assert [post.kind for post in result.posts] == ["response"] * len(result.posts), result.output
    return [post.body for post in result.posts]


PATH = "import os, sys\ndef handler(e, c): return [sys.path, os.environ.get('PYTHONPATH')]"


def test_search_path_is_awss(python, python_minor, tmp_path):
    """https://docs.aws.amazon.com/lambda/latest/dg/python-package.html: code, layers, runtime, interpreter."""
    [[path, variable]] = answers(python(PATH))
    layers = ["/opt/python/lib/python3.%s/site-packages" % python_minor, "/opt/python"]
    assert path[:4] == [str(tmp_path / "task"), *layers, "/var/runtime"]
    assert str(BOOTSTRAPS) not in path and any(entry.endswith(("site-packages", "dist-packages")) for entry in path[4:])
    assert variable == "/var/runtime"


def test_own_search_path_replaces_the_layers(python, tmp_path):
    [[path, variable]] = answers(python(PATH, env={"PYTHONPATH": "/mine"}))
    assert path[:2] == [str(tmp_path / "task"), "/mine"]
    assert not any(entry.startswith("/opt/python") for entry in path)
    assert variable == "/mine"


def test_runs_compiled(python, python_minor, tmp_path):
    compiled = tmp_path / "bootstrap.pyc"
    code = "import py_compile, sys; py_compile.compile(sys.argv[1], sys.argv[2], dfile='/var/runtime/bootstrap.py')"
    subprocess.run([PYTHONS[python_minor], "-c", code, BOOTSTRAPS / "bootstrap.py", compiled], check=True)
    result = python("def handler(e, c): raise ValueError('boom')", script=compiled)
    trace = result.only.body["stackTrace"]
    assert len(trace) == 1 and trace[0].endswith("line 1, in handler\n    def handler(e, c): raise ValueError('boom')\n")


def test_does_not_import_what_it_may_not_need(python, origin):
    """What is imported at the start is paid by every cold start, but not by one that was started ahead."""
    if origin:
        pytest.skip("started ahead, it has the time")
    [loaded] = answers(python("import sys\ndef handler(e, c): return sorted(sys.modules)"))
    assert not {"json", "re", "socket", "logging", "traceback", "http", "decimal", "enum"} & (
        set(loaded) - set(baseline(loaded))
    )


def baseline(loaded):
    """Modules that an interpreter's own `.pth` files import before the bootstrap runs."""
    return {"re", "enum", "traceback"} if "_distutils_hack" in loaded else set()


def test_serves_many_events_on_one_connection_and_keeps_globals(python):
    source = "n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return [n, e]"
    result = python(source, events=[Event(i) for i in range(5)])
    assert answers(result) == [[i + 1, i] for i in range(5)]
    assert result.connections == 1


def test_carries_large_and_chunked_events(python):
    big = "é" * 1_500_000
    events = [Event(big), Event(big, chunked=True), Event({"s": 1}, chunked=True)]
    assert answers(python("def handler(e, c): return e", events=events)) == [big, big, {"s": 1}]


@pytest.mark.parametrize("code, status", [("sys.exit(3)", 3), ("sys.exit(0)", 0), ("os._exit(5)", 5), ("os.abort()", -6)])
def test_exit_is_left_to_the_platform(python, code, status):
    result = python("import os, sys\ndef handler(e, c):\n    print('last words')\n    " + code)
    assert (result.posts, result.status) == ([], status)
    assert result.output.startswith("last words\n")


def test_exit_at_init_is_left_to_the_platform(python):
    result = python("import sys\nsys.exit(4)")
    assert (result.posts, result.status, result.nexts) == ([], 4, 0)


def test_output_is_complete_and_in_order(python):
    source = """
import logging, sys
def handler(e, c):
    print("one")
    print("two", file=sys.stderr)
    logging.warning("three")
    print("four", end="")
"""
    lines = python(source).output.splitlines()
    assert lines[:2] == ["one", "two"] and lines[2].startswith("[WARNING]\t") and lines[3] == "four"
    assert lines[2].endswith("Z\t%s\tthree" % FIRST)


def test_error_record_is_one_line(python):
    result = python("def handler(e, c):\n    raise ValueError('boom')")
    [line] = result.output.split("\n")[:-1]
    assert line.split("\r")[:2] == ["[ERROR] ValueError: boom", "Traceback (most recent call last):"]
    assert line.split("\r")[2].startswith('\u00a0\u00a0File "')


def test_error_document(python, tmp_path):
    body = python("def handler(e, c):\n    raise ValueError('boom')").only.body
    assert body == {
        "errorMessage": "boom", "errorType": "ValueError", "requestId": FIRST,
        "stackTrace": ['  File "%s/task/app.py", line 2, in handler\n    raise ValueError(\'boom\')\n' % tmp_path],
    }  # fmt: skip


INIT = {
    "missing module": ("", "gone.handler", "Runtime.ImportModuleError", "Unable to import module 'gone': No module named 'gone'"),
    "missing dependency": ("import nothere", "app.handler", "Runtime.ImportModuleError", "Unable to import module 'app': No module named 'nothere'"),
    "missing function": ("", "app.gone", "Runtime.HandlerNotFound", "Handler 'gone' missing on module 'app'"),
    "malformed": ("", "app", "Runtime.MalformedHandlerName", "Bad handler 'app': not enough values to unpack (expected 2, got 1)"),
    "raises": ("raise KeyError('k')", "app.handler", "KeyError", "'k'"),
}  # fmt: skip


@pytest.mark.parametrize("name", INIT)
def test_reports_errors_of_initialisation(python, name):
    source, handler, kind, message = INIT[name]
    result = python(source, handler)
    post = result.only
    assert (post.path, post.error_type) == ("/init/error", kind)
    assert (post.body["errorType"], post.body["errorMessage"], post.body["requestId"]) == (kind, message, "")
    assert result.status == 1 and result.nexts == 0


def test_syntax_error(python):
    post = python("def handler(:\n").only
    assert post.error_type == "Runtime.UserCodeSyntaxError"
    assert post.body["errorMessage"].startswith("Syntax error in module 'app': invalid syntax")


def test_unserialisable_answer(python):
    post = python("def handler(e, c): return {1, 2}").only
    assert post.error_type == "Runtime.MarshalError"
    assert post.body["errorMessage"] == "Unable to marshal response: Object of type set is not JSON serializable"


def test_logging_imported_late_is_still_configured(python):
    source = "def handler(e, c):\n    import logging\n    return [len(logging.root.handlers), logging.root.level, logging.__spec__.name]"
    assert answers(python(source, events=[Event(), Event()])) == [[1, 30, "logging"]] * 2


def test_a_refused_answer_is_not_the_end(python):
    result = python("def handler(e, c): return 'x'", events=[Event(), Event()], statuses={"response": 413})
    assert len(result.posts) == 2


def test_packages_of_the_interpreter_can_be_imported(python):
    [value] = answers(python("import pip\ndef handler(e, c): return pip.__name__"))
    assert value == "pip"


def test_answers_are_utf8(python, python_minor):
    post = python("def handler(e, c): return 'ü'").only
    assert json.loads(post.raw) == "ü"
    assert post.raw == ('"ü"'.encode() if int(python_minor) >= 12 else b'"\\u00fc"')


def test_own_modules_come_before_the_librarys(python):
    """AWS's search path begins with the function's code, whatever a zygote has imported already."""
    source = "import secrets, html.parser\ndef handler(e, c): return [secrets.mine, html.parser.mine]"
    files = {"app.py": source, "secrets.py": "mine = 1", "html/__init__.py": "", "html/parser.py": "mine = 2"}
    assert answers(python(files)) == [[1, 2]]


LEFT = """
import logging, os, sys
root = logging.getLogger()
FOUND = [sorted(os.environ), [type(h).__name__ for h in root.handlers], root.level, os.getcwd()]
def handler(e, c): return FOUND + [sorted(n for n in sys.modules if "snapshot" in n or n == "app"), c.aws_request_id]
"""


def test_a_rehearsal_leaves_nothing(python):
    [[variables, handlers, level, place, modules, request]] = answers(python(LEFT, keeps_directory=True))
    assert variables == sorted(
        "PATH LANG TZ LAMBDA_TASK_ROOT LAMBDA_RUNTIME_DIR AWS_LAMBDA_RUNTIME_API _HANDLER AWS_LAMBDA_FUNCTION_NAME AWS_REGION "
        "AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME "
        "AWS_EXECUTION_ENV PYTHONPATH".split())
    assert (handlers, level, modules, request) == (["LambdaLoggerHandler"], 30, ["app"], FIRST) and place.endswith("task")


@pytest.mark.parametrize("rested", [False, True])
def test_is_there_whenever_its_function_comes(python, rested):
    assert answers(python("def handler(e, c): return e", events=[Event(1), Event(2)], rested=rested)) == [1, 2]


def test_nothing_is_left_of_how_it_came_to_be(python):
    source = "import os, threading\ndef handler(e, c): return [[n for n in os.environ if 'APUS' in n], threading.active_count()]"
    assert answers(python(source)) == [[[], 1]]
