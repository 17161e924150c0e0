import Delivery
import Identity
import Metrics

/// What a topic's messages count for in CloudWatch:
/// https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html
struct TopicMeters: Sendable {
    private let group: MeterGroup

    init(_ topic: TopicID, meters: Meters) {
        group = meters.group(
            of: MetricSubject(
                account: topic.account, region: topic.region, namespace: "AWS/SNS",
                dimensions: [MetricDimension("TopicName", topic.name)]))
    }

    func published(size: Int, at time: Int64) {
        group.record("NumberOfMessagesPublished", .count, 1, at: time)
        group.record("PublishSize", .bytes, Double(size), at: time)
    }

    /// A subscription did not want a message.
    func filteredOut(by scope: FilterPolicy.Scope, hasAttributes: Bool, at time: Int64) {
        group.record("NumberOfNotificationsFilteredOut", .count, 1, at: time)
        switch scope {
        case .messageBody: group.record("NumberOfNotificationsFilteredOut-MessageBody", .count, 1, at: time)
        case .messageAttributes where hasAttributes:
            group.record("NumberOfNotificationsFilteredOut-MessageAttributes", .count, 1, at: time)
        case .messageAttributes:
            group.record("NumberOfNotificationsFilteredOut-NoMessageAttributes", .count, 1, at: time)
        }
    }

    func delivered(at time: Int64) { group.record("NumberOfNotificationsDelivered", .count, 1, at: time) }

    func failed(at time: Int64) { group.record("NumberOfNotificationsFailed", .count, 1, at: time) }

    func redriven(at time: Int64) { group.record("NumberOfNotificationsRedrivenToDlq", .count, 1, at: time) }
}
