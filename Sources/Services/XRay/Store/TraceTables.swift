import Storage

/// Whose traces.
struct TraceOwner: Sendable, Hashable {
    var account: String
    var region: String
}

/// Traces in SQL. Every call runs inside the caller's transaction.
struct TraceTables {
    let connection: any SQLConnection

    init(_ connection: any SQLConnection) { self.connection = connection }

    /// A trace as it is kept.
    struct Record: Sendable, Hashable {
        var id: String
        /// The time in its id, seconds since 1970.
        var time: Int64
        /// When its earliest segment began, milliseconds since 1970.
        var started: Int64
        /// Whether segments were left out because there were too many bytes of them.
        var isExceeded: Bool

        fileprivate init(_ row: SQLRow) throws(StorageError) {
            id = try row.text("id")
            time = try row.integer("time")
            started = try row.integer("started")
            isExceeded = try row.integer("exceeded") != 0
        }
    }

    /// Keeps a segment. One that is complete takes the place of what was sent of it while it was in progress, not the
    /// other way round; one beyond the bytes of a trace is left out, which the trace then says.
    ///
    /// - Returns: The bytes that it takes.
    func add(_ segment: SegmentDocument, of owner: TraceOwner) throws(StorageError) -> Int {
        let key: [SQLValue] = [.text(owner.account), .text(owner.region), .text(segment.traceID.text)]
        let size = segment.text.utf8.count
        let row = try connection.query("SELECT bytes FROM xray_traces WHERE account = ? AND region = ? AND id = ?", key)
            .first
        let isRoom = try (row?.integer("bytes") ?? 0) + Int64(size) <= Int64(SegmentDocument.maximumTraceBytes)
        try connection.execute(
            """
            INSERT INTO xray_traces (account, region, id, time, started, bytes, exceeded) VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (account, region, id) DO UPDATE SET
                started = CASE WHEN excluded.started < xray_traces.started THEN excluded.started
                    ELSE xray_traces.started END,
                bytes = xray_traces.bytes + excluded.bytes,
                exceeded = CASE WHEN excluded.exceeded = 1 THEN 1 ELSE xray_traces.exceeded END
            """,
            key + [
                .integer(segment.traceID.time), .integer(segment.start), .integer(isRoom ? Int64(size) : 0),
                .integer(isRoom ? 0 : 1),
            ])
        guard isRoom else { return 0 }
        try connection.execute(
            """
            INSERT INTO xray_segments (account, region, trace, id, started, complete, document)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (account, region, trace, id) DO UPDATE SET
                started = excluded.started, complete = excluded.complete, document = excluded.document
            WHERE excluded.complete >= xray_segments.complete
            """,
            key + [
                .text(segment.id), .integer(segment.start), .integer(segment.isComplete ? 1 : 0), .text(segment.text),
            ])
        return size
    }

    func trace(_ id: String, of owner: TraceOwner) throws(StorageError) -> Record? {
        let rows = try connection.query(
            "SELECT * FROM xray_traces WHERE account = ? AND region = ? AND id = ?",
            [.text(owner.account), .text(owner.region), .text(id)])
        guard let row = rows.first else { return nil }
        return try Record(row)
    }

    /// By what a page of traces is ordered.
    enum Order: String, Sendable, Hashable {
        /// The time in their ids, in seconds.
        case time
        /// When they began, in milliseconds.
        case started
    }

    /// Traces within a range of time, in its order, from the first after `position`.
    func list(
        _ owner: TraceOwner, by order: Order, within range: ClosedRange<Int64>,
        after position: (at: Int64, id: String)?,
        limit: Int
    ) throws(StorageError) -> [Record] {
        let column = order.rawValue
        let from = position ?? (range.lowerBound, "")
        return try connection.query(
            """
            SELECT * FROM xray_traces WHERE account = ? AND region = ? AND \(column) <= ?
            AND (\(column), id) > (?, ?) ORDER BY \(column), id LIMIT ?
            """,
            [
                .text(owner.account), .text(owner.region), .integer(range.upperBound), .integer(from.0), .text(from.1),
                .integer(Int64(limit)),
            ]
        ).map { (row) throws(StorageError) in try Record(row) }
    }

    /// The documents of a trace, the earliest first.
    func documents(_ trace: String, of owner: TraceOwner) throws(StorageError) -> [(id: String, text: String)] {
        try connection.query(
            """
            SELECT id, document FROM xray_segments WHERE account = ? AND region = ? AND trace = ? ORDER BY started, id
            """, [.text(owner.account), .text(owner.region), .text(trace)]
        ).map { (row) throws(StorageError) in (try row.text("id"), try row.text("document")) }
    }

    /// All bytes of all accounts.
    func bytes() throws(StorageError) -> Int {
        let rows = try connection.query("SELECT COALESCE(SUM(bytes), 0) AS bytes FROM xray_traces", [])
        return Int(try rows.first?.integer("bytes") ?? 0)
    }

    /// Deletes the oldest traces.
    ///
    /// - Parameter time: Only those whose ids are of an earlier time, in seconds; nil for all.
    /// - Returns: How many there were, and their bytes.
    func deleteOldest(before time: Int64?, limit: Int) throws(StorageError) -> (count: Int, bytes: Int) {
        let rows = try connection.query(
            "SELECT account, region, id, bytes FROM xray_traces WHERE time < ? ORDER BY time LIMIT ?",
            [.integer(time ?? .max), .integer(Int64(limit))])
        var bytes = 0
        for row in rows {
            let key: [SQLValue] = [
                .text(try row.text("account")), .text(try row.text("region")), .text(try row.text("id")),
            ]
            try connection.execute("DELETE FROM xray_segments WHERE account = ? AND region = ? AND trace = ?", key)
            try connection.execute("DELETE FROM xray_traces WHERE account = ? AND region = ? AND id = ?", key)
            bytes += Int(try row.integer("bytes"))
        }
        return (rows.count, bytes)
    }

    func deleteAll() throws(StorageError) {
        for table in ["xray_segments", "xray_traces"] { try connection.execute("DELETE FROM \(table)", []) }
    }
}
