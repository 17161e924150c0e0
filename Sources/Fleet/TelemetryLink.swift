import NIOCore
import NIOHTTP1
import NIOPosix
import RuntimeAPI

#if canImport(Glibc)
    import Glibc
#endif

/// The connection to an extension's telemetry listener, made anew when it breaks.
///
/// The socket comes from the launcher, made inside the environment's network, so that the loopback address is the
/// environment's. Confined to its event loop.
final class TelemetryLink: @unchecked Sendable {
    /// How often a batch is tried, and how long one try may take.
    private static let attempts = 3
    private static let patience = TimeAmount.seconds(5)

    private let destination: TelemetrySubscription.Destination
    private let eventLoop: any EventLoop
    private let makeSocket: TelemetryHub.SocketMaker
    private var channel: (any Channel)?
    private var handler: TelemetryAnswers?
    private var isClosed = false

    init(
        _ destination: TelemetrySubscription.Destination, on eventLoop: any EventLoop,
        makeSocket: @escaping TelemetryHub.SocketMaker
    ) {
        self.destination = destination
        self.eventLoop = eventLoop
        self.makeSocket = makeSocket
    }

    /// Delivers a batch; one at a time. `completion` hears whether it was taken.
    func deliver(_ batch: ByteBuffer, completion: @escaping (Bool) -> Void) {
        attempt(batch, number: 1, completion: completion)
    }

    func close() {
        isClosed = true
        disconnect()
    }

    private func disconnect() {
        channel?.close(promise: nil)
        channel = nil
        handler = nil
    }

    private func attempt(_ batch: ByteBuffer, number: Int, completion: @escaping (Bool) -> Void) {
        if isClosed { return completion(false) }
        // Whatever happens first decides this attempt.
        var isOver = false
        var timeout: Scheduled<Void>?
        let finish: (Bool) -> Void = { isDelivered in
            if isOver { return }
            isOver = true
            timeout?.cancel()
            if isDelivered { return completion(true) }
            self.disconnect()
            if number == Self.attempts || self.isClosed { return completion(false) }
            self.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(100 << (Int64(number) - 1))) {
                self.attempt(batch, number: number + 1, completion: completion)
            }
        }
        timeout = eventLoop.assumeIsolated().scheduleTask(in: Self.patience) { finish(false) }
        connect(isWanted: { !isOver && !self.isClosed }) { channel in
            guard let channel else { return finish(false) }
            self.send(batch, over: channel, finish)
        }
    }

    // MARK: One attempt

    private func send(_ batch: ByteBuffer, over channel: any Channel, _ finish: @escaping (Bool) -> Void) {
        switch destination {
        case .tcp:
            channel.writeAndFlush(batch).assumeIsolated().whenComplete { result in
                if case .success = result { finish(true) } else { finish(false) }
            }
        case .http(let port, let path, let method):
            guard let handler else { return finish(false) }
            handler.onAnswer = { status in finish(status.map { $0 < 400 } ?? false) }
            var head = HTTPRequestHead(version: .http1_1, method: method == .put ? .PUT : .POST, uri: path)
            head.headers = [
                "Host": "sandbox.localdomain:\(port)", "Content-Type": "application/json",
                "Content-Length": String(batch.readableBytes),
            ]
            channel.write(HTTPClientRequestPart.head(head), promise: nil)
            channel.write(HTTPClientRequestPart.body(.byteBuffer(batch)), promise: nil)
            channel.writeAndFlush(HTTPClientRequestPart.end(nil)).assumeIsolated().whenFailure { _ in finish(false) }
        }
    }

    /// A connection for an attempt. One that comes when the attempt is over is closed: another may have its own by
    /// then.
    private func connect(isWanted: @escaping () -> Bool, _ completion: @escaping ((any Channel)?) -> Void) {
        if let channel, channel.isActive { return completion(channel) }
        disconnect()
        let port = self.port
        let box = NIOLoopBound((complete: completion, isWanted: isWanted), eventLoop: eventLoop)
        makeSocket { socket in
            // The loopback answers at once; a listener whose queue is full is one that does not listen.
            guard socket >= 0, box.value.isWanted(), connectLoopback(socket, port: port) else {
                if socket >= 0 { _ = Glibc.close(socket) }
                return box.value.complete(nil)
            }
            ClientBootstrap(group: self.eventLoop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { try self.setUp(channel) }
                }
                .withConnectedSocket(socket)
                .whenComplete { result in
                    guard case .success(let channel) = result, box.value.isWanted() else {
                        if case .success(let channel) = result { channel.close(promise: nil) }
                        return box.value.complete(nil)
                    }
                    self.channel = channel
                    box.value.complete(channel)
                }
        }
    }

    private func setUp(_ channel: any Channel) throws {
        var isHTTP = false
        if case .http = destination { isHTTP = true }
        let handler = TelemetryAnswers(isHTTP: isHTTP)
        if isHTTP { try channel.pipeline.syncOperations.addHTTPClientHandlers() }
        try channel.pipeline.syncOperations.addHandler(handler)
        self.handler = handler
    }

    private var port: UInt16 {
        switch destination {
        case .http(let port, _, _), .tcp(let port): port
        }
    }
}

/// Reads what an extension answers: for HTTP the status, for TCP nothing that matters.
private final class TelemetryAnswers: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    /// Hears the status of a complete answer, or nil when the connection has ended.
    var onAnswer: ((UInt?) -> Void)?
    private let isHTTP: Bool
    private var status: UInt?

    init(isHTTP: Bool) { self.isHTTP = isHTTP }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard isHTTP else { return }
        switch unwrapInboundIn(data) {
        case .head(let head): status = head.status.code
        case .body: return
        case .end:
            let status = self.status
            self.status = nil
            take(status)
        }
    }

    func channelInactive(context: ChannelHandlerContext) { take(nil) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        take(nil)
        context.close(promise: nil)
    }

    private func take(_ status: UInt?) {
        let onAnswer = self.onAnswer
        self.onAnswer = nil
        onAnswer?(status)
    }
}

/// Connects a socket that does not block to 127.0.0.1; whether that is done.
private func connectLoopback(_ socket: Int32, port: UInt16) -> Bool {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    if result == 0 { return true }
    // The kernel says so even of the loopback, whose answer it has by the time that the call returns.
    guard errno == EINPROGRESS else { return false }
    var waiting = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
    var error: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    return poll(&waiting, 1, 0) == 1 && getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0
}
