package import AWSWire
package import Identity
package import Logging
package import NIOCore
import Policies
import ServiceLifecycle
package import Storage
import XRayModel

/// AWS X-Ray, as far as traced functions, their SDKs and whoever looks at their traces need it.
///
/// Functions and the fleet write through ``store``; clients write and read through the API.
package final class XRayService: AWSWire.Service, ServiceLifecycle.Service {
    /// How often expired traces are deleted.
    private static let expiryPeriod = Duration.seconds(3600)

    package let signingName = "xray"
    package let wireProtocol = WireProtocol.restJSON
    package let store: TraceStore

    let database: any Database
    /// Milliseconds since 1970.
    let clock: @Sendable () -> Int64
    let statistics = SamplingStatistics()
    private let authorizer: Authorizer
    private let logger: Logger

    /// - Parameter database: Has had ``migrations`` applied.
    package convenience init(database: any Database, authorizer: Authorizer, logger: Logger) {
        self.init(
            database: database, limits: TraceStore.Limits(), clock: { WallClock.milliseconds() },
            authorizer: authorizer, logger: logger)
    }

    init(
        database: any Database, limits: TraceStore.Limits, clock: @escaping @Sendable () -> Int64,
        authorizer: Authorizer, logger: Logger
    ) {
        self.database = database
        self.clock = clock
        self.authorizer = authorizer
        self.logger = logger
        store = TraceStore(database: database, limits: limits, clock: clock, logger: logger)
    }

    // MARK: API

    package func respond(to request: ServiceRequest, on eventLoop: any EventLoop) -> EventLoopFuture<ServiceResponse> {
        guard let operation = XRay.route(request) else { return eventLoop.makeFailedFuture(AWSError.unknownOperation) }
        return eventLoop.makeFutureWithTask {
            // None of these is about a resource that has a name.
            try self.authorizer.require(
                "xray:\(operation.rawValue)", on: ProtectedResource("*", account: request.caller.account.digits),
                request, wire: self.wireProtocol)
            return try await self.answer(operation, request)
        }
    }

    private func answer(_ operation: XRay.Operation, _ request: ServiceRequest) async throws -> ServiceResponse {
        switch operation {
        case .batchGetTraces: try await batchGetTraces(request)
        case .getSamplingRules: try getSamplingRules(request)
        case .getSamplingStatisticSummaries: try getSamplingStatisticSummaries(request)
        case .getSamplingTargets: try getSamplingTargets(request)
        case .getTraceSummaries: try await getTraceSummaries(request)
        case .putTelemetryRecords: try putTelemetryRecords(request)
        case .putTraceSegments: try await putTraceSegments(request)
        default: throw AWSError.notImplemented(operation.rawValue)
        }
    }

    package func reset() async throws {
        try await database.write { [store] connection in
            store.discard()
            try TraceTables(connection).deleteAll()
        }
        statistics.reset()
    }

    // MARK: Life

    /// Writes what functions record and deletes what has expired, until graceful shutdown or cancellation; then writes
    /// what is left.
    package func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.store.writeRecorded() }
            group.addTask { await self.expireHourly() }
            try? await gracefulShutdown()
            group.cancelAll()
        }
        await store.flush()
    }

    private func expireHourly() async {
        while !Task.isCancelled {
            do { try await store.expire() } catch {
                logger.error("Expired traces could not be deleted", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.expiryPeriod)
        }
    }
}

extension ServiceRequest {
    /// Whose traces the request is about.
    var owner: TraceOwner { TraceOwner(account: caller.account.digits, region: caller.region) }
}

extension AWSError {
    /// A token that no answer has had.
    static var invalidToken: AWSError { XRayError.invalidRequest(message: "Invalid NextToken.") }
}
