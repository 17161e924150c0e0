package import AWSWire
package import Identity
package import Policies

/// A directory without identities: accounts have their owners and nobody else.
package struct Nobody: PrincipalDirectory {
    package init() {}

    package var generation: UInt64 { 0 }
    package func key(_: String) -> UserKey? { nil }
    package func user(_: String, in _: AccountID) -> UserIdentity? { nil }
    package func role(_: String, in _: AccountID) -> RoleIdentity? { nil }
    package func managedPolicy(_: String, in _: AccountID) -> AttachedPolicy? { nil }
    package func provider(_: String, in _: AccountID) -> WebIdentityProvider? { nil }
    package func noteUse(of _: Principal, service _: String, region _: String) {}
}
