import GRDB
import Glibc

/// A database in one file, by SQLite in its write-ahead-log mode: readers see snapshots and never wait for the writer.
///
/// One process opens the file, once. A process that dies at any point leaves a file that opens again with everything
/// that was acknowledged; with ``Durability/durable`` that holds for the machine, too.
package final class SQLiteDatabase: Database {
    /// What an acknowledged write outlives.
    package enum Durability: Sendable, Hashable {
        /// The machine losing power: the log is synced before a write returns. Writes that wait at the same time share
        /// one commit and its sync.
        case durable
        /// The death of this process. A power cut may undo the last writes, yet never tears one. Writes through
        /// ``SQLiteDatabase/synced`` are as safe as durable ones, and so is what was written before them.
        case relaxed
    }

    private let pool: DatabasePool
    private let durability: Durability
    private let writes: WriteQueue

    /// Opens or makes the file at `path`, readable by its owner alone, and applies the migrations that it has not seen.
    ///
    /// Blocks; call it while starting.
    ///
    /// - Parameter migrations: All migrations of all components, each component's in order.
    /// - Throws: ``StorageError``: `.open` when there is no usable database at `path`; `.newerSchema`,
    ///   `.migrationOrder` or `.migrationChanged` when it does not fit `migrations`; `.statement` when a migration
    ///   fails, which leaves the ones before it applied.
    package init(path: String, durability: Durability, migrations: [Migration]) throws(StorageError) {
        do {
            // The log and the shared index inherit the mode of the main file.
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw StorageError.open(path: path, reason: String(cString: strerror(errno))) }
            Glibc.close(descriptor)
            var configuration = Configuration()
            configuration.busyMode = .timeout(5)
            configuration.maximumReaderCount = 3
            configuration.label = "apus.storage"
            pool = try DatabasePool(path: path, configuration: configuration)
            try pool.writeWithoutTransaction { try durability.set(on: $0) }
        } catch let error as DatabaseError {
            throw .open(path: path, reason: error.message ?? "SQLite result code \(error.resultCode.rawValue)")
        } catch {
            throw StorageError(error, sql: "PRAGMA journal_mode")
        }
        self.durability = durability
        writes = WriteQueue(pool: pool, durability: durability)
        try Migrator(migrations: migrations).run(on: pool)
    }

    /// How many transactions were committed since it was opened, for metrics.
    package var commits: UInt64 { writes.commits }

    /// How many writes wait for the commit under way.
    var waitingWrites: Int { writes.waiting }

    package func read<Value: Sendable>(
        _ work: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value {
        do {
            return try await pool.read { try work(SQLiteConnection(connection: $0)) }
        } catch let error as DatabaseError {
            throw StorageError(error, sql: "BEGIN")
        }
    }

    /// As ``Database`` says; cancelling the caller does not take back a write.
    package func write<Value: Sendable>(
        _ work: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value {
        try await write(work, isSynced: false)
    }

    fileprivate func write<Value: Sendable>(
        _ work: @escaping @Sendable (any SQLConnection) throws -> Value, isSynced: Bool
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            var unit = WriteUnit(
                run: { connection in
                    let value = try work(connection)
                    return { continuation.resume(returning: value) }
                },
                fail: { continuation.resume(throwing: $0) })
            unit.isSynced = isSynced
            writes.submit([unit])
        }
    }

    package func submit(_ units: [WriteUnit]) { writes.submit(units) }

    package var synced: any Database { durability == .durable ? self : SyncedDatabase(base: self) }

    /// Moves the log into the main file and closes both. Blocks until the accesses under way are done; later ones fail.
    package func close() throws(StorageError) {
        do { try pool.close() } catch { throw StorageError(error, sql: "close") }
    }
}

/// A database that is relaxed for others, and durable for who asks it so.
private struct SyncedDatabase: Database {
    let base: SQLiteDatabase

    func read<Value: Sendable>(_ work: @escaping @Sendable (any SQLConnection) throws -> Value) async throws -> Value {
        try await base.read(work)
    }

    func write<Value: Sendable>(_ work: @escaping @Sendable (any SQLConnection) throws -> Value) async throws -> Value {
        try await base.write(work, isSynced: true)
    }

    func submit(_ units: [WriteUnit]) {
        base.submit(
            units.map { unit in
                var unit = unit
                unit.isSynced = true
                return unit
            })
    }

    var synced: any Database { self }
}

extension SQLiteDatabase.Durability {
    /// SQLite syncs the log at each commit, or only as it moves the log into the main file. Between transactions.
    func set(on connection: GRDB.Database) throws {
        try connection.execute(sql: "PRAGMA synchronous = \(self == .durable ? "FULL" : "NORMAL")")
    }
}
