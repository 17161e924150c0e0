import AWSWire
import IAMModel

extension IAMService {
    func createGroup(_ call: Call) async throws -> Output {
        let input = try IAM.CreateGroupRequest(decoding: call.request)
        let group = GroupRecord(
            name: input.groupName, path: input.path ?? "/", id: EntityID.make(EntityID.group, account: call.account),
            created: call.now)
        try await accounts.change(call.account) { [quotas] account in
            guard !account.groups.isTaken(group.name) else { throw AWSError.taken(.group, group.name) }
            guard account.groups.count < quotas.groups else {
                throw AWSError.exceeds("GroupsPerAccount", quotas.groups)
            }
            account.groups.put(group)
        }
        return IAM.CreateGroupResponse(group: call.names.shape(group))
    }

    /// The group and its users.
    func getGroup(_ call: Call) throws -> Output {
        let input = try IAM.GetGroupRequest(decoding: call.request)
        let account = accounts[call.account]
        let group = try account.group(input.groupName)
        let page = try Page(account.members(of: group.name), marker: input.marker, limit: input.maxItems) {
            $0.name.lowercased()
        }
        return IAM.GetGroupResponse(
            group: call.names.shape(group), users: page.elements.map { call.names.shape($0, .listed) },
            isTruncated: page.isTruncated, marker: page.marker)
    }

    func listGroups(_ call: Call) throws -> Output {
        let input = try IAM.ListGroupsRequest(decoding: call.request)
        let all = accounts[call.account].groups.sorted.filter { $0.path.hasPrefix(input.pathPrefix ?? "/") }
        let page = try Page(all, marker: input.marker, limit: input.maxItems) { $0.name.lowercased() }
        return IAM.ListGroupsResponse(
            groups: page.elements.map(call.names.shape), isTruncated: page.isTruncated, marker: page.marker)
    }

    func listGroupsForUser(_ call: Call) throws -> Output {
        let input = try IAM.ListGroupsForUserRequest(decoding: call.request)
        let account = accounts[call.account]
        let all = try account.user(input.userName).groups.compactMap { account.groups[$0] }
            .sorted { $0.name.lowercased() < $1.name.lowercased() }
        let page = try Page(all, marker: input.marker, limit: input.maxItems) { $0.name.lowercased() }
        return IAM.ListGroupsForUserResponse(
            groups: page.elements.map(call.names.shape), isTruncated: page.isTruncated, marker: page.marker)
    }

    /// A group that gets another name keeps its users.
    func updateGroup(_ call: Call) async throws -> Output {
        let input = try IAM.UpdateGroupRequest(decoding: call.request)
        try await accounts.change(call.account) { account in
            var group = try account.group(input.groupName)
            if let path = input.newPath { group.path = path }
            if let name = input.newGroupName, name != group.name {
                guard !account.groups.isTaken(name) || name.lowercased() == group.name.lowercased() else {
                    throw AWSError.taken(.group, name)
                }
                for var user in account.members(of: group.name) {
                    user.groups = user.groups.map { $0 == group.name ? name : $0 }
                    account.users.put(user)
                }
                account.groups.remove(group.name)
                group.name = name
            }
            account.groups.put(group)
        }
        return nil
    }

    func deleteGroup(_ call: Call) async throws -> Output {
        let input = try IAM.DeleteGroupRequest(decoding: call.request)
        try await accounts.change(call.account) { account in
            let group = try account.group(input.groupName)
            guard account.members(of: group.name).isEmpty else { throw AWSError.mustFirst("remove users from group") }
            try group.policies.mustBeEmpty()
            account.groups.remove(group.name)
        }
        return nil
    }

    /// Adding who is in the group already changes nothing.
    func addUserToGroup(_ call: Call) async throws -> Output {
        let input = try IAM.AddUserToGroupRequest(decoding: call.request)
        try await changeUser(input.userName, call) { [quotas] user, account in
            let group = try account.group(input.groupName)
            guard !user.groups.contains(group.name) else { return }
            guard user.groups.count < quotas.groupsPerUser else {
                throw AWSError.exceeds("GroupsPerUser", quotas.groupsPerUser)
            }
            user.groups.append(group.name)
        }
        return nil
    }

    func removeUserFromGroup(_ call: Call) async throws -> Output {
        let input = try IAM.RemoveUserFromGroupRequest(decoding: call.request)
        try await changeUser(input.userName, call) { user, account in
            let group = try account.group(input.groupName)
            guard let index = user.groups.firstIndex(of: group.name) else {
                throw IAMError.noSuchEntity(message: "User \(user.name) is not in group \(group.name)")
            }
            user.groups.remove(at: index)
        }
        return nil
    }
}

extension Account {
    func group(_ name: String) throws(AWSError) -> GroupRecord {
        guard let group = groups[name] else { throw .noGroup(name) }
        return group
    }
}
