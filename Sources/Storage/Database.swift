/// A value that crosses the SQL interface.
package enum SQLValue: Sendable, Hashable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])
}

/// One row of a result, read by column name.
package struct SQLRow: Sendable {
    /// The same for all rows of a result. So few that they are looked through faster than hashed.
    private let columns: [String]
    private let values: [SQLValue]

    init(columns: [String], values: [SQLValue]) {
        self.columns = columns
        self.values = values
    }

    package init(_ columns: [String: SQLValue]) {
        self.init(columns: Array(columns.keys), values: Array(columns.values))
    }

    /// The value of `column`, the first of that name; `.null` when there is no such column.
    package subscript(column: String) -> SQLValue { columns.firstIndex(of: column).map { values[$0] } ?? .null }

    /// - Throws: ``StorageError`` with `.unexpectedType` when the column is absent, null or of another type.
    package func text(_ column: String) throws(StorageError) -> String {
        guard case .text(let value) = self[column] else { throw .unexpectedType(column: column) }
        return value
    }

    /// - Throws: as ``text(_:)``.
    package func integer(_ column: String) throws(StorageError) -> Int64 {
        guard case .integer(let value) = self[column] else { throw .unexpectedType(column: column) }
        return value
    }

    /// - Throws: as ``text(_:)``.
    package func blob(_ column: String) throws(StorageError) -> [UInt8] {
        guard case .blob(let value) = self[column] else { throw .unexpectedType(column: column) }
        return value
    }

    /// Nil when the column is null or of another type.
    package func optionalText(_ column: String) -> String? {
        if case .text(let value) = self[column] { value } else { nil }
    }

    /// Nil when the column is null or of another type.
    package func optionalInteger(_ column: String) -> Int64? {
        if case .integer(let value) = self[column] { value } else { nil }
    }
}

/// The statements that one unit of work may run. Arguments are bound to `?` placeholders in order.
///
/// SQL is the portable subset that SQLite and PostgreSQL share (`INSERT … ON CONFLICT`, `RETURNING`); no driver is
/// named.
package protocol SQLConnection {
    func query(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> [SQLRow]

    /// - Returns: how many rows the statement changed.
    @discardableResult
    func execute(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> Int
}

/// A store of tables. Reads see one consistent snapshot; writes are serialised transactions.
package protocol Database: Sendable {
    /// Runs `work` against a snapshot, off the calling executor.
    func read<Value: Sendable>(_ work: @escaping @Sendable (any SQLConnection) throws -> Value) async throws -> Value

    /// Runs `work` in a transaction that is committed, and on disk when `.durable`, before this returns. An error that
    /// `work` throws rolls everything back and is thrown on.
    func write<Value: Sendable>(_ work: @escaping @Sendable (any SQLConnection) throws -> Value) async throws -> Value

    /// Has units of work done, each kept or undone alone, in as few commits as can be, and in their order. Returns at
    /// once.
    func submit(_ units: [WriteUnit])

    /// The same store for what somebody is told is kept: its writes are on disk before they return, also where others
    /// are written behind.
    var synced: any Database { get }
}

/// One caller's unit of work on its way into a commit.
package struct WriteUnit: Sendable {
    /// Does the work and returns how to tell the caller of its success, which must wait for the commit. Whoever is told
    /// must not block.
    package let run: @Sendable (any SQLConnection) throws -> @Sendable () -> Void
    /// Tells the caller that nothing of its work was kept.
    package let fail: @Sendable (any Error) -> Void
    /// Whether the caller hears of its success only once it is on disk, whatever the store does otherwise.
    package var isSynced = false

    package init(
        run: @escaping @Sendable (any SQLConnection) throws -> @Sendable () -> Void,
        fail: @escaping @Sendable (any Error) -> Void
    ) {
        self.run = run
        self.fail = fail
    }
}

extension Database {
    /// Of stores that sync every commit.
    package var synced: any Database { self }

    /// One after the other, in transactions of their own.
    package func submit(_ units: [WriteUnit]) {
        // Nobody stops it: it ends with the last unit, as the store's own work does.
        Task {
            for unit in units {
                do { try await write(unit.run)() } catch { unit.fail(error) }
            }
        }
    }
}

/// A forward-only change of the schema. Once released, a migration never changes.
package struct Migration: Sendable {
    /// The part of the product that owns the tables (`lambda`, `logs`, `gateway`): numbers count per component.
    package var component: String
    /// 1, 2, 3, … without gaps.
    package var number: Int
    package var statements: [String]

    package init(component: String, number: Int, statements: [String]) {
        self.component = component
        self.number = number
        self.statements = statements
    }
}
