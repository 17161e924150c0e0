import AWSWire

/// The time of day, by which one may sleep. Tests have one that they turn by hand.
package protocol AlarmClock: Sendable {
    /// Since 1970.
    func milliseconds() -> Int64

    /// Suspends until that time; returns at once where the task is cancelled.
    func sleep(until milliseconds: Int64) async
}

/// The wall clock.
package struct WallAlarm: AlarmClock {
    /// The longest sleep in one piece: a clock that was set meanwhile is noticed then.
    private static let nap: Int64 = 60_000

    package init() {}

    package func milliseconds() -> Int64 { WallClock.milliseconds() }

    package func sleep(until milliseconds: Int64) async {
        while !Task.isCancelled {
            let left = milliseconds - self.milliseconds()
            if left <= 0 { return }
            try? await Task.sleep(for: .milliseconds(min(left, Self.nap)))
        }
    }
}
