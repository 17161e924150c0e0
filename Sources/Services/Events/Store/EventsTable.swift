import AWSWire
import FoundationEssentials
import Storage

/// Buses, rules, archives and replays in SQL. Every call runs inside the caller's transaction.
struct EventsTable {
    static let migrations = [
        Migration(
            component: "events", number: 1,
            statements: Kind.allCases.map { kind in
                """
                CREATE TABLE \(kind.table) (
                    account TEXT NOT NULL, region TEXT NOT NULL, scope TEXT NOT NULL, name TEXT NOT NULL,
                    document TEXT NOT NULL,
                    PRIMARY KEY (account, region, scope, name)
                )
                """
            } + [
                """
                CREATE TABLE events_archived (
                    account TEXT NOT NULL, region TEXT NOT NULL, archive TEXT NOT NULL, time BIGINT NOT NULL,
                    id TEXT NOT NULL, ingested BIGINT NOT NULL, size BIGINT NOT NULL, body BLOB NOT NULL,
                    PRIMARY KEY (account, region, archive, time, id)
                )
                """,
                "CREATE INDEX events_archived_age ON events_archived (account, region, archive, ingested)",
            ]),
        // Replays stay when they are over: those that are not are found without reading the others.
        Migration(
            component: "events", number: 2,
            statements: [
                "ALTER TABLE events_replays ADD COLUMN active BIGINT NOT NULL DEFAULT 0",
                """
                UPDATE events_replays SET active = 1 WHERE document LIKE '%"state":"STARTING"%'
                    OR document LIKE '%"state":"RUNNING"%' OR document LIKE '%"state":"CANCELLING"%'
                """,
                "CREATE INDEX events_replays_active ON events_replays (active, account, region)",
            ]),
    ]

    /// What is stored as documents.
    enum Kind: String, CaseIterable {
        case bus, rule, archive, replay

        var table: String { self == .bus ? "events_buses" : "events_\(rawValue)s" }
    }

    let connection: any SQLConnection

    init(_ connection: any SQLConnection) { self.connection = connection }

    // MARK: Buses and rules

    /// The default bus is there even if nobody has asked for it.
    func bus(_ key: BusKey, now: Int64) throws -> BusRecord? {
        if let record: BusRecord = try find(.bus, key.account, key.region, "", key.name) { return record }
        return key.isStandard ? BusRecord(created: now, modified: now) : nil
    }

    func put(_ record: BusRecord, _ key: BusKey) throws {
        try put(.bus, key.account, key.region, "", key.name, record)
    }

    func delete(_ key: BusKey) throws { try delete(.bus, key.account, key.region, "", key.name) }

    func buses(of account: String, in region: String) throws -> [(name: String, record: BusRecord)] {
        try all(.bus, account, region, "")
    }

    func rule(_ key: RuleKey) throws -> RuleRecord? {
        try find(.rule, key.bus.account, key.bus.region, key.bus.name, key.name)
    }

    func put(_ record: RuleRecord, _ key: RuleKey) throws {
        try put(.rule, key.bus.account, key.bus.region, key.bus.name, key.name, record)
    }

    func delete(_ key: RuleKey) throws {
        try delete(.rule, key.bus.account, key.bus.region, key.bus.name, key.name)
    }

    func rules(of bus: BusKey) throws -> [(name: String, record: RuleRecord)] {
        try all(.rule, bus.account, bus.region, bus.name)
    }

    // MARK: Documents

    func find<Record: Decodable>(
        _ kind: Kind, _ account: String, _ region: String, _ scope: String, _ name: String
    ) throws -> Record? {
        try connection.query(
            "SELECT document FROM \(kind.table) WHERE account = ? AND region = ? AND scope = ? AND name = ?",
            [.text(account), .text(region), .text(scope), .text(name)]
        ).first.map { try Self.decode(try $0.text("document")) }
    }

    func put(
        _ kind: Kind, _ account: String, _ region: String, _ scope: String, _ name: String, _ record: some Encodable
    ) throws {
        try connection.execute(
            """
            INSERT INTO \(kind.table) (account, region, scope, name, document) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (account, region, scope, name) DO UPDATE SET document = excluded.document
            """,
            [.text(account), .text(region), .text(scope), .text(name), .text(try Self.encode(record))])
    }

    func delete(_ kind: Kind, _ account: String, _ region: String, _ scope: String, _ name: String) throws {
        try connection.execute(
            "DELETE FROM \(kind.table) WHERE account = ? AND region = ? AND scope = ? AND name = ?",
            [.text(account), .text(region), .text(scope), .text(name)])
    }

    /// In the order of their names.
    func all<Record: Decodable>(
        _ kind: Kind, _ account: String, _ region: String, _ scope: String
    ) throws -> [(name: String, record: Record)] {
        try connection.query(
            """
            SELECT name, document FROM \(kind.table) WHERE account = ? AND region = ? AND scope = ? ORDER BY name
            """, [.text(account), .text(region), .text(scope)]
        ).map { (try $0.text("name"), try Self.decode(try $0.text("document"))) }
    }

    func deleteAll() throws {
        for kind in Kind.allCases { try connection.execute("DELETE FROM \(kind.table)", []) }
        try connection.execute("DELETE FROM events_archived", [])
    }

    static func encode(_ record: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(record), as: UTF8.self)
    }

    static func decode<Record: Decodable>(_ text: String) throws -> Record {
        try JSONDecoder().decode(Record.self, from: Data(text.utf8))
    }
}
