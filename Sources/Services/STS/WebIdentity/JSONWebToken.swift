import AWSWire
import NIOCore

/// A signed JSON web token (RFC 7519), taken apart but not verified.
struct JSONWebToken {
    var algorithm: String
    var keyID: String?
    var claims: JSONValue
    /// What the signature is over.
    var signed: [UInt8]
    var signature: [UInt8]

    /// - Returns: nil for what is none.
    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let head = Self.decode(parts[0]), let body = Self.decode(parts[1]),
            let signature = Self.decode(parts[2]),
            let header = try? JSONValue(parsing: ByteBuffer(bytes: head), depthLimit: 8),
            let claims = try? JSONValue(parsing: ByteBuffer(bytes: body), depthLimit: 16), claims.kind == .object,
            let algorithm = header["alg"]?.string,
            // What it does not know a reader must refuse (RFC 7515, 4.1.11).
            header["crit"] == nil
        else { return nil }
        self.algorithm = algorithm
        keyID = header["kid"]?.string
        self.claims = claims
        signed = Array("\(parts[0]).\(parts[1])".utf8)
        self.signature = signature
    }

    func text(_ claim: String) -> String? { claims[claim]?.string }

    /// Seconds since 1970.
    func time(_ claim: String) -> Double? { claims[claim]?.double }

    /// Of `aud`: one or more.
    var audiences: [String] {
        guard let audience = claims["aud"] else { return [] }
        return audience.string.map { [$0] } ?? audience.elements.compactMap(\.string)
    }

    /// Base64 in the alphabet of URLs, without padding.
    static func decode(_ text: some StringProtocol) -> [UInt8]? {
        guard text.utf8.count <= 65_536, !text.utf8.contains(where: { "+/=".utf8.contains($0) }) else { return nil }
        return Base64.decode(String(text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }))
    }
}
