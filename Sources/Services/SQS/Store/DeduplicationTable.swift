import Storage

/// What FIFO queues remember for five minutes: the messages that were sent, and the attempts to receive.
struct DeduplicationTable {
    private let connection: any SQLConnection

    init(_ connection: any SQLConnection) { self.connection = connection }

    /// The message that was sent with that id.
    ///
    /// - Parameter group: The only group in which it counts; nil for the whole queue.
    func find(_ deduplication: String, group: String?, in queue: Int64, after time: Int64) throws -> SentMessage? {
        let condition = group == nil ? "" : " AND message_group = ?"
        return try connection.query(
            """
            SELECT uuid, sequence FROM sqs_deduplication
            WHERE queue = ? AND deduplication = ?\(condition) AND sent > ? ORDER BY sent LIMIT 1
            """,
            [.integer(queue), .text(deduplication)] + (group.map { [.text($0)] } ?? []) + [.integer(time)]
        ).first.map { SentMessage(uuid: try $0.text("uuid"), sequence: try $0.integer("sequence")) }
    }

    func insert(_ deduplication: String, group: String, in queue: Int64, at time: Int64, _ message: SentMessage) throws
    {
        try connection.execute(
            """
            INSERT INTO sqs_deduplication (queue, deduplication, message_group, sent, uuid, sequence)
            VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (queue, deduplication, message_group)
            DO UPDATE SET sent = excluded.sent, uuid = excluded.uuid, sequence = excluded.sequence
            """,
            [
                .integer(queue), .text(deduplication), .text(group), .integer(time), .text(message.uuid),
                .integer(message.sequence ?? 0),
            ])
    }

    // MARK: Attempts

    /// The messages that an attempt got, with how often each had been received then.
    func attempt(_ id: String, in queue: Int64, after time: Int64) throws -> [(message: Int64, receives: Int64)]? {
        let row = try connection.query(
            "SELECT messages FROM sqs_attempts WHERE queue = ? AND attempt = ? AND made > ?",
            [.integer(queue), .text(id), .integer(time)]
        ).first
        return try row?.text("messages").split(separator: ",").compactMap { pair in
            let numbers = pair.split(separator: ":").compactMap { Int64($0) }
            return numbers.count == 2 ? (numbers[0], numbers[1]) : nil
        }
    }

    func insertAttempt(_ id: String, in queue: Int64, at time: Int64, _ messages: [ReceivedMessage]) throws {
        let text = messages.map { "\($0.id):\($0.receives)" }.joined(separator: ",")
        try connection.execute(
            """
            INSERT INTO sqs_attempts (queue, attempt, made, messages) VALUES (?, ?, ?, ?)
            ON CONFLICT (queue, attempt) DO UPDATE SET made = excluded.made, messages = excluded.messages
            """,
            [.integer(queue), .text(id), .integer(time), .text(text)])
    }

    func forget(until time: Int64) throws {
        try connection.execute("DELETE FROM sqs_deduplication WHERE sent <= ?", [.integer(time)])
        try connection.execute("DELETE FROM sqs_attempts WHERE made <= ?", [.integer(time)])
    }

    /// The ids of messages that are purged may come again.
    func forgetMessages(of queue: Int64, sentUntil time: Int64) throws {
        try connection.execute(
            "DELETE FROM sqs_deduplication WHERE queue = ? AND sent <= ?", [.integer(queue), .integer(time)])
    }

    func forget(queue: Int64) throws {
        try connection.execute("DELETE FROM sqs_deduplication WHERE queue = ?", [.integer(queue)])
        try connection.execute("DELETE FROM sqs_attempts WHERE queue = ?", [.integer(queue)])
        try connection.execute("DELETE FROM sqs_groups WHERE queue = ?", [.integer(queue)])
    }
}
