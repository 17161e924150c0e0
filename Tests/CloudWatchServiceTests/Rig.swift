import AWSWire
import CloudWatchModel
import Delivery
import Identity
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Storage
import Synchronization
import TestSupport

@testable import CloudWatchService

/// A CloudWatch service over database files of its own, whose clock a test turns, with an outbox that it looks at.
final class Rig: Sendable {
    /// 2026-01-01T00:00:00Z, in milliseconds.
    static let start: Int64 = 1_767_225_600_000
    static let topic = "arn:aws:sns:us-east-1:000000000000:news"

    let folder = TemporaryDirectory()
    let metrics: SQLiteDatabase
    let events: SQLiteDatabase
    let sink = Sink()
    /// What the event bus got.
    let bus = Sink()
    let service: CloudWatchService
    let outbox: Outbox
    private let running: Task<Void, any Error>
    let clock = Clock()

    final class Clock: Sendable {
        private let time = Mutex(Rig.start)
        /// Milliseconds since 1970.
        var now: Int64 {
            get { time.withLock { $0 } }
            set { time.withLock { $0 = newValue } }
        }
    }

    init() throws {
        let clock = clock
        metrics = try SQLiteDatabase(
            path: folder.file("metrics.db"), durability: .relaxed, migrations: CloudWatchService.migrations)
        events = try SQLiteDatabase(
            path: folder.file("events.db"), durability: .relaxed,
            migrations: Outbox.migrations + CloudWatchService.alarmMigrations)
        let delivery = Delivery()
        delivery.register(bus, for: "events")
        for name in ["sns", "lambda"] { delivery.register(sink, for: name) }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let outbox = Outbox(database: events, delivery: delivery, clock: { clock.now }, logger: logger)
        self.outbox = outbox
        service = CloudWatchService(
            database: metrics, events: events, outbox: outbox,
            authorizer: Authorizer(directory: EmptyDirectory(), clock: { clock.now / 1_000 }), clock: { clock.now },
            logger: logger)
        running = Task { try await outbox.run() }
    }

    deinit {
        running.cancel()
        try? metrics.close()
        try? events.close()
    }

    /// The answer to a JSON request.
    @discardableResult
    func ask(_ operation: String, _ body: String) async throws -> JSONValue {
        let request = ServiceRequest(
            method: .POST, path: "/",
            headers: [
                "Content-Type": "application/x-amz-json-1.0",
                "X-Amz-Target": "GraniteServiceVersion20100801.\(operation)",
            ],
            body: ByteBuffer(string: body),
            caller: Caller(.root(.standard, accessKeyID: "AKIAROOT"), region: "us-east-1"),
            requestID: "5f0c1c3e-8b0a-4f6e-9d0a-2b9a5c1d7e42")
        let answer = try await service.respond(to: request, on: MultiThreadedEventLoopGroup.singleton.next()).get()
        return try JSONValue(parsing: answer.bytes.readableBytes > 0 ? answer.bytes : ByteBuffer(string: "{}"))
    }

    /// Puts a sample of the metric `m` of `n`.
    func put(_ value: Double, at milliseconds: Int64, _ more: String = "") async throws {
        try await ask(
            "PutMetricData",
            """
            {"Namespace":"n","MetricData":[{"MetricName":"m","Value":\(value),
            "Timestamp":\(Double(milliseconds) / 1_000)\(more)}]}
            """)
    }

    /// The sums of the metric `m` of `n`, by when their periods begin: seconds since 1970.
    func sums(from start: Int64, to end: Int64, period: Int = 60) async throws -> [Int: Double] {
        let answer = try await ask(
            "GetMetricStatistics",
            """
            {"Namespace":"n","MetricName":"m","StartTime":\(start / 1_000),"EndTime":\(end / 1_000),
            "Period":\(period),"Statistics":["Sum"]}
            """)
        var sums: [Int: Double] = [:]
        for point in answer["Datapoints"]?.elements ?? [] {
            if let time = point["Timestamp"]?.int, let sum = point["Sum"]?.double { sums[time] = sum }
        }
        return sums
    }

    /// The state of an alarm, and why.
    func state(_ name: String) async throws -> (value: String?, reason: String?) {
        let answer = try await ask(
            "DescribeAlarms", #"{"AlarmNames":["\#(name)"],"AlarmTypes":["MetricAlarm","CompositeAlarm"]}"#)
        let alarm = answer["MetricAlarms"]?.elements.first ?? answer["CompositeAlarms"]?.elements.first
        return (alarm?["StateValue"]?.string, alarm?["StateReason"]?.string)
    }
}
