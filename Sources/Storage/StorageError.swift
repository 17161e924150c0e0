/// What went wrong in the store.
package enum StorageError: Error, Sendable, Hashable {
    /// A statement failed. `code` is the driver's result code, `message` its text.
    case statement(sql: String, code: Int, message: String)
    /// A unique or primary key is taken.
    case constraint(sql: String, message: String)
    case unexpectedType(column: String)
    /// A text argument holds a NUL, which not every driver can keep: such bytes belong into a blob.
    case nulInText(sql: String)
    /// The store cannot be opened: `path` and why.
    case open(path: String, reason: String)
    /// The store was written by a newer version: it knows a migration that this program does not.
    case newerSchema(component: String, number: Int)
    /// The program's own migrations of `component` do not count 1, 2, 3, … : `found` stands where `expected` belongs.
    case migrationOrder(component: String, expected: Int, found: Int)
    /// A migration that the store has applied reads differently today, or one before it is missing from the store.
    case migrationChanged(component: String, number: Int)
    /// A file operation on a blob failed with `errno`.
    case file(operation: String, path: String, errno: Int32)
    /// The bytes kept under `id` do not have that digest any more.
    case corruptBlob(id: String)
}
