import AWSWire
import Storage
import NIOHTTP1
import Fleet
import Testing
import TestSupport

@testable import LambdaService

@Suite struct EventInvokeConfigTests {
    private static let arn = "arn:aws:lambda:us-east-1:111111111111:function:hello"
    private static let queue = "arn:aws:sqs:us-east-1:111111111111:queue"
    private func path(_ name: String) -> String { "/2019-09-25/functions/\(name)/event-invoke-config" }

    private func put(_ apus: Harness, _ body: String, name: String = "hello", query: String? = nil) async throws
        -> Harness.Answer
    {
        try await apus.send(.PUT, path(name), query: query, body: body)
    }

    // localstack's recorded TestLambdaEventInvokeConfig::test_lambda_eventinvokeconfig_lifecycle.
    @Test func followsTheRecordedLifecycle() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let first = try await put(apus, #"{"MaximumRetryAttempts":0}"#)
        #expect(first.status == 200)
        #expect(
            try first.members == ["DestinationConfig", "FunctionArn", "LastModified", "MaximumRetryAttempts"])
        #expect(try first.json["FunctionArn"]?.string == Self.arn + ":$LATEST")
        #expect(try first.json["DestinationConfig"]?["OnSuccess"]?.members.isEmpty == true)
        #expect(try first.json["DestinationConfig"]?["OnFailure"]?.members.isEmpty == true)
        // Put replaces everything.
        let second = try await put(apus, #"{"MaximumEventAgeInSeconds":60}"#)
        #expect(
            try second.members == ["DestinationConfig", "FunctionArn", "LastModified", "MaximumEventAgeInSeconds"])
        // Update (POST) leaves what it does not name.
        let updated = try await apus.send(.POST, path("hello"), body: #"{"MaximumRetryAttempts":1}"#)
        #expect(try updated.json["MaximumRetryAttempts"]?.int == 1)
        #expect(try updated.json["MaximumEventAgeInSeconds"]?.int == 60)
        let read = try await apus.send(.GET, path("hello"))
        #expect(read.text == updated.text)
        #expect(try await apus.send(.GET, path("hello"), query: "Qualifier=$LATEST").text == updated.text)
        _ = try await apus.send(.POST, "/2015-03-31/functions/hello/versions")
        let none = try await apus.send(.GET, path("hello"), query: "Qualifier=1")
        #expect(none.status == 404)
        #expect(try none.message == "The function \(Self.arn):1 doesn't have an EventInvokeConfig")
        #expect(try await put(apus, #"{"MaximumEventAgeInSeconds":120}"#, query: "Qualifier=1").status == 200)
        let list = try await apus.send(.GET, path("hello") + "/list").json
        #expect(list["FunctionEventInvokeConfigs"]?.elements.count == 2)
        #expect(list["NextMarker"] == nil)
        #expect(try await apus.send(.DELETE, path("hello")).status == 204)
        #expect(
            try await apus.send(.GET, path("hello") + "/list").json["FunctionEventInvokeConfigs"]?.elements.count == 1)
        #expect(try await apus.send(.DELETE, path("hello")).status == 404)
    }

    @Test func pagesThroughTheList() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        _ = try await apus.send(.POST, "/2015-03-31/functions/hello/versions")
        _ = try await apus.send(
            .POST, "/2015-03-31/functions/hello/aliases", body: #"{"Name":"live","FunctionVersion":"1"}"#)
        for qualifier in ["$LATEST", "1", "live"] {
            #expect(try await put(apus, #"{"MaximumRetryAttempts":1}"#, query: "Qualifier=\(qualifier)").status == 200)
        }
        var seen: [String] = []
        var marker = ""
        repeat {
            let query = "MaxItems=1" + (marker.isEmpty ? "" : "&Marker=\(PercentEncoding.encode(marker))")
            let page = try await apus.send(.GET, path("hello") + "/list", query: query).json
            seen += page["FunctionEventInvokeConfigs"]?.elements.compactMap { $0["FunctionArn"]?.string } ?? []
            marker = page["NextMarker"]?.string ?? ""
        } while !marker.isEmpty && seen.count < 9
        #expect(seen == ["$LATEST", "1", "live"].map { Self.arn + ":" + $0 })
        let bad = try await apus.send(.GET, path("hello") + "/list", query: "Marker=!")
        #expect(bad.errorType == "InvalidParameterValueException")
    }

    // localstack's recorded TestLambdaEventInvokeConfig::test_lambda_eventinvokeconfig_exceptions.
    @Test func refusesAsRecorded() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        try await apus.deploy("other")
        let unknown = try await put(apus, #"{"MaximumRetryAttempts":1}"#, name: "none")
        #expect(unknown.status == 404)
        #expect(unknown.errorType == "ResourceNotFoundException")
        #expect(try unknown.message == "The function doesn't exist.")
        let alias = try await put(apus, #"{"MaximumRetryAttempts":1}"#, query: "Qualifier=none")
        #expect(try alias.message == "The function doesn't exist.")
        let empty = try await put(apus, "{}")
        #expect(empty.status == 400)
        #expect(empty.errorType == "InvalidParameterValueException")
        #expect(try empty.message == "You must specify at least one of error handling or destination setting.")
        #expect(try await apus.send(.POST, path("hello"), body: "{}").text == empty.text)
        let both = try await put(apus, #"{"MaximumRetryAttempts":1}"#, name: "hello:live", query: "Qualifier=1")
        #expect(
            try both.message
                == "The derived qualifier from the function name does not match the specified qualifier.")
        let update = try await apus.send(.POST, path("hello"), body: #"{"MaximumRetryAttempts":1}"#)
        #expect(try update.message == "The function \(Self.arn):$LATEST doesn't have an EventInvokeConfig")
        let list = try await apus.send(.GET, path("none") + "/list")
        #expect(try list.message == "The function doesn't exist.")
        let read = try await apus.send(.GET, path("none"))
        #expect(
            try read.message == "The function arn:aws:lambda:us-east-1:111111111111:function:none:$LATEST doesn't have "
                + "an EventInvokeConfig")
    }

    // The same recording, its destinations.
    @Test func checksDestinations() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        try await apus.deploy("other")
        func success(_ arn: String) async throws -> Harness.Answer {
            try await put(apus, #"{"DestinationConfig":{"OnSuccess":{"Destination":"\#(arn)"}}}"#)
        }
        let other = "arn:aws:lambda:us-east-1:111111111111:function:other"
        let missing = "arn:aws:lambda:us-east-1:111111111111:function:doesnotexist"
        #expect(try await success(missing).message == "The destination ARN \(missing) is invalid.")
        #expect(
            try await success(Self.arn).message == "You can't specify the function as a destination for itself.")
        #expect(try await success(other).json["DestinationConfig"]?["OnSuccess"]?["Destination"]?.string == other)
        #expect(try await success(Self.queue).status == 200)
        let iam = "arn:aws:iam:us-east-1:111111111111:function:hello"
        #expect(
            try await success(iam).message
                == "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=\(iam)), "
                + "onFailure=null) is invalid.")
        // S3 takes records of failures alone.
        #expect(try await success("arn:aws:s3:::bucket").status == 400)
        let bucket = try await put(
            apus, #"{"DestinationConfig":{"OnFailure":{"Destination":"arn:aws:s3:::bucket"}}}"#)
        #expect(bucket.status == 200)
        let none = try await put(apus, #"{"DestinationConfig":{"OnSuccess":{}}}"#)
        #expect(try none.json["DestinationConfig"]?["OnFailure"]?.members.isEmpty == true)
        let malformed = try await success("arn:aws:_-/!lambda:us-east-1:111111111111:function:hello")
        #expect(malformed.errorType == "ValidationException")
        #expect(
            try malformed.message.hasPrefix(
                "1 validation error detected: Value 'arn:aws:_-/!lambda:us-east-1:111111111111:function:hello' at "
                    + "'destinationConfig.onSuccess.destination' failed to satisfy constraint: "))
    }

    // The bounds are the API model's.
    @Test(arguments: [
        (#"{"MaximumRetryAttempts":3}"#, "maximumRetryAttempts"),
        (#"{"MaximumRetryAttempts":-1}"#, "maximumRetryAttempts"),
        (#"{"MaximumEventAgeInSeconds":59}"#, "maximumEventAgeInSeconds"),
        (#"{"MaximumEventAgeInSeconds":21601}"#, "maximumEventAgeInSeconds"),
    ])
    func boundsItsNumbers(body: String, member: String) async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let answer = try await put(apus, body)
        #expect(answer.status == 400)
        #expect(answer.errorType == "ValidationException")
        #expect(try answer.message.contains("at '\(member)' failed to satisfy constraint"))
    }

    @Test func goesWithItsAliasAndSurvivesARestart() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        _ = try await apus.send(.POST, "/2015-03-31/functions/hello/versions")
        let alias = #"{"Name":"live","FunctionVersion":"1"}"#
        _ = try await apus.send(.POST, "/2015-03-31/functions/hello/aliases", body: alias)
        _ = try await put(apus, #"{"MaximumRetryAttempts":1}"#, query: "Qualifier=live")
        _ = try await put(apus, #"{"MaximumRetryAttempts":2}"#)
        let again = try Harness(in: apus.directory)
        #expect(try await again.send(.GET, path("hello")).json["MaximumRetryAttempts"]?.int == 2)
        #expect(try await again.send(.DELETE, "/2015-03-31/functions/hello/aliases/live").status == 204)
        _ = try await again.send(.POST, "/2015-03-31/functions/hello/aliases", body: alias)
        #expect(try await again.send(.GET, path("hello"), query: "Qualifier=live").status == 404)
    }
}
