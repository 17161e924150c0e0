import AWSWire
import IAMModel

extension IAMService {
    func createInstanceProfile(_ call: Call) async throws -> Output {
        let input = try IAM.CreateInstanceProfileRequest(decoding: call.request)
        let profile = ProfileRecord(
            name: input.instanceProfileName, path: input.path ?? "/",
            id: EntityID.make(EntityID.profile, account: call.account), created: call.now,
            tags: try TagRecord.checked(input.tags, quota: quotas.tagsPerResource))
        try await accounts.change(call.account) { [quotas] account in
            guard !account.profiles.isTaken(profile.name) else {
                throw IAMError.entityAlreadyExists(message: "Instance Profile \(profile.name) already exists.")
            }
            guard account.profiles.count < quotas.instanceProfiles else {
                throw AWSError.exceeds("InstanceProfilesPerAccount", quotas.instanceProfiles)
            }
            account.profiles.put(profile)
        }
        return IAM.CreateInstanceProfileResponse(
            instanceProfile: call.names.shape(profile, in: Account(id: call.account), .created))
    }

    func getInstanceProfile(_ call: Call) throws -> Output {
        let input = try IAM.GetInstanceProfileRequest(decoding: call.request)
        let account = accounts[call.account]
        let profile = try account.profile(input.instanceProfileName)
        return IAM.GetInstanceProfileResponse(instanceProfile: call.names.shape(profile, in: account, .one))
    }

    func listInstanceProfiles(_ call: Call) throws -> Output {
        let input = try IAM.ListInstanceProfilesRequest(decoding: call.request)
        let account = accounts[call.account]
        let all = account.profiles.sorted.filter { $0.path.hasPrefix(input.pathPrefix ?? "/") }
        let page = try Page(all, marker: input.marker, limit: input.maxItems) { $0.name.lowercased() }
        return IAM.ListInstanceProfilesResponse(
            instanceProfiles: page.elements.map { call.names.shape($0, in: account, .listed) },
            isTruncated: page.isTruncated, marker: page.marker)
    }

    func listInstanceProfilesForRole(_ call: Call) throws -> Output {
        let input = try IAM.ListInstanceProfilesForRoleRequest(decoding: call.request)
        let account = accounts[call.account]
        let all = account.profiles(of: try account.role(input.roleName).name)
        let page = try Page(all, marker: input.marker, limit: input.maxItems) { $0.name.lowercased() }
        return IAM.ListInstanceProfilesForRoleResponse(
            instanceProfiles: page.elements.map { call.names.shape($0, in: account, .listed) },
            isTruncated: page.isTruncated, marker: page.marker)
    }

    func deleteInstanceProfile(_ call: Call) async throws -> Output {
        let input = try IAM.DeleteInstanceProfileRequest(decoding: call.request)
        try await accounts.change(call.account) { account in
            let profile = try account.profile(input.instanceProfileName)
            guard profile.role == nil else { throw AWSError.mustFirst("remove roles from instance profile") }
            account.profiles.remove(profile.name)
        }
        return nil
    }

    func addRoleToInstanceProfile(_ call: Call) async throws -> Output {
        let input = try IAM.AddRoleToInstanceProfileRequest(decoding: call.request)
        try await changeProfile(input.instanceProfileName, call) { [quotas] profile, account in
            let role = try account.role(input.roleName)
            guard profile.role == nil else {
                throw AWSError.exceeds("InstanceSessionsPerInstanceProfile", quotas.rolesPerInstanceProfile)
            }
            profile.role = role.name
        }
        return nil
    }

    func removeRoleFromInstanceProfile(_ call: Call) async throws -> Output {
        let input = try IAM.RemoveRoleFromInstanceProfileRequest(decoding: call.request)
        try await changeProfile(input.instanceProfileName, call) { profile, account in
            let role = try account.role(input.roleName)
            guard profile.role == role.name else { throw AWSError.noRole(role.name) }
            profile.role = nil
        }
        return nil
    }

    @discardableResult
    func changeProfile(
        _ name: String, _ call: Call, _ work: @escaping @Sendable (inout ProfileRecord, Account) throws -> Void
    ) async throws -> ProfileRecord {
        try await accounts.change(call.account) { account in
            var profile = try account.profile(name)
            try work(&profile, account)
            account.profiles.put(profile)
            return profile
        }
    }
}

extension Account {
    func profile(_ name: String) throws(AWSError) -> ProfileRecord {
        guard let profile = profiles[name] else { throw .noProfile(name) }
        return profile
    }
}
