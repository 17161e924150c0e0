import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#endif

/// Reads what a sandbox's processes write to their standard output and error.
///
/// ``whenDrained(_:)`` tells when everything that was in the pipe at that moment has been delivered, so that an
/// invocation's output comes before its END line. A writer that is too fast for its budget is held up by the full pipe.
final class OutputReader: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    private let eventLoop: any EventLoop
    private let bytesPerSecond: Int
    private var onOutput: ((ByteBuffer) -> Void)?
    private var onClose: (() -> Void)?
    private var channel: (any Channel)?
    /// Whether the pipe has ever belonged to the channel.
    private var isChannels = false
    /// The pipe's number while the channel is open; it belongs to the channel.
    private var descriptor: Int32
    private var windowStart: NIODeadline
    private var windowBytes = 0
    private var isPaused = false
    /// What waits until so many more bytes have been read.
    private var drains: [(bytes: Int, body: () -> Void)] = []

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
                // A channel that came to be has closed it.
                if !self.isChannels { _ = Glibc.close(descriptor) }
                self.closed()
            }
    }

    var isOpen: Bool { descriptor >= 0 }

    /// Closes the pipe; nothing is read any more.
    func close() {
        onOutput = nil
        onClose = nil
        drains = []
        channel?.close(promise: nil)
    }

    /// Calls `body` when all that is in the pipe now has been delivered: at once when that is nothing, or when the
    /// writer has used up its budget.
    func whenDrained(_ body: @escaping () -> Void) {
        let bytes = bytesInPipe()
        if bytes == 0 || isPaused { body() } else { drains.append((bytes, body)) }
    }

    private func bytesInPipe() -> Int {
        guard descriptor >= 0, channel != nil else { return 0 }
        var count: Int32 = 0
        let fionread: UInt = 0x541B
        return ioctl(descriptor, fionread, &count) == 0 ? Int(count) : 0
    }

    /// Runs what has waited long enough, everything when `bytes` is nil.
    private func advanceDrains(by bytes: Int?) {
        for index in drains.indices { drains[index].bytes -= bytes ?? drains[index].bytes }
        while let first = drains.first, first.bytes <= 0 {
            drains.removeFirst()
            first.body()
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
        if !drains.isEmpty { advanceDrains(by: bytes.readableBytes) }
        guard windowBytes > bytesPerSecond, !isPaused, let channel else { return }
        isPaused = true
        advanceDrains(by: nil)
        channel.setOption(.autoRead, value: false).whenFailure { _ in }
        eventLoop.scheduleTask(deadline: windowStart + .seconds(1)) {
            self.isPaused = false
            self.channel?.setOption(.autoRead, value: true).whenFailure { _ in }
        }
    }

    private func closed() {
        descriptor = -1
        channel = nil
        advanceDrains(by: nil)
        let onClose = self.onClose
        self.onOutput = nil
        self.onClose = nil
        onClose?()
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        isChannels = true
        channel = context.channel
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { take(unwrapInboundIn(data)) }

    func channelInactive(context: ChannelHandlerContext) { closed() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
