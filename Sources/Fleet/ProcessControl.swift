import NIOCore
import NIOPosix
import Sandbox

#if canImport(Glibc)
    import Glibc
#endif

/// The control socket of a sandbox with external extensions: orders to its init, and what the init reports.
///
/// Confined to its event loop. The sandbox ends when it is closed.
final class ProcessControl: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    private let eventLoop: any EventLoop
    /// For orders; reading has a copy of its own.
    private var descriptor: Int32
    private var channel: (any Channel)?
    /// Whether there has ever been one.
    private var hasChannel = false
    private var onReport: ((ProcessReport) -> Void)?
    /// The beginning of a report.
    private var partial = ByteBuffer()

    init(descriptor: Int32, on eventLoop: any EventLoop) {
        self.descriptor = descriptor
        self.eventLoop = eventLoop
    }

    /// Starts to read. `onReport` is called on the loop.
    func start(onReport: @escaping (ProcessReport) -> Void) {
        eventLoop.assertInEventLoop()
        self.onReport = onReport
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { return }
        NIOPipeBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(self) }
            }
            .takingOwnershipOfDescriptor(input: copy)
            .whenFailure { _ in
                // A channel that came to be has closed it.
                if !self.hasChannel { _ = Glibc.close(copy) }
            }
    }

    /// A byte fits into the socket's buffer; an init that does not take it any more is on its way out.
    func order(_ order: ProcessOrder) {
        guard descriptor >= 0 else { return }
        var byte = order.rawValue
        _ = send(descriptor, &byte, 1, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
    }

    func close() {
        onReport = nil
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
        descriptor = -1
        channel?.close(promise: nil)
        channel = nil
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        hasChannel = true
        // Closed before the channel was made.
        if descriptor < 0 { context.close(promise: nil) } else { channel = context.channel }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        partial.writeImmutableBuffer(unwrapInboundIn(data))
        while let bytes = partial.readSlice(length: ProcessReport.size) {
            onReport?(bytes.withUnsafeReadableBytes { ProcessReport(bytes: $0) })
        }
        partial.discardReadBytes()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
