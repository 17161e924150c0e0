"""Our Python bootstrap beside AWS's own client (awslambdaric): the same function, the same documents."""

import json
import re

import pytest
from conftest import PYTHONS
from mock_runtime import BOOTSTRAPS, Event, run

CONTEXT = """
import os
def handler(event, context):
    left = context.get_remaining_time_in_millis()
    names = [n for n in dir(context) if not n.startswith("_") and n not in ("w3c", "FIELDS", "fill", "shown")]
    values = {n: repr(getattr(context, n)) for n in names if not callable(getattr(context, n))}
    return {"names": names, "values": values, "type": type(context).__name__, "repr": repr(context),
        "left": 15000 < left <= 20000, "trace": os.environ.get("_X_AMZN_TRACE_ID"), "event": event}
"""
CLIENT = '{"client":{"installation_id":"i","app_title":"t"},"custom":{"k":"ü"},"env":{"locale":"en"}}'

CASES = {
    "value": ("def handler(e, c): return {'got': e, 'text': 'Grüße ☕', 'n': [1, 2.5, None, True]}", [Event({"a": "ü"})]),
    "null": ("def handler(e, c): pass", [Event()]),
    "string": ("def handler(e, c): return 'a\"b'", [Event()]),
    "bytes": ("def handler(e, c): return b'\\x00raw'", [Event()]),
    "nested bytes": ("def handler(e, c): return {'b': b'text'}", [Event()]),
    "bad bytes": ("def handler(e, c): return {'b': b'\\xff'}", [Event()]),
    "nan": ("def handler(e, c): return [float('nan'), float('inf'), -float('inf')]", [Event()]),
    "decimal": ("from decimal import Decimal as D\ndef handler(e, c): return [D('1.10'), {'n': D('NaN')}, D('1E+3'), D('7')]", [Event()]),
    "named tuple": ("from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef handler(e, c): return [P(1, P(2, 3))]", [Event()]),
    "keys": ("def handler(e, c): return {1: 'a', None: 'b', True: 'c', 1.5: 'd'}", [Event()]),
    "bad key": ("def handler(e, c): return {(1, 2): 'a'}", [Event()]),
    "set": ("def handler(e, c): return {1, 2}", [Event()]),
    "object": ("class Thing: pass\ndef handler(e, c): return {'t': Thing()}", [Event()]),
    "cycle": ("def handler(e, c):\n    a = []\n    a.append(a)\n    return a", [Event()]),
    "not utf-8": ("def handler(e, c): return e", [Event(raw=b'{"a":"\xff"}')]),
    "not json": ("def handler(e, c): return e", [Event(raw=b'{"a":')]),
    "empty": ("def handler(e, c): return e", [Event(raw=b"")]),
    "trailing": ("def handler(e, c): return e", [Event(raw=b"{} x")]),
    "spaces": ("def handler(e, c): return e", [Event(raw=b' \n\t{"a" : 1} \r\n')]),
    "special numbers": ("def handler(e, c): return [repr(x) for x in e]", [Event(raw=b"[NaN, 1e400, 12345678901234567890, 1.0, -0]")]),
    "surrogate": ("def handler(e, c): return [len(e), e.isascii()]", [Event(raw=b'"\\ud83d\\ude00"')]),
    "deep stack": ("def a(): raise ValueError('boom')\ndef b(): a()\ndef handler(e, c):\n    b()", [Event()]),
    "chained": ("def handler(e, c):\n    try:\n        1 / 0\n    except Exception as x:\n        raise KeyError('k') from x", [Event()]),
    "no message": ("def handler(e, c): raise RuntimeError()", [Event()]),
    "bad context": ("def handler(e, c): pass", [Event(headers={"Lambda-Runtime-Client-Context": "{"})]),
    "context": (CONTEXT, [Event({"x": 1}), Event({"y": 2}, {"Lambda-Runtime-Trace-Id": None})]),
    "client context": (CONTEXT, [Event(headers={"Lambda-Runtime-Client-Context": CLIENT.replace("ü", "u"),
        "Lambda-Runtime-Cognito-Identity": '{"cognitoIdentityId":"id","cognitoIdentityPoolId":"pool"}'})]),
    "path": ("import sys\ndef handler(e, c): return 'app' in sys.modules", [Event()]),
    "init import": ("import nothere", []),
    "init import name": ("from json import nothere", []),
    "init raise": ("raise KeyError('x')", []),
    "init frames": ("def f(): raise ValueError('at init')\nf()", []),
    "init syntax": ("def handler(:\n    pass\n", []),
    "init missing": ("def other(e, c): pass", []),
    "log": ("import logging\nlogging.getLogger().warning('w %d', 1)\nlogging.info('i')\ndef handler(e, c):\n    logging.error('line\\ntwo')\n    print('p')\n    c.log('direct\\n')", [Event()]),
}  # fmt: skip


def judged(judges, minor, tmp_path, files, handler, events, env):
    version = {"AWS_EXECUTION_ENV": "AWS_Lambda_python3." + minor, **(env or {})}
    ours, theirs = tmp_path / "a" / "task", tmp_path / "b" / "task"
    ours.mkdir(parents=True)
    theirs.mkdir(parents=True)
    judge = judges(minor)
    python = PYTHONS[minor]
    left = run([python, str(BOOTSTRAPS / "bootstrap.py")], ours, files, handler, events, version)
    right = run([python, "-m", "awslambdaric", handler], theirs, files, handler, events, {**version, "PYTHONPATH": str(judge)})
    return left, right


def seen(result, tmp_path):
    """What the platform sees, without what differs between any two runs."""
    posts = []
    for post in result.posts:
        text = post.raw.decode("utf-8", "backslashreplace").replace(str(tmp_path / "a"), "").replace(str(tmp_path / "b"), "")
        try:
            document = json.loads(text)
        except ValueError:
            document = text
        kind = post.error_type if post.path == "/init/error" else post.headers.get("content-type")
        posts.append((post.path, kind, text.isascii(), document))
    return posts, result.status


def log(result, tmp_path):
    text = result.output.replace(str(tmp_path / "a"), "").replace(str(tmp_path / "b"), "")
    text = re.sub(r"\[WARNING\]\t\S+\t\tLAMBDA_WARNING.*?\n", "", text)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", "TIME", text)


@pytest.mark.parametrize("name", CASES)
def test_documents_and_logs_equal_awslambdaric(judges, python_minor, tmp_path, name):
    source, events = CASES[name]
    left, right = judged(judges, python_minor, tmp_path, {"app.py": source}, "app.handler", events, None)
    assert seen(left, tmp_path) == seen(right, tmp_path), left.output
    if not name.startswith("init"):
        assert log(left, tmp_path) == log(right, tmp_path)


HANDLERS = {
    "slashes": "pkg/sub/mod.handler", "dots": "pkg.sub.mod.handler", "no dot": "handler", "missing module": "gone.handler",
    "built-in": "sys.handler", "missing function": "pkg/sub/mod.gone", "empty": "", "trailing dot": "app.",
}  # fmt: skip


@pytest.mark.parametrize("name", HANDLERS)
def test_handler_rules_equal_awslambdaric(judges, python_minor, tmp_path, name):
    files = {"pkg/sub/mod.py": "def handler(e, c): return __name__", "app.py": ""}
    left, right = judged(judges, python_minor, tmp_path, files, HANDLERS[name], [Event()], None)
    assert seen(left, tmp_path) == seen(right, tmp_path), left.output


JSON_LOGS = """
import logging
log = logging.getLogger("mine")
def handler(event, context):
    log.info("hidden" if event else "shown %s", "x")
    log.warning({"a": 1})
    log.error("extra", extra={"k": {1}, "requestId": "mine"})
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("caught")
    raise ValueError("ü")
"""


@pytest.mark.parametrize("level", [None, "info", "TRACE", "trace", "nonsense"])
@pytest.mark.parametrize("form", ["JSON", "Text"])
def test_log_settings_equal_awslambdaric(judges, python_minor, tmp_path, form, level):
    env = {"AWS_LAMBDA_LOG_FORMAT": form, "AWS_LAMBDA_LOG_LEVEL": level}
    left, right = judged(judges, python_minor, tmp_path, {"app.py": JSON_LOGS}, "app.handler", [Event(), Event()], env)
    assert seen(left, tmp_path) == seen(right, tmp_path)
    assert log(left, tmp_path) == log(right, tmp_path)
