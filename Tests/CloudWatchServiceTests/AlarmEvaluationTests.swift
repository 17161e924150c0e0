import Testing

@testable import CloudWatchService

/// Which state follows from which datapoints. The tables are those of
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html: the newest datapoint is
/// on the right, X breaches, 0 does not, - is missing.
@Suite struct AlarmEvaluationTests {
    private static func evaluation(
        _ periods: Int, of wanted: Int? = nil, _ missing: AlarmEvaluation.MissingData
    ) -> AlarmEvaluation {
        AlarmEvaluation(
            comparison: .greater, threshold: 1, periods: periods, datapointsToAlarm: wanted, missingData: missing)
    }

    private static func datapoints(_ text: String) -> [AlarmEvaluation.Datapoint] {
        let values = text.filter { $0 != " " }.map { $0 == "X" ? 2.0 : $0 == "0" ? 0.0 : nil }
        return values.reversed().enumerated().map { index, value in
            AlarmEvaluation.Datapoint(
                time: Int64(-60 * (index + 1)) + 600, value: value, sampleCount: value.map { _ in 1 })
        }
    }

    /// Missing, ignore, breaching, notBreaching; nil: the state stays.
    typealias States = (AlarmState?, AlarmState?, AlarmState?, AlarmState?)

    private func check(_ table: [(String, States)], _ periods: Int, of wanted: Int?) {
        for (text, states) in table {
            let found = [AlarmEvaluation.MissingData.missing, .ignore, .breaching, .notBreaching].map {
                Self.evaluation(periods, of: wanted, $0).outcome(of: Self.datapoints(text))?.state
            }
            #expect(found == [states.0, states.1, states.2, states.3], "\(text)")
        }
    }

    @Test func threeOfThree() {
        check(
            [
                ("0 - X - X", (.ok, .ok, .ok, .ok)),
                ("- - - - 0", (.ok, .ok, .ok, .ok)),
                ("- - - - -", (.insufficientData, nil, .alarm, .ok)),
                ("0 X X - X", (.alarm, .alarm, .alarm, .alarm)),
                ("- - X - -", (.alarm, nil, .alarm, .ok)),
            ], 3, of: nil)
    }

    @Test func twoOfThree() {
        check(
            [
                ("0 - X - X", (.alarm, .alarm, .alarm, .alarm)),
                ("0 0 X 0 X", (.alarm, .alarm, .alarm, .alarm)),
                ("0 - X - -", (.ok, .ok, .alarm, .ok)),
                ("- - - - 0", (.ok, .ok, .alarm, .ok)),
                ("- - - X -", (.alarm, nil, .alarm, .ok)),
            ], 3, of: 2)
    }

    @Test func reasons() {
        func reason(_ text: String, _ evaluation: AlarmEvaluation) -> String? {
            evaluation.outcome(of: Self.datapoints(text))?.reason
        }
        #expect(
            reason("- - X", Self.evaluation(1, .missing))
                == "Threshold Crossed: 1 datapoint [2.0 (01/01/70 00:09:00)] was greater than the threshold (1.0).")
        #expect(
            reason("0 X 0 X", Self.evaluation(2, of: 1, .missing))
                == "Threshold Crossed: 1 out of the last 2 datapoints [2.0 (01/01/70 00:09:00)] was greater than the "
                + "threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition).")
        #expect(
            reason("- - 0 0", Self.evaluation(2, .missing))
                == "Threshold Crossed: 2 datapoints [0.0 (01/01/70 00:09:00), 0.0 (01/01/70 00:08:00)] were not greater "
                + "than the threshold (1.0).")
        // Recorded in LocalStack's test_breaching_alarm_actions.
        #expect(
            reason("- - - -", Self.evaluation(2, .breaching))
                == "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints were treated as "
                + "[Breaching].")
        #expect(reason("- - -", Self.evaluation(1, .missing)) == "Insufficient Data: 1 datapoint was unknown.")
    }

    @Test func rulesOfCompositeAlarms() throws {
        let states: [String: AlarmState] = ["a": .alarm, "b": .ok, "c": .insufficientData, "a b": .alarm]
        func holds(_ text: String) throws -> Bool { try AlarmRule(text).holds { states[$0] ?? .insufficientData } }
        for rule in [
            "ALARM(a)", "OK(b)", "INSUFFICIENT_DATA(c)", "ALARM(\"a b\")", "ALARM(b) OR ALARM(a)", "NOT ALARM(b)",
            "ALARM(a) AND NOT (ALARM(b) OR ALARM(c))", "TRUE", "FALSE OR TRUE AND TRUE", "not FALSE", "alarm(a)",
        ] {
            #expect(try holds(rule), "\(rule)")
        }
        for rule in ["ALARM(b)", "FALSE", "TRUE AND FALSE", "NOT TRUE OR FALSE", "ALARM(a) AND ALARM(b)"] {
            #expect(try !holds(rule), "\(rule)")
        }
        #expect(try AlarmRule("ALARM(a) OR OK(b) OR ALARM(a)").children == ["a", "b"])
    }
}
