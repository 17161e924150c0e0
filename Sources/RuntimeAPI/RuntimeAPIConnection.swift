import NIOCore
import NIOHTTP1

/// One connection to the Runtime API: reads requests, one at a time, and writes finished bytes.
final class RuntimeAPIConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        case idle
        case reading(Request)
        /// A `next` waits for an invocation.
        case waiting(keepAlive: Bool)
        /// An answer was written after which nothing more is read.
        case done
    }

    /// A request whose body is still coming.
    private struct Request {
        var route: RuntimeAPIRoute
        var keepAlive: Bool
        var errorType: String?
        /// Of a request for credentials.
        var token: String?
        var responseMode: String?
        /// Of a request of an extension.
        var headers: HTTPHeaders?
        /// Known before the body came.
        var refusal: RuntimeAPIRefusal?
        var body: ByteBuffer?
        var bodyBytes = 0
        var tooLarge = false
        /// Whether the body's parts are handed on as they come.
        var isStreamed = false

        /// Whether the runtime says that it sends its response in parts.
        var isStreaming: Bool { responseMode?.lowercased() == "streaming" }
    }

    private let server: RuntimeAPIServer
    private let channel: any Channel
    private var phase = Phase.idle
    /// Parts of requests that came before the one before them was answered.
    private var backlog: [HTTPServerRequestPart] = []
    private var isReplaying = false
    /// Whether the bytes of one read are being handed over. What is answered meanwhile leaves after it, together.
    private var isReading = false
    /// Whether a request was answered of which the delegate has not heard that it was.
    private var wasAnswered = false
    /// Whether what takes the parts of a response has fallen behind.
    private var isHeld = false

    init(server: RuntimeAPIServer, channel: any Channel) {
        self.server = server
        self.channel = channel
    }

    // MARK: Channel events

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        isReading = true
        switch phase {
        case .done: return
        case .idle, .reading:
            if backlog.isEmpty { handle(part) } else { hold(part) }
        case .waiting: hold(part)
        }
    }

    /// A runtime that asked for the next event in one breath with its answer need not wake before that event is there:
    /// until then its answer's acceptance waits, too.
    func channelReadComplete(context: ChannelHandlerContext) {
        isReading = false
        if case .waiting = phase {} else { channel.flush() }
        if wasAnswered { tellAnswered() }
    }

    private func tellAnswered() {
        wasAnswered = false
        server.delegate?.runtimeWasAnswered()
    }

    func channelInactive(context: ChannelHandlerContext) {
        phase = .done
        backlog = []
        server.connectionClosed(self)
    }

    /// Who does not read its answers is not read from.
    func channelWritabilityChanged(context: ChannelHandlerContext) {
        setReading()
    }

    /// Reads on: the parts of the response are wanted again.
    func resume() {
        isHeld = false
        setReading()
    }

    private func setReading() {
        channel.setOption(.autoRead, value: channel.isWritable && !isHeld).whenFailure { _ in }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if error is HTTPParserError, case .idle = phase {
            answer(RuntimeAPIAnswer.refusal(.malformed, keepAlive: false), keepAlive: false)
        } else {
            cut()
        }
    }

    /// Closes the connection without a word.
    func cut() {
        phase = .done
        channel.close(promise: nil)
    }

    private func hold(_ part: HTTPServerRequestPart) {
        backlog.append(part)
        if backlog.count > server.limits.pipelinedParts { cut() }
    }

    /// Takes up what was held back, after an answer.
    private func replay() {
        guard !isReplaying else { return }
        isReplaying = true
        defer { isReplaying = false }
        var taken = 0
        loop: while taken < backlog.count {
            switch phase {
            case .idle, .reading:
                handle(backlog[taken])
                taken += 1
            case .waiting, .done: break loop
            }
        }
        backlog.removeFirst(min(taken, backlog.count))
    }

    // MARK: Requests

    private func handle(_ part: HTTPServerRequestPart) {
        switch (part, phase) {
        case (.head(let head), .idle): begin(head)
        case (.body(let bytes), .reading(var request)):
            phase = .idle  // gives the request's storage up, so that the body grows in place
            take(bytes, into: &request)
            if case .idle = phase { phase = .reading(request) }
        case (.end(let trailers), .reading(let request)):
            phase = .idle
            finish(request, trailers: trailers)
        default: cut()
        }
    }

    private func begin(_ head: HTTPRequestHead) {
        var request = Request(
            route: RuntimeAPIRoute(
                isGet: head.method == .GET, isPost: head.method == .POST, isPut: head.method == .PUT, uri: head.uri),
            keepAlive: head.isKeepAlive)
        switch request.route {
        case .response(let requestID):
            request.responseMode = head.headers.first(name: "Lambda-Runtime-Function-Response-Mode")
            request.refusal = server.beginAnswer(to: requestID, as: .response, from: self)
            if request.refusal == nil, request.isStreaming, server.wantsStream {
                request.isStreamed = true
                server.beginStream(contentType: head.headers.first(name: "Content-Type"))
            }
        case .error(let requestID):
            request.errorType = head.headers.first(name: "Lambda-Runtime-Function-Error-Type")
            request.refusal = server.beginAnswer(to: requestID, as: .error, from: self)
        case .initError:
            request.errorType = head.headers.first(name: "Lambda-Runtime-Function-Error-Type")
            request.refusal = server.beginInitError(from: self)
        case .restoreError:
            request.errorType = head.headers.first(name: "Lambda-Runtime-Function-Error-Type")
            request.refusal = server.beginRestoreError(from: self)
        case .restoreNext: request.refusal = server.function.isSnapStart ? nil : .notFound
        case .credentials: request.token = head.headers.first(name: "Authorization")
        case .extension: request.headers = head.headers
        case .notFound: request.refusal = .notFound
        case .methodNotAllowed: request.refusal = .methodNotAllowed
        case .next: break
        }
        if let expectation = head.headers.first(name: "Expect"), expectation.lowercased() == "100-continue" {
            channel.writeAndFlush(RuntimeAPIAnswer.proceed, promise: nil)
        }
        phase = .reading(request)
    }

    private func take(_ bytes: ByteBuffer, into request: inout Request) {
        request.bodyBytes += bytes.readableBytes
        if request.isStreamed { return stream(bytes, of: request) }
        if request.bodyBytes > server.limits.discardedBytes {
            finish(request, cutting: true)
            return
        }
        switch request.route {
        case .response, .error, .initError, .restoreError, .extension:
            if request.refusal != nil || request.tooLarge { return }
            if request.bodyBytes > server.limits.bytes(of: request.route) {
                request.tooLarge = true
                request.body = nil
            } else if request.body == nil {
                request.body = bytes
            } else {
                request.body?.writeImmutableBuffer(bytes)
            }
        case .next, .restoreNext, .credentials, .notFound, .methodNotAllowed: return
        }
    }

    /// The request is complete, or (`cutting`) too long to be read to its end.
    private func finish(_ request: Request, cutting: Bool = false, trailers: HTTPHeaders? = nil) {
        let keepAlive = request.keepAlive && !cutting
        if let refusal = request.refusal {
            answer(RuntimeAPIAnswer.refusal(refusal, keepAlive: keepAlive), keepAlive: keepAlive)
            return
        }
        let body = request.body ?? ByteBuffer()
        var refusal: RuntimeAPIRefusal?
        switch request.route {
        case .next:
            phase = .waiting(keepAlive: keepAlive)
            server.next(for: self)
            return
        case .response(let requestID):
            refusal = finishResponse(request, requestID: requestID, body: body, trailers: trailers)
        case .error(let requestID):
            let type = RuntimeErrorType(claimed: request.errorType)
            let report = request.tooLarge ? RuntimeReport.tooLarge : .error(body, type: type)
            refusal = server.endAnswer(to: requestID, as: .error, report: report)
            if refusal == nil, request.tooLarge { refusal = .responseTooLarge(limit: server.limits.responseBytes) }
        case .initError:
            refusal = server.endInitError(document: body, type: RuntimeErrorType(claimed: request.errorType))
        case .restoreNext:
            phase = .waiting(keepAlive: keepAlive)
            server.restoreNext(for: self)
            return
        case .restoreError:
            refusal = server.endRestoreError(document: body, type: RuntimeErrorType(claimed: request.errorType))
        case .credentials:
            let document = server.credentials(for: request.token)
            let bytes =
                document.map { RuntimeAPIAnswer.document($0, keepAlive: keepAlive) }
                ?? RuntimeAPIAnswer.refusal(.unknownToken, keepAlive: keepAlive)
            answer(bytes, keepAlive: keepAlive)
            return
        case .extension(let route):
            finishExtension(request, route: route, body: body, keepAlive: keepAlive)
            return
        case .notFound: refusal = .notFound
        case .methodNotAllowed: refusal = .methodNotAllowed
        }
        if let refusal {
            answer(RuntimeAPIAnswer.refusal(refusal, keepAlive: keepAlive), keepAlive: keepAlive)
        } else {
            answer(RuntimeAPIAnswer.accepted(keepAlive: keepAlive), keepAlive: keepAlive)
        }
        wasAnswered = true
        if !isReading { tellAnswered() }
    }

    /// Hands a part on; a response that gets too large ends here, with its connection.
    private func stream(_ bytes: ByteBuffer, of request: Request) {
        guard request.bodyBytes <= server.limits.streamedBytes else { return finish(request, cutting: true) }
        if !server.stream(bytes), !isHeld {
            isHeld = true
            setReading()
        }
    }

    private func finishResponse(
        _ request: Request, requestID: Substring, body: ByteBuffer, trailers: HTTPHeaders?
    ) -> RuntimeAPIRefusal? {
        let report: RuntimeReport
        let complaint: RuntimeAPIRefusal?
        if request.isStreamed {
            if isHeld { resume() }
            let limit = server.limits.streamedBytes
            let isTooLarge = request.bodyBytes > limit
            let end = trailers.flatMap(RuntimeTrailers.error).map { StreamEnd.error($0.document, type: $0.type) }
            report = .streamed(isTooLarge ? .tooLarge(limit: limit) : end ?? .complete, bytes: request.bodyBytes)
            complaint = isTooLarge ? .responseTooLarge(limit: limit) : nil
        } else if let error = trailers.flatMap(RuntimeTrailers.error), request.isStreaming {
            report = .error(error.document, type: error.type)
            complaint = nil
        } else if request.responseMode != nil, !request.isStreaming {
            report = .invalidResponseMode
            complaint = .invalidResponseMode
        } else if request.tooLarge {
            report = .tooLarge
            complaint = .responseTooLarge(limit: server.limits.responseBytes)
        } else {
            report = .response(body)
            complaint = nil
        }
        return server.endAnswer(to: requestID, as: .response, report: report) ?? complaint
    }

    private func finishExtension(_ request: Request, route: ExtensionRoute, body: ByteBuffer, keepAlive: Bool) {
        let reply: RuntimeAPIServer.ExtensionReply
        // Set before the server may answer it.
        if route == .next { phase = .waiting(keepAlive: keepAlive) }
        if request.tooLarge {
            reply = .refused(.requestTooLarge(limit: server.limits.extensionRequestBytes))
        } else {
            reply = server.extensionRequest(route, headers: request.headers ?? HTTPHeaders(), body: body, from: self)
        }
        switch reply {
        case .wait: server.settleReadiness()
        case .accepted: answer(RuntimeAPIAnswer.accepted(keepAlive: keepAlive), keepAlive: keepAlive)
        case .refused(let refusal):
            answer(RuntimeAPIAnswer.refusal(refusal, keepAlive: keepAlive), keepAlive: keepAlive)
        case .document(let document, let headers):
            let bytes = RuntimeAPIAnswer.document(document, headers: headers, keepAlive: keepAlive)
            answer(bytes, keepAlive: keepAlive)
        }
    }

    // MARK: Answers

    /// Answers an extension's waiting request for an event.
    func deliver(event: ByteBuffer) {
        guard case .waiting(let keepAlive) = phase else { return }
        let headers = RuntimeAPIServer.eventHeaders
        answer(RuntimeAPIAnswer.document(event, headers: headers, keepAlive: keepAlive), keepAlive: keepAlive)
    }

    /// A payload up to this size is copied behind its head: cheaper than a buffer more.
    private static let smallPayload = 1024

    /// Answers the waiting `next`: headers, then the payload as it is.
    func deliver(_ invocation: RuntimeInvocation) {
        guard case .waiting(let keepAlive) = phase else { return }
        var head = invocation.head(keepAlive: keepAlive, allocator: channel.allocator)
        if invocation.payload.readableBytes <= Self.smallPayload {
            head.writeImmutableBuffer(invocation.payload)
            return answer(head, keepAlive: keepAlive)
        }
        channel.write(head, promise: nil)
        answer(invocation.payload, keepAlive: keepAlive)
    }

    /// Answers the waiting `restore/next`.
    func restore() {
        guard case .waiting(let keepAlive) = phase else { return }
        answer(RuntimeAPIAnswer.done(keepAlive: keepAlive), keepAlive: keepAlive)
    }

    /// Refuses the waiting `next`.
    func refuse(_ refusal: RuntimeAPIRefusal) {
        guard case .waiting(let keepAlive) = phase else { return }
        answer(RuntimeAPIAnswer.refusal(refusal, keepAlive: keepAlive), keepAlive: keepAlive)
    }

    /// Writes the last bytes of an answer and goes on with the next request, or closes.
    private func answer(_ bytes: ByteBuffer, keepAlive: Bool) {
        if case .done = phase { return }
        if keepAlive {
            phase = .idle
            channel.write(bytes, promise: nil)
            if !isReading { channel.flush() }
            if !backlog.isEmpty { replay() }
        } else {
            phase = .done
            backlog = []
            let channel = self.channel
            channel.writeAndFlush(bytes).whenComplete { _ in channel.close(promise: nil) }
        }
    }
}
