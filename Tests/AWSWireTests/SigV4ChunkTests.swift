import AWSWire
import NIOCore
import NIOHTTP1
import Testing

/// Bodies in signed chunks. The signatures are those of the example in "Signature calculations for the Authorization
/// header: transferring payload in multiple chunks" (S3 API Reference).
@Suite struct SigV4ChunkTests {
    static let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    static let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    static let signatures = [
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ]

    static let request = SigV4.Request(
        method: .PUT, path: "/examplebucket/chunkObject.txt",
        headers: [
            "Host": "s3.amazonaws.com", "x-amz-date": "20130524T000000Z", "x-amz-storage-class": "REDUCED_REDUNDANCY",
            "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "Content-Encoding": "aws-chunked",
            "x-amz-decoded-content-length": "66560", "Content-Length": "66824",
            "Authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
                + "SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
                + "x-amz-decoded-content-length;x-amz-storage-class,Signature=\(seed)",
        ])

    static func body(_ chunks: [(data: String, signature: String)]) -> ByteBuffer {
        var body = ByteBuffer()
        for (data, signature) in chunks {
            body.writeString("\(String(data.utf8.count, radix: 16));chunk-signature=\(signature)\r\n\(data)\r\n")
        }
        return body
    }

    static let chunks = [
        (data: String(repeating: "a", count: 65_536), signature: signatures[0]),
        (data: String(repeating: "a", count: 1_024), signature: signatures[1]), (data: "", signature: signatures[2]),
    ]

    private func verify(_ body: ByteBuffer) throws -> ByteBuffer {
        let claim = try SigV4.Claim(Self.request)
        return try claim.verify(Self.request, body: body, secretAccessKey: Self.secret, keys: SigV4.KeyCache())
    }

    @Test func theDocumentedExample() throws {
        let body = Self.body(Self.chunks)
        #expect(body.readableBytes == 66_824)
        #expect(try verify(body) == ByteBuffer(repeating: UInt8(ascii: "a"), count: 66_560))
    }

    @Test func aChangedChunkIsRefused() throws {
        var body = Self.body(Self.chunks)
        body.setInteger(UInt8(ascii: "b"), at: 1_000)
        #expect(throws: SigV4Failure.mismatch) { _ = try verify(body) }
    }

    @Test func exchangedAndMissingChunksAreRefused() throws {
        let chunks = Self.chunks
        for order in [[1, 0, 2], [0, 2], [0, 1], [2], []] {
            #expect(throws: SigV4Failure.self) { _ = try verify(Self.body(order.map { chunks[$0] })) }
        }
    }

    @Test func unsignedChunksWithTrailers() throws {
        let body = ByteBuffer(string: "5\r\nhello\r\n3\r\nyou\r\n0\r\nx-amz-checksum-crc32:sOO8/Q==\r\n\r\n")
        #expect(try SigV4.unframe(body, decodedLength: "8", seed: nil) == ByteBuffer(string: "helloyou"))
        #expect(throws: SigV4Failure.self) { _ = try SigV4.unframe(body, decodedLength: "9", seed: nil) }
    }

    @Test func signedTrailers() throws {
        let time = try #require(SigV4Time(basic: "20130524T000000Z"))
        let scope = SigV4.Scope(day: "20130524", region: "us-east-1", service: "s3")
        let seed = SigV4.ChunkSeed(
            key: SigV4.SigningKey(secretAccessKey: Self.secret, scope: scope), time: time, scope: scope,
            signature: Self.seed)
        let first = seed.signature(ofChunk: ByteBuffer(string: "hello"), after: Self.seed)
        let last = seed.signature(ofChunk: ByteBuffer(), after: first)
        let head = "5;chunk-signature=\(first)\r\nhello\r\n0;chunk-signature=\(last)\r\n"
        #expect(
            try SigV4.unframe(ByteBuffer(string: head + "\r\n"), decodedLength: "5", seed: seed)
                == ByteBuffer(string: "hello"))
        // Trailers without a signature, or with a wrong one, are not taken.
        let trailer = head + "x-amz-checksum-crc32:sOO8/Q==\r\n"
        for end in ["\r\n", "x-amz-trailer-signature:\(first)\r\n\r\n"] {
            #expect(throws: SigV4Failure.mismatch) {
                _ = try SigV4.unframe(ByteBuffer(string: trailer + end), decodedLength: "5", seed: seed)
            }
        }
    }

    @Test(arguments: [
        "", "\r\n", "5\r\nhell", "5\r\nhello", "5\r\nhelloX\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n", "fffffffff\r\n", "x\r\n", "0\r\nno-colon\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n",
    ])
    func brokenFraming(_ text: String) {
        #expect(throws: SigV4Failure.self) {
            _ = try SigV4.unframe(ByteBuffer(string: text), decodedLength: nil, seed: nil)
        }
    }
}
