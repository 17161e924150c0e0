import Synchronization

/// Numbers of queues and messages: each is greater than the one before, and they begin with the time.
final class Numbers: Sendable {
    private let last: Mutex<Int64>

    /// - Parameter last: The greatest one that is taken.
    init(after last: Int64 = 0) { self.last = Mutex(last) }

    /// - Parameter time: Milliseconds since 1970.
    func next(at time: Int64) -> Int64 {
        last.withLock { last in
            last = max(last + 1, time << 20)
            return last
        }
    }

    /// No number up to that one is free.
    func skip(to number: Int64) { last.withLock { $0 = max($0, number) } }
}
