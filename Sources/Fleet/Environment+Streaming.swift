import NIOCore
import RuntimeAPI

/// Responses in parts.
extension Environment {
    func sessionBeganResponse(contentType: String?) {
        guard case .invoking(_, let running) = state, case .streamed(let sink) = running.work.invocation.response
        else { return }
        sink.responseBegan(contentType: contentType) { [weak self] in
            guard let self else { return }
            onLoop { self.resumeResponse() }
        }
    }

    func sessionSent(_ part: ByteBuffer) -> Bool {
        guard case .invoking(_, let running) = state, case .streamed(let sink) = running.work.invocation.response
        else { return true }
        return sink.responseCame(part)
    }

    private func resumeResponse() {
        guard case .invoking(let session, _) = state else { return }
        session.resumeResponse()
    }

    /// The runtime's connection ended in the middle of its response. Mostly its process has died with it: the news of
    /// that says more, so it gets some time to come.
    func awaitExit(_ running: Running, _ report: RuntimeReport, session: SandboxSession) {
        var running = running
        running.truncated = report
        state = .invoking(session, running)
        timer?.set(min(running.deadline, eventLoop.now + TimeAmount(configuration.truncationGrace)))
    }
}
