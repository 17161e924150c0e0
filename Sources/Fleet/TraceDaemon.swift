import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#endif

/// Takes what the X-Ray SDKs of one environment send, as the daemon does on AWS: datagrams at ``address`` of the
/// environment's own network, each a header line and a segment.
///
/// Confined to its event loop. Reads ``perPeriod`` datagrams in each ``period`` at most; what comes faster waits in the
/// socket, whose buffer is bounded, and is lost beyond that.
final class TraceDaemon: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    /// Where SDKs look for it: AWS's is at a link-local address, this one at the environment's own.
    static let host = "127.0.0.1"
    static let port = 2000
    private static let perPeriod = 100
    private static let period = TimeAmount.milliseconds(100)
    /// As large as a segment may be, with its header.
    private static let maximumDatagram = 65_536

    private let eventLoop: any EventLoop
    private let onSegment: (ByteBuffer) -> Void
    private var channel: (any Channel)?
    private var isClosed = false
    private var left = TraceDaemon.perPeriod
    private var isWaiting = false

    /// - Parameter onSegment: Gets each segment document, unread.
    init(on eventLoop: any EventLoop, onSegment: @escaping (ByteBuffer) -> Void) {
        self.eventLoop = eventLoop
        self.onSegment = onSegment
    }

    /// - Parameter socket: A bound one, which this owns from now on; below zero for none.
    func start(_ socket: Int32) {
        guard socket >= 0 else { return }
        if isClosed {
            _ = Glibc.close(socket)
            return
        }
        DatagramBootstrap(group: eventLoop)
            .channelOption(.autoRead, value: false)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: Self.maximumDatagram))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(self) }
            }
            .withBoundSocket(socket)
            .assumeIsolated()
            .whenSuccess { channel in
                if self.isClosed { return channel.close(promise: nil) }
                self.channel = channel
                channel.read()
            }
    }

    func close() {
        isClosed = true
        channel?.close(promise: nil)
        channel = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        left -= 1
        if let segment = Self.segment(in: unwrapInboundIn(data).data) { onSegment(segment) }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if left > 0 { return context.read() }
        guard !isWaiting else { return }
        isWaiting = true
        eventLoop.assumeIsolated().scheduleTask(in: Self.period) {
            self.isWaiting = false
            self.left = Self.perPeriod
            self.channel?.read()
        }
    }

    /// A datagram that could not be read: the next may be well.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { left -= 1 }

    /// What follows `{"format":"json","version":1}` and a line feed.
    ///
    /// - Parameter datagram: From anybody in the environment.
    static func segment(in datagram: ByteBuffer) -> ByteBuffer? {
        guard let end = datagram.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        guard headers.contains(Array(datagram.readableBytesView[..<end].filter { $0 > 0x20 })) else { return nil }
        let length = datagram.readableBytesView.endIndex - (end + 1)
        return length > 0 ? datagram.getSlice(at: end + 1, length: length) : nil
    }

    private static let headers = [
        #"{"format":"json","version":1}"#, #"{"version":1,"format":"json"}"#,
    ].map { Array($0.utf8) }
}
