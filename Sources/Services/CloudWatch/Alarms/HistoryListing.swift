import AWSWire
import Storage

/// Which items of alarms' history are wanted.
struct HistoryListing: Sendable {
    /// Where an item stands among all of an account and region.
    struct Place: Sendable, Hashable {
        /// Milliseconds since 1970.
        var time: Int64
        /// Within the millisecond.
        var number: Int64
    }

    var account: String
    var region: String
    /// Of the alarm; nil: of all.
    var name: String?
    /// Milliseconds since 1970, both inclusive.
    var from: Int64
    var to: Int64
    /// Nil: of both kinds of alarms.
    var isComposite: Bool?
    var type: AlarmHistory.Kind?
    var isAscending = false
    /// The last item of the page before.
    var after: Place?

    func items(in table: AlarmTable, limit: Int) throws -> [(place: Place, item: AlarmHistory)] {
        var conditions = ["account = ? AND region = ? AND time >= ? AND time <= ?"]
        var arguments: [SQLValue] = [.text(account), .text(region), .integer(from), .integer(to)]
        if let name {
            conditions.append("name = ?")
            arguments.append(.text(name))
        }
        if let isComposite {
            conditions.append("composite = ?")
            arguments.append(.integer(isComposite ? 1 : 0))
        }
        if let type {
            conditions.append("type = ?")
            arguments.append(.text(type.rawValue))
        }
        if let after {
            conditions.append("(time, number) \(isAscending ? ">" : "<") (?, ?)")
            arguments += [.integer(after.time), .integer(after.number)]
        }
        let direction = isAscending ? "ASC" : "DESC"
        let rows = try table.connection.query(
            """
            SELECT time, number, name, composite, type, summary, data FROM cloudwatch_history
            WHERE \(conditions.joined(separator: " AND ")) ORDER BY time \(direction), number \(direction) LIMIT ?
            """, arguments + [.integer(Int64(limit))])
        return try rows.compactMap { row in
            guard let type = AlarmHistory.Kind(rawValue: try row.text("type")) else { return nil }
            let time = try row.integer("time")
            let item = AlarmHistory(
                key: AlarmKey(account: account, region: region, name: try row.text("name")),
                isComposite: try row.integer("composite") == 1, time: time,
                type: type, summary: try row.text("summary"), data: try row.text("data"))
            return (Place(time: time, number: try row.integer("number")), item)
        }
    }
}

extension HistoryListing.Place {
    /// - Throws: `InvalidNextToken`.
    init(token: String) throws(AWSError) {
        let parts = Base64.decodeText(token)?.split(separator: ".").compactMap { Int64($0) } ?? []
        guard parts.count == 2 else { throw .badToken }
        self.init(time: parts[0], number: parts[1])
    }

    var token: String { Base64.encode("\(time).\(number)".utf8) }
}
