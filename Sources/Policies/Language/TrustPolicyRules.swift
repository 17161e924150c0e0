import AWSWire

/// What is checked of policies that name principals. The messages are those that S3, DynamoDB and IAM share for them,
/// as reported by their users.
extension PolicyDocument {
    init(resourcePolicy value: JSONValue) throws(PolicySyntaxError) {
        try self.init(namingPrincipals: value)
        guard statements.allSatisfy({ $0.resources?.values.isEmpty == false }) else {
            throw PolicySyntaxError("Missing required field Resource")
        }
    }

    init(trustPolicy value: JSONValue) throws(PolicySyntaxError) {
        try self.init(namingPrincipals: value)
        for statement in statements { try statement.checkTrust() }
    }

    private init(namingPrincipals value: JSONValue) throws(PolicySyntaxError) {
        guard value.kind == .object else { throw PolicyKind.trust.syntaxError }
        if let version = value["Version"], !["2012-10-17", "2008-10-17"].contains(version.string) {
            throw PolicySyntaxError("The policy must contain a valid version string")
        }
        try self.init(value)
        guard !statements.isEmpty else { throw PolicySyntaxError("Could not parse the policy: Statement is empty!") }
        let ids = statements.compactMap(\.sid).filter { !$0.isEmpty }
        guard Set(ids).count == ids.count else {
            throw PolicySyntaxError("The Statement Ids in the policy are not unique")
        }
        for statement in statements {
            guard let principals = statement.principals else {
                throw PolicySyntaxError("Missing required field Principal")
            }
            guard !principals.values.isEmpty else {
                throw PolicySyntaxError("Missing required field Principal cannot be empty!")
            }
            guard !statement.actions.values.isEmpty else { throw PolicySyntaxError("Missing required field Action") }
            for principal in principals.values { try principal.check() }
        }
    }
}

extension PolicyStatement {
    fileprivate func checkTrust() throws(PolicySyntaxError) {
        if principals?.sense == .allBut {
            throw PolicySyntaxError(
                effect == .allow
                    ? "Allow with NotPrincipal is not allowed."
                    : "AssumeRole policy must not contain NotPrincipal field.")
        }
        for principal in principals?.values ?? [] {
            switch principal {
            // As quoted in the AWS CDK's tests of AnyPrincipal.
            case .anyone:
                throw PolicySyntaxError(#"AssumeRolepolicy contained an invalid principal: "STAR":"*"."#)
            case .canonicalUser: throw .invalidPrincipal(principal)
            case .aws, .service, .federated: break
            }
        }
        guard actions.values.allSatisfy({ $0.lowercased().hasPrefix("sts:") }) else {
            throw PolicySyntaxError("AssumeRole policy may only specify STS AssumeRole actions.")
        }
        guard let resources else { return }
        throw PolicySyntaxError(
            resources.sense == .these
                ? "Has prohibited field Resource" : "AssumeRole policy must not contain resources.")
    }
}

extension PolicySyntaxError {
    /// Also for a user or a role that is named and does not exist, which only IAM knows.
    package static func invalidPrincipal(_ principal: PolicyPrincipal) -> PolicySyntaxError {
        let kind = principal.kind?.uppercased() ?? "STAR"
        return PolicySyntaxError(#"Invalid principal in policy: "\#(kind)":"\#(principal.name)""#)
    }
}

extension PolicyPrincipal {
    /// - Throws: For a name that is none, be there somebody of it or not.
    fileprivate func check() throws(PolicySyntaxError) {
        switch self {
        case .anyone, .canonicalUser: return
        case .aws(let name): if !Self.isAWS(name) { throw .invalidPrincipal(self) }
        case .service(let name): if !Self.isService(name) { throw .invalidPrincipal(self) }
        case .federated(let name):
            guard Self.isProvider(name) else {
                throw PolicySyntaxError("Federated principals must be valid domain names or SAML metadata ARNs")
            }
        }
    }

    /// An account, its root, a user, a role, a session, or an id that IAM once made of one. A part of a name cannot be
    /// left open.
    private static func isAWS(_ name: String) -> Bool {
        if name == "*" || AccountID(name) != nil { return true }
        guard !name.contains("*"), !name.contains("?") else { return false }
        guard let arn = ARN(name) else { return name.hasPrefix("A") && name.utf8.allSatisfy(isUpperAlphanumeric) }
        guard AccountID(arn.account) != nil || arn.account == "cloudfront", arn.region.isEmpty else { return false }
        let kind = arn.resource.prefix { $0 != "/" }
        let hasName = arn.resource.utf8.count > kind.utf8.count + 1
        switch (arn.service, kind) {
        case ("iam", "root"): return arn.resource == "root"
        case ("iam", "user"), ("iam", "role"), ("sts", "federated-user"), ("sts", "assumed-role"): return hasName
        default: return false
        }
    }

    private static func isUpperAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte)
    }

    private static func isService(_ name: String) -> Bool {
        isDomain(name)
            && [".amazonaws.com", ".amazonaws.com.cn", ".amazon.com", ".aws.internal"].contains(where: name.hasSuffix)
    }

    private static func isProvider(_ name: String) -> Bool {
        guard name.hasPrefix("arn:") else { return isDomain(name) }
        guard let arn = ARN(name), arn.service == "iam", AccountID(arn.account) != nil else { return false }
        return arn.resource.hasPrefix("saml-provider/") || arn.resource.hasPrefix("oidc-provider/")
    }

    private static func isDomain(_ name: String) -> Bool {
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        return labels.count > 1
            && labels.allSatisfy { label in
                !label.isEmpty
                    && label.utf8.allSatisfy {
                        (0x30...0x39).contains($0) || (0x61...0x7a).contains($0 | 0x20) || $0 == UInt8(ascii: "-")
                    }
            }
    }
}
