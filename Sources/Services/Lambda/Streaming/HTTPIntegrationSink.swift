import AWSWire
import Fleet
import NIOCore
import Synchronization

/// What came of an invocation whose response is to be an HTTP answer.
enum StreamedAnswer: Sendable {
    /// The function answers in parts. The outcome comes after the body's end; a body that ends with an error fails.
    case stream(StreamedHTTPResponse)
    /// The function answered whole, or failed before the first byte of its body.
    case whole(InvocationOutcome)
    /// The prelude of the response is none.
    case malformed
}

/// The answer of a function that streams.
struct StreamedHTTPResponse: Sendable {
    /// From the prelude; nil when the response has none, its content type being what it is.
    var head: HTTPIntegrationHead?
    /// As the runtime has it, where there is no prelude.
    var contentType: String?
    var body: ResponseStream
}

extension Invoke {
    /// Runs an invocation whose response becomes an HTTP answer: parts are handed on as they come, behind the head from
    /// their prelude. Fails with ``AWSError`` when the function is not reached.
    func stream(
        _ version: FunctionVersion, _ invocation: Invocation, on eventLoop: any EventLoop
    ) -> EventLoopFuture<StreamedAnswer> {
        let answer = eventLoop.makePromise(of: StreamedAnswer.self)
        let sink = HTTPIntegrationSink { answer.succeed($0) }
        var invocation = invocation
        invocation.response = .streamed(sink)
        fleet.invoke(version, invocation, on: eventLoop).whenComplete { result in
            switch result {
            case .success(let outcome): sink.finish(outcome)
            case .failure(let error): answer.fail((error as? FleetError).map(AWSError.init) ?? error)
            }
        }
        return answer.futureResult
    }
}

/// Splits a function's response into head and body. It answers with the first byte of the body, so that a function
/// that fails before can still be answered for with another status.
final class HTTPIntegrationSink: ResponseSink {
    private enum Phase {
        /// No response has begun.
        case new
        case prelude(HTTPIntegrationPrelude)
        /// The head is known, no byte of the body has come.
        case head(HTTPIntegrationHead?, contentType: String?)
        case body
        /// Answered otherwise: what comes is thrown away.
        case over
    }

    private let stream = ResponseStream()
    private let phase = Mutex(Phase.new)
    private let answer: @Sendable (StreamedAnswer) -> Void

    /// - Parameter answer: called once, on any thread.
    init(answer: @escaping @Sendable (StreamedAnswer) -> Void) { self.answer = answer }

    func responseBegan(contentType: String?, resume: @escaping @Sendable () -> Void) {
        stream.whenWritable(resume)
        let hasPrelude = HTTPIntegrationPrelude.isAnnounced(by: contentType)
        phase.withLock {
            $0 = hasPrelude ? .prelude(HTTPIntegrationPrelude()) : .head(nil, contentType: contentType)
        }
    }

    func responseCame(_ part: ByteBuffer) -> Bool {
        let (answer, part) = phase.withLock { take(part, &$0) }
        if let answer { self.answer(answer) }
        return part.readableBytes == 0 || stream.write(part)
    }

    /// - Returns: what is to be answered now, and what of the part belongs to the body.
    private func take(_ part: ByteBuffer, _ phase: inout Phase) -> (StreamedAnswer?, ByteBuffer) {
        var part = part
        if case .prelude(var prelude) = phase {
            phase = .over
            do {
                guard let (head, rest) = try prelude.append(part) else {
                    phase = .prelude(prelude)
                    return (nil, ByteBuffer())
                }
                phase = .head(head, contentType: nil)
                part = rest
            } catch {
                return (.malformed, ByteBuffer())
            }
        }
        switch phase {
        case .head(let head, let type) where part.readableBytes > 0:
            phase = .body
            return (.stream(StreamedHTTPResponse(head: head, contentType: type, body: stream)), part)
        case .body: return (nil, part)
        case .new, .prelude, .head, .over: return (nil, ByteBuffer())
        }
    }

    /// The function has ended.
    func finish(_ outcome: InvocationOutcome) {
        let last = phase.withLock { phase in
            defer { phase = .over }
            return phase
        }
        switch last {
        case .new: answer(.whole(outcome))
        case .prelude, .head: endEmpty(last, outcome)
        case .body where outcome.functionError == nil: stream.finish()
        case .body: stream.fail()
        case .over: break
        }
    }

    /// No byte of the body ever came.
    private func endEmpty(_ last: Phase, _ outcome: InvocationOutcome) {
        if outcome.functionError != nil { return answer(.whole(outcome)) }
        guard case .head(let head, let type) = last else { return answer(.malformed) }
        stream.finish()
        answer(.stream(StreamedHTTPResponse(head: head, contentType: type, body: stream)))
    }
}
