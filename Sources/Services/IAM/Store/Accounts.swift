import Storage
import Synchronization

/// All accounts: in the store, and as they were last committed in memory, where everybody reads them.
///
/// Writers are in line in the store. Each works on a copy of the account as the one before it left it; that this is
/// what the store has, its revision tells, which a failed commit takes back. Readers see commits in their order.
final class Accounts: Sendable {
    private let database: any Database
    /// Where the writers are, ahead of the commits. Only they touch it.
    private let working = Mutex<[String: Account]>([:])
    private let committed = Mutex<[String: Account]>([:])
    /// Told of each account that is committed, in order.
    private let publish: @Sendable (Account) -> Void

    init(database: any Database, publish: @escaping @Sendable (Account) -> Void) {
        self.database = database
        self.publish = publish
    }

    /// Reads everything, before the first request.
    func load() async throws {
        let accounts = try await database.read { connection in
            let store = AccountStore(connection)
            return try store.accounts().map(store.load)
        }
        for account in accounts { commit(account) }
    }

    /// The account as it was last committed.
    subscript(id: String) -> Account { committed.withLock { $0[id] } ?? Account(id: id) }

    /// The aliases of all other accounts.
    func aliases(besides id: String) -> Set<String> {
        committed.withLock { accounts in
            Set(accounts.values.filter { $0.id != id }.compactMap(\.current.alias))
        }
    }

    /// Changes an account, or does nothing when `work` throws. The change is on disk when this returns.
    func change<Value: Sendable>(
        _ id: String, _ work: @escaping @Sendable (inout Account) throws -> Value
    ) async throws -> Value {
        let (value, account) = try await database.write { connection -> (Value, Account?) in
            let store = AccountStore(connection)
            var account = try self.current(id, store)
            let value = try work(&account)
            guard account.hasChanges else { return (value, nil) }
            try store.save(&account)
            self.working.withLock { [account] in $0[id] = account }
            return (value, account)
        }
        if let account { commit(account) }
        return value
    }

    /// - Parameter begin: Gives an account what it has from the start, in the same commit.
    func deleteAll(_ begin: @escaping @Sendable (inout Account) -> Void) async throws {
        let emptied = try await database.write { connection -> [Account] in
            let store = AccountStore(connection)
            try store.deleteAll()
            return try store.accounts().map { id in
                var account = try store.load(id)
                begin(&account)
                if account.hasChanges { try store.save(&account) }
                return account
            }
        }
        for account in emptied { commit(account) }
    }

    /// The account as the writer before left it. Called by writers only.
    private func current(_ id: String, _ store: AccountStore) throws -> Account {
        let revision = try store.revision(of: id)
        if let account = working.withLock({ $0[id] }), account.revision == revision { return account }
        return try store.load(id)
    }

    private func commit(_ account: Account) {
        committed.withLock { accounts in
            if let known = accounts[account.id], known.revision >= account.revision { return }
            accounts[account.id] = account
            publish(account)
        }
    }
}
