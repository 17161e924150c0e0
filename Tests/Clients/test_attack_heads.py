"""Header smuggling, tricks with paths, and heads that are too large.

Expectations: what a service decides by must be what was signed (IAM User Guide, "Create a signed AWS API request"); paths
and names as Lambda validates them; 414 and 431 as RFC 9110 and RFC 6585 have them.
"""

import json
import urllib.parse

import pytest

from attack import LIST, Line, Signed, Traces, say
from conftest import ROLE, Server, zip_of

INVALID = "InvalidSignatureException"


@pytest.fixture(scope="module")
def target():
    server = Server().start()
    server.client().create_function(
        FunctionName="victim", Role=ROLE, Runtime="python3.11", Handler="app.handler", Code={"ZipFile": zip_of({"app.py": ""})})
    assert Signed(server).sign().send(server).status == 200
    traces = Traces(server)
    yield server
    assert server.client().get_function(FunctionName="victim")
    traces.are_gone()
    server.close()


# MARK: Headers

def with_headers(request, *headers, first=False):
    request.headers = [*headers, *request.headers] if first else [*request.headers, *headers]
    return request


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("name,value,status,code", [
    ("Host", "b", 400, "MalformedHttpRequestException"), ("host", "b", 400, "MalformedHttpRequestException"),
    ("X-Amz-Date", "20260101T000000Z", 403, INVALID), ("x-amz-date", "20260101T000000Z", 403, INVALID),
    ("Authorization", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e", 403, None), ("authorization", "Basic dXNlcjpwYXNz", 403, None),
    ("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD", 403, INVALID), ("X-Amz-Target", "Logs_20140328.DeleteLogGroup", 403, INVALID),
    ("X-Amz-Security-Token", "IQoJ", 403, "UnrecognizedClientException"), ("X-AMZ-META", "x", 403, INVALID),
])
def test_what_is_added_to_a_signed_request(target, first, name, value, status, code):
    answer = with_headers(Signed(target).sign(), (name, value), first=first).send(target)
    assert answer.status == status and (code is None or answer.code == code), answer


@pytest.mark.parametrize("name", ["X_Amz_Date", "X-Amz_Target", "X Amz-Date", "X-Amz-Date\u00a0", "Authorization_", "H\u00f6st"])
def test_twins_of_headers_are_not_what_they_look_like(target, name):
    """A name with another character is another header, or none at all."""
    answers = say(target, with_headers(Signed(target).sign(), (name, "20260101T000000Z")).bytes())
    legal = all(character.isascii() and (character.isalnum() or character in "-_") for character in name)
    assert [answer.status for answer in answers] == [200 if legal else 400], answers


def test_signed_headers_that_are_not_there(target):
    """Whoever names one as signed has signed its absence."""
    request = Signed(target, signed=["host", "x-absent", "x-amz-date"]).sign()
    assert with_headers(request, ("X-Absent", "now it is")).send(target).code == INVALID
    for missing in ("host", "x-amz-date"):
        signed = [name for name in ("host", "x-amz-date") if name != missing]
        answer = Signed(target, signed=signed).sign().send(target)
        assert (answer.status, answer.code) == (403, INVALID) and "must be a 'SignedHeader'" in answer.message, answer


def test_folded_headers_of_a_signed_request(target):
    request = Signed(target, headers=[("X-Custom", "a b")]).sign()
    folded = request.bytes().replace(b"X-Custom: a b", b"X-Custom: a\r\n b")
    assert [answer.status for answer in say(target, folded + request.bytes())] == [400]


def test_blanks_that_the_signature_leaves_out_change_nothing(target):
    """Canonical values have single blanks: whoever adds some signs the same, and the service reads the same."""
    request = Signed(target, headers=[("X-Custom", "a b")]).sign()
    assert request.replace("X-Custom", "  a   b ").send(target).status == 200
    assert request.replace("X-Custom", "ab").send(target).code == INVALID


def test_answers_repeat_no_header_of_the_request(target):
    """Neither the request's id nor the connection's fate is the client's to choose."""
    request = with_headers(Signed(target).sign(), ("x-amzn-RequestId", "mine"), ("Set-Cookie", "a=b"), ("Server", "mine"))
    answer = request.send(target)
    assert answer.status == 200 and answer.headers["x-amzn-requestid"] != "mine"
    assert "set-cookie" not in answer.headers and "server" not in answer.headers


def test_messages_repeat_nothing_that_would_be_a_header(target):
    """Names and values come back in JSON, escaped."""
    name = "x%0d%0aSet-Cookie:%20a=b"
    answer = Signed(target, path=LIST + urllib.parse.unquote(name).replace("\r\n", "%0D%0A").replace(" ", "%20")).sign().send(target)
    assert answer.status in (400, 404) and "set-cookie" not in answer.headers, answer
    json.loads(answer.body)


# MARK: Paths

PATHS = [
    "..", ".", "../..", "%2e%2e", "%2E%2E/%2e%2e", "..%2f..", "..%5c..", "%252e%252e", "%25%32%65", "....//", "victim/../victim", "%2f",
    "%00", "victim%00", "victim%00.py", "victim%0a", "victim%20", "//victim", "victim;x", "victim#x", "%c0%ae%c0%ae",
    "%c1%9c", "%e0%80%ae", "%f0%80%80%ae", "%ed%a0%80", "%ff", "%", "%2", "%zz", "%u002e", "~root", "victim:../x", "a" * 200,
    "etc%2fpasswd", "arn:aws:lambda:us-east-1:000000000000:function:..%2fvictim", "$LATEST", "victim:%2e%2e",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("prefix,suffix", [(LIST, ""), (LIST, "/code-signing-config"), ("/2018-10-31/layers/", "/versions/1"), ("/_apus/", ""),
                                           ("/_apus/code/", "")])
def test_names_that_lead_elsewhere(target, prefix, suffix, path):
    """Nothing is found, and nothing is done, whatever the name, whether it was signed or not."""
    for sign in (True, False):
        request = Signed(target, "DELETE" if sign else "GET", prefix + path + suffix)
        data = (request.sign() if sign else request).bytes()
        answers = say(target, data)
        assert len(answers) == 1 and answers[0].status in (400, 403, 404, 405), (path, answers)
        assert b"root:" not in answers[0].body
        if answers[0].body:
            json.loads(answers[0].body)


def test_a_slash_at_the_end_names_the_same(target):
    """Of a function that is not the victim: it is gone, whichever way it is named."""
    target.client().create_function(
        FunctionName="other", Role=ROLE, Runtime="python3.11", Handler="app.handler", Code={"ZipFile": zip_of({"app.py": ""})})
    assert Signed(target, "DELETE", LIST + "other/").sign().send(target).status == 204
    assert Signed(target, "GET", LIST + "other").sign().send(target).status == 404


def test_a_normalised_path_signs_no_other_function(target):
    """The canonical path has no dots and no empty segments; what is done is what the path itself says."""
    request = Signed(target, "DELETE", LIST + "victim").sign()
    for path in ("/2015-03-31/functions/other/../victim", "/2015-03-31/functions/./victim", "/2015-03-31//functions/victim",
                 "/x/../2015-03-31/functions/victim", "/2015-03-31/functions/victim/aliases/.."):
        request.path = path
        answer = request.send(target)
        assert answer.status in (400, 403, 404), (path, answer)


@pytest.mark.parametrize("query", ["%", "%zz=1", "=", "&&&", "MaxItems=1&MaxItems=x", "MaxItems=%00", "MaxItems=1%0d%0aX:y", "Marker=" + "x" * 3000,
                                   "Marker=../../etc/passwd", "Marker=%c0%ae", "MaxItems=" + "9" * 40, "MaxItems=-1", "a=b;c=d", "?" * 100])
def test_queries_that_say_nothing(target, query):
    request = Signed(target, query=query)
    request.canonical  # what Python makes of it need not be what was sent: refused or read, never more
    answer = request.sign().send(target)
    assert answer.status in (200, 400, 403), answer
    json.loads(answer.body)


# MARK: Size

def test_targets_and_heads_that_are_too_large(target):
    for data, status in [
        (f"GET /{'a' * 20_000} HTTP/1.1\r\nHost: a\r\n\r\n", 414), (f"GET /?{'a' * 20_000} HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (f"GET / HTTP/1.1\r\nHost: a\r\nX: {'a' * 40_000}\r\n\r\n", 431), (f"GET / HTTP/1.1\r\nHost: a\r\n{'a' * 40_000}: x\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: a\r\n" + "X: y\r\n" * 129 + "\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: a\r\n" + "".join(f"X{n}: {'y' * 1000}\r\n" for n in range(100)) + "\r\n", 431),
        (f"GET / HTTP/1.1\r\nHost: {'a' * 40_000}\r\n\r\n", 431), (f"{'A' * 200_000} / HTTP/1.1\r\n\r\n", 400),
    ]:
        answers = say(target, data.encode())
        assert [answer.status for answer in answers] == [status], (data[:40], answers)
        assert answers[0].headers["connection"] == "close"


def test_heads_without_an_end(target):
    """However long somebody goes on, so much is read and no more."""
    for piece in (b"a" * 65_536, b"X: y\r\n" * 10_000, b"X: " + b"y" * 60_000 + b"\r\n", b"\r\n" * 30_000):
        with Line(target) as line:
            line.send(b"GET / HTTP/1.1\r\nHost: a\r\n" if piece[:1] != b"\r" else b"")
            sent = 0
            try:
                while sent < 32 << 20:
                    line.socket.sendall(piece)
                    sent += len(piece)
            except (BrokenPipeError, ConnectionResetError):
                pass
            assert piece[:1] == b"\r" or sent < 32 << 20, "all of it was taken"


def test_bodies_that_are_too_large_are_refused_before_they_come(target):
    for length in (6_291_557, 1 << 40, 10 ** 17):
        request = Signed(target, "POST", LIST + "victim/invocations").sign()
        with Line(target) as line:
            answer = line.send(request.bytes([f"Content-Length: {length}"])).answer()
            assert answer.status == 413 and answer.headers["connection"] == "close", answer
    # And those without a length once they are.
    request = Signed(target, "POST", LIST + "victim/invocations").sign()
    with Line(target) as line:
        line.send(request.bytes(["Transfer-Encoding: chunked"]))
        try:
            for _ in range(16):
                line.send(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = line.answer()
        assert answer is None or answer.status == 413, answer
