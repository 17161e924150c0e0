package import AWSWire
import CloudTrailModel
package import Identity
package import Logging
package import NIOCore
import Policies
import ServiceLifecycle
package import Storage

/// AWS CloudTrail: the event history of every account, and the files that are shipped. Trails are not among it.
///
/// The front door tells ``trail`` of every call; clients look events up through the API.
package final class CloudTrailService: AWSWire.Service, ServiceLifecycle.Service {
    package struct Configuration: Sendable {
        /// Where the files are; made when there is none.
        package var directory: String
        /// Days that files are kept.
        package var days = 90
        /// Whether invocations, and what else is done with resources, are recorded.
        package var recordsData = false

        package init(directory: String) { self.directory = directory }
    }

    /// How often what is too old is deleted.
    private static let expiryPeriod = Duration.seconds(3600)

    package let signingName = "cloudtrail"
    package let wireProtocol = WireProtocol.awsJSON(version: "1.1")
    package let secretMembers = CloudTrail.Operation.sensitiveMembers
    package let trail: AuditTrail

    let database: any Database
    /// Seconds since 1970.
    let clock: @Sendable () -> Int64
    private let authorizer: Authorizer
    private let logger: Logger

    /// - Parameters:
    ///   - database: Has had ``migrations`` applied.
    ///   - authorizer: Knows the roles whose sessions ask, and who may look events up.
    package convenience init(
        configuration: Configuration, database: any Database, authorizer: Authorizer, logger: Logger
    ) {
        self.init(
            configuration: configuration, database: database, authorizer: authorizer, limits: AuditTrail.Limits(),
            clock: { SigV4Time.now().secondsSince1970 }, logger: logger)
    }

    init(
        configuration: Configuration, database: any Database, authorizer: Authorizer,
        limits: AuditTrail.Limits, clock: @escaping @Sendable () -> Int64, logger: Logger
    ) {
        self.database = database
        self.clock = clock
        self.authorizer = authorizer
        self.logger = logger
        trail = AuditTrail(
            files: AuditFiles(directory: configuration.directory, days: configuration.days), database: database,
            directory: authorizer.directory, wantsData: configuration.recordsData, limits: limits, clock: clock,
            logger: logger)
    }

    // MARK: API

    package func hasOperation(_ name: String) -> Bool { CloudTrail.Operation(rawValue: name) != nil }

    package func respond(to request: ServiceRequest, on eventLoop: any EventLoop) -> EventLoopFuture<ServiceResponse> {
        guard let operation = CloudTrail.route(request) else {
            return eventLoop.makeFailedFuture(AWSError.unknownTarget)
        }
        return eventLoop.makeFutureWithTask {
            // None of these is about a resource that has a name.
            try self.authorizer.require(
                "cloudtrail:\(operation.rawValue)",
                on: ProtectedResource("*", account: request.caller.account.digits), request, wire: self.wireProtocol)
            return try await self.answer(operation, request)
        }
    }

    private func answer(_ operation: CloudTrail.Operation, _ request: ServiceRequest) async throws -> ServiceResponse {
        switch operation {
        case .lookupEvents: try await lookupEvents(request)
        case .describeTrails: try describeTrails(request)
        case .listTrails: try listTrails(request)
        default: throw AWSError.notImplemented(operation.rawValue)
        }
    }

    /// The history goes; the files stay, for they are the operator's.
    package func reset() async throws {
        try await database.write { [trail] connection in
            try TrailTables(connection).deleteAll()
            try trail.discard(on: connection)
        }
    }

    // MARK: Life

    /// Takes up what a kill left in the files only, writes what is recorded and deletes what has expired, until
    /// graceful shutdown or cancellation; then writes what is left.
    package func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.trail.writeRecorded() }
            group.addTask { await self.expireHourly() }
            try? await gracefulShutdown()
            group.cancelAll()
        }
        await trail.flush()
    }

    private func expireHourly() async {
        while !Task.isCancelled {
            do { try await trail.expire() } catch {
                logger.error("Expired audit events could not be deleted", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.expiryPeriod)
        }
    }
}
