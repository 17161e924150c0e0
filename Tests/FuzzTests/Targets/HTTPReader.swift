import AWSWire
import NIOCore
import NIOEmbedded
import NIOHTTP1

extension FuzzTarget {
    /// The reader of plain requests sees what NIO's parser sees, wherever the bytes are cut.
    static let httpReader = FuzzTarget("http-reader") { input in
        var choices = Choices(input)
        let pieces = choices.pieces()
        let decoder = ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits))
        let expected = try ReadRequests.by(decoder, from: pieces)
        let found = try ReadRequests.by(RequestReader(limits: limits), from: pieces)
        try hold(found == expected, "\(found) is not \(expected)")
        let whole = try ReadRequests.by(RequestReader(limits: limits), from: [Array(choices.rest)])
        try hold(whole == found, "\(whole) in one piece, \(found) in \(pieces.count)")
    }

    private static let limits = {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = 512
        limits.maxHeaderListSize = 2048
        limits.maxHeaderFieldCount = 16
        return limits
    }()
}

/// The requests that a reader found.
struct ReadRequests: Equatable {
    struct Request: Equatable {
        var head: HTTPRequestHead
        var body: [UInt8] = []
        var isWhole = false
    }

    var requests: [Request] = []
    var hasFailed = false

    static func by(_ reader: any ChannelHandler, from pieces: [[UInt8]]) throws -> ReadRequests {
        let channel = EmbeddedChannel()
        let collector = Collector()
        try channel.pipeline.syncOperations.addHandlers([reader, collector])
        for piece in pieces { _ = try? channel.writeInbound(ByteBuffer(bytes: piece)) }
        _ = try? channel.finish(acceptAlreadyClosed: true)
        return collector.found
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        var found = ReadRequests()

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let last = found.requests.count - 1
            switch unwrapInboundIn(data) {
            case .head(let head): found.requests.append(Request(head: head))
            case .body(let bytes): found.requests[last].body += bytes.readableBytesView
            case .end: found.requests[last].isWhole = true
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { found.hasFailed = true }
    }
}
