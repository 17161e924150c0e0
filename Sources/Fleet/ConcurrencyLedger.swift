import Metrics
import Synchronization

/// Every account's and function's counters. Asked when a pool is made, not on each invocation.
final class ConcurrencyLedger: Sendable {
    private struct Scope: Hashable {
        var account: String
        var region: String
    }
    private struct Claim {
        /// Nil without a reservation.
        var reserved: Int?
        /// What its versions and aliases have been provisioned with.
        var provisioned = 0

        /// What it takes from the other functions: provisioned concurrency comes out of a reservation.
        var claimed: Int { reserved ?? provisioned }
    }
    private struct Entry {
        let account: AccountConcurrency
        var functions: [String: FunctionConcurrency] = [:]
        /// Only of functions that claim something.
        var claims: [String: Claim] = [:]
        var claimed = 0
    }

    private let limit: Int
    private let meters: Meters?
    private let entries = Mutex<[Scope: Entry]>([:])

    init(limit: Int, meters: Meters? = nil) {
        self.limit = limit
        self.meters = meters
    }

    func counters(account: String, region: String, function: String) -> (AccountConcurrency, FunctionConcurrency) {
        let scope = Scope(account: account, region: region)
        return entries.withLock { entries in
            Self.counters(function, in: &entries[scope, default: entry(scope)])
        }
    }

    private func entry(_ scope: Scope) -> Entry {
        let account = AccountConcurrency(limit: limit)
        meters?.list(AccountGauge(account, of: scope.account, in: scope.region))
        return Entry(account: account)
    }

    private static func counters(_ function: String, in entry: inout Entry) -> (AccountConcurrency, FunctionConcurrency)
    {
        if let counter = entry.functions[function] { return (entry.account, counter) }
        let counter = FunctionConcurrency()
        entry.functions[function] = counter
        return (entry.account, counter)
    }

    /// Sets what a function has reserved, or takes the reservation back.
    func reserve(account: String, region: String, function: String, concurrency: Int?) {
        let scope = Scope(account: account, region: region)
        entries.withLock { entries in
            change(&entries[scope, default: entry(scope)], function) { claim, counter in
                claim.reserved = concurrency
                counter.reserved.store(concurrency ?? -1, ordering: .relaxed)
            }
        }
    }

    /// Sets how much provisioned concurrency a function has been promised.
    func provision(account: String, region: String, function: String, concurrency: Int) {
        let scope = Scope(account: account, region: region)
        entries.withLock { entries in
            change(&entries[scope, default: entry(scope)], function) { claim, _ in
                claim.provisioned = concurrency
            }
        }
    }

    private func change(
        _ entry: inout Entry, _ function: String, _ body: (inout Claim, FunctionConcurrency) -> Void
    ) {
        let (account, counter) = Self.counters(function, in: &entry)
        var claim = entry.claims[function] ?? Claim()
        let before = claim.claimed
        body(&claim, counter)
        entry.claims[function] = claim.reserved == nil && claim.provisioned == 0 ? nil : claim
        entry.claimed += claim.claimed - before
        account.unreservedLimit.store(max(0, limit - entry.claimed), ordering: .relaxed)
    }

    func running(account: String, region: String) -> Int {
        entries.withLock { $0[Scope(account: account, region: region)]?.account.total.load(ordering: .relaxed) ?? 0 }
    }
}
