"""Forged, replayed, truncated, mixed-up and expired signatures.

Codes and words: what AWS's services answer, as the IAM User Guide ("Troubleshoot Signature Version 4 signing for AWS API
requests") and the services' common errors tell them; REST services answer 403, with the code in x-amzn-ErrorType.
"""

import datetime
import json

import pytest

from attack import LIST, Line, Signed, Traces, minutes
from conftest import Server

INVALID = "InvalidSignatureException"
INCOMPLETE = "IncompleteSignatureException"
MISMATCH = "The request signature we calculated does not match the signature you provided."


@pytest.fixture(scope="module")
def target():
    server = Server().start()
    assert Signed(server).sign().send(server).status == 200
    traces = Traces(server)
    yield server
    traces.are_gone()
    server.close()


def refused(answer, code, words=""):
    assert (answer.status, answer.code) == (403, code), answer
    assert words in answer.message
    assert answer.headers["content-type"] == "application/json" and answer.headers["x-amzn-requestid"]
    assert list(json.loads(answer.body)) == ["message"]


def change_last(text):
    return text[:-1] + ("0" if text[-1] != "0" else "1")


# MARK: One request's signature for another

REPLAYS = {
    "method": lambda request: setattr(request, "method", "DELETE"),
    "path": lambda request: setattr(request, "path", LIST + "other"),
    "a slash more": lambda request: setattr(request, "path", LIST[:-1]),
    "query": lambda request: setattr(request, "query", "MaxItems=2"),
    "another parameter": lambda request: setattr(request, "query", "MaxItems=1&FunctionVersion=ALL"),
    "an empty parameter": lambda request: setattr(request, "query", "MaxItems=1&x"),
    "parameter twice": lambda request: setattr(request, "query", "MaxItems=1&MaxItems=50"),
    "no query": lambda request: setattr(request, "query", ""),
    "host": lambda request: request.replace("Host", "lambda.us-east-1.amazonaws.com"),
    "port": lambda request: request.replace("Host", request.host.split(":")[0]),
    "body": lambda request: setattr(request, "body", b"{}"),
    "date": lambda request: request.replace("X-Amz-Date", (request.time + datetime.timedelta(seconds=1)).strftime("%Y%m%dT%H%M%SZ")),
    "signed header": lambda request: request.replace("X-Custom", "b"),
    "signed header twice": lambda request: request.headers.append(("X-Custom", "b")),
    "without a signed header": lambda request: request.headers.remove(("X-Custom", "a")),
    "names of headers": lambda request: request.replace(
        "Authorization", dict(request.headers)["Authorization"].replace("host;x-amz-date;x-custom", "host;x-amz-date")),
    "order of headers": lambda request: request.replace(
        "Authorization", dict(request.headers)["Authorization"].replace("host;x-amz-date;x-custom", "x-custom;host;x-amz-date")),
}


@pytest.mark.parametrize("what", REPLAYS)
def test_a_signature_is_good_for_one_request(target, what):
    request = Signed(target, query="MaxItems=1", headers=[("X-Custom", "a")]).sign()
    assert request.send(target).status == 200
    REPLAYS[what](request)
    refused(request.send(target), INVALID, MISMATCH)


def test_another_body_is_refused_even_where_its_hash_is_declared(target):
    for payload in (None, "0" * 64):
        body = b'{"Resource": 1}'
        request = Signed(target, "POST", LIST + "f/invocations", body=body)
        declared = payload or __import__("hashlib").sha256(body).hexdigest()
        request.headers.append(("X-Amz-Content-Sha256", declared))
        request.signed = sorted([*request.signed, "x-amz-content-sha256"])
        request.payload = declared
        request.sign()
        request.body = b'{"Resource": 2}'
        refused(request.send(target), INVALID, MISMATCH)


@pytest.mark.parametrize("word", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"])
def test_bodies_must_be_signed(target, word):
    """S3's words do not help elsewhere: https://repost.aws/questions/QUPuq7VvHJRwWxVA3XJIgNKQ"""
    request = Signed(target, "POST", LIST + "f/invocations", body=b"0\r\n\r\n", payload=word, headers=[("X-Amz-Content-Sha256", word)])
    refused(request.sign().send(target), INVALID, MISMATCH)


# MARK: Parts of several

MIXED = {
    "another key's signature": ({"secret": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}, INVALID, MISMATCH),
    "an unknown key": ({"key": "AKIAIOSFODNN7EXAMPLE"}, "UnrecognizedClientException", "The security token included in the request is invalid."),
    "an empty key": ({"key": ""}, INCOMPLETE, "Credential must have exactly 5 slash-delimited elements"),
    "another service": ({"service": "xray"}, INVALID, "Credential should be scoped to correct service: 'lambda'."),
    "a service that is none": ({"service": "lambda2"}, INVALID, "Credential should be scoped to correct service: 'lambda'."),
    "the service in another case": ({"service": "Lambda"}, INVALID, "Credential should be scoped to correct service: 'lambda'."),
    "a region that is none": ({"region": "US EAST"}, None, ""),
    "no region": ({"region": ""}, INVALID, "Credential should be scoped to a valid region"),
    "another terminator": ({"terminator": "aws5_request"}, INVALID, "Credential should be scoped with a valid terminator: 'aws4_request'"),
    "another algorithm": ({"algorithm": "AWS4-HMAC-SHA512"}, INCOMPLETE, "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512'."),
    "an asymmetric algorithm": ({"algorithm": "AWS4-ECDSA-P256-SHA256"}, INCOMPLETE, "Unsupported AWS 'algorithm'"),
    "yesterday's scope": (
        {"day": (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)).strftime("%Y%m%d")}, INVALID,
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP"),
}


@pytest.mark.parametrize("what", MIXED)
def test_mixed_up_parts(target, what):
    parts, code, words = MIXED[what]
    answer = Signed(target, **parts).sign().send(target)
    refused(answer, code or answer.code, words)


def test_a_scope_that_was_not_signed(target):
    """The scope is named, but the signature was made for another."""
    for part, other in (("region", "eu-west-1"), ("service", "lambda")):
        request = Signed(target, **{"region": "us-west-2"}).sign()
        header = dict(request.headers)["Authorization"]
        value = header.replace("/us-west-2/", f"/{other if part == 'region' else 'us-east-1'}/")
        refused(request.replace("Authorization", value).send(target), INVALID, MISMATCH)


def test_the_amazon_date_goes_before_the_other(target):
    """A fresh `Date` does not freshen an old `X-Amz-Date`; and what only the one says is what was signed."""
    fresh = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
    refused(Signed(target, age=minutes(-20), headers=[("Date", fresh)]).sign().send(target), INVALID, "Signature expired")
    old = "Sun, 06 Nov 1994 08:49:37 GMT"
    assert Signed(target, headers=[("Date", old)]).sign().send(target).status == 200
    request = Signed(target).sign()
    request.headers = [(name, value) for name, value in request.headers if name != "X-Amz-Date"] + [("Date", fresh)]
    refused(request.send(target), INVALID)


# MARK: Time

@pytest.mark.parametrize("age,word", [(-6, "Signature expired"), (-60 * 24, "Signature expired"), (6, "Signature not yet current")])
def test_signatures_outside_their_time(target, age, word):
    refused(Signed(target, age=minutes(age)).sign().send(target), INVALID, word)


@pytest.mark.parametrize("stamp", ["", "now", "2026-01-01T00:00:00Z", "20260101T000000", "20261301T000000Z", "20260101T250000Z",
                                   "99999999T999999Z", "20260101T000000Z ; 1", "-0260101T000000Z"])
def test_dates_that_are_none(target, stamp):
    request = Signed(target, stamp=stamp)
    request.replace("X-Amz-Date", stamp)
    answer = request.sign().send(target)
    assert answer.status == 403 and answer.code in (INCOMPLETE, INVALID), answer


# MARK: What is missing

def test_each_part_that_is_missing_is_named(target):
    whole = dict(Signed(target).sign().headers)["Authorization"]
    algorithm, *parts = whole.replace(",", "").split(" ")
    for missing in parts:
        request = Signed(target)
        request.headers.append(("Authorization", f"{algorithm} " + ", ".join(part for part in parts if part != missing)))
        refused(request.send(target), INCOMPLETE, f"Authorization header requires '{missing.split('=')[0]}' parameter.")
    request = Signed(target).sign()
    request.headers = [(name, value) for name, value in request.headers if name != "X-Amz-Date"]
    refused(request.send(target), INCOMPLETE, "requires existence of either a 'X-Amz-Date' or a 'Date' header.")


def test_wherever_the_header_is_cut_off(target):
    request = Signed(target).sign()
    whole = dict(request.headers)["Authorization"]
    with Line(target) as line:
        for end in range(0, len(whole), 3):
            request.replace("Authorization", whole[:end])
            answer = line.send(request.bytes()).answer()
            assert answer.status == 403 and answer.code in (
                INCOMPLETE, INVALID, "MissingAuthenticationTokenException", "UnrecognizedClientException"), (whole[:end], answer)


@pytest.mark.parametrize("signature", ["", "0", "0" * 63, "0" * 64, "0" * 65, "g" * 64, "0" * 10_000, "%00" * 10, "=", "\xff" * 64])
def test_signatures_that_are_none(target, signature):
    request = Signed(target).sign()
    value = dict(request.headers)["Authorization"].split("Signature=")[0] + f"Signature={signature}"
    answer = request.replace("Authorization", value).send(target)
    assert answer.status == 403 and answer.code in (INVALID, INCOMPLETE), answer


def test_a_signature_in_capitals_is_another(target):
    request = Signed(target).sign()
    value = dict(request.headers)["Authorization"]
    head, signature = value.split("Signature=")
    refused(request.replace("Authorization", f"{head}Signature={signature.upper()}").send(target), INVALID)


@pytest.mark.parametrize("scheme", ["Basic dXNlcjpwYXNz", "Bearer eyJhbGciOiJub25lIn0.e30.", "AWS4-HMAC-SHA256", "AWS key:signature", ""])
def test_other_schemes(target, scheme):
    request = Signed(target)
    request.headers.append(("Authorization", scheme))
    answer = request.send(target)
    assert answer.status == 403 and answer.code in (INCOMPLETE, "MissingAuthenticationTokenException"), answer


# MARK: Presigned

def test_a_presigned_url_is_good_until_it_expires(target):
    assert Signed(target).presign().send(target).status == 200
    assert Signed(target, age=minutes(-30)).presign(expires=3600).send(target).status == 200
    refused(Signed(target, age=minutes(-30)).presign(expires=1790).send(target), INVALID, "Signature expired")
    refused(Signed(target, age=minutes(-8 * 24 * 60)).presign(expires=604800).send(target), INVALID, "Signature expired")
    refused(Signed(target, age=minutes(10)).presign(expires=604800).send(target), INVALID, "Signature not yet current")


@pytest.mark.parametrize("expires,word", [
    (604801, "X-Amz-Expires must be less than a week"), ("9" * 30, "X-Amz-Expires should be a number"), (-1, "X-Amz-Expires must be non-negative"),
    ("1e3", "X-Amz-Expires should be a number"), ("0x10", "X-Amz-Expires should be a number"), ("", "X-Amz-Expires should be a number")])
def test_lives_that_no_url_may_have(target, expires, word):
    refused(Signed(target).presign(expires=expires).send(target), INCOMPLETE, word)


@pytest.mark.parametrize("name", ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature"])
def test_a_presigned_url_without_one_of_its_parts(target, name):
    request = Signed(target).presign()
    request.query = "&".join(pair for pair in request.query.split("&") if not pair.startswith(name + "="))
    refused(request.send(target), INCOMPLETE, f"AWS query-string parameters must include '{name}'.")


def test_a_presigned_url_is_for_one_request(target):
    for change in (
        lambda request: setattr(request, "method", "DELETE"), lambda request: setattr(request, "path", LIST + "f"),
        lambda request: setattr(request, "query", request.query.replace("X-Amz-Expires=60", "X-Amz-Expires=604800")),
        lambda request: setattr(request, "query", "X-Amz-Expires=604800&" + request.query),
        lambda request: setattr(request, "query", request.query + "&MaxItems=1"),
        lambda request: setattr(request, "query", request.query.replace("us-east-1", "us-west-2")),
        lambda request: setattr(request, "query", change_last(request.query)),
        lambda request: request.replace("Host", "elsewhere"), lambda request: setattr(request, "body", b"{}"),
    ):
        request = Signed(target).presign()
        assert request.send(target).status == 200
        change(request)
        refused(request.send(target), INVALID)


def test_a_presigned_url_and_a_header_are_one_too_many(target):
    request = Signed(target).presign()
    request.headers.append(("Authorization", dict(Signed(target).sign().headers)["Authorization"]))
    refused(request.send(target), INVALID, "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")


def test_a_presigned_url_lets_nobody_add_headers_of_amazons(target):
    request = Signed(target).presign()
    request.headers.append(("X-Amz-Client-Context", "e30="))
    refused(request.send(target), INVALID, "'X-Amz-Client-Context' must be a 'SignedHeader' in the AWS Authorization.")


# MARK: Tokens

def test_session_tokens_belong_to_their_keys(target):
    """A lasting key has no token; one that it is given makes it nobody's."""
    for where in ("header", "query"):
        request = Signed(target)
        if where == "header":
            request.headers.append(("X-Amz-Security-Token", "IQoJ" + "A" * 200))
            request.signed = sorted([*request.signed, "x-amz-security-token"])
            request.sign()
        else:
            request.presign(**{"X-Amz-Security-Token": "IQoJ" + "A" * 200})
        refused(request.send(target), "UnrecognizedClientException", "The security token included in the request is invalid.")


def test_other_protocols_have_their_own_words(target):
    """The JSON services answer 400, with the code in the body."""
    request = Signed(target, "POST", "/", body=b"{}", service="logs", headers=[
        ("X-Amz-Target", "Logs_20140328.DescribeLogGroups"), ("Content-Type", "application/x-amz-json-1.1")])
    request.secret += "x"
    answer = request.sign().send(target)
    assert answer.status == 400 and answer.headers["content-type"] == "application/x-amz-json-1.1"
    document = json.loads(answer.body)
    assert document["__type"] == INVALID and document["message"].startswith(MISMATCH)
