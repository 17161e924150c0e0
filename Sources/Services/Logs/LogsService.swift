package import AWSWire
package import Delivery
package import Identity
package import Logging
import LogsModel
package import Metrics
package import NIOCore
package import ServiceLifecycle
package import Storage

/// Amazon CloudWatch Logs, as far as functions, their owners and Terraform need it: groups, streams, events, retention,
/// tags, subscriptions of functions, metric filters, Live Tail and Insights queries. Everything is kept per account and
/// region.
///
/// Functions write through ``store``; clients read through the API.
package final class LogsService: AWSWire.Service, ServiceLifecycle.Service {
    /// How often expired events are deleted.
    static let retentionPeriod = Duration.seconds(3600)

    package let signingName = "logs"
    package let wireProtocol = WireProtocol.awsJSON(version: "1.1")
    package let secretMembers = Logs.Operation.sensitiveMembers
    /// Where functions' output goes.
    package let store: LogStore

    /// What clients have done here is on disk when they are told so; what functions write goes past it, unsynced.
    let database: any Database
    /// Milliseconds since 1970.
    let clock: @Sendable () -> Int64
    let retention: Retention
    let removal: EventRemoval
    let delivery: Delivery
    let forwarder: SubscriptionForwarder
    let tails: LiveTails
    let meters: EventMeters
    let intake = IntakeMeters()
    let followers: EventFollowers
    let queries = InsightsStore()
    let turns = InsightsTurns()
    let authorizer: Authorizer
    private let logger: Logger

    /// - Parameters:
    ///   - database: Has had ``migrations`` applied.
    ///   - delivery: Reaches the functions that subscribe.
    ///   - retentionDays: How long events are kept in groups without a policy of their own; nil: for ever.
    /// - Throws: ``LogsConfigurationError``.
    package convenience init(
        database: any Database, delivery: Delivery, retentionDays: Int?, authorizer: Authorizer, logger: Logger
    ) throws(LogsConfigurationError) {
        try self.init(
            database: database, delivery: delivery, retentionDays: retentionDays, bufferCapacity: LogStore.capacity,
            clock: { WallClock.milliseconds() }, authorizer: authorizer, logger: logger)
    }

    init(
        database: any Database, delivery: Delivery, retentionDays: Int?, bufferCapacity: Int,
        clock: @escaping @Sendable () -> Int64, authorizer: Authorizer, logger: Logger
    ) throws(LogsConfigurationError) {
        if let retentionDays, !(1...Retention.longestDays).contains(retentionDays) {
            throw .retentionDays(retentionDays)
        }
        self.database = database.synced
        self.clock = clock
        self.authorizer = authorizer
        self.logger = logger
        self.delivery = delivery
        forwarder = SubscriptionForwarder(
            outbox: Outbox(database: database, delivery: delivery, clock: clock, logger: logger))
        tails = LiveTails(clock: clock)
        meters = EventMeters(
            journal: MeasureJournal(database: database, logger: logger), clock: clock, logger: logger)
        followers = EventFollowers(forwarder: forwarder, tails: tails, meters: meters, intake: intake)
        store = LogStore(
            database: database, followers: followers, capacity: bufferCapacity, clock: clock, logger: logger)
        removal = EventRemoval(database: database, logger: logger)
        retention = Retention(database: database, defaultDays: retentionDays, clock: clock)
        delivery.register(LogsTarget(self), for: "logs")
    }

    /// Has samples go there that metric filters and embedded metrics give.
    package func measure(into sink: any ReceiptSink) { meters.begin(into: sink) }

    /// Has what groups are sent counted from now on.
    package func count(with meters: Meters) { intake.begin(meters) }

    package func hasOperation(_ name: String) -> Bool { Logs.Operation(rawValue: name) != nil }

    // MARK: API

    package func respond(to request: ServiceRequest, on eventLoop: any EventLoop) -> EventLoopFuture<ServiceResponse> {
        guard let operation = Logs.route(request) else { return eventLoop.makeFailedFuture(AWSError.unknownTarget) }
        return eventLoop.makeFutureWithTask {
            try self.authorize(operation, request)
            // What functions wrote before the request can be seen by it.
            await self.store.flush()
            return try await self.answer(operation, request)
        }
    }

    private func answer(_ operation: Logs.Operation, _ request: ServiceRequest) async throws -> ServiceResponse {
        switch operation {
        case .createLogGroup: try await createLogGroup(request)
        case .createLogStream: try await createLogStream(request)
        case .deleteLogGroup: try await deleteLogGroup(request)
        case .deleteLogStream: try await deleteLogStream(request)
        case .deleteMetricFilter: try await deleteMetricFilter(request)
        case .deleteQueryDefinition: try await deleteQueryDefinition(request)
        case .deleteResourcePolicy: try await deleteResourcePolicy(request)
        case .deleteRetentionPolicy: try await deleteRetentionPolicy(request)
        case .deleteSubscriptionFilter: try await deleteSubscriptionFilter(request)
        case .describeLogGroups: try await describeLogGroups(request)
        case .describeLogStreams: try await describeLogStreams(request)
        case .describeMetricFilters: try await describeMetricFilters(request)
        case .describeQueries: try describeQueries(request)
        case .describeQueryDefinitions: try await describeQueryDefinitions(request)
        case .describeResourcePolicies: try await describeResourcePolicies(request)
        case .describeSubscriptionFilters: try await describeSubscriptionFilters(request)
        case .filterLogEvents: try await filterLogEvents(request)
        case .getLogEvents: try await getLogEvents(request)
        case .getQueryResults: try getQueryResults(request)
        case .listLogGroups: try await listLogGroups(request)
        case .listTagsForResource: try await listTagsForResource(request)
        case .listTagsLogGroup: try await listTagsLogGroup(request)
        case .putLogEvents: try await putLogEvents(request)
        case .putMetricFilter: try await putMetricFilter(request)
        case .putQueryDefinition: try await putQueryDefinition(request)
        case .putResourcePolicy: try await putResourcePolicy(request)
        case .putRetentionPolicy: try await putRetentionPolicy(request)
        case .putSubscriptionFilter: try await putSubscriptionFilter(request)
        case .startLiveTail: try await startLiveTail(request)
        case .startQuery: try await startQuery(request)
        case .stopQuery: try stopQuery(request)
        case .tagLogGroup: try await tagLogGroup(request)
        case .tagResource: try await tagResource(request)
        case .testMetricFilter: try testMetricFilter(request)
        case .untagLogGroup: try await untagLogGroup(request)
        case .untagResource: try await untagResource(request)
        default: throw AWSError.notImplemented(operation.rawValue)
        }
    }

    package func reset() async throws {
        try await database.write { [store] connection in
            store.discard()
            for table in [
                "events", "streams", "tags", "subscriptions", "metric_filters", "policies", "query_definitions",
                "unmeasured", "groups", "deleted",
            ] {
                try connection.execute("DELETE FROM logs_\(table)", [])
            }
        }
        queries.reset()
        tails.reset()
        meters.reset()
        try await forwarder.outbox.reset()
    }

    // MARK: Life

    /// Writes what functions append and deletes what has expired, until graceful shutdown or cancellation; then writes
    /// what is left.
    package func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.store.writeAppended() }
            group.addTask { await self.removal.run() }
            group.addTask { await self.expireHourly() }
            group.addTask { try? await self.forwarder.outbox.run() }
            group.addTask { await self.tails.run() }
            group.addTask { await self.meters.run() }
            try? await gracefulShutdown()
            group.cancelAll()
        }
        await store.flush()
    }

    /// Ends what clients follow, before the gateway waits for its end.
    package var tailing: any ServiceLifecycle.Service { Tailing(tails: tails) }

    private func expireHourly() async {
        removal.begin()
        while !Task.isCancelled {
            do { try await retention.pass() } catch {
                logger.error("Expired log events could not be deleted", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.retentionPeriod)
        }
    }
}

/// Why the service cannot be made.
package enum LogsConfigurationError: Error, Sendable, Hashable {
    /// The default retention is not a number of days from 1 to 36,500.
    case retentionDays(Int)
}
