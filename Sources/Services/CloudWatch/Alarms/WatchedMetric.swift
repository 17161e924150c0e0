import AWSWire
import CloudWatchModel
import Metrics

/// What a metric alarm looks at: one statistic, or the one query that returns its values.
struct WatchedMetric: Sendable {
    private enum Source: Sendable {
        case metric(MetricStat)
        case queries([MetricQuery])
    }

    private let source: Source
    /// Seconds.
    let period: Int64
    /// Whether percentiles of few samples count for nothing.
    private let needsSamples: Bool

    /// - Throws: `ValidationException`, `NotImplementedException`.
    init(_ input: CloudWatch.PutMetricAlarmInput, of key: AlarmKey) throws(AWSError) {
        needsSamples = input.evaluateLowSampleCountPercentile == "ignore"
        if let metrics = input.metrics {
            let caller = Caller(.anonymous(AccountID(key.account) ?? .standard), region: key.region)
            let queries = try MetricQuery.read(metrics, "Metrics", of: caller)
            let results = try QueryRun(queries) { Periods(start: 0, end: 0, length: $0) }.check()
            let returned = results.filter(\.query.isReturned)
            guard returned.count == 1 else {
                throw .validation("Exactly one element of the metrics list should return data.")
            }
            guard case .series(let series) = returned[0].value else {
                throw .validation("The expression that returns data must be a single time series.")
            }
            source = .queries(queries)
            period = returned[0].query.period ?? series.period
            return
        }
        guard let namespace = input.namespace, let name = input.metricName, let seconds = input.period,
            let statisticName = input.statistic?.rawValue ?? input.extendedStatistic,
            let statistic = Statistic(statisticName)
        else { throw .validation("An alarm needs a metric, a period and a statistic.") }
        period = Int64(seconds)
        source = .metric(
            MetricStat(
                key: MetricKey(
                    account: key.account, region: key.region, namespace: namespace, name: name,
                    dimensions: (input.dimensions ?? []).map { MetricDimension($0.name, $0.value) }), period: period,
                statistic: statistic, statisticName: statisticName,
                unit: input.unit.flatMap { MetricUnit(rawValue: $0.rawValue) }))
    }

    /// The last periods that have ended, the newest first.
    ///
    /// - Parameter now: Seconds since 1970.
    func datapoints(_ count: Int, at now: Int64, _ table: MetricTable) throws -> [AlarmEvaluation.Datapoint] {
        let end = now - now % min(period, 60)
        let start = end - Int64(count) * period
        var values: [Int64: (value: Double, sampleCount: Double?)] = [:]
        switch source {
        case .metric(let stat):
            let periods = Periods(start: start, end: end, length: period)
            let gathered = try periods.gathered(stat.key, stat.unit, in: table)
            for (time, samples) in MetricUnit.chosen(of: gathered.keys).flatMap({ gathered[$0] }) ?? [:] {
                if let value = stat.statistic.value(of: samples) { values[time] = (value, samples.sampleCount) }
            }
        case .queries(let queries):
            let run = QueryRun(queries) { Periods(start: start, end: end, length: $0) }
            // An expression that cannot be worked out over these samples has no values.
            var results: [QueryRun.Result] = []
            do { results = try run.results(table) } catch is AWSError {}
            if case .series(let series) = results.first(where: \.query.isReturned)?.value {
                for point in series.points { values[point.time] = (point.value, nil) }
            }
        }
        return (1...Int64(count)).map { back in
            let time = end - back * period
            let found = values[time]
            return AlarmEvaluation.Datapoint(time: time, value: found?.value, sampleCount: found?.sampleCount)
        }
    }

    /// Whether there are too few samples for the percentile to say something, and the alarm minds that.
    ///
    /// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
    func ignoresFew(_ datapoints: ArraySlice<AlarmEvaluation.Datapoint>) -> Bool {
        guard needsSamples, case .metric(let stat) = source, case .percentile(let percent) = stat.statistic else {
            return false
        }
        let part = percent / 100
        let needed = part >= 0.5 ? 10 / max(1 - part, 1e-9) : 10 / max(part, 1e-9)
        return datapoints.contains { ($0.sampleCount ?? .infinity) < needed }
    }
}
