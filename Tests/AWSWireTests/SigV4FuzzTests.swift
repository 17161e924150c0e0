import AWSWire
import NIOCore
import NIOHTTP1
import Testing
import TestSupport

/// Mutations of good requests: whatever a client sends, reading it ends, and nothing that was changed is accepted.
@Suite struct SigV4FuzzTests {
    static let tokens = [
        "=", ",", " ", "/", ";", "&", "%", "%2", "%zz", "AWS4-HMAC-SHA256", "Credential=", "SignedHeaders=",
        "Signature=", "X-Amz-Signature=0", "X-Amz-Date=", "host", "aws4_request", "\t", "ሴ", "-1", "20260304",
    ]

    static func mutate(_ text: String, using random: inout SeededGenerator) -> String {
        var bytes = Array(text.utf8)
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let at = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes.insert(UInt8.random(in: 1...255, using: &random), at: at)
            case 1 where at < bytes.count: bytes.remove(at: at)
            case 2 where at < bytes.count: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 3: bytes.insert(contentsOf: (tokens.randomElement(using: &random) ?? "=").utf8, at: at)
            default: bytes.removeSubrange(min(at, bytes.count)...)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static let now = SigV4Time(secondsSince1970: 1_772_600_767)
    static let signer = SigV4.Signer(
        credentials: SigV4.Credentials(accessKeyID: "AKIDEXAMPLE", secretAccessKey: "secret"), region: "us-east-1",
        service: "lambda")

    /// The claim of a request that is accepted.
    static func accepted(_ request: SigV4.Request) -> SigV4.Claim? {
        _ = SigV4.Hint(request)
        guard let claim = try? SigV4.Claim(request),
            (try? claim.check(request, now: now, service: "lambda")) != nil,
            (try? claim.verify(request, body: ByteBuffer(), secretAccessKey: "secret", keys: SigV4.KeyCache())) != nil
        else { return nil }
        return claim
    }

    @Test func authorizationHeader() throws {
        var request = SigV4.Request(method: .GET, path: "/2015-03-31/functions", headers: ["Host": "localhost"])
        Self.signer.sign(&request, payloadHash: SigV4.emptyPayloadHash, at: Self.now)
        let good = try #require(Self.accepted(request))
        let header = try #require(request.headers.first(name: "authorization"))
        var random = SeededGenerator(seed: 1)
        for _ in 0..<4_000 {
            var changed = request
            changed.headers.replaceOrAdd(name: "Authorization", value: Self.mutate(header, using: &random))
            guard var claim = Self.accepted(changed) else { continue }
            // Only a change without meaning, or of the key's id (which the caller looks up), leaves a valid signature.
            claim.accessKeyID = good.accessKeyID
            #expect(claim == good, "\(changed.headers)")
        }
    }

    @Test func presignedQuery() throws {
        let query = Self.signer.presign(host: "localhost", path: "/x", query: "a=b%20c", expires: 60, at: Self.now)
        let request = SigV4.Request(method: .GET, path: "/x", query: query, headers: ["Host": "localhost"])
        let good = try #require(Self.accepted(request))
        var random = SeededGenerator(seed: 2)
        for _ in 0..<4_000 {
            var changed = request
            changed.query = Self.mutate(query, using: &random)
            guard let claim = Self.accepted(changed) else { continue }
            #expect(claim == good, "\(changed.query ?? "")")
        }
    }

    @Test func chunkedBody() throws {
        let good = "5;chunk-signature=00\r\nhello\r\n0;chunk-signature=00\r\nx-amz-checksum-crc32:sOO8/Q==\r\n\r\n"
        var random = SeededGenerator(seed: 3)
        for _ in 0..<4_000 {
            let body = ByteBuffer(string: Self.mutate(good, using: &random))
            let payload = try? SigV4.unframe(body, decodedLength: nil, seed: nil)
            #expect((payload?.readableBytes ?? 0) <= body.readableBytes)
        }
    }

    @Test func times() {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<2_000 {
            // Any second up to the year 9999 comes back as it went.
            let time = SigV4Time(secondsSince1970: Int64.random(in: 0..<253_402_300_800, using: &random))
            #expect(SigV4Time(basic: time.basic) == time)
            #expect(SigV4Time(http: time.http) == time)
            _ = SigV4Time(basic: Self.mutate(time.basic, using: &random))
            _ = SigV4Time(http: Self.mutate(time.http, using: &random))
        }
        // The date of RFC 9110, 5.6.7.
        #expect(SigV4Time(http: "Sun, 06 Nov 1994 08:49:37 GMT")?.secondsSince1970 == 784_111_777)
        #expect(SigV4Time(secondsSince1970: 784_111_777).http == "Sun, 06 Nov 1994 08:49:37 GMT")
    }

    @Test func keyCacheIsBounded() {
        let cache = SigV4.KeyCache(capacity: 3)
        for day in 0..<10 {
            _ = cache.key(
                accessKeyID: "A", secretAccessKey: "s",
                scope: SigV4.Scope(day: String(day), region: "r", service: "lambda"))
        }
        #expect(cache.count == 3)
    }
}
