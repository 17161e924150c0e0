import AWSWire
import FoundationEssentials
import Storage

/// Topics and subscriptions in SQL. Every call runs inside the caller's transaction.
struct SNSTable {
    static let migrations = [
        Migration(
            component: "sns", number: 1,
            statements: [
                """
                CREATE TABLE sns_topics (
                    account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
                    PRIMARY KEY (account, region, name)
                )
                """,
                """
                CREATE TABLE sns_subscriptions (
                    account TEXT NOT NULL, region TEXT NOT NULL, topic TEXT NOT NULL, id TEXT NOT NULL,
                    owner TEXT NOT NULL, state TEXT NOT NULL, since BIGINT NOT NULL, token TEXT,
                    delivery TEXT NOT NULL, endpoint TEXT NOT NULL, document TEXT NOT NULL,
                    PRIMARY KEY (account, region, topic, id)
                )
                """,
                "CREATE INDEX sns_subscriptions_owner ON sns_subscriptions (owner, region, id)",
                "CREATE INDEX sns_subscriptions_token ON sns_subscriptions (token)",
                """
                CREATE INDEX sns_subscriptions_endpoint
                ON sns_subscriptions (account, region, topic, endpoint)
                """,
                """
                CREATE TABLE sns_sequences (
                    account TEXT NOT NULL, region TEXT NOT NULL, topic TEXT NOT NULL, last BIGINT NOT NULL,
                    PRIMARY KEY (account, region, topic)
                )
                """,
                """
                CREATE TABLE sns_duplicates (
                    account TEXT NOT NULL, region TEXT NOT NULL, topic TEXT NOT NULL, scope TEXT NOT NULL,
                    id TEXT NOT NULL, message TEXT NOT NULL, sequence BIGINT NOT NULL, expires BIGINT NOT NULL,
                    PRIMARY KEY (account, region, topic, scope, id)
                )
                """,
                "CREATE INDEX sns_duplicates_expires ON sns_duplicates (account, region, topic, expires)",
                """
                CREATE TABLE sns_signing (
                    number BIGINT NOT NULL PRIMARY KEY, sealed BLOB NOT NULL, certificate BLOB NOT NULL
                )
                """,
            ])
    ]

    let connection: any SQLConnection

    init(_ connection: any SQLConnection) { self.connection = connection }

    // MARK: Topics

    func topic(_ id: TopicID) throws -> TopicRecord? {
        let rows = try connection.query(
            "SELECT document FROM sns_topics WHERE account = ? AND region = ? AND name = ?", key(id))
        return try rows.first.map { try Self.decode(try $0.text("document")) }
    }

    func put(_ topic: TopicRecord, _ id: TopicID) throws {
        try connection.execute(
            """
            INSERT INTO sns_topics (account, region, name, document) VALUES (?, ?, ?, ?)
            ON CONFLICT (account, region, name) DO UPDATE SET document = excluded.document
            """, key(id) + [.text(try Self.encode(topic))])
    }

    /// With its subscriptions and all that was noted of its messages.
    func delete(_ id: TopicID) throws {
        try connection.execute("DELETE FROM sns_topics WHERE account = ? AND region = ? AND name = ?", key(id))
        for table in ["sns_subscriptions", "sns_sequences", "sns_duplicates"] {
            try connection.execute("DELETE FROM \(table) WHERE account = ? AND region = ? AND topic = ?", key(id))
        }
    }

    /// The names after one, in their order.
    func topics(of account: String, in region: String, after name: String, limit: Int) throws -> [String] {
        try connection.query(
            "SELECT name FROM sns_topics WHERE account = ? AND region = ? AND name > ? ORDER BY name LIMIT ?",
            [.text(account), .text(region), .text(name), .integer(Int64(limit))]
        ).map { try $0.text("name") }
    }

    func topicCount(of account: String, in region: String, isFIFO: Bool) throws -> Int {
        let rows = try connection.query(
            """
            SELECT COUNT(*) AS count FROM sns_topics
            WHERE account = ? AND region = ? AND name \(isFIFO ? "" : "NOT ")LIKE '%.fifo'
            """, [.text(account), .text(region)])
        return Int(try rows.first?.integer("count") ?? 0)
    }

    // MARK: Messages of FIFO topics

    /// Where a message with that id was accepted before.
    func duplicate(_ deduplicationID: String, in scope: String, of id: TopicID, now: Int64) throws
        -> (message: String, sequence: Int64)?
    {
        let rows = try connection.query(
            """
            SELECT message, sequence FROM sns_duplicates
            WHERE account = ? AND region = ? AND topic = ? AND scope = ? AND id = ? AND expires > ?
            """, key(id) + [.text(scope), .text(deduplicationID), .integer(now)])
        return try rows.first.map { (try $0.text("message"), try $0.integer("sequence")) }
    }

    func note(
        _ deduplicationID: String, in scope: String, of id: TopicID, message: String, sequence: Int64, expires: Int64
    ) throws {
        try connection.execute(
            """
            INSERT INTO sns_duplicates (account, region, topic, scope, id, message, sequence, expires)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (account, region, topic, scope, id) DO UPDATE
            SET message = excluded.message, sequence = excluded.sequence, expires = excluded.expires
            """,
            key(id) + [
                .text(scope), .text(deduplicationID), .text(message), .integer(sequence), .integer(expires),
            ])
    }

    func forgetDuplicates(of id: TopicID, now: Int64) throws {
        try connection.execute(
            "DELETE FROM sns_duplicates WHERE account = ? AND region = ? AND topic = ? AND expires <= ?",
            key(id) + [.integer(now)])
    }

    /// The next number of a topic: none comes twice, and each is greater than those before.
    func nextSequence(of id: TopicID) throws -> Int64 {
        let rows = try connection.query(
            """
            INSERT INTO sns_sequences (account, region, topic, last) VALUES (?, ?, ?, 1)
            ON CONFLICT (account, region, topic) DO UPDATE SET last = sns_sequences.last + 1
            RETURNING last
            """, key(id))
        return try rows.first?.integer("last") ?? 1
    }

    // MARK: The key of signatures

    func signingKey() throws -> (sealed: [UInt8], certificate: [UInt8])? {
        try connection.query("SELECT sealed, certificate FROM sns_signing WHERE number = 1", []).first.map {
            (try $0.blob("sealed"), try $0.blob("certificate"))
        }
    }

    /// Where there is one already, that stays.
    func put(signingKey sealed: [UInt8], certificate: [UInt8]) throws {
        try connection.execute(
            """
            INSERT INTO sns_signing (number, sealed, certificate) VALUES (1, ?, ?)
            ON CONFLICT (number) DO NOTHING
            """, [.blob(sealed), .blob(certificate)])
    }

    // MARK: All

    /// Everything but the key of signatures.
    func deleteAll() throws {
        for table in ["sns_topics", "sns_subscriptions", "sns_sequences", "sns_duplicates"] {
            try connection.execute("DELETE FROM \(table)", [])
        }
    }

    func key(_ id: TopicID) -> [SQLValue] { [.text(id.account), .text(id.region), .text(id.name)] }

    static func encode(_ record: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(record), as: UTF8.self)
    }

    static func decode<Record: Decodable>(_ text: String) throws -> Record {
        try JSONDecoder().decode(Record.self, from: Data(text.utf8))
    }
}
