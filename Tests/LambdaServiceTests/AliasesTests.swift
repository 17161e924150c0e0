import AWSWire
import Fleet
import NIOHTTP1
import Testing

@testable import LambdaService

@Suite struct AliasesTests {
    private static let arn = "arn:aws:lambda:us-east-1:111111111111:function:hello"
    private let path = "/2015-03-31/functions/hello/aliases"

    /// A function with the versions 1 and 2.
    private func harness() async throws -> Harness {
        let apus = try Harness()
        try await apus.deploy("hello", members: #""Publish":true"#)
        _ = try await apus.send(.PUT, "/2015-03-31/functions/hello/configuration", body: #"{"Timeout":4}"#)
        await apus.settle()
        let second = try await apus.send(.POST, "/2015-03-31/functions/hello/versions")
        try #require(try second.json["Version"]?.string == "2")
        return apus
    }

    private func create(_ apus: Harness, _ name: String, _ version: String, more: String = "") async throws
        -> Harness.Answer
    {
        try await apus.send(.POST, path, body: #"{"Name":"\#(name)","FunctionVersion":"\#(version)"\#(more)}"#)
    }

    // localstack's recorded TestLambdaAlias::test_alias_lifecycle.
    @Test func followsTheRecordedLifecycle() async throws {
        let apus = try await harness()
        let weights = #","Description":"custom-alias","RoutingConfig":{"AdditionalVersionWeights":{"2":0.2}}"#
        let made = try await create(apus, "one", "1", more: weights)
        #expect(made.status == 201)
        #expect(
            try made.members == [
                "AliasArn", "Name", "FunctionVersion", "Description", "RoutingConfig", "RevisionId",
            ])
        #expect(try made.json["AliasArn"]?.string == Self.arn + ":one")
        #expect(try made.json["RoutingConfig"]?["AdditionalVersionWeights"]?["2"]?.double == 0.2)
        #expect(try await create(apus, "two", "2").members.contains("RoutingConfig") == false)
        let got = try await apus.send(.GET, path + "/one")
        #expect(got.text == made.text)
        let changed = try await apus.send(
            .PUT, path + "/one", body: #"{"RoutingConfig":{"AdditionalVersionWeights":{}}}"#)
        #expect(try changed.members.contains("RoutingConfig") == false)
        #expect(try changed.json["RevisionId"]?.string != made.json["RevisionId"]?.string)
        #expect(try changed.json["Description"]?.string == "custom-alias")
        let first = try await apus.send(.GET, path, query: "FunctionVersion=1&MaxItems=1").json
        #expect(first["Aliases"]?.elements.map { $0["Name"]?.string } == ["one"])
        #expect(first["NextMarker"] == nil)
        #expect(try await apus.send(.DELETE, path + "/one").status == 204)
        // test_non_existent_alias_deletion
        #expect(try await apus.send(.DELETE, path + "/one").status == 204)
        let missing = try await apus.send(.GET, path + "/one")
        #expect(missing.status == 404)
        #expect(try missing.message == "Cannot find alias arn: \(Self.arn):one")
    }

    // localstack's recorded TestLambdaAlias::test_notfound_and_invalid_routingconfigs.
    @Test(arguments: [
        (
            "1", #"{"1":0.5,"2":0.5}"#, 400, "InvalidParameterValueException",
            "Number of items in AdditionalVersionWeights cannot be greater than 1"
        ),
        (
            "1", #"{"2":2.0}"#, 400, "ValidationException",
            "1 validation error detected: Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to "
                + "satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal "
                + "to 1.0, Member must have value greater than or equal to 0.0, Member must not be null]"
        ),
        (
            "1", #"{"1":0.5}"#, 400, "InvalidParameterValueException",
            "Invalid function version 1. Function version 1 is already included in routing configuration."
        ),
        ("10", #"{"2":0.5}"#, 404, "ResourceNotFoundException", "Function not found: \(arn):10"),
        ("1", #"{"10":0.5}"#, 404, "ResourceNotFoundException", "Function not found: \(arn):10"),
        (
            "$LATEST", #"{"1":0.5}"#, 400, "InvalidParameterValueException",
            "$LATEST is not supported for an alias pointing to more than 1 version"
        ),
        (
            "1", #"{"$LATEST":0.5}"#, 400, "ValidationException",
            "1 validation error detected: Value '{$LATEST=0.5}' at 'routingConfig.additionalVersionWeights' failed to "
                + "satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal "
                + "to 1024, Member must have length greater than or equal to 1, Member must satisfy regular "
                + "expression pattern: [0-9]+]"
        ),
    ])
    func refuses(version: String, weights: String, status: Int, type: String, message: String) async throws {
        let apus = try await harness()
        let routing = #","RoutingConfig":{"AdditionalVersionWeights":\#(weights)}"#
        let answer = try await create(apus, "custom", version, more: routing)
        #expect(answer.status == status)
        #expect(answer.errorType == type)
        #expect(try answer.message == message)
        #expect(try await apus.send(.GET, path).json["Aliases"]?.elements.isEmpty == true)
    }

    // The same test: $LATEST alone has an alias; a name has one.
    @Test func refusesASecondOfItsName() async throws {
        let apus = try await harness()
        #expect(try await create(apus, "custom", "$LATEST").status == 201)
        let second = try await create(apus, "custom", "1")
        #expect(second.status == 409)
        #expect(try second.message == "Alias already exists: \(Self.arn):custom")
    }

    // localstack's recorded test_alias_naming, test_non_existent_alias_update and test_function_revisions_….
    @Test func refusesWhatCannotBe() async throws {
        let apus = try await harness()
        #expect(try await create(apus, "2024-01-02", "1").status == 201)
        let number = try await create(apus, "2024", "1")
        #expect(number.errorType == "ValidationException")
        let missing = try await apus.send(.PUT, path + "/none", body: "{}")
        #expect(missing.status == 404)
        #expect(try missing.message == "Alias not found: \(Self.arn):none")
        let stale = try await apus.send(.PUT, path + "/2024-01-02", body: #"{"RevisionId":"old"}"#)
        #expect(stale.status == 412)
        let unknown = try await apus.send(
            .POST, "/2015-03-31/functions/none/aliases", body: #"{"Name":"x","FunctionVersion":"1"}"#)
        #expect(try unknown.message == "Function not found: \(Self.arn.dropLast(5))none:1")
    }

    // https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html: weight 0 gets none, weight 1 all.
    @Test(arguments: [("0.0", "1"), ("1.0", "2")])
    func honoursTheExtremes(weight: String, version: String) async throws {
        let apus = try await harness()
        let routing = #","RoutingConfig":{"AdditionalVersionWeights":{"2":\#(weight)}}"#
        #expect(try await create(apus, "live", "1", more: routing).status == 201)
        for _ in 0..<20 {
            let answer = try await apus.send(.POST, "/2015-03-31/functions/hello:live/invocations")
            #expect(answer.headers.first(name: "X-Amz-Executed-Version") == version)
        }
        #expect(apus.fleet.invocations.allSatisfy { $0.invocation.invokedARN == Self.arn + ":live" })
    }

    @Test func movesTheNextInvocation() async throws {
        let apus = try await harness()
        _ = try await create(apus, "live", "1")
        func executed() async throws -> String? {
            try await apus.send(.POST, "/2015-03-31/functions/hello:live/invocations").headers
                .first(name: "X-Amz-Executed-Version")
        }
        #expect(try await executed() == "1")
        _ = try await apus.send(.PUT, path + "/live", body: #"{"FunctionVersion":"2"}"#)
        #expect(try await executed() == "2")
        // Versions to which an alias points stay.
        let deletion = try await apus.send(.DELETE, "/2015-03-31/functions/hello", query: "Qualifier=2")
        #expect(deletion.status == 409)
        #expect(deletion.errorType == "ResourceConflictException")
        #expect(try await executed() == "2")
    }
}
