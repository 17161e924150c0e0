import AWSWire
import NIOCore
import NIOHTTP1

extension ConnectionHandler {
    /// What happens to the connection after an answer.
    enum Ending {
        /// It goes on, unless something else ends it.
        case none
        case close
        /// It closes its own side and reads on for a while: closing a socket with unread bytes would reset it and
        /// might take the answer away from the client.
        case linger
    }

    /// The largest piece of an answer that is written at once: between two the write deadline moves.
    static let piece = 131_072
    /// A body up to this size is copied behind its head: cheaper than a buffer more.
    private static let small = 1024

    func write(_ answer: RouteAnswer, requestID: String, request: HTTPRequestHead?, ending: Ending) {
        guard let context else { return }
        phase = .answering
        watchdog?.set(after: gateway.timeouts.write)
        switch answer {
        case .response(let response):
            write(response, requestID: requestID, request: request, ending: ending, on: context)
        case .file(let path, let headers):
            FileBody.open(path: path, pool: gateway.threads, on: context.eventLoop).assumeIsolated().whenComplete {
                guard case .answering = self.phase, let context = self.context else {
                    if case .success(let file) = $0 { file.close() }
                    return
                }
                switch $0 {
                case .success(let file):
                    self.write(
                        file, headers: headers, requestID: requestID, request: request, ending: ending, on: context)
                case .failure:
                    let response = ErrorEncoding.response(
                        for: OwnPages.notFound, protocol: .restJSON, requestID: requestID)
                    self.write(response, requestID: requestID, request: request, ending: ending, on: context)
                }
            }
        }
    }

    private func write(
        _ response: ServiceResponse, requestID: String, request: HTTPRequestHead?, ending: Ending,
        on context: ChannelHandlerContext
    ) {
        let body: ByteBuffer
        switch response.body {
        case .bytes(let bytes): body = bytes
        case .stream(let stream):
            return write(stream, of: response, requestID: requestID, request: request, ending: ending, on: context)
        }
        let isHead = request?.method == .HEAD
        let length = isHead && response.headers.contains(name: "content-length") ? nil : body.readableBytes
        let hasBody = !isHead && response.status.mayHaveResponseBody && body.readableBytes > 0
        let last: ByteBuffer? = hasBody ? body.readableBytes <= Self.small ? body : nil : ByteBuffer()
        guard
            writeHead(
                response.status, headers: response.headers, length: length, requestID: requestID, request: request,
                ending: ending, last: last, on: context)
        else { return }
        if last == nil { writePieces(of: body, ending: ending, on: context) }
    }

    private func write(
        _ file: FileBody, headers: HTTPHeaders, requestID: String, request: HTTPRequestHead?, ending: Ending,
        on context: ChannelHandlerContext
    ) {
        let isHead = request?.method == .HEAD
        let isWritten = writeHead(
            .ok, headers: headers, length: file.size, requestID: requestID, request: request, ending: ending,
            last: isHead ? ByteBuffer() : nil, on: context)
        guard isWritten, !isHead else { return file.close() }
        writeNext(of: file, at: 0, ending: ending, on: context)
    }

    /// - Parameters:
    ///   - length: of the body; nil where `headers` say it, or nobody knows.
    ///   - last: All that follows, with which the answer is finished; nil when more does. For bodies without chunks.
    /// - Returns: false when the headers cannot be sent, and the connection was closed.
    func writeHead(
        _ status: HTTPResponseStatus, version: HTTPVersion = .http1_1, headers: HTTPHeaders, length: Int?,
        requestID: String, request: HTTPRequestHead?, ending: Ending, last: ByteBuffer? = nil,
        on context: ChannelHandlerContext
    ) -> Bool {
        var persistence: AnswerHead.Persistence?
        if ending != .none || isQuiescing {
            persistence = .close
        } else if request?.version.minor == 0 {
            persistence = .keepAlive
        }
        let head = AnswerHead(
            status: status, version: version, headers: headers, length: length, requestID: requestID,
            date: gateway.date.now(), persistence: persistence)
        guard let (bytes, framing) = head.encode(context.channel.allocator, body: last) else {
            context.close(promise: nil)
            return false
        }
        self.framing = framing
        if last == nil {
            context.write(wrapOutboundOut(bytes), promise: nil)
        } else {
            finishAnswer(ending, with: bytes, on: context)
        }
        return true
    }

    /// Writes without copying: each piece is a view of the same bytes.
    private func writePieces(of body: ByteBuffer, ending: Ending, on context: ChannelHandlerContext) {
        var rest = body
        while rest.readableBytes > Self.piece, let piece = rest.readSlice(length: Self.piece) {
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.assumeIsolated().whenSuccess { self.movedOn() }
            context.write(wrapOutboundOut(piece), promise: promise)
        }
        finishAnswer(ending, with: rest, on: context)
    }

    /// Writes a part of a body, in the answer's framing.
    func writeBody(_ part: ByteBuffer, promise: EventLoopPromise<Void>? = nil, on context: ChannelHandlerContext) {
        guard framing == .chunks, part.readableBytes > 0 else {
            return context.write(wrapOutboundOut(part), promise: promise)
        }
        context.write(wrapOutboundOut(AnswerHead.chunkHead(of: part.readableBytes)), promise: nil)
        context.write(wrapOutboundOut(part), promise: nil)
        context.write(wrapOutboundOut(AnswerHead.chunkEnd), promise: promise)
    }

    /// Reads a piece once the one before it is written, so that one piece is in memory at a time.
    private func writeNext(of file: FileBody, at offset: Int, ending: Ending, on context: ChannelHandlerContext) {
        guard offset < file.size else {
            file.close()
            return finishAnswer(ending, on: context)
        }
        let length = min(Self.piece, file.size - offset)
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { result in
            guard case .success = result, case .answering = self.phase, let context = self.context else {
                // The head promised more bytes than there are: only the end of the connection can say so.
                file.close()
                self.context?.close(promise: nil)
                return
            }
            self.movedOn()
            self.writeNext(of: file, at: offset + length, ending: ending, on: context)
        }
        file.read(at: offset, length: length, pool: gateway.threads, on: context.eventLoop)
            .assumeIsolated().whenComplete { result in
                switch result {
                case .success(let piece):
                    guard let context = self.context else { return written.fail(ChannelError.ioOnClosedChannel) }
                    context.writeAndFlush(self.wrapOutboundOut(piece), promise: written)
                case .failure(let error): written.fail(error)
                }
            }
    }

    func movedOn() {
        if case .answering = phase { watchdog?.set(after: gateway.timeouts.write) }
    }

    /// Writes the end of an answer.
    ///
    /// - Parameter last: What goes out before it.
    func finishAnswer(_ ending: Ending, with last: ByteBuffer = ByteBuffer(), on context: ChannelHandlerContext) {
        let ending = isQuiescing && ending == .none ? .close : ending
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { result in
            guard case .answering = self.phase, let context = self.context else { return }
            guard case .success = result else { return context.close(promise: nil) }
            self.answered(ending, on: context)
        }
        if framing == .chunks {
            writeBody(last, on: context)
            context.writeAndFlush(wrapOutboundOut(AnswerHead.lastChunk), promise: promise)
        } else {
            context.writeAndFlush(wrapOutboundOut(last), promise: promise)
        }
    }

    private func answered(_ ending: Ending, on context: ChannelHandlerContext) {
        switch ending {
        case .close: context.close(promise: nil)
        case .linger where isInputClosed: context.close(promise: nil)
        case .linger:
            phase = .lingering
            watchdog?.set(after: gateway.timeouts.linger)
            context.close(mode: .output, promise: nil)
            drain()
        case .none:
            rest()
            drain()
        }
    }
}
