import Storage

/// Deletes events that are older than their group's retention, or than the server's for groups without one.
///
/// A stream that this leaves empty goes, too: every execution environment makes one, and nothing else would ever end
/// them.
struct Retention: Sendable {
    /// What PutRetentionPolicy takes.
    static let allowedDays = [
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ]
    static let longestDays = 36_500
    /// How many events one transaction deletes at most, so that others get their turn.
    static let batch = 1000

    let database: any Database
    let defaultDays: Int?
    /// Milliseconds since 1970.
    let clock: @Sendable () -> Int64

    /// Goes over all groups once. Stops early when cancelled.
    func pass() async throws {
        var last: Int64 = 0
        while !Task.isCancelled {
            let from = last
            let groups = try await database.write { try GroupRecord.all(after: from, limit: 100, on: $0) }
            for group in groups {
                guard let days = group.retentionDays ?? defaultDays.map(Int64.init) else { continue }
                try await expire(group.id, before: clock() - days * 86_400_000)
            }
            guard let end = groups.last?.id else { return }
            last = end
        }
    }

    private func expire(_ group: Int64, before cutoff: Int64) async throws {
        while !Task.isCancelled {
            let deleted = try await database.write { try Self.deleteBatch(of: group, before: cutoff, on: $0) }
            if deleted == Self.batch { continue }
            _ = try await database.write { connection in
                try connection.execute(
                    """
                    DELETE FROM logs_streams WHERE group_id = ? AND last_event < ? AND created < ?
                    AND NOT EXISTS (SELECT 1 FROM logs_events WHERE stream_id = logs_streams.id)
                    """, [.integer(group), .integer(cutoff), .integer(cutoff)])
            }
            return
        }
    }

    /// - Returns: How many events were deleted.
    private static func deleteBatch(
        of group: Int64, before cutoff: Int64, on connection: any SQLConnection
    ) throws(StorageError) -> Int {
        let rows = try connection.query(
            """
            SELECT time, sequence, stream_id, LENGTH(message) AS bytes FROM logs_events
            WHERE group_id = ? AND time < ? ORDER BY time, sequence LIMIT ?
            """, [.integer(group), .integer(cutoff), .integer(Int64(batch))])
        guard let last = rows.last else { return 0 }
        var freed: [Int64: Int64] = [:]
        for row in rows {
            freed[try row.integer("stream_id"), default: 0] +=
                try row.integer("bytes") + Int64(LogWriter.eventOverhead)
        }
        try connection.execute(
            "DELETE FROM logs_events WHERE group_id = ? AND (time, sequence) <= (?, ?)",
            [.integer(group), .integer(try last.integer("time")), .integer(try last.integer("sequence"))])
        for (stream, bytes) in freed {
            // A stream that was deleted took its bytes off the group already.
            let changed = try connection.execute(
                "UPDATE logs_streams SET stored_bytes = stored_bytes - ? WHERE id = ?",
                [.integer(bytes), .integer(stream)])
            if changed > 0 { try GroupRecord.grow(group, by: -bytes, on: connection) }
        }
        return rows.count
    }
}
