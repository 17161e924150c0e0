import AWSWire
import Storage

/// Events in SQL. Every call runs inside the caller's transaction.
struct TrailTables {
    let connection: any SQLConnection

    init(_ connection: any SQLConnection) { self.connection = connection }

    /// An event's place: the newest come first.
    struct Position: Sendable, Hashable {
        var time: Int64
        var sequence: Int64
    }

    /// By what events are looked up: one attribute.
    enum Attribute: Sendable, Hashable {
        /// A column and its value.
        case column(String, String)
        case resourceName(String)
        case resourceType(String)
    }

    struct Found: Sendable {
        var position: Position
        var id: String
        var name: String
        var source: String
        var isReadOnly: String
        var userName: String?
        var accessKeyID: String?
        var document: String
        var resources: [(type: String, name: String)] = []
    }

    func lastSequence() throws(StorageError) -> Int64 {
        try connection.query("SELECT COALESCE(MAX(sequence), 0) AS last FROM cloudtrail_events", [])[0].integer("last")
    }

    func add(_ record: AuditRecord, sequence: Int64) throws(StorageError) {
        let key: [SQLValue] = [
            .text(record.account), .text(record.region), .integer(record.time), .integer(sequence),
        ]
        func text(_ value: String?) -> SQLValue { value.map { .text(Self.storable($0)) } ?? .null }
        try connection.execute(
            """
            INSERT INTO cloudtrail_events
                (account, region, time, sequence, id, name, source, read_only, user_name, access_key, record)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            key + [
                .text(record.id), text(record.name), text(record.source), .text(record.isReadOnly ? "true" : "false"),
                text(record.userName), text(record.accessKeyID), text(record.document),
            ])
        for (index, resource) in record.resources.prefix(16).enumerated() {
            try connection.execute(
                """
                INSERT INTO cloudtrail_resources (account, region, time, sequence, position, type, name, arn)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
                key + [
                    .integer(Int64(index)), text(resource.type), text(resource.shortName), text(resource.arn),
                ])
        }
    }

    /// Not every driver keeps a NUL in a text.
    private static func storable(_ text: String) -> String {
        text.utf8.contains(0) ? String(text.map { $0 == "\0" ? "\u{fffd}" : $0 }) : text
    }

    /// Events within a range of time, the newest first, from the first after `position`.
    func list(
        account: String, region: String, from: Int64, to: Int64, _ attribute: Attribute?, after position: Position?,
        limit: Int
    ) throws(StorageError) -> [Found] {
        var sql = "SELECT * FROM cloudtrail_events WHERE account = ? AND region = ? AND time >= ? AND time <= ?"
        var arguments: [SQLValue] = [.text(account), .text(region), .integer(from), .integer(to)]
        if let position {
            sql += " AND (time, sequence) < (?, ?)"
            arguments += [.integer(position.time), .integer(position.sequence)]
        }
        switch attribute {
        case nil: break
        case .column(let name, let value):
            sql += " AND \(name) = ?"
            arguments.append(.text(Self.storable(value)))
        case .resourceName(let name):
            sql += """
                 AND sequence IN (SELECT sequence FROM cloudtrail_resources
                WHERE account = ? AND region = ? AND (name = ? OR arn = ?))
                """
            arguments += [.text(account), .text(region)]
            arguments += [.text(Self.storable(name)), .text(Self.storable(name))]
        case .resourceType(let type):
            sql += """
                 AND sequence IN (SELECT sequence FROM cloudtrail_resources
                WHERE account = ? AND region = ? AND type = ?)
                """
            arguments += [.text(account), .text(region), .text(Self.storable(type))]
        }
        sql += " ORDER BY time DESC, sequence DESC LIMIT ?"
        arguments.append(.integer(Int64(limit)))
        var found: [Found] = []
        for row in try connection.query(sql, arguments) {
            let position = Position(time: try row.integer("time"), sequence: try row.integer("sequence"))
            found.append(
                Found(
                    position: position, id: try row.text("id"), name: try row.text("name"),
                    source: try row.text("source"), isReadOnly: try row.text("read_only"),
                    userName: row.optionalText("user_name"), accessKeyID: row.optionalText("access_key"),
                    document: try row.text("record"), resources: try resources(account, region, position)))
        }
        return found
    }

    private func resources(_ account: String, _ region: String, _ position: Position) throws(StorageError)
        -> [(type: String, name: String)]
    {
        try connection.query(
            """
            SELECT type, name FROM cloudtrail_resources
            WHERE account = ? AND region = ? AND time = ? AND sequence = ? ORDER BY position
            """, [.text(account), .text(region), .integer(position.time), .integer(position.sequence)]
        ).map { (row) throws(StorageError) in (try row.text("type"), try row.text("name")) }
    }

    func has(_ record: AuditRecord) throws(StorageError) -> Bool {
        try !connection.query(
            "SELECT id FROM cloudtrail_events WHERE account = ? AND region = ? AND time = ? AND id = ?",
            [.text(record.account), .text(record.region), .integer(record.time), .text(record.id)]
        ).isEmpty
    }

    /// How many bytes of which days' files are in the tables: of the newest days alone, for those before are complete.
    func marks() throws(StorageError) -> [String: Int] {
        var marks: [String: Int] = [:]
        for row in try connection.query("SELECT day, bytes FROM cloudtrail_files", []) {
            marks[try row.text("day")] = Int(try row.integer("bytes"))
        }
        return marks
    }

    func mark(_ marks: [String: Int]) throws(StorageError) {
        guard let newest = marks.keys.max() else { return }
        for (day, bytes) in marks {
            try connection.execute(
                """
                INSERT INTO cloudtrail_files (day, bytes) VALUES (?, ?)
                ON CONFLICT (day) DO UPDATE SET bytes = excluded.bytes
                """, [.text(day), .integer(Int64(bytes))])
        }
        try connection.execute("DELETE FROM cloudtrail_files WHERE day < ?", [.text(newest)])
    }

    func count() throws(StorageError) -> Int {
        Int(try connection.query("SELECT COUNT(*) AS n FROM cloudtrail_events", [])[0].integer("n"))
    }

    /// Deletes the oldest events.
    ///
    /// - Parameter time: Only those of an earlier time; nil for all.
    /// - Returns: How many there were.
    func deleteOldest(before time: Int64?, limit: Int) throws(StorageError) -> Int {
        let rows = try connection.query(
            "SELECT account, region, time, sequence FROM cloudtrail_events WHERE time < ? ORDER BY time LIMIT ?",
            [.integer(time ?? .max), .integer(Int64(limit))])
        for row in rows {
            let key: [SQLValue] = [
                .text(try row.text("account")), .text(try row.text("region")), .integer(try row.integer("time")),
                .integer(try row.integer("sequence")),
            ]
            for table in ["cloudtrail_resources", "cloudtrail_events"] {
                try connection.execute(
                    "DELETE FROM \(table) WHERE account = ? AND region = ? AND time = ? AND sequence = ?", key)
            }
        }
        return rows.count
    }

    func deleteAll() throws(StorageError) {
        for table in ["cloudtrail_resources", "cloudtrail_events"] {
            try connection.execute("DELETE FROM \(table)", [])
        }
    }
}
