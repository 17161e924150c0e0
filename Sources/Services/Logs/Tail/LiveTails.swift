import ServiceLifecycle
import Synchronization

/// The sessions that follow groups live. Writers hand them what was stored, after its commit.
///
/// Where nobody tails, that is to read one number.
final class LiveTails: Sendable {
    /// How many sessions an account has in a region at a time, as on AWS.
    static let limit = 15
    /// How often a session is told what came.
    static let period = Duration.seconds(1)

    private struct State {
        var sessions: [LiveTailSession] = []
        var byGroup: [GroupKey: [LiveTailSession]] = [:]
        /// Whether the server ends: there are no new sessions.
        var isClosed = false
    }

    private let state = Mutex(State())
    private let count = Atomic(0)
    /// Milliseconds since 1970.
    private let clock: @Sendable () -> Int64
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init(clock: @escaping @Sendable () -> Int64) {
        self.clock = clock
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: Sessions

    /// - Returns: false when the account has as many as it may have, or the server ends.
    func add(_ session: LiveTailSession) -> Bool {
        let isTaken = state.withLock { state in
            let others = state.sessions.count { $0.owner == session.owner }
            guard !state.isClosed, others < Self.limit else { return false }
            state.sessions.append(session)
            for group in session.groups { state.byGroup[group, default: []].append(session) }
            count.store(state.sessions.count, ordering: .releasing)
            return true
        }
        if isTaken { signal.yield() }
        return isTaken
    }

    private func remove(_ ended: [LiveTailSession]) {
        guard !ended.isEmpty else { return }
        state.withLock { state in
            state.sessions.removeAll { session in ended.contains { $0 === session } }
            for group in Set(ended.flatMap(\.groups)) {
                state.byGroup[group]?.removeAll { session in ended.contains { $0 === session } }
                if state.byGroup[group]?.isEmpty == true { state.byGroup[group] = nil }
            }
            count.store(state.sessions.count, ordering: .releasing)
        }
    }

    // MARK: Events

    var isIdle: Bool { count.load(ordering: .acquiring) == 0 }

    /// Whether anybody wants the events of that group.
    func follow(_ group: GroupKey) -> Bool { !isIdle && state.withLock { $0.byGroup[group] != nil } }

    /// - Parameter time: Of ingestion.
    func take(_ events: [StoredEvent], of stream: StreamKey, at time: Int64) {
        let sessions = state.withLock { $0.byGroup[stream.group] ?? [] }
        for session in sessions { session.take(events, of: stream, at: time) }
    }

    // MARK: Time

    /// Tells every session what came since the last time, and forgets those that have ended.
    func tick() {
        let now = clock()
        let sessions = state.withLock { $0.sessions }
        remove(sessions.filter { !$0.tick(now: now) })
    }

    /// Ticks while there are sessions, until cancelled.
    func run() async {
        for await _ in signals {
            while !isIdle, !Task.isCancelled {
                try? await Task.sleep(for: Self.period)
                tick()
            }
        }
    }

    /// Ends all sessions: the server is to end.
    func close() {
        let sessions = state.withLock { state in
            state.isClosed = true
            return state.sessions
        }
        endAll(sessions)
    }

    func reset() { endAll(state.withLock { $0.sessions }) }

    private func endAll(_ sessions: [LiveTailSession]) {
        for session in sessions { session.end() }
        remove(sessions)
    }
}

/// Ends the sessions once the server is to end: the gateway would wait for them.
struct Tailing: ServiceLifecycle.Service {
    let tails: LiveTails

    func run() async throws {
        try? await gracefulShutdown()
        tails.close()
    }
}
