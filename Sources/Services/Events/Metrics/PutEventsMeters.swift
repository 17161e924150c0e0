import Metrics

/// What an account's calls of PutEvents count for in CloudWatch.
///
/// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
struct PutEventsMeters: Sendable {
    private let group: MeterGroup

    init(_ call: Call, meters: Meters) {
        group = meters.group(
            of: MetricSubject(account: call.account, region: call.region, namespace: "AWS/Events"))
    }

    /// - Parameter size: Of its body, in bytes.
    func called(size: Int, at time: Int64) {
        count("PutEventsApproximateCallCount", at: time)
        group.record("PutEventsRequestSize", .bytes, Double(size), at: time)
    }

    /// - Parameter entries: How many there were.
    func read(entries: Int, at time: Int64) { count("PutEventsEntriesCount", entries, at: time) }

    /// - Parameter failures: How many of the entries were not taken.
    func succeeded(failures: Int, at time: Int64) {
        count("PutEventsApproximateSuccessCount", at: time)
        count("PutEventsFailedEntriesCount", failures, at: time)
    }

    func failed(at time: Int64) { count("PutEventsApproximateFailedCount", at: time) }

    func took(_ duration: Duration, at time: Int64) {
        group.record("PutEventsLatency", .milliseconds, duration / .milliseconds(1), at: time)
    }

    private func count(_ name: String, _ number: Int = 1, at time: Int64) {
        group.record(name, .count, Double(number), at: time)
    }
}
