import Identity
import Logging
import NIOCore
import Storage
import Synchronization
import TestSupport
import Testing

@testable import Delivery

@Suite struct TimetableTests {
    private struct Refusal: Error {}

    /// Notes what it keeps, and says what follows.
    private final class Owner: TimetableOwner {
        let kept = Mutex<[Int64]>([])
        let period: Int64?
        let refuses: Bool

        init(period: Int64? = nil, refuses: Bool = false) {
            self.period = period
            self.refuses = refuses
        }

        func keep(_ appointment: Appointment, now _: Int64, _: any SQLConnection) throws -> TimetableOutcome {
            if refuses { throw Refusal() }
            kept.withLock { $0.append(appointment.time) }
            let next = period.map {
                Appointment(appointment.key, time: appointment.time + $0, due: appointment.due + $0)
            }
            return TimetableOutcome(next: next)
        }
    }

    private final class House: Sendable {
        let folder = TemporaryDirectory()
        let database: SQLiteDatabase
        let clock = HandClock()
        let timetable: Timetable
        private let running: Mutex<Task<Void, any Error>?> = Mutex(nil)

        init() throws {
            database = try SQLiteDatabase(
                path: folder.file("events.db"), durability: .relaxed,
                migrations: Outbox.migrations + Timetable.migrations)
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let outbox = Outbox(database: database, delivery: Delivery(), clock: clock.milliseconds, logger: logger)
            timetable = Timetable(database: database, outbox: outbox, clock: clock, logger: logger)
        }

        deinit {
            running.withLock { $0?.cancel() }
        }

        func run() {
            let timetable = timetable
            running.withLock { $0 = Task { try await timetable.run() } }
        }

        func make(_ name: String, of owner: String = "test", at time: Int64) async throws {
            let key = Appointment.Key(account: "000000000000", region: "us-east-1", owner: owner, name: name)
            let timetable = timetable
            try await database.write { try timetable.make(Appointment(key, time: time, due: time), in: $0) }
            timetable.expect(time)
        }

        func due(_ name: String) async throws -> Int64? {
            try await database.read {
                try $0.query("SELECT due FROM timetable WHERE name = ?", [.text(name)]).first?.integer("due")
            }
        }
    }

    @Test func eachIsKeptAtItsTimeAndOnce() async throws {
        let house = try House()
        let owner = Owner(period: 100)
        house.timetable.register(owner, as: "test")
        house.run()
        try await house.make("a", at: 500)
        try await house.make("b", at: 50)
        house.clock.set(50)
        #expect(try await eventually { owner.kept.withLock { $0 } == [50] })
        #expect(try await eventually { try await house.due("b") == 150 })
        house.clock.set(499)
        // What follows one is due as well, and goes at once.
        #expect(try await eventually { owner.kept.withLock { $0 } == [50, 150, 250, 350, 450] })
        house.clock.set(500)
        #expect(try await eventually { owner.kept.withLock { $0 } == [50, 150, 250, 350, 450, 500] })
    }

    /// Nobody is there, or it cannot be done: it is tried later, and keeps no other waiting.
    @Test func whatCannotBeKeptWaits() async throws {
        let house = try House()
        let owner = Owner()
        house.timetable.register(Owner(refuses: true), as: "refuses")
        house.timetable.register(owner, as: "test")
        try await house.make("nobody", of: "nobody", at: 10)
        try await house.make("refused", of: "refuses", at: 10)
        try await house.make("kept", at: 20)
        house.clock.set(20)
        house.run()
        #expect(try await eventually { owner.kept.withLock { $0 } == [20] })
        #expect(try await eventually { try await house.due("nobody") == 60_020 })
        #expect(try await eventually { try await house.due("refused") == 60_020 })
        #expect(try await eventually { try await house.due("kept") == nil })
    }

    @Test func whatIsCancelledIsNotKept() async throws {
        let house = try House()
        let owner = Owner()
        house.timetable.register(owner, as: "test")
        house.run()
        try await house.make("a", at: 10)
        try await house.make("b", at: 20)
        let key = Appointment.Key(account: "000000000000", region: "us-east-1", owner: "test", name: "a")
        let timetable = house.timetable
        try await house.database.write { try timetable.cancel(key, in: $0) }
        house.clock.set(20)
        #expect(try await eventually { owner.kept.withLock { $0 } == [20] })
    }
}
