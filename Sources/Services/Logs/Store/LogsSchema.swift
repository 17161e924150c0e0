import Delivery
package import Storage

extension LogsService {
    /// The tables of the logs service.
    ///
    /// One counter numbers groups, streams and events, so that no number ever comes back: the events of what was
    /// deleted can wait for their removal while a new group of the same name fills. Messages are blobs because
    /// functions write NULs, too.
    package static let migrations: [Migration] =
        [
            Migration(
                component: "logs", number: 1,
                statements: [
                    "CREATE TABLE logs_counter (id BIGINT PRIMARY KEY, value BIGINT NOT NULL)",
                    "INSERT INTO logs_counter (id, value) VALUES (1, 0)",
                    """
                    CREATE TABLE logs_groups (
                        id BIGINT PRIMARY KEY,
                        account TEXT NOT NULL,
                        region TEXT NOT NULL,
                        name TEXT NOT NULL,
                        created BIGINT NOT NULL,
                        class TEXT NOT NULL,
                        retention_days BIGINT,
                        stored_bytes BIGINT NOT NULL,
                        UNIQUE (account, region, name)
                    )
                    """,
                    """
                    CREATE TABLE logs_tags (
                        group_id BIGINT NOT NULL,
                        key TEXT NOT NULL,
                        value TEXT NOT NULL,
                        PRIMARY KEY (group_id, key)
                    )
                    """,
                    """
                    CREATE TABLE logs_streams (
                        id BIGINT PRIMARY KEY,
                        group_id BIGINT NOT NULL,
                        name TEXT NOT NULL,
                        created BIGINT NOT NULL,
                        first_event BIGINT NOT NULL,
                        last_event BIGINT NOT NULL,
                        last_ingestion BIGINT NOT NULL,
                        stored_bytes BIGINT NOT NULL,
                        UNIQUE (group_id, name)
                    )
                    """,
                    "CREATE INDEX logs_streams_by_time ON logs_streams (group_id, last_event, id)",
                    """
                    CREATE TABLE logs_events (
                        group_id BIGINT NOT NULL,
                        stream_id BIGINT NOT NULL,
                        time BIGINT NOT NULL,
                        sequence BIGINT NOT NULL,
                        ingested BIGINT NOT NULL,
                        message BLOB NOT NULL,
                        PRIMARY KEY (group_id, time, sequence)
                    )
                    """,
                    "CREATE INDEX logs_events_by_stream ON logs_events (stream_id, time, sequence)",
                    "CREATE TABLE logs_deleted (id BIGINT PRIMARY KEY)",
                ]),
            Migration(
                component: "logs", number: 2,
                statements: [
                    """
                    CREATE TABLE logs_subscriptions (
                        group_id BIGINT NOT NULL,
                        name TEXT NOT NULL,
                        pattern TEXT NOT NULL,
                        destination TEXT NOT NULL,
                        distribution TEXT NOT NULL,
                        created BIGINT NOT NULL,
                        PRIMARY KEY (group_id, name)
                    )
                    """
                ]),
            Migration(
                component: "logs", number: 3,
                statements: [
                    // How many a group has: the writer need not look for them in most.
                    "ALTER TABLE logs_groups ADD COLUMN metric_filters BIGINT NOT NULL DEFAULT 0",
                    """
                    CREATE TABLE logs_metric_filters (
                        group_id BIGINT NOT NULL,
                        name TEXT NOT NULL,
                        pattern TEXT NOT NULL,
                        transformation TEXT NOT NULL,
                        metric_namespace TEXT NOT NULL,
                        metric_name TEXT NOT NULL,
                        created BIGINT NOT NULL,
                        PRIMARY KEY (group_id, name)
                    )
                    """,
                    """
                    CREATE TABLE logs_policies (
                        account TEXT NOT NULL,
                        region TEXT NOT NULL,
                        resource TEXT NOT NULL,
                        name TEXT NOT NULL,
                        document TEXT NOT NULL,
                        updated BIGINT NOT NULL,
                        revision TEXT NOT NULL,
                        PRIMARY KEY (account, region, resource, name)
                    )
                    """,
                    """
                    CREATE TABLE logs_query_definitions (
                        account TEXT NOT NULL,
                        region TEXT NOT NULL,
                        id TEXT NOT NULL,
                        name TEXT NOT NULL,
                        query TEXT NOT NULL,
                        log_groups TEXT NOT NULL,
                        parameters TEXT NOT NULL,
                        token TEXT NOT NULL,
                        modified BIGINT NOT NULL,
                        PRIMARY KEY (account, region, id)
                    )
                    """,
                ]),
            Migration(
                component: "logs", number: 4,
                statements: [
                    """
                    CREATE TABLE logs_unmeasured (
                        number BIGINT NOT NULL,
                        stream_id BIGINT NOT NULL,
                        first_time BIGINT NOT NULL,
                        last_time BIGINT NOT NULL,
                        last_sequence BIGINT NOT NULL,
                        PRIMARY KEY (number, stream_id)
                    )
                    """
                ]),
        ] + Outbox.migrations
}

/// The one source of numbers.
enum LogCounter {
    /// Takes `count` numbers.
    ///
    /// - Returns: The first of them; the others follow it.
    static func take(_ count: Int, on connection: any SQLConnection) throws(StorageError) -> Int64 {
        let rows = try connection.query(
            "UPDATE logs_counter SET value = value + ? WHERE id = 1 RETURNING value", [.integer(Int64(count))])
        guard let row = rows.first else { throw .unexpectedType(column: "value") }
        return try row.integer("value") - Int64(count) + 1
    }
}

extension SQLValue {
    /// A name as the tables keep it: a NUL, which text columns cannot hold, becomes the replacement character.
    static func name(_ text: String) -> SQLValue {
        guard text.utf8.contains(0) else { return .text(text) }
        return .text(String(text.unicodeScalars.map { $0.value == 0 ? "\u{FFFD}" : Character($0) }))
    }
}
