import AWSWire
import NIOCore
import Policies
import Synchronization

/// What is known of a principal until the next change of the directory: its policies, and what they came to lately.
final class Standing: Sendable {
    /// Decisions that hang on nothing but the action and the resource.
    private struct Question: Hashable {
        var action: String
        var resource: String
    }

    private static let limit = 1_024

    let generation: UInt64
    /// Nil when there is no such user or role any more.
    let requester: Requester?
    /// When its use was noted last, in seconds since 1970.
    private let noted = Atomic<Int64>(0)
    private let decisions = Mutex<[Question: Verdict]>([:])

    init(_ requester: Requester?, generation: UInt64) {
        self.requester = requester
        self.generation = generation
    }

    /// Whether its use has to be noted: once a minute.
    func mustNote(at now: Int64) -> Bool {
        let last = noted.load(ordering: .relaxed)
        return now - last >= 60 && noted.compareExchange(expected: last, desired: now, ordering: .relaxed).exchanged
    }

    func verdict(_ action: String, _ resource: String) -> Verdict? {
        decisions.withLock { $0[Question(action: action, resource: resource)] }
    }

    func keep(_ verdict: Verdict, _ action: String, _ resource: String) {
        decisions.withLock { decisions in
            if decisions.count >= Self.limit { decisions.removeAll(keepingCapacity: true) }
            decisions[Question(action: action, resource: resource)] = verdict
        }
    }
}

extension Requester {
    /// Whoever was deleted, by what the credentials still say.
    static func gone(_ principal: Principal) -> Requester {
        Requester(.user, arn: principal.arn, account: principal.account.digits, userID: principal.id)
    }

    /// The same, as if its own account's policies allowed it everything: only those of resources are left.
    var unlimited: Requester {
        var requester = self
        requester.identityPolicies = [.everything]
        requester.boundary = nil
        requester.sessionPolicies = [.everything]
        return requester
    }
}

extension AttachedPolicy {
    fileprivate static let everything = AttachedPolicy(
        id: "everything",
        CompiledPolicy(
            PolicyDocument(statements: [
                PolicyStatement(principals: nil, actions: PolicyElement(["*"]), resources: PolicyElement(["*"]))
            ])))
}

extension Principal {
    /// What the directory knows of it now.
    func standing(in directory: any PrincipalDirectory) -> Standing {
        let generation = directory.generation
        let known = findings.withLock { $0 as? Standing }
        if let known, known.generation == generation { return known }
        let standing = Standing(requester(in: directory), generation: generation)
        findings.withLock { $0 = standing }
        return standing
    }

    private func requester(in directory: any PrincipalDirectory) -> Requester? {
        switch kind {
        case .root:
            var requester = Requester(.root, arn: arn, account: account.digits, userID: id)
            requester.sessionPolicies = sessionPolicies(directory)
            return requester
        case .anonymous: return .anonymous
        case .user(let name):
            // Of another user of that name its keys know nothing.
            guard let user = directory.user(name, in: account), user.id == id else { return nil }
            var requester = Requester(.user, arn: arn, account: account.digits, userID: id)
            requester.tags = user.tags
            requester.identityPolicies = user.policies
            requester.boundary = user.boundary
            requester.sessionPolicies = sessionPolicies(directory)
            return requester
        case .assumedRole(let name, _):
            guard let role = directory.role(name, in: account), id.hasPrefix(role.id + ":") else { return nil }
            var requester = Requester(
                .assumedRole(arn: role.arn), arn: arn, account: account.digits, userID: id)
            requester.tags = tags(over: role.tags)
            requester.identityPolicies = role.policies
            requester.boundary = role.boundary
            requester.sessionPolicies = sessionPolicies(directory)
            return requester
        case .federated: return federated(directory)
        }
    }

    /// A session that a user or the root got for somebody else has what its origin has, at most.
    private func federated(_ directory: any PrincipalDirectory) -> Requester? {
        guard let origin = session?.provider else { return nil }
        var requester = Requester(.federatedUser(of: origin), arn: arn, account: account.digits, userID: id)
        requester.tags = session?.tags ?? [:]
        requester.sessionPolicies = sessionPolicies(directory)
        if origin.hasSuffix(":root") { return requester }
        let name = origin.split(separator: "/").last.map(String.init) ?? ""
        guard let user = directory.user(name, in: account), user.arn == origin, user.id == session?.originID
        else { return nil }
        requester.identityPolicies = user.policies
        requester.boundary = user.boundary
        return requester
    }

    /// A session's tags take the place of the role's, whatever the case of their keys.
    private func tags(over tags: [String: String]) -> [String: String] {
        let own = session?.tags ?? [:]
        let keys = Set(own.keys.map { $0.lowercased() })
        return tags.filter { !keys.contains($0.key.lowercased()) }.merging(own) { _, own in own }
    }

    /// A policy that is gone, or cannot be read any more, allows nothing.
    private func sessionPolicies(_ directory: any PrincipalDirectory) -> [AttachedPolicy] {
        guard let session else { return [] }
        let nothing = CompiledPolicy(PolicyDocument())
        let managed = session.policyARNs.map { arn in
            directory.managedPolicy(arn, in: account) ?? AttachedPolicy(id: arn, arn: arn, nothing)
        }
        return managed
            + session.policies.map { text in
                let document = try? PolicyDocument(parsing: ByteBuffer(string: text))
                return AttachedPolicy(id: "session", document.map { CompiledPolicy($0) } ?? nothing)
            }
    }
}
