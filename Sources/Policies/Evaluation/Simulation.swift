/// Where a statement was found.
package struct PolicySource: Sendable, Hashable {
    package var layer: PolicyLayer
    package var id: String
    package var arn: String?

    init(_ layer: PolicyLayer, id: String, arn: String?) {
        self.layer = layer
        self.id = id
        self.arn = arn
    }
}

/// A statement that speaks of a request.
package struct StatementMatch: Sendable, Hashable {
    package var source: PolicySource
    /// Its index in the document.
    package var statement: Int
    package var effect: PolicyStatement.Effect
}

/// A decision with all that led to it, for the policy simulator.
package struct Simulation: Sendable {
    package var verdict: Verdict
    /// The statements that decided: those that deny, where there are any; else those that allow.
    package var matches: [StatementMatch]
    /// What each kind of policy that has a say came to by itself.
    package var decisions: [PolicyLayer: Verdict.Decision]
    /// Keys that the policies ask for and the request has not.
    package var missingKeys: Set<ContextKey>
}

extension Evaluation {
    /// As ``decide(_:_:on:context:)``, and what led to it.
    package static func simulate(
        _ requester: Requester, _ action: String, on resource: ProtectedResource, context: AccessContext = [:]
    ) -> Simulation {
        var inquiry = Inquiry(
            by: requester, action: action, resource: resource.arn, owner: resource.account, context: context)
        inquiry.matches = []
        let answers = PolicyAnswers(requester, resource, &inquiry)
        let verdict = answers.verdict(requester, resource, inquiry)
        let matches = inquiry.matches ?? []
        let deciding: [StatementMatch] =
            switch verdict.decision {
            case .allowed: matches
            case .explicitDeny: matches.filter { $0.effect == .deny }
            case .implicitDeny: []
            }
        return Simulation(
            verdict: verdict, matches: deciding, decisions: answers.decisions(requester, resource),
            missingKeys: missing(requester, resource, inquiry))
    }

    private static func missing(_ requester: Requester, _ resource: ProtectedResource, _ inquiry: Inquiry)
        -> Set<ContextKey>
    {
        let policies = requester.policies + (resource.policy.map { [$0] } ?? [])
        let asked = policies.reduce(into: Set<ContextKey>()) { $0.formUnion($1.contextKeys) }
        return asked.filter { inquiry.known($0) == nil }
    }
}

extension PolicyAnswers {
    fileprivate func decisions(_ requester: Requester, _ resource: ProtectedResource) -> [PolicyLayer: Verdict.Decision]
    {
        var decisions: [PolicyLayer: Verdict.Decision] = [.identity: identity.decision]
        decisions[.boundary] = boundary?.decision
        if !requester.sessionPolicies.isEmpty { decisions[.session] = session.decision }
        if resource.policy != nil {
            decisions[resource.layer] =
                self.resource.denial != nil
                ? .explicitDeny : self.resource.grant == .none ? .implicitDeny : .allowed
        }
        return decisions
    }
}

extension PolicyAnswers.Layer {
    fileprivate var decision: Verdict.Decision { isDenied ? .explicitDeny : isAllowed ? .allowed : .implicitDeny }
}
