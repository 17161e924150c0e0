import Metrics
import Synchronization

/// How many invocations run at once in an account and region, in CloudWatch:
/// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-concurrency.html
final class AccountGauge: MetricGauge {
    private let concurrency: AccountConcurrency
    private let executions: MetricKey
    private let unreserved: MetricKey
    private let claimed: MetricKey
    /// The minute in which what is claimed was last told.
    private let told = Atomic<Int64>(0)

    init(_ concurrency: AccountConcurrency, of account: String, in region: String) {
        self.concurrency = concurrency
        executions = LambdaSeries.account(account, region, "ConcurrentExecutions")
        unreserved = LambdaSeries.account(account, region, "UnreservedConcurrentExecutions")
        claimed = LambdaSeries.account(account, region, "ClaimedAccountConcurrency")
    }

    var isListed: Bool { true }

    func read(at time: Int64) -> (samples: [MetricSample], isIdle: Bool) {
        let peak = Self.take(concurrency.peak, concurrency.total.load(ordering: .relaxed))
        let unreservedPeak = Self.take(concurrency.unreservedPeak, concurrency.unreserved.running)
        // Reservations, and provisioned concurrency without.
        let allocated = concurrency.limit - concurrency.unreservedLimit.load(ordering: .relaxed)
        var samples: [MetricSample] = []
        func add(_ key: MetricKey, _ value: Int) {
            samples.append(MetricSample(key, unit: .count, timestamp: time, value: Double(value)))
        }
        if peak > 0 { add(executions, peak) }
        if unreservedPeak > 0 { add(unreserved, unreservedPeak) }
        // What is allocated is there without invocations, too.
        let isDue = allocated > 0 && told.exchange(time / 60_000, ordering: .relaxed) != time / 60_000
        if peak > 0 || isDue { add(claimed, unreservedPeak + allocated) }
        return (samples, false)
    }

    private static func take(_ peak: borrowing Atomic<Int>, _ current: Int) -> Int {
        max(peak.exchange(current, ordering: .relaxed), current)
    }
}
