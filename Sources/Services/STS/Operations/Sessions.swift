import AWSWire
import Identity
import Policies
import STSModel

/// Temporary credentials of a user, or of the owner: for itself, or for somebody whom it vouches for.
extension STSService {
    /// Seconds that such a session lasts unless it is asked for another time. An owner's lasts an hour at most.
    private static let standardSession = 43_200
    private static let ownersSession = 3_600

    func getSessionToken(_ request: ServiceRequest) throws -> STS.GetSessionTokenResponse {
        let input = try STS.GetSessionTokenRequest(decoding: request)
        let caller = try longLived(request, "GetSessionToken")
        try Self.refuse(mfa: input.serialNumber, input.tokenCode)
        let credentials = try tokens.issue(
            caller.kind, account: caller.account, arn: caller.arn, id: caller.id,
            session: session(input.durationSeconds, of: caller))
        return STS.GetSessionTokenResponse(credentials: shape(credentials))
    }

    func getFederationToken(_ request: ServiceRequest) throws -> STS.GetFederationTokenResponse {
        let input = try STS.GetFederationTokenRequest(decoding: request)
        let caller = try longLived(request, "GetFederationToken")
        let arn = "arn:aws:sts::\(caller.account):federated-user/\(input.name)"
        let tags = try SessionTags(input.tags, caller: nil)
        var context: AccessContext = [:]
        tags.describe(to: &context)
        if let seconds = input.durationSeconds { context["sts:DurationSeconds"] = [String(seconds)] }
        let resource = ProtectedResource(arn, account: caller.account.digits)
        try require("GetFederationToken", on: resource, request, context: context)
        if !tags.requested.isEmpty { try require("TagSession", on: resource, request, context: context) }
        let policies = try SessionPolicies(
            input.policy, input.policyArns, of: caller.account, directory: authorizer.directory)

        var session = session(input.durationSeconds, of: caller)
        session.policies = policies.inline
        session.policyARNs = policies.managed
        session.tags = tags.all
        session.provider = caller.arn
        session.originID = caller.id
        let id = "\(caller.account):\(input.name)"
        let credentials = try tokens.issue(
            .federated(name: input.name), account: caller.account, arn: arn, id: id, session: session)
        return STS.GetFederationTokenResponse(
            credentials: shape(credentials), federatedUser: STS.FederatedUser(federatedUserId: id, arn: arn),
            packedPolicySize: max(policies.packedSize, tags.packedSize))
    }

    private func session(_ asked: Int?, of caller: Principal) -> Principal.Session {
        var duration = asked ?? Self.standardSession
        if caller.kind == .root { duration = min(duration, Self.ownersSession) }
        let now = clock()
        return Principal.Session(issued: now, expires: now + Int64(duration))
    }

    /// Whoever asks with a key that does not end.
    private func longLived(_ request: ServiceRequest, _ operation: String) throws(AWSError) -> Principal {
        let caller = request.caller.principal
        switch caller.kind {
        case .root, .user:
            if caller.session == nil { return caller }
        case .assumedRole, .federated, .anonymous: break
        }
        throw .denied("Cannot call \(operation) with session credentials")
    }
}
