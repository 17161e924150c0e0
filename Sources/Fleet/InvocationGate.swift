import Synchronization

/// How many invocations run and how fast they come, in one atomic word: to pass both limits costs one exchange.
///
/// The low 20 bits count what runs. The others are a time in microseconds, up to which the invocations that have passed
/// use the rate up: each moves it on by one interval of the rate, and none passes that would move it more than a second
/// ahead of the clock. So a second's worth may come at once, and then no more than the rate (the generic cell rate
/// algorithm). The time wraps after 200 days; one that lies further ahead than it can is of long ago.
struct InvocationGate: ~Copyable, Sendable {
    enum Passage {
        case passed
        /// As many run as may.
        case full
        /// More would come in a second than may.
        case tooFast
    }

    private let word = Atomic<UInt64>(0)

    private static let countBits: UInt64 = 20
    private static let countMask: UInt64 = 1 << countBits - 1
    private static let timeMask: UInt64 = 1 << (64 - countBits) - 1
    private static let second: UInt64 = 1_000_000

    /// What runs.
    var running: Int { Int(word.load(ordering: .relaxed) & Self.countMask) }

    /// Lets an invocation in that ``leave()`` ends.
    ///
    /// - Parameters:
    ///   - limit: How many may run, this one included; at most a million do.
    ///   - rate: How many may come in a second, in whole microseconds from one to the next: past a million in a second
    ///     there is no limit.
    ///   - now: The clock, in microseconds.
    func enter(limit: Int, rate: Int, now: UInt64) -> Passage {
        let limit = UInt64(max(0, min(limit, Int(Self.countMask))))
        let interval = rate > 0 ? Self.second / UInt64(rate) : Self.second
        var current = word.load(ordering: .relaxed)
        while true {
            let count = current & Self.countMask
            guard count < limit else { return .full }
            var ahead = (current >> Self.countBits) &- now & Self.timeMask
            // Threads may read the clock in another order than they come here: a little too far ahead is no wrap.
            if ahead > 2 * Self.second { ahead = 0 }
            guard ahead + interval <= Self.second else { return .tooFast }
            let time = (now + ahead + interval) & Self.timeMask
            let (exchanged, original) = word.weakCompareExchange(
                expected: current, desired: time << Self.countBits | (count + 1), ordering: .relaxed)
            if exchanged { return .passed }
            current = original
        }
    }

    /// Counts an invocation that another gate has let in.
    func add() { word.add(1, ordering: .relaxed) }

    /// The invocation is over. Once for each that entered or was added.
    func leave() { word.subtract(1, ordering: .relaxed) }
}

/// How many environments of a function may be started within some time: as many at once, and then as they are refilled.
struct BurstLimit: ~Copyable, Sendable {
    /// The time in microseconds up to which the starts so far use the limit up.
    private let time = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - count: How many may start in `window`, in microseconds.
    ///   - now: The clock, in microseconds.
    func admit(_ count: Int, window: UInt64, now: UInt64) -> Bool {
        guard count > 0 else { return false }
        let interval = window / UInt64(count)
        var current = time.load(ordering: .relaxed)
        while true {
            let next = max(current, now) + interval
            guard next <= now + window else { return false }
            let (exchanged, original) = time.weakCompareExchange(
                expected: current, desired: next, ordering: .relaxed)
            if exchanged { return true }
            current = original
        }
    }
}
