import Synchronization

/// What functions did since the server started, for Prometheus, made of what is on its way to CloudWatch: invocations,
/// errors, throttles and durations of each function.
package final class FunctionTotals: MetricSink {
    private struct Function: Hashable {
        var account: String
        var region: String
        var name: String

        static func < (one: Function, other: Function) -> Bool {
            (one.account, one.region, one.name) < (other.account, other.region, other.name)
        }

        var labels: [(name: String, value: String)] {
            [("account", account), ("region", region), ("function", name)]
        }
    }

    private struct Totals {
        var invocations = 0.0
        var errors = 0.0
        var throttles = 0.0
        /// Seconds.
        var duration = 0.0
        /// How many durations are in each of ``bounds``, and beyond.
        var counts = [Double](repeating: 0, count: FunctionTotals.bounds.count + 1)
    }

    /// Seconds.
    private static let bounds = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900,
    ]
    /// Past so many functions, others are told together, without a name.
    private static let limit = 10_000

    private let functions = Mutex<[Function: Totals]>([:])

    package init() {}

    package func record(_ samples: [MetricSample]) {
        functions.withLock { functions in
            for sample in samples {
                let key = sample.key
                // Those of a function, over all its versions.
                guard key.namespace == "AWS/Lambda", key.dimensions.count == 1,
                    let name = key.dimensions.first(where: { $0.name == "FunctionName" })?.value
                else { continue }
                var function = Function(account: key.account, region: key.region, name: name)
                if functions[function] == nil, functions.count >= Self.limit { function.name = "" }
                Self.add(sample.distribution, of: key.name, to: &functions[function, default: Totals()])
            }
        }
    }

    private static func add(_ distribution: Distribution, of name: String, to totals: inout Totals) {
        switch name {
        case "Invocations": totals.invocations += distribution.sum
        case "Errors": totals.errors += distribution.sum
        case "Throttles": totals.throttles += distribution.sum
        case "Duration":
            totals.duration += distribution.sum / 1000
            for (milliseconds, count) in distribution.values {
                let bucket = bounds.firstIndex { milliseconds / 1000 <= $0 } ?? bounds.count
                totals.counts[bucket] += count
            }
        default: break
        }
    }

    package func reset() { functions.withLock { $0 = [:] } }

    package func write(to text: inout PrometheusText) {
        let all = functions.withLock { $0 }.sorted { $0.key < $1.key }
        func counter(_ name: String, _ help: String, _ value: (Totals) -> Double) {
            text.begin(name, .counter, help)
            for (function, totals) in all { text.add(name, function.labels, value(totals)) }
        }
        counter("apus_lambda_invocations_total", "Invocations that ran, with those that failed.") { $0.invocations }
        counter("apus_lambda_errors_total", "Invocations that ended with an error of the function.") { $0.errors }
        counter("apus_lambda_throttles_total", "Invocations that were refused past a limit.") { $0.throttles }
        let name = "apus_lambda_duration_seconds"
        text.begin(name, .histogram, "How long functions ran, without their initialisation.")
        for (function, totals) in all {
            var passed = 0.0
            for (bound, count) in zip(Self.bounds + [.infinity], totals.counts) {
                passed += count
                text.add("\(name)_bucket", function.labels + [("le", PrometheusText.number(bound))], passed)
            }
            text.add("\(name)_sum", function.labels, totals.duration)
            text.add("\(name)_count", function.labels, passed)
        }
    }
}
