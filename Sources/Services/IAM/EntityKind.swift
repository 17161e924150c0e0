import AWSWire

/// The kinds of those who have policies.
enum EntityKind: Sendable, Hashable {
    case user
    case group
    case role

    /// As messages have it.
    var word: String {
        switch self {
        case .user: "user"
        case .group: "group"
        case .role: "role"
        }
    }

    /// How many managed policies one may have.
    func attachmentQuota(_ quotas: IAMQuotas) -> (name: String, limit: Int) {
        switch self {
        case .user: ("PoliciesPerUser", quotas.policiesPerUser)
        case .group: ("PoliciesPerGroup", quotas.policiesPerGroup)
        case .role: ("PoliciesPerRole", quotas.policiesPerRole)
        }
    }

    /// How long the inline policies of one may be together.
    func inlineQuota(_ quotas: IAMQuotas) -> Int {
        switch self {
        case .user: quotas.userPolicySize
        case .group: quotas.groupPolicySize
        case .role: quotas.rolePolicySize
        }
    }

    /// The error for one that does not exist.
    func missing(_ name: String) -> AWSError {
        switch self {
        case .user: .noUser(name)
        case .group: .noGroup(name)
        case .role: .noRole(name)
        }
    }
}
