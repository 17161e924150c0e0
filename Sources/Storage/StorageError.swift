/// What went wrong in the store.
package enum StorageError: Error, Sendable, Hashable {
    /// A statement failed. `code` is the driver's result code, `message` its text.
    case statement(sql: String, code: Int, message: String)
    /// A unique or primary key is taken.
    case constraint(sql: String, message: String)
    case unexpectedType(column: String)
    /// The store cannot be opened: `path` and why.
    case open(path: String, reason: String)
    /// The store was written by a newer version: it knows a migration that this program does not.
    case newerSchema(component: String, number: Int)
    /// A file operation on a blob failed with `errno`.
    case file(operation: String, path: String, errno: Int32)
}
