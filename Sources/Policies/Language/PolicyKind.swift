import AWSWire
package import NIOCore

/// What a policy is to be used as, which says what it must and must not hold.
package enum PolicyKind: Sendable, Hashable, CaseIterable {
    /// A policy with an ARN of its own, attached to identities or set as a boundary.
    case managed
    /// A policy inside one user, group or role.
    case inline
    /// What limits one session.
    case session
    /// Who may assume a role.
    case trust
    /// What hangs on any other resource.
    case resource
}

extension PolicyDocument {
    /// Reads a policy as it is uploaded.
    ///
    /// - Throws: ``PolicySyntaxError`` with the message that IAM's `MalformedPolicyDocument` carries.
    package init(validating text: ByteBuffer, as kind: PolicyKind) throws(PolicySyntaxError) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: text)
        } catch {
            throw kind.syntaxError
        }
        switch kind {
        case .managed, .inline, .session: try self.init(identityPolicy: value, kind)
        case .trust: try self.init(trustPolicy: value)
        case .resource: try self.init(resourcePolicy: value)
        }
    }

    /// How long a policy is as IAM's quotas count: without white space.
    package static func countedLength(of text: some StringProtocol) -> Int {
        text.unicodeScalars.reduce(0) { $0 + ($1.properties.isWhitespace ? 0 : 1) }
    }
}

extension PolicyKind {
    /// What is said of a text that is no policy at all.
    var syntaxError: PolicySyntaxError {
        switch self {
        case .managed, .inline: PolicySyntaxError("Syntax errors in policy.")
        // As STS is reported to say.
        case .session: PolicySyntaxError("The policy is not in the valid JSON format.")
        // Recorded in localstack's test_create_role_with_malformed_assume_role_policy_document.
        case .trust, .resource: PolicySyntaxError("This policy contains invalid Json")
        }
    }
}
