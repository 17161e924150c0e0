import Dispatch
import Glibc
import Testing
import TestSupport

@testable import Storage

private let items = Migration(
    component: "test", number: 1, statements: ["CREATE TABLE items (name TEXT PRIMARY KEY, value BLOB)"])

private func names(_ database: SQLiteDatabase) async throws -> [String] {
    try await database.read { try $0.query("SELECT name FROM items ORDER BY name", []).map { try $0.text("name") } }
}

private struct Refused: Error, Equatable {}

@Suite struct SQLiteDatabaseTests {
    private let directory = TemporaryDirectory()

    private func openItems() throws -> SQLiteDatabase {
        try SQLiteDatabase(path: directory.file("test.db"), durability: .durable, migrations: [items])
    }

    @Test func valuesComeBackAsTheyWent() async throws {
        let database = try SQLiteDatabase(
            path: directory.file("test.db"), durability: .relaxed,
            migrations: [
                Migration(component: "test", number: 1, statements: ["CREATE TABLE t (a, b, c, d, e, f, g)"])
            ])
        let values: [SQLValue] = [
            .null, .integer(.min), .real(0.1), .text("naïve ✓"), .blob([0, 255, 1]), .blob([]), .text(""),
        ]
        try await database.write { _ = try $0.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?)", values) }
        let row = try #require(try await database.read { try $0.query("SELECT * FROM t", []) }.first)
        #expect(["a", "b", "c", "d", "e", "f", "g"].map { row[$0] } == values)
        #expect(throws: StorageError.unexpectedType(column: "b")) { try row.text("b") }
        #expect(row["missing"] == .null)
    }

    @Test func aTakenKeyIsAConstraintAndOtherFailuresAreStatements() async throws {
        let database = try openItems()
        let insert = "INSERT INTO items VALUES (?, NULL)"
        try await database.write { _ = try $0.execute(insert, [.text("a")]) }
        await #expect {
            try await database.write { try $0.execute(insert, [.text("a")]) }
        } throws: { error in
            if case StorageError.constraint(sql: insert, message: _) = error { true } else { false }
        }
        await #expect {
            try await database.write { try $0.execute("INSERT INTO nowhere VALUES (1)", []) }
        } throws: { error in
            if case StorageError.statement(_, code: 1, let message) = error {
                message.contains("nowhere")
            } else {
                false
            }
        }
        await #expect {
            try await database.read { try $0.query("SELECT ? FROM items", []) }
        } throws: { error in
            if case StorageError.statement = error { true } else { false }
        }
    }

    /// What an earlier use of a statement was given is not there in the next.
    @Test(arguments: [0, 2]) func argumentsAreAsManyAsTheirPlaces(count: Int) async throws {
        let database = try openItems()
        let insert = "INSERT INTO items VALUES (?, NULL)"
        try await database.write { connection in
            _ = try connection.execute(insert, [.text("a")])
            #expect(throws: StorageError.self) {
                try connection.execute(insert, Array(repeating: .text("b"), count: count))
            }
            #expect(throws: StorageError.self) {
                try connection.query("\(insert) RETURNING name", Array(repeating: .text("c"), count: count))
            }
        }
        #expect(try await names(database) == ["a"])
    }

    @Test func textWithANulIsRefusedRatherThanCut() async throws {
        let database = try openItems()
        await #expect(throws: StorageError.nulInText(sql: "INSERT INTO items VALUES (?, NULL)")) {
            try await database.write { try $0.execute("INSERT INTO items VALUES (?, NULL)", [.text("a\0b")]) }
        }
        #expect(try await names(database).isEmpty)
    }

    @Test func changesAreCountedAndReturningReturns() async throws {
        let database = try openItems()
        let counts = try await database.write { connection in
            let insert = "INSERT INTO items VALUES (?, NULL) ON CONFLICT (name) DO NOTHING"
            let first = try connection.execute(insert, [.text("a")])
            let second = try connection.execute(insert, [.text("a")])
            let returned = try connection.query("INSERT INTO items VALUES ('b', NULL) RETURNING name", [])
            let updated = try connection.execute("UPDATE items SET value = x'00'", [])
            return [first, second, returned.count, updated]
        }
        #expect(counts == [1, 0, 1, 2])
    }

    @Test func aReaderMayNotWrite() async throws {
        let database = try openItems()
        await #expect(throws: StorageError.self) {
            try await database.read { try $0.execute("DELETE FROM items", []) }
        }
    }

    @Test func anErrorRollsBackItsOwnUnitAlone() async throws {
        let database = try openItems()
        await withTaskGroup { group in
            for number in 0..<300 {
                group.addTask {
                    let work: @Sendable () async throws -> Void = {
                        try await database.write { connection in
                            try connection.execute("INSERT INTO items VALUES (?, NULL)", [.text("\(number)")])
                            if number.isMultiple(of: 3) { throw Refused() }
                        }
                    }
                    if number.isMultiple(of: 3) {
                        await #expect(throws: Refused()) { try await work() }
                    } else {
                        await #expect(throws: Never.self) { try await work() }
                    }
                }
            }
        }
        #expect(try await names(database) == (0..<300).filter { !$0.isMultiple(of: 3) }.map(String.init).sorted())
    }

    @Test func waitingWritesShareACommit() async throws {
        let database = try openItems()
        let gate = DispatchSemaphore(value: 0)
        let (begun, hasBegun) = AsyncStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup { group in
            group.addTask {
                try await database.write { connection in
                    try connection.execute("INSERT INTO items VALUES ('first', NULL)", [])
                    hasBegun.finish()
                    gate.wait()
                }
            }
            for await _ in begun {}
            for number in 0..<100 {
                group.addTask {
                    try await database.write { connection in
                        _ = try connection.execute("INSERT INTO items VALUES (?, NULL)", [.text("\(number)")])
                    }
                }
            }
            // Whoever waits goes on, whatever comes of it.
            let allWait = try await eventually { database.waitingWrites >= 100 }
            gate.signal()
            #expect(allWait)
            try await group.waitForAll()
        }
        #expect(try await names(database).count == 101)
        // Every commit appends at least one frame of 24 + 4,096 bytes to the log (sqlite.org/fileformat2.html, section
        // 4).
        let frames = try #require(status(directory.file("test.db-wal"))).st_size / 4_120
        #expect(frames < 50, "a hundred commits of their own would have left two hundred frames")
    }

    @Test func aFullCommitFailsEveryUnitInIt() async throws {
        let database = try openItems()
        // A unit that ends the shared transaction is a defect: nobody may be told that its work was kept.
        await #expect(throws: StorageError.self) {
            try await database.write { _ = try $0.execute("ROLLBACK", []) }
        }
        try await database.write { _ = try $0.execute("INSERT INTO items VALUES ('after', NULL)", []) }
        #expect(try await names(database) == ["after"])
    }

    @Test func whatWasWrittenIsThereAfterReopening() async throws {
        let first = try openItems()
        try await first.write { _ = try $0.execute("INSERT INTO items VALUES ('kept', NULL)", []) }
        try first.close()
        await #expect(throws: StorageError.self) { try await names(first) }
        #expect(try await names(openItems()) == ["kept"])
    }

    @Test func onlyTheOwnerMayReadTheFiles() async throws {
        let database = try openItems()
        try await database.write { _ = try $0.execute("INSERT INTO items VALUES ('secret', NULL)", []) }
        for name in ["test.db", "test.db-wal", "test.db-shm"] {
            #expect(try #require(status(directory.file(name))).st_mode & 0o777 == 0o600, "\(name)")
        }
    }

    @Test func aFileThatIsNoDatabaseIsRefusedWithItsReason() throws {
        writeFile(directory.file("test.db"), Array(repeating: 0x41, count: 8_192))
        // The text is SQLite's for SQLITE_NOTADB (sqlite.org/rescode.html#notadb).
        #expect(throws: StorageError.open(path: directory.file("test.db"), reason: "file is not a database")) {
            try openItems()
        }
        #expect(readFile(directory.file("test.db")) == Array(repeating: 0x41, count: 8_192))
        #expect(throws: StorageError.open(path: "/nowhere/at/all.db", reason: "No such file or directory")) {
            try SQLiteDatabase(path: "/nowhere/at/all.db", durability: .durable, migrations: [])
        }
    }
}
