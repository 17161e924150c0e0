import Storage
import Synchronization

/// What a connection is asked, how many rows come of it, and how SQLite finds them.
final class LookedAt: SQLConnection {
    private let base: any SQLConnection
    private(set) var rows = 0
    /// Steps of plans by which more is read than is answered.
    private(set) var detours: [String] = []

    init(_ base: any SQLConnection) { self.base = base }

    func query(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> [SQLRow] {
        for step in try base.query("EXPLAIN QUERY PLAN " + sql, arguments) {
            let detail = try step.text("detail")
            if detail.hasPrefix("SCAN") || detail.contains("TEMP B-TREE") { detours.append("\(detail): \(sql)") }
        }
        let found = try base.query(sql, arguments)
        rows += found.count
        return found
    }

    func execute(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> Int {
        try base.execute(sql, arguments)
    }
}
