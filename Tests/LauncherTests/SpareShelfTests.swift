import Sandbox
import Testing

@testable import Launcher

/// Which spares there are to be. The rules are ``SpareShelf``'s own.
struct SpareShelfTests {
    private let limits = SandboxLimits(memoryMiB: 128)
    private let start = ContinuousClock.now
    private let python = recipe("python")
    private let node = recipe("node")

    private static func recipe(_ root: String) -> SpareRecipe {
        SpareRecipe(root: root, command: nil, processes: 64, descriptors: 64)
    }

    /// Makes whatever is wanted; the slots.
    private func fill(_ shelf: inout SpareShelf, at now: ContinuousClock.Instant, from slot: Int) -> [Int] {
        var slots: [Int] = []
        while let (recipe, _) = shelf.wanted(now: now) {
            let next = slot + slots.count
            shelf.began(recipe, slot: next)
            shelf.ready(slot: next)
            slots.append(next)
        }
        return slots
    }

    @Test func nothingIsMadeBeforeAnythingIsAskedFor() {
        let shelf = SpareShelf()
        #expect(shelf.wanted(now: start) == nil)
    }

    @Test func oneIsKeptOfWhatIsExpected() {
        var shelf = SpareShelf()
        shelf.expect(python, limits: limits, now: start)
        #expect(shelf.wanted(now: start)?.recipe == python)
        #expect(fill(&shelf, at: start, from: 1) == [1])
        #expect(shelf.take(node, limits: limits, now: start) == nil)
        #expect(shelf.take(python, limits: limits, now: start) == 1)
        #expect(shelf.take(python, limits: limits, now: start) == nil)
    }

    /// Memory is wanted elsewhere: for a while none is made.
    @Test func aClearedShelfStaysEmptyForAWhile() {
        var shelf = SpareShelf(policy: .init(pause: .seconds(60)))
        shelf.expect(python, limits: limits, now: start)
        #expect(fill(&shelf, at: start, from: 1) == [1])
        #expect(shelf.clear(now: start) == [1])
        #expect(shelf.count == 0 && shelf.wanted(now: start + .seconds(59)) == nil)
        #expect(shelf.wanted(now: start + .seconds(61))?.recipe == python)
    }

    @Test func whatIsBeingMadeIsNotGivenAway() {
        var shelf = SpareShelf()
        shelf.expect(python, limits: limits, now: start)
        shelf.began(python, slot: 7)
        #expect(shelf.wanted(now: start) == nil)
        #expect(shelf.take(python, limits: limits, now: start) == nil)
        shelf.ready(slot: 7)
        #expect(shelf.take(python, limits: limits, now: start) == 7)
    }

    @Test func asManyAreKeptAsWereAskedForLately() {
        var shelf = SpareShelf(policy: .init(maximumEach: 3, window: .seconds(10)))
        for _ in 0..<5 { _ = shelf.take(python, limits: limits, now: start) }
        #expect(fill(&shelf, at: start, from: 1) == [1, 2, 3])
        #expect(shelf.removeExcess(now: start + .seconds(10)) == [])
        #expect(shelf.removeExcess(now: start + .seconds(11)) == [1, 2])
        #expect(shelf.count == 1)
    }

    @Test func waitingRuntimesComeFirst() {
        var shelf = SpareShelf()
        var booted = python
        booted.command = .init(arguments: ["/python"], fallback: nil, environment: [], workingDirectory: "/")
        _ = shelf.take(booted, limits: limits, now: start)
        _ = shelf.take(python, limits: limits, now: start + .seconds(1))
        #expect(shelf.wanted(now: start + .seconds(1))?.recipe == booted)
        shelf.began(booted, slot: 1)
        #expect(shelf.wanted(now: start + .seconds(1))?.recipe == python)
    }

    @Test func theyGoWhenNobodyAsksAnyMore() {
        var shelf = SpareShelf(policy: .init(memory: .seconds(300)))
        shelf.expect(python, limits: limits, now: start)
        #expect(fill(&shelf, at: start, from: 1) == [1])
        #expect(shelf.removeExcess(now: start + .seconds(300)) == [])
        #expect(shelf.removeExcess(now: start + .seconds(301)) == [1])
        #expect(shelf.wanted(now: start + .seconds(301)) == nil)
        #expect(shelf.count == 0)
    }

    @Test func aFullShelfMakesRoomForWhatWasAskedForLater() {
        var shelf = SpareShelf(policy: .init(maximum: 1))
        shelf.expect(python, limits: limits, now: start)
        #expect(fill(&shelf, at: start, from: 1) == [1])
        shelf.expect(node, limits: limits, now: start + .seconds(1))
        #expect(shelf.wanted(now: start + .seconds(1)) == nil)
        #expect(shelf.removeExcess(now: start + .seconds(1)) == [1])
        #expect(shelf.wanted(now: start + .seconds(1))?.recipe == node)
        #expect(fill(&shelf, at: start + .seconds(1), from: 2) == [2])
        // Who was asked for earlier does not take the place back.
        #expect(shelf.removeExcess(now: start + .seconds(2)) == [])
    }

    @Test func whatEndsByItselfIsLeftAloneForAWhile() {
        var shelf = SpareShelf(policy: .init(failures: 2, pause: .seconds(60)))
        shelf.expect(python, limits: limits, now: start)
        for slot in 1...2 {
            #expect(shelf.wanted(now: start) != nil)
            shelf.began(python, slot: slot)
            shelf.ended(slot: slot, now: start)
        }
        #expect(shelf.wanted(now: start + .seconds(59)) == nil)
        #expect(shelf.wanted(now: start + .seconds(60))?.recipe == python)
        // The end of one that was given away is no failure.
        shelf.began(python, slot: 3)
        shelf.ready(slot: 3)
        #expect(shelf.take(python, limits: limits, now: start + .seconds(60)) == 3)
        for _ in 0..<3 { shelf.ended(slot: 3, now: start + .seconds(60)) }
        #expect(shelf.wanted(now: start + .seconds(60)) != nil)
    }

    @Test func ofHeavyOnesThereAreFew() {
        var shelf = SpareShelf(policy: .init(maximumEach: 4, bytesEach: 100, bytes: 240))
        for _ in 0..<4 { _ = shelf.take(python, limits: limits, now: start) }
        #expect(fill(&shelf, at: start, from: 1) == [1, 2, 3, 4])
        shelf.weigh(slot: 4, bytes: 50)
        #expect(shelf.removeExcess(now: start) == [1, 2])
        #expect(shelf.wanted(now: start) == nil)
        // One of each recipe, however heavy.
        shelf.weigh(slot: 4, bytes: 110)
        #expect(shelf.removeExcess(now: start) == [3])
        #expect(shelf.wanted(now: start) == nil)
    }

    @Test func allTogetherStayWithinTheirMemory() {
        var shelf = SpareShelf(policy: .init(bytesEach: 100, bytes: 150))
        shelf.expect(python, limits: limits, now: start)
        shelf.expect(node, limits: limits, now: start + .seconds(1))
        let now = start + .seconds(2)
        #expect(fill(&shelf, at: now, from: 1).count == 2)
        for slot in 1...2 { shelf.weigh(slot: slot, bytes: 100) }
        // What was of use least lately goes, and does not come back to go again.
        let gone = shelf.removeExcess(now: now)
        #expect(gone.count == 1 && shelf.count == 1)
        #expect(shelf.wanted(now: now) == nil && shelf.removeExcess(now: now).isEmpty)
        #expect(shelf.take(python, limits: limits, now: now) == nil)
        // Asked for later than the other, it takes its place.
        #expect(shelf.removeExcess(now: now).count == 1)
        #expect(shelf.wanted(now: now)?.recipe == python)
    }

    /// Whatever happens: no slot is given away twice or while it is not ready, and the limits hold.
    @Test(arguments: 0..<50) func randomWalksKeepTheRules(seed: UInt64) {
        var random = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1
        func next(_ bound: Int) -> Int {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((random >> 33) % UInt64(bound))
        }
        let policy = SpareShelf.Policy(maximumEach: 3, maximum: 5)
        var shelf = SpareShelf(policy: policy)
        let recipes = ["a", "b", "c"].map(Self.recipe)
        var making: [Int: SpareRecipe] = [:]
        var ready: [Int: SpareRecipe] = [:]
        var now = start
        for slot in 0..<400 {
            switch next(6) {
            case 0, 1:
                let recipe = recipes[next(3)]
                let taken = shelf.take(recipe, limits: limits, now: now)
                let expected = ready.values.contains(recipe)
                #expect((taken != nil) == expected)
                if let taken { #expect(ready.removeValue(forKey: taken) == recipe) }
            case 2:
                if let (recipe, _) = shelf.wanted(now: now) {
                    shelf.began(recipe, slot: slot)
                    making[slot] = recipe
                }
            case 3:
                if let (done, recipe) = making.first {
                    shelf.ready(slot: done)
                    making[done] = nil
                    ready[done] = recipe
                }
            case 4:
                if let lost = (Array(making.keys) + ready.keys).min() {
                    shelf.ended(slot: lost, now: now)
                    (making[lost], ready[lost]) = (nil, nil)
                }
            default:
                now += .seconds(next(120))
                for removed in shelf.removeExcess(now: now) { #expect(ready.removeValue(forKey: removed) != nil) }
            }
            #expect(shelf.count == making.count + ready.count && shelf.count <= policy.maximum)
            for recipe in recipes {
                #expect((Array(making.values) + ready.values).count { $0 == recipe } <= policy.maximumEach)
            }
        }
    }
}
