"""The Java bootstrap. Expectations: the developer guide's pages about Java handlers, contexts and logging, and what AWS's
own client (aws-lambda-java-libs) and its settings of Jackson do."""

import json
import shutil
import subprocess

import pytest
from conftest import JDKS, javac
from mock_runtime import REQUEST_ID, TRACE, Event, run

FIRST = REQUEST_ID % 0
FLAGS = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xss512k"]


@pytest.fixture
def java(java_version, java_classes, tmp_path, ahead):
    def invoke(handler, events=(Event(),), env=None, flags=(), task=None, rested=True, **more):
        bootstrap, cases = java_classes(java_version)
        command = [str(JDKS[java_version] / "bin/java"), *FLAGS, *flags, "-cp", str(bootstrap), "apus.lambda.Bootstrap"]
        return run(command, task or cases, {}, handler, events, env, ahead=ahead, keeps_directory=True, rested=rested, **more)

    return invoke


def answers(result):
    assert [post.kind for post in result.posts] == ["response"] * len(result.posts), result.output
    return [post.body for post in result.posts]


def call(java, method, *values):
    return answers(java("example.Cases::" + method, [Event(value) for value in values]))


def test_a_handler_of_values_keeps_its_state_and_one_connection(java):
    result = java("example.Cases$Greeting", [Event({"name": "Grüße"}), Event({"name": 2})])
    assert answers(result) == ["Hello, Grüße 1!", "Hello, 2 2!"] and result.connections == 1
    assert result.posts[0].headers["content-type"] == "application/json"


VALUE = {"a": [1, 2.5, -3, 1e100, 12345678901, 123456789012345678901234567890, True, None, "ü☕\n\"\\"], "b": {"c": {}}, "d": []}


def test_objects_of_no_particular_type(java):
    big = "é" * 500_000
    events = [Event(VALUE), Event("text"), Event(1), Event([]), Event(big), Event(big, chunked=True)]
    assert answers(java("example.Cases$Echo", events)) == [VALUE, "text", 1, [], big, big]


def test_a_handler_of_bytes(java):
    raw = b'{"a" : \xff' + bytes(range(256)) * 1000
    assert [post.raw for post in java("example.Cases$Bytes", [Event(raw=raw), Event(raw=b"x")]).posts] == [raw, b"x"]


def test_types_come_from_superclasses_too(java):
    orders = [{"lines": [{"amount": 2, "price": 10}, {"amount": 1, "price": 5}]}, {"lines": []}]
    assert answers(java("example.Cases$Inherited", [Event(orders)])) == [[25, 0]]


def test_beans(java):
    order = {"id": "7", "lines": [{"amount": 1, "price": 2}], "size": "LARGE", "notes": {"SMALL": ["a", "b"]}, "isPaid": True,
             "gift": True, "URL": "u", "holder": {"value": {"amount": 3, "price": 0}, "more": [{"amount": 4, "price": 0}]}}  # fmt: skip
    extra = {**order, "unknown": [1], "Id": "no", "hidden": "no", "secret": "no", "size": "LARGE"}
    assert call(java, "order", order, extra) == [order, order]


def test_what_a_bean_has_nothing_of_is_left_out(java):
    assert call(java, "order", {"size": "HUGE", "lines": None}, {"id": 5, "lines": {"amount": 1}}) == [
        {"gift": False}, {"id": "5", "lines": [{"amount": 1, "price": 0}], "gift": False}
    ]  # fmt: skip
    # Properties stand in the order of the fields.
    text = java("example.Cases::order", [Event({"id": "1", "size": "SMALL", "URL": "u"})]).only.raw
    assert text == b'{"id":"1","lines":[],"size":"SMALL","gift":false,"URL":"u"}'


SCALARS = {
    "b": -1, "s": 300, "i": -70000, "l": 2**40, "f": 1.5, "d": 1e300, "z": True, "c": "x", "boxed": 1, "longBoxed": 2, "real": 0.1,
    "flag": False, "letter": "é", "text": "t", "big": 2**80, "decimal": 1.25, "number": 7, "any": {"k": [1]}, "bytes": "AP8=",
    "ints": [1, 2], "chars": "ab", "sizes": ["SMALL"], "maybe": "m", "uuid": "123e4567-e89b-12d3-a456-426614174000", "date": 1500,
    "instant": 1.5, "day": [2026, 1, 2], "moment": [2026, 1, 2, 3, 4, 5], "span": 90.0, "set": ["one"], "sorted": {"1": True, "2": False},
    "sized": {"LARGE": 1}, "nested": {"a": [{"b": 1}]},
}  # fmt: skip


def test_scalars_and_containers(java):
    [same] = call(java, "scalars", SCALARS)
    assert same == SCALARS
    assert call(java, "types", SCALARS) == [["java.util.LinkedHashMap", "java.lang.Integer", "LinkedHashMap", "HashSet"]]


DEFAULTS = {"b": 0, "s": 0, "i": 0, "l": 0, "f": 0.0, "d": 0.0, "z": False, "c": "\0"}

COERCIONS = [
    ({"i": "12", "l": " 5 ", "d": "1e3", "z": "true", "boxed": "", "flag": ""}, {"i": 12, "l": 5, "d": 1000.0, "z": True}),
    ({"i": 12.9, "z": 1, "text": 1.50, "boxed": None, "i": 3}, {"i": 3, "z": True, "text": "1.5"}),
    ({"i": [4], "text": ["t"], "ints": 5, "set": "s", "sizes": "LARGE"}, {"i": 4, "text": "t", "ints": [5], "set": ["s"], "sizes": ["LARGE"]}),
    ({"i": None, "z": None, "text": True, "boxed": []}, {"text": "true"}),
    ({"real": "NaN", "sizes": [1, "no"], "day": "2026-01-02", "instant": "1970-01-01T00:00:05Z", "span": "PT1M"},
     {"real": "NaN", "sizes": ["LARGE", None], "day": [2026, 1, 2], "instant": 5.0, "span": 60.0}),
    ({"date": "1970-01-01T00:00:01.500Z", "moment": "2026-01-02T03:04", "number": 1.5}, {"date": 1500, "moment": [2026, 1, 2, 3, 4], "number": 1.5}),
    ({"nested": {}, "sorted": [], "bytes": "", "date": "1970-01-01"}, {"nested": {}, "bytes": "", "date": 0}),
]  # fmt: skip


def test_values_that_nearly_fit_are_made_to(java):
    given = call(java, "scalars", *[value for value, _ in COERCIONS])
    for (value, expected), result in zip(COERCIONS, given):
        assert {k: v for k, v in result.items() if k not in DEFAULTS or v != DEFAULTS[k] or k in expected} == expected, value


UNFIT = [
    ("scalars", {"i": "x"}, 'Cannot deserialize value of type `int` from String "x": not a valid `int` value'),
    ("scalars", {"i": 3000000000}, "Numeric value (3000000000) out of range of int (-2147483648 - 2147483647)"),
    ("scalars", {"text": {}}, "Cannot deserialize value of type `java.lang.String` from Object value (token `JsonToken.START_OBJECT`)"),
    ("scalars", {"i": True}, "Cannot deserialize value of type `int` from Boolean value (token `JsonToken.VALUE_TRUE`)"),
    ("scalars", {"l": 10**4000}, "out of range"),
    ("scalars", "text", "Cannot construct instance of `example.Cases$Scalars`"),
    ("text", {"a": 1}, "Cannot deserialize value of type `java.lang.String` from Object value"),
    ("text", ["a", "b"], "Cannot deserialize value of type `java.lang.String` from Array value"),
    ("number", [1, 2], "Cannot deserialize value of type `int` from Array value"),
]  # fmt: skip


def test_values_that_do_not_fit(java):
    for method in ("scalars", "text", "number"):
        cases = [case for case in UNFIT if case[0] == method]
        result = java("example.Cases::" + method, [Event(value) for _, value, _ in cases])
        records = [line for line in result.output.split("\n") if line]
        for (_, value, message), post, record in zip(cases, result.posts, records, strict=True):
            assert post.body == {"errorMessage": "An error occurred during JSON parsing", "errorType": "java.lang.RuntimeException", "stackTrace": []}
            assert "\rCaused by: " in record and message in record, value
            assert post.error_type == "Runtime.UserException"


LENIENT = [
    (b" {'a': [NaN, 007, -Infinity], b: \"\\x\t\"} x", {"a": ["NaN", 7, "-Infinity"], "b": "x\t"}),
    (b"\xef\xbb\xbf[1]", [1]),
    (b'"\\u00e9\\ud83d\\ude00"', "é😀"),
    (b"[1,[2,[3]]]", [1, [2, [3]]]),
]
MALFORMED = [b"", b"  ", b"{", b"[1", b'{"a"', b'{"a":', b'{"a":1', b'"x', b'"\\u12', b"01x", b"1.", b"-", b"1e", b"nul", b"truex", b"{1}", b"[1 2]", b"}", b"[" * 2000]


def test_reads_json_as_leniently_as_aws(java):
    assert answers(java("example.Cases$Echo", [Event(raw=raw) for raw, _ in LENIENT])) == [value for _, value in LENIENT]


def test_refuses_what_is_no_json(java):
    result = java("example.Cases$Echo", [Event(raw=raw) for raw in MALFORMED])
    assert [post.body["errorMessage"] for post in result.posts] == ["An error occurred during JSON parsing"] * len(MALFORMED)


def test_damaged_json_never_ends_the_environment(java):
    """Whatever comes in is answered, by a value or by an error."""
    import random

    damage = random.Random(42)
    seed = json.dumps(SCALARS).encode()
    events = []
    for _ in range(400):
        text = bytearray(seed)
        for _ in range(damage.randint(1, 4)):
            place = damage.randrange(len(text))
            text[place : place + damage.randint(0, 2)] = damage.choice([b"", b"{", b"]", b'"', b"\\", b"9" * 30, b"-", b"null", bytes([damage.randrange(256)])])
        events.append(Event(raw=bytes(text)))
    result = java("example.Cases::scalars", events)
    assert len(result.posts) == 400 and {post.kind for post in result.posts} == {"response", "error"}
    for post in result.posts:
        assert post.kind == "response" or post.body["errorMessage"] == "An error occurred during JSON parsing"


def test_writes_json_as_aws_does(java):
    raws = [post.raw.decode() for post in java("example.Cases::values", [Event(x) for x in ("special", "times", "nulls", "null", "empty")]).posts]
    assert raws == [
        '["NaN","Infinity",1.0E10,1.5,"c","\\u0001\\"\\\\/\u2028"]',
        "[5.000001000,[2026,1,2],[2026,1,2,3,4],1.500000000,7,null,1]", '{"list":[null,1]}', "null", "{}",
    ]  # fmt: skip
    assert call(java, "narrowed", 0) == [{"shown": 1}] and call(java, "wide", 0) == [{"shown": 1, "kept": 2}]


def test_values_that_cannot_be_written(java):
    result = java("example.Cases::values", [Event("cycle"), Event("getter"), Event("fine")])
    messages = [post.body.get("errorMessage") for post in result.posts[:2]]
    assert messages == ["An error occurred during JSON serialization of response"] * 2 and result.posts[2].body == "fine"
    assert "Document nesting depth" in result.output and "no such thing" in result.output


METHODS = [
    ("text", "x", "<x>"), ("text", 1, "<1>"), ("number", 1, 2), ("nothing", {}, None), ("fromContext", {}, "hello"), ("in", {}, None),
    ("out", {}, [256]), ("overloaded", "x", "context"),
]  # fmt: skip


@pytest.mark.parametrize("method, event, expected", METHODS)
def test_methods(java, method, event, expected):
    assert call(java, method, event) == [expected]


NOT_FOUND = {
    "example.Gone": ("Class not found: example.Gone", "java.lang.ClassNotFoundException"),
    "example.Gone::x": ("Class not found: example.Gone", "java.lang.ClassNotFoundException"),
    "example.Cases": ("Class does not implement an appropriate handler interface: example.Cases", None),
    "example.Cases::gone": ("No public method named gone with appropriate method signature found on class example.Cases", None),
    "example.Cases::hidden": ("No public method named hidden with appropriate method signature found on class example.Cases", None),
    "example.Cases::two": ("No public method named two with appropriate method signature found on class example.Cases", None),
    "example.Cases::": ("Invalid handler: `example.Cases::'", None),
    "example.Cases$Raw": ("Class example.Cases$Raw does not implement RequestHandler with concrete type parameters", None),
    "example.Cases$Private": ("Class example.Cases$Private has no public zero-argument constructor", "java.lang.Exception"),
    "example.Cases$Inner": ("Class example.Cases$Inner cannot be instantiated because it is a non-static inner class", "java.lang.Exception"),
}  # fmt: skip


@pytest.mark.parametrize("handler", NOT_FOUND)
def test_what_is_not_found_fails_each_invocation(java, handler):
    message, kind = NOT_FOUND[handler]
    result = java(handler, [Event(), Event()])
    assert [post.kind for post in result.posts] == ["error", "error"] and result.status is None
    expected = {"errorMessage": message, "errorType": kind} if kind else {"errorMessage": message}
    assert result.posts[1].body == expected and result.posts[1].error_type == "Runtime.BadFunctionCode"
    assert message in result.output


@pytest.mark.parametrize("handler, message, kind", [
    ("example.Cases$Unconstructable", "no way", "java.lang.IllegalStateException"),
    ("example.Cases$Uninitialised", "Error loading class example.Cases$Uninitialised", "java.lang.ExceptionInInitializerError"),
])  # fmt: skip
def test_what_cannot_be_constructed_fails_the_initialisation(java, handler, message, kind):
    result = java(handler)
    assert (result.only.path, result.status, result.nexts) == ("/init/error", 1, 0)
    assert result.only.body == {"errorMessage": message, "errorType": kind} and result.only.error_type == "Runtime.BadFunctionCode"


def test_error_document_and_record(java):
    result = java("example.Cases$Fails", [Event(), Event()])
    body = result.posts[0].body
    assert (body["errorMessage"], body["errorType"]) == ("boom é\nsecond line", "java.lang.IllegalArgumentException")
    assert len(body["stackTrace"]) == 1 and body["stackTrace"][0].startswith("example.Cases$Fails.handleRequest(Cases.java:")
    assert result.posts[0].error_type == "Runtime.UserException" and len(result.posts) == 2
    record = result.output.split("\n")[0].split("\r")
    assert record[:4] == ["boom é", "second line: java.lang.IllegalArgumentException", "java.lang.IllegalArgumentException: boom é", "second line"]
    assert record[4].startswith("\tat example.Cases$Fails.handleRequest") and "apus" not in result.output


def test_checked_errors_of_methods_come_with_their_causes(java):
    result = java("example.Cases::fails", [Event("text"), Event("")])
    first, second = [post.body for post in result.posts]
    assert (first["errorMessage"], first["errorType"], first["stackTrace"][0].split("(")[0]) == ("text", "example.Cases$Oops", "example.Cases.fails")
    # An error without a message is called by its class.
    assert second["errorMessage"] == "example.Cases$Oops"
    assert "\rCaused by: java.lang.IllegalStateException: why\r" in result.output


def test_errors_of_the_machine_end_the_environment(java):
    result = java("example.Cases::overflow", [Event(1), Event(2)])
    assert result.only.body["errorType"] == "java.lang.StackOverflowError" and result.status == 0


@pytest.mark.parametrize("status", [0, 3])
def test_exit_is_left_to_the_platform(java, status):
    result = java("example.Cases::exit", [Event(status)])
    assert (result.posts, result.status, result.output) == ([], status, "last words\n")


def test_context(java):
    client = '{"client":{"app_title":"t","installation_id":"i"},"custom":{"k":"v","n":1},"env":{"locale":"en"}}'
    headers = {"Lambda-Runtime-Client-Context": client, "Lambda-Runtime-Aws-Tenant-Id": "t1",
               "Lambda-Runtime-Cognito-Identity": '{"cognitoIdentityId":"id","cognitoIdentityPoolId":"pool"}'}  # fmt: skip
    first, second = answers(java("example.Cases::context", [Event(headers=headers), Event(headers={"Lambda-Runtime-Trace-Id": None})]))
    assert first == {
        "request": FIRST, "group": "/aws/lambda/hello", "stream": "2026/01/02/[7]abc", "function": "hello", "version": "7",
        "arn": "arn:aws:lambda:us-east-1:123456789012:function:hello:live", "memory": 256, "left": True, "tenant": "t1",
        "trace": TRACE % 0, "property": TRACE % 0, "logger": True, "loader": True, "identity": ["id", "pool"],
        "client": ["t", None, {"k": "v", "n": "1"}, {"locale": "en"}],
    }  # fmt: skip
    assert not {"tenant", "trace", "property", "identity", "client"} & set(second)


def test_a_function_finds_what_it_would_find_from_the_start(java, java_version):
    env = {"OWN": "grün=1", "EMPTY": "", "TZ": "Asia/Tokyo", "LONG": "x" * 3000}
    result = java("example.Cases::surroundings", env=env)
    [found] = answers(result)
    variables = found["variables"]
    assert {name: variables[name] for name in env} == env and variables["_HANDLER"] == "example.Cases::surroundings"
    assert found["one"] == "grün=1" and "none" not in found and "APUS_BINDING" not in variables
    pairs = sorted("%s=%s" % pair for pair in variables.items())
    assert found["inherited"] == pairs and found["extended"] == sorted([*pairs, "MORE=m"])
    assert (found["zone"], found["input"], found["here"], found["directory"]) == ("Asia/Tokyo", -1, True, variables["LAMBDA_TASK_ROOT"])
    # One to the Runtime API, and what the JDK has of its own: none of what it was told its function by.
    assert found["sockets"] <= 2
    # Since Java 16: JEP 396.
    assert found["internals"] == ("open" if int(java_version) < 16 else "InaccessibleObjectException")


def test_a_function_need_not_wait_for_the_rehearsal(java):
    assert answers(java("example.Cases$Echo", [Event(1), Event({"a": [2]})], rested=False)) == [1, {"a": [2]}]


def test_logs_in_order_each_call_one_record(java):
    lines = java("example.Cases::logs", [Event("")]).output.split("\n")
    assert lines == ["one ☕", "two", "three\rand a half", "four", "[WARN] five", "[DEBUG] six", "null", "seven"]


def test_logs_in_json(java):
    env = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "WARN"}
    lines = java("example.Cases::logs", [Event("")], env=env).output.split("\n")
    records = [json.loads(line) for line in (lines[2], lines[4])]
    assert [(record["message"], record["level"], record["AWSRequestId"]) for record in records] == [
        ("three\nand a half", "UNDEFINED", FIRST), ("five", "WARN", FIRST)
    ]  # fmt: skip
    # Bytes are not formatted, and what is less grave is left out.
    assert lines[3] == "four" and not any("six" in line for line in lines)


def test_classes_of_the_function_its_libraries_and_its_own_copy_of_the_interfaces(java, java_version, java_classes, tmp_path):
    """A jar that carries aws-lambda-java-core: the runtime's declarations go first, or its handler would be none."""
    bootstrap, cases = java_classes(java_version)
    library = tmp_path / "task/lib"
    library.mkdir(parents=True)
    shutil.copytree(bootstrap / "com", tmp_path / "jar/com")
    shutil.copytree(cases / "example", tmp_path / "jar/example")
    jar = [JDKS[java_version] / "bin/jar", "cf", library / "all.jar", "-C", tmp_path / "jar", "."]
    subprocess.run([str(part) for part in jar], check=True)
    assert answers(java("example.Cases$Greeting", [Event({"name": "jar"})], task=tmp_path / "task")) == ["Hello, jar 1!"]


def test_events_of_awss_library(java):
    message = {"eventSourceARN": "arn", "detail-type": "t", "when": 1.5, "Region": "r"}
    assert answers(java("example.Events", [Event({"Records": [message]})])) == ["arn t 1500 r"]


def test_records(java, java_version, java_classes, tmp_path):
    if int(java_version) < 16:
        pytest.skip("Java %s has no records" % java_version)
    bootstrap, _ = java_classes(java_version)
    source = tmp_path / "R.java"
    source.write_text("""
import java.util.List;
public class R {
    public record Point(int x, Integer y, List<Point> more) {}
    public Point handle(Point point) { return new Point(point.x() + 1, point.y(), point.more()); }
}
""")
    javac(JDKS[java_version], tmp_path / "task", [source], "-cp", bootstrap)
    assert answers(java("R::handle", [Event({"x": 1, "more": [{"y": 2}], "z": 3})], task=tmp_path / "task")) == [{"x": 2, "more": [{"x": 0, "y": 2}]}]


def test_a_serialiser_of_the_functions_own(java, java_version, java_classes, tmp_path):
    bootstrap, cases = java_classes(java_version)
    task = tmp_path / "task"
    (task / "META-INF/services").mkdir(parents=True)
    shutil.copytree(cases / "example", task / "example")
    (task / "META-INF/services/com.amazonaws.services.lambda.runtime.CustomPojoSerializer").write_text("Own\n")
    source = tmp_path / "Own.java"
    source.write_text("""
import java.io.*;
import java.lang.reflect.Type;
public class Own implements com.amazonaws.services.lambda.runtime.CustomPojoSerializer {
    @SuppressWarnings("unchecked") public <T> T fromJson(InputStream input, Type type) { return (T) ("own " + type); }
    public <T> T fromJson(String input, Type type) { return null; }
    public <T> void toJson(T value, OutputStream output, Type type) {
        try { output.write(("{\\"own\\":\\"" + value + "\\"}").getBytes()); } catch (IOException e) { throw new UncheckedIOException(e); }
    }
}
""")
    javac(JDKS[java_version], task, [source], "-cp", bootstrap)
    assert answers(java("example.Cases::text", [Event("x")], task=task)) == [{"own": "<own class java.lang.String>"}]


def test_refused_answers_do_not_end_the_environment(java):
    result = java("example.Cases$Echo", [Event(1), Event(2)], statuses={"response": 413})
    assert [post.raw for post in result.posts] == [b"1", b"2"]
