package import Storage

extension CloudTrailService {
    /// The tables of the audit. Every key begins with account and region.
    package static let migrations: [Migration] = [
        Migration(
            component: "cloudtrail", number: 1,
            statements: [
                """
                CREATE TABLE cloudtrail_events (
                    account TEXT NOT NULL,
                    region TEXT NOT NULL,
                    time BIGINT NOT NULL,
                    sequence BIGINT NOT NULL,
                    id TEXT NOT NULL,
                    name TEXT NOT NULL,
                    source TEXT NOT NULL,
                    read_only TEXT NOT NULL,
                    user_name TEXT,
                    access_key TEXT,
                    record TEXT NOT NULL,
                    PRIMARY KEY (account, region, time, sequence)
                )
                """,
                "CREATE INDEX cloudtrail_events_by_age ON cloudtrail_events (time)",
                """
                CREATE TABLE cloudtrail_resources (
                    account TEXT NOT NULL,
                    region TEXT NOT NULL,
                    time BIGINT NOT NULL,
                    sequence BIGINT NOT NULL,
                    position INTEGER NOT NULL,
                    type TEXT NOT NULL,
                    name TEXT NOT NULL,
                    arn TEXT NOT NULL,
                    PRIMARY KEY (account, region, time, sequence, position)
                )
                """,
                "CREATE INDEX cloudtrail_resources_by_name ON cloudtrail_resources (account, region, name)",
                "CREATE INDEX cloudtrail_resources_by_age ON cloudtrail_resources (time)",
            ]),
        // How far the files are in the tables.
        Migration(
            component: "cloudtrail", number: 2,
            statements: ["CREATE TABLE cloudtrail_files (day TEXT PRIMARY KEY, bytes BIGINT NOT NULL)"]),
    ]
}
