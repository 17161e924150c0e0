import Storage

/// Which alarms are wanted, as far as the store can tell.
struct AlarmListing: Sendable {
    /// How many alarms are in memory at a time while others are looked for.
    private static let batch = 100

    var account: String
    var region: String
    /// Nil: of both kinds.
    var isComposite: Bool?
    /// Of their names.
    var prefix = ""
    var state: AlarmState?
    /// What the configurations hold of those that may be wanted, as JSON has it: others are not read.
    var text: String?

    /// The alarms that `isMeant` takes, by name, from the one after `name` on, up to `limit`.
    func alarms(
        in table: AlarmTable, after name: String, limit: Int = .max, where isMeant: (Alarm) -> Bool
    ) throws -> [Alarm] {
        var found: [Alarm] = []
        var last = name
        while true {
            let rows = try table.rows(where: conditions(after: last), limit: Self.batch)
            for row in rows {
                last = try row.text("name")
                guard let alarm = try table.alarm(row), isMeant(alarm) else { continue }
                found.append(alarm)
                if found.count == limit { return found }
            }
            if rows.count < Self.batch { return found }
        }
    }

    private func conditions(after name: String) -> (sql: String, arguments: [SQLValue]) {
        var conditions = ["account = ? AND region = ? AND name > ?"]
        var arguments: [SQLValue] = [.text(account), .text(region), .text(name)]
        if let isComposite {
            conditions.append("composite = ?")
            arguments.append(.integer(isComposite ? 1 : 0))
        }
        if !prefix.isEmpty {
            conditions.append("name >= ? AND name <= ?")
            arguments += [.text(prefix), .text(prefix.endOfPrefix)]
        }
        if let state {
            conditions.append("state = ?")
            arguments.append(.text(state.rawValue))
        }
        if let text {
            conditions.append("configuration LIKE ? ESCAPE '!'")
            arguments.append(.text("%\(text.escapedForLike)%"))
        }
        return (conditions.joined(separator: " AND "), arguments)
    }
}

// MARK: Families

/// Which composite alarms name which alarms. Names of other accounts and regions mean nothing: their alarms are not
/// here.
extension AlarmTable {
    /// Keeps whom a composite alarm names now.
    func putChildren(of alarm: Alarm) throws {
        guard let rule = alarm.rule else { return }
        try deleteChildren(of: alarm.key)
        for child in Set(rule.children.map { alarm.key.child($0) })
        where child.account == alarm.key.account && child.region == alarm.key.region {
            try connection.execute(
                "INSERT INTO cloudwatch_children (account, region, child, parent) VALUES (?, ?, ?, ?)",
                child.columns + [.text(alarm.key.name)])
        }
    }

    func deleteChildren(of parent: AlarmKey) throws {
        try connection.execute(
            "DELETE FROM cloudwatch_children WHERE account = ? AND region = ? AND parent = ?", parent.columns)
    }

    /// The names of the composite alarms whose rules name an alarm, in their order.
    func parents(of child: AlarmKey) throws -> [String] {
        try connection.query(
            "SELECT parent FROM cloudwatch_children WHERE account = ? AND region = ? AND child = ? ORDER BY parent",
            child.columns
        ).map { try $0.text("parent") }
    }
}
