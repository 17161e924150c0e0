import NIOCore

/// The environments that one function version keeps initialised ahead of its invocations. Pure: it decides under a
/// lock, ``EnvironmentPool`` acts after unlocking.
///
/// As long as there are fewer than the target, others are started, a few at a time. What ends is replaced: at once when
/// it ended in an invocation, else after a pause that grows. When too many in a row fail to initialise, that is told;
/// and when none has ever succeeded, no more are started until the target is set anew.
///
/// An invocation comes here with a permit for one of these environments (``Permit/isProvisioned``). It takes the one
/// that became idle last, or one of the last few that it is nearer to; else it waits for one that has answered and not
/// yet asked for more. There may be none even so: then it runs on demand.
struct ProvisionedStateMachine<Environment: Hashable, Waiter: Identifiable> {
    private enum State {
        case starting
        case idle
        case busy
        /// Has answered its invocation, has not yet asked for the next.
        case finishing
    }

    private let width: Int
    private let attempts: Int
    private var environments: [Environment: State] = [:]
    /// Most recently used last.
    private var idle: [Environment] = []
    /// Never more than there are finishing environments.
    private var waiting = CircularBuffer<Waiter>()
    private var starting = 0
    private var finishing = 0
    private(set) var target = 0
    /// In a row.
    private var initFailures = 0
    /// Failed initialisations and environments that ended while they were idle, since an invocation was answered.
    private var setbacks = 0
    private var isPaused = false
    /// Whether one has initialised since the target was set anew.
    private var hasSucceeded = false
    /// Why there are fewer than the target, once that is no matter of time; nil until then.
    private(set) var failure: String?

    /// - Parameters:
    ///   - width: How many initialise at a time.
    ///   - attempts: How many may fail to initialise in a row.
    init(width: Int, attempts: Int) {
        self.width = width
        self.attempts = attempts
    }

    /// The environments that can serve invocations, up to the target.
    var available: Int { min(environments.count - starting, target) }

    var isEmpty: Bool { environments.isEmpty && waiting.isEmpty && target == 0 }

    /// Counts for tests and metrics.
    var counts: (idle: Int, busy: Int, finishing: Int, starting: Int, waiting: Int) {
        (idle.count, environments.count - idle.count - finishing - starting, finishing, starting, waiting.count)
    }

    // MARK: Starting

    /// Sets how many there shall be; returns those to end now. Others that are too many end when they are free.
    ///
    /// - Parameter mode: Whether what has failed is forgotten.
    mutating func provision(_ target: Int, _ mode: Mode) -> [Environment] {
        self.target = target
        if mode == .anew {
            (initFailures, setbacks, isPaused, hasSucceeded, failure) = (0, 0, false, false, nil)
        }
        let surplus = max(0, environments.count - target)
        let ending = (environments.filter { $0.value == .starting }.map(\.key) + idle).prefix(surplus)
        for environment in ending { remove(environment) }
        return Array(ending)
    }

    enum Mode {
        case anew, onwards
    }

    /// Whether to make another environment and ``begin(_:)`` with it. After a failure one is tried at a time.
    var needsAnother: Bool {
        !isPaused && (failure == nil || hasSucceeded) && environments.count < target
            && starting < (initFailures > 0 ? 1 : width)
    }

    /// An environment is to be started; false when it is not wanted any more.
    mutating func begin(_ environment: Environment) -> Bool {
        guard needsAnother else { return false }
        environments[environment] = .starting
        starting += 1
        return true
    }

    enum Freed {
        case run(Waiter)
        /// Idle, for as long as it takes.
        case park
        case close
    }

    /// A starting environment has initialised.
    mutating func started(_ environment: Environment) -> Freed {
        guard environments[environment] == .starting else { return .close }
        starting -= 1
        (initFailures, hasSucceeded, failure) = (0, true, nil)
        return free(environment)
    }

    /// What to do about an environment that is missing.
    enum Setback: Equatable {
        /// Call ``resume()`` after a while: the longer the more there were before.
        case pause(number: Int)
        /// Nothing: it was not wanted, or there will be no more.
        case none
    }

    /// A starting environment could not be started or initialised, for the reason that `failure` is to have.
    mutating func failed(_ environment: Environment, reason: String) -> Setback {
        guard environments[environment] == .starting else { return .none }
        remove(environment)
        initFailures += 1
        if initFailures >= attempts { failure = reason }
        return failure == nil || hasSucceeded ? pause() : .none
    }

    private mutating func pause() -> Setback {
        setbacks += 1
        isPaused = true
        return .pause(number: setbacks)
    }

    /// The pause is over.
    mutating func resume() { isPaused = false }

    // MARK: Invocations

    enum Acquired {
        case run(Environment)
        /// It waits for one that is about to become free: ask ``giveUp(_:)`` about it later.
        case waitPatiently
        /// None is free.
        case none
    }

    /// How many of the environments that became idle last are looked at for one that is near.
    private static var lookback: Int { 8 }

    mutating func acquire(_ waiter: Waiter, isNear: (Environment) -> Bool = { _ in true }) -> Acquired {
        if let last = idle.indices.last {
            let environment = idle.remove(at: idle.suffix(Self.lookback).lastIndex(where: isNear) ?? last)
            environments[environment] = .busy
            return .run(environment)
        }
        guard waiting.count < finishing else { return .none }
        waiting.append(waiter)
        return .waitPatiently
    }

    /// Whether the invocation is still in the queue.
    func isWaiting(_ id: Waiter.ID) -> Bool { waiting.contains { $0.id == id } }

    /// The invocation has waited for long enough; returns it to be run on demand, unless it has been served.
    mutating func giveUp(_ id: Waiter.ID) -> Waiter? {
        waiting.firstIndex { $0.id == id }.map { waiting.remove(at: $0) }
    }

    /// The invocation is answered, but the environment has not asked for the next.
    mutating func answered(_ environment: Environment) {
        guard environments[environment] == .busy else { return }
        environments[environment] = .finishing
        finishing += 1
        setbacks = 0
    }

    /// The environment asks for the next invocation.
    mutating func ready(_ environment: Environment) -> Freed {
        switch environments[environment] {
        case .finishing: finishing -= 1
        case .busy: break
        case .starting, .idle, nil: return .close
        }
        return free(environment)
    }

    private mutating func free(_ environment: Environment) -> Freed {
        if let waiter = waiting.popFirst() {
            environments[environment] = .busy
            return .run(waiter)
        }
        guard environments.count <= target else {
            environments[environment] = nil
            return .close
        }
        environments[environment] = .idle
        idle.append(environment)
        return .park
    }

    /// The environment is to be replaced: false when it is not idle any more, or when another is on its way, for as few
    /// as can be are to be missing at a time.
    mutating func recycle(_ environment: Environment) -> Bool {
        guard environments[environment] == .idle, starting == 0, !isPaused, environments.count >= target else {
            return false
        }
        remove(environment)
        return true
    }

    /// The environment is gone; returns the invocations that have none left to wait for.
    mutating func removed(_ environment: Environment) -> (orphans: [Waiter], setback: Setback) {
        let wasIdle = environments[environment] == .idle
        remove(environment)
        var orphans: [Waiter] = []
        while waiting.count > finishing, let orphan = waiting.popLast() { orphans.insert(orphan, at: 0) }
        return (orphans, wasIdle ? pause() : .none)
    }

    private mutating func remove(_ environment: Environment) {
        switch environments.removeValue(forKey: environment) {
        case .starting: starting -= 1
        case .idle: idle.removeAll { $0 == environment }
        case .finishing: finishing -= 1
        case .busy, nil: break
        }
    }

    // MARK: The end

    /// The environments that have answered and not yet asked for more.
    var finishingEnvironments: [Environment] { environments.filter { $0.value == .finishing }.map(\.key) }

    /// Takes every invocation out of the queue.
    mutating func abandonWaiting() -> [Waiter] {
        defer { waiting.removeAll() }
        return Array(waiting)
    }
}
