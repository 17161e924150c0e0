import Storage

/// What provisioned concurrency a version gets of a configuration.
struct ProvisionedShare: Hashable, Sendable {
    var version: String
    var executions: Int
}

extension FunctionRepository {
    /// What a configuration means for versions: an alias hands it on to the version that it points to, or to both of
    /// them by their weights.
    func shares(of config: ProvisionedConcurrency, at target: FunctionTarget) throws -> [ProvisionedShare] {
        let qualifier = target.qualifier ?? ""
        guard let alias = try alias(qualifier, of: target.key) else {
            return [ProvisionedShare(version: qualifier, executions: config.executions)]
        }
        guard let (other, weight) = alias.weights.first else {
            return [ProvisionedShare(version: alias.version, executions: config.executions)]
        }
        let part = min(config.executions, Int((Double(config.executions) * weight).rounded()))
        return [
            ProvisionedShare(version: alias.version, executions: config.executions - part),
            ProvisionedShare(version: other, executions: part),
        ]
    }

    /// The sum of a function's configurations but that of one version or alias.
    func provisionedConcurrency(of key: FunctionKey, except qualifier: String = "") throws -> Int {
        try attached(ProvisionedConcurrency.self, ofFunction: key)
            .filter { $0.qualifier != qualifier }.reduce(0) { $0 + $1.document.executions }
    }

    /// How much of an account's concurrency its functions have for themselves: what they have reserved, or without a
    /// reservation what they are provisioned with.
    ///
    /// - Parameter name: A function that does not count.
    func claimedConcurrency(account: String, region: String, except name: String = "") throws -> Int {
        let scope: [SQLValue] = [.text(account), .text(region), .text(name)]
        let reserved = try connection.query(
            """
            SELECT COALESCE(SUM(reserved), 0) AS reserved FROM lambda_functions
            WHERE account = ? AND region = ? AND name <> ?
            """, scope)
        let provisioned = try connection.query(
            """
            SELECT attached.document AS document FROM lambda_attachments AS attached
            JOIN lambda_functions AS owner ON owner.account = attached.account AND owner.region = attached.region
                AND owner.name = attached.name
            WHERE attached.account = ? AND attached.region = ? AND attached.name <> ? AND attached.kind = ?
                AND owner.reserved IS NULL
            """, scope + [.text(ProvisionedConcurrency.kind)])
        return try provisioned.reduce(Int(try reserved.first?.integer("reserved") ?? 0)) { sum, row in
            sum + (try Self.value(ProvisionedConcurrency.self, try row.text("document"))).executions
        }
    }
}
