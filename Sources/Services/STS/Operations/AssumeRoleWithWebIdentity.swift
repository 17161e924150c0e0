import AWSWire
import Identity
import Logging
import Policies
import STSModel

/// Credentials for whoever an OpenID Connect provider vouches for: the one operation that nobody signs.
extension STSService {
    /// Claims by which a provider sets tags and a source identity.
    private static let tagsClaim = "https://aws.amazon.com/tags"
    private static let sourceClaim = "https://aws.amazon.com/source_identity"
    /// Seconds by which clocks may differ.
    private static let leeway = 300.0

    func assumeRoleWithWebIdentity(_ request: ServiceRequest) async throws -> STS.AssumeRoleWithWebIdentityResponse {
        let input = try STS.AssumeRoleWithWebIdentityRequest(decoding: request)
        if input.providerId != nil {
            throw AWSError.unsupported("OAuth 2.0 access tokens (ProviderId) are not implemented.")
        }
        guard let arn = ARN(input.roleArn) else { throw AWSError.invalid("\(input.roleArn) is invalid") }
        guard let token = JSONWebToken(input.webIdentityToken) else {
            throw STSError.invalidIdentityToken(
                message:
                    "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
        }
        let identity = try await verify(token, account: arn.account)
        let tags = try SessionTags(Self.tags(token), transitive: Self.transitiveTags(token), caller: nil)
        let source = token.text(Self.sourceClaim)
        let role = try trustedRole(arn, input, identity, tags, source: source, request)
        let duration = try Self.duration(input.durationSeconds, of: role, isChained: false)
        let policies = try SessionPolicies(
            input.policy, input.policyArns, of: role.account, directory: authorizer.directory)

        var session = Principal.Session(issued: clock(), expires: clock() + Int64(duration))
        session.policies = policies.inline
        session.policyARNs = policies.managed
        session.tags = tags.all
        session.transitiveTags = tags.transitive
        session.sourceIdentity = source
        session.provider = identity.provider.arn
        session.context = identity.context
        let (credentials, user) = try credentials(of: role, named: input.roleSessionName, session)
        return STS.AssumeRoleWithWebIdentityResponse(
            credentials: shape(credentials), subjectFromWebIdentityToken: identity.subject, assumedRoleUser: user,
            packedPolicySize: policies.isEmpty && tags.requested.isEmpty
                ? nil : max(policies.packedSize, tags.packedSize),
            provider: identity.provider.arn, audience: identity.audience, sourceIdentity: source)
    }

    /// Whom a token is about, once it is verified.
    struct WebIdentity {
        var provider: WebIdentityProvider
        var subject: String
        var audience: String

        /// Its condition keys, by the provider's name.
        var context: [String: String] {
            ["\(provider.url):sub": subject, "\(provider.url):aud": audience]
        }
    }

    /// - Throws: `InvalidIdentityToken`, `ExpiredTokenException`, `IDPCommunicationError`.
    private func verify(_ token: JSONWebToken, account: String) async throws -> WebIdentity {
        for claim in ["iss", "sub", "aud", "exp"] where token.claims[claim] == nil {
            throw STSError.invalidIdentityToken(message: "Missing a required claim: \(claim)")
        }
        let issuer = token.text("iss") ?? ""
        guard let name = IssuerAddress.name(of: issuer), let account = AccountID(account),
            let provider = authorizer.directory.provider(name, in: account)
        else {
            throw STSError.invalidIdentityToken(
                message: "No OpenIDConnect provider found in your account for \(issuer)")
        }
        let keys: [WebKey]
        do {
            keys = try await issuers.keys(of: issuer, for: token.keyID)
        } catch {
            logger.warning(
                "an identity provider's keys could not be fetched",
                metadata: ["issuer": "\(name)", "error": "\(error)"])
            switch error {
            case .unreachable:
                throw STSError.idpCommunicationError(
                    message: "Could not communicate with the identity provider. Please try again later.")
            case .unreadable, .badLocation: throw Self.noKey
            }
        }
        guard !keys.isEmpty else { throw Self.noKey }
        guard keys.contains(where: { $0.verifies(token) }) else {
            throw STSError.invalidIdentityToken(message: "The signature of the web identity token is not valid.")
        }
        try checkTimes(token)
        guard let subject = token.text("sub"), !subject.isEmpty,
            let audience = Self.audience(token, of: provider)
        else { throw STSError.invalidIdentityToken(message: "Incorrect token audience") }
        return WebIdentity(provider: provider, subject: subject, audience: audience)
    }

    private static let noKey = STSError.invalidIdentityToken(
        message: "Couldn't retrieve verification key from your identity provider,  please reference "
            + "AssumeRoleWithWebIdentity documentation for requirements")

    private func checkTimes(_ token: JSONWebToken) throws(AWSError) {
        let now = Double(clock())
        guard let expires = token.time("exp") else {
            throw STSError.invalidIdentityToken(message: "Missing a required claim: exp")
        }
        guard now < expires else {
            let seconds = expires.magnitude < 1e15 ? String(Int64(expires)) : "\(expires)"
            throw STSError.expiredToken(
                message:
                    "Token expired: current date/time \(clock()) must be before the expiration date/time \(seconds)")
        }
        for claim in ["nbf", "iat"] {
            guard let time = token.time(claim) else { continue }
            guard time <= now + Self.leeway else {
                throw STSError.invalidIdentityToken(message: "The web identity token is not valid yet.")
            }
        }
    }

    /// The authorized party of a token for several, else its audience, when it is one that the provider is known for.
    private static func audience(_ token: JSONWebToken, of provider: WebIdentityProvider) -> String? {
        let audiences = token.audiences
        guard audiences.contains(where: provider.clientIDs.contains) else { return nil }
        if let party = token.text("azp") { return provider.clientIDs.contains(party) ? party : nil }
        return audiences.first(where: provider.clientIDs.contains)
    }

    /// `{"principal_tags": {KEY: [VALUE]}, "transitive_tag_keys": [KEY]}`.
    private static func tags(_ token: JSONWebToken) -> [(key: String, value: String)] {
        let tags = token.claims[tagsClaim]?["principal_tags"]?.members ?? []
        return tags.prefix(50).compactMap { name, value in
            (value.string ?? value.elements.first?.string).map { (name, $0) }
        }
    }

    private static func transitiveTags(_ token: JSONWebToken) -> [String] {
        token.claims[tagsClaim]?["transitive_tag_keys"]?.elements.compactMap(\.string) ?? []
    }

    private func trustedRole(
        _ arn: ARN, _ input: STS.AssumeRoleWithWebIdentityRequest, _ identity: WebIdentity, _ tags: SessionTags,
        source: String?, _ request: ServiceRequest
    ) throws(AWSError) -> RoleIdentity {
        guard let role = authorizer.directory.role(arn: input.roleArn, of: arn.account) else {
            throw .denied("Not authorized to perform sts:AssumeRoleWithWebIdentity")
        }
        var context = AccessContext(identity.context.mapValues { [$0] })
        context["sts:RoleSessionName"] = [input.roleSessionName]
        context["aws:FederatedProvider"] = [identity.provider.arn]
        context["aws:CurrentTime"] = [SigV4Time(secondsSince1970: clock()).extended]
        context["aws:EpochTime"] = [String(clock())]
        context["aws:SecureTransport"] = ["false"]
        if let address = request.sourceIP { context["aws:SourceIp"] = [address] }
        if let source { context["sts:SourceIdentity"] = [source] }
        for (key, value) in role.tags { context["aws:ResourceTag/\(key)"] = [value] }
        tags.describe(to: &context)
        var actions = ["AssumeRoleWithWebIdentity"]
        if !tags.requested.isEmpty { actions.append("TagSession") }
        if source != nil { actions.append("SetSourceIdentity") }
        let requester = Requester(.federated, arn: identity.provider.arn, account: "")
        let resource = ProtectedResource(role.arn, account: role.account.digits, policy: role.trust, rule: .mustTrust)
        for action in actions {
            let verdict = Evaluation.decide(requester, "sts:\(action)", on: resource, context: context)
            guard verdict.isAllowed else { throw .denied("Not authorized to perform sts:\(action)") }
        }
        return role
    }
}
