import AWSWire
import IAMModel

/// Everybody and every policy of an account in one answer.
extension IAMService {
    private enum Detail {
        case user(UserRecord)
        case group(GroupRecord)
        case role(RoleRecord)
        case own(PolicyRecord)
        case standard(AWSManagedPolicy)

        /// The same for no two.
        var key: String {
            switch self {
            case .user(let user): "1/\(user.name.lowercased())"
            case .group(let group): "2/\(group.name.lowercased())"
            case .role(let role): "3/\(role.name.lowercased())"
            case .own(let policy): "4/\(policy.name.lowercased())"
            case .standard(let policy): "5/\(policy.name.lowercased())"
            }
        }
    }

    func getAccountAuthorizationDetails(_ call: Call) throws -> Output {
        let input = try IAM.GetAccountAuthorizationDetailsRequest(decoding: call.request)
        let account = accounts[call.account]
        let names = call.names
        let filter = input.filter.flatMap { $0.isEmpty ? nil : $0 }
        func wants(_ type: IAM.EntityType) -> Bool { filter?.contains(type) ?? true }
        let use = account.policyUse
        var all: [Detail] = []
        if wants(.user) { all += account.users.all.map(Detail.user) }
        if wants(.group) { all += account.groups.all.map(Detail.group) }
        if wants(.role) { all += account.roles.all.map(Detail.role) }
        if wants(.localManagedPolicy) { all += account.policies.all.map(Detail.own) }
        if wants(.awsManagedPolicy) {
            // Those that somebody has; the others are the same in every account.
            all += AWSManagedPolicies.standard.all.filter { use.isUsed($0.arn(names.partition)) }
                .map(Detail.standard)
        }
        let page = try Page(
            all.sorted { $0.key < $1.key }, marker: input.marker, limit: input.maxItems, key: \.key)
        var output = IAM.GetAccountAuthorizationDetailsResponse(
            userDetailList: [], groupDetailList: [], roleDetailList: [], policies: [], isTruncated: page.isTruncated,
            marker: page.marker)
        for detail in page.elements {
            switch detail {
            case .user(let user): output.userDetailList?.append(names.detail(user))
            case .group(let group): output.groupDetailList?.append(names.detail(group))
            case .role(let role):
                var shape = names.detail(role, in: account)
                shape.roleLastUsed = lastUsed(role)
                output.roleDetailList?.append(shape)
            case .own(let policy):
                let versions = policy.versions.reversed().map { names.shape($0, of: policy, withDocument: true) }
                output.policies?.append(names.detail(names.shape(policy, use, .one), versions))
            case .standard(let policy):
                let versions = [names.shape(policy, withDocument: true)]
                output.policies?.append(names.detail(names.shape(policy, use), versions))
            }
        }
        return output
    }
}

extension Names {
    fileprivate func detail(_ user: UserRecord) -> IAM.UserDetail {
        var detail = IAM.UserDetail()
        detail.path = user.path
        detail.userName = user.name
        detail.userId = user.id
        detail.arn = self.user(user)
        detail.createDate = Double(user.created)
        detail.userPolicyList = user.policies.inlineDetails
        detail.groupList = user.groups
        detail.attachedManagedPolicies = user.policies.attachedDetails
        detail.permissionsBoundary = boundary(user.boundary)
        detail.tags = user.tags.map(\.shape)
        return detail
    }

    fileprivate func detail(_ group: GroupRecord) -> IAM.GroupDetail {
        var detail = IAM.GroupDetail()
        detail.path = group.path
        detail.groupName = group.name
        detail.groupId = group.id
        detail.arn = self.group(group)
        detail.createDate = Double(group.created)
        detail.groupPolicyList = group.policies.inlineDetails
        detail.attachedManagedPolicies = group.policies.attachedDetails
        return detail
    }

    fileprivate func detail(_ role: RoleRecord, in account: Account) -> IAM.RoleDetail {
        var detail = IAM.RoleDetail()
        detail.path = role.path
        detail.roleName = role.name
        detail.roleId = role.id
        detail.arn = self.role(role)
        detail.createDate = Double(role.created)
        detail.assumeRolePolicyDocument = Documents.encoded(role.trust)
        detail.instanceProfileList = account.profiles(of: role.name).map { shape($0, in: account, .listed) }
        detail.rolePolicyList = role.policies.inlineDetails
        detail.attachedManagedPolicies = role.policies.attachedDetails
        detail.permissionsBoundary = boundary(role.boundary)
        detail.tags = role.tags.map(\.shape)
        return detail
    }

    fileprivate func detail(_ policy: IAM.Policy, _ versions: [IAM.PolicyVersion]) -> IAM.ManagedPolicyDetail {
        var detail = IAM.ManagedPolicyDetail()
        detail.policyName = policy.policyName
        detail.policyId = policy.policyId
        detail.arn = policy.arn
        detail.path = policy.path
        detail.defaultVersionId = policy.defaultVersionId
        detail.attachmentCount = policy.attachmentCount
        detail.permissionsBoundaryUsageCount = policy.permissionsBoundaryUsageCount
        detail.isAttachable = policy.isAttachable
        detail.description = policy.description
        detail.createDate = policy.createDate
        detail.updateDate = policy.updateDate
        detail.policyVersionList = versions
        return detail
    }
}

extension PolicySet {
    fileprivate var inlineDetails: [IAM.PolicyDetail] {
        inline.sorted { $0.key < $1.key }.map {
            IAM.PolicyDetail(policyName: $0.key, policyDocument: Documents.encoded($0.value))
        }
    }

    fileprivate var attachedDetails: [IAM.AttachedPolicy] {
        attached.map { IAM.AttachedPolicy(policyName: PolicyARN($0)?.name, policyArn: $0) }
    }
}
