import AWSWire
import IAMModel
import Policies

extension IAMService {
    func createRole(_ call: Call) async throws -> Output {
        let input = try IAM.CreateRoleRequest(decoding: call.request)
        let path = input.path ?? "/"
        let trust = try trusted(input.assumeRolePolicyDocument)
        let tags = try TagRecord.checked(input.tags, quota: quotas.tagsPerResource)
        let role = RoleRecord(
            name: input.roleName, path: path, id: EntityID.make(EntityID.role, account: call.account),
            created: call.now, trust: input.assumeRolePolicyDocument, description: input.description,
            maxSessionSeconds: input.maxSessionDuration ?? 3600, boundary: input.permissionsBoundary, tags: tags)
        try await accounts.change(call.account) { [quotas] account in
            try account.mustKnow(trust, call.names)
            if let boundary = role.boundary { try account.mustBeBoundary(boundary, call.names) }
            guard !account.roles.isTaken(role.name) else { throw AWSError.taken(.role, role.name) }
            guard account.roles.count < quotas.roles else { throw AWSError.exceeds("RolesPerAccount", quotas.roles) }
            account.roles.put(role)
        }
        return IAM.CreateRoleResponse(role: call.names.shape(role, .created))
    }

    func getRole(_ call: Call) throws -> Output {
        let input = try IAM.GetRoleRequest(decoding: call.request)
        let role = try accounts[call.account].role(input.roleName)
        var shape = call.names.shape(role, .one)
        shape.roleLastUsed = lastUsed(role)
        return IAM.GetRoleResponse(role: shape)
    }

    func listRoles(_ call: Call) throws -> Output {
        let input = try IAM.ListRolesRequest(decoding: call.request)
        let all = accounts[call.account].roles.sorted.filter { $0.path.hasPrefix(input.pathPrefix ?? "/") }
        let page = try Page(all, marker: input.marker, limit: input.maxItems) { $0.name.lowercased() }
        return IAM.ListRolesResponse(
            roles: page.elements.map { call.names.shape($0, .listed) }, isTruncated: page.isTruncated,
            marker: page.marker)
    }

    func updateRole(_ call: Call) async throws -> Output {
        let input = try IAM.UpdateRoleRequest(decoding: call.request)
        try await changeRole(input.roleName, call) { role, _ in
            if let description = input.description { role.description = description }
            // AWS documents that a duration that is not given becomes the default again.
            role.maxSessionSeconds = input.maxSessionDuration ?? 3600
        }
        return IAM.UpdateRoleResponse()
    }

    func updateRoleDescription(_ call: Call) async throws -> Output {
        let input = try IAM.UpdateRoleDescriptionRequest(decoding: call.request)
        let role = try await changeRole(input.roleName, call) { role, _ in role.description = input.description }
        return IAM.UpdateRoleDescriptionResponse(role: call.names.shape(role, .one))
    }

    func updateAssumeRolePolicy(_ call: Call) async throws -> Output {
        let input = try IAM.UpdateAssumeRolePolicyRequest(decoding: call.request)
        let trust = try trusted(input.policyDocument)
        try await changeRole(input.roleName, call) { role, account in
            try account.mustKnow(trust, call.names)
            role.trust = input.policyDocument
        }
        return nil
    }

    func deleteRole(_ call: Call) async throws -> Output {
        let input = try IAM.DeleteRoleRequest(decoding: call.request)
        let id = try await accounts.change(call.account) { account in
            let role = try account.role(input.roleName)
            guard role.linkedService == nil else { throw AWSError.protected(role.name) }
            guard account.profiles(of: role.name).isEmpty else {
                throw AWSError.mustFirst("remove roles from instance profile")
            }
            try role.policies.mustBeEmpty()
            account.roles.remove(role.name)
            return role.id
        }
        uses.drop(id)
        return nil
    }

    func putRolePermissionsBoundary(_ call: Call) async throws -> Output {
        let input = try IAM.PutRolePermissionsBoundaryRequest(decoding: call.request)
        try await changeRole(input.roleName, call) { role, account in
            try account.mustBeBoundary(input.permissionsBoundary, call.names)
            role.boundary = input.permissionsBoundary
        }
        return nil
    }

    func deleteRolePermissionsBoundary(_ call: Call) async throws -> Output {
        let input = try IAM.DeleteRolePermissionsBoundaryRequest(decoding: call.request)
        try await changeRole(input.roleName, call) { role, _ in role.boundary = nil }
        return nil
    }

    // MARK: Parts

    /// Changes a role that is not AWS's own.
    @discardableResult
    func changeRole(
        _ name: String, _ call: Call, _ work: @escaping @Sendable (inout RoleRecord, Account) throws -> Void
    ) async throws -> RoleRecord {
        try await accounts.change(call.account) { account in
            var role = try account.role(name)
            guard role.linkedService == nil else { throw AWSError.protected(name) }
            try work(&role, account)
            account.roles.put(role)
            return role
        }
    }

    private func trusted(_ text: String) throws(AWSError) -> PolicyDocument {
        let document = try Documents.check(text, as: .trust)
        guard Documents.size(text) <= quotas.trustPolicySize else {
            throw .exceeds("ACLSizePerRole", quotas.trustPolicySize)
        }
        return document
    }

    /// Without members for a role that nobody has used.
    func lastUsed(_ role: RoleRecord) -> IAM.RoleLastUsed {
        guard let use = uses[role.id] else { return IAM.RoleLastUsed() }
        return IAM.RoleLastUsed(lastUsedDate: Double(use.time), region: use.region)
    }
}

extension Account {
    func role(_ name: String) throws(AWSError) -> RoleRecord {
        guard let role = roles[name] else { throw .noRole(name) }
        return role
    }

    /// A trust policy may name only those users and roles of its own account that there are.
    func mustKnow(_ trust: PolicyDocument, _ names: Names) throws(AWSError) {
        for statement in trust.statements {
            for case .aws(let arn) in statement.principals?.values ?? [] {
                guard let (kind, path, name) = names.parse(arn) else { continue }
                let isKnown: Bool
                switch kind {
                case "role": isKnown = roles[name]?.path == path
                case "user": isKnown = users[name]?.path == path
                default: isKnown = false
                }
                guard isKnown else {
                    throw IAMError.malformedPolicyDocument(message: "Invalid principal in policy: \"AWS\":\"\(arn)\"")
                }
            }
        }
    }

    func mustBeBoundary(_ arn: String, _ names: Names) throws(AWSError) {
        guard try document(ofPolicy: arn, names) != nil else {
            throw IAMError.noSuchEntity(message: "Scope ARN: \(arn) does not exist or is not attachable.")
        }
    }
}

extension PolicySet {
    /// Who still has policies is not deleted.
    func mustBeEmpty() throws(AWSError) {
        guard attached.isEmpty else { throw .mustFirst("detach all policies") }
        guard inline.isEmpty else { throw .mustFirst("delete policies") }
    }
}
