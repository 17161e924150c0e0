"""What function code says over the two sockets that it has: the Runtime API's and Apus's endpoint.

Statuses of the Runtime API: Lambda's runtime interface emulator, which the API's page in the Lambda Developer Guide
describes. Every attempt runs as a real function.
"""

import json

import pytest

from attack import LIST, Line, Signed, Traces
from conftest import ROLE, Server, zip_of

# Runs what it is told, with a connection to either socket at hand.
ATTEMPT = r"""
import json, os, socket, time
from urllib.parse import urlparse
API = ("127.0.0.1", 9001)
URL = urlparse(os.environ["AWS_ENDPOINT_URL"])
ENDPOINT = (URL.hostname, URL.port)

def say(place, data, close=True):
    "Everything that comes back until the end of the connection."
    with socket.create_connection(place, 10) as connection:
        connection.sendall(data.encode("latin-1"))
        if close: connection.shutdown(socket.SHUT_WR)
        parts = []
        try:
            while part := connection.recv(65536): parts.append(part)
        except OSError: pass
        return b"".join(parts).decode("latin-1")

def statuses(text): return [int(line.split()[1]) for line in text.split("\r\n") if line.startswith("HTTP/1.")]

def handler(event, context):
    scope = dict(globals(), context=context)
    exec(event["code"], scope)
    return scope.get("result")
"""


@pytest.fixture(scope="module")
def world():
    server = Server().start()
    client = server.client()

    def deploy(name, python=ATTEMPT, **settings):
        client.create_function(FunctionName=name, Role=ROLE, Runtime="python3.11", Handler="app.handler", Timeout=30,
                               Code={"ZipFile": zip_of({"app.py": python})}, **settings)
        client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 2000})

    for name in ("hostile", "victim", "doomed"):
        deploy(name)

    def run(code, name="hostile"):
        answer = client.invoke(FunctionName=name, Payload=json.dumps({"code": code}))
        document = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, document
        return document

    server.attempt = run
    assert run("result = 1") == 1 and run("result = 2", "victim") == 2
    traces = Traces(server)
    yield server
    # The environments of the three may have ended or begun meanwhile: each holds a few descriptors.
    assert run("result = 3", "victim") == 3
    traces.before["descriptors"] += 40
    traces.are_gone(memory=96)
    server.close()


# MARK: The Runtime API

NEXT = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: a\r\n"
POST = "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nHost: a\r\n"
FORGED = POST.replace("{id}", "' + context.aws_request_id + '") + "Content-Length: 8\r\n\r\n\"forged\""

RUNTIME_AMBIGUOUS = {
    "a length and chunks": POST + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + "Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello",
    "a plus": POST + "Content-Length: +5\r\n\r\nhello", "a list": POST + "Content-Length: 5, 5\r\n\r\nhello",
    "a minus": POST + "Content-Length: -5\r\n\r\nhello", "bare line feeds": POST.replace("\r\n", "\n") + "Content-Length: 0\n\n",
    "a blank before the colon": POST + "Content-Length : 5\r\n\r\nhello", "a folded header": POST + "X: y\r\n Content-Length: 5\r\n\r\n",
    "broken chunks": POST + "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
    "large chunks": POST + "Transfer-Encoding: chunked\r\n\r\n" + "f" * 20 + "\r\nhello\r\n", "no HTTP": "\x16\x03\x01\x02\r\n\r\n",
    "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("what", RUNTIME_AMBIGUOUS)
def test_the_runtime_api_refuses_what_is_ambiguous(world, what):
    """The forged answer that stands behind it is never taken: the caller gets the function's own."""
    text = RUNTIME_AMBIGUOUS[what].replace("{id}", "other")
    code = f"forged = {FORGED!r}.replace(\"' + context.aws_request_id + '\", context.aws_request_id)\n"
    code += f"said = statuses(say(API, {text!r} + forged))\nresult = ['own', said]"
    own, said = world.attempt(code)
    assert own == "own" and said in ([], [400]), said


def test_answers_to_invocations_of_others_are_refused(world):
    code = "\n".join([
        "ids = ['5f0c1c3e-8b0a-4f6e-9d0a-2b9a5c1d7e42', '', '..', '%2e%2e', context.aws_request_id.upper(), context.aws_request_id + '/x',",
        "       context.aws_request_id + '%00', 'x' * 5000, context.aws_request_id[:-1]]",
        f"result = [statuses(say(API, {POST!r}.replace('{{id}}', each) + 'Content-Length: 8\\r\\n\\r\\n\"forged\"')) for each in ids]"])
    for said in world.attempt(code):
        assert said in ([400], [404], [403]), said


def test_the_runtime_api_has_no_other_paths(world):
    code = "\n".join([
        "paths = ['/', '/2018-06-01/runtime/', '/2018-06-01/runtime/invocation/../../../', '/_apus/health', '/_apus/reset',",
        "         '/2015-03-31/functions/', '//2018-06-01/runtime/invocation/next', '/2018-06-01/runtime/invocation/next%00', '*',",
        "         'http://169.254.169.254/latest/meta-data/', '/2020-01-01/extension/event/next']",
        "result = [statuses(say(API, f'GET {path} HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')) for path in paths]"])
    for said in world.attempt(code):
        assert said in ([400], [403], [404]), said


def test_large_heads_and_many_connections_of_the_runtime_api(world):
    code = "\n".join([
        "big = statuses(say(API, 'GET / HTTP/1.1\\r\\nHost: a\\r\\nX: ' + 'y' * 200000 + '\\r\\n\\r\\n', close=False))",
        "many = statuses(say(API, 'GET / HTTP/1.1\\r\\nHost: a\\r\\n' + 'X: y\\r\\n' * 5000 + '\\r\\n', close=False))",
        "held = [socket.create_connection(API, 10) for _ in range(200)]",
        "for each in held[:40]:",
        "    try: each.sendall(b'POST /2018-06-01/runtime/invocation/x/response HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 99999999\\r\\n\\r\\n' + b'x' * 1000)",
        "    except OSError: pass",
        "result = [big, many, len(held)]"])
    big, many, held = world.attempt(code)
    assert all(said in ([], [400], [413], [431]) for said in (big, many)) and held == 200
    # Those connections are the function's own loss: it goes on, and so do the others.
    assert world.attempt("result = 'on'") == "on" and world.attempt("result = 'on'", "victim") == "on"


def test_a_function_that_asks_for_the_next_event_early_gets_its_own_again(world):
    """`next` during an invocation repeats that one; it takes nobody else's, nor the one after."""
    code = f"""
import json
text = say(API, {NEXT!r} + '\\r\\n')
head, body = text.split('\\r\\n\\r\\n', 1)
same = [line.split(': ')[1] for line in head.split('\\r\\n') if line.lower().startswith('lambda-runtime-aws-request-id')]
result = [statuses(text), same == [context.aws_request_id]]
"""
    said, same = world.attempt(code)
    assert (said, same) == ([200], True) or said == [403], (said, same)
    assert world.attempt("result = 'next'") == "next"


# MARK: The endpoint

def test_the_endpoint_refuses_what_is_ambiguous_from_inside_too(world):
    heads = ["Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
             "Content-Length: +5\r\n\r\nhello", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "X : y\r\n\r\n", "X: y\r\n z\r\n\r\n"]
    code = f"heads = {heads!r}\nresult = [statuses(say(ENDPOINT, 'POST {LIST} HTTP/1.1\\r\\nHost: a\\r\\n' + head + " \
           f"'GET /_apus/health HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')) for head in heads]"
    assert world.attempt(code) == [[400]] * len(heads)


def test_functions_reset_nothing_and_list_nothing(world):
    code = f"""
result = [statuses(say(ENDPOINT, method + ' ' + path + ' HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 0\\r\\n\\r\\n')) for method, path in [
    ('POST', '/_apus/reset'), ('GET', '{LIST}'), ('DELETE', '{LIST}victim'), ('GET', '/_apus/code/x'), ('GET', '/_apus/../etc/passwd')]]
"""
    assert world.attempt(code) == [[404], [403], [403], [403], [404]]


KEYS = "result = [os.environ[name] for name in ('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN')]"


def with_keys(world, key, secret, token, method="POST", path=LIST + "victim/invocations", body=b'{"code": "result = 7"}'):
    request = Signed(world, method, path, body=body, key=key, secret=secret)
    if token is not None:
        request.headers.append(("X-Amz-Security-Token", token))
        request.signed = sorted([*request.signed, "x-amz-security-token"])
    return request.sign().send(world)


def test_credentials_of_environments_do_not_mix(world):
    mine, other = world.attempt(KEYS), world.attempt(KEYS, "victim")
    assert mine[0] != other[0] and mine[1] != other[1] and mine[2] != other[2]
    assert with_keys(world, *mine).status in (200, 403)
    for key, secret, token, code in [
        (mine[0], other[1], mine[2], "InvalidSignatureException"), (mine[0], mine[1], other[2], "UnrecognizedClientException"),
        (other[0], mine[1], mine[2], "UnrecognizedClientException"), (mine[0], mine[1], None, "UnrecognizedClientException"),
        (mine[0], mine[1], "", "UnrecognizedClientException"), (mine[0], mine[1], mine[2][:-4] + "AAAA", "UnrecognizedClientException"),
        (mine[0], mine[1], mine[2][:-1], "UnrecognizedClientException"),
    ]:
        answer = with_keys(world, key, secret, token)
        assert (answer.status, answer.code) == (403, code), answer
    # Nobody becomes the owner by them.
    answer = with_keys(world, *mine, method="DELETE", path=LIST + "victim", body=b"")
    assert (answer.status, answer.code) == (403, "AccessDeniedException"), answer


def test_credentials_end_with_their_environment(world):
    keys = world.attempt(KEYS, "doomed")
    world.client().delete_function(FunctionName="doomed")
    from attack import eventually

    eventually(lambda: with_keys(world, *keys).status == 403, what="the end of the keys")
    answer = with_keys(world, *keys)
    assert answer.code in ("UnrecognizedClientException", "ExpiredTokenException", "AccessDeniedException"), answer


def test_one_environment_does_not_take_all_connections(world):
    """256 of them are served; the rest is turned away, and everybody else is served as before."""
    code = """
held, served = [], 0
for number in range(700):
    connection = socket.create_connection(ENDPOINT, 10)
    connection.sendall(b'GET /_apus/health HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')
    served += connection.recv(12).endswith(b'200')
    held.append(connection)
result = served
"""
    assert world.attempt(code) in range(250, 257)
    assert Signed(world).sign().send(world).status == 200
    assert world.attempt("result = statuses(say(ENDPOINT, 'GET /_apus/health HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'))", "victim") == [200]
    with Line(world) as line:
        assert line.send(b"GET /_apus/health HTTP/1.1\r\nHost: a\r\n\r\n").answer().status == 200
