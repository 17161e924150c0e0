import AWSWire
import Crypto
import CryptoExtras
import NIOCore
import Testing

@testable import STSService

@Suite struct WebIdentityTests {
    private static let issuer = "https://idp.example.com/realm"
    private static let name = "idp.example.com/realm"
    private static let provider = "arn:aws:iam::000000000000:oidc-provider/idp.example.com/realm"
    private static let role = "arn:aws:iam::000000000000:role/deploy"

    private let ec = P256.Signing.PrivateKey()
    private let rig = Rig()

    private static func base64(_ bytes: some Sequence<UInt8>) -> String {
        String(Base64.encode(bytes).map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }.filter { $0 != "=" })
    }

    private func token(
        _ changes: [String: String?] = [:], algorithm: String = "ES256", key: String = "k1",
        by signer: P256.Signing.PrivateKey? = nil
    ) throws -> String {
        var claims: [String: String?] = [
            "iss": #""\#(Self.issuer)""#, "aud": #""apus""#, "sub": #""repo:x/y""#, "exp": "\(Rig.start + 600)",
            "iat": "\(Rig.start)",
        ]
        for (name, value) in changes { claims[name] = .some(value) }
        let body = claims.compactMap { name, value in value.map { #""\#(name)":\#($0)"# } }.joined(separator: ",")
        let signed =
            Self.base64(#"{"alg":"\#(algorithm)","kid":"\#(key)","typ":"JWT"}"#.utf8) + "."
            + Self.base64("{\(body)}".utf8)
        let signature = try (signer ?? ec).signature(for: Array(signed.utf8)).rawRepresentation
        return signed + "." + Self.base64(signature)
    }

    private func publish(_ issuer: String = Self.issuer, keys: String? = nil) {
        let point = Array(ec.publicKey.rawRepresentation)
        let own =
            #"{"kty":"EC","crv":"P-256","kid":"k1","use":"sig","x":"\#(Self.base64(point.prefix(32)))","#
            + #""y":"\#(Self.base64(point.suffix(32)))"}"#
        rig.web.put(
            "\(issuer)/.well-known/openid-configuration",
            #"{"issuer":"\#(issuer)","jwks_uri":"\#(issuer)/keys"}"#)
        rig.web.put("\(issuer)/keys", #"{"keys":[\#(keys ?? own)]}"#)
    }

    private func prepare(when condition: String = #"{"StringLike":{"idp.example.com/realm:sub":"repo:x/*"}}"#) throws {
        publish()
        rig.people.addProvider(Self.name, clients: ["apus"])
        try rig.people.addRole(
            "deploy",
            trust: Rig.trust(#"{"Federated":"\#(Self.provider)"}"#, "sts:AssumeRoleWithWebIdentity", when: condition))
    }

    private func asked(_ token: String) -> [String: String] {
        ["RoleArn": Self.role, "RoleSessionName": "ci", "WebIdentityToken": token]
    }

    private func refusal(_ token: String, location: SourceLocation = #_sourceLocation) async -> AWSError? {
        await rig.refusal("AssumeRoleWithWebIdentity", asked(token), by: Rig.anonymous, location: location)
    }

    @Test func whomAProviderVouchesFor() async throws {
        try prepare()
        let answer = try await rig.ask("AssumeRoleWithWebIdentity", asked(token()), by: Rig.anonymous)
        #expect(Rig.element("SubjectFromWebIdentityToken", answer) == "repo:x/y")
        #expect(Rig.element("Audience", answer) == "apus")
        #expect(Rig.element("Provider", answer) == Self.provider)
        #expect(Rig.element("AssumedRoleId", answer) == "AROAdeploy:ci")
        let session = try rig.session(answer)
        #expect(session.session?.provider == Self.provider)
        #expect(session.session?.context == ["\(Self.name):sub": "repo:x/y", "\(Self.name):aud": "apus"])
        // Keys are fetched once.
        _ = try await rig.ask("AssumeRoleWithWebIdentity", asked(token()), by: Rig.anonymous)
        #expect(rig.web.requests.count == 2)
    }

    @Test func rsaKeys() async throws {
        try prepare()
        let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let primitives = try key.publicKey.getKeyPrimitives()
        publish(
            keys: #"{"kty":"RSA","kid":"k2","n":"\#(Self.base64(primitives.modulus))","#
                + #""e":"\#(Self.base64(primitives.publicExponent))"}"#)
        let parts = try token(algorithm: "RS256", key: "k2").split(separator: ".")
        let signed = "\(parts[0]).\(parts[1])"
        let signature = try key.signature(
            for: SHA256.hash(data: Array(signed.utf8)), padding: .insecurePKCS1v1_5)
        let good = "\(signed).\(Self.base64(signature.rawRepresentation))"
        _ = try await rig.ask("AssumeRoleWithWebIdentity", asked(good), by: Rig.anonymous)
        // A signature of another algorithm's is none.
        #expect(await refusal(try token(algorithm: "RS256", key: "k2"))?.code == "InvalidIdentityToken")
        #expect(await refusal(try token(algorithm: "HS256", key: "k2"))?.code == "InvalidIdentityToken")
        #expect(await refusal(try token(algorithm: "none", key: "k2"))?.code == "InvalidIdentityToken")
    }

    @Test func whoIsNotVouchedFor() async throws {
        try prepare()
        #expect(await refusal(try token(by: P256.Signing.PrivateKey()))?.code == "InvalidIdentityToken")
        #expect(await refusal("not.a.token")?.code == "InvalidIdentityToken")
        #expect(await refusal(try token(["aud": #""other""#]))?.message == "Incorrect token audience")
        #expect(await refusal(try token(["aud": nil]))?.message == "Missing a required claim: aud")
        #expect(
            await refusal(try token(["iss": #""https://elsewhere.example.com""#]))?.message
                == "No OpenIDConnect provider found in your account for https://elsewhere.example.com")
        #expect(await refusal(try token(["nbf": "\(Rig.start + 900)"]))?.code == "InvalidIdentityToken")
        let expired = await refusal(try token(["exp": "\(Rig.start)"]))
        #expect(expired?.code == "ExpiredTokenException" && expired?.status == 400)
        let stranger = await refusal(try token(["sub": #""repo:z/y""#]))
        #expect(stranger?.code == "AccessDenied" && stranger?.status == 403)
        #expect(stranger?.message == "Not authorized to perform sts:AssumeRoleWithWebIdentity")
        #expect(await refusal(try token(["azp": #""other""#]))?.message == "Incorrect token audience")
    }

    @Test func providersThatDoNotAnswer() async throws {
        try prepare()
        rig.web.put("\(Self.issuer)/keys", nil)
        #expect(await refusal(try token())?.code == "IDPCommunicationError")
        let asked = rig.web.requests.count
        // For a few seconds it is not asked again, however often callers come.
        #expect(await refusal(try token())?.code == "IDPCommunicationError")
        #expect(rig.web.requests.count == asked)
        rig.clock.now += 5
        publish()
        _ = try await rig.ask("AssumeRoleWithWebIdentity", self.asked(token()), by: Rig.anonymous)
    }

    @Test func newKeysAreFetchedAndUnknownOnesNotAtEveryCall() async throws {
        try prepare()
        _ = try await rig.ask("AssumeRoleWithWebIdentity", asked(token()), by: Rig.anonymous)
        #expect(await refusal(try token(key: "k9"))?.code == "InvalidIdentityToken")
        #expect(rig.web.requests.count == 2)
        rig.clock.now += 5
        #expect(await refusal(try token(key: "k9"))?.code == "InvalidIdentityToken")
        #expect(rig.web.requests.count == 4)
    }

    @Test func plainIssuersAreOfThisMachineOnly() async throws {
        #expect(IssuerAddress.name(of: "http://127.0.0.1:8080/realm") == "127.0.0.1:8080/realm")
        #expect(IssuerAddress.name(of: "http://localhost:1/") == "localhost:1")
        #expect(IssuerAddress.name(of: "http://[::1]:80") == "[::1]:80")
        #expect(IssuerAddress.name(of: "https://idp.example.com") == "idp.example.com")
        for issuer in [
            "http://idp.example.com", "http://127.0.0.1.example.com", "http://localhost.example.com",
            "http://127.0.0.1@example.com", "http://[::1]example.com", "ftp://x", "https://", "https://a b",
            "https://u@x", "file:///etc/passwd", "",
        ] {
            #expect(IssuerAddress.name(of: issuer) == nil, "\(issuer)")
        }
        // Nor does an issuer elsewhere send us to ourselves.
        try prepare()
        rig.web.put(
            "\(Self.issuer)/.well-known/openid-configuration",
            #"{"issuer":"\#(Self.issuer)","jwks_uri":"http://127.0.0.1/keys"}"#)
        #expect(await refusal(try token())?.code == "InvalidIdentityToken")
        #expect(!rig.web.requests.contains("http://127.0.0.1/keys"))
    }

    @Test func tokensSetTags() async throws {
        publish()
        rig.people.addProvider(Self.name, clients: ["apus"])
        let tags = #"{"principal_tags":{"team":["red"]},"transitive_tag_keys":["team"]}"#
        let federated = #"{"Federated":"\#(Self.provider)"}"#
        try rig.people.addRole("deploy", trust: Rig.trust(federated, "sts:AssumeRoleWithWebIdentity"))
        let tagged = try token(["https://aws.amazon.com/tags": tags])
        #expect(await refusal(tagged)?.message == "Not authorized to perform sts:TagSession")
        try rig.people.addRole(
            "deploy", trust: Rig.trust(federated, "sts:AssumeRoleWithWebIdentity", "sts:TagSession"))
        let session = try rig.session(
            await rig.ask("AssumeRoleWithWebIdentity", asked(tagged), by: Rig.anonymous))
        #expect(session.session?.tags == ["team": "red"] && session.session?.transitiveTags == ["team"])
    }
}
