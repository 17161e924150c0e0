import AWSWire

/// What somebody did in permissive mode that no policy allows.
package struct Denial: Sendable, Hashable {
    /// `arn:aws:iam::ACCOUNT:user/NAME`, or of a role without its session: `arn:aws:iam::ACCOUNT:role/NAME`.
    package var principal: String
    package var action: String
    package var resource: String

    package init(principal: String, action: String, resource: String) {
        self.principal = principal
        self.action = action
        self.resource = resource
    }

    init(_ principal: Principal, action: String, resource: String) {
        let subject: String =
            if case .assumedRole(let role, _) = principal.kind {
                "arn:aws:iam::\(principal.account):role/\(role)"
            } else {
                principal.arn
            }
        self.init(principal: subject, action: action, resource: resource)
    }
}

/// Takes what would have been refused. Called on event loops: it must not block.
package protocol DenialLog: Sendable {
    func note(_ denial: Denial)
}
