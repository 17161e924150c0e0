import NIOCore
import RuntimeAPI

/// SnapStart: the way from INIT to the first invocation, between which any time may pass.
///
/// INIT is over when the runtime asks for `restore/next`; a runtime that asks for an invocation at once has nothing to
/// do after a restoration. From the restoration on the environment has a log stream and credentials of its own.
extension Environment {
    func sessionAwaitsRestore() {
        guard case .initialising(let session, let started, _) = state else { return }
        initNanoseconds = started.map { (eventLoop.now - $0).nanoseconds } ?? 0
        session.whenDrained { self.initialised() }
    }

    /// INIT is over and what the runtime wrote until then has been read.
    func initialisedForSnapshot(_ session: SandboxSession) {
        state = .prepared(session)
        timer?.set(nil)
        log.write(.initRuntimeDone(.initialisation, nil))
        writeExtensions(session)
        log.write(.initReport(.initialisation, nanoseconds: initNanoseconds ?? 0, nil))
        log.flush()
        // No invocation's report has it.
        initNanoseconds = nil
        session.endInitialisation()
        noteInitialMemory(session)
        leavePlace()
        pool.prepared(self)
    }

    /// The pool keeps it: asks about it again after a while.
    func awaitRestoration() {
        onLoop {
            guard case .prepared(let session) = self.state else { return }
            self.rest(session, for: self.configuration.snapshotWindow)
        }
    }

    /// An invocation waits for it.
    func restore() {
        onLoop {
            guard case .prepared(let session) = self.state, session.isAlive else {
                self.end()
                return self.pool.restorationFailed(self)
            }
            let now = self.eventLoop.now
            self.state = .restoring(session, began: now, reported: nil)
            self.timer?.set(now + TimeAmount(self.configuration.restoreTimeout))
            self.renewCredentials()
            self.log.beginStream()
            self.log.write(.restoreStart)
            self.log.flush()
            if session.awaitsRestore {
                session.restore()
            } else {
                self.restored(0)
            }
        }
    }

    /// The runtime waits for its first invocation and what it wrote until then has been read.
    func restored(_ nanoseconds: Int64) {
        guard case .restoring(let session, _, _) = state else { return }
        state = .idle(session)
        timer?.set(nil)
        restoreNanoseconds = nanoseconds
        noteInitialisation(nanoseconds: nanoseconds, as: "Restore")
        log.write(.restoreRuntimeDone(nil))
        log.write(.restoreReport(nanoseconds: nanoseconds, nil))
        log.flush()
        pool.started(self)
    }

    func sessionFailedToRestore(document: ByteBuffer, type: RuntimeErrorType) {
        guard case .restoring(let session, let began, _) = state else { return }
        state = .restoring(session, began: began, reported: .reported(document, type: type))
        timer?.set(eventLoop.now + TimeAmount(configuration.initErrorGrace))
    }

    func restoreFailed(_ failure: EnvironmentFailure) {
        guard case .restoring(let session, let began, _) = state else { return }
        state = .closed
        log.write(.restoreRuntimeDone(failure))
        log.write(.restoreReport(nanoseconds: (eventLoop.now - began).nanoseconds, failure))
        log.flush()
        session.end(ShutdownReason(failure))
        dispose()
        if case .timedOut = failure {
            pool.snapshotFailed(self, .unavailable(.restoreTimedOut))
        } else {
            pool.snapshotFailed(self, .unavailable(.restoreFailed))
        }
    }
}
