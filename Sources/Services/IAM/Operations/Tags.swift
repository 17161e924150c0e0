import AWSWire
import IAMModel

extension IAMService {
    // MARK: Users

    func tagUser(_ call: Call) async throws -> Output {
        let input = try IAM.TagUserRequest(decoding: call.request)
        try await changeUser(input.userName, call) { [quotas] user, _ in
            try user.tags.merge(input.tags, quota: quotas.tagsPerResource)
        }
        return nil
    }

    func untagUser(_ call: Call) async throws -> Output {
        let input = try IAM.UntagUserRequest(decoding: call.request)
        try await changeUser(input.userName, call) { user, _ in user.tags.remove(input.tagKeys) }
        return nil
    }

    func listUserTags(_ call: Call) throws -> Output {
        let input = try IAM.ListUserTagsRequest(decoding: call.request)
        let page = try accounts[call.account].user(input.userName).tags.page(input.marker, input.maxItems)
        return IAM.ListUserTagsResponse(tags: page.elements, isTruncated: page.isTruncated, marker: page.marker)
    }

    // MARK: Roles

    /// Service-linked roles may have tags, too.
    func tagRole(_ call: Call) async throws -> Output {
        let input = try IAM.TagRoleRequest(decoding: call.request)
        try await accounts.change(call.account) { [quotas] account in
            var role = try account.role(input.roleName)
            try role.tags.merge(input.tags, quota: quotas.tagsPerResource)
            account.roles.put(role)
        }
        return nil
    }

    func untagRole(_ call: Call) async throws -> Output {
        let input = try IAM.UntagRoleRequest(decoding: call.request)
        try await accounts.change(call.account) { account in
            var role = try account.role(input.roleName)
            role.tags.remove(input.tagKeys)
            account.roles.put(role)
        }
        return nil
    }

    func listRoleTags(_ call: Call) throws -> Output {
        let input = try IAM.ListRoleTagsRequest(decoding: call.request)
        let page = try accounts[call.account].role(input.roleName).tags.page(input.marker, input.maxItems)
        return IAM.ListRoleTagsResponse(tags: page.elements, isTruncated: page.isTruncated, marker: page.marker)
    }

    // MARK: Policies

    func tagPolicy(_ call: Call) async throws -> Output {
        let input = try IAM.TagPolicyRequest(decoding: call.request)
        _ = try await changePolicy(input.policyArn, call) { [quotas] policy in
            try policy.tags.merge(input.tags, quota: quotas.tagsPerResource)
        }
        return nil
    }

    func untagPolicy(_ call: Call) async throws -> Output {
        let input = try IAM.UntagPolicyRequest(decoding: call.request)
        _ = try await changePolicy(input.policyArn, call) { policy in policy.tags.remove(input.tagKeys) }
        return nil
    }

    func listPolicyTags(_ call: Call) throws -> Output {
        let input = try IAM.ListPolicyTagsRequest(decoding: call.request)
        let account = accounts[call.account]
        guard try account.document(ofPolicy: input.policyArn, call.names) != nil else {
            throw AWSError.noPolicy(input.policyArn)
        }
        let tags = try account.policy(input.policyArn, call.names)?.tags ?? []
        let page = try tags.page(input.marker, input.maxItems)
        return IAM.ListPolicyTagsResponse(tags: page.elements, isTruncated: page.isTruncated, marker: page.marker)
    }

    // MARK: Instance profiles

    func tagInstanceProfile(_ call: Call) async throws -> Output {
        let input = try IAM.TagInstanceProfileRequest(decoding: call.request)
        try await changeProfile(input.instanceProfileName, call) { [quotas] profile, _ in
            try profile.tags.merge(input.tags, quota: quotas.tagsPerResource)
        }
        return nil
    }

    func untagInstanceProfile(_ call: Call) async throws -> Output {
        let input = try IAM.UntagInstanceProfileRequest(decoding: call.request)
        try await changeProfile(input.instanceProfileName, call) { profile, _ in profile.tags.remove(input.tagKeys) }
        return nil
    }

    func listInstanceProfileTags(_ call: Call) throws -> Output {
        let input = try IAM.ListInstanceProfileTagsRequest(decoding: call.request)
        let profile = try accounts[call.account].profile(input.instanceProfileName)
        let page = try profile.tags.page(input.marker, input.maxItems)
        return IAM.ListInstanceProfileTagsResponse(
            tags: page.elements, isTruncated: page.isTruncated, marker: page.marker)
    }

    // MARK: OpenID Connect providers

    func tagOpenIDConnectProvider(_ call: Call) async throws -> Output {
        let input = try IAM.TagOpenIDConnectProviderRequest(decoding: call.request)
        try await changeProvider(input.openIDConnectProviderArn, call) { [quotas] provider in
            try provider.tags.merge(input.tags, quota: quotas.tagsPerResource)
        }
        return nil
    }

    func untagOpenIDConnectProvider(_ call: Call) async throws -> Output {
        let input = try IAM.UntagOpenIDConnectProviderRequest(decoding: call.request)
        try await changeProvider(input.openIDConnectProviderArn, call) { $0.tags.remove(input.tagKeys) }
        return nil
    }

    func listOpenIDConnectProviderTags(_ call: Call) throws -> Output {
        let input = try IAM.ListOpenIDConnectProviderTagsRequest(decoding: call.request)
        let provider = try accounts[call.account].provider(input.openIDConnectProviderArn, call.names)
        let page = try provider.tags.page(input.marker, input.maxItems)
        return IAM.ListOpenIDConnectProviderTagsResponse(
            tags: page.elements, isTruncated: page.isTruncated, marker: page.marker)
    }
}
