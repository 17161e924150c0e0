import AWSWire
import NIOHTTP1
import Synchronization
import Testing

@testable import Identity

@Suite struct KeyStoreTests {
    /// A clock that the test moves.
    final class Clock: Sendable {
        private let time = Mutex(SigV4Time(secondsSince1970: 1_760_000_000))
        var now: SigV4Time { time.withLock { $0 } }
        func advance(by seconds: Int64) { time.withLock { $0 = $0 + seconds } }
    }

    static func claim(_ credentials: SigV4.Credentials) throws -> SigV4.Claim {
        var request = SigV4.Request(method: .GET, path: "/", headers: ["Host": "a"])
        SigV4.Signer(credentials: credentials, region: "r", service: "lambda")
            .sign(&request, payloadHash: SigV4.emptyPayloadHash, at: SigV4Time(secondsSince1970: 1_760_000_000))
        return try SigV4.Claim(request)
    }

    @Test func ownersKeys() throws {
        let credentials = SigV4.Credentials(accessKeyID: "AKIDEXAMPLE", secretAccessKey: "s")
        let keys = KeyStore(keys: [(account: .standard, credentials: credentials)])
        let record = try keys.record(for: Self.claim(credentials))
        #expect(record.principal.kind == .root)
        #expect(record.principal.arn == "arn:aws:iam::000000000000:root")
        var wrong = credentials
        wrong.accessKeyID = "AKIDOTHER"
        #expect(throws: SigV4Failure.invalidToken) { try keys.record(for: Self.claim(wrong)) }
        // A long-lived key has no session.
        wrong = credentials
        wrong.sessionToken = "token"
        #expect(throws: SigV4Failure.invalidToken) { try keys.record(for: Self.claim(wrong)) }
    }

    @Test func temporaryCredentials() throws {
        let clock = Clock()
        let keys = KeyStore(clock: { clock.now })
        let issued = keys.issue(
            account: .standard, region: "r", roleARN: "arn:aws:iam::000000000000:role/worker", functionName: "hello")
        // The IAM identifiers page: temporary keys begin with ASIA; ids have 20 characters, secrets 40.
        #expect(issued.accessKeyID.hasPrefix("ASIA") && issued.accessKeyID.utf8.count == 20)
        #expect(issued.secretAccessKey.utf8.count == 40)
        let good = SigV4.Credentials(
            accessKeyID: issued.accessKeyID, secretAccessKey: issued.secretAccessKey, sessionToken: issued.sessionToken)
        #expect(try keys.record(for: Self.claim(good)).principal.kind == .assumedRole(role: "worker", session: "hello"))
        for token in [nil, "", "x", String(issued.sessionToken.dropLast())] {
            var wrong = good
            wrong.sessionToken = token
            #expect(throws: SigV4Failure.invalidToken) { try keys.record(for: Self.claim(wrong)) }
        }
        clock.advance(by: 12 * 3_600 - 1)
        #expect(throws: Never.self) { try keys.record(for: Self.claim(good)) }
        clock.advance(by: 1)
        #expect(throws: SigV4Failure.expiredToken) { try keys.record(for: Self.claim(good)) }
        keys.revoke(accessKeyID: issued.accessKeyID)
        #expect(throws: SigV4Failure.invalidToken) { try keys.record(for: Self.claim(good)) }
    }

    @Test func idsAreNeverTheSame() {
        let keys = KeyStore()
        var ids: Set<String> = []
        for _ in 0..<2_000 {
            ids.insert(keys.issue(account: .standard, region: "r", roleARN: "", functionName: "f").accessKeyID)
            ids.insert(RequestID.make())
        }
        #expect(ids.count == 4_000)
    }
}
