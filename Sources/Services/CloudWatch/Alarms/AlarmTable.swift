package import Storage

extension CloudWatchService {
    /// The tables of alarms and dashboards, for the database that has the outbox of their actions.
    package static let alarmMigrations = [
        Migration(
            component: "cloudwatch", number: 1,
            statements: [
                """
                CREATE TABLE cloudwatch_alarms (
                    account TEXT NOT NULL,
                    region TEXT NOT NULL,
                    name TEXT NOT NULL,
                    composite BIGINT NOT NULL,
                    configuration TEXT NOT NULL,
                    configured BIGINT NOT NULL,
                    tags TEXT NOT NULL,
                    state TEXT NOT NULL,
                    reason TEXT NOT NULL,
                    reason_data TEXT,
                    updated BIGINT NOT NULL,
                    transitioned BIGINT NOT NULL,
                    due BIGINT,
                    PRIMARY KEY (account, region, name)
                )
                """, "CREATE INDEX cloudwatch_alarms_by_due ON cloudwatch_alarms (due) WHERE due IS NOT NULL",
                "CREATE INDEX cloudwatch_alarms_composite ON cloudwatch_alarms (account, region, composite)",
                """
                CREATE TABLE cloudwatch_history (
                    account TEXT NOT NULL,
                    region TEXT NOT NULL,
                    time BIGINT NOT NULL,
                    number BIGINT NOT NULL,
                    name TEXT NOT NULL,
                    composite BIGINT NOT NULL,
                    type TEXT NOT NULL,
                    summary TEXT NOT NULL,
                    data TEXT NOT NULL,
                    PRIMARY KEY (account, region, time, number)
                )
                """, "CREATE INDEX cloudwatch_history_by_time ON cloudwatch_history (time)",
                """
                CREATE TABLE cloudwatch_dashboards (
                    account TEXT NOT NULL,
                    name TEXT NOT NULL,
                    body TEXT NOT NULL,
                    modified BIGINT NOT NULL,
                    PRIMARY KEY (account, name)
                )
                """,
            ]),
        Migration(
            component: "cloudwatch", number: 2,
            statements: [
                """
                CREATE TABLE cloudwatch_children (
                    account TEXT NOT NULL,
                    region TEXT NOT NULL,
                    child TEXT NOT NULL,
                    parent TEXT NOT NULL,
                    PRIMARY KEY (account, region, child, parent)
                )
                """,
                "CREATE INDEX cloudwatch_children_of ON cloudwatch_children (account, region, parent)",
                """
                CREATE INDEX cloudwatch_history_of_alarm ON cloudwatch_history (account, region, name, time, number)
                """,
                // As they are looked at, it is kept whom they name.
                "UPDATE cloudwatch_alarms SET due = 0 WHERE composite = 1",
            ]),
    ]

    static let alarmTables = [
        "cloudwatch_alarms", "cloudwatch_children", "cloudwatch_history", "cloudwatch_dashboards",
    ]
}

/// The alarms and their history in SQL. Every call runs inside the caller's transaction.
struct AlarmTable {
    private static let columns = """
        account, region, name, composite, configuration, configured, tags, state, reason, reason_data, updated,
        transitioned, due
        """

    let connection: any SQLConnection

    init(_ connection: any SQLConnection) { self.connection = connection }

    // MARK: Alarms

    func find(_ key: AlarmKey) throws -> Alarm? {
        try connection.query(
            "SELECT \(Self.columns) FROM cloudwatch_alarms WHERE account = ? AND region = ? AND name = ?", key.columns
        ).first.flatMap { try alarm($0) }
    }

    func state(of key: AlarmKey) throws -> AlarmState? {
        try connection.query(
            "SELECT state FROM cloudwatch_alarms WHERE account = ? AND region = ? AND name = ?", key.columns
        ).first.flatMap { AlarmState(rawValue: try $0.text("state")) }
    }

    /// By name.
    func rows(where conditions: (sql: String, arguments: [SQLValue]), limit: Int) throws -> [SQLRow] {
        try connection.query(
            "SELECT \(Self.columns) FROM cloudwatch_alarms WHERE \(conditions.sql) ORDER BY name LIMIT ?",
            conditions.arguments + [.integer(Int64(limit))])
    }

    func count(_ account: String, _ region: String) throws -> Int {
        let rows = try connection.query(
            "SELECT COUNT(*) AS count FROM cloudwatch_alarms WHERE account = ? AND region = ?",
            [.text(account), .text(region)])
        return Int(try rows.first?.integer("count") ?? 0)
    }

    func due(at time: Int64, limit: Int) throws -> [Alarm] {
        try connection.query(
            "SELECT \(Self.columns) FROM cloudwatch_alarms WHERE due <= ? ORDER BY due LIMIT ?",
            [.integer(time), .integer(Int64(limit))]
        ).compactMap { try alarm($0) }
    }

    /// When there is something to look at next.
    func nextDue() throws -> Int64? {
        try connection.query("SELECT MIN(due) AS due FROM cloudwatch_alarms WHERE due IS NOT NULL", []).first?
            .optionalInteger("due")
    }

    func put(_ alarm: Alarm) throws {
        try connection.execute(
            """
            INSERT INTO cloudwatch_alarms (\(Self.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (account, region, name) DO UPDATE SET
                configuration = excluded.configuration, configured = excluded.configured, tags = excluded.tags,
                state = excluded.state, reason = excluded.reason, reason_data = excluded.reason_data,
                updated = excluded.updated, transitioned = excluded.transitioned, due = excluded.due
            """,
            alarm.key.columns + [
                .integer(alarm.isComposite ? 1 : 0), .text(alarm.configurationText), .integer(alarm.configured),
                .text(AlarmTag.text(alarm.tags)), .text(alarm.state.rawValue), .text(alarm.reason),
                alarm.reasonData.map { .text($0) } ?? .null, .integer(alarm.updated), .integer(alarm.transitioned),
                alarm.due.map { .integer($0) } ?? .null,
            ])
    }

    func postpone(_ key: AlarmKey, until due: Int64?) throws {
        try connection.execute(
            "UPDATE cloudwatch_alarms SET due = ? WHERE account = ? AND region = ? AND name = ?",
            [due.map { .integer($0) } ?? .null] + key.columns)
    }

    /// How long a composite alarm that was put off stays as it is, in milliseconds: nets of them may change for ever.
    static let calm: Int64 = 10_000

    /// Has a composite alarm looked at soon, by whoever looks at those that are due.
    func putOff(_ key: AlarmKey, now: Int64) throws {
        try connection.execute(
            """
            UPDATE cloudwatch_alarms SET due = CASE WHEN transitioned > ? THEN transitioned + ? ELSE ? END
            WHERE account = ? AND region = ? AND name = ? AND due IS NULL
            """, [.integer(now - Self.calm), .integer(Self.calm), .integer(now)] + key.columns)
    }

    func delete(_ key: AlarmKey) throws {
        try connection.execute(
            "DELETE FROM cloudwatch_alarms WHERE account = ? AND region = ? AND name = ?", key.columns)
        try deleteChildren(of: key)
    }

    func alarm(_ row: SQLRow) throws -> Alarm? {
        let key = AlarmKey(account: try row.text("account"), region: try row.text("region"), name: try row.text("name"))
        guard let state = AlarmState(rawValue: try row.text("state")),
            let configuration = Alarm.configuration(
                try row.text("configuration"), isComposite: try row.integer("composite") == 1, of: key)
        else { return nil }
        var alarm = Alarm(key, configuration, now: try row.integer("configured"))
        alarm.tags = AlarmTag.read(try row.text("tags"))
        alarm.state = state
        alarm.reason = try row.text("reason")
        alarm.reasonData = row.optionalText("reason_data")
        alarm.updated = try row.integer("updated")
        alarm.transitioned = try row.integer("transitioned")
        alarm.due = row.optionalInteger("due")
        return alarm
    }

    // MARK: History

    func note(_ item: AlarmHistory) throws {
        let rows = try connection.query(
            """
            SELECT MAX(number) AS number FROM cloudwatch_history WHERE account = ? AND region = ? AND time = ?
            """, [.text(item.key.account), .text(item.key.region), .integer(item.time)])
        let number = (rows.first?.optionalInteger("number") ?? 0) + 1
        try connection.execute(
            """
            INSERT INTO cloudwatch_history (account, region, time, number, name, composite, type, summary, data)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .text(item.key.account), .text(item.key.region), .integer(item.time), .integer(number),
                .text(item.key.name), .integer(item.isComposite ? 1 : 0), .text(item.type.rawValue),
                .text(item.summary), .text(item.data),
            ])
    }

    func forgetHistory(before time: Int64) throws {
        try connection.execute("DELETE FROM cloudwatch_history WHERE time < ?", [.integer(time)])
    }

    // MARK: Everything

    func deleteAll() throws {
        for table in CloudWatchService.alarmTables { try connection.execute("DELETE FROM \(table)", []) }
    }
}

/// Something that happened to an alarm.
struct AlarmHistory: Sendable, Hashable {
    enum Kind: String, Sendable, Hashable {
        case configurationUpdate = "ConfigurationUpdate"
        case stateUpdate = "StateUpdate"
        case action = "Action"
    }

    var key: AlarmKey
    var isComposite: Bool
    /// Milliseconds since 1970.
    var time: Int64
    var type: Kind
    var summary: String
    /// JSON.
    var data: String
}

extension AlarmKey { var columns: [SQLValue] { [.text(account), .text(region), .text(name)] } }
