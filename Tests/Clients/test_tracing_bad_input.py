"""X-Ray's operations refuse a missing, a malformed, a too large, an unknown and a conflicting argument.

What the model's constraints say is answered as Lambda's services word it, with the code that X-Ray's model has; words
that are recorded of AWS have their source beside them.
"""

import http.client
import json
import time
import urllib.parse

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

MISSING, MALFORMED, LARGE, UNKNOWN, CONFLICTING = KINDS = ("missing", "malformed", "too large", "unknown", "conflicting")
INVALID, SERIALIZATION = "InvalidRequestException", "SerializationException"
TRACE = "1-5759e988-bd862e3fe1be46a994272793"
RANGE = {"StartTime": 1, "EndTime": 2}
STATISTICS = {"RuleName": "Default", "ClientID": "0" * 24, "Timestamp": 1, "RequestCount": 1, "SampledCount": 1}
MANY_STATISTICS = ", ".join(["{%s}" % ", ".join(f"{name}={value}" for name, value in STATISTICS.items())] * 26)
NO_STRING, NO_LIST = "NUMBER_VALUE can not be converted to a String", "NUMBER_VALUE can not be converted to a list"
NO_NUMBER = "STRING_VALUE can not be converted to a Double"
NO_TOKEN = "Invalid NextToken."


def broken(where, rule, value=None):
    shown = "null" if value is None else f"'{value}'"
    return f"1 validation error detected: Value {shown} at '{where}' failed to satisfy constraint: {rule}"


def missing(where):
    return broken(where, "Member must not be null")


def longer(where, most, value):
    return broken(where, f"Member must have length less than or equal to {most}", value)


def of_statistics(**changes):
    return {"SamplingStatisticsDocuments": [{**STATISTICS, **changes}]}


# The operation, its path, the kind, the body, the code and the message; where a message is None its words are our own.
PATHS = {
    "BatchGetTraces": "/Traces", "GetSamplingRules": "/GetSamplingRules",
    "GetSamplingStatisticSummaries": "/SamplingStatisticSummaries", "GetSamplingTargets": "/SamplingTargets",
    "GetTraceSummaries": "/TraceSummaries", "PutTelemetryRecords": "/TelemetryRecords", "PutTraceSegments": "/TraceSegments",
}
ELEMENTS = ("Member must satisfy constraint: [Member must have length less than or equal to 35, Member must have length "
            "greater than or equal to 1, Member must not be null]")
FIRST = "samplingStatisticsDocuments.1.member"
ROWS = [
    ("BatchGetTraces", MISSING, {}, INVALID, missing("traceIds")),
    ("BatchGetTraces", MALFORMED, {"TraceIds": 5}, SERIALIZATION, NO_LIST),
    ("BatchGetTraces", MALFORMED, {"TraceIds": [5]}, SERIALIZATION, NO_STRING),
    ("BatchGetTraces", LARGE, {"TraceIds": ["x" * 36]}, INVALID, broken("traceIds", ELEMENTS, f"[{'x' * 36}]")),
    # https://github.com/boto/boto3/issues/3924
    ("BatchGetTraces", LARGE, {"TraceIds": [TRACE] * 6}, INVALID, "Exceeding maximum query size: 5"),
    ("BatchGetTraces", CONFLICTING, {"TraceIds": [TRACE], "NextToken": "x"}, INVALID, "NextToken is currently not supported"),
    ("GetSamplingRules", MALFORMED, {"NextToken": 5}, SERIALIZATION, NO_STRING),
    ("GetSamplingRules", UNKNOWN, {"NextToken": "x"}, INVALID, NO_TOKEN),
    ("GetSamplingStatisticSummaries", MALFORMED, {"NextToken": 5}, SERIALIZATION, NO_STRING),
    ("GetSamplingStatisticSummaries", UNKNOWN, {"NextToken": "x"}, INVALID, NO_TOKEN),
    ("GetSamplingTargets", MISSING, {}, INVALID, missing("samplingStatisticsDocuments")),
    ("GetSamplingTargets", MISSING, of_statistics(RuleName=None), INVALID, missing(f"{FIRST}.ruleName")),
    ("GetSamplingTargets", MALFORMED, of_statistics(Timestamp="x"), SERIALIZATION, NO_NUMBER),
    ("GetSamplingTargets", MALFORMED, of_statistics(RequestCount=-1), INVALID,
     broken(f"{FIRST}.requestCount", "Member must have value greater than or equal to 0", -1)),
    ("GetSamplingTargets", MALFORMED, of_statistics(ClientID="x"), INVALID,
     broken(f"{FIRST}.clientID", "Member must have length greater than or equal to 24", "x")),
    ("GetSamplingTargets", LARGE, of_statistics(RuleName="x" * 33), INVALID, longer(f"{FIRST}.ruleName", 32, "x" * 33)),
    ("GetSamplingTargets", LARGE, {"SamplingStatisticsDocuments": [STATISTICS] * 26}, INVALID,
     longer("samplingStatisticsDocuments", 25, f"[{MANY_STATISTICS}]")),
    ("GetTraceSummaries", MISSING, {"StartTime": 1}, INVALID, missing("endTime")),
    ("GetTraceSummaries", MALFORMED, {**RANGE, "StartTime": "x"}, SERIALIZATION, NO_NUMBER),
    ("GetTraceSummaries", MALFORMED, {**RANGE, "TimeRangeType": "x"}, INVALID,
     broken("timeRangeType", "Member must satisfy enum value set: [TraceId, Event, Service]", "x")),
    ("GetTraceSummaries", MALFORMED, {**RANGE, "FilterExpression": "http.status >"}, INVALID, None),
    ("GetTraceSummaries", LARGE, {**RANGE, "EndTime": 1e300}, INVALID, None),
    ("GetTraceSummaries", UNKNOWN, {**RANGE, "NextToken": "x"}, INVALID, NO_TOKEN),
    ("GetTraceSummaries", CONFLICTING, {"StartTime": 2, "EndTime": 1}, INVALID, None),
    ("PutTelemetryRecords", MISSING, {}, INVALID, missing("telemetryRecords")),
    ("PutTelemetryRecords", MISSING, {"TelemetryRecords": [{}]}, INVALID, missing("telemetryRecords.1.member.timestamp")),
    ("PutTelemetryRecords", MALFORMED, {"TelemetryRecords": [{"Timestamp": "x"}]}, SERIALIZATION, NO_NUMBER),
    ("PutTelemetryRecords", LARGE, {"TelemetryRecords": [], "Hostname": "a" * 256}, INVALID, longer("hostname", 255, "a" * 256)),
    ("PutTraceSegments", MISSING, {}, INVALID, missing("traceSegmentDocuments")),
    ("PutTraceSegments", MALFORMED, {"TraceSegmentDocuments": 5}, SERIALIZATION, NO_LIST),
    ("PutTraceSegments", MALFORMED, {"TraceSegmentDocuments": [5]}, SERIALIZATION, NO_STRING),
    # https://github.com/open-telemetry/opentelemetry-collector-contrib/pull/203
    ("PutTraceSegments", LARGE, {"TraceSegmentDocuments": ["{}"] * 51}, INVALID, "Exceeding maximum segment count: 50"),
]
# Kinds that an operation cannot have, and why.
IMPOSSIBLE = {
    ("BatchGetTraces", UNKNOWN): "a trace that is not there is left out: test_what_is_not_known_is_answered",
    ("GetSamplingRules", MISSING): "the one argument may be left out",
    ("GetSamplingRules", LARGE): "a token that is too large is one that nobody was given",
    ("GetSamplingRules", CONFLICTING): "the one argument",
    ("GetSamplingStatisticSummaries", MISSING): "the one argument may be left out",
    ("GetSamplingStatisticSummaries", LARGE): "a token that is too large is one that nobody was given",
    ("GetSamplingStatisticSummaries", CONFLICTING): "the one argument",
    ("GetSamplingTargets", UNKNOWN): "an unknown rule is answered: test_what_is_not_known_is_answered",
    ("GetSamplingTargets", CONFLICTING): "statistics are added up, whatever they are",
    ("PutTelemetryRecords", UNKNOWN): "it names nothing",
    ("PutTelemetryRecords", CONFLICTING): "any values go together",
    ("PutTraceSegments", UNKNOWN): "a segment may be of any trace",
    ("PutTraceSegments", CONFLICTING): "a segment that was put before is replaced, as its end replaces its begin",
}


def send(server, path, body):
    """Signs and sends a body as it is; returns status, code and the answer's document."""
    credentials = Credentials(server.credentials["access_key_id"], server.credentials["secret_access_key"])
    signed = AWSRequest("POST", server.endpoint + path, data=body, headers={"Content-Type": "application/json"})
    SigV4Auth(credentials, "xray", server.credentials["region"]).add_auth(signed)
    connection = http.client.HTTPConnection(urllib.parse.urlparse(server.endpoint).netloc, timeout=60)
    try:
        connection.request("POST", path, body=body, headers=dict(signed.headers))
        answer = connection.getresponse()
        return answer.status, answer.headers.get("x-amzn-ErrorType"), json.loads(answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize("operation,kind,body,code,text", ROWS, ids=lambda value: value if value in (*KINDS, *PATHS) else "")
def test_bad_input_is_refused(server, operation, kind, body, code, text):
    status, shown, document = send(server, PATHS[operation], json.dumps(body))
    assert (status, shown) == (400, code), document
    assert set(document) == {"message"} and document["message"] and text in (None, document["message"])


@pytest.mark.parametrize("operation", PATHS)
@pytest.mark.parametrize("body", ["{", "[]", '"x"', '{"a": }'])
def test_a_body_that_is_no_json_object_is_refused(server, operation, body):
    status, code, document = send(server, PATHS[operation], body)
    assert (status, code) == (400, SERIALIZATION) and document["message"]


@pytest.mark.parametrize("operation", PATHS)
def test_every_operation_has_every_kind(operation):
    tested = {row[1] for row in ROWS if row[0] == operation}
    excused = {kind for name, kind in IMPOSSIBLE if name == operation}
    assert tested | excused == set(KINDS) and not tested & excused


def test_what_is_not_known_is_answered(server):
    assert send(server, "/Traces", json.dumps({"TraceIds": [TRACE]})) == (200, None, {"Traces": [], "UnprocessedTraceIds": []})
    status, _, document = send(server, "/SamplingTargets", json.dumps(of_statistics(RuleName="ghost")))
    assert status == 200 and [each["RuleName"] for each in document["UnprocessedStatistics"]] == ["ghost"]


def test_refused_segments_say_why(server):
    """The codes are AWS's, of https://github.com/humanmade/aws-xray/issues/29 and
    https://github.com/aws/aws-xray-daemon/issues/184 the last two; the rest of the segments is taken."""
    now = int(time.time())
    good = {"trace_id": f"1-{now:08x}-{'a' * 24}", "id": "b" * 16, "name": "web", "start_time": now, "end_time": now + 1}
    cases = [
        ("x", "ParseError"), ({**good, "trace_id": "1-2-3"}, "InvalidTraceId"), ({**good, "id": "x"}, "InvalidId"),
        ({**good, "metadata": "x" * 65536}, "SegmentTooLarge"), ({**good, "id": None}, "MissingId"),
        ({**good, "name": "n" * 201}, "InvalidName"),
    ]
    texts = [case if isinstance(case, str) else json.dumps(case) for case, _ in cases]
    status, _, document = send(server, "/TraceSegments", json.dumps({"TraceSegmentDocuments": [json.dumps(good), *texts]}))
    assert status == 200
    refused = document["UnprocessedTraceSegments"]
    assert [each["ErrorCode"] for each in refused] == [code for _, code in cases]
    assert [each["Message"] for each in refused] == [f"Invalid segment. ErrorCode: {code}" for _, code in cases]
