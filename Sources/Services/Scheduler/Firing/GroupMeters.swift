import Delivery
import Identity
import Metrics

/// What schedules count for in CloudWatch: for their group, and for the account.
///
/// https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html
struct GroupMeters: Sendable {
    private let group: MeterGroup

    init(_ id: GroupID, meters: Meters) {
        group = MeterGroup(meters) { name in
            [[], [MetricDimension("ScheduleGroup", id.name)]].map { dimensions in
                MetricKey(
                    account: id.account, region: id.region, namespace: "AWS/Scheduler", name: name,
                    dimensions: dimensions)
            }
        }
    }

    /// Those of the group on whose behalf a parcel is sent.
    init?(of entry: OutboxEntry, _ meters: Meters) {
        guard let id = GroupID(arn: entry.parcel.sender.source) else { return nil }
        self.init(id, meters: meters)
    }

    /// - Parameter time: Milliseconds since 1970.
    func count(_ name: String, at time: Int64) { group.record(name, .count, 1, at: time) }
}
