"""Request smuggling: messages whose end two readers could see at different places, and what is no HTTP/1.1.

RFC 9112, sections 2.2 to 7 and 11.2: what is ambiguous is answered with 400, and the connection ends, so that nothing
that stands behind it is ever a request.
"""

import json

import pytest

from attack import LIST, Line, Signed, Traces, say
from conftest import ROLE, Server, zip_of

HEAD = f"POST {LIST}f/invocations HTTP/1.1\r\nHost: a\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"


@pytest.fixture(scope="module")
def target():
    server = Server().start()
    server.client().create_function(
        FunctionName="victim", Role=ROLE, Runtime="python3.11", Handler="app.handler", Code={"ZipFile": zip_of({"app.py": ""})})
    assert Signed(server).sign().send(server).status == 200
    traces = Traces(server)
    yield server
    # The victim of every smuggled request is there.
    assert server.client().get_function(FunctionName="victim")
    traces.are_gone()
    server.close()


def smuggled(server):
    """What must never be done: a request that is good in itself."""
    return Signed(server, "DELETE", LIST + "victim").sign().bytes()


AMBIGUOUS = {
    "a length and chunks": HEAD + "Content-Length: 5\r\n" + CHUNKED + "\r\n0\r\n\r\n",
    "chunks and a length": HEAD + CHUNKED + "Content-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": HEAD + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "the same length twice": HEAD + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "lengths in other cases": HEAD + "content-length: 5\r\nCONTENT-LENGTH: 50\r\n\r\nhello",
    "a list of lengths": HEAD + "Content-Length: 5, 5\r\n\r\nhello",
    "a plus": HEAD + "Content-Length: +5\r\n\r\nhello",
    "a minus": HEAD + "Content-Length: -1\r\n\r\n",
    "hexadecimal": HEAD + "Content-Length: 0x5\r\n\r\nhello",
    "an exponent": HEAD + "Content-Length: 5e0\r\n\r\nhello",
    "a blank inside": HEAD + "Content-Length: 1 0\r\n\r\nhello",
    "past all integers": HEAD + "Content-Length: 18446744073709551621\r\n\r\nhello",
    "other digits": HEAD + "Content-Length: \xb2\r\n\r\nhello",
    "no length": HEAD + "Content-Length:\r\n\r\nhello",
    "a blank before the colon": HEAD + "Content-Length : 5\r\n\r\nhello",
    "a tab before the colon": HEAD + "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "a blank before the name": HEAD + " Content-Length: 5\r\n\r\nhello",
    "a folded length": HEAD + "Content-Length:\r\n 5\r\n\r\nhello",
    "a folded header": HEAD + "X: y\r\n Content-Length: 5\r\n\r\nhello",
    "identity": HEAD + "Transfer-Encoding: identity\r\n\r\n",
    "chunks of chunks": HEAD + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunks inside": HEAD + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "compressed chunks": HEAD + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "encodings twice": HEAD + CHUNKED + "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "nearly chunked": HEAD + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "quoted": HEAD + 'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "a vertical tab": HEAD + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "bare line feeds": HEAD.replace("\r\n", "\n") + "Content-Length: 0\n\n",
    "a bare line feed in a value": HEAD + "X: y\nContent-Length: 5\r\n\r\nhello",
    "a bare carriage return": HEAD + "X: y\rContent-Length: 5\r\n\r\nhello",
    "a NUL in a value": HEAD + "X: a\0b\r\n\r\n",
    "a NUL in a name": HEAD + "X\0Y: a\r\n\r\n",
    "no name": HEAD + ": a\r\n\r\n",
    "no colon": HEAD + "Content-Length 5\r\n\r\nhello",
    "chunks in HTTP/1.0": HEAD.replace("1.1", "1.0") + CHUNKED + "\r\n0\r\n\r\n",
    "no host": f"GET {LIST} HTTP/1.1\r\n\r\n",
    "two hosts": f"GET {LIST} HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a path for a host": f"GET {LIST} HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a user in the host": f"GET {LIST} HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "authority form": "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
    "no slash": "GET 2015-03-31 HTTP/1.1\r\nHost: a\r\n\r\n",
    "another scheme": "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "blanks in the target": f"GET {LIST} x HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/0.9": f"GET {LIST}\r\n\r\n",
    "HTTP/2": f"GET {LIST} HTTP/2.0\r\nHost: a\r\n\r\n",
    "the preface of HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "another protocol": "EHLO a\r\n",
    "a name that is no token": HEAD + "X(Y): z\r\n\r\n",
}


@pytest.mark.parametrize("what", AMBIGUOUS)
def test_what_is_ambiguous_ends_the_connection(target, what):
    answers = say(target, AMBIGUOUS[what].encode("latin-1") + smuggled(target) + smuggled(target))
    assert [answer.status for answer in answers] == [400], answers
    assert answers[0].code == "MalformedHttpRequestException" and answers[0].headers["connection"] == "close"


BROKEN_CHUNKS = {
    "no digits": "xyz\r\n\r\n", "a minus": "-1\r\n\r\n", "a plus": "+5\r\nhello\r\n0\r\n\r\n", "hexadecimal's mark": "0x5\r\nhello\r\n0\r\n\r\n",
    "too large": "f" * 17 + "\r\nhello\r\n0\r\n\r\n", "bare line feeds": "5\nhello\n0\n\n", "longer than it says": "4\r\nhello\r\n0\r\n\r\n",
    "shorter than it says": "6\r\nhello\r\n0\r\n\r\n", "a blank before": " 5\r\nhello\r\n0\r\n\r\n",
    "no end of line": "5\r\nhello0\r\n\r\n", "a line feed in an extension": "5;a=b\nc\r\nhello\r\n0\r\n\r\n",
    "a broken trailer": "5\r\nhello\r\n0\r\nA B: c\r\n\r\n", "a folded trailer": "5\r\nhello\r\n0\r\nA: b\r\n c\r\n\r\n",
}


@pytest.mark.parametrize("what", BROKEN_CHUNKS)
def test_broken_chunks_end_the_connection(target, what):
    """Signed, so that the body is read, and followed by what it would smuggle."""
    request = Signed(target, "POST", LIST + "victim/invocations", payload=__import__("hashlib").sha256(b"hello").hexdigest()).sign()
    answers = say(target, request.bytes(["Transfer-Encoding: chunked"]) + BROKEN_CHUNKS[what].encode() + smuggled(target))
    assert len(answers) <= 1 and all(answer.status in (400, 403, 408) for answer in answers), answers


def test_what_is_not_ambiguous_is_served(target):
    """Chunks with extensions and trailers; a trailer is no header, and none may say how long the body was."""
    request = Signed(target, "PUT", "/2015-03-31/functions/victim/configuration", body=b'{"Timeout": 7}')
    head = request.sign().bytes(["Transfer-Encoding: chunked"])[:-len(request.body)]
    with Line(target) as line:
        chunks = b"a;x=y;z=\"q\"\r\n" + request.body[:10] + b"\r\n4\r\n" + request.body[10:] + b"\r\n0\r\nHost: b\r\nX-Amz-Date: x\r\n\r\n"
        answer = line.send(head + chunks).answer()
        assert answer.status == 200 and json.loads(answer.body)["Timeout"] == 7, answer
        # The next request begins where it should.
        assert line.send(Signed(target).sign().bytes()).answer().status == 200
    answers = say(target, head + chunks.replace(b"Host: b", b"Content-Length: 99") + smuggled(target))
    assert [answer.status for answer in answers] == [400], answers


def test_bodies_hold_no_requests(target):
    """A refused request's body is no request, whether its connection goes on or not."""
    inner = smuggled(target)
    for padding in (0, 100_000):
        head = f"POST {LIST}f/invocations HTTP/1.1\r\nHost: a\r\nContent-Length: {len(inner) + padding}\r\n\r\n".encode()
        answers = say(target, head + inner + b" " * padding)
        assert [(answer.status, answer.code) for answer in answers] == [(403, "MissingAuthenticationTokenException")], answers
    # And of one that is accepted.
    request = Signed(target, "POST", LIST + "missing/invocations", body=inner).sign()
    answers = say(target, request.bytes() + Signed(target).sign().bytes())
    assert [answer.status for answer in answers][-1] == 200 and len(answers) == 2, answers


def test_a_body_that_never_ends_is_no_body(target):
    """The client is gone before the end: nothing is done."""
    request = Signed(target, "DELETE", LIST + "victim", body=b" " * 100).sign()
    assert [answer.status for answer in say(target, request.bytes()[:-1])] in ([], [400])
    chunked = Signed(target, "DELETE", LIST + "victim").sign().bytes(["Transfer-Encoding: chunked"])
    for rest in (b"", b"5\r\nhel", b"0\r\n", b"0\r\n\r"):
        assert [answer.status for answer in say(target, chunked + rest)] in ([], [400]), rest


def test_expectations(target):
    request = Signed(target, "PUT", "/2015-03-31/functions/victim/configuration", body=b'{"Timeout": 8}').sign()
    head = request.bytes([f"Content-Length: {len(request.body)}", "Expect: 100-continue"])[:-len(request.body)]
    with Line(target) as line:
        assert line.send(head).answer().status == 100
        assert json.loads(line.send(request.body).answer().body)["Timeout"] == 8
    # Nobody is invited whose signature cannot be good.
    request.replace("Authorization", "AWS4-HMAC-SHA256 x")
    answers = say(target, request.bytes([f"Content-Length: {len(request.body)}", "Expect: 100-continue"]) + smuggled(target))
    assert [answer.status for answer in answers] == [403], answers
    answers = say(target, (HEAD + "Expect: the-unexpected\r\nContent-Length: 1\r\n\r\nx").encode() + smuggled(target))
    assert [answer.status for answer in answers] == [417], answers


def test_upgrades_are_not_taken(target):
    for offer in ("h2c", "websocket", "TLS/1.2"):
        request = Signed(target).sign()
        request.headers += [("Connection", "Upgrade"), ("Upgrade", offer)]
        answers = say(target, request.bytes() + smuggled(target))
        assert [answer.status for answer in answers] == [200], answers


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "PATCH", "HEAD", "PROPFIND", "QUERY", "get", "X" * 100])
def test_other_methods(target, method):
    """Nothing is repeated to whoever asks, and nothing is done."""
    request = Signed(target, method, LIST + "victim", headers=[("X-Secret", "apus-secret")]).sign()
    answers = say(target, request.bytes(), method)
    assert len(answers) <= 1 and all(answer.status in (400, 403, 404, 405) for answer in answers), answers
    assert all(b"apus-secret" not in answer.body for answer in answers)


def test_absolute_targets_are_those_of_their_paths(target):
    request = Signed(target).sign()
    line, rest = request.bytes().split(b"\r\n", 1)
    absolute = line.replace(b" /", f" http://{request.host}/".encode(), 1)
    assert say(target, absolute + b"\r\n" + rest)[0].status == 200
    # Whatever the target's authority says, it is the header that was signed, and by which is decided.
    absolute = line.replace(b" /", b" http://elsewhere.example/", 1)
    assert say(target, absolute + b"\r\n" + rest)[0].status == 200
    assert say(target, line.replace(b" /", b" http://a#b/", 1) + b"\r\n" + rest)[0].status == 400
