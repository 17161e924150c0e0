import AWSWire
import Crypto
import CryptoExtras
import FoundationEssentials
import Testing

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

    /// Lengths below and above what fits one byte, numbers with and without their highest bit, arcs of several bytes:
    /// X.690, sections 8.1.3, 8.3 and 8.19.
    @Test func encodesASN1() {
        #expect(DER.octets([1, 2]) == [0x04, 2, 1, 2])
        #expect(DER.octets([UInt8](repeating: 7, count: 200)).prefix(3) == [0x04, 0x81, 200])
        #expect(DER.octets([UInt8](repeating: 7, count: 300)).prefix(4) == [0x04, 0x82, 1, 44])
        #expect(DER.integer([0, 0, 0x7F]) == [0x02, 1, 0x7F])
        #expect(DER.integer([0x80]) == [0x02, 2, 0, 0x80])
        #expect(DER.integer([0]) == [0x02, 1, 0])
        #expect(DER.object([1, 2, 840, 113_549]) == [0x06, 6, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D])
        #expect(DER.time("20261128021142Z").prefix(2) == [0x17, 13])
        #expect(DER.time("20501128021142Z").prefix(2) == [0x18, 15])
    }
}
