import TestSupport
import Testing

@testable import Delivery

@Suite struct RetryTests {
    private static func pauses(_ policy: RetryPolicy, _ count: Int) -> [Int64] {
        (1...count).compactMap { policy.nextTry(after: $0, accepted: 0, now: 0) }
    }

    @Test func pausesDouble() {
        let policy = RetryPolicy(maximumAttempts: 6, maximumAge: 1_000_000, firstPause: 10, longestPause: 60)
        #expect(Self.pauses(policy, 6) == [10, 20, 40, 60, 60])
    }

    /// SNS's for functions and queues: https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
    @Test func phasesFollowEachOther() {
        let policy = RetryPolicy(
            maximumAttempts: 100_015, maximumAge: .max, firstPause: 1_000, longestPause: 20_000,
            phases: RetryPhases(immediate: 3, steady: 2, growing: 10, growth: .exponential))
        let pauses = Self.pauses(policy, 20)
        #expect(Array(pauses.prefix(5)) == [0, 0, 0, 1_000, 1_000])
        #expect(pauses[5] == 1_000 && pauses[14] == 20_000)
        #expect(pauses[15...].allSatisfy { $0 == 20_000 })
        #expect(policy.nextTry(after: 100_014, accepted: 0, now: 0) == 20_000)
        #expect(policy.nextTry(after: 100_015, accepted: 0, now: 0) == nil)
    }

    @Test func ageEndsIt() {
        let policy = RetryPolicy(
            maximumAttempts: 10, maximumAge: 100, firstPause: 60, longestPause: 60, phases: RetryPhases(steady: 10))
        #expect(policy.nextTry(after: 1, accepted: 0, now: 40) == 100)
        #expect(policy.nextTry(after: 1, accepted: 0, now: 41) == nil)
    }

    /// Whatever the numbers: pauses never shrink, stay between the shortest and the longest, begin with the one and
    /// end with the other.
    @Test(arguments: RetryPhases.Growth.allCases) func pausesGrow(_ growth: RetryPhases.Growth) {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<300 {
            let phases = RetryPhases(
                immediate: Int.random(in: 0...5, using: &random), steady: Int.random(in: 0...5, using: &random),
                growing: Int.random(in: 0...100, using: &random), growth: growth)
            let shortest = Int64.random(in: 1...3_600, using: &random) * 1_000
            let longest = shortest + Int64.random(in: 0...3_600, using: &random) * 1_000
            var last: Int64 = 0
            let count = phases.immediate + phases.steady + phases.growing + 3
            for retry in 1...count {
                let pause = phases.pause(before: retry, from: shortest, to: longest)
                #expect(pause >= last && pause <= longest, "\(phases) \(retry)")
                #expect((pause == 0) == (retry <= phases.immediate))
                if retry > phases.immediate { #expect(pause >= shortest) }
                last = pause
            }
            let first = phases.immediate + phases.steady + 1
            if phases.growing > 1 {
                #expect(phases.pause(before: first, from: shortest, to: longest) == shortest)
                #expect(phases.pause(before: first + phases.growing - 1, from: shortest, to: longest) == longest)
            }
            #expect(RetryPhases(text: phases.text) == phases)
        }
    }
}
