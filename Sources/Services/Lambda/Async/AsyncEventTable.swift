import NIOCore
import Storage

/// The queue in SQL. Every call runs inside the caller's transaction.
///
/// A row is due when its event is to be tried, or, once a node has claimed it, when that node's lease ends. As `due` is
/// part of the key, whoever has lost an event to another node changes nothing any more.
struct AsyncEventTable {
    static let migrations = [
        Migration(
            component: "lambda-events", number: 1,
            statements: [
                """
                CREATE TABLE lambda_events (
                    account TEXT NOT NULL,
                    region TEXT NOT NULL,
                    name TEXT NOT NULL,
                    due BIGINT NOT NULL,
                    position BIGINT NOT NULL,
                    request TEXT NOT NULL,
                    node TEXT,
                    qualifier TEXT,
                    accepted BIGINT NOT NULL,
                    failures BIGINT NOT NULL,
                    context TEXT,
                    trace TEXT NOT NULL,
                    sampled BIGINT NOT NULL,
                    payload BLOB NOT NULL,
                    PRIMARY KEY (account, region, name, due, position, request)
                )
                """,
                "CREATE INDEX lambda_events_node ON lambda_events (node) WHERE node IS NOT NULL",
            ]),
        Migration(
            component: "lambda-events", number: 2,
            statements: [
                "ALTER TABLE lambda_events ADD COLUMN creation BIGINT NOT NULL DEFAULT 0",
                // Each event would be in it and out again; what a node has claimed is found by when it is due.
                "DROP INDEX lambda_events_node",
            ]),
    ]

    let connection: any SQLConnection

    /// - Parameter node: Who claims it at once, until its lease ends; nil: nobody.
    func insert(_ event: AsyncEvent, node: String?) throws {
        try connection.execute(
            """
            INSERT INTO lambda_events (account, region, name, due, position, request, node, qualifier, accepted,
                failures, context, trace, sampled, payload, creation)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            event.function.arguments + [
                .integer(node == nil ? event.due : event.lease), .integer(event.id.position), .text(event.id.request),
                FunctionRepository.text(node), FunctionRepository.text(event.target.qualifier),
                .integer(event.accepted), .integer(Int64(event.failures)),
                FunctionRepository.text(event.clientContext), .text(event.traceID), .integer(event.isSampled ? 1 : 0),
                .blob(Array(event.payload.readableBytesView)), .integer(event.creation),
            ])
    }

    /// Claims the first events of a function that are due: as many as are wanted, or until their payloads are large.
    ///
    /// - Returns: In the order in which they are due.
    func claim(_ function: FunctionKey, node: String, now: Int64, lease: Int64, limit: Int) throws -> [AsyncEvent] {
        var events: [AsyncEvent] = []
        var bytes = 0
        while events.count < limit, bytes < Self.claimBytes {
            let wanted = min(Self.claimStep, limit - events.count)
            let rows = try connection.query(
                """
                SELECT * FROM lambda_events WHERE account = ? AND region = ? AND name = ? AND due <= ?
                ORDER BY due, position, request LIMIT ?
                """, function.arguments + [.integer(now), .integer(Int64(wanted))])
            for row in rows {
                var event = try Self.event(row, function)
                event.lease = lease
                try connection.execute(
                    "UPDATE lambda_events SET due = ?, node = ? WHERE \(Self.key)",
                    [.integer(lease), .text(node)] + arguments(event.id, function, due: event.due))
                bytes += event.payload.readableBytes
                events.append(event)
            }
            if rows.count < wanted { break }
        }
        return events
    }

    private static let claimStep = 16
    private static let claimBytes = 1_048_576

    /// When the next event of a function is due; nil when there is none.
    func nextDue(_ function: FunctionKey) throws -> Int64? {
        try connection.query(
            "SELECT MIN(due) AS due FROM lambda_events WHERE account = ? AND region = ? AND name = ?",
            function.arguments
        ).first?.optionalInteger("due")
    }

    /// All functions that have events, with the first time at which one is due.
    func functions() throws -> [(function: FunctionKey, due: Int64)] {
        try connection.query(
            "SELECT account, region, name, MIN(due) AS due FROM lambda_events GROUP BY account, region, name", []
        ).map { (try FunctionKey($0), try $0.integer("due")) }
    }

    /// - Parameter lease: Of the claim.
    /// - Returns: Whether it was still there.
    @discardableResult
    func delete(_ event: AsyncEvent, lease: Int64) throws -> Bool {
        try connection.execute(
            "DELETE FROM lambda_events WHERE \(Self.key)", arguments(event.id, event.function, due: lease)) > 0
    }

    /// Gives a claimed event back, to be tried when it says.
    func release(_ event: AsyncEvent, lease: Int64) throws {
        try connection.execute(
            "UPDATE lambda_events SET due = ?, failures = ?, node = NULL WHERE \(Self.key)",
            [.integer(event.due), .integer(Int64(event.failures))]
                + arguments(event.id, event.function, due: lease))
    }

    /// Has a claim last longer.
    func renew(_ id: AsyncEvent.ID, of function: FunctionKey, lease: Int64, until end: Int64) throws {
        try connection.execute(
            "UPDATE lambda_events SET due = ? WHERE \(Self.key)",
            [.integer(end)] + arguments(id, function, due: lease))
    }

    /// Gives back what a node had claimed of a function when it died. Of what it had claimed so long ago that its
    /// lease has ended nobody keeps others from it.
    func release(_ function: FunctionKey, node: String, now: Int64) throws {
        try connection.execute(
            """
            UPDATE lambda_events SET due = accepted, node = NULL
            WHERE account = ? AND region = ? AND name = ? AND due > ? AND node = ?
            """, function.arguments + [.integer(now), .text(node)])
    }

    /// Deletes events of a function that is gone, and none of another that has its name by now.
    ///
    /// - Returns: How many; less than `limit` when none are left.
    func delete(_ function: FunctionKey, creation: Int64, limit: Int) throws -> Int {
        try connection.execute(
            """
            DELETE FROM lambda_events WHERE account = ? AND region = ? AND name = ? AND (due, position, request) IN (
                SELECT due, position, request FROM lambda_events
                WHERE account = ? AND region = ? AND name = ? AND creation = ? LIMIT ?)
            """, function.arguments + function.arguments + [.integer(creation), .integer(Int64(limit))])
    }

    func deleteAll() throws { try connection.execute("DELETE FROM lambda_events", []) }

    func count() throws -> Int {
        Int(try connection.query("SELECT COUNT(*) AS events FROM lambda_events", []).first?.integer("events") ?? 0)
    }

    private static let key = "account = ? AND region = ? AND name = ? AND due = ? AND position = ? AND request = ?"

    private func arguments(_ id: AsyncEvent.ID, _ function: FunctionKey, due: Int64) -> [SQLValue] {
        function.arguments + [.integer(due), .integer(id.position), .text(id.request)]
    }

    private static func event(_ row: SQLRow, _ function: FunctionKey) throws -> AsyncEvent {
        AsyncEvent(
            id: AsyncEvent.ID(position: try row.integer("position"), request: try row.text("request")),
            target: FunctionTarget(function, qualifier: row.optionalText("qualifier")),
            creation: try row.integer("creation"),
            payload: ByteBuffer(bytes: try row.blob("payload")), clientContext: row.optionalText("context"),
            traceID: try row.text("trace"), isSampled: try row.integer("sampled") != 0,
            accepted: try row.integer("accepted"), failures: Int(try row.integer("failures")),
            due: try row.integer("due"), lease: 0)
    }
}
