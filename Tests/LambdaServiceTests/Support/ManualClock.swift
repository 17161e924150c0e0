import Synchronization

/// A wall clock that a test moves.
final class ManualClock: Sendable {
    private let time = Mutex<Int64>(1_790_000_000_000)

    /// Milliseconds since 1970.
    var now: Int64 { time.withLock { $0 } }

    func advance(by milliseconds: Int64) { time.withLock { $0 += milliseconds } }
}
