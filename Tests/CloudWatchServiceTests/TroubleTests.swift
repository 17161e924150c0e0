import AWSWire
import Metrics
import Storage
import Synchronization
import Testing

@testable import CloudWatchService

/// Alarms that would keep the others: those that cannot be worked out, and those on which many hang.
@Suite struct TroubleTests {
    private static let account = "000000000000"

    private static func alarm(_ name: String, rule: String? = nil) -> Alarm? {
        let key = AlarmKey(account: account, region: "us-east-1", name: name)
        let metric = """
            {"AlarmName":"\(name)","MetricName":"m","Namespace":"n","Period":60,"EvaluationPeriods":1,
            "Threshold":1,"ComparisonOperator":"GreaterThanThreshold","Statistic":"Sum"}
            """
        let text = rule.map { #"{"AlarmName":"\#(name)","AlarmRule":\#($0.inJSON)}"# } ?? metric
        return Alarm.configuration(text, isComposite: rule != nil, of: key).map {
            var alarm = Alarm(key, $0, now: Rig.start)
            alarm.state = .ok
            alarm.due = nil
            return alarm
        }
    }

    /// Puts alarms by their names and rules; those without a rule are on a metric.
    private func put(_ rig: Rig, _ alarms: [(name: String, rule: String?)]) async throws {
        try await rig.service.alarms.write { table in
            for (name, rule) in alarms {
                let alarm = try #require(Self.alarm(name, rule: rule))
                try table.put(alarm)
                try table.putChildren(of: alarm)
            }
        }
    }

    private func ringing(_ rig: Rig) async throws -> Int64 {
        try await rig.events.read {
            try $0.query("SELECT COUNT(*) AS n FROM cloudwatch_alarms WHERE state = 'ALARM'", [])[0].integer("n")
        }
    }

    /// What an expression comes to may depend on the samples: PutMetricAlarm cannot know.
    @Test func anExpressionThatFailsKeepsNoOtherAlarm() async throws {
        let rig = try Rig()
        try await rig.ask(
            "PutMetricAlarm",
            """
            {"AlarmName":"bad","EvaluationPeriods":1,"Threshold":1,"ComparisonOperator":"GreaterThanThreshold",
            "Metrics":[{"Id":"m1","ReturnData":false,"MetricStat":{"Metric":{"Namespace":"n","MetricName":"m"},
            "Period":60,"Stat":"Sum"}},{"Id":"e1","Expression":"FIRST(IF(SUM(m1)>0, m1, METRICS()))"}]}
            """)
        try await rig.ask("SetAlarmState", #"{"AlarmName":"bad","StateValue":"OK","StateReason":"r"}"#)
        try await rig.put(20, at: Rig.start)
        rig.clock.now += 67_000
        try await put(rig, [("good", nil)])
        try await rig.service.alarms.write { table in
            try table.postpone(try #require(Self.alarm("good")).key, until: rig.clock.now)
        }
        try await rig.service.evaluator.pass()
        #expect(try await rig.state("good").value == "ALARM")
        // There are no values of an expression that fails.
        #expect(try await rig.state("bad").value == "INSUFFICIENT_DATA")
        #expect(try await rig.service.alarms.read { try $0.nextDue() }.map { $0 > rig.clock.now } == true)
    }

    /// What is found of alarms is kept together, and one by one where that fails.
    @Test func anAlarmThatCannotBeKeptKeepsNoOtherAlarm() async throws {
        let rig = try Rig()
        try await put(rig, [("bad", nil), ("good", nil), ("c", "ALARM(bad)")])
        _ = try await rig.events.write { connection in
            try connection.execute(
                """
                CREATE TRIGGER refusal BEFORE UPDATE OF state ON cloudwatch_alarms
                WHEN NEW.name = 'bad' AND NEW.state = 'ALARM' BEGIN SELECT RAISE(ABORT, 'no'); END
                """, [])
        }
        try await rig.put(20, at: Rig.start)
        rig.clock.now += 67_000
        try await rig.service.alarms.write { table in
            for name in ["bad", "good", "c"] {
                try table.postpone(try #require(Self.alarm(name)).key, until: rig.clock.now)
            }
        }
        try await rig.service.evaluator.pass()
        #expect(try await rig.state("good").value == "ALARM")
        #expect(try await rig.state("bad").value == "OK")
        #expect(try await rig.service.alarms.read { try $0.nextDue() }.map { $0 > rig.clock.now } == true)
    }

    /// Longer than composite alarms are looked at in one transaction.
    @Test func longChainsOfAlarmsEndUpRight() async throws {
        let rig = try Rig()
        let chain = (0..<40).map {
            (name: "c\($0)", rule: $0 == 0 ? "ALARM(a)" : "ALARM(c\($0 - 1))") as (String, String?)
        }
        try await put(rig, [("a", nil)] + chain)
        rig.clock.now += 60_000
        try await rig.ask("SetAlarmState", #"{"AlarmName":"a","StateValue":"ALARM","StateReason":"r"}"#)
        #expect(try await rig.state("c39").value == "OK")
        for _ in 0..<3 { try await rig.service.evaluator.pass() }
        #expect(try await ringing(rig) == 41)
        let reason = try #require(try await rig.state("c39").reason)
        #expect(reason.hasPrefix("arn:aws:cloudwatch:us-east-1:000000000000:alarm:c38 transitioned to ALARM at "))
        #expect(try await rig.service.alarms.read { try $0.nextDue() } == nil)
    }

    /// However many alarms change in one transaction, it looks at so many others, and the evaluator at the rest.
    @Test func oneTransactionIsBounded() async throws {
        let rig = try Rig()
        var alarms: [(String, String?)] = []
        for root in 0..<3 {
            alarms.append(("a\(root)", nil))
            for number in 0..<300 {
                alarms.append(("p\(root)-\(number)", "ALARM(a\(root))"))
                alarms.append(("q\(root)-\(number)", "ALARM(p\(root)-\(number))"))
            }
        }
        try await put(rig, alarms)
        rig.clock.now += 60_000
        let now = rig.clock.now
        try await rig.service.alarms.change { transitions in
            for root in 0..<3 {
                let alarm = try #require(Self.alarm("a\(root)"))
                try transitions.move(alarm, to: .alarm, reason: "r", data: nil, now: now)
            }
        }
        let first = try await ringing(rig)
        #expect((4...1_003).contains(first))
        try await rig.service.evaluator.pass()
        #expect(try await ringing(rig) == 1_803)
    }

    /// Nets that do not come to rest are looked at again, but not without a pause.
    @Test func whatNeverRestsIsLookedAtNowAndThen() async throws {
        let rig = try Rig()
        // One of two: whichever changes, what hangs on them does, too.
        func either(_ one: String, _ other: String) -> String {
            "ALARM(\(one)) AND NOT ALARM(\(other)) OR ALARM(\(other)) AND NOT ALARM(\(one))"
        }
        let composites = (0..<20).map { ("c\($0)", either($0 == 0 ? "a" : "c\(($0 + 1) % 20)", "c\(($0 + 2) % 20)")) }
        try await put(rig, [("a", nil)] + composites)
        rig.clock.now += 60_000
        try await rig.ask("SetAlarmState", #"{"AlarmName":"a","StateValue":"ALARM","StateReason":"r"}"#)
        func due() async throws -> Int64? { try await rig.service.alarms.read { try $0.nextDue() } }
        // Once for each that has not changed for long.
        var passes = 0
        while let next = try await due(), next <= rig.clock.now, passes < 100 {
            try await rig.service.evaluator.pass()
            passes += 1
        }
        let next = try #require(try await due())
        #expect(next > rig.clock.now)
        #expect(next <= rig.clock.now + AlarmTable.calm)
    }

    /// What is discarded needs no receipt any more.
    @Test func discardedSamplesAreNotAskedForAgain() async throws {
        let rig = try Rig()
        let buffer = SampleBuffer(database: rig.metrics, clock: { rig.clock.now }, logger: rig.service.logger)
        let key = MetricKey(account: Self.account, region: "us-east-1", namespace: "n", name: "m")
        let kept = Mutex(0)
        buffer.record(
            [MetricSample(key, unit: .count, timestamp: Rig.start, value: 1)],
            as: SampleReceipt(source: "logs", number: 1)
        ) { kept.withLock { $0 += 1 } }
        buffer.discard()
        #expect(kept.withLock { $0 } == 1)
        await buffer.flush()
        #expect(kept.withLock { $0 } == 1)
        #expect(try await buffer.receipts(of: "logs").isEmpty)
    }

    /// There are no contributors, and no history of them.
    @Test func historyOfWhatThereIsNotIsEmpty() async throws {
        let rig = try Rig()
        try await put(rig, [("a", nil)])
        try await rig.ask("SetAlarmState", #"{"AlarmName":"a","StateValue":"ALARM","StateReason":"r"}"#)
        for (type, isThere) in [
            ("StateUpdate", true), ("AlarmContributorStateUpdate", false), ("AlarmContributorAction", false),
        ] {
            let answer = try await rig.ask("DescribeAlarmHistory", #"{"HistoryItemType":"\#(type)"}"#)
            #expect(answer["AlarmHistoryItems"]?.elements.isEmpty == !isThere, "\(type)")
        }
    }

    @Test func anAlarmThatIsNamedTwiceGoesOnce() async throws {
        let rig = try Rig()
        try await put(rig, [("a", nil), ("c", "ALARM(a)")])
        try await rig.ask("DeleteAlarms", #"{"AlarmNames":["c","c"]}"#)
        try await rig.ask("DeleteAlarms", #"{"AlarmNames":["a","a"]}"#)
        let answer = try await rig.ask("DescribeAlarmHistory", #"{"AlarmTypes":["MetricAlarm","CompositeAlarm"]}"#)
        #expect(answer["AlarmHistoryItems"]?.elements.compactMap { $0["AlarmName"]?.string }.sorted() == ["a", "c"])
    }

    @Test func patternsOfLikeAreEscapedByScalars() {
        #expect("a!\u{301}b%_".escapedForLike.unicodeScalars.elementsEqual("a!!\u{301}b!%!_".unicodeScalars))
        #expect("_\u{301}".escapedForLike.unicodeScalars.elementsEqual("!_\u{301}".unicodeScalars))
    }
}
