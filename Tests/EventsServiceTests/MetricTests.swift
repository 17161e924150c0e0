import Delivery
import Metrics
import Storage
import TestSupport
import Testing

@testable import EventsService

/// Names and dimensions: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
@Suite struct MetricTests {
    @Test func anEventCountsForItsRuleItsBusAndTheAccount() async throws {
        let rig = try Rig()
        try await rig.rule("r", on: "orders")
        try await rig.put(Rig.entry(on: "orders"), Rig.entry(source: "other", on: "orders"))
        let rule = ["EventBusName": "orders", "RuleName": "r"]
        #expect(try await rig.sums("Invocations", rule, to: 1))
        for name in ["TriggeredRules", "InvocationAttempts", "SuccessfulInvocationAttempts"] {
            for dimensions in [rule, ["EventBusName": "orders"], [:]] {
                #expect(rig.metrics.sum(name, dimensions) == 1, "\(name) \(dimensions)")
            }
        }
        for name in ["Start", "Complete", "Success"] {
            for dimensions in [rule, ["EventBusName": "orders"], [:]] {
                #expect(rig.metrics["IngestionToInvocation\(name)Latency", dimensions]?.sampleCount == 1)
            }
        }
        #expect(rig.metrics.sum("Invocations", [:]) == 1)
        #expect(rig.metrics.sum("MatchedEvents", rule) == 1)
        #expect(rig.metrics.sum("MatchedEvents", ["EventBusName": "orders"]) == 1)
        #expect(rig.metrics.sum("InvocationsCreated", [:]) == 1)
        // "EventBridge only sends this metric to CloudWatch if it isn't zero."
        #expect(rig.metrics["InvocationsFailedToBeSentToDlq", rule] == nil)
        #expect(rig.metrics["InvocationsSentToDlq", rule] == nil)
        #expect(rig.metrics["FailedInvocations", rule] == nil)
    }

    @Test func rulesOfTheDefaultBusHaveTheirNameAlone() async throws {
        let rig = try Rig()
        try await rig.rule("r")
        try await rig.put(Rig.entry())
        #expect(try await rig.sums("Invocations", ["RuleName": "r"], to: 1))
        #expect(rig.metrics.sum("MatchedEvents", ["RuleName": "r"]) == 1)
        #expect(rig.metrics.sum("MatchedEvents", ["EventBusName": "default"]) == 1)
    }

    @Test func callsCount() async throws {
        let rig = try Rig()
        try await rig.put(Rig.entry(), Rig.entry(source: "aws.forged"))
        #expect(await rig.refusal("PutEvents", #"{"Entries":[]}"#) != nil)
        #expect(try await rig.sums("PutEventsApproximateCallCount", to: 2))
        #expect(rig.metrics.sum("PutEventsApproximateSuccessCount", [:]) == 1)
        #expect(rig.metrics.sum("PutEventsApproximateFailedCount", [:]) == 1)
        #expect(rig.metrics.sum("PutEventsEntriesCount", [:]) == 2)
        #expect(rig.metrics.sum("PutEventsFailedEntriesCount", [:]) == 1)
        #expect(rig.metrics["PutEventsLatency", [:]]?.sampleCount == 2)
        #expect(rig.metrics["PutEventsRequestSize", [:]]?.minimum == 14)
    }

    @Test func triesAndDeadLettersCount() async throws {
        let rig = try Rig(
            Sink { $0.target == Rig.queue ? DeliveryFailure(code: "Later", message: "no", isFinal: false) : nil })
        let rule = ["RuleName": "r"]
        try await rig.rule(
            "r", #""DeadLetterConfig":{"Arn":"\#(Rig.letters)"},"RetryPolicy":{"MaximumRetryAttempts":2}"#)
        try await rig.put(Rig.entry())
        #expect(try await rig.comes { !rig.sink.parcels(to: Rig.letters).isEmpty })
        #expect(try await rig.sums("InvocationsSentToDlq", rule, to: 1))
        #expect(rig.metrics.sum("InvocationAttempts", rule) == 3)
        #expect(rig.metrics.sum("RetryInvocationAttempts", rule) == 2)
        #expect(rig.metrics.sum("SuccessfulInvocationAttempts", rule) == nil)
        #expect(rig.metrics["IngestionToInvocationSuccessLatency", rule] == nil)
        #expect(rig.metrics["IngestionToInvocationStartLatency", rule]?.sampleCount == 1)
        #expect(rig.metrics.sum("FailedInvocations", rule) == 1)
        #expect(rig.metrics.sum("Invocations", rule) == 1)
    }

    @Test func whatATransformerBreaksFailsWithoutATry() async throws {
        let rig = try Rig(Sink { _ in DeliveryFailure(code: "AccessDenied", message: "no", isFinal: true) })
        try await rig.rule(
            "r",
            #""DeadLetterConfig":{"Arn":"\#(Rig.letters)"},"InputTransformer":{"InputTemplate":"{\"a\" 1}"}"#)
        try await rig.put(Rig.entry())
        #expect(try await rig.sums("InvocationsFailedToBeSentToDlq", ["RuleName": "r"], to: 1))
        #expect(rig.metrics.sum("FailedInvocations", ["RuleName": "r"]) == 1)
        #expect(rig.metrics.sum("TriggeredRules", ["RuleName": "r"]) == 1)
        #expect(rig.metrics.sum("InvocationAttempts", ["RuleName": "r"]) == nil)
        #expect(rig.metrics.sum("InvocationsCreated", [:]) == nil)
    }

    @Test func schedulesTriggerRulesAndMatchNothing() async throws {
        let rig = try Rig()
        try await rig.ask("PutRule", #"{"Name":"r","ScheduleExpression":"rate(1 minute)"}"#)
        try await rig.ask("PutTargets", #"{"Rule":"r","Targets":[{"Id":"t","Arn":"\#(Rig.queue)"}]}"#)
        rig.clock.advance(seconds: 60)
        rig.runTimetable()
        #expect(try await rig.sums("Invocations", ["RuleName": "r"], to: 1))
        #expect(rig.metrics.sum("TriggeredRules", ["RuleName": "r"]) == 1)
        #expect(rig.metrics.sum("MatchedEvents", ["RuleName": "r"]) == nil)
    }

    /// What is not committed has not happened: it is done later, and counts then.
    @Test func schedulesCountOnceTheyAreCommitted() async throws {
        let rig = try Rig()
        try await rig.ask("PutRule", #"{"Name":"r","ScheduleExpression":"rate(1 day)"}"#)
        try await rig.ask("PutTargets", #"{"Rule":"r","Targets":[{"Id":"t","Arn":"\#(Rig.queue)"}]}"#)
        func run(_ statement: String) async throws {
            _ = try await rig.database.write { try $0.execute(statement, []) }
        }
        try await run(
            "CREATE TRIGGER full BEFORE INSERT ON outbox_parcels BEGIN SELECT RAISE(ABORT, 'full'); END")
        rig.clock.advance(seconds: 86_400)
        rig.runTimetable()
        // It was tried, and is put off.
        #expect(
            try await eventually {
                try await rig.database.read {
                    try $0.query("SELECT due FROM timetable WHERE due > time", []).count == 1
                }
            })
        rig.meters.drain()
        #expect(rig.metrics.sum("TriggeredRules", ["RuleName": "r"]) == nil)
        try await run("DROP TRIGGER full")
        rig.clock.advance(seconds: 60)
        #expect(try await rig.sums("Invocations", ["RuleName": "r"], to: 1))
        #expect(rig.metrics.sum("TriggeredRules", ["RuleName": "r"]) == 1)
    }
}
