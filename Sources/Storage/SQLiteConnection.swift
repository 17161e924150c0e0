import FoundationEssentials
import GRDB

/// The SQL interface over one SQLite connection, for as long as one unit of work runs.
struct SQLiteConnection: SQLConnection {
    let connection: GRDB.Database

    func query(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> [SQLRow] {
        do {
            let statement = try connection.cachedStatement(sql: sql)
            let rows = try Row.fetchCursor(statement, arguments: bind(arguments, to: sql))
            var result: [SQLRow] = []
            while let row = try rows.next() {
                let columns = row.map { (name, value) in (name, SQLValue(value)) }
                result.append(SQLRow(Dictionary(columns, uniquingKeysWith: { first, _ in first })))
            }
            return result
        } catch {
            throw StorageError(error, sql: sql)
        }
    }

    func execute(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> Int {
        do {
            let before = connection.totalChangesCount
            let statement = try connection.cachedStatement(sql: sql)
            try statement.execute(arguments: bind(arguments, to: sql))
            // The count of the last change stays as it was when a statement changes nothing at all.
            return connection.totalChangesCount == before ? 0 : connection.changesCount
        } catch {
            throw StorageError(error, sql: sql)
        }
    }

    private func bind(_ arguments: [SQLValue], to sql: String) throws(StorageError) -> StatementArguments {
        for case .text(let text) in arguments where text.utf8.contains(0) { throw .nulInText(sql: sql) }
        return StatementArguments(arguments.map(\.databaseValue))
    }
}

extension SQLValue {
    init(_ value: DatabaseValue) {
        switch value.storage {
        case .null: self = .null
        case .int64(let integer): self = .integer(integer)
        case .double(let real): self = .real(real)
        case .string(let text): self = .text(text)
        case .blob(let data): self = .blob([UInt8](data))
        }
    }

    var databaseValue: DatabaseValue {
        switch self {
        case .null: .null
        case .integer(let integer): integer.databaseValue
        case .real(let real): real.databaseValue
        case .text(let text): text.databaseValue
        // An empty blob would be bound as null when its pointer is null, hence the detour by Data.
        case .blob(let bytes): Data(bytes).databaseValue
        }
    }
}

extension StorageError {
    /// The driver's error in our terms; `sql` is the statement that failed, whose arguments stay private.
    init(_ error: any Error, sql: String) {
        switch error {
        case let error as StorageError:
            self = error
        case let error as DatabaseError:
            let message = error.message ?? "SQLite result code \(error.extendedResultCode.rawValue)"
            switch error.extendedResultCode {
            case .SQLITE_CONSTRAINT_UNIQUE, .SQLITE_CONSTRAINT_PRIMARYKEY, .SQLITE_CONSTRAINT_ROWID:
                self = .constraint(sql: sql, message: message)
            default:
                self = .statement(sql: sql, code: Int(error.extendedResultCode.rawValue), message: message)
            }
        default:
            self = .statement(sql: sql, code: -1, message: "\(error)")
        }
    }
}
