import AWSWire
import Metrics
import Storage
import TestSupport
import Testing

@testable import CloudWatchService

/// How samples are kept, and for how long.
///
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
@Suite struct StoreTests {
    private static let minute: Int64 = 60_000
    private static let day: Int64 = 86_400_000

    @Test func pointsBecomeCoarserAndGo() async throws {
        let rig = try Rig()
        let start = Rig.start
        for second in Int64(0)..<120 { try await rig.put(1, at: start + second * 1_000, #","StorageResolution":1"#) }
        func resolutions() async throws -> [Int64: Int] {
            let rows = try await rig.metrics.read {
                try $0.query("SELECT resolution, COUNT(*) AS count FROM metrics_points GROUP BY resolution", [])
            }
            var counts: [Int64: Int] = [:]
            for row in rows { counts[try row.integer("resolution")] = Int(try row.integer("count")) }
            return counts
        }
        let retention = Retention(database: rig.metrics, clock: { rig.clock.now })
        try await retention.pass()
        #expect(try await resolutions() == [1: 120])
        #expect(try await rig.sums(from: start, to: start + Self.minute, period: 10).count == 6)
        for (age, expected) in [
            (3 * 3_600_000 + 3 * Self.minute, [60: 2]), (15 * Self.day + 10 * Self.minute, [300: 1]),
            (63 * Self.day + 120 * Self.minute, [3_600: 1]), (456 * Self.day, [:]),
        ] as [(Int64, [Int64: Int])] {
            rig.clock.now = start + age
            try await retention.pass()
            #expect(try await resolutions() == expected, "\(age)")
            if expected.isEmpty { continue }
            #expect(
                try await rig.sums(from: start, to: start + 3_600_000, period: 3_600).values.reduce(0, +) == 120,
                "\(age)")
        }
        // What is known for five minutes is not known for one.
        let metrics = try await rig.metrics.read { try $0.query("SELECT id FROM metrics_series", []) }
        #expect(metrics.isEmpty)
    }

    /// More points than are read at a time, of two units and resolutions, over more than a day.
    @Test func longTimesAreReadInParts() async throws {
        let rig = try Rig()
        let key = MetricKey(account: "000000000000", region: "us-east-1", namespace: "n", name: "m")
        rig.clock.now = Rig.start + 3 * Self.day
        let drafts = (0..<3_000).flatMap { minute in
            [MetricUnit.count, .seconds].map { unit in
                var distribution = Distribution()
                distribution.record(unit == .count ? 1 : 2)
                let place = PointDraft.Place(
                    key: key, resolution: .minute, time: Rig.start / 1_000 + Int64(minute) * 60, unit: unit)
                return PointDraft(place: place, distribution: distribution)
            }
        }
        try await rig.metrics.write { try MetricTable($0).add(drafts) }
        for (period, unit, counts) in [
            (60, "Count", Array(repeating: 1.0, count: 3_000)), (3_600, "Count", Array(repeating: 60.0, count: 50)),
            (86_400 * 2, "Seconds", [5_760, 240]),
        ] as [(Int, String, [Double])] {
            let answer = try await rig.ask(
                "GetMetricData",
                """
                {"StartTime":\(Rig.start / 1_000),"EndTime":\((Rig.start + 3 * Self.day) / 1_000),
                "ScanBy":"TimestampAscending","MetricDataQueries":[{"Id":"a","MetricStat":{"Metric":{"Namespace":"n",
                "MetricName":"m"},"Period":\(period),"Stat":"Sum","Unit":"\(unit)"}}]}
                """)
            let values = answer["MetricDataResults"]?.elements.first?["Values"]?.elements.compactMap(\.double)
            #expect(values == counts, "\(period)")
        }
        let sums = try await rig.sums(from: Rig.start, to: Rig.start + 3 * Self.day, period: 86_400)
        #expect(sums.count == 3)
    }

    /// A unit that nobody asked for costs nothing: its points are not read.
    @Test func pointsOfOtherUnitsAreNotRead() async throws {
        let rig = try Rig()
        let key = MetricKey(account: "000000000000", region: "us-east-1", namespace: "n", name: "m")
        let drafts = [MetricUnit.count, .seconds, .bytes].flatMap { unit in
            (0..<100).map { minute in
                var distribution = Distribution()
                distribution.record(1)
                let place = PointDraft.Place(key: key, resolution: .minute, time: Int64(minute) * 60, unit: unit)
                return PointDraft(place: place, distribution: distribution)
            }
        }
        try await rig.metrics.write { try MetricTable($0).add(drafts) }
        let cases: [(MetricUnit?, Int, [String])] = [(.seconds, 100, []), (nil, 300, ["Bytes", "Count", "Seconds"])]
        for (unit, read, units) in cases {
            let (points, found, rows) = try await rig.metrics.read { connection in
                let counting = CountingConnection(connection)
                let stat = MetricStat(key: key, period: 60, statistic: .sum, statisticName: "Sum", unit: unit)
                let (series, units) = try stat.values(
                    in: Periods(start: 0, end: 6_000, length: 60), MetricTable(counting))
                return (series.points.count, units, counting.points)
            }
            #expect(points == 100 && found == units && rows == read)
        }
    }

    @Test func samplesOfServicesAreThereWhenAsked() async throws {
        let rig = try Rig()
        let key = MetricKey(account: "000000000000", region: "us-east-1", namespace: "n", name: "m")
        for _ in 0..<10 {
            rig.service.samples.record([MetricSample(key, unit: .count, timestamp: Rig.start + 5_000, value: 2)])
        }
        #expect(try await rig.sums(from: Rig.start, to: Rig.start + Self.minute) == [Int(Rig.start / 1_000): 20])
        rig.service.samples.record([MetricSample(key, unit: .count, timestamp: Rig.start + 50_000, value: 1)])
        #expect(try await rig.sums(from: Rig.start, to: Rig.start + Self.minute) == [Int(Rig.start / 1_000): 21])
    }

    @Test func samplesBeyondTheCapacityAreDropped() async throws {
        let rig = try Rig()
        let buffer = SampleBuffer(
            database: rig.metrics, capacity: 3, clock: { rig.clock.now }, logger: rig.service.logger)
        for number in 0..<5 {
            let key = MetricKey(account: "000000000000", region: "us-east-1", namespace: "n", name: "m\(number)")
            for _ in 0..<2 { buffer.record([MetricSample(key, unit: .count, timestamp: Rig.start, value: 1)]) }
        }
        await buffer.flush()
        let answer = try await rig.ask("ListMetrics", "{}")
        #expect(answer["Metrics"]?.elements.compactMap { $0["MetricName"]?.string }.sorted() == ["m0", "m1", "m2"])
    }

    @Test func timesOutOfReach() async throws {
        let rig = try Rig()
        for (offset, isTaken) in [
            (-14 * Self.day + 1_000, true), (-14 * Self.day - 1_000, false), (2 * 3_600_000 - 1_000, true),
            (2 * 3_600_000 + 1_000, false),
        ] {
            let refused = await refusal { try await rig.put(1, at: Rig.start + offset) }
            #expect((refused == nil) == isTaken, "\(offset)")
        }
    }

    private func refusal(_ body: () async throws -> Void) async -> (any Error)? {
        do {
            try await body()
            return nil
        } catch {
            return error
        }
    }
}

/// Counts the points that are read.
private final class CountingConnection: SQLConnection {
    private let connection: any SQLConnection
    private(set) var points = 0

    init(_ connection: any SQLConnection) { self.connection = connection }

    func query(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> [SQLRow] {
        let rows = try connection.query(sql, arguments)
        if sql.contains("metrics_points") { points += rows.count }
        return rows
    }

    func execute(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> Int {
        try connection.execute(sql, arguments)
    }
}
