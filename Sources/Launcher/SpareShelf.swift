import Sandbox

/// Which spare sandboxes there should be, and who gets one. Pure: the launcher does what it says.
///
/// A recipe that was asked for is kept in stock for a while: one spare, and more when several were wanted within a
/// short time. A recipe whose spares end by themselves is left alone for a while.
struct SpareShelf {
    typealias Instant = ContinuousClock.Instant

    /// The limits of the shelf.
    struct Policy {
        /// Spares of one recipe, and of all.
        var maximumEach = 4
        var maximum = 32
        /// Of one that a zygote forks, which takes little time and memory: at least, and at most.
        var minimumForked = 4
        var maximumForked = 16
        /// How long a recipe is kept in stock after it was last asked for.
        var memory = Duration.seconds(300)
        /// As many are kept as were asked for within this time.
        var window = Duration.seconds(10)
        /// After this many spares have ended by themselves in a row, none is made for a while.
        var failures = 3
        var pause = Duration.seconds(60)
    }

    private struct Stock {
        /// Of the last request: spares made with them need no change for the next.
        var limits: SandboxLimits
        var lastUse: Instant
        /// The latest uses, oldest first, no more than there may be spares.
        var uses: [Instant] = []
        /// Slots, the newest last.
        var making: [Int] = []
        var ready: [Int] = []
        var failures = 0
        var pausedUntil: Instant?
        var count: Int { making.count + ready.count }
    }

    private let policy: Policy
    /// Whether there are zygotes.
    private let forks: Bool
    private var stocks: [SpareRecipe: Stock] = [:]
    private var recipeBySlot: [Int: SpareRecipe] = [:]

    init(policy: Policy = Policy(), forks: Bool = false) {
        self.policy = policy
        self.forks = forks
    }

    /// How many spares there are, ready or not.
    var count: Int { recipeBySlot.count }

    /// How many of this recipe.
    func count(of recipe: SpareRecipe) -> Int { stocks[recipe]?.count ?? 0 }

    // MARK: Requests

    /// A sandbox of this recipe is asked for: the slot of a spare, which leaves the shelf, if one is ready.
    mutating func take(_ recipe: SpareRecipe, limits: SandboxLimits, now: Instant) -> Int? {
        note(recipe, limits, now)
        guard let slot = stocks[recipe]?.ready.popLast() else { return nil }
        stocks[recipe]?.failures = 0
        recipeBySlot[slot] = nil
        return slot
    }

    /// One will be asked for.
    mutating func expect(_ recipe: SpareRecipe, limits: SandboxLimits, now: Instant) {
        var stock = stocks[recipe] ?? Stock(limits: limits, lastUse: now)
        stock.limits = limits
        stock.lastUse = now
        stocks[recipe] = stock
    }

    private mutating func note(_ recipe: SpareRecipe, _ limits: SandboxLimits, _ now: Instant) {
        expect(recipe, limits: limits, now: now)
        stocks[recipe]?.uses.append(now)
        if let uses = stocks[recipe]?.uses, uses.count > maximum(recipe) { stocks[recipe]?.uses.removeFirst() }
    }

    // MARK: Making

    private func target(_ recipe: SpareRecipe, _ stock: Stock, _ now: Instant) -> Int {
        if now - stock.lastUse > policy.memory { return 0 }
        if let until = stock.pausedUntil, now < until { return 0 }
        let recent = stock.uses.count { now - $0 <= policy.window }
        return min(max(isForked(recipe) ? policy.minimumForked : 1, recent), maximum(recipe))
    }

    private func isForked(_ recipe: SpareRecipe) -> Bool { recipe.zygote != nil && forks }

    private func maximum(_ recipe: SpareRecipe) -> Int { isForked(recipe) ? policy.maximumForked : policy.maximumEach }

    /// What to make next, and with which limits: a waiting runtime before an empty sandbox, which is what does where
    /// there is none; of these, what was asked for last.
    /// - Parameter isPossible: whether a spare of the recipe can be made now.
    func wanted(
        now: Instant, where isPossible: (SpareRecipe) -> Bool = { _ in true }
    ) -> (recipe: SpareRecipe, limits: SandboxLimits)? {
        guard count < policy.maximum else { return nil }
        let short = stocks.filter { $0.value.count < target($0.key, $0.value, now) && isPossible($0.key) }
        let next = short.max { one, other in
            let (isBooted, isOtherBooted) = (one.key.command != nil, other.key.command != nil)
            return isBooted == isOtherBooted ? one.value.lastUse < other.value.lastUse : isOtherBooted
        }
        return next.map { ($0.key, $0.value.limits) }
    }

    /// The spare in `slot` is being made.
    mutating func began(_ recipe: SpareRecipe, slot: Int) {
        stocks[recipe]?.making.append(slot)
        recipeBySlot[slot] = recipe
    }

    /// It can be given away.
    mutating func ready(slot: Int) {
        guard let recipe = recipeBySlot[slot], let index = stocks[recipe]?.making.firstIndex(of: slot) else { return }
        stocks[recipe]?.making.remove(at: index)
        stocks[recipe]?.ready.append(slot)
    }

    /// A spare of this recipe could not be made, or has ended by itself.
    mutating func failed(_ recipe: SpareRecipe, now: Instant) {
        stocks[recipe]?.failures += 1
        if let failures = stocks[recipe]?.failures, failures >= policy.failures {
            stocks[recipe]?.pausedUntil = now + policy.pause
            stocks[recipe]?.failures = 0
        }
    }

    /// What is in the slot has ended by itself. Does nothing for a slot that is not on the shelf.
    mutating func ended(slot: Int, now: Instant) {
        guard let recipe = remove(slot) else { return }
        failed(recipe, now: now)
    }

    private mutating func remove(_ slot: Int) -> SpareRecipe? {
        guard let recipe = recipeBySlot.removeValue(forKey: slot) else { return nil }
        stocks[recipe]?.making.removeAll { $0 == slot }
        stocks[recipe]?.ready.removeAll { $0 == slot }
        return recipe
    }

    // MARK: Giving back

    /// Takes the spares off the shelf that are not wanted any more: their sandboxes are to end. What nobody has asked
    /// for in a long time is forgotten.
    mutating func removeExcess(now: Instant) -> [Int] {
        var slots: [Int] = []
        for (recipe, stock) in stocks {
            let excess = stock.count - target(recipe, stock, now)
            // Of those that are ready: what is being made will be, soon.
            for slot in stock.ready.prefix(max(0, excess)) {
                _ = remove(slot)
                slots.append(slot)
            }
            if now - stock.lastUse > policy.memory, stocks[recipe]?.count == 0 { stocks[recipe] = nil }
        }
        if slots.isEmpty, let slot = leastWanted(now) {
            _ = remove(slot)
            slots.append(slot)
        }
        return slots
    }

    /// On a full shelf the spare that has been of use least lately, when a recipe that was asked for later has none.
    private func leastWanted(_ now: Instant) -> Int? {
        guard count >= policy.maximum,
            let oldest = stocks.values.filter({ !$0.ready.isEmpty }).min(by: { $0.lastUse < $1.lastUse }),
            stocks.contains(where: { recipe, stock in
                stock.count == 0 && stock.lastUse > oldest.lastUse && target(recipe, stock, now) > 0
            })
        else { return nil }
        return oldest.ready.first
    }
}
