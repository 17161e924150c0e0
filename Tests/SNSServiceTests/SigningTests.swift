import AWSWire
import Crypto
import CryptoExtras
import FoundationEssentials
import SwiftASN1
import Testing
import X509

@testable import SNSService

/// What is signed is AWS's: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
@Suite struct SigningTests {
    @Test func signsTheMembersInTheirOrder() {
        var notice = Notice(
            kind: .notification, messageID: "i", topic: "t", subject: "s", text: "m", timestamp: "z")
        notice.unsubscribeURL = "u"
        #expect(
            notice.signedText == "Message\nm\nMessageId\ni\nSubject\ns\nTimestamp\nz\nTopicArn\nt\nType\nNotification\n"
        )
        notice.kind = .subscriptionConfirmation
        notice.token = "k"
        notice.subscribeURL = "u"
        #expect(
            notice.signedText
                == "Message\nm\nMessageId\ni\nSubscribeURL\nu\nTimestamp\nz\nToken\nk\nTopicArn\nt\nType\n"
                + "SubscriptionConfirmation\n")
    }

    @Test(arguments: ["1", "2"]) func signaturesVerify(_ version: String) throws {
        let key = try SigningKey(now: 1_767_225_600)
        let signature = try #require(Base64.decode(try key.signature(of: "text", version: version)))
        let copy = try _RSA.Signing.PrivateKey(derRepresentation: Data(key.der))
        let made = _RSA.Signing.RSASignature(rawRepresentation: Data(signature))
        let text = Array("text".utf8)
        let isValid =
            version == "2"
            ? copy.publicKey.isValidSignature(made, for: SHA256.hash(data: text), padding: .insecurePKCS1v1_5)
            : copy.publicKey.isValidSignature(made, for: Insecure.SHA1.hash(data: text), padding: .insecurePKCS1v1_5)
        #expect(isValid)
    }

    @Test func keysOutliveTheService() async throws {
        let rig = try Rig()
        let key = try await rig.service.signer.key()
        let other = MessageSigner(database: rig.database, sealing: Rig.sealing, clock: { 0 })
        #expect(try await other.key().certificate == key.certificate)
        #expect(try await other.key().der == key.der)
        let path = SNSService.certificatePath(key)
        #expect(try await rig.service.certificate(path: path)?.hasPrefix("-----BEGIN CERTIFICATE-----\n") == true)
        #expect(try await rig.service.certificate(path: path + "x") == nil)
    }

    /// One that verifiers take as the root of its own chain: RFC 5280, sections 4.1 and 4.2.1.9.
    @Test(arguments: [1_767_225_600, 2_524_608_000 as Int64]) func certifiesItself(_ now: Int64) throws {
        let key = try SigningKey(now: now)
        let certificate = try Certificate(derEncoded: key.certificate)
        #expect(certificate.publicKey.isValidSignature(certificate.signature, for: certificate))
        #expect(certificate.version == .v3)
        #expect(certificate.signatureAlgorithm == .sha256WithRSAEncryption)
        #expect(certificate.subject.description == "CN=sns.amazonaws.com")
        #expect(certificate.issuer == certificate.subject)
        #expect(certificate.notValidBefore == Date(timeIntervalSince1970: TimeInterval(now - 86_400)))
        #expect(certificate.notValidAfter == Date(timeIntervalSince1970: TimeInterval(now + 20 * 365 * 86_400)))
        #expect(try certificate.extensions.basicConstraints == .isCertificateAuthority(maxPathLength: nil))
        #expect(try PEMDocument(pemString: key.pem).derBytes == key.certificate)
    }
}
