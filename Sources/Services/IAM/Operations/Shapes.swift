import AWSWire
import IAMModel

/// Records as answers show them.
extension Names {
    /// What an answer shows of something beside its name: what was given, what a look at one adds, or what lists have.
    enum Detail {
        case created
        case one
        case listed
    }

    func shape(_ user: UserRecord, _ detail: Detail) -> IAM.User {
        var shape = IAM.User()
        shape.path = user.path
        shape.userName = user.name
        shape.userId = user.id
        shape.arn = self.user(user)
        shape.createDate = Double(user.created)
        if detail != .listed {
            shape.permissionsBoundary = boundary(user.boundary)
            shape.tags = tags(user.tags)
        }
        return shape
    }

    func shape(_ group: GroupRecord) -> IAM.Group {
        var shape = IAM.Group()
        shape.path = group.path
        shape.groupName = group.name
        shape.groupId = group.id
        shape.arn = self.group(group)
        shape.createDate = Double(group.created)
        return shape
    }

    /// Without the role's last use, which the caller adds where it belongs.
    func shape(_ role: RoleRecord, _ detail: Detail) -> IAM.Role {
        var shape = IAM.Role()
        shape.path = role.path
        shape.roleName = role.name
        shape.roleId = role.id
        shape.arn = self.role(role)
        shape.createDate = Double(role.created)
        shape.assumeRolePolicyDocument = Documents.encoded(role.trust)
        shape.description = role.description
        if detail != .created { shape.maxSessionDuration = role.maxSessionSeconds }
        if detail != .listed {
            shape.tags = tags(role.tags)
            shape.permissionsBoundary = boundary(role.boundary)
        }
        return shape
    }

    func shape(_ policy: PolicyRecord, _ use: PolicyUse, _ detail: Detail) -> IAM.Policy {
        let arn = self.policy(policy)
        var shape = IAM.Policy()
        shape.policyName = policy.name
        shape.policyId = policy.id
        shape.arn = arn
        shape.path = policy.path
        shape.defaultVersionId = "v\(policy.standard)"
        shape.attachmentCount = use.attachments[arn] ?? 0
        shape.permissionsBoundaryUsageCount = use.boundaries[arn] ?? 0
        shape.isAttachable = true
        shape.createDate = Double(policy.created)
        shape.updateDate = Double(policy.updated)
        if detail == .one {
            shape.description = policy.description
            shape.tags = policy.tags.map(\.shape)
        } else if detail == .created {
            shape.tags = tags(policy.tags)
        }
        return shape
    }

    func shape(_ version: PolicyRecord.Version, of policy: PolicyRecord, withDocument: Bool) -> IAM.PolicyVersion {
        var shape = IAM.PolicyVersion()
        if withDocument { shape.document = Documents.encoded(version.document) }
        shape.versionId = "v\(version.number)"
        shape.isDefaultVersion = version.number == policy.standard
        shape.createDate = Double(version.created)
        return shape
    }

    func shape(_ profile: ProfileRecord, in account: Account, _ detail: Detail) -> IAM.InstanceProfile {
        var shape = IAM.InstanceProfile()
        shape.path = profile.path
        shape.instanceProfileName = profile.name
        shape.instanceProfileId = profile.id
        shape.arn = self.profile(profile)
        shape.createDate = Double(profile.created)
        shape.roles = profile.role.flatMap { account.roles[$0] }.map { [self.shape($0, .listed)] } ?? []
        if detail != .listed { shape.tags = detail == .one ? profile.tags.map(\.shape) : tags(profile.tags) }
        return shape
    }

    /// The type is what answers have, whatever the model lists.
    func boundary(_ arn: String?) -> IAM.AttachedPermissionsBoundary? {
        arn.map {
            IAM.AttachedPermissionsBoundary(
                permissionsBoundaryType: .init(rawValue: "Policy"), permissionsBoundaryArn: $0)
        }
    }

    /// Nil where there are none: most answers then lack the member.
    func tags(_ tags: [TagRecord]) -> [IAM.Tag]? { tags.isEmpty ? nil : tags.map(\.shape) }
}

extension TagRecord {
    var shape: IAM.Tag { IAM.Tag(key: key, value: value) }
}
