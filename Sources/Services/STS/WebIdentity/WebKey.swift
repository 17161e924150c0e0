import AWSWire
import Crypto
import CryptoExtras
import NIOCore

/// A public key of an identity provider (RFC 7517).
struct WebKey: Sendable {
    private enum Material: Sendable {
        case rsa(_RSA.Signing.PublicKey)
        case p256(P256.Signing.PublicKey)
        case p384(P384.Signing.PublicKey)
        case p521(P521.Signing.PublicKey)
    }

    /// Keys that one provider may have.
    private static let limit = 100

    let id: String?
    private let material: Material

    /// The keys of a set that can be used here; others are left out.
    ///
    /// - Returns: nil for what is no key set.
    static func all(in text: ByteBuffer) -> [WebKey]? {
        guard let set = try? JSONValue(parsing: text, depthLimit: 16), let keys = set["keys"], keys.kind == .array
        else {
            return nil
        }
        return keys.elements.prefix(limit).compactMap(WebKey.init)
    }

    private init?(_ value: JSONValue) {
        if let use = value["use"]?.string, use != "sig" { return nil }
        id = value["kid"]?.string
        func bytes(_ name: String) -> [UInt8]? { value[name]?.string.flatMap { JSONWebToken.decode($0) } }
        switch value["kty"]?.string {
        case "RSA":
            guard let modulus = bytes("n"), let exponent = bytes("e"), modulus.count <= 1_024, exponent.count <= 8,
                let key = try? _RSA.Signing.PublicKey(n: modulus, e: exponent)
            else { return nil }
            material = .rsa(key)
        case "EC":
            guard let x = bytes("x"), let y = bytes("y"), x.count == y.count else { return nil }
            let point = [4] + x + y
            switch value["crv"]?.string {
            case "P-256":
                guard let key = try? P256.Signing.PublicKey(x963Representation: point) else { return nil }
                material = .p256(key)
            case "P-384":
                guard let key = try? P384.Signing.PublicKey(x963Representation: point) else { return nil }
                material = .p384(key)
            case "P-521":
                guard let key = try? P521.Signing.PublicKey(x963Representation: point) else { return nil }
                material = .p521(key)
            default: return nil
            }
        default: return nil
        }
    }

    /// Whether the key signed the token, by the algorithm that the token names and the key is for.
    func verifies(_ token: JSONWebToken) -> Bool {
        switch (token.algorithm, material) {
        case ("RS256", .rsa(let key)): verifies(token, key, SHA256.hash(data: token.signed))
        case ("RS384", .rsa(let key)): verifies(token, key, SHA384.hash(data: token.signed))
        case ("RS512", .rsa(let key)): verifies(token, key, SHA512.hash(data: token.signed))
        case ("ES256", .p256(let key)):
            (try? P256.Signing.ECDSASignature(rawRepresentation: token.signature)).map {
                key.isValidSignature($0, for: token.signed)
            } ?? false
        case ("ES384", .p384(let key)):
            (try? P384.Signing.ECDSASignature(rawRepresentation: token.signature)).map {
                key.isValidSignature($0, for: token.signed)
            } ?? false
        case ("ES512", .p521(let key)):
            (try? P521.Signing.ECDSASignature(rawRepresentation: token.signature)).map {
                key.isValidSignature($0, for: token.signed)
            } ?? false
        default: false
        }
    }

    private func verifies(_ token: JSONWebToken, _ key: _RSA.Signing.PublicKey, _ digest: some Digest) -> Bool {
        key.isValidSignature(
            _RSA.Signing.RSASignature(rawRepresentation: token.signature), for: digest, padding: .insecurePKCS1v1_5)
    }
}
