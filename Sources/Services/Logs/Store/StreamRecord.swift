import Storage

/// A stream as the tables keep it. Times are milliseconds since 1970.
struct StreamRecord: Sendable {
    private static let columns = "id, name, created, first_event, last_event, last_ingestion, stored_bytes"

    var id: Int64
    var name: String
    var created: Int64
    /// Nil until there is one.
    var firstEvent: Int64?
    /// 0 until there is one.
    var lastEvent: Int64
    /// Likewise.
    var lastIngestion: Int64
    var storedBytes: Int64

    /// What stands for the first event of a stream that has none.
    private static let noEvent = Int64.max

    init(_ row: SQLRow) throws(StorageError) {
        id = try row.integer("id")
        name = try row.text("name")
        created = try row.integer("created")
        let first = try row.integer("first_event")
        firstEvent = first == Self.noEvent ? nil : first
        lastEvent = try row.integer("last_event")
        lastIngestion = try row.integer("last_ingestion")
        storedBytes = try row.integer("stored_bytes")
    }

    static func find(
        _ name: String, in group: Int64, on connection: any SQLConnection
    ) throws(StorageError) -> StreamRecord? {
        let rows = try connection.query(
            "SELECT \(columns) FROM logs_streams WHERE group_id = ? AND name = ?", [.integer(group), .name(name)])
        guard let row = rows.first else { return nil }
        return try StreamRecord(row)
    }

    /// Nil when the stream was deleted.
    static func name(of id: Int64, on connection: any SQLConnection) throws(StorageError) -> String? {
        try connection.query("SELECT name FROM logs_streams WHERE id = ?", [.integer(id)]).first?.optionalText("name")
    }

    /// Makes a stream without events.
    ///
    /// - Returns: The new stream's number.
    static func create(
        _ name: String, in group: Int64, now: Int64, on connection: any SQLConnection
    ) throws(StorageError) -> Int64 {
        let id = try LogCounter.take(1, on: connection)
        try connection.execute(
            """
            INSERT INTO logs_streams
                (id, group_id, name, created, first_event, last_event, last_ingestion, stored_bytes)
            VALUES (?, ?, ?, ?, ?, 0, 0, 0)
            """,
            [.integer(id), .integer(group), .name(name), .integer(now), .integer(noEvent)])
        return id
    }

    /// Deletes the stream. Its events can be seen no more; ``EventRemoval`` takes them away.
    static func delete(_ stream: StreamRecord, in group: Int64, on connection: any SQLConnection) throws(StorageError) {
        try GroupRecord.grow(group, by: -stream.storedBytes, on: connection)
        try connection.execute("DELETE FROM logs_streams WHERE id = ?", [.integer(stream.id)])
        try connection.execute("INSERT INTO logs_deleted (id) VALUES (?)", [.integer(stream.id)])
    }

    /// Where a page of streams begins and which way it goes.
    struct Listing: Sendable {
        enum Order: Sendable {
            case name
            case lastEvent
        }
        var order: Order
        var isDescending: Bool
        /// Lists only streams whose names begin so; with `.name` alone.
        var prefix: String
        /// The last stream of the page before.
        var after: Cursor?
    }

    /// A stream's place in a listing.
    enum Cursor: Sendable, Hashable {
        case name(String)
        case lastEvent(time: Int64, id: Int64)
    }

    /// Up to `limit` streams; those of another prefix are not among them.
    static func list(
        _ listing: Listing, in group: Int64, limit: Int, on connection: any SQLConnection
    ) throws(StorageError) -> [StreamRecord] {
        var conditions = ["group_id = ?"]
        var arguments: [SQLValue] = [.integer(group)]
        let beyond = listing.isDescending ? "<" : ">"
        switch listing.after {
        case .name(let name):
            conditions.append("name \(beyond) ?")
            arguments.append(.name(name))
        case .lastEvent(let time, let id):
            conditions.append("(last_event, id) \(beyond) (?, ?)")
            arguments += [.integer(time), .integer(id)]
        case nil: break
        }
        if !listing.prefix.isEmpty {
            conditions.append("name >= ? AND name <= ?")
            arguments += [.name(listing.prefix), .name(listing.prefix.endOfPrefix)]
        }
        let direction = listing.isDescending ? "DESC" : "ASC"
        let order = listing.order == .name ? "name \(direction)" : "last_event \(direction), id \(direction)"
        arguments.append(.integer(Int64(limit)))
        let rows = try connection.query(
            """
            SELECT \(columns) FROM logs_streams WHERE \(conditions.joined(separator: " AND "))
            ORDER BY \(order) LIMIT ?
            """, arguments)
        return try rows.map { (row) throws(StorageError) in try StreamRecord(row) }
    }
}
