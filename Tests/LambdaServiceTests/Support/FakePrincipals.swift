import AWSWire
import Identity
import NIOCore
import Policies
import Synchronization

/// Who there is, as a test says. Every role is there that nobody removed, trusts Lambda alone, and may do everything.
final class FakePrincipals: PrincipalDirectory {
    private struct State {
        var users: [String: UserIdentity] = [:]
        var roles: [String: RoleIdentity] = [:]
        var missing: Set<String> = []
        var generation: UInt64 = 0
    }

    private let state = Mutex(State())

    static let trust = CompiledPolicy(
        PolicyDocument(statements: [
            PolicyStatement(
                principals: PolicyElement([.service("lambda.amazonaws.com")]),
                actions: PolicyElement(["sts:AssumeRole"]), resources: nil)
        ]))

    private static let everything = AttachedPolicy(
        id: "everything",
        CompiledPolicy(
            PolicyDocument(statements: [
                PolicyStatement(principals: nil, actions: PolicyElement(["*"]), resources: PolicyElement(["*"]))
            ])))

    func removeRole(_ name: String) { change { $0.missing.insert(name) } }

    /// - Parameter policy: JSON; nil: none.
    @discardableResult
    func addUser(_ name: String, in account: AccountID, policy: String?) throws -> Principal {
        let arn = "arn:aws:iam::\(account):user/\(name)"
        let document = try policy.map { try PolicyDocument(parsing: ByteBuffer(string: $0)) }
        let policies = document.map { [AttachedPolicy(id: "p", CompiledPolicy($0))] } ?? []
        change {
            $0.users["\(account)/\(name)"] = UserIdentity(
                account: account, name: name, arn: arn, id: "AIDA\(name)", policies: policies)
        }
        return Principal(.user(name: name), account: account, arn: arn, id: "AIDA\(name)", accessKeyID: "AKIA\(name)")
    }

    func addRole(_ name: String, in account: AccountID, trust: CompiledPolicy) {
        change {
            $0.roles["\(account)/\(name)"] = RoleIdentity(
                account: account, name: name, arn: "arn:aws:iam::\(account):role/\(name)", id: "AROA\(name)",
                trust: trust)
        }
    }

    private func change(_ body: (inout State) -> Void) {
        state.withLock { state in
            state.generation += 1
            body(&state)
        }
    }

    // MARK: PrincipalDirectory

    var generation: UInt64 { state.withLock { $0.generation } }
    func key(_: String) -> UserKey? { nil }
    func user(_ name: String, in account: AccountID) -> UserIdentity? {
        state.withLock { $0.users["\(account)/\(name)"] }
    }
    func role(_ name: String, in account: AccountID) -> RoleIdentity? {
        state.withLock { state in
            if state.missing.contains(name) { return nil }
            return state.roles["\(account)/\(name)"]
                ?? RoleIdentity(
                    account: account, name: name, arn: "arn:aws:iam::\(account):role/\(name)", id: "AROA\(name)",
                    trust: Self.trust, policies: [Self.everything])
        }
    }
    func managedPolicy(_: String, in _: AccountID) -> AttachedPolicy? { nil }
    func provider(_: String, in _: AccountID) -> WebIdentityProvider? { nil }
    func noteUse(of _: Principal, service _: String, region _: String) {}
}
