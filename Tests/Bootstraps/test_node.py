"""The Node.js bootstrap. Expectations are what AWS's managed Node.js runtimes show for the same functions."""

import json
import re

import pytest
from conftest import NODES
from mock_runtime import ARN, BOOTSTRAPS, REQUEST_ID, TRACE, Event, run

ASYNC = "exports.handler = async (event, context) => { %s };"
FIRST = REQUEST_ID % 0


@pytest.fixture
def node(node_major, tmp_path, ahead):
    def invoke(files, handler="app.handler", events=(Event(),), env=None, identifier="nodejs20.x", statuses=None):
        if isinstance(files, str):
            files = {"app.js": files}
        task = tmp_path / "task"
        task.mkdir(exist_ok=True)
        env = {"AWS_EXECUTION_ENV": "AWS_Lambda_" + identifier, **(env or {})}
        return run([NODES[node_major], str(BOOTSTRAPS / "bootstrap.mjs")], task, files, handler, events, env, statuses, ahead=ahead)

    return invoke


def answers(result):
    assert [post.kind for post in result.posts] == ["response"] * len(result.posts), result.output
    return [post.body for post in result.posts]


def failure(result, path="/invocation/%s/error" % FIRST):
    post = result.only
    assert post.path == path
    assert post.error_type == post.body["errorType"]
    assert set(post.body) == {"errorType", "errorMessage", "trace"}
    return post.body


MODULES = {
    "commonjs": ({"app.js": "exports.handler = async () => 'ok'"}, "app.handler"),
    "cjs": ({"app.cjs": "exports.handler = async () => 'ok'"}, "app.handler"),
    "mjs": ({"app.mjs": "export const handler = async () => 'ok'"}, "app.handler"),
    "type module": ({"app.js": "export const handler = async () => 'ok'", "package.json": '{"type":"module"}'}, "app.handler"),
    "type above": ({"a/app.js": "export const handler = async () => 'ok'", "package.json": '{"type":"module"}'}, "a/app.handler"),
    "nearest type": (
        {"a/app.js": "exports.handler = async () => 'ok'", "a/package.json": "{}", "package.json": '{"type":"module"}'},
        "a/app.handler",
    ),
    "nested": ({"a/b/app.js": "exports.handler = async () => 'ok'"}, "a/b/app.handler"),
    "object": ({"app.js": "exports.api = {v1: {get: async () => 'ok'}}"}, "app.api.v1.get"),
    "package": ({"node_modules/app/index.js": "exports.handler = async () => 'ok'"}, "app.handler"),
    "dependency": (
        {"app.js": "exports.handler = async () => require('dep')", "node_modules/dep/index.js": "module.exports = 'ok'"},
        "app.handler",
    ),
    "top-level await": (
        {"app.mjs": "const v = await new Promise(r => setTimeout(r, 5, 'ok')); export const handler = async () => v"},
        "app.handler",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_finds_handlers(node, name):
    files, handler = MODULES[name]
    assert answers(node(files, handler)) == ["ok"]


def test_finds_modules_on_node_path(node, tmp_path):
    layer = tmp_path / "layer" / "dep"
    layer.mkdir(parents=True)
    (layer / "index.js").write_text("module.exports = 'layer'")
    result = node("exports.handler = async () => require('dep')", env={"NODE_PATH": str(layer.parent)})
    assert answers(result) == ["layer"]


VALUES = {
    "async": (ASYNC % "return {got: event, text: 'Grüße ☕'}", {"got": {"a": "ü"}, "text": "Grüße ☕"}),
    "undefined": (ASYNC % "", None),
    "thenable": ("exports.handler = () => ({then: (ok) => ok('later')})", "later"),
    "callback": ("exports.handler = (e, c, done) => done(null, 'called')", "called"),
    "late callback": ("exports.handler = (e, c, done) => { setTimeout(done, 5, null, 'late') }", "late"),
    "first callback": ("exports.handler = (e, c, done) => { done(null, 1); done(null, 2) }", 1),
    "succeed": ("exports.handler = (e, c) => c.succeed('s')", "s"),
    "done": ("exports.handler = (e, c) => c.done(null, 'd')", "d"),
    "returned value counts for nothing": ("exports.handler = () => 'lost'", None),
    "never": ("exports.handler = async () => { await new Promise(() => {}) }", None),
    "does not wait": (
        "exports.handler = (e, c, done) => { c.callbackWaitsForEmptyEventLoop = false; setTimeout(() => {}, 1e6); done(null, 'now') }",
        "now",
    ),
    "waits": ("let n = 0; exports.handler = (e, c, done) => { setTimeout(() => n++, 10); const o = {get n() { return n }}; done(null, o) }", {"n": 1}),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_answers(node, name):
    source, value = VALUES[name]
    assert answers(node(source, events=[Event({"a": "ü"})])) == [value]


def test_serves_many_events_on_one_connection_and_keeps_globals(node):
    result = node("let n = 0; exports.handler = async (e) => [++n, e]", events=[Event(i) for i in range(5)])
    assert answers(result) == [[i + 1, i] for i in range(5)]
    assert result.connections == 1


def test_carries_large_and_chunked_events(node):
    big = "é" * 1_500_000
    result = node(ASYNC % "return event", events=[Event(big), Event(big, chunked=True), Event({"s": 1}, chunked=True)])
    assert answers(result) == [big, big, {"s": 1}]


ERRORS = {
    "throw": (ASYNC % "throw new TypeError('boom')", "TypeError", "boom"),
    "synchronous throw": ("exports.handler = () => { throw new RangeError('now') }", "RangeError", "now"),
    "callback": ("exports.handler = (e, c, done) => done(new Error('called'))", "Error", "called"),
    "callback text": ("exports.handler = (e, c, done) => done('text')", "string", "text"),
    "fail": ("exports.handler = (e, c) => c.fail(new Error('f'))", "Error", "f"),
    "own class": ("class Mine extends Error { constructor(m) { super(m); this.name = 'Mine' } }\n" + ASYNC % "throw new Mine('m')", "Mine", "m"),
    "text": (ASYNC % "throw 'plain'", "string", "plain"),
    "circular": (ASYNC % "const a = {}; a.a = a; return a", "Error", "Unable to stringify response body"),
    "big integer": (ASYNC % "return {n: 1n}", "Error", "Unable to stringify response body"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_reports_errors_and_goes_on(node, name):
    source, kind, message = ERRORS[name]
    result = node(source, events=[Event(), Event()])
    assert [post.path for post in result.posts] == ["/invocation/%s/error" % (REQUEST_ID % i) for i in range(2)]
    body = result.posts[0].body
    assert (body["errorType"], body["errorMessage"]) == (kind, message)
    assert result.posts[0].error_type == kind
    if kind == "string":
        assert body["trace"] == []
    else:
        assert body["trace"][0] == "%s: %s" % (kind, message)
    if name == "throw":
        assert re.match(r"    at .*app\.js:1:\d+\)?$", body["trace"][1])
    logged = re.findall(r"^(\S+)\t(\S+)\tERROR\tInvoke Error \t(\{.*\})$", result.output, re.M)
    assert [entry[1] for entry in logged] == [REQUEST_ID % 0, REQUEST_ID % 1]
    assert json.loads(logged[0][2])["errorMessage"] == message


INIT = {
    "missing module": ({}, "gone.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'gone'"),
    "missing dependency": ({"app.js": "require('nothere')"}, "app.handler", "Runtime.ImportModuleError", "Error: Cannot find module 'nothere'"),
    "missing import": ({"app.mjs": "import 'nothere'"}, "app.handler", "Error", "Cannot find package 'nothere' imported from"),
    "not exported": ({"app.js": ""}, "app.handler", "Runtime.HandlerNotFound", "app.handler is undefined or not exported"),
    "not a function": ({"app.js": "exports.handler = 1"}, "app.handler", "Runtime.HandlerNotFound", "app.handler is not a function"),
    "no dot": ({"app.js": ""}, "app", "Runtime.MalformedHandlerName", "Bad handler"),
    "climbs": ({"app.js": ""}, "../app.handler", "Runtime.MalformedHandlerName", "'../app.handler' is not a valid handler name."),
    "syntax": ({"app.js": "exports.handler = ("}, "app.handler", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected"),
    "syntax of a module": ({"app.mjs": "export const = 1"}, "app.handler", "Runtime.UserCodeSyntaxError", "SyntaxError: "),
    "throws": ({"app.js": "throw new TypeError('at init')"}, "app.handler", "TypeError", "at init"),
    "rejects": ({"app.mjs": "await Promise.reject(new TypeError('await'))"}, "app.handler", "TypeError", "await"),
    "odd streaming": (
        {"app.js": "exports.handler = async () => {}; exports.handler[Symbol.for('aws.lambda.runtime.handler.streaming')] = 'request'"},
        "app.handler", "Runtime.MalformedStreamingHandler", "Only response streaming is supported.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", INIT)
def test_reports_errors_of_initialisation(node, name):
    files, handler, kind, message = INIT[name]
    result = node(files, handler)
    body = failure(result, "/init/error")
    assert body["errorType"] == kind
    assert body["errorMessage"].startswith(message)
    assert result.status == 1 and result.nexts == 0
    assert "\tundefined\tERROR\tUncaught Exception \t{" in result.output


def test_unhandled_rejection_ends_the_process(node):
    result = node("exports.handler = () => new Promise(() => { Promise.reject(new Error('lost')) })")
    body = failure(result)
    assert (body["errorType"], body["errorMessage"]) == ("Runtime.UnhandledPromiseRejection", "Error: lost")
    assert result.status == 128
    assert "ERROR\tUnhandled Promise Rejection \t{" in result.output


def test_uncaught_exception_ends_the_process(node):
    result = node("exports.handler = (e, c, done) => { setTimeout(() => { throw new RangeError('out') }, 1) }")
    assert failure(result)["errorType"] == "RangeError"
    assert result.status == 129
    assert "ERROR\tUncaught Exception \t{" in result.output


def test_exit_is_left_to_the_platform(node):
    result = node(ASYNC % "process.exit(3)")
    assert (result.posts, result.status) == ([], 3)


@pytest.mark.parametrize("raw", [b'{"a":', b"", b'{"a":"\xff"}'])
def test_refuses_events_that_are_no_json(node, raw):
    result = node(ASYNC % "return event", events=[Event(raw=raw), Event(1)])
    assert [post.kind for post in result.posts] == ["error", "response"]


def test_context(node):
    source = ASYNC % """
      const left = context.getRemainingTimeInMillis();
      return {context, left: left > 15000 && left <= 20000, trace: process.env._X_AMZN_TRACE_ID ?? null}"""
    client = {"client": {"installation_id": "i"}, "custom": {"k": "v"}, "env": {}}
    headers = {
        "Lambda-Runtime-Client-Context": json.dumps(client),
        "Lambda-Runtime-Cognito-Identity": '{"cognitoIdentityId":"id","cognitoIdentityPoolId":"pool"}',
        "Lambda-Runtime-Trace-Id": None,
    }
    plain, full = answers(node(source, events=[Event(), Event(headers=headers)]))
    assert plain == {
        "context": {
            "callbackWaitsForEmptyEventLoop": True, "functionVersion": "7", "functionName": "hello",
            "memoryLimitInMB": "256", "logGroupName": "/aws/lambda/hello", "logStreamName": "2026/01/02/[7]abc",
            "invokedFunctionArn": ARN, "awsRequestId": FIRST,
        },
        "left": True, "trace": TRACE % 0,
    }  # fmt: skip
    assert full["context"]["clientContext"] == client
    assert full["context"]["identity"] == {"cognitoIdentityId": "id", "cognitoIdentityPoolId": "pool"}
    assert full["trace"] is None


def test_callbacks_are_gone_from_24_on(node):
    refused = node("exports.handler = (e, c, done) => done()", identifier="nodejs24.x")
    assert failure(refused, "/init/error")["errorType"] == "Runtime.CallbackHandlerDeprecated"
    kept = node("exports.handler = (e, c) => [typeof c.done, 'returned']", identifier="nodejs24.x")
    assert answers(kept) == [["undefined", "returned"]]


def test_console_writes_records_of_one_line(node):
    source = """console.log('at init');
    exports.handler = async () => {
      console.log('one\\ntwo %d %s', 3, 'x', {a: 1}); console.info('i'); console.warn('w'); console.error('e');
      console.debug('d'); console.trace('t'); process.stdout.write('raw\\n');
    }"""
    lines = node(source).output.split("\n")
    texts = [re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\t", "TIME\t", line) for line in lines]
    assert texts == ["TIME\tundefined\tINFO\tat init", "TIME\t%s\tINFO\tone\rtwo 3 x { a: 1 }" % FIRST] + [
        "TIME\t%s\t%s" % (FIRST, rest) for rest in ("INFO\ti", "WARN\tw", "ERROR\te", "DEBUG\td", "TRACE\tt")
    ] + ["raw", ""]


def test_console_in_json(node):
    source = """exports.handler = async () => {
      console.debug('hidden'); console.log('a %s', 'b'); console.warn({k: [1]}); console.error('x', new TypeError('bad'));
      throw new RangeError('end') }"""
    result = node(source, env={"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"})
    records = [json.loads(line) for line in result.output.splitlines()]
    assert all(record["requestId"] == FIRST and record.pop("timestamp") for record in records)
    assert [record["level"] for record in records] == ["INFO", "WARN", "ERROR", "ERROR"]
    assert records[0]["message"] == "a b"
    assert records[1]["message"] == {"k": [1]}
    assert (records[2]["errorType"], records[2]["errorMessage"]) == ("TypeError", "bad")
    assert records[3]["message"]["errorType"] == "RangeError"


def test_values_of_every_kind_in_json(node):
    """What AWS's client (LogPatch.js of its 4.x releases) makes of the same calls."""
    source = """class Odd extends Error { constructor() { super('odd'); this.name = 'Renamed'; this.code = 7; } }
      exports.handler = async () => {
        console.log(); console.fatal('f'); console.log(new Odd()); console.log({ nested: new Odd() });
        const ring = {}; ring.self = ring; console.log(ring); console.log('two\\nlines'); throw 'text' }"""
    settings = {"AWS_LAMBDA_LOG_FORMAT": "json", "AWS_LAMBDA_LOG_LEVEL": "trace"}
    result = node(source, events=[Event(headers={"Lambda-Runtime-Aws-Tenant-Id": "blue"})], env=settings)
    records = [json.loads(line) for line in result.output.splitlines()]
    assert {record.get("tenantId") for record in records} == {"blue"}, result.output
    assert "message" not in records[0]
    assert (records[1]["level"], records[1]["message"]) == ("FATAL", "f")
    for error in (records[2]["message"], records[3]["message"]["nested"]):
        assert (error["errorType"], error["errorMessage"], error["code"]) == ("Odd", "odd", 7)
        assert error["stackTrace"][0] == "Renamed: odd" or error["stackTrace"][0] == "Error: odd"
    assert "[Circular *1]" in records[4]["message"]
    assert records[5]["message"] == "two\nlines"
    assert (records[6]["message"]["errorType"], records[6]["message"]["errorMessage"]) == ("Error", "text")


@pytest.mark.parametrize(
    "level, shown",
    [("TRACE", "tdiwef"), ("debug", "diwef"), ("INFO", "iwef"), ("Warn", "wef"), ("ERROR", "ef"), ("FATAL", "f"), ("odd", "tdiwef")],
)
def test_levels(node, level, shown):
    source = ASYNC % "".join("console.%s('%s');" % (name, name[0]) for name in ("trace", "debug", "info", "warn", "error", "fatal"))
    result = node(source, env={"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": level})
    assert "".join(json.loads(line)["message"] for line in result.output.splitlines()) == shown


def test_a_refused_answer_is_not_the_end(node):
    result = node(ASYNC % "return 'x'", events=[Event(), Event()], statuses={"response": 413})
    assert len(result.posts) == 2
