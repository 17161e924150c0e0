import AWSWire
import NIOHTTP1
import Testing

@testable import LambdaService

extension Harness {
    static let layer = Zip.archive([(name: "python/shared.py", contents: "VALUE = 1\n")])

    /// PublishLayerVersion with `members`, a JSON fragment such as `"Description":"d"`.
    func publish(
        _ name: String, zip: [UInt8] = Harness.layer, members: String = "", account: String = Harness.account,
        region: String = Harness.region
    ) async throws -> Answer {
        let body = """
            {"Content":{"ZipFile":"\(Base64.encode(zip))"}\(members.isEmpty ? "" : ",")\(members)}
            """
        return try await send(
            .POST, "/2018-10-31/layers/\(name)/versions", body: body, account: account, region: region)
    }

    func layerARN(_ name: String, _ version: Int, account: String = Harness.account, region: String = Harness.region)
        -> String
    {
        "arn:aws:lambda:\(region):\(account):layer:\(name):\(version)"
    }
}

/// The operations on layers. Expectations are localstack's recorded TestLambdaLayer::… unless a comment says otherwise.
@Suite struct LayerTests {
    private static let layers = "/2018-10-31/layers"

    // test_layer_lifecycle
    @Test func publishesVersions() async throws {
        let apus = try Harness()
        let members = """
            "Description":"d","LicenseInfo":"MIT","CompatibleRuntimes":["python3.12"],\
            "CompatibleArchitectures":["x86_64"]
            """
        let first = try await apus.publish("l", members: members)
        #expect(first.status == 201)
        #expect(
            try first.members == [
                "CompatibleArchitectures", "CompatibleRuntimes", "Content", "CreatedDate", "Description", "LayerArn",
                "LayerVersionArn", "LicenseInfo", "Version",
            ])
        let json = try first.json
        #expect(json["LayerArn"]?.string == "arn:aws:lambda:us-east-1:111111111111:layer:l")
        #expect(json["LayerVersionArn"]?.string == apus.layerARN("l", 1))
        #expect(Set(json["Content"]?.members.map(\.name) ?? []) == ["CodeSha256", "CodeSize", "Location"])
        #expect(json["Content"]?["CodeSize"]?.int == Harness.layer.count)
        let second = try await apus.publish("l", members: members).json
        #expect(second["Version"]?.int == 2)
        #expect(second["Content"]?["CodeSha256"]?.string == json["Content"]?["CodeSha256"]?.string)

        let got = try await apus.send(.GET, "\(Self.layers)/l/versions/1")
        #expect(got.status == 200)
        #expect(got.text == first.text)
        let arn = PercentEncoding.encode(apus.layerARN("l", 1))
        #expect(try await apus.send(.GET, Self.layers, query: "find=LayerVersion&Arn=\(arn)").text == first.text)

        let list = try await apus.send(.GET, "\(Self.layers)/l/versions").json["LayerVersions"]?.elements ?? []
        #expect(list.map { $0["Version"]?.int } == [2, 1])
        #expect(
            Set(list.first?.members.map(\.name) ?? []) == [
                "CompatibleArchitectures", "CompatibleRuntimes", "CreatedDate", "Description", "LayerVersionArn",
                "LicenseInfo", "Version",
            ])
        for version in 1...2 {
            #expect(try await apus.send(.DELETE, "\(Self.layers)/l/versions/\(version)").status == 204)
        }
        #expect(try await apus.send(.GET, "\(Self.layers)/l/versions").text == #"{"LayerVersions":[]}"#)
        #expect(try await apus.send(.GET, Self.layers).text == #"{"Layers":[]}"#)
        #expect(try await apus.publish("l").json["Version"]?.int == 3)
    }

    // test_layer_exceptions, publish_empty_result, and test_layer_s3_content for what was not said.
    @Test func answersWhatWasSaid() async throws {
        let apus = try Harness()
        let empty = try await apus.publish("e", members: #""CompatibleRuntimes":[],"CompatibleArchitectures":[]"#)
        #expect(try empty.json["CompatibleRuntimes"]?.elements.isEmpty == true)
        #expect(try empty.json["CompatibleArchitectures"]?.elements.isEmpty == true)
        #expect(try empty.json["Description"]?.string == "")
        let silent = try await apus.publish("s")
        #expect(
            try silent.members == ["Content", "CreatedDate", "Description", "LayerArn", "LayerVersionArn", "Version"])
    }

    // test_layer_exceptions
    @Test func refusesWhatIsNotThere() async throws {
        let apus = try Harness()
        _ = try await apus.publish("l")
        for path in ["none/versions/1", "l/versions/2"] {
            let answer = try await apus.send(.GET, "\(Self.layers)/\(path)")
            #expect(answer.status == 404)
            #expect(
                answer.text
                    == #"{"Type":"User","Message":"The resource you requested does not exist."}"#)
            #expect(try await apus.send(.DELETE, "\(Self.layers)/\(path)").status == 204)
        }
        for (method, version) in [(HTTPMethod.GET, "-1"), (.GET, "0"), (.DELETE, "-1"), (.DELETE, "0")] {
            let answer = try await apus.send(method, "\(Self.layers)/l/versions/\(version)")
            #expect(answer.status == 400 && answer.errorType == "InvalidParameterValueException")
            #expect(try answer.message == "Layer Version Cannot be less than 1")
        }
        #expect(try await apus.send(.GET, "\(Self.layers)/none/versions").text == #"{"LayerVersions":[]}"#)
        let arn = "arn:aws:lambda:us-east-1:111111111111:layer:l"
        let invalid = try await apus.send(
            .GET, Self.layers, query: "find=LayerVersion&Arn=\(PercentEncoding.encode(arn))")
        #expect(
            try invalid.message
                == "1 validation error detected: Value '\(arn)' at 'arn' failed to satisfy constraint: Member must "
                + #"satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]"#
                + #"?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-"#
                + "Z0-9-_]+)")
        let missing = try await apus.send(
            .GET, Self.layers, query: "find=LayerVersion&Arn=\(PercentEncoding.encode(apus.layerARN("l", 2)))")
        #expect(missing.status == 404)
    }

    private static let accepted =
        "[nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, python3.10, "
        + "python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, "
        + "java11, dotnet6, nodejs18.x, provided.al2, java8.al2]"

    // test_layer_exceptions, publish_layer_version_exc_…
    @Test(arguments: [
        (
            #""CompatibleRuntimes":["invalidruntime"],"CompatibleArchitectures":["invalidarch"]"#, "[invalidruntime]",
            "[invalidarch]"
        ),
        (
            #""CompatibleRuntimes":["invalidruntime","invalidruntime2","nodejs20.x"],"CompatibleArchitectures":["invalidarch","x86_64"]"#,
            "[invalidruntime, invalidruntime2, nodejs20.x]", "[invalidarch, x86_64]"
        ),
    ])
    func refusesUnknownRuntimesAndArchitectures(members: String, runtimes: String, architectures: String) async throws {
        let answer = try await Harness().publish("l", members: members)
        #expect(answer.status == 400 && answer.errorType == "ValidationException")
        #expect(
            try answer.message
                == "2 validation errors detected: Value '\(runtimes)' at 'compatibleRuntimes' failed to satisfy "
                + "constraint: Member must satisfy enum value set: \(Self.accepted); Value '\(architectures)' at "
                + "'compatibleArchitectures' failed to satisfy constraint: Member must satisfy constraint: [Member must "
                + "satisfy enum value set: [x86_64, arm64], Member must not be null]")
    }

    @Test func refusesUnknownRuntimesAlone() async throws {
        let answer = try await Harness().publish("l", members: #""CompatibleRuntimes":["x"]"#)
        #expect(
            try answer.message
                == "1 validation error detected: Value '[x]' at 'compatibleRuntimes' failed to satisfy constraint: "
                + "Member must satisfy enum value set: \(Self.accepted)")
    }

    // test_layer_compatibilities: retired runtimes are as good as others.
    @Test func takesRetiredRuntimes() async throws {
        let members = #""CompatibleRuntimes":["nodejs12.x","go1.x","provided"]"#
        #expect(try await Harness().publish("l", members: members).status == 201)
    }

    // test_layer_exceptions, list_layers_exc_…
    @Test func refusesUnknownFilters() async throws {
        let apus = try Harness()
        let runtime = try await apus.send(.GET, Self.layers, query: "CompatibleRuntime=runtimedoesnotexist")
        #expect(
            try runtime.message.hasPrefix(
                "1 validation error detected: Value 'runtimedoesnotexist' at 'compatibleRuntime' failed to satisfy "
                    + "constraint: Member must satisfy enum value set: [ruby3.5, ruby2.6, dotnetcore1.0,"))
        let architecture = try await apus.send(.GET, Self.layers, query: "CompatibleArchitecture=archdoesnotexist")
        #expect(
            try architecture.message
                == "1 validation error detected: Value 'archdoesnotexist' at 'compatibleArchitecture' failed to satisfy "
                + "constraint: Member must satisfy enum value set: [x86_64, arm64]")
    }

    // As the API reference describes LatestMatchingVersion and the filters.
    @Test func filtersLists() async throws {
        let apus = try Harness()
        _ = try await apus.publish(
            "a", members: #""CompatibleRuntimes":["python3.12"],"CompatibleArchitectures":["x86_64","arm64"]"#)
        _ = try await apus.publish("a", members: #""CompatibleRuntimes":["nodejs20.x"]"#)
        _ = try await apus.publish("b", members: #""CompatibleRuntimes":["python3.12","python3.13"]"#)
        _ = try await apus.publish("other", account: "222222222222")
        _ = try await apus.publish("elsewhere", region: "eu-west-1")
        func latest(_ query: String?) async throws -> [String] {
            let answer = try await apus.send(.GET, Self.layers, query: query)
            return try (answer.json["Layers"]?.elements ?? []).map { layer in
                "\(layer["LayerName"]?.string ?? "")\(layer["LatestMatchingVersion"]?["Version"]?.int ?? 0)"
            }
        }
        #expect(try await latest(nil) == ["a2", "b1"])
        #expect(try await latest("CompatibleRuntime=python3.12") == ["a1", "b1"])
        #expect(try await latest("CompatibleRuntime=nodejs20.x") == ["a2"])
        #expect(try await latest("CompatibleRuntime=python3.1") == [])
        #expect(try await latest("CompatibleArchitecture=arm64") == ["a1"])
        #expect(try await latest("CompatibleArchitecture=x86_64&CompatibleRuntime=python3.13") == [])
        let versions = try await apus.send(.GET, "\(Self.layers)/a/versions", query: "CompatibleRuntime=python3.12")
        #expect(try versions.json["LayerVersions"]?.elements.map { $0["Version"]?.int } == [1])
    }

    @Test func pagesLists() async throws {
        let apus = try Harness()
        for name in ["a", "b", "c"] { _ = try await apus.publish(name) }
        for _ in 0..<2 { _ = try await apus.publish("b") }
        func pages(_ path: String, _ list: String, _ show: (JSONValue) -> String) async throws -> [[String]] {
            var pages: [[String]] = []
            var marker: String?
            repeat {
                let query = "MaxItems=2" + (marker.map { "&Marker=\(PercentEncoding.encode($0))" } ?? "")
                let json = try await apus.send(.GET, path, query: query).json
                pages.append((json[list]?.elements ?? []).map(show))
                marker = json["NextMarker"]?.string
            } while marker != nil && pages.count < 5
            return pages
        }
        #expect(
            try await pages(Self.layers, "Layers") { $0["LayerName"]?.string ?? "" } == [["a", "b"], ["c"]])
        #expect(
            try await pages("\(Self.layers)/b/versions", "LayerVersions") { String($0["Version"]?.int ?? 0) }
                == [["3", "2"], ["1"]])
        let wrong = try await apus.send(.GET, Self.layers, query: "MaxItems=51")
        #expect(wrong.status == 400 && wrong.errorType == "ValidationException")
        #expect(try await apus.send(.GET, Self.layers, query: "Marker=%21").status == 400)
    }

    @Test func refusesBadContent() async throws {
        let apus = try Harness()
        let none = try await apus.send(.POST, "\(Self.layers)/l/versions", body: "{}")
        #expect(none.status == 400 && none.errorType == "ValidationException")
        let notAZip = try await apus.publish("l", zip: Array("no zip".utf8))
        #expect(notAZip.status == 400 && notAZip.errorType == "InvalidParameterValueException")
        let hostile = try await apus.publish("l", zip: Zip.archive([(name: "../x", contents: "")]))
        #expect(hostile.status == 400)
        let name = try await apus.publish("not%20a%20name")
        #expect(name.status == 400 && name.errorType == "ValidationException")
        #expect(apus.directory.names("code").isEmpty)
        #expect(try await apus.send(.GET, Self.layers).text == #"{"Layers":[]}"#)
    }

    // 75 GB for functions and layers together: the developer guide's page about quotas.
    @Test func countsForTheStorageQuota() async throws {
        var quotas = Quotas()
        quotas.totalCodeBytes = Harness.layer.count + Harness.hello.count
        let apus = try Harness(quotas: quotas)
        #expect(try await apus.publish("l").status == 201)
        #expect(try await apus.create("hello").status == 201)
        let settings = try await apus.send(.GET, "/2016-08-19/account-settings").json
        #expect(settings["AccountUsage"]?["TotalCodeSize"]?.int == quotas.totalCodeBytes)
        let full = try await apus.publish("l")
        #expect(full.status == 400 && full.errorType == "CodeStorageExceededException")
        _ = try await apus.send(.DELETE, "\(Self.layers)/l/versions/1")
        #expect(try await apus.publish("l").json["Version"]?.int == 2)
    }

    // TaggableResource of the API reference: a layer's ARN is one.
    @Test func hasTags() async throws {
        let apus = try Harness()
        let path = "/2017-03-31/tags/\(PercentEncoding.encode("arn:aws:lambda:us-east-1:111111111111:layer:l"))"
        #expect(try await apus.send(.GET, path).status == 404)
        #expect(try await apus.send(.POST, path, body: #"{"Tags":{"a":"1"}}"#).status == 404)
        _ = try await apus.publish("l")
        #expect(try await apus.send(.POST, path, body: #"{"Tags":{"a":"1","b":"2"}}"#).status == 204)
        _ = try await apus.publish("l")
        #expect(try await apus.send(.DELETE, path, query: "tagKeys=b").status == 204)
        #expect(try await apus.send(.GET, path).text == #"{"Tags":{"a":"1"}}"#)
        #expect(try await apus.send(.POST, path, body: #"{"Tags":{"aws:x":"1"}}"#).status == 400)
    }
}
