import TestSupport
import Testing

@testable import LambdaService

/// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
@Suite struct AsyncRetryPolicyTests {
    private static let minute: Int64 = 60_000

    @Test func triesAgainAfterOneAndTwoMinutes() {
        let policy = AsyncRetryPolicy()
        #expect(policy.failed(1, accepted: 0, now: 10) == .retry(at: 10 + Self.minute))
        #expect(policy.failed(2, accepted: 0, now: 70_000) == .retry(at: 70_000 + 2 * Self.minute))
        #expect(policy.failed(3, accepted: 0, now: 200_000) == .giveUp(.retriesExhausted))
    }

    // localstack's recorded test_maxeventage: an event that lives for 60 s is given up at its first failure, one of
    // more than a minute at its second.
    @Test func givesUpWhatWillBeTooOld() {
        let minute = AsyncRetryPolicy(retries: 2, maximumAge: 60_000)
        #expect(minute.failed(1, accepted: 0, now: 5) == .giveUp(.eventAgeExceeded))
        let longer = AsyncRetryPolicy(retries: 2, maximumAge: 90_000)
        #expect(longer.failed(1, accepted: 0, now: 5) == .retry(at: 60_005))
        #expect(longer.failed(2, accepted: 0, now: 60_010) == .giveUp(.eventAgeExceeded))
    }

    @Test func takesTheSettingsOfTheQualifier() {
        #expect(AsyncRetryPolicy(nil) == AsyncRetryPolicy(retries: 2, maximumAge: 21_600_000))
        let config = EventInvokeConfig(maximumRetryAttempts: 0, maximumEventAgeSeconds: 60, lastModified: 0)
        #expect(AsyncRetryPolicy(config) == AsyncRetryPolicy(retries: 0, maximumAge: 60_000))
    }

    @Test func pausesDoubleFromASecondToFiveMinutes() {
        #expect((1...10).map { AsyncRetryPolicy.backOff($0) / 1000 } == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300])
        #expect(AsyncRetryPolicy.backOff(.max) == 300_000)
        #expect(AsyncRetryPolicy.backOff(0) == 1_000)
    }

    /// Whatever the settings: no more tries than allowed, none beyond the age, each later than the one before, and an
    /// end.
    @Test(arguments: 0..<200) func everyEventHasAnEnd(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let policy = AsyncRetryPolicy(
            retries: Int.random(in: 0...2, using: &random),
            maximumAge: Int64.random(in: 60...21_600, using: &random) * 1000)
        let accepted = Int64.random(in: 0...1_000_000, using: &random)
        var now = accepted
        for failures in 1... {
            // How long it waited and ran.
            now += Int64.random(in: 0...900_000, using: &random)
            if policy.isTooOld(accepted: accepted, now: now) { return }
            switch policy.failed(failures, accepted: accepted, now: now) {
            case .retry(let next):
                #expect(failures <= policy.retries)
                #expect(next - now == Int64(failures) * Self.minute)
                #expect(!policy.isTooOld(accepted: accepted, now: next))
                now = next
            case .giveUp(let condition):
                #expect(condition == (failures > policy.retries ? .retriesExhausted : .eventAgeExceeded))
                return
            }
        }
    }
}
