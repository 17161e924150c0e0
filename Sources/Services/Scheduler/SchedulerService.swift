package import AWSWire
package import Delivery
package import Identity
package import Logging
package import Metrics
package import NIOCore
import SchedulerModel
package import Storage

/// Amazon EventBridge Scheduler (2021-06-30): schedules in groups, each with one target.
///
/// Schedules are in the store; when each comes next is in the timetable, which asks here what to send then
/// (``Firing``). What it sends goes to the outbox, which brings it to its target.
package final class SchedulerService: AWSWire.Service {
    package static let migrations = SchedulerTable.migrations
    /// As the timetable and the outbox know it.
    static let owner = "scheduler"
    /// As which roles trust it.
    static let principal = "scheduler.amazonaws.com"

    package let signingName = "scheduler"
    package let wireProtocol = WireProtocol.restJSON

    let database: any Database
    let timetable: Timetable
    let authorizer: Authorizer
    let quotas: SchedulerQuotas
    /// Milliseconds since 1970.
    let clock: @Sendable () -> Int64
    private let logger: Logger

    /// - Parameter database: Has had ``migrations`` applied, and is the timetable's and the outbox's.
    package init(
        database: any Database, timetable: Timetable, outbox: Outbox, authorizer: Authorizer,
        quotas: SchedulerQuotas = SchedulerQuotas(), clock: @escaping @Sendable () -> Int64 = WallClock.milliseconds,
        meters: Meters = Meters(), logger: Logger
    ) {
        self.database = database
        self.timetable = timetable
        self.authorizer = authorizer
        self.quotas = quotas
        self.clock = clock
        self.logger = logger
        timetable.register(Firing(), as: Self.owner)
        let deadLetters = DeadLetters(meters: meters, clock: clock)
        outbox.register(deadLetters, as: Self.owner)
        outbox.register(deadLetters.receipts, as: DeadLetters.nameForReceipts)
    }

    package func respond(to request: ServiceRequest, on eventLoop: any EventLoop) -> EventLoopFuture<ServiceResponse> {
        guard let (operation, labels) = Scheduler.route(request) else {
            return eventLoop.makeFailedFuture(AWSError.unknownOperation)
        }
        return eventLoop.makeFutureWithTask {
            try await self.answer(operation, Call(request, labels, now: self.clock()))
        }
    }

    private func answer(_ operation: Scheduler.Operation, _ call: Call) async throws -> ServiceResponse {
        switch operation {
        case .createSchedule: try await createSchedule(call)
        case .createScheduleGroup: try await createScheduleGroup(call)
        case .deleteSchedule: try await deleteSchedule(call)
        case .deleteScheduleGroup: try await deleteScheduleGroup(call)
        case .getSchedule: try await getSchedule(call)
        case .getScheduleGroup: try await getScheduleGroup(call)
        case .listScheduleGroups: try await listScheduleGroups(call)
        case .listSchedules: try await listSchedules(call)
        case .listTagsForResource: try await listTagsForResource(call)
        case .tagResource: try await tagResource(call)
        case .untagResource: try await untagResource(call)
        case .updateSchedule: try await updateSchedule(call)
        }
    }

    /// What is in the timetable is the timetable's to forget.
    package func reset() async throws { try await database.write { try SchedulerTable($0).deleteAll() } }
}

/// A request, and what every operation needs to know of it.
struct Call: Sendable {
    let request: ServiceRequest
    let labels: RouteLabels
    /// Milliseconds since 1970.
    let now: Int64

    init(_ request: ServiceRequest, _ labels: RouteLabels, now: Int64) {
        self.request = request
        self.labels = labels
        self.now = now
    }

    /// Twelve digits.
    var account: String { request.caller.account.digits }
    var region: String { request.caller.region }

    /// - Parameter name: Nil: that of the group that everybody has.
    func group(_ name: String?) -> GroupID {
        GroupID(account: account, region: region, name: name ?? GroupID.standard)
    }

    func schedule(_ name: String, in group: String?) -> ScheduleID { ScheduleID(group: self.group(group), name: name) }
}
