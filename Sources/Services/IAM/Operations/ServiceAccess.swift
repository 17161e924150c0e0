import AWSWire
import IAMModel
import NIOCore
import Policies

extension IAMService {
    /// Which policies of a user, a group or a role allow anything of a service at all, whatever their resources and
    /// conditions say. A user's are also those of its groups.
    func listPoliciesGrantingServiceAccess(_ call: Call) throws -> Output {
        let input = try IAM.ListPoliciesGrantingServiceAccessRequest(decoding: call.request)
        let account = accounts[call.account]
        var policies: [Granted] = []
        for holder in try Holder.all(behind: input.arn, account, call.names) {
            policies += try holder.policies(account, call.names)
        }
        let entries = input.serviceNamespaces.sorted().map { service in
            let granting = policies.filter { $0.document.grants(service) }.map(\.shape)
            return IAM.ListPoliciesGrantingServiceAccessEntry(serviceNamespace: service, policies: granting)
        }
        let page = try Page(entries, marker: input.marker, limit: nil) { $0.serviceNamespace ?? "" }
        return IAM.ListPoliciesGrantingServiceAccessResponse(
            policiesGrantingServiceAccess: page.elements, isTruncated: page.isTruncated, marker: page.marker)
    }
}

/// A policy that somebody has, read.
private struct Granted {
    var shape: IAM.PolicyGrantingServiceAccess
    var document: PolicyDocument
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

    func policies(_ account: Account, _ names: Names) throws(AWSError) -> [Granted] {
        var found: [Granted] = []
        for arn in policies.attached {
            guard let text = try account.document(ofPolicy: arn, names), let document = Self.read(text) else {
                continue
            }
            found.append(
                Granted(
                    shape: .init(policyName: PolicyARN(arn)?.name, policyType: .managed, policyArn: arn),
                    document: document))
        }
        for (policy, text) in policies.inline.sorted(by: { $0.key < $1.key }) {
            guard let document = Self.read(text) else { continue }
            let shape = IAM.PolicyGrantingServiceAccess(
                policyName: policy, policyType: .inline, entityType: .init(rawValue: kind.word.uppercased()),
                entityName: name)
            found.append(Granted(shape: shape, document: document))
        }
        return found
    }

    private static func read(_ text: String) -> PolicyDocument? {
        try? PolicyDocument(parsing: ByteBuffer(string: text))
    }
}

extension PolicyDocument {
    /// Whether a statement allows an action of the service: it lists one, or `*`, or lists what it does not mean.
    fileprivate func grants(_ service: String) -> Bool {
        let service = service.lowercased()
        return statements.contains { statement in
            guard statement.effect == .allow else { return false }
            let actions = statement.actions.values.map { $0.lowercased() }
            return statement.actions.sense == .these
                ? actions.contains { $0 == "*" || $0.prefix { $0 != ":" } == service }
                : !actions.contains { $0 == "*" || $0 == "\(service):*" }
        }
    }
}
