import NIOCore
import Synchronization

/// The environments of one function version.
///
/// Decides inside its lock (``PoolStateMachine``, ``ProvisionedStateMachine``) and acts outside of it.
final class EnvironmentPool: Sendable {
    let version: FunctionVersion
    let concurrency: VersionConcurrency
    let services: FleetServices
    let state: Mutex<State>

    struct State {
        /// The environments that are started for invocations.
        var machine = PoolStateMachine<Environment, Work>()
        /// Those that are started ahead of them.
        var provisioned: ProvisionedStateMachine<Environment, Work>
        /// Those that are initialised ahead and wait to be restored. What has been restored is in `machine`.
        var snapshots: SnapshotStateMachine<Environment>
        /// Those of a SnapStart version that `machine` counts as starting: an invocation waits for each.
        var claimed: Set<Environment> = []
        /// Who waits for the first that is initialised ahead.
        var publications: [@Sendable (SnapshotFailure?) -> Void] = []
        /// Of the target that `provisioned` has.
        var generation = ""
        /// Every environment that is not closed, to end them all.
        var environments: Set<Environment> = []
        /// The invocations that wait for an environment that is about to be free, and until when, in that order. Most
        /// are long served when their time comes: one timer, for the first, does for all.
        var patient = CircularBuffer<(id: UInt64, until: NIODeadline)>()
        var isTimerSet = false
        var isShutDown = false
        /// Set once the fleet has forgotten the pool.
        var isForgotten = false

        var isEmpty: Bool {
            machine.isEmpty && provisioned.isEmpty && snapshots.isEmpty && environments.isEmpty
        }
    }

    init(version: FunctionVersion, services: FleetServices, concurrency: VersionConcurrency) {
        self.version = version
        self.services = services
        self.concurrency = concurrency
        let configuration = services.configuration
        state = Mutex(
            State(
                provisioned: ProvisionedStateMachine(
                    width: configuration.provisionedWidth, attempts: configuration.provisionedAttempts),
                snapshots: SnapshotStateMachine(
                    width: configuration.snapshotWidth, limit: configuration.snapshotLimit,
                    window: configuration.snapshotWindow.microseconds,
                    idle: configuration.snapshotIdleTimeout.microseconds)))
    }

    /// Takes an invocation; false when the pool has been forgotten and another must be asked.
    func submit(_ work: Work) -> Bool { submit(work, .new) }

    /// Takes an invocation back whose environment was gone before it began.
    func resubmit(_ work: Work) { _ = submit(work, .again) }

    private enum Attempt {
        case new
        /// It has been admitted before.
        case again
        /// It has waited for an environment of provisioned concurrency for long enough.
        case onDemand
    }

    private enum Submitted {
        case run(Environment)
        case start
        case wait
        case waitPatiently
        case tooFast
        case shutDown
        case forgotten
    }

    private func submit(_ work: Work, _ attempt: Attempt) -> Bool {
        let submitted: Submitted = state.withLock { state in
            if state.isShutDown { return .shutDown }
            if state.isForgotten, attempt == .new { return .forgotten }
            return take(work, attempt, &state)
        }
        switch submitted {
        case .run(let environment): environment.run(work)
        case .start: startEnvironment()
        case .wait: break
        case .waitPatiently: beginPatience(work.id)
        case .tooFast: work.fail(.throttled(reason: ThrottleReason.rate))
        case .shutDown: work.fail(.shuttingDown)
        case .forgotten: return false
        }
        return true
    }

    private func take(_ work: Work, _ attempt: Attempt, _ state: inout State) -> Submitted {
        let isNear = { (environment: Environment) in environment.eventLoop === work.eventLoop }
        if work.isProvisioned, attempt != .onDemand {
            switch state.provisioned.acquire(work, isNear: isNear) {
            case .run(let environment): return .run(environment)
            case .waitPatiently: return .waitPatiently
            case .none: break
            }
        }
        let acquired =
            attempt == .new
            ? state.machine.acquire(work, isNear: isNear, mayStart: mayStart)
            : state.machine.acquireAgain(work, isNear: isNear)
        switch acquired {
        case .run(let environment): return .run(environment)
        case .start: return .start
        case .wait: return .wait
        case .waitPatiently: return .waitPatiently
        case .refused: return .tooFast
        }
    }

    /// Whether the function may start an environment yet, and counts that it does.
    func mayStart() -> Bool {
        let configuration = services.configuration
        return concurrency.function.burst.admit(
            configuration.burstEnvironments, window: configuration.burstWindow.microseconds, now: configuration.clock())
    }

    func startEnvironment() {
        if version.isSnapStart, restoreOne() { return }
        services.admission.enter(version.key, mebibytes: self.expectedMiB) { self.startEnvironment($0) }
    }

    private func startEnvironment(_ admitted: Result<Admission.Place, FleetError>) {
        switch admitted {
        case .failure(let error):
            state.withLock { $0.machine.startFailed() }?.fail(error)
            forgetIfEmpty()
        case .success(let place):
            let environment = Environment(
                pool: self, services: services, on: services.eventLoopGroup.any(),
                kind: version.isSnapStart ? .snapStart : .onDemand)
            let mayStart: Bool? = state.withLock { state in
                guard state.isShutDown || state.machine.isStillToStart() else { return nil }
                if environment.kind == .snapStart { state.claimed.insert(environment) }
                if state.isShutDown { return false }
                state.environments.insert(environment)
                return true
            }
            switch mayStart {
            case true: return environment.start(place)
            case false: environment.close()
            default: environment.discard()
            }
            place.memory.release()
            place.leave()
            if mayStart == nil { forgetIfEmpty() }
        }
    }

    /// What one more environment will hold, as far as is known, MiB.
    var expectedMiB: Int {
        let seen = concurrency.function.memory.load(ordering: .relaxed)
        return min(version.memoryMiB, seen > 0 ? seen : MemoryBudget.unknown)
    }

    /// An environment has been seen to hold so much.
    func note(mebibytes: Int) {
        let function = concurrency.function
        if mebibytes > function.memory.load(ordering: .relaxed) { function.memory.max(mebibytes, ordering: .relaxed) }
    }

    /// The environments on demand that are idle.
    var idle: [Environment] { state.withLock { $0.machine.idle } }

    // MARK: Patience

    private func beginPatience(_ id: UInt64) {
        let until = NIODeadline.now() + TimeAmount(services.configuration.patience)
        let mustSet = state.withLock { state in
            state.patient.append((id, until))
            defer { state.isTimerSet = true }
            return !state.isTimerSet
        }
        if mustSet { setTimer(until) }
    }

    private func setTimer(_ time: NIODeadline) {
        services.eventLoopGroup.any().scheduleTask(deadline: time) { self.endPatience() }
    }

    /// Starts an environment for every invocation whose time has come in vain. One that may not be started yet is asked
    /// for again later.
    private func endPatience() {
        let now = NIODeadline.now()
        let later = now + TimeAmount(services.configuration.patience)
        let (starts, spilled, next) = state.withLock { state in
            var (starts, spilled) = (0, [] as [Work])
            for _ in 0..<state.patient.count {
                guard let first = state.patient.first, first.until <= now || !state.isWaiting(first.id) else { break }
                state.patient.removeFirst()
                if let work = state.provisioned.giveUp(first.id) {
                    spilled.append(work)
                    continue
                }
                var isTooFast = false
                let mustStart = state.machine.patienceEnded(first.id) {
                    isTooFast = !self.mayStart()
                    return !isTooFast
                }
                if mustStart { starts += 1 }
                if isTooFast { state.patient.append((first.id, later)) }
            }
            state.isTimerSet = !state.patient.isEmpty
            return (starts, spilled, state.patient.first?.until)
        }
        for _ in 0..<starts { startEnvironment() }
        for work in spilled { _ = submit(work, .onDemand) }
        if let next { setTimer(next) }
    }

    // MARK: What environments say

    func started(_ environment: Environment) {
        guard environment.kind != .provisioned else { return provisionedStarted(environment) }
        let freed = state.withLock { state in
            if environment.kind == .snapStart { state.claimed.remove(environment) }
            return state.machine.started(environment)
        }
        act(on: environment, freed)
        if environment.kind == .snapStart { prepareMore() }
    }

    func initFailed(_ environment: Environment) {
        switch environment.kind {
        case .onDemand: break
        case .provisioned:
            provisionedFailed(environment, reason: ProvisionedState.initFailure)
            return environment.close()
        case .snapStart:
            snapshotFailed(environment, .initialisation)
            return environment.close()
        }
        act(on: environment, state.withLock { $0.machine.initFailed(environment) })
    }

    /// The invocation is answered; returns whether the environment must end, because the fleet does.
    func answered(_ environment: Environment) -> Bool {
        state.withLock { state in
            switch environment.kind {
            case .onDemand, .snapStart: state.machine.answered(environment)
            case .provisioned: state.provisioned.answered(environment)
            }
            return state.isShutDown
        }
    }

    func ready(_ environment: Environment) {
        guard environment.kind != .provisioned else { return provisionedReady(environment) }
        let isOutworn = environment.isOutworn
        act(on: environment, state.withLock { $0.machine.ready(environment, isOutworn: isOutworn) })
    }

    private func act(on environment: Environment, _ freed: PoolStateMachine<Environment, Work>.Freed) {
        switch freed {
        case .run(let work): environment.run(work)
        case .park: environment.park()
        case .close: environment.close()
        }
    }

    /// The sandbox of a starting environment could not be started.
    func startFailed(_ environment: Environment, _ error: FleetError) {
        if environment.kind == .snapStart { return snapshotFailed(environment, .unavailable(error)) }
        let work = state.withLock { state in
            state.environments.remove(environment)
            return environment.kind == .onDemand ? state.machine.startFailed() : nil
        }
        if environment.kind == .provisioned { provisionedFailed(environment, reason: "\(error)") }
        work?.fail(error)
        forgetIfEmpty()
    }

    /// The environment is closed.
    func removed(_ environment: Environment) {
        guard environment.kind != .provisioned else { return provisionedRemoved(environment) }
        let (mustStart, setback) = state.withLock { state in
            state.environments.remove(environment)
            return (state.machine.removed(environment), state.snapshots.lost(environment))
        }
        waitAfter(setback)
        if mustStart { startEnvironment() } else { forgetIfEmpty() }
    }

    /// Whether an environment that has been idle for long, or has become old, may end.
    func reap(_ environment: Environment) -> Bool {
        guard environment.kind != .provisioned else { return recycle(environment) }
        return state.withLock { $0.machine.reap(environment) }
    }

    // MARK: What the fleet says

    /// Ends the idle environments now and the others when they are free, and starts none ahead any more.
    func retire() {
        let ending = state.withLock { state in
            let idle = state.machine.retire() + state.provisioned.provision(0, .onwards) + state.snapshots.retire()
            settle(&state)
            return idle
        }
        // Before an environment that ends for it can tell another reason.
        published(.retired)
        for environment in ending { environment.close() }
        forgetIfEmpty()
    }

    /// Takes no more invocations, fails those that wait, and ends every environment that runs none.
    func shutDown() {
        let (free, waiting) = state.withLock { state in
            state.isShutDown = true
            let finishing = state.machine.finishingEnvironments + state.provisioned.finishingEnvironments
            let idle = state.machine.retire() + state.provisioned.provision(0, .onwards) + state.snapshots.retire()
            return (idle + finishing, state.machine.abandonWaiting() + state.provisioned.abandonWaiting())
        }
        for work in waiting { work.fail(.shuttingDown) }
        published(.retired)
        for environment in free { environment.close() }
    }

    /// Ends every environment, whatever it does.
    func killAll() {
        for environment in state.withLock({ $0.environments }) { environment.close() }
    }

    /// What is started on demand, for tests and metrics.
    var counts: (idle: Int, busy: Int, finishing: Int, starting: Int, waiting: Int) {
        state.withLock { $0.machine.counts }
    }

    func forgetIfEmpty() {
        guard state.withLock({ $0.isEmpty }) else { return }
        services.onEmpty.call(self)
    }

    /// Whether nothing is left here; from then on ``submit(_:)`` returns false.
    func markForgotten() -> Bool {
        state.withLock { state in
            guard state.isEmpty else { return false }
            state.isForgotten = true
            // An invocation may yet come back from an environment that is gone; what serves it then ends after it.
            _ = state.machine.retire()
            return true
        }
    }
}

extension EnvironmentPool.State {
    fileprivate func isWaiting(_ id: UInt64) -> Bool { machine.isWaiting(id) || provisioned.isWaiting(id) }
}

extension Duration {
    var microseconds: UInt64 {
        UInt64(max(0, components.seconds)) * 1_000_000 + UInt64(max(0, components.attoseconds) / 1_000_000_000_000)
    }
}
