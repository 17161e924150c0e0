import Delivery
import Metrics
import TestSupport
import Testing

@testable import SchedulerService

/// Names and dimensions: https://docs.aws.amazon.com/scheduler/latest/UserGuide/monitoring-cloudwatch.html
@Suite struct MetricTests {
    private static let group = ["ScheduleGroup": "default"]

    @Test func whatArrivesCountsForTheGroupAndTheAccount() async throws {
        let rig = try Rig()
        try await rig.create("s", Rig.document("at(2026-01-01T00:00:00)"))
        for dimensions in [Self.group, [:]] {
            #expect(try await rig.sums("InvocationAttemptCount", dimensions, to: 1))
        }
        #expect(Set(rig.metrics.samples.map(\.key.name)) == ["InvocationAttemptCount"])
    }

    @Test func whatDoesNotArriveIsDroppedAndItsLetterSent() async throws {
        let rig = try Rig(
            Sink { parcel in
                parcel.target == Rig.letters
                    ? nil : DeliveryFailure(code: "ThrottlingException", message: "Later.", isFinal: false)
            })
        try await rig.create("s", Rig.document("at(2026-01-01T00:00:00)", to: Rig.queue, Self.letters))
        #expect(try await rig.sums("InvocationsSentToDeadLetterCount", Self.group, to: 1))
        let names = [
            "InvocationAttemptCount", "TargetErrorCount", "TargetErrorThrottledCount", "InvocationDroppedCount",
        ]
        for name in names {
            #expect(rig.metrics.sum(name, Self.group) == 1, "\(name)")
        }
    }

    @Test func lettersThatDoNotArriveCountByTheirError() async throws {
        let code = "AWS.SimpleQueueService.NonExistentQueue"
        let rig = try Rig(Sink { _ in DeliveryFailure(code: code, message: "Gone.", isFinal: true) })
        try await rig.create("s", Rig.document("at(2026-01-01T00:00:00)", to: Rig.queue, Self.letters))
        #expect(try await rig.sums("InvocationsFailedToBeSentToDeadLetterCount_\(code)", Self.group, to: 1))
        #expect(rig.metrics.sum("InvocationsFailedToBeSentToDeadLetterCount", Self.group) == 1)
        #expect(rig.metrics.sum("TargetErrorThrottledCount", Self.group) == nil)
    }

    private static let letters =
        #""DeadLetterConfig":{"Arn":"\#(Rig.letters)"},"RetryPolicy":{"MaximumRetryAttempts":0}"#
}

extension Rig {
    /// A metric's sum, once it is that.
    fileprivate func sums(_ name: String, _ dimensions: [String: String], to sum: Double) async throws -> Bool {
        try await eventually {
            meters.drain()
            return metrics.sum(name, dimensions) == sum
        }
    }
}
