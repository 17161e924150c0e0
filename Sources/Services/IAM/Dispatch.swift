import AWSWire
import IAMModel

/// Which method answers which operation.
extension IAMService {
    func answer(_ operation: IAM.Operation, _ call: Call) async throws -> Output {
        if let change = Self.changes[operation] { return try await change(self)(call) }
        if let look = Self.looks[operation] { return try look(self)(call) }
        throw AWSError.notImplemented(operation.rawValue)
    }

    private typealias Change = @Sendable (IAMService) -> @Sendable (Call) async throws -> Output
    private typealias Look = @Sendable (IAMService) -> @Sendable (Call) throws -> Output

    /// Operations that change an account.
    private static let changes: [IAM.Operation: Change] = [
        .addClientIDToOpenIDConnectProvider: { $0.addClientIDToOpenIDConnectProvider },
        .addRoleToInstanceProfile: { $0.addRoleToInstanceProfile },
        .addUserToGroup: { $0.addUserToGroup },
        .attachGroupPolicy: { $0.attach(IAM.AttachGroupPolicyRequest.self) },
        .attachRolePolicy: { $0.attach(IAM.AttachRolePolicyRequest.self) },
        .attachUserPolicy: { $0.attach(IAM.AttachUserPolicyRequest.self) },
        .createAccessKey: { $0.createAccessKey },
        .createAccountAlias: { $0.createAccountAlias },
        .createGroup: { $0.createGroup },
        .createInstanceProfile: { $0.createInstanceProfile },
        .createLoginProfile: { $0.createLoginProfile },
        .createOpenIDConnectProvider: { $0.createOpenIDConnectProvider },
        .createPolicy: { $0.createPolicy },
        .createPolicyVersion: { $0.createPolicyVersion },
        .createRole: { $0.createRole },
        .createServiceLinkedRole: { $0.createServiceLinkedRole },
        .createUser: { $0.createUser },
        .deleteAccessKey: { $0.deleteAccessKey },
        .deleteAccountAlias: { $0.deleteAccountAlias },
        .deleteAccountPasswordPolicy: { $0.deleteAccountPasswordPolicy },
        .deleteGroup: { $0.deleteGroup },
        .deleteGroupPolicy: { $0.deleteInline(IAM.DeleteGroupPolicyRequest.self) },
        .deleteInstanceProfile: { $0.deleteInstanceProfile },
        .deleteLoginProfile: { $0.deleteLoginProfile },
        .deleteOpenIDConnectProvider: { $0.deleteOpenIDConnectProvider },
        .deletePolicy: { $0.deletePolicy },
        .deletePolicyVersion: { $0.deletePolicyVersion },
        .deleteRole: { $0.deleteRole },
        .deleteRolePermissionsBoundary: { $0.deleteRolePermissionsBoundary },
        .deleteRolePolicy: { $0.deleteInline(IAM.DeleteRolePolicyRequest.self) },
        .deleteServiceLinkedRole: { $0.deleteServiceLinkedRole },
        .deleteUser: { $0.deleteUser },
        .deleteUserPermissionsBoundary: { $0.deleteUserPermissionsBoundary },
        .deleteUserPolicy: { $0.deleteInline(IAM.DeleteUserPolicyRequest.self) },
        .detachGroupPolicy: { $0.detach(IAM.DetachGroupPolicyRequest.self) },
        .detachRolePolicy: { $0.detach(IAM.DetachRolePolicyRequest.self) },
        .detachUserPolicy: { $0.detach(IAM.DetachUserPolicyRequest.self) },
        .putGroupPolicy: { $0.putInline(IAM.PutGroupPolicyRequest.self) },
        .putRolePermissionsBoundary: { $0.putRolePermissionsBoundary },
        .putRolePolicy: { $0.putInline(IAM.PutRolePolicyRequest.self) },
        .putUserPermissionsBoundary: { $0.putUserPermissionsBoundary },
        .putUserPolicy: { $0.putInline(IAM.PutUserPolicyRequest.self) },
        .removeClientIDFromOpenIDConnectProvider: { $0.removeClientIDFromOpenIDConnectProvider },
        .removeRoleFromInstanceProfile: { $0.removeRoleFromInstanceProfile },
        .removeUserFromGroup: { $0.removeUserFromGroup },
        .setDefaultPolicyVersion: { $0.setDefaultPolicyVersion },
        .tagInstanceProfile: { $0.tagInstanceProfile },
        .tagOpenIDConnectProvider: { $0.tagOpenIDConnectProvider },
        .tagPolicy: { $0.tagPolicy },
        .tagRole: { $0.tagRole },
        .tagUser: { $0.tagUser },
        .untagInstanceProfile: { $0.untagInstanceProfile },
        .untagOpenIDConnectProvider: { $0.untagOpenIDConnectProvider },
        .untagPolicy: { $0.untagPolicy },
        .untagRole: { $0.untagRole },
        .untagUser: { $0.untagUser },
        .updateAccessKey: { $0.updateAccessKey },
        .updateAccountPasswordPolicy: { $0.updateAccountPasswordPolicy },
        .updateAssumeRolePolicy: { $0.updateAssumeRolePolicy },
        .updateGroup: { $0.updateGroup },
        .updateLoginProfile: { $0.updateLoginProfile },
        .updateOpenIDConnectProviderThumbprint: { $0.updateOpenIDConnectProviderThumbprint },
        .updateRole: { $0.updateRole },
        .updateRoleDescription: { $0.updateRoleDescription },
        .updateUser: { $0.updateUser },
    ]

    /// Operations that look at what is in memory.
    private static let looks: [IAM.Operation: Look] = [
        .getContextKeysForCustomPolicy: { $0.getContextKeysForCustomPolicy },
        .getContextKeysForPrincipalPolicy: { $0.getContextKeysForPrincipalPolicy },
        .simulateCustomPolicy: { $0.simulateCustomPolicy },
        .simulatePrincipalPolicy: { $0.simulatePrincipalPolicy },
        .getAccessKeyLastUsed: { $0.getAccessKeyLastUsed },
        .getAccountAuthorizationDetails: { $0.getAccountAuthorizationDetails },
        .getAccountPasswordPolicy: { $0.getAccountPasswordPolicy },
        .getAccountSummary: { $0.getAccountSummary },
        .getGroup: { $0.getGroup },
        .getGroupPolicy: {
            $0.getInline(IAM.GetGroupPolicyRequest.self) {
                IAM.GetGroupPolicyResponse(groupName: $0, policyName: $1, policyDocument: $2)
            }
        },
        .getInstanceProfile: { $0.getInstanceProfile },
        .getLoginProfile: { $0.getLoginProfile },
        .getOpenIDConnectProvider: { $0.getOpenIDConnectProvider },
        .getPolicy: { $0.getPolicy },
        .getPolicyVersion: { $0.getPolicyVersion },
        .getRole: { $0.getRole },
        .getRolePolicy: {
            $0.getInline(IAM.GetRolePolicyRequest.self) {
                IAM.GetRolePolicyResponse(roleName: $0, policyName: $1, policyDocument: $2)
            }
        },
        .getServiceLinkedRoleDeletionStatus: { $0.getServiceLinkedRoleDeletionStatus },
        .getUser: { $0.getUser },
        .getUserPolicy: {
            $0.getInline(IAM.GetUserPolicyRequest.self) {
                IAM.GetUserPolicyResponse(userName: $0, policyName: $1, policyDocument: $2)
            }
        },
        .listAccessKeys: { $0.listAccessKeys },
        .listAccountAliases: { $0.listAccountAliases },
        .listAttachedGroupPolicies: {
            $0.listAttached(IAM.ListAttachedGroupPoliciesRequest.self) {
                IAM.ListAttachedGroupPoliciesResponse(
                    attachedPolicies: $0.elements, isTruncated: $0.isTruncated, marker: $0.marker)
            }
        },
        .listAttachedRolePolicies: {
            $0.listAttached(IAM.ListAttachedRolePoliciesRequest.self) {
                IAM.ListAttachedRolePoliciesResponse(
                    attachedPolicies: $0.elements, isTruncated: $0.isTruncated, marker: $0.marker)
            }
        },
        .listAttachedUserPolicies: {
            $0.listAttached(IAM.ListAttachedUserPoliciesRequest.self) {
                IAM.ListAttachedUserPoliciesResponse(
                    attachedPolicies: $0.elements, isTruncated: $0.isTruncated, marker: $0.marker)
            }
        },
        .listEntitiesForPolicy: { $0.listEntitiesForPolicy },
        .listGroupPolicies: {
            $0.listInline(IAM.ListGroupPoliciesRequest.self) {
                IAM.ListGroupPoliciesResponse(policyNames: $0.elements, isTruncated: $0.isTruncated, marker: $0.marker)
            }
        },
        .listGroups: { $0.listGroups },
        .listGroupsForUser: { $0.listGroupsForUser },
        .listInstanceProfileTags: { $0.listInstanceProfileTags },
        .listInstanceProfiles: { $0.listInstanceProfiles },
        .listInstanceProfilesForRole: { $0.listInstanceProfilesForRole },
        .listMFADevices: { $0.listMFADevices },
        .listOpenIDConnectProviderTags: { $0.listOpenIDConnectProviderTags },
        .listOpenIDConnectProviders: { $0.listOpenIDConnectProviders },
        .listPolicies: { $0.listPolicies },
        .listPoliciesGrantingServiceAccess: { $0.listPoliciesGrantingServiceAccess },
        .listPolicyTags: { $0.listPolicyTags },
        .listPolicyVersions: { $0.listPolicyVersions },
        .listRolePolicies: {
            $0.listInline(IAM.ListRolePoliciesRequest.self) {
                IAM.ListRolePoliciesResponse(policyNames: $0.elements, isTruncated: $0.isTruncated, marker: $0.marker)
            }
        },
        .listRoleTags: { $0.listRoleTags },
        .listRoles: { $0.listRoles },
        .listSSHPublicKeys: { $0.listSSHPublicKeys },
        .listServiceSpecificCredentials: { $0.listServiceSpecificCredentials },
        .listSigningCertificates: { $0.listSigningCertificates },
        .listUserPolicies: {
            $0.listInline(IAM.ListUserPoliciesRequest.self) {
                IAM.ListUserPoliciesResponse(policyNames: $0.elements, isTruncated: $0.isTruncated, marker: $0.marker)
            }
        },
        .listUserTags: { $0.listUserTags },
        .listUsers: { $0.listUsers },
        .listVirtualMFADevices: { $0.listVirtualMFADevices },
    ]
}
