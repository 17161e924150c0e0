import AWSWire
import Identity

/// `userIdentity` of a record: who asked.
/// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
struct UserIdentity {
    let value: AuditValue
    /// As LookupEvents finds events by: a user's name, a role session's, `root`.
    let userName: String?
    let accessKeyID: String?

    init(_ event: AuditEvent, _ webIdentity: AuditedCall.WebIdentity? = nil, directory: any PrincipalDirectory) {
        let principal = event.request.caller.principal
        guard event.isAuthenticated else {
            let key = event.claimedKeyID.map { String($0.prefix(128)) } ?? ""
            self.init(
                [("type", "Unknown"), ("principalId", ""), ("accountId", ""), ("accessKeyId", key), ("userName", "")],
                userName: nil, accessKeyID: key)
            return
        }
        var fields = [("principalId", principal.id), ("arn", principal.arn), ("accountId", principal.account.digits)]
        fields.append(("accessKeyId", principal.accessKeyID))
        switch principal.kind {
        case .root:
            self.init(
                [("type", "Root")] + fields, context: Self.context(principal, issuer: []), userName: "root",
                accessKeyID: principal.accessKeyID)
        case .user(let name):
            self.init(
                [("type", "IAMUser")] + fields + [("userName", name)], context: Self.context(principal, issuer: []),
                userName: name, accessKeyID: principal.accessKeyID)
        case .assumedRole(let role, let session):
            let known = directory.role(role, in: principal.account)
            let issuer = [
                ("type", "Role"), ("principalId", String(principal.id.prefix { $0 != ":" })),
                ("arn", known?.arn ?? "arn:aws:iam::\(principal.account):role/\(role)"),
                ("accountId", principal.account.digits), ("userName", role),
            ]
            self.init(
                [("type", "AssumedRole")] + fields, context: Self.context(principal, issuer: issuer),
                userName: session, accessKeyID: principal.accessKeyID)
        case .federated(let name):
            let origin = principal.session?.provider ?? ""
            let issuer = [
                ("type", origin.hasSuffix(":root") ? "Root" : "IAMUser"), ("arn", origin),
                ("accountId", principal.account.digits),
                ("userName", origin.split(separator: "/").last.map(String.init) ?? ""),
            ]
            self.init(
                [("type", "FederatedUser")] + fields, context: Self.context(principal, issuer: issuer),
                userName: name, accessKeyID: principal.accessKeyID)
        case .anonymous:
            if let webIdentity {
                let (provider, subject) = (webIdentity.provider, webIdentity.subject)
                self.init(
                    [
                        ("type", "WebIdentityUser"), ("principalId", "\(provider):\(webIdentity.audience):\(subject)"),
                        ("userName", subject), ("identityProvider", provider),
                    ], userName: subject, accessKeyID: nil)
                return
            }
            self.init(
                [("type", "AWSAccount"), ("principalId", ""), ("accountId", "ANONYMOUS_PRINCIPAL")], userName: nil,
                accessKeyID: nil)
        }
    }

    /// The name that events are found by, from the identity that a record tells.
    static func userName(in identity: JSONValue?) -> String? {
        switch identity?["type"]?.string {
        case "Root": "root"
        case "AssumedRole", "FederatedUser":
            (identity?["principalId"]?.string).flatMap { id in
                id.firstIndex(of: ":").map { String(id[$0...].dropFirst()) }
            }
        case "Unknown": nil
        default: identity?["userName"]?.string
        }
    }

    private init(
        _ fields: [(String, String)], context: AuditValue? = nil, userName: String?, accessKeyID: String?
    ) {
        var members = Self.members(fields)
        if let context { members.append(AuditValue.Member("sessionContext", context)) }
        value = .object(members)
        self.userName = userName
        self.accessKeyID = accessKeyID.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// What temporary credentials say of themselves; nil for others.
    private static func context(_ principal: Principal, issuer: [(String, String)]) -> AuditValue? {
        guard let session = principal.session else { return nil }
        var members: [AuditValue.Member] = []
        if !issuer.isEmpty { members.append(AuditValue.Member("sessionIssuer", .object(Self.members(issuer)))) }
        if case .assumedRole = principal.kind, let provider = session.provider {
            members.append(
                AuditValue.Member(
                    "webIdFederationData",
                    .object([AuditValue.Member("federatedProvider", .text(provider))])))
        }
        let attributes = [
            ("creationDate", SigV4Time(secondsSince1970: session.issued).extended),
            ("mfaAuthenticated", session.hasMFA ? "true" : "false"),
        ]
        members.append(AuditValue.Member("attributes", .object(Self.members(attributes))))
        if let source = session.sourceIdentity { members.append(AuditValue.Member("sourceIdentity", .text(source))) }
        return .object(members)
    }

    private static func members(_ fields: [(String, String)]) -> [AuditValue.Member] {
        fields.map { AuditValue.Member($0.0, .text($0.1)) }
    }
}
