import GRDB
import GRDBSQLite

/// The SQL interface over one SQLite connection, for as long as one unit of work runs.
///
/// Values are bound and read by SQLite's own calls: the driver's ways to do it took as long as the statements did.
struct SQLiteConnection: SQLConnection {
    let connection: GRDB.Database

    private static let noArguments = StatementArguments()

    func query(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> [SQLRow] {
        do {
            let statement = try prepare(sql, arguments)
            defer { release(statement) }
            let columns = statement.columnNames
            var rows: [SQLRow] = []
            while true {
                switch sqlite3_step(statement.sqliteStatement) {
                case SQLITE_ROW: rows.append(statement.row(columns))
                case SQLITE_DONE: return rows
                case let code:
                    throw DatabaseError(
                        resultCode: ResultCode(rawValue: code), message: connection.lastErrorMessage)
                }
            }
        } catch {
            throw StorageError(error, sql: sql)
        }
    }

    func execute(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> Int {
        do {
            let before = connection.totalChangesCount
            let statement = try prepare(sql, arguments)
            defer { release(statement) }
            // By the driver, which is to know of changes of the schema.
            try statement.execute()
            // The count of the last change stays as it was when a statement changes nothing at all.
            return connection.totalChangesCount == before ? 0 : connection.changesCount
        } catch {
            throw StorageError(error, sql: sql)
        }
    }

    private func prepare(_ sql: String, _ arguments: [SQLValue]) throws -> Statement {
        let statement = try connection.cachedStatement(sql: sql)
        let pointer = statement.sqliteStatement
        guard sqlite3_bind_parameter_count(pointer) == arguments.count else {
            throw DatabaseError(resultCode: .SQLITE_MISUSE, message: "wrong number of arguments")
        }
        // The driver does not look at them any more.
        statement.setUncheckedArguments(Self.noArguments)
        for (index, argument) in arguments.enumerated() {
            let code = try argument.bind(to: pointer, at: Int32(index) + 1, of: sql)
            guard code == SQLITE_OK else {
                throw DatabaseError(resultCode: ResultCode(rawValue: code), message: connection.lastErrorMessage)
            }
        }
        return statement
    }

    /// Lets go of snapshots and of copies of values.
    private func release(_ statement: Statement) {
        sqlite3_reset(statement.sqliteStatement)
        sqlite3_clear_bindings(statement.sqliteStatement)
    }
}

extension Statement {
    fileprivate func row(_ columns: [String]) -> SQLRow {
        var values: [SQLValue] = []
        values.reserveCapacity(columns.count)
        for index in 0..<Int32(columns.count) { values.append(SQLValue(of: sqliteStatement, at: index)) }
        return SQLRow(columns: columns, values: values)
    }
}

extension SQLValue {
    /// What SQLite copies before a call returns.
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    /// - Returns: SQLite's result code.
    fileprivate func bind(to statement: OpaquePointer, at index: Int32, of sql: String) throws(StorageError) -> Int32 {
        switch self {
        case .null: return sqlite3_bind_null(statement, index)
        case .integer(let integer): return sqlite3_bind_int64(statement, index, integer)
        case .real(let real): return sqlite3_bind_double(statement, index, real)
        case .text(var text):
            let code: Int32? = text.withUTF8 { bytes in
                if bytes.contains(0) { return nil }
                // An empty text has no address, which would bind null.
                guard let start = bytes.baseAddress else {
                    return sqlite3_bind_text(statement, index, "", 0, Self.copied)
                }
                return start.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
                    sqlite3_bind_text(statement, index, $0, Int32(bytes.count), Self.copied)
                }
            }
            guard let code else { throw .nulInText(sql: sql) }
            return code
        case .blob(let bytes):
            if bytes.isEmpty { return sqlite3_bind_zeroblob(statement, index, 0) }
            return bytes.withUnsafeBytes {
                sqlite3_bind_blob(statement, index, $0.baseAddress, Int32($0.count), Self.copied)
            }
        }
    }

    fileprivate init(of statement: OpaquePointer, at index: Int32) {
        switch sqlite3_column_type(statement, index) {
        case SQLITE_INTEGER: self = .integer(sqlite3_column_int64(statement, index))
        case SQLITE_FLOAT: self = .real(sqlite3_column_double(statement, index))
        case SQLITE_TEXT:
            // The length is that of the text which was asked for before.
            let start = sqlite3_column_text(statement, index)
            let count = Int(sqlite3_column_bytes(statement, index))
            self = .text(String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self))
        case SQLITE_BLOB:
            let start = sqlite3_column_blob(statement, index)
            let count = Int(sqlite3_column_bytes(statement, index))
            self = .blob([UInt8](UnsafeRawBufferPointer(start: start, count: count)))
        default: self = .null
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
