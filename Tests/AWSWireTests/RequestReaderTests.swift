import AWSWire
import NIOCore
import NIOEmbedded
import NIOHTTP1
import TestSupport
import Testing

/// Requests by their bytes. What `HTTPRequestDecoder` makes of the same bytes is the measure.
@Suite struct RequestReaderTests {
    /// What came out of a connection.
    struct Outcome: Equatable {
        var heads: [HTTPRequestHead] = []
        /// By request, as text.
        var bodies: [String] = []
        var ends = 0
        var hasFailed = false
    }

    final class Collector: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        var outcome = Outcome()

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                outcome.heads.append(head)
                outcome.bodies.append("")
            case .body(let bytes): outcome.bodies[outcome.bodies.count - 1] += String(buffer: bytes)
            case .end: outcome.ends += 1
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { outcome.hasFailed = true }
    }

    private static let limits = {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = 512
        limits.maxHeaderListSize = 2048
        limits.maxHeaderFieldCount = 16
        return limits
    }()

    private static func outcome(_ pieces: [[UInt8]], of handler: any ChannelHandler) throws -> Outcome {
        let channel = EmbeddedChannel()
        let collector = Collector()
        try channel.pipeline.syncOperations.addHandlers([handler, collector])
        for piece in pieces { try channel.writeInbound(ByteBuffer(bytes: piece)) }
        _ = try? channel.finish(acceptAlreadyClosed: true)
        return collector.outcome
    }

    private static func check(_ pieces: [[UInt8]], _ comment: Comment) throws {
        let decoder = ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits))
        let expected = try outcome(pieces, of: decoder)
        let found = try outcome(pieces, of: RequestReader(limits: limits))
        #expect(found == expected, comment)
    }

    private static let get = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: a:1\r\nx-Y: \t z y\r\n\r\n"
    private static let post = "POST /a?b=c HTTP/1.1\r\nContent-Length: 5\r\nConnection: Keep-Alive\r\nv:\r\n\r\nhello"

    @Test(arguments: [get, post, get + post + get, post + post, post + "DELETE /x HTTP/1.1\r\nhost: \u{e9}\r\n\r\n"])
    func wherever(_ text: String) throws {
        let bytes = Array(text.utf8)
        try Self.check([bytes], "whole")
        for cut in 1..<bytes.count { try Self.check([Array(bytes[..<cut]), Array(bytes[cut...])], "cut at \(cut)") }
        try Self.check(bytes.map { [$0] }, "byte by byte")
    }

    /// What is not plain, alone and after plain ones.
    @Test(arguments: [
        "PUT / HTTP/1.0\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n" + get,
        "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nz" + get,
        "POST / HTTP/1.1\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\nz",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1,1\r\n\r\nz", "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\nz",
        "POST / HTTP/1.1\r\nContent-Length : 1\r\n\r\nz", "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
        "GET / HTTP/1.1\r\nConnection: close\r\n\r\n" + get, "GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n" + get,
        "GET / HTTP/1.1\r\na: b\r\n c\r\n\r\n", "GET / HTTP/1.1\r\na: b\u{0}c\r\n\r\n", "GET / HTTP/1.1\r\n: b\r\n\r\n",
        "GET / HTTP/1.1\na: b\n\n", "GET / HTTP/1.1\r\na: b\rc: d\r\n\r\n", "GET /\u{7f} HTTP/1.1\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1 \r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "\r\n" + get, "GARBAGE\r\n\r\n", "\u{16}\u{3}\u{1}",
        "POST",
        "GET / HTTP/1.1\r\na b: c\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nshort", "GET / HTTP/1.1\r\nHo",
        "GET / HTTP/1.1\r\na: b \r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 1\t\r\n\r\nz",
        "GET / HTTP/1.1\r\na: \(String(repeating: "b", count: 600))\r\n\r\n",
        "GET / HTTP/1.1\r\n\(String(repeating: "a: b\r\n", count: 20))\r\n",
        "GET /\(String(repeating: "a", count: 3000)) HTTP/1.1\r\n\r\n",
    ])
    func unusual(_ text: String) throws {
        for before in ["", Self.get, Self.post] {
            let bytes = Array((before + text).utf8)
            try Self.check([bytes], "whole")
            for cut in stride(from: 1, to: bytes.count, by: max(1, bytes.count / 40)) {
                try Self.check([Array(bytes[..<cut]), Array(bytes[cut...])], "cut at \(cut)")
            }
        }
    }

    @Test(arguments: 0..<8)
    func mutations(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<400 {
            var bytes = Array((Self.get + Self.post + Self.get).utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = bytes.indices.randomElement(using: &random) ?? 0
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                default: bytes.insert(Array("\r\n :\0a".utf8).randomElement(using: &random) ?? 0, at: index)
                }
            }
            let cut = Int.random(in: 1..<bytes.count, using: &random)
            try Self.check(
                [Array(bytes[..<cut]), Array(bytes[cut...])], "\(String(decoding: bytes, as: UTF8.self)) cut at \(cut)")
        }
    }
}
