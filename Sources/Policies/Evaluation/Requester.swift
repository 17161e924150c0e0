import AWSWire

/// Who asks for something, with all policies that speak for it or limit it.
package struct Requester: Sendable {
    package enum Kind: Sendable, Hashable {
        /// An account's owner, who may do everything in it.
        case root
        /// Also with the temporary credentials of GetSessionToken.
        case user
        /// A role's session. The role's ARN has its path, which the session's has not; nil where it is not known.
        case assumedRole(arn: String?)
        /// A session of GetFederationToken, by the ARN of the user, or the root, that asked for it.
        case federatedUser(of: String)
        /// Somebody whom an identity provider vouches for, before there is a session: the provider's ARN or domain is
        /// the ARN here.
        case federated
        /// An AWS service that acts for itself: its name is the ARN here.
        case service
        case anonymous
    }

    package var kind: Kind
    /// As messages and policies name it: `arn:aws:iam::ACCOUNT:user/PATH/NAME`,
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` …
    package var arn: String
    /// Empty for those who have none.
    package var account: String
    /// `AIDA…` of a user, `AROA…:SESSION` of a role's session, the account of a root.
    package var userID: String?
    /// As `"CanonicalUser"` names an account.
    package var canonicalUserID: String?
    /// Those of the user, or of the role and the session; by the tag's key.
    package var tags: [String: String] = [:]
    /// Those of the user and its groups, or those of the role.
    package var identityPolicies: [AttachedPolicy] = []
    /// The permissions boundary of the user or of the role.
    package var boundary: AttachedPolicy?
    /// What the session was made with, inline and managed; none in a role's session limit nothing, none in a federated
    /// user's allow nothing.
    package var sessionPolicies: [AttachedPolicy] = []

    package init(_ kind: Kind, arn: String, account: String, userID: String? = nil) {
        self.kind = kind
        self.arn = arn
        self.account = account
        self.userID = userID
    }

    /// All of them: their ``CompiledPolicy/contextKeys`` are what a request's context is asked for.
    package var policies: [CompiledPolicy] {
        (identityPolicies + sessionPolicies).map(\.policy) + (boundary.map { [$0.policy] } ?? [])
    }

    package static let anonymous = Requester(.anonymous, arn: "anonymous", account: "")

    /// - Parameter name: Such as `s3.amazonaws.com`.
    package static func service(_ name: String) -> Requester { Requester(.service, arn: name, account: "") }

    package static func root(of account: String, partition: String = "aws") -> Requester {
        Requester(.root, arn: "arn:\(partition):iam::\(account):root", account: account, userID: account)
    }
}

/// A policy where it was found.
package struct AttachedPolicy: Sendable {
    /// What simulations call it.
    package var id: String
    /// Of a managed policy; nil for an inline one.
    package var arn: String?
    package var policy: CompiledPolicy

    package init(id: String, arn: String? = nil, _ policy: CompiledPolicy) {
        self.id = id
        self.arn = arn
        self.policy = policy
    }
}

extension Requester {
    /// A role that a service made for itself, which no boundary limits.
    ///
    /// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
    var isServiceLinked: Bool {
        if case .assumedRole(let arn?) = kind { arn.contains(":role/aws-service-role/") } else { false }
    }

    /// The last part of the role's name in a session's ARN.
    var roleName: Substring? {
        guard case .assumedRole = kind, let start = arn.firstRange(of: ":assumed-role/")?.upperBound else { return nil }
        return arn[start...].prefix { $0 != "/" }
    }

    /// The id of the role in a session's.
    var roleID: Substring? {
        guard case .assumedRole = kind, let userID else { return nil }
        return userID.prefix { $0 != ":" }
    }

    /// The value of a key that follows from who asks; nil when there is none.
    func value(of fact: ContextKey.Fact, _ key: ContextKey) -> String? {
        switch fact {
        case .principalARN: principalARN
        case .principalAccount: account.isEmpty ? nil : account
        case .principalType: principalType
        case .isService: kind == .service ? "true" : "false"
        case .serviceName: kind == .service ? arn : nil
        case .userID: kind == .anonymous ? "anonymous" : userID
        case .userName: userName
        case .principalTag: tags.first { $0.key.lowercased() == key.tag }?.value
        case .resourceAccount: nil
        }
    }

    /// A role's session goes by the ARN of the role.
    private var principalARN: String? {
        switch kind {
        case .assumedRole(let role): role ?? arn
        case .root, .user, .federatedUser: arn
        case .federated, .service, .anonymous: nil
        }
    }

    /// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable
    private var principalType: String? {
        switch kind {
        case .root: "Account"
        case .user: "User"
        case .assumedRole: "AssumedRole"
        case .federatedUser: "FederatedUser"
        case .anonymous: "Anonymous"
        case .federated, .service: nil
        }
    }

    private var userName: String? {
        guard kind == .user, let resource = ARN(arn)?.resource, resource.hasPrefix("user/") else { return nil }
        return resource.split(separator: "/").last.map(String.init)
    }
}
