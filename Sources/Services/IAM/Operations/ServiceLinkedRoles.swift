import AWSWire
import IAMModel

extension IAMService {
    /// What is deleted is remembered for so many deletions.
    private static let rememberedDeletions = 100

    func createServiceLinkedRole(_ call: Call) async throws -> Output {
        let input = try IAM.CreateServiceLinkedRoleRequest(decoding: call.request)
        guard let kind = ServiceLinkedRole.all[input.awsServiceName] else {
            throw AWSError.unsupported("There is no service-linked role of \(input.awsServiceName) here.")
        }
        if input.customSuffix != nil, !kind.takesSuffix {
            throw IAMError.invalidInput(message: "Custom suffix is not allowed for \(kind.service)")
        }
        let name = kind.name(suffix: input.customSuffix)
        let partition = call.names.partition
        let role = RoleRecord(
            name: name, path: kind.path, id: EntityID.make(EntityID.role, account: call.account), created: call.now,
            policies: PolicySet(attached: kind.policies.map { "arn:\(partition):\($0)" }), trust: kind.trust,
            description: input.description, maxSessionSeconds: 3600, linkedService: kind.service)
        try await accounts.change(call.account) { account in
            guard !account.roles.isTaken(name) else {
                throw IAMError.invalidInput(
                    message: "Service role name \(name) has been taken in this account, please try a different suffix.")
            }
            account.roles.put(role)
        }
        return IAM.CreateServiceLinkedRoleResponse(role: call.names.shape(role, .created))
    }

    /// Nothing here depends on such roles: the deletion is done when this is answered.
    func deleteServiceLinkedRole(_ call: Call) async throws -> Output {
        let input = try IAM.DeleteServiceLinkedRoleRequest(decoding: call.request)
        let task = try await accounts.change(call.account) { account in
            let role = try account.role(input.roleName)
            guard role.linkedService != nil else {
                throw IAMError.invalidInput(message: "Role \(role.name) is not a service linked role.")
            }
            account.roles.remove(role.name)
            let task = "task\(role.path)\(role.name)/\(RequestID.make())"
            var settings = account.current
            settings.deletions = ((settings.deletions ?? []) + [task]).suffix(Self.rememberedDeletions)
            account.settings.put(settings)
            return task
        }
        return IAM.DeleteServiceLinkedRoleResponse(deletionTaskId: task)
    }

    func getServiceLinkedRoleDeletionStatus(_ call: Call) throws -> Output {
        let input = try IAM.GetServiceLinkedRoleDeletionStatusRequest(decoding: call.request)
        guard accounts[call.account].current.deletions?.contains(input.deletionTaskId) == true else {
            throw IAMError.noSuchEntity(message: "Deletion task \(input.deletionTaskId) cannot be found.")
        }
        return IAM.GetServiceLinkedRoleDeletionStatusResponse(status: .succeeded)
    }
}
