"""Node.js handlers that stream. Expectations are what AWS's open-source Node.js runtime client sends for the same
functions (github.com/aws/aws-lambda-nodejs-runtime-interface-client: ResponseStream, HttpResponseStream, Runtime)."""

import base64
import json

import pytest
from conftest import NODES
from mock_runtime import BOOTSTRAPS, REQUEST_ID, Event, run

STREAM = "exports.handler = awslambda.streamifyResponse(async (event, stream, context) => { %s });"
RESPONSE = "/invocation/%s/response" % (REQUEST_ID % 0)


@pytest.fixture
def node(node_major, tmp_path):
    def invoke(source, events=(Event(),), env=None, statuses=None, name="app.js", identifier="nodejs20.x"):
        task = tmp_path / "task"
        task.mkdir(exist_ok=True)
        env = {"AWS_EXECUTION_ENV": "AWS_Lambda_" + identifier, **(env or {})}
        command = [NODES[node_major], str(BOOTSTRAPS / "bootstrap.mjs")]
        return run(command, task, {name: source}, "app.handler", events, env, statuses)

    return invoke


def error_of(post):
    body = json.loads(base64.b64decode(post.trailers["lambda-runtime-function-error-body"]))
    assert body["errorType"] == post.trailers["lambda-runtime-function-error-type"]
    assert set(body) == {"errorType", "errorMessage", "trace"}
    return body


def test_writes_go_out_in_chunks(node):
    result = node(STREAM % "stream.write('Grüße '); stream.write(Buffer.from('und ')); stream.write(new Uint8Array([65]));"
                  "stream.write({a: 1}); stream.end();")  # fmt: skip
    post = result.only
    assert post.path == RESPONSE
    assert post.raw == 'Grüße und A{"a":1}'.encode()
    assert post.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert post.headers["content-type"] == "application/octet-stream"
    assert post.headers["transfer-encoding"] == "chunked"
    assert post.trailers == {}
    assert result.nexts == 2


def test_the_event_the_context_and_the_next_invocation(node):
    source = STREAM % """stream.setContentType('application/json');
      stream.end(JSON.stringify([event, context.awsRequestId, typeof context.succeed, context.callbackWaitsForEmptyEventLoop]))"""
    result = node(source, events=[Event({"n": 1}), Event({"n": 2})])
    assert [post.body for post in result.posts] == [
        [{"n": 1}, REQUEST_ID % 0, "undefined", True], [{"n": 2}, REQUEST_ID % 1, "undefined", True],
    ]  # fmt: skip
    assert {post.headers["content-type"] for post in result.posts} == {"application/json"}
    assert result.connections == 1


def test_modules_stream_too(node):
    result = node("export const handler = awslambda.streamifyResponse(async (e, s) => s.end('ok') && undefined)", name="app.mjs")
    assert result.only.raw == b"ok"


def test_pipelines(node):
    result = node("const {pipeline} = require('stream/promises'); const {Readable} = require('stream');" + STREAM % """
      await pipeline(Readable.from(['a', 'b', Buffer.from('c')]), stream)""")  # fmt: skip
    assert result.only.raw == b"abc"


def test_writes_wait_for_the_reader(node):
    result = node(STREAM % """const part = Buffer.alloc(65536, 'x'); let held = 0;
      for (let i = 0; i < 200; i++) if (!stream.write(part)) { held++; await new Promise((go) => stream.once('drain', go)) }
      stream.end(held > 0 ? 'held' : 'never')""")  # fmt: skip
    assert len(result.only.raw) == 200 * 65536 + 4
    assert result.only.raw.endswith(b"held")


def test_high_water_mark(node):
    source = "exports.handler = awslambda.streamifyResponse(async (e, s) => s.end(String(s.writableHighWaterMark)) && undefined, {highWaterMark: 1234.5});"
    assert node(source).only.raw == b"1234"


def test_http_integration_prelude(node):
    result = node(STREAM % """const head = {statusCode: 201, headers: {'Content-Type': 'text/plain', 'X-A': 'ü'}, cookies: ['a=b']};
      const http = awslambda.HttpResponseStream.from(stream, head); http.write('one'); http.end('two')""")  # fmt: skip
    post = result.only
    assert post.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    head, body = post.raw.split(b"\0" * 8)
    assert json.loads(head) == {"statusCode": 201, "headers": {"Content-Type": "text/plain", "X-A": "ü"}, "cookies": ["a=b"]}
    assert body == b"onetwo"


def test_content_type_comes_first(node):
    body = error_of(node(STREAM % "stream.write('x'); stream.setContentType('text/plain')").only)
    assert (body["errorType"], body["errorMessage"]) == ("Runtime.InvalidStreamingOperation", "Cannot set content-type, too late.")


FAILURES = {
    "before": ("throw new RangeError('bad')", b"", "RangeError", "bad"),
    "midway": ("stream.write('half'); throw new RangeError('bad')", b"half", "RangeError", "bad"),
    "a string": ("stream.write('half'); throw 'text'", b"half", "string", "text"),
    "odd name": ("const e = new Error('ü\\n'); e.name = 'Ü\\nb'; throw e", b"", None, "ü\n"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_errors_are_trailers(node, name):
    source, raw, kind, message = FAILURES[name]
    result = node(STREAM % source, events=[Event(), Event()])
    assert [post.kind for post in result.posts] == ["response", "response"]
    for post in result.posts:
        assert post.raw == raw
        assert "lambda-runtime-function-error-body" in post.headers["trailer"].lower()
        if kind is None:
            body = json.loads(base64.b64decode(post.trailers["lambda-runtime-function-error-body"]))
            assert post.trailers["lambda-runtime-function-error-type"] == "??b"
        else:
            body = error_of(post)
            assert body["errorType"] == kind
        assert body["errorMessage"] == message
    assert result.output.count("\tERROR\tInvoke Error \t{") == 2


def test_a_broken_source_is_an_error(node):
    result = node("const {pipeline} = require('stream/promises'); const {Readable} = require('stream');" + STREAM % """
      async function* parts() { yield 'a'; throw new TypeError('source'); }
      await pipeline(Readable.from(parts()), stream)""")  # fmt: skip
    assert error_of(result.only)["errorMessage"] == "source"


def test_long_traces_are_left_out(node):
    body = error_of(node(STREAM % "const e = new Error('bad'); e.stack = 'x\\n'.repeat(50000); throw e").only)
    assert (body["errorMessage"], body["trace"]) == ("bad", [])


def test_handlers_must_be_asynchronous(node):
    result = node("exports.handler = awslambda.streamifyResponse((event, stream) => { stream.write('x') })")
    body = error_of(result.only)
    assert (body["errorType"], body["errorMessage"]) == ("string", "Streaming does not support non-async handlers.")


def test_a_response_that_nothing_will_end(node):
    result = node(STREAM % "await new Promise(() => {})", events=[Event(), Event()])
    assert [error_of(post)["errorMessage"] for post in result.posts] == ["Response stream is not finished."] * 2


def test_return_values_are_ignored_aloud(node):
    result = node(STREAM % "stream.end('x'); return 1")
    assert result.only.raw == b"x"
    assert "\tWARN\tStreaming handlers ignore return values.\n" in result.output


def test_work_goes_on_after_the_response(node):
    result = node(STREAM % "stream.end('x'); setTimeout(() => console.log('later'), 20)", events=[Event(), Event()])
    assert result.output.count("later") == 2
    source = STREAM % "context.callbackWaitsForEmptyEventLoop = false; stream.end('x'); setTimeout(() => console.log('later'), 60000)"
    assert "later" not in node(source, events=[Event(), Event()]).output


def test_an_uncaught_exception_cuts_the_response_off(node):
    result = node(STREAM % "stream.write('x'); setTimeout(() => { throw new RangeError('out') }, 5); await new Promise(() => {})")
    assert (result.posts, result.status) == ([], 129)
    early = node(STREAM % "setTimeout(() => { throw new RangeError('out') }, 5); await new Promise(() => {})")
    assert (early.only.kind, early.only.error_type, early.status) == ("error", "RangeError", 129)


def test_a_refused_answer_is_not_the_end(node):
    result = node(STREAM % "stream.end('x')", events=[Event(), Event()], statuses={"response": 413})
    assert len(result.posts) == 2


def test_events_that_are_no_json(node):
    result = node(STREAM % "stream.end('x')", events=[Event(raw=b"{"), Event()])
    assert error_of(result.posts[0])["errorType"] == "SyntaxError"
    assert result.posts[1].raw == b"x"


def test_the_global_can_be_left_out(node):
    result = node("exports.handler = async () => typeof awslambda", env={"AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA": "1"})
    assert result.only.body == "undefined"
