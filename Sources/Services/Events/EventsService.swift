package import AWSWire
package import Delivery
import EventBridgeModel
package import Identity
package import Logging
package import Metrics
package import NIOCore
import ServiceLifecycle
package import Storage

/// Amazon EventBridge (2015-10-07), once CloudWatch Events: buses, rules with their targets, events, archives and
/// their replays.
///
/// What it has is in the store; buses that get events are in memory, too. What targets are to get goes to the outbox,
/// which brings it to them.
package final class EventsService: AWSWire.Service, ServiceLifecycle.Service {
    package static let migrations = EventsTable.migrations

    package let signingName = "events"
    package let wireProtocol = WireProtocol.awsJSON(version: "1.1")

    let database: any Database
    let outbox: Outbox
    let delivery: Delivery
    let authorizer: Authorizer
    let buses: BusCache
    let publisher: Publisher
    let timetable: Timetable
    let replays: ReplayRunner
    let quotas: EventsQuotas
    let meters: Meters
    /// Milliseconds since 1970.
    let clock: @Sendable () -> Int64
    let logger: Logger

    /// - Parameter database: Has had ``migrations`` applied, and is the outbox's and the timetable's.
    package init(
        database: any Database, outbox: Outbox, timetable: Timetable, delivery: Delivery, authorizer: Authorizer,
        quotas: EventsQuotas = EventsQuotas(), clock: @escaping @Sendable () -> Int64 = WallClock.milliseconds,
        meters: Meters = Meters(), logger: Logger
    ) {
        self.database = database
        self.outbox = outbox
        self.timetable = timetable
        self.delivery = delivery
        self.authorizer = authorizer
        self.quotas = quotas
        self.clock = clock
        self.meters = meters
        self.logger = logger
        buses = BusCache(database: database, meters: meters, clock: clock)
        publisher = Publisher(database: database, outbox: outbox, clock: clock)
        replays = ReplayRunner(
            database: database, outbox: outbox, buses: buses, quotas: quotas, clock: clock, logger: logger)
        let deadLetters = DeadLetters(meters: meters, clock: clock)
        outbox.register(deadLetters, as: DeadLetters.name)
        outbox.register(deadLetters.receipts, as: DeadLetters.nameForReceipts)
        timetable.register(RuleSchedules(meters: meters), as: RuleSchedules.owner)
        delivery.register(BusTarget(self), for: "events")
    }

    package func hasOperation(_ name: String) -> Bool { EventBridge.Operation(rawValue: name) != nil }

    package func reset() async throws {
        try await database.write { try EventsTable($0).deleteAll() }
        buses.forgetAll()
    }

    package func respond(to request: ServiceRequest, on eventLoop: any EventLoop) -> EventLoopFuture<ServiceResponse> {
        guard let operation = EventBridge.route(request) else {
            return eventLoop.makeFailedFuture(AWSError.unknownTarget)
        }
        return eventLoop.makeFutureWithTask {
            guard let method = Self.methods[operation] else { throw AWSError.notImplemented(operation.rawValue) }
            return try await method(self)(Call(request: request, now: self.clock()))
        }
    }

    /// Replays, and deletes what archives need keep no longer, until graceful shutdown or cancellation.
    package func run() async throws {
        await cancelWhenGracefulShutdown { await self.replays.run() }
    }
}

/// A request, and what every operation needs to know of it.
struct Call: Sendable {
    let request: ServiceRequest
    /// Milliseconds since 1970.
    let now: Int64

    /// Twelve digits.
    var account: String { request.caller.account.digits }
    var region: String { request.caller.region }
}

/// Which method answers which operation.
extension EventsService {
    private typealias Method = @Sendable (EventsService) -> @Sendable (Call) async throws -> ServiceResponse

    private static let methods: [EventBridge.Operation: Method] = [
        .cancelReplay: { $0.cancelReplay },
        .createArchive: { $0.createArchive },
        .createEventBus: { $0.createEventBus },
        .deleteArchive: { $0.deleteArchive },
        .deleteEventBus: { $0.deleteEventBus },
        .deleteRule: { $0.deleteRule },
        .describeArchive: { $0.describeArchive },
        .describeEventBus: { $0.describeEventBus },
        .describeReplay: { $0.describeReplay },
        .describeRule: { $0.describeRule },
        .disableRule: { $0.disableRule },
        .enableRule: { $0.enableRule },
        .listArchives: { $0.listArchives },
        .listEventBuses: { $0.listEventBuses },
        .listReplays: { $0.listReplays },
        .listRuleNamesByTarget: { $0.listRuleNamesByTarget },
        .listRules: { $0.listRules },
        .listTagsForResource: { $0.listTagsForResource },
        .listTargetsByRule: { $0.listTargetsByRule },
        .putEvents: { $0.putEvents },
        .putPermission: { $0.putPermission },
        .putRule: { $0.putRule },
        .putTargets: { $0.putTargets },
        .removePermission: { $0.removePermission },
        .removeTargets: { $0.removeTargets },
        .startReplay: { $0.startReplay },
        .tagResource: { $0.tagResource },
        .testEventPattern: { $0.testEventPattern },
        .untagResource: { $0.untagResource },
        .updateArchive: { $0.updateArchive },
        .updateEventBus: { $0.updateEventBus },
    ]
}
