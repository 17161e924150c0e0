import AWSWire
import Glibc
import Identity
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Policies
import Storage
import Synchronization
import TestSupport

@testable import CloudTrailService

/// The audit over a database and files of its own, told as the gateway tells it.
final class Rig: Sendable {
    /// 2026-01-01T00:00:00Z, in seconds.
    static let start: Int64 = 1_767_225_600

    final class Clock: Sendable {
        private let time = Mutex(Rig.start)
        var now: Int64 {
            get { time.withLock { $0 } }
            set { time.withLock { $0 = newValue } }
        }
    }

    /// A service of the query protocol, and one of the JSON protocol.
    struct Stub: AWSWire.Service {
        var signingName: String
        var wireProtocol: WireProtocol

        static let iam = Stub(
            signingName: "iam", wireProtocol: .query(namespace: "https://iam.amazonaws.com/doc/2010-05-08/"))
        static let logs = Stub(signingName: "logs", wireProtocol: .awsJSON(version: "1.1"))

        func hasOperation(_ name: String) -> Bool { name != "Nonsense" }

        func respond(to _: ServiceRequest, on eventLoop: any EventLoop) -> EventLoopFuture<ServiceResponse> {
            eventLoop.makeFailedFuture(AWSError.unknownOperation)
        }
        func reset() async throws {}
    }

    let directory: TemporaryDirectory
    let database: SQLiteDatabase
    let service: CloudTrailService
    let clock = Clock()

    init(
        in directory: TemporaryDirectory = TemporaryDirectory(), limits: AuditTrail.Limits = AuditTrail.Limits(),
        days: Int = 90, over wrap: (SQLiteDatabase) -> any Database = { $0 },
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    ) throws {
        self.directory = directory
        database = try SQLiteDatabase(
            path: directory.path + "/audit.db", durability: .relaxed, migrations: CloudTrailService.migrations)
        var configuration = CloudTrailService.Configuration(directory: directory.path + "/audit")
        configuration.days = days
        service = CloudTrailService(
            configuration: configuration, database: wrap(database), authorizer: Authorizer(directory: EmptyDirectory()),
            limits: limits,
            clock: { [clock] in clock.now }, logger: logger)
    }

    static func request(
        _ principal: Principal, headers: HTTPHeaders = [:], body: String = "", region: String = "us-east-1"
    ) -> ServiceRequest {
        ServiceRequest(
            method: .POST, path: "/", headers: headers, body: ByteBuffer(string: body),
            caller: Caller(principal, region: region), requestID: "5f0c1c3e-8b0a-4f6e-9d0a-2b9a5c1d7e42",
            peer: try? SocketAddress(ipAddress: "192.0.2.1", port: 1))
    }

    static let root = Principal.root(.standard, accessKeyID: "AKIAROOT")

    /// A call of the query protocol.
    func iam(
        _ form: String, by principal: Principal = Rig.root, status: Int = 200, answer: String = "",
        isAuthenticated: Bool = true
    ) -> AuditEvent {
        AuditEvent(
            service: Stub.iam, request: Self.request(principal, body: form),
            time: SigV4Time(secondsSince1970: clock.now), isAuthenticated: isAuthenticated, claimedKeyID: "AKIACLAIMED",
            status: status, answer: ByteBuffer(string: answer))
    }

    /// A call of the JSON protocol.
    func logs(_ operation: String, _ body: String = "{}", by principal: Principal = Rig.root) -> AuditEvent {
        AuditEvent(
            service: Stub.logs,
            request: Self.request(principal, headers: ["X-Amz-Target": "Logs_20140328.\(operation)"], body: body),
            time: SigV4Time(secondsSince1970: clock.now), status: 200, answer: ByteBuffer(string: "{}"))
    }

    /// The lines of a day's file.
    func lines(_ day: String = "2026-01-01") -> [String] {
        guard let file = fopen(directory.path + "/audit/\(day).jsonl", "r") else { return [] }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 8 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    func record(_ event: AuditEvent) { service.trail.record(event) }

    /// The record of an event, as LookupEvents would give it.
    func document(_ event: AuditEvent) throws -> JSONValue {
        let call = event.service.audited(event.request)
        guard let call else { throw AWSError.unknownOperation }
        return try JSONValue(
            parsing: ByteBuffer(string: AuditRecord(event, call, directory: EmptyDirectory()).document))
    }

    /// LookupEvents.
    func lookup(_ body: String = "{}", region: String = "us-east-1") async throws -> JSONValue {
        let request = ServiceRequest(
            method: .POST, path: "/",
            headers: ["X-Amz-Target": "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"],
            body: ByteBuffer(string: body), caller: Caller(Self.root, region: region),
            requestID: "5f0c1c3e-8b0a-4f6e-9d0a-2b9a5c1d7e42")
        let answer = try await service.respond(to: request, on: MultiThreadedEventLoopGroup.singleton.next()).get()
        return try JSONValue(parsing: answer.bytes)
    }

    /// The names of the events that are found, the newest first.
    func names(_ body: String = "{}", region: String = "us-east-1") async throws -> [String] {
        try await lookup(body, region: region)["Events"]?.elements.compactMap { $0["EventName"]?.string } ?? []
    }
}

extension JSONValue {
    /// The value at a path of members.
    subscript(path path: String) -> JSONValue? {
        path.split(separator: ".").reduce(self) { value, name in value?[String(name)] }
    }
}
