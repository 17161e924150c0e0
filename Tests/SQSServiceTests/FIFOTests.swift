import AWSWire
import TestSupport
import Testing

@testable import SQSService

@Suite struct FIFOTests {
    @Test func deduplicationLastsFiveMinutes() async throws {
        let rig = try await Rig()
        let queue = try await rig.queue("q.fifo")
        let first = try await rig.put("a", into: queue, group: "g", deduplication: "d")
        rig.clock.advance(milliseconds: 299_999)
        #expect(try await rig.put("b", into: queue, group: "h", deduplication: "d") == first)
        rig.clock.advance(milliseconds: 1)
        let second = try await rig.put("c", into: queue, group: "g", deduplication: "d")
        #expect(second.uuid != first.uuid)
        #expect(try await rig.bodies(from: queue) == ["a", "c"])
        try await Cleaner(service: rig.service).forget()
        #expect(try await rig.rows("deduplication") == 1)
        rig.clock.advance(seconds: 300)
        try await Cleaner(service: rig.service).forget()
        #expect(try await rig.rows("deduplication") == 0)
    }

    @Test func anAttemptIsKnownForFiveMinutes() async throws {
        let rig = try await Rig()
        let queue = try await rig.queue("q.fifo", ["VisibilityTimeout": "1000"])
        for number in 0..<4 {
            _ = try await rig.put("\(number)", into: queue, group: "\(number)", deduplication: "\(number)")
        }
        func attempt() async throws -> [String] {
            let demand = Demand(count: 2, wait: 0, attempt: "a")
            return try #require(try await rig.service.receive(demand, from: queue)).map(\.content.body)
        }
        #expect(try await attempt() == ["0", "1"])
        rig.clock.advance(milliseconds: 299_999)
        #expect(try await attempt() == ["0", "1"])
        rig.clock.advance(milliseconds: 1)
        #expect(try await attempt() == ["2", "3"])
        // The second attempt put the first two out of sight anew.
        rig.clock.advance(milliseconds: 999_998)
        #expect(try await rig.bodies(from: queue) == [])
        rig.clock.advance(milliseconds: 1)
        #expect(try await rig.bodies(from: queue) == ["0", "1"])
    }

    /// test_purge_queue_clears_fifo_deduplication_cache
    @Test func whatIsPurgedMayComeAgain() async throws {
        let rig = try await Rig()
        let queue = try await rig.queue("q.fifo")
        let first = try await rig.put("a", into: queue, group: "g", deduplication: "d")
        try await rig.call("PurgeQueue", #"{"QueueUrl":"q.fifo"}"#)
        rig.clock.advance(milliseconds: 1)
        #expect(try await rig.put("b", into: queue, group: "g", deduplication: "d") != first)
        #expect(try await rig.bodies(from: queue) == ["b"])
    }

    @Test func flagsAreReadInAnyCase() async throws {
        let rig = try await Rig()
        for flag in ["True", "TRUE", "true"] {
            let attributes = ["FifoQueue": flag, "ContentBasedDeduplication": flag].json
            try await rig.call("CreateQueue", #"{"QueueName":"q.fifo","Attributes":\#(attributes)}"#)
        }
        let shown = try await rig.call("GetQueueAttributes", #"{"QueueUrl":"q.fifo","AttributeNames":["All"]}"#)
        #expect(shown?["Attributes"]?["FifoQueue"]?.string == "true")
        #expect(shown?["Attributes"]?["ContentBasedDeduplication"]?.string == "true")
    }

    @Test func sequenceNumbersGrow() async throws {
        let rig = try await Rig()
        let queue = try await rig.queue("q.fifo")
        var last = ""
        for number in 0..<20 {
            let sent = try await rig.put("m", into: queue, group: "\(number % 3)", deduplication: "\(number)")
            let text = try #require(sent.sequence?.sequenceText)
            #expect(text.utf8.count == 20)
            #expect(text > last)
            last = text
        }
    }

    /// Random senders, consumers and clocks against a model that is a list for each group.
    @Test(arguments: 0..<12)
    func orderHoldsWhateverHappens(seed: Int) async throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let rig = try await Rig()
        let queue = try await rig.queue("q.fifo", ["VisibilityTimeout": "30"])
        var model = Model()
        for step in 0..<250 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0...3:
                let group = "g\(Int.random(in: 0..<4, using: &random))"
                let id = "d\(Int.random(in: 0..<40, using: &random))"
                let now = rig.clock.milliseconds()
                let sent = try await rig.put("\(step)", into: queue, group: group, deduplication: id)
                let isRight = model.send("\(step)", sent.uuid, group: group, id: id, now: now)
                #expect(isRight, "step \(step)")
            case 4...6:
                let timeout = Int.random(in: 0..<60, using: &random)
                let count = Int.random(in: 1...10, using: &random)
                let now = rig.clock.milliseconds()
                let messages = try await rig.take(count, from: queue, timeout: timeout)
                let problem = model.receive(messages, count, now: now, until: now + Int64(timeout) * 1000)
                #expect(problem == nil, "step \(step)")
            case 7:
                guard let message = model.inFlight(at: rig.clock.milliseconds()).randomElement(using: &random) else {
                    continue
                }
                #expect(try await rig.delete(message, from: queue) == nil, "step \(step)")
                model.delete(message)
            case 8:
                guard let message = model.inFlight(at: rig.clock.milliseconds()).randomElement(using: &random) else {
                    continue
                }
                let timeout = Int.random(in: 0..<60, using: &random)
                try await rig.call(
                    "ChangeMessageVisibility",
                    #"{"QueueUrl":"q.fifo","ReceiptHandle":"\#(message.handle(in: queue))","VisibilityTimeout":\#(timeout)}"#
                )
                model.hide(message, until: rig.clock.milliseconds() + Int64(timeout) * 1000)
            default: rig.clock.advance(seconds: Double(Int.random(in: 1..<90, using: &random)))
            }
        }
        // All that was not deleted is there, in order.
        rig.clock.advance(seconds: 43_200)
        var rest: [String: [String]] = [:]
        while true {
            let messages = try await rig.take(10, from: queue)
            if messages.isEmpty { break }
            for message in messages {
                rest[message.group ?? "", default: []].append(message.content.body)
                #expect(try await rig.delete(message, from: queue) == nil)
            }
        }
        #expect(rest == model.groups.filter { !$0.value.isEmpty }.mapValues { $0.map(\.body) })
        #expect(try await rig.rows("messages") == 0)
        #expect(try await rig.rows("groups") == 0)
    }
}

/// What a FIFO queue is to its users.
private struct Model {
    struct Message {
        var body: String
        var uuid: String
        var visibleAt: Int64 = 0
        var receipt: ReceivedMessage?
    }

    var groups: [String: [Message]] = [:]
    private var known: [String: (uuid: String, time: Int64)] = [:]

    /// - Returns: Whether the id that the queue answered is right.
    mutating func send(_ body: String, _ uuid: String, group: String, id: String, now: Int64) -> Bool {
        if let first = known[id], first.time > now - 300_000 { return first.uuid == uuid }
        known[id] = (uuid, now)
        groups[group, default: []].append(Message(body: body, uuid: uuid))
        return true
    }

    /// - Returns: What is wrong with what was received; nil for nothing.
    mutating func receive(_ messages: [ReceivedMessage], _ count: Int, now: Int64, until: Int64) -> String? {
        let ready = groups.mapValues { $0.prefix { $0.visibleAt <= now }.count }
        guard messages.count == min(count, ready.values.reduce(0, +)) else { return "\(messages.count) messages" }
        for (group, received) in Dictionary(grouping: messages, by: { $0.group ?? "" }) {
            let wanted = (groups[group] ?? []).prefix(received.count).map(\.body)
            guard received.map(\.content.body) == wanted, received.count <= ready[group] ?? 0 else {
                return "\(received.map(\.content.body)) of \(group), not \(wanted)"
            }
            for (index, message) in received.enumerated() {
                groups[group]?[index].visibleAt = until
                groups[group]?[index].receipt = message
            }
        }
        return nil
    }

    func inFlight(at now: Int64) -> [ReceivedMessage] {
        groups.values.joined().filter { $0.visibleAt > now }.compactMap(\.receipt).sorted { $0.id < $1.id }
    }

    mutating func delete(_ message: ReceivedMessage) {
        groups[message.group ?? ""]?.removeAll { $0.uuid == message.uuid }
    }

    mutating func hide(_ message: ReceivedMessage, until: Int64) {
        let group = message.group ?? ""
        guard let index = groups[group]?.firstIndex(where: { $0.uuid == message.uuid }) else { return }
        groups[group]?[index].visibleAt = until
    }
}
