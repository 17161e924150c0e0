import NIOCore
import Synchronization

/// Why a SnapStart version has no environment that could be restored.
package enum SnapshotFailure: Error, Sendable, Hashable {
    /// The function failed to initialise, or what it runs before a snapshot did.
    case initialisation
    /// This node could not start a sandbox.
    case unavailable(FleetError)
    /// The version is not there any more, or the fleet shuts down.
    case retired
}

/// SnapStart: environments that are initialised ahead, and restored for invocations.
///
/// To ``PoolStateMachine`` a restoration is the start of an environment. Which one is restored is decided here: one
/// that waits, one that still initialises, or else a new one.
extension EnvironmentPool {
    /// Has environments initialised ahead from now on.
    ///
    /// - Parameter completion: Called once, when one waits, or with the reason why none will.
    /// - Returns: False when the pool has been forgotten and another must be asked.
    func publish(_ completion: @escaping @Sendable (SnapshotFailure?) -> Void) -> Bool {
        enum Answer {
            case forgotten, over, done, later
        }
        let answer: Answer = state.withLock { state in
            if state.isForgotten { return .forgotten }
            if state.isShutDown || state.snapshots.isRetired { return .over }
            state.snapshots.want(now: services.configuration.clock())
            if state.snapshots.hasPrepared { return .done }
            state.publications.append(completion)
            return .later
        }
        switch answer {
        case .forgotten: return false
        case .over: completion(.retired)
        case .done: completion(nil)
        case .later: prepareMore()
        }
        return true
    }

    /// Tells whoever waits for the first environment.
    func published(_ failure: SnapshotFailure?) {
        let waiting = state.withLock { state in
            defer { state.publications = [] }
            return state.publications
        }
        for completion in waiting { completion(failure) }
    }

    /// For tests and metrics.
    var snapshotCounts: (starting: Int, prepared: Int) { state.withLock { $0.snapshots.counts } }

    /// When one of them was last of use; nil when none waits.
    var snapshotsLastUsed: UInt64? {
        state.withLock { $0.snapshots.hasPrepared ? $0.snapshots.lastUsed : nil }
    }

    /// Ends the environments that wait to be restored; the next invocation that needs one initialises it.
    ///
    /// - Returns: The memory that comes free, MiB.
    func releaseSnapshots() -> Int {
        let ending = state.withLock { $0.snapshots.release() }
        return ending.reduce(0) { $0 + $1.giveWay() }
    }

    /// Restores an environment for an invocation that waits; false when there is none.
    func restoreOne() -> Bool {
        let now = services.configuration.clock()
        let (taken, toRestore): (Bool, Environment?) = state.withLock { state in
            if state.isShutDown { return (false, nil) }
            switch state.snapshots.take(now: now) {
            case .prepared(let environment):
                state.claimed.insert(environment)
                return (true, environment)
            case .starting(let environment):
                state.claimed.insert(environment)
                return (true, nil)
            case .none: return (false, nil)
            }
        }
        toRestore?.restore()
        return taken
    }

    /// Starts what is missing, unless an invocation waits for an environment that is being started or restored: the
    /// machine is for that one first.
    func prepareMore() {
        let clock = services.configuration.clock
        while state.withLock({ $0.needsSnapshot(now: clock()) }) {
            let environment = Environment(
                pool: self, services: services, on: services.eventLoopGroup.next(), kind: .snapStart)
            let isWanted = state.withLock { state in
                guard !state.isShutDown, state.snapshots.begin(environment, now: clock()) else { return false }
                state.environments.insert(environment)
                return true
            }
            guard isWanted else { return environment.discard() }
            services.admission.enter(version.key, mebibytes: self.expectedMiB) { admitted in
                switch admitted {
                case .success(let place): environment.start(place)
                case .failure: environment.close()
                }
            }
        }
    }

    // MARK: What environments say

    /// An environment has initialised, up to its snapshot.
    func prepared(_ environment: Environment) {
        let prepared = state.withLock { state in
            state.claimed.contains(environment) ? nil : state.snapshots.initialised(environment)
        }
        switch prepared {
        case .wait: environment.awaitRestoration()
        case .close: environment.close()
        case nil: environment.restore()
        }
        published(nil)
        prepareMore()
    }

    /// An environment that was to be restored had ended by then: an invocation needs another in its place.
    func restorationFailed(_ environment: Environment) {
        state.withLock { state in
            state.environments.remove(environment)
            state.claimed.remove(environment)
        }
        startEnvironment()
    }

    /// An environment could not be started, initialised or restored.
    func snapshotFailed(_ environment: Environment, _ failure: SnapshotFailure) {
        let (setback, work) = state.withLock { state in
            state.environments.remove(environment)
            let wasClaimed = state.claimed.remove(environment) != nil
            return (state.snapshots.lost(environment), wasClaimed ? state.machine.startFailed() : nil)
        }
        published(failure)
        waitAfter(setback)
        if setback == .none { prepareMore() }
        switch failure {
        case .initialisation, .retired: work?.fail(.restoreFailed)
        case .unavailable(let error): work?.fail(error)
        }
        forgetIfEmpty()
    }

    func waitAfter(_ setback: SnapshotStateMachine<Environment>.Setback) {
        guard case .pause(let number) = setback else { return }
        let configuration = services.configuration
        let factor = 1 << min(number - 1, 20)
        let delay = min(configuration.provisionedRetryDelay * factor, configuration.provisionedRetryLimit)
        services.eventLoopGroup.any().scheduleTask(in: TimeAmount(delay)) {
            self.state.withLock { $0.snapshots.resume() }
            self.prepareMore()
        }
    }

    /// Whether an environment that has waited for long may end.
    func reapSnapshot(_ environment: Environment) -> Bool {
        let now = services.configuration.clock()
        return state.withLock { $0.snapshots.reap(environment, now: now) }
    }
}

extension EnvironmentPool.State {
    fileprivate func needsSnapshot(now: UInt64) -> Bool {
        !isShutDown && claimed.isEmpty && snapshots.needsAnother(now: now)
    }
}
