import NIOCore
import NIOHTTP1

@testable import AWSWire

extension FuzzTarget {
    /// What is signed is accepted as it was signed, and nothing else is.
    static let signedHeaders = FuzzTarget("signed-headers") { input in
        var choices = Choices(input)
        let change = choices.byte()
        let (given, body) = TextRequest.read(choices.rest)
        try refuses(given, body: body)
        var request = given
        for name in ["x-amz-content-sha256", "authorization", "x-amz-security-token"] {
            request.headers.remove(name: name)
        }
        guard !SigV4.isPresigned(query: request.query) else { return }
        signer.sign(&request, payloadHash: SigV4.hash(body), at: now)
        let isAccepted = accepts(request, body: body)
        try hold(isAccepted == request.headers.contains(name: "host"), "\(request) is accepted: \(isAccepted)")
        guard isAccepted else { return }
        var (changed, changedBody) = (request, body)
        switch change % 8 {
        case 0: changed.method = request.method == .GET ? .DELETE : .GET
        case 1: changed.path += "x"
        case 2: changedBody.writeInteger(UInt8(0))
        case 3: changed.query = (request.query.map { "\($0)&" } ?? "") + "Qualifier=1"
        case 4: changed.headers.replaceOrAdd(name: "Host", value: (request.headers.first(name: "host") ?? "") + "x")
        case 5: changed.headers.replaceOrAdd(name: "X-Amz-Date", value: (now + 1).basic)
        case 6: changed.headers.add(name: "Host", value: "other")
        default:
            let header = request.headers.first(name: "authorization") ?? ""
            let last: Character = header.last == "0" ? "1" : "0"
            changed.headers.replaceOrAdd(name: "Authorization", value: "\(header.dropLast())\(last)")
        }
        try hold(!accepts(changed, body: changedBody), "changed (\(change % 8)) and accepted: \(changed)")
    }

    /// As ``signedHeaders``, of presigned URLs.
    static let presignedURL = FuzzTarget("presigned-url") { input in
        var choices = Choices(input)
        let change = choices.byte()
        let expires = Int64(choices.byte()) * 100
        let (given, _) = TextRequest.read(choices.rest)
        try refuses(given, body: ByteBuffer())
        guard !SigV4.isPresigned(query: given.query), given.query?.contains("X-Amz-") != true else { return }
        var request = SigV4.Request(method: .GET, path: given.path, headers: ["host": "localhost"])
        request.query = signer.presign(
            host: "localhost", path: given.path, query: given.query, expires: expires, at: now - expires)
        try hold(accepts(request, body: ByteBuffer()), "\(request) is refused")
        var changed = request
        let query = request.query ?? ""
        switch change % 6 {
        case 0: changed.method = .POST
        case 1: changed.path += "x"
        case 2: changed.query = "Qualifier=1&" + query
        case 3: changed.headers.replaceOrAdd(name: "host", value: "elsewhere")
        case 4:
            changed.headers.add(name: "authorization", value: "AWS4-HMAC-SHA256 Credential=a/b/c/lambda/aws4_request")
        default: changed.query = "X-Amz-Expires=604800&" + query
        }
        try hold(!accepts(changed, body: ByteBuffer()), "changed (\(change % 6)) and accepted: \(changed)")
        try hold(!accepts(request, body: ByteBuffer(), at: now + 1), "expired and accepted: \(request)")
    }

    /// Framing comes off as it went on, and what comes off is never more than what was framed.
    static let awsChunks = FuzzTarget("aws-chunks") { input in
        var choices = Choices(input)
        let size = 1 + choices.byte()
        let bytes = ByteBuffer(bytes: choices.rest)
        let given = try? SigV4.unframe(bytes, decodedLength: nil, seed: nil)
        if let given {
            try hold(given.readableBytes <= bytes.readableBytes, "\(given.readableBytes) of \(bytes.readableBytes)")
            try hold(given == frameless(bytes), "\(given) is not \(frameless(bytes))")
        }
        let scope = SigV4.Scope(day: now.day, region: "us-east-1", service: "lambda")
        let seed = SigV4.ChunkSeed(
            key: SigV4.SigningKey(secretAccessKey: "secret", scope: scope), time: now, scope: scope,
            signature: SigV4.emptyPayloadHash)
        var framed = ByteBuffer()
        var rest = bytes
        var previous = SigV4.emptyPayloadHash
        while true {
            let part = rest.readSlice(length: min(size, rest.readableBytes)) ?? ByteBuffer()
            previous = seed.signature(ofChunk: part, after: previous)
            framed.writeString("\(String(part.readableBytes, radix: 16));chunk-signature=\(previous)\r\n")
            framed.writeImmutableBuffer(part)
            framed.writeString("\r\n")
            if part.readableBytes == 0 { break }
        }
        let length = String(bytes.readableBytes)
        try hold((try? SigV4.unframe(framed, decodedLength: length, seed: seed)) == bytes, "a good body is refused")
        guard bytes.readableBytes > 0 else { return }
        let place = framed.readerIndex + framed.readableBytes / 2
        let byte = framed.getInteger(at: place, as: UInt8.self) ?? 0
        framed.setInteger(byte ^ 1, at: place)
        let changed = try? SigV4.unframe(framed, decodedLength: length, seed: seed)
        try hold(changed == nil || changed == bytes, "a changed body is accepted: \(framed)")
    }

    private static let now = SigV4Time(secondsSince1970: 1_772_600_767)
    private static let signer = SigV4.Signer(
        credentials: SigV4.Credentials(accessKeyID: "AKIDEXAMPLE", secretAccessKey: "secret"), region: "us-east-1",
        service: "lambda")

    private static func accepts(_ request: SigV4.Request, body: ByteBuffer, at time: SigV4Time = now) -> Bool {
        _ = SigV4.Hint(request)
        guard let claim = try? SigV4.Claim(request),
            (try? claim.check(request, now: time, service: "lambda")) != nil
        else { return false }
        return (try? claim.verify(request, body: body, secretAccessKey: "secret", keys: SigV4.KeyCache())) != nil
    }

    /// Nobody has the secret: whatever is there by itself is not signed with it.
    private static func refuses(_ request: SigV4.Request, body: ByteBuffer) throws(Violation) {
        if accepts(request, body: body) { throw Violation("forged: \(request)") }
        if let claim = try? SigV4.Claim(request) {
            _ = try? claim.verify(request, body: body, secretAccessKey: "secret", keys: SigV4.KeyCache())
        }
    }

    /// What is in the chunks, by another way than the reader's.
    private static func frameless(_ framed: ByteBuffer) -> ByteBuffer {
        var rest = Array(framed.readableBytesView)[...]
        var data = ByteBuffer()
        while let end = rest.firstIndex(of: 0x0A) {
            let digits = rest[..<end].prefix { ![0x0D, UInt8(ascii: ";")].contains($0) }
            let size = Int(String(decoding: digits, as: UTF8.self), radix: 16) ?? 0
            if size == 0 { break }
            data.writeBytes(rest[(end + 1)...].prefix(size))
            rest = rest[(end + 1)...].dropFirst(size).drop { $0 == 0x0D || $0 == 0x0A }
        }
        return data
    }
}

/// `METHOD TARGET`, lines of headers, an empty line and a body: a request as the gateway would hand it on.
enum TextRequest {
    static func read(_ bytes: some Collection<UInt8>) -> (request: SigV4.Request, body: ByteBuffer) {
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        let head = lines.prefix { !$0.isEmpty }
        let first = (head.first.map { Array($0) } ?? []).split(separator: 0x20, maxSplits: 1)
        let target = first.count == 2 ? first[1].filter { (0x21...0x7E).contains($0) && $0 != 0x23 } : []
        let parts = target.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        var headers = HTTPHeaders()
        for line in head.dropFirst() {
            let halves = line.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
            guard halves.count == 2, !halves[0].isEmpty, halves[0].allSatisfy(HTTPBytes.isToken),
                halves[1].allSatisfy(HTTPBytes.isValue)
            else { continue }
            headers.add(
                name: String(decoding: halves[0], as: UTF8.self), value: String(decoding: halves[1], as: UTF8.self))
        }
        let method = first.first.map { HTTPMethod(rawValue: String(decoding: $0, as: UTF8.self)) } ?? .GET
        let request = SigV4.Request(
            method: method, path: "/" + String(decoding: parts.first ?? [], as: UTF8.self),
            query: parts.count == 2 ? String(decoding: parts[1], as: UTF8.self) : nil, headers: headers)
        return (request, ByteBuffer(bytes: lines.dropFirst(head.count + 1).joined(separator: [0x0A])))
    }
}
