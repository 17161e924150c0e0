import AWSWire
import NIOCore

/// The signature that a signed package carries: a JSON Web Token (RFC 7519) in the compact form of JSON Web Signatures
/// (RFC 7515), in the file ``entry`` of the zip.
///
/// Its claims are `manifest`, the SHA-256 of the ``Archive/ZipManifest`` of all other entries in hex; `jti`, the id of
/// the signing job; `iat` and `exp`, when it was made and from when on it does not count any more, in seconds since
/// 1970. Its header names the algorithm and, as `kid`, the version of the signing profile.
package struct PackageSignature: Sendable, Hashable {
    /// Where it is in the zip.
    package static let entry = "META-INF/apus-signature.jws"
    /// Bytes; ours have about 500.
    package static let longest = 4096
    private static let type = "apus-package+jwt"

    package var algorithm: PackageAlgorithm
    package var version: String
    package var claims: Claims
    /// What was signed.
    private var signed: [UInt8]
    private var signature: [UInt8]

    package struct Claims: Sendable, Hashable {
        package var manifest: [UInt8]
        /// A UUID.
        package var job: String
        /// Seconds since 1970.
        package var signed: Int
        package var expires: Int

        package init(manifest: [UInt8], job: String, signed: Int, expires: Int) {
            self.manifest = manifest
            self.job = job
            self.signed = signed
            self.expires = expires
        }
    }

    /// Why what a package has is no signature.
    package enum Malformed: String, Error, Sendable {
        case tooLong = "it is too long"
        case notCompact = "it is no compact JSON Web Signature"
        case header = "its header is not one of ours"
        case claims = "its claims are not those of a package"
    }

    /// Reads a signature. That it is good is for ``isMade(by:)`` to say.
    package init(_ bytes: [UInt8]) throws(Malformed) {
        if bytes.count > Self.longest { throw .tooLong }
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Base64URL.decode(parts[0]), let payload = Base64URL.decode(parts[1]),
            let signature = Base64URL.decode(parts[2])
        else { throw .notCompact }
        // `crit` and whatever else a header might ask for is not understood, so nothing but these three may be there.
        guard let header = try? Self.object(header, members: ["alg", "kid", "typ"]),
            header["typ"]?.string == Self.type, let version = header["kid"]?.string,
            let algorithm = header["alg"]?.string.flatMap(PackageAlgorithm.init)
        else { throw .header }
        guard let payload = try? Self.object(payload, members: ["exp", "iat", "jti", "manifest"]),
            let manifest = payload["manifest"]?.string.flatMap({ Hexadecimal.decode($0) }), manifest.count == 32,
            let job = payload["jti"]?.string, Self.isJob(job),
            let made = payload["iat"]?.int, let expires = payload["exp"]?.int
        else { throw .claims }
        self.algorithm = algorithm
        self.version = version
        claims = Claims(manifest: manifest, job: job, signed: made, expires: expires)
        signed = Array(parts[0] + [UInt8(ascii: ".")] + parts[1])
        self.signature = signature
    }

    /// Whether the owner of a key made it. The algorithm is the key's; what the header says must be the same.
    package func isMade(by key: PackageKey) -> Bool {
        algorithm == key.algorithm && key.accepts(signature, of: signed)
    }

    /// The text of a new signature.
    package static func make(_ claims: Claims, by key: PackageSigningKey) throws -> [UInt8] {
        let header = object { header in
            header.name("alg")
            header.string(key.publicKey.algorithm.rawValue)
            header.name("kid")
            header.string(key.publicKey.version)
            header.name("typ")
            header.string(type)
        }
        let payload = object { payload in
            payload.name("exp")
            payload.int(claims.expires)
            payload.name("iat")
            payload.int(claims.signed)
            payload.name("jti")
            payload.string(claims.job)
            payload.name("manifest")
            payload.string(Hexadecimal.encode(claims.manifest))
        }
        let signed = Base64URL.encode(header) + [UInt8(ascii: ".")] + Base64URL.encode(payload)
        return signed + [UInt8(ascii: ".")] + Base64URL.encode(try key.sign(signed))
    }

    private static func object(_ fill: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        fill(&writer)
        writer.endObject()
        return Array(writer.buffer.readableBytesView)
    }

    /// The object of a text that has just these members, each once.
    private static func object(_ bytes: [UInt8], members: [String]) throws(JSONSyntaxError) -> JSONValue? {
        let value = try JSONValue(parsing: ByteBuffer(bytes: bytes), depthLimit: 4)
        return value.members.map(\.name).sorted() == members ? value : nil
    }

    /// `8-4-4-4-12` digits in lower case: it becomes part of an ARN.
    static func isJob(_ text: String) -> Bool {
        text.utf8.count == 36
            && text.utf8.enumerated().allSatisfy { index, byte in
                [8, 13, 18, 23].contains(index)
                    ? byte == UInt8(ascii: "-") : (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
            }
    }
}

/// Base64 with the alphabet for URLs and without padding (RFC 7515, section 2).
enum Base64URL {
    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        Base64.encode(bytes).utf8.prefix { $0 != UInt8(ascii: "=") }.map { byte in
            switch byte {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            default: byte
            }
        }
    }

    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var plain: [UInt8] = []
        for byte in text {
            switch byte {
            case UInt8(ascii: "-"): plain.append(UInt8(ascii: "+"))
            case UInt8(ascii: "_"): plain.append(UInt8(ascii: "/"))
            case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): return nil
            default: plain.append(byte)
            }
        }
        return plain.withUnsafeBytes { Base64.decode($0) }
    }
}
