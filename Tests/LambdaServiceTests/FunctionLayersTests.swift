import AWSWire
import Fleet
import NIOHTTP1
import Archive
import Storage
import Testing
import TestSupport

@testable import LambdaService

/// `Layers` of functions. Expectations are localstack's recorded TestLambdaLayer::test_layer_function_… and
/// test_layer_lifecycle unless a comment says otherwise.
@Suite struct FunctionLayersTests {
    private let second = Zip.archive([
        (name: "python/shared.py", contents: "VALUE = 2\n"), (name: "bin/run", contents: "#!"),
    ])

    private func layers(_ arns: String...) -> String {
        #""Layers":[\#(arns.map { #""\#($0)""# }.joined(separator: ","))]"#
    }

    private func update(_ apus: Harness, _ members: String) async throws -> Harness.Answer {
        try await apus.send(.PUT, "/2015-03-31/functions/f/configuration", body: "{\(members)}")
    }

    @Test func areInTheAnswersInTheirOrder() async throws {
        let apus = try Harness()
        _ = try await apus.publish("a")
        _ = try await apus.publish("b", zip: second)
        let (a, b) = (apus.layerARN("a", 1), apus.layerARN("b", 1))
        let created = try await apus.create("f", members: layers(b, a))
        #expect(created.status == 201)
        #expect(
            created.text.contains(
                #""Layers":[{"Arn":"\#(b)","CodeSize":\#(second.count)},{"Arn":"\#(a)","#
                    + #""CodeSize":\#(Harness.layer.count)}]"#))
        await apus.settle()
        #expect(try await apus.configuration("f")["Layers"]?.elements.count == 2)
        let updated = try await update(apus, #""Timeout":9"#)
        #expect(try updated.json["Layers"]?.elements.count == 2)
        await apus.settle()
        let without = try await update(apus, #""Layers":[]"#)
        #expect(try without.json["Layers"] == nil)
        await apus.settle()
        #expect(try await apus.configuration("f")["Layers"] == nil)
    }

    @Test func areMergedForTheEnvironments() async throws {
        let apus = try Harness()
        _ = try await apus.publish("a")
        _ = try await apus.publish("b", zip: second)
        let (a, b) = (apus.layerARN("a", 1), apus.layerARN("b", 1))
        try await apus.deploy("f", members: layers(a, b))
        _ = try await apus.send(.POST, "/2015-03-31/functions/f/invocations")
        let first = try #require(apus.fleet.invocations.last?.version.layers)
        #expect(apus.directory.files("code/\(first)") == ["bin", "bin/run", "python", "python/shared.py"])
        #expect(apus.directory.text("code/\(first)/python/shared.py") == "VALUE = 2\n")

        _ = try await update(apus, layers(b, a))
        await apus.settle()
        _ = try await apus.send(.POST, "/2015-03-31/functions/f/invocations")
        let other = try #require(apus.fleet.invocations.last?.version.layers)
        #expect(other != first)
        #expect(apus.directory.text("code/\(other)/python/shared.py") == "VALUE = 1\n")

        _ = try await update(apus, #""Layers":[]"#)
        await apus.settle()
        _ = try await apus.send(.POST, "/2015-03-31/functions/f/invocations")
        #expect(try #require(apus.fleet.invocations.last).version.layers == nil)
    }

    @Test func mustBeThere() async throws {
        let apus = try Harness()
        for _ in 0..<3 { _ = try await apus.publish("l") }
        _ = try await apus.publish("l", region: "eu-west-1")
        try await apus.deploy("f")
        func arn(_ version: Int) -> String { apus.layerARN("l", version) }
        let same =
            "Two different versions of the same layer are not allowed to be referenced in the same function. "
        let elsewhere = apus.layerARN("l", 1, region: "eu-west-1")
        for (arns, message) in [
            ([arn(1), arn(2)], same + "\(arn(1)) and \(arn(2)) are versions of the same layer."),
            ([arn(1), arn(2), arn(3)], same + "\(arn(1)) and \(arn(2)) are versions of the same layer."),
            ([arn(1), arn(1)], same + "\(arn(1)) and \(arn(1)) are versions of the same layer."),
            ([apus.layerARN("none", 1)], "Layer version \(apus.layerARN("none", 1)) does not exist."),
            ([arn(9)], "Layer version \(arn(9)) does not exist."),
            (
                [elsewhere],
                "Layers are not in the same region as the function. Layers are expected to be in region us-east-1."
            ),
            ((1...6).map { apus.layerARN("l\($0)", 1) }, "Cannot reference more than 5 layers."),
        ] {
            let members = #""Layers":[\#(arns.map { #""\#($0)""# }.joined(separator: ","))]"#
            for answer in [try await update(apus, members), try await apus.create("g", members: members)] {
                #expect(answer.status == 400 && answer.errorType == "InvalidParameterValueException")
                #expect(answer.text == #"{"Type":"User","message":"\#(message)"}"#)
            }
        }
        // As recorded, a layer of another region is worse than a name that is taken.
        let taken = try await apus.create("f", members: #""Layers":["\#(elsewhere)"]"#)
        #expect(taken.status == 400)
        let unversioned = String(arn(1).dropLast(2))
        let answer = try await update(apus, layers(unversioned))
        #expect(
            try answer.message
                == "1 validation error detected: Value '[\(unversioned)]' at 'layers' failed to satisfy constraint: "
                + "Member must satisfy constraint: [Member must have length less than or equal to 2048, Member must "
                + "have length greater than or equal to 1, Member must satisfy regular expression pattern: "
                + #"(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:"#
                + #"[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+), Member must not be "#
                + "null]")
        let foreign = try await update(apus, layers(apus.layerARN("l", 1, account: "222222222222")))
        #expect(foreign.status == 403 && foreign.errorType == "AccessDeniedException")
    }

    // Both messages are AWS's, as its users quote them.
    @Test func mustFitTogetherWithTheCode() async throws {
        let large = Zip.archive([(name: "a", contents: String(repeating: "x", count: 600))])
        let other = Zip.archive([(name: "b", contents: String(repeating: "y", count: 600))])
        var quotas = Quotas()
        quotas.unzippedCodeBytes = 1000
        let apus = try Harness(quotas: quotas)
        _ = try await apus.publish("a", zip: large)
        _ = try await apus.publish("b", zip: other)
        let (a, b) = (apus.layerARN("a", 1), apus.layerARN("b", 1))
        let combined =
            "Function code combined with layers exceeds the maximum allowed size of 1000 bytes. The actual size is 1200 "
            + "bytes."
        let refused = try await apus.create("f", zip: other, members: layers(a))
        #expect(refused.status == 400 && refused.errorType == "InvalidParameterValueException")
        #expect(try refused.message == combined)
        #expect(
            try await apus.create("f", members: layers(a, b)).message
                == "Layers consume more than the available size of 1000 bytes")

        try await apus.deploy("f", members: layers(a))
        let code = try await apus.send(
            .PUT, "/2015-03-31/functions/f/code", body: #"{"ZipFile":"\#(Base64.encode(other))"}"#)
        #expect(try code.message == combined)
        await apus.settle()
        #expect(apus.directory.names("code").count == 4, "two layers, one function, its layers' tree")
    }

    // test_layer_lifecycle: a function keeps a layer that is deleted.
    @Test func outliveTheLayer() async throws {
        let directory = TemporaryDirectory()
        let first = try Harness(in: directory, grace: .zero)
        _ = try await first.publish("a")
        let arn = first.layerARN("a", 1)
        try await first.deploy("f", members: layers(arn))
        _ = try await first.send(.DELETE, "/2018-10-31/layers/a/versions/1")
        await first.settle()
        #expect(try await first.configuration("f")["Layers"]?.elements.first?["Arn"]?.string == arn)
        #expect(try await update(first, layers(arn)).message == "Layer version \(arn) does not exist.")
        #expect(directory.names("code").count == 3)
        let tree = try #require(directory.names("code").first { $0.hasPrefix("layers-") })
        try first.database.close()

        // The trees are made again from the zip files, of which the layer's is there no longer for itself.
        try CodeTrees(directory: directory.path + "/code", extractor: .init()).remove(tree)
        let second = try Harness(in: directory, grace: .zero)
        try await second.service.prepare()
        let worker = Task { await second.service.run() }
        #expect(try await eventually { directory.files("code/\(tree)") == ["python", "python/shared.py"] })
        worker.cancel()
        await worker.value

        // The last to have it was the function.
        _ = try await second.send(.DELETE, "/2015-03-31/functions/f")
        await second.settle()
        #expect(directory.names("code").isEmpty)
        #expect(try await second.blobs.all().isEmpty)
    }

    @Test func areClearedAwayWhenNobodyHasThem() async throws {
        let apus = try Harness(grace: .zero)
        _ = try await apus.publish("a")
        _ = try await apus.publish("b", zip: second)
        try await apus.deploy("f", members: layers(apus.layerARN("a", 1), apus.layerARN("b", 1)))
        #expect(apus.directory.names("code").count == 4)
        _ = try await update(apus, layers(apus.layerARN("b", 1)))
        await apus.settle()
        await apus.settle()
        #expect(apus.directory.names("code").count == 4, "the layers, the code, and the tree of one layer")
        _ = try await update(apus, #""Layers":[]"#)
        await apus.settle()
        await apus.settle()
        #expect(apus.directory.names("code").count == 3)
        _ = try await apus.send(.DELETE, "/2018-10-31/layers/a/versions/1")
        await apus.settle()
        #expect(apus.directory.names("code").count == 2)
        try await apus.service.reset()
        await apus.settle()
        #expect(apus.directory.names("code").isEmpty)
        #expect(try await apus.blobs.all().isEmpty)
    }

    // The download that GetLayerVersion promises.
    @Test func downloads() async throws {
        let apus = try Harness()
        _ = try await apus.publish("a")
        let location = try #require(
            try await apus.send(.GET, "/2018-10-31/layers/a/versions/1").json["Content"]?["Location"]?.string)
        let code = try #require(location.split(separator: "/").last.map(String.init))
        let owner = try #require(AccountID(Harness.account))
        #expect(try await apus.service.zipFile(code, account: owner) != nil)
        #expect(try await apus.service.zipFile(code, account: #require(AccountID("222222222222"))) == nil)
        _ = try await apus.send(.DELETE, "/2018-10-31/layers/a/versions/1")
        #expect(try await apus.service.zipFile(code, account: owner) == nil)
    }
}
