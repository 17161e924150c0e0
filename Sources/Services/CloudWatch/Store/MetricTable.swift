import AWSWire
import Metrics
import NIOCore
import Storage

/// How fine points are, in seconds, and for how long they are as fine.
///
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
enum Resolution: Int64, CaseIterable, Sendable {
    case second = 1
    case minute = 60
    case fiveMinutes = 300
    case hour = 3_600

    /// Seconds.
    var retention: Int64 {
        switch self {
        case .second: 3 * 3_600
        case .minute: 15 * 86_400
        case .fiveMinutes: 63 * 86_400
        case .hour: 455 * 86_400
        }
    }

    /// What becomes of points that are older than that; nil: nothing.
    var coarser: Resolution? {
        switch self {
        case .second: .minute
        case .minute: .fiveMinutes
        case .fiveMinutes: .hour
        case .hour: nil
        }
    }

    /// The finest in which a point of that age may be written.
    func kept(age: Int64) -> Resolution {
        var kept = self
        while age > kept.retention, let coarser = kept.coarser { kept = coarser }
        return kept
    }
}

/// What was said of a metric in one stretch of time.
struct MetricPoint: Sendable, Hashable {
    var resolution: Resolution
    /// Where the stretch begins: seconds since 1970.
    var time: Int64
    var unit: MetricUnit
    var distribution: Distribution
}

/// Samples that are on their way into one point.
struct PointDraft: Sendable, Hashable {
    struct Place: Sendable, Hashable {
        var key: MetricKey
        var resolution: Resolution
        var time: Int64
        var unit: MetricUnit
    }

    var place: Place
    var distribution: Distribution

    /// Samples that belong together are brought together, in the order of the first of each.
    static func gathered(_ drafts: [PointDraft]) -> [PointDraft] {
        var gathered: [PointDraft] = []
        var places: [Place: Int] = [:]
        for draft in drafts {
            if let index = places[draft.place] {
                gathered[index].distribution.merge(draft.distribution)
            } else {
                places[draft.place] = gathered.count
                gathered.append(draft)
            }
        }
        return gathered
    }
}

/// Metrics and their points in SQL. Every call runs inside the caller's transaction.
struct MetricTable {
    private let connection: any SQLConnection

    init(_ connection: any SQLConnection) { self.connection = connection }

    // MARK: Writing

    /// Adds samples to what is there.
    func add(_ drafts: [PointDraft]) throws {
        var known: [MetricKey: Int64] = [:]
        for draft in drafts {
            let key = draft.place.key
            let id = try known[key] ?? series(key, at: draft.place.time * 1_000)
            known[key] = id
            try add(draft.distribution, resolution: draft.place.resolution, draft.place.time, draft.place.unit, to: id)
        }
    }

    func add(
        _ distribution: Distribution, resolution: Resolution, _ time: Int64, _ unit: MetricUnit, to series: Int64
    ) throws {
        var distribution = distribution
        let place: [SQLValue] = [
            .integer(series), .integer(resolution.rawValue), .integer(time), .text(unit.rawValue),
        ]
        let row = try connection.query(
            """
            SELECT distribution FROM metrics_points WHERE series = ? AND resolution = ? AND time = ? AND unit = ?
            """, place
        ).first
        if let row, let there = Distribution(encoded: try row.blob("distribution")) { distribution.merge(there) }
        try connection.execute(
            """
            INSERT INTO metrics_points (series, resolution, time, unit, distribution) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (series, resolution, time, unit) DO UPDATE SET distribution = excluded.distribution
            """, place + [.blob(distribution.encoded())])
    }

    /// The metric's number, which it gets now where it has none.
    private func series(_ key: MetricKey, at time: Int64) throws -> Int64 {
        if let (id, last) = try find(key) {
            if time > last {
                try connection.execute(
                    "UPDATE metrics_series SET last = ? WHERE id = ?", [.integer(time), .integer(id)])
            }
            return id
        }
        let rows = try connection.query(
            """
            INSERT INTO metrics_series (id, account, region, namespace, name, dimensions, last)
            SELECT COALESCE(MAX(id), 0) + 1, ?, ?, ?, ?, ?, ? FROM metrics_series RETURNING id
            """, key.columns + [.integer(time)])
        return try rows.first?.integer("id") ?? 0
    }

    private func find(_ key: MetricKey) throws -> (id: Int64, last: Int64)? {
        try connection.query(
            """
            SELECT id, last FROM metrics_series
            WHERE account = ? AND region = ? AND namespace = ? AND name = ? AND dimensions = ?
            """, key.columns
        ).first.map { (try $0.integer("id"), try $0.integer("last")) }
    }

    // MARK: Reading

    /// How many points are in memory at a time.
    private static let pointsAtOnce: Int64 = 256

    /// A metric's points that begin in a stretch of time, those of each resolution by time.
    ///
    /// - Parameter unit: That of the points; nil: any.
    func forEachPoint(
        _ key: MetricKey, _ unit: MetricUnit?, _ resolutions: [Resolution], from start: Int64, to end: Int64,
        _ body: (MetricPoint) -> Void
    ) throws {
        let condition = unit == nil ? "" : "AND unit = ?"
        let wanted = unit.map { [SQLValue.text($0.rawValue)] } ?? []
        guard let (id, _) = try find(key) else { return }
        for resolution in resolutions {
            var (time, unit) = (start, "")
            while true {
                let rows = try connection.query(
                    """
                    SELECT time, unit, distribution FROM metrics_points
                    WHERE series = ? AND resolution = ? AND (time, unit) > (?, ?) AND time < ?
                        \(condition)
                    ORDER BY time, unit LIMIT ?
                    """,
                    [.integer(id), .integer(resolution.rawValue), .integer(time), .text(unit), .integer(end)]
                        + wanted + [.integer(Self.pointsAtOnce)])
                for row in rows {
                    (time, unit) = (try row.integer("time"), try row.text("unit"))
                    guard let unit = MetricUnit(rawValue: unit),
                        let distribution = Distribution(encoded: try row.blob("distribution"))
                    else { continue }
                    body(MetricPoint(resolution: resolution, time: time, unit: unit, distribution: distribution))
                }
                if rows.count < Self.pointsAtOnce { break }
            }
        }
    }

    struct Listing {
        var id: Int64
        var key: MetricKey
    }

    /// Which metrics are listed.
    struct Filter: Sendable {
        var account: String
        var region: String
        var namespace: String?
        var name: String?
        /// Each a name, with a value or any.
        var dimensions: [(name: String, value: String?)] = []
        /// Those that had samples since then: milliseconds since 1970.
        var since: Int64
    }

    /// Up to `limit` metrics by namespace, name and dimensions: what the unique index has them in.
    ///
    /// - Parameter id: The last of the page before, which there has to be.
    func list(_ filter: Filter, after id: Int64?, limit: Int) throws -> [Listing] {
        var conditions = ["account = ?", "region = ?"]
        var arguments: [SQLValue] = [.text(filter.account), .text(filter.region)]
        for (column, value) in [("namespace", filter.namespace), ("name", filter.name)] {
            guard let value else { continue }
            // A name alone shall not look like part of the order: then the index would not be walked in it.
            let isFirst = column == "namespace" || filter.namespace != nil
            conditions.append(isFirst ? "\(column) = ?" : "\(column) || '' = ?")
            arguments.append(.text(value))
        }
        if let id {
            guard let last = try metric(id) else { throw AWSError.badToken }
            // What is the same for all is left out: so the walk begins where the page does.
            let same = filter.namespace == nil ? 0 : filter.name == nil ? 1 : 2
            let columns = ["namespace", "name", "dimensions"].dropFirst(same)
            let marks = columns.map { _ in "?" }.joined(separator: ", ")
            conditions.append("(\(columns.joined(separator: ", "))) > (\(marks))")
            arguments += last.columns.dropFirst(2 + same)
        }
        for dimension in filter.dimensions {
            // In JSON no text has plain quotation marks: this is a name, and its value, but for lower and upper case.
            let value = dimension.value.map { "\($0.inJSON.escapedForLike)]" } ?? ""
            conditions.append("dimensions LIKE ? ESCAPE '!'")
            arguments.append(.text("%[\(dimension.name.inJSON.escapedForLike),\(value)%"))
        }
        conditions.append("last >= ?")
        arguments.append(.integer(filter.since))
        let rows = try connection.query(
            """
            SELECT id, namespace, name, dimensions FROM metrics_series WHERE \(conditions.joined(separator: " AND "))
            ORDER BY namespace, name, dimensions LIMIT ?
            """, arguments + [.integer(Int64(limit))])
        return try rows.map { row in
            Listing(id: try row.integer("id"), key: try key(row, account: filter.account, region: filter.region))
        }
    }

    private func metric(_ id: Int64) throws -> MetricKey? {
        try connection.query(
            "SELECT account, region, namespace, name, dimensions FROM metrics_series WHERE id = ?", [.integer(id)]
        ).first.map { try key($0, account: $0.text("account"), region: $0.text("region")) }
    }

    private func key(_ row: SQLRow, account: String, region: String) throws -> MetricKey {
        MetricKey(
            account: account, region: region, namespace: try row.text("namespace"), name: try row.text("name"),
            dimensions: MetricKey.dimensions(in: try row.text("dimensions")))
    }

    // MARK: Receipts

    func note(_ receipt: SampleReceipt) throws {
        try connection.execute(
            "INSERT INTO metrics_receipts (source, number) VALUES (?, ?) ON CONFLICT (source, number) DO NOTHING",
            [.text(receipt.source), .integer(receipt.number)])
    }

    func receipts(of source: String) throws -> Set<Int64> {
        let rows = try connection.query("SELECT number FROM metrics_receipts WHERE source = ?", [.text(source)])
        return Set(try rows.map { try $0.integer("number") })
    }

    func forgetReceipts(of source: String, below number: Int64) throws {
        try connection.execute(
            "DELETE FROM metrics_receipts WHERE source = ? AND number < ?", [.text(source), .integer(number)])
    }

    // MARK: Age

    func hasPoints(_ resolution: Resolution, before time: Int64) throws -> Bool {
        let rows = try connection.query(
            "SELECT 1 AS one FROM metrics_points WHERE resolution = ? AND time < ? LIMIT 1",
            [.integer(resolution.rawValue), .integer(time)])
        return !rows.isEmpty
    }

    /// Takes points out that are older than that, the oldest first.
    func takeOldest(_ resolution: Resolution, before time: Int64, limit: Int) throws
        -> [(series: Int64, point: MetricPoint)]
    {
        let rows = try connection.query(
            """
            SELECT series, time, unit, distribution FROM metrics_points WHERE resolution = ? AND time < ?
            ORDER BY time LIMIT ?
            """, [.integer(resolution.rawValue), .integer(time), .integer(Int64(limit))])
        var taken: [(series: Int64, point: MetricPoint)] = []
        for row in rows {
            let place: [SQLValue] = [
                .integer(try row.integer("series")), .integer(resolution.rawValue), .integer(try row.integer("time")),
                .text(try row.text("unit")),
            ]
            try connection.execute(
                "DELETE FROM metrics_points WHERE series = ? AND resolution = ? AND time = ? AND unit = ?", place)
            guard let unit = MetricUnit(rawValue: try row.text("unit")),
                let distribution = Distribution(encoded: try row.blob("distribution"))
            else { continue }
            taken.append(
                (
                    try row.integer("series"),
                    MetricPoint(
                        resolution: resolution, time: try row.integer("time"), unit: unit, distribution: distribution)
                ))
        }
        return taken
    }

    /// Forgets metrics that have had no samples since then; their points are gone by that time.
    func forgetSeries(before time: Int64, limit: Int) throws {
        try connection.execute(
            """
            DELETE FROM metrics_series WHERE id IN (SELECT id FROM metrics_series WHERE last < ? ORDER BY last LIMIT ?)
            """, [.integer(time), .integer(Int64(limit))])
    }

    func deleteAll() throws {
        for table in CloudWatchService.tables { try connection.execute("DELETE FROM \(table)", []) }
    }
}

extension MetricKey {
    fileprivate var columns: [SQLValue] {
        [.text(account), .text(region), .text(namespace), .text(name), .text(dimensionText)]
    }

    /// `[["name","value"],…]`, sorted by name: the same text for the same dimensions.
    fileprivate var dimensionText: String {
        var writer = JSONWriter()
        writer.beginArray()
        for dimension in dimensions {
            writer.beginArray()
            writer.string(dimension.name)
            writer.string(dimension.value)
            writer.endArray()
        }
        writer.endArray()
        return String(buffer: writer.buffer)
    }

    fileprivate static func dimensions(in text: String) -> [MetricDimension] {
        guard let value = try? JSONValue(parsing: ByteBuffer(string: text)) else { return [] }
        return value.elements.compactMap { pair in
            let texts = pair.elements.compactMap(\.string)
            return texts.count == 2 ? MetricDimension(texts[0], texts[1]) : nil
        }
    }
}
