package import Storage

extension SQSService {
    /// The tables, for ``Storage/Database``s that are opened for the service.
    ///
    /// Times are milliseconds since 1970. The number of a message or a queue begins with the time of its making.
    package static let migrations = [
        Migration(
            component: "sqs", number: 1,
            statements: [
                """
                CREATE TABLE sqs_queues (
                    id BIGINT PRIMARY KEY,
                    account TEXT NOT NULL,
                    region TEXT NOT NULL,
                    name TEXT NOT NULL,
                    revision BIGINT NOT NULL,
                    created BIGINT NOT NULL,
                    modified BIGINT NOT NULL,
                    purged BIGINT,
                    sequence BIGINT NOT NULL,
                    attributes TEXT NOT NULL,
                    tags TEXT NOT NULL,
                    UNIQUE (account, region, name)
                )
                """,
                // Queues that are gone. Their messages go after them, then they go themselves.
                """
                CREATE TABLE sqs_deleted (
                    id BIGINT PRIMARY KEY,
                    account TEXT NOT NULL,
                    region TEXT NOT NULL,
                    name TEXT NOT NULL,
                    time BIGINT NOT NULL
                )
                """,
                // A long body lies apart, so that receiving a message does not write it again.
                """
                CREATE TABLE sqs_messages (
                    id BIGINT PRIMARY KEY,
                    queue BIGINT NOT NULL,
                    uuid TEXT NOT NULL,
                    sent BIGINT NOT NULL,
                    visible_at BIGINT NOT NULL,
                    receives BIGINT NOT NULL,
                    first_received BIGINT,
                    sender TEXT NOT NULL,
                    message_group TEXT,
                    deduplication TEXT,
                    sequence BIGINT,
                    source TEXT,
                    trace TEXT,
                    body TEXT,
                    attributes TEXT
                )
                """,
                "CREATE INDEX sqs_messages_by_visibility ON sqs_messages (queue, visible_at, id, sent)",
                """
                CREATE INDEX sqs_messages_by_group ON sqs_messages (queue, message_group, sequence)
                WHERE sequence IS NOT NULL
                """,
                "CREATE TABLE sqs_bodies (message BIGINT PRIMARY KEY, body TEXT NOT NULL, attributes TEXT)",
                // Of FIFO queues: each group that has messages, and when the first of them can be had.
                """
                CREATE TABLE sqs_groups (
                    queue BIGINT NOT NULL,
                    message_group TEXT NOT NULL,
                    visible_at BIGINT NOT NULL,
                    head BIGINT NOT NULL,
                    PRIMARY KEY (queue, message_group)
                )
                """,
                "CREATE INDEX sqs_groups_by_visibility ON sqs_groups (queue, visible_at, head)",
                """
                CREATE TABLE sqs_deduplication (
                    queue BIGINT NOT NULL,
                    deduplication TEXT NOT NULL,
                    message_group TEXT NOT NULL,
                    sent BIGINT NOT NULL,
                    uuid TEXT NOT NULL,
                    sequence BIGINT NOT NULL,
                    PRIMARY KEY (queue, deduplication, message_group)
                )
                """,
                "CREATE INDEX sqs_deduplication_by_time ON sqs_deduplication (sent)",
                """
                CREATE TABLE sqs_attempts (
                    queue BIGINT NOT NULL,
                    attempt TEXT NOT NULL,
                    made BIGINT NOT NULL,
                    messages TEXT NOT NULL,
                    PRIMARY KEY (queue, attempt)
                )
                """,
                "CREATE INDEX sqs_attempts_by_time ON sqs_attempts (made)",
                """
                CREATE TABLE sqs_tasks (
                    id TEXT PRIMARY KEY,
                    account TEXT NOT NULL,
                    region TEXT NOT NULL,
                    source TEXT NOT NULL,
                    destination TEXT,
                    rate BIGINT,
                    started BIGINT NOT NULL,
                    status TEXT NOT NULL,
                    moved BIGINT NOT NULL,
                    total BIGINT NOT NULL,
                    failure TEXT
                )
                """,
                "CREATE INDEX sqs_tasks_by_source ON sqs_tasks (source, started)",
                "CREATE INDEX sqs_tasks_by_status ON sqs_tasks (status)",
            ])
    ]

    static let tables = [
        "queues", "deleted", "messages", "bodies", "groups", "deduplication", "attempts", "tasks",
    ]
}
