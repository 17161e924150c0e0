import AWSWire
import LogsModel
import NIOCore
import Storage

/// A group's metric filter as the tables keep it.
struct MetricFilterRecord: Sendable {
    /// Which filter of all.
    struct ID: Sendable, Hashable {
        var group: Int64
        var name: String
    }

    private static let columns = "f.group_id, f.name, f.pattern, f.transformation, f.created"

    var id: ID
    var pattern: String
    var transformation: Logs.MetricTransformation
    /// Milliseconds since 1970.
    var created: Int64

    init(id: ID, pattern: String, transformation: Logs.MetricTransformation, created: Int64) {
        self.id = id
        self.pattern = pattern
        self.transformation = transformation
        self.created = created
    }

    private init(_ row: SQLRow) throws(StorageError) {
        let text = try row.text("transformation")
        guard let value = try? JSONValue(parsing: ByteBuffer(string: text)),
            let transformation = Logs.MetricTransformation(stored: value)
        else { throw .unexpectedType(column: "transformation") }
        self.init(
            id: ID(group: try row.integer("group_id"), name: try row.text("name")), pattern: try row.text("pattern"),
            transformation: transformation, created: try row.integer("created"))
    }

    func compiled(for group: GroupKey) throws -> MetricFilter {
        try MetricFilter(FilterPattern(pattern), transformation, of: group)
    }

    /// All of a group, by name.
    static func all(of group: Int64, on connection: any SQLConnection) throws(StorageError) -> [MetricFilterRecord] {
        let rows = try connection.query(
            "SELECT \(columns) FROM logs_metric_filters f WHERE f.group_id = ? ORDER BY f.name", [.integer(group)])
        return try rows.map { (row) throws(StorageError) in try MetricFilterRecord(row) }
    }

    /// What DescribeMetricFilters asks for.
    struct Listing: Sendable {
        var account: String
        var region: String
        var group: Int64?
        var prefix: String
        /// Of the metric that filters feed.
        var metric: (namespace: String, name: String)?
        /// The last of the page before: the filter's name, and its group's.
        var after: (name: String, group: String)?
    }

    /// Up to `limit` filters by name, each with its group's.
    static func list(
        _ listing: Listing, limit: Int, on connection: any SQLConnection
    ) throws(StorageError) -> [(filter: MetricFilterRecord, group: String)] {
        var conditions = ["g.account = ? AND g.region = ?"]
        var arguments: [SQLValue] = [.text(listing.account), .name(listing.region)]
        if let group = listing.group {
            conditions.append("f.group_id = ?")
            arguments.append(.integer(group))
        }
        if !listing.prefix.isEmpty {
            conditions.append("f.name >= ? AND f.name <= ?")
            arguments += [.name(listing.prefix), .name(listing.prefix.endOfPrefix)]
        }
        if let metric = listing.metric {
            conditions.append("f.metric_namespace = ? AND f.metric_name = ?")
            arguments += [.name(metric.namespace), .name(metric.name)]
        }
        if let after = listing.after {
            conditions.append("(f.name, g.name) > (?, ?)")
            arguments += [.name(after.name), .name(after.group)]
        }
        arguments.append(.integer(Int64(limit)))
        let rows = try connection.query(
            """
            SELECT \(columns), g.name AS group_name
            FROM logs_metric_filters f JOIN logs_groups g ON g.id = f.group_id
            WHERE \(conditions.joined(separator: " AND ")) ORDER BY f.name, g.name LIMIT ?
            """, arguments)
        return try rows.map { (row) throws(StorageError) in
            (try MetricFilterRecord(row), try row.text("group_name"))
        }
    }

    /// Makes it, or puts it in the place of the one of that name.
    func put(on connection: any SQLConnection) throws(StorageError) {
        var writer = JSONWriter()
        transformation.encode(to: &writer)
        try connection.execute(
            """
            INSERT INTO logs_metric_filters
                (group_id, name, pattern, transformation, metric_namespace, metric_name, created)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (group_id, name) DO UPDATE SET pattern = excluded.pattern,
                transformation = excluded.transformation, metric_namespace = excluded.metric_namespace,
                metric_name = excluded.metric_name
            """,
            [
                .integer(id.group), .name(id.name), .name(pattern), .name(String(buffer: writer.buffer)),
                .name(transformation.metricNamespace), .name(transformation.metricName), .integer(created),
            ])
        try Self.count(in: id.group, on: connection)
    }

    /// - Returns: Whether there was one.
    static func delete(_ id: ID, on connection: any SQLConnection) throws(StorageError) -> Bool {
        let deleted = try connection.execute(
            "DELETE FROM logs_metric_filters WHERE group_id = ? AND name = ?", [.integer(id.group), .name(id.name)])
        try count(in: id.group, on: connection)
        return deleted > 0
    }

    /// Keeps with the group how many it has: writers look there, and for most groups at nothing more.
    private static func count(in group: Int64, on connection: any SQLConnection) throws(StorageError) {
        try connection.execute(
            """
            UPDATE logs_groups SET metric_filters =
                (SELECT COUNT(*) FROM logs_metric_filters WHERE group_id = ?) WHERE id = ?
            """, [.integer(group), .integer(group)])
    }
}

extension Logs.MetricTransformation {
    /// - Returns: nil unless it is what `encode(to:)` wrote.
    fileprivate init?(stored value: JSONValue) {
        guard let name = value["metricName"]?.string, let namespace = value["metricNamespace"]?.string,
            let metricValue = value["metricValue"]?.string
        else { return nil }
        var dimensions: [String: String]?
        if let stored = value["dimensions"] {
            dimensions = [:]
            for (key, member) in stored.members { dimensions?[key] = member.string }
        }
        self.init(
            metricName: name, metricNamespace: namespace, metricValue: metricValue,
            defaultValue: value["defaultValue"]?.double, dimensions: dimensions,
            unit: value["unit"]?.string.map { Logs.StandardUnit(rawValue: $0) })
    }
}
