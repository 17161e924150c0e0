import AWSWire
import Identity
import Storage
import Testing

@Suite struct SessionTokenTests {
    private static let role = Principal.Kind.assumedRole(role: "worker", session: "s")
    private static let arn = "arn:aws:sts::000000000000:assumed-role/worker/s"

    private func session() -> Principal.Session {
        var session = Principal.Session(issued: 1_760_000_000, expires: 1_760_003_600)
        session.policies = [#"{"Statement":[]}"#]
        session.policyARNs = ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
        session.tags = ["team": "red", "päth": "\"\\"]
        session.transitiveTags = ["team"]
        session.sourceIdentity = "ann"
        session.hasMFA = true
        session.provider = "example.com"
        session.originID = "AIDA1"
        session.context = ["example.com:sub": "1"]
        return session
    }

    @Test func holdAllThatIsKnown() throws {
        let key = SealingKey.random()
        let issued = try SessionTokens(key: key).issue(
            Self.role, account: .standard, arn: Self.arn, id: "AROA1:s", session: session())
        // Another process with the same key knows it.
        let opened = SessionTokens(key: key).open(issued.sessionToken, accessKeyID: issued.accessKeyID)
        let (principal, secret) = try #require(opened)
        #expect(secret == issued.secretAccessKey && principal.accessKeyID == issued.accessKeyID)
        #expect(principal.kind == Self.role && principal.arn == Self.arn && principal.id == "AROA1:s")
        #expect(principal.session == session())
        for kind in [Principal.Kind.root, .user(name: "u"), .federated(name: "f")] {
            let issued = try SessionTokens(key: key).issue(
                kind, account: .standard, arn: "a", id: "i", session: .init(issued: 1, expires: 2))
            let opened = SessionTokens(key: key).open(issued.sessionToken, accessKeyID: issued.accessKeyID)
            #expect(opened?.principal.kind == kind)
        }
    }

    @Test func areGoodForNothingElse() throws {
        let tokens = SessionTokens(key: .random())
        let issued = try tokens.issue(
            Self.role, account: .standard, arn: Self.arn, id: "AROA1:s", session: session())
        #expect(SessionTokens(key: .random()).open(issued.sessionToken, accessKeyID: issued.accessKeyID) == nil)
        #expect(tokens.open(issued.sessionToken, accessKeyID: "ASIAOTHER") == nil)
        let bytes = try #require(Base64.decode(issued.sessionToken))
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 1
            #expect(tokens.open(Base64.encode(changed), accessKeyID: issued.accessKeyID) == nil)
        }
        for length in 0..<bytes.count where length % 7 == 0 {
            #expect(tokens.open(Base64.encode(bytes.prefix(length)), accessKeyID: issued.accessKeyID) == nil)
        }
        #expect(tokens.open("", accessKeyID: "") == nil && tokens.open("%%", accessKeyID: "") == nil)
    }

    @Test func sign() throws {
        let key = SealingKey.random()
        let now = SigV4Time(secondsSince1970: 1_760_000_000)
        let issued = try SessionTokens(key: key).issue(
            Self.role, account: .standard, arn: Self.arn, id: "AROA1:s", session: session())
        let keys = KeyStore(tokens: SessionTokens(key: key), clock: { now })
        var credentials = SigV4.Credentials(
            accessKeyID: issued.accessKeyID, secretAccessKey: issued.secretAccessKey, sessionToken: issued.sessionToken)
        let record = try keys.record(for: KeyStoreTests.claim(credentials))
        #expect(record.principal.arn == Self.arn && record.secretAccessKey == issued.secretAccessKey)
        // One principal for all requests of a session.
        #expect(try keys.record(for: KeyStoreTests.claim(credentials)).principal === record.principal)
        let later = KeyStore(tokens: SessionTokens(key: key), clock: { now + 3_600 })
        #expect(throws: SigV4Failure.expiredToken) { try later.record(for: KeyStoreTests.claim(credentials)) }
        credentials.sessionToken = nil
        #expect(throws: SigV4Failure.invalidToken) { try keys.record(for: KeyStoreTests.claim(credentials)) }
    }
}
