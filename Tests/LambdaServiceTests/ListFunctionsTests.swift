import AWSWire
import NIOHTTP1
import Testing

@testable import LambdaService

@Suite struct ListFunctionsTests {
    private func names(_ answer: Harness.Answer) throws -> [String] {
        try answer.json["Functions"]?.elements.compactMap { $0["FunctionName"]?.string } ?? []
    }

    // localstack's recorded test_list_functions, list_default: no state, no RuntimeVersionConfig; and the ARN with
    // $LATEST where all versions are asked for (list_all).
    @Test func listsAsRecorded() async throws {
        let apus = try Harness()
        try await apus.deploy("b", members: #""Environment":{"Variables":{}}"#)
        try await apus.deploy("a")
        let answer = try await apus.send(.GET, "/2015-03-31/functions")
        #expect(try names(answer) == ["a", "b"])
        let entry = try #require(try answer.json["Functions"]?.elements.last)
        #expect(
            Set(entry.members.map(\.name)) == [
                "Architectures", "CodeSha256", "CodeSize", "Description", "Environment", "EphemeralStorage",
                "FunctionArn", "FunctionName", "Handler", "LastModified", "LoggingConfig", "MemorySize", "PackageType",
                "RevisionId", "Role", "Runtime", "SnapStart", "Timeout", "TracingConfig", "Version",
            ])
        #expect(entry["FunctionArn"]?.string == "arn:aws:lambda:us-east-1:111111111111:function:b")
        let all = try await apus.send(.GET, "/2015-03-31/functions", query: "FunctionVersion=ALL")
        #expect(
            try all.json["Functions"]?.elements.map { $0["FunctionArn"]?.string } == [
                "arn:aws:lambda:us-east-1:111111111111:function:a:$LATEST",
                "arn:aws:lambda:us-east-1:111111111111:function:b:$LATEST",
            ])
        let invalid = try await apus.send(.GET, "/2015-03-31/functions", query: "FunctionVersion=invalid")
        #expect(
            try invalid.message
                == "1 validation error detected: Value 'invalid' at 'functionVersion' failed to satisfy "
                + "constraint: Member must satisfy enum value set: [ALL]")
    }

    @Test(arguments: [1, 2, 3, 7, 8, 50, 10_000])
    func pagesThroughAll(_ size: Int) async throws {
        let apus = try Harness()
        let expected = (0..<8).map { "f-\($0)" }
        for name in expected.shuffled() { _ = try await apus.create(name) }
        _ = try await apus.create("elsewhere", region: "eu-west-1")
        _ = try await apus.create("elsewhere", account: "222222222222")
        var found: [String] = []
        var marker: String?
        var pages = 0
        repeat {
            let query = "MaxItems=\(size)" + (marker.map { "&Marker=\(PercentEncoding.encode($0))" } ?? "")
            let answer = try await apus.send(.GET, "/2015-03-31/functions", query: query)
            let page = try names(answer)
            #expect(page.count <= size)
            found += page
            marker = try answer.json["NextMarker"]?.string
            pages += 1
        } while marker != nil && pages < 20
        #expect(found == expected)
        #expect(pages == (expected.count + size - 1) / size)
    }

    // API_ListFunctions: "Lambda returns up to 50 functions per call", whatever MaxItems says.
    @Test func neverAnswersMoreThanAPage() async throws {
        var quotas = Quotas()
        quotas.listPage = 3
        let apus = try Harness(quotas: quotas)
        for index in 0..<5 { _ = try await apus.create("f-\(index)") }
        for query in [nil, "MaxItems=10"] {
            let answer = try await apus.send(.GET, "/2015-03-31/functions", query: query)
            #expect(try names(answer).count == 3)
            #expect(try answer.json["NextMarker"]?.string != nil)
        }
    }

    @Test(arguments: ["MaxItems=0", "MaxItems=10001", "MaxItems=x", "Marker=%25%25", "Marker=*"])
    func refuses(_ query: String) async throws {
        let apus = try Harness()
        #expect(try await apus.send(.GET, "/2015-03-31/functions", query: query).status == 400)
    }

    // localstack's recorded test_version_lifecycle: $LATEST, with its qualified ARN.
    @Test func listsTheOneVersion() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let answer = try await apus.send(.GET, "/2015-03-31/functions/hello/versions")
        let versions = try #require(try answer.json["Versions"]?.elements)
        #expect(versions.map { $0["Version"]?.string } == ["$LATEST"])
        #expect(versions[0]["FunctionArn"]?.string == "arn:aws:lambda:us-east-1:111111111111:function:hello:$LATEST")
        #expect(try await apus.send(.GET, "/2015-03-31/functions/none/versions").status == 404)
    }

    // localstack's recorded test_account_settings, and the quotas' documentation.
    @Test func tellsLimitsAndUsage() async throws {
        let apus = try Harness()
        try await apus.deploy("a")
        try await apus.deploy("b")
        _ = try await apus.send(
            .PUT, "/2017-10-31/functions/a/concurrency", body: #"{"ReservedConcurrentExecutions":100}"#)
        let json = try await apus.send(.GET, "/2016-08-19/account-settings").json
        let limit = try #require(json["AccountLimit"])
        #expect(limit["TotalCodeSize"]?.int == 80_530_636_800)
        #expect(limit["CodeSizeUnzipped"]?.int == 262_144_000)
        #expect(limit["CodeSizeZipped"]?.int == 52_428_800)
        #expect(limit["ConcurrentExecutions"]?.int == 1000)
        #expect(limit["UnreservedConcurrentExecutions"]?.int == 900)
        #expect(json["AccountUsage"]?["FunctionCount"]?.int == 2)
        #expect(json["AccountUsage"]?["TotalCodeSize"]?.int == Harness.hello.count * 2)
    }
}
