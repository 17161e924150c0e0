import Synchronization

/// The memory that the environments of this node may take together.
///
/// An environment counts with what it has been seen to take: the peak that its control group shows, which is read after
/// every invocation anyway, and is never less than what it holds. Before its first invocation is over it counts with
/// the peak of others of its function; and where nobody has seen one, with its configured size, or ``unknown``: most
/// functions take a small part of what they are configured with, so that counting all of it would leave most of a
/// machine unused. Once INIT is over its peak counts, but no less than ``unproven``. Where the host does not show
/// peaks, the configured size counts.
final class MemoryBudget: Sendable {
    /// What an environment counts with of which nothing is known, if its size allows, MiB.
    static let unknown = 128
    /// The same once INIT has shown what it takes, and no invocation has yet.
    static let unproven = 32

    private let limit: Int?
    private let used = Atomic<Int>(0)
    /// What those hold that are about to end.
    private let ending = Atomic<Int>(0)

    /// - Parameter mebibytes: Nil for no limit.
    init(mebibytes: Int?) { limit = mebibytes }

    /// MiB.
    var usedMiB: Int { used.load(ordering: .relaxed) }

    /// Nil when there is not so much left; one that is alone always gets what it wants.
    func claim(_ mebibytes: Int) -> Claim? {
        var current = used.load(ordering: .relaxed)
        while true {
            if let limit, current > 0, current + mebibytes > limit { return nil }
            let (exchanged, original) = used.weakCompareExchange(
                expected: current, desired: current + mebibytes, ordering: .relaxed)
            if exchanged { return Claim(self, mebibytes) }
            current = original
        }
    }

    /// How much would have to be freed for a claim beyond what is about to be.
    func missing(for mebibytes: Int) -> Int {
        guard let limit else { return 0 }
        return max(0, usedMiB + mebibytes - ending.load(ordering: .relaxed) - limit)
    }

    /// What one environment counts with. One of its owner's threads at a time.
    final class Claim: Sendable {
        private let budget: MemoryBudget
        private let held: Atomic<Int>
        private let isEnding = Atomic<Bool>(false)

        fileprivate init(_ budget: MemoryBudget, _ mebibytes: Int) {
            self.budget = budget
            held = Atomic(mebibytes)
        }

        var mebibytes: Int { held.load(ordering: .relaxed) }

        /// It takes so much, as is now known.
        func change(to mebibytes: Int) {
            let before = held.load(ordering: .relaxed)
            if mebibytes == before || isEnding.load(ordering: .relaxed) { return }
            held.store(mebibytes, ordering: .relaxed)
            budget.used.add(mebibytes - before, ordering: .relaxed)
        }

        /// It is about to end.
        func beginEnd() {
            if isEnding.exchange(true, ordering: .relaxed) { return }
            budget.ending.add(held.load(ordering: .relaxed), ordering: .relaxed)
        }

        /// It holds nothing any more.
        func release() {
            let before = held.exchange(0, ordering: .relaxed)
            if before == 0 { return }
            budget.used.subtract(before, ordering: .relaxed)
            if isEnding.load(ordering: .relaxed) { budget.ending.subtract(before, ordering: .relaxed) }
        }
    }
}
