import Storage

/// The queues as the store has them.
struct QueueTable {
    private static let columns =
        "id, account, region, name, revision, created, modified, purged, attributes, tags"

    private let connection: any SQLConnection

    init(_ connection: any SQLConnection) { self.connection = connection }

    func all() throws -> [QueueDefinition] {
        try connection.query("SELECT \(Self.columns) FROM sqs_queues", []).map { try definition($0) }
    }

    func find(_ key: QueueKey) throws -> QueueDefinition? {
        try connection.query(
            "SELECT \(Self.columns) FROM sqs_queues WHERE account = ? AND region = ? AND name = ?",
            [.text(key.account), .text(key.region), .text(key.name)]
        ).first.map { try definition($0) }
    }

    func find(_ id: Int64) throws -> QueueDefinition? {
        try connection.query("SELECT \(Self.columns) FROM sqs_queues WHERE id = ?", [.integer(id)])
            .first.map { try definition($0) }
    }

    func insert(_ queue: QueueDefinition) throws {
        try connection.execute(
            """
            INSERT INTO sqs_queues
                (id, account, region, name, revision, created, modified, purged, sequence, attributes, tags)
            VALUES (?, ?, ?, ?, ?, ?, ?, NULL, 0, ?, ?)
            """,
            [
                .integer(queue.id), .text(queue.key.account), .text(queue.key.region), .text(queue.key.name),
                .integer(queue.revision), .integer(queue.created), .integer(queue.modified),
                .text(queue.attributes.shown.json), .text(queue.tags.json),
            ])
    }

    func update(_ queue: QueueDefinition) throws {
        try connection.execute(
            """
            UPDATE sqs_queues SET revision = ?, modified = ?, purged = ?, attributes = ?, tags = ? WHERE id = ?
            """,
            [
                .integer(queue.revision), .integer(queue.modified), queue.purged.map { .integer($0) } ?? .null,
                .text(queue.attributes.shown.json), .text(queue.tags.json), .integer(queue.id),
            ])
    }

    /// - Returns: Whether it was there.
    func delete(_ queue: QueueKey, id: Int64, at time: Int64) throws -> Bool {
        guard try connection.execute("DELETE FROM sqs_queues WHERE id = ?", [.integer(id)]) > 0 else { return false }
        try connection.execute(
            "INSERT INTO sqs_deleted (id, account, region, name, time) VALUES (?, ?, ?, ?, ?)",
            [.integer(id), .text(queue.account), .text(queue.region), .text(queue.name), .integer(time)])
        return true
    }

    /// Whether a queue of that name ended after that time.
    func wasDeleted(_ key: QueueKey, after time: Int64) throws -> Bool {
        try !connection.query(
            "SELECT 1 FROM sqs_deleted WHERE account = ? AND region = ? AND name = ? AND time > ? LIMIT 1",
            [.text(key.account), .text(key.region), .text(key.name), .integer(time)]
        ).isEmpty
    }

    func deleted() throws -> [(id: Int64, time: Int64)] {
        try connection.query("SELECT id, time FROM sqs_deleted", []).map {
            (try $0.integer("id"), try $0.integer("time"))
        }
    }

    func forgetDeleted(_ id: Int64) throws {
        try connection.execute("DELETE FROM sqs_deleted WHERE id = ?", [.integer(id)])
    }

    /// The next sequence number of a FIFO queue; nil when it is gone.
    func nextSequence(of id: Int64) throws -> Int64? {
        try connection.query(
            "UPDATE sqs_queues SET sequence = sequence + 1 WHERE id = ? RETURNING sequence", [.integer(id)]
        ).first?.integer("sequence")
    }

    private func definition(_ row: SQLRow) throws -> QueueDefinition {
        let values = [String: String](json: try row.text("attributes"))
        // The encryption that was shown may have become an invalid choice only by being put together.
        var attributes = try QueueAttributes(creating: values.filter { $0.key == "FifoQueue" })
        for (name, value) in values.sorted(by: { $0.key < $1.key })
        where !["FifoThroughputLimit", "Policy"].contains(name) {
            if name == "SqsManagedSseEnabled", value == "true", values["KmsMasterKeyId"] != nil { continue }
            try attributes.set([name: value])
        }
        // It was checked when it was set.
        attributes.policy = values["Policy"]
        if let limit = values["FifoThroughputLimit"] { try attributes.set(["FifoThroughputLimit": limit]) }
        return QueueDefinition(
            key: QueueKey(
                account: try row.text("account"), region: try row.text("region"), name: try row.text("name")),
            id: try row.integer("id"), revision: try row.integer("revision"), created: try row.integer("created"),
            modified: try row.integer("modified"), purged: row.optionalInteger("purged"), attributes: attributes,
            tags: [String: String](json: try row.text("tags")))
    }
}
