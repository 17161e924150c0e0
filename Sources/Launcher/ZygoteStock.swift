import Sandbox

/// What a zygote is made of: all that must be the same in a sandbox that it forks.
struct ZygoteRecipe: Hashable {
    var root: String
    var command: SpareRecipe.Command
}

extension SpareRecipe {
    /// Nil where a sandbox of this recipe cannot be forked.
    var zygote: ZygoteRecipe? {
        command.flatMap { $0.isForkable ? ZygoteRecipe(root: root, command: $0) : nil }
    }
}

/// Which zygotes there should be, by number. Pure: the launcher does what it says.
///
/// A recipe whose sandboxes are asked for has one. It is replaced now and then, because what an interpreter chooses at
/// random when it starts, the layout of its memory above all, is the same in all that one zygote forked.
struct ZygoteStock {
    typealias Instant = ContinuousClock.Instant

    /// The limits of the stock.
    struct Policy {
        var maximum = 8
        /// How long a zygote is kept after it was last of use.
        var memory = Duration.seconds(300)
        /// It is replaced once it has forked as many, or is as old when it is used.
        var forks = 1000
        var age = Duration.seconds(900)
        /// After this many ended by themselves in a row, none is made for a while.
        var failures = 2
        var pause = Duration.seconds(60)
    }

    /// How sandboxes of a recipe are to be made.
    enum Way: Equatable {
        /// By this zygote.
        case fork(Int)
        /// By one that is about to serve; until then as if there were none.
        case wait
        /// By a zygote, which is to be started.
        case start
        /// As if there were no zygotes.
        case alone
    }

    private struct Stock {
        var lastUse: Instant
        var ready: Int?
        var starting: Int?
        var forks = 0
        /// When the ready one began to start.
        var born: Instant
        var failures = 0
        var pausedUntil: Instant?
        /// There never will be one.
        var isFinal = false
    }

    private let policy: Policy
    private var stocks: [ZygoteRecipe: Stock] = [:]
    private var recipeByNumber: [Int: ZygoteRecipe] = [:]
    /// Replaced, and to be ended.
    private var retired: [Int] = []

    init(policy: Policy = Policy()) { self.policy = policy }

    /// A sandbox of this recipe is to be made.
    func way(_ recipe: ZygoteRecipe, now: Instant) -> Way {
        guard let stock = stocks[recipe] else { return recipeByNumber.count < policy.maximum ? .start : .alone }
        if let ready = stock.ready { return .fork(ready) }
        if stock.starting != nil { return .wait }
        if stock.isFinal { return .alone }
        if let until = stock.pausedUntil, now < until { return .alone }
        return recipeByNumber.count < policy.maximum ? .start : .alone
    }

    /// A recipe whose zygote has served long enough: another is to be started.
    func worn(now: Instant) -> ZygoteRecipe? {
        stocks.first { _, stock in
            stock.ready != nil && stock.starting == nil && now - stock.lastUse <= policy.memory
                && (stock.forks >= policy.forks || now - stock.born > policy.age)
                && (stock.pausedUntil.map { now >= $0 } ?? true)
        }?.key
    }

    mutating func began(_ recipe: ZygoteRecipe, number: Int, now: Instant) {
        stocks[recipe, default: Stock(lastUse: now, born: now)].starting = number
        recipeByNumber[number] = recipe
    }

    /// It serves, from now on in the place of an older one.
    mutating func ready(_ number: Int, now: Instant) {
        guard let recipe = recipeByNumber[number], var stock = stocks[recipe], stock.starting == number else { return }
        if let older = stock.ready { retired.append(older) }
        stock.starting = nil
        stock.ready = number
        stock.forks = 0
        stock.born = now
        stock.lastUse = now
        stock.failures = 0
        stock.pausedUntil = nil
        stocks[recipe] = stock
    }

    /// It has forked a sandbox.
    mutating func used(_ number: Int, now: Instant) {
        guard let recipe = recipeByNumber[number] else { return }
        stocks[recipe]?.forks += 1
        stocks[recipe]?.lastUse = now
    }

    /// It has ended, or could not be started.
    /// - Parameter isFinal: because others than root may write what it would run, or its runtime cannot be forked; that
    ///   does not change.
    mutating func ended(_ number: Int, isFinal: Bool, now: Instant) {
        retired.removeAll { $0 == number }
        guard let recipe = recipeByNumber.removeValue(forKey: number), var stock = stocks[recipe] else { return }
        if stock.ready == number {
            stock.ready = nil
        } else if stock.starting == number {
            stock.starting = nil
        } else {
            return
        }
        stock.failures += 1
        stock.isFinal = stock.isFinal || isFinal
        if stock.failures >= policy.failures || stock.ready != nil {
            stock.pausedUntil = now + policy.pause
            stock.failures = 0
        }
        stocks[recipe] = stock
    }

    /// Those that are to be ended: replaced ones, and those that nobody has needed for a long time.
    mutating func removeExcess(now: Instant) -> [Int] {
        var numbers = retired
        retired = []
        for (recipe, stock) in stocks where now - stock.lastUse > policy.memory {
            numbers += [stock.ready, stock.starting].compactMap { $0 }
            // A recipe that never will have one is remembered, and one that has just failed.
            if !stock.isFinal, stock.pausedUntil.map({ now >= $0 }) ?? true { stocks[recipe] = nil }
        }
        for number in numbers { recipeByNumber[number] = nil }
        return numbers
    }
}
