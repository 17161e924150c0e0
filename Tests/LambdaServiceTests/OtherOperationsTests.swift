import AWSWire
import NIOHTTP1
import Testing

@testable import LambdaService

@Suite struct OtherOperationsTests {
    // Operations of the model that Apus does not have say so by name.
    @Test(arguments: [
        (HTTPMethod.GET, "/2015-03-31/event-source-mappings", "ListEventSourceMappings"),
        (.POST, "/2015-03-31/event-source-mappings", "CreateEventSourceMapping"),
        (.GET, "/2025-11-30/capacity-providers", "ListCapacityProviders"),
    ])
    func areNamed(_ method: HTTPMethod, _ path: String, _ operation: String) async throws {
        let apus = try Harness()
        let answer = try await apus.send(method, path, body: "{}")
        #expect(answer.status == 501)
        #expect(answer.errorType == "NotImplementedException")
        #expect(try answer.message.contains(operation))
    }

    @Test func unknownPathsAreNoOperations() async throws {
        let apus = try Harness()
        for (method, path) in [
            (HTTPMethod.GET, "/"), (.PATCH, "/2015-03-31/functions"), (.POST, "/2015-03-31/functions//invocations"),
            (.POST, "/2015-03-31/functions/a/b/invocations"),
        ] {
            #expect(try await apus.send(method, path).errorType == "UnknownOperationException", "\(path)")
        }
    }

    // localstack's recorded test_code_signing_not_found_excs, get_function_csc_fnwithoutcsc; Terraform reads it.
    @Test func aFunctionHasNoCodeSigning() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let answer = try await apus.send(.GET, "/2020-06-30/functions/hello/code-signing-config")
        #expect(answer.status == 200)
        #expect(answer.text == "{}")
    }

    @Test func aFunctionHasNoPolicy() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let answer = try await apus.send(.GET, "/2015-03-31/functions/hello/policy")
        #expect(answer.status == 404)
        #expect(answer.errorType == "ResourceNotFoundException")
        #expect(try answer.message == "The resource you requested does not exist.")
    }

    // localstack's recorded test_ops_on_nonexisting_version and the qualified ARN of
    // test_ops_with_arn_qualifier_mismatch.
    @Test(arguments: ["", "/configuration"])
    func qualifiersAreLatestOrUnknown(_ suffix: String) async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let latest = try await apus.send(.GET, "/2015-03-31/functions/hello\(suffix)", query: "Qualifier=%24LATEST")
        #expect(latest.text.contains(#""FunctionArn":"arn:aws:lambda:us-east-1:111111111111:function:hello:$LATEST""#))
        let unknown = try await apus.send(.GET, "/2015-03-31/functions/hello\(suffix)", query: "Qualifier=1221")
        #expect(unknown.status == 404)
        #expect(
            try unknown.message == "Function not found: arn:aws:lambda:us-east-1:111111111111:function:hello:1221")
        let encoded = PercentEncoding.encode("arn:aws:lambda:us-east-1:111111111111:function:hello")
        #expect(try await apus.send(.GET, "/2015-03-31/functions/\(encoded)\(suffix)").status == 200)
        let mismatch = try await apus.send(.GET, "/2015-03-31/functions/hello:1\(suffix)", query: "Qualifier=2")
        #expect(mismatch.errorType == "InvalidParameterValueException")
        let elsewhere = try await apus.send(
            .GET, "/2015-03-31/functions/arn:aws:lambda:eu-west-1:111111111111:function:hello\(suffix)")
        #expect(
            try elsewhere.message == "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')")
        let foreign = try await apus.send(.GET, "/2015-03-31/functions/222222222222:function:hello\(suffix)")
        #expect(foreign.status == 403)
        #expect(foreign.errorType == "AccessDeniedException")
    }
}
