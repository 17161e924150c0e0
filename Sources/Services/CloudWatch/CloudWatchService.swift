package import AWSWire
import CloudWatchModel
package import Delivery
package import Identity
package import Logging
package import NIOCore
package import NIOHTTP1
import ServiceLifecycle
package import Storage

/// Amazon CloudWatch (2010-08-01): metrics, alarms on them, and dashboards, in three protocols.
///
/// Samples that clients put are on disk when they are acknowledged; those of services come through ``samples`` and are
/// written behind. A change of an alarm's state and what it has done are one commit.
package final class CloudWatchService: AWSWire.Service, ServiceLifecycle.Service {
    package let signingName = "monitoring"
    package let wireProtocol = CloudWatch.cbor
    /// Where services put what they measure.
    package let samples: SampleBuffer

    let database: any Database
    let alarms: AlarmStore
    let evaluator: AlarmEvaluator
    let authorizer: Authorizer
    let quotas: CloudWatchQuotas
    /// Milliseconds since 1970.
    let clock: @Sendable () -> Int64
    let logger: Logger
    private let retention: Retention

    /// - Parameters:
    ///   - database: Has had ``migrations`` applied.
    ///   - events: Has had ``alarmMigrations`` applied, and is the outbox's.
    package init(
        database: any Database, events: any Database, outbox: Outbox, authorizer: Authorizer,
        quotas: CloudWatchQuotas = CloudWatchQuotas(),
        clock: @escaping @Sendable () -> Int64 = WallClock.milliseconds, logger: Logger
    ) {
        self.database = database
        self.authorizer = authorizer
        self.quotas = quotas
        self.clock = clock
        self.logger = logger
        samples = SampleBuffer(database: database, clock: clock, logger: logger)
        retention = Retention(database: database, clock: clock)
        let alarms = AlarmStore(database: events, outbox: outbox)
        self.alarms = alarms
        evaluator = AlarmEvaluator(alarms: alarms, metrics: database, samples: samples, clock: clock, logger: logger)
        let actions = AlarmActions { key, isComposite, target, failure in
            let item = AlarmHistory.action(
                key, isComposite: isComposite, at: clock(), target: target,
                error: failure.map { "\($0.code): \($0.message)" })
            // Nobody waits for it; it ends with its one commit.
            Task { try? await alarms.write { try $0.note(item) } }
        }
        outbox.register(actions, as: AlarmActions.name)
    }

    // MARK: API

    package func wireProtocol(of headers: HTTPHeaders) -> WireProtocol { CloudWatch.wireProtocol(of: headers) }

    package func respond(to request: ServiceRequest, on eventLoop: any EventLoop) -> EventLoopFuture<ServiceResponse> {
        eventLoop.makeFutureWithTask {
            let operation = try CloudWatch.route(request)
            return CloudWatch.answer(operation, to: request, try await self.answer(operation, request.inflated()))
        }
    }

    private func answer(_ operation: CloudWatch.Operation, _ request: ServiceRequest) async throws -> Output {
        switch operation {
        case .deleteAlarms: try await deleteAlarms(request)
        case .deleteDashboards: try await deleteDashboards(request)
        case .describeAlarmHistory: try await describeAlarmHistory(request)
        case .describeAlarms: try await describeAlarms(request)
        case .describeAlarmsForMetric: try await describeAlarmsForMetric(request)
        case .disableAlarmActions: try await disableAlarmActions(request)
        case .enableAlarmActions: try await enableAlarmActions(request)
        case .getDashboard: try await getDashboard(request)
        case .getMetricData: try await getMetricData(request)
        case .getMetricStatistics: try await getMetricStatistics(request)
        case .listDashboards: try await listDashboards(request)
        case .listMetrics: try await listMetrics(request)
        case .listTagsForResource: try await listTagsForResource(request)
        case .putCompositeAlarm: try await putCompositeAlarm(request)
        case .putDashboard: try await putDashboard(request)
        case .putMetricAlarm: try await putMetricAlarm(request)
        case .putMetricData: try await putMetricData(request)
        case .setAlarmState: try await setAlarmState(request)
        case .tagResource: try await tagResource(request)
        case .untagResource: try await untagResource(request)
        default: throw AWSError.notImplemented(operation.rawValue)
        }
    }

    package func reset() async throws {
        samples.discard()
        try await database.write { try MetricTable($0).deleteAll() }
        try await alarms.write { try $0.deleteAll() }
    }

    // MARK: Life

    /// Writes what services measure, watches alarms and lets points age, until graceful shutdown or cancellation; then
    /// writes what is left.
    package func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.samples.run() }
            group.addTask { await self.age() }
            group.addTask { await self.evaluator.run() }
            try? await gracefulShutdown()
            group.cancelAll()
        }
        await samples.flush()
    }

    private func age() async {
        while !Task.isCancelled {
            do {
                try await retention.pass()
                let oldest = clock() - Int64(quotas.alarmHistoryDays) * 86_400_000
                try await alarms.write { try $0.forgetHistory(before: oldest) }
            } catch {
                logger.error("Metrics could not be aged", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Retention.period)
        }
    }
}

/// What an operation returns.
typealias Output = (any ShapeOutput)?
