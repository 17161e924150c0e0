import AWSWire
import Identity
import Policies
import STSModel

extension STSService {
    /// Seconds that a session of a role lasts unless it is asked for another time; the most when a role assumes a role.
    static let standardDuration = 3_600

    /// The owner's own key may assume roles that trust its account; AWS refuses that to root users.
    func assumeRole(_ request: ServiceRequest) throws -> STS.AssumeRoleResponse {
        let input = try STS.AssumeRoleRequest(decoding: request)
        let caller = request.caller.principal
        guard let arn = ARN(input.roleArn) else { throw AWSError.invalid("\(input.roleArn) is invalid") }
        try Self.refuse(mfa: input.serialNumber, input.tokenCode)
        if input.providedContexts?.isEmpty == false {
            throw AWSError.unsupported("ProvidedContexts are not implemented.")
        }
        let tags = try SessionTags(input.tags, transitive: input.transitiveTagKeys, caller: caller.session)
        let source = try Self.sourceIdentity(input.sourceIdentity, caller)
        let role = try trustedRole(arn, input, tags, source: source, request)
        let duration = try Self.duration(input.durationSeconds, of: role, isChained: caller.isRole)
        let policies = try SessionPolicies(
            input.policy, input.policyArns, of: role.account, directory: authorizer.directory)

        var session = Principal.Session(issued: clock(), expires: clock() + Int64(duration))
        session.policies = policies.inline
        session.policyARNs = policies.managed
        session.tags = tags.all
        session.transitiveTags = tags.transitive
        session.sourceIdentity = source
        session.hasMFA = caller.session?.hasMFA ?? false
        let (credentials, user) = try credentials(of: role, named: input.roleSessionName, session)
        return STS.AssumeRoleResponse(
            credentials: shape(credentials), assumedRoleUser: user,
            packedPolicySize: policies.isEmpty && tags.requested.isEmpty
                ? nil : max(policies.packedSize, tags.packedSize),
            sourceIdentity: source)
    }

    /// Credentials of a role's session, and how the answer names it.
    func credentials(
        of role: RoleIdentity, named name: String, _ session: Principal.Session
    ) throws -> (TemporaryCredentials, STS.AssumedRoleUser) {
        let arn = "arn:aws:sts::\(role.account):assumed-role/\(role.name)/\(name)"
        let id = "\(role.id):\(name)"
        let credentials = try tokens.issue(
            .assumedRole(role: role.name, session: name), account: role.account, arn: arn, id: id, session: session)
        return (credentials, STS.AssumedRoleUser(assumedRoleId: id, arn: arn))
    }

    /// The role, if it is there and the caller may have it: who may not is not told which of the two it is.
    private func trustedRole(
        _ arn: ARN, _ input: STS.AssumeRoleRequest, _ tags: SessionTags, source: String?, _ request: ServiceRequest
    ) throws(AWSError) -> RoleIdentity {
        let caller = request.caller.principal
        let isFederated = if case .federated = caller.kind { true } else { false }
        guard !isFederated, let role = authorizer.directory.role(arn: input.roleArn, of: arn.account) else {
            throw .denied(
                "User: \(caller.arn) is not authorized to perform: sts:AssumeRole on resource: \(input.roleArn)")
        }
        var context: AccessContext = ["sts:RoleSessionName": [input.roleSessionName]]
        if let id = input.externalId { context["sts:ExternalId"] = [id] }
        if let source { context["sts:SourceIdentity"] = [source] }
        if let seconds = input.durationSeconds { context["sts:DurationSeconds"] = [String(seconds)] }
        for (key, value) in role.tags { context["aws:ResourceTag/\(key)"] = [value] }
        tags.describe(to: &context)
        let resource = ProtectedResource(
            role.arn, account: role.account.digits, policy: role.trust, rule: .mustTrust)
        try require("AssumeRole", on: resource, request, context: context)
        // Those that the caller's session hands on count, too.
        if !tags.all.isEmpty { try require("TagSession", on: resource, request, context: context) }
        if source != nil { try require("SetSourceIdentity", on: resource, request, context: context) }
        return role
    }

    private static func sourceIdentity(_ asked: String?, _ caller: Principal) throws(AWSError) -> String? {
        guard let set = caller.session?.sourceIdentity else {
            if let asked, asked.lowercased().hasPrefix("aws:") {
                throw .invalid("A source identity must not begin with aws:.")
            }
            return asked
        }
        guard asked == nil || asked == set else {
            throw .denied("The source identity of the calling session cannot be changed.")
        }
        return set
    }

    static func duration(_ asked: Int?, of role: RoleIdentity, isChained: Bool) throws(AWSError) -> Int {
        guard let asked else { return min(standardDuration, role.maxSessionDuration) }
        guard !isChained || asked <= standardDuration else {
            throw .invalid(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
        }
        guard asked <= role.maxSessionDuration else {
            throw .invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
        }
        return asked
    }

    static func refuse(mfa serial: String?, _ code: String?) throws(AWSError) {
        guard serial == nil, code == nil else {
            throw .unsupported("MFA devices are not implemented: SerialNumber and TokenCode cannot be checked.")
        }
    }
}

extension Principal {
    fileprivate var isRole: Bool {
        if case .assumedRole = kind { true } else { false }
    }
}
