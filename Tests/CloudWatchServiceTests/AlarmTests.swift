import AWSWire
import Delivery
import Identity
import NIOCore
import TestSupport
import Testing

@testable import CloudWatchService

/// Alarms that are looked at as a test turns the clock.
@Suite struct AlarmTests {
    private static let minute: Int64 = 60_000

    private func putAlarm(_ rig: Rig, _ name: String, _ more: String = "") async throws {
        try await rig.ask(
            "PutMetricAlarm",
            """
            {"AlarmName":"\(name)","MetricName":"m","Namespace":"n","Period":60,"EvaluationPeriods":2,
            "Threshold":10,"ComparisonOperator":"GreaterThanThreshold","Statistic":"Sum",
            "AlarmActions":["\(Rig.topic)"],"OKActions":["\(Rig.topic)"]\(more)}
            """)
    }

    @Test func ringsAndCalmsDown() async throws {
        let rig = try Rig()
        try await putAlarm(rig, "a")
        try await rig.service.evaluator.pass()
        #expect(try await rig.state("a").reason == "Unchecked: Initial alarm creation")
        var states: [String?] = []
        for (index, value) in [1.0, 20, 20, 20, 1, 1].enumerated() {
            let begin = Rig.start + Int64(index) * Self.minute
            try await rig.put(value, at: begin)
            rig.clock.now = begin + Self.minute + 7_000
            try await rig.service.evaluator.pass()
            states.append(try await rig.state("a").value)
        }
        #expect(states == ["OK", "OK", "ALARM", "ALARM", "OK", "OK"])
        #expect(
            try await rig.state("a").reason
                == "Threshold Crossed: 2 datapoints [1.0 (01/01/26 00:04:00), 20.0 (01/01/26 00:03:00)] were not greater "
                + "than the threshold (10.0).")
        #expect(try await eventually { rig.sink.all.count == 3 })
        let told = try rig.sink.all.map { parcel in
            let message = try JSONValue(parsing: parcel.body)
            return [message["OldStateValue"]?.string, message["NewStateValue"]?.string]
        }
        #expect(Set(told) == [["INSUFFICIENT_DATA", "OK"], ["OK", "ALARM"], ["ALARM", "OK"]])
        #expect(rig.sink.all.allSatisfy { $0.sender.service == "cloudwatch.amazonaws.com" })
    }

    @Test func nothingIsLookedAtBeforeItIsDue() async throws {
        let rig = try Rig()
        try await putAlarm(rig, "a", #","TreatMissingData":"ignore""#)
        _ = try await rig.service.evaluator.pass()
        let due = try await rig.service.alarms.read { try $0.nextDue() }
        #expect(due == Rig.start + 6_000)
        rig.clock.now += 6_000
        _ = try await rig.service.evaluator.pass()
        #expect(try await rig.service.alarms.read { try $0.nextDue() } == Rig.start + Self.minute + 6_000)
    }

    @Test func aStateThatIsSetAndItsActionAreOneCommit() async throws {
        let rig = try Rig()
        try await putAlarm(rig, "a", #","Period":3600,"EvaluationPeriods":1"#)
        try await rig.ask("SetAlarmState", #"{"AlarmName":"a","StateValue":"ALARM","StateReason":"r"}"#)
        #expect(try await eventually { rig.sink.all.count == 1 })
        // The same again is no change.
        try await rig.ask("SetAlarmState", #"{"AlarmName":"a","StateValue":"ALARM","StateReason":"s"}"#)
        try await rig.ask("SetAlarmState", #"{"AlarmName":"a","StateValue":"OK","StateReason":"t"}"#)
        #expect(try await eventually { rig.sink.all.count == 2 })
    }

    @Test func alarmsThatHangOnEachOther() async throws {
        let rig = try Rig()
        for name in ["a", "b"] { try await putAlarm(rig, name) }
        try await rig.ask("PutCompositeAlarm", #"{"AlarmName":"x","AlarmRule":"ALARM(a)"}"#)
        try await rig.ask("PutCompositeAlarm", #"{"AlarmName":"y","AlarmRule":"ALARM(x) AND NOT ALARM(b)"}"#)
        // In a circle.
        try await rig.ask("PutCompositeAlarm", #"{"AlarmName":"x","AlarmRule":"ALARM(a) OR (ALARM(y) AND FALSE)"}"#)
        try await rig.service.evaluator.pass()
        try await rig.ask("SetAlarmState", #"{"AlarmName":"a","StateValue":"ALARM","StateReason":"r"}"#)
        #expect(try await rig.state("x").value == "ALARM")
        #expect(try await rig.state("y").value == "ALARM")
        try await rig.ask("SetAlarmState", #"{"AlarmName":"b","StateValue":"ALARM","StateReason":"r"}"#)
        #expect(try await rig.state("y").value == "OK")
        #expect(try await rig.state("x").value == "ALARM")
    }

    /// Nets of composite alarms that all hang on each other go on changing for longer than anybody can wait.
    @Test func netsOfAlarmsEnd() async throws {
        let rig = try Rig()
        try await putAlarm(rig, "a")
        let names = (0..<14).map { "c\($0)" }
        for name in names {
            try await rig.ask("PutCompositeAlarm", #"{"AlarmName":"\#(name)","AlarmRule":"ALARM(a)"}"#)
        }
        let all = names.map { "ALARM(\($0))" }.joined(separator: " OR ")
        for name in names {
            try await rig.ask(
                "PutCompositeAlarm", #"{"AlarmName":"\#(name)","AlarmRule":"ALARM(a) OR NOT (\#(all))"}"#)
        }
        try await rig.ask("SetAlarmState", #"{"AlarmName":"a","StateValue":"ALARM","StateReason":"r"}"#)
        try await rig.ask("SetAlarmState", #"{"AlarmName":"a","StateValue":"OK","StateReason":"r"}"#)
        #expect(try await rig.state("a").value == "OK")
    }

    /// Words are those of cloud-custodian's issue 7763 and of aws-nuke's issue 462; one composite alarm at a time is of
    /// the API reference.
    @Test func alarmsThatRulesNameStay() async throws {
        let rig = try Rig()
        for name in ["a", "b", "c"] { try await putAlarm(rig, name) }
        try await rig.ask("PutCompositeAlarm", #"{"AlarmName":"x","AlarmRule":"ALARM(a) OR ALARM(b)"}"#)
        try await rig.ask("PutCompositeAlarm", #"{"AlarmName":"y","AlarmRule":"ALARM(x)"}"#)
        func refusal(_ names: String) async -> AWSError? {
            await #expect(throws: AWSError.self) { try await rig.ask("DeleteAlarms", #"{"AlarmNames":[\#(names)]}"#) }
        }
        let one = await refusal(#""c","a""#)
        #expect(one?.code == "ValidationException")
        #expect(one?.message == "Cannot delete a as there are composite alarm(s) depending on it.")
        #expect(
            await refusal(#""a","b""#)?.message
                == "Cannot delete a,b as there are composite alarm(s) depending on them.")
        #expect(await refusal(#""x","y""#)?.code == "ValidationException")
        // Nothing was deleted.
        #expect(try await rig.state("c").value != nil)
        try await rig.ask("DeleteAlarms", #"{"AlarmNames":["y","none"]}"#)
        try await rig.ask("DeleteAlarms", #"{"AlarmNames":["x","a","b"]}"#)
        #expect(try await rig.state("a").value == nil)
        #expect(try await rig.state("c").value != nil)
    }
}
