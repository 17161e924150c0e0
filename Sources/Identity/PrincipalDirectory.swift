package import AWSWire
package import Policies

/// A user, with what decides about it. A new object after each change that matters.
package final class UserIdentity: Sendable {
    package let account: AccountID
    package let name: String
    package let arn: String
    /// `AIDA…`.
    package let id: String
    package let tags: [String: String]
    /// Its own and its groups', managed and inline.
    package let policies: [AttachedPolicy]
    package let boundary: AttachedPolicy?

    package init(
        account: AccountID, name: String, arn: String, id: String, tags: [String: String] = [:],
        policies: [AttachedPolicy] = [], boundary: AttachedPolicy? = nil
    ) {
        self.account = account
        self.name = name
        self.arn = arn
        self.id = id
        self.tags = tags
        self.policies = policies
        self.boundary = boundary
    }
}

/// A role, with what decides about it. A new object after each change that matters.
package final class RoleIdentity: Sendable {
    package let account: AccountID
    package let name: String
    /// With its path: `arn:aws:iam::ACCOUNT:role/PATH/NAME`.
    package let arn: String
    /// `AROA…`.
    package let id: String
    package let tags: [String: String]
    /// Who may assume it.
    package let trust: CompiledPolicy
    package let policies: [AttachedPolicy]
    package let boundary: AttachedPolicy?
    /// The longest session, in seconds.
    package let maxSessionDuration: Int

    package init(
        account: AccountID, name: String, arn: String, id: String, tags: [String: String] = [:], trust: CompiledPolicy,
        policies: [AttachedPolicy] = [], boundary: AttachedPolicy? = nil, maxSessionDuration: Int = 3600
    ) {
        self.account = account
        self.name = name
        self.arn = arn
        self.id = id
        self.tags = tags
        self.trust = trust
        self.policies = policies
        self.boundary = boundary
        self.maxSessionDuration = maxSessionDuration
    }
}

/// A user's long-lived key that may sign: inactive ones are not in the directory.
package struct UserKey: Sendable {
    package var secretAccessKey: String
    package var user: UserIdentity

    package init(secretAccessKey: String, user: UserIdentity) {
        self.secretAccessKey = secretAccessKey
        self.user = user
    }
}

/// An account's OpenID Connect provider, whose tokens AssumeRoleWithWebIdentity takes.
package struct WebIdentityProvider: Sendable, Hashable {
    package var arn: String
    /// Without `https://`.
    package var url: String
    package var clientIDs: [String]
    package var thumbprints: [String]

    package init(arn: String, url: String, clientIDs: [String], thumbprints: [String]) {
        self.arn = arn
        self.url = url
        self.clientIDs = clientIDs
        self.thumbprints = thumbprints
    }
}

/// Who there is, and what hangs on them: answers at once, from memory, as of the last commit.
package protocol PrincipalDirectory: Sendable {
    /// The user whose active key has that id.
    func key(_ accessKeyID: String) -> UserKey?
    func user(_ name: String, in account: AccountID) -> UserIdentity?
    func role(_ name: String, in account: AccountID) -> RoleIdentity?
    /// A managed policy, the account's own or one of AWS's, for sessions that are narrowed by it.
    func managedPolicy(_ arn: String, in account: AccountID) -> AttachedPolicy?
    func provider(_ url: String, in account: AccountID) -> WebIdentityProvider?
    /// Has GetAccessKeyLastUsed and a role's RoleLastUsed tell of it, some time later. Must not block.
    func noteUse(of principal: Principal, service: String, region: String)
    /// Goes up with each change, before the change can be seen: what was found out before it no longer holds.
    var generation: UInt64 { get }
}

/// An account in which there is its owner and nobody else.
package struct EmptyDirectory: PrincipalDirectory {
    package init() {}
    package func key(_: String) -> UserKey? { nil }
    package func user(_: String, in _: AccountID) -> UserIdentity? { nil }
    package func role(_: String, in _: AccountID) -> RoleIdentity? { nil }
    package func managedPolicy(_: String, in _: AccountID) -> AttachedPolicy? { nil }
    package func provider(_: String, in _: AccountID) -> WebIdentityProvider? { nil }
    package func noteUse(of _: Principal, service _: String, region _: String) {}
    package var generation: UInt64 { 0 }
}
