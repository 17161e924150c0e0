import AWSWire
import NIOCore
import NIOHTTP1

/// An answer that is written in parts, as far as it has come. Used on its connection's event loop only.
final class StreamedAnswer {
    let stream: ResponseStream
    let ending: ConnectionHandler.Ending
    /// Called, on any thread, when there is more to read.
    let wake: @Sendable () -> Void
    /// What is missing to the length that the head promised.
    var remaining: Int?
    /// Batches of parts that the socket has not taken yet.
    var batches = 0
    /// The body has failed: the connection is cut once the parts before are written.
    var isFailed = false
    var isPumping = false
    var mustPumpAgain = false

    init(_ stream: ResponseStream, ending: ConnectionHandler.Ending, wake: @escaping @Sendable () -> Void) {
        self.stream = stream
        self.ending = ending
        self.wake = wake
        remaining = stream.length
    }
}

/// Answers in parts: the stream is read while the client takes what is written, and not further.
extension ConnectionHandler {
    func write(
        _ stream: ResponseStream, of response: ServiceResponse, requestID: String, request: HTTPRequestHead?,
        ending: Ending, on context: ChannelHandlerContext
    ) {
        var headers = response.headers
        headers.remove(name: "content-length")
        let hasBody = request?.method != .HEAD && response.status.mayHaveResponseBody
        // Where the end of the body can't be told from the bytes it is told by the end of the connection.
        let isOpenEnded = stream.length == nil && response.status.mayHaveResponseBody
        let isOld = request?.version.minor == 0
        let ending = isOpenEnded && (isOld || !hasBody) && ending == .none ? .close : ending
        let isWritten = writeHead(
            response.status, version: isOpenEnded && isOld ? .http1_0 : .http1_1, headers: headers,
            length: stream.length, requestID: requestID, request: request, ending: ending, on: context)
        guard isWritten else { return stream.cancel() }
        guard hasBody else {
            stream.cancel()
            return isOpenEnded && !isOld ? endAfterHead(on: context) : finishAnswer(ending, on: context)
        }
        let eventLoop = context.eventLoop
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        streaming = StreamedAnswer(stream, ending: ending) {
            if eventLoop.inEventLoop { bound.value.pump() } else { eventLoop.execute { bound.value.pump() } }
        }
        context.flush()
        pump()
    }

    /// The end would be a last chunk, of a body that must not be there.
    private func endAfterHead(on context: ChannelHandlerContext) {
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in self.context?.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
    }

    /// Writes what the stream has, as long as the client takes it. Writing may lead back here: the loop then goes on,
    /// the stack does not grow.
    func pump() {
        guard let answer = streaming else { return }
        answer.mustPumpAgain = true
        guard !answer.isPumping else { return }
        answer.isPumping = true
        defer { answer.isPumping = false }
        while answer.mustPumpAgain {
            answer.mustPumpAgain = false
            guard case .answering = phase, let context, streaming === answer, !answer.isFailed else { return }
            pump(answer, on: context)
        }
    }

    private func pump(_ answer: StreamedAnswer, on context: ChannelHandlerContext) {
        // Written once the next is known: only the last of a batch is asked when it is out.
        var last: ByteBuffer?
        while context.channel.isWritable {
            let next = answer.stream.next(upTo: Self.piece, wake: answer.wake)
            if case .part(let part) = next, answer.count(part) {
                if let last { writeBody(last, on: context) }
                last = part
                continue
            }
            switch next {
            case .nothing: break
            case .end where answer.remaining ?? 0 == 0:
                streaming = nil
                movedOn()
                return finishAnswer(answer.ending, with: last ?? ByteBuffer(), on: context)
            case .part, .end, .failed:
                answer.isFailed = true
                answer.stream.cancel()
            }
            break
        }
        if let last { flush(last, of: answer, on: context) }
        settle(answer)
    }

    private func flush(_ last: ByteBuffer, of answer: StreamedAnswer, on context: ChannelHandlerContext) {
        if answer.batches == 0 { movedOn() }
        answer.batches += 1
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { result in
            answer.batches -= 1
            guard self.streaming === answer else { return }
            guard case .success = result else {
                self.context?.close(promise: nil)
                return
            }
            self.movedOn()
            self.settle(answer)
        }
        writeBody(last, promise: written, on: context)
        context.flush()
    }

    /// While nothing is on its way to the client there is nothing that it has to take in time.
    private func settle(_ answer: StreamedAnswer) {
        guard streaming === answer, answer.batches == 0 else { return }
        if answer.isFailed {
            context?.close(promise: nil)
        } else {
            watchdog?.pause()
        }
    }
}

extension StreamedAnswer {
    /// - Returns: false when the part goes past the length that was promised.
    fileprivate func count(_ part: ByteBuffer) -> Bool {
        guard let remaining else { return true }
        self.remaining = remaining - part.readableBytes
        return part.readableBytes <= remaining
    }
}
