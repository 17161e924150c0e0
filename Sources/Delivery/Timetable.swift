package import Logging
import ServiceLifecycle
package import Storage
import Synchronization

/// What is to happen at a time, once.
package struct Appointment: Sendable, Hashable {
    /// What it is known by.
    package struct Key: Sendable, Hashable {
        /// Twelve digits.
        package var account: String
        package var region: String
        /// Whose it is, as owners register.
        package var owner: String
        /// The owner's own words.
        package var name: String

        package init(account: String, region: String, owner: String, name: String) {
            self.account = account
            self.region = region
            self.owner = owner
            self.name = name
        }
    }

    package var key: Key
    /// The time that it is for, in milliseconds since 1970.
    package var time: Int64
    /// When it is to be kept: then, or later.
    package var due: Int64

    package init(_ key: Key, time: Int64, due: Int64) {
        self.key = key
        self.time = time
        self.due = due
    }
}

/// Who makes appointments, as it is asked when one is due.
package protocol TimetableOwner: Sendable {
    /// What is sent at an appointment, and which one follows. Runs in the transaction that strikes it off.
    func keep(_ appointment: Appointment, now: Int64, _ connection: any SQLConnection) throws -> TimetableOutcome
}

/// What comes of an appointment.
package struct TimetableOutcome: Sendable {
    /// Parcels, which are in the outbox by the same commit.
    package var entries: [OutboxEntry]
    /// Nil: none follows.
    package var next: Appointment?
    /// Called after the commit, if it comes to that.
    package var committed: (@Sendable () -> Void)?

    package init(_ entries: [OutboxEntry] = [], next: Appointment? = nil) {
        self.entries = entries
        self.next = next
    }
}

/// What is to happen when: schedules of all kinds, each with its next time. Each time is kept once, however many nodes
/// look and whenever they die: who strikes it off puts what comes of it into the outbox in the same commit.
///
/// It lies in the outbox's database, where its owners have theirs. There is one alarm, for the earliest of all.
package final class Timetable: ServiceLifecycle.Service {
    package static let migrations = TimetableTable.migrations

    /// How many are kept at once.
    private static let limit = 128
    /// How long to wait after the store has failed, and until one is tried anew that could not be kept.
    private static let pause = Duration.seconds(1)
    private static let respite: Int64 = 60_000

    private enum Wakefulness {
        /// Looking for what is due; what was made meanwhile may have been missed.
        case awake(mayHaveMissed: Bool)
        case asleep(until: Int64?, AsyncStream<Void>.Continuation)
    }

    private struct State {
        var wakefulness = Wakefulness.awake(mayHaveMissed: false)
        var owners: [String: any TimetableOwner] = [:]
    }

    private let database: any Database
    private let outbox: Outbox
    private let clock: any AlarmClock
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameter database: Has had ``migrations`` applied, and is the outbox's.
    package init(database: any Database, outbox: Outbox, clock: any AlarmClock = WallAlarm(), logger: Logger) {
        self.database = database
        self.outbox = outbox
        self.clock = clock
        self.logger = logger
    }

    /// - Parameter name: As keys name it.
    package func register(_ owner: any TimetableOwner, as name: String) { state.withLock { $0.owners[name] = owner } }

    // MARK: Appointments

    /// Makes one within the owner's transaction, instead of any that has its key. After the commit ``expect(_:)`` has
    /// it kept in time.
    package func make(_ appointment: Appointment, in connection: any SQLConnection) throws(StorageError) {
        try TimetableTable(connection).put(appointment)
    }

    /// Strikes one off within the owner's transaction, where there is one.
    package func cancel(_ key: Appointment.Key, in connection: any SQLConnection) throws(StorageError) {
        try TimetableTable(connection).delete(key)
    }

    /// The one of that key; nil when there is none.
    package func appointment(_ key: Appointment.Key, in connection: any SQLConnection) throws -> Appointment? {
        try TimetableTable(connection).appointment(key)
    }

    /// Something was made that is due then. Called after the commit that says so.
    package func expect(_ due: Int64) {
        state.withLock { state in
            switch state.wakefulness {
            case .awake: state.wakefulness = .awake(mayHaveMissed: true)
            case .asleep(let end, let bell): if due < end ?? .max { bell.yield() }
            }
        }
    }

    /// Strikes all off.
    package func reset() async throws { try await database.write { try TimetableTable($0).deleteAll() } }

    // MARK: Keeping

    /// Keeps what is due until graceful shutdown or cancellation.
    package func run() async throws { await cancelWhenGracefulShutdown { await self.loop() } }

    private func loop() async {
        while !Task.isCancelled {
            do {
                state.withLock { $0.wakefulness = .awake(mayHaveMissed: false) }
                let next = try await keepDue()
                await rest(until: next)
            } catch {
                logger.error("The timetable cannot be read", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: Self.pause)
            }
        }
    }

    /// - Returns: When the next one is due; nil when there is none.
    private func keepDue() async throws -> Int64? {
        while true {
            let now = clock.milliseconds()
            let (due, next) = try await database.read { connection in
                let table = TimetableTable(connection)
                let due = try table.due(now, limit: Self.limit)
                return (due, due.isEmpty ? try table.nextDue() : nil)
            }
            if due.isEmpty || Task.isCancelled { return next }
            await withDiscardingTaskGroup { group in
                for appointment in due { group.addTask { await self.keep(appointment, now: now) } }
            }
        }
    }

    /// Sleeps until then, or until something is made that is due earlier.
    private func rest(until next: Int64?) async {
        let (rings, bell) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let maySleep = state.withLock { state in
            if case .awake(mayHaveMissed: true) = state.wakefulness { return false }
            state.wakefulness = .asleep(until: next, bell)
            return true
        }
        guard maySleep else { return }
        await withTaskGroup(of: Void.self) { [clock] group in
            group.addTask { for await _ in rings { return } }
            if let next { group.addTask { await clock.sleep(until: next) } }
            await group.next()
            group.cancelAll()
        }
    }

    private func keep(_ appointment: Appointment, now: Int64) async {
        guard let owner = state.withLock({ $0.owners[appointment.key.owner] }) else {
            return await postpone(appointment, now: now, "nobody keeps appointments of \(appointment.key.owner)")
        }
        do {
            let outcome = try await database.write { [outbox] connection -> TimetableOutcome? in
                let table = TimetableTable(connection)
                // Another node may have kept it, or its owner may have made another of it.
                guard try table.claim(appointment) else { return nil }
                let outcome = try owner.keep(appointment, now: now, connection)
                if let next = outcome.next { try table.put(next) } else { try table.delete(appointment.key) }
                try outbox.add(outcome.entries, to: connection)
                return outcome
            }
            guard let outcome else { return }
            outcome.committed?()
            outbox.wake(outcome.entries.map(\.parcel.target))
        } catch {
            await postpone(appointment, now: now, "\(error)")
        }
    }

    /// Nothing was done. One that cannot be kept must not keep others from being kept.
    private func postpone(_ appointment: Appointment, now: Int64, _ reason: String) async {
        logger.error(
            "An appointment could not be kept", metadata: ["name": "\(appointment.key.name)", "reason": "\(reason)"])
        var later = appointment
        later.due = now + Self.respite
        do {
            try await database.write { [later] connection in
                let table = TimetableTable(connection)
                if try table.claim(appointment) { try table.put(later) }
            }
        } catch {
            try? await Task.sleep(for: Self.pause)
        }
    }
}
