/// How often and for how long a parcel is tried.
package struct RetryPolicy: Sendable, Hashable {
    /// With the first; at least 1.
    package var maximumAttempts: Int
    /// How long after its acceptance a parcel is tried, in milliseconds.
    package var maximumAge: Int64
    /// The pause after the first try, in milliseconds; it doubles with each further one, unless there are phases.
    package var firstPause: Int64
    /// The longest pause, in milliseconds.
    package var longestPause: Int64
    /// Nil: pauses double from the first to the longest.
    package var phases: RetryPhases?

    package init(
        maximumAttempts: Int, maximumAge: Int64, firstPause: Int64 = 1_000, longestPause: Int64 = 300_000,
        phases: RetryPhases? = nil
    ) {
        self.maximumAttempts = maximumAttempts
        self.maximumAge = maximumAge
        self.firstPause = firstPause
        self.longestPause = longestPause
        self.phases = phases
    }

    /// When a parcel is tried next that could not be delivered.
    ///
    /// - Parameters:
    ///   - attempts: How often it has been tried.
    ///   - accepted: When it was accepted, and `now`: milliseconds of one clock.
    /// - Returns: Nil when it is given up.
    package func nextTry(after attempts: Int, accepted: Int64, now: Int64) -> Int64? {
        guard attempts < maximumAttempts else { return nil }
        let next = now + max(0, pause(after: attempts))
        return next - accepted > maximumAge ? nil : next
    }

    private func pause(after attempts: Int) -> Int64 {
        if let phases { return phases.pause(before: attempts, from: firstPause, to: longestPause) }
        let doublings = Int64(min(max(0, attempts - 1), 40))
        return min(longestPause, firstPause.multipliedReportingOverflow(by: 1 << doublings).partialValue)
    }
}
