package import Storage

/// What a connection is asked, how many rows come of it, and how SQLite finds them.
package final class LookedAt: SQLConnection {
    private let base: any SQLConnection
    package private(set) var rows = 0
    /// Steps of plans by which more is read than is answered.
    package private(set) var detours: [String] = []

    package init(_ base: any SQLConnection) { self.base = base }

    package func query(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> [SQLRow] {
        for step in try base.query("EXPLAIN QUERY PLAN " + sql, arguments) {
            let detail = try step.text("detail")
            if detail.hasPrefix("SCAN") || detail.contains("TEMP B-TREE") { detours.append("\(detail): \(sql)") }
        }
        let found = try base.query(sql, arguments)
        rows += found.count
        return found
    }

    package func execute(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> Int {
        try base.execute(sql, arguments)
    }
}
