import AWSWire
import Testing

@testable import SQSService

@Suite struct VisibilityTests {
    @Test func aMessageComesBackWhenItsTimeIsOver() async throws {
        let rig = try await Rig()
        let queue = try await rig.queue("q", ["VisibilityTimeout": "30"])
        _ = try await rig.put("m", into: queue)
        let first = try await rig.take(from: queue)
        rig.clock.advance(milliseconds: 29_999)
        #expect(try await rig.bodies(from: queue) == [])
        rig.clock.advance(milliseconds: 1)
        let second = try await rig.take(from: queue)
        #expect(second.map(\.receives) == [2])
        #expect(second.map(\.firstReceived) == first.map(\.firstReceived))
        // The earlier handle deletes nothing.
        #expect(try await rig.delete(first[0], from: queue) == nil)
        #expect(try await rig.counts(of: queue) == .init(inFlight: 1))
        // The latest does, even when its time is over: test_delete_after_visibility_timeout.
        rig.clock.advance(seconds: 31)
        #expect(try await rig.delete(second[0], from: queue) == nil)
        #expect(try await rig.counts(of: queue) == .init())
    }

    /// Recorded in test_terminate_visibility_timeout_after_receive and, for deleting, in SNS's test_filter_policy.
    @Test func earlierHandlesOfStandardQueuesStillDoSomething() async throws {
        let rig = try await Rig()
        let queue = try await rig.queue("q")
        _ = try await rig.put("m", into: queue)
        let first = try await rig.take(from: queue, timeout: 0)
        _ = try await rig.take(from: queue, timeout: 30)
        let handle = first[0].handle(in: queue)
        try await rig.call(
            "ChangeMessageVisibility", #"{"QueueUrl":"q","ReceiptHandle":"\#(handle)","VisibilityTimeout":0}"#)
        #expect(try await rig.counts(of: queue) == .init(visible: 1))
        #expect(try await rig.delete(first[0], from: queue) == nil)
        #expect(try await rig.counts(of: queue) == .init())
    }

    @Test func delayedMessagesAreCountedApart() async throws {
        let rig = try await Rig()
        let queue = try await rig.queue("q", ["DelaySeconds": "10"])
        _ = try await rig.put("queue's", into: queue)
        _ = try await rig.put("own", into: queue, delay: 5)
        _ = try await rig.put("now", into: queue, delay: 0)
        #expect(try await rig.counts(of: queue) == .init(visible: 1, delayed: 2))
        #expect(try await rig.bodies(from: queue) == ["now"])
        rig.clock.advance(seconds: 5)
        #expect(try await rig.bodies(from: queue) == ["own"])
        rig.clock.advance(seconds: 5)
        #expect(try await rig.bodies(from: queue) == ["queue's"])
        #expect(try await rig.counts(of: queue) == .init(inFlight: 3))
    }

    @Test(arguments: ["q", "q.fifo"])
    func whatExpiredIsNeitherCountedNorGivenOutAndGoes(name: String) async throws {
        let rig = try await Rig()
        let queue = try await rig.queue(name, ["MessageRetentionPeriod": "60"])
        let group = queue.isFIFO ? "g" : nil
        for number in 0..<3 {
            _ = try await rig.put("old", into: queue, group: group, deduplication: group.map { "\($0)\(number)" })
        }
        rig.clock.advance(seconds: 59)
        _ = try await rig.put("new", into: queue, group: group, deduplication: group)
        rig.clock.advance(seconds: 1)
        #expect(try await rig.counts(of: queue) == .init(visible: 1))
        #expect(try await rig.bodies(2, from: queue) == ["new"])
        #expect(try await rig.rows("messages") == 1)
        rig.clock.advance(seconds: 60)
        try await Cleaner(service: rig.service).expire()
        #expect(try await rig.rows("messages") == 0)
        #expect(try await rig.rows("groups") == 0)
    }

    @Test func longBodiesGoWithTheirMessages() async throws {
        let rig = try await Rig()
        let queue = try await rig.queue("q")
        let body = String(repeating: "x", count: MessageTable.inlineBytes + 1)
        for _ in 0..<3 { _ = try await rig.put(body, into: queue) }
        #expect(try await rig.rows("bodies") == 3)
        let messages = try await rig.take(from: queue)
        #expect(messages.map(\.content.body) == [body])
        _ = try await rig.delete(messages[0], from: queue)
        #expect(try await rig.rows("bodies") == 2)
        try await rig.call("PurgeQueue", #"{"QueueUrl":"q"}"#)
        #expect(try await rig.rows("bodies") == 0)
    }

    @Test func noMoreAreInFlightThanMayBe() async throws {
        var quotas = SQSQuotas()
        quotas.inFlight = 3
        let rig = try await Rig(quotas: quotas)
        let queue = try await rig.queue("q")
        for number in 0..<5 { _ = try await rig.put(String(number), into: queue) }
        let first = try await rig.take(2, from: queue)
        _ = try await rig.take(1, from: queue)
        let error = await #expect(throws: AWSError.self) { _ = try await rig.take(1, from: queue) }
        #expect(error?.code == "OverLimit")
        #expect(error?.status == 403)
        _ = try await rig.delete(first[0], from: queue)
        #expect(try await rig.bodies(1, from: queue) == ["3"])
        // A FIFO queue says nothing.
        let ordered = try await rig.queue("q.fifo")
        for number in 0..<4 {
            _ = try await rig.put(String(number), into: ordered, group: "\(number)", deduplication: "\(number)")
        }
        #expect(try await rig.bodies(3, from: ordered).count == 3)
        #expect(try await rig.bodies(1, from: ordered) == [])
    }

    @Test func lookingAtAnEmptyQueueWritesNothing() async throws {
        let rig = try await Rig()
        for name in ["q", "q.fifo"] {
            let queue = try await rig.queue(name)
            _ = try await rig.bodies(from: queue)
            let before = rig.database.writes
            for _ in 0..<20 { #expect(try await rig.bodies(from: queue) == []) }
            #expect(rig.database.writes == before)
        }
    }

    @Test func pausesEndAfterAMinute() async throws {
        let rig = try await Rig()
        _ = try await rig.queue("q")
        try await rig.call("PurgeQueue", #"{"QueueUrl":"q"}"#)
        rig.clock.advance(milliseconds: 59_999)
        #expect(await rig.failure("PurgeQueue", #"{"QueueUrl":"q"}"#)?.code == "PurgeQueueInProgress")
        rig.clock.advance(milliseconds: 1)
        try await rig.call("PurgeQueue", #"{"QueueUrl":"q"}"#)

        try await rig.call("DeleteQueue", #"{"QueueUrl":"q"}"#)
        rig.clock.advance(milliseconds: 59_999)
        #expect(await rig.failure("CreateQueue", #"{"QueueName":"q"}"#)?.code == "QueueDeletedRecently")
        rig.clock.advance(milliseconds: 1)
        try await rig.call("CreateQueue", #"{"QueueName":"q"}"#)
    }

    @Test func aDeletedQueueLeavesNothing() async throws {
        let rig = try await Rig()
        let queue = try await rig.queue("q.fifo")
        _ = try await rig.put("m", into: queue, group: "g", deduplication: "d")
        try await rig.call("DeleteQueue", #"{"QueueUrl":"q.fifo"}"#)
        // Whoever still has it in hand puts nothing into it.
        let draft = try queue.draft(MessageContent(body: "late"), delay: nil, group: "g", deduplication: "e")
        #expect(try await rig.service.send([draft], to: queue, by: "x") == nil)
        let cleaner = Cleaner(service: rig.service)
        try await cleaner.sweepDeleted()
        for table in ["messages", "groups", "deduplication"] { #expect(try await rig.rows(table) == 0) }
        #expect(try await rig.rows("deleted") == 1)
        rig.clock.advance(seconds: 60)
        try await cleaner.sweepDeleted()
        #expect(try await rig.rows("deleted") == 0)
    }
}
