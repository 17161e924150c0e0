import NIOCore
import RuntimeAPI
import Sandbox

/// INVOKE.
extension Environment {
    func begin(_ work: Work, in session: SandboxSession) {
        let now = eventLoop.now
        let running = Running(
            work: work, began: now, deadline: now + TimeAmount(version.timeout), initNanoseconds: initNanoseconds,
            restoreNanoseconds: restoreNanoseconds)
        if initNanoseconds == nil { services.admission.noteWarm(now) }
        if initNanoseconds != nil && kind == .onDemand || restoreNanoseconds != nil { services.noteColdStart() }
        (initNanoseconds, restoreNanoseconds) = (nil, nil)
        log.beginTail(work.invocation.logTail)
        begin(running, in: session)
    }

    func begin(_ running: Running, in session: SandboxSession) {
        state = .invoking(session, running)
        timer?.set(running.deadline)
        let invocation = running.work.invocation
        beginTrace(running)
        let left = (running.deadline - eventLoop.now).nanoseconds / 1_000_000
        session.dispatch(
            RuntimeInvocation(
                requestID: invocation.requestID, deadline: configuration.wallClock() + left,
                functionARN: invocation.invokedARN, traceID: trace?.header ?? invocation.traceID,
                clientContext: invocation.clientContext, payload: invocation.payload, streams: invocation.streams))
        log.write(start(of: running))
        log.flush()
    }

    func start(of running: Running) -> PlatformEvent {
        .start(requestID: running.work.invocation.requestID, trace: running.work.invocation.traceID)
    }

    func sessionReported(_ report: RuntimeReport) {
        guard case .invoking(let session, let running) = state else { return }
        if case .streamed(.truncated, _) = report { return awaitExit(running, report, session: session) }
        isReporting = true
        defer { isReporting = false }
        finish(running, .reported(report), session: session)
    }

    func sessionWasAnswered() { catchUp() }

    /// Writes the end of the last invocation's log, if that has waited for the runtime to be answered.
    func catchUp() {
        guard let end = unwrittenEnd else { return }
        unwrittenEnd = nil
        write(end)
        log.flush()
        noteMemory(end.session)
    }

    /// How an invocation that was answered went, for its log.
    struct UnwrittenEnd {
        var running: Running
        var report: RuntimeReport
        var nanoseconds: Int64
        var session: SandboxSession
        var answered: (began: NIODeadline, ended: NIODeadline)?
    }

    @discardableResult
    private func write(_ end: UnwrittenEnd) -> ByteBuffer {
        writeEnd(
            end.running, report: end.report, nanoseconds: end.nanoseconds, maxMemoryUsed: end.session.memoryPeakBytes(),
            failure: nil, answered: end.answered)
    }

    /// The invocation is over; its caller hears of it when the last of its output has been read.
    func finish(_ running: Running, _ ending: Ending, session: SandboxSession) {
        state = .draining(session, running, ending, isReady: false)
        session.whenDrained { self.drained() }
    }

    func drained() {
        guard case .draining(let session, let running, let ending, let isReady) = state else { return }
        complete(running, ending, session: session)
        if case .finishing = state, isReady { sessionBecameReady() }
    }

    /// Writes the end of the invocation's log and answers it. After a failure the environment closes.
    func complete(_ running: Running, _ ending: Ending, session: SandboxSession) {
        switch ending {
        case .reported(let report): answer(running, report, session: session)
        case .failed(let failure): answer(running, failure, session: session)
        }
    }

    private func answer(_ running: Running, _ report: RuntimeReport, session: SandboxSession) {
        state = .finishing(session)
        trace?.answered(failure: report.errorDocument)
        extended = session.hasExtensions ? running.work.invocation.meters.map { ($0, running.began) } : nil
        let mustEnd = pool.answered(self)
        let nanoseconds = (eventLoop.now - running.began).nanoseconds
        let end = UnwrittenEnd(
            running: running, report: report, nanoseconds: nanoseconds, session: session, answered: session.answerTimes)
        switch running.work.invocation.logTail {
        case .last:
            let tail = write(end)
            running.work.succeed(outcome(of: report, logTail: tail), nanoseconds: nanoseconds)
            log.flush()
            noteMemory(session)
        case .none:
            // Whoever waits comes first: the caller, then the runtime.
            unwrittenEnd = end
            running.work.succeed(outcome(of: report, logTail: ByteBuffer()), nanoseconds: nanoseconds)
            if !isReporting { catchUp() }
        }
        if mustEnd { self.end() }
    }

    /// The runtime and all extensions wait for the next invocation.
    func meterExtensions(_ session: SandboxSession) {
        guard let (meters, began) = extended, let time = session.extensionTime else { return }
        extended = nil
        meters.extensionsEnded(
            nanoseconds: time.nanoseconds, sinceInvoked: (eventLoop.now - began).nanoseconds)
    }

    private func answer(_ running: Running, _ failure: EnvironmentFailure, session: SandboxSession) {
        state = .closed
        let requestID = running.work.invocation.requestID
        // An INIT that failed once more never got as far.
        if trace == nil { beginTrace(running) }
        trace?.answered(failure: failure.document(requestID: requestID))
        var nanoseconds = (eventLoop.now - running.began).nanoseconds
        if case .timedOut = failure { nanoseconds = version.timeout.nanoseconds }
        // In a JSON log the report's status says it.
        let line = failure.logLine(requestID: requestID, wallClock: configuration.wallClock())
        if let line, !log.isJSON { log.write(line) }
        let tail = writeEnd(
            running, report: nil, nanoseconds: nanoseconds, maxMemoryUsed: session.memoryPeakBytes(), failure: failure)
        running.work.succeed(
            InvocationOutcome(
                payload: failure.document(requestID: requestID), functionError: "Unhandled", logTail: tail),
            nanoseconds: nanoseconds)
        log.flush()
        session.end(ShutdownReason(failure))
        dispose()
        pool.removed(self)
    }

    func outcome(of report: RuntimeReport, logTail: ByteBuffer) -> InvocationOutcome {
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
        case .streamed(.complete, _): InvocationOutcome(payload: ByteBuffer(), logTail: logTail)
        case .streamed(let end, _):
            InvocationOutcome(payload: ErrorDocument.make(end), functionError: "Unhandled", logTail: logTail)
        }
    }

    func sessionWrote(_ output: ByteBuffer) {
        catchUp()
        log.writeOutput(output)
        log.flush()
    }

    func sessionWroteOfExtensions(_ output: ByteBuffer) {
        catchUp()
        log.writeExtensionOutput(output)
        log.flush()
    }

    /// Writes the events that end an invocation, and returns its tail.
    func writeEnd(
        _ running: Running, report: RuntimeReport?, nanoseconds: Int64, maxMemoryUsed bytes: Int64,
        failure: EnvironmentFailure?, answered: (began: NIODeadline, ended: NIODeadline)? = nil
    ) -> ByteBuffer {
        let invocation = running.work.invocation
        let answer = answered.map {
            PlatformEvent.Answer(
                invokedAgo: (eventLoop.now - running.began).nanoseconds,
                latency: ($0.began - running.began).nanoseconds, duration: ($0.ended - $0.began).nanoseconds)
        }
        var used = Int((bytes + 1_048_575) / 1_048_576)
        if case .exited(let exit) = failure, exit.outOfMemory { used = version.memoryMiB }
        log.write(
            .runtimeDone(
                .init(
                    requestID: invocation.requestID, nanoseconds: nanoseconds, producedBytes: report?.producedBytes,
                    answer: answer, trace: invocation.traceID, failure: failure)))
        log.write(
            .report(
                .init(
                    requestID: invocation.requestID, nanoseconds: nanoseconds,
                    maxMemoryUsedMiB: min(used, version.memoryMiB), initNanoseconds: running.initNanoseconds,
                    restoreNanoseconds: running.restoreNanoseconds, trace: invocation.traceID, failure: failure)))
        return log.endTail()
    }
}

extension RuntimeReport {
    /// The size of what the runtime sent; nil where it was refused.
    fileprivate var producedBytes: Int? {
        switch self {
        case .response(let payload), .error(let payload, _): payload.readableBytes
        case .streamed(_, let bytes): bytes
        case .tooLarge, .invalidResponseMode: nil
        }
    }
}
