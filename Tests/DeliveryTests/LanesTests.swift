import TestSupport
import Testing

@testable import Delivery

@Suite struct LanesTests {
    @Test func takesWhatIsDueAndNoMoreThanALaneHolds() {
        var lanes = Lanes(limit: 10, laneLimit: 4)
        lanes.note("a", due: 5)
        lanes.note("b", due: 7)
        #expect(lanes.take(now: 4).isEmpty)
        #expect(lanes.nextDue() == 5)
        #expect(lanes.take(now: 5).map(\.target) == ["a"])
        #expect(lanes.inFlight == 4)
        lanes.settle("a", 4)
        #expect(lanes.nextDue() == 7)
    }

    @Test func aBusyTargetKeepsNoOtherWaiting() {
        var lanes = Lanes(limit: 10, laneLimit: 4)
        lanes.note("a", due: 0)
        #expect(lanes.take(now: 1).map(\.count) == [4])
        // More of it waits, but its lane is full.
        lanes.note("a", due: 0)
        #expect(lanes.nextDue() == nil)
        lanes.note("b", due: 0)
        #expect(lanes.take(now: 1).map(\.target) == ["b"])
    }

    @Test func aTargetThatRestsIsAskedLater() {
        var lanes = Lanes(limit: 10, laneLimit: 4)
        lanes.note("a", due: 0)
        lanes.rest("a", until: 5)
        lanes.note("b", due: 6)
        #expect(lanes.take(now: 4).isEmpty)
        lanes.note("a", due: 1)
        #expect(lanes.nextDue() == 5)
        #expect(lanes.take(now: 5).map(\.target) == ["a"])
    }

    @Test func ordersOneParcelAfterTheOtherForFIFOTargets() {
        var lanes = Lanes(limit: 10, laneLimit: 4)
        lanes.note("q.fifo", due: 0)
        #expect(lanes.take(now: 0).map(\.count) == [1])
        lanes.note("q.fifo", due: 0)
        #expect(lanes.take(now: 0).isEmpty)
        lanes.settle("q.fifo", 1, due: 0)
        #expect(lanes.take(now: 0).map(\.count) == [1])
    }

    @Test func forgetsTargetsThatHaveNothing() {
        var lanes = Lanes(limit: 10, laneLimit: 4)
        lanes.note("a", due: 0)
        _ = lanes.take(now: 0)
        lanes.settle("a", 3)
        #expect(!lanes.isEmpty)
        lanes.settle("a", 1)
        #expect(lanes.isEmpty)
    }

    /// Whatever comes and goes: limits hold, and no target that has something due is passed over for ever.
    @Test(arguments: 0..<20) func everyTargetGetsItsTurn(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var lanes = Lanes(limit: 5, laneLimit: 2)
        let targets = (0..<8).map { "t\($0)" }
        var served: [String: Int] = [:]
        var underWay: [String] = []
        for now in 0..<400 as Range<Int64> {
            // All of them always have more.
            for target in targets { lanes.note(target, due: now) }
            for (target, count) in lanes.take(now: now) {
                served[target, default: 0] += count
                underWay += Array(repeating: target, count: count)
            }
            #expect(lanes.inFlight == underWay.count)
            #expect(lanes.inFlight <= 5)
            for target in targets { #expect(underWay.count { $0 == target } <= 2) }
            while !underWay.isEmpty, Bool.random(using: &random) {
                lanes.settle(underWay.remove(at: Int.random(in: 0..<underWay.count, using: &random)), 1)
            }
        }
        let fewest = targets.map { served[$0] ?? 0 }.min() ?? 0
        #expect(fewest * 3 >= served.values.max() ?? 0, "\(served)")
    }
}

@Suite struct RetryPolicyTests {
    @Test func pausesDoubleUpToTheLongest() {
        let policy = RetryPolicy(maximumAttempts: 100, maximumAge: .max, firstPause: 1_000, longestPause: 300_000)
        let pauses = (1...12).map { policy.nextTry(after: $0, accepted: 0, now: 0) }
        #expect(
            pauses == [
                1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000, 300_000,
            ])
        #expect(policy.nextTry(after: 99, accepted: 0, now: 0) == 300_000)
    }

    @Test func givesUpAfterSoManyTriesOrSoLong() {
        let policy = RetryPolicy(maximumAttempts: 3, maximumAge: 10_000)
        #expect(policy.nextTry(after: 2, accepted: 0, now: 0) == 2_000)
        #expect(policy.nextTry(after: 3, accepted: 0, now: 0) == nil)
        #expect(policy.nextTry(after: 1, accepted: 0, now: 9_000) == 10_000)
        #expect(policy.nextTry(after: 1, accepted: 0, now: 9_001) == nil)
    }
}
