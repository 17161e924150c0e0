import AWSWire
import FoundationEssentials
import IAMModel
import Identity
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Storage
import TestSupport
import Testing

@testable import IAMService

/// An IAM service over a database file of its own, without a server before it.
final class Harness: Sendable {
    static let account = "000000000000"
    static let trust =
        #"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"#
        + #""Action":"sts:AssumeRole"}]}"#
    static let policy =
        #"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"*"}]}"#

    let folder = TemporaryDirectory()
    let sealing = SealingKey.random()
    let database: SQLiteDatabase
    let service: IAMService

    init(quotas: IAMQuotas = IAMQuotas(), clock: @escaping @Sendable () -> Int64 = { 1_800_000_000 }) async throws {
        database = try SQLiteDatabase(
            path: folder.file("iam.db"), durability: .relaxed, migrations: IAMService.migrations)
        service = IAMService(
            database: database, quotas: quotas, sealing: sealing, clock: clock, logger: Logger(label: "iam"))
        try await service.prepare()
    }

    deinit { try? database.close() }

    /// Another service over the same database, as after a restart.
    func restarted() async throws -> IAMService {
        let service = IAMService(database: database, sealing: sealing, logger: Logger(label: "iam"))
        try await service.prepare()
        return service
    }

    /// The body of the answer.
    @discardableResult
    func call(
        _ action: String, _ parameters: [(String, String)] = [], account: String = account,
        as principal: Principal? = nil, region: String = "us-east-1"
    ) async throws -> String {
        let pairs = [("Action", action), ("Version", "2010-05-08")] + parameters
        let form = pairs.map { "\($0)=\(PercentEncoding.encode($1))" }.joined(separator: "&")
        let owner = try #require(AccountID(account))
        let request = ServiceRequest(
            method: .POST, path: "/", body: ByteBuffer(string: form),
            caller: Caller(principal ?? .root(owner, accessKeyID: "root"), region: region), requestID: "r")
        let response = try await service.respond(to: request, on: MultiThreadedEventLoopGroup.singleton.any()).get()
        return String(buffer: response.bytes)
    }

    /// The error with which a call fails.
    func failure(
        _ action: String, _ parameters: [(String, String)] = [], account: String = account,
        as principal: Principal? = nil, region: String = "us-east-1"
    ) async -> AWSError? {
        do {
            try await call(action, parameters, account: account, as: principal, region: region)
            return nil
        } catch {
            return error as? AWSError
        }
    }

    func role(_ name: String) async throws {
        try await call("CreateRole", [("RoleName", name), ("AssumeRolePolicyDocument", Self.trust)])
    }

    func user(_ name: String) async throws { try await call("CreateUser", [("UserName", name)]) }

    /// Makes a user who may what the statements say.
    func member(_ name: String, _ statements: String...) async throws -> Principal {
        try await user(name)
        let text = #"{"Version":"2012-10-17","Statement":[\#(statements.joined(separator: ","))]}"#
        try await call("PutUserPolicy", [("UserName", name), ("PolicyName", "own"), ("PolicyDocument", text)])
        let user = try #require(service.directory.user(name, in: .standard))
        return Principal(.user(name: name), account: .standard, arn: user.arn, id: user.id, accessKeyID: "AKIA\(name)")
    }

    /// Makes a managed policy; its ARN.
    func managedPolicy(_ name: String, _ document: String = policy) async throws -> String {
        try await call("CreatePolicy", [("PolicyName", name), ("PolicyDocument", document)])
        return "arn:aws:iam::\(Self.account):policy/\(name)"
    }
}

extension String {
    /// The text of the first element of that name.
    func element(_ name: String) -> String? {
        guard let start = firstRange(of: "<\(name)>"),
            let end = self[start.upperBound...].firstRange(of: "</\(name)>")
        else { return nil }
        return String(self[start.upperBound..<end.lowerBound])
    }
}
