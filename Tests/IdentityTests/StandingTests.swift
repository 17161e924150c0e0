import AWSWire
import Identity
import NIOCore
import NIOHTTP1
import Policies
import Testing

/// An account with one user and one role.
private struct Household: PrincipalDirectory {
    var ann: UserIdentity?
    var ops: RoleIdentity?

    func key(_: String) -> UserKey? { nil }
    func user(_ name: String, in _: AccountID) -> UserIdentity? { name == ann?.name ? ann : nil }
    func role(_ name: String, in _: AccountID) -> RoleIdentity? { name == ops?.name ? ops : nil }
    func managedPolicy(_: String, in _: AccountID) -> AttachedPolicy? { nil }
    func provider(_: String, in _: AccountID) -> WebIdentityProvider? { nil }
    func noteUse(of _: Principal, service _: String, region _: String) {}
    var generation: UInt64 { 0 }
}

/// Whom credentials stand for, and with what policies.
@Suite struct StandingTests {
    private static let userARN = "arn:aws:iam::000000000000:user/ann"
    private static let roleARN = "arn:aws:iam::000000000000:role/ops"

    private static func policy(_ effect: String, _ more: String = "") throws -> CompiledPolicy {
        let text =
            #"{"Version":"2012-10-17","Statement":[{"Effect":"\#(effect)","Action":"*","Resource":"*"\#(more)}]}"#
        return CompiledPolicy(try PolicyDocument(parsing: ByteBuffer(string: text)))
    }

    private static func ann(id: String) throws -> UserIdentity {
        UserIdentity(
            account: .standard, name: "ann", arn: userARN, id: id,
            policies: [AttachedPolicy(id: "p", try policy("Allow"))])
    }

    private static func ops(tags: [String: String] = [:], _ policies: CompiledPolicy...) throws -> RoleIdentity {
        RoleIdentity(
            account: .standard, name: "ops", arn: roleARN, id: "AROA1", tags: tags, trust: try policy("Deny"),
            policies: policies.map { AttachedPolicy(id: "p", $0) })
    }

    private static func session(of tags: [String: String] = [:]) -> Principal {
        var session = Principal.Session(issued: 0, expires: .max)
        session.tags = tags
        return Principal(
            .assumedRole(role: "ops", session: "s"), account: .standard,
            arn: "arn:aws:sts::000000000000:assumed-role/ops/s", id: "AROA1:s", accessKeyID: "ASIA1", session: session)
    }

    private func allows(
        _ principal: Principal, in household: Household, mode: Authorizer.Mode = .enforcing,
        resourcePolicy: CompiledPolicy? = nil
    ) -> Bool {
        let request = ServiceRequest(
            method: .POST, path: "/", caller: Caller(principal, region: "us-east-1"), requestID: "r")
        return Authorizer(directory: household, mode: mode).allows(
            "lambda:ListFunctions",
            on: ProtectedResource("arn:aws:x:::y", account: "000000000000", policy: resourcePolicy), by: principal,
            request)
    }

    /// What was given to one user is nothing to another who comes later by the same name.
    @Test func aFederatedSessionIsOfTheUserThatAskedForIt() throws {
        var session = Principal.Session(issued: 0, expires: .max)
        session.provider = Self.userARN
        session.originID = "AIDA1"
        session.policies = [#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#]
        func guest() -> Principal {
            Principal(
                .federated(name: "guest"), account: .standard,
                arn: "arn:aws:sts::000000000000:federated-user/guest", id: "000000000000:guest", accessKeyID: "ASIA1",
                session: session)
        }
        #expect(allows(guest(), in: Household(ann: try Self.ann(id: "AIDA1"))))
        #expect(!allows(guest(), in: Household(ann: try Self.ann(id: "AIDA2"))))
        #expect(!allows(guest(), in: Household()))
    }

    /// The guide's "Pass session tags in AWS STS": a session's tag overrides the role's, and the case of keys says
    /// nothing.
    @Test func aSessionsTagsOverrideTheRoles() throws {
        let policy = try Self.policy(
            "Allow", #","Condition":{"StringEquals":{"aws:PrincipalTag/team":"session"}}"#)
        // Which of two equals a dictionary finds first is left to chance: many of them leave nothing to it.
        for index in 0..<16 {
            let tags = Dictionary(uniqueKeysWithValues: (0..<index).map { ("other\($0)", "x") })
            let household = Household(ops: try Self.ops(tags: tags.merging(["Team": "role"]) { $1 }, policy))
            #expect(allows(Self.session(of: ["TEAM": "session"]), in: household))
            #expect(!allows(Self.session(), in: household))
        }
    }

    /// A policy that names the role, or a tag of it, denies in lenient modes as well.
    @Test func lenientModesKeepWhatAResourceDeniesToARole() throws {
        let household = Household(ops: try Self.ops(tags: ["team": "red"]))
        let named = try Self.policy("Deny", #","Principal":{"AWS":"\#(Self.roleARN)"}"#)
        let tagged = try Self.policy(
            "Deny", #","Principal":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"red"}}"#)
        let other = try Self.policy("Deny", #","Principal":{"AWS":"\#(Self.roleARN)x"}"#)
        #expect(!allows(Self.session(), in: household, mode: .off, resourcePolicy: named))
        #expect(!allows(Self.session(), in: household, mode: .off, resourcePolicy: tagged))
        #expect(allows(Self.session(), in: household, mode: .off, resourcePolicy: other))
    }
}
