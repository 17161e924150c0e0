import AWSWire

/// The ARNs of an account's things. IAM is global: they have no region. Nor do they follow that of a request into its
/// partition: the region is the caller's word, and what policies name has to be the same whatever it is.
struct Names: Sendable, Hashable {
    let partition = "aws"
    /// Twelve digits.
    var account: String

    func user(_ user: UserRecord) -> String { arn("user\(user.path)\(user.name)") }
    func group(_ group: GroupRecord) -> String { arn("group\(group.path)\(group.name)") }
    func role(_ role: RoleRecord) -> String { arn("role\(role.path)\(role.name)") }
    func policy(_ policy: PolicyRecord) -> String { arn("policy\(policy.path)\(policy.name)") }
    func profile(_ profile: ProfileRecord) -> String { arn("instance-profile\(profile.path)\(profile.name)") }
    func provider(_ url: String) -> String { arn("oidc-provider/\(url)") }

    func arn(_ resource: String) -> String {
        ARN(partition: partition, service: "iam", region: "", account: account, resource: resource).description
    }

    /// The kind, path and name that an ARN of the account has: `role`, `/team/` and `r` of
    /// `arn:aws:iam::000000000000:role/team/r`.
    func parse(_ text: String) -> (kind: String, path: String, name: String)? {
        guard let arn = ARN(text), arn.service == "iam", arn.account == account, arn.region.isEmpty,
            let slash = arn.resource.firstIndex(of: "/"), let last = arn.resource.lastIndex(of: "/")
        else { return nil }
        let name = arn.resource[arn.resource.index(after: last)...]
        guard !name.isEmpty else { return nil }
        return (String(arn.resource[..<slash]), String(arn.resource[slash...last]), String(name))
    }
}
