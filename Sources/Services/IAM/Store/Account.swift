/// The things of one kind that an account has, and which of them have changed since they were stored.
struct Table<Row: Record>: Sendable {
    /// By name in lower case.
    private var rows: [String: Row] = [:]
    /// Names in lower case.
    private(set) var changed: Set<String> = []

    /// The one of exactly that name.
    subscript(name: String) -> Row? {
        guard let row = rows[name.lowercased()], row.name == name else { return nil }
        return row
    }

    var count: Int { rows.count }
    var all: Dictionary<String, Row>.Values { rows.values }

    /// All, in the order of their names whatever the case.
    var sorted: [Row] { rows.sorted { $0.key < $1.key }.map(\.value) }

    /// Whether something has that name already, in whatever case.
    func isTaken(_ name: String) -> Bool { rows[name.lowercased()] != nil }

    mutating func put(_ row: Row) {
        rows[row.name.lowercased()] = row
        changed.insert(row.name.lowercased())
    }

    mutating func remove(_ name: String) {
        rows[name.lowercased()] = nil
        changed.insert(name.lowercased())
    }

    /// What the store has; not a change.
    mutating func load(_ row: Row) { rows[row.name.lowercased()] = row }

    /// A row that changed, or nil where it was removed.
    func row(changed key: String) -> Row? { rows[key] }

    mutating func settle() { changed.removeAll() }
}

extension Table: Equatable {
    static func == (left: Table, right: Table) -> Bool { left.rows == right.rows }
}

/// Everything that an account has in IAM: a value, which operations change and the store keeps.
struct Account: Sendable, Equatable {
    let id: String
    /// Grows with every change that is stored.
    var revision: Int64 = 0
    var users = Table<UserRecord>()
    var groups = Table<GroupRecord>()
    var roles = Table<RoleRecord>()
    var policies = Table<PolicyRecord>()
    var profiles = Table<ProfileRecord>()
    var keys = Table<KeyRecord>()
    var providers = Table<ProviderRecord>()
    var settings = Table<SettingsRecord>()

    init(id: String) { self.id = id }

    var hasChanges: Bool {
        !(users.changed.isEmpty && groups.changed.isEmpty && roles.changed.isEmpty && policies.changed.isEmpty
            && profiles.changed.isEmpty && keys.changed.isEmpty && providers.changed.isEmpty
            && settings.changed.isEmpty)
    }

    var current: SettingsRecord { settings["account"] ?? SettingsRecord() }

    /// The users of a group, in the order of their names.
    func members(of group: String) -> [UserRecord] { users.sorted.filter { $0.groups.contains(group) } }

    func keys(of user: String) -> [KeyRecord] {
        keys.all.filter { $0.user == user }.sorted { ($0.created, $0.name) < ($1.created, $1.name) }
    }

    func profiles(of role: String) -> [ProfileRecord] { profiles.sorted.filter { $0.role == role } }

    /// What managed policies are used for.
    var policyUse: PolicyUse {
        var use = PolicyUse()
        for user in users.all { use.add(user.policies, boundary: user.boundary) }
        for group in groups.all { use.add(group.policies, boundary: nil) }
        for role in roles.all { use.add(role.policies, boundary: role.boundary) }
        return use
    }
}

/// How many users, groups and roles have each managed policy, and how many users and roles each bounds; by ARN.
struct PolicyUse: Sendable {
    private(set) var attachments: [String: Int] = [:]
    private(set) var boundaries: [String: Int] = [:]

    func isUsed(_ arn: String) -> Bool { attachments[arn] != nil || boundaries[arn] != nil }

    fileprivate mutating func add(_ policies: PolicySet, boundary: String?) {
        for arn in policies.attached { attachments[arn, default: 0] += 1 }
        if let boundary { boundaries[boundary, default: 0] += 1 }
    }
}
