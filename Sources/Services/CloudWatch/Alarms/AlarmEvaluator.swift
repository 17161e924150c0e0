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
        alarms: AlarmStore, metrics: any Database, samples: SampleBuffer, clock: @escaping @Sendable () -> Int64,
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
    @discardableResult func pass() async throws -> Duration {
        var isMore = true
        while isMore, !Task.isCancelled {
            let now = clock()
            let due = try await alarms.read { try $0.due(at: now, limit: Self.batch) }
            if !due.isEmpty { await samples.flush() }
            try await look(at: due, now: now)
            isMore = due.count == Self.batch
        }
        let next = try await alarms.read { try $0.nextDue() }
        let now = clock()
        return .milliseconds(min(Self.longestWait, max(10, (next ?? .max) - now)))
    }

    /// What is found of metric alarms is one commit.
    private func look(at due: [Alarm], now: Int64) async throws {
        var looked: [(alarm: Alarm, found: Found?)] = []
        for alarm in due {
            switch alarm.configuration {
            case .composite(let input): try await settle(alarm, try? AlarmRule(input.alarmRule), now: now)
            case .metric(let input): looked.append((alarm, try await outcome(input, alarm, now: now)))
            }
        }
        guard !looked.isEmpty else { return }
        try await alarms.change { [looked] transitions in
            for (alarm, found) in looked {
                // Somebody may have configured it anew, or set its state, meanwhile.
                guard var current = try transitions.table.find(alarm.key), current.configured == alarm.configured,
                    current.updated == alarm.updated
                else { continue }
                current.due = alarm.nextDue(after: now)
                try transitions.table.postpone(alarm.key, until: current.due)
                guard let found, found.state != current.state else { continue }
                try transitions.move(current, to: found.state, reason: found.reason, data: found.data, now: now)
            }
        }
    }

    /// A composite alarm was made or changed.
    private func settle(_ alarm: Alarm, _ rule: AlarmRule?, now: Int64) async throws {
        try await alarms.change { transitions in
            guard let current = try transitions.table.find(alarm.key), current.isComposite else { return }
            try transitions.table.postpone(alarm.key, until: nil)
            try transitions.table.putChildren(of: current)
            guard let rule, current.configured == alarm.configured else { return }
            var settled = current
            settled.due = nil
            let isNew = current.state == .insufficientData
            try transitions.evaluate(settled, rule, because: nil, now: now, isNew: isNew)
        }
    }

    private struct Found: Sendable {
        var state: AlarmState
        var reason: String
        var data: String
    }

    /// What the samples say; nil where the alarm is to stay as it is.
    private func outcome(_ input: CloudWatch.PutMetricAlarmInput, _ alarm: Alarm, now: Int64) async throws -> Found? {
        guard let watched = try? WatchedMetric(input, of: alarm.key), let evaluation = AlarmEvaluation(input) else {
            return nil
        }
        let datapoints = try await metrics.read { connection in
            try watched.datapoints(evaluation.range, at: now / 1_000, MetricTable(connection))
        }
        if watched.ignoresFew(datapoints.prefix(evaluation.periods)) { return nil }
        guard let outcome = evaluation.outcome(of: datapoints) else { return nil }
        let data = StateReasonData(input: input, period: watched.period, now: now, outcome: outcome).text
        return Found(state: outcome.state, reason: outcome.reason, data: data)
    }
}

extension AlarmEvaluation {
    /// Nil of what PutMetricAlarm does not accept.
    init?(_ input: CloudWatch.PutMetricAlarmInput) {
        guard let comparison = input.comparisonOperator.flatMap({ Comparison(rawValue: $0.rawValue) }),
            let threshold = input.threshold, let periods = input.evaluationPeriods,
            let missingData = MissingData(rawValue: input.treatMissingData ?? MissingData.missing.rawValue)
        else { return nil }
        self.comparison = comparison
        self.threshold = threshold
        self.periods = periods
        self.missingData = missingData
        datapointsToAlarm = input.datapointsToAlarm
    }
}
