import AWSWire
import Fleet
import NIOCore
import Synchronization

/// Makes a function's response the event stream of InvokeWithResponseStream: `PayloadChunk` for each part, which goes
/// out as it came, and `InvokeComplete` at the end.
final class EventStreamSink: ResponseSink {
    private let stream = ResponseStream()
    /// Hands the stream to the caller; taken by the first who needs it.
    private let begin: Mutex<(@Sendable (ResponseStream) -> Void)?>

    /// - Parameter begin: called once, on any thread, when the answer can begin.
    init(begin: @escaping @Sendable (ResponseStream) -> Void) {
        self.begin = Mutex(begin)
    }

    private static let chunk = EventStreamHeaders.event("PayloadChunk", contentType: "application/octet-stream")
    private static let complete = EventStreamHeaders.event("InvokeComplete", contentType: "application/json")
    /// Up to so many bytes it is cheaper to copy a part than to send three buffers.
    private static let copied = 8_192

    func responseBegan(contentType: String?, resume: @escaping @Sendable () -> Void) {
        stream.whenWritable(resume)
        beginAnswer()
    }

    func responseCame(_ part: ByteBuffer) -> Bool {
        if part.readableBytes <= Self.copied { return stream.write(Self.chunk.message(part)) }
        let (head, tail) = Self.chunk.frame(part)
        return stream.write(contentsOf: [head, part, tail])
    }

    /// The function has ended.
    ///
    /// - Parameter withLog: whether the last of its log goes along.
    func finish(_ outcome: InvocationOutcome, withLog: Bool) {
        let isWhole = beginAnswer()
        if isWhole, outcome.functionError == nil, outcome.payload.readableBytes > 0 {
            _ = responseCame(outcome.payload)
        }
        _ = stream.write(Self.complete.message(Self.document(outcome, withLog: withLog)))
        stream.finish()
    }

    /// - Returns: whether it had not begun.
    @discardableResult
    private func beginAnswer() -> Bool {
        let begin = begin.withLock { begin in
            defer { begin = nil }
            return begin
        }
        begin?(stream)
        return begin != nil
    }

    private static func document(_ outcome: InvocationOutcome, withLog: Bool) -> ByteBuffer {
        var writer = JSONWriter()
        writer.beginObject()
        if let error = outcome.functionError {
            writer.name("ErrorCode")
            writer.string(error)
            writer.name("ErrorDetails")
            writer.string(String(buffer: outcome.payload))
        }
        if withLog {
            writer.name("LogResult")
            writer.blob(outcome.logTail.readableBytesView)
        }
        writer.endObject()
        return writer.buffer
    }
}
