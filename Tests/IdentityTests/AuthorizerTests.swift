import AWSWire
import Identity
import NIOCore
import NIOHTTP1
import Policies
import Synchronization
import Testing

/// What lenient modes let pass, and what they do not.
@Suite struct AuthorizerTests {
    private final class Log: DenialLog {
        private let denials = Mutex<[Denial]>([])
        var all: [Denial] { denials.withLock { $0 } }
        func note(_ denial: Denial) { denials.withLock { $0.append(denial) } }
    }

    private static let user = Principal(
        .user(name: "ann"), account: .standard, arn: "arn:aws:iam::000000000000:user/ann", id: "AIDA1",
        accessKeyID: "AKIA1")
    private static let request = ServiceRequest(
        method: .POST, path: "/", caller: Caller(user, region: "us-east-1"), requestID: "r")

    private func allows(
        _ mode: Authorizer.Mode, _ policy: String? = nil, account: String = "000000000000",
        context: AccessContext = [:]
    ) throws -> Bool {
        let compiled = try policy.map { CompiledPolicy(try PolicyDocument(parsing: ByteBuffer(string: $0))) }
        return Authorizer(directory: EmptyDirectory(), mode: mode).allows(
            "sts:AssumeRole", on: ProtectedResource("arn:aws:x:::y", account: account, policy: compiled),
            by: Self.user, Self.request, context: context)
    }

    @Test func whatOnlyIdentityPoliciesStandAgainst() throws {
        let log = Log()
        #expect(try !allows(.enforcing))
        #expect(try allows(.off))
        #expect(try allows(.permissive(log)))
        #expect(log.all == [Denial(principal: Self.user.arn, action: "sts:AssumeRole", resource: "arn:aws:x:::y")])
    }

    @Test func nobodyGetsIntoAnotherAccount() throws {
        let log = Log()
        for mode in [Authorizer.Mode.off, .permissive(log)] { #expect(try !allows(mode, account: "222222222222")) }
        #expect(log.all.isEmpty)
    }

    /// Denials with conditions count as the request has it.
    @Test func nobodyGetsPastWhatAResourceDenies() throws {
        let policy =
            #"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","#
            + #""Condition":{"StringEquals":{"sts:ExternalId":"bad"}}}]}"#
        for mode in [Authorizer.Mode.off, .permissive(Log())] {
            #expect(try !allows(mode, policy, context: ["sts:ExternalId": ["bad"]]))
            #expect(try allows(mode, policy, context: ["sts:ExternalId": ["good"]]))
        }
    }
}
