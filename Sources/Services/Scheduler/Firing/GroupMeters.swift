import Delivery
import Identity
import Metrics

/// What schedules count for in CloudWatch: for their group, and for the account.
///
/// https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html
struct GroupMeters: Sendable {
    private let group: MeterGroup

    init(_ id: GroupID, meters: Meters) {
        let account = MetricSubject(account: id.account, region: id.region, namespace: "AWS/Scheduler")
        let group = MetricSubject(
            account: id.account, region: id.region, namespace: "AWS/Scheduler",
            dimensions: [MetricDimension("ScheduleGroup", id.name)])
        self.group = meters.group(of: group) { [account.key($0), group.key($0)] }
    }

    /// Those of the group on whose behalf a parcel is sent.
    init?(of entry: OutboxEntry, _ meters: Meters) {
        guard let id = GroupID(arn: entry.parcel.sender.source) else { return nil }
        self.init(id, meters: meters)
    }

    /// - Parameter time: Milliseconds since 1970.
    func count(_ name: String, at time: Int64) { group.record(name, .count, 1, at: time) }
}
