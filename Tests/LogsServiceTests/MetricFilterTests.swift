import AWSWire
import Metrics
import TestSupport
import Testing

@testable import LogsService

/// Shapes are those that LocalStack's tests recorded (test_logs_metric_filters.snapshot.json), rules those of the API
/// reference (PutMetricFilter, MetricTransformation) and of the user guide ("Creating metrics from log events using
/// filters").
@Suite struct MetricFilterTests {
    private func rig() async throws -> Rig {
        let rig = try Rig()
        _ = try await rig.send("CreateLogGroup", #"{"logGroupName":"g"}"#)
        return rig
    }

    private func filter(
        _ name: String = "f", group: String = "g", pattern: String, value: String = "1", metric: String = "m",
        more: String = ""
    ) -> String {
        #"{"logGroupName":"\#(group)","filterName":"\#(name)","filterPattern":\#(pattern.json),"metricTransformations":"#
            + #"[{"metricName":"\#(metric)","metricNamespace":"n","metricValue":\#(value.json)\#(more)}]}"#
    }

    private func put(_ rig: Rig, _ body: String) async throws { _ = try await rig.send("PutMetricFilter", body) }

    @Test func whatMatchesIsCounted() async throws {
        let rig = try await rig()
        let recorder = rig.recording()
        try await put(rig, filter(pattern: "ERROR", more: #","unit":"Count""#))
        rig.append(["an ERROR", "fine", "ERROR"], group: "g", at: 7)
        rig.append(["ERROR"], group: "h")
        _ = try await rig.send("CreateLogStream", #"{"logGroupName":"g","logStreamName":"t"}"#)
        _ = try await rig.send(
            "PutLogEvents",
            #"{"logGroupName":"g","logStreamName":"t","logEvents":[{"timestamp":\#(Rig.start),"message":"ERROR"}]}"#)
        #expect(recorder.sums("m") == ["2.0", "1.0"])
        let sample = try #require(recorder.samples.first)
        #expect(
            sample.key
                == MetricKey(account: "000000000000", region: "us-east-1", namespace: "n", name: "m", dimensions: []))
        #expect(sample.unit == .count)
        #expect(recorder.samples.map(\.timestamp) == [Rig.start + 7, Rig.start])
    }

    @Test func valuesAndDimensionsComeFromJSON() async throws {
        let rig = try await rig()
        let recorder = rig.recording()
        try await put(
            rig,
            filter(
                pattern: "{ $.ms = * }", value: "$.ms",
                more: ##","dimensions":{"Path":"$.request.path","Code":"$['code']"},"unit":"Milliseconds""##))
        rig.append(
            [
                #"{"ms":12.5,"request":{"path":"/a"},"code":200}"#, #"{"ms":"3","request":{"path":"/b"},"code":404}"#,
                // No number, no path, and no match.
                #"{"ms":"slow","request":{"path":"/a"},"code":200}"#, #"{"ms":1,"code":200}"#, #"{"request":1}"#,
                #"{"ms":1,"request":{"path":{}},"code":200}"#,
            ], group: "g")
        await rig.service.store.flush()
        #expect(recorder.sums("m").sorted() == ["Code=200 Path=/a 12.5", "Code=404 Path=/b 3.0"])
        #expect(recorder.samples.allSatisfy { $0.unit == .milliseconds })
    }

    /// CloudWatch takes values within ±2^360 (PutMetricData): sums of others would be none.
    @Test func valuesOutOfRangeAreNone() async throws {
        let rig = try await rig()
        let recorder = rig.recording()
        try await put(rig, filter(pattern: "{ $.ms = * }", value: "$.ms"))
        rig.append([#"{"ms":1e200}"#, #"{"ms":-1e308}"#, #"{"ms":1e100}"#], group: "g")
        let embedded =
            #"{"_aws":{"Timestamp":\#(Rig.start),"CloudWatchMetrics":[{"Namespace":"a","Dimensions":[[]],"Metrics":"#
            + #"[{"Name":"e"}]}]},"e":[1e200,2]}"#
        rig.append([embedded], group: "g")
        await rig.service.store.flush()
        #expect(recorder.sums("m") == ["1e+100"])
        #expect(recorder.sums("e") == ["2.0"])
        #expect(
            await rig.failure("PutMetricFilter", filter("g", pattern: "x", value: "1e200"))?.code
                == "InvalidParameterException")
    }

    @Test func valuesAndDimensionsComeFromFields() async throws {
        let rig = try await rig()
        let recorder = rig.recording()
        try await put(
            rig,
            filter(
                pattern: "[ip, ..., code = 4*, size]", value: "$size",
                more: ##","dimensions":{"Code":"$code","From":"$ip"}"##))
        rig.append(["1.2.3.4 - \"GET /\" 404 77", "1.2.3.4 - \"GET /\" 200 5", "short"], group: "g")
        await rig.service.store.flush()
        #expect(recorder.sums("m") == ["Code=404 From=1.2.3.4 77.0"])
    }

    /// A minute in which events came and none matched has the default value, once; one without events has none.
    @Test func minutesWithoutAMatchHaveTheDefault() async throws {
        let rig = try await rig()
        let recorder = rig.recording()
        try await put(rig, filter(pattern: "ERROR", more: #","defaultValue":0"#))
        for minute in 0..<3 as Range<Int64> {
            rig.append(["fine", "good"], group: "g", at: minute * 60_000)
            await rig.service.store.flush()
        }
        rig.append(["ERROR"], group: "g", at: 60_000)
        await rig.service.store.flush()
        #expect(recorder.sums("m") == ["1.0"])
        // The third minute is not over.
        rig.clock.now = Rig.start + 130_000
        rig.service.meters.settle()
        #expect(recorder.sums("m") == ["1.0", "0.0"])
        #expect(recorder.samples.last?.timestamp == Rig.start)
        rig.clock.now = Rig.start + 600_000
        rig.service.meters.settle()
        rig.service.meters.settle()
        #expect(recorder.sums("m") == ["1.0", "0.0", "0.0"])
        #expect(recorder.samples.last?.timestamp == Rig.start + 120_000)
    }

    @Test func filtersAreDescribedReplacedAndDeleted() async throws {
        let rig = try await rig()
        _ = try await rig.send("CreateLogGroup", #"{"logGroupName":"h"}"#)
        try await put(rig, filter("b", pattern: " ", more: #","defaultValue":0"#))
        try await put(rig, filter("a", group: "h", pattern: "x", metric: "other"))
        try await put(rig, filter("ab", pattern: "{ $.a = 1 }", more: ##","dimensions":{"A":"$.a"}"##))
        func names(_ body: String) async throws -> [String?] {
            try await rig.call("DescribeMetricFilters", body)["metricFilters"]?.elements.map {
                $0["filterName"]?.string
            }
                ?? []
        }
        #expect(try await names("{}") == ["a", "ab", "b"])
        #expect(try await names(#"{"filterNamePrefix":"a"}"#) == ["a", "ab"])
        #expect(try await names(#"{"logGroupName":"g"}"#) == ["ab", "b"])
        #expect(try await names(#"{"metricName":"other","metricNamespace":"n"}"#) == ["a"])
        let page = try await rig.call("DescribeMetricFilters", #"{"limit":2}"#)
        let token = try #require(page["nextToken"]?.string)
        #expect(try await names(#"{"limit":2,"nextToken":"\#(token)"}"#) == ["b"])
        let described = try await rig.call("DescribeMetricFilters", #"{"logGroupName":"g"}"#)["metricFilters"]
        let last = try #require(described?.elements.last)
        #expect(
            Set(last.members.map(\.name)) == [
                "applyOnTransformedLogs", "creationTime", "filterName", "filterPattern", "logGroupName",
                "metricTransformations",
            ])
        #expect(last["filterPattern"]?.string == " ")
        let transformation = try #require(last["metricTransformations"]?.elements.first)
        #expect(
            Set(transformation.members.map(\.name)) == ["metricName", "metricNamespace", "metricValue", "defaultValue"])
        let groups = try await rig.call("DescribeLogGroups", "{}")["logGroups"]?.elements ?? []
        #expect(groups.map { $0["metricFilterCount"]?.int } == [2, 1])
        try await put(rig, filter("b", pattern: "y"))
        let replaced = try await rig.call("DescribeMetricFilters", #"{"filterNamePrefix":"b"}"#)["metricFilters"]
        #expect(replaced?.elements.first?["filterPattern"]?.string == "y")
        let delete = #"{"logGroupName":"g","filterName":"b"}"#
        _ = try await rig.send("DeleteMetricFilter", delete)
        #expect(await rig.failure("DeleteMetricFilter", delete)?.code == "ResourceNotFoundException")
        #expect(try await names(#"{"logGroupName":"g"}"#) == ["ab"])
        _ = try await rig.send("DeleteLogGroup", #"{"logGroupName":"g"}"#)
        #expect(try await rig.count("logs_metric_filters") == 1)
    }

    /// All share what takes samples: nobody gets all of it.
    @Test func aGroupHasABoundOfDifferentMetrics() async throws {
        let rig = try await rig()
        let recorder = rig.recording()
        try await put(rig, filter(pattern: "{ $.a = * }", more: ##","dimensions":{"A":"$.a"}"##))
        rig.append((0..<2_500).map { #"{"a":\#($0)}"# }, group: "g")
        rig.append([#"{"a":1}"#], group: "g", stream: "t")
        await rig.service.store.flush()
        #expect(recorder.samples.count == SampleSet.limit)
        #expect(recorder.samples.reduce(0) { $0 + $1.distribution.sampleCount } >= Double(SampleSet.limit))
    }

    @Test func whatIsRefused() async throws {
        let rig = try await rig()
        func code(_ body: String) async -> String? { await rig.failure("PutMetricFilter", body)?.code }
        let bad = [
            filter(pattern: "a:b"), filter(pattern: "a", value: "many"), filter(pattern: "a", value: "$.x"),
            filter(pattern: "{ $.a = 1 }", value: "$a"), filter(pattern: "[a, b]", value: "$c"),
            filter(pattern: "a", more: ##","dimensions":{"A":"$.a"}"##),
            filter(pattern: "{ $.a = 1 }", more: ##","dimensions":{"A":"a"}"##),
            filter(pattern: "{ $.a = 1 }", more: ##","dimensions":{"A":"$.a"},"defaultValue":1"##),
            filter(
                pattern: "{ $.a = 1 }", more: ##","dimensions":{"A":"$.a","B":"$.a","C":"$.a","D":"$.a"}"##),
            filter(pattern: "a", more: #","unit":"Miles""#),
        ]
        for body in bad { #expect(await code(body) == "InvalidParameterException", "\(body)") }
        #expect(await code(filter(group: "none", pattern: "a")) == "ResourceNotFoundException")
        let two = #"{"metricName":"m","metricNamespace":"n","metricValue":"1"}"#
        let many = await rig.failure(
            "PutMetricFilter",
            #"{"logGroupName":"g","filterName":"f","filterPattern":"","metricTransformations":[\#(two),\#(two)]}"#)
        #expect(many?.message.contains("Member must have length less than or equal to 1") == true)
        let long = String(repeating: "x", count: 513)
        #expect(
            await rig.failure("DeleteMetricFilter", #"{"logGroupName":"\#(long)","filterName":"f"}"#)?.message
                == "Invalid LogGroup or LogStream, both must have length less than or equal to 512.")
        #expect(
            await rig.failure("DescribeMetricFilters", #"{"metricName":"m"}"#)?.code == "InvalidParameterException")
        for number in 0..<100 { try await put(rig, filter("f\(number)", pattern: "a")) }
        #expect(await code(filter("one more", pattern: "a")) == "LimitExceededException")
    }

    /// The API reference's examples.
    @Test func patternsAreTested() async throws {
        let rig = try Rig()
        let line = #"127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /apache_pb.gif HTTP/1.0" 200 1534"#
        func matches(_ pattern: String, _ messages: [String]) async throws -> [JSONValue] {
            let list = messages.map(\.json).joined(separator: ",")
            return try await rig.call(
                "TestMetricFilter", #"{"filterPattern":\#(pattern.json),"logEventMessages":[\#(list)]}"#)["matches"]?
                .elements ?? []
        }
        func values(_ match: JSONValue?) -> [String: String] {
            var values: [String: String] = [:]
            for (name, value) in match?["extractedValues"]?.members ?? [] { values[name] = value.string }
            return values
        }
        let common = [
            "$1": "127.0.0.1", "$2": "-", "$3": "frank", "$4": "10/Oct/2000:13:25:15 -0700",
            "$5": "GET /apache_pb.gif HTTP/1.0", "$6": "200",
        ]
        #expect(
            values(try await matches("[]", [line]).first) == common.merging(["$7": "1534"]) { one, _ in one })
        #expect(
            values(try await matches("[..., size]", [line]).first)
                == common.merging(["$size": "1534"]) { one, _ in one })
        let named = values(
            try await matches("[ip, identity, user_id, timestamp, request, status_code, size]", [line]).first)
        #expect(named["$user_id"] == "frank" && named["$size"] == "1534" && named.count == 7)
        let trailing = try await matches("[..., request=*.gif*, status_code=2*,]", [line, "no"])
        #expect(values(trailing.first)["$7"] == "1534")
        let errors = try await matches("\"[ERROR]\"", ["[INFO] a", "[ERROR] b"])
        #expect(errors.map { $0["eventNumber"]?.int } == [1])
        #expect(errors.first?["eventMessage"]?.string == "[ERROR] b")
        #expect(values(errors.first) == [:])
        let json = try await matches(
            "{ $.ip != 123.* && $.list[0] = 1 }", [#"{"ip":"111.1.1.1","list":[1]}"#])
        #expect(values(json.first) == ["$.ip": "111.1.1.1", "$.list[0]": "1"])
        #expect(
            await rig.failure("TestMetricFilter", #"{"filterPattern":"","logEventMessages":[]}"#)?.code
                == "InvalidParameterException")
    }

    /// Sums of what is recorded stay numbers: none is further from zero than 2^360.
    @Test func defaultValuesAreBounded() async throws {
        let rig = try await rig()
        try await put(rig, filter(pattern: "ERROR", more: #","defaultValue":-1e108"#))
        for value in ["1e109", "-1e300"] {
            let failure = await rig.failure(
                "PutMetricFilter", filter(pattern: "ERROR", more: #","defaultValue":\#(value)"#))
            #expect(failure?.code == "InvalidParameterException", "\(value)")
        }
    }
}
