"""Amazon CloudWatch's metrics by boto3, and by hand in each of its protocols.

Expectations are what AWS answered to LocalStack's tests/aws/services/cloudwatch/test_cloudwatch.py, whose tests are named
here, and the CloudWatch API reference.
"""

import datetime
import gzip
import struct

import pytest

from cloudwatch_api import cbor_call, cloudwatch, form, json_call, minute, names, namespace  # noqa: F401 (fixtures)
from conftest import refused


def put(cloudwatch, namespace, *data):
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=list(data))


def query(namespace, name, stat="Sum", period=60, **more):
    return {"Id": "q", "MetricStat": {
        "Metric": {"Namespace": namespace, "MetricName": name, **more.pop("metric", {})}, "Period": period,
        "Stat": stat, **more}}


def data(cloudwatch, *queries, start=10, end=-5, **more):
    queries = [{**query, "Id": query["Id"] if query["Id"] != "q" else f"q{number}"}
               for number, query in enumerate(queries)]
    return cloudwatch.get_metric_data(
        MetricDataQueries=queries, StartTime=minute(start), EndTime=minute(end), **more)


def test_what_was_put_is_had(cloudwatch, namespace):
    # test_get_metric_data_stats
    time = minute(2)
    put(cloudwatch, namespace, *[
        {"MetricName": "metric1", "Value": value, "Unit": "Seconds", "Timestamp": time} for value in range(1, 12)])
    expected = {"Sum": 66, "SampleCount": 11, "Minimum": 1, "Maximum": 11, "Average": 6}
    for stat, value in expected.items():
        answer = data(cloudwatch, query(namespace, "metric1", stat))
        result, = answer["MetricDataResults"]
        assert result == {"Id": "q0", "Label": "metric1", "Timestamps": [time], "Values": [value],
                          "StatusCode": "Complete"}
        assert answer["Messages"] == [] and "NextToken" not in answer
    statistics = cloudwatch.get_metric_statistics(
        Namespace=namespace, MetricName="metric1", StartTime=minute(10), EndTime=minute(0), Period=60,
        Statistics=list(expected))
    assert statistics["Label"] == "metric1"
    assert statistics["Datapoints"] == [{"Timestamp": time, "Unit": "Seconds", **expected}]


def test_extended_statistics(cloudwatch, namespace):
    time = minute(1)
    put(cloudwatch, namespace, {
        "MetricName": "m", "Timestamp": time, "Values": [float(n) for n in range(1, 101)], "Counts": [1.0] * 100})
    asked = ["p0", "p50", "p99", "p100", "tm90", "TM(10%:90%)", "WM(10%:90%)", "TC(90%:)", "TS(:10%)", "PR(:50)"]
    point, = cloudwatch.get_metric_statistics(
        Namespace=namespace, MetricName="m", StartTime=minute(5), EndTime=minute(-1), Period=60,
        ExtendedStatistics=asked)["Datapoints"]
    assert point["ExtendedStatistics"] == pytest.approx({
        "p0": 1, "p50": 50, "p99": 99, "p100": 100, "tm90": 45.5, "TM(10%:90%)": 50.5, "WM(10%:90%)": 50.45,
        "TC(90%:)": 10, "TS(:10%)": 55, "PR(:50)": 50}, rel=0.02)
    # Of a statistic set there are no percentiles.
    put(cloudwatch, namespace, {"MetricName": "set", "Timestamp": time, "StatisticValues": {
        "SampleCount": 4, "Sum": 20, "Minimum": 1, "Maximum": 9}})
    of_set = {"Namespace": namespace, "MetricName": "set", "StartTime": minute(5), "EndTime": minute(-1), "Period": 60}
    assert cloudwatch.get_metric_statistics(**of_set, ExtendedStatistics=["p50"])["Datapoints"] == []
    point, = cloudwatch.get_metric_statistics(**of_set, Statistics=["Average", "Maximum"])["Datapoints"]
    assert (point["Average"], point["Maximum"], point["Unit"]) == (5, 9, "None")


def test_values_with_counts(cloudwatch, namespace):
    # test_put_metric_data_values_list
    put(cloudwatch, namespace, {"MetricName": "m", "Timestamp": minute(1), "Values": [1.0, 10.0], "Counts": [2, 4],
                                "Unit": "Count"})
    point, = cloudwatch.get_metric_statistics(
        Namespace=namespace, MetricName="m", StartTime=minute(5), EndTime=minute(-1), Period=60,
        Statistics=["Maximum", "SampleCount", "Sum"])["Datapoints"]
    assert (point["Maximum"], point["SampleCount"], point["Sum"]) == (10, 6, 42)


def test_dimensions_make_metrics(cloudwatch, namespace):
    # test_get_metric_data_with_dimensions, test_get_metric_with_null_dimensions, test_multiple_dimensions_statistics
    sides = [{"Name": "side", "Value": "left"}, {"Name": "area", "Value": "x"}]
    put(cloudwatch, namespace, {"MetricName": "m", "Dimensions": sides, "Value": 11, "Timestamp": minute(1)})
    with_dimensions = query(namespace, "m", metric={"Dimensions": sides[::-1]})
    assert data(cloudwatch, with_dimensions)["MetricDataResults"][0]["Values"] == [11]
    for other in (query(namespace, "m"), query(namespace, "m", metric={"Dimensions": sides[:1]})):
        result, = data(cloudwatch, other)["MetricDataResults"]
        assert (result["Values"], result["StatusCode"]) == ([], "Complete")
    put(cloudwatch, namespace, {"MetricName": "other", "Value": 1})
    listed = cloudwatch.list_metrics(Namespace=namespace, MetricName="m")["Metrics"]
    assert listed == [{"Namespace": namespace, "MetricName": "m", "Dimensions": sorted(sides, key=lambda d: d["Name"])}]
    assert len(cloudwatch.list_metrics(Namespace=namespace)["Metrics"]) == 2
    for filters, count in (([{"Name": "side"}], 1), ([{"Name": "side", "Value": "right"}], 0), ([{"Name": "none"}], 0)):
        assert len(cloudwatch.list_metrics(Namespace=namespace, Dimensions=filters)["Metrics"]) == count
    assert len(cloudwatch.list_metrics(Namespace=namespace, RecentlyActive="PT3H")["Metrics"]) == 2


def test_metrics_are_listed_in_pages(cloudwatch, namespace):
    for start in (0, 600):
        put(cloudwatch, namespace, *[{"MetricName": f"m{number}", "Value": 1} for number in range(start, start + 600)])
    pages = list(cloudwatch.get_paginator("list_metrics").paginate(Namespace=namespace))
    assert [len(page["Metrics"]) for page in pages] == [500, 500, 200]
    assert len({metric["MetricName"] for page in pages for metric in page["Metrics"]}) == 1200
    assert refused(cloudwatch.list_metrics, NextToken="?")[::2] == ("InvalidNextToken", 400)


def test_units(cloudwatch, namespace):
    # test_handle_different_units, test_get_metric_data_different_units_no_unit_in_query
    time = minute(1)
    put(cloudwatch, namespace, *[{"MetricName": "m", "Value": value, "Unit": unit, "Timestamp": time} for value, unit in
                                 ((60000, "Milliseconds"), (60, "Seconds"), (5, "Count"))])
    points = cloudwatch.get_metric_statistics(
        Namespace=namespace, MetricName="m", StartTime=minute(5), EndTime=minute(-1), Period=60, Statistics=["Sum"])
    assert {(point["Unit"], point["Sum"]) for point in points["Datapoints"]} == {
        ("Milliseconds", 60000), ("Seconds", 60), ("Count", 5)}
    result, = data(cloudwatch, query(namespace, "m", Unit="Seconds"))["MetricDataResults"]
    assert result["Values"] == [60] and "Messages" not in result
    result, = data(cloudwatch, query(namespace, "m"))["MetricDataResults"]
    assert result["Values"] == [5]
    assert result["Messages"] == [
        {"Code": "MultipleUnits", "Value": "Multiple units returned: '[Count, Milliseconds, Seconds]'"}]
    result, = data(cloudwatch, query(namespace, "m", Unit="Bytes"))["MetricDataResults"]
    assert result["Values"] == []


def test_periods(cloudwatch, namespace):
    start = minute(8)
    put(cloudwatch, namespace, *[
        {"MetricName": "m", "Value": number, "Timestamp": start + datetime.timedelta(minutes=number)}
        for number in range(6)])
    series = {"Namespace": namespace, "MetricName": "m", "EndTime": start + datetime.timedelta(minutes=6)}
    points = cloudwatch.get_metric_statistics(**series, StartTime=start, Period=120, Statistics=["Sum"])["Datapoints"]
    assert sorted((point["Timestamp"], point["Sum"]) for point in points) == [
        (start, 1), (start + datetime.timedelta(minutes=2), 5), (start + datetime.timedelta(minutes=4), 9)]
    # Periods begin where the request does.
    points = cloudwatch.get_metric_statistics(
        **series, StartTime=start + datetime.timedelta(minutes=1), Period=120, Statistics=["Sum"])["Datapoints"]
    assert sorted(point["Sum"] for point in points) == [3, 5, 7]
    result, = cloudwatch.get_metric_data(
        MetricDataQueries=[query(namespace, "m", period=180)], StartTime=start, EndTime=series["EndTime"],
        ScanBy="TimestampAscending")["MetricDataResults"]
    assert result["Values"] == [3, 12]


def test_seconds(cloudwatch, namespace):
    time = minute(2)
    put(cloudwatch, namespace, *[
        {"MetricName": "m", "Value": 1, "StorageResolution": 1, "Timestamp": time + datetime.timedelta(seconds=second)}
        for second in (0, 3, 12, 47)])
    ten = cloudwatch.get_metric_statistics(
        Namespace=namespace, MetricName="m", StartTime=time, EndTime=time + datetime.timedelta(minutes=1), Period=10,
        Statistics=["Sum"])["Datapoints"]
    assert sorted((point["Timestamp"].second, point["Sum"]) for point in ten) == [(0, 2), (10, 1), (40, 1)]
    result, = data(cloudwatch, query(namespace, "m"))["MetricDataResults"]
    assert result["Values"] == [4]


@pytest.mark.parametrize("pairs, labels", [
    ([("Sum", 60), ("Minimum", 30)], ["metric1 Sum 60", "metric1 Minimum 30"]),
    ([("Sum", 60), ("Minimum", 60)], ["metric1 Sum", "metric1 Minimum"]),
    ([("Sum", 60), ("Sum", 30)], ["metric1 60", "metric1 30"]),
    ([("Sum", 60), ("Sum", 60)], ["metric1", "metric1"]),
])
def test_labels(cloudwatch, namespace, pairs, labels):
    # test_label_generation
    results = data(cloudwatch, *[query(namespace, "metric1", *pair) for pair in pairs])["MetricDataResults"]
    assert [result["Label"] for result in results] == labels


def test_answers_in_pages(cloudwatch, namespace):
    start = minute(20)
    put(cloudwatch, namespace, *[
        {"MetricName": name, "Value": number, "Timestamp": start + datetime.timedelta(minutes=number)}
        for number in range(10) for name in ("a", "b")])
    asked = {"MetricDataQueries": [{**query(namespace, name), "Id": name} for name in ("a", "b")],
             "StartTime": start, "EndTime": minute(0), "MaxDatapoints": 7}
    got = {"a": [], "b": []}
    statuses = []
    while True:
        page = cloudwatch.get_metric_data(**asked)
        for result in page["MetricDataResults"]:
            got[result["Id"]] += result["Values"]
            statuses.append((result["Id"], result["StatusCode"]))
        if "NextToken" not in page:
            break
        asked["NextToken"] = page["NextToken"]
    assert got == {"a": list(range(9, -1, -1)), "b": list(range(9, -1, -1))}
    assert statuses == [("a", "PartialData"), ("a", "Complete"), ("b", "PartialData"), ("b", "Complete")]


def test_metric_math(cloudwatch, namespace):
    start = minute(20)
    values = {"m1": [1, 2, 3, 4, 5], "m2": [10, 0, 30, 0, 50]}
    put(cloudwatch, namespace, *[
        {"MetricName": name, "Value": value, "Timestamp": start + datetime.timedelta(minutes=number)}
        for name, series in values.items() for number, value in enumerate(series) if value])
    metrics = [{**query(namespace, name), "Id": name, "ReturnData": False} for name in values]

    def evaluate(expression):
        result, = cloudwatch.get_metric_data(
            MetricDataQueries=metrics + [{"Id": "e", "Expression": expression}], StartTime=start,
            EndTime=start + datetime.timedelta(minutes=5), ScanBy="TimestampAscending")["MetricDataResults"]
        assert (result["Id"], result["Label"]) == ("e", "e")
        return result["Values"]

    for expression, expected in {
        "m1 * 2 + 1": [3, 5, 7, 9, 11], "m1 + m2": [11, 33, 55], "-m1 ^ 2": [-1, -4, -9, -16, -25],
        "m1 / (m1 - 3)": [-0.5, -2, 4, 2.5], "m1 > 2": [0, 0, 1, 1, 1], "m1 >= 2 AND m1 < 4": [0, 1, 1, 0, 0],
        "m1 == 1 || m1 == 5": [1, 0, 0, 0, 1], "SUM(METRICS())": [11, 2, 33, 4, 55], "AVG([m1, m2])": [5.5, 2, 16.5, 4, 27.5],
        "MAX(METRICS('m'))": [10, 2, 30, 4, 50], "m1 / SUM(m1) * 15": [1, 2, 3, 4, 5],
        "FILL(m2, 0)": [10, 0, 30, 0, 50], "FILL(m2, REPEAT)": [10, 10, 30, 30, 50],
        "FILL(m2, LINEAR)": [10, 20, 30, 40, 50], "RATE(m1) * PERIOD(m1)": [1, 1, 1, 1], "DIFF(m1)": [1, 1, 1, 1],
        "CEIL(m1 / 2)": [1, 1, 2, 2, 3], "FLOOR(m1 / 2)": [0, 1, 1, 2, 2], "ABS(m1 - 3)": [2, 1, 0, 1, 2],
        "IF(m1 > 3, m1, 0)": [0, 0, 0, 4, 5], "IF(m1 > 3, m1)": [4, 5], "RUNNING_SUM(m1)": [1, 3, 6, 10, 15],
    }.items():
        assert evaluate(expression) == pytest.approx(expected), expression
    # Expressions of expressions.
    results = cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "e2", "Expression": "e1 + 1", "Label": "more"},
                           {"Id": "e1", "Expression": "m1 * 10", "ReturnData": False}] + metrics,
        StartTime=start, EndTime=minute(0))["MetricDataResults"]
    assert [(result["Label"], result["Values"]) for result in results] == [("more", [51, 41, 31, 21, 11])]
    for expression in ("m1 +", "m1 m2", "unknown + 1", "NOSUCH(m1)", "1 + 1", "e", "ABS(m1, m2)", "(" * 100, "m1 & m2"):
        assert refused(
            cloudwatch.get_metric_data, MetricDataQueries=metrics + [{"Id": "e", "Expression": expression}],
            StartTime=start, EndTime=minute(0))[::2] == ("ValidationError", 400), expression
    for expression in ("SEARCH('x', 'Sum')", "ANOMALY_DETECTION_BAND(m1)"):
        assert refused(
            cloudwatch.get_metric_data, MetricDataQueries=metrics + [{"Id": "e", "Expression": expression}],
            StartTime=start, EndTime=minute(0))[0] == "NotImplementedException"


def test_large_requests_are_compressed(cloudwatch, namespace):
    # botocore compresses PutMetricData from 10,240 bytes on.
    seen = []
    cloudwatch.meta.events.register(
        "before-send.cloudwatch.PutMetricData", lambda request, **_: seen.append(dict(request.headers)))
    put(cloudwatch, namespace, *[
        {"MetricName": "m", "Timestamp": minute(1), "Value": 1, "Unit": "Count"} for _ in range(500)])
    assert [headers.get("Content-Encoding") for headers in seen] in ([b"gzip"], ["gzip"])
    result, = data(cloudwatch, query(namespace, "m"))["MetricDataResults"]
    assert result["Values"] == [500]


def test_a_bomb_is_not_inflated(server, namespace):
    for body in (gzip.compress(b" " * 50_000_000), gzip.compress(b"{}")[:-3], b"no gzip"):
        answer = cbor_call(server, "PutMetricData", body, **{"Content-Encoding": "gzip"})
        assert answer.status_code == 400 and b"SerializationException" in answer.content
    answer = cbor_call(server, "PutMetricData", b"\xbf\xff", **{"Content-Encoding": "br"})
    assert answer.status_code in (400, 415)


# Protocols, by hand

def text(value):
    return bytes([0x78, len(value)]) + value.encode()


def test_the_query_protocol(server, namespace):
    time = minute(1).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = form(server, "PutMetricData", [
        ("Namespace", namespace), ("MetricData.member.1.MetricName", "m"), ("MetricData.member.1.Value", "41"),
        ("MetricData.member.1.Timestamp", time), ("MetricData.member.1.Dimensions.member.1.Name", "side"),
        ("MetricData.member.1.Dimensions.member.1.Value", "left")])
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/xml")
    assert [name for name, _ in names(answer.text)] == ["/PutMetricDataResponse/ResponseMetadata/RequestId"]
    answer = form(server, "GetMetricData", [
        ("StartTime", minute(5).isoformat()), ("EndTime", minute(-1).isoformat()),
        ("MetricDataQueries.member.1.Id", "some"), ("MetricDataQueries.member.1.MetricStat.Period", "60"),
        ("MetricDataQueries.member.1.MetricStat.Stat", "Sum"),
        ("MetricDataQueries.member.1.MetricStat.Metric.Namespace", namespace),
        ("MetricDataQueries.member.1.MetricStat.Metric.MetricName", "m"),
        ("MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Name", "side"),
        ("MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Value", "left")])
    assert 'xmlns="http://monitoring.amazonaws.com/doc/2010-08-01/"' in answer.text
    top = "/GetMetricDataResponse/GetMetricDataResult"
    # test_basic_operations_multiple_protocols
    assert set(names(answer.text)[:-1]) == {
        (f"{top}/Messages", ""), (f"{top}/MetricDataResults/member/Id", "some"),
        (f"{top}/MetricDataResults/member/Label", "m"), (f"{top}/MetricDataResults/member/StatusCode", "Complete"),
        (f"{top}/MetricDataResults/member/Timestamps/member", time), (f"{top}/MetricDataResults/member/Values/member", "41.0")}
    answer = form(server, "PutMetricData", [
        ("Namespace", namespace), ("MetricData.member.1.MetricName", "m"), ("MetricData.member.1.Value", "1"),
        ("MetricData.member.1.Values.member.1", "1")])
    assert answer.status_code == 400
    assert names(answer.text)[:3] == [
        ("/ErrorResponse/Error/Type", "Sender"), ("/ErrorResponse/Error/Code", "InvalidParameterCombination"),
        ("/ErrorResponse/Error/Message",
         "The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive and you have "
         "specified both.")]
    answer = form(server, "NoSuchThing")
    assert answer.status_code == 400 and "InvalidAction" in answer.text


def test_the_json_protocol(server, namespace):
    time = int(minute(1).timestamp())
    answer = json_call(server, "PutMetricData", {
        "Namespace": namespace, "MetricData": [{"MetricName": "m", "Value": 41, "Timestamp": time}]})
    assert (answer.status_code, answer.content) == (200, b"")
    asked = {"MetricDataQueries": [{**query(namespace, "m"), "Id": "some"}], "StartTime": time - 60, "EndTime": time + 60}
    answer = json_call(server, "GetMetricData", asked)
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.0"
    assert answer.json() == {"Messages": [], "MetricDataResults": [
        {"Id": "some", "Label": "m", "StatusCode": "Complete", "Timestamps": [time], "Values": [41]}]}
    # test_put_metric_data_validation, test_exception_serializing_with_no_shape_in_spec
    both = {"Namespace": namespace, "MetricData": [{"MetricName": "m", "Value": 1, "Values": [1]}]}
    answer = json_call(server, "PutMetricData", both)
    assert answer.status_code == 400
    assert answer.headers["x-amzn-query-error"] == "InvalidParameterCombination;Sender"
    assert answer.json()["__type"] == (
        "com.amazonaws.cloudwatch.v2010_08_01#InvalidParameterCombinationException")
    answer = json_call(server, "PutMetricData", {"Namespace": "", "MetricData": []})
    assert answer.json()["__type"] == "com.amazon.coral.validate#ValidationException"
    assert answer.headers["x-amzn-query-error"] == "ValidationError;Sender"
    assert json_call(server, "NoSuchThing", {}).status_code == 400
    assert json_call(server, "PutMetricData", []).status_code == 400


def test_the_cbor_protocol(server, namespace):
    time = minute(1).timestamp()
    stamp = b"\xc1\xfb" + struct.pack(">d", time)
    datum = b"\xa3" + text("MetricName") + text("m") + text("Timestamp") + stamp
    # Halves, singles, doubles and whole numbers; lists and maps of known and of unknown length; text in pieces.
    for number in (b"\xf9\x51\x20", b"\xfa\x42\x24\x00\x00", b"\xfb" + struct.pack(">d", 41), b"\x18\x29"):
        body = b"\xbf" + text("Namespace") + text(namespace) + text("MetricData") + b"\x9f" + datum
        body += b"\x7f\x62Va\x63lue\xff" + number + b"\xff\xff"
        answer = cbor_call(server, "PutMetricData", body)
        assert (answer.status_code, answer.content) == (200, b""), answer.content
        assert answer.headers["smithy-protocol"] == "rpc-v2-cbor"
    stat = b"\xa3" + text("Period") + b"\x18\x3c" + text("Stat") + text("Sum") + text("Metric") + b"\xa2"
    stat += text("Namespace") + text(namespace) + text("MetricName") + text("m")
    body = b"\xa3" + text("StartTime") + b"\xc1\x1a" + struct.pack(">I", int(time) - 60) + text("EndTime") + b"\xc1"
    body += b"\x1a" + struct.pack(">I", int(time) + 60) + text("MetricDataQueries") + b"\x81\xa2" + text("Id")
    body += text("some") + text("MetricStat") + stat
    answer = cbor_call(server, "GetMetricData", body)
    assert answer.headers["Content-Type"] == "application/cbor"
    assert b"\xfb" + struct.pack(">d", 164) in answer.content and stamp in answer.content
    for broken in (b"\xbf", b"\x00", b"\xff", b"\xa1\x01\x02", b"\xa1" + text("Namespace") + b"\xc2\x41\x00",
                   b"\x9f" * 200, b"\xa1" + text("Namespace") + b"\x62\xff\xfe"):
        answer = cbor_call(server, "PutMetricData", broken)
        assert answer.status_code == 400 and b"SerializationException" in answer.content, broken
        assert answer.headers["x-amzn-query-error"] == "SerializationException;Sender"
    assert cbor_call(server, "NoSuchThing", b"\xa0").status_code in (400, 404)
