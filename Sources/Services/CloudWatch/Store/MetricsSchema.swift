package import Storage

extension CloudWatchService {
    /// The tables of samples, for the database that is opened for them.
    ///
    /// Times of points are seconds since 1970, those of series milliseconds.
    package static let migrations = [
        Migration(
            component: "metrics", number: 1,
            statements: [
                """
                CREATE TABLE metrics_series (
                    id BIGINT PRIMARY KEY,
                    account TEXT NOT NULL,
                    region TEXT NOT NULL,
                    namespace TEXT NOT NULL,
                    name TEXT NOT NULL,
                    dimensions TEXT NOT NULL,
                    last BIGINT NOT NULL,
                    UNIQUE (account, region, namespace, name, dimensions)
                )
                """,
                "CREATE INDEX metrics_series_by_last ON metrics_series (last)",
                // A point has what was said of one metric in so many seconds, in one unit.
                """
                CREATE TABLE metrics_points (
                    series BIGINT NOT NULL,
                    resolution BIGINT NOT NULL,
                    time BIGINT NOT NULL,
                    unit TEXT NOT NULL,
                    distribution BLOB NOT NULL,
                    PRIMARY KEY (series, resolution, time, unit)
                )
                """,
                "CREATE INDEX metrics_points_by_age ON metrics_points (resolution, time)",
            ]),
        Migration(
            component: "metrics", number: 2,
            statements: [
                """
                CREATE TABLE metrics_receipts (
                    source TEXT NOT NULL,
                    number BIGINT NOT NULL,
                    PRIMARY KEY (source, number)
                )
                """
            ]),
    ]

    static let tables = ["metrics_points", "metrics_series", "metrics_receipts"]
}
