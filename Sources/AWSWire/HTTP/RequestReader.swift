package import NIOCore
package import NIOHTTP1

/// Turns the bytes of a connection into its requests: plain ones itself (``PlainRequest``), which costs a fraction of
/// what a general parser does. From the first request on that is not plain, the connection is `HTTPRequestDecoder`'s.
package final class RequestReader: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = HTTPServerRequestPart

    private let limits: NIOHTTPDecoderLimitConfiguration
    /// The beginning of a head, and in how many pieces it came: each time it is read from its start.
    private var partial: ByteBuffer?
    private var pieces = 0
    private static let mostPieces = 8
    /// What is missing of a body, in bytes.
    private var missing = 0

    package init(limits: NIOHTTPDecoderLimitConfiguration) { self.limits = limits }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if var partial {
            self.partial = nil
            partial.writeBuffer(&bytes)
            bytes = partial
        }
        while bytes.readableBytes > 0 {
            if missing > 0 {
                takeBody(from: &bytes, context)
                continue
            }
            switch PlainRequest.read(from: &bytes, limits: limits) {
            case .head(let head, let length):
                pieces = 0
                context.fireChannelRead(wrapInboundOut(.head(head)))
                missing = length ?? 0
                if missing == 0 { context.fireChannelRead(wrapInboundOut(.end(nil))) }
            case .incomplete where bytes.readableBytes < limits.maxHeaderListSize && pieces < Self.mostPieces:
                pieces += 1
                partial = bytes
                return
            case .incomplete, .unusual: return handOver(bytes, context)
            }
        }
    }

    private func takeBody(from bytes: inout ByteBuffer, _ context: ChannelHandlerContext) {
        guard let part = bytes.readSlice(length: min(missing, bytes.readableBytes)) else { return }
        missing -= part.readableBytes
        context.fireChannelRead(wrapInboundOut(.body(part)))
        if missing == 0 { context.fireChannelRead(wrapInboundOut(.end(nil))) }
    }

    /// Between two requests: the rest, and whatever comes, is the decoder's.
    private func handOver(_ rest: ByteBuffer, _ context: ChannelHandlerContext) {
        let decoder = ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits))
        do {
            try context.pipeline.syncOperations.addHandler(decoder, position: .after(self))
        } catch {
            context.close(promise: nil)
            return
        }
        context.fireChannelRead(NIOAny(rest))
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed = event as? ChannelEvent { endInTheMiddle(context) }
        context.fireUserInboundEventTriggered(event)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        endInTheMiddle(context)
        context.fireChannelInactive()
    }

    private func endInTheMiddle(_ context: ChannelHandlerContext) {
        guard missing > 0 || partial != nil else { return }
        missing = 0
        partial = nil
        context.fireErrorCaught(HTTPParserError.invalidEOFState)
    }
}
