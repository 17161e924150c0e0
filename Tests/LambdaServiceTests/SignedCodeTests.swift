import AWSWire
import Archive
import Crypto
import Fleet
import Glibc
import NIOHTTP1
import Signing
import Storage
import Testing
import TestSupport

@testable import LambdaService

/// What becomes of signed packages. Which check stands for which error is in the service model
/// (InvalidCodeSignatureException, CodeVerificationFailedException), and in the developer guide that integrity is not
/// the policy's to decide: https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html
@Suite struct SignedCodeTests {
    private static let root = "/2020-04-22/code-signing-configs"
    private static let function = "arn:aws:lambda:us-east-1:111111111111:function:hello"
    private static let codePath = "/2015-03-31/functions/hello/code"
    private static let configPath = "/2015-03-31/functions/hello/configuration"

    private let apus: Harness
    private let key = PackageSigningKey.p384(P384.Signing.PrivateKey())
    private let foreign = PackageSigningKey.p256(P256.Signing.PrivateKey())

    init() throws {
        apus = try Harness()
        mkdir(profiles(""), 0o755)
        guard case .p384(let key) = key else { return }
        writeFile(profiles("team.pem"), Array(key.publicKey.pemRepresentation.utf8))
    }

    private func profiles(_ name: String) -> String { apus.directory.file("signing-profiles/\(name)") }

    private var profileARN: String {
        "arn:aws:signer:us-east-1:111111111111:/signing-profiles/team/\(key.publicKey.version)"
    }

    private func jobARN(_ job: String) -> String { "arn:aws:signer:us-east-1:111111111111:/signing-jobs/\(job)" }

    /// A package that counts for an hour, or did not any more an hour ago.
    private func sign(
        _ zip: [UInt8] = Harness.hello, by key: PackageSigningKey? = nil, job: String = RequestID.make(),
        expired: Bool = false
    ) throws -> [UInt8] {
        let now = Int(WallClock.secondsSince1970)
        return try PackageSigner(
            key: key ?? self.key, job: job, now: expired ? now - 7200 : now, validSeconds: 3600
        ).sign(zip)
    }

    /// A signed package of which a byte has changed, with its checksum.
    private func tampered() throws -> [UInt8] {
        let entry = PackageSignature.entry
        let text = try #require(try signature(of: sign()))
        return Zip.archive([
            Zip.Entry(name: "index.py", contents: Array("def handler(event, context): return 0\n".utf8)),
            Zip.Entry(name: entry, contents: text),
        ])
    }

    private func signature(of zip: [UInt8]) throws -> [UInt8]? {
        let file = apus.directory.file("signed.zip")
        writeFile(file, zip)
        return try ZipManifest.sealed(zipAt: file, by: PackageSignature.entry, longest: 4096)?.omitted
    }

    private func config(_ policy: String, allowing publishers: [String]? = nil) async throws -> String {
        let publishers = (publishers ?? [profileARN]).map { "\"\($0)\"" }.joined(separator: ",")
        let answer = try await apus.send(
            .POST, Self.root,
            body: """
                {"AllowedPublishers":{"SigningProfileVersionArns":[\(publishers)]},\
                "CodeSigningPolicies":{"UntrustedArtifactOnDeployment":"\(policy)"}}
                """)
        return try #require(try answer.json["CodeSigningConfig"]?["CodeSigningConfigArn"]?.string)
    }

    private func create(_ zip: [UInt8], _ config: String?, members: String = "") async throws -> Harness.Answer {
        let signing = config.map { #""CodeSigningConfigArn":"\#($0)""# }
        return try await apus.create(
            "hello", zip: zip,
            members: [signing, members].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: ","))
    }

    private func update(_ zip: [UInt8], members: String = "") async throws -> Harness.Answer {
        await apus.settle()
        return try await apus.send(
            .PUT, Self.codePath, body: #"{"ZipFile":"\#(Base64.encode(zip))"\#(members)}"#)
    }

    private func publishLayer(_ zip: [UInt8], _ name: String = "things") async throws -> JSONValue {
        let answer = try await apus.send(
            .POST, "/2018-10-31/layers/\(name)/versions",
            body: #"{"Content":{"ZipFile":"\#(Base64.encode(zip))"}}"#)
        try #require(answer.status == 201, "\(answer.text)")
        return try answer.json
    }

    @Test func whatAnAllowedProfileSignedPasses() async throws {
        let job = RequestID.make()
        let created = try await create(sign(job: job), config("Enforce"))
        #expect(created.status == 201)
        let again = try await apus.configuration("hello")
        let list = try await apus.send(.GET, "/2015-03-31/functions").json["Functions"]?.elements.first
        let whole = try await apus.send(.GET, "/2015-03-31/functions/hello").json["Configuration"]
        for answer in [try created.json, again, try #require(list), try #require(whole)] {
            #expect(answer["SigningProfileVersionArn"]?.string == profileARN)
            #expect(answer["SigningJobArn"]?.string == jobARN(job))
        }
        let later = RequestID.make()
        let updated = try await update(sign(job: later), members: #","Publish":true"#)
        #expect(try updated.json["SigningJobArn"]?.string == jobARN(later))
        await apus.settle()
        let restarted = try Harness(in: apus.directory)
        let version = try await restarted.send(.GET, Self.configPath, query: "Qualifier=1").json
        #expect(version["SigningJobArn"]?.string == jobARN(later))
    }

    @Test func withoutAConfigurationSignaturesAreShownAndNothingIsRefused() async throws {
        #expect(try await create(sign(), nil).json["SigningProfileVersionArn"]?.string == profileARN)
        for zip in [try tampered(), Harness.hello, try sign(by: foreign)] {
            let answer = try await update(zip)
            #expect(answer.status == 200)
            #expect(try answer.json["SigningProfileVersionArn"] == nil)
            #expect(try answer.json["SigningJobArn"] == nil)
        }
    }

    private enum Doubtful: String, CaseIterable, Sendable {
        case unsigned, foreign, notAllowed, expired, revoked, revokedProfile
    }

    private func package(_ doubtful: Doubtful) throws -> [UInt8] {
        switch doubtful {
        case .unsigned: return Harness.hello
        case .foreign: return try sign(by: foreign)
        case .notAllowed: return try sign()
        case .expired: return try sign(expired: true)
        case .revoked:
            let job = RequestID.make()
            writeFile(profiles("revoked"), Array("signing-jobs/\(job)\n".utf8))
            return try sign(job: job)
        case .revokedProfile:
            writeFile(profiles("revoked"), Array("\(profileARN)\n".utf8))
            return try sign()
        }
    }

    // AWS's words: aws-cdk 29474 for a new function, aws-samples' and opentelemetry-lambda 1548's for others.
    @Test(arguments: Doubtful.allCases)
    private func thePolicyDecides(about doubtful: Doubtful) async throws {
        let others = ["arn:aws:signer:us-east-1:111111111111:/signing-profiles/team/AAAAAAAAAA"]
        let publishers = doubtful == .notAllowed ? others : nil
        let strict = try await config("Enforce", allowing: publishers)
        let lax = try await config("Warn", allowing: publishers)
        let zip = try package(doubtful)
        let refused = try await create(zip, strict)
        #expect(refused.status == 400)
        #expect(refused.errorType == "CodeVerificationFailedException")
        #expect(try refused.members == ["Message", "Type"])
        #expect(try refused.json["Type"]?.string == "User")
        let words =
            "Lambda cannot deploy the function. The function or layer might be signed using a signature that the client "
            + "is not configured to accept. Check the provided signature for "
        #expect(try refused.message == words + "hello.")
        #expect(try await apus.send(.GET, Self.configPath).status == 404)
        // Nothing is left of what was refused.
        await apus.settle()
        #expect(apus.directory.files("blobs").allSatisfy { $0.utf8.count < 64 })

        let created = try await create(zip, lax)
        #expect(created.status == 201)
        let isSigned = doubtful != .unsigned && doubtful != .foreign
        #expect(try created.json["SigningProfileVersionArn"]?.string == (isSigned ? profileARN : nil))
        #expect(try await update(zip).status == 200)
        _ = try await apus.send(
            .PUT, "/2020-06-30/functions/hello/code-signing-config", body: #"{"CodeSigningConfigArn":"\#(strict)"}"#)
        for members in ["", #","DryRun":true"#] {
            let update = try await update(zip, members: members)
            #expect(update.errorType == "CodeVerificationFailedException")
            #expect(try update.message == words + Self.function + ".")
        }
    }

    @Test(arguments: ["Warn", "Enforce"])
    func integrityIsNotThePolicysToDecide(policy: String) async throws {
        let config = try await config(policy)
        for zip in [try tampered(), try garbled()] {
            let refused = try await create(zip, config)
            #expect(refused.status == 400)
            #expect(refused.errorType == "InvalidCodeSignatureException")
            #expect(try refused.json["Type"]?.string == "User")
            #expect(try refused.message.hasSuffix("Check the provided signature for hello."))
        }
        try #require(try await create(sign(), config).status == 201)
        let update = try await update(tampered())
        #expect(update.errorType == "InvalidCodeSignatureException")
        #expect(try update.message.hasSuffix("for \(Self.function)."))
        let kept = try await apus.configuration("hello")
        #expect(kept["SigningProfileVersionArn"]?.string == profileARN)
        #expect(kept["LastUpdateStatus"]?.string == "Successful")
    }

    private func garbled() throws -> [UInt8] {
        Zip.archive([(name: "index.py", contents: ""), (name: PackageSignature.entry, contents: "a.b.c")])
    }

    @Test func layersSayWhoSignedThem() async throws {
        let job = RequestID.make()
        let layer = try await publishLayer(sign(job: job))
        let arn = try #require(layer["LayerVersionArn"]?.string)
        #expect(layer["Content"]?["SigningProfileVersionArn"]?.string == profileARN)
        let restarted = try Harness(in: apus.directory)
        let read = try await restarted.send(.GET, "/2018-10-31/layers/things/versions/1").json
        #expect(read["Content"]?["SigningJobArn"]?.string == jobARN(job))
        let created = try await create(sign(), config("Enforce"), members: #""Layers":["\#(arn)"]"#)
        #expect(created.status == 201)
        let shown = try created.json["Layers"]?.elements.first
        #expect(
            Set(shown?.members.map(\.name) ?? []) == ["Arn", "CodeSize", "SigningJobArn", "SigningProfileVersionArn"])
        #expect(shown?["SigningJobArn"]?.string == jobARN(job))
        let plain = try await publishLayer(Harness.hello, "plain")
        #expect(plain["Content"]?["SigningProfileVersionArn"] == nil)
        let broken = try await publishLayer(tampered(), "broken")
        #expect(broken["Content"]?["SigningProfileVersionArn"] == nil)
    }

    // opentelemetry-lambda 1548: the layer is named.
    @Test func layersAreCheckedWhenTheyAreGiven() async throws {
        let plain = try #require(try await publishLayer(Harness.hello, "plain")["LayerVersionArn"]?.string)
        let broken = try #require(try await publishLayer(tampered(), "broken")["LayerVersionArn"]?.string)
        let good = try #require(try await publishLayer(sign(), "good")["LayerVersionArn"]?.string)
        let (strict, lax) = (try await config("Enforce"), try await config("Warn"))
        let refused = try await create(sign(), strict, members: #""Layers":["\#(good)","\#(plain)"]"#)
        #expect(refused.errorType == "CodeVerificationFailedException")
        #expect(try refused.message.hasSuffix("Check the provided signature for \(plain)."))
        for config in [strict, lax] {
            let refused = try await create(sign(), config, members: #""Layers":["\#(broken)"]"#)
            #expect(refused.errorType == "InvalidCodeSignatureException")
        }
        try #require(try await create(sign(), strict).status == 201)
        await apus.settle()
        func configure(_ layers: String...) async throws -> Harness.Answer {
            let list = layers.map { "\"\($0)\"" }.joined(separator: ",")
            let answer = try await apus.send(.PUT, Self.configPath, body: #"{"Layers":[\#(list)]}"#)
            await apus.settle()
            return answer
        }
        #expect(try await configure(plain).errorType == "CodeVerificationFailedException")
        #expect(try await configure(good, broken).errorType == "InvalidCodeSignatureException")
        #expect(try await configure(good).status == 200)
        // What is not new is not checked: the policy counts for what is deployed from then on.
        writeFile(profiles("revoked"), Array("\(profileARN)\n".utf8))
        #expect(try await apus.send(.PUT, Self.configPath, body: #"{"Timeout":9}"#).status == 200)
        await apus.settle()
        #expect(try await configure(good).errorType == "CodeVerificationFailedException")
        _ = try await apus.send(
            .PUT, "/2020-06-30/functions/hello/code-signing-config", body: #"{"CodeSigningConfigArn":"\#(lax)"}"#)
        #expect(try await configure(good, plain).status == 200)
    }

    // A directory that is not understood is nobody's trust: neither passed nor taken for untrusted.
    @Test func profilesThatCannotBeReadStopDeployments() async throws {
        writeFile(profiles("revoked"), Array("all of them\n".utf8))
        let zip = try sign()
        let lax = try await config("Warn")
        await #expect(throws: SigningProfilesError.self) { try await create(zip, lax) }
        #expect(try await create(Harness.hello, config("Warn")).status == 201)
    }
}
