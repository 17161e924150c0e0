import AWSWire
import Synchronization
import TestSupport
import Testing

@testable import SQSService

@Suite(.timeLimit(.minutes(10))) struct WaitingTests {
    private func waiting(_ rig: Rig, on queue: Queue, _ count: Int, wait: Int = 20) async throws -> [Task<
        [String], any Error
    >] {
        var tasks: [Task<[String], any Error>] = []
        for number in 1...count {
            tasks.append(Task { try await rig.take(from: queue, wait: wait).map(\.content.body) })
            #expect(try await eventually { queue.hub.waiters == number })
        }
        return tasks
    }

    @Test func theOneWhoWaitsLongestIsFirst() async throws {
        let rig = try await Rig()
        let queue = try await rig.queue("q")
        let tasks = try await waiting(rig, on: queue, 3)
        for (number, task) in tasks.enumerated() {
            _ = try await rig.put("\(number)", into: queue)
            #expect(try await task.value == ["\(number)"])
            #expect(queue.hub.waiters == 2 - number)
        }
    }

    @Test func oneGetsAMessageWhenItBecomesVisible() async throws {
        let rig = try await Rig()
        let queue = try await rig.queue("q", ["VisibilityTimeout": "5"])
        _ = try await rig.put("m", into: queue)
        _ = try await rig.take(from: queue)
        let got = Gathered()
        let tasks = [1, 2].map { _ in
            Task { got.add(try await rig.take(from: queue, wait: 20).map(\.content.body)) }
        }
        #expect(try await eventually { queue.hub.waiters == 2 })
        rig.clock.advance(seconds: 5)
        // Whichever it is, it is one, and the other is there for the next.
        #expect(try await eventually { got.bodies == ["m"] })
        #expect(queue.hub.waiters == 1)
        rig.clock.advance(seconds: 5)
        for task in tasks { try await task.value }
        #expect(got.bodies == ["m", "m"])
    }

    @Test func aDelayedMessageIsWaitedFor() async throws {
        let rig = try await Rig()
        let queue = try await rig.queue("q")
        let tasks = try await waiting(rig, on: queue, 1)
        _ = try await rig.put("late", into: queue, delay: 3)
        rig.clock.advance(seconds: 3)
        #expect(try await tasks[0].value == ["late"])
    }

    @Test func nobodyWaitsForLongerThanItAskedFor() async throws {
        let rig = try await Rig()
        let queue = try await rig.queue("q")
        let tasks = try await waiting(rig, on: queue, 2, wait: 7)
        rig.clock.advance(milliseconds: 6_999)
        #expect(queue.hub.waiters == 2)
        rig.clock.advance(milliseconds: 1)
        for task in tasks { #expect(try await task.value == []) }
        #expect(queue.hub.waiters == 0)
        #expect(rig.clock.alarms == 0)
    }

    @Test func aGroupThatIsFreeAgainWakesSomebody() async throws {
        let rig = try await Rig()
        let queue = try await rig.queue("q.fifo")
        _ = try await rig.put("1", into: queue, group: "g", deduplication: "1")
        _ = try await rig.put("2", into: queue, group: "g", deduplication: "2")
        let first = try await rig.take(from: queue)
        let tasks = try await waiting(rig, on: queue, 1)
        #expect(try await rig.delete(first[0], from: queue) == nil)
        #expect(try await tasks[0].value == ["2"])
    }

    /// Many who send and wait at the same time: every message gets to somebody, once.
    @Test func noWakeUpIsLost() async throws {
        let rig = try await Rig()
        let queue = try await rig.queue("q")
        let count = 300
        let got = Gathered()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    while got.bodies.count < count {
                        let messages = try await rig.take(3, from: queue, wait: 20)
                        got.add(messages.map(\.content.body))
                        if got.bodies.count >= count { rig.service.polls.close() }
                        if rig.service.polls.isClosed { queue.hub.signalAll() }
                    }
                }
            }
            for sender in 0..<6 {
                group.addTask {
                    for number in 0..<50 { _ = try await rig.put("\(sender)-\(number)", into: queue) }
                }
            }
            try await group.waitForAll()
        }
        let bodies = got.bodies
        #expect(bodies.count == count)
        #expect(Set(bodies).count == count)
    }

    @Test func theHubKeepsPlaces() async throws {
        let clock = ManualClock()
        let hub = QueueHub(clock: clock)
        let (first, second) = (hub.ticket(), hub.ticket())
        let order = Order()
        let generation = hub.generation
        let late = Task {
            await hub.wait(second, since: generation, next: nil, until: .max)
            order.append(2)
        }
        #expect(try await eventually { hub.waiters == 1 })
        let early = Task {
            await hub.wait(first, since: generation, next: nil, until: .max)
            order.append(1)
        }
        #expect(try await eventually { hub.waiters == 2 })
        hub.signal()
        #expect(try await eventually { order.numbers == [1] })
        hub.signal()
        await late.value
        await early.value
        #expect(order.numbers == [1, 2])
        // Something came since one looked: it does not sleep.
        await hub.wait(hub.ticket(), since: generation, next: nil, until: .max)
    }
}

private final class Order: Sendable {
    private let state = Mutex<[Int]>([])
    var numbers: [Int] { state.withLock { $0 } }
    func append(_ number: Int) { state.withLock { $0.append(number) } }
}

private final class Gathered: Sendable {
    private let state = Mutex<[String]>([])
    var bodies: [String] { state.withLock { $0 } }
    func add(_ more: [String]) { state.withLock { $0 += more } }
}
