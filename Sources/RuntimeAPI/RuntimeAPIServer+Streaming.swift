import NIOCore

/// Answers in parts.
extension RuntimeAPIServer {
    /// Whether an answer to the current invocation that comes in parts is wanted so.
    var wantsStream: Bool { state.streams }

    /// The answer that ``beginAnswer(to:as:from:)`` granted comes in parts.
    func beginStream(contentType: String?) {
        isStreaming = true
        streamedBytes = 0
        delegate?.runtimeBeganResponse(contentType: contentType)
    }

    /// - Returns: false when no more is to be read for now.
    func stream(_ part: ByteBuffer) -> Bool {
        streamedBytes += part.readableBytes
        return delegate?.runtimeSent(part) ?? true
    }

    /// Reads on after ``RuntimeAPIDelegate/runtimeSent(_:)`` returned false.
    package func resumeResponse() { answering?.resume() }

    /// The connection that answers has ended. An answer that nobody has heard of yet may come again; of one that went
    /// out in parts nothing more can come.
    func abandonAnswer() {
        answering = nil
        guard isStreaming else { return }
        isStreaming = false
        state.answered()
        delegate?.runtimeReported(.streamed(.truncated, bytes: streamedBytes))
    }
}
