import Storage

/// The messages as the store has them.
struct MessageTable {
    /// Bodies with attributes that are longer lie apart.
    static let inlineBytes = 2_048

    static let columns =
        """
        id, uuid, sent, visible_at, receives, first_received, sender, message_group, deduplication, sequence, source, \
        trace, body, attributes
        """

    private static let isApart = "CASE WHEN body IS NULL THEN 1 ELSE 0 END AS apart"

    let connection: any SQLConnection

    init(_ connection: any SQLConnection) { self.connection = connection }

    // MARK: Sending

    /// - Returns: false when the queue is gone.
    func insert(_ message: NewMessage, into queue: Int64, sequence: Int64? = nil) throws -> Bool {
        let attributes = message.content.attributes.json
        let isInline = message.content.size <= Self.inlineBytes
        let count = try connection.execute(
            """
            INSERT INTO sqs_messages
                (id, queue, uuid, sent, visible_at, receives, sender, message_group, deduplication, sequence, trace,
                body, attributes)
            SELECT ?, id, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ? FROM sqs_queues WHERE id = ?
            """,
            [
                .integer(message.id), .text(message.uuid), .integer(message.sent), .integer(message.visibleAt),
                .text(message.sender), SQLValue(message.group), SQLValue(message.deduplication),
                sequence.map { .integer($0) } ?? .null, SQLValue(message.content.trace ?? message.content.requestTrace),
                isInline ? .text(message.content.body) : .null, isInline ? SQLValue(attributes) : .null,
                .integer(queue),
            ])
        guard count > 0 else { return false }
        if !isInline {
            try connection.execute(
                "INSERT INTO sqs_bodies (message, body, attributes) VALUES (?, ?, ?)",
                [.integer(message.id), .text(message.content.body), SQLValue(attributes)])
        }
        return true
    }

    // MARK: Looking

    /// When the next message becomes visible, or became; nil when there is none.
    func nextVisible(in queue: Queue) throws -> Int64? {
        let table = queue.isFIFO ? "sqs_groups" : "sqs_messages"
        return try connection.query(
            "SELECT MIN(visible_at) AS next FROM \(table) WHERE queue = ?", [.integer(queue.id)]
        ).first?.optionalInteger("next")
    }

    struct Counts: Sendable, Hashable {
        var visible = 0
        var delayed = 0
        var inFlight = 0

        var all: Int { visible + delayed + inFlight }
    }

    /// - Parameter expiry: What was sent until then is not counted.
    func counts(of queue: Int64, now: Int64, expiry: Int64) throws -> Counts {
        let visible = try connection.query(
            "SELECT COUNT(*) AS count FROM sqs_messages WHERE queue = ? AND visible_at <= ? AND sent > ?",
            [.integer(queue), .integer(now), .integer(expiry)])
        let others = try connection.query(
            """
            SELECT CASE WHEN receives > 0 THEN 1 ELSE 0 END AS received, COUNT(*) AS count FROM sqs_messages
            WHERE queue = ? AND visible_at > ? AND sent > ? GROUP BY CASE WHEN receives > 0 THEN 1 ELSE 0 END
            """,
            [.integer(queue), .integer(now), .integer(expiry)])
        var counts = Counts()
        counts.visible = Int(try visible.first?.integer("count") ?? 0)
        for row in others {
            let count = Int(try row.integer("count"))
            if try row.integer("received") != 0 { counts.inFlight = count } else { counts.delayed = count }
        }
        return counts
    }

    /// When the oldest message was sent; nil when there is none.
    ///
    /// - Parameter expiry: What was sent until then does not count.
    func oldest(in queue: Int64, expiry: Int64) throws -> Int64? {
        try connection.query(
            "SELECT MIN(sent) AS oldest FROM sqs_messages WHERE queue = ? AND sent > ?",
            [.integer(queue), .integer(expiry)]
        ).first?.optionalInteger("oldest")
    }

    func inFlight(in queue: Int64, now: Int64) throws -> Int {
        let rows = try connection.query(
            "SELECT COUNT(*) AS count FROM sqs_messages WHERE queue = ? AND visible_at > ? AND receives > 0",
            [.integer(queue), .integer(now)])
        return Int(try rows.first?.integer("count") ?? 0)
    }

    /// What a receipt handle names, as long as it is in that queue.
    func state(of message: Int64, in queue: Int64) throws -> MessageState? {
        try connection.query(
            """
            SELECT receives, visible_at, message_group, sequence FROM sqs_messages WHERE id = ? AND queue = ?
            """,
            [.integer(message), .integer(queue)]
        ).first.map { row in
            MessageState(
                receives: try row.integer("receives"), visibleAt: try row.integer("visible_at"),
                group: row.optionalText("message_group"), sequence: row.optionalInteger("sequence"))
        }
    }

    // MARK: Changing

    func setVisibility(_ message: Int64, at time: Int64) throws {
        try connection.execute(
            "UPDATE sqs_messages SET visible_at = ? WHERE id = ?", [.integer(time), .integer(message)])
    }

    func delete(_ message: Int64) throws {
        let rows = try connection.query(
            "DELETE FROM sqs_messages WHERE id = ? RETURNING \(Self.isApart)", [.integer(message)])
        if try rows.first?.integer("apart") == 1 {
            try connection.execute("DELETE FROM sqs_bodies WHERE message = ?", [.integer(message)])
        }
    }

    /// Deletes what was sent to a queue until a time, a part at a time.
    ///
    /// - Returns: Whether there may be more.
    func deletePart(of queue: Int64, sentUntil time: Int64, limit: Int = 5_000) throws -> Bool {
        let rows = try connection.query(
            """
            DELETE FROM sqs_messages
            WHERE id IN (SELECT id FROM sqs_messages WHERE queue = ? AND sent <= ? LIMIT ?)
            RETURNING id, \(Self.isApart), message_group, sequence
            """,
            [.integer(queue), .integer(time), .integer(Int64(limit))])
        var groups: Set<String> = []
        for row in rows {
            if try row.integer("apart") == 1 {
                try connection.execute("DELETE FROM sqs_bodies WHERE message = ?", [.integer(try row.integer("id"))])
            }
            if row.optionalInteger("sequence") != nil, let group = row.optionalText("message_group") {
                groups.insert(group)
            }
        }
        for group in groups { try GroupTable(connection).refresh(group, of: queue) }
        return rows.count == limit
    }

    /// Puts a message into another queue.
    func move(_ message: Int64, _ move: MessageMove) throws {
        try connection.execute(
            """
            UPDATE sqs_messages SET queue = ?, uuid = COALESCE(?, uuid), sent = COALESCE(?, sent), visible_at = ?,
                receives = ?, first_received = CASE WHEN ? = 0 THEN NULL ELSE first_received END, source = ?,
                sequence = ?
            WHERE id = ?
            """,
            [
                .integer(move.queue), SQLValue(move.uuid), move.sent.map { .integer($0) } ?? .null,
                .integer(move.visibleAt), .integer(move.receives), .integer(move.receives), SQLValue(move.source),
                move.sequence.map { .integer($0) } ?? .null, .integer(message),
            ])
    }

    // MARK: Rows

    /// - Parameter row: Has ``columns``.
    func received(_ row: SQLRow) throws -> ReceivedMessage {
        let id = try row.integer("id")
        var body = row.optionalText("body")
        var attributes = row.optionalText("attributes")
        if body == nil {
            let apart = try connection.query(
                "SELECT body, attributes FROM sqs_bodies WHERE message = ?", [.integer(id)])
            body = apart.first?.optionalText("body")
            attributes = apart.first?.optionalText("attributes")
        }
        return ReceivedMessage(
            id: id, uuid: try row.text("uuid"), sent: try row.integer("sent"),
            visibleAt: try row.integer("visible_at"), receives: try row.integer("receives"),
            firstReceived: try row.integer("first_received"), sender: try row.text("sender"),
            group: row.optionalText("message_group"), deduplication: row.optionalText("deduplication"),
            sequence: row.optionalInteger("sequence"), source: row.optionalText("source"),
            content: MessageContent(
                body: body ?? "", attributes: [String: MessageAttribute](json: attributes),
                trace: row.optionalText("trace")))
    }
}

/// A message as far as handles are judged by it.
struct MessageState: Sendable {
    var receives: Int64
    var visibleAt: Int64
    var group: String?
    var sequence: Int64?
}

/// What becomes of a message that changes its queue.
struct MessageMove: Sendable {
    var queue: Int64
    /// Nil: as they were.
    var uuid: String?
    var sent: Int64?
    var visibleAt: Int64
    var receives: Int64
    var source: String?
    /// In a FIFO queue.
    var sequence: Int64?
}

extension SQLValue {
    init(_ text: String?) { self = text.map { .text($0) } ?? .null }
}
