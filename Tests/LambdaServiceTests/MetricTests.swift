import AWSWire
import Delivery
import Fleet
import Identity
import Metrics
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@testable import LambdaService

/// What counts is AWS's: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
@Suite struct MetricTests {
    private static let hello = ["FunctionName": "hello"]

    /// Refuses everything.
    private struct Refusing: DeliveryTarget {
        func check(_: String, from _: ServiceCaller) async throws(DeliveryFailure) {}

        func deliver(_: Parcel) async throws(DeliveryFailure) {
            throw DeliveryFailure(code: "AccessDenied", message: "No.", isFinal: true)
        }
    }

    @Test func eventsCountWhenTheyAreAcceptedTriedAndDropped() async throws {
        let apus = try Harness()
        apus.delivery.register(Refusing(), for: "sqs")
        let queue = "arn:aws:sqs:us-east-1:111111111111:queue"
        try await apus.deploy("hello", members: #""DeadLetterConfig":{"TargetArn":"\#(queue)-dead"}"#)
        let config =
            #"{"MaximumRetryAttempts":0,"DestinationConfig":{"OnFailure":{"Destination":"\#(queue)"}}}"#
        #expect(
            try await apus.send(.PUT, "/2019-09-25/functions/hello/event-invoke-config", body: config).status == 200)
        try await apus.dispatching { () async throws in
            #expect(try await apus.event("hello").status == 202)
            #expect(try await eventually { try await apus.queued() == 0 })
            apus.fleet.answer(
                .success(
                    InvocationOutcome(
                        payload: ByteBuffer(string: "{}"), functionError: "Unhandled", logTail: ByteBuffer())))
            #expect(try await apus.event("hello").status == 202)
            #expect(
                try await eventually {
                    apus.meters.drain()
                    return apus.metrics.sum("DeadLetterErrors", Self.hello) == 1
                        && apus.metrics.sum("DestinationDeliveryFailures", Self.hello) == 1
                })
        }
        for dimensions in [[:], Self.hello, ["FunctionName": "hello", "Resource": "hello"]] {
            #expect(apus.metrics.sum("AsyncEventsReceived", dimensions) == 2)
            #expect(apus.metrics["AsyncEventAge", dimensions]?.sampleCount == 2)
            #expect(apus.metrics.sum("AsyncEventsDropped", dimensions) == 1)
            #expect(apus.metrics.sum("DeadLetterErrors", dimensions) == 1)
        }
    }

    @Test func invocationsKnowWhatTheyCountFor() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        _ = try await apus.send(.POST, "/2015-03-31/functions/hello/invocations", body: "{}")
        #expect(apus.fleet.invocations.last?.invocation.meters != nil)
    }

    @Test func requestsToURLsCountWithTheirStatus() async throws {
        let apus = try await FunctionURLTests.deployed()
        let answer = try await apus.send(
            .POST, "/2021-10-31/functions/hello/url", body: #"{"AuthType":"AWS_IAM"}"#)
        let url = try #require(try answer.json["FunctionUrl"]?.string)
        let id = try #require(url.split(separator: "/").dropFirst().first?.split(separator: ".").first.map(String.init))
        let request = try apus.request(.GET, "/")
        var stranger = request
        stranger.caller.principal = .anonymous(request.caller.account)
        for (sent, status) in [(request, 200), (stranger, 403)] {
            let (loop, service) = (apus.loop, apus.service)
            let answer = try await loop.submit { service.serve(url: id, path: "/", sent, on: loop) }.get().get()
            #expect(answer.status.code == UInt(status))
        }
        apus.meters.drain()
        #expect(apus.metrics.sum("UrlRequestCount", Self.hello) == 2)
        #expect(apus.metrics.sum("Url4xxCount", Self.hello) == 1)
        #expect(apus.metrics["Url4xxCount", Self.hello]?.sampleCount == 2)
        #expect(apus.metrics.sum("Url5xxCount", Self.hello) == 0)
        #expect(apus.metrics["UrlRequestLatency", Self.hello]?.sampleCount == 2)
    }
}
