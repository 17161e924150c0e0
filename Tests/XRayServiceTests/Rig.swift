import AWSWire
import Identity
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Storage
import Synchronization
import Testing
import TestSupport

@testable import XRayService

/// A tracing service over a database of its own, driven as the gateway drives it.
final class Rig: Sendable {
    /// 2026-01-01T00:00:00Z, in seconds.
    static let start: Int64 = 1_767_225_600

    let database: SQLiteDatabase
    let service: XRayService
    let clock: Clock
    let directory: TemporaryDirectory

    final class Clock: Sendable {
        private let time = Mutex(Rig.start * 1000)
        /// Milliseconds since 1970.
        var now: Int64 {
            get { time.withLock { $0 } }
            set { time.withLock { $0 = newValue } }
        }
    }

    init(
        in directory: TemporaryDirectory = TemporaryDirectory(), limits: TraceStore.Limits = TraceStore.Limits(),
        over wrap: (SQLiteDatabase) -> any Database = { $0 }
    ) throws {
        self.directory = directory
        database = try SQLiteDatabase(
            path: directory.path + "/traces.db", durability: .relaxed, migrations: XRayService.migrations)
        let clock = Clock()
        self.clock = clock
        service = XRayService(
            database: wrap(database), limits: limits, clock: { clock.now },
            authorizer: Authorizer(directory: EmptyDirectory()),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// A trace's id, some seconds after ``start``.
    static func trace(_ number: Int = 0, at offset: Int64 = 0) -> String {
        let digits = String(number, radix: 16)
        return
            "1-\(String(start + offset, radix: 16))-\(String(repeating: "0", count: 24 - digits.utf8.count))\(digits)"
    }

    static func segment(
        _ trace: String, id: String = "00000000000000aa", name: String = "web", members: String = ""
    ) -> String {
        """
        {"trace_id":"\(trace)","id":"\(id)","name":"\(name)","start_time":\(start).25,"end_time":\(start).75\
        \(members.isEmpty ? "" : ",")\(members)}
        """
    }

    func send(
        _ path: String, _ body: String, account: String = "000000000000", region: String = "us-east-1"
    ) async throws -> JSONValue {
        let caller = Caller(.root(try #require(AccountID(account)), accessKeyID: "key"), region: region)
        let request = ServiceRequest(
            method: .POST, path: path, body: ByteBuffer(string: body), caller: caller,
            requestID: "5f0c1c3e-8b0a-4f6e-9d0a-2b9a5c1d7e42")
        let answer = try await service.respond(to: request, on: MultiThreadedEventLoopGroup.singleton.next()).get()
        return try JSONValue(parsing: answer.bytes)
    }

    /// PutTraceSegments: what was not taken.
    func put(_ documents: [String], account: String = "000000000000") async throws -> [JSONValue] {
        let texts = documents.map(\.json).joined(separator: ",")
        let answer = try await send("/TraceSegments", #"{"TraceSegmentDocuments":[\#(texts)]}"#, account: account)
        return answer["UnprocessedTraceSegments"]?.elements ?? []
    }

    func record(_ document: String, account: String = "000000000000") {
        service.store.record(ByteBuffer(string: document), account: account, region: "us-east-1")
    }

    /// The documents of a trace; nil when there is no such trace.
    func documents(_ trace: String, account: String = "000000000000") async throws -> [String]? {
        let answer = try await send("/Traces", #"{"TraceIds":["\#(trace)"]}"#, account: account)
        return answer["Traces"]?.elements.first?["Segments"]?.elements.map { $0["Document"]?.string ?? "" }
    }

    /// GetTraceSummaries over ten seconds; the ids and the whole answer.
    func summaries(_ members: String = "") async throws -> (ids: [String], answer: JSONValue) {
        let answer = try await send(
            "/TraceSummaries",
            "{\"StartTime\":\(Self.start),\"EndTime\":\(Self.start + 10)\(members.isEmpty ? "" : ",")\(members)}")
        return (answer["TraceSummaries"]?.elements.map { $0["Id"]?.string ?? "" } ?? [], answer)
    }

    func failure(_ path: String, _ body: String, location: SourceLocation = #_sourceLocation) async -> AWSError? {
        await #expect(throws: AWSError.self, sourceLocation: location) { _ = try await send(path, body) }
    }

    func count(_ table: String) async throws -> Int64 {
        try await database.read { try $0.query("SELECT COUNT(*) AS n FROM \(table)", [])[0].integer("n") }
    }
}

extension String {
    /// The text as a JSON string.
    var json: String {
        var writer = JSONWriter()
        writer.string(self)
        return String(buffer: writer.buffer)
    }
}
