package import Crypto
import FoundationEssentials

/// The public half of a signing key: ECDSA on P-256 or P-384.
package enum PackageKey: Sendable {
    case p256(P256.Signing.PublicKey)
    case p384(P384.Signing.PublicKey)

    /// Reads a public key in PEM (`BEGIN PUBLIC KEY`, RFC 5480); nil when it is none of ours.
    package init?(pem: String) {
        if let key = try? P256.Signing.PublicKey(pemRepresentation: pem) {
            self = .p256(key)
        } else if let key = try? P384.Signing.PublicKey(pemRepresentation: pem) {
            self = .p384(key)
        } else {
            return nil
        }
    }

    /// Its name among the algorithms of JSON Web Signatures (RFC 7518, section 3.4).
    package var algorithm: PackageAlgorithm {
        switch self {
        case .p256: .es256
        case .p384: .es384
        }
    }

    /// The version of a signing profile that has this key: ten letters and digits, as AWS Signer's have, made from the
    /// SHA-256 of the key, so that no version says that it is another.
    package var version: String {
        let der =
            switch self {
            case .p256(let key): key.derRepresentation
            case .p384(let key): key.derRepresentation
            }
        var number = SHA256.hash(data: der).prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
        var text: [UInt8] = []
        for _ in 0..<10 {
            text.append(letters[Int(number % 62)])
            number /= 62
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// - Parameter signature: The two numbers one after the other, as JSON Web Signatures have them.
    func accepts(_ signature: [UInt8], of bytes: [UInt8]) -> Bool {
        switch self {
        case .p256(let key):
            guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
            return key.isValidSignature(signature, for: bytes)
        case .p384(let key):
            guard let signature = try? P384.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
            return key.isValidSignature(signature, for: bytes)
        }
    }
}

/// The algorithms of signatures.
package enum PackageAlgorithm: String, Sendable {
    case es256 = "ES256"
    case es384 = "ES384"
}

/// A signing key, which only whoever signs has.
package enum PackageSigningKey: Sendable {
    case p256(P256.Signing.PrivateKey)
    case p384(P384.Signing.PrivateKey)

    /// Reads a private key in PEM (`BEGIN PRIVATE KEY` or `BEGIN EC PRIVATE KEY`, not encrypted); nil when it is none
    /// of ours.
    package init?(pem: String) {
        if let key = try? P256.Signing.PrivateKey(pemRepresentation: pem) {
            self = .p256(key)
        } else if let key = try? P384.Signing.PrivateKey(pemRepresentation: pem) {
            self = .p384(key)
        } else {
            return nil
        }
    }

    package var publicKey: PackageKey {
        switch self {
        case .p256(let key): .p256(key.publicKey)
        case .p384(let key): .p384(key.publicKey)
        }
    }

    func sign(_ bytes: [UInt8]) throws -> [UInt8] {
        switch self {
        case .p256(let key): Array(try key.signature(for: bytes).rawRepresentation)
        case .p384(let key): Array(try key.signature(for: bytes).rawRepresentation)
        }
    }
}
