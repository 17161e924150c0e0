import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#endif

/// Reads what a sandbox's processes write to their standard output and error.
///
/// The event loop reads when something is there; ``drain()`` reads what is there now, so that an invocation's output comes
/// before its END line. Both read the same pipe on the same loop, so the order is kept. A writer that is too fast for its
/// budget is held up by the full pipe.
final class OutputReader: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    /// What one ``drain()`` reads at most: as much as a pipe can hold unless root made it larger.
    private static let drainLimit = 1024 * 1024

    private let eventLoop: any EventLoop
    private let bytesPerSecond: Int
    private var onOutput: ((ByteBuffer) -> Void)?
    private var onClose: (() -> Void)?
    private var channel: (any Channel)?
    /// The pipe's number while the channel is open; it belongs to the channel.
    private var descriptor: Int32
    private var windowStart: NIODeadline
    private var windowBytes = 0
    private var isPaused = false

    init(descriptor: Int32, on eventLoop: any EventLoop, bytesPerSecond: Int) {
        self.descriptor = descriptor
        self.eventLoop = eventLoop
        self.bytesPerSecond = bytesPerSecond
        windowStart = eventLoop.now
    }

    /// Starts to read. Both closures are called on the loop, `onClose` when the last writer has gone.
    func start(onOutput: @escaping (ByteBuffer) -> Void, onClose: @escaping () -> Void) {
        eventLoop.assertInEventLoop()
        self.onOutput = onOutput
        self.onClose = onClose
        let descriptor = self.descriptor
        NIOPipeBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(self) }
            }
            .takingOwnershipOfDescriptor(input: descriptor)
            .whenFailure { _ in
                _ = Glibc.close(descriptor)
                self.closed()
            }
    }

    var isOpen: Bool { descriptor >= 0 }

    /// Closes the pipe; nothing is read any more.
    func close() {
        onOutput = nil
        onClose = nil
        channel?.close(promise: nil)
    }

    /// Reads until the pipe is empty, the budget is used up or there was more than a pipe can hold.
    func drain() {
        guard descriptor >= 0, channel != nil, !isPaused else { return }
        var total = 0
        while total < Self.drainLimit, !isPaused {
            let bytes = withUnsafeTemporaryAllocation(byteCount: 16 * 1024, alignment: 16) { space -> ByteBuffer? in
                let count = read(descriptor, space.baseAddress, space.count)
                return count > 0 ? ByteBuffer(bytes: UnsafeRawBufferPointer(rebasing: space[..<count])) : nil
            }
            guard let bytes else { return }
            total += bytes.readableBytes
            take(bytes)
        }
    }

    private func take(_ bytes: ByteBuffer) {
        onOutput?(bytes)
        let now = eventLoop.now
        if now - windowStart >= .seconds(1) {
            windowStart = now
            windowBytes = 0
        }
        windowBytes += bytes.readableBytes
        guard windowBytes > bytesPerSecond, !isPaused, let channel else { return }
        isPaused = true
        channel.setOption(.autoRead, value: false).whenFailure { _ in }
        eventLoop.scheduleTask(deadline: windowStart + .seconds(1)) {
            self.isPaused = false
            self.channel?.setOption(.autoRead, value: true).whenFailure { _ in }
        }
    }

    private func closed() {
        descriptor = -1
        channel = nil
        let onClose = self.onClose
        self.onOutput = nil
        self.onClose = nil
        onClose?()
    }

    // MARK: Channel events

    func channelActive(context: ChannelHandlerContext) { channel = context.channel }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { take(unwrapInboundIn(data)) }

    func channelInactive(context: ChannelHandlerContext) { closed() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
