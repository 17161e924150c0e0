import Metrics
import Testing

/// https://prometheus.io/docs/instrumenting/exposition_formats/
@Suite struct PrometheusTests {
    @Test func writesFamiliesAndEscapesLabels() {
        var text = PrometheusText()
        text.add("a_total", .counter, "Things.", 3)
        text.begin("b", .gauge, "Others.")
        text.add("b", [("x", "1"), ("y", "q\"u\\o\nt")], 0.5)
        #expect(
            text.text == """
                # HELP a_total Things.
                # TYPE a_total counter
                a_total 3
                # HELP b Others.
                # TYPE b gauge
                b{x="1",y="q\\"u\\\\o\\nt"} 0.5

                """)
    }

    @Test func totalsAreOfFunctionsOverAllVersions() {
        let totals = FunctionTotals()
        func sample(_ name: String, _ value: Double, _ dimensions: [MetricDimension]) -> MetricSample {
            MetricSample(
                MetricKey(
                    account: "000000000000", region: "eu-west-1", namespace: "AWS/Lambda", name: name,
                    dimensions: dimensions), unit: .count, timestamp: 0, value: value)
        }
        let hello = [MetricDimension("FunctionName", "hello")]
        totals.record([
            sample("Invocations", 1, hello), sample("Invocations", 1, hello), sample("Errors", 1, hello),
            sample("Throttles", 0, hello), sample("Duration", 30, hello), sample("Duration", 2000, hello),
            sample("Invocations", 1, []), sample("Invocations", 1, hello + [MetricDimension("Resource", "hello")]),
        ])
        var text = PrometheusText()
        totals.write(to: &text)
        let lines = text.text.split(separator: "\n")
        let labels = #"account="000000000000",region="eu-west-1",function="hello""#
        for line in [
            "apus_lambda_invocations_total{\(labels)} 2", "apus_lambda_errors_total{\(labels)} 1",
            "apus_lambda_throttles_total{\(labels)} 0",
            #"apus_lambda_duration_seconds_bucket{\#(labels),le="0.025"} 0"#,
            #"apus_lambda_duration_seconds_bucket{\#(labels),le="0.05"} 1"#,
            #"apus_lambda_duration_seconds_bucket{\#(labels),le="2.5"} 2"#,
            #"apus_lambda_duration_seconds_bucket{\#(labels),le="+Inf"} 2"#,
            "apus_lambda_duration_seconds_sum{\(labels)} 2.03", "apus_lambda_duration_seconds_count{\(labels)} 2",
        ] { #expect(lines.contains(Substring(line)), "\(line)") }
        #expect(lines.count { $0.hasPrefix("apus_lambda_invocations_total") } == 1)
    }
}
