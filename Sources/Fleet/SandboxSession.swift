import NIOCore
import RuntimeAPI
import Sandbox

#if canImport(Glibc)
    import Glibc
#endif

/// What happens in one sandbox, told on its event loop until ``SandboxSession/end()``.
protocol SandboxSessionDelegate: AnyObject, Sendable {
    func sessionStarted()
    /// The sandbox could not be started. Nothing else comes.
    func sessionFailedToStart(_ error: SandboxError)
    func sessionBecameReady()
    func sessionBeganResponse(contentType: String?)
    /// - Returns: false when no more is to come until ``SandboxSession/resumeResponse()``.
    func sessionSent(_ part: ByteBuffer) -> Bool
    func sessionReported(_ report: RuntimeReport)
    /// The runtime has its answer to what it reported, or to anything else that it sent.
    func sessionWasAnswered()
    /// The runtime has initialised and waits for ``SandboxSession/restore()``.
    func sessionAwaitsRestore()
    func sessionFailedToRestore(document: ByteBuffer, type: RuntimeErrorType)
    func sessionCredentials(for token: String) -> ByteBuffer?
    func sessionFailedToInitialise(document: ByteBuffer, type: RuntimeErrorType)
    func sessionWrote(_ output: ByteBuffer)
    /// Extensions wrote something, which may be after the session has been ended, while they shut down.
    func sessionWroteOfExtensions(_ output: ByteBuffer)
    func sessionSubscribed(_ name: String, _ subscription: TelemetrySubscription)
    /// The runtime or an extension has ended, and all that it wrote and sent has been delivered. The session is of no
    /// more use.
    func sessionEnded(_ failure: EnvironmentFailure)
}

/// Why an environment is shut down, as extensions hear it. Lambda spells it in lower case, other than its guide.
enum ShutdownReason: String {
    case spindown
    case timeout
    case failure

    init(_ failure: EnvironmentFailure) {
        if case .timedOut = failure { self = .timeout } else { self = .failure }
    }
}

/// One sandbox from its start to its end, with its Runtime API, its output and its memory gauge.
///
/// Confined to its event loop.
final class SandboxSession: RuntimeAPIDelegate, @unchecked Sendable {
    struct Live {
        var id: UInt64
        var memoryPeak: Int32
        /// Nil where nothing can be frozen.
        var ice: Ice?
        var output: OutputReader
        var server: RuntimeAPIServer?
        var daemon: TraceDaemon?
        /// Of a sandbox with external extensions.
        var extensions: Extensions?
    }
    struct Extensions {
        /// Of those that were started.
        var names: [String]
        var control: ProcessControl
        var output: OutputReader
        var runtime = Runtime.waiting
        /// Whose processes have ended.
        var ended: Set<String> = []

        enum Runtime {
            case waiting, running, ended
        }

        mutating func note(_ report: ProcessReport) {
            guard case .ended = report.event else { return }
            if report.process == 0 {
                runtime = .ended
            } else if names.indices.contains(report.process - 1) {
                ended.insert(names[report.process - 1])
            }
        }
    }
    enum State {
        case new
        case launching
        /// As `launching`, but the sandbox is not wanted any more.
        case abandoned
        case live(Live)
        /// Its extensions shut down. The delegate hears only what they write.
        case stopping(Live, Stop)
        /// Dead, but what it left in sockets and in the pipe is still being read.
        case settling(Live, SandboxExit)
        case ended
    }

    let eventLoop: any EventLoop
    let sandboxing: any Sandboxing
    private let tracker: SandboxTracker
    let configuration: FleetConfiguration
    private let function: RuntimeAPIFunction
    let telemetry: TelemetryHub
    private let makeDaemon: () -> TraceDaemon?
    var delegate: (any SandboxSessionDelegate)?
    /// Called once, when nothing of the sandbox is of any use any more: after its extensions have had their time.
    private var onOver: (() -> Void)?
    /// The path of the runtime's program.
    var command = ""
    /// Where an image's program starts.
    var imageDirectory: String?
    var memoryLimitBytes: Int64 = 0
    /// Why the session is of no more use, and whether the delegate has heard of it.
    var failure: EnvironmentFailure?
    var isTold = false
    var state = State.new
    /// What ``memoryPeakBytes()`` last said.
    private(set) var lastPeakBytes: Int64 = 0
    private var isFrozen = false
    /// ``raise()`` was called before the sandbox ran.
    private var mustRaise = false
    var wasTakenAtEnd = false

    init(
        on eventLoop: any EventLoop, sandboxing: any Sandboxing, tracker: SandboxTracker,
        configuration: FleetConfiguration, function: RuntimeAPIFunction, telemetry: TelemetryHub,
        makeDaemon: @escaping () -> TraceDaemon? = { nil }, delegate: any SandboxSessionDelegate,
        onOver: @escaping () -> Void
    ) {
        self.eventLoop = eventLoop
        self.sandboxing = sandboxing
        self.tracker = tracker
        self.configuration = configuration
        self.function = function
        self.telemetry = telemetry
        self.makeDaemon = makeDaemon
        self.delegate = delegate
        self.onOver = onOver
    }

    func start(_ spec: SandboxSpec) {
        eventLoop.assertInEventLoop()
        state = .launching
        command = spec.arguments.first ?? ""
        imageDirectory = spec.root == nil ? spec.workingDirectory : nil
        memoryLimitBytes = Int64(spec.limits.memoryMiB) << 20
        tracker.started()
        sandboxing.start(
            spec,
            completion: { result in self.eventLoop.execute { self.launched(result) } },
            exit: { exit in self.eventLoop.execute { self.exited(exit) } })
    }

    /// Gives the runtime an invocation; only after ``SandboxSessionDelegate/sessionBecameReady()``.
    func dispatch(_ invocation: RuntimeInvocation) {
        guard case .live(let live) = state else { return }
        if isFrozen { thaw(live) }
        live.server?.dispatch(invocation)
    }

    /// Whether the runtime waits for ``restore()``.
    var awaitsRestore: Bool { if case .live(let live) = state { live.server?.awaitsRestore ?? false } else { false } }

    /// Lets the runtime go on. Only while it ``awaitsRestore``.
    func restore() {
        guard case .live(let live) = state else { return }
        if isFrozen { thaw(live) }
        live.server?.restore()
    }

    /// Whether ``freeze()`` may be called.
    var canFreeze: Bool { if case .live(let live) = state { live.ice != nil && !isFrozen } else { false } }

    /// Nothing in the sandbox runs until there is something to do for it. Only while its runtime and its extensions
    /// wait.
    ///
    /// - Returns: false while extensions have yet to get telemetry, and it must be tried again.
    func freeze() -> Bool {
        guard case .live(let live) = state, let ice = live.ice else { return true }
        guard telemetry.isQuiet else { return false }
        isFrozen = true
        ice.freeze()
        return true
    }

    func thaw(_ live: Live) {
        isFrozen = false
        live.ice?.thaw()
    }

    /// INIT yields no more.
    func raise() {
        switch state {
        case .live(let live): sandboxing.raise(live.id)
        case .new, .launching: mustRaise = true
        case .abandoned, .stopping, .settling, .ended: break
        }
    }

    /// More of the response is wanted, after ``SandboxSessionDelegate/sessionSent(_:)`` returned false.
    func resumeResponse() {
        switch state {
        case .live(let live), .stopping(let live, _), .settling(let live, _): live.server?.resumeResponse()
        case .new, .launching, .abandoned, .ended: break
        }
    }

    /// INIT is over: from now on the sandbox gets the processor time that its memory earns.
    func endInitialisation() {
        guard case .live(let live) = state else { return }
        sandboxing.settle(live.id)
    }

    /// Whether the sandbox runs, as far as is known.
    var isAlive: Bool { if case .live = state { true } else { false } }

    /// Whether the runtime has been sent the current invocation.
    var invocationWasTaken: Bool {
        switch state {
        case .live(let live), .settling(let live, _): live.server?.invocationWasTaken ?? false
        case .new, .launching, .abandoned, .stopping, .ended: wasTakenAtEnd
        }
    }

    /// When the runtime began and ended its answer to the current invocation; nil while it has not.
    var answerTimes: (began: NIODeadline, ended: NIODeadline)? {
        switch state {
        case .live(let live), .settling(let live, _): live.server?.answerTimes
        case .new, .launching, .abandoned, .stopping, .ended: nil
        }
    }

    /// Whether there are extensions, in processes of their own or in the runtime's.
    var hasExtensions: Bool { if case .live(let live) = state { live.server?.hasExtensions ?? false } else { false } }

    /// How long extensions went on after the runtime had answered, once they and the runtime are ready again: not at
    /// all where they were through before it. Nil where none had the event.
    var extensionTime: TimeAmount? {
        guard case .live(let live) = state, let ended = live.server?.extensionsEnded,
            let answered = live.server?.answerTimes?.ended
        else { return nil }
        return max(.zero, ended - answered)
    }

    /// Calls `body` when all that the processes have written so far has been delivered: mostly at once.
    func whenDrained(_ body: @escaping () -> Void) {
        switch state {
        case .live(let live), .stopping(let live, _), .settling(let live, _):
            guard let extensions = live.extensions else { return live.output.whenDrained(body) }
            live.output.whenDrained { extensions.output.whenDrained(body) }
        case .new, .launching, .abandoned, .ended: body()
        }
    }

    /// The extensions, internal ones included.
    var extensionStatuses: [ExtensionStatus] {
        if case .live(let live) = state { live.server?.extensionStatuses ?? [] } else { [] }
    }

    /// The highest use of memory so far, in bytes; 0 where the host does not say.
    func memoryPeakBytes() -> Int64 {
        switch state {
        case .live(let live), .stopping(let live, _), .settling(let live, _):
            if let peak = readDecimal(live.memoryPeak) { lastPeakBytes = max(lastPeakBytes, peak) }
        case .new, .launching, .abandoned, .ended: break
        }
        return lastPeakBytes
    }

    /// Kills the sandbox, if it lives, and lets go of everything. The delegate hears nothing more, but for what
    /// extensions write while they shut down.
    func end(_ reason: ShutdownReason) {
        eventLoop.assertInEventLoop()
        switch state {
        case .new:
            state = .ended
            over()
        case .launching:
            state = .abandoned
            over()
        case .abandoned, .ended, .stopping: return
        case .live(let live) where live.server?.hasExtensions == true: return stop(live, reason)
        case .live(let live):
            state = .ended
            sandboxing.kill(live.id)
            release(live)
        case .settling(let live, _):
            state = .ended
            release(live)
        }
        delegate = nil
    }

    func release(_ live: Live) {
        telemetry.close()
        live.ice?.close()
        live.server?.close()
        live.daemon?.close()
        live.output.close()
        live.extensions?.output.close()
        live.extensions?.control.close()
        if live.memoryPeak >= 0 { close(live.memoryPeak) }
        over()
    }

    private func over() {
        let onOver = self.onOver
        self.onOver = nil
        onOver?()
    }

    // MARK: The launcher's word

    private func launched(_ result: Result<StartedSandbox, SandboxError>) {
        switch (result, state) {
        case (.failure(let error), _):
            state = .ended
            tracker.ended()
            let delegate = self.delegate
            self.delegate = nil
            delegate?.sessionFailedToStart(error)
            over()
        case (.success(let sandbox), .launching): serve(sandbox)
        case (.success(let sandbox), _):
            sandboxing.kill(sandbox.id)
            let extensions = [sandbox.extensions?.control ?? -1, sandbox.extensions?.output ?? -1]
            for descriptor in [sandbox.runtimeAPIListener, sandbox.output, sandbox.memoryPeak, sandbox.freezer]
                + extensions
            where descriptor >= 0 {
                close(descriptor)
            }
            state = .ended
        }
    }

    private func serve(_ sandbox: StartedSandbox) {
        let output = OutputReader(
            descriptor: sandbox.output, on: eventLoop, bytesPerSecond: configuration.outputBytesPerSecond)
        let extensions = sandbox.extensions.map(makeExtensions)
        let daemon = makeDaemon()
        state = .live(
            Live(
                id: sandbox.id, memoryPeak: sandbox.memoryPeak,
                ice: sandbox.freezer >= 0 ? Ice(sandbox.freezer) : nil, output: output, daemon: daemon,
                extensions: extensions))
        if mustRaise { sandboxing.raise(sandbox.id) }
        if let daemon {
            let eventLoop = self.eventLoop
            sandboxing.makeDatagramSocket(sandbox.id, port: UInt16(TraceDaemon.port)) { socket in
                eventLoop.execute { daemon.start(socket) }
            }
        }
        delegate?.sessionStarted()
        output.start(
            onOutput: { [weak self] in self?.delegate?.sessionWrote($0) },
            onClose: { [weak self] in self?.settle() })
        if let extensions { begin(extensions, of: sandbox.extensions?.names ?? []) }
        var limits = RuntimeAPILimits()
        // Each has a connection for its events, and some more.
        limits.connections += 4 * (extensions?.names.count ?? 0)
        RuntimeAPIServer.start(
            listener: sandbox.runtimeAPIListener, on: eventLoop, limits: limits, function: function,
            externalExtensions: extensions?.names ?? [], delegate: self
        ).whenComplete { result in
            guard case .live(var live) = self.state, case .success(let server) = result else {
                if case .success(let server) = result { server.close() }
                // Without its Runtime API the sandbox is of no use; its end is told as any other.
                if case .live(let live) = self.state { self.sandboxing.kill(live.id) }
                return
            }
            live.server = server
            self.state = .live(live)
        }
    }

    private func exited(_ exit: SandboxExit) {
        tracker.ended()
        let live: Live
        switch state {
        case .live(let present): live = present
        case .stopping(_, let stop): return finish(stop)
        case .launching:
            state = .ended
            return over()
        case .new, .abandoned, .settling, .ended: return
        }
        state = .settling(live, exit)
        // The loop looks at its sockets before it runs a task that is due later: an answer that the runtime sent just
        // before it ended is taken first.
        eventLoop.scheduleTask(in: .milliseconds(1)) { self.settle() }
        eventLoop.scheduleTask(in: .milliseconds(500)) { self.settled() }
    }

    /// Ends the settling once nothing is left to read.
    func settle() {
        guard case .settling(let live, _) = state else { return }
        guard live.server?.connectionCount ?? 0 == 0, !live.output.isOpen,
            live.extensions?.output.isOpen != true
        else { return }
        settled()
    }

    private func settled() {
        guard case .settling(let live, let exit) = state else { return }
        _ = memoryPeakBytes()
        wasTakenAtEnd = invocationWasTaken
        state = .ended
        let delegate = self.delegate
        self.delegate = nil
        if !isTold { delegate?.sessionEnded(failure ?? failure(of: exit, live)) }
        release(live)
    }

    /// What the end of the runtime means: an extension in its process may have said more.
    func failure(of exit: SandboxExit, _ live: Live) -> EnvironmentFailure {
        if let error = exit.failure,
            let failure = EnvironmentFailure(error, command: command, image: imageDirectory)
        {
            return failure
        }
        guard let type = live.server?.extensionError else { return .exited(exit) }
        return .extension(type: type, reason: exit.goText)
    }

    // MARK: The runtime's word

    /// The delegate, unless all that it wants to hear is what extensions write.
    private var audience: (any SandboxSessionDelegate)? { if case .stopping = state { nil } else { delegate } }

    func runtimeBecameReady() {
        telemetry.endSubscriptions()
        audience?.sessionBecameReady()
    }

    func runtimeAwaitsRestore() {
        telemetry.endSubscriptions()
        audience?.sessionAwaitsRestore()
    }

    func runtimeFailedToRestore(document: ByteBuffer, type: RuntimeErrorType) {
        audience?.sessionFailedToRestore(document: document, type: type)
    }

    func credentials(for token: String) -> ByteBuffer? { delegate?.sessionCredentials(for: token) }

    func runtimeBeganResponse(contentType: String?) { audience?.sessionBeganResponse(contentType: contentType) }

    func runtimeSent(_ part: ByteBuffer) -> Bool { audience?.sessionSent(part) ?? true }

    func runtimeReported(_ report: RuntimeReport) { audience?.sessionReported(report) }

    func runtimeWasAnswered() { audience?.sessionWasAnswered() }

    func runtimeFailedToInitialise(document: ByteBuffer, type: RuntimeErrorType) {
        audience?.sessionFailedToInitialise(document: document, type: type)
    }

    func runtimeConnectionClosed() { settle() }

    func extensionsRegistered() {
        guard case .live(var live) = state, live.extensions?.runtime == .waiting else { return }
        live.extensions?.runtime = .running
        state = .live(live)
        live.extensions?.control.order(.run)
    }

    func extensionSubscribed(_ name: String, _ subscription: TelemetrySubscription) {
        guard case .live(let live) = state else { return }
        let (sandboxing, eventLoop, id) = (self.sandboxing, self.eventLoop, live.id)
        audience?.sessionSubscribed(name, subscription)
        telemetry.subscribe(name, subscription) { completion in
            sandboxing.makeSocket(id) { socket in eventLoop.execute { completion(socket) } }
        }
    }
}

/// Reads the decimal number at the start of a file of a cgroup.
private func readDecimal(_ descriptor: Int32) -> Int64? {
    guard descriptor >= 0 else { return nil }
    return withUnsafeTemporaryAllocation(byteCount: 32, alignment: 1) { space in
        let count = pread(descriptor, space.baseAddress, space.count, 0)
        guard count > 0 else { return nil }
        var value: Int64 = 0
        for byte in space[..<count] {
            guard (0x30...0x39).contains(byte) else { break }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            value = product &+ Int64(byte &- 0x30)
        }
        return value
    }
}
