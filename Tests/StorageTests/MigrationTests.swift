import Storage
import Testing
import TestSupport

private func migration(_ component: String, _ number: Int, _ statements: String...) -> Migration {
    Migration(component: component, number: number, statements: statements)
}

private let first = migration("a", 1, "CREATE TABLE one (x INTEGER)", "INSERT INTO one VALUES (1)")
private let second = migration("a", 2, "ALTER TABLE one ADD COLUMN y INTEGER")
private let other = migration("b", 1, "CREATE TABLE two (z INTEGER)")

@Suite struct MigrationTests {
    private let directory = TemporaryDirectory()

    @discardableResult
    private func open(_ migrations: [Migration]) throws -> SQLiteDatabase {
        try SQLiteDatabase(path: directory.file("test.db"), durability: .relaxed, migrations: migrations)
    }

    @Test func eachIsAppliedOnce() async throws {
        try open([first]).close()
        try open([first]).close()
        let database = try open([first, other, second])
        let rows = try await database.read { try $0.query("SELECT x, y FROM one", []) }
        #expect(rows.count == 1)
        #expect(rows.first?["x"] == .integer(1))
        #expect(try await database.read { try $0.query("SELECT z FROM two", []) }.isEmpty)
    }

    @Test func aNewerStoreIsLeftAlone() throws {
        try open([first, second, other]).close()
        #expect(throws: StorageError.newerSchema(component: "a", number: 2)) { try open([first, other]) }
        #expect(throws: StorageError.newerSchema(component: "b", number: 1)) { try open([first, second]) }
        try open([first, second, other]).close()
    }

    @Test func aChangedMigrationIsRefused() throws {
        try open([first]).close()
        let joined = migration("a", 1, first.statements.joined())
        #expect(throws: StorageError.migrationChanged(component: "a", number: 1)) { try open([joined]) }
    }

    @Test(arguments: [[2], [1, 3], [1, 1], [1, 2, 2], [0, 1], [2, 1]])
    func numbersCountFromOneWithoutGaps(numbers: [Int]) {
        #expect {
            try open(numbers.map { migration("a", $0, "SELECT 1") })
        } throws: { error in
            if case StorageError.migrationOrder(component: "a", _, _) = error { true } else { false }
        }
    }

    @Test func aFailingMigrationLeavesTheOnesBeforeIt() async throws {
        let broken = migration("a", 2, "CREATE TABLE three (x INTEGER)", "INSERT INTO nowhere VALUES (1)")
        #expect {
            try open([first, broken])
        } throws: { error in
            if case StorageError.statement("INSERT INTO nowhere VALUES (1)", 1, _) = error { true } else { false }
        }
        // Had the half of it been kept, making the table again would fail.
        let database = try open([first, migration("a", 2, "CREATE TABLE three (x INTEGER)")])
        #expect(try await database.read { try $0.query("SELECT x FROM one", []) }.count == 1)
    }
}
