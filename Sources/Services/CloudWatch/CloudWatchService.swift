package import AWSWire
import CloudWatchModel
package import Identity
package import Logging
package import NIOCore
package import NIOHTTP1
import ServiceLifecycle
package import Storage

/// Amazon CloudWatch (2010-08-01): metrics, in three protocols.
///
/// Samples that clients put are on disk when they are acknowledged; those of services come through ``samples`` and are
/// written behind.
package final class CloudWatchService: AWSWire.Service, ServiceLifecycle.Service {
    package let signingName = "monitoring"
    package let wireProtocol = CloudWatch.cbor
    /// Where services put what they measure.
    package let samples: SampleBuffer

    let database: any Database
    let authorizer: Authorizer
    let quotas: CloudWatchQuotas
    /// Milliseconds since 1970.
    let clock: @Sendable () -> Int64
    let logger: Logger
    private let retention: Retention

    /// - Parameter database: Has had ``migrations`` applied.
    package init(
        database: any Database, authorizer: Authorizer, quotas: CloudWatchQuotas = CloudWatchQuotas(),
        clock: @escaping @Sendable () -> Int64 = WallClock.milliseconds, logger: Logger
    ) {
        self.database = database
        self.authorizer = authorizer
        self.quotas = quotas
        self.clock = clock
        self.logger = logger
        samples = SampleBuffer(database: database, clock: clock, logger: logger)
        retention = Retention(database: database, clock: clock)
    }

    // MARK: API

    package func wireProtocol(of headers: HTTPHeaders) -> WireProtocol { CloudWatch.wireProtocol(of: headers) }

    package func respond(to request: ServiceRequest, on eventLoop: any EventLoop) -> EventLoopFuture<ServiceResponse> {
        eventLoop.makeFutureWithTask {
            let operation = try CloudWatch.route(request)
            return CloudWatch.answer(operation, to: request, try await self.answer(operation, request))
        }
    }

    private func answer(_ operation: CloudWatch.Operation, _ request: ServiceRequest) async throws -> Output {
        switch operation {
        case .getMetricData: try await getMetricData(request)
        case .getMetricStatistics: try await getMetricStatistics(request)
        case .listMetrics: try await listMetrics(request)
        case .putMetricData: try await putMetricData(request)
        default: throw AWSError.notImplemented(operation.rawValue)
        }
    }

    package func reset() async throws {
        samples.discard()
        try await database.write { try MetricTable($0).deleteAll() }
    }

    // MARK: Life

    /// Writes what services measure and lets points age, until graceful shutdown or cancellation; then writes what is
    /// left.
    package func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.samples.run() }
            group.addTask { await self.age() }
            try? await gracefulShutdown()
            group.cancelAll()
        }
        await samples.flush()
    }

    private func age() async {
        while !Task.isCancelled {
            do { try await retention.pass() } catch {
                logger.error("Metrics could not be aged", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Retention.period)
        }
    }
}

/// What an operation returns.
typealias Output = (any ShapeOutput)?
