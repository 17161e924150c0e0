import NIOCore
import RuntimeAPI
import Sandbox

/// Extensions: what becomes of their processes.
extension SandboxSession {
    func makeExtensions(_ started: StartedExtensions) -> Extensions {
        Extensions(
            names: Array(started.names.prefix(10)), control: ProcessControl(descriptor: started.control, on: eventLoop),
            output: OutputReader(
                descriptor: started.output, on: eventLoop, bytesPerSecond: configuration.outputBytesPerSecond))
    }

    func begin(_ extensions: Extensions, of names: [String]) {
        extensions.output.start(
            onOutput: { [weak self] in self?.delegate?.sessionWroteOfExtensions($0) },
            onClose: { [weak self] in self?.settle() })
        extensions.control.start { [weak self] in self?.processReported($0) }
        if names.count > extensions.names.count {
            fail(.extension(type: "Extension.LaunchError", reason: "ErrTooManyExtensions"))
        }
    }

    private func processReported(_ report: ProcessReport) {
        switch state {
        case .live(var live):
            guard let names = live.extensions?.names else { return }
            live.extensions?.note(report)
            state = .live(live)
            if let failure = failure(of: report, names, live) { fail(failure) }
        case .stopping(var live, let stop):
            live.extensions?.note(report)
            state = .stopping(live, stop)
            if live.extensions?.runtime == .ended { stopExtensions(stop) }
            stop.awaited.subtract(live.extensions?.ended ?? [])
            if stop.hasToldExtensions, stop.awaited.isEmpty { finish(stop) }
        case .new, .launching, .abandoned, .settling, .ended: return
        }
    }

    private func failure(of report: ProcessReport, _ names: [String], _ live: Live) -> EnvironmentFailure? {
        let name = names.indices.contains(report.process - 1) ? names[report.process - 1] : nil
        switch (report.event, name) {
        case (.failed(let operation, let errno), .some(let name)):
            let path = "/opt/extensions/\(name)"
            return .extension(
                type: "Extension.LaunchError",
                reason: operation == "execve" ? EnvironmentFailure.executionText(path, errno) : "\(path): \(operation)")
        case (.failed(let operation, let errno), nil):
            // Without a failure for it the end of the process follows.
            return EnvironmentFailure(
                SandboxError(operation: operation, subject: "", errno: errno), command: command, image: imageDirectory)
        case (.ended(let cause), .some):
            return .extension(
                type: live.server?.extensionError ?? "Extension.Crash", reason: SandboxExit(cause: cause).goText)
        case (.ended(let cause), nil): return failure(of: exit(cause), live)
        }
    }

    /// The kernel kills with SIGKILL when the memory is used up; the group's peak is then its limit.
    private func exit(_ cause: SandboxExit.Cause) -> SandboxExit {
        let isKilled = cause == .signalled(number: 9)
        return SandboxExit(cause: cause, outOfMemory: isKilled && memoryPeakBytes() >= memoryLimitBytes - 65_536)
    }

    /// A process that all others need has ended. What it has sent is taken first.
    private func fail(_ failure: EnvironmentFailure) {
        guard self.failure == nil else { return }
        self.failure = failure
        eventLoop.scheduleTask(in: .milliseconds(1)) {
            self.whenDrained {
                guard case .live = self.state else { return }
                self.isTold = true
                self.wasTakenAtEnd = self.invocationWasTaken
                self.delegate?.sessionEnded(failure)
            }
        }
    }
}

/// The end of a sandbox with extensions.
extension SandboxSession {
    /// How far it is. Confined to the event loop.
    final class Stop: @unchecked Sendable {
        let reason: ShutdownReason
        let deadline: NIODeadline
        /// The extensions that have been told and still run.
        var awaited: Set<String> = []
        var hasToldExtensions = false
        var isFinished = false

        init(reason: ShutdownReason, deadline: NIODeadline) {
            self.reason = reason
            self.deadline = deadline
        }
    }

    /// SIGTERM to the runtime, SHUTDOWN to the extensions, SIGKILL to all, each in its time.
    func stop(_ live: Live, _ reason: ShutdownReason) {
        let now = eventLoop.now
        let limit = live.extensions == nil ? configuration.internalShutdownGrace : configuration.externalShutdownGrace
        let stop = Stop(reason: reason, deadline: now + TimeAmount(limit))
        wasTakenAtEnd = invocationWasTaken
        thaw(live)
        state = .stopping(live, stop)
        telemetry.flush()
        eventLoop.scheduleTask(deadline: stop.deadline) { self.finish(stop) }
        guard let extensions = live.extensions else { return sandboxing.terminate(live.id) }
        guard extensions.runtime == .running else { return stopExtensions(stop) }
        extensions.control.order(.terminate)
        eventLoop.scheduleTask(deadline: now + TimeAmount(configuration.runtimeShutdownGrace)) {
            self.stopExtensions(stop)
        }
    }

    /// The runtime has ended, or its time has.
    private func stopExtensions(_ stop: Stop) {
        guard case .stopping(let live, _) = state, !stop.hasToldExtensions, let server = live.server else { return }
        stop.hasToldExtensions = true
        live.extensions?.control.order(.kill)
        let left = (stop.deadline - eventLoop.now).nanoseconds / 1_000_000
        let told = server.shutDownExtensions(
            reason: stop.reason.rawValue, deadline: configuration.wallClock() + left)
        stop.awaited = Set(told).subtracting(live.extensions?.ended ?? [])
        if stop.awaited.isEmpty { finish(stop) }
    }

    /// Nobody is waited for any longer.
    func finish(_ stop: Stop) {
        guard case .stopping(let live, _) = state, !stop.isFinished else { return }
        stop.isFinished = true
        sandboxing.kill(live.id)
        whenDrained {
            guard case .stopping(let live, _) = self.state else { return }
            self.state = .ended
            self.delegate = nil
            self.release(live)
        }
    }
}
