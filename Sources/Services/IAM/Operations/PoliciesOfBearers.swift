import IAMModel

/// The operations on the policies of users, groups and roles: each kind has its own of each.
extension IAMService {
    // MARK: Users

    func putUserPolicy(_ call: Call) async throws -> Output {
        let input = try IAM.PutUserPolicyRequest(decoding: call.request)
        try await putInline(input.policyDocument, named: input.policyName, to: .user, input.userName, call)
        return nil
    }

    func getUserPolicy(_ call: Call) throws -> Output {
        let input = try IAM.GetUserPolicyRequest(decoding: call.request)
        let text = try inline(input.policyName, of: .user, input.userName, call)
        return IAM.GetUserPolicyResponse(
            userName: input.userName, policyName: input.policyName, policyDocument: text)
    }

    func deleteUserPolicy(_ call: Call) async throws -> Output {
        let input = try IAM.DeleteUserPolicyRequest(decoding: call.request)
        try await deleteInline(input.policyName, of: .user, input.userName, call)
        return nil
    }

    func listUserPolicies(_ call: Call) throws -> Output {
        let input = try IAM.ListUserPoliciesRequest(decoding: call.request)
        let page = try inlineNames(of: .user, input.userName, input.marker, input.maxItems, call)
        return IAM.ListUserPoliciesResponse(
            policyNames: page.elements, isTruncated: page.isTruncated, marker: page.marker)
    }

    func attachUserPolicy(_ call: Call) async throws -> Output {
        let input = try IAM.AttachUserPolicyRequest(decoding: call.request)
        try await attach(input.policyArn, to: .user, input.userName, call)
        return nil
    }

    func detachUserPolicy(_ call: Call) async throws -> Output {
        let input = try IAM.DetachUserPolicyRequest(decoding: call.request)
        try await detach(input.policyArn, from: .user, input.userName, call)
        return nil
    }

    func listAttachedUserPolicies(_ call: Call) throws -> Output {
        let input = try IAM.ListAttachedUserPoliciesRequest(decoding: call.request)
        let page = try attachments(
            of: .user, input.userName, under: input.pathPrefix, input.marker, input.maxItems, call)
        return IAM.ListAttachedUserPoliciesResponse(
            attachedPolicies: page.elements, isTruncated: page.isTruncated, marker: page.marker)
    }

    // MARK: Groups

    func putGroupPolicy(_ call: Call) async throws -> Output {
        let input = try IAM.PutGroupPolicyRequest(decoding: call.request)
        try await putInline(input.policyDocument, named: input.policyName, to: .group, input.groupName, call)
        return nil
    }

    func getGroupPolicy(_ call: Call) throws -> Output {
        let input = try IAM.GetGroupPolicyRequest(decoding: call.request)
        let text = try inline(input.policyName, of: .group, input.groupName, call)
        return IAM.GetGroupPolicyResponse(
            groupName: input.groupName, policyName: input.policyName, policyDocument: text)
    }

    func deleteGroupPolicy(_ call: Call) async throws -> Output {
        let input = try IAM.DeleteGroupPolicyRequest(decoding: call.request)
        try await deleteInline(input.policyName, of: .group, input.groupName, call)
        return nil
    }

    func listGroupPolicies(_ call: Call) throws -> Output {
        let input = try IAM.ListGroupPoliciesRequest(decoding: call.request)
        let page = try inlineNames(of: .group, input.groupName, input.marker, input.maxItems, call)
        return IAM.ListGroupPoliciesResponse(
            policyNames: page.elements, isTruncated: page.isTruncated, marker: page.marker)
    }

    func attachGroupPolicy(_ call: Call) async throws -> Output {
        let input = try IAM.AttachGroupPolicyRequest(decoding: call.request)
        try await attach(input.policyArn, to: .group, input.groupName, call)
        return nil
    }

    func detachGroupPolicy(_ call: Call) async throws -> Output {
        let input = try IAM.DetachGroupPolicyRequest(decoding: call.request)
        try await detach(input.policyArn, from: .group, input.groupName, call)
        return nil
    }

    func listAttachedGroupPolicies(_ call: Call) throws -> Output {
        let input = try IAM.ListAttachedGroupPoliciesRequest(decoding: call.request)
        let page = try attachments(
            of: .group, input.groupName, under: input.pathPrefix, input.marker, input.maxItems, call)
        return IAM.ListAttachedGroupPoliciesResponse(
            attachedPolicies: page.elements, isTruncated: page.isTruncated, marker: page.marker)
    }

    // MARK: Roles

    func putRolePolicy(_ call: Call) async throws -> Output {
        let input = try IAM.PutRolePolicyRequest(decoding: call.request)
        try await putInline(input.policyDocument, named: input.policyName, to: .role, input.roleName, call)
        return nil
    }

    func getRolePolicy(_ call: Call) throws -> Output {
        let input = try IAM.GetRolePolicyRequest(decoding: call.request)
        let text = try inline(input.policyName, of: .role, input.roleName, call)
        return IAM.GetRolePolicyResponse(
            roleName: input.roleName, policyName: input.policyName, policyDocument: text)
    }

    func deleteRolePolicy(_ call: Call) async throws -> Output {
        let input = try IAM.DeleteRolePolicyRequest(decoding: call.request)
        try await deleteInline(input.policyName, of: .role, input.roleName, call)
        return nil
    }

    func listRolePolicies(_ call: Call) throws -> Output {
        let input = try IAM.ListRolePoliciesRequest(decoding: call.request)
        let page = try inlineNames(of: .role, input.roleName, input.marker, input.maxItems, call)
        return IAM.ListRolePoliciesResponse(
            policyNames: page.elements, isTruncated: page.isTruncated, marker: page.marker)
    }

    func attachRolePolicy(_ call: Call) async throws -> Output {
        let input = try IAM.AttachRolePolicyRequest(decoding: call.request)
        try await attach(input.policyArn, to: .role, input.roleName, call)
        return nil
    }

    func detachRolePolicy(_ call: Call) async throws -> Output {
        let input = try IAM.DetachRolePolicyRequest(decoding: call.request)
        try await detach(input.policyArn, from: .role, input.roleName, call)
        return nil
    }

    func listAttachedRolePolicies(_ call: Call) throws -> Output {
        let input = try IAM.ListAttachedRolePoliciesRequest(decoding: call.request)
        let page = try attachments(
            of: .role, input.roleName, under: input.pathPrefix, input.marker, input.maxItems, call)
        return IAM.ListAttachedRolePoliciesResponse(
            attachedPolicies: page.elements, isTruncated: page.isTruncated, marker: page.marker)
    }
}
