import AWSWire
import CZlib
import Delivery
import Identity
import Logging
import LogsModel
import NIOCore
import NIOHTTP1
import NIOPosix
import Storage
import Synchronization
import Testing
import TestSupport

@testable import LogsService

/// A logs service over a database of its own, driven as the gateway drives it.
final class Rig: Sendable {
    /// 2026-01-01T00:00:00Z.
    static let start: Int64 = 1_767_225_600_000
    static let day: Int64 = 86_400_000

    let database: SQLiteDatabase
    let service: LogsService
    let functions = Functions()
    let delivery = Delivery()
    private let directory = TemporaryDirectory()

    /// - Parameter over: What the service gets instead of the database itself.
    init(
        retentionDays: Int? = nil, capacity: Int = LogStore.capacity,
        over wrap: (SQLiteDatabase) -> any Database = { $0 }
    ) throws {
        let database = try SQLiteDatabase(
            path: directory.path + "/logs.db", durability: .relaxed, migrations: LogsService.migrations)
        self.database = database
        let clock = Clock()
        service = try LogsService(
            database: wrap(database), delivery: delivery, retentionDays: retentionDays, bufferCapacity: capacity,
            clock: { clock.now },
            authorizer: Authorizer(directory: EmptyDirectory()),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        self.clock = clock
        delivery.register(functions, for: "lambda")
    }

    /// The functions that there are, and what they get.
    final class Functions: DeliveryTarget {
        private let parcels = Mutex<[Parcel]>([])
        var got: [Parcel] { parcels.withLock { $0 } }

        func deliver(_ parcel: Parcel) async throws(DeliveryFailure) { parcels.withLock { $0.append(parcel) } }

        func check(_ target: String, from _: ServiceCaller) async throws(DeliveryFailure) {
            if !target.hasSuffix(":function:f") {
                throw DeliveryFailure(code: "AccessDeniedException", message: "", isFinal: true)
            }
        }
    }

    final class Clock: Sendable {
        private let time = Mutex(Rig.start)
        var now: Int64 {
            get { time.withLock { $0 } }
            set { time.withLock { $0 = newValue } }
        }
    }
    let clock: Clock

    // MARK: What functions do

    func append(
        _ lines: [String], group: String = "/aws/lambda/f", stream: String = "s", at offset: Int64 = 0,
        account: String = "000000000000", region: String = "us-east-1"
    ) {
        service.store.append(
            account: account, region: region, group: group, stream: stream, timestamp: Self.start + offset,
            lines: lines.map { ByteBuffer(string: $0) })
    }

    // MARK: What clients do

    func send(
        _ operation: String, _ body: String, account: String = "000000000000", region: String = "us-east-1"
    ) async throws -> ServiceResponse {
        let request = try request(operation, ByteBuffer(string: body), account: account, region: region)
        return try await service.respond(to: request, on: MultiThreadedEventLoopGroup.singleton.next()).get()
    }

    func request(
        _ operation: String, _ body: ByteBuffer, account: String = "000000000000", region: String = "us-east-1"
    ) throws -> ServiceRequest {
        let caller = Caller(.root(try #require(AccountID(account)), accessKeyID: "key"), region: region)
        return ServiceRequest(
            method: .POST, path: "/", headers: ["X-Amz-Target": "Logs_20140328.\(operation)"], body: body,
            caller: caller, requestID: "5f0c1c3e-8b0a-4f6e-9d0a-2b9a5c1d7e42")
    }

    func call(
        _ operation: String, _ body: String, account: String = "000000000000", region: String = "us-east-1"
    ) async throws -> JSONValue {
        try JSONValue(parsing: try await send(operation, body, account: account, region: region).bytes)
    }

    /// The error with which the operation must fail.
    func failure(
        _ operation: String, _ body: String, sourceLocation: SourceLocation = #_sourceLocation
    ) async -> AWSError? {
        await #expect(throws: AWSError.self, sourceLocation: sourceLocation) { _ = try await send(operation, body) }
    }

    /// The messages of FilterLogEvents or GetLogEvents.
    func messages(_ operation: String, _ body: String) async throws -> [String] {
        try await call(operation, body)["events"]?.elements.map { $0["message"]?.string ?? "" } ?? []
    }

    /// How many rows a table has.
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

/// What is in a member of a gzip file.
func gunzip(_ bytes: [UInt8]) -> [UInt8] {
    var stream = z_stream()
    guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return [] }
    defer { inflateEnd(&stream) }
    var input = bytes
    return input.withUnsafeMutableBufferPointer { input in
        [UInt8](unsafeUninitializedCapacity: 4 << 20) { output, count in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(output.count)
            count = inflate(&stream, Z_FINISH) == Z_STREAM_END ? Int(stream.total_out) : 0
        }
    }
}
