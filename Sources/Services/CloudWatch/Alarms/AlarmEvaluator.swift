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

    /// What is found is one commit. An alarm with which something is wrong keeps none of the others, and is looked at
    /// again when it would be anyway.
    private func look(at due: [Alarm], now: Int64) async throws {
        var looked: [(alarm: Alarm, found: Found?)] = []
        for alarm in due {
            var found: Found?
            if case .metric(let input) = alarm.configuration {
                do { found = try await outcome(input, alarm, now: now) } catch { complain(of: alarm, error) }
            }
            looked.append((alarm, found))
        }
        guard !looked.isEmpty else { return }
        do { try await keep(looked, now: now) } catch {
            for one in looked {
                do { try await keep([one], now: now) } catch {
                    complain(of: one.alarm, error)
                    let next = one.alarm.nextDue(after: now) ?? now + AlarmTable.calm
                    try await alarms.write { try $0.postpone(one.alarm.key, until: next) }
                }
            }
        }
    }

    private func complain(of alarm: Alarm, _ error: any Error) {
        logger.error(
            "An alarm could not be evaluated", metadata: ["alarm": "\(alarm.key.arn)", "error": "\(error)"])
    }

    private func keep(_ looked: [(alarm: Alarm, found: Found?)], now: Int64) async throws {
        try await alarms.change { transitions in
            for (alarm, found) in looked {
                guard var current = try transitions.table.find(alarm.key) else { continue }
                if current.isComposite {
                    try Self.settle(current, &transitions, now: now)
                    continue
                }
                // Somebody may have configured it anew, or set its state, meanwhile.
                guard current.configured == alarm.configured, current.updated == alarm.updated else { continue }
                current.due = alarm.nextDue(after: now)
                try transitions.table.postpone(alarm.key, until: current.due)
                guard let found, found.state != current.state else { continue }
                try transitions.move(current, to: found.state, reason: found.reason, data: found.data, now: now)
            }
        }
    }

    /// A composite alarm was made or changed, or put off.
    private static func settle(_ composite: Alarm, _ transitions: inout Transitions, now: Int64) throws {
        try transitions.table.postpone(composite.key, until: nil)
        try transitions.table.putChildren(of: composite)
        guard let rule = composite.rule else { return }
        var settled = composite
        settled.due = nil
        let isNew = composite.state == .insufficientData
        try transitions.evaluate(settled, rule, because: nil, now: now, isNew: isNew)
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
