import AWSWire
import Identity
import NIOCore
import Storage

/// The outbox in SQL. Every call runs inside the caller's transaction.
struct OutboxTable {
    static let migrations = [
        Migration(
            component: "outbox", number: 1,
            statements: [
                """
                CREATE TABLE outbox_parcels (
                    target TEXT NOT NULL,
                    position BIGINT NOT NULL,
                    id TEXT NOT NULL,
                    due BIGINT NOT NULL,
                    node TEXT,
                    accepted BIGINT NOT NULL,
                    attempts BIGINT NOT NULL,
                    maximum_attempts BIGINT NOT NULL,
                    maximum_age BIGINT NOT NULL,
                    first_pause BIGINT NOT NULL,
                    longest_pause BIGINT NOT NULL,
                    owner TEXT,
                    note TEXT NOT NULL,
                    service TEXT NOT NULL,
                    source TEXT NOT NULL,
                    account TEXT NOT NULL,
                    role TEXT,
                    body BLOB NOT NULL,
                    attributes TEXT NOT NULL,
                    message_group TEXT,
                    deduplication TEXT,
                    trace TEXT,
                    PRIMARY KEY (target, position, id)
                )
                """,
                "CREATE INDEX outbox_parcels_due ON outbox_parcels (target, due, position)",
                "CREATE INDEX outbox_parcels_node ON outbox_parcels (node)",
            ]),
        Migration(
            component: "outbox", number: 2, statements: ["ALTER TABLE outbox_parcels ADD COLUMN phases TEXT"]),
    ]

    /// A parcel that a node has taken on.
    struct Claim: Sendable {
        var position: Int64
        /// Milliseconds since 1970.
        var accepted: Int64
        /// With the one that is to come.
        var attempts: Int
        var entry: OutboxEntry
    }

    let connection: any SQLConnection

    /// - Parameters:
    ///   - position: Orders the parcels of a target.
    ///   - now: Milliseconds since 1970.
    func insert(_ entry: OutboxEntry, position: Int64, now: Int64) throws(StorageError) {
        let parcel = entry.parcel
        try connection.execute(
            """
            INSERT INTO outbox_parcels (target, position, id, due, node, accepted, attempts, maximum_attempts,
                maximum_age, first_pause, longest_pause, owner, note, service, source, account, role, body, attributes,
                message_group, deduplication, trace, phases)
            VALUES (?, ?, ?, ?, NULL, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .text(parcel.target), .integer(position), .text(parcel.id), .integer(now), .integer(now),
                .integer(Int64(entry.policy.maximumAttempts)), .integer(entry.policy.maximumAge),
                .integer(entry.policy.firstPause), .integer(entry.policy.longestPause), text(entry.owner),
                .text(entry.note), .text(parcel.sender.service), .text(parcel.sender.source),
                .text(parcel.sender.account.digits), text(parcel.sender.role),
                .blob(Array(parcel.body.readableBytesView)), .text(AttributeText.write(parcel.attributes)),
                text(parcel.group), text(parcel.deduplicationID), text(parcel.trace),
                text(entry.policy.phases?.text),
            ])
    }

    /// Takes on what is due, for as long as `lease` says; it is due again then.
    ///
    /// - Returns: In the order of their positions.
    func claim(_ target: String, node: String, now: Int64, lease: Int64, limit: Int) throws -> [Claim] {
        let rows = try connection.query(
            """
            UPDATE outbox_parcels SET due = ?, node = ?, attempts = attempts + 1
            WHERE target = ? AND (position, id) IN (
                SELECT position, id FROM outbox_parcels WHERE target = ? AND due <= ? ORDER BY due, position LIMIT ?)
            RETURNING *
            """,
            [
                .integer(now + lease), .text(node), .text(target), .text(target), .integer(now),
                .integer(Int64(limit)),
            ])
        return try rows.map(Self.claim).sorted { $0.position < $1.position }
    }

    /// The same for a target that has to have its parcels in order: the first of all, where it is due.
    func claimFirst(_ target: String, node: String, now: Int64, lease: Int64) throws -> [Claim] {
        let rows = try connection.query(
            """
            UPDATE outbox_parcels SET due = ?, node = ?, attempts = attempts + 1
            WHERE target = ? AND due <= ? AND (position, id) IN (
                SELECT position, id FROM outbox_parcels WHERE target = ? ORDER BY position, id LIMIT 1)
            RETURNING *
            """,
            [.integer(now + lease), .text(node), .text(target), .integer(now), .text(target)])
        return try rows.map(Self.claim)
    }

    /// When the next parcel of a target is due; nil when there is none.
    func nextDue(_ target: String, inOrder: Bool) throws -> Int64? {
        let order = inOrder ? "position, id" : "due, position"
        let rows = try connection.query(
            "SELECT due FROM outbox_parcels WHERE target = ? ORDER BY \(order) LIMIT 1", [.text(target)])
        return try rows.first?.integer("due")
    }

    func postpone(_ claim: Claim, until due: Int64) throws {
        try connection.execute(
            "UPDATE outbox_parcels SET due = ?, node = NULL WHERE target = ? AND position = ? AND id = ?",
            [.integer(due)] + key(claim))
    }

    /// As if it had not been claimed: it comes before those that are newer.
    func giveBack(_ claim: Claim) throws {
        try connection.execute(
            """
            UPDATE outbox_parcels SET due = ?, node = NULL, attempts = attempts - 1
            WHERE target = ? AND position = ? AND id = ?
            """, [.integer(claim.accepted)] + key(claim))
    }

    /// - Returns: Whether it was still there.
    func delete(_ claim: Claim) throws -> Bool {
        try connection.execute(
            "DELETE FROM outbox_parcels WHERE target = ? AND position = ? AND id = ?", key(claim)) > 0
    }

    func count() throws -> Int {
        Int(try connection.query("SELECT COUNT(*) AS parcels FROM outbox_parcels", []).first?.integer("parcels") ?? 0)
    }

    /// Gives back what a node had taken on when it died.
    func release(node: String) throws {
        try connection.execute("UPDATE outbox_parcels SET due = 0, node = NULL WHERE node = ?", [.text(node)])
    }

    /// All that have parcels, with the first time at which one is due.
    func targets() throws -> [(target: String, due: Int64)] {
        try connection.query("SELECT target, MIN(due) AS due FROM outbox_parcels GROUP BY target", []).map {
            (try $0.text("target"), try $0.integer("due"))
        }
    }

    func deleteAll() throws { try connection.execute("DELETE FROM outbox_parcels", []) }

    private func key(_ claim: Claim) -> [SQLValue] {
        [.text(claim.entry.parcel.target), .integer(claim.position), .text(claim.entry.parcel.id)]
    }

    private func text(_ value: String?) -> SQLValue { value.map { .text($0) } ?? .null }

    private static func claim(_ row: SQLRow) throws -> Claim {
        let sender = ServiceCaller(
            try row.text("service"), for: try row.text("source"), of: AccountID(try row.text("account")) ?? .standard,
            as: row.optionalText("role"))
        var parcel = Parcel(
            id: try row.text("id"), to: try row.text("target"), from: sender, ByteBuffer(bytes: try row.blob("body")))
        parcel.attributes = AttributeText.read(try row.text("attributes"))
        parcel.group = row.optionalText("message_group")
        parcel.deduplicationID = row.optionalText("deduplication")
        parcel.trace = row.optionalText("trace")
        let policy = RetryPolicy(
            maximumAttempts: Int(try row.integer("maximum_attempts")), maximumAge: try row.integer("maximum_age"),
            firstPause: try row.integer("first_pause"), longestPause: try row.integer("longest_pause"),
            phases: row.optionalText("phases").flatMap { RetryPhases(text: $0) })
        return Claim(
            position: try row.integer("position"), accepted: try row.integer("accepted"),
            attempts: Int(try row.integer("attempts")),
            entry: OutboxEntry(
                parcel, policy: policy, owner: row.optionalText("owner"), note: try row.text("note")))
    }
}

/// Message attributes as text: `{"name":["String","value"]}`, and `{"name":["Binary","",BASE64]}`.
enum AttributeText {
    static func write(_ attributes: [String: Parcel.Attribute]) -> String {
        if attributes.isEmpty { return "" }
        var writer = JSONWriter()
        writer.beginObject()
        for (name, attribute) in attributes.sorted(by: { $0.key < $1.key }) {
            writer.name(name)
            writer.beginArray()
            writer.string(attribute.type)
            switch attribute.value {
            case .text(let text): writer.string(text)
            case .binary(let bytes):
                writer.string("")
                writer.string(Base64.encode(bytes))
            }
            writer.endArray()
        }
        writer.endObject()
        return String(buffer: writer.buffer)
    }

    static func read(_ text: String) -> [String: Parcel.Attribute] {
        guard !text.isEmpty, let value = try? JSONValue(parsing: ByteBuffer(string: text)) else { return [:] }
        var attributes: [String: Parcel.Attribute] = [:]
        for (name, value) in value.members {
            let parts = value.elements.map { $0.string ?? "" }
            guard parts.count >= 2 else { continue }
            let binary = parts.count > 2 ? Base64.decode(parts[2]) : nil
            attributes[name] = Parcel.Attribute(
                type: parts[0], binary.map { .binary($0) } ?? .text(parts[1]))
        }
        return attributes
    }
}
