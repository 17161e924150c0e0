import AWSWire
import IAMModel

extension IAMService {
    // MARK: Alias

    /// An account has one alias: another one takes its place. No two accounts have the same.
    func createAccountAlias(_ call: Call) async throws -> Output {
        let input = try IAM.CreateAccountAliasRequest(decoding: call.request)
        guard !accounts.aliases(besides: call.account).contains(input.accountAlias) else {
            throw IAMError.entityAlreadyExists(message: "The account alias \(input.accountAlias) already exists.")
        }
        try await changeSettings(call) { $0.alias = input.accountAlias }
        return nil
    }

    func listAccountAliases(_ call: Call) throws -> Output {
        let input = try IAM.ListAccountAliasesRequest(decoding: call.request)
        let all = accounts[call.account].current.alias.map { [$0] } ?? []
        let page = try Page(all, marker: input.marker, limit: input.maxItems) { $0 }
        return IAM.ListAccountAliasesResponse(
            accountAliases: page.elements, isTruncated: page.isTruncated, marker: page.marker)
    }

    func deleteAccountAlias(_ call: Call) async throws -> Output {
        let input = try IAM.DeleteAccountAliasRequest(decoding: call.request)
        try await changeSettings(call) { settings in
            guard settings.alias == input.accountAlias else {
                throw IAMError.noSuchEntity(message: "The account alias \(input.accountAlias) cannot be found.")
            }
            settings.alias = nil
        }
        return nil
    }

    // MARK: Passwords

    /// What the request does not name gets its default, whatever it was before.
    func updateAccountPasswordPolicy(_ call: Call) async throws -> Output {
        let input = try IAM.UpdateAccountPasswordPolicyRequest(decoding: call.request)
        let rules = PasswordRules(
            minimumLength: input.minimumPasswordLength ?? 6, needsSymbols: input.requireSymbols ?? false,
            needsNumbers: input.requireNumbers ?? false, needsUppercase: input.requireUppercaseCharacters ?? false,
            needsLowercase: input.requireLowercaseCharacters ?? false,
            mayChange: input.allowUsersToChangePassword ?? false, maximumAgeDays: input.maxPasswordAge,
            reusePrevention: input.passwordReusePrevention, hardExpiry: input.hardExpiry)
        try await changeSettings(call) { $0.passwords = rules }
        return nil
    }

    func getAccountPasswordPolicy(_ call: Call) throws -> Output {
        guard let rules = accounts[call.account].current.passwords else {
            throw AWSError.noPasswordPolicy(call.account)
        }
        return IAM.GetAccountPasswordPolicyResponse(passwordPolicy: rules.shape)
    }

    func deleteAccountPasswordPolicy(_ call: Call) async throws -> Output {
        try await changeSettings(call) { settings in
            guard settings.passwords != nil else { throw AWSError.noPasswordPolicy(call.account) }
            settings.passwords = nil
        }
        return nil
    }

    func changeSettings(
        _ call: Call, _ work: @escaping @Sendable (inout SettingsRecord) throws -> Void
    ) async throws {
        try await accounts.change(call.account) { account in
            var settings = account.current
            try work(&settings)
            account.settings.put(settings)
        }
    }

    // MARK: Summary

    func getAccountSummary(_ call: Call) throws -> Output {
        let account = accounts[call.account]
        let counts = [
            "Users": account.users.count, "Groups": account.groups.count, "Roles": account.roles.count,
            "Policies": account.policies.count, "InstanceProfiles": account.profiles.count,
            "Providers": account.providers.count,
            "PolicyVersionsInUse": account.policies.all.reduce(0) { $0 + $1.versions.count },
            "ServerCertificates": 0, "MFADevices": 0, "MFADevicesInUse": 0,
            "AccountMFAEnabled": 0, "AccountAccessKeysPresent": 1, "AccountPasswordPresent": 0,
            "AccountSigningCertificatesPresent": 0, "GlobalEndpointTokenVersion": 1,
        ]
        let limits = [
            "UsersQuota": quotas.users, "GroupsQuota": quotas.groups, "RolesQuota": quotas.roles,
            "PoliciesQuota": quotas.policies, "InstanceProfilesQuota": quotas.instanceProfiles,
            "PolicySizeQuota": quotas.policySize, "VersionsPerPolicyQuota": quotas.versionsPerPolicy,
            "PolicyVersionsInUseQuota": quotas.policies * quotas.versionsPerPolicy,
            "AccessKeysPerUserQuota": quotas.accessKeysPerUser, "GroupsPerUserQuota": quotas.groupsPerUser,
            "AttachedPoliciesPerGroupQuota": quotas.policiesPerGroup,
            "AttachedPoliciesPerRoleQuota": quotas.policiesPerRole,
            "AttachedPoliciesPerUserQuota": quotas.policiesPerUser, "UserPolicySizeQuota": quotas.userPolicySize,
            "GroupPolicySizeQuota": quotas.groupPolicySize, "RolePolicySizeQuota": quotas.rolePolicySize,
            "AssumeRolePolicySizeQuota": quotas.trustPolicySize, "ServerCertificatesQuota": 0,
            "SigningCertificatesPerUserQuota": 0,
        ]
        return IAM.GetAccountSummaryResponse(summaryMap: counts.merging(limits) { first, _ in first })
    }
}

extension PasswordRules {
    /// What AWS demands where the account says nothing.
    static let standard = PasswordRules(
        minimumLength: 8, needsSymbols: false, needsNumbers: false, needsUppercase: false, needsLowercase: false,
        mayChange: false)

    /// - Returns: nil for a password that suits.
    func demand(of password: String) -> String? {
        let scalars = password.unicodeScalars
        func lacks(_ isNeeded: Bool, _ isFound: (Unicode.Scalar) -> Bool) -> Bool {
            isNeeded && !scalars.contains(where: isFound)
        }
        if scalars.count < minimumLength { return "Password should have a minimum length of \(minimumLength)" }
        if lacks(needsSymbols, { "!@#$%^&*()_+-=[]{}|'".unicodeScalars.contains($0) }) {
            return "Password should have at least one symbol"
        }
        if lacks(needsNumbers, { ("0"..."9").contains($0) }) { return "Password should have at least one number" }
        if lacks(needsUppercase, { ("A"..."Z").contains($0) }) {
            return "Password should have at least one uppercase letter"
        }
        if lacks(needsLowercase, { ("a"..."z").contains($0) }) {
            return "Password should have at least one lowercase letter"
        }
        return nil
    }

    var shape: IAM.PasswordPolicy {
        var shape = IAM.PasswordPolicy()
        shape.minimumPasswordLength = minimumLength
        shape.requireSymbols = needsSymbols
        shape.requireNumbers = needsNumbers
        shape.requireUppercaseCharacters = needsUppercase
        shape.requireLowercaseCharacters = needsLowercase
        shape.allowUsersToChangePassword = mayChange
        shape.expirePasswords = (maximumAgeDays ?? 0) > 0
        shape.maxPasswordAge = maximumAgeDays
        shape.passwordReusePrevention = reusePrevention
        shape.hardExpiry = hardExpiry
        return shape
    }
}

extension AWSError {
    static func noPasswordPolicy(_ account: String) -> AWSError {
        IAMError.noSuchEntity(message: "The Password Policy with domain name \(account) cannot be found.")
    }
}
