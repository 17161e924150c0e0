/// Every limit of IAM, each one named value that an operator may change. The defaults are AWS's:
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
package struct IAMQuotas: Sendable, Hashable {
    package var users = 5000
    package var groups = 300
    package var roles = 1000
    /// Managed policies of the account's own.
    package var policies = 1500
    package var instanceProfiles = 1000
    package var providers = 100
    package var versionsPerPolicy = 5
    package var groupsPerUser = 10
    package var accessKeysPerUser = 2
    package var policiesPerUser = 10
    package var policiesPerGroup = 10
    package var policiesPerRole = 10
    package var rolesPerInstanceProfile = 1
    package var clientIDsPerProvider = 100
    package var thumbprintsPerProvider = 5
    package var tagsPerResource = 50

    // Sizes count characters without white space.

    /// One managed policy.
    package var policySize = 6144
    /// All inline policies of a user together.
    package var userPolicySize = 2048
    package var groupPolicySize = 5120
    package var rolePolicySize = 10_240
    /// A role's trust policy.
    package var trustPolicySize = 2048

    package init() {}
}
