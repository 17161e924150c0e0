import AWSWire
import CloudWatchModel
import Metrics
import Storage

/// One statistic of one metric, as queries and alarms ask for it.
struct MetricStat: Sendable, Hashable {
    var key: MetricKey
    /// Seconds.
    var period: Int64
    var statistic: Statistic
    /// As it was asked for.
    var statisticName: String
    var unit: MetricUnit?

    /// The values, and the names of the units of the data where there are several and none was asked for.
    func values(in periods: Periods, _ table: MetricTable) throws -> (series: TimeSeries, units: [String]) {
        var values: [MetricUnit: [TimeSeries.Point]] = [:]
        for stretch in periods.stretches {
            for (unit, parts) in try stretch.gathered(key, unit, in: table) {
                let points = parts.compactMap { time, samples in
                    statistic.value(of: samples).map { TimeSeries.Point(time: time, value: $0) }
                }
                values[unit, default: []] += points.sorted { $0.time < $1.time }
            }
        }
        let points = MetricUnit.chosen(of: values.keys).flatMap { values[$0] } ?? []
        let units = values.count > 1 ? values.keys.map(\.rawValue).sorted() : []
        return (TimeSeries(period: period, points: points), units)
    }

    /// A period that AWS has: a multiple of a minute, or one of those of high resolution.
    static func isPeriod(_ seconds: Int) -> Bool {
        [1, 5, 10, 20, 30].contains(seconds) || (seconds > 0 && seconds % 60 == 0 && seconds <= 86_400 * 365)
    }
}
