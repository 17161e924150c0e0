import Storage

/// What hangs on a function, on one of its versions or on one of its aliases, and goes with it: a document of its own
/// for each kind. Kept as JSON; a member that a later version adds must be optional.
protocol Attachment: Codable, Sendable {
    /// The kind's name in the store.
    static var kind: String { get }
}

/// An attachment and where it hangs.
struct Attached<Document: Attachment>: Sendable {
    var key: FunctionKey
    /// `$LATEST`, a number or the name of an alias; empty for the function as a whole.
    var qualifier: String
    var document: Document

    var target: FunctionTarget { FunctionTarget(key, qualifier: qualifier.isEmpty ? nil : qualifier) }
}

extension FunctionRepository {
    func attached<Document: Attachment>(_: Document.Type, to key: FunctionKey, qualifier: String = "") throws
        -> Document?
    {
        try connection.query(
            """
            SELECT document FROM lambda_attachments
            WHERE account = ? AND region = ? AND name = ? AND qualifier = ? AND kind = ?
            """, key.arguments + [.text(qualifier), .text(Document.kind)]
        ).first.map { try Self.value(Document.self, try $0.text("document")) }
    }

    /// All of one kind that hang on a function, in the order of their qualifiers, from the first after one.
    func attached<Document: Attachment>(
        _: Document.Type, ofFunction key: FunctionKey, after qualifier: String? = nil, limit: Int = .max
    ) throws -> [Attached<Document>] {
        try connection.query(
            """
            SELECT * FROM lambda_attachments WHERE account = ? AND region = ? AND name = ? AND kind = ?
                AND (? IS NULL OR qualifier > ?) ORDER BY qualifier LIMIT ?
            """,
            key.arguments + [
                .text(Document.kind), Self.text(qualifier), Self.text(qualifier), .integer(Int64(limit)),
            ]
        ).map(Self.attached)
    }

    /// All of one kind that there are, of every account.
    func attached<Document: Attachment>(_: Document.Type) throws -> [Attached<Document>] {
        try connection.query("SELECT * FROM lambda_attachments WHERE kind = ?", [.text(Document.kind)])
            .map(Self.attached)
    }

    func attach<Document: Attachment>(_ document: Document, to key: FunctionKey, qualifier: String = "") throws {
        try connection.execute(
            """
            INSERT INTO lambda_attachments (account, region, name, qualifier, kind, document) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (account, region, name, qualifier, kind) DO UPDATE SET document = excluded.document
            """,
            key.arguments + [.text(qualifier), .text(Document.kind), .text(try Self.json(document))])
    }

    /// - Returns: Whether there was one.
    func detach<Document: Attachment>(_: Document.Type, from key: FunctionKey, qualifier: String = "") throws -> Bool {
        try connection.execute(
            """
            DELETE FROM lambda_attachments
            WHERE account = ? AND region = ? AND name = ? AND qualifier = ? AND kind = ?
            """, key.arguments + [.text(qualifier), .text(Document.kind)]) > 0
    }

    /// The version or alias goes, and with it all that hangs on it.
    func detachAll(from key: FunctionKey, qualifier: String) throws {
        try connection.execute(
            "DELETE FROM lambda_attachments WHERE account = ? AND region = ? AND name = ? AND qualifier = ?",
            key.arguments + [.text(qualifier)])
    }

    private static func attached<Document: Attachment>(_ row: SQLRow) throws -> Attached<Document> {
        Attached(
            key: try FunctionKey(row), qualifier: try row.text("qualifier"),
            document: try value(Document.self, try row.text("document")))
    }
}
