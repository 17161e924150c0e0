import AWSWire
import Delivery
import Identity
import Logging
import Metrics
import NIOCore
import NIOHTTP1
import NIOPosix
import Policies
import Storage
import Synchronization
import TestSupport
import Testing

@testable import SNSService

/// An SNS service over a database file of its own, with an outbox and targets that a test looks at.
final class Rig: Sendable {
    /// 2026-01-01T00:00:00Z, in milliseconds.
    static let start: Int64 = 1_767_225_600_000
    static let queue = "arn:aws:sqs:us-east-1:000000000000:queue"
    static let function = "arn:aws:lambda:us-east-1:000000000000:function:f"
    static let url = "http://127.0.0.1:9/hook"
    static let topic = "arn:aws:sns:us-east-1:000000000000:news"

    let folder = TemporaryDirectory()
    let database: SQLiteDatabase
    let sink: Sink
    let service: SNSService
    let outbox: Outbox
    let meters = Meters()
    let metrics = MetricRecorder()
    private let running: Task<Void, any Error>

    init(_ sink: Sink = Sink(), quotas: SNSQuotas = SNSQuotas()) throws {
        self.sink = sink
        database = try SQLiteDatabase(
            path: folder.file("events.db"), durability: .relaxed, migrations: Outbox.migrations + SNSService.migrations)
        let delivery = Delivery()
        for name in ["sqs", "lambda", "http", "https", "mailto"] { delivery.register(sink, for: name) }
        let time = Clock()
        clock = time
        let outbox = Outbox(database: database, delivery: delivery, clock: { time.now }, logger: Self.logger)
        self.outbox = outbox
        service = SNSService(
            database: database, outbox: outbox, delivery: delivery,
            authorizer: Authorizer(directory: EmptyDirectory(), clock: { time.now / 1_000 }), sealing: Self.sealing,
            quotas: quotas, clock: { time.now }, meters: meters, logger: Self.logger)
        meters.add(metrics)
        running = Task { try await outbox.run() }
    }

    deinit {
        running.cancel()
        try? database.close()
    }

    static let sealing = SealingKey.random()
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    final class Clock: Sendable {
        private let time = Mutex(Rig.start)
        var now: Int64 {
            get { time.withLock { $0 } }
            set { time.withLock { $0 = newValue } }
        }
    }
    let clock: Clock

    static let root = Principal.root(.standard, accessKeyID: "AKIAROOT")
    /// The owner of another account, 111111111111.
    static let stranger = Principal.root(AccountID("111111111111") ?? .standard, accessKeyID: "AKIASTRANGER")

    /// The text of an answer.
    @discardableResult
    func ask(
        _ action: String, _ parameters: [String: String] = [:], by principal: Principal = Rig.root,
        region: String = "us-east-1"
    ) async throws -> String {
        let form = ([("Action", action), ("Version", "2010-03-31")] + parameters.sorted { $0.key < $1.key })
            .map { "\($0)=\(PercentEncoding.encode($1))" }.joined(separator: "&")
        let request = ServiceRequest(
            method: .POST, path: "/", headers: ["Content-Type": "application/x-www-form-urlencoded"],
            body: ByteBuffer(string: form), caller: Caller(principal, region: region),
            requestID: "5f0c1c3e-8b0a-4f6e-9d0a-2b9a5c1d7e42")
        let answer = try await service.respond(to: request, on: MultiThreadedEventLoopGroup.singleton.next()).get()
        return String(buffer: answer.bytes)
    }

    /// What a request is refused with: code and message; nil when it is not.
    func refusal(
        _ action: String, _ parameters: [String: String] = [:], by principal: Principal = Rig.root,
        region: String = "us-east-1"
    ) async -> String? {
        do {
            try await ask(action, parameters, by: principal, region: region)
            return nil
        } catch let error as AWSError {
            return "\(error.code): \(error.message)"
        } catch {
            return "\(error)"
        }
    }

    /// The subscription's ARN.
    @discardableResult
    func subscribe(
        _ delivery: String, _ endpoint: String, to topic: String = Rig.topic, _ attributes: [String: String] = [:]
    ) async throws -> String {
        var parameters = [
            "TopicArn": topic, "Protocol": delivery, "Endpoint": endpoint, "ReturnSubscriptionArn": "true",
        ]
        for (index, attribute) in attributes.sorted(by: { $0.key < $1.key }).enumerated() {
            parameters["Attributes.entry.\(index + 1).key"] = attribute.key
            parameters["Attributes.entry.\(index + 1).value"] = attribute.value
        }
        return try #require(Self.element("SubscriptionArn", try await ask("Subscribe", parameters)))
    }

    /// What a target got, once it is so much.
    func arrived(_ count: Int, at target: String) async throws -> [Parcel] {
        try #require(try await eventually { self.sink.parcels(to: target).count >= count })
        return sink.parcels(to: target)
    }

    /// How many parcels the outbox has.
    func waiting() async throws -> Int {
        try await database.read { try $0.query("SELECT id FROM outbox_parcels", []).count }
    }

    static func element(_ name: String, _ text: String) -> String? {
        guard let start = text.firstRange(of: "<\(name)>")?.upperBound,
            let end = text[start...].firstRange(of: "</\(name)>")?.lowerBound
        else { return nil }
        return String(text[start..<end])
    }

    /// The value of an attribute in an answer, without its escapes.
    static func attribute(_ name: String, _ text: String) -> String? {
        guard let start = text.firstRange(of: "<key>\(name)</key><value>")?.upperBound,
            let end = text[start...].firstRange(of: "</value>")?.lowerBound
        else { return nil }
        let value = String(text[start..<end])
        return value.replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&amp;", with: "&")
    }
}

extension Parcel {
    /// The body, read as JSON.
    var json: JSONValue? { try? JSONValue(parsing: body) }
}
