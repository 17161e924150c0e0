import Metrics
import TestSupport
import Testing

@testable import LogsService

/// Rules are those of "Specification: Embedded metric format", CloudWatch user guide.
@Suite struct EmbeddedMetricsTests {
    private func document(
        dimensions: String = #"[["functionVersion"]]"#,
        metrics: String = #"[{"Name":"time","Unit":"Milliseconds","StorageResolution":60}]"#,
        time: Int64 = Rig.start, more: String = #","functionVersion":"$LATEST","time":100"#
    ) -> String {
        #"{"_aws":{"Timestamp":\#(time),"CloudWatchMetrics":[{"Namespace":"app","Dimensions":\#(dimensions),"#
            + #""Metrics":\#(metrics)}]}\#(more)}"#
    }

    private func samples(_ message: String) -> [MetricSample] {
        EmbeddedMetrics.samples(
            in: Array(message.utf8)[...], of: GroupKey(account: "000000000000", region: "us-east-1", name: "g"),
            now: Rig.start)
    }

    @Test func theExampleOfTheSpecification() throws {
        let samples = samples(document(time: Rig.start - 5))
        #expect(samples.count == 1)
        let sample = try #require(samples.first)
        #expect(
            sample.key
                == MetricKey(
                    account: "000000000000", region: "us-east-1", namespace: "app", name: "time",
                    dimensions: [MetricDimension("functionVersion", "$LATEST")]))
        #expect(sample.unit == .milliseconds)
        #expect(sample.timestamp == Rig.start - 5 && !sample.isHighResolution)
        #expect(
            self.samples(document(metrics: #"[{"Name":"time","StorageResolution":1}]"#)).first?.isHighResolution == true
        )
        #expect(sample.distribution.sum == 100 && sample.distribution.sampleCount == 1)
    }

    @Test func everySetGetsEveryMetric() {
        let samples = samples(
            document(
                dimensions: #"[["a","b"],["a"],[]]"#, metrics: #"[{"Name":"x"},{"Name":"y","Unit":"Count"}]"#,
                more: #","a":"1","b":"2","x":[1,2.5,3],"y":-4"#))
        #expect(
            samples.map { "\($0.key.name) \($0.key.dimensions.map(\.value)) \($0.distribution.sum)" } == [
                "x [\"1\", \"2\"] 6.5", "x [\"1\"] 6.5", "x [] 6.5", "y [\"1\", \"2\"] -4.0", "y [\"1\"] -4.0",
                "y [] -4.0",
            ])
        #expect(samples.first?.distribution.sampleCount == 3)
        #expect(samples.first?.unit == MetricUnit.none)
    }

    @Test func whatIsNotAsItHasToBeGivesNothing() {
        #expect(samples(document()).count == 1)
        let many = "[" + Array(repeating: "1", count: 101).joined(separator: ",") + "]"
        let bad = [
            document(more: #","functionVersion":"1""#), document(more: #","time":1"#),
            document(more: #","functionVersion":1,"time":1"#), document(more: #","functionVersion":"1","time":"1""#),
            document(more: #","functionVersion":"","time":1"#),
            document(more: #","functionVersion":"1","time":\#(many)"#),
            document(more: #","functionVersion":"1","time":[]"#),
            document(dimensions: #"["functionVersion"]"#), document(dimensions: "[[1]]"), document(dimensions: "{}"),
            document(dimensions: #"[["functionVersion","functionVersion"]]"#),
            document(metrics: #"[{"Name":"time","Unit":"Miles"}]"#), document(metrics: #"[{"Unit":"Count"}]"#),
            document(metrics: #"[{"Name":"time","StorageResolution":30}]"#),
            document(metrics: "[" + Array(repeating: #"{"Name":"time"}"#, count: 101).joined(separator: ",") + "]"),
            document(time: Rig.start - 15 * Rig.day), document(time: Rig.start + 3 * 3_600_000),
            document().replacing(#""Timestamp":\#(Rig.start),"#, with: ""), "x" + document(), document() + "x",
            document().replacing("_aws", with: "_AWS"), document().replacing(#""app""#, with: "5"),
            document().replacing(#""app""#, with: #""AWS/Lambda""#),
        ]
        for message in bad { #expect(samples(message).isEmpty, "\(message)") }
        let thirtyOne = (0..<31).map { "\"d\($0)\"" }
        let values = (0..<31).map { ",\"d\($0)\":\"v\"" }.joined() + #","time":1"#
        #expect(samples(document(dimensions: "[[\(thirtyOne.joined(separator: ","))]]", more: values)).isEmpty)
        #expect(
            samples(document(dimensions: "[[\(thirtyOne.dropLast().joined(separator: ","))]]", more: values)).count == 1
        )
    }

    /// A small event must not become very many samples.
    @Test func oneEventHasABound() {
        let sets = "[" + Array(repeating: "[]", count: 1_000).joined(separator: ",") + "]"
        let metrics = "[" + Array(repeating: #"{"Name":"x"}"#, count: 100).joined(separator: ",") + "]"
        #expect(samples(document(dimensions: sets, metrics: metrics, more: #","x":1"#)).isEmpty)
    }

    @Test func ordinaryLinesAreNotRead() {
        func mayBe(_ text: String) -> Bool { EmbeddedMetrics.mayBe(in: Array(text.utf8)[...]) }
        #expect(mayBe(document()) && mayBe("  " + document()) && mayBe(#"{"a":1,"_b":"_","_aws"}"#))
        #expect(
            !mayBe(#"text "_aws""#) && !mayBe("") && !mayBe("   ") && !mayBe(#"{"_aw"#) && !mayBe(#"{"_a":"_aws_"}"#))
        // What stands before and behind a slice is not its own.
        let bytes = Array(#"{"a":1}"_aws""#.utf8)
        #expect(!EmbeddedMetrics.mayBe(in: bytes[..<7]))
        #expect(EmbeddedMetrics.mayBe(in: bytes[0...]))
    }

    @Test func functionsAndClientsEmbed() async throws {
        let rig = try Rig()
        let recorder = rig.recording()
        rig.append(["plain", document()], group: "/aws/lambda/f")
        _ = try await rig.send("CreateLogGroup", #"{"logGroupName":"g"}"#)
        _ = try await rig.send("CreateLogStream", #"{"logGroupName":"g","logStreamName":"t"}"#)
        let message = document(more: #","functionVersion":"2","time":7"#).json
        _ = try await rig.send(
            "PutLogEvents",
            #"{"logGroupName":"g","logStreamName":"t","logEvents":[{"timestamp":\#(Rig.start),"message":\#(message)}]}"#
        )
        #expect(recorder.sums("time") == ["functionVersion=$LATEST 100.0", "functionVersion=2 7.0"])
        #expect(try await rig.messages("FilterLogEvents", #"{"logGroupName":"g"}"#).count == 1)
    }
}
