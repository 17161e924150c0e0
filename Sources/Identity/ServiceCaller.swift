package import AWSWire
package import Policies

/// An AWS service that acts for a resource rather than answers a request: a topic that tells its subscribers, a
/// function whose outcome goes to a queue.
package struct ServiceCaller: Sendable, Hashable {
    /// `sns.amazonaws.com`.
    package var service: String
    /// The ARN of what it acts for: `aws:SourceArn`.
    package var source: String
    /// Whose that is: `aws:SourceAccount`.
    package var account: AccountID
    /// The ARN of the role as which it acts; nil where it acts as itself, and resources' policies alone let it in.
    package var role: String?

    package init(_ service: String, for source: String, of account: AccountID, as role: String? = nil) {
        self.service = service
        self.source = source
        self.account = account
        self.role = role
    }
}

extension ServiceCaller {
    /// `logs.us-east-1.amazonaws.com`, by which policies may name a service, too; nil where it acts as a role.
    fileprivate var regionalName: String? {
        guard role == nil, let region = ARN(source)?.region, !region.isEmpty, service.hasSuffix(Self.domain) else {
            return nil
        }
        return "\(service.dropLast(Self.domain.count)).\(region)\(Self.domain)"
    }

    private static let domain = ".amazonaws.com"
}

extension Authorizer {
    /// Refuses what a service may not do.
    ///
    /// A role counts as long as it is there and trusts the service. Nobody gets into another account that does not let
    /// it in, whatever the mode.
    ///
    /// - Throws: `AccessDeniedException` (`AccessDenied` in query services), with AWS's reason.
    package func require(
        _ action: String, on resource: ProtectedResource, by caller: ServiceCaller, wire: WireProtocol,
        context: AccessContext = [:]
    ) throws(AWSError) {
        try require(action, on: resource, by: caller, speaksForAccount: false, wire, context)
    }

    /// The same for a service that, where it acts as itself, is also let in by another account's resource whose policy
    /// names the account of what it acts for.
    package func require(
        _ action: String, on resource: ProtectedResource, byAccountOf caller: ServiceCaller, wire: WireProtocol,
        context: AccessContext = [:]
    ) throws(AWSError) {
        try require(action, on: resource, by: caller, speaksForAccount: true, wire, context)
    }

    private func require(
        _ action: String, on resource: ProtectedResource, by caller: ServiceCaller, speaksForAccount: Bool,
        _ wire: WireProtocol, _ context: AccessContext
    ) throws(AWSError) {
        var requester = Requester.service(caller.service)
        var isAble = true
        if let role = caller.role {
            (requester, isAble) = session(of: role, caller)
        }
        var context = context
        addTime(to: &context)
        context["aws:SecureTransport"] = ["false"]
        context["aws:ViaAWSService"] = ["false"]
        if caller.role == nil {
            context["aws:SourceArn"] = [caller.source]
            context["aws:SourceAccount"] = [caller.account.digits]
        }
        var verdict = Evaluation.decide(requester, action, on: resource, context: context)
        if let regional = caller.regionalName, verdict.decision != .explicitDeny {
            let other = Evaluation.decide(.service(regional), action, on: resource, context: context)
            if other.decision != .implicitDeny { verdict = other }
        }
        // An account's own resources are its owner's whatever their policies say: that is no permission given.
        let account = caller.account.digits
        if speaksForAccount, caller.role == nil, account != resource.account, verdict.decision != .explicitDeny {
            let other = Evaluation.decide(.root(of: account), action, on: resource, context: context)
            if other.decision != .implicitDeny { verdict = other }
        }
        if isAble, verdict.isAllowed { return }
        if isLenient, caller.account.digits == resource.account, verdict.decision != .explicitDeny {
            note(Denial(principal: caller.role ?? caller.service, action: action, resource: resource.arn))
            return
        }
        throw .accessDenied(verdict.message(requester.arn, action: action, resource: resource.arn), wire: wire)
    }

    /// The session in which a service acts as a role, and whether it may have one.
    private func session(of arn: String, _ caller: ServiceCaller) -> (Requester, isAble: Bool) {
        let name = arn.split(separator: "/").last.map(String.init) ?? ""
        // A function's sessions have its name, those of others that of what they act for.
        let session = caller.source.split(whereSeparator: { $0 == ":" || $0 == "/" }).last.map(String.init) ?? "apus"
        let account = caller.account.digits
        let role = directory.role(arn: arn, of: account)
        var requester = Requester(
            .assumedRole(arn: role?.arn), arn: "arn:aws:sts::\(account):assumed-role/\(name)/\(session)",
            account: account, userID: role.map { "\($0.id):\(session)" })
        guard let role else { return (requester, false) }
        requester.tags = role.tags
        requester.identityPolicies = role.policies
        requester.boundary = role.boundary
        return (requester, role.trusts(service: caller.service, source: caller.source))
    }
}
