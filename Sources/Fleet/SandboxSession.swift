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
    func sessionFailedToInitialise(document: ByteBuffer, type: RuntimeErrorType)
    func sessionWrote(_ output: ByteBuffer)
    /// Every process of the sandbox is dead and all that they wrote and sent has been delivered. Nothing else comes.
    func sessionExited(_ exit: SandboxExit)
}

/// One sandbox from its start to its end, with its Runtime API, its output and its memory gauge.
///
/// Confined to its event loop.
final class SandboxSession: RuntimeAPIDelegate, @unchecked Sendable {
    private struct Live {
        var id: UInt64
        var memoryPeak: Int32
        var output: OutputReader
        var server: RuntimeAPIServer?
    }
    private enum State {
        case new
        case launching
        /// As `launching`, but the sandbox is not wanted any more.
        case abandoned
        case live(Live)
        /// Dead, but what it left in sockets and in the pipe is still being read.
        case settling(Live, SandboxExit)
        case ended
    }

    private let eventLoop: any EventLoop
    private let sandboxing: any Sandboxing
    private let tracker: SandboxTracker
    private let outputBytesPerSecond: Int
    private var delegate: (any SandboxSessionDelegate)?
    private var state = State.new
    private var lastPeakBytes: Int64 = 0
    private var wasTakenAtEnd = false

    init(
        on eventLoop: any EventLoop, sandboxing: any Sandboxing, tracker: SandboxTracker, outputBytesPerSecond: Int,
        delegate: any SandboxSessionDelegate
    ) {
        self.eventLoop = eventLoop
        self.sandboxing = sandboxing
        self.tracker = tracker
        self.outputBytesPerSecond = outputBytesPerSecond
        self.delegate = delegate
    }

    func start(_ spec: SandboxSpec) {
        eventLoop.assertInEventLoop()
        state = .launching
        tracker.started()
        sandboxing.start(
            spec,
            completion: { result in self.eventLoop.execute { self.launched(result) } },
            exit: { exit in self.eventLoop.execute { self.exited(exit) } })
    }

    /// Gives the runtime an invocation; only after ``SandboxSessionDelegate/sessionBecameReady()``.
    func dispatch(_ invocation: RuntimeInvocation) {
        guard case .live(let live) = state else { return }
        live.server?.dispatch(invocation)
    }

    /// More of the response is wanted, after ``SandboxSessionDelegate/sessionSent(_:)`` returned false.
    func resumeResponse() {
        switch state {
        case .live(let live), .settling(let live, _): live.server?.resumeResponse()
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
        case .new, .launching, .abandoned, .ended: wasTakenAtEnd
        }
    }

    /// Calls `body` when all that the processes have written so far has been delivered: mostly at once.
    func whenDrained(_ body: @escaping () -> Void) {
        switch state {
        case .live(let live), .settling(let live, _): live.output.whenDrained(body)
        case .new, .launching, .abandoned, .ended: body()
        }
    }

    /// The highest use of memory so far, in bytes; 0 where the host does not say.
    func memoryPeakBytes() -> Int64 {
        switch state {
        case .live(let live), .settling(let live, _):
            if let peak = readDecimal(live.memoryPeak) { lastPeakBytes = max(lastPeakBytes, peak) }
        case .new, .launching, .abandoned, .ended: break
        }
        return lastPeakBytes
    }

    /// Kills the sandbox, if it lives, and lets go of everything. The delegate hears nothing more.
    func end() {
        eventLoop.assertInEventLoop()
        delegate = nil
        switch state {
        case .new: state = .ended
        case .launching: state = .abandoned
        case .abandoned, .ended: return
        case .live(let live):
            state = .ended
            sandboxing.kill(live.id)
            release(live)
        case .settling(let live, _):
            state = .ended
            release(live)
        }
    }

    private func release(_ live: Live) {
        live.server?.close()
        live.output.close()
        if live.memoryPeak >= 0 { close(live.memoryPeak) }
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
        case (.success(let sandbox), .launching): serve(sandbox)
        case (.success(let sandbox), _):
            sandboxing.kill(sandbox.id)
            for descriptor in [sandbox.runtimeAPIListener, sandbox.output, sandbox.memoryPeak] where descriptor >= 0 {
                close(descriptor)
            }
            state = .ended
        }
    }

    private func serve(_ sandbox: StartedSandbox) {
        let output = OutputReader(descriptor: sandbox.output, on: eventLoop, bytesPerSecond: outputBytesPerSecond)
        state = .live(Live(id: sandbox.id, memoryPeak: sandbox.memoryPeak, output: output))
        delegate?.sessionStarted()
        output.start(
            onOutput: { [weak self] in self?.delegate?.sessionWrote($0) },
            onClose: { [weak self] in self?.settle() })
        RuntimeAPIServer.start(listener: sandbox.runtimeAPIListener, on: eventLoop, delegate: self)
            .whenComplete { result in
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
        guard case .live(let live) = state else {
            if case .launching = state { state = .ended }
            return
        }
        state = .settling(live, exit)
        // The loop looks at its sockets before it runs a task that is due later: an answer that the runtime sent just
        // before it ended is taken first.
        eventLoop.scheduleTask(in: .milliseconds(1)) { self.settle() }
        eventLoop.scheduleTask(in: .milliseconds(500)) { self.settled() }
    }

    /// Ends the settling once nothing is left to read.
    private func settle() {
        guard case .settling(let live, _) = state else { return }
        guard live.server?.connectionCount ?? 0 == 0, !live.output.isOpen else { return }
        settled()
    }

    private func settled() {
        guard case .settling(let live, let exit) = state else { return }
        _ = memoryPeakBytes()
        wasTakenAtEnd = invocationWasTaken
        state = .ended
        let delegate = self.delegate
        self.delegate = nil
        delegate?.sessionExited(exit)
        release(live)
    }

    // MARK: The runtime's word

    func runtimeBecameReady() { delegate?.sessionBecameReady() }

    func runtimeBeganResponse(contentType: String?) { delegate?.sessionBeganResponse(contentType: contentType) }

    func runtimeSent(_ part: ByteBuffer) -> Bool { delegate?.sessionSent(part) ?? true }

    func runtimeReported(_ report: RuntimeReport) { delegate?.sessionReported(report) }

    func runtimeFailedToInitialise(document: ByteBuffer, type: RuntimeErrorType) {
        delegate?.sessionFailedToInitialise(document: document, type: type)
    }

    func runtimeConnectionClosed() { settle() }
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
