import GRDB
import Synchronization

/// Group commit: the units that wait while one commit is synced share the next one.
///
/// Each unit has a savepoint of its own inside the shared transaction, so one that fails is undone alone. Callers hear
/// of success only after the commit. The number waiting is bounded by the number of suspended callers.
final class WriteQueue: Sendable {
    /// How many units share a commit at most, which bounds how long the first of them waits for the others.
    static let unitsPerCommit = 128

    private struct State {
        var waiting: [WriteUnit] = []
        var isDraining = false
    }

    private let pool: DatabasePool
    private let durability: SQLiteDatabase.Durability
    private let state = Mutex(State())
    private let committed = Atomic<UInt64>(0)

    /// How many commits there were.
    var commits: UInt64 { committed.load(ordering: .relaxed) }

    /// - Parameter durability: Of commits of which no unit asks for more.
    init(pool: DatabasePool, durability: SQLiteDatabase.Durability) {
        self.pool = pool
        self.durability = durability
    }

    /// How many units no commit has taken on yet.
    var waiting: Int { state.withLock { $0.waiting.count } }

    func submit(_ units: [WriteUnit]) {
        let mustStart = state.withLock { state in
            state.waiting += units
            defer { state.isDraining = true }
            return !state.isDraining
        }
        if mustStart { pool.asyncWriteWithoutTransaction { self.drain($0) } }
    }

    private func drain(_ connection: GRDB.Database) {
        while let batch = nextBatch() { commit(batch, on: connection) }
    }

    private func nextBatch() -> [WriteUnit]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.isDraining = false
                return nil
            }
            let batch = Array(state.waiting.prefix(Self.unitsPerCommit))
            state.waiting.removeFirst(batch.count)
            return batch
        }
    }

    private func commit(_ batch: [WriteUnit], on connection: GRDB.Database) {
        var started = 0
        var succeeded: [(fail: @Sendable (any Error) -> Void, answer: @Sendable () -> Void)] = []
        // The sync is of the whole log: what was committed before is on disk with it.
        let isRaised = durability == .relaxed && batch.contains(where: \.isSynced)
        // Were it to stay raised, later commits would be slower, and none less safe.
        defer { if isRaised { try? durability.set(on: connection) } }
        do {
            if isRaised { try SQLiteDatabase.Durability.durable.set(on: connection) }
            try connection.beginTransaction(.immediate)
            // A failure of one alone ends the transaction.
            let savepoints = batch.count > 1 ? try Savepoints(connection) : nil
            for unit in batch {
                try savepoints?.begin.execute()
                started += 1
                do {
                    let answer = try unit.run(SQLiteConnection(connection: connection))
                    try savepoints?.release.execute()
                    succeeded.append((unit.fail, answer))
                } catch {
                    // Whatever becomes of the others, nothing of this unit is kept: its caller need not wait.
                    unit.fail(error is DatabaseError ? StorageError(error, sql: "RELEASE unit") : error)
                    guard let savepoints else { return try connection.rollback() }
                    // Some failures (a full disk among them) end the whole transaction; then this throws, too.
                    try savepoints.rollback.execute()
                    try savepoints.release.execute()
                }
            }
            try connection.commit()
            committed.add(1, ordering: .relaxed)
        } catch {
            if connection.isInsideTransaction { try? connection.rollback() }
            let failure = StorageError(error, sql: "COMMIT")
            for (fail, _) in succeeded { fail(failure) }
            for unit in batch.dropFirst(started) { unit.fail(failure) }
            return
        }
        for (_, answer) in succeeded { answer() }
    }
}

/// What keeps the units of one transaction apart, prepared once for each connection.
private struct Savepoints {
    let begin: Statement
    let release: Statement
    let rollback: Statement

    init(_ connection: GRDB.Database) throws {
        begin = try connection.cachedStatement(sql: "SAVEPOINT unit")
        release = try connection.cachedStatement(sql: "RELEASE unit")
        rollback = try connection.cachedStatement(sql: "ROLLBACK TO unit")
    }
}
