import AWSWire
import Delivery
import Identity
import NIOCore
import Testing

@testable import SNSService

@Suite struct PaceTests {
    @Test func turnsAreApart() {
        let turns = Turns()
        let start = ContinuousClock.now
        func next(_ key: String, _ milliseconds: Int) -> Duration {
            turns.next(key, every: .milliseconds(100), now: start + .milliseconds(milliseconds)) - start
        }
        #expect(next("a", 0) == .zero)
        #expect(next("a", 10) == .milliseconds(100))
        #expect(next("a", 20) == .milliseconds(200))
        #expect(next("b", 20) == .milliseconds(20))
        // Who was not there for a while has lost nothing and saved up nothing.
        #expect(next("a", 1_000) == .milliseconds(1_000))
        #expect(next("a", 1_000) == .milliseconds(1_100))
        for number in 0..<3_000 { _ = next("other\(number)", number * 1_000) }
        #expect(next("a", 1_000) == .milliseconds(1_000))
    }

    /// test_subscribe_external_http_endpoint_content_type has the members.
    @Test func endpointsGetWhatTheyTakeInASecond() async throws {
        let rig = try Rig()
        try await rig.ask("CreateTopic", ["Name": "news"])
        let policy = #"{"throttlePolicy":{"maxReceivesPerSecond":10}}"#
        let arn = try await rig.subscribe("http", Rig.url, ["DeliveryPolicy": policy])
        let token = try #require(try await rig.arrived(1, at: Rig.url).first?.json?["Token"]?.string)
        try await rig.ask("ConfirmSubscription", ["TopicArn": Rig.topic, "Token": token])
        let shown = try await rig.ask("GetSubscriptionAttributes", ["SubscriptionArn": arn])
        for name in ["DeliveryPolicy", "EffectiveDeliveryPolicy"] {
            let text = try #require(Rig.attribute(name, shown))
            #expect(text.contains(#""throttlePolicy":{"maxReceivesPerSecond":10}"#))
        }

        let sink = Sink()
        let target = rig.service.paced(sink)
        let sender = ServiceCaller("sns.amazonaws.com", for: Rig.topic, of: .standard)
        let time = try await ContinuousClock().measure {
            for number in 0..<4 {
                try await target.deliver(
                    Parcel(id: "\(number)", to: Rig.url, from: sender, ByteBuffer(string: "m")))
            }
        }
        #expect(time >= .milliseconds(300))
        #expect(sink.parcels(to: Rig.url).map(\.id) == ["0", "1", "2", "3"])
    }
}
