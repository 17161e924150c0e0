import GRDB
import Synchronization

/// One caller's unit of work on its way into a commit.
struct WriteUnit: Sendable {
    /// Does the work and returns how to tell the caller of its success, which must wait for the commit.
    let run: @Sendable (any SQLConnection) throws -> @Sendable () -> Void
    /// Tells the caller that nothing of its work was kept.
    let fail: @Sendable (any Error) -> Void
}

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
    private let state = Mutex(State())
    private let committed = Atomic<UInt64>(0)

    /// How many commits there were.
    var commits: UInt64 { committed.load(ordering: .relaxed) }

    init(pool: DatabasePool) { self.pool = pool }

    /// How many units no commit has taken on yet.
    var waiting: Int { state.withLock { $0.waiting.count } }

    func submit(_ unit: WriteUnit) {
        let mustStart = state.withLock { state in
            state.waiting.append(unit)
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
        do {
            try connection.beginTransaction(.immediate)
            for unit in batch {
                try connection.execute(sql: "SAVEPOINT unit")
                started += 1
                do {
                    let answer = try unit.run(SQLiteConnection(connection: connection))
                    try connection.execute(sql: "RELEASE unit")
                    succeeded.append((unit.fail, answer))
                } catch {
                    // Whatever becomes of the others, nothing of this unit is kept: its caller need not wait.
                    unit.fail(error is DatabaseError ? StorageError(error, sql: "RELEASE unit") : error)
                    // Some failures (a full disk among them) end the whole transaction; then this throws, too.
                    try connection.execute(sql: "ROLLBACK TO unit")
                    try connection.execute(sql: "RELEASE unit")
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
