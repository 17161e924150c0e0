package import AWSWire
package import Identity
import NIOCore
package import Policies
import Storage
import Synchronization

/// Who there is, and what hangs on them, as of the last commit: in memory, so that deciding about a request waits for
/// nothing. What is asked for is put together once and kept until its account changes.
package final class IAMDirectory: PrincipalDirectory {
    private struct Holding {
        var account: Account
        var users: [String: UserIdentity] = [:]
        var roles: [String: RoleIdentity] = [:]
    }

    private struct State {
        var holdings: [String: Holding] = [:]
        /// Accounts by the ids of their users' keys.
        var owners: [String: String] = [:]
    }

    private let sealing: SealingKey
    private let uses: UseLog
    private let texts = DocumentCache()
    private let state = Mutex(State())
    private let changes = Atomic<UInt64>(0)

    init(sealing: SealingKey, uses: UseLog) {
        self.sealing = sealing
        self.uses = uses
    }

    package var generation: UInt64 { changes.load(ordering: .acquiring) }

    /// Called in the order of the commits.
    func publish(_ account: Account) {
        changes.add(1, ordering: .acquiringAndReleasing)
        state.withLock { state in
            for key in state.holdings[account.id]?.account.keys.all ?? [:].values { state.owners[key.name] = nil }
            for key in account.keys.all { state.owners[key.name] = account.id }
            state.holdings[account.id] = Holding(account: account)
        }
        // Whoever looked between the two has found what was before.
        changes.add(1, ordering: .acquiringAndReleasing)
    }

    package func key(_ accessKeyID: String) -> UserKey? {
        let account = state.withLock { state in
            state.owners[accessKeyID].flatMap { state.holdings[$0]?.account }
        }
        guard let account, let id = AccountID(account.id), let key = account.keys[accessKeyID], key.isActive,
            let user = user(key.user, in: id), let box = Base64.decode(key.sealed),
            let secret = try? sealing.open(box, context: key.context)
        else { return nil }
        return UserKey(secretAccessKey: String(decoding: secret, as: UTF8.self), user: user)
    }

    package func user(_ name: String, in account: AccountID) -> UserIdentity? {
        let (known, holding) = state.withLock { state in
            let holding = state.holdings[account.digits]
            return (holding?.users[name], holding?.account)
        }
        if let known { return known }
        guard let holding, let user = holding.users[name] else { return nil }
        let made = Assembly(holding, account, texts).user(user)
        return state.withLock { state in
            // Only what is still so is kept.
            if state.holdings[account.digits]?.account.revision == holding.revision {
                state.holdings[account.digits]?.users[name] = made
            }
            return made
        }
    }

    package func role(_ name: String, in account: AccountID) -> RoleIdentity? {
        let (known, holding) = state.withLock { state in
            let holding = state.holdings[account.digits]
            return (holding?.roles[name], holding?.account)
        }
        if let known { return known }
        guard let holding, let role = holding.roles[name] else { return nil }
        let made = Assembly(holding, account, texts).role(role)
        return state.withLock { state in
            if state.holdings[account.digits]?.account.revision == holding.revision {
                state.holdings[account.digits]?.roles[name] = made
            }
            return made
        }
    }

    package func managedPolicy(_ arn: String, in account: AccountID) -> AttachedPolicy? {
        Assembly(holding(account), account, texts).managed(arn)
    }

    package func provider(_ url: String, in account: AccountID) -> WebIdentityProvider? {
        guard let provider = holding(account).providers[url] else { return nil }
        return WebIdentityProvider(
            arn: Names(account: account.digits).provider(url), url: url, clientIDs: provider.clientIDs,
            thumbprints: provider.thumbprints)
    }

    package func noteUse(of principal: Principal, service: String, region: String) {
        let id: String
        switch principal.kind {
        case .user: id = principal.accessKeyID
        case .assumedRole: id = String(principal.id.prefix { $0 != ":" })
        case .root, .federated, .anonymous: return
        }
        uses.note(id, account: principal.account.digits, service: service, region: region)
    }

    private func holding(_ account: AccountID) -> Account {
        state.withLock { $0.holdings[account.digits]?.account } ?? Account(id: account.digits)
    }
}

/// Puts together what hangs on users and roles of one account.
struct Assembly {
    private let account: Account
    private let id: AccountID
    private let names: Names
    private let texts: DocumentCache

    init(_ account: Account, _ id: AccountID, _ texts: DocumentCache) {
        self.account = account
        self.id = id
        self.texts = texts
        names = Names(account: account.id)
    }

    /// With what comes from the user's groups.
    func user(_ user: UserRecord) -> UserIdentity {
        let groups = user.groups.compactMap { account.groups[$0] }
        let policies = groups.reduce(held(user.policies)) { policies, group in
            policies + held(group.policies)
        }
        return UserIdentity(
            account: id, name: user.name, arn: names.user(user), id: user.id, tags: user.tags.dictionary,
            policies: policies, boundary: user.boundary.map(boundary))
    }

    func role(_ role: RoleRecord) -> RoleIdentity {
        RoleIdentity(
            account: id, name: role.name, arn: names.role(role), id: role.id, tags: role.tags.dictionary,
            trust: texts.document(role.trust), policies: held(role.policies),
            boundary: role.boundary.map(boundary), maxSessionDuration: role.maxSessionSeconds)
    }

    func managed(_ arn: String) -> AttachedPolicy? {
        guard let text = try? account.document(ofPolicy: arn, names) else { return nil }
        return AttachedPolicy(id: arn, arn: arn, texts.document(text))
    }

    /// A boundary that cannot be found allows nothing.
    private func boundary(_ arn: String) -> AttachedPolicy {
        managed(arn) ?? AttachedPolicy(id: arn, arn: arn, CompiledPolicy(PolicyDocument()))
    }

    func held(_ policies: PolicySet) -> [AttachedPolicy] {
        let inline = policies.inline.sorted { $0.key < $1.key }.map { name, text in
            AttachedPolicy(id: name, texts.document(text))
        }
        return policies.attached.compactMap(managed) + inline
    }
}

/// Policies that were read lately, by their texts.
final class DocumentCache: Sendable {
    private static let limit = 4096
    private let documents = Mutex<[String: CompiledPolicy]>([:])

    /// A text that cannot be read, which nobody can have stored, allows nothing.
    func document(_ text: String) -> CompiledPolicy {
        if let known = documents.withLock({ $0[text] }) { return known }
        let document = CompiledPolicy(
            (try? PolicyDocument(parsing: ByteBuffer(string: text))) ?? PolicyDocument())
        documents.withLock { documents in
            if documents.count >= Self.limit { documents.removeAll() }
            documents[text] = document
        }
        return document
    }
}

extension [TagRecord] {
    var dictionary: [String: String] { Dictionary(map { ($0.key, $0.value) }, uniquingKeysWith: { $1 }) }
}
