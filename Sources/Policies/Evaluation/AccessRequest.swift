import AWSWire

/// Something that somebody wants to do: what a resource's policy is asked about by itself.
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
    package var context: AccessContext

    /// - Parameter context: By keys in any case, such as `aws:SourceArn`.
    package init(_ principal: Principal, action: String, resource: String, context: [String: [String]] = [:]) {
        self.principal = principal
        self.action = action
        self.resource = resource
        self.context = AccessContext(context)
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
    /// Asks every statement: one that denies wins over all that allow. Whoever asks often keeps a ``CompiledPolicy``.
    package func decide(_ request: AccessRequest) -> AccessDecision { CompiledPolicy(self).decide(request) }
}

extension CompiledPolicy {
    /// Asks every statement: one that denies wins over all that allow.
    package func decide(_ request: AccessRequest) -> AccessDecision {
        var inquiry = Inquiry(
            by: Requester(request.principal), action: request.action, resource: request.resource, owner: nil,
            context: request.context)
        let answer = answer(&inquiry)
        if answer.denial != nil { return .denied }
        return answer.grant == .none ? .notMentioned : .allowed
    }
}

extension Requester {
    /// Who asks, as far as the ARN tells it.
    fileprivate init(_ principal: AccessRequest.Principal) {
        switch principal {
        case .anonymous: self = .anonymous
        case .service(let name): self = .service(name)
        case .identity(let arn, let account):
            let resource = ARN(arn)?.resource ?? ""
            let kind: Kind =
                switch resource {
                case "root": .root
                case _ where resource.hasPrefix("assumed-role/"): .assumedRole(arn: nil)
                default: .user
                }
            self.init(kind, arn: arn, account: account)
        }
    }
}
