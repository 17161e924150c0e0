import AWSWire
import IAMModel

extension IAMService {
    func createUser(_ call: Call) async throws -> Output {
        let input = try IAM.CreateUserRequest(decoding: call.request)
        let user = UserRecord(
            name: input.userName, path: input.path ?? "/", id: EntityID.make(EntityID.user, account: call.account),
            created: call.now, boundary: input.permissionsBoundary,
            tags: try TagRecord.checked(input.tags, quota: quotas.tagsPerResource))
        try await accounts.change(call.account) { [quotas] account in
            if let boundary = user.boundary { try account.mustBeBoundary(boundary, call.names) }
            guard !account.users.isTaken(user.name) else { throw AWSError.taken(.user, user.name) }
            guard account.users.count < quotas.users else { throw AWSError.exceeds("UsersPerAccount", quotas.users) }
            account.users.put(user)
        }
        return IAM.CreateUserResponse(user: call.names.shape(user, .created))
    }

    /// Without a name, whoever asks.
    func getUser(_ call: Call) throws -> Output {
        let input = try IAM.GetUserRequest(decoding: call.request)
        guard let name = input.userName ?? call.userName else {
            guard call.request.caller.principal.kind == .root else { throw AWSError.noUserName }
            var root = IAM.User()
            root.userId = call.account
            root.arn = call.names.arn("root")
            root.createDate = 0
            return IAM.GetUserResponse(user: root)
        }
        return IAM.GetUserResponse(user: call.names.shape(try accounts[call.account].user(name), .one))
    }

    func listUsers(_ call: Call) throws -> Output {
        let input = try IAM.ListUsersRequest(decoding: call.request)
        let all = accounts[call.account].users.sorted.filter { $0.path.hasPrefix(input.pathPrefix ?? "/") }
        let page = try Page(all, marker: input.marker, limit: input.maxItems) { $0.name.lowercased() }
        return IAM.ListUsersResponse(
            users: page.elements.map { call.names.shape($0, .listed) }, isTruncated: page.isTruncated,
            marker: page.marker)
    }

    /// A user who gets another name keeps what they have.
    func updateUser(_ call: Call) async throws -> Output {
        let input = try IAM.UpdateUserRequest(decoding: call.request)
        try await accounts.change(call.account) { account in
            var user = try account.user(input.userName)
            if let path = input.newPath { user.path = path }
            if let name = input.newUserName, name != user.name {
                guard !account.users.isTaken(name) || name.lowercased() == user.name.lowercased() else {
                    throw AWSError.taken(.user, name)
                }
                for var key in account.keys(of: user.name) {
                    key.user = name
                    account.keys.put(key)
                }
                account.users.remove(user.name)
                user.name = name
            }
            account.users.put(user)
        }
        return nil
    }

    func deleteUser(_ call: Call) async throws -> Output {
        let input = try IAM.DeleteUserRequest(decoding: call.request)
        try await accounts.change(call.account) { account in
            let user = try account.user(input.userName)
            guard user.login == nil else { throw AWSError.mustFirst("delete login profile") }
            guard account.keys(of: user.name).isEmpty else { throw AWSError.mustFirst("delete access keys") }
            try user.policies.mustBeEmpty()
            guard user.groups.isEmpty else { throw AWSError.mustFirst("remove users from group") }
            account.users.remove(user.name)
        }
        return nil
    }

    func putUserPermissionsBoundary(_ call: Call) async throws -> Output {
        let input = try IAM.PutUserPermissionsBoundaryRequest(decoding: call.request)
        try await changeUser(input.userName, call) { user, account in
            try account.mustBeBoundary(input.permissionsBoundary, call.names)
            user.boundary = input.permissionsBoundary
        }
        return nil
    }

    func deleteUserPermissionsBoundary(_ call: Call) async throws -> Output {
        let input = try IAM.DeleteUserPermissionsBoundaryRequest(decoding: call.request)
        try await changeUser(input.userName, call) { user, _ in user.boundary = nil }
        return nil
    }

    @discardableResult
    func changeUser(
        _ name: String, _ call: Call, _ work: @escaping @Sendable (inout UserRecord, Account) throws -> Void
    ) async throws -> UserRecord {
        try await accounts.change(call.account) { account in
            var user = try account.user(name)
            try work(&user, account)
            account.users.put(user)
            return user
        }
    }

    // MARK: Login profiles

    func createLoginProfile(_ call: Call) async throws -> Output {
        let input = try IAM.CreateLoginProfileRequest(decoding: call.request)
        let name = try call.user(input.userName)
        try mustSuit(input.password, call)
        let login = LoginRecord(created: call.now, mustChange: input.passwordResetRequired ?? false)
        try await changeUser(name, call) { user, _ in
            guard user.login == nil else {
                throw IAMError.entityAlreadyExists(message: "Login Profile for user \(name) already exists.")
            }
            user.login = login
        }
        return IAM.CreateLoginProfileResponse(loginProfile: login.shape(name))
    }

    func getLoginProfile(_ call: Call) throws -> Output {
        let input = try IAM.GetLoginProfileRequest(decoding: call.request)
        let name = try call.user(input.userName)
        guard let login = try accounts[call.account].user(name).login else { throw AWSError.noLogin(name) }
        return IAM.GetLoginProfileResponse(loginProfile: login.shape(name))
    }

    func updateLoginProfile(_ call: Call) async throws -> Output {
        let input = try IAM.UpdateLoginProfileRequest(decoding: call.request)
        try mustSuit(input.password, call)
        try await changeUser(input.userName, call) { user, _ in
            guard var login = user.login else { throw AWSError.noLogin(user.name) }
            if let mustChange = input.passwordResetRequired { login.mustChange = mustChange }
            user.login = login
        }
        return nil
    }

    func deleteLoginProfile(_ call: Call) async throws -> Output {
        let input = try IAM.DeleteLoginProfileRequest(decoding: call.request)
        try await changeUser(try call.user(input.userName), call) { user, _ in
            guard user.login != nil else { throw AWSError.noLogin(user.name) }
            user.login = nil
        }
        return nil
    }

    /// The password itself is kept nowhere: there is no console to sign in to.
    private func mustSuit(_ password: String?, _ call: Call) throws(AWSError) {
        guard let password else { return }
        let rules = accounts[call.account].current.passwords ?? .standard
        if let demand = rules.demand(of: password) {
            throw IAMError.passwordPolicyViolation(message: demand)
        }
    }
}

extension Account {
    func user(_ name: String) throws(AWSError) -> UserRecord {
        guard let user = users[name] else { throw .noUser(name) }
        return user
    }
}

extension LoginRecord {
    func shape(_ user: String) -> IAM.LoginProfile {
        IAM.LoginProfile(userName: user, createDate: Double(created), passwordResetRequired: mustChange)
    }
}
