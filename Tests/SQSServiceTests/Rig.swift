import AWSWire
import Identity
import Logging
import Metrics
import NIOCore
import NIOHTTP1
import NIOPosix
import Storage
import Synchronization
import Testing
import TestSupport

@testable import SQSService

/// A service over a database of its own, with a clock that tests turn, driven as the gateway drives it.
final class Rig: Sendable {
    static let account = "000000000000"

    let database: CountingDatabase
    let service: SQSService
    let clock = ManualClock()
    let meters = Meters()
    let metrics = MetricRecorder()
    private let directory = TemporaryDirectory()

    init(quotas: SQSQuotas = SQSQuotas()) async throws {
        let file = try SQLiteDatabase(
            path: directory.path + "/events.db", durability: .relaxed, migrations: SQSService.migrations)
        database = CountingDatabase(file)
        service = SQSService(
            database: database, authorizer: Authorizer(directory: EmptyDirectory()), quotas: quotas, clock: clock,
            meters: meters, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        meters.add(metrics)
        try await service.prepare()
    }

    // MARK: Calls

    func send(_ operation: String, _ body: String, account: String = account) async throws -> ServiceResponse {
        let caller = Caller(.root(try #require(AccountID(account)), accessKeyID: "key"), region: "us-east-1")
        let request = ServiceRequest(
            method: .POST, path: "/",
            headers: ["X-Amz-Target": "AmazonSQS.\(operation)", "Content-Type": "application/x-amz-json-1.0"],
            body: ByteBuffer(string: body), caller: caller, requestID: "5f0c1c3e-8b0a-4f6e-9d0a-2b9a5c1d7e42",
            endpoint: "http://127.0.0.1:4566")
        return try await service.respond(to: request, on: MultiThreadedEventLoopGroup.singleton.next()).get()
    }

    @discardableResult
    func call(_ operation: String, _ body: String, account: String = account) async throws -> JSONValue? {
        let bytes = try await send(operation, body, account: account).bytes
        return bytes.readableBytes > 0 ? try JSONValue(parsing: bytes) : nil
    }

    /// The error with which the operation must fail.
    func failure(
        _ operation: String, _ body: String, account: String = account,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async -> AWSError? {
        await #expect(throws: AWSError.self, sourceLocation: sourceLocation) {
            _ = try await send(operation, body, account: account)
        }
    }

    // MARK: Queues

    /// A new queue; one whose name ends in `.fifo` is one.
    func queue(_ name: String, _ attributes: [String: String] = [:]) async throws -> Queue {
        var attributes = attributes
        if name.hasSuffix(".fifo") { attributes["FifoQueue"] = "true" }
        try await call("CreateQueue", #"{"QueueName":"\#(name)","Attributes":\#(attributes.json)}"#)
        return try #require(service.queues[QueueKey(account: Self.account, region: "us-east-1", name: name)])
    }

    func put(
        _ body: String, into queue: Queue, group: String? = nil, deduplication: String? = nil, delay: Int? = nil
    ) async throws -> SentMessage {
        let draft = try queue.draft(
            MessageContent(body: body), delay: delay, group: group, deduplication: deduplication)
        return try #require(try await service.send([draft], to: queue, by: "sender")?.first)
    }

    func take(_ count: Int = 1, from queue: Queue, timeout: Int? = nil, wait: Int = 0) async throws
        -> [ReceivedMessage]
    {
        let demand = Demand(count: count, visibilityTimeout: timeout, wait: wait)
        return try #require(try await service.receive(demand, from: queue))
    }

    func bodies(_ count: Int = 10, from queue: Queue, timeout: Int? = nil) async throws -> [String] {
        try await take(count, from: queue, timeout: timeout).map(\.content.body)
    }

    func delete(_ message: ReceivedMessage, from queue: Queue) async throws -> AWSError? {
        try await service.delete([message.handle(in: queue)], from: queue)[0]
    }

    func counts(of queue: Queue) async throws -> MessageTable.Counts {
        let now = clock.milliseconds()
        return try await database.read {
            try MessageTable($0).counts(of: queue.id, now: now, expiry: queue.expiry(at: now))
        }
    }

    /// How many rows a table has.
    func rows(_ table: String) async throws -> Int64 {
        try await database.read { try $0.query("SELECT COUNT(*) AS n FROM sqs_\(table)", [])[0].integer("n") }
    }
}

extension ReceivedMessage {
    func handle(in queue: Queue) -> String {
        ReceiptHandle(queue: queue.id, message: id, receives: receives).text
    }
}

/// A clock that stands still until it is turned.
final class ManualClock: QueueClock {
    private struct State {
        /// 2026-01-01T00:00:00Z.
        var now: Int64 = 1_767_225_600_000
        var number = 0
        var alarms: [Int: (time: Int64, body: @Sendable () -> Void)] = [:]
    }

    private struct Alarm: QueueAlarm {
        var clock: ManualClock
        var number: Int

        func cancel() { clock.state.withLock { $0.alarms[number] = nil } }
    }

    private let state = Mutex(State())

    func milliseconds() -> Int64 { state.withLock { $0.now } }

    /// How many things are to happen.
    var alarms: Int { state.withLock { $0.alarms.count } }

    func schedule(at time: Int64, _ body: @escaping @Sendable () -> Void) -> any QueueAlarm {
        let (number, isDue) = state.withLock { state in
            state.number += 1
            if time > state.now { state.alarms[state.number] = (time, body) }
            return (state.number, time <= state.now)
        }
        if isDue { body() }
        return Alarm(clock: self, number: number)
    }

    func advance(seconds: Double) { advance(milliseconds: Int64(seconds * 1000)) }

    func advance(milliseconds: Int64) {
        let due = state.withLock { state in
            state.now += milliseconds
            let due = state.alarms.filter { $0.value.time <= state.now }
            for number in due.keys { state.alarms[number] = nil }
            return due.values.sorted { $0.time < $1.time }.map(\.body)
        }
        for body in due { body() }
    }
}

/// A database that counts what it is asked.
final class CountingDatabase: Database {
    private let database: any Database
    private let written = Atomic(0)

    init(_ database: any Database) { self.database = database }

    var writes: Int { written.load(ordering: .relaxed) }

    func read<Value: Sendable>(_ work: @escaping @Sendable (any SQLConnection) throws -> Value) async throws -> Value {
        try await database.read(work)
    }

    func write<Value: Sendable>(_ work: @escaping @Sendable (any SQLConnection) throws -> Value) async throws -> Value {
        written.add(1, ordering: .relaxed)
        return try await database.write(work)
    }
}
