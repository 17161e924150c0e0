package import NIOCore
import NIOHTTP1

extension SigV4.Claim {
    /// Checks everything that needs neither the secret nor the body: the clock, the scope, and that the signature
    /// covers what it must.
    ///
    /// - Parameter service: the service that the request is for when its target says so; nil takes the scope's word.
    package func check(_ request: SigV4.Request, now: SigV4Time, service: String?) throws(SigV4Failure) {
        try checkClock(now)
        try checkSignedHeaders(request.headers)
        try checkScope(service: service)
    }

    /// Checks the signature, and the payload as far as the signature covers it.
    ///
    /// - Returns: the payload without any aws-chunked framing.
    package func verify(
        _ request: SigV4.Request, body: ByteBuffer, secretAccessKey: String, keys: SigV4.KeyCache
    ) throws(SigV4Failure) -> ByteBuffer {
        let word: String
        // S3 alone takes bodies that nobody has signed; AWS's other services hash them whatever the header says.
        switch payload {
        case .unsigned where scope.service != "s3", .chunks(.unsignedWithTrailer) where scope.service != "s3":
            word = SigV4.hash(body)
        case .body: word = SigV4.hash(body)
        case .declared(let hash): word = hash
        case .unsigned: word = SigV4.unsignedPayload
        case .chunks(let chunking): word = chunking.rawValue
        }
        let canonical = SigV4.canonicalRequest(
            request, service: scope.service, signedHeaders: signedHeaders, payload: word)
        let text = SigV4.stringToSign(time: time, scope: scope, canonicalRequest: canonical)
        let key = keys.key(accessKeyID: accessKeyID, secretAccessKey: secretAccessKey, scope: scope)
        guard key.isValid(signature, of: text) else { throw .mismatch }
        switch payload {
        case .body, .unsigned: return body
        case .declared(let hash):
            guard hash == SigV4.hash(body) else { throw .mismatch }
            return body
        case .chunks(let chunking):
            let seed = SigV4.ChunkSeed(key: key, time: time, scope: scope, signature: signature)
            return try SigV4.unframe(
                body, decodedLength: request.headers.first(name: "x-amz-decoded-content-length"),
                seed: chunking == .unsignedWithTrailer ? nil : seed)
        }
    }

    private func checkClock(_ now: SigV4Time) throws(SigV4Failure) {
        if time > now + SigV4.skew {
            throw SigV4Failure(
                .invalidSignature,
                "Signature not yet current: \(time.basic) is still later than \((now + SigV4.skew).basic) "
                    + "(\(now.basic) + 5 min.)")
        }
        var life = SigV4.skew
        if case .query(.some(let expires)) = carrier { life = expires }
        if time < now - life {
            let words = life % 60 == 0 ? "\(life / 60) min." : "\(life) sec."
            throw SigV4Failure(
                .invalidSignature,
                "Signature expired: \(time.basic) is now earlier than \((now - life).basic) (\(now.basic) - \(words))")
        }
    }

    /// `host` and everything that begins with `x-amz-` must be signed; the session token need not be, because it is
    /// checked against the key.
    private func checkSignedHeaders(_ headers: HTTPHeaders) throws(SigV4Failure) {
        // Bytes: strings that compare equal may differ in theirs.
        func isSigned(_ name: String.UTF8View) -> Bool {
            signedHeaders.contains { signed in
                signed.utf8.count == name.count && zip(signed.utf8, name).allSatisfy { $0 == Self.lowered($1) }
            }
        }
        guard isSigned("host".utf8) else {
            throw SigV4Failure(
                .invalidSignature, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
        }
        for (name, _) in headers {
            guard Self.hasPrefix("x-amz-", name), !Self.isSame("x-amz-security-token", name) else { continue }
            guard isSigned(name.utf8) else {
                throw SigV4Failure(.invalidSignature, "'\(name)' must be a 'SignedHeader' in the AWS Authorization.")
            }
        }
    }

    private static func lowered(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }

    /// Whether a header's name begins with `prefix`, which is in lower case.
    private static func hasPrefix(_ prefix: StaticString, _ name: String) -> Bool {
        guard name.utf8.count >= prefix.utf8CodeUnitCount else { return false }
        return prefix.withUTF8Buffer { prefix in zip(prefix, name.utf8).allSatisfy { $0 == lowered($1) } }
    }

    private static func isSame(_ lower: StaticString, _ name: String) -> Bool {
        name.utf8.count == lower.utf8CodeUnitCount && hasPrefix(lower, name)
    }

    private func checkScope(service: String?) throws(SigV4Failure) {
        var problems: [String] = []
        if !SigV4.isRegion(scope.region) {
            problems.append("Credential should be scoped to a valid region, not '\(scope.region)'.")
        }
        if let service, service != scope.service {
            problems.append("Credential should be scoped to correct service: '\(service)'.")
        }
        if scope.day != time.day {
            problems.append(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                    + "'\(scope.day)' != '\(time.day)', from '\(time.basic)'.")
        }
        if !problems.isEmpty { throw SigV4Failure(.invalidSignature, problems.joined(separator: " ")) }
    }
}
