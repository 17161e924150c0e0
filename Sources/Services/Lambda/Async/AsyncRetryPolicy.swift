/// What becomes of an asynchronous invocation that did not succeed:
/// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
///
/// Times are milliseconds of one clock.
struct AsyncRetryPolicy: Hashable, Sendable {
    /// How often an event is tried again whose function failed.
    var retries = 2
    /// How long after its acceptance an event is tried.
    var maximumAge: Int64 = 21_600_000

    /// The `condition` of an outcome's record.
    enum Condition: String, Hashable, Sendable {
        case success = "Success"
        case retriesExhausted = "RetriesExhausted"
        case eventAgeExceeded = "EventAgeExceeded"
        case zeroReservedConcurrency = "ZeroReservedConcurrency"
        /// AWS does not say what it calls this one; its error is `RecursiveInvocationException`.
        case recursiveInvocation = "RecursiveInvocation"
    }

    enum Decision: Hashable, Sendable {
        case retry(at: Int64)
        case giveUp(Condition)
    }

    /// The function has failed, or could not answer in time.
    ///
    /// An event that will be too old by its next try is given up now, as recorded in test_maxeventage.
    ///
    /// - Parameter failures: How often, this time included.
    func failed(_ failures: Int, accepted: Int64, now: Int64) -> Decision {
        if failures > retries { return .giveUp(.retriesExhausted) }
        let next = now + Self.minute * Int64(failures)
        return next - accepted > maximumAge ? .giveUp(.eventAgeExceeded) : .retry(at: next)
    }

    func isTooOld(accepted: Int64, now: Int64) -> Bool { now - accepted > maximumAge }

    /// The first moment at which an event is too old.
    func end(accepted: Int64) -> Int64 { accepted + maximumAge + 1 }

    /// How long a function is left alone that is throttled, or cannot be run for reasons of the system.
    ///
    /// - Parameter pauses: How often in a row, this one included.
    static func backOff(_ pauses: Int) -> Int64 {
        min(longestPause, second << Int64(min(max(0, pauses - 1), 20)))
    }

    private static let second: Int64 = 1_000
    private static let minute: Int64 = 60_000
    private static let longestPause: Int64 = 300_000
}

extension AsyncRetryPolicy {
    /// - Parameter config: Of the qualifier that was used.
    init(_ config: EventInvokeConfig?) {
        if let attempts = config?.maximumRetryAttempts { retries = attempts }
        if let seconds = config?.maximumEventAgeSeconds { maximumAge = Int64(seconds) * 1_000 }
    }
}
