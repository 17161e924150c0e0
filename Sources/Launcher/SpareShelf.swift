import Sandbox

/// Which spare sandboxes there should be, and who gets one. Pure: the launcher does what it says.
///
/// A recipe that was asked for is kept in stock for a while: one spare, and more when several were wanted within a
/// short time, unless they turn out to be heavy. A recipe whose spares end by themselves is left alone for a while.
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
        /// The same in bytes; a recipe gets one spare in any case.
        var bytesEach = 96 << 20
        var bytes = 384 << 20
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
        /// What one holds, by the latest that was weighed; 0 until then.
        var weight = 0
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
    private var weight: Int { stocks.values.reduce(0) { $0 + $1.count * $1.weight } }

    private func fits(_ stock: Stock) -> Bool { count == 0 || weight + stock.weight <= policy.bytes }

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
        let most = stock.weight == 0 ? maximum(recipe) : policy.bytesEach / stock.weight
        return max(1, min(max(isForked(recipe) ? policy.minimumForked : 1, recent), maximum(recipe), most))
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
        let short = stocks.filter {
            $0.value.count < target($0.key, $0.value, now) && fits($0.value) && isPossible($0.key)
        }
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

    /// The slots of spares that can be given away.
    var ready: [Int] { stocks.values.flatMap(\.ready) }

    /// The spare in `slot` holds so many bytes.
    mutating func weigh(slot: Int, bytes: Int) {
        if let recipe = recipeBySlot[slot] { stocks[recipe]?.weight = bytes }
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

    /// Takes every spare off the shelf that is ready, and has none made for a while.
    mutating func clear(now: Instant) -> [Int] {
        let slots = stocks.values.flatMap(\.ready)
        for slot in slots { _ = remove(slot) }
        for recipe in stocks.keys { stocks[recipe]?.pausedUntil = now + policy.pause }
        return slots
    }

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

    /// On a full shelf the spare that has been of use least lately, when a recipe that was asked for later has none, or
    /// when all together have become too heavy.
    private func leastWanted(_ now: Instant) -> Int? {
        guard let oldest = stocks.values.filter({ !$0.ready.isEmpty }).min(by: { $0.lastUse < $1.lastUse }) else {
            return nil
        }
        let isTooHeavy = weight > policy.bytes && count > 1
        let isInTheWay = stocks.contains { recipe, stock in
            stock.count == 0 && stock.lastUse > oldest.lastUse && target(recipe, stock, now) > 0
                && (count >= policy.maximum || !fits(stock))
        }
        return isTooHeavy || isInTheWay ? oldest.ready.first : nil
    }
}
