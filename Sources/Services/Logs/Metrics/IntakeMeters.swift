import Metrics
import Synchronization

/// Counts what groups are sent, `AWS/Logs` in CloudWatch, of each group and of all:
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html
final class IntakeMeters: Sendable {
    /// What one transaction stored in a group.
    struct Intake: Sendable {
        var events = 0
        /// Of the messages.
        var bytes = 0
    }

    private let meters = Mutex<Meters?>(nil)

    /// Counts from now on.
    func begin(_ meters: Meters) { self.meters.withLock { $0 = meters } }

    /// - Parameter time: Milliseconds since 1970.
    func count(_ intakes: [GroupKey: Intake], at time: Int64) {
        guard let meters = meters.withLock({ $0 }) else { return }
        for (group, intake) in intakes {
            func record(_ name: String, _ unit: MetricUnit, _ value: Int) {
                let series = [[], [MetricDimension("LogGroupName", group.name)]].map { dimensions in
                    MetricKey(
                        account: group.account, region: group.region, namespace: "AWS/Logs", name: name,
                        dimensions: dimensions)
                }
                meters.meter(series, unit: unit).record(Double(value), at: time)
            }
            record("IncomingLogEvents", .none, intake.events)
            record("IncomingBytes", .bytes, intake.bytes)
        }
    }
}
