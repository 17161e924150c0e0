import NIOCore

/// Which environment of one function version serves which invocation. Pure: it decides under a lock,
/// ``EnvironmentPool`` acts after unlocking.
///
/// An invocation takes the environment that became idle last, or one of the last few that it is nearer to. Without one
/// it waits, first come first served, and an environment is started unless one that is starting, or one that has
/// answered and is about to ask for work, is already free for it. Any environment that becomes free serves whoever has
/// waited longest. How many invocations there may be is settled before (``Permit``), which bounds the queue.
struct PoolStateMachine<Environment: Hashable, Waiter: Identifiable> {
    private enum State {
        case idle
        case busy
        /// Has answered its invocation, has not yet asked for the next.
        case finishing
    }

    private var environments: [Environment: State] = [:]
    /// Most recently used last.
    private(set) var idle: [Environment] = []
    private var waiting = CircularBuffer<Waiter>()
    private var starting = 0
    private var finishing = 0
    private var isRetired = false

    enum Acquired {
        case run(Environment)
        /// The invocation waits, and one more environment is to be started.
        case start
        /// The invocation waits for an environment that is being started.
        case wait
        /// The invocation waits for one that is about to become free: ask ``patienceEnded(_:)`` about it later.
        case waitPatiently
        /// An environment would have to be started for it and may not.
        case refused
    }

    /// How many of the environments that became idle last are looked at for one that is near.
    private static var lookback: Int { 8 }

    /// A new invocation. `isNear` says whether it reaches an environment more cheaply than others; `mayStart` is asked
    /// once when an environment is to be started.
    mutating func acquire(
        _ waiter: Waiter, isNear: (Environment) -> Bool = { _ in true }, mayStart: () -> Bool = { true }
    ) -> Acquired {
        acquire(waiter, isNear, mayStart) { $0.append(waiter) }
    }

    /// An invocation whose environment went away before it began: it goes to the head of the queue.
    mutating func acquireAgain(_ waiter: Waiter, isNear: (Environment) -> Bool = { _ in true }) -> Acquired {
        acquire(waiter, isNear, { true }) { $0.prepend(waiter) }
    }

    private mutating func takeIdle(_ isNear: (Environment) -> Bool) -> Environment? {
        guard let last = idle.indices.last else { return nil }
        return idle.remove(at: idle.suffix(Self.lookback).lastIndex(where: isNear) ?? last)
    }

    private mutating func acquire(
        _ waiter: Waiter, _ isNear: (Environment) -> Bool, _ mayStart: () -> Bool,
        enqueue: (inout CircularBuffer<Waiter>) -> Void
    ) -> Acquired {
        if let environment = takeIdle(isNear) {
            environments[environment] = .busy
            return .run(environment)
        }
        let mustStart = waiting.count >= starting + finishing
        if mustStart, !mayStart() { return .refused }
        enqueue(&waiting)
        if mustStart {
            starting += 1
            return .start
        }
        return waiting.count > starting ? .waitPatiently : .wait
    }

    /// Whether the invocation is still in the queue.
    func isWaiting(_ id: Waiter.ID) -> Bool { waiting.contains { $0.id == id } }

    /// The invocation has waited for a finishing environment for long enough: whether to start one for it, which
    /// `mayStart` is asked about.
    mutating func patienceEnded(_ id: Waiter.ID, mayStart: () -> Bool = { true }) -> Bool {
        guard let index = waiting.firstIndex(where: { $0.id == id }) else { return false }
        guard waiting.distance(from: waiting.startIndex, to: index) >= starting, mayStart() else { return false }
        starting += 1
        return true
    }

    /// One of those that are to be started may be started now: false, and it is not to be any more, when there are more
    /// of them than invocations that wait.
    mutating func isStillToStart() -> Bool {
        if waiting.count >= starting { return true }
        starting -= 1
        return false
    }

    enum Freed {
        case run(Waiter)
        /// Idle: end it when it stays so for too long.
        case park
        case close
    }

    /// A starting environment has initialised.
    mutating func started(_ environment: Environment) -> Freed {
        starting -= 1
        return free(environment)
    }

    /// A starting environment failed to initialise. An invocation that waits gets it, to initialise it once more.
    mutating func initFailed(_ environment: Environment) -> Freed {
        starting -= 1
        guard let waiter = waiting.popFirst() else { return .close }
        environments[environment] = .busy
        return .run(waiter)
    }

    /// No sandbox could be started; returns the invocation that must be told.
    mutating func startFailed() -> Waiter? {
        starting -= 1
        return waiting.count > starting + finishing ? waiting.popFirst() : nil
    }

    /// The invocation is answered, but the environment has not asked for the next.
    mutating func answered(_ environment: Environment) {
        guard environments[environment] == .busy else { return }
        environments[environment] = .finishing
        finishing += 1
    }

    /// The environment asks for the next invocation, which one that is outworn does not get.
    mutating func ready(_ environment: Environment, isOutworn: Bool = false) -> Freed {
        switch environments[environment] {
        case .finishing: finishing -= 1
        case .busy: break
        case .idle, nil: return .close
        }
        guard isOutworn else { return free(environment) }
        // Until it is gone, when another is started for whoever waits.
        environments[environment] = .busy
        return .close
    }

    private mutating func free(_ environment: Environment) -> Freed {
        if let waiter = waiting.popFirst() {
            environments[environment] = .busy
            return .run(waiter)
        }
        if isRetired {
            environments[environment] = nil
            return .close
        }
        environments[environment] = .idle
        idle.append(environment)
        return .park
    }

    /// The environment is gone; returns whether to start another for an invocation that waited for it.
    mutating func removed(_ environment: Environment) -> Bool {
        switch environments.removeValue(forKey: environment) {
        case .idle: idle.removeAll { $0 == environment }
        case .finishing: finishing -= 1
        case .busy, nil: break
        }
        guard waiting.count > starting + finishing else { return false }
        starting += 1
        return true
    }

    /// The environment has been idle for too long; false when it is not idle any more.
    mutating func reap(_ environment: Environment) -> Bool {
        guard environments[environment] == .idle else { return false }
        environments[environment] = nil
        idle.removeAll { $0 == environment }
        return true
    }

    /// No new work is expected; returns the environments to end now. Others end when they become free.
    mutating func retire() -> [Environment] {
        isRetired = true
        let ending = idle
        idle = []
        for environment in ending { environments[environment] = nil }
        return ending
    }

    /// The environments that have answered and not yet asked for more.
    var finishingEnvironments: [Environment] { environments.filter { $0.value == .finishing }.map(\.key) }

    /// Takes every invocation out of the queue.
    mutating func abandonWaiting() -> [Waiter] {
        defer { waiting.removeAll() }
        return Array(waiting)
    }

    var isEmpty: Bool { environments.isEmpty && starting == 0 && waiting.isEmpty }

    /// Counts for tests and metrics.
    var counts: (idle: Int, busy: Int, finishing: Int, starting: Int, waiting: Int) {
        (idle.count, environments.count - idle.count - finishing, finishing, starting, waiting.count)
    }
}
