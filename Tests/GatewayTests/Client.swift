import AWSWire
import NIOCore
import NIOHTTP1
import NIOPosix

@testable import Gateway

/// A client on a real socket that says exactly what it is told.
final class Client {
    private let channel: any Channel
    private var incoming: AsyncStream<ByteBuffer>.Iterator
    private var received: [UInt8] = []

    private final class Handler: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let stream: AsyncStream<ByteBuffer>.Continuation

        init(_ stream: AsyncStream<ByteBuffer>.Continuation) {
            self.stream = stream
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            stream.yield(unwrapInboundIn(data))
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case ChannelEvent.inputClosed = event { stream.finish() }
        }

        func channelInactive(context: ChannelHandlerContext) {
            stream.finish()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }

    init(to address: SocketAddress, reading: Bool = true) async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.autoRead, value: reading)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(continuation))
                }
            }
            .connect(to: address).get()
        incoming = stream.makeAsyncIterator()
    }

    func send(_ text: String) async throws {
        try await channel.writeAndFlush(ByteBuffer(string: text)).get()
    }

    /// The next whole answer; nil when the connection ends before.
    func answer() async -> Answer? {
        while true {
            if let answer = Answer.take(from: &received) { return answer }
            guard let piece = await incoming.next() else { return nil }
            received += Array(piece.readableBytesView)
        }
    }

    /// Waits until the server has closed.
    func end() async {
        while await incoming.next() != nil {}
    }

    func closeOutput() async throws {
        try await channel.close(mode: .output).get()
    }

    func close() async {
        try? await channel.close().get()
    }
}
