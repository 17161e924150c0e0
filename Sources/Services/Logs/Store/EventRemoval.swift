import Logging
import Storage

/// Takes away the events of groups and streams that were deleted, in the background and in small transactions.
///
/// What to remove is in the store, so a server that stops goes on at the next start.
final class EventRemoval: Sendable {
    private let database: any Database
    private let logger: Logger
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init(database: any Database, logger: Logger) {
        self.database = database
        self.logger = logger
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Says that there is something to remove.
    func begin() { signal.yield() }

    /// Removes what there is whenever told, until cancelled.
    func run() async {
        for await _ in signals {
            do { try await pass() } catch {
                logger.error("Deleted log events could not be removed", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Returns when nothing deleted is left, or when cancelled.
    func pass() async throws {
        while !Task.isCancelled {
            let isDone = try await database.write { connection in
                guard let row = try connection.query("SELECT id FROM logs_deleted ORDER BY id LIMIT 1", []).first else {
                    return true
                }
                let id = try row.integer("id")
                // Groups and streams never share a number, so at most one of these finds anything.
                for column in ["group_id", "stream_id"] {
                    if try Self.removeBatch(where: column, is: id, on: connection) { return false }
                }
                try connection.execute("DELETE FROM logs_deleted WHERE id = ?", [.integer(id)])
                return false
            }
            if isDone { return }
        }
    }

    /// - Returns: Whether there was anything.
    private static func removeBatch(
        where column: String, is id: Int64, on connection: any SQLConnection
    ) throws(StorageError) -> Bool {
        let rows = try connection.query(
            "SELECT time, sequence FROM logs_events WHERE \(column) = ? ORDER BY time, sequence LIMIT ?",
            [.integer(id), .integer(Int64(Retention.batch))])
        guard let last = rows.last else { return false }
        try connection.execute(
            "DELETE FROM logs_events WHERE \(column) = ? AND (time, sequence) <= (?, ?)",
            [.integer(id), .integer(try last.integer("time")), .integer(try last.integer("sequence"))])
        return true
    }
}
