import AWSWire
import Delivery
import Fleet
import Identity
import Logging
import Metrics
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Runtimes
import Signing
import Storage
import Synchronization
import Testing
import TestSupport

@testable import LambdaService

/// A whole service on a directory of its own, spoken to as the gateway does.
struct Harness: Sendable {
    static let account = "111111111111"
    static let region = "us-east-1"
    static let role = "arn:aws:iam::111111111111:role/lambda"
    static let hello = Zip.archive([(name: "index.py", contents: "def handler(event, context): return event\n")])

    let directory: TemporaryDirectory
    let database: SQLiteDatabase
    let blobs: BlobStore
    let fleet = FakeFleet()
    let images = FakeImages()
    let principals = FakePrincipals()
    let reservations = Reservations()
    let events: SQLiteDatabase
    let delivery = Delivery()
    let outbox: Outbox
    let clock = ManualClock()
    let meters = Meters()
    let metrics = MetricRecorder()
    let service: LambdaService
    let loop = NIOAsyncTestingEventLoop()

    /// - Parameter directory: That of an earlier harness, to see what a new process finds there.
    init(
        in directory: TemporaryDirectory? = nil, quotas: Quotas = Quotas(), grace: Duration = .seconds(960),
        prepareRuntime: @escaping PrepareRuntime = { _ in nil }, accessPoints: Set<String> = []
    ) throws {
        let directory = directory ?? TemporaryDirectory()
        self.directory = directory
        database = try SQLiteDatabase(
            path: directory.path + "/apus.db", durability: .relaxed, migrations: LambdaService.migrations)
        blobs = try BlobStore(directory: directory.path + "/blobs")
        events = try SQLiteDatabase(
            path: directory.path + "/events.db", durability: .relaxed,
            migrations: LambdaService.eventMigrations + Outbox.migrations)
        let reservations = reservations
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let clock = clock
        outbox = Outbox(database: events, delivery: delivery, clock: { clock.now }, logger: logger)
        var configuration = LambdaService.Configuration(
            codeDirectory: directory.path + "/code",
            variablesKey: try SealingKey(file: directory.path + "/variables.key"))
        configuration.quotas = quotas
        configuration.clock = { clock.now }
        configuration.codeGrace = grace
        configuration.accessPoints = accessPoints
        configuration.signing = SigningAuthority(
            directory: directory.path + "/signing-profiles", account: Harness.account, region: Harness.region)
        service = LambdaService(
            configuration: configuration, database: database, events: events, outbox: outbox, blobs: blobs,
            fleet: fleet,
            eventLoops: loop,
            setReservedConcurrency: { account, region, name, executions in
                reservations.set(executions, for: "\(account)/\(region)/\(name)")
            },
            resolveRuntime: Harness.resolve, prepareRuntime: prepareRuntime,
            codeLocation: { code, account, endpoint in "\(endpoint)/_apus/code/\(account)/\(code)" },
            images: images, authorizer: Authorizer(directory: principals), meters: meters,
            logger: logger)
        meters.add(metrics)
        delivery.register(service, for: "lambda")
    }

    @Sendable static func resolve(_ identifier: String) throws(RuntimeUnavailable) -> ResolvedRuntime {
        guard identifier.hasPrefix("python") || identifier.hasPrefix("nodejs") || identifier.hasPrefix("provided")
        else {
            throw RuntimeUnavailable(identifier: identifier, reason: .notInstalled)
        }
        return ResolvedRuntime(identifier: identifier, root: "root", arguments: ["/bin/true"], environment: [])
    }

    /// What the fleet was told of reserved concurrency.
    final class Reservations: Sendable {
        private let executions = Mutex<[String: Int]>([:])

        func set(_ count: Int?, for function: String) { executions.withLock { $0[function] = count } }

        /// - Parameter name: Of a function of the harness's account and region.
        subscript(name: String) -> Int? {
            executions.withLock { $0["\(Harness.account)/\(Harness.region)/\(name)"] }
        }
    }

    struct Answer: Sendable {
        var status: Int
        var headers: HTTPHeaders
        var body: ByteBuffer

        var json: JSONValue {
            get throws { try JSONValue(parsing: body) }
        }
        var text: String { String(buffer: body) }
        /// The names of the members of the answer's object.
        var members: Set<String> {
            get throws { Set(try json.members.map(\.name)) }
        }
        var message: String {
            get throws { try json["message"]?.string ?? json["Message"]?.string ?? "" }
        }
        var errorType: String? { headers.first(name: "x-amzn-ErrorType") }
    }

    func request(
        _ method: HTTPMethod, _ path: String, query: String? = nil, headers: HTTPHeaders = [:], body: String = "",
        account: String = Harness.account, region: String = Harness.region
    ) throws -> ServiceRequest {
        let caller = Caller(.root(try #require(AccountID(account)), accessKeyID: "AKIAEXAMPLE"), region: region)
        return ServiceRequest(
            method: method, path: path, query: query, headers: headers, body: ByteBuffer(string: body), caller: caller,
            requestID: RequestID.make())
    }

    /// Sends a request and answers with what the client would see, errors included.
    func send(_ request: ServiceRequest) async throws -> Answer {
        let loop = loop
        let service = service
        do {
            let response = try await loop.submit { service.respond(to: request, on: loop) }.get().get()
            return Answer(status: Int(response.status.code), headers: response.headers, body: response.bytes)
        } catch let error as AWSError {
            let response = ErrorEncoding.response(for: error, protocol: .restJSON, requestID: request.requestID)
            return Answer(status: Int(response.status.code), headers: response.headers, body: response.bytes)
        }
    }

    func send(
        _ method: HTTPMethod, _ path: String, query: String? = nil, headers: HTTPHeaders = [:], body: String = "",
        account: String = Harness.account, region: String = Harness.region
    ) async throws -> Answer {
        try await send(
            request(
                method, path, query: query, headers: headers, body: body, account: account, region: region))
    }

    /// CreateFunction with what is needed and `members`, a JSON fragment such as `"Timeout":5`.
    func create(
        _ name: String, zip: [UInt8] = Harness.hello, members: String = "", runtime: String? = "python3.13",
        account: String = Harness.account, region: String = Harness.region
    ) async throws -> Answer {
        let body = Self.creation(name, zip: zip, members: members, runtime: runtime, account: account)
        return try await send(.POST, "/2015-03-31/functions", body: body, account: account, region: region)
    }

    /// The body of a CreateFunction.
    static func creation(
        _ name: String, zip: [UInt8] = Harness.hello, members: String = "", runtime: String? = "python3.13",
        account: String = Harness.account
    ) -> String {
        let runtime = runtime.map { #""Runtime":"\#($0)","# } ?? ""
        return """
            {"FunctionName":"\(name)",\(runtime)"Role":"arn:aws:iam::\(account):role/lambda",\
            "Handler":"index.handler","Code":{"ZipFile":"\(Base64.encode(zip))"}\(members.isEmpty ? "" : ",")\(members)}
            """
    }

    /// Creates a function and has the worker deploy it.
    func deploy(_ name: String, zip: [UInt8] = Harness.hello, members: String = "") async throws {
        let answer = try await create(name, zip: zip, members: members)
        try #require(answer.status == 201, "\(answer.text)")
        await settle()
    }

    /// Everything that the worker owes now.
    func settle() async { _ = await service.deployer.pass() }

    func configuration(_ name: String) async throws -> JSONValue {
        try await send(.GET, "/2015-03-31/functions/\(name)/configuration").json
    }
}
