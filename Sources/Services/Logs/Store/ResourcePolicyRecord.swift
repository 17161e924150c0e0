import Storage

/// A resource policy as the tables keep it: an account's in a region, or a group's.
struct ResourcePolicyRecord: Sendable {
    private static let columns = "name, resource, document, updated, revision"

    /// Whose policies.
    struct Owner: Sendable, Hashable {
        var account: String
        var region: String

        fileprivate var arguments: [SQLValue] { [.text(account), .name(region)] }
    }

    /// Empty for a group's.
    var name: String
    /// The group's ARN; empty for an account's.
    var resource: String
    var document: String
    /// Milliseconds since 1970.
    var updated: Int64
    /// Empty for an account's.
    var revision: String

    init(name: String, resource: String, document: String, updated: Int64, revision: String) {
        self.name = name
        self.resource = resource
        self.document = document
        self.updated = updated
        self.revision = revision
    }

    private init(_ row: SQLRow) throws(StorageError) {
        self.init(
            name: try row.text("name"), resource: try row.text("resource"), document: try row.text("document"),
            updated: try row.integer("updated"), revision: try row.text("revision"))
    }

    /// Those of a resource, or the account's own where `resource` is empty, by name: there are few.
    static func all(
        of owner: Owner, resource: String = "", on connection: any SQLConnection
    ) throws(StorageError) -> [ResourcePolicyRecord] {
        let rows = try connection.query(
            """
            SELECT \(columns) FROM logs_policies WHERE account = ? AND region = ? AND resource = ? ORDER BY name
            """, owner.arguments + [.name(resource)])
        return try rows.map { (row) throws(StorageError) in try ResourcePolicyRecord(row) }
    }

    /// Makes it, or puts it in the place of the one of that name and resource.
    func put(for owner: Owner, on connection: any SQLConnection) throws(StorageError) {
        try connection.execute(
            """
            INSERT INTO logs_policies (account, region, resource, name, document, updated, revision)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (account, region, resource, name) DO UPDATE SET document = excluded.document,
                updated = excluded.updated, revision = excluded.revision
            """,
            owner.arguments + [
                .name(resource), .name(name), .name(document), .integer(updated), .text(revision),
            ])
    }

    func delete(for owner: Owner, on connection: any SQLConnection) throws(StorageError) {
        try connection.execute(
            "DELETE FROM logs_policies WHERE account = ? AND region = ? AND resource = ? AND name = ?",
            owner.arguments + [.name(resource), .name(name)])
    }

    /// A group that is deleted takes its policy along.
    static func delete(of group: GroupKey, on connection: any SQLConnection) throws(StorageError) {
        try connection.execute(
            "DELETE FROM logs_policies WHERE account = ? AND region = ? AND resource = ?",
            [.text(group.account), .name(group.region), .name(group.arn)])
    }
}
