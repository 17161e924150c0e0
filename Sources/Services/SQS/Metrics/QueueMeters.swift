import Metrics
import Synchronization

/// What a queue's messages count for in CloudWatch.
final class QueueMeters: Sendable {
    /// For how long after its last use a queue has metrics, in milliseconds: six hours.
    private static let activity: Int64 = 6 * 3_600_000

    private let subject: MetricSubject
    private let group: MeterGroup
    /// When it was used last, as far as is known: it counts as used when the server starts.
    private let used: Atomic<Int64>

    init(_ key: QueueKey, meters: Meters, now: Int64) {
        subject = MetricSubject(
            account: key.account, region: key.region, namespace: "AWS/SQS",
            dimensions: [MetricDimension("QueueName", key.name)])
        group = MeterGroup(meters, of: subject)
        used = Atomic(now)
    }

    /// Messages were sent. One that repeats another is not there once more.
    ///
    /// - Parameters:
    ///   - sizes: Of those that are, in bytes.
    ///   - repeated: How many are not.
    func sent(_ sizes: [Int], repeated: Int, at time: Int64) {
        used.store(time, ordering: .relaxed)
        for size in sizes {
            group.record("NumberOfMessagesSent", .count, 1, at: time)
            group.record("SentMessageSize", .bytes, Double(size), at: time)
        }
        if repeated > 0 {
            group.record("NumberOfDeduplicatedSentMessages", .count, 1, count: Double(repeated), at: time)
        }
    }

    /// A consumer was answered.
    func received(_ count: Int, at time: Int64) {
        used.store(time, ordering: .relaxed)
        if count > 0 {
            group.record("NumberOfMessagesReceived", .count, Double(count), at: time)
        } else {
            group.record("NumberOfEmptyReceives", .count, 1, at: time)
        }
    }

    /// Handles were good, whether or not their messages were still there.
    func deleted(_ count: Int, at time: Int64) {
        used.store(time, ordering: .relaxed)
        if count > 0 { group.record("NumberOfMessagesDeleted", .count, 1, count: Double(count), at: time) }
    }

    /// Whether it is used, has messages, or was used or had some lately.
    func isActive(_ hasMessages: Bool, at time: Int64) -> Bool {
        if hasMessages { used.store(time, ordering: .relaxed) }
        return time - used.load(ordering: .relaxed) <= Self.activity
    }

    /// - Parameter age: Of the oldest message, in milliseconds.
    func levels(_ counts: MessageTable.Counts, age: Int64, at time: Int64) -> [MetricSample] {
        func sample(_ name: String, _ unit: MetricUnit, _ value: Double) -> MetricSample {
            MetricSample(subject.key(name), unit: unit, timestamp: time, value: value)
        }
        return [
            sample("ApproximateNumberOfMessagesVisible", .count, Double(counts.visible)),
            sample("ApproximateNumberOfMessagesNotVisible", .count, Double(counts.inFlight)),
            sample("ApproximateNumberOfMessagesDelayed", .count, Double(counts.delayed)),
            sample("ApproximateAgeOfOldestMessage", .seconds, Double(age / 1000)),
        ]
    }
}
