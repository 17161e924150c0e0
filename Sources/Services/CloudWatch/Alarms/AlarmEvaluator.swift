import AWSWire
import CloudWatchModel
import Logging
import Metrics
import NIOCore
import Storage

/// Looks at alarms when they are due: one timer for all of them.
final class AlarmEvaluator: Sendable {
    /// How many alarms are looked at together.
    private static let batch = 100
    /// The longest wait, should a clock jump.
    private static let longestWait: Int64 = 10_000
    /// How long to wait after the store has failed.
    private static let pause = Duration.seconds(1)

    private let alarms: AlarmStore
    private let metrics: any Database
    private let samples: SampleBuffer
    /// Milliseconds since 1970.
    private let clock: @Sendable () -> Int64
    private let logger: Logger
    private let wakeups: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init(
        alarms: AlarmStore, metrics: any Database, samples: SampleBuffer,
        clock: @escaping @Sendable () -> Int64,
        logger: Logger
    ) {
        self.alarms = alarms
        self.metrics = metrics
        self.samples = samples
        self.clock = clock
        self.logger = logger
        (wakeups, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// An alarm is due earlier than was thought.
    func wake() { signal.yield() }

    /// Looks at alarms until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            let time = ContinuousClock()
            var timer: ContinuousClock.Instant?
            signal.yield()
            for await _ in wakeups {
                let wait: Duration
                do { wait = try await pass() } catch {
                    logger.error("Alarms could not be evaluated", metadata: ["error": "\(error)"])
                    wait = Self.pause
                }
                if Task.isCancelled { break }
                let instant = time.now.advanced(by: wait)
                if let timer, timer > time.now, timer <= instant { continue }
                timer = instant
                group.addTask {
                    try? await Task.sleep(until: instant, clock: time)
                    self.signal.yield()
                }
            }
            group.cancelAll()
        }
    }

    /// Looks at all that are due.
    ///
    /// - Returns: How long nothing will be.
    @discardableResult
    func pass() async throws -> Duration {
        var isMore = true
        while isMore, !Task.isCancelled {
            let now = clock()
            let due = try await alarms.read { try $0.due(at: now, limit: Self.batch) }
            if !due.isEmpty { await samples.flush() }
            for alarm in due { try await look(at: alarm, now: now) }
            isMore = due.count == Self.batch
        }
        let next = try await alarms.read { try $0.nextDue() }
        let now = clock()
        return .milliseconds(min(Self.longestWait, max(10, (next ?? .max) - now)))
    }

    private func look(at alarm: Alarm, now: Int64) async throws {
        switch alarm.configuration {
        case .composite(let input):
            let rule = try? AlarmRule(input.alarmRule)
            try await alarms.change { transitions in
                guard let current = try transitions.table.find(alarm.key), current.isComposite else {
                    return
                }
                try transitions.table.postpone(alarm.key, until: nil)
                guard let rule, current.configured == alarm.configured else { return }
                var settled = current
                settled.due = nil
                let isNew = current.state == .insufficientData
                try transitions.evaluate(settled, rule, because: nil, now: now, isNew: isNew)
            }
        case .metric(let input):
            let found = try await outcome(input, alarm, now: now)
            try await alarms.change { transitions in
                // Somebody may have configured it anew, or set its state, meanwhile.
                guard var current = try transitions.table.find(alarm.key),
                    current.configured == alarm.configured,
                    current.updated == alarm.updated
                else { return }
                current.due = alarm.nextDue(after: now)
                try transitions.table.postpone(alarm.key, until: current.due)
                guard let found, found.state != current.state else { return }
                try transitions.move(
                    current, to: found.state, reason: found.reason, data: found.data, now: now)
            }
        }
    }

    private struct Found: Sendable {
        var state: AlarmState
        var reason: String
        var data: String
    }

    /// What the samples say; nil where the alarm is to stay as it is.
    private func outcome(_ input: CloudWatch.PutMetricAlarmInput, _ alarm: Alarm, now: Int64)
        async throws -> Found?
    {
        guard let watched = try? WatchedMetric(input, of: alarm.key),
            let evaluation = AlarmEvaluation(input)
        else { return nil }
        let datapoints = try await metrics.read { connection in
            try watched.datapoints(evaluation.range, at: now / 1_000, MetricTable(connection))
        }
        if watched.ignoresFew(datapoints.prefix(evaluation.periods)) { return nil }
        guard let outcome = evaluation.outcome(of: datapoints) else { return nil }
        let data = StateReasonData(input: input, period: watched.period, now: now, outcome: outcome)
            .text
        return Found(state: outcome.state, reason: outcome.reason, data: data)
    }
}

extension AlarmEvaluation {
    /// Nil of what PutMetricAlarm does not accept.
    init?(_ input: CloudWatch.PutMetricAlarmInput) {
        guard let comparison = input.comparisonOperator.flatMap({ Comparison(rawValue: $0.rawValue) }),
            let threshold = input.threshold, let periods = input.evaluationPeriods,
            let missingData = MissingData(
                rawValue: input.treatMissingData ?? MissingData.missing.rawValue)
        else { return nil }
        self.comparison = comparison
        self.threshold = threshold
        self.periods = periods
        self.missingData = missingData
        datapointsToAlarm = input.datapointsToAlarm
    }
}

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
                    dimensions: (input.dimensions ?? []).map { MetricDimension($0.name, $0.value) }),
                period: period, statistic: statistic, statisticName: statisticName,
                unit: input.unit.flatMap { MetricUnit(rawValue: $0.rawValue) }))
    }

    /// The last periods that have ended, the newest first.
    ///
    /// - Parameter now: Seconds since 1970.
    func datapoints(_ count: Int, at now: Int64, _ table: MetricTable) throws -> [AlarmEvaluation
        .Datapoint]
    {
        let end = now - now % min(period, 60)
        let start = end - Int64(count) * period
        var values: [Int64: (value: Double, sampleCount: Double?)] = [:]
        switch source {
        case .metric(let stat):
            let periods = Periods(start: start, end: end, length: period)
            let gathered = periods.gathered(try table.points(stat.key, from: start, to: end))
            let unit = stat.unit ?? MetricUnit.chosen(of: gathered.keys)
            for (time, samples) in unit.flatMap({ gathered[$0] }) ?? [:] {
                if let value = stat.statistic.value(of: samples) {
                    values[time] = (value, samples.sampleCount)
                }
            }
        case .queries(let queries):
            let run = QueryRun(queries) { Periods(start: start, end: end, length: $0) }
            let returned = try run.results(table).first(where: \.query.isReturned)
            if case .series(let series) = returned?.value {
                for point in series.points { values[point.time] = (point.value, nil) }
            }
        }
        return (1...Int64(count)).map { back in
            let time = end - back * period
            let found = values[time]
            return AlarmEvaluation.Datapoint(
                time: time, value: found?.value, sampleCount: found?.sampleCount)
        }
    }

    /// Whether there are too few samples for the percentile to say something, and the alarm minds that.
    ///
    /// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
    func ignoresFew(_ datapoints: ArraySlice<AlarmEvaluation.Datapoint>) -> Bool {
        guard needsSamples, case .metric(let stat) = source,
            case .percentile(let percent) = stat.statistic
        else {
            return false
        }
        let part = percent / 100
        let needed = part >= 0.5 ? 10 / max(1 - part, 1e-9) : 10 / max(part, 1e-9)
        return datapoints.contains { ($0.sampleCount ?? .infinity) < needed }
    }
}

/// What a change of state says of the values that made it, as recorded in LocalStack's test_put_metric_alarm.
struct StateReasonData {
    var input: CloudWatch.PutMetricAlarmInput
    /// Seconds.
    var period: Int64
    /// Milliseconds since 1970.
    var now: Int64
    var outcome: AlarmEvaluation.Outcome

    var text: String {
        var writer = JSONWriter()
        let real = outcome.evaluated.filter { $0.value != nil }
        writer.beginObject()
        writer.member("version", "1.0")
        writer.member("queryDate", AlarmTime.text(now))
        if let first = real.map(\.time).min() {
            writer.member("startDate", AlarmTime.text(first * 1_000))
        }
        if let unit = input.unit { writer.member("unit", unit.rawValue) }
        if let statistic = input.statistic { writer.member("statistic", statistic.rawValue) }
        writer.name("period")
        writer.int(Int(period))
        writer.name("recentDatapoints")
        writer.beginArray()
        for datapoint in real.reversed().prefix(20) { writer.double(datapoint.value ?? 0) }
        writer.endArray()
        writer.name("threshold")
        writer.double(input.threshold ?? 0)
        writer.name("evaluatedDatapoints")
        writer.beginArray()
        // A state's data have 4,000 characters at most.
        for datapoint in outcome.evaluated.prefix(20) {
            writer.beginObject()
            writer.member("timestamp", AlarmTime.text(datapoint.time * 1_000))
            if let count = datapoint.sampleCount {
                writer.name("sampleCount")
                writer.double(count)
            }
            if let value = datapoint.value {
                writer.name("value")
                writer.double(value)
            }
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return String(buffer: writer.buffer)
    }
}
