/// Decides whether somebody may do something, from all policies that have a say.
///
/// Service and resource control policies, which belong to organizations, are not among them.
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
package enum Evaluation {
    /// - Parameters:
    ///   - action: Such as `lambda:InvokeFunction`, in any case.
    ///   - context: What there is to know beside the rest.
    package static func decide(
        _ requester: Requester, _ action: String, on resource: ProtectedResource, context: AccessContext = [:]
    ) -> Verdict {
        var inquiry = Inquiry(
            by: requester, action: action, resource: resource.arn, owner: resource.account, context: context)
        return PolicyAnswers(requester, resource, &inquiry).verdict(requester, resource, inquiry)
    }
}

/// What the policies say, one layer after the other.
struct PolicyAnswers {
    struct Layer {
        var isAllowed = false
        var isDenied = false
        /// Of the policy that denies it, where it has one.
        var denyingARN: String?
    }

    private(set) var identity = Layer()
    private(set) var session = Layer()
    /// Nil when there is none.
    private(set) var boundary: Layer?
    private(set) var resource = PolicyAnswer()

    init(_ requester: Requester, _ resource: ProtectedResource, _ inquiry: inout Inquiry) {
        identity.ask(requester.identityPolicies, .identity, &inquiry)
        if let policy = resource.policy {
            self.resource = policy.answer(&inquiry, as: PolicySource(resource.layer, id: resource.arn, arn: nil))
        }
        if let policy = requester.boundary, !requester.isServiceLinked {
            var layer = Layer()
            layer.ask([policy], .boundary, &inquiry)
            boundary = layer
        }
        session.ask(requester.sessionPolicies, .session, &inquiry)
    }

    func verdict(_ requester: Requester, _ resource: ProtectedResource, _ inquiry: Inquiry) -> Verdict {
        var verdict = Verdict(
            decision: .allowed, layer: nil, policyARN: nil, scope: inquiry.scope, consultedKeys: inquiry.keys)
        let isOwn = requester.account == resource.account && !resource.account.isEmpty
        if let denial = denial(resource) {
            verdict.decision = .explicitDeny
            verdict.layer = denial.layer
            verdict.policyARN = isOwn ? denial.arn : nil
        } else if let layer = isOwn
            ? missingWithinAccount(requester, resource) : missingAcrossAccounts(requester, resource)
        {
            verdict.decision = .implicitDeny
            verdict.layer = layer
        }
        return verdict
    }

    private func denial(_ resource: ProtectedResource) -> (layer: PolicyLayer, arn: String?)? {
        if identity.isDenied { return (.identity, identity.denyingARN) }
        if self.resource.denial != nil { return (resource.layer, nil) }
        if let boundary, boundary.isDenied { return (.boundary, boundary.denyingARN) }
        if session.isDenied { return (.session, session.denyingARN) }
        return nil
    }

    /// The kind of policy that would have had to allow it, of a resource in the principal's own account.
    private func missingWithinAccount(_ requester: Requester, _ resource: ProtectedResource) -> PolicyLayer? {
        // Who is named itself needs nothing else, and nothing limits it.
        if self.resource.grant == .direct { return nil }
        // A role or a user that is named is limited by what limits its session.
        if self.resource.grant == .origin { return missingLimit(requester) }
        // An account that is named leaves it to its own policies.
        if resource.rule != .mayGrant, self.resource.grant == .none { return resource.layer }
        return missingOnIdentity(requester, resource)
    }

    private func missingAcrossAccounts(_ requester: Requester, _ resource: ProtectedResource) -> PolicyLayer? {
        missingOnIdentity(requester, resource) ?? (self.resource.grant == .none ? resource.layer : nil)
    }

    /// On the side of the principal alone.
    private func missingOnIdentity(_ requester: Requester, _ resource: ProtectedResource) -> PolicyLayer? {
        switch requester.kind {
        case .root: return nil
        // They have no policies: the resource's alone counts.
        case .anonymous, .service, .federated: return self.resource.grant == .none ? resource.layer : nil
        case .federatedUser(let origin) where origin.hasSuffix(":root"): return missingLimit(requester)
        case .user, .assumedRole, .federatedUser:
            return identity.isAllowed ? missingLimit(requester) : .identity
        }
    }

    /// The boundary or the session's policies, where they do not allow it.
    private func missingLimit(_ requester: Requester) -> PolicyLayer? {
        if let boundary, !boundary.isAllowed { return .boundary }
        if session.isAllowed { return nil }
        if case .federatedUser = requester.kind { return .session }
        return requester.sessionPolicies.isEmpty ? nil : .session
    }
}

extension PolicyAnswers.Layer {
    fileprivate mutating func ask(_ policies: [AttachedPolicy], _ layer: PolicyLayer, _ inquiry: inout Inquiry) {
        for policy in policies {
            let answer = policy.policy.answer(&inquiry, as: PolicySource(layer, id: policy.id, arn: policy.arn))
            if answer.grant != .none { isAllowed = true }
            if answer.denial != nil, !isDenied {
                isDenied = true
                denyingARN = policy.arn
            }
        }
    }
}
