import Storage

/// The groups of FIFO queues that have messages. A group can be had when the first of its messages can: one in flight
/// or delayed keeps back all that came after it.
struct GroupTable {
    private let connection: any SQLConnection

    init(_ connection: any SQLConnection) { self.connection = connection }

    /// Takes note of a message that is the last of its group.
    func append(_ group: String, to queue: Int64, sequence: Int64, visibleAt: Int64) throws {
        try connection.execute(
            """
            INSERT INTO sqs_groups (queue, message_group, visible_at, head) VALUES (?, ?, ?, ?)
            ON CONFLICT (queue, message_group) DO NOTHING
            """,
            [.integer(queue), .text(group), .integer(visibleAt), .integer(sequence)])
    }

    /// After a change to the messages of a group.
    func refresh(_ group: String, of queue: Int64) throws {
        let head = try connection.query(
            """
            SELECT visible_at, sequence FROM sqs_messages
            WHERE queue = ? AND message_group = ? AND sequence IS NOT NULL ORDER BY sequence LIMIT 1
            """,
            [.integer(queue), .text(group)]
        ).first
        guard let head else {
            try connection.execute(
                "DELETE FROM sqs_groups WHERE queue = ? AND message_group = ?", [.integer(queue), .text(group)])
            return
        }
        let (visibleAt, sequence) = (try head.integer("visible_at"), try head.integer("sequence"))
        try connection.execute(
            """
            INSERT INTO sqs_groups (queue, message_group, visible_at, head) VALUES (?, ?, ?, ?)
            ON CONFLICT (queue, message_group) DO UPDATE SET visible_at = excluded.visible_at, head = excluded.head
            """,
            [.integer(queue), .text(group), .integer(visibleAt), .integer(sequence)])
    }

    /// Those that can be had, the longest ready first.
    func ready(in queue: Int64, now: Int64, limit: Int) throws -> [String] {
        try connection.query(
            """
            SELECT message_group FROM sqs_groups WHERE queue = ? AND visible_at <= ? ORDER BY visible_at, head LIMIT ?
            """,
            [.integer(queue), .integer(now), .integer(Int64(limit))]
        ).map { try $0.text("message_group") }
    }

    struct Member: Sendable {
        var id: Int64
        var sent: Int64
        var visibleAt: Int64
        var receives: Int64
    }

    /// The messages that a group begins with.
    func first(_ count: Int, of group: String, in queue: Int64) throws -> [Member] {
        try connection.query(
            """
            SELECT id, sent, visible_at, receives FROM sqs_messages
            WHERE queue = ? AND message_group = ? AND sequence IS NOT NULL ORDER BY sequence LIMIT ?
            """,
            [.integer(queue), .text(group), .integer(Int64(count))]
        ).map { row in
            Member(
                id: try row.integer("id"), sent: try row.integer("sent"), visibleAt: try row.integer("visible_at"),
                receives: try row.integer("receives"))
        }
    }
}
