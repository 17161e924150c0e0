package import AWSWire
package import Policies
import Synchronization

/// Whether callers may do what they ask for: the one place at which every request of every service is decided.
package final class Authorizer: Sendable {
    package enum Mode: Sendable {
        /// What is not allowed is refused.
        case enforcing
        /// What is not allowed is done all the same, and told to the log.
        case permissive(any DenialLog)
        /// Everybody may do in an account what its owner may. For suites that were written against emulators.
        case off
    }

    package let directory: any PrincipalDirectory
    private let mode: Mode
    /// Seconds since 1970.
    private let clock: @Sendable () -> Int64

    package init(
        directory: any PrincipalDirectory, mode: Mode = .enforcing,
        clock: @escaping @Sendable () -> Int64 = { SigV4Time.now().secondsSince1970 }
    ) {
        self.directory = directory
        self.mode = mode
        self.clock = clock
    }

    /// Refuses a request that its caller may not make.
    ///
    /// Costs next to nothing for an account's owner, and for others the lookup of a decision that was taken before,
    /// where that hung on nothing but the action and the resource.
    ///
    /// - Parameters:
    ///   - action: With its service: `lambda:InvokeFunction`.
    ///   - context: Values of the service's condition keys. Asked for only where policies have to be looked at.
    ///   - wire: How the service words errors.
    /// - Throws: `AccessDeniedException` (`AccessDenied` in query services), with AWS's reason.
    package func require(
        _ action: String, on resource: ProtectedResource, _ request: ServiceRequest, wire: WireProtocol,
        context: @autoclosure () -> AccessContext = [:]
    ) throws(AWSError) {
        try require(action, on: resource, by: request.caller.principal, request, wire: wire, context: context())
    }

    package func require(
        _ action: String, on resource: ProtectedResource, by principal: Principal, _ request: ServiceRequest,
        wire: WireProtocol, context: @autoclosure () -> AccessContext = [:]
    ) throws(AWSError) {
        let verdict = decide(action, on: resource, by: principal, request, context: context())
        guard !verdict.isAllowed else { return }
        if isLenient(to: principal, action, resource, request, context()) {
            note(Denial(principal, action: action, resource: resource.arn))
            return
        }
        throw .accessDenied(
            verdict.message(principal.shown, action: action, resource: resource.arn), wire: wire)
    }

    /// Whether somebody may do what only its own account's policies stand against. Nobody gets into another account,
    /// nor past what a resource's policy denies.
    private func isLenient(
        to principal: Principal, _ action: String, _ resource: ProtectedResource, _ request: ServiceRequest,
        _ context: @autoclosure () -> AccessContext
    ) -> Bool {
        guard isLenient else { return false }
        if principal.kind == .anonymous { return false }
        var full = context()
        addGlobalKeys(to: &full, principal, request)
        let requester = principal.standing(in: directory).requester ?? Requester.gone(principal)
        return Evaluation.decide(requester.unlimited, action, on: resource, context: full).isAllowed
    }

    /// As ``require(_:on:by:_:wire:context:)``, for those who word a refusal themselves.
    package func allows(
        _ action: String, on resource: ProtectedResource, by principal: Principal, _ request: ServiceRequest,
        context: @autoclosure () -> AccessContext = [:]
    ) -> Bool {
        do {
            try require(action, on: resource, by: principal, request, wire: .restJSON, context: context())
            return true
        } catch {
            return false
        }
    }

    /// What the policies say, whatever the mode.
    package func decide(
        _ action: String, on resource: ProtectedResource, by principal: Principal, _ request: ServiceRequest,
        context: @autoclosure () -> AccessContext = [:]
    ) -> Verdict {
        let isOwn = principal.account.digits == resource.account
        if isOwn, resource.policy == nil, principal.isUnlimited { return .allowed }
        let standing = principal.standing(in: directory)
        guard let requester = standing.requester else { return .unknownPrincipal }
        if standing.mustNote(at: clock()) {
            let service = String(action.prefix { $0 != ":" })
            directory.noteUse(of: principal, service: service, region: request.caller.region)
        }
        if isOwn, resource.policy == nil, let verdict = standing.verdict(action, resource.arn) { return verdict }
        var full = context()
        addGlobalKeys(to: &full, principal, request)
        let verdict = Evaluation.decide(requester, action, on: resource, context: full)
        // What hangs on the resource's tags or on the request is looked at each time.
        if isOwn, resource.policy == nil, verdict.scope.isSubset(of: .principal) {
            standing.keep(verdict, action, resource.arn)
        }
        return verdict
    }

    /// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    private func addGlobalKeys(
        to context: inout AccessContext, _ principal: Principal, _ request: ServiceRequest
    ) {
        addTime(to: &context)
        context["aws:SecureTransport"] = ["false"]
        context["aws:ViaAWSService"] = ["false"]
        context["aws:RequestedRegion"] = [request.caller.region]
        if let address = request.sourceIP { context["aws:SourceIp"] = [address] }
        if let agent = request.header("user-agent") { context["aws:UserAgent"] = [agent] }
        if let referer = request.header("referer") { context["aws:Referer"] = [referer] }
        guard let session = principal.session else { return }
        context["aws:TokenIssueTime"] = [SigV4Time(secondsSince1970: session.issued).extended]
        context["aws:MultiFactorAuthPresent"] = [session.hasMFA ? "true" : "false"]
        if let identity = session.sourceIdentity { context["aws:SourceIdentity"] = [identity] }
        if case .assumedRole = principal.kind, let provider = session.provider {
            context["aws:FederatedProvider"] = [provider]
        }
        for (key, value) in session.context { context[key] = [value] }
    }

    func addTime(to context: inout AccessContext) {
        let now = clock()
        context["aws:CurrentTime"] = [SigV4Time(secondsSince1970: now).extended]
        context["aws:EpochTime"] = [String(now)]
    }

    /// Whether what policies do not allow is done all the same.
    var isLenient: Bool {
        if case .enforcing = mode { false } else { true }
    }

    /// Tells what was done though policies do not allow it, where that is wanted.
    func note(_ denial: Denial) {
        if case .permissive(let log) = mode { log.note(denial) }
    }
}

extension Verdict {
    private static let anything = ProtectedResource("*", account: "000000000000")
    fileprivate static let allowed = Evaluation.decide(.root(of: anything.account), "any:Thing", on: anything)
    /// Of a user or a role that is gone: nothing allows it anything.
    fileprivate static let unknownPrincipal = Evaluation.decide(
        Requester(.user, arn: "", account: anything.account), "any:Thing", on: anything)
}

extension Principal {
    /// An account's owner with a key of its own: whatever policies say, it may do everything in its account.
    package var isUnlimited: Bool { kind == .root && session == nil }

    /// As messages name it.
    fileprivate var shown: String { kind == .anonymous ? "anonymous" : arn }
}

extension AWSError {
    /// A refusal, as services of that protocol code it.
    package static func accessDenied(_ message: String, wire: WireProtocol) -> AWSError {
        switch wire {
        case .restJSON: AWSError(code: "AccessDeniedException", message: message, status: 403)
        case .awsJSON, .rpcCBOR: AWSError(code: "AccessDeniedException", message: message, status: 400)
        case .query: AWSError(code: "AccessDenied", message: message, status: 403)
        }
    }
}

// MARK: Roles of services

extension Authorizer {
    /// Refuses a role that an AWS service cannot act as: one that is not there, of another account, or does not trust
    /// the service.
    ///
    /// - Parameters:
    ///   - service: Such as `lambda.amazonaws.com`.
    ///   - source: The ARN of what is to have the role: `aws:SourceArn`.
    ///   - refusal: The service's own error.
    package func requireAssumable(
        role arn: String, by service: String, in account: String, for source: String, _ refusal: () -> AWSError
    ) throws(AWSError) {
        if case .off = mode { return }
        guard !isAssumable(role: arn, by: service, in: account, for: source) else { return }
        guard isLenient else { throw refusal() }
        note(Denial(principal: service, action: "sts:AssumeRole", resource: arn))
    }

    func isAssumable(role arn: String, by service: String, in account: String, for source: String) -> Bool {
        directory.role(arn: arn, of: account)?.trusts(service: service, source: source) ?? false
    }
}

extension PrincipalDirectory {
    /// - Parameter account: The only one whose roles are looked for.
    package func role(arn text: String, of account: String) -> RoleIdentity? {
        guard let arn = ARN(text), arn.service == "iam", arn.account == account, arn.resource.hasPrefix("role/"),
            let name = arn.resource.split(separator: "/").last, let account = AccountID(account),
            let role = role(String(name), in: account), role.arn == text
        else { return nil }
        return role
    }
}

extension RoleIdentity {
    /// Whether an AWS service may act as the role.
    package func trusts(service: String, source: String) -> Bool {
        let request = AccessRequest(
            .service(service), action: "sts:AssumeRole", resource: arn,
            context: ["aws:SourceArn": [source], "aws:SourceAccount": [account.digits]])
        return trust.decide(request) == .allowed
    }
}
