import AWSWire
import Metrics
import TestSupport
import Testing

@testable import SQSService

/// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
@Suite struct MetricTests {
    private static let queue = ["QueueName": "q"]

    @Test func messagesCountAsTheyComeAndGo() async throws {
        let rig = try await Rig()
        let queue = try await rig.queue("q")
        _ = try await rig.put("12345", into: queue)
        _ = try await rig.put("123", into: queue)
        let first = try await rig.call("ReceiveMessage", #"{"QueueUrl":"q","MaxNumberOfMessages":10}"#)
        let messages = try #require(first?["Messages"]?.elements)
        _ = try await rig.call("ReceiveMessage", #"{"QueueUrl":"q"}"#)
        let handles = messages.compactMap { $0["ReceiptHandle"]?.string }
        for handle in handles + handles {
            _ = try await rig.call("DeleteMessage", #"{"QueueUrl":"q","ReceiptHandle":"\#(handle)"}"#)
        }
        rig.meters.drain()
        #expect(handles.count == 2)
        #expect(rig.metrics.sum("NumberOfMessagesSent", Self.queue) == 2)
        #expect(rig.metrics["SentMessageSize", Self.queue]?.maximum == 5)
        #expect(rig.metrics["SentMessageSize", Self.queue]?.sum == 8)
        #expect(rig.metrics.sum("NumberOfMessagesReceived", Self.queue) == 2)
        #expect(rig.metrics.sum("NumberOfEmptyReceives", Self.queue) == 1)
        // With deletions that come again.
        #expect(rig.metrics.sum("NumberOfMessagesDeleted", Self.queue) == 4)
        #expect(rig.metrics.samples.allSatisfy { $0.key.namespace == "AWS/SQS" })
    }

    @Test func whatRepeatsAMessageIsNotSent() async throws {
        let rig = try await Rig()
        _ = try await rig.call(
            "CreateQueue", #"{"QueueName":"q.fifo","Attributes":{"FifoQueue":"true"}}"#)
        for _ in 0..<3 {
            _ = try await rig.call(
                "SendMessage",
                #"{"QueueUrl":"q.fifo","MessageBody":"m","MessageGroupId":"g","MessageDeduplicationId":"d"}"#)
        }
        rig.meters.drain()
        #expect(rig.metrics.sum("NumberOfMessagesSent", ["QueueName": "q.fifo"]) == 1)
        #expect(rig.metrics.sum("NumberOfDeduplicatedSentMessages", ["QueueName": "q.fifo"]) == 2)
    }

    @Test func whatLiesInAQueueIsToldOnceAMinute() async throws {
        let rig = try await Rig()
        let queue = try await rig.queue("q")
        _ = try await rig.put("in flight", into: queue)
        _ = try await rig.take(from: queue)
        rig.clock.advance(seconds: 7)
        _ = try await rig.put("visible", into: queue)
        _ = try await rig.put("delayed", into: queue, delay: 60)
        let now = rig.clock.milliseconds()
        rig.metrics.record(await rig.service.samples(at: now))
        #expect(rig.metrics.sum("ApproximateNumberOfMessagesVisible", Self.queue) == 1)
        #expect(rig.metrics.sum("ApproximateNumberOfMessagesNotVisible", Self.queue) == 1)
        #expect(rig.metrics.sum("ApproximateNumberOfMessagesDelayed", Self.queue) == 1)
        #expect(rig.metrics.sum("ApproximateAgeOfOldestMessage", Self.queue) == 7)
        #expect(rig.metrics.samples.allSatisfy { $0.timestamp == now })
        #expect(try await rig.service.messageCounts().map(\.visible) == [1])
    }

    /// A queue is in use for six hours after its last use.
    @Test func idleQueuesHaveNoMetrics() async throws {
        let rig = try await Rig()
        _ = try await rig.queue("q")
        #expect(await rig.service.samples(at: rig.clock.milliseconds()).count == 4)
        rig.clock.advance(seconds: 6 * 3600 + 1)
        #expect(await rig.service.samples(at: rig.clock.milliseconds()).isEmpty)
    }
}
