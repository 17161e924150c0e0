import Histogram

/// What a closed loop saw: latencies in nanoseconds, three significant digits, and the answers that were no success.
struct Recording {
    private var histogram = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
    private var failures = 0

    mutating func record(nanoseconds: UInt64, succeeded: Bool) {
        histogram.record(nanoseconds)
        if !succeeded { failures += 1 }
    }

    mutating func add(_ other: Recording) {
        for value in other.histogram.recordedValues() {
            histogram.record(value.value, count: value.countAddedInThisIterationStep)
        }
        failures += other.failures
    }

    /// `{"count":…,"failures":…,"perSecond":…,"p50":…,"p99":…,"max":…}`, times in microseconds.
    func json(seconds: Double) -> String {
        func micros(_ percentile: Double) -> Double { Double(histogram.valueAtPercentile(percentile)) / 1000 }
        let fields: [(String, String)] = [
            ("count", "\(histogram.totalCount)"),
            ("failures", "\(failures)"),
            ("perSecond", "\(Double(histogram.totalCount) / seconds)"),
            ("p50", "\(micros(50))"),
            ("p99", "\(micros(99))"),
            ("max", "\(Double(histogram.max) / 1000)"),
        ]
        return "{" + fields.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }
}
