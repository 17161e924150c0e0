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

@testable import EventsService

/// An EventBridge over a database file of its own, with an outbox and targets that a test looks at.
final class Rig: Sendable {
    /// 2026-01-01T00:00:00Z, in milliseconds.
    static let start: Int64 = 1_767_225_600_000
    static let queue = "arn:aws:sqs:us-east-1:000000000000:queue"
    static let function = "arn:aws:lambda:us-east-1:000000000000:function:f"
    static let letters = "arn:aws:sqs:us-east-1:000000000000:letters"
    static let root = Principal.root(.standard, accessKeyID: "AKIAROOT")
    /// The owner of another account, 111111111111.
    static let stranger = Principal.root(AccountID("111111111111") ?? .standard, accessKeyID: "AKIASTRANGER")

    let folder = TemporaryDirectory()
    let database: SQLiteDatabase
    let sink: Sink
    let clock = HandClock(Rig.start)
    let service: EventsService
    let outbox: Outbox
    let timetable: Timetable
    let meters = Meters()
    let metrics = MetricRecorder()
    private let running: Mutex<[Task<Void, any Error>]>

    init(_ sink: Sink = Sink(), quotas: EventsQuotas = EventsQuotas()) throws {
        self.sink = sink
        database = try SQLiteDatabase(
            path: folder.file("events.db"), durability: .relaxed,
            migrations: Outbox.migrations + Timetable.migrations + EventsService.migrations)
        let delivery = Delivery()
        for name in ["sqs", "lambda", "sns", "logs"] { delivery.register(sink, for: name) }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let clock = clock
        let outbox = Outbox(database: database, delivery: delivery, clock: clock.milliseconds, logger: logger)
        self.outbox = outbox
        timetable = Timetable(database: database, outbox: outbox, clock: clock, logger: logger)
        // Users and roles are asked about in the tests of clients.
        service = EventsService(
            database: database, outbox: outbox, timetable: timetable, delivery: delivery,
            authorizer: Authorizer(directory: EmptyDirectory(), clock: { clock.milliseconds() / 1_000 }),
            quotas: quotas, clock: clock.milliseconds, meters: meters, logger: logger)
        meters.add(metrics)
        running = Mutex([Task { try await outbox.run() }])
    }

    deinit {
        for task in running.withLock({ $0 }) { task.cancel() }
    }

    /// Has replays go on and archives expire.
    func run() {
        let service = service
        running.withLock { $0.append(Task { try await service.run() }) }
    }

    /// Has another service with the same store take steps of replays, too.
    func runSecondNode(_ quotas: EventsQuotas) {
        let clock = clock
        let other = EventsService(
            database: database, outbox: outbox, timetable: timetable, delivery: Delivery(),
            authorizer: Authorizer(directory: EmptyDirectory(), clock: { clock.milliseconds() / 1_000 }),
            quotas: quotas,
            clock: clock.milliseconds, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        running.withLock { $0.append(Task { try await other.run() }) }
    }

    /// Has schedules come.
    func runTimetable() {
        let timetable = timetable
        running.withLock { $0.append(Task { try await timetable.run() }) }
    }

    /// The answer's JSON, an empty object where it has no body.
    @discardableResult
    func ask(
        _ operation: String, _ body: String = "{}", by principal: Principal = Rig.root, region: String = "us-east-1"
    ) async throws -> JSONValue {
        let request = ServiceRequest(
            method: .POST, path: "/",
            headers: ["Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AWSEvents.\(operation)"],
            body: ByteBuffer(string: body), caller: Caller(principal, region: region),
            requestID: "5f0c1c3e-8b0a-4f6e-9d0a-2b9a5c1d7e42")
        let answer = try await service.respond(to: request, on: MultiThreadedEventLoopGroup.singleton.next()).get()
        return try JSONValue(parsing: answer.bytes.readableBytes > 0 ? answer.bytes : ByteBuffer(string: "{}"))
    }

    /// What a request is refused with: code and message; nil when it is not.
    func refusal(
        _ operation: String, _ body: String = "{}", by principal: Principal = Rig.root, region: String = "us-east-1"
    ) async -> String? {
        do {
            try await ask(operation, body, by: principal, region: region)
            return nil
        } catch let error as AWSError {
            return "\(error.code): \(error.message)"
        } catch {
            return "\(error)"
        }
    }

    /// A rule with one target, on a bus that is made for it where that is not the default one.
    ///
    /// - Parameters:
    ///   - target: Further members of the target, as JSON: `"Input":"1"`.
    func rule(
        _ name: String, on bus: String = "default", pattern: String = #"{"source":["shop"]}"#, to arn: String = queue,
        _ target: String = ""
    ) async throws {
        if bus != "default" { _ = try? await ask("CreateEventBus", #"{"Name":"\#(bus)"}"#) }
        try await ask(
            "PutRule", #"{"Name":"\#(name)","EventBusName":"\#(bus)","EventPattern":\#(Self.text(pattern))}"#)
        let more = target.isEmpty ? "" : "," + target
        try await ask(
            "PutTargets",
            #"{"Rule":"\#(name)","EventBusName":"\#(bus)","Targets":[{"Id":"t","Arn":"\#(arn)"\#(more)}]}"#)
    }

    /// An entry of PutEvents.
    ///
    /// - Parameters:
    ///   - more: Further members, as JSON: `"Time":1`.
    static func entry(_ detail: String = "{}", source: String = "shop", on bus: String = "default", _ more: String = "")
        -> String
    {
        let more = more.isEmpty ? "" : "," + more
        let rest = #""EventBusName":"\#(bus)","Detail":\#(text(detail))\#(more)"#
        return #"{"Source":"\#(source)","DetailType":"sold",\#(rest)}"#
    }

    @discardableResult
    func put(_ entries: String...) async throws -> JSONValue {
        try await ask("PutEvents", #"{"Entries":[\#(entries.joined(separator: ","))]}"#)
    }

    /// A text as JSON has it.
    static func text(_ text: String) -> String {
        var writer = JSONWriter()
        writer.string(text)
        return String(buffer: writer.buffer)
    }

    /// What a target got, once it is so much.
    func arrived(_ count: Int, at target: String = queue) async throws -> [Parcel] {
        try #require(try await eventually { self.sink.parcels(to: target).count >= count })
        return sink.parcels(to: target)
    }

    /// Turns the clock until that is so.
    func comes(_ condition: () async throws -> Bool) async throws -> Bool {
        try await eventually {
            advance(seconds: 1)
            return try await condition()
        }
    }

    /// Turns the clock, and wakes the outbox, which sleeps by a clock of its own between tries.
    func advance(seconds: Int64, _ target: String = queue) {
        clock.advance(seconds: seconds)
        outbox.wake([target])
    }

    /// When what was tried so often is due again, in seconds from now.
    func pause(after attempts: Int64) async throws -> Int64 {
        let due = Mutex<Int64?>(nil)
        _ = try await eventually {
            let found = try await database.read { connection in
                try connection.query(
                    "SELECT due FROM outbox_parcels WHERE attempts = ? AND node IS NULL", [.integer(attempts)]
                ).first?.integer("due")
            }
            due.withLock { $0 = found }
            return found != nil
        }
        return (try #require(due.withLock { $0 }) - clock.milliseconds()) / 1_000
    }

    /// How many rows a table has.
    func count(_ table: String) async throws -> Int {
        try await database.read { try $0.query("SELECT * FROM \(table)", []).count }
    }

    /// A metric's sum, once it is that.
    func sums(_ name: String, _ dimensions: [String: String] = [:], to sum: Double) async throws -> Bool {
        try await eventually {
            meters.drain()
            return metrics.sum(name, dimensions) == sum
        }
    }
}

extension Parcel {
    var text: String { String(buffer: body) }
    var json: JSONValue? { try? JSONValue(parsing: body) }

    func value(_ name: String) -> String {
        if case .text(let text) = attributes[name]?.value { text } else { "" }
    }
}
