/// Something that somebody wants to do: what a policy is asked about.
package struct AccessRequest: Sendable, Hashable {
    package enum Principal: Sendable, Hashable {
        /// Nobody who said who they are.
        case anonymous
        /// An AWS service acting for itself, such as `s3.amazonaws.com`.
        case service(String)
        /// A root, a user, a role or a role's session, by its ARN.
        case identity(arn: String, account: String)
    }

    package var principal: Principal
    /// Such as `lambda:InvokeFunction`.
    package var action: String
    /// The ARN of what is to be acted on.
    package var resource: String
    /// Values of the global and the service's keys; the names in lower case.
    package private(set) var context: [String: [String]]

    /// - Parameter context: By keys in any case, such as `aws:SourceArn`.
    package init(
        _ principal: Principal, action: String, resource: String, context: [String: [String]] = [:]
    ) {
        self.principal = principal
        self.action = action
        self.resource = resource
        self.context = [:]
        for (key, values) in context { self.context[key.lowercased(), default: []] += values }
    }
}

/// What a policy says to a request.
package enum AccessDecision: Sendable, Hashable {
    /// A statement allows it and none denies it.
    case allowed
    /// A statement denies it, which no other can undo.
    case denied
    /// No statement speaks of it.
    case notMentioned
}

extension PolicyDocument {
    /// Asks every statement: one that denies wins over all that allow.
    package func decide(_ request: AccessRequest) -> AccessDecision {
        var decision = AccessDecision.notMentioned
        for statement in statements where statement.speaks(of: request) {
            if statement.effect == .deny { return .denied }
            decision = .allowed
        }
        return decision
    }
}

extension PolicyStatement {
    func speaks(of request: AccessRequest) -> Bool {
        let action = request.action.lowercased()
        guard actions.holds({ Glob.matches(action, $0.lowercased()) }) else { return false }
        if let resources, !resources.holds({ Glob.matches(request.resource, $0) }) { return false }
        if let principals, !principals.holds({ $0.names(request.principal) }) { return false }
        return conditions.allSatisfy { $0.holds(request.context[$0.key.lowercased()]) }
    }
}

extension PolicyPrincipal {
    /// Whether this is the principal, or stands for it: an account for everybody in it, a role for its sessions.
    func names(_ principal: AccessRequest.Principal) -> Bool {
        switch (self, principal) {
        case (.anyone, _), (.aws("*"), _): true
        case (.service(let name), .service(let asking)): name == "*" || name == asking
        case (.aws(let name), .identity(let arn, let account)):
            name == account || name == arn || Self.isRoot(name, of: account) || Self.isRole(name, of: arn, account)
        default: false
        }
    }

    /// `arn:aws:iam::ACCOUNT:root`, in any partition.
    private static func isRoot(_ name: String, of account: String) -> Bool {
        name.hasPrefix("arn:") && name.hasSuffix(":iam::\(account):root")
    }

    /// Whether `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION` is a session of `arn:aws:iam::ACCOUNT:role/PATH/NAME`.
    /// A role's name is unique in its account, whatever its path.
    private static func isRole(_ name: String, of session: String, _ account: String) -> Bool {
        let role = name.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
        let parts = session.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
        guard role.count == 6, parts.count == 6, role[2] == "iam", parts[2] == "sts", role[4] == account,
            role[5].hasPrefix("role/"), parts[5].hasPrefix("assumed-role/")
        else { return false }
        let words = parts[5].split(separator: "/", omittingEmptySubsequences: false)
        return words.count >= 3 && role[5].split(separator: "/").last == words[1]
    }
}
