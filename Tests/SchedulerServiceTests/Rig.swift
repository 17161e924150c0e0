import AWSWire
import Delivery
import Identity
import Logging
import Metrics
import NIOCore
import NIOHTTP1
import NIOPosix
import Storage
import Synchronization
import TestSupport
import Testing

@testable import SchedulerService

/// A Scheduler over a database file of its own, with a timetable, an outbox and targets that a test looks at.
final class Rig: Sendable {
    /// 2026-01-01T00:00:00Z, in milliseconds.
    static let start: Int64 = 1_767_225_600_000
    static let role = "arn:aws:iam::000000000000:role/scheduler"
    static let queue = "arn:aws:sqs:us-east-1:000000000000:queue"
    static let function = "arn:aws:lambda:us-east-1:000000000000:function:f"
    static let letters = "arn:aws:sqs:us-east-1:000000000000:letters"
    static let bus = "arn:aws:events:us-east-1:000000000000:event-bus/default"

    let folder = TemporaryDirectory()
    let database: SQLiteDatabase
    let sink: Sink
    let clock = HandClock(Rig.start)
    let service: SchedulerService
    let timetable: Timetable
    let meters = Meters()
    let metrics = MetricRecorder()
    private let running: Mutex<[Task<Void, any Error>]>

    /// - Parameters:
    ///   - runs: Whether what is due is kept from the first.
    ///   - quotas: Of the service.
    init(_ sink: Sink = Sink(), runs: Bool = true, quotas: SchedulerQuotas = SchedulerQuotas()) throws {
        self.sink = sink
        database = try SQLiteDatabase(
            path: folder.file("events.db"), durability: .relaxed,
            migrations: Outbox.migrations + Timetable.migrations + SchedulerService.migrations)
        let delivery = Delivery()
        for name in ["sqs", "lambda", "sns", "events"] { delivery.register(sink, for: name) }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let clock = clock
        let outbox = Outbox(database: database, delivery: delivery, clock: clock.milliseconds, logger: logger)
        timetable = Timetable(database: database, outbox: outbox, clock: clock, logger: logger)
        // Roles are asked about in the tests of clients.
        service = SchedulerService(
            database: database, timetable: timetable, outbox: outbox,
            authorizer: Authorizer(directory: EmptyDirectory(), mode: .off, clock: { clock.milliseconds() / 1_000 }),
            quotas: quotas, clock: clock.milliseconds, meters: meters, logger: logger)
        meters.add(metrics)
        running = Mutex([Task { try await outbox.run() }])
        if runs { run() }
    }

    deinit {
        for task in running.withLock({ $0 }) { task.cancel() }
    }

    func run() {
        let timetable = timetable
        running.withLock { $0.append(Task { try await timetable.run() }) }
    }

    /// The answer's JSON, an empty object where it has no body.
    @discardableResult
    func ask(_ method: HTTPMethod, _ path: String, _ query: String? = nil, _ body: String = "") async throws
        -> JSONValue
    {
        let request = ServiceRequest(
            method: method, path: path, query: query, headers: ["Content-Type": "application/json"],
            body: ByteBuffer(string: body),
            caller: Caller(.root(.standard, accessKeyID: "AKIAROOT"), region: "us-east-1"),
            requestID: "5f0c1c3e-8b0a-4f6e-9d0a-2b9a5c1d7e42")
        let answer = try await service.respond(to: request, on: MultiThreadedEventLoopGroup.singleton.next()).get()
        return try JSONValue(parsing: answer.bytes.readableBytes > 0 ? answer.bytes : ByteBuffer(string: "{}"))
    }

    /// What a request is refused with: code and message; nil when it is not.
    func refusal(_ method: HTTPMethod, _ path: String, _ query: String? = nil, _ body: String = "") async -> String? {
        do {
            try await ask(method, path, query, body)
            return nil
        } catch let error as AWSError {
            return "\(error.code): \(error.message)"
        } catch {
            return "\(error)"
        }
    }

    /// The document of a schedule.
    ///
    /// - Parameters:
    ///   - target: Further members of the target, as JSON: `"Input":"x"`.
    ///   - more: Further members, as JSON.
    static func document(_ expression: String, to arn: String = queue, _ target: String = "", _ more: String = "")
        -> String
    {
        let window = more.contains("FlexibleTimeWindow") ? "" : #""FlexibleTimeWindow":{"Mode":"OFF"},"#
        return """
            {\(window)"ScheduleExpression":"\(expression)",\(more.isEmpty ? "" : more + ",")
            "Target":{"Arn":"\(arn)","RoleArn":"\(role)"\(target.isEmpty ? "" : "," + target)}}
            """
    }

    func create(_ name: String, _ document: String) async throws {
        try await ask(.POST, "/schedules/\(name)", nil, document)
    }

    /// What a target got, once it is so much.
    func arrived(_ count: Int, at target: String = queue) async throws -> [Parcel] {
        try #require(try await eventually { self.sink.parcels(to: target).count >= count })
        return sink.parcels(to: target)
    }

    /// When a schedule of the default group comes next, in seconds after the start; nil when it does not.
    func next(_ name: String) async throws -> Int64? {
        let id = ScheduleID(group: GroupID(account: "000000000000", region: "us-east-1", name: "default"), name: name)
        let timetable = timetable
        return try await database.read { try timetable.appointment(id.key, in: $0) }
            .map { ($0.time - Self.start) / 1_000 }
    }

    /// Waits until a schedule comes next then.
    func comes(_ name: String, _ next: Int64?) async throws -> Bool {
        try await eventually { try await self.next(name) == next }
    }
}

extension Parcel {
    var text: String { String(buffer: body) }
}
