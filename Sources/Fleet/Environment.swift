import NIOCore
import RuntimeAPI
import Sandbox
import Synchronization

/// One execution environment: the sandbox of one function version, through INIT, its invocations and its end.
///
/// Confined to its event loop, but for ``run(_:)``, ``park()`` and ``close()``, which hop there. It tells its pool of
/// every change that the pool must know, always after its own state has changed.
///
/// An INIT that fails (an error, an exit, ten seconds) ends the sandbox but not the environment: the invocation that
/// then gets it initialises it once more within its own time limit, and answers for it when that fails too. Lambda
/// calls that a suppressed init.
final class Environment: Hashable, SandboxSessionDelegate, @unchecked Sendable {
    enum State {
        case new
        /// INIT, before any invocation. `started` is set once the sandbox runs.
        case initialising(SandboxSession, started: NIODeadline?, reported: EnvironmentFailure?)
        /// INIT has failed.
        case failed
        /// INIT is over, and the environment waits to be restored (SnapStart).
        case prepared(SandboxSession)
        /// An invocation waits for what the runtime does after a restoration.
        case restoring(SandboxSession, began: NIODeadline, reported: EnvironmentFailure?)
        /// An invocation initialises it once more.
        case retrying(SandboxSession, Running, reported: EnvironmentFailure?)
        /// Waits for an invocation.
        case idle(SandboxSession)
        /// An invocation runs.
        case invoking(SandboxSession, Running)
        /// The invocation is over, but the last of its output is still being read. `isReady` when the runtime has
        /// already asked for the next.
        case draining(SandboxSession, Running, Ending, isReady: Bool)
        /// The invocation is answered, the runtime has not asked for the next.
        case finishing(SandboxSession)
        case closed
    }

    /// An invocation that this environment is working on.
    struct Running {
        var work: Work
        var began: NIODeadline
        var deadline: NIODeadline
        /// How long INIT took, when this is the first invocation after it.
        var initNanoseconds: Int64?
        /// How long the restoration took, likewise.
        var restoreNanoseconds: Int64?
        /// The report of a response that was cut off.
        var truncated: RuntimeReport?
    }

    /// How an invocation ends.
    enum Ending {
        case reported(RuntimeReport)
        case failed(EnvironmentFailure)
    }

    /// What it is started for: `AWS_LAMBDA_INITIALIZATION_TYPE` inside.
    enum Kind: String {
        /// An invocation that no other environment could serve.
        case onDemand = "on-demand"
        /// Invocations to come. It is never too long idle, but some time replaced.
        case provisioned = "provisioned-concurrency"
        /// Invocations to come, each of which begins with a restoration, or one that there was none to restore for.
        case snapStart = "snap-start"
    }

    let pool: EnvironmentPool
    let kind: Kind
    let services: FleetServices
    /// On the fleet's clock.
    private let born: UInt64
    let eventLoop: any EventLoop
    var version: FunctionVersion { pool.version }
    var configuration: FleetConfiguration { services.configuration }
    var state = State.new
    var log: EnvironmentLog
    /// The last that were issued.
    var credentials: EnvironmentCredentials
    /// Of all that were.
    var accessKeyIDs: [String]
    /// What SnapStart functions ask for their credentials with; nil where they are variables.
    let credentialsToken: String?
    /// The sandboxes that are not over, of which an earlier one may still shut down.
    private var sandboxes = 0
    private var isDisposed = false
    var timer: DeadlineTimer?
    /// While INIT has one.
    var place: Admission.Place?
    /// What it counts with.
    let memory = Mutex<MemoryBudget.Claim?>(nil)
    let idleSinceTime = Atomic<UInt64>(0)
    /// When it has been idle for long enough.
    private var restEnd: NIODeadline?
    var initNanoseconds: Int64?
    /// Of the restoration, until an invocation's report has it.
    var restoreNanoseconds: Int64?
    /// INIT or the restoration, until an invocation's trace has it.
    var initialisation: FunctionTrace.Initialisation?
    /// Whether the runtime's report is being taken: it is answered next.
    var isReporting = false
    var unwrittenEnd: UnwrittenEnd?
    /// Of the invocation that was answered while extensions were at work: what they take counts for it.
    var extended: (meters: InvocationMeters, began: NIODeadline)?
    /// Of the sampled invocation that runs, or has been answered and whose runtime has not asked for the next.
    var trace: FunctionTrace?

    init(pool: EnvironmentPool, services: FleetServices, on eventLoop: any EventLoop, kind: Kind = .onDemand) {
        self.pool = pool
        self.kind = kind
        self.services = services
        born = services.configuration.clock()
        self.eventLoop = eventLoop
        let version = pool.version
        log = EnvironmentLog(
            version: version, kind: kind, sink: services.logs, wallClock: services.configuration.wallClock)
        credentials = services.credentials.issue(
            account: version.key.account, region: version.key.region, roleARN: version.roleARN,
            functionName: version.key.name)
        accessKeyIDs = [credentials.accessKeyID]
        credentialsToken = kind == .snapStart ? Self.makeToken() : nil
        timer = DeadlineTimer(on: eventLoop) { [weak self] in self?.deadlinePassed() }
    }

    static func == (one: Environment, other: Environment) -> Bool { one === other }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }

    // MARK: What the pool says

    /// Begins INIT.
    func start(_ place: Admission.Place) {
        memory.withLock { $0 = place.memory }
        onLoop {
            self.place = place
            guard case .new = self.state else {
                self.leavePlace()
                return self.disposeIfOver()
            }
            let session = self.makeSession()
            self.state = .initialising(session, started: nil, reported: nil)
            session.start(self.spec(for: .initialisation))
            place.onOverdue { [weak self] in self?.yieldNoMore() }
        }
    }

    /// Runs an invocation. One at a time, when the pool says so.
    func run(_ work: Work) {
        onLoop {
            switch self.state {
            case .idle(let session) where session.isAlive: self.begin(work, in: session)
            case .idle:
                self.end()
                self.pool.resubmit(work)
            case .failed: self.initialiseAgain(for: work)
            case .closed: self.pool.resubmit(work)
            case .new, .initialising, .prepared, .restoring, .retrying, .invoking, .draining, .finishing:
                preconditionFailure("the pool runs an invocation in an environment that is not free")
            }
        }
    }

    /// The pool has no work: ends the environment when it stays idle for too long, or has become too old.
    func park() {
        idleSinceTime.store(configuration.clock(), ordering: .relaxed)
        onLoop {
            guard case .idle(let session) = self.state else { return }
            self.rest(session, for: self.restTime)
        }
    }

    /// Freezes the sandbox soon, and asks after `time` what is to become of it.
    func rest(_ session: SandboxSession, for time: Duration) {
        let end = eventLoop.now + TimeAmount(time)
        restEnd = end
        timer?.set(session.canFreeze ? freezeTime(before: end) : end)
    }

    /// Whether it is to be replaced. Who asks for credentials gets new ones in time.
    var isOutworn: Bool { kind != .snapStart && timeLeft == .zero }

    private var timeLeft: Duration {
        let (end, now) = (born + configuration.lifetime.microseconds, configuration.clock())
        return .microseconds(end - min(now, end))
    }

    private var restTime: Duration {
        switch kind {
        case .onDemand: return min(configuration.idleTimeout, timeLeft)
        case .snapStart: return configuration.idleTimeout
        case .provisioned:
            let left = timeLeft
            return left == .zero ? configuration.recyclingDelay : left
        }
    }

    /// Lets go of an environment that was not started and will not be.
    func discard() { onLoop { self.dispose() } }

    /// Ends the environment, whatever it does.
    func close() { onLoop { self.end() } }

    func onLoop(_ body: @escaping @Sendable () -> Void) {
        if eventLoop.inEventLoop { body() } else { eventLoop.execute(body) }
    }

    // MARK: Ends

    func sessionEnded(_ failure: EnvironmentFailure) {
        catchUp()
        switch state {
        case .initialising(_, _, let reported): initFailed(reported ?? failure)
        case .restoring(_, _, let reported): restoreFailed(reported ?? failure)
        case .retrying(_, let running, let reported): retryFailed(running, reported ?? failure)
        case .invoking(let session, let running) where session.invocationWasTaken:
            complete(running, .failed(failure), session: session)
        case .invoking(let session, let running):
            // The runtime was gone before the invocation came: another environment serves it.
            state = .finishing(session)
            end()
            pool.resubmit(running.work)
        case .draining:
            drained()
            end()
        case .prepared, .idle, .finishing: end()
        case .new, .failed, .closed: return
        }
    }

    func deadlinePassed() {
        switch state {
        case .initialising(let session, _, let reported):
            session.whenDrained { self.initFailed(reported ?? .timedOut(limit: self.initTimeout)) }
        case .prepared(let session), .idle(let session):
            if let end = restEnd, eventLoop.now < end {
                timer?.set(session.freeze() ? end : freezeTime(before: end))
            } else {
                restIsOver()
            }
        case .restoring(let session, _, let reported):
            session.whenDrained {
                self.restoreFailed(reported ?? .timedOut(limit: self.configuration.restoreTimeout))
            }
        case .retrying(let session, let running, let reported):
            session.whenDrained { self.retryFailed(running, reported ?? .timedOut(limit: self.version.timeout)) }
        case .invoking(let session, let running):
            if let report = running.truncated {
                timer?.set(running.deadline)
                finish(running, .reported(report), session: session)
            } else {
                finish(running, .failed(.timedOut(limit: version.timeout)), session: session)
            }
        // The runtime went on after its answer until the invocation's time was over.
        case .finishing: end()
        case .new, .failed, .draining, .closed: return
        }
    }

    private func restIsOver() {
        if case .prepared = state {
            if pool.reapSnapshot(self) { end() } else { awaitRestoration() }
        } else if pool.reap(self) {
            end()
        } else if kind == .provisioned {
            park()
        }
    }

    /// Ends the environment. An invocation in it is answered as if its process had been killed.
    func end() {
        catchUp()
        switch state {
        case .closed: return
        case .new, .failed: break
        case .initialising(let session, _, _), .restoring(let session, _, _), .prepared(let session),
            .idle(let session), .finishing(let session):
            session.end(.spindown)
        case .draining:
            drained()
            end()
            return
        case .retrying(let session, let running, _), .invoking(let session, let running):
            complete(running, .failed(.exited(SandboxExit(cause: .signalled(number: 9)))), session: session)
            return
        }
        let wasStarting: Bool
        switch state {
        case .new, .initialising, .restoring: wasStarting = true
        default: wasStarting = false
        }
        state = .closed
        log.flush()
        dispose()
        if wasStarting {
            pool.startFailed(self, .unavailable("the environment was ended while it started"))
        } else {
            pool.removed(self)
        }
    }

    func dispose() {
        timer?.cancel()
        timer = nil
        finishTrace()
        leavePlace()
        isDisposed = true
        disposeIfOver()
    }

    func sandboxBegins() { sandboxes += 1 }

    func sandboxIsOver() {
        sandboxes -= 1
        disposeIfOver()
    }

    /// Extensions may use the credentials until they have shut down.
    private func disposeIfOver() {
        guard isDisposed, sandboxes == 0 else { return }
        for accessKeyID in accessKeyIDs { services.credentials.revoke(accessKeyID: accessKeyID) }
        memory.withLock { $0 }?.release()
    }
}
