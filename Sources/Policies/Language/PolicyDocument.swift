/// A policy as IAM writes it: who may, or may not, do what with what, and when.
///
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
package struct PolicyDocument: Sendable, Hashable {
    /// `2012-10-17` or `2008-10-17`; nil when the text names none, which means the latter.
    package var version: String?
    package var id: String?
    package var statements: [PolicyStatement]

    package init(version: String? = "2012-10-17", id: String? = nil, statements: [PolicyStatement] = []) {
        self.version = version
        self.id = id
        self.statements = statements
    }
}

/// One rule of a policy.
package struct PolicyStatement: Sendable, Hashable {
    package enum Effect: String, Sendable, Hashable {
        case allow = "Allow"
        case deny = "Deny"
    }

    package var sid: String?
    package var effect: Effect
    /// Nil in policies of identities, whose bearer is the principal: it then speaks of whoever asks.
    package var principals: PolicyElement<PolicyPrincipal>?
    /// Patterns such as `lambda:Invoke*`, in any case.
    package var actions: PolicyElement<String>
    /// Patterns of ARNs; nil speaks of the resource that the policy hangs on.
    package var resources: PolicyElement<String>?
    /// All of them must hold.
    package var conditions: [PolicyCondition]

    package init(
        sid: String? = nil, effect: Effect = .allow, principals: PolicyElement<PolicyPrincipal>?,
        actions: PolicyElement<String>, resources: PolicyElement<String>?, conditions: [PolicyCondition] = []
    ) {
        self.sid = sid
        self.effect = effect
        self.principals = principals
        self.actions = actions
        self.resources = resources
        self.conditions = conditions
    }
}

/// What a statement lists, or what it lists as not meant (`NotAction`).
package struct PolicyElement<Value: Sendable & Hashable>: Sendable, Hashable {
    package var sense: PolicySense
    package var values: [Value]

    package init(_ values: [Value], sense: PolicySense = .these) {
        self.values = values
        self.sense = sense
    }
}

/// Whether a list names what is meant, or what is not.
package enum PolicySense: Sendable, Hashable {
    case these
    case allBut
}

/// Whom a statement names.
package enum PolicyPrincipal: Sendable, Hashable {
    /// `"*"` in place of the whole element.
    case anyone
    /// An ARN, an account's twelve digits or `*`.
    case aws(String)
    /// Such as `s3.amazonaws.com`.
    case service(String)
    case federated(String)
    case canonicalUser(String)

    /// The name of its list in the text.
    var kind: String? {
        switch self {
        case .anyone: nil
        case .aws: "AWS"
        case .service: "Service"
        case .federated: "Federated"
        case .canonicalUser: "CanonicalUser"
        }
    }

    var name: String {
        switch self {
        case .anyone: "*"
        case .aws(let name), .service(let name), .federated(let name), .canonicalUser(let name): name
        }
    }

    init?(kind: String, name: String) {
        switch kind {
        case "AWS": self = .aws(name)
        case "Service": self = .service(name)
        case "Federated": self = .federated(name)
        case "CanonicalUser": self = .canonicalUser(name)
        default: return nil
        }
    }
}

/// One test of a request's context: an operator, a key and the values that it is held against.
package struct PolicyCondition: Sendable, Hashable {
    package var test: ConditionOperator
    /// As the text spells it; its case does not matter.
    package var key: String
    package var values: [String]

    package init(_ test: ConditionOperator, _ key: String, _ values: [String]) {
        self.test = test
        self.key = key
        self.values = values
    }
}

/// A text that is no policy.
package struct PolicySyntaxError: Error, Sendable, Hashable {
    /// What is wrong, for the caller.
    package var message: String

    init(_ message: String) { self.message = message }
}
