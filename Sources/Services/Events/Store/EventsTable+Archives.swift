import NIOCore
import Storage

/// Archives, what is in them, and replays.
extension EventsTable {
    func archive(_ key: NamedKey) throws -> ArchiveRecord? {
        try find(.archive, key.account, key.region, "", key.name)
    }

    func put(_ record: ArchiveRecord, _ key: NamedKey) throws {
        try put(.archive, key.account, key.region, "", key.name, record)
    }

    func archives(of account: String, in region: String) throws -> [(name: String, record: ArchiveRecord)] {
        try all(.archive, account, region, "")
    }

    /// What was in it is left for ``clear(_:limit:)``.
    func deleteArchive(_ key: NamedKey) throws { try delete(.archive, key.account, key.region, "", key.name) }

    func replay(_ key: NamedKey) throws -> ReplayRecord? {
        try find(.replay, key.account, key.region, "", key.name)
    }

    func put(_ record: ReplayRecord, _ key: NamedKey) throws {
        try connection.execute(
            """
            INSERT INTO events_replays (account, region, name, scope, document, active) VALUES (?, ?, ?, '', ?, ?)
            ON CONFLICT (account, region, scope, name) DO UPDATE
            SET document = excluded.document, active = excluded.active
            """, columns(key) + [.text(try Self.encode(record)), .integer(record.isActive ? 1 : 0)])
    }

    func replays(of account: String, in region: String) throws -> [(name: String, record: ReplayRecord)] {
        try all(.replay, account, region, "")
    }

    /// Of all accounts, those that are not over.
    func activeReplays() throws -> [(key: NamedKey, record: ReplayRecord)] {
        try connection.query(
            "SELECT account, region, name, document FROM events_replays WHERE active = 1 ORDER BY account, region, name",
            []
        ).map { row in
            (try Self.key(row), try Self.decode(try row.text("document")))
        }
    }

    /// How many of an account and region are not over.
    func countActiveReplays(of account: String, in region: String) throws -> Int {
        let rows = try connection.query(
            "SELECT COUNT(*) AS replays FROM events_replays WHERE active = 1 AND account = ? AND region = ?",
            [.text(account), .text(region)])
        return Int(try rows.first?.integer("replays") ?? 0)
    }

    // MARK: Archived events

    /// An event that is there already stays as it is.
    func keep(_ event: Event, in archive: NamedKey) throws {
        try connection.execute(
            """
            INSERT INTO events_archived (account, region, archive, time, id, ingested, size, body)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (account, region, archive, time, id) DO NOTHING
            """,
            columns(archive) + [
                .integer(event.milliseconds), .text(event.id), .integer(event.ingested),
                .integer(Int64(event.json.readableBytes)), .blob(Array(event.json.readableBytesView)),
            ])
    }

    /// How many events there are that came since, and their bytes.
    func contents(of archive: NamedKey, since: Int64) throws -> (count: Int, bytes: Int) {
        let rows = try connection.query(
            """
            SELECT COUNT(*) AS count, COALESCE(SUM(size), 0) AS bytes FROM events_archived
            WHERE account = ? AND region = ? AND archive = ? AND ingested >= ?
            """, columns(archive) + [.integer(since)])
        guard let row = rows.first else { return (0, 0) }
        return (Int(try row.integer("count")), Int(try row.integer("bytes")))
    }

    /// The next events of a replay, in the order of their times: so many, and so many bytes, but one at least.
    ///
    /// - Returns: With whether none follow.
    func next(
        of replay: ReplayRecord, in archive: NamedKey, since: Int64, limit: Int, bytes: Int
    ) throws -> (events: [(time: Int64, id: String, body: ByteBuffer)], isLast: Bool) {
        let sizes = try next("size", of: replay, in: archive, since: since, limit: limit).map { try $0.integer("size") }
        var (count, sum) = (0, Int64(0))
        for size in sizes {
            sum += size
            if count > 0, sum > bytes { break }
            count += 1
        }
        let events = try next("time, id, body", of: replay, in: archive, since: since, limit: count)
            .map { (try $0.integer("time"), try $0.text("id"), ByteBuffer(bytes: try $0.blob("body"))) }
        return (events, sizes.count < limit && count == sizes.count)
    }

    private func next(
        _ names: String, of replay: ReplayRecord, in archive: NamedKey, since: Int64, limit: Int
    ) throws -> [SQLRow] {
        let after = replay.lastTime ?? Int64.min
        return try connection.query(
            """
            SELECT \(names) FROM events_archived
            WHERE account = ? AND region = ? AND archive = ? AND time >= ? AND time <= ? AND ingested >= ?
                AND (time > ? OR (time = ? AND id > ?))
            ORDER BY time, id LIMIT ?
            """,
            columns(archive) + [
                .integer(replay.from), .integer(replay.to), .integer(since), .integer(after), .integer(after),
                .text(replay.lastID ?? ""), .integer(Int64(limit)),
            ])
    }

    /// Deletes some of what came before.
    ///
    /// - Returns: How many there were, `limit` at most.
    func expire(_ archive: NamedKey, before: Int64, limit: Int) throws -> Int {
        try connection.execute(
            """
            DELETE FROM events_archived WHERE account = ? AND region = ? AND archive = ? AND (time, id) IN (
                SELECT time, id FROM events_archived
                WHERE account = ? AND region = ? AND archive = ? AND ingested < ? LIMIT ?)
            """, columns(archive) + columns(archive) + [.integer(before), .integer(Int64(limit))])
    }

    /// Deletes some of what is left of an archive that is no more.
    ///
    /// - Returns: How many events there were, `limit` at most; 0 for an archive that is there.
    @discardableResult
    func clear(_ archive: NamedKey, limit: Int) throws -> Int {
        try self.archive(archive) == nil ? expire(archive, before: .max, limit: limit) : 0
    }

    /// Archives of all accounts that are no more and of which something is left.
    func remains() throws -> [NamedKey] {
        var remains: [NamedKey] = []
        var last: [SQLValue] = [.text(""), .text(""), .text("")]
        // From archive to archive: there may be very many events.
        while let row = try connection.query(
            """
            SELECT account, region, archive AS name FROM events_archived WHERE (account, region, archive) > (?, ?, ?)
            ORDER BY account, region, archive LIMIT 1
            """, last
        ).first {
            let key = try Self.key(row)
            if try archive(key) == nil { remains.append(key) }
            last = columns(key)
        }
        return remains
    }

    /// Of all accounts.
    func allArchives() throws -> [(key: NamedKey, record: ArchiveRecord)] {
        try connection.query("SELECT account, region, name, document FROM events_archives", []).map { row in
            (try Self.key(row), try Self.decode(try row.text("document")))
        }
    }

    private static func key(_ row: SQLRow) throws -> NamedKey {
        NamedKey(account: try row.text("account"), region: try row.text("region"), name: try row.text("name"))
    }

    private func columns(_ key: NamedKey) -> [SQLValue] { [.text(key.account), .text(key.region), .text(key.name)] }
}

extension ArchiveRecord {
    /// Events that came earlier have expired.
    func start(now: Int64) -> Int64 {
        // As many days as a request can have.
        let (span, isTooLong) = Int64(days).multipliedReportingOverflow(by: 86_400_000)
        return days == 0 || isTooLong ? 0 : now - span
    }
}
