/// When something comes that has a schedule, within bounds, and what becomes of times that were missed. Times are
/// seconds since 1970.
package struct ScheduleTimes: Sendable, Hashable {
    package var expression: ScheduleExpression
    package var zone: TimeZoneRules
    /// Nothing comes before, and nothing after.
    package var start: Int64?
    package var end: Int64?
    /// When a rate began.
    package var anchor: Int64
    /// How many seconds late it may be on purpose.
    package var window: Int64

    package init(
        _ expression: ScheduleExpression, in zone: TimeZoneRules = .utc, anchor: Int64, start: Int64? = nil,
        end: Int64? = nil, window: Int64 = 0
    ) {
        self.expression = expression
        self.zone = zone
        self.start = start
        self.end = end
        self.anchor = anchor
        self.window = window
    }

    /// The first time after an instant; nil when there is none any more.
    package func next(after instant: Int64) -> Int64? {
        let from = start.map { max(instant, $0 - 1) } ?? instant
        guard let next = expression.next(after: from, in: zone, start: anchor), next <= end ?? .max else { return nil }
        return next
    }

    /// Which time to go for that is due, and which follows.
    ///
    /// After a time in which nobody looked, the first of the missed times that is no older than `maximumAge` goes,
    /// late; the others that were missed are left out, and it goes on from now.
    ///
    /// - Parameters:
    ///   - time: The one that is due.
    ///   - lateness: For how long it has been.
    /// - Returns: The time to go for, nil for none; and the next one.
    package func keep(
        _ time: Int64, lateness: Int64, now: Int64, maximumAge: Int64
    ) -> (time: Int64?, next: Int64?) {
        /// A window that is still open can be used.
        func following(_ time: Int64) -> Int64? { next(after: max(time, now - window - 1)) }

        if lateness <= maximumAge { return (time, following(time)) }
        guard let later = next(after: max(time, now - maximumAge - 1)) else { return (nil, nil) }
        return later <= now ? (later, following(later)) : (nil, later)
    }
}
