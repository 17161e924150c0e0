import AWSWire
import Logging
import NIOCore
import NIOHTTP1

/// One connection: takes its requests one after the other, each whole, has it answered, and writes the answer.
///
/// While a request is being answered the socket is read at most once more: a client that waits for its answer, as most
/// do, costs no change of what the kernel watches, and one that has gone is noticed. What was read waits in `inbox`,
/// which the size of two reads bounds.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A request whose body is still coming.
    struct Exchange {
        var head: RequestHead
        var plan: Reception.Plan
        var requestID: String
        var collector: BodyCollector
        /// Set once the request is refused while its body may still be read to the end, which nobody looks at.
        var isDiscarding: Bool
    }

    enum Phase {
        /// Between two requests.
        case idle
        /// A part of a head has come.
        case head
        case body(Exchange)
        /// A service has the request.
        case working
        case answering
        /// The last answer is out; what the client still sends is thrown away until it stops.
        case lingering
        case closed
    }

    enum Inbound {
        case part(HTTPServerRequestPart)
        case problem(HTTPProblem)
    }

    let gateway: GatewayCore
    let origin: Reception.Origin
    let idleness: Idleness
    var phase = Phase.idle
    var context: ChannelHandlerContext?
    var watchdog: Watchdog?
    private var inbox = CircularBuffer<Inbound>(initialCapacity: 4)
    private var isDraining = false
    private var wantsRead = false
    /// Bytes of the body since the deadline was last set.
    private var progress = 0
    /// Bytes that came behind a request that could not be read, and how many may.
    private var thrownAway = 0
    private static let mostThrownAway = 1 << 20
    /// Whether the read that is going on brought any part of a request; if not, it brought a piece of a head.
    private var hasParts = false
    /// The answer that is being written in parts.
    var streaming: StreamedAnswer?
    /// How the end of the body of the answer that is being written is told.
    var framing = AnswerHead.Framing.none
    var isInputClosed = false
    var isQuiescing = false

    init(gateway: GatewayCore, origin: Reception.Origin, idleness: Idleness = Idleness()) {
        self.gateway = gateway
        self.origin = origin
        self.idleness = idleness
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        watchdog = Watchdog(on: context.eventLoop) { [unowned self] in expired() }
        rest()
    }

    /// Waits for the next request.
    func rest() {
        phase = .idle
        if let end = watchdog?.set(after: gateway.timeouts.idle) { idleness.begin(at: end - gateway.timeouts.idle) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    /// Everything is let go; an answer that comes later finds `closed` and is dropped.
    private func end() {
        if case .body(var exchange) = phase { exchange.collector.release() }
        streaming?.stream.cancel()
        streaming = nil
        phase = .closed
        inbox.removeAll()
        watchdog?.cancel()
        context = nil
    }

    // MARK: Reading

    func read(context: ChannelHandlerContext) {
        switch phase {
        case .working where inbox.isEmpty: context.read()
        // A stream may be silent for long: a read that stands notices a client that goes away.
        case .answering where streaming != nil && inbox.isEmpty: context.read()
        case .working, .answering: wantsRead = true
        case .idle, .head, .body, .lingering, .closed: context.read()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        hasParts = true
        receive(.part(unwrapInboundIn(data)))
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if streaming != nil, context.channel.isWritable { pump() }
        context.fireChannelWritabilityChanged()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .idle = phase, !hasParts, !isInputClosed {
            phase = .head
            watchdog?.set(after: gateway.timeouts.head)
        }
        hasParts = false
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let problem = HTTPProblem(error) {
            receive(.problem(problem))
        } else if case ByteToMessageDecoderError.dataReceivedInErrorState(_, let rest) = error,
            thrownAway + rest.readableBytes <= Self.mostThrownAway
        {
            // More of what was answered already: closing now could take the answer away from the client.
            thrownAway += rest.readableBytes
        } else {
            context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            isInputClosed = true
            switch phase {
            case .idle, .head, .body, .lingering: context.close(promise: nil)
            case .working, .answering, .closed: break
            }
        case is Connections.Quiesce:
            isQuiescing = true
            switch phase {
            case .idle, .head, .lingering: context.close(promise: nil)
            case .body, .working, .answering, .closed: break
            }
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func receive(_ item: Inbound) {
        switch phase {
        case .working, .answering: inbox.append(item)
        case .lingering, .closed: break
        case .idle, .head, .body:
            inbox.append(item)
            drain()
        }
    }

    /// Works off the inbox until it is empty or a request has to be waited for. Answers that are there at once come
    /// back here: the loop goes on, the stack does not grow.
    func drain() {
        guard !isDraining else { return }
        isDraining = true
        defer { isDraining = false }
        while let item = nextItem() {
            switch item {
            case .part(.head(let head)): begin(head)
            case .part(.body(let part)): append(part)
            case .part(.end): finish()
            case .problem(let problem): refuse(problem)
            }
        }
        resume()
    }

    private func nextItem() -> Inbound? {
        switch phase {
        case .idle, .head, .body: inbox.popFirst()
        case .working, .answering, .lingering, .closed: nil
        }
    }

    /// Between two requests: ends the connection if it was its last, else reads on.
    private func resume() {
        switch phase {
        case .idle where isInputClosed || isQuiescing:
            context?.close(promise: nil)
        case .idle, .head, .body, .lingering:
            guard wantsRead else { return }
            wantsRead = false
            context?.read()
        case .working, .answering, .closed: break
        }
    }

    // MARK: One request

    private func begin(_ received: HTTPRequestHead) {
        idleness.end()
        var head: RequestHead
        do {
            head = try RequestHead(received, limits: gateway.limits)
            head.peer = context?.channel.remoteAddress
        } catch {
            return refuse(error)
        }
        let plan = gateway.reception.plan(head, from: origin)
        let requestID = RequestID.make()
        let length: Int? = if case .length(let length) = head.framing { length } else { nil }
        let limit = gateway.bodyLimit(of: plan, head)
        var exchange = Exchange(
            head: head, plan: plan, requestID: requestID,
            collector: BodyCollector(limit: limit, length: length, budget: gateway.bodies), isDiscarding: false)
        if case .refused = plan.destination { exchange.isDiscarding = true }
        if let length, length > limit, !exchange.isDiscarding {
            exchange.plan.destination = .refused(plan.limit.error)
            exchange.isDiscarding = true
        }
        if exchange.isDiscarding {
            guard mayReadOn(exchange.head) else { return refuse(exchange) }
            exchange.isDiscarding = !gateway.reception.tellsBody(of: exchange.plan, exchange.head)
        }
        phase = .body(exchange)
        guard head.framing != .none else { return }
        progress = 0
        watchdog?.set(after: gateway.timeouts.body)
        if head.awaitsContinue, let context {
            context.writeAndFlush(wrapOutboundOut(AnswerHead.proceed), promise: nil)
        }
    }

    /// Whether a refused request's body is short enough to be read, so that the connection can go on.
    private func mayReadOn(_ head: RequestHead) -> Bool {
        switch head.framing {
        case .none: true
        case .length(let length): length <= gateway.limits.discardedBody && !head.awaitsContinue
        case .chunked: false
        }
    }

    private func append(_ part: ByteBuffer) {
        guard case .body(var exchange) = phase else { return }
        progress += part.readableBytes
        guard !exchange.isDiscarding else { return }
        // The collector must be the only holder of its buffer, or appending copies all of it.
        phase = .head
        do {
            try exchange.collector.append(part)
            phase = .body(exchange)
        } catch {
            exchange.collector.release()
            if case .refused = exchange.plan.destination {
                exchange.isDiscarding = true
                phase = .body(exchange)
                return
            }
            exchange.plan.destination = .refused(
                error == .tooLarge ? exchange.plan.limit.error : GatewayCore.overloaded)
            refuse(exchange)
        }
    }

    private func finish() {
        guard case .body(let exchange) = phase, let context else { return }
        phase = .working
        watchdog?.pause()
        let mustClose = !exchange.head.head.isKeepAlive || exchange.head.offersUpgrade
        gateway.reception.answer(
            exchange.plan, to: exchange.head, body: exchange.collector.body, requestID: exchange.requestID,
            on: context.eventLoop
        ).assumeIsolated().whenComplete { result in
            let body = exchange.collector.body
            var collector = exchange.collector
            collector.release()
            guard case .success(let answer) = result else { return }
            if case .working = self.phase {
                self.write(
                    answer, requestID: exchange.requestID, request: exchange.head.head,
                    ending: mustClose ? .close : .none)
            } else if case .response(let response) = answer, case .stream(let stream) = response.body {
                stream.cancel()
            }
            // Told even to a client that has gone: what it asked for was done.
            guard case .response(let response) = answer else { return }
            self.gateway.reception.audit(
                exchange.plan, to: exchange.head, body: body, requestID: exchange.requestID, answer: response)
        }
    }

    /// Answers before the body was read: where the next request begins is unknown, so the connection ends.
    private func refuse(_ exchange: Exchange) {
        guard case .refused(let error) = exchange.plan.destination else { return }
        let response = ErrorEncoding.response(
            for: error, protocol: exchange.plan.wire, requestID: exchange.requestID)
        write(
            .response(response), requestID: exchange.requestID, request: exchange.head.head,
            ending: exchange.head.framing == .none ? .close : .linger)
        gateway.reception.audit(
            exchange.plan, to: exchange.head, body: ByteBuffer(), requestID: exchange.requestID, answer: response)
    }

    private func refuse(_ problem: HTTPProblem) {
        if case .body(var exchange) = phase { exchange.collector.release() }
        let requestID = RequestID.make()
        let response = ErrorEncoding.response(for: problem.error, protocol: .restJSON, requestID: requestID)
        write(.response(response), requestID: requestID, request: nil, ending: .linger)
    }

    // MARK: Time

    private func expired() {
        switch phase {
        case .head: refuse(.timeout)
        case .body where progress >= gateway.timeouts.bodyProgress:
            progress = 0
            watchdog?.set(after: gateway.timeouts.body)
        case .body: refuse(.timeout)
        case .idle, .answering, .lingering: context?.close(promise: nil)
        case .working, .closed: break
        }
    }
}
