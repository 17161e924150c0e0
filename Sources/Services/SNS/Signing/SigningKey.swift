import AWSWire
import Crypto
import CryptoExtras
import FoundationEssentials
import SwiftASN1
import X509

/// What messages are signed with: an RSA key, and a certificate of it that it signed itself.
struct SigningKey: Sendable {
    private let key: _RSA.Signing.PrivateKey
    /// X.509, DER.
    let certificate: [UInt8]

    /// A new one.
    ///
    /// - Parameter now: Seconds since 1970.
    init(now: Int64) throws {
        key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        certificate = try Self.certificate(of: key, now: now)
    }

    init(der: [UInt8], certificate: [UInt8]) throws {
        key = try _RSA.Signing.PrivateKey(derRepresentation: Data(der))
        self.certificate = certificate
    }

    var der: [UInt8] { Array(key.derRepresentation) }

    /// The part of the certificate's URL that changes with it.
    var fingerprint: String { Hexadecimal.encode(Insecure.MD5.hash(data: certificate)) }

    var pem: String { PEMDocument(type: "CERTIFICATE", derBytes: certificate).pemString + "\n" }

    /// - Parameter version: `1` is RSA with SHA-1, `2` with SHA-256; both PKCS #1.
    func signature(of text: String, version: String) throws -> String {
        let bytes = Array(text.utf8)
        let signature =
            version == "2"
            ? try key.signature(for: SHA256.hash(data: bytes), padding: .insecurePKCS1v1_5)
            : try key.signature(for: Insecure.SHA1.hash(data: bytes), padding: .insecurePKCS1v1_5)
        return Base64.encode(signature.rawRepresentation)
    }

    // MARK: The certificate

    /// Long enough to need no other: what was signed stays verifiable.
    private static let lifetime: Int64 = 20 * 365 * 86_400

    private static func certificate(of key: _RSA.Signing.PrivateKey, now: Int64) throws -> [UInt8] {
        let name = try DistinguishedName { CommonName("sns.amazonaws.com") }
        let key = Certificate.PrivateKey(key)
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: key.publicKey,
            notValidBefore: time(now - 86_400), notValidAfter: time(now + lifetime), issuer: name, subject: name,
            signatureAlgorithm: .sha256WithRSAEncryption,
            // It is an authority, for itself: verifiers that want a chain find one of one.
            extensions: try Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
            },
            issuerPrivateKey: key)
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return serializer.serializedBytes
    }

    private static func time(_ seconds: Int64) -> Date { Date(timeIntervalSince1970: TimeInterval(seconds)) }
}
