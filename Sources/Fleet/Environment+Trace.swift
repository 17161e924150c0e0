import NIOCore
import RuntimeAPI

/// The function's segments of sampled invocations. Nothing is done for others.
extension Environment {
    /// INIT has just ended, or the restoration.
    func noteInitialisation(nanoseconds: Int64, as name: String = "Initialization") {
        guard services.traces != nil else { return }
        let now = configuration.wallClock()
        initialisation = FunctionTrace.Initialisation(name: name, began: now - nanoseconds / 1_000_000, ended: now)
    }

    func beginTrace(_ running: Running) {
        guard let invocation = running.work.trace else {
            initialisation = nil
            return
        }
        trace = FunctionTrace(invocation, initialisation: initialisation)
        initialisation = nil
    }

    /// The runtime waits for the next invocation, or is gone.
    func finishTrace() {
        trace?.finish()
        trace = nil
    }

    /// What takes the segments that the function sends itself; nil for functions that are not traced, which then pay
    /// nothing for it.
    func makeTraceDaemon() -> TraceDaemon? {
        guard version.isTraced, let sink = services.traces else { return nil }
        let key = version.key
        return TraceDaemon(on: eventLoop) { sink.record($0, account: key.account, region: key.region) }
    }
}

extension RuntimeReport {
    /// What a failed invocation is answered with.
    var errorDocument: ByteBuffer? {
        switch self {
        case .response, .streamed(.complete, _): nil
        case .error(let document, _): document
        case .streamed(let end, _): ErrorDocument.make(end)
        case .tooLarge: ErrorDocument.responseTooLarge
        case .invalidResponseMode: ErrorDocument.make(type: "Runtime.InvalidResponseModeHeader", message: "")
        }
    }
}
