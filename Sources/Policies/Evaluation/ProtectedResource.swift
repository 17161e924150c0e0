/// What somebody wants to act on, with its owner and the policy that hangs on it.
package struct ProtectedResource: Sendable {
    /// What the resource's policy has to say in its own account.
    package enum Rule: Sendable, Hashable {
        /// It lets in whom identity policies do not: those of most services.
        case mayGrant
        /// Nobody gets past it: the trust policy of a role.
        case mustTrust
        /// Nobody gets past it: the policy of an encryption key, and others of that sort.
        case mustGrant
    }

    /// `*` for actions that have no resource.
    package var arn: String
    /// The account that owns it.
    package var account: String
    package var policy: CompiledPolicy?
    package var rule: Rule

    package init(_ arn: String, account: String, policy: CompiledPolicy? = nil, rule: Rule = .mayGrant) {
        self.arn = arn
        self.account = account
        self.policy = policy
        self.rule = rule
    }

    var layer: PolicyLayer { rule == .mustTrust ? .trust : .resource }
}
