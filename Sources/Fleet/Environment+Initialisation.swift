import Linux
import Logging
import NIOCore
import RuntimeAPI
import Runtimes
import Sandbox

/// INIT, and the suppressed init.
extension Environment {
    func makeSession() -> SandboxSession {
        let telemetry = TelemetryHub(on: eventLoop, facts: log.facts, wallClock: configuration.wallClock)
        log.telemetry = telemetry
        sandboxBegins()
        return SandboxSession(
            on: eventLoop, sandboxing: services.sandboxing, tracker: services.tracker, configuration: configuration,
            function: RuntimeAPIFunction(
                name: version.key.name, version: version.key.version, handler: version.handler,
                account: version.key.account, isSnapStart: kind == .snapStart),
            telemetry: telemetry, makeDaemon: { [weak self] in self?.makeTraceDaemon() }, delegate: self,
            onOver: sandboxIsOver)
    }

    func spec(for phase: PlatformLines.Phase) -> SandboxSpec {
        var spec = SandboxSpec(
            of: version, for: phase,
            environment: EnvironmentVariables.make(
                for: version, kind: kind, credentials: credentials, token: credentialsToken, logStream: log.stream,
                endpointURL: configuration.endpointURL),
            configuration)
        spec.precedence = place?.precedence ?? .ordinary
        return spec
    }

    /// Ahead of invocations there is more time:
    /// https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib
    var initTimeout: Duration {
        switch kind {
        case .onDemand: configuration.initTimeout
        case .provisioned, .snapStart: max(configuration.provisionedInitTimeout, version.timeout)
        }
    }

    func sessionStarted() {
        guard case .initialising(let session, nil, _) = state else { return }
        let now = eventLoop.now
        state = .initialising(session, started: now, reported: nil)
        timer?.set(now + TimeAmount(initTimeout))
        writeInitStart()
        log.flush()
    }

    func writeInitStart() {
        if let substitution = version.runtime.substitution { log.writeNotice(substitution) }
        log.write(.initStart(.initialisation))
    }

    func sessionFailedToStart(_ error: SandboxError) {
        let failure = EnvironmentFailure(
            error, command: version.runtime.arguments.first ?? "",
            image: version.runtime.isImage ? version.runtime.workingDirectory : nil)
        switch (state, failure) {
        case (.initialising, .some(let failure)):
            writeInitStart()
            initFailed(failure)
        case (.initialising, nil):
            state = .closed
            dispose()
            pool.startFailed(self, explain(error))
        case (.retrying(_, let running, _), .some(let failure)): retryFailed(running, failure)
        case (.retrying(_, let running, _), nil):
            state = .closed
            dispose()
            running.work.fail(explain(error))
            pool.removed(self)
        default: return
        }
    }

    private func explain(_ error: SandboxError) -> FleetError {
        let text = describe(error)
        if error.concernsFileSystem, let fileSystem = version.fileSystem {
            return .fileSystemNotMounted(accessPoint: fileSystem.arn)
        }
        return .unavailable(text)
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

    func writeExtensions(_ session: SandboxSession) {
        for status in session.extensionStatuses {
            log.write(
                .extensionState(
                    name: status.name, state: status.state, events: status.events, errorType: status.errorType))
        }
    }

    func sessionSubscribed(_ name: String, _ subscription: TelemetrySubscription) {
        log.write(
            .subscription(name: name, types: subscription.categories.map(\.rawValue), api: subscription.schema))
        log.flush()
    }

    /// INIT, the one before any invocation, has failed.
    func initFailed(_ failure: EnvironmentFailure) {
        guard case .initialising(let session, let started, _) = state else { return }
        state = .failed
        timer?.set(nil)
        leavePlace()
        let nanoseconds = started.map { (eventLoop.now - $0).nanoseconds } ?? 0
        log.write(.initRuntimeDone(.initialisation, failure))
        writeExtensions(session)
        log.write(.initReport(.initialisation, nanoseconds: nanoseconds, failure))
        log.flush()
        session.end(ShutdownReason(failure))
        pool.initFailed(self)
    }

    /// The suppressed init: the invocation's time runs from here on.
    func initialiseAgain(for work: Work) {
        let now = eventLoop.now
        let running = Running(work: work, began: now, deadline: now + TimeAmount(version.timeout))
        services.noteColdStart()
        let session = makeSession()
        state = .retrying(session, running, reported: nil)
        timer?.set(running.deadline)
        log.beginTail(work.invocation.logTail)
        session.start(spec(for: .invocation))
    }

    func retryFailed(_ running: Running, _ failure: EnvironmentFailure) {
        guard case .retrying(let session, _, _) = state else { return }
        let nanoseconds = (eventLoop.now - running.began).nanoseconds
        log.write(.initRuntimeDone(.invocation, failure))
        writeExtensions(session)
        log.write(.initReport(.invocation, nanoseconds: nanoseconds, failure))
        log.write(start(of: running))
        complete(running, .failed(failure), session: session)
    }

    func sessionBecameReady() {
        catchUp()
        switch state {
        case .initialising(let session, let started, _):
            initNanoseconds = started.map { (eventLoop.now - $0).nanoseconds } ?? 0
            session.whenDrained { self.initialised() }
        case .retrying(let session, _, _): session.whenDrained { self.initialised() }
        case .draining(let session, let running, let ending, _):
            state = .draining(session, running, ending, isReady: true)
        case .finishing(let session):
            finishTrace()
            meterExtensions(session)
            state = .idle(session)
            timer?.set(nil)
            pool.ready(self)
        case .invoking(let session, let running):
            guard let report = running.truncated else { return }
            finish(running, .reported(report), session: session)
            sessionBecameReady()
        case .restoring(let session, let began, nil):
            let nanoseconds = (eventLoop.now - began).nanoseconds
            session.whenDrained { self.restored(nanoseconds) }
        case .new, .failed, .prepared, .restoring, .idle, .closed: return
        }
    }

    /// The runtime waits for its first invocation and what it wrote until then has been read.
    func initialised() {
        switch state {
        case .initialising(let session, _, _) where kind == .snapStart: initialisedForSnapshot(session)
        case .initialising(let session, _, _):
            state = .idle(session)
            timer?.set(nil)
            noteInitialisation(nanoseconds: initNanoseconds ?? 0)
            log.write(.initRuntimeDone(.initialisation, nil))
            writeExtensions(session)
            log.write(.initReport(.initialisation, nanoseconds: initNanoseconds ?? 0, nil))
            pool.started(self)
            // After the first invocation is under way: its runtime need not wait for this.
            session.endInitialisation()
            noteInitialMemory(session)
            leavePlace()
        case .retrying(let session, let running, _):
            noteInitialisation(nanoseconds: (eventLoop.now - running.began).nanoseconds)
            log.write(.initRuntimeDone(.invocation, nil))
            writeExtensions(session)
            log.write(.initReport(.invocation, nanoseconds: (eventLoop.now - running.began).nanoseconds, nil))
            begin(running, in: session)
        default: return
        }
    }
}

extension SandboxSpec {
    /// The sandbox of an environment. INIT has at least one whole core, as on AWS, until the sandbox is settled. A
    /// suppressed init has what the function's memory earns: it is part of an invocation.
    init(
        of version: FunctionVersion, for phase: PlatformLines.Phase, environment: [String],
        _ configuration: FleetConfiguration
    ) {
        var limits = SandboxLimits(
            memoryMiB: version.memoryMiB, temporaryStorageMiB: version.temporaryStorageMiB,
            processes: configuration.processes, descriptors: configuration.descriptors)
        if phase == .initialisation { limits.initializationCPUMillis = max(1000, limits.cpuMillis) }
        self.init(
            root: version.runtime.root, code: version.code, layers: version.layers,
            fileSystem: version.fileSystem?.mount, arguments: ExecWrapper.command(for: version),
            fallback: version.runtime.entrypoints.dropFirst().first, environment: environment,
            workingDirectory: version.runtime.workingDirectory, limits: limits,
            bootEnvironment: EnvironmentVariables.boot(for: version),
            isForkable: configuration.zygotes && version.runtime.isForkable)
    }
}
