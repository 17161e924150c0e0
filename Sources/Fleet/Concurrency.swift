import Synchronization

/// How many invocations run in one account and region.
final class AccountConcurrency: Sendable {
    /// Of every function.
    let total = Atomic<Int>(0)
    /// Of the functions without reserved concurrency.
    let unreserved = Atomic<Int>(0)
    /// What reservations leave of the account's limit.
    let unreservedLimit: Atomic<Int>

    init(limit: Int) { unreservedLimit = Atomic(limit) }
}

/// How many invocations of one function run, over all its versions.
final class FunctionConcurrency: Sendable {
    let running = Atomic<Int>(0)
    /// Reserved concurrency; negative when there is none.
    let reserved = Atomic<Int>(-1)
}

/// The right to run one invocation, from before it waits until it is over.
struct Permit: Sendable {
    private let account: AccountConcurrency
    private let function: FunctionConcurrency
    private let isReserved: Bool

    /// Takes a permit.
    /// - Throws: ``FleetError/throttled(reason:)`` with Lambda's reason when a limit is reached.
    static func take(account: AccountConcurrency, function: FunctionConcurrency) throws(FleetError) -> Permit {
        let reserved = function.reserved.load(ordering: .relaxed)
        if reserved >= 0 {
            guard increment(function.running, below: reserved) else {
                throw .throttled(reason: "ReservedFunctionConcurrentInvocationLimitExceeded")
            }
        } else {
            guard increment(account.unreserved, below: account.unreservedLimit.load(ordering: .relaxed)) else {
                throw .throttled(reason: "ConcurrentInvocationLimitExceeded")
            }
            function.running.add(1, ordering: .relaxed)
        }
        account.total.add(1, ordering: .relaxed)
        return Permit(account: account, function: function, isReserved: reserved >= 0)
    }

    private static func increment(_ counter: borrowing Atomic<Int>, below limit: Int) -> Bool {
        var current = counter.load(ordering: .relaxed)
        while current < limit {
            let (exchanged, original) = counter.weakCompareExchange(
                expected: current, desired: current + 1, ordering: .relaxed)
            if exchanged { return true }
            current = original
        }
        return false
    }

    /// Gives the permit back. Once.
    func release() {
        account.total.subtract(1, ordering: .relaxed)
        function.running.subtract(1, ordering: .relaxed)
        if !isReserved { account.unreserved.subtract(1, ordering: .relaxed) }
    }
}

/// Every account's and function's counters. Asked when a pool is made, not on each invocation.
final class ConcurrencyLedger: Sendable {
    private struct Scope: Hashable {
        var account: String
        var region: String
    }
    private struct Entry {
        let account: AccountConcurrency
        var functions: [String: FunctionConcurrency] = [:]
        var reservedTotal = 0
    }

    private let limit: Int
    private let entries = Mutex<[Scope: Entry]>([:])

    init(limit: Int) { self.limit = limit }

    func counters(account: String, region: String, function: String) -> (AccountConcurrency, FunctionConcurrency) {
        entries.withLock { entries in
            var entry =
                entries[Scope(account: account, region: region)] ?? Entry(account: AccountConcurrency(limit: limit))
            let counter = entry.functions[function] ?? FunctionConcurrency()
            entry.functions[function] = counter
            entries[Scope(account: account, region: region)] = entry
            return (entry.account, counter)
        }
    }

    func reserve(account: String, region: String, function: String, concurrency: Int?) {
        let (accountCounter, counter) = counters(account: account, region: region, function: function)
        entries.withLock { entries in
            let scope = Scope(account: account, region: region)
            let before = max(0, counter.reserved.load(ordering: .relaxed))
            counter.reserved.store(concurrency ?? -1, ordering: .relaxed)
            entries[scope]?.reservedTotal += (concurrency ?? 0) - before
            let left = limit - (entries[scope]?.reservedTotal ?? 0)
            accountCounter.unreservedLimit.store(max(0, left), ordering: .relaxed)
        }
    }

    func running(account: String, region: String) -> Int {
        entries.withLock { $0[Scope(account: account, region: region)]?.account.total.load(ordering: .relaxed) ?? 0 }
    }
}
