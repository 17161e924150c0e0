import Storage

/// A group as the tables keep it.
struct GroupRecord: Sendable {
    private static let columns = "id, name, created, class, retention_days, stored_bytes, metric_filters"

    var id: Int64
    var name: String
    /// Milliseconds since 1970.
    var created: Int64
    /// `STANDARD` and so on.
    var logClass: String
    /// Nil: as the server's setting says.
    var retentionDays: Int64?
    var storedBytes: Int64
    /// How many metric filters it has.
    var metricFilters: Int64

    private init(_ row: SQLRow) throws(StorageError) {
        id = try row.integer("id")
        name = try row.text("name")
        created = try row.integer("created")
        logClass = try row.text("class")
        retentionDays = row.optionalInteger("retention_days")
        storedBytes = try row.integer("stored_bytes")
        metricFilters = try row.integer("metric_filters")
    }

    static func find(_ key: GroupKey, on connection: any SQLConnection) throws(StorageError) -> GroupRecord? {
        let rows = try connection.query(
            "SELECT \(columns) FROM logs_groups WHERE account = ? AND region = ? AND name = ?",
            [.text(key.account), .name(key.region), .name(key.name)])
        guard let row = rows.first else { return nil }
        return try GroupRecord(row)
    }

    /// The groups of an account in a region by name, from the first whose name is greater (or equal, if `inclusive`).
    static func list(
        account: String, region: String, from name: String, inclusive: Bool, limit: Int,
        on connection: any SQLConnection
    ) throws(StorageError) -> [GroupRecord] {
        let rows = try connection.query(
            """
            SELECT \(columns) FROM logs_groups
            WHERE account = ? AND region = ? AND name \(inclusive ? ">=" : ">") ? ORDER BY name LIMIT ?
            """,
            [.text(account), .name(region), .name(name), .integer(Int64(limit))])
        return try rows.map { (row) throws(StorageError) in try GroupRecord(row) }
    }

    /// All groups of all accounts, in order of their numbers.
    static func all(after id: Int64, limit: Int, on connection: any SQLConnection) throws(StorageError) -> [GroupRecord]
    {
        let rows = try connection.query(
            "SELECT \(columns) FROM logs_groups WHERE id > ? ORDER BY id LIMIT ?",
            [.integer(id), .integer(Int64(limit))])
        return try rows.map { (row) throws(StorageError) in try GroupRecord(row) }
    }

    /// - Returns: The new group's number.
    /// - Throws: `.constraint` when there is one of that name.
    static func create(
        _ key: GroupKey, class logClass: String = "STANDARD", now: Int64, on connection: any SQLConnection
    ) throws(StorageError) -> Int64 {
        let id = try LogCounter.take(1, on: connection)
        try connection.execute(
            """
            INSERT INTO logs_groups (id, account, region, name, created, class, retention_days, stored_bytes)
            VALUES (?, ?, ?, ?, ?, ?, NULL, 0)
            """,
            [.integer(id), .text(key.account), .name(key.region), .name(key.name), .integer(now), .text(logClass)])
        return id
    }

    static func grow(_ id: Int64, by bytes: Int64, on connection: any SQLConnection) throws(StorageError) {
        try connection.execute(
            "UPDATE logs_groups SET stored_bytes = stored_bytes + ? WHERE id = ?", [.integer(bytes), .integer(id)])
    }

    static func setRetention(_ days: Int?, of id: Int64, on connection: any SQLConnection) throws(StorageError) {
        try connection.execute(
            "UPDATE logs_groups SET retention_days = ? WHERE id = ?",
            [days.map { .integer(Int64($0)) } ?? .null, .integer(id)])
    }

    /// Deletes the group, its tags, subscriptions, metric filters and streams. Its events can be seen no more;
    /// ``EventRemoval`` takes them away.
    static func delete(_ id: Int64, on connection: any SQLConnection) throws(StorageError) {
        for table in [
            "logs_streams WHERE group_id", "logs_tags WHERE group_id", "logs_subscriptions WHERE group_id",
            "logs_metric_filters WHERE group_id", "logs_groups WHERE id",
        ] {
            try connection.execute("DELETE FROM \(table) = ?", [.integer(id)])
        }
        try connection.execute("INSERT INTO logs_deleted (id) VALUES (?)", [.integer(id)])
    }
}
