import AWSWire
import Delivery
import Identity
import NIOCore
import TestSupport
import Testing

@testable import LogsService

/// Errors and shapes are those that LocalStack's tests recorded (test_logs_subscription_filters.snapshot.json); the
/// document is the developer guide's ("Process CloudWatch Logs with Lambda").
@Suite struct SubscriptionTests {
    private static let function = "arn:aws:lambda:us-east-1:000000000000:function:f"

    private func filter(
        _ name: String = "test", pattern: String = "", destination: String = function, more: String = ""
    ) -> String {
        #"{"logGroupName":"g","filterName":"\#(name)","filterPattern":\#(pattern.json),"destinationArn":"\#(destination)""#
            + "\(more)}"
    }

    private func rig() async throws -> Rig {
        let rig = try Rig()
        _ = try await rig.send("CreateLogGroup", #"{"logGroupName":"g"}"#)
        return rig
    }

    private func documents(_ rig: Rig) throws -> [JSONValue] {
        try rig.functions.got.map { parcel in
            let data = try JSONValue(parsing: parcel.body)["awslogs"]?["data"]?.string ?? ""
            return try JSONValue(parsing: ByteBuffer(bytes: gunzip(try #require(Base64.decode(data)))))
        }
    }

    @Test func functionsGetWhatMatches() async throws {
        let rig = try await rig()
        let running = Task { try await rig.service.run() }
        defer { running.cancel() }
        _ = try await rig.send("PutSubscriptionFilter", filter(pattern: "ERROR"))
        rig.append(["an ERROR", "fine", "ERROR ä"], group: "g")
        _ = try await rig.send("CreateLogStream", #"{"logGroupName":"g","logStreamName":"t"}"#)
        let put =
            #"{"logGroupName":"g","logStreamName":"t","logEvents":[{"timestamp":\#(Rig.start),"message":"ERROR 3"},"#
            + #"{"timestamp":\#(Rig.start),"message":"no"}]}"#
        _ = try await rig.send("PutLogEvents", put)
        #expect(try await eventually { rig.functions.got.count == 2 })
        let documents = try documents(rig).sorted { $0["logStream"]?.string ?? "" < $1["logStream"]?.string ?? "" }
        #expect(documents.map { $0["logStream"]?.string } == ["s", "t"])
        #expect(
            documents.map { $0["logEvents"]?.elements.map { $0["message"]?.string } } == [
                ["an ERROR", "ERROR ä"], ["ERROR 3"],
            ])
        let first = documents[0]
        #expect(first["messageType"]?.string == "DATA_MESSAGE")
        #expect(first["owner"]?.string == "000000000000")
        #expect(first["logGroup"]?.string == "g")
        #expect(first["subscriptionFilters"]?.elements.map(\.string) == ["test"])
        let event = try #require(first["logEvents"]?.elements.first)
        #expect(event["id"]?.string?.count == 56)
        #expect(event["timestamp"]?.int == Int(Rig.start))
        let sender = try #require(rig.functions.got.first?.sender)
        #expect(sender.service == "logs.amazonaws.com")
        #expect(sender.source == "arn:aws:logs:us-east-1:000000000000:log-group:g:*")
        #expect(try await rig.count("outbox_parcels") == 0)
    }

    /// What was stored is sent by the next process, if this one has no time to.
    @Test func whatIsStoredIsSentLater() async throws {
        let rig = try await rig()
        _ = try await rig.send("PutSubscriptionFilter", filter())
        rig.append(["one"], group: "g")
        #expect(try await rig.messages("FilterLogEvents", #"{"logGroupName":"g"}"#) == ["one"])
        #expect(rig.functions.got.isEmpty)
        #expect(try await rig.count("outbox_parcels") == 1)
        let running = Task { try await rig.service.run() }
        defer { running.cancel() }
        #expect(try await eventually { rig.functions.got.count == 1 })
    }

    @Test func manyEventsGoInSeveralDocuments() async throws {
        let rig = try await rig()
        let running = Task { try await rig.service.run() }
        defer { running.cancel() }
        _ = try await rig.send("PutSubscriptionFilter", filter())
        rig.append((0..<8).map { _ in String(repeating: "x", count: 200_000) }, group: "g")
        #expect(try await rig.messages("FilterLogEvents", #"{"logGroupName":"g"}"#).count > 1)
        #expect(
            try await eventually { try documents(rig).reduce(0) { $0 + ($1["logEvents"]?.elements.count ?? 0) } == 8 })
        #expect(rig.functions.got.count == 4)
    }

    @Test func filtersAreDescribedReplacedAndDeleted() async throws {
        let rig = try await rig()
        let describe = #"{"logGroupName":"g"}"#
        #expect(try await rig.call("DescribeSubscriptionFilters", describe)["subscriptionFilters"]?.elements.count == 0)
        _ = try await rig.send("PutSubscriptionFilter", filter())
        _ = try await rig.send("PutSubscriptionFilter", filter(pattern: "[]"))
        let filters = try await rig.call("DescribeSubscriptionFilters", describe)["subscriptionFilters"]?.elements ?? []
        #expect(filters.count == 1)
        let one = try #require(filters.first)
        #expect(
            Set(one.members.map(\.name)) == [
                "applyOnTransformedLogs", "creationTime", "destinationArn", "distribution", "filterName",
                "filterPattern", "logGroupName",
            ])
        #expect(one["filterPattern"]?.string == "[]")
        #expect(one["distribution"]?.string == "ByLogStream")
        _ = try await rig.send("PutSubscriptionFilter", filter("second"))
        let third = await rig.failure("PutSubscriptionFilter", filter("third"))
        #expect(third?.code == "LimitExceededException")
        #expect(third?.message == "Resource limit exceeded.")
        let page = try await rig.call("DescribeSubscriptionFilters", #"{"logGroupName":"g","limit":1}"#)
        let token = try #require(page["nextToken"]?.string)
        let rest = try await rig.call(
            "DescribeSubscriptionFilters", #"{"logGroupName":"g","nextToken":"\#(token)"}"#)
        #expect(rest["subscriptionFilters"]?.elements.map { $0["filterName"]?.string } == ["test"])
        let delete = #"{"logGroupName":"g","filterName":"test"}"#
        _ = try await rig.send("DeleteSubscriptionFilter", delete)
        let gone = await rig.failure("DeleteSubscriptionFilter", delete)
        #expect(gone?.code == "ResourceNotFoundException")
        #expect(gone?.message == "The specified subscription filter does not exist.")
        _ = try await rig.send("DeleteLogGroup", #"{"logGroupName":"g"}"#)
        #expect(try await rig.count("logs_subscriptions") == 0)
    }

    @Test func destinationsThatAreNoGood() async throws {
        let rig = try await rig()
        func failure(_ body: String) async -> AWSError? { await rig.failure("PutSubscriptionFilter", body) }
        let stranger = await failure(filter(destination: "arn:aws:lambda:us-east-1:123456789012:function:f"))
        #expect(stranger?.code == "AccessDeniedException")
        #expect(
            stranger?.message
                == "Cross-account lambda invocation passing is not allowed. You must use DestinationPolicies to create "
                + "cross account lambda triggers.")
        #expect(
            await failure(filter(destination: "arn:aws:kinesis:us-east-1:000000000000:stream/s"))?.message
                == "destinationArn for vendor kinesis cannot be used without roleArn")
        let refused = await failure(filter(destination: "arn:aws:lambda:us-east-1:000000000000:function:other"))
        #expect(refused?.code == "InvalidParameterException")
        #expect(refused?.message.hasPrefix("Could not execute the lambda function.") == true)
        #expect(await failure(filter(pattern: "a:b"))?.code == "InvalidParameterException")
        #expect(
            await failure(filter(more: #","roleArn":"arn:aws:iam::000000000000:role/logs""#))?.message
                == "destinationArn for vendor lambda cannot be used with roleArn")
        for operation in ["DescribeSubscriptionFilters", "DeleteSubscriptionFilter"] {
            let gone = await rig.failure(operation, #"{"logGroupName":"none","filterName":"x"}"#)
            #expect(gone?.message == "The specified log group does not exist.")
        }
    }
}
