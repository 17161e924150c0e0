import AWSWire
import Delivery
import Identity
import NIOCore
import TestSupport
import Testing

@testable import SQSService

@Suite struct RedriveTests {
    private func pipe(_ rig: Rig, max: Int, suffix: String = "") async throws -> (work: Queue, dead: Queue) {
        let dead = try await rig.queue("dead" + suffix)
        let policy = #"{"deadLetterTargetArn":"\#(dead.key.arn)","maxReceiveCount":\#(max)}"#
        return (try await rig.queue("work" + suffix, ["RedrivePolicy": policy]), dead)
    }

    @Test func aMessageIsReceivedAsOftenAsItMayBe() async throws {
        let rig = try await Rig()
        let (work, dead) = try await pipe(rig, max: 3)
        _ = try await rig.put("dying", into: work)
        _ = try await rig.put("other", into: work)
        for round in 1...3 {
            let got = try await rig.bodies(1, from: work, timeout: 1)
            #expect(got == ["dying"], "round \(round)")
            _ = try await rig.bodies(0 + 1, from: work, timeout: 10_000)
            rig.clock.advance(seconds: 1)
        }
        #expect(try await rig.bodies(from: work) == [])
        let letters = try await rig.take(from: dead)
        #expect(letters.map(\.content.body) == ["dying"])
        #expect(letters.map(\.receives) == [4])
        #expect(letters.map(\.source) == [work.key.arn])
    }

    @Test func groupsKeepTheirOrderAmongDeadLetters() async throws {
        let rig = try await Rig()
        let (work, dead) = try await pipe(rig, max: 1, suffix: ".fifo")
        for number in 0..<6 {
            _ = try await rig.put("\(number)", into: work, group: "\(number % 2)", deduplication: "\(number)")
        }
        #expect(try await rig.bodies(from: work, timeout: 1) == ["0", "2", "4", "1", "3", "5"])
        rig.clock.advance(seconds: 1)
        #expect(try await rig.bodies(from: work) == [])
        #expect(try await rig.bodies(from: dead) == ["0", "2", "4", "1", "3", "5"])
        #expect(try await rig.rows("groups") == 2)
    }

    @Test func withoutItsDeadLetterQueueAMessageStays() async throws {
        let rig = try await Rig()
        let (work, _) = try await pipe(rig, max: 1)
        try await rig.call("DeleteQueue", #"{"QueueUrl":"dead"}"#)
        _ = try await rig.put("m", into: work)
        for _ in 0..<3 {
            #expect(try await rig.bodies(from: work, timeout: 1) == ["m"])
            rig.clock.advance(seconds: 1)
        }
    }

    @Test func aMoveTaskKeepsItsPace() async throws {
        let rig = try await Rig()
        let (_, dead) = try await pipe(rig, max: 1)
        let other = try await rig.queue("other")
        for number in 0..<5 { _ = try await rig.put("\(number)", into: dead) }
        let running = Task { await rig.service.mover.run() }
        defer { running.cancel() }
        try await rig.call(
            "StartMessageMoveTask",
            #"{"SourceArn":"\#(dead.key.arn)","DestinationArn":"\#(other.key.arn)","MaxNumberOfMessagesPerSecond":1}"#)
        for moved in 1...5 {
            #expect(try await eventually { try await rig.counts(of: other).visible == moved && rig.clock.alarms == 1 })
            #expect(try await rig.counts(of: dead).visible == 5 - moved)
            rig.clock.advance(seconds: 1)
        }
        let isCompleted = try await eventually {
            let list = try await rig.call("ListMessageMoveTasks", #"{"SourceArn":"\#(dead.key.arn)"}"#)
            return list?["Results"]?.elements.first?["Status"]?.string == "COMPLETED"
        }
        #expect(isCompleted)
    }

    @Test func deliveriesNeedTheQueuesPolicy() async throws {
        let rig = try await Rig()
        let queue = try await rig.queue("q.fifo")
        let account = try #require(AccountID(Rig.account))
        let sender = ServiceCaller("sns.amazonaws.com", for: "arn:aws:sns:us-east-1:\(account):t", of: account)
        var parcel = Parcel(id: RequestID.make(), to: queue.key.arn, from: sender, ByteBuffer(string: "event"))
        parcel.group = "g"
        parcel.attributes["a"] = Parcel.Attribute(.text("b"))
        let refused = await #expect(throws: DeliveryFailure.self) { try await rig.service.deliver(parcel) }
        #expect(refused?.code == "AccessDenied")
        #expect(refused?.isFinal == true)
        let policy =
            #"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"#
            + #""Action":"sqs:SendMessage","Resource":"*"}}"#
        try await rig.call(
            "SetQueueAttributes", #"{"QueueUrl":"q.fifo","Attributes":\#(["Policy": policy].json)}"#)
        // It comes twice, and is one message.
        try await rig.service.check(queue.key.arn, from: sender)
        try await rig.service.deliver(parcel)
        try await rig.service.deliver(parcel)
        let got = try await rig.take(10, from: queue)
        #expect(got.map(\.content.body) == ["event"])
        #expect(got.map(\.content.attributes) == [["a": MessageAttribute(type: "String", value: .text("b"))]])
        #expect(got.map(\.sender) == ["sns.amazonaws.com"])
        parcel.target += "x"
        let gone = await #expect(throws: DeliveryFailure.self) { try await rig.service.deliver(parcel) }
        #expect(gone?.code == "AWS.SimpleQueueService.NonExistentQueue")
    }
}
