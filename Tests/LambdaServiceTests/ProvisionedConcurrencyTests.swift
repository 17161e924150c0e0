import AWSWire
import Fleet
import NIOHTTP1
import Storage
import Testing
import TestSupport

@testable import LambdaService

/// Expectations without another source: localstack's recorded TestLambdaProvisionedConcurrency (test_lambda_api) and
/// TestLambdaConcurrency (test_lambda).
@Suite struct ProvisionedConcurrencyTests {
    private static let arn = "arn:aws:lambda:us-east-1:111111111111:function:hello"
    private let functions = "/2015-03-31/functions/hello"

    private func path(_ name: String) -> String { "/2019-09-30/functions/\(name)/provisioned-concurrency" }

    /// A function with the versions 1 and 2, and the alias `live` of version 1.
    private func harness(quotas: Quotas = Quotas(), in directory: TemporaryDirectory? = nil) async throws -> Harness {
        let apus = try Harness(in: directory, quotas: quotas)
        try await apus.deploy("hello", members: #""Publish":true"#)
        _ = try await apus.send(.PUT, "\(functions)/configuration", body: #"{"Timeout":4}"#)
        await apus.settle()
        let second = try await apus.send(.POST, "\(functions)/versions")
        try #require(try second.json["Version"]?.string == "2")
        _ = try await apus.send(.POST, "\(functions)/aliases", body: #"{"Name":"live","FunctionVersion":"1"}"#)
        return apus
    }

    private func put(_ apus: Harness, _ qualifier: String, _ executions: Int, name: String = "hello") async throws
        -> Harness.Answer
    {
        try await apus.send(
            .PUT, path(name), query: "Qualifier=\(qualifier)",
            body: #"{"ProvisionedConcurrentExecutions":\#(executions)}"#)
    }

    private func get(_ apus: Harness, _ qualifier: String, name: String = "hello") async throws -> Harness.Answer {
        try await apus.send(.GET, path(name), query: "Qualifier=\(qualifier)")
    }

    private func delete(_ apus: Harness, _ qualifier: String, name: String = "hello") async throws -> Harness.Answer {
        try await apus.send(.DELETE, path(name), query: "Qualifier=\(qualifier)")
    }

    private func list(_ apus: Harness, _ query: String = "") async throws -> Harness.Answer {
        try await apus.send(.GET, path("hello"), query: "List=ALL" + query)
    }

    private func reserve(_ apus: Harness, _ executions: Int) async throws -> Harness.Answer {
        try await apus.send(
            .PUT, "/2017-10-31/functions/hello/concurrency", body: #"{"ReservedConcurrentExecutions":\#(executions)}"#)
    }

    // test_provisioned_concurrency; the form of LastModified: the developer guide's examples.
    @Test func isInProgressUntilItIsThere() async throws {
        let apus = try await harness()
        let answer = try await put(apus, "1", 5)
        #expect(answer.status == 202)
        let members: Set = [
            "AllocatedProvisionedConcurrentExecutions", "AvailableProvisionedConcurrentExecutions", "LastModified",
            "RequestedProvisionedConcurrentExecutions", "Status",
        ]
        #expect(try answer.members == members)
        #expect(try answer.json["RequestedProvisionedConcurrentExecutions"]?.int == 5)
        #expect(try answer.json["AllocatedProvisionedConcurrentExecutions"]?.int == 0)
        #expect(try answer.json["Status"]?.string == "IN_PROGRESS")
        let modified = try #require(try answer.json["LastModified"]?.string)
        #expect(modified.wholeMatch(of: /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+0000/) != nil)
        #expect(apus.fleet.provision(of: "hello")?.versions == ["1": 5])
        #expect(apus.fleet.provision(of: "hello")?.total == 5)
        let before = try await get(apus, "1")
        #expect(before.status == 200)
        #expect(before.text == answer.text)
        apus.fleet.provisioned("1", ProvisionedState(available: 3))
        #expect(try await get(apus, "1").json["AvailableProvisionedConcurrentExecutions"]?.int == 3)
        #expect(try await get(apus, "1").json["Status"]?.string == "IN_PROGRESS")
        apus.fleet.provisioned("1", ProvisionedState(available: 5))
        let after = try await get(apus, "1")
        #expect(try after.members == members)
        #expect(try after.json["Status"]?.string == "READY")
        #expect(try after.json["AllocatedProvisionedConcurrentExecutions"]?.int == 5)
        #expect(try after.json["LastModified"]?.string == modified)
        // Updates while it is in progress replace it.
        #expect(try await put(apus, "1", 2).json["Status"]?.string == "IN_PROGRESS")
        #expect(apus.fleet.provision(of: "hello")?.versions == ["1": 2])
        #expect(try await get(apus, "1").json["AvailableProvisionedConcurrentExecutions"]?.int == 2)
    }

    // test_provisioned_concurrency_init_failure
    @Test func tellsWhyItFailed() async throws {
        let apus = try await harness()
        _ = try await put(apus, "1", 1)
        let generation = apus.fleet.provision(of: "hello")?.generations
        apus.fleet.provisioned("1", ProvisionedState(failure: "FUNCTION_ERROR_INIT_FAILURE"))
        let answer = try await get(apus, "1").json
        #expect(answer["Status"]?.string == "FAILED")
        #expect(answer["StatusReason"]?.string == "FUNCTION_ERROR_INIT_FAILURE")
        // Put again it is tried again.
        _ = try await put(apus, "1", 1)
        #expect(apus.fleet.provision(of: "hello")?.generations != generation)
    }

    // test_provisioned_concurrency_exceptions, in its order
    @Test func refusesAsRecorded() async throws {
        let apus = try await harness()
        let missing = try await get(apus, "1")
        #expect(missing.status == 404)
        #expect(missing.errorType == "ProvisionedConcurrencyConfigNotFoundException")
        #expect(
            missing.text == #"{"Type":"User","message":"No Provisioned Concurrency Config found for this function"}"#)
        let unknownFunction = "arn:aws:lambda:us-east-1:111111111111:function:doesnotexist"
        for answer in [
            try await get(apus, "noalias", name: "doesnotexist"),
            try await put(apus, "noalias", 1, name: "doesnotexist"),
        ] {
            #expect(answer.status == 404)
            #expect(answer.errorType == "ResourceNotFoundException")
            #expect(try answer.message == "Cannot find alias arn: \(unknownFunction):noalias")
        }
        for answer in [
            try await get(apus, "noalias"), try await put(apus, "noalias", 1), try await delete(apus, "noalias"),
        ] {
            #expect(answer.status == 404)
            #expect(try answer.message == "Cannot find alias arn: \(Self.arn):noalias")
        }
        for answer in [try await get(apus, "10"), try await put(apus, "10", 1), try await delete(apus, "10")] {
            #expect(answer.status == 404)
            #expect(try answer.message == "Function not found: \(Self.arn):10")
        }
        for answer in [
            try await delete(apus, "1", name: "doesnotexist"), try await put(apus, "1", 1, name: "doesnotexist"),
        ] {
            #expect(try answer.message == "Function not found: \(unknownFunction):1")
        }
        for answer in [try await get(apus, "$LATEST"), try await delete(apus, "$LATEST")] {
            #expect(answer.status == 400)
            #expect(answer.errorType == "InvalidParameterValueException")
            #expect(
                try answer.message == "The function resource provided must be an alias or a published version.")
        }
        let latest = try await put(apus, "$LATEST", 1)
        #expect(latest.status == 400)
        #expect(latest.errorType == "InvalidParameterValueException")
        #expect(
            try latest.message
                == "Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
        #expect(try await list(apus).text == #"{"ProvisionedConcurrencyConfigs":[]}"#)
        let unknown = try await apus.send(.GET, path("doesnotexist"), query: "List=ALL")
        #expect(unknown.status == 404)
        #expect(try unknown.message == "Function not found: \(unknownFunction)")
        let nothing = try await delete(apus, "1")
        #expect(nothing.status == 204)
        #expect(nothing.text == "")
        let zero = try await put(apus, "1", 0)
        #expect(zero.errorType == "ValidationException")
        #expect(
            try zero.message
                == "1 validation error detected: Value '0' at 'provisionedConcurrentExecutions' failed to satisfy "
                + "constraint: Member must have value greater than or equal to 1")
        #expect(apus.fleet.provision(of: "hello")?.total == 0)
    }

    @Test func checksTheShapeOfRequests() async throws {
        let apus = try await harness()
        for (query, body) in [
            ("", #"{"ProvisionedConcurrentExecutions":1}"#), ("Qualifier=1", "{}"),
            ("Qualifier=a.b", #"{"ProvisionedConcurrentExecutions":1}"#),
            ("Qualifier=\(String(repeating: "a", count: 129))", #"{"ProvisionedConcurrentExecutions":1}"#),
        ] {
            let answer = try await apus.send(.PUT, path("hello"), query: query, body: body)
            #expect(answer.status == 400)
            #expect(answer.errorType == "ValidationException", "\(query) \(body)")
        }
        for body in ["", #"{"ProvisionedConcurrentExecutions":"1"}"#, "["] {
            let answer = try await apus.send(.PUT, path("hello"), query: "Qualifier=1", body: body)
            #expect(answer.status == 400)
        }
        #expect(try await apus.send(.GET, path("hello"), query: "Qualifier=").status == 400)
        let mismatch = try await put(apus, "2", 1, name: "hello:1")
        #expect(
            try mismatch.message
                == "The derived qualifier from the function name does not match the specified qualifier.")
        for limit in ["0", "51", "x"] { #expect(try await list(apus, "&MaxItems=\(limit)").status == 400) }
        #expect(try await list(apus, "&Marker=*").status == 400)
        #expect(try await apus.send(.GET, path("hello:1"), query: "List=ALL").status == 400)
    }

    // test_lambda_provisioned_lifecycle
    @Test func ofAVersionOneConfigurationCounts() async throws {
        let apus = try await harness()
        #expect(try await put(apus, "1", 1).status == 202)
        let alias = try await put(apus, "live", 1)
        #expect(alias.status == 409)
        #expect(alias.errorType == "ResourceConflictException")
        #expect(
            try alias.message
                == "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version")
        #expect(try await delete(apus, "1").status == 204)
        #expect(apus.fleet.provision(of: "hello")?.versions == [:])
        #expect(try await get(apus, "1").errorType == "ProvisionedConcurrencyConfigNotFoundException")
        #expect(try await put(apus, "live", 1).status == 202)
        #expect(apus.fleet.provision(of: "hello")?.versions == ["1": 1])
        let version = try await put(apus, "1", 1)
        #expect(version.status == 409)
        #expect(try version.message == "Version is pointed by a Provisioned Concurrency alias")
        // "Two aliases can't allocate provisioned concurrency for the same version": the developer guide.
        _ = try await apus.send(.POST, "\(functions)/aliases", body: #"{"Name":"other","FunctionVersion":"1"}"#)
        #expect(try await put(apus, "other", 1).status == 409)
        #expect(try await put(apus, "2", 1).status == 202)
        #expect(apus.fleet.provision(of: "hello")?.versions == ["1": 1, "2": 1])
        // Deleting the alias takes its configuration along.
        #expect(try await apus.send(.DELETE, "\(functions)/aliases/live").status == 204)
        #expect(apus.fleet.provision(of: "hello")?.versions == ["2": 1])
        let gone = try await get(apus, "live")
        #expect(gone.errorType == "ResourceNotFoundException")
        #expect(try gone.message == "Cannot find alias arn: \(Self.arn):live")
        // So does deleting the version, and the function.
        #expect(
            try await apus.send(.DELETE, functions, query: "Qualifier=2").status == 204)
        #expect(apus.fleet.provision(of: "hello")?.total == 0)
        #expect(try await list(apus).text == #"{"ProvisionedConcurrencyConfigs":[]}"#)
        _ = try await put(apus, "1", 3)
        #expect(apus.fleet.provision(of: "hello")?.total == 3)
        #expect(try await apus.send(.DELETE, functions).status == 204)
        #expect(apus.fleet.provision(of: "hello")?.total == 0)
        #expect(apus.fleet.provision(of: "hello")?.versions == [:])
    }

    // test_lambda_provisioned_concurrency_moves_with_alias
    @Test func followsItsAlias() async throws {
        let apus = try await harness()
        _ = try await put(apus, "live", 4)
        apus.fleet.provisioned("1", ProvisionedState(available: 4))
        #expect(try await get(apus, "live").json["Status"]?.string == "READY")
        func update(_ body: String) async throws -> Harness.Answer {
            try await apus.send(.PUT, "\(functions)/aliases/live", body: body)
        }
        #expect(try await update(#"{"FunctionVersion":"2"}"#).status == 200)
        #expect(apus.fleet.provision(of: "hello")?.versions == ["2": 4])
        #expect(try await get(apus, "live").json["Status"]?.string == "IN_PROGRESS")
        #expect(try await get(apus, "2").errorType == "ProvisionedConcurrencyConfigNotFoundException")
        // Weights divide it: the API reference, AllocatedProvisionedConcurrentExecutions.
        #expect(
            try await update(#"{"RoutingConfig":{"AdditionalVersionWeights":{"1":0.25}}}"#).status == 200)
        #expect(apus.fleet.provision(of: "hello")?.versions == ["2": 3, "1": 1])
        #expect(apus.fleet.provision(of: "hello")?.total == 4)
        apus.fleet.provisioned("2", ProvisionedState(available: 2))
        #expect(try await get(apus, "live").json["AllocatedProvisionedConcurrentExecutions"]?.int == 3)
        // Recorded by users, as in hashicorp/terraform#24957.
        let weighted = try await put(apus, "live", 1)
        #expect(weighted.status == 400)
        #expect(try weighted.message == "Alias with weights can not be used with Provisioned Concurrency")
        #expect(try await update(#"{"RoutingConfig":{}}"#).status == 200)
        #expect(apus.fleet.provision(of: "hello")?.versions == ["2": 4])
        // It cannot be moved to where there is another, nor to what is not published.
        _ = try await put(apus, "1", 1)
        let conflict = try await update(#"{"FunctionVersion":"1"}"#)
        #expect(conflict.status == 409)
        #expect(conflict.errorType == "ResourceConflictException")
        #expect(
            try await update(#"{"RoutingConfig":{"AdditionalVersionWeights":{"1":0.25}}}"#).status == 409)
        #expect(try await update(#"{"FunctionVersion":"$LATEST"}"#).status == 400)
        #expect(apus.fleet.provision(of: "hello")?.versions == ["2": 4, "1": 1])
        // Others may.
        _ = try await apus.send(.POST, "\(functions)/aliases", body: #"{"Name":"other","FunctionVersion":"1"}"#)
        #expect(
            try await apus.send(.PUT, "\(functions)/aliases/other", body: #"{"FunctionVersion":"2"}"#).status == 200)
    }

    // test_provisioned_concurrency_limits
    @Test func leavesAHundredToTheOthers() async throws {
        let apus = try await harness()
        let tooMuch = try await put(apus, "1", 1001)
        #expect(tooMuch.status == 400)
        #expect(tooMuch.errorType == "InvalidParameterValueException")
        #expect(
            tooMuch.text
                == #"{"message":"Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000]."}"#
        )
        for executions in [901, 1000] {
            let tooMuch = try await put(apus, "1", executions)
            #expect(
                tooMuch.text
                    == #"{"message":"Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100]."}"#
            )
        }
        #expect(try await put(apus, "1", .max).status == 400)
        #expect(try await put(apus, "1", 900).status == 202)
        // What it has already does not count against its change; what others have does.
        #expect(try await put(apus, "1", 899).status == 202)
        #expect(try await put(apus, "2", 2).status == 400)
        #expect(try await put(apus, "2", 1).status == 202)
        #expect(try await limit(apus) == 100)
    }

    private func limit(_ apus: Harness) async throws -> Int? {
        try await apus.send(.GET, "/2016-08-19/account-settings").json["AccountLimit"]?[
            "UnreservedConcurrentExecutions"]?.int
    }

    // test_reserved_provisioned_overlap
    @Test func comesOutOfTheReservation() async throws {
        let apus = try await harness()
        #expect(try await put(apus, "1", 2).status == 202)
        #expect(try await limit(apus) == 998)
        let tooLittle = try await reserve(apus, 1)
        #expect(tooLittle.status == 400)
        #expect(tooLittle.errorType == "InvalidParameterValueException")
        #expect(
            tooLittle.text
                == #"{"message":" ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2]."}"#
        )
        #expect(try await reserve(apus, 0).status == 400)
        #expect(try await reserve(apus, 2).status == 200)
        #expect(try await limit(apus) == 998)
        for (qualifier, executions) in [("2", 1), ("1", 3), ("1", Int.max)] {
            let answer = try await put(apus, qualifier, executions)
            #expect(answer.status == 400)
            #expect(answer.errorType == "InvalidParameterValueException")
            #expect(
                answer.text
                    == #"{"Type":"User","message":"Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"}"#
            )
        }
        #expect(try await put(apus, "1", 1).status == 202)
        #expect(try await put(apus, "2", 1).status == 202)
        #expect(try await reserve(apus, 10).status == 200)
        #expect(try await limit(apus) == 990)
        #expect(
            try await apus.send(.DELETE, "/2017-10-31/functions/hello/concurrency").status == 204)
        #expect(try await limit(apus) == 998)
        // Another function's reservation sees it.
        try await apus.deploy("b")
        let path = "/2017-10-31/functions/b/concurrency"
        #expect(try await apus.send(.PUT, path, body: #"{"ReservedConcurrentExecutions":899}"#).status == 400)
        #expect(try await apus.send(.PUT, path, body: #"{"ReservedConcurrentExecutions":898}"#).status == 200)
    }

    // test_lambda_concurrency_crud: where an account has too little to reserve any, nothing can be reserved.
    @Test func nothingCanBeReservedAtAnyTime() async throws {
        var quotas = Quotas()
        quotas.concurrentExecutions = 10
        let apus = try await harness(quotas: quotas)
        #expect(try await reserve(apus, 0).status == 200)
        #expect(try await reserve(apus, 1).status == 400)
    }

    @Test func isListedByPages() async throws {
        let apus = try await harness()
        _ = try await put(apus, "live", 2)
        _ = try await put(apus, "2", 1)
        apus.fleet.provisioned("2", ProvisionedState(available: 1))
        let all = try await list(apus).json["ProvisionedConcurrencyConfigs"]?.elements ?? []
        #expect(all.map { $0["FunctionArn"]?.string } == ["\(Self.arn):2", "\(Self.arn):live"])
        #expect(all.map { $0["Status"]?.string } == ["READY", "IN_PROGRESS"])
        #expect(
            Set(all.first?.members.map(\.name) ?? []) == [
                "FunctionArn", "AllocatedProvisionedConcurrentExecutions", "AvailableProvisionedConcurrentExecutions",
                "LastModified", "RequestedProvisionedConcurrentExecutions", "Status",
            ])
        let first = try await list(apus, "&MaxItems=1").json
        #expect(first["ProvisionedConcurrencyConfigs"]?.elements.count == 1)
        let marker = try #require(first["NextMarker"]?.string)
        let second = try await list(apus, "&MaxItems=1&Marker=\(PercentEncoding.encode(marker))").json
        #expect(second["ProvisionedConcurrencyConfigs"]?.elements.first?["FunctionArn"]?.string == "\(Self.arn):live")
        #expect(second["NextMarker"] == nil)
    }

    @Test func aVersionThatIsNotDeployedYetWaitsForIt() async throws {
        let apus = try Harness()
        #expect(try await apus.create("hello", members: #""Publish":true"#).status == 201)
        #expect(try await put(apus, "1", 1).status == 202)
        #expect(apus.fleet.provision(of: "hello")?.versions == [:])
        #expect(apus.fleet.provision(of: "hello")?.total == 1)
        #expect(try await get(apus, "1").json["Status"]?.string == "IN_PROGRESS")
        await apus.settle()
        #expect(apus.fleet.provision(of: "hello")?.versions == ["1": 1])
    }

    @Test func isThereAfterARestart() async throws {
        let directory = TemporaryDirectory()
        let first = try await harness(in: directory)
        _ = try await put(first, "live", 3)
        try first.database.close()
        let second = try Harness(in: directory)
        try await second.service.prepare()
        let running = Task { await second.service.run() }
        #expect(try await eventually { second.fleet.provision(of: "hello")?.versions == ["1": 3] })
        running.cancel()
        await running.value
        #expect(try await get(second, "live").json["RequestedProvisionedConcurrentExecutions"]?.int == 3)
        #expect(try await limit(second) == 997)
    }

    @Test func aResetTakesItAway() async throws {
        let apus = try await harness()
        _ = try await put(apus, "1", 3)
        try await apus.service.reset()
        #expect(apus.fleet.provision(of: "hello")?.total == 0)
    }
}
