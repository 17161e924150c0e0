package import Storage

extension XRayService {
    /// The tables of the tracing service. Every key begins with account and region.
    package static let migrations: [Migration] = [
        Migration(
            component: "xray", number: 1,
            statements: [
                """
                CREATE TABLE xray_traces (
                    account TEXT NOT NULL,
                    region TEXT NOT NULL,
                    id TEXT NOT NULL,
                    time BIGINT NOT NULL,
                    started BIGINT NOT NULL,
                    bytes BIGINT NOT NULL,
                    exceeded INTEGER NOT NULL,
                    PRIMARY KEY (account, region, id)
                )
                """,
                "CREATE INDEX xray_traces_by_time ON xray_traces (account, region, time, id)",
                "CREATE INDEX xray_traces_by_start ON xray_traces (account, region, started, id)",
                "CREATE INDEX xray_traces_by_age ON xray_traces (time)",
                """
                CREATE TABLE xray_segments (
                    account TEXT NOT NULL,
                    region TEXT NOT NULL,
                    trace TEXT NOT NULL,
                    id TEXT NOT NULL,
                    started BIGINT NOT NULL,
                    complete INTEGER NOT NULL,
                    document TEXT NOT NULL,
                    PRIMARY KEY (account, region, trace, id)
                )
                """,
            ])
    ]
}
