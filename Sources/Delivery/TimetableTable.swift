import Storage

/// The timetable in SQL. Every call runs inside the caller's transaction.
struct TimetableTable {
    static let migrations = [
        Migration(
            component: "timetable", number: 1,
            statements: [
                """
                CREATE TABLE timetable (
                    account TEXT NOT NULL, region TEXT NOT NULL, owner TEXT NOT NULL, name TEXT NOT NULL,
                    time BIGINT NOT NULL, due BIGINT NOT NULL,
                    PRIMARY KEY (account, region, owner, name)
                )
                """,
                "CREATE INDEX timetable_due ON timetable (due)",
            ])
    ]

    private static let isKey = "account = ? AND region = ? AND owner = ? AND name = ?"

    let connection: any SQLConnection

    init(_ connection: any SQLConnection) { self.connection = connection }

    func put(_ appointment: Appointment) throws(StorageError) {
        try connection.execute(
            """
            INSERT INTO timetable (account, region, owner, name, time, due) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (account, region, owner, name) DO UPDATE SET time = excluded.time, due = excluded.due
            """, values(appointment.key) + [.integer(appointment.time), .integer(appointment.due)])
    }

    func delete(_ key: Appointment.Key) throws(StorageError) {
        try connection.execute("DELETE FROM timetable WHERE \(Self.isKey)", values(key))
    }

    func deleteAll() throws { try connection.execute("DELETE FROM timetable", []) }

    func appointment(_ key: Appointment.Key) throws -> Appointment? {
        try connection.query("SELECT * FROM timetable WHERE \(Self.isKey)", values(key)).first.map(Self.read)
    }

    /// The first ones that are due.
    func due(_ now: Int64, limit: Int) throws -> [Appointment] {
        try connection.query(
            "SELECT * FROM timetable WHERE due <= ? ORDER BY due LIMIT ?", [.integer(now), .integer(Int64(limit))]
        ).map(Self.read)
    }

    /// When the earliest is due; nil when there is none.
    func nextDue() throws -> Int64? {
        try connection.query("SELECT due FROM timetable ORDER BY due LIMIT 1", []).first?.integer("due")
    }

    /// Whether it is still there, as it was; if so, nobody else has it until the transaction ends.
    func claim(_ appointment: Appointment) throws -> Bool {
        try connection.execute(
            "UPDATE timetable SET due = due WHERE \(Self.isKey) AND time = ? AND due = ?",
            values(appointment.key) + [.integer(appointment.time), .integer(appointment.due)]) > 0
    }

    private func values(_ key: Appointment.Key) -> [SQLValue] {
        [.text(key.account), .text(key.region), .text(key.owner), .text(key.name)]
    }

    private static func read(_ row: SQLRow) throws -> Appointment {
        let key = Appointment.Key(
            account: try row.text("account"), region: try row.text("region"), owner: try row.text("owner"),
            name: try row.text("name"))
        return Appointment(key, time: try row.integer("time"), due: try row.integer("due"))
    }
}
