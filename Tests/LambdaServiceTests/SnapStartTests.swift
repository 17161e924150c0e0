import AWSWire
import Fleet
import NIOHTTP1
import Testing
import TestSupport

@testable import LambdaService

/// Expectations without another source: the developer guide, "Improving startup performance with Lambda SnapStart".
@Suite struct SnapStartTests {
    private static let snapStart = #""SnapStart":{"ApplyOn":"PublishedVersions"}"#
    private let functions = "/2015-03-31/functions/hello"

    /// A service at work with a function that has SnapStart.
    private func serving<Result>(
        _ apus: Harness, _ body: (Harness) async throws -> Result
    ) async throws -> Result {
        let work = Task { await apus.service.run() }
        defer { work.cancel() }
        return try await body(apus)
    }

    private func version(_ apus: Harness, _ number: String = "1") async throws -> JSONValue {
        try await apus.send(.GET, "\(functions):\(number)/configuration").json
    }

    private func reaches(_ state: String, _ apus: Harness, _ number: String = "1") async throws -> JSONValue {
        #expect(try await eventually { try await version(apus, number)["State"]?.string == state })
        return try await version(apus, number)
    }

    private func publish(_ apus: Harness) async throws -> JSONValue {
        try await apus.send(.POST, "\(functions)/versions").json
    }

    private func invoke(_ apus: Harness, _ number: String = "1") async throws -> Harness.Answer {
        try await apus.send(.POST, "\(functions)/invocations", query: "Qualifier=\(number)", body: "{}")
    }

    @Test func aVersionIsPendingUntilItIsInitialised() async throws {
        let apus = try Harness()
        try await apus.deploy("hello", members: Self.snapStart)
        #expect(try await apus.configuration("hello")["SnapStart"]?["ApplyOn"]?.string == "PublishedVersions")
        #expect(try await apus.configuration("hello")["SnapStart"]?["OptimizationStatus"]?.string == "Off")
        let published = try await publish(apus)
        #expect(published["State"]?.string == "Pending")
        #expect(published["StateReasonCode"]?.string == "Creating")
        #expect(published["LastUpdateStatus"] == nil)
        let early = try await invoke(apus)
        #expect(early.status == 409)
        #expect(early.errorType == "SnapStartNotReadyException")
        #expect(apus.fleet.published.isEmpty)
        let active = try await serving(apus) { try await reaches("Active", $0) }
        #expect(active["SnapStart"]?["OptimizationStatus"]?.string == "On")
        #expect(active["LastUpdateStatus"]?.string == "Successful")
        #expect(active["RevisionId"]?.string != published["RevisionId"]?.string)
        let snapshot = try #require(apus.fleet.published.first)
        #expect(snapshot.isSnapStart)
        #expect(snapshot.key.version == "1")
        #expect(try await invoke(apus).status == 200)
        #expect(apus.fleet.invocations.last?.version.key == snapshot.key)
        #expect(try await invoke(apus, "$LATEST").status == 200)
        #expect(apus.fleet.invocations.last?.version.isSnapStart == false)
        // Nothing is new: it is the same version, and not initialised again.
        #expect(try await publish(apus)["Version"]?.string == "1")
        #expect(apus.fleet.published.count == 1)
    }

    @Test func publishingOnCreationWaitsForTheCodeFirst() async throws {
        let apus = try Harness()
        let created = try await apus.create("hello", members: #""Publish":true,"# + Self.snapStart)
        #expect(try created.json["State"]?.string == "Pending")
        let active = try await serving(apus) { try await reaches("Active", $0) }
        #expect(active["Version"]?.string == "1")
        #expect(try await apus.configuration("hello")["State"]?.string == "Active")
    }

    /// hashicorp/terraform-provider-aws#49904.
    @Test func anInitialisationThatFailsFailsTheVersion() async throws {
        let apus = try Harness()
        apus.fleet.failSnapshots([.initialisation])
        try await apus.deploy("hello", members: Self.snapStart)
        _ = try await publish(apus)
        let failed = try await serving(apus) { try await reaches("Failed", $0) }
        #expect(failed["StateReasonCode"]?.string == "FunctionError")
        #expect(failed["StateReason"]?.string == "An error occurred during function initialization.")
        #expect(failed["LastUpdateStatus"]?.string == "Failed")
        #expect(failed["LastUpdateStatusReasonCode"]?.string == "FunctionError")
        #expect(try await invoke(apus).errorType == "ResourceConflictException")
        #expect(try await invoke(apus, "$LATEST").status == 200)
        // Its environments are not tried again.
        #expect(apus.fleet.retirements.contains { $0.name == "hello" && $0.revision == nil })
    }

    @Test func whatAProcessLeftTheNextOneDoes() async throws {
        let directory = TemporaryDirectory()
        do {
            let apus = try Harness(in: directory)
            try await apus.deploy("hello", members: Self.snapStart)
            _ = try await publish(apus)
            apus.fleet.holdSnapshots(true)
            try await serving(apus) { apus in
                let isAsked = try await eventually { !apus.fleet.published.isEmpty }
                #expect(isAsked)
            }
            #expect(try await version(apus)["State"]?.string == "Pending")
        }
        do {
            let apus = try Harness(in: directory)
            try await apus.service.prepare()
            let active = try await serving(apus) { try await reaches("Active", $0) }
            #expect(active["SnapStart"]?["OptimizationStatus"]?.string == "On")
        }
        // The environments of an active version are made again, and it stays what it is.
        let apus = try Harness(in: directory)
        try await apus.service.prepare()
        let before = try await apus.send(.GET, "\(functions):1/configuration").text
        apus.fleet.failSnapshots([.initialisation])
        try await serving(apus) { apus in
            let isAsked = try await eventually { !apus.fleet.published.isEmpty }
            #expect(isAsked)
        }
        #expect(apus.fleet.published.map(\.key.version) == ["1"])
        #expect(try await apus.send(.GET, "\(functions):1/configuration").text == before)
    }

    @Test func aVersionThatIsDeletedMeanwhileLeavesNothing() async throws {
        let apus = try Harness()
        try await apus.deploy("hello", members: Self.snapStart)
        _ = try await publish(apus)
        apus.fleet.holdSnapshots(true)
        try await serving(apus) { apus in
            let isAsked = try await eventually { !apus.fleet.published.isEmpty }
            #expect(isAsked)
            #expect(try await apus.send(.DELETE, functions, query: "Qualifier=1").status == 204)
            let before = apus.fleet.retirements.count
            apus.fleet.holdSnapshots(false)
            let isRetired = try await eventually { apus.fleet.retirements.count > before }
            #expect(isRetired)
        }
        #expect(try await apus.send(.GET, "\(functions):1/configuration").status == 404)
    }

    @Test func updatesOfTheFunctionDoNotTouchPublishedVersions() async throws {
        let apus = try Harness()
        try await apus.deploy("hello", members: Self.snapStart)
        _ = try await publish(apus)
        try await serving(apus) { apus in
            _ = try await reaches("Active", apus)
            let before = try await apus.send(.GET, "\(functions):1/configuration").text
            _ = try await apus.send(
                .PUT, "\(functions)/configuration", body: #"{"SnapStart":{"ApplyOn":"None"},"Timeout":9}"#)
            #expect(
                try await eventually {
                    try await apus.configuration("hello")["LastUpdateStatus"]?.string == "Successful"
                })
            #expect(try await apus.send(.GET, "\(functions):1/configuration").text == before)
            let second = try await publish(apus)
            #expect(second["State"]?.string == "Active")
            #expect(second["SnapStart"]?["ApplyOn"]?.string == "None")
            #expect(second["SnapStart"]?["OptimizationStatus"]?.string == "Off")
        }
        #expect(apus.fleet.published.count == 1)
    }

    @Test(arguments: ["python3.12", "python3.13", "python3.14"])
    func runtimesThatHaveIt(_ runtime: String) async throws {
        let apus = try Harness()
        #expect(try await apus.create("hello", members: Self.snapStart, runtime: runtime).status == 201)
    }

    /// The words for runtimes are recorded in public reports of users, such as aws-samples/bedrock-chat#617.
    @Test func refusesWhatCannotHaveIt() async throws {
        let apus = try Harness(accessPoints: ["fsap-0123456789abcdef0"])
        for runtime in ["python3.11", "nodejs22.x", "provided.al2023"] {
            let answer = try await apus.create("hello", members: Self.snapStart, runtime: runtime)
            #expect(answer.errorType == "InvalidParameterValueException")
            #expect(try answer.message == "\(runtime) is not supported for SnapStart enabled functions.")
        }
        let fileSystem = #"""
            "FileSystemConfigs":[{"Arn":"arn:aws:elasticfilesystem:us-east-1:111111111111:access-point/\#
            fsap-0123456789abcdef0","LocalMountPath":"/mnt/a"}],\#
            "VpcConfig":{"SubnetIds":["subnet-1"],"SecurityGroupIds":["sg-1"]}
            """#
        for member in [#""EphemeralStorage":{"Size":513}"#, fileSystem] {
            let answer = try await apus.create("hello", members: "\(member),\(Self.snapStart)")
            #expect(answer.errorType == "InvalidParameterValueException", "\(answer.text)")
            #expect(try answer.message.hasSuffix(" is not supported for SnapStart enabled functions."))
        }
        // A function that has it cannot become such a one.
        try await apus.deploy("hello", members: Self.snapStart)
        for body in [#"{"Runtime":"python3.11"}"#, #"{"EphemeralStorage":{"Size":600}}"#] {
            #expect(try await apus.send(.PUT, "\(functions)/configuration", body: body).status == 400)
        }
        #expect(try await apus.configuration("hello")["Runtime"]?.string == "python3.13")
    }

    @Test func isNotTogetherWithProvisionedConcurrency() async throws {
        let apus = try Harness()
        try await apus.deploy("hello", members: Self.snapStart)
        _ = try await publish(apus)
        try await serving(apus) { _ = try await reaches("Active", $0) }
        _ = try await apus.send(.POST, "\(functions)/aliases", body: #"{"Name":"live","FunctionVersion":"1"}"#)
        for qualifier in ["1", "live"] {
            let answer = try await apus.send(
                .PUT, "/2019-09-30/functions/hello/provisioned-concurrency", query: "Qualifier=\(qualifier)",
                body: #"{"ProvisionedConcurrentExecutions":1}"#)
            #expect(answer.errorType == "InvalidParameterValueException", "\(answer.text)")
            #expect(answer.status == 400)
        }
    }

    /// The statuses are the model's.
    @Test func restorationsThatFail() async throws {
        let apus = try Harness()
        try await apus.deploy("hello", members: Self.snapStart)
        _ = try await publish(apus)
        try await serving(apus) { _ = try await reaches("Active", $0) }
        apus.fleet.answer(.failure(.restoreFailed))
        let failed = try await invoke(apus)
        #expect((failed.status, failed.errorType) == (400, "SnapStartException"))
        apus.fleet.answer(.failure(.restoreTimedOut))
        let slow = try await invoke(apus)
        #expect((slow.status, slow.errorType) == (408, "SnapStartTimeoutException"))
        #expect(try slow.message == "Lambda couldn't restore the snapshot within the timeout limit.")
    }
}
