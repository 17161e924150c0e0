import NIOCore
import Synchronization

/// The environments of one function version.
///
/// Decides inside its lock (``PoolStateMachine``) and acts outside of it.
final class EnvironmentPool: Sendable {
    let version: FunctionVersion
    let account: AccountConcurrency
    let function: FunctionConcurrency
    private let services: FleetServices
    private let state: Mutex<State>

    private struct State {
        var machine = PoolStateMachine<Environment, Work>()
        /// Every environment that is not closed, to end them all.
        var environments: Set<Environment> = []
        /// The invocations that wait for an environment that is about to be free, and until when, in that order. Most
        /// are long served when their time comes: one timer, for the first, does for all.
        var patient = CircularBuffer<(id: UInt64, until: NIODeadline)>()
        var isTimerSet = false
        var isShutDown = false
        /// Set once the fleet has forgotten the pool.
        var isForgotten = false
    }

    init(
        version: FunctionVersion, services: FleetServices, account: AccountConcurrency, function: FunctionConcurrency
    ) {
        self.version = version
        self.services = services
        self.account = account
        self.function = function
        state = Mutex(State())
    }

    /// Takes an invocation; false when the pool has been forgotten and another must be asked.
    func submit(_ work: Work) -> Bool { submit(work, again: false) }

    /// Takes an invocation back whose environment was gone before it began.
    func resubmit(_ work: Work) { _ = submit(work, again: true) }

    private enum Submitted {
        case acquired(PoolStateMachine<Environment, Work>.Acquired)
        case refused
        case forgotten
    }

    private func submit(_ work: Work, again: Bool) -> Bool {
        let submitted: Submitted = state.withLock { state in
            if state.isShutDown { return .refused }
            if state.isForgotten, !again { return .forgotten }
            let isNear = { (environment: Environment) in environment.eventLoop === work.eventLoop }
            return .acquired(
                again ? state.machine.acquireAgain(work, isNear: isNear) : state.machine.acquire(work, isNear: isNear))
        }
        switch submitted {
        case .acquired(.run(let environment)): environment.run(work)
        case .acquired(.start): startEnvironment()
        case .acquired(.wait): break
        case .acquired(.waitPatiently):
            beginPatience(work.id)
        case .refused: work.fail(.shuttingDown)
        case .forgotten: return false
        }
        return true
    }

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

    /// Starts an environment for every invocation whose time has come in vain.
    private func endPatience() {
        let now = NIODeadline.now()
        let (starts, next) = state.withLock { state in
            var starts = 0
            while let first = state.patient.first, first.until <= now || !state.machine.isWaiting(first.id) {
                state.patient.removeFirst()
                if state.machine.patienceEnded(first.id) { starts += 1 }
            }
            state.isTimerSet = !state.patient.isEmpty
            return (starts, state.patient.first?.until)
        }
        for _ in 0..<starts { startEnvironment() }
        if let next { setTimer(next) }
    }

    private func startEnvironment() {
        let environment = Environment(pool: self, services: services, on: services.eventLoopGroup.any())
        let mayStart = state.withLock { state in
            if state.isShutDown { return false }
            state.environments.insert(environment)
            return true
        }
        if mayStart { environment.start() } else { environment.close() }
    }

    // MARK: What environments say

    func started(_ environment: Environment) {
        act(on: environment, state.withLock { $0.machine.started(environment) })
    }

    func initFailed(_ environment: Environment) {
        act(on: environment, state.withLock { $0.machine.initFailed(environment) })
    }

    /// The invocation is answered; returns whether the environment must end, because the fleet does.
    func answered(_ environment: Environment) -> Bool {
        state.withLock { state in
            state.machine.answered(environment)
            return state.isShutDown
        }
    }

    func ready(_ environment: Environment) { act(on: environment, state.withLock { $0.machine.ready(environment) }) }

    private func act(on environment: Environment, _ freed: PoolStateMachine<Environment, Work>.Freed) {
        switch freed {
        case .run(let work): environment.run(work)
        case .park: environment.park()
        case .close: environment.close()
        }
    }

    /// The sandbox of a starting environment could not be started.
    func startFailed(_ environment: Environment, _ error: FleetError) {
        let work = state.withLock { state in
            state.environments.remove(environment)
            return state.machine.startFailed()
        }
        work?.fail(error)
        forgetIfEmpty()
    }

    /// The environment is closed.
    func removed(_ environment: Environment) {
        let mustStart = state.withLock { state in
            state.environments.remove(environment)
            return state.machine.removed(environment)
        }
        if mustStart { startEnvironment() } else { forgetIfEmpty() }
    }

    /// Whether an environment that has been idle for long may end.
    func reap(_ environment: Environment) -> Bool { state.withLock { $0.machine.reap(environment) } }

    // MARK: What the fleet says

    /// Ends the idle environments now and the others when they are free.
    func retire() {
        for environment in state.withLock({ $0.machine.retire() }) { environment.close() }
        forgetIfEmpty()
    }

    /// Takes no more invocations, fails those that wait, and ends every environment that runs none.
    func shutDown() {
        let (free, waiting) = state.withLock { state in
            state.isShutDown = true
            let finishing = state.machine.finishingEnvironments
            return (state.machine.retire() + finishing, state.machine.abandonWaiting())
        }
        for work in waiting { work.fail(.shuttingDown) }
        for environment in free { environment.close() }
    }

    /// Ends every environment, whatever it does.
    func killAll() {
        for environment in state.withLock({ $0.environments }) { environment.close() }
    }

    var counts: (idle: Int, busy: Int, finishing: Int, starting: Int, waiting: Int) {
        state.withLock { $0.machine.counts }
    }

    private func forgetIfEmpty() {
        guard state.withLock({ $0.machine.isEmpty && $0.environments.isEmpty }) else { return }
        services.forget(self)
    }

    /// Whether nothing is left here; from then on ``submit(_:)`` returns false.
    func markForgotten() -> Bool {
        state.withLock { state in
            guard state.machine.isEmpty, state.environments.isEmpty else { return false }
            state.isForgotten = true
            // An invocation may yet come back from an environment that is gone; what serves it then ends after it.
            _ = state.machine.retire()
            return true
        }
    }
}
