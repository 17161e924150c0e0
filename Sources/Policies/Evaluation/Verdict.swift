/// What came of a request, and why: as much of it as AWS tells.
package struct Verdict: Sendable, Hashable {
    /// As the policy simulator names them.
    package enum Decision: String, Sendable, Hashable {
        case allowed
        /// A statement denies it.
        case explicitDeny
        /// A policy that had to allow it does not.
        case implicitDeny
    }

    package var decision: Decision
    /// The kind of policy that decided against it; nil when it is allowed.
    package var layer: PolicyLayer?
    /// The managed policy whose statement denies it, where AWS names that: within one account.
    package var policyARN: String?
    /// What the decision hangs on beside principal, action and resource, as long as the policies stay what they are:
    /// without `request` it is the same for all requests of the principal for that action and resource.
    package var scope: ContextKey.Scope
    /// The keys that were looked at, in lower case.
    package var consultedKeys: [String]

    package var isAllowed: Bool { decision == .allowed }
}

/// The kinds of policies that may stand against a request.
package enum PolicyLayer: String, Sendable, Hashable, CaseIterable {
    case identity
    case resource
    /// The trust policy of a role that is to be assumed.
    case trust
    case boundary
    case session

    /// As in "an explicit deny in a …" and "no … allows".
    fileprivate var words: (denying: String, allowing: String) {
        switch self {
        case .identity: ("an identity-based policy", "identity-based policy")
        case .resource: ("a resource-based policy", "resource-based policy")
        case .trust: ("the role trust policy", "role trust policy")
        case .boundary: ("a permissions boundary", "permissions boundary")
        case .session: ("a session policy", "session policy")
        }
    }
}

/// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
extension Verdict {
    /// `because no identity-based policy allows the lambda:InvokeFunction action`,
    /// `with an explicit deny in an identity-based policy: arn:…`; nil when it is allowed.
    package func reason(action: String) -> String? {
        guard let layer else { return nil }
        switch decision {
        case .allowed: return nil
        case .implicitDeny: return "because no \(layer.words.allowing) allows the \(action) action"
        case .explicitDeny:
            return "with an explicit deny in \(layer.words.denying)" + (policyARN.map { ": " + $0 } ?? "")
        }
    }

    /// AWS's message for a refusal.
    ///
    /// - Parameters:
    ///   - principal: The ARN of who asked.
    ///   - action: With its service.
    ///   - resource: Nil for what has none to name.
    package func message(_ principal: String, action: String, resource: String?) -> String {
        let place = resource.map { " on resource: " + $0 } ?? ""
        let reason = reason(action: action).map { " " + $0 } ?? ""
        return "User: \(principal) is not authorized to perform: \(action)\(place)\(reason)"
    }
}
