import AWSWire
import Storage
import NIOHTTP1
import Fleet
import Testing
import TestSupport

@testable import LambdaService

@Suite struct CodeSigningTests {
    private static let root = "/2020-04-22/code-signing-configs"
    private static let profile = "arn:aws:signer:us-east-1:111111111111:/signing-profiles/test"
    private static let publishers = #""AllowedPublishers":{"SigningProfileVersionArns":["\#(profile)"]}"#
    private static let unknown =
        "arn:aws:lambda:us-east-1:111111111111:code-signing-config:csc-11111111111111111"
    private static let functionPath = "/2020-06-30/functions/hello/code-signing-config"

    private func path(_ arn: String) -> String { "\(Self.root)/\(PercentEncoding.encode(arn))" }

    private func make(_ apus: Harness, policy: String) async throws -> String {
        let answer = try await apus.send(
            .POST, Self.root,
            body: """
                {"Description":"Testing",\(Self.publishers),\
                "CodeSigningPolicies":{"UntrustedArtifactOnDeployment":"\(policy)"}}
                """)
        #expect(answer.status == 201)
        return try #require(try answer.json["CodeSigningConfig"]?["CodeSigningConfigArn"]?.string)
    }

    // localstack's recorded TestCodeSigningConfig::test_function_code_signing_config.
    @Test func followsTheRecordedLifecycle() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let arn = try await make(apus, policy: "Enforce")
        let read = try await apus.send(.GET, path(arn)).json
        let config = try #require(read["CodeSigningConfig"])
        #expect(
            Set(config.members.map(\.name)) == [
                "AllowedPublishers", "CodeSigningConfigArn", "CodeSigningConfigId", "CodeSigningPolicies",
                "Description", "LastModified",
            ])
        #expect(config["CodeSigningConfigId"]?.string.map { arn.hasSuffix(":" + $0) } == true)
        let updated = try await apus.send(
            .PUT, path(arn), body: #"{"CodeSigningPolicies":{"UntrustedArtifactOnDeployment":"Warn"}}"#)
        #expect(updated.status == 200)
        let policies = try updated.json["CodeSigningConfig"]?["CodeSigningPolicies"]
        #expect(policies?["UntrustedArtifactOnDeployment"]?.string == "Warn")
        #expect(try updated.json["CodeSigningConfig"]?["Description"]?.string == "Testing")
        let put = try await apus.send(.PUT, Self.functionPath, body: #"{"CodeSigningConfigArn":"\#(arn)"}"#)
        #expect(put.text == #"{"CodeSigningConfigArn":"\#(arn)","FunctionName":"hello"}"#)
        let again = try Harness(in: apus.directory)
        #expect(try await again.send(.GET, Self.functionPath).text == put.text)
        #expect(try await again.send(.GET, Self.root).json["CodeSigningConfigs"]?.elements.count == 1)
        let functions = try await again.send(.GET, path(arn) + "/functions")
        #expect(
            functions.text == #"{"FunctionArns":["arn:aws:lambda:us-east-1:111111111111:function:hello"]}"#)
        let used = try await again.send(.DELETE, path(arn))
        #expect(used.status == 409)
        #expect(used.errorType == "ResourceConflictException")
        #expect(try await again.send(.DELETE, Self.functionPath).status == 204)
        #expect(try await again.send(.GET, Self.functionPath).text == "{}")
        #expect(try await again.send(.DELETE, path(arn)).status == 204)
        #expect(try await again.send(.GET, path(arn)).status == 404)
    }

    // localstack's recorded TestCodeSigningConfig::test_code_signing_not_found_excs.
    @Test func refusesAsRecorded() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let text = #"{"Message":"The Lambda code signing configuration \#(Self.unknown) can not be found."}"#
        for answer in [
            try await apus.send(.GET, path(Self.unknown)), try await apus.send(.DELETE, path(Self.unknown)),
            try await apus.send(.PUT, path(Self.unknown), body: "{}"),
            try await apus.send(.GET, path(Self.unknown) + "/functions"),
        ] {
            #expect(answer.status == 404)
            #expect(answer.errorType == "ResourceNotFoundException")
            #expect(answer.text == text)
        }
        let arn = try await make(apus, policy: "Warn")
        #expect(try await apus.send(.DELETE, Self.functionPath).status == 204)
        let none = "/2020-06-30/functions/none/code-signing-config"
        let missing = "Function not found: arn:aws:lambda:us-east-1:111111111111:function:none"
        #expect(try await apus.send(.GET, none).message == missing)
        #expect(try await apus.send(.DELETE, none).message == missing)
        #expect(try await apus.send(.PUT, none, body: #"{"CodeSigningConfigArn":"\#(arn)"}"#).message == missing)
        for path in [Self.functionPath, none] {
            let put = try await apus.send(.PUT, path, body: #"{"CodeSigningConfigArn":"\#(Self.unknown)"}"#)
            #expect(put.status == 404)
            #expect(put.errorType == "CodeSigningConfigNotFoundException")
            #expect(
                try put.message == "The code signing configuration cannot be found. Check that the provided "
                    + "configuration is not deleted: \(Self.unknown).")
        }
        #expect(try await apus.send(.GET, path(arn), account: "222222222222").status == 404)
    }

    @Test func checksItsInput() async throws {
        let apus = try Harness()
        for body in [
            "{}", #"{"AllowedPublishers":{"SigningProfileVersionArns":[]}}"#,
            #"{"AllowedPublishers":{"SigningProfileVersionArns":["profile"]}}"#,
            #"{\#(Self.publishers),"CodeSigningPolicies":{"UntrustedArtifactOnDeployment":"Perhaps"}}"#,
            #"{\#(Self.publishers),"Description":"\#(String(repeating: "x", count: 257))"}"#,
        ] {
            let answer = try await apus.send(.POST, Self.root, body: body)
            #expect(answer.status == 400, "\(body)")
            #expect(answer.errorType == "ValidationException", "\(body)")
        }
        #expect(try await apus.send(.GET, path("not-an-arn")).errorType == "ValidationException")
        // https://docs.aws.amazon.com/lambda/latest/api/API_CodeSigningPolicies.html: Warn unless set.
        let made = try await apus.send(.POST, Self.root, body: "{\(Self.publishers)}").json["CodeSigningConfig"]
        #expect(made?["CodeSigningPolicies"]?["UntrustedArtifactOnDeployment"]?.string == "Warn")
    }

    // AWS's words, as reported in aws-cdk 29474 and opentelemetry-lambda 1548. Nothing here is signed.
    @Test func refusesUnsignedCode() async throws {
        let apus = try Harness()
        let strict = try await make(apus, policy: "Enforce")
        let lax = try await make(apus, policy: "Warn")
        let refused = try await apus.create("hello", members: #""CodeSigningConfigArn":"\#(strict)""#)
        #expect(refused.status == 400)
        #expect(refused.errorType == "CodeVerificationFailedException")
        #expect(
            try refused.message
                == "Lambda cannot deploy the function. The function or layer might be signed using a signature that "
                + "the client is not configured to accept. Check the provided signature for hello.")
        #expect(try await apus.send(.GET, "/2015-03-31/functions/hello").status == 404)
        let unknown = try await apus.create("hello", members: #""CodeSigningConfigArn":"\#(Self.unknown)""#)
        #expect(unknown.errorType == "CodeSigningConfigNotFoundException")
        try await apus.deploy("hello", members: #""CodeSigningConfigArn":"\#(lax)""#)
        #expect(
            try await apus.send(.GET, Self.functionPath).json["CodeSigningConfigArn"]?.string == lax)
        let code = #"{"ZipFile":"\#(Base64.encode(Harness.hello))"}"#
        #expect(try await apus.send(.PUT, "/2015-03-31/functions/hello/code", body: code).status == 200)
        await apus.settle()
        _ = try await apus.send(.PUT, Self.functionPath, body: #"{"CodeSigningConfigArn":"\#(strict)"}"#)
        let update = try await apus.send(.PUT, "/2015-03-31/functions/hello/code", body: code)
        #expect(update.errorType == "CodeVerificationFailedException")
        #expect(try update.message.hasSuffix("for arn:aws:lambda:us-east-1:111111111111:function:hello."))
    }

    @Test func hasTags() async throws {
        let apus = try Harness()
        let made = try await apus.send(.POST, Self.root, body: #"{\#(Self.publishers),"Tags":{"a":"1"}}"#)
        let arn = try #require(try made.json["CodeSigningConfig"]?["CodeSigningConfigArn"]?.string)
        let tags = "/2017-03-31/tags/\(PercentEncoding.encode(arn))"
        #expect(try await apus.send(.GET, tags).text == #"{"Tags":{"a":"1"}}"#)
        #expect(try await apus.send(.POST, tags, body: #"{"Tags":{"b":"2"}}"#).status == 204)
        #expect(try await apus.send(.DELETE, tags, query: "tagKeys=a").status == 204)
        #expect(try await apus.send(.GET, tags).text == #"{"Tags":{"b":"2"}}"#)
        #expect(
            try await apus.send(.GET, "/2017-03-31/tags/\(PercentEncoding.encode(Self.unknown))").status == 404)
    }
}
