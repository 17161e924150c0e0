import AWSWire
import LogsModel
import NIOCore
import Storage

/// A saved query as the tables keep it.
struct QueryDefinitionRecord: Sendable {
    private static let columns = "id, name, query, log_groups, parameters, token, modified"

    /// Whose queries.
    struct Owner: Sendable, Hashable {
        var account: String
        var region: String

        fileprivate var arguments: [SQLValue] { [.text(account), .name(region)] }
    }

    var id: String
    var name: String
    var query: String
    var groups: [String]
    var parameters: [Logs.QueryParameter]
    /// Of the request that made it; empty without one.
    var token: String
    /// Milliseconds since 1970.
    var modified: Int64

    init(
        id: String, name: String, query: String, groups: [String], parameters: [Logs.QueryParameter], token: String,
        modified: Int64
    ) {
        self.id = id
        self.name = name
        self.query = query
        self.groups = groups
        self.parameters = parameters
        self.token = token
        self.modified = modified
    }

    private init(_ row: SQLRow) throws(StorageError) {
        let groups = try? JSONValue(parsing: ByteBuffer(string: try row.text("log_groups")))
        let parameters = try? JSONValue(parsing: ByteBuffer(string: try row.text("parameters")))
        self.init(
            id: try row.text("id"), name: try row.text("name"), query: try row.text("query"),
            groups: groups?.elements.compactMap(\.string) ?? [],
            parameters: parameters?.elements.compactMap { value in
                value["name"]?.string.map {
                    Logs.QueryParameter(
                        name: $0, defaultValue: value["defaultValue"]?.string, description: value["description"]?.string
                    )
                }
            } ?? [],
            token: try row.text("token"), modified: try row.integer("modified"))
    }

    static func find(
        _ id: String, of owner: Owner, on connection: any SQLConnection
    ) throws(StorageError) -> QueryDefinitionRecord? {
        try first("id = ?", .name(id), of: owner, on: connection)
    }

    static func find(
        token: String, of owner: Owner, on connection: any SQLConnection
    ) throws(StorageError) -> QueryDefinitionRecord? {
        try first("token = ?", .name(token), of: owner, on: connection)
    }

    private static func first(
        _ condition: String, _ argument: SQLValue, of owner: Owner, on connection: any SQLConnection
    ) throws(StorageError) -> QueryDefinitionRecord? {
        let rows = try connection.query(
            "SELECT \(columns) FROM logs_query_definitions WHERE account = ? AND region = ? AND \(condition)",
            owner.arguments + [argument])
        guard let row = rows.first else { return nil }
        return try QueryDefinitionRecord(row)
    }

    static func count(of owner: Owner, on connection: any SQLConnection) throws(StorageError) -> Int64 {
        let rows = try connection.query(
            "SELECT COUNT(*) AS n FROM logs_query_definitions WHERE account = ? AND region = ?", owner.arguments)
        return try rows.first?.integer("n") ?? 0
    }

    /// Up to `limit` queries whose names begin so, by name and id, from the one after `after` on.
    static func list(
        of owner: Owner, prefix: String, after: (name: String, id: String)?, limit: Int,
        on connection: any SQLConnection
    ) throws(StorageError) -> [QueryDefinitionRecord] {
        let rows = try connection.query(
            """
            SELECT \(columns) FROM logs_query_definitions
            WHERE account = ? AND region = ? AND name >= ? AND name <= ? AND (name, id) > (?, ?)
            ORDER BY name, id LIMIT ?
            """,
            owner.arguments + [
                .name(prefix), .name(prefix.endOfPrefix), .name(after?.name ?? ""), .name(after?.id ?? ""),
                .integer(Int64(limit)),
            ])
        return try rows.map { (row) throws(StorageError) in try QueryDefinitionRecord(row) }
    }

    /// Makes it, or puts it in the place of the one of that id.
    func put(of owner: Owner, on connection: any SQLConnection) throws(StorageError) {
        var groups = JSONWriter()
        groups.beginArray()
        for group in self.groups { groups.string(group) }
        groups.endArray()
        var parameters = JSONWriter()
        parameters.beginArray()
        for parameter in self.parameters { parameter.encode(to: &parameters) }
        parameters.endArray()
        try connection.execute(
            """
            INSERT INTO logs_query_definitions
                (account, region, id, name, query, log_groups, parameters, token, modified)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (account, region, id) DO UPDATE SET name = excluded.name, query = excluded.query,
                log_groups = excluded.log_groups, parameters = excluded.parameters, modified = excluded.modified
            """,
            owner.arguments + [
                .name(id), .name(name), .name(query), .name(String(buffer: groups.buffer)),
                .name(String(buffer: parameters.buffer)), .name(token), .integer(modified),
            ])
    }

    /// - Returns: Whether there was one.
    static func delete(_ id: String, of owner: Owner, on connection: any SQLConnection) throws(StorageError) -> Bool {
        try connection.execute(
            "DELETE FROM logs_query_definitions WHERE account = ? AND region = ? AND id = ?",
            owner.arguments + [.name(id)]) > 0
    }
}
