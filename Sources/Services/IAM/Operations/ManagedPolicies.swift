import AWSWire
import IAMModel
import Policies

extension IAMService {
    func createPolicy(_ call: Call) async throws -> Output {
        let input = try IAM.CreatePolicyRequest(decoding: call.request)
        try mustBePolicy(input.policyDocument)
        let version = PolicyRecord.Version(number: 1, document: input.policyDocument, created: call.now)
        let policy = PolicyRecord(
            name: input.policyName, path: input.path ?? "/",
            id: EntityID.make(EntityID.policy, account: call.account), created: call.now, updated: call.now,
            description: input.description, versions: [version], standard: 1, next: 2,
            tags: try TagRecord.checked(input.tags, quota: quotas.tagsPerResource))
        try await accounts.change(call.account) { [quotas] account in
            guard !account.policies.isTaken(policy.name) else {
                throw IAMError.entityAlreadyExists(
                    message: "A policy called \(policy.name) already exists. Duplicate names are not allowed.")
            }
            guard account.policies.count < quotas.policies else {
                throw AWSError.exceeds("PoliciesPerAccount", quotas.policies)
            }
            account.policies.put(policy)
        }
        return IAM.CreatePolicyResponse(policy: call.names.shape(policy, PolicyUse(), .created))
    }

    func getPolicy(_ call: Call) throws -> Output {
        let input = try IAM.GetPolicyRequest(decoding: call.request)
        let account = accounts[call.account]
        if let policy = try account.policy(input.policyArn, call.names) {
            return IAM.GetPolicyResponse(policy: call.names.shape(policy, account.policyUse, .one))
        }
        guard let policy = AWSManagedPolicies.standard[input.policyArn, call.names.partition] else {
            throw AWSError.noPolicy(input.policyArn)
        }
        var shape = call.names.shape(policy, account.policyUse)
        shape.tags = []
        return IAM.GetPolicyResponse(policy: shape)
    }

    func listPolicies(_ call: Call) throws -> Output {
        let input = try IAM.ListPoliciesRequest(decoding: call.request)
        let account = accounts[call.account]
        let scope = input.scope ?? .all
        let use = account.policyUse
        var all: [IAM.Policy] = []
        if scope != .aws { all += account.policies.sorted.map { call.names.shape($0, use, .listed) } }
        if scope != .local { all += AWSManagedPolicies.standard.all.map { call.names.shape($0, use) } }
        all = all.filter { policy in
            guard policy.path?.hasPrefix(input.pathPrefix ?? "/") == true else { return false }
            let (attached, bounding) = (policy.attachmentCount ?? 0, policy.permissionsBoundaryUsageCount ?? 0)
            switch input.policyUsageFilter {
            case .permissionsPolicy?: return !(input.onlyAttached ?? false) || attached > 0
            case .permissionsBoundary?: return bounding > 0
            default: return !(input.onlyAttached ?? false) || attached > 0
            }
        }
        func key(_ policy: IAM.Policy) -> String { "\(policy.policyName?.lowercased() ?? "")\n\(policy.arn ?? "")" }
        let page = try Page(all.sorted { key($0) < key($1) }, marker: input.marker, limit: input.maxItems, key: key)
        return IAM.ListPoliciesResponse(
            policies: page.elements, isTruncated: page.isTruncated, marker: page.marker)
    }

    func deletePolicy(_ call: Call) async throws -> Output {
        let input = try IAM.DeletePolicyRequest(decoding: call.request)
        try await accounts.change(call.account) { account in
            let policy = try account.ownPolicy(input.policyArn, call.names)
            guard !account.policyUse.isUsed(input.policyArn) else {
                throw IAMError.deleteConflict(message: "Cannot delete a policy attached to entities.")
            }
            guard policy.versions.count == 1 else {
                throw IAMError.deleteConflict(
                    message: "This policy has more than one version. Before you delete a policy, you must delete the "
                        + "policy's versions. The default version is deleted with the policy.")
            }
            account.policies.remove(policy.name)
        }
        return nil
    }

    /// Who has the policy, or is bounded by it.
    func listEntitiesForPolicy(_ call: Call) throws -> Output {
        let input = try IAM.ListEntitiesForPolicyRequest(decoding: call.request)
        let account = accounts[call.account]
        let arn = input.policyArn
        guard try account.document(ofPolicy: arn, call.names) != nil else { throw AWSError.noPolicy(arn) }
        let isBoundary = input.policyUsageFilter == .permissionsBoundary
        func has(_ policies: PolicySet, _ boundary: String?) -> Bool {
            if isBoundary { return boundary == arn }
            if input.policyUsageFilter == nil, boundary == arn { return true }
            return policies.attached.contains(arn)
        }
        var found: [Bearer] = []
        let filter = input.entityFilter
        if filter == nil || filter == .user {
            found += account.users.sorted.filter { has($0.policies, $0.boundary) }.map(Bearer.user)
        }
        if filter == nil || filter == .role {
            found += account.roles.sorted.filter { has($0.policies, $0.boundary) }.map(Bearer.role)
        }
        if filter == nil || filter == .group {
            found += account.groups.sorted.filter { has($0.policies, nil) }.map(Bearer.group)
        }
        found = found.filter { $0.path.hasPrefix(input.pathPrefix ?? "/") }.sorted { $0.key < $1.key }
        let page = try Page(found, marker: input.marker, limit: input.maxItems) { $0.key }
        var output = IAM.ListEntitiesForPolicyResponse(
            policyGroups: [], policyUsers: [], policyRoles: [], isTruncated: page.isTruncated, marker: page.marker)
        for bearer in page.elements {
            switch bearer {
            case .user(let user): output.policyUsers?.append(.init(userName: user.name, userId: user.id))
            case .group(let group): output.policyGroups?.append(.init(groupName: group.name, groupId: group.id))
            case .role(let role): output.policyRoles?.append(.init(roleName: role.name, roleId: role.id))
            }
        }
        return output
    }

    /// - Throws: `MalformedPolicyDocument`, `LimitExceeded`.
    func mustBePolicy(_ text: String) throws(AWSError) {
        try Documents.check(text, as: .managed)
        guard Documents.size(text) <= quotas.policySize else { throw .exceeds("PolicySize", quotas.policySize) }
    }
}

/// One who has policies, among others of all kinds.
private enum Bearer {
    case user(UserRecord)
    case group(GroupRecord)
    case role(RoleRecord)

    var path: String {
        switch self {
        case .user(let user): user.path
        case .group(let group): group.path
        case .role(let role): role.path
        }
    }

    /// The same for no two.
    var key: String {
        switch self {
        case .group(let group): "group/\(group.name.lowercased())"
        case .role(let role): "role/\(role.name.lowercased())"
        case .user(let user): "user/\(user.name.lowercased())"
        }
    }
}

extension Account {
    /// A policy that can be changed: AWS's own cannot.
    func ownPolicy(_ arn: String, _ names: Names) throws(AWSError) -> PolicyRecord {
        if let policy = try policy(arn, names) { return policy }
        guard PolicyARN(arn)?.account != "aws" else {
            throw AWSError(
                code: "AccessDenied", message: "Cannot perform the operation on a policy that is AWS's: \(arn)",
                status: 403)
        }
        throw .noPolicy(arn)
    }
}

extension Names {
    func shape(_ policy: AWSManagedPolicy, _ use: PolicyUse) -> IAM.Policy {
        let arn = policy.arn(partition)
        var shape = IAM.Policy()
        shape.policyName = policy.name
        shape.policyId = policy.id
        shape.arn = arn
        shape.path = policy.path
        shape.defaultVersionId = "v\(policy.version)"
        shape.attachmentCount = use.attachments[arn] ?? 0
        shape.permissionsBoundaryUsageCount = use.boundaries[arn] ?? 0
        shape.isAttachable = true
        shape.createDate = Double(policy.date)
        shape.updateDate = Double(policy.date)
        return shape
    }

    func shape(_ policy: AWSManagedPolicy, withDocument: Bool) -> IAM.PolicyVersion {
        var shape = IAM.PolicyVersion()
        if withDocument { shape.document = Documents.encoded(policy.document) }
        shape.versionId = "v\(policy.version)"
        shape.isDefaultVersion = true
        shape.createDate = Double(policy.date)
        return shape
    }
}
