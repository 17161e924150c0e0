import AWSWire
import Delivery
import Identity
import Metrics
import NIOCore
import TestSupport
import Testing

@testable import SNSService

/// https://docs.aws.amazon.com/sns/latest/dg/sns-monitoring-using-cloudwatch.html
@Suite struct MetricTests {
    private static let topic = ["TopicName": "news"]

    @Test func messagesCountAsTheyAreDeliveredOrKeptBack() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        try await rig.subscribe("sqs", Rig.queue)
        let filtered = try await rig.subscribe("lambda", Rig.function)
        try await rig.ask(
            "SetSubscriptionAttributes",
            [
                "SubscriptionArn": filtered, "AttributeName": "FilterPolicy",
                "AttributeValue": #"{"kind":["important"]}"#,
            ])
        try await rig.ask("Publish", ["TopicArn": Rig.topic, "Message": "text"])
        _ = try await rig.arrived(1, at: Rig.queue)
        #expect(
            try await eventually {
                rig.meters.drain()
                return rig.metrics.sum("NumberOfNotificationsDelivered", Self.topic) == 1
            })
        #expect(rig.metrics.sum("NumberOfMessagesPublished", Self.topic) == 1)
        #expect(rig.metrics["PublishSize", Self.topic]?.maximum == 4)
        #expect(rig.metrics.sum("NumberOfNotificationsFilteredOut", Self.topic) == 1)
        #expect(rig.metrics.sum("NumberOfNotificationsFilteredOut-NoMessageAttributes", Self.topic) == 1)
        #expect(rig.metrics["NumberOfNotificationsFailed", Self.topic] == nil)
    }

    @Test(arguments: [
        ("sqs", "arn:aws:sqs:us-east-1:000000000000:q", 0, 1), ("http", "http://127.0.0.1:9/", 1, 0),
    ])
    func onlyURLsCountEachFailure(_ kind: String, _ endpoint: String, tried: Int, givenUp: Int) throws {
        let rig = try Rig()
        let letters = DeadLetters(meters: rig.meters, clock: { Rig.start })
        let parcel = Parcel(
            id: "1", to: endpoint, from: .init("sns.amazonaws.com", for: Rig.topic, of: .standard), .init())
        let entry = OutboxEntry(parcel, policy: .managedEndpoint, owner: DeadLetters.name)
        let failure = DeliveryFailure(code: "E", message: "no", isFinal: false)
        letters.attempted(entry, DeliveryAttempt(number: 1, accepted: 0, begun: 0, ended: 0, failure: failure))
        rig.meters.drain()
        #expect(rig.metrics.sum("NumberOfNotificationsFailed", Self.topic) == (tried == 0 ? nil : Double(tried)))
        _ = letters.givenUp(entry, failure, attempts: 3)
        rig.meters.drain()
        #expect(rig.metrics.sum("NumberOfNotificationsFailed", Self.topic) == Double(tried + givenUp))
    }
}
