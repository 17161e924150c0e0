import Storage

/// A group's subscription filter as the tables keep it.
struct SubscriptionRecord: Sendable {
    private static let columns = "name, pattern, destination, distribution, created"

    var name: String
    var pattern: String
    /// The ARN of a function.
    var destination: String
    /// `ByLogStream` or `Random`.
    var distribution: String
    /// Milliseconds since 1970.
    var created: Int64

    init(name: String, pattern: String, destination: String, distribution: String, created: Int64) {
        self.name = name
        self.pattern = pattern
        self.destination = destination
        self.distribution = distribution
        self.created = created
    }

    private init(_ row: SQLRow) throws(StorageError) {
        self.init(
            name: try row.text("name"), pattern: try row.text("pattern"), destination: try row.text("destination"),
            distribution: try row.text("distribution"), created: try row.integer("created"))
    }

    /// All of a group, by name: there are few.
    static func all(of group: Int64, on connection: any SQLConnection) throws(StorageError) -> [SubscriptionRecord] {
        let rows = try connection.query(
            "SELECT \(columns) FROM logs_subscriptions WHERE group_id = ? ORDER BY name", [.integer(group)])
        return try rows.map { (row) throws(StorageError) in try SubscriptionRecord(row) }
    }

    /// Makes it, or puts it in the place of the one of that name.
    func put(in group: Int64, on connection: any SQLConnection) throws(StorageError) {
        try connection.execute(
            """
            INSERT INTO logs_subscriptions (group_id, name, pattern, destination, distribution, created)
            VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (group_id, name) DO UPDATE SET pattern = excluded.pattern,
                destination = excluded.destination, distribution = excluded.distribution
            """,
            [
                .integer(group), .name(name), .name(pattern), .text(destination), .text(distribution),
                .integer(created),
            ])
    }

    /// - Returns: Whether there was one.
    static func delete(
        _ name: String, in group: Int64, on connection: any SQLConnection
    ) throws(StorageError) -> Bool {
        try connection.execute(
            "DELETE FROM logs_subscriptions WHERE group_id = ? AND name = ?", [.integer(group), .name(name)]) > 0
    }
}
