import NIOCore

/// What the Runtime API has for SnapStart: `restore/next`, `restore/error`, and where the credentials are asked for.
/// https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-custom.html
///
/// To an environment without SnapStart only the credentials exist, and nobody there has a token for them.
extension RuntimeAPIServer {
    /// Whether the runtime waits to be restored: it has asked for that, and not for an invocation at once.
    package var awaitsRestore: Bool { state.isRestoreReady }

    /// Lets the runtime go on. Only while it ``awaitsRestore``.
    package func restore() {
        state.restore()
        isBusy = true
        awaitingRestore?.restore()
        awaitingRestore = nil
    }

    // MARK: What connections ask

    func restoreNext(for connection: RuntimeAPIConnection) {
        if let refusal = state.restoreNext() { return connection.refuse(refusal) }
        awaitingRestore = connection
        extensions.close()
        settleReadiness()
    }

    /// Asks for the right to send the document of a failed restoration; nil grants it.
    func beginRestoreError(from connection: RuntimeAPIConnection) -> RuntimeAPIRefusal? {
        guard function.isSnapStart else { return .notFound }
        if answering != nil { return .transition(from: "RuntimeRestoreErrorState", to: "RuntimeRestoreErrorState") }
        answering = connection
        return nil
    }

    /// Ends what ``beginRestoreError(from:)`` granted; nil when the error was taken.
    func endRestoreError(document: ByteBuffer, type: RuntimeErrorType) -> RuntimeAPIRefusal? {
        answering = nil
        if let refusal = state.restoreError() { return refusal }
        delegate?.runtimeFailedToRestore(document: document, type: type)
        return nil
    }

    func credentials(for token: String?) -> ByteBuffer? { token.flatMap { delegate?.credentials(for: $0) } }
}
