import Dispatch
import Testing
import TestSupport

@testable import Storage

private let items = Migration(component: "test", number: 1, statements: ["CREATE TABLE items (name TEXT PRIMARY KEY)"])

/// How safe the commit of a transaction is going to be: 1 is NORMAL, 2 is FULL, of which SQLite syncs the log at each
/// commit (sqlite.org/pragma.html#pragma_synchronous).
private func level(_ connection: any SQLConnection) throws -> Int64? {
    try connection.query("PRAGMA synchronous", []).first?.optionalInteger("synchronous")
}

/// What a relaxed database does for those who are told that something is kept.
@Suite struct SyncedTests {
    private let directory = TemporaryDirectory()

    private func open(_ durability: SQLiteDatabase.Durability) throws -> SQLiteDatabase {
        try SQLiteDatabase(path: directory.file("test.db"), durability: durability, migrations: [items])
    }

    @Test func onlyWritesThatAskForItAreSynced() async throws {
        let database = try open(.relaxed)
        #expect(try await database.write(level) == 1)
        #expect(try await database.synced.write(level) == 2)
        #expect(try await database.synced.synced.write(level) == 2)
        #expect(try await database.write(level) == 1)
        _ = try await database.synced.write { try $0.execute("INSERT INTO items VALUES ('kept')", []) }
        #expect(try await database.synced.read { try $0.query("SELECT name FROM items", []) }.count == 1)
    }

    @Test func aFailureLeavesTheNextCommitAsItWas() async throws {
        struct Refused: Error {}
        let database = try open(.relaxed)
        await #expect(throws: Refused.self) { try await database.synced.write { _ in throw Refused() } }
        #expect(try await database.write(level) == 1)
    }

    @Test func aDurableDatabaseSyncsEverything() async throws {
        let database = try open(.durable)
        #expect(try await database.write(level) == 2)
        #expect(try await database.synced.write(level) == 2)
        #expect(try await database.write(level) == 2)
    }

    /// Those that wait together share a commit: where one has to be synced, all are.
    @Test func aSharedCommitIsSyncedForOne() async throws {
        let database = try open(.relaxed)
        let gate = DispatchSemaphore(value: 0)
        let (begun, hasBegun) = AsyncStream.makeStream(of: Void.self)
        let levels = try await withThrowingTaskGroup { group in
            group.addTask { () -> Int64? in
                try await database.write { connection in
                    hasBegun.finish()
                    gate.wait()
                    return try level(connection)
                }
            }
            for await _ in begun {}
            for number in 0..<10 {
                group.addTask { try await (number == 5 ? database.synced : database).write(level) }
            }
            // Whoever waits goes on, whatever comes of it.
            let allWait = try await eventually { database.waitingWrites >= 10 }
            gate.signal()
            #expect(allWait)
            return try await group.reduce(into: []) { $0.append($1 ?? 0) }
        }
        #expect(levels.sorted() == [1] + Array(repeating: 2, count: 10))
        #expect(database.commits == 2)
    }

    @Test func submittedUnitsAreSynced() async throws {
        let database = try open(.relaxed)
        let asked = await withCheckedContinuation { (continuation: CheckedContinuation<Int64?, Never>) in
            database.synced.submit([
                WriteUnit(
                    run: { connection in
                        let found = try level(connection)
                        return { continuation.resume(returning: found) }
                    }, fail: { _ in continuation.resume(returning: nil) })
            ])
        }
        #expect(asked == 2)
    }
}
