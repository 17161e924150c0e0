/// The environments of one SnapStart version that are initialised ahead and wait to be restored. Pure: it decides under
/// a lock, ``EnvironmentPool`` acts after unlocking. Times are microseconds of the fleet's clock.
///
/// As many wait as were taken within the last ``window``, one at least and ``limit`` at most; none once none has been
/// taken for ``idle``. What is taken, or ends while it waits, is replaced: at once in the first case, after a pause
/// that grows in the second. After a failed initialisation one is tried at a time.
///
/// An environment belongs here from ``begin(_:now:)`` until it is taken or gone. One that still initialises may be
/// taken, too: an invocation then waits for that and no longer.
struct SnapshotStateMachine<Environment: Hashable> {
    private let width: Int
    private let limit: Int
    private let window: UInt64
    private let idle: UInt64
    /// In the order in which they began.
    private var starting: [Environment] = []
    /// The last one became so last.
    private var prepared: [Environment] = []
    /// When environments were taken, the last ``limit`` of them.
    private var takes: [UInt64] = []
    /// When the version was published or an environment of it last taken; nil when that is too long ago.
    private var lastUse: UInt64?
    private(set) var isRetired = false
    /// Failed initialisations and environments that ended while they waited, since one was taken.
    private var setbacks = 0
    private var isPaused = false

    init(width: Int, limit: Int, window: UInt64, idle: UInt64) {
        self.width = width
        self.limit = limit
        self.window = window
        self.idle = idle
    }

    /// Whether nothing is kept and nothing to be, until the next is taken.
    var isEmpty: Bool { starting.isEmpty && prepared.isEmpty && (isRetired || lastUse == nil) }

    var hasPrepared: Bool { !prepared.isEmpty }

    var counts: (starting: Int, prepared: Int) { (starting.count, prepared.count) }

    /// When it was last of use; what was so longest ago gives way first.
    var lastUsed: UInt64 { lastUse ?? 0 }

    func target(now: UInt64) -> Int {
        guard !isRetired, let lastUse, now < lastUse || now - lastUse < idle else { return 0 }
        let recent = takes.filter { now < $0 || now - $0 < window }.count
        return min(max(recent, 1), limit)
    }

    // MARK: Starting

    /// The version is published, or the server has started: some are to wait from now on.
    mutating func want(now: UInt64) {
        lastUse = now
        isPaused = false
    }

    /// Whether to make another environment and ``begin(_:now:)`` with it.
    func needsAnother(now: UInt64) -> Bool {
        !isPaused && starting.count + prepared.count < target(now: now)
            && starting.count < (setbacks > 0 ? 1 : width)
    }

    /// An environment is to be started; false when it is not wanted any more.
    mutating func begin(_ environment: Environment, now: UInt64) -> Bool {
        guard needsAnother(now: now) else { return false }
        starting.append(environment)
        return true
    }

    enum Prepared {
        /// It waits here.
        case wait
        /// It is not wanted any more.
        case close
    }

    /// An environment that has not been taken has initialised.
    mutating func initialised(_ environment: Environment) -> Prepared {
        guard let index = starting.firstIndex(of: environment) else { return .close }
        starting.remove(at: index)
        prepared.append(environment)
        return .wait
    }

    /// What to do about an environment that is missing.
    enum Setback: Equatable {
        /// Call ``resume()`` after a while: the longer the more there were before.
        case pause(number: Int)
        /// It was none of these.
        case none
    }

    /// An environment could not be started or initialised, or has ended.
    mutating func lost(_ environment: Environment) -> Setback {
        guard remove(environment) else { return .none }
        setbacks += 1
        isPaused = true
        return .pause(number: setbacks)
    }

    /// The pause is over.
    mutating func resume() { isPaused = false }

    // MARK: Taking

    enum Taken {
        /// To be restored.
        case prepared(Environment)
        /// To be restored when it has initialised.
        case starting(Environment)
        /// There is none.
        case none
    }

    /// Takes one for an invocation.
    mutating func take(now: UInt64) -> Taken {
        lastUse = now
        takes.append(now)
        if takes.count > limit { takes.removeFirst(takes.count - limit) }
        if let environment = prepared.popLast() {
            setbacks = 0
            return .prepared(environment)
        }
        return starting.isEmpty ? .none : .starting(starting.removeFirst())
    }

    // MARK: Ends

    /// Whether an environment that waits may end, because there are more than are needed.
    mutating func reap(_ environment: Environment, now: UInt64) -> Bool {
        let target = target(now: now)
        guard prepared.contains(environment), starting.count + prepared.count > target else { return false }
        if target == 0 { lastUse = nil }
        return remove(environment)
    }

    /// Takes out those that wait, to be ended, and starts none until the next is taken: memory is short.
    mutating func release() -> [Environment] {
        defer { (prepared, lastUse) = ([], nil) }
        return prepared
    }

    /// The version is not used any more; returns the environments to end.
    mutating func retire() -> [Environment] {
        isRetired = true
        defer { (starting, prepared) = ([], []) }
        return starting + prepared
    }

    private mutating func remove(_ environment: Environment) -> Bool {
        if let index = starting.firstIndex(of: environment) {
            starting.remove(at: index)
        } else if let index = prepared.firstIndex(of: environment) {
            prepared.remove(at: index)
        } else {
            return false
        }
        return true
    }
}
