import Logging
import NIOCore
import RuntimeAPI
import Runtimes
import Sandbox

/// One execution environment: the sandbox of one function version, through INIT, its invocations and its end.
///
/// Confined to its event loop, but for ``run(_:)``, ``park()`` and ``close()``, which hop there. It tells its pool of every
/// change that the pool must know, always after its own state has changed.
///
/// An INIT that fails (an error, an exit, ten seconds) ends the sandbox but not the environment: the invocation that then
/// gets it initialises it once more within its own time limit, and answers for it when that fails too. Lambda calls that
/// a suppressed init.
final class Environment: Hashable, SandboxSessionDelegate, @unchecked Sendable {
    enum State {
        case new
        /// INIT, before any invocation. `started` is set once the sandbox runs.
        case initialising(SandboxSession, started: NIODeadline?, reported: EnvironmentFailure?)
        /// INIT has failed.
        case failed
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
    }

    /// How an invocation ends.
    enum Ending {
        case reported(RuntimeReport)
        case failed(EnvironmentFailure)
    }

    let pool: EnvironmentPool
    let services: FleetServices
    let eventLoop: any EventLoop
    var version: FunctionVersion { pool.version }
    var configuration: FleetConfiguration { services.configuration }
    var state = State.new
    var log: EnvironmentLog
    private let credentials: EnvironmentCredentials
    private var timer: DeadlineTimer?
    private var initNanoseconds: Int64?

    init(pool: EnvironmentPool, services: FleetServices, on eventLoop: any EventLoop) {
        self.pool = pool
        self.services = services
        self.eventLoop = eventLoop
        let version = pool.version
        log = EnvironmentLog(version: version, sink: services.logs, wallClock: services.configuration.wallClock)
        credentials = services.credentials.issue(
            account: version.key.account, region: version.key.region, roleARN: version.roleARN,
            functionName: version.key.name)
        timer = DeadlineTimer(on: eventLoop) { [weak self] in self?.deadlinePassed() }
    }

    static func == (one: Environment, other: Environment) -> Bool { one === other }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }

    // MARK: What the pool says

    /// Begins INIT.
    func start() {
        onLoop {
            guard case .new = self.state else { return }
            let session = self.makeSession()
            self.state = .initialising(session, started: nil, reported: nil)
            session.start(self.spec())
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
            case .new, .initialising, .retrying, .invoking, .draining, .finishing:
                preconditionFailure("the pool runs an invocation in an environment that is not free")
            }
        }
    }

    /// The pool has no work: ends the environment when it stays idle for too long.
    func park() {
        onLoop {
            guard case .idle = self.state else { return }
            self.timer?.set(self.eventLoop.now + TimeAmount(self.configuration.idleTimeout))
        }
    }

    /// Ends the environment, whatever it does.
    func close() { onLoop { self.end() } }

    private func onLoop(_ body: @escaping @Sendable () -> Void) {
        if eventLoop.inEventLoop { body() } else { eventLoop.execute(body) }
    }

    // MARK: INIT

    private func makeSession() -> SandboxSession {
        SandboxSession(
            on: eventLoop, sandboxing: services.sandboxing, tracker: services.tracker,
            outputBytesPerSecond: configuration.outputBytesPerSecond, delegate: self)
    }

    private func spec() -> SandboxSpec {
        SandboxSpec(
            root: version.runtime.root, code: version.code, arguments: version.runtime.arguments,
            environment: EnvironmentVariables.make(
                for: version, credentials: credentials, logStream: log.stream, endpointURL: configuration.endpointURL),
            limits: SandboxLimits(
                memoryMiB: version.memoryMiB, temporaryStorageMiB: version.temporaryStorageMiB,
                processes: configuration.processes, descriptors: configuration.descriptors))
    }

    func sessionStarted() {
        guard case .initialising(let session, nil, _) = state else { return }
        let now = eventLoop.now
        state = .initialising(session, started: now, reported: nil)
        timer?.set(now + TimeAmount(configuration.initTimeout))
        writeInitStart()
        log.flush()
    }

    private func writeInitStart() {
        if let substitution = version.runtime.substitution { log.write(substitution) }
        log.write(PlatformLines.initStart(runtime: version.runtime.identifier))
    }

    func sessionFailedToStart(_ error: SandboxError) {
        let failure = EnvironmentFailure(error)
        switch (state, failure) {
        case (.initialising, .some(let failure)):
            writeInitStart()
            initFailed(failure)
        case (.initialising, nil):
            state = .closed
            dispose()
            pool.startFailed(self, reason: describe(error))
        case (.retrying(_, let running, _), .some(let failure)): retryFailed(running, failure)
        case (.retrying(_, let running, _), nil):
            state = .closed
            dispose()
            running.work.fail(.unavailable(describe(error)))
            pool.removed(self)
        default: return
        }
    }

    private func describe(_ error: SandboxError) -> String {
        services.logger.error(
            "a sandbox could not be started",
            metadata: [
                "operation": "\(error.operation)", "subject": "\(error.subject)", "errno": "\(error.errno)",
                "function": "\(version.key.name)",
            ])
        return "\(error.operation) \(error.subject): errno \(error.errno)"
    }

    func sessionFailedToInitialise(document: ByteBuffer, type: RuntimeErrorType) {
        let failure = EnvironmentFailure.reported(document, type: type)
        let grace = eventLoop.now + TimeAmount(configuration.initErrorGrace)
        switch state {
        case .initialising(let session, let started, _):
            state = .initialising(session, started: started, reported: failure)
            timer?.set(grace)
        case .retrying(let session, let running, _):
            state = .retrying(session, running, reported: failure)
            timer?.set(min(grace, running.deadline))
        default: return
        }
    }

    /// INIT, the one before any invocation, has failed.
    private func initFailed(_ failure: EnvironmentFailure) {
        guard case .initialising(let session, let started, _) = state else { return }
        state = .failed
        timer?.set(nil)
        let nanoseconds = started.map { (eventLoop.now - $0).nanoseconds } ?? 0
        log.write(PlatformLines.initReport(nanoseconds: nanoseconds, phase: .initialisation, failure: failure))
        log.flush()
        session.end()
        pool.initFailed(self)
    }

    /// The suppressed init: the invocation's time runs from here on.
    private func initialiseAgain(for work: Work) {
        let now = eventLoop.now
        let running = Running(work: work, began: now, deadline: now + TimeAmount(version.timeout))
        let session = makeSession()
        state = .retrying(session, running, reported: nil)
        timer?.set(running.deadline)
        log.beginTail()
        session.start(spec())
    }

    private func retryFailed(_ running: Running, _ failure: EnvironmentFailure) {
        guard case .retrying(let session, _, _) = state else { return }
        let nanoseconds = (eventLoop.now - running.began).nanoseconds
        log.write(PlatformLines.initReport(nanoseconds: nanoseconds, phase: .invocation, failure: failure))
        log.write(PlatformLines.start(requestID: running.work.invocation.requestID, version: version.key.version))
        complete(running, .failed(failure), session: session)
    }

    func sessionBecameReady() {
        switch state {
        case .initialising(let session, let started, _):
            initNanoseconds = started.map { (eventLoop.now - $0).nanoseconds } ?? 0
            session.whenDrained { self.initialised() }
        case .retrying(let session, _, _): session.whenDrained { self.initialised() }
        case .draining(let session, let running, let ending, _):
            state = .draining(session, running, ending, isReady: true)
        case .finishing(let session):
            state = .idle(session)
            timer?.set(nil)
            pool.ready(self)
        case .new, .failed, .idle, .invoking, .closed: return
        }
    }

    /// The runtime waits for its first invocation and what it wrote until then has been read.
    private func initialised() {
        switch state {
        case .initialising(let session, _, _):
            state = .idle(session)
            timer?.set(nil)
            pool.started(self)
        case .retrying(let session, let running, _): begin(running, in: session)
        default: return
        }
    }

    // MARK: INVOKE

    private func begin(_ work: Work, in session: SandboxSession) {
        let now = eventLoop.now
        let running = Running(
            work: work, began: now, deadline: now + TimeAmount(version.timeout), initNanoseconds: initNanoseconds)
        initNanoseconds = nil
        log.beginTail()
        begin(running, in: session)
    }

    private func begin(_ running: Running, in session: SandboxSession) {
        state = .invoking(session, running)
        timer?.set(running.deadline)
        let invocation = running.work.invocation
        let left = (running.deadline - eventLoop.now).nanoseconds / 1_000_000
        session.dispatch(
            RuntimeInvocation(
                requestID: invocation.requestID, deadline: configuration.wallClock() + left,
                functionARN: invocation.invokedARN, traceID: invocation.traceID,
                clientContext: invocation.clientContext, payload: invocation.payload))
        log.write(PlatformLines.start(requestID: invocation.requestID, version: version.key.version))
        log.flush()
    }

    func sessionReported(_ report: RuntimeReport) {
        guard case .invoking(let session, let running) = state else { return }
        finish(running, .reported(report), session: session)
    }

    /// The invocation is over; its caller hears of it when the last of its output has been read.
    private func finish(_ running: Running, _ ending: Ending, session: SandboxSession) {
        state = .draining(session, running, ending, isReady: false)
        session.whenDrained { self.drained() }
    }

    private func drained() {
        guard case .draining(let session, let running, let ending, let isReady) = state else { return }
        complete(running, ending, session: session)
        if case .finishing = state, isReady { sessionBecameReady() }
    }

    /// Writes the end of the invocation's log and answers it. After a failure the environment closes.
    private func complete(_ running: Running, _ ending: Ending, session: SandboxSession) {
        let requestID = running.work.invocation.requestID
        let outcome: InvocationOutcome
        let hasFailed: Bool
        switch ending {
        case .reported(let report):
            let tail = writeEnd(running, maxMemoryUsed: session.memoryPeakBytes(), failure: nil)
            outcome = self.outcome(of: report, logTail: tail)
            state = .finishing(session)
            hasFailed = false
            pool.answered(self)
        case .failed(let failure):
            let line = failure.logLine(requestID: requestID, wallClock: configuration.wallClock())
            if let line { log.write(line) }
            let tail = writeEnd(running, maxMemoryUsed: session.memoryPeakBytes(), failure: failure)
            outcome = InvocationOutcome(
                payload: failure.document(requestID: requestID), functionError: "Unhandled", logTail: tail)
            state = .closed
            hasFailed = true
        }
        running.work.succeed(outcome)
        log.flush()
        guard hasFailed else { return }
        session.end()
        dispose()
        pool.removed(self)
    }

    private func outcome(of report: RuntimeReport, logTail: ByteBuffer) -> InvocationOutcome {
        switch report {
        case .response(let payload): InvocationOutcome(payload: payload, logTail: logTail)
        case .error(let payload, _): InvocationOutcome(payload: payload, functionError: "Unhandled", logTail: logTail)
        case .tooLarge:
            InvocationOutcome(
                payload: ErrorDocument.responseTooLarge, functionError: "Unhandled", logTail: logTail)
        case .invalidResponseMode:
            InvocationOutcome(
                payload: ErrorDocument.make(
                    type: "Runtime.InvalidResponseModeHeader", message: "Invalid function response mode"),
                functionError: "Unhandled", logTail: logTail)
        }
    }

    func sessionWrote(_ output: ByteBuffer) {
        log.writeOutput(output)
        log.flush()
    }

    /// Writes END and REPORT and returns the invocation's tail.
    private func writeEnd(_ running: Running, maxMemoryUsed bytes: Int64, failure: EnvironmentFailure?) -> ByteBuffer {
        let requestID = running.work.invocation.requestID
        var nanoseconds = (eventLoop.now - running.began).nanoseconds
        if case .timedOut = failure { nanoseconds = version.timeout.nanoseconds }
        var used = Int((bytes + 1_048_575) / 1_048_576)
        if case .exited(let exit) = failure, exit.outOfMemory { used = version.memoryMiB }
        log.write(PlatformLines.end(requestID: requestID))
        log.write(
            PlatformLines.report(
                requestID: requestID, nanoseconds: nanoseconds, memorySizeMiB: version.memoryMiB,
                maxMemoryUsedMiB: min(used, version.memoryMiB), initNanoseconds: running.initNanoseconds,
                failure: failure))
        return log.endTail()
    }

    // MARK: Ends

    func sessionExited(_ exit: SandboxExit) {
        switch state {
        case .initialising(_, _, let reported): initFailed(reported ?? .exited(exit))
        case .retrying(_, let running, let reported): retryFailed(running, reported ?? .exited(exit))
        case .invoking(let session, let running) where session.invocationWasTaken:
            complete(running, .failed(.exited(exit)), session: session)
        case .invoking(let session, let running):
            // The runtime was gone before the invocation came: another environment serves it.
            state = .finishing(session)
            end()
            pool.resubmit(running.work)
        case .draining:
            drained()
            end()
        case .idle, .finishing: end()
        case .new, .failed, .closed: return
        }
    }

    private func deadlinePassed() {
        switch state {
        case .initialising(let session, _, let reported):
            session.whenDrained { self.initFailed(reported ?? .timedOut(limit: self.configuration.initTimeout)) }
        case .retrying(let session, let running, let reported):
            session.whenDrained { self.retryFailed(running, reported ?? .timedOut(limit: self.version.timeout)) }
        case .invoking(let session, let running):
            finish(running, .failed(.timedOut(limit: version.timeout)), session: session)
        case .idle: if pool.reap(self) { end() }
        // The runtime went on after its answer until the invocation's time was over.
        case .finishing: end()
        case .new, .failed, .draining, .closed: return
        }
    }

    /// Ends the environment. An invocation in it is answered as if its process had been killed.
    private func end() {
        switch state {
        case .closed: return
        case .new, .failed: break
        case .initialising(let session, _, _), .idle(let session), .finishing(let session): session.end()
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
        case .new, .initialising: wasStarting = true
        default: wasStarting = false
        }
        state = .closed
        log.flush()
        dispose()
        if wasStarting {
            pool.startFailed(self, reason: "the environment was ended while it started")
        } else {
            pool.removed(self)
        }
    }

    private func dispose() {
        timer?.cancel()
        timer = nil
        services.credentials.revoke(accessKeyID: credentials.accessKeyID)
    }
}
