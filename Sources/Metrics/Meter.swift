import Synchronization

/// What code holds on to and gives samples of one kind to: it is told once and feeds all series that they count for, of
/// a function's invocation that function's, its version's and the account's.
///
/// Recording takes a lock that nobody else has for long, and no memory once it is warm.
package final class Meter: Sendable {
    /// The samples of one minute.
    private struct Part {
        /// Since 1970.
        var minute: Int64
        var distribution = Distribution()
    }

    private struct State {
        /// Mostly one: that of the minute. Samples of what took long are of earlier ones.
        var parts: [Part] = []
        /// Whether it is drained.
        var isListed = true
        /// How often it was found without samples since the last.
        var idle = 0
    }

    package let series: [MetricKey]
    package let unit: MetricUnit
    private let state = Mutex(State())
    /// Gone only when the server is.
    private weak let meters: Meters?

    init(_ series: [MetricKey], unit: MetricUnit, meters: Meters) {
        self.series = series
        self.unit = unit
        self.meters = meters
    }

    /// Adds a sample, or several of the same value.
    ///
    /// - Parameter time: Milliseconds since 1970.
    package func record(_ value: Double, count: Double = 1, at time: Int64) {
        let minute = time / 60_000
        let isForgotten = state.withLock { state -> Bool in
            let index = state.parts.lastIndex { $0.minute == minute } ?? Self.begin(minute, in: &state.parts)
            state.parts[index].distribution.record(value, count: count)
            defer { state.isListed = true }
            return !state.isListed
        }
        if isForgotten { meters?.list(self) }
    }

    /// One more of what is counted.
    package func add(at time: Int64) { record(1, at: time) }

    /// Whether somebody drains it, or is about to.
    var isListed: Bool { state.withLock(\.isListed) }

    private static func begin(_ minute: Int64, in parts: inout [Part]) -> Int {
        // What has been drained is there to be used again.
        if let free = parts.firstIndex(where: \.distribution.isEmpty) {
            parts[free].minute = minute
            return free
        }
        parts.append(Part(minute: minute))
        return parts.count - 1
    }

    /// What came since the last time, by minute.
    ///
    /// - Parameter patience: It need not be asked again after so many times without samples, until ``Meters/list(_:)``.
    func drain(patience: Int) -> (parts: [(minute: Int64, distribution: Distribution)], isIdle: Bool) {
        state.withLock { state in
            let filled = state.parts.filter { !$0.distribution.isEmpty }
                .map { (minute: $0.minute, distribution: $0.distribution.copy()) }
            if filled.isEmpty {
                state.idle += 1
                if state.idle >= patience {
                    state = State(isListed: false)
                    return ([], true)
                }
            } else {
                state.idle = 0
                // The memory of one is enough.
                state.parts.removeFirst(state.parts.count - 1)
                state.parts[0].distribution.reset()
            }
            return (filled, false)
        }
    }
}
