import Storage

/// A subscription with what it is known by.
struct StoredSubscription: Sendable {
    var id: SubscriptionID
    var record: SubscriptionRecord

    var arn: String { id.arn }
}

extension SNSTable {
    func subscription(_ id: SubscriptionID) throws -> SubscriptionRecord? {
        let rows = try connection.query(
            "SELECT document FROM sns_subscriptions WHERE account = ? AND region = ? AND topic = ? AND id = ?",
            key(id.topic) + [.text(id.id)])
        return try rows.first.map { try Self.decode(try $0.text("document")) }
    }

    func put(_ record: SubscriptionRecord, _ id: SubscriptionID) throws {
        try connection.execute(
            """
            INSERT INTO sns_subscriptions (account, region, topic, id, owner, state, since, token, delivery, endpoint,
                document)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (account, region, topic, id) DO UPDATE
            SET state = excluded.state, since = excluded.since, token = excluded.token, document = excluded.document
            """,
            key(id.topic) + [
                .text(id.id), .text(record.owner), .text(record.state.rawValue), .integer(record.since),
                record.token.map { .text($0) } ?? .null, .text(record.delivery), .text(record.endpoint),
                .text(try Self.encode(record)),
            ])
    }

    func delete(_ id: SubscriptionID) throws {
        try connection.execute(
            "DELETE FROM sns_subscriptions WHERE account = ? AND region = ? AND topic = ? AND id = ?",
            key(id.topic) + [.text(id.id)])
    }

    /// Those that nobody confirmed or restored in time.
    func deleteStale(of topic: TopicID, before: Int64) throws {
        try connection.execute(
            """
            DELETE FROM sns_subscriptions
            WHERE account = ? AND region = ? AND topic = ? AND state <> 'confirmed' AND since <= ?
            """, key(topic) + [.integer(before)])
    }

    /// The subscriptions of one endpoint to a topic.
    func subscriptions(of endpoint: String, to topic: TopicID) throws -> [StoredSubscription] {
        try connection.query(
            "SELECT * FROM sns_subscriptions WHERE account = ? AND region = ? AND topic = ? AND endpoint = ?",
            key(topic) + [.text(endpoint)]
        ).map(Self.stored)
    }

    func subscription(token: String) throws -> StoredSubscription? {
        try connection.query("SELECT * FROM sns_subscriptions WHERE token = ?", [.text(token)]).first.map(Self.stored)
    }

    /// All that get a topic's messages.
    func confirmed(_ topic: TopicID) throws -> [StoredSubscription] {
        try connection.query(
            """
            SELECT * FROM sns_subscriptions
            WHERE account = ? AND region = ? AND topic = ? AND state = 'confirmed' ORDER BY id
            """, key(topic)
        ).map(Self.stored)
    }

    /// Those after an id, in the order of ids, without those that are cancelled or came to nothing.
    func subscriptions(to topic: TopicID, after id: String, since: Int64, limit: Int) throws -> [StoredSubscription] {
        try connection.query(
            """
            SELECT * FROM sns_subscriptions WHERE account = ? AND region = ? AND topic = ? AND id > ?
                AND (state = 'confirmed' OR state = 'pending' AND since > ?)
            ORDER BY id LIMIT ?
            """, key(topic) + [.text(id), .integer(since), .integer(Int64(limit))]
        ).map(Self.stored)
    }

    func subscriptions(
        of owner: String, in region: String, after id: String, since: Int64, limit: Int
    ) throws -> [StoredSubscription] {
        try connection.query(
            """
            SELECT * FROM sns_subscriptions WHERE owner = ? AND region = ? AND id > ?
                AND (state = 'confirmed' OR state = 'pending' AND since > ?)
            ORDER BY id LIMIT ?
            """, [.text(owner), .text(region), .text(id), .integer(since), .integer(Int64(limit))]
        ).map(Self.stored)
    }

    /// How many of a topic are confirmed, and how many wait for that.
    func subscriptionCounts(of topic: TopicID, since: Int64) throws -> (confirmed: Int, pending: Int) {
        let rows = try connection.query(
            """
            SELECT state, COUNT(*) AS count FROM sns_subscriptions WHERE account = ? AND region = ? AND topic = ?
                AND (state = 'confirmed' OR state = 'pending' AND since > ?) GROUP BY state
            """, key(topic) + [.integer(since)])
        var counts: [String: Int] = [:]
        for row in rows { counts[try row.text("state")] = Int(try row.integer("count")) }
        return (counts["confirmed"] ?? 0, counts["pending"] ?? 0)
    }

    private static func stored(_ row: SQLRow) throws -> StoredSubscription {
        let topic = TopicID(
            account: try row.text("account"), region: try row.text("region"), name: try row.text("topic"))
        return StoredSubscription(
            id: SubscriptionID(topic: topic, id: try row.text("id")), record: try decode(try row.text("document")))
    }
}
