import Synchronization

/// What shows how much there is of something at the moment, and is read whenever meters are drained.
package protocol MetricGauge: AnyObject, Sendable {
    /// Whether it is read.
    var isListed: Bool { get }

    /// Called by one thread at a time.
    ///
    /// - Returns: Samples of that time, milliseconds since 1970; and whether it need not be read any more.
    func read(at time: Int64) -> (samples: [MetricSample], isIdle: Bool)
}

/// How many of something there are at a time: the most that there were since the last reading is a sample.
///
/// Atomics only: whoever goes up and down waits for nobody.
package final class Level: MetricGauge {
    package let series: [MetricKey]
    /// Of its share of a whole.
    private let shares: [MetricKey]
    private let current = Atomic<Int>(0)
    private let peak = Atomic<Int>(0)
    private let whole = Atomic<Int>(0)
    private let listed = Atomic<Bool>(true)
    /// How often in a row it was read and there was nothing.
    private let idle = Atomic<Int>(0)
    private weak let meters: Meters?

    init(_ series: [MetricKey], shares: [MetricKey], meters: Meters) {
        self.series = series
        self.shares = shares
        self.meters = meters
    }

    /// There is one more, of so many as there may be.
    package func up(of whole: Int = 0) {
        let value = current.add(1, ordering: .sequentiallyConsistent).newValue
        if whole != self.whole.load(ordering: .relaxed) { self.whole.store(whole, ordering: .relaxed) }
        if value > peak.load(ordering: .relaxed) { peak.max(value, ordering: .sequentiallyConsistent) }
        if !listed.load(ordering: .sequentiallyConsistent) { list() }
    }

    /// One is gone. Once for each that came.
    package func down() { current.subtract(1, ordering: .relaxed) }

    private func list() {
        if !listed.exchange(true, ordering: .sequentiallyConsistent) { meters?.list(self) }
    }

    package var isListed: Bool { listed.load(ordering: .sequentiallyConsistent) }

    package func read(at time: Int64) -> (samples: [MetricSample], isIdle: Bool) {
        let top = peak.exchange(current.load(ordering: .sequentiallyConsistent), ordering: .sequentiallyConsistent)
        guard top > 0 else { return ([], rest()) }
        idle.store(0, ordering: .relaxed)
        var samples = series.map { MetricSample($0, unit: .count, timestamp: time, value: Double(top)) }
        let whole = whole.load(ordering: .relaxed)
        if whole > 0 {
            let share = min(1, Double(top) / Double(whole))
            samples += shares.map { MetricSample($0, unit: .count, timestamp: time, value: share) }
        }
        return (samples, false)
    }

    /// Whether it has been at nothing for long.
    private func rest() -> Bool {
        guard idle.add(1, ordering: .relaxed).newValue >= Meters.patience else { return false }
        listed.store(false, ordering: .sequentiallyConsistent)
        // Whoever came before that did not list it anew.
        if peak.load(ordering: .sequentiallyConsistent) > 0 { list() }
        return !isListed
    }
}
