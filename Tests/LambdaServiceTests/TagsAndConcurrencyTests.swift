import AWSWire
import Fleet
import NIOHTTP1
import Storage
import Testing
import TestSupport

@testable import LambdaService

@Suite struct TagsTests {
    private static let arn = "arn:aws:lambda:us-east-1:111111111111:function:hello"
    private let path = "/2017-03-31/tags/\(PercentEncoding.encode(arn))"

    private func tags(_ apus: Harness) async throws -> [String: String] {
        let members = try await apus.send(.GET, path).json["Tags"]?.members ?? []
        return Dictionary(members.map { ($0.name, $0.value.string ?? "") }) { $1 }
    }

    // localstack's recorded TestLambdaTag::test_tag_lifecycle, step by step.
    @Test func followsTheRecordedLifecycle() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        #expect(try await apus.send(.POST, path, body: #"{"Tags":{"A":"tag-a"}}"#).status == 204)
        #expect(try await tags(apus) == ["A": "tag-a"])
        _ = try await apus.send(.POST, path, body: #"{"Tags":{"B":"tag-b","C":"tag-c"}}"#)
        _ = try await apus.send(.POST, path, body: #"{"Tags":{"C":"tag-c-newsuffix","D":"tag-d"}}"#)
        #expect(try await tags(apus) == ["A": "tag-a", "B": "tag-b", "C": "tag-c-newsuffix", "D": "tag-d"])
        #expect(try await apus.send(.DELETE, path, query: "tagKeys=A").status == 204)
        #expect(try await apus.send(.DELETE, path, query: "tagKeys=B&tagKeys=C").status == 204)
        #expect(try await tags(apus) == ["D": "tag-d"])
        #expect(try await apus.send(.DELETE, path, query: "tagKeys=none").status == 204)
        #expect(try await apus.send(.DELETE, path, query: "tagKeys=D&tagKeys=none").status == 204)
        #expect(try await apus.send(.GET, path).text == #"{"Tags":{}}"#)
        // GetFunction then has no Tags at all.
        #expect(try await apus.send(.GET, "/2015-03-31/functions/hello").json["Tags"] == nil)
    }

    // TestLambdaTags::test_tag_lifecycle: the revision changes with the tags; what serves does not.
    @Test func makesARevisionAndNoDeployment() async throws {
        let apus = try Harness()
        try await apus.deploy("hello", members: #""Tags":{"k":"v"}"#)
        #expect(try await tags(apus) == ["k": "v"])
        let before = try await apus.configuration("hello")["RevisionId"]?.string
        _ = try await apus.send(.POST, "/2015-03-31/functions/hello/invocations")
        _ = try await apus.send(.POST, path, body: #"{"Tags":{"A":"a"}}"#)
        #expect(try await apus.configuration("hello")["RevisionId"]?.string != before)
        #expect(try await apus.configuration("hello")["LastUpdateStatus"]?.string == "Successful")
        _ = try await apus.send(.POST, "/2015-03-31/functions/hello/invocations")
        #expect(Set(apus.fleet.invocations.map(\.version.key)).count == 1)
        let answer = try await apus.send(.GET, "/2015-03-31/functions/hello").json
        #expect(answer["Tags"]?["A"]?.string == "a")
    }

    // localstack's recorded TestLambdaTags::test_tag_limits.
    @Test func boundsTheirNumber() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        func body(_ range: Range<Int>) -> String {
            #"{"Tags":{\#(range.map { #""k\#($0)":"v""# }.joined(separator: ","))}}"#
        }
        let tooMany = try await apus.send(.POST, path, body: body(0..<51))
        #expect(tooMany.errorType == "InvalidParameterValueException")
        #expect(try tooMany.message == "Number of tags exceeds resource tag limit.")
        #expect(try await apus.send(.POST, path, body: body(0..<50)).status == 204)
        #expect(try await apus.send(.POST, path, body: body(0..<10)).status == 204)
        #expect(try await apus.send(.POST, path, body: body(50..<51)).status == 400)
        #expect(try await tags(apus).count == 50)
    }

    // localstack's recorded TestLambdaTags::test_tag_exceptions, test_tag_versions and
    // TestLambdaTag::test_tag_exceptions[event_source_mapping].
    @Test func refusesAsRecorded() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        func tag(_ arn: String, _ body: String = #"{"Tags":{"A":"a"}}"#) async throws -> Harness.Answer {
            try await apus.send(.POST, "/2017-03-31/tags/\(PercentEncoding.encode(arn))", body: body)
        }
        let qualified = "Tags on function aliases and versions are not supported. Please specify a function ARN."
        #expect(try await tag(Self.arn + ":1").message == qualified)
        #expect(try await tag(Self.arn + ":$LATEST").message == qualified)
        let unknown = try await tag("arn:aws:lambda:us-east-1:111111111111:function:doesnotexist")
        #expect(unknown.status == 404)
        #expect(
            try unknown.message == "Function not found: arn:aws:lambda:us-east-1:111111111111:function:doesnotexist")
        let invalid = try await tag("arn:aws:something")
        #expect(invalid.errorType == "ValidationException")
        #expect(
            try invalid.message.hasPrefix(
                "1 validation error detected: Value 'arn:aws:something' at 'resource' failed to satisfy constraint: "))
        let empty = try await tag(Self.arn, #"{"Tags":{}}"#)
        #expect(empty.errorType == "InvalidParameterValueException")
        #expect(try empty.message == "An error occurred and the request cannot be processed.")
        let keys = try await apus.send(.DELETE, path)
        #expect(
            try keys.message == "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: "
                + "Member must not be null")
        let mapping = "arn:aws:lambda:us-east-1:111111111111:event-source-mapping:11111111-1111-1111-1111-111111111111"
        #expect(try await tag(mapping).message == "Event source mapping not found: \(mapping)")
    }
}

@Suite struct ReservedConcurrencyTests {
    private func path(_ name: String) -> String { "/2017-10-31/functions/\(name)/concurrency" }
    private func body(_ executions: Int) -> String { #"{"ReservedConcurrentExecutions":\#(executions)}"# }
    private func read(_ apus: Harness, _ name: String) async throws -> Harness.Answer {
        try await apus.send(.GET, "/2019-09-30/functions/\(name)/concurrency")
    }

    // localstack's recorded TestLambdaReservedConcurrency::test_function_concurrency.
    @Test func followsTheRecordedLifecycle() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        #expect(try await read(apus, "hello").text == "{}")
        for executions in [0, 1] {
            let answer = try await apus.send(.PUT, path("hello"), body: body(executions))
            #expect(answer.status == 200)
            #expect(answer.text == body(executions))
            #expect(apus.reservations["hello"] == executions)
        }
        #expect(try await read(apus, "hello").text == body(1))
        let function = try await apus.send(.GET, "/2015-03-31/functions/hello").json
        #expect(function["Concurrency"]?["ReservedConcurrentExecutions"]?.int == 1)
        #expect(try await apus.send(.DELETE, path("hello")).status == 204)
        #expect(try await read(apus, "hello").text == "{}")
        #expect(apus.reservations["hello"] == nil)
    }

    // localstack's recorded test_function_concurrency_limits (an error without Type), and that a function's own old
    // reservation does not count against its new one.
    @Test func leavesAHundredToTheOthers() async throws {
        let apus = try Harness()
        try await apus.deploy("a")
        try await apus.deploy("b")
        #expect(try await apus.send(.PUT, path("a"), body: body(900)).status == 200)
        #expect(try await apus.send(.PUT, path("a"), body: body(899)).status == 200)
        #expect(try await apus.send(.PUT, path("b"), body: body(1)).status == 200)
        for executions in [2, 1000, Int.max] {
            let answer = try await apus.send(.PUT, path("b"), body: body(executions))
            #expect(answer.status == 400)
            #expect(answer.errorType == "InvalidParameterValueException")
            #expect(
                answer.text
                    == #"{"message":"Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100]."}"#
            )
        }
        #expect(apus.reservations["a"] == 899)
        #expect(apus.reservations["b"] == 1)
        _ = try await apus.send(.DELETE, "/2015-03-31/functions/a")
        #expect(apus.reservations["a"] == nil)
        #expect(try await apus.send(.PUT, path("b"), body: body(900)).status == 200)
    }

    // localstack's recorded test_function_concurrency_exceptions.
    @Test func refusesAsRecorded() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let unknown = try await apus.send(.PUT, path("doesnotexist"), body: body(1))
        #expect(unknown.status == 404)
        #expect(
            try unknown.message
                == "Function not found: arn:aws:lambda:us-east-1:111111111111:function:doesnotexist:$LATEST")
        let qualified = try await apus.send(.PUT, path("hello:$LATEST"), body: body(1))
        #expect(
            try qualified.message
                == "This operation is permitted on Lambda functions only. Aliases and versions do not "
                + "support this operation. Please specify either a function name or an unqualified function ARN.")
        #expect(try await apus.send(.PUT, path("hello"), body: body(-1)).errorType == "ValidationException")
    }

    @Test func areThereAfterARestart() async throws {
        let directory = TemporaryDirectory()
        let first = try Harness(in: directory)
        try await first.deploy("hello")
        _ = try await first.send(.PUT, path("hello"), body: body(7))
        try first.database.close()
        let second = try Harness(in: directory)
        try await second.service.prepare()
        #expect(second.reservations["hello"] == 7)
        #expect(try await read(second, "hello").text == body(7))
    }
}
