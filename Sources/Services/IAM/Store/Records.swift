/// What an account has: one record for each thing, kept as JSON. A member that a later version adds must be optional.
protocol Record: Codable, Hashable, Sendable {
    /// The kind's name in the store.
    static var kind: String { get }
    /// What the thing is called; unique among its kind in the account, whatever the case of its letters.
    var name: String { get }
}

/// A tag of anything.
struct TagRecord: Codable, Hashable, Sendable {
    var key: String
    var value: String
}

/// A user, a group or a role: whoever may have policies.
protocol PolicyBearer: Record {
    var path: String { get set }
    /// Such as `AIDA…`: of this one alone, even after another of the same name.
    var id: String { get }
    /// Seconds since 1970.
    var created: Int64 { get }
    var policies: PolicySet { get set }
    static var type: EntityKind { get }
}

/// The policies that a user, a group or a role has.
struct PolicySet: Codable, Hashable, Sendable {
    /// Texts by name.
    var inline: [String: String] = [:]
    /// ARNs of managed policies, in the order in which they were attached.
    var attached: [String] = []
}

struct UserRecord: PolicyBearer {
    static let kind = "user"
    static let type = EntityKind.user

    var name: String
    var path: String
    var id: String
    var created: Int64
    var policies = PolicySet()
    /// The ARN of the policy that bounds what the others allow.
    var boundary: String?
    /// Names of groups, in the order in which the user joined them.
    var groups: [String] = []
    var tags: [TagRecord] = []
    var login: LoginRecord?
}

/// A password for the console, which does not exist here: only its facts are kept.
struct LoginRecord: Codable, Hashable, Sendable {
    var created: Int64
    var mustChange: Bool
}

struct GroupRecord: PolicyBearer {
    static let kind = "group"
    static let type = EntityKind.group

    var name: String
    var path: String
    var id: String
    var created: Int64
    var policies = PolicySet()
}

struct RoleRecord: PolicyBearer {
    static let kind = "role"
    static let type = EntityKind.role

    var name: String
    var path: String
    var id: String
    var created: Int64
    var policies = PolicySet()
    /// Who may assume the role: a policy's text.
    var trust: String
    var description: String?
    /// The longest session, in seconds.
    var maxSessionSeconds: Int
    var boundary: String?
    var tags: [TagRecord] = []
    /// The service that the role belongs to, which alone may change it.
    var linkedService: String?
}

/// A managed policy of the account's own.
struct PolicyRecord: Record {
    static let kind = "policy"

    struct Version: Codable, Hashable, Sendable {
        /// 1 for `v1`.
        var number: Int
        var document: String
        var created: Int64
    }

    var name: String
    var path: String
    var id: String
    var created: Int64
    var updated: Int64
    var description: String?
    var versions: [Version]
    /// The number of the version in force.
    var standard: Int
    /// The number that the next version gets: none comes twice.
    var next: Int
    var tags: [TagRecord] = []

    /// The text in force.
    var document: String { versions.first { $0.number == standard }?.document ?? "" }
}

struct ProfileRecord: Record {
    static let kind = "instance-profile"

    var name: String
    var path: String
    var id: String
    var created: Int64
    /// The name of its role.
    var role: String?
    var tags: [TagRecord] = []
}

struct KeyRecord: Record {
    static let kind = "access-key"

    /// The key's id.
    var name: String
    /// The name of its user.
    var user: String
    /// The secret, encrypted, in base64.
    var sealed: String
    var isActive: Bool
    var created: Int64

    /// What the secret is encrypted for.
    var context: String { "iam:access-key:\(name)" }
}

struct ProviderRecord: Record {
    static let kind = "oidc-provider"

    /// The URL without its scheme.
    var name: String
    var clientIDs: [String]
    var thumbprints: [String]
    var created: Int64
    var tags: [TagRecord] = []

    /// - Parameter url: With `https://`.
    static func name(of url: String) -> String {
        let name = url.trimmingPrefix("https://")
        return String(name.hasSuffix("/") ? name.dropLast() : name)
    }
}

/// What an account has one of.
struct SettingsRecord: Record {
    static let kind = "settings"

    var name: String { "account" }
    var alias: String?
    var passwords: PasswordRules?
    /// Ids of the tasks that deleted service-linked roles, the latest last.
    var deletions: [String]?
}

/// What the account demands of console passwords.
struct PasswordRules: Codable, Hashable, Sendable {
    var minimumLength: Int
    var needsSymbols: Bool
    var needsNumbers: Bool
    var needsUppercase: Bool
    var needsLowercase: Bool
    var mayChange: Bool
    var maximumAgeDays: Int?
    var reusePrevention: Int?
    var hardExpiry: Bool?
}
