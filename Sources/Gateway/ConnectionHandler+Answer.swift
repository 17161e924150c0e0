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
        var headers = response.headers
        if request?.method != .HEAD || !headers.contains(name: "content-length") {
            headers.replaceOrAdd(name: "Content-Length", value: String(body.readableBytes))
        }
        writeHead(
            response.status, headers: headers, requestID: requestID, request: request, ending: ending, on: context)
        if request?.method != .HEAD, response.status.mayHaveResponseBody {
            writePieces(of: body, on: context)
        }
        finishAnswer(ending, on: context)
    }

    private func write(
        _ file: FileBody, headers: HTTPHeaders, requestID: String, request: HTTPRequestHead?, ending: Ending,
        on context: ChannelHandlerContext
    ) {
        var headers = headers
        headers.replaceOrAdd(name: "Content-Length", value: String(file.size))
        writeHead(.ok, headers: headers, requestID: requestID, request: request, ending: ending, on: context)
        guard request?.method != .HEAD else {
            file.close()
            return finishAnswer(ending, on: context)
        }
        writeNext(of: file, at: 0, ending: ending, on: context)
    }

    func writeHead(
        _ status: HTTPResponseStatus, version: HTTPVersion = .http1_1, headers: HTTPHeaders, requestID: String,
        request: HTTPRequestHead?, ending: Ending, on context: ChannelHandlerContext
    ) {
        var headers = headers
        headers.replaceOrAdd(name: "x-amzn-RequestId", value: requestID)
        headers.replaceOrAdd(name: "Date", value: gateway.date.now())
        headers.remove(name: "connection")
        if ending != .none || isQuiescing {
            headers.add(name: "Connection", value: "close")
        } else if request?.version.minor == 0 {
            headers.add(name: "Connection", value: "keep-alive")
        }
        let head = HTTPResponseHead(version: version, status: status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
    }

    /// Writes without copying: each piece is a view of the same bytes.
    private func writePieces(of body: ByteBuffer, on context: ChannelHandlerContext) {
        var rest = body
        while rest.readableBytes > Self.piece, let piece = rest.readSlice(length: Self.piece) {
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.assumeIsolated().whenSuccess { self.movedOn() }
            context.write(wrapOutboundOut(.body(.byteBuffer(piece))), promise: promise)
        }
        if rest.readableBytes > 0 { context.write(wrapOutboundOut(.body(.byteBuffer(rest))), promise: nil) }
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
                    context.writeAndFlush(self.wrapOutboundOut(.body(.byteBuffer(piece))), promise: written)
                case .failure(let error): written.fail(error)
                }
            }
    }

    func movedOn() {
        if case .answering = phase { watchdog?.set(after: gateway.timeouts.write) }
    }

    func finishAnswer(_ ending: Ending, on context: ChannelHandlerContext) {
        let ending = isQuiescing && ending == .none ? .close : ending
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { result in
            guard case .answering = self.phase, let context = self.context else { return }
            guard case .success = result else { return context.close(promise: nil) }
            self.answered(ending, on: context)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: promise)
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
            phase = .idle
            watchdog?.set(after: gateway.timeouts.idle)
            drain()
        }
    }
}
