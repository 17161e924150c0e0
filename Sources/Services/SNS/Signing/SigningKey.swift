import AWSWire
import Crypto
import CryptoExtras
import FoundationEssentials

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
    var fingerprint: String { Insecure.MD5.hash(data: certificate).map(Self.hex).joined() }

    var pem: String {
        var text = "-----BEGIN CERTIFICATE-----\n"
        var rest = Base64.encode(certificate)[...]
        while !rest.isEmpty {
            text += rest.prefix(64) + "\n"
            rest = rest.dropFirst(64)
        }
        return text + "-----END CERTIFICATE-----\n"
    }

    /// - Parameter version: `1` is RSA with SHA-1, `2` with SHA-256; both PKCS #1.
    func signature(of text: String, version: String) throws -> String {
        let bytes = Array(text.utf8)
        let signature =
            version == "2"
            ? try key.signature(for: SHA256.hash(data: bytes), padding: .insecurePKCS1v1_5)
            : try key.signature(for: Insecure.SHA1.hash(data: bytes), padding: .insecurePKCS1v1_5)
        return Base64.encode(signature.rawRepresentation)
    }

    private static func hex(_ byte: UInt8) -> String { String(String(0x100 + UInt(byte), radix: 16).dropFirst()) }

    // MARK: The certificate

    /// Long enough to need no other: what was signed stays verifiable.
    private static let lifetime: Int64 = 20 * 365 * 86_400

    private static func certificate(of key: _RSA.Signing.PrivateKey, now: Int64) throws -> [UInt8] {
        let algorithm = DER.sequence(DER.object([1, 2, 840, 113_549, 1, 1, 11]), DER.null)
        let name = DER.sequence(DER.set(DER.sequence(DER.object([2, 5, 4, 3]), DER.utf8("sns.amazonaws.com"))))
        let validity = DER.sequence(DER.time(time(now - 86_400)), DER.time(time(now + lifetime)))
        var serial = (0..<16).map { _ in UInt8.random(in: 0...255) }
        serial[0] = serial[0] & 0x7F | 0x40
        // It is an authority, for itself: verifiers that want a chain find one of one.
        let constraints = DER.sequence(
            DER.sequence(DER.object([2, 5, 29, 19]), DER.boolean(true), DER.octets(DER.sequence(DER.boolean(true)))))
        let content = DER.sequence(
            DER.context(0, DER.integer([2])), DER.integer(serial), algorithm, name, validity, name,
            Array(key.publicKey.derRepresentation), DER.context(3, constraints))
        let signature = try key.signature(for: SHA256.hash(data: content), padding: .insecurePKCS1v1_5)
        return DER.sequence(content, algorithm, DER.bits(Array(signature.rawRepresentation)))
    }

    /// `20261128021142Z` of `20261128T021142Z`.
    private static func time(_ seconds: Int64) -> String {
        SigV4Time(secondsSince1970: seconds).basic.filter { $0 != "T" }
    }
}
