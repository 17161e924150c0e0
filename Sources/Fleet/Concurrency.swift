import Synchronization

/// How many invocations run in one account and region.
final class AccountConcurrency: Sendable {
    /// Of every function.
    let total = Atomic<Int>(0)
    /// Of the functions without reserved concurrency, but for what runs on provisioned concurrency.
    let unreserved = InvocationGate()
    /// What reservations and provisioned concurrency leave of the account's limit.
    let unreservedLimit: Atomic<Int>
    /// The most that ran at once since somebody asked: of every function, and on unreserved concurrency.
    let peak = Atomic<Int>(0)
    let unreservedPeak = Atomic<Int>(0)
    let limit: Int

    init(limit: Int) {
        self.limit = limit
        unreservedLimit = Atomic(limit)
    }

    /// One more runs.
    func add() {
        let count = total.add(1, ordering: .relaxed).newValue
        // Read by every invocation, written by few.
        if count > peak.load(ordering: .relaxed) { peak.max(count, ordering: .relaxed) }
    }

    /// One more has entered the gate.
    func noteUnreserved() {
        let count = unreserved.running
        if count > unreservedPeak.load(ordering: .relaxed) { unreservedPeak.max(count, ordering: .relaxed) }
    }
}

/// How many invocations of one function run, over all its versions.
final class FunctionConcurrency: Sendable {
    /// On demand.
    let onDemand = InvocationGate()
    /// Reserved concurrency; negative when there is none.
    let reserved = Atomic<Int>(-1)
    /// The environments of provisioned concurrency that are initialised, of all versions.
    let provisioned = Atomic<Int>(0)
    /// Limits how fast environments are started.
    let burst = BurstLimit()
    /// The most that an environment has been seen to hold, MiB; 0 before the first.
    let memory = Atomic<Int>(0)
}

/// What an invocation of one version counts against.
final class VersionConcurrency: Sendable {
    let account: AccountConcurrency
    let function: FunctionConcurrency
    /// What runs on provisioned concurrency.
    let provisioned = InvocationGate()
    /// The environments of provisioned concurrency that are initialised.
    let available = Atomic<Int>(0)

    init(account: AccountConcurrency, function: FunctionConcurrency) {
        self.account = account
        self.function = function
    }

    /// One caller at a time.
    func setAvailable(_ count: Int) {
        let before = available.exchange(count, ordering: .relaxed)
        function.provisioned.add(count - before, ordering: .relaxed)
    }
}

/// The right to run one invocation, from before it waits until it is over.
struct Permit: Sendable {
    /// What it counts against beside its account's total.
    private enum Source {
        case provisioned, reserved, unreserved
    }

    private let concurrency: VersionConcurrency
    private let source: Source

    /// The environments that had been initialised ahead when it was taken.
    let available: Int

    /// Whether it runs on demand although there are such.
    var isSpilled: Bool { available > 0 && source != .provisioned }

    /// Whether it is for an environment that has been initialised ahead.
    var isProvisioned: Bool { source == .provisioned }

    /// Takes a permit: of the version's provisioned concurrency, else one to run on demand.
    ///
    /// - Parameters:
    ///   - rate: How many invocations may come in a second for each that may run at once.
    ///   - now: The clock, in microseconds.
    /// - Throws: ``FleetError/throttled(reason:)`` with Lambda's reason when a limit is reached.
    static func take(_ concurrency: VersionConcurrency, rate: Int, now: UInt64) throws(FleetError) -> Permit {
        let available = concurrency.available.load(ordering: .relaxed)
        let source = try source(concurrency, available, rate, now)
        concurrency.account.add()
        return Permit(concurrency: concurrency, source: source, available: available)
    }

    private static func source(
        _ concurrency: VersionConcurrency, _ available: Int, _ rate: Int, _ now: UInt64
    ) throws(FleetError) -> Source {
        func enter(_ gate: borrowing InvocationGate, _ limit: Int) -> InvocationGate.Passage {
            let (product, overflow) = limit.multipliedReportingOverflow(by: rate)
            return gate.enter(limit: limit, rate: overflow ? .max : product, now: now)
        }
        // What is too fast for it spills over as well.
        if available > 0, enter(concurrency.provisioned, available) == .passed { return .provisioned }
        let (account, function) = (concurrency.account, concurrency.function)
        let reserved = function.reserved.load(ordering: .relaxed)
        guard reserved < 0 else {
            switch enter(function.onDemand, reserved - function.provisioned.load(ordering: .relaxed)) {
            case .passed: return .reserved
            case .full: throw .throttled(reason: ThrottleReason.reservedConcurrency)
            case .tooFast: throw .throttled(reason: ThrottleReason.reservedRate)
            }
        }
        switch enter(account.unreserved, account.unreservedLimit.load(ordering: .relaxed)) {
        case .passed: break
        case .full: throw .throttled(reason: ThrottleReason.concurrency)
        case .tooFast: throw .throttled(reason: ThrottleReason.rate)
        }
        account.noteUnreserved()
        function.onDemand.add()
        return .unreserved
    }

    /// Gives the permit back. Once.
    func release() {
        concurrency.account.total.subtract(1, ordering: .relaxed)
        switch source {
        case .provisioned: concurrency.provisioned.leave()
        case .reserved: concurrency.function.onDemand.leave()
        case .unreserved:
            concurrency.account.unreserved.leave()
            concurrency.function.onDemand.leave()
        }
    }
}

/// `Reason` of `TooManyRequestsException`. AWS names them in its model and explains none; the first and the third are
/// recorded for concurrency. `CallerRateLimitExceeded` is that of callers who send too many requests of any kind.
enum ThrottleReason {
    static let concurrency = "ConcurrentInvocationLimitExceeded"
    /// Also for environments that would have to start too fast.
    static let rate = "FunctionInvocationRateLimitExceeded"
    static let reservedConcurrency = "ReservedFunctionConcurrentInvocationLimitExceeded"
    static let reservedRate = "ReservedFunctionInvocationRateLimitExceeded"
}
