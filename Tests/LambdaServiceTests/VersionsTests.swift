import AWSWire
import Fleet
import NIOHTTP1
import Testing

@testable import LambdaService

@Suite struct VersionsTests {
    private static let functions = "/2015-03-31/functions"
    private let path = "\(Self.functions)/hello/versions"

    private func update(_ apus: Harness, _ members: String) async throws {
        let answer = try await apus.send(.PUT, "\(Self.functions)/hello/configuration", body: "{\(members)}")
        try #require(answer.status == 200, "\(answer.text)")
        await apus.settle()
    }

    private func names(_ apus: Harness) async throws -> [String?] {
        try await apus.send(.GET, path).json["Versions"]?.elements.map { $0["Version"]?.string } ?? []
    }

    // localstack's recorded TestLambdaVersions::test_publish_version_on_create, step by step.
    @Test func publishesOnCreation() async throws {
        let apus = try Harness()
        let created = try await apus.create("hello", members: #""Publish":true"#)
        #expect(created.status == 201)
        #expect(try created.json["Version"]?.string == "1")
        #expect(try created.json["State"]?.string == "Pending")
        #expect(
            try created.json["FunctionArn"]?.string == "arn:aws:lambda:us-east-1:111111111111:function:hello")
        await apus.settle()
        let version = try await apus.send(.GET, "\(Self.functions)/hello", query: "Qualifier=1").json["Configuration"]
        #expect(version?["State"]?.string == "Active")
        #expect(version?["LastUpdateStatus"]?.string == "Successful")
        #expect(version?["FunctionArn"]?.string == "arn:aws:lambda:us-east-1:111111111111:function:hello:1")
        let latest = try await apus.configuration("hello")
        #expect(latest["Version"]?.string == "$LATEST")
        #expect(latest["RevisionId"]?.string != version?["RevisionId"]?.string)
        #expect(try created.json["RevisionId"]?.string != version?["RevisionId"]?.string)
        let again = try await apus.send(.POST, path)
        #expect(again.status == 201)
        #expect(try again.json["Version"]?.string == "1")
        #expect(try again.json["RevisionId"]?.string == version?["RevisionId"]?.string)
        #expect(try await names(apus) == ["$LATEST", "1"])
    }

    // localstack's recorded TestLambdaVersions::test_version_lifecycle.
    @Test func keepsAVersionAsItWasPublished() async throws {
        let apus = try Harness()
        try await apus.deploy("hello", members: #""Description":"No version :(""#)
        try await update(apus, #""Description":"First version :)""#)
        let first = try await apus.send(.POST, path, body: #"{"Description":"First version description :)"}"#)
        #expect(try first.json["Version"]?.string == "1")
        #expect(try first.json["State"]?.string == "Active")
        #expect(try first.json["Description"]?.string == "First version description :)")
        try await update(apus, #""Description":"Second version :))","Timeout":9"#)
        let kept = try await apus.send(.GET, "\(Self.functions)/hello:1/configuration").json
        #expect(kept["Description"]?.string == "First version description :)")
        #expect(kept["Timeout"]?.int == 3)
        #expect(try await apus.send(.POST, path).json["Version"]?.string == "2")
        // A description alone is nothing new.
        #expect(
            try await apus.send(.POST, path, body: #"{"Description":"Third"}"#).json["Description"]?.string
                == "Second version :))")
        #expect(try await apus.send(.DELETE, "\(Self.functions)/hello:1").status == 204)
        #expect(try await names(apus) == ["$LATEST", "2"])
        #expect(try await apus.send(.DELETE, "\(Self.functions)/hello", query: "Qualifier=1").status == 204)
    }

    // localstack's recorded test_publish_with_wrong_sha256 and test_publish_with_wrong_revisionid.
    @Test func checksWhatTheCallerExpects() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let digest = try #require(try await apus.configuration("hello")["CodeSha256"]?.string)
        let wrong = try await apus.send(.POST, path, body: #"{"CodeSha256":"other"}"#)
        #expect(wrong.status == 400)
        #expect(
            try wrong.message
                == "CodeSHA256 (other) is different from current CodeSHA256 in $LATEST (\(digest)). Please try again "
                + "with the CodeSHA256 in $LATEST.")
        let stale = try await apus.send(.POST, path, body: #"{"RevisionId":"other"}"#)
        #expect(stale.status == 412)
        #expect(stale.errorType == "PreconditionFailedException")
        #expect(try await apus.send(.POST, path, body: #"{"CodeSha256":"\#(digest)"}"#).status == 201)
    }

    // localstack's recorded test_publish_with_update: the version waits for the code, under its own revision.
    @Test func publishesWithNewCode() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let code = Base64.encode(Zip.archive([(name: "index.py", contents: "def handler(e, c): return 2\n")]))
        let answer = try await apus.send(
            .PUT, "\(Self.functions)/hello/code", body: #"{"ZipFile":"\#(code)","Publish":true}"#)
        #expect(try answer.json["FunctionArn"]?.string?.hasSuffix(":hello:1") == true)
        #expect(try answer.json["State"]?.string == "Pending")
        #expect(try answer.members.contains("LastUpdateStatus") == false)
        #expect(try await apus.configuration("hello")["LastUpdateStatus"]?.string == "InProgress")
        #expect(try await apus.send(.POST, "\(Self.functions)/hello:1/invocations").status == 409)
        await apus.settle()
        let invoked = try await apus.send(.POST, "\(Self.functions)/hello:1/invocations")
        #expect(invoked.headers.first(name: "X-Amz-Executed-Version") == "1")
        #expect(apus.fleet.invocations.last?.version.key.version == "1")
        #expect(apus.fleet.invocations.last?.invocation.invokedARN.hasSuffix(":hello:1") == true)
    }

    @Test func keepsTheCodeOfAVersion() async throws {
        let apus = try Harness(grace: .zero)
        try await apus.deploy("hello", members: #""Publish":true"#)
        let old = apus.directory.names("code")
        let code = Base64.encode(Zip.archive([(name: "index.py", contents: "def handler(e, c): return 2\n")]))
        _ = try await apus.send(.PUT, "\(Self.functions)/hello/code", body: #"{"ZipFile":"\#(code)"}"#)
        await apus.settle()
        await apus.settle()
        #expect(Set(apus.directory.names("code")).isSuperset(of: old))
        _ = try await apus.send(.DELETE, "\(Self.functions)/hello", query: "Qualifier=1")
        await apus.settle()
        #expect(Set(apus.directory.names("code")).isDisjoint(with: old))
    }

    // Versions end with their function, and a function of that name begins again.
    @Test func goesWithItsFunction() async throws {
        let apus = try Harness()
        try await apus.deploy("hello", members: #""Publish":true"#)
        _ = try await apus.send(
            .POST, "\(Self.functions)/hello/aliases", body: #"{"Name":"live","FunctionVersion":"1"}"#)
        #expect(try await apus.send(.DELETE, "\(Self.functions)/hello").status == 204)
        try await apus.deploy("hello")
        #expect(try await names(apus) == ["$LATEST"])
        #expect(try await apus.send(.GET, "\(Self.functions)/hello:live").status == 404)
        #expect(try await apus.send(.POST, path).json["Version"]?.string == "1")
    }

    @Test func listsEveryVersionInPages() async throws {
        let apus = try Harness()
        try await apus.deploy("hello", members: #""Publish":true"#)
        try await update(apus, #""Timeout":4"#)
        _ = try await apus.send(.POST, path)
        try await apus.deploy("other")
        var seen: [String] = []
        var marker = ""
        repeat {
            let page = try await apus.send(
                .GET, Self.functions, query: "FunctionVersion=ALL&MaxItems=2" + marker
            ).json
            seen += page["Functions"]?.elements.compactMap { $0["FunctionArn"]?.string } ?? []
            marker = page["NextMarker"]?.string.map { "&Marker=\(PercentEncoding.encode($0))" } ?? ""
        } while !marker.isEmpty && seen.count < 10
        #expect(
            seen.map { $0.split(separator: ":").suffix(2).joined(separator: ":") }
                == ["hello:$LATEST", "hello:1", "hello:2", "other:$LATEST"])
    }

    // The model's bounds, and AWS's refusals of what is not a version.
    @Test(arguments: [
        ("/none/versions", "{}", 404, "ResourceNotFoundException"),
        ("/hello:1/versions", "{}", 400, "InvalidParameterValueException"),
        ("/hello/versions", #"{"Description":7}"#, 400, "SerializationException"),
        ("/hello/versions", #"{"Description":"\#(String(repeating: "x", count: 257))"}"#, 400, "ValidationException"),
        ("/hello/versions", "{", 400, "SerializationException"),
    ])
    func refuses(path: String, body: String, status: Int, type: String) async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let answer = try await apus.send(.POST, Self.functions + path, body: body)
        #expect(answer.status == status)
        #expect(answer.errorType == type)
        #expect(try await names(apus) == ["$LATEST"])
    }
}
