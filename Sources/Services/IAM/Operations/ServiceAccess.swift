import AWSWire
import IAMModel
import NIOCore
import Policies

extension IAMService {
    /// Which policies of a user, a group or a role allow anything of a service at all, whatever their resources and
    /// conditions say. A user's are also those of its groups.
    func listPoliciesGrantingServiceAccess(_ call: Call) throws -> Output {
        let input = try IAM.ListPoliciesGrantingServiceAccessRequest(decoding: call.request)
        let holders = try Holder.all(behind: input.arn, accounts[call.account], call.names)
        let entries = try input.serviceNamespaces.sorted().map { service in
            let granting = try holders.flatMap { holder in
                try holder.granting(service, accounts[call.account], call.names)
            }
            return IAM.ListPoliciesGrantingServiceAccessEntry(serviceNamespace: service, policies: granting)
        }
        let page = try Page(entries, marker: input.marker, limit: nil) { $0.serviceNamespace ?? "" }
        return IAM.ListPoliciesGrantingServiceAccessResponse(
            policiesGrantingServiceAccess: page.elements, isTruncated: page.isTruncated, marker: page.marker)
    }
}

/// One who has policies.
private struct Holder {
    var kind: EntityKind
    var name: String
    var policies: PolicySet

    /// Whom an ARN means, and the groups of a user.
    static func all(behind arn: String, _ account: Account, _ names: Names) throws(AWSError) -> [Holder] {
        guard ARN(arn) != nil else { throw .unparsedARN }
        guard let (kind, _, name) = names.parse(arn) else {
            throw IAMError.noSuchEntity(message: "The entity \(arn) cannot be found.")
        }
        switch kind {
        case "user":
            let user = try account.user(name)
            let groups = user.groups.compactMap { account.groups[$0] }
            return [Holder(kind: .user, name: name, policies: user.policies)]
                + groups.map { Holder(kind: .group, name: $0.name, policies: $0.policies) }
        case "group": return [Holder(kind: .group, name: name, policies: try account.group(name).policies)]
        case "role": return [Holder(kind: .role, name: name, policies: try account.role(name).policies)]
        default: throw IAMError.invalidInput(message: "\(arn) is neither a user, a group nor a role.")
        }
    }

    func granting(_ service: String, _ account: Account, _ names: Names) throws(AWSError)
        -> [IAM.PolicyGrantingServiceAccess]
    {
        var found: [IAM.PolicyGrantingServiceAccess] = []
        for arn in policies.attached {
            guard let text = try account.document(ofPolicy: arn, names), Self.grants(text, service) else { continue }
            found.append(.init(policyName: PolicyARN(arn)?.name, policyType: .managed, policyArn: arn))
        }
        for (policy, text) in policies.inline.sorted(by: { $0.key < $1.key }) where Self.grants(text, service) {
            found.append(
                .init(
                    policyName: policy, policyType: .inline, entityType: .init(rawValue: kind.word.uppercased()),
                    entityName: name))
        }
        return found
    }

    /// Whether a statement allows an action of the service: it lists one, or `*`, or lists what it does not mean.
    private static func grants(_ text: String, _ service: String) -> Bool {
        guard let document = try? PolicyDocument(parsing: ByteBuffer(string: text)) else { return false }
        return document.statements.contains { statement in
            guard statement.effect == .allow else { return false }
            let isListed = statement.actions.values.contains { action in
                let vendor = action.prefix { $0 != ":" }
                return action == "*" || vendor.lowercased() == service.lowercased()
            }
            return statement.actions.sense == .these
                ? isListed
                : !statement.actions.values.contains { $0 == "*" || $0.lowercased() == "\(service.lowercased()):*" }
        }
    }
}
