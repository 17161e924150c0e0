import FoundationEssentials
import Storage

/// Groups and schedules in SQL. Every call runs inside the caller's transaction.
struct SchedulerTable {
    static let migrations = [
        Migration(
            component: "scheduler", number: 1,
            statements: [
                """
                CREATE TABLE scheduler_groups (
                    account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL,
                    PRIMARY KEY (account, region, name)
                )
                """,
                """
                CREATE TABLE scheduler_schedules (
                    account TEXT NOT NULL, region TEXT NOT NULL, group_name TEXT NOT NULL, name TEXT NOT NULL,
                    document TEXT NOT NULL,
                    PRIMARY KEY (account, region, group_name, name)
                )
                """,
                """
                CREATE TABLE scheduler_tokens (
                    account TEXT NOT NULL, region TEXT NOT NULL, token TEXT NOT NULL, request TEXT NOT NULL,
                    expires BIGINT NOT NULL,
                    PRIMARY KEY (account, region, token)
                )
                """,
                "CREATE INDEX scheduler_tokens_expires ON scheduler_tokens (expires)",
            ])
    ]

    let connection: any SQLConnection

    init(_ connection: any SQLConnection) { self.connection = connection }

    // MARK: Groups

    func group(_ id: GroupID) throws -> GroupRecord? {
        let rows = try connection.query(
            "SELECT document FROM scheduler_groups WHERE account = ? AND region = ? AND name = ?", key(id))
        return try rows.first.map { try Self.decode(try $0.text("document")) }
    }

    func put(_ group: GroupRecord, _ id: GroupID) throws {
        try connection.execute(
            """
            INSERT INTO scheduler_groups (account, region, name, document) VALUES (?, ?, ?, ?)
            ON CONFLICT (account, region, name) DO UPDATE SET document = excluded.document
            """, key(id) + [.text(try Self.encode(group))])
    }

    /// With its schedules.
    func delete(_ id: GroupID) throws {
        try connection.execute(
            "DELETE FROM scheduler_groups WHERE account = ? AND region = ? AND name = ?", key(id))
        try connection.execute(
            "DELETE FROM scheduler_schedules WHERE account = ? AND region = ? AND group_name = ?", key(id))
    }

    /// Those after one, in the order of their names.
    func groups(of place: GroupID, prefix: String, after name: String, limit: Int) throws
        -> [(id: GroupID, record: GroupRecord)]
    {
        try connection.query(
            """
            SELECT name, document FROM scheduler_groups
            WHERE account = ? AND region = ? AND name > ? AND name >= ? AND name < ? ORDER BY name LIMIT ?
            """, [.text(place.account), .text(place.region), .text(name)] + range(prefix) + [.integer(Int64(limit))]
        ).map { row in
            let id = GroupID(account: place.account, region: place.region, name: try row.text("name"))
            return (id, try Self.decode(try row.text("document")))
        }
    }

    func groupCount(of place: GroupID) throws -> Int {
        let rows = try connection.query(
            "SELECT COUNT(*) AS count FROM scheduler_groups WHERE account = ? AND region = ?",
            [.text(place.account), .text(place.region)])
        return Int(try rows.first?.integer("count") ?? 0)
    }

    // MARK: Schedules

    func schedule(_ id: ScheduleID) throws -> ScheduleRecord? {
        let rows = try connection.query(
            """
            SELECT document FROM scheduler_schedules
            WHERE account = ? AND region = ? AND group_name = ? AND name = ?
            """, key(id))
        return try rows.first.map { try Self.decode(try $0.text("document")) }
    }

    func put(_ schedule: ScheduleRecord, _ id: ScheduleID) throws {
        try connection.execute(
            """
            INSERT INTO scheduler_schedules (account, region, group_name, name, document) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (account, region, group_name, name) DO UPDATE SET document = excluded.document
            """, key(id) + [.text(try Self.encode(schedule))])
    }

    func delete(_ id: ScheduleID) throws {
        try connection.execute(
            "DELETE FROM scheduler_schedules WHERE account = ? AND region = ? AND group_name = ? AND name = ?", key(id))
    }

    func names(in group: GroupID) throws -> [String] {
        try connection.query(
            "SELECT name FROM scheduler_schedules WHERE account = ? AND region = ? AND group_name = ?", key(group)
        ).map { try $0.text("name") }
    }

    /// Those after one, in the order of their groups and names.
    ///
    /// - Parameter group: Nil: of all groups.
    func schedules(
        of place: GroupID, in group: String?, prefix: String, after last: (group: String, name: String), limit: Int
    ) throws -> [(id: ScheduleID, record: ScheduleRecord)] {
        let groups: [SQLValue] = [.text(group ?? ""), .text(group ?? "~")]
        let beyond: [SQLValue] = [.text(last.group), .text(last.group), .text(last.name)]
        return try connection.query(
            """
            SELECT group_name, name, document FROM scheduler_schedules
            WHERE account = ? AND region = ? AND group_name >= ? AND group_name <= ?
                AND (group_name > ? OR group_name = ? AND name > ?) AND name >= ? AND name < ?
            ORDER BY group_name, name LIMIT ?
            """,
            [.text(place.account), .text(place.region)] + groups + beyond + range(prefix) + [.integer(Int64(limit))]
        ).map { row in
            let group = GroupID(account: place.account, region: place.region, name: try row.text("group_name"))
            return (ScheduleID(group: group, name: try row.text("name")), try Self.decode(try row.text("document")))
        }
    }

    // MARK: Client tokens

    /// What a token was used for before; nil when it was not.
    func request(of token: String, in place: GroupID, now: Int64) throws -> String? {
        try connection.query(
            "SELECT request FROM scheduler_tokens WHERE account = ? AND region = ? AND token = ? AND expires > ?",
            [.text(place.account), .text(place.region), .text(token), .integer(now)]
        ).first?.text("request")
    }

    func note(_ token: String, for request: String, in place: GroupID, expires: Int64) throws {
        try connection.execute(
            """
            INSERT INTO scheduler_tokens (account, region, token, request, expires) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (account, region, token) DO UPDATE SET request = excluded.request, expires = excluded.expires
            """, [.text(place.account), .text(place.region), .text(token), .text(request), .integer(expires)])
    }

    func forgetTokens(now: Int64) throws {
        try connection.execute("DELETE FROM scheduler_tokens WHERE expires <= ?", [.integer(now)])
    }

    // MARK: All

    func deleteAll() throws {
        for table in ["groups", "schedules", "tokens"] {
            try connection.execute("DELETE FROM scheduler_\(table)", [])
        }
    }

    /// What begins so. Names are ASCII, and none has a tilde.
    private func range(_ prefix: String) -> [SQLValue] { [.text(prefix), .text(prefix + "~")] }

    private func key(_ id: GroupID) -> [SQLValue] { [.text(id.account), .text(id.region), .text(id.name)] }
    private func key(_ id: ScheduleID) -> [SQLValue] { key(id.group) + [.text(id.name)] }

    private static func encode(_ record: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(record), as: UTF8.self)
    }

    private static func decode<Record: Decodable>(_ text: String) throws -> Record {
        try JSONDecoder().decode(Record.self, from: Data(text.utf8))
    }
}
