import AWSWire
import NIOCore
import Testing
import TestSupport

@testable import Gateway

/// Mutated streams of requests against one connection: it never crashes, what it sends are whole answers, and it either
/// stays usable or closes.
@Suite struct FuzzTests {
    static let pieces = [
        "GET /2015-03-31/x HTTP/1.1\r\nHost: a\r\n\r\n", "POST /2015-03-31/wait HTTP/1.1\r\nHost: a\r\n",
        "Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n", "0\r\n\r\n", "\r\n",
        "\n",
        "Expect: 100-continue\r\n", "Authorization: AWS4-HMAC-SHA256 Credential=a/b/c/lambda/aws4_request\r\n",
        "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n", "GET /_apus/health HTTP/1.0\r\n\r\n", ":", " ",
        "Content-Length: 99999999\r\n", "Connection: close\r\n", "PUT http://a/b?c HTTP/1.1\r\n", "\u{0}", "\u{FFFD}",
    ]

    @Test(arguments: 0..<8) func streams(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<150 {
            let mode: GatewayConfiguration.Authentication = Bool.random(using: &random) ? .on : .off
            let rig = try Rig { $0.authentication = mode }
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                bytes += (Self.pieces.randomElement(using: &random) ?? "").utf8
            }
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Int.random(in: 1...rest.count, using: &random)
                rig.send(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
                if Bool.random(using: &random) { rig.lambda.release() }
            }
            rig.lambda.release()
            if Bool.random(using: &random) {
                rig.tell(ChannelEvent.inputClosed)
            }
            rig.run()
            rig.lambda.release()
            // Long enough for every deadline: whatever state it was in, it ends, and all memory is given back.
            for _ in 0..<4 { rig.advance(.minutes(3)) }
            #expect(!rig.isOpen, "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
            #expect(rig.core.bodies.inUse == 0)
            for answer in rig.answers() { #expect((100...599).contains(answer.status)) }
            #expect(rig.rest.isEmpty)
        }
    }
}
