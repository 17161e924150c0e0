import AWSWire
import Delivery
import Identity
import NIOCore
import TestSupport
import Testing

@testable import SNSService

@Suite struct PaceTests {
    @Test func turnsOfASecondEnd() {
        let turns = Turns()
        #expect(turns.take(of: "a", 2, now: 500) == nil)
        #expect(turns.take(of: "a", 2, now: 900) == nil)
        #expect(turns.take(of: "a", 2, now: 1_499) == 1_500)
        #expect(turns.take(of: "b", 1, now: 1_499) == nil)
        #expect(turns.take(of: "a", 2, now: 1_500) == nil)
        // Who was not there for a while has lost nothing and saved up nothing; nor has who comes from the future.
        #expect(turns.take(of: "a", 1, now: 9_000) == nil)
        #expect(turns.take(of: "a", 1, now: 9_001) == 10_000)
        #expect(turns.take(of: "a", 1, now: 100) == nil)
        for number in 0..<3_000 { #expect(turns.take(of: "other\(number)", 1, now: Int64(number) * 1_000) == nil) }
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

        let target = rig.service.paced(rig.sink)
        let sender = ServiceCaller("sns.amazonaws.com", for: Rig.topic, of: .standard)
        let parcel = Parcel(id: "1", to: Rig.url, from: sender, ByteBuffer(string: "m"))
        for _ in 0..<10 { try await target.deliver(parcel) }
        await #expect(throws: DeliveryFailure.early(until: Rig.start + 1_000)) { try await target.deliver(parcel) }
        var other = parcel
        other.target = "http://127.0.0.1:9/other"
        try await target.deliver(other)
        #expect(rig.sink.all.map(\.id).filter { $0 == "1" }.count == 11)
    }
}
