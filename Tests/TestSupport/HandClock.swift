import Delivery
import Synchronization

/// A clock that a test turns by hand. Who sleeps by it is woken by that alone.
package final class HandClock: AlarmClock {
    private struct State {
        /// Milliseconds since 1970.
        var now: Int64
        var sleepers: [Int: (until: Int64, bell: AsyncStream<Void>.Continuation)] = [:]
        var count = 0
    }

    private let state: Mutex<State>

    /// - Parameter now: Milliseconds since 1970.
    package init(_ now: Int64 = 0) { state = Mutex(State(now: now)) }

    package func milliseconds() -> Int64 { state.withLock { $0.now } }

    package func sleep(until time: Int64) async {
        let (rings, bell) = AsyncStream.makeStream(of: Void.self)
        let number = state.withLock { state -> Int? in
            guard state.now < time else { return nil }
            state.count += 1
            state.sleepers[state.count] = (time, bell)
            return state.count
        }
        guard let number else { return }
        // Cancellation ends the stream, too.
        for await _ in rings { break }
        state.withLock { _ = $0.sleepers.removeValue(forKey: number) }
    }

    package func set(_ time: Int64) { turn { $0 = time } }

    package func advance(seconds: Int64) { turn { $0 += seconds * 1_000 } }

    private func turn(_ change: (inout Int64) -> Void) {
        let bells = state.withLock { state in
            change(&state.now)
            let now = state.now
            return state.sleepers.values.filter { $0.until <= now }.map(\.bell)
        }
        for bell in bells { bell.yield() }
    }
}
