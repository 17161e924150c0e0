import AWSWire
import Identity
import Logging
import NIOCore
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Delivery

@Suite struct OutboxTests {
    private static let queue = "arn:aws:sqs:us-east-1:000000000000:queue"
    private static let other = "arn:aws:sqs:us-east-1:000000000000:other"
    private static let ordered = "arn:aws:sqs:us-east-1:000000000000:queue.fifo"

    /// Notes what arrives; refuses as long as it is told to.
    private final class Target: DeliveryTarget {
        let arrived = Mutex<[Parcel]>([])
        let tries = Mutex<[String: Int]>([:])
        private let verdict: @Sendable (Parcel, _ attempt: Int) -> DeliveryFailure?

        init(_ verdict: @escaping @Sendable (Parcel, _ attempt: Int) -> DeliveryFailure? = { _, _ in nil }) {
            self.verdict = verdict
        }

        func deliver(_ parcel: Parcel) async throws(DeliveryFailure) {
            let attempt = tries.withLock { tries in
                tries[parcel.id, default: 0] += 1
                return tries[parcel.id] ?? 0
            }
            if let failure = verdict(parcel, attempt) { throw failure }
            arrived.withLock { $0.append(parcel) }
        }

        func check(_: String, from _: ServiceCaller) async throws(DeliveryFailure) {}

        var ids: [String] { arrived.withLock { $0.map(\.id) } }
    }

    /// Tells of the try and holds it until it is cut off.
    private final class Stuck: DeliveryTarget {
        let begin: AsyncStream<Void>.Continuation

        init(_ begin: AsyncStream<Void>.Continuation) { self.begin = begin }

        func deliver(_: Parcel) async throws(DeliveryFailure) {
            begin.yield()
            try? await Task.sleep(for: .seconds(3_600))
            throw DeliveryFailure(code: "Stopped", message: "", isFinal: false)
        }

        func check(_: String, from _: ServiceCaller) async throws(DeliveryFailure) {}
    }

    /// Takes nothing before a time.
    private final class Resting: DeliveryTarget {
        let until: Mutex<Int64?>
        let asked = Atomic(0)
        let arrived = Mutex<Set<String>>([])

        init(until: Int64) { self.until = Mutex(until) }

        func deliver(_ parcel: Parcel) async throws(DeliveryFailure) {
            asked.add(1, ordering: .relaxed)
            if let turn = until.withLock({ $0 }) { throw .early(until: turn) }
            arrived.withLock { _ = $0.insert(parcel.id) }
        }
        func check(_: String, from _: ServiceCaller) async throws(DeliveryFailure) {}
    }

    /// Sends what is given up to another queue.
    private struct Owner: OutboxOwner {
        func givenUp(_ entry: OutboxEntry, _ failure: DeliveryFailure, attempts: Int) -> [OutboxEntry] {
            var parcel = entry.parcel
            parcel.target = entry.note
            parcel.attributes["ErrorCode"] = Parcel.Attribute(.text(failure.code))
            parcel.attributes["Attempts"] = Parcel.Attribute(type: "Number", .text("\(attempts)"))
            return [OutboxEntry(parcel, policy: entry.policy)]
        }
    }

    private final class House: Sendable {
        let folder = TemporaryDirectory()
        let database: SQLiteDatabase
        let now = Atomic<Int64>(1_000_000)

        init() throws {
            database = try SQLiteDatabase(
                path: folder.file("events.db"), durability: .relaxed, migrations: Outbox.migrations)
        }

        deinit { try? database.close() }

        func outbox(_ target: any DeliveryTarget) -> Outbox {
            let delivery = Delivery()
            delivery.register(target, for: "sqs")
            let outbox = Outbox(
                database: database, delivery: delivery, clock: { self.now.load(ordering: .relaxed) },
                logger: Logger(label: "outbox"))
            outbox.register(Owner(), as: "test")
            return outbox
        }

        func add(_ entries: [OutboxEntry], to outbox: Outbox) async throws {
            try await database.write { try outbox.add(entries, to: $0) }
            outbox.wake(entries.map(\.parcel.target))
        }

        /// How often each parcel was tried, and when it is due.
        func parcels() async throws -> [[Int64]] {
            try await database.read { connection in
                try connection.query("SELECT attempts, due FROM outbox_parcels WHERE node IS NULL", []).map {
                    [try $0.integer("attempts"), try $0.integer("due")]
                }
            }
        }

        func waiting() async throws -> Int {
            try await database.read { try $0.query("SELECT id FROM outbox_parcels", []).count }
        }
    }

    private static func entry(_ id: String, to target: String = queue, attempts: Int = 5) -> OutboxEntry {
        let sender = ServiceCaller(
            "sns.amazonaws.com", for: "arn:aws:sns:us-east-1:000000000000:topic", of: .standard, as: "role")
        var parcel = Parcel(id: id, to: target, from: sender, ByteBuffer(string: "body \(id)"))
        parcel.attributes = [
            "text": Parcel.Attribute(.text("ä \" \\")), "number": Parcel.Attribute(type: "Number.int", .text("7")),
            "binary": Parcel.Attribute(type: "Binary", .binary([0, 255, 1])),
        ]
        parcel.group = "group"
        parcel.deduplicationID = "d\(id)"
        parcel.trace = "Root=1-5759e988-bd862e3fe1be46a994272793"
        return OutboxEntry(
            parcel, policy: RetryPolicy(maximumAttempts: attempts, maximumAge: 3_600_000), owner: "test", note: other)
    }

    @Test func whatIsAddedArrivesOnceAndWhole() async throws {
        let house = try House()
        let target = Target()
        let outbox = house.outbox(target)
        let running = Task { try await outbox.run() }
        defer { running.cancel() }
        let entries = (0..<100).map { Self.entry("\($0)") }
        try await house.add(entries, to: outbox)
        #expect(try await eventually { try await house.waiting() == 0 })
        let arrived = target.arrived.withLock { $0 }.sorted { Int($0.id)! < Int($1.id)! }
        #expect(arrived == entries.map(\.parcel))
    }

    @Test func nothingIsSentThatItsSourceDidNotCommit() async throws {
        struct Refusal: Error {}
        let house = try House()
        let target = Target()
        let outbox = house.outbox(target)
        let running = Task { try await outbox.run() }
        defer { running.cancel() }
        await #expect(throws: Refusal.self) {
            try await house.database.write { connection in
                try outbox.add([Self.entry("lost")], to: connection)
                throw Refusal()
            }
        }
        outbox.wake([Self.queue])
        try await house.add([Self.entry("kept")], to: outbox)
        #expect(try await eventually { target.ids == ["kept"] })
    }

    @Test func triesAgainLaterAndNotEarlier() async throws {
        let house = try House()
        let target = Target { _, attempt in
            attempt < 3 ? DeliveryFailure(code: "Busy", message: "", isFinal: false) : nil
        }
        let outbox = house.outbox(target)
        let running = Task { try await outbox.run() }
        defer { running.cancel() }
        try await house.add([Self.entry("1")], to: outbox)
        for attempt in 1...2 {
            #expect(try await eventually { target.tries.withLock { $0["1"] } == attempt })
            let due = house.now.load(ordering: .relaxed) + Int64(1_000 << (attempt - 1))
            #expect(
                try await eventually {
                    try await house.database.read {
                        try $0.query("SELECT due FROM outbox_parcels", []).first?.integer("due") == due
                    }
                })
            house.now.store(due, ordering: .relaxed)
            outbox.wake([Self.queue])
        }
        #expect(try await eventually { target.ids == ["1"] })
    }

    @Test func ownersHearOfEachTry() async throws {
        final class Listener: OutboxOwner {
            let heard = Mutex<[DeliveryAttempt]>([])
            func attempted(_: OutboxEntry, _ attempt: DeliveryAttempt) { heard.withLock { $0.append(attempt) } }
            func givenUp(_: OutboxEntry, _: DeliveryFailure, attempts _: Int) -> [OutboxEntry] { [] }
        }
        let house = try House()
        let busy = DeliveryFailure(code: "Busy", message: "", isFinal: false)
        let outbox = house.outbox(
            Target { _, attempt in
                // A try takes seven milliseconds.
                house.now.add(7, ordering: .relaxed)
                return attempt == 1 ? busy : nil
            })
        let listener = Listener()
        outbox.register(listener, as: "listener")
        let running = Task { try await outbox.run() }
        defer { running.cancel() }
        let start = house.now.load(ordering: .relaxed)
        var entry = Self.entry("1")
        entry.owner = "listener"
        try await house.add([entry], to: outbox)
        #expect(
            try await eventually {
                try await house.database.read {
                    try $0.query("SELECT due FROM outbox_parcels WHERE node IS NULL AND attempts = 1", []).first
                        != nil
                }
            })
        house.now.store(start + 2_000, ordering: .relaxed)
        outbox.wake([Self.queue])
        #expect(try await eventually { try await house.waiting() == 0 })
        #expect(
            listener.heard.withLock { $0 } == [
                DeliveryAttempt(number: 1, accepted: start, begun: start, ended: start + 7, failure: busy),
                DeliveryAttempt(
                    number: 2, accepted: start, begun: start + 2_000, ended: start + 2_007, failure: nil),
            ])
    }

    @Test func whatIsGivenUpGoesWhereItsOwnerSays() async throws {
        let house = try House()
        let target = Target { parcel, _ in
            parcel.target == Self.queue ? DeliveryFailure(code: "Gone", message: "", isFinal: true) : nil
        }
        let outbox = house.outbox(target)
        let running = Task { try await outbox.run() }
        defer { running.cancel() }
        try await house.add([Self.entry("1")], to: outbox)
        #expect(try await eventually { try await house.waiting() == 0 })
        let arrived = try #require(target.arrived.withLock { $0 }.first)
        #expect(arrived.target == Self.other)
        #expect(arrived.attributes["ErrorCode"] == Parcel.Attribute(.text("Gone")))
        #expect(arrived.attributes["Attempts"] == Parcel.Attribute(type: "Number", .text("1")))
    }

    @Test func fifoTargetsHaveTheirOrder() async throws {
        let house = try House()
        // Every second one fails once.
        let target = Target { parcel, attempt in
            Int(parcel.id)! % 2 == 1 && attempt == 1 ? DeliveryFailure(code: "Busy", message: "", isFinal: false) : nil
        }
        let outbox = house.outbox(target)
        let running = Task { try await outbox.run() }
        defer { running.cancel() }
        try await house.add((0..<20).map { Self.entry("\($0)", to: Self.ordered) }, to: outbox)
        #expect(
            try await eventually {
                house.now.add(1_000, ordering: .relaxed)
                outbox.wake([Self.ordered])
                return try await house.waiting() == 0
            })
        #expect(target.ids == (0..<20).map(String.init))
    }

    /// As after SIGKILL: what a process had taken on is tried by the next without waiting for its lease.
    @Test func theNextProcessTakesUpWhatOneLeft() async throws {
        let house = try House()
        let (began, begin) = AsyncStream.makeStream(of: Void.self)
        let dead = house.outbox(Stuck(begin))
        let stuck = Task { try await dead.run() }
        try await house.add([Self.entry("1")], to: dead)
        for await _ in began { break }

        let target = Target()
        let next = house.outbox(target)
        let running = Task { try await next.run() }
        defer { running.cancel() }
        #expect(try await eventually { target.ids == ["1"] })
        stuck.cancel()
    }

    /// Those that wait cost no try, and are not asked for before it is their turn.
    @Test func whatWaitsForItsTurnIsNotTried() async throws {
        let house = try House()
        let target = Resting(until: 1_000_500)
        let outbox = house.outbox(target)
        let running = Task { try await outbox.run() }
        defer { running.cancel() }
        try await house.add((0..<3).map { Self.entry("\($0)", attempts: 1) }, to: outbox)
        let untouched = Array(repeating: [Int64(0), 1_000_000], count: 3)
        #expect(
            try await eventually {
                let parcels = try await house.parcels()
                return target.asked.load(ordering: .relaxed) == 3 && parcels == untouched
            })
        target.until.withLock { $0 = nil }
        house.now.store(1_000_500, ordering: .relaxed)
        outbox.wake([Self.queue])
        #expect(try await eventually { target.arrived.withLock { $0 } == ["0", "1", "2"] })
        // Neither before the turn nor again.
        #expect(target.asked.load(ordering: .relaxed) == 6)
    }

    /// A stop is no refusal: the only try that there may be is yet to come.
    @Test func whatAStopCutsOffIsForTheNextProcess() async throws {
        let house = try House()
        let (began, begin) = AsyncStream.makeStream(of: Void.self)
        let outbox = house.outbox(Stuck(begin))
        let running = Task { try await outbox.run() }
        try await house.add([Self.entry("1", attempts: 1)], to: outbox)
        for await _ in began { break }
        running.cancel()
        _ = await running.result
        #expect(try await house.parcels() == [[0, 1_000_000]])
    }

    @Test func nobodyDeliversToWhatNoServiceHas() async {
        let delivery = Delivery()
        await #expect(throws: DeliveryFailure.self) { try await delivery.send(Self.entry("1").parcel) }
        #expect(!delivery.reaches(Self.queue))
    }
}
