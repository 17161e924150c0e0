/// How closely a policy names the one who asks. It decides what else may limit what the policy allows.
///
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
enum PrincipalGrant: Int, Sendable, Comparable {
    /// Not at all.
    case none
    /// By the account, whose own policies are to say more.
    case account
    /// By what is behind the session: its role, or the user that asked for a federated one.
    case origin
    /// By itself, or as one of everybody.
    case direct

    static func < (one: PrincipalGrant, other: PrincipalGrant) -> Bool { one.rawValue < other.rawValue }
}

/// The principals of a statement.
struct CompiledPrincipals: Sendable {
    private enum Name: Sendable {
        case anyone
        case account(String)
        /// Of a user, a session or a role; of the latter also its name without the path, and its account.
        case arn(String, role: Substring?, account: String)
        /// As IAM keeps whom a policy named, so that none who comes later by the same name is meant: `AIDA…`.
        case id(String)
        case service(String)
        case federated(String)
        case canonicalUser(String)
    }

    private let sense: PolicySense
    private let names: [Name]

    init(_ element: PolicyElement<PolicyPrincipal>) {
        sense = element.sense
        names = element.values.map(Self.name)
    }

    private static func name(_ principal: PolicyPrincipal) -> Name {
        switch principal {
        case .anyone, .aws("*"): return .anyone
        case .service(let name): return .service(name)
        case .federated(let name): return .federated(name)
        case .canonicalUser(let id): return .canonicalUser(id)
        case .aws(let name):
            let parts = name.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
            guard parts.count == 6, parts[0] == "arn" else {
                return name.utf8.allSatisfy { (0x30...0x39).contains($0) } ? .account(name) : .id(name)
            }
            if parts[2] == "iam", parts[5] == "root" { return .account(String(parts[4])) }
            let isRole = parts[2] == "iam" && parts[5].hasPrefix("role/")
            return .arn(name, role: isRole ? parts[5].split(separator: "/").last : nil, account: String(parts[4]))
        }
    }

    /// How the statement means the one who asks.
    ///
    /// What is not to be denied under `NotPrincipal` has to be named itself, its account alone does not do; and with
    /// a permissions boundary it is denied whatever is listed.
    /// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    func grant(_ requester: Requester, _ effect: PolicyStatement.Effect) -> PrincipalGrant {
        var best = PrincipalGrant.none
        for name in names { best = max(best, Self.grant(name, requester)) }
        switch (sense, effect) {
        case (.these, _): return best
        case (.allBut, .allow): return best == .none ? .direct : .none
        case (.allBut, .deny): return best == .direct && requester.boundary == nil ? .none : .direct
        }
    }

    private static func grant(_ name: Name, _ requester: Requester) -> PrincipalGrant {
        switch name {
        case .anyone: .direct
        case .service(let service):
            requester.kind == .service && (service == "*" || service == requester.arn) ? .direct : .none
        case .federated(let provider): requester.kind == .federated && provider == requester.arn ? .direct : .none
        case .canonicalUser(let id): requester.canonicalUserID == id ? .account : .none
        case .account(let account):
            account != requester.account || account.isEmpty ? .none : requester.kind == .root ? .direct : .account
        case .id(let id):
            requester.userID == id ? .direct : requester.roleID.map { $0 == id } ?? false ? .origin : .none
        case .arn(let arn, let role, let account): grant(arn, role, account, requester)
        }
    }

    private static func grant(_ arn: String, _ role: Substring?, _ account: String, _ requester: Requester)
        -> PrincipalGrant
    {
        switch requester.kind {
        case .anonymous, .service, .federated: return .none
        case .root, .user: return requester.arn == arn ? .direct : .none
        case .federatedUser(let origin): return requester.arn == arn ? .direct : origin == arn ? .origin : .none
        case .assumedRole(let origin):
            if requester.arn == arn { return .direct }
            if let origin { return origin == arn ? .origin : .none }
            // A role's name is unique in its account, whatever its path.
            return role != nil && role == requester.roleName && account == requester.account ? .origin : .none
        }
    }
}
