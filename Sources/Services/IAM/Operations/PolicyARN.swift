import AWSWire
import IAMModel

/// The ARN of a managed policy: `arn:aws:iam::ACCOUNT:policy/PATH/NAME`, or with `aws` for the account one of AWS's.
struct PolicyARN {
    var account: String
    /// Begins and ends with `/`.
    var path: String
    var name: String

    /// - Returns: nil for what is no such ARN.
    init?(_ text: String) {
        guard let arn = ARN(text), arn.service == "iam", arn.region.isEmpty, arn.resource.hasPrefix("policy/"),
            let last = arn.resource.lastIndex(of: "/")
        else { return nil }
        account = arn.account
        path = String(arn.resource.dropFirst("policy".utf8.count)[...last])
        name = String(arn.resource[arn.resource.index(after: last)...])
        guard !name.isEmpty else { return nil }
    }
}

extension Account {
    /// The policy of the account's own that an ARN means; nil where there is none.
    ///
    /// - Throws: `ValidationError` for what is no ARN.
    func policy(_ arn: String, _ names: Names) throws(AWSError) -> PolicyRecord? {
        guard ARN(arn) != nil else { throw .unparsedARN }
        guard let parsed = PolicyARN(arn), let policy = policies[parsed.name], names.policy(policy) == arn else {
            return nil
        }
        return policy
    }

    /// The text in force of a managed policy, the account's own or one of AWS's; nil where there is none.
    ///
    /// - Throws: `ValidationError` for what is no ARN.
    func document(ofPolicy arn: String, _ names: Names) throws(AWSError) -> String? {
        if let policy = try policy(arn, names) { return policy.document }
        return AWSManagedPolicies.standard[arn, names.partition]?.document
    }
}
