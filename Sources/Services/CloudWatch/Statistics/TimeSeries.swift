import Metrics

/// Values over time.
struct TimeSeries: Sendable, Hashable {
    /// Seconds.
    var period: Int64
    /// By time, ascending: seconds since 1970.
    var points: [Point]
    var label = ""

    struct Point: Sendable, Hashable {
        var time: Int64
        var value: Double
    }
}

/// A stretch of time cut into periods.
struct Periods: Sendable, Hashable {
    /// Seconds since 1970: where the first begins.
    let start: Int64
    /// Seconds since 1970: before which the last begins.
    let end: Int64
    /// Seconds.
    let length: Int64

    /// Begins where AWS has a request begin: the older the time, the rounder it is.
    ///
    /// - Parameters:
    ///   - start: Seconds since 1970, as `end` and `now`.
    ///   - length: Seconds.
    init(from start: Double, to end: Double, length: Int64, now: Int64) {
        let age = Double(now) - start
        let unit: Int64 =
            if length < 60 { length } else if age < 15 * 86_400 { 60 } else if age < 63 * 86_400 { 300 } else { 3_600 }
        let first = Int64(start.rounded(.down))
        self.start = first - first % unit
        self.end = Int64(end.rounded(.up))
        self.length = length
    }

    init(start: Int64, end: Int64, length: Int64) {
        self.start = start
        self.end = end
        self.length = length
    }

    var count: Int64 { end > start ? (end - start + length - 1) / length : 0 }

    /// Where the period begins that a time is in.
    func beginning(of time: Int64) -> Int64 { start + (time - start) / length * length }

    /// A metric's samples by unit and period. Those that are known for longer stretches only are not in shorter
    /// periods, but for those of a minute, which are where the minute begins.
    ///
    /// - Parameter unit: The one that is wanted: others are not read. Nil: all.
    func gathered(
        _ key: MetricKey, _ unit: MetricUnit?, in table: MetricTable
    ) throws -> [MetricUnit: [Int64: Distribution]] {
        let resolutions = Resolution.allCases.filter { $0.rawValue <= 60 || length % $0.rawValue == 0 }
        var gathered: [MetricUnit: [Int64: Distribution]] = [:]
        try table.forEachPoint(key, unit, resolutions, from: start, to: end) { point in
            gathered[point.unit, default: [:]][beginning(of: point.time), default: Distribution()]
                .merge(point.distribution)
        }
        return gathered
    }

    /// The same periods, some at a time: samples of all of them at once might be very many.
    var stretches: [Periods] {
        let span = 1_440 * length
        return stride(from: start, to: end, by: Int(span)).map { begin in
            Periods(start: begin, end: min(begin + span, end), length: length)
        }
    }
}

extension MetricUnit {
    /// The order in which one of several units is chosen, where a query names none: as AWS was seen to choose, noted at
    /// LocalStack's test_get_metric_data_different_units_no_unit_in_query.
    private static let order: [MetricUnit] = [
        .megabits, .terabits, .gigabits, .count, .bytes, .gigabytes, .gigabytesPerSecond, .kilobytes,
        .kilobitsPerSecond, .terabytes, .terabitsPerSecond, .bytesPerSecond, .percent, .megabytes, .megabitsPerSecond,
        .milliseconds, .microseconds, .kilobytesPerSecond, .gigabitsPerSecond, .megabytesPerSecond, .bits,
        .bitsPerSecond, .countPerSecond, .seconds, .kilobits, .terabytesPerSecond, .none,
    ]

    static func chosen(of units: some Collection<MetricUnit>) -> MetricUnit? {
        order.first(where: units.contains)
    }
}
