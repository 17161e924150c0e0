import AWSWire
import Storage
import NIOHTTP1
import Fleet
import Testing
import TestSupport

@testable import LambdaService

@Suite struct RuntimeManagementTests {
    private static let arn = "arn:aws:lambda:us-east-1:111111111111:function:hello"
    private let path = "/2021-07-20/functions/hello/runtime-management-config"

    @Test func keepsTheModeOfEachVersion() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        // https://docs.aws.amazon.com/lambda/latest/api/API_GetRuntimeManagementConfig.html: Auto unless set, and the
        // runtime's ARN with Manual alone.
        let first = try await apus.send(.GET, path)
        #expect(first.text == #"{"UpdateRuntimeOn":"Auto","FunctionArn":"\#(Self.arn)"}"#)
        _ = try await apus.send(.POST, "/2015-03-31/functions/hello/versions")
        let put = try await apus.send(.PUT, path, query: "Qualifier=1", body: #"{"UpdateRuntimeOn":"FunctionUpdate"}"#)
        #expect(put.status == 200)
        #expect(put.text == #"{"UpdateRuntimeOn":"FunctionUpdate","FunctionArn":"\#(Self.arn):1"}"#)
        let again = try Harness(in: apus.directory)
        #expect(try await again.send(.GET, path, query: "Qualifier=1").text == put.text)
        #expect(try await again.send(.GET, path).text == first.text)
    }

    // The last text is AWS's, as reported in terraform-provider-aws 42699.
    @Test func pinsTheInstalledRuntime() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let installed = try #require(
            try await apus.configuration("hello")["RuntimeVersionConfig"]?["RuntimeVersionArn"]?.string)
        let put = try await apus.send(
            .PUT, path, body: #"{"UpdateRuntimeOn":"Manual","RuntimeVersionArn":"\#(installed)"}"#)
        #expect(put.status == 200)
        #expect(try put.json["RuntimeVersionArn"]?.string == installed)
        let change = try await apus.send(
            .PUT, "/2015-03-31/functions/hello/configuration", body: #"{"Runtime":"python3.12"}"#)
        #expect(change.errorType == "InvalidParameterValueException")
        #expect(
            try change.message
                == "Cannot change runtime identifier when runtime management configuration is set to 'Manual'. Change "
                + "the runtime management configuration to 'Auto' or 'FunctionUpdate', then retry.")
        let same = try await apus.send(
            .PUT, "/2015-03-31/functions/hello/configuration", body: #"{"Runtime":"python3.13"}"#)
        #expect(same.status == 200)
    }

    @Test func refusesWhatCannotBe() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let other = "arn:aws:lambda:us-east-1::runtime:0000000000000000"
        for (body, type) in [
            ("{}", "ValidationException"), (#"{"UpdateRuntimeOn":"Never"}"#, "ValidationException"),
            (#"{"UpdateRuntimeOn":"Manual"}"#, "InvalidParameterValueException"),
            (#"{"UpdateRuntimeOn":"Manual","RuntimeVersionArn":"short"}"#, "ValidationException"),
            (#"{"UpdateRuntimeOn":"Manual","RuntimeVersionArn":"\#(other)"}"#, "InvalidParameterValueException"),
            (#"{"UpdateRuntimeOn":"Auto","RuntimeVersionArn":"\#(other)"}"#, "InvalidParameterValueException"),
        ] {
            let answer = try await apus.send(.PUT, path, body: body)
            #expect(answer.status == 400, "\(body)")
            #expect(answer.errorType == type, "\(body)")
        }
        let unknown = try await apus.send(.GET, path, query: "Qualifier=7")
        #expect(unknown.status == 404)
        #expect(try unknown.message == "Function not found: \(Self.arn):7")
        let put = try await apus.send(.PUT, path, query: "Qualifier=7", body: #"{"UpdateRuntimeOn":"Auto"}"#)
        #expect(put.text == unknown.text)
    }
}

@Suite struct FunctionRecursionTests {
    private let path = "/2024-08-31/functions/hello/recursion-config"

    // localstack's recorded TestLambdaRecursion.
    @Test func followsTheRecordedLifecycle() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        #expect(try await apus.send(.GET, path).text == #"{"RecursiveLoop":"Terminate"}"#)
        let put = try await apus.send(.PUT, path, body: #"{"RecursiveLoop":"Allow"}"#)
        #expect(put.status == 200)
        #expect(put.text == #"{"RecursiveLoop":"Allow"}"#)
        let again = try Harness(in: apus.directory)
        #expect(try await again.send(.GET, path).text == put.text)
    }

    @Test func refusesWhatCannotBe() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        for body in ["{}", #"{"RecursiveLoop":"InvalidValue"}"#] {
            let answer = try await apus.send(.PUT, path, body: body)
            #expect(answer.status == 400)
            #expect(answer.errorType == "ValidationException")
            #expect(try answer.message.contains("'recursiveLoop' failed to satisfy constraint"))
        }
        let none = "/2024-08-31/functions/none/recursion-config"
        for answer in [
            try await apus.send(.GET, none), try await apus.send(.PUT, none, body: #"{"RecursiveLoop":"Allow"}"#),
        ] {
            #expect(answer.status == 404)
            #expect(
                try answer.message == "Function not found: arn:aws:lambda:us-east-1:111111111111:function:none")
        }
        let long = try await apus.send(
            .GET, "/2024-08-31/functions/\(String(repeating: "x", count: 141))/recursion-config")
        #expect(long.errorType == "ValidationException")
    }
}

@Suite struct FunctionScalingTests {
    // Scaling belongs to capacity providers: https://github.com/go-to-k/cdkd/issues/1616 tells what AWS says otherwise.
    @Test func isForCapacityProviders() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        _ = try await apus.send(.POST, "/2015-03-31/functions/hello/versions")
        let path = "/2025-11-30/functions/hello/function-scaling-config"
        let read = try await apus.send(.GET, path, query: "Qualifier=1")
        #expect(read.status == 403)
        #expect(read.errorType == "AccessDeniedException")
        #expect(
            try read.message == "The function provided by the arn does not contain a capacity provider configuration")
        let put = try await apus.send(
            .PUT, path, query: "Qualifier=1",
            body: #"{"FunctionScalingConfig":{"MinExecutionEnvironments":1}}"#)
        #expect(put.text == read.text)
        for unknown in ["9", "$LATEST.PUBLISHED"] {
            #expect(try await apus.send(.GET, path, query: "Qualifier=\(unknown)").status == 404)
        }
        #expect(try await apus.send(.GET, path, query: "Qualifier=live").errorType == "ValidationException")
    }
}
