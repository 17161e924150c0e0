import Testing

@testable import CloudWatchService

/// Expressions that are read and worked out, as
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html has them.
@Suite struct MathTests {
    private static func series(_ values: [Double?]) -> TimeSeries {
        let points = values.enumerated().compactMap { index, value in
            value.map { TimeSeries.Point(time: Int64(index) * 60, value: $0) }
        }
        return TimeSeries(period: 60, points: points)
    }

    private func value(_ text: String) throws -> MathValue {
        let evaluation = MathEvaluation(
            values: [
                "a": .series(Self.series([1, 2, nil, 4])), "b": .series(Self.series([10, nil, 30, 40])),
                "s": .scalar(3),
            ], metrics: ["a", "b"], periods: { Periods(start: 0, end: 240, length: $0) }, budget: MathBudget())
        return try evaluation.value(of: MathParser.parse(text))
    }

    private func values(_ text: String) throws -> [Double] {
        guard case .series(let series) = try value(text) else { return [] }
        return series.points.map(\.value)
    }

    @Test func ranks() throws {
        for (text, expected) in [
            ("1 + 2 * 3", 7.0), ("(1 + 2) * 3", 9), ("2 ^ 3 ^ 2", 512), ("-2 ^ 2", -4), ("8 / 4 / 2", 1),
            ("1 - 2 - 3", -4),
            ("1 < 2 AND 2 < 1", 0), ("1 < 2 OR 2 < 1 AND 0", 1), ("1 + 1 == 2", 1), ("s * 2", 6), ("1e3 - .5", 999.5),
        ] {
            #expect(try value(text) == .scalar(expected), "\(text)")
        }
    }

    @Test func seriesMeetWhereBothHaveValues() throws {
        #expect(try values("a + b") == [11, 44])
        #expect(try values("b / (a - 1)") == [40.0 / 3])
        #expect(try values("SUM([a, b])") == [11, 2, 30, 44])
        #expect(try value("SUM(a)") == .scalar(7))
        #expect(try value("METRIC_COUNT(METRICS())") == .scalar(2))
        #expect(try values("FILL(a, REPEAT)") == [1, 2, 2, 4])
        #expect(try values("FILL(a, b)") == [1, 2, 30, 4])
        #expect(try values("FILL(a, LINEAR)") == [1, 2, 3, 4])
        #expect(try values("RATE(a) * 60") == [1, 1])
        #expect(try values("IF(a > 1, b, 0 - 1)") == [-1, 40])
    }

    /// Before the first value there is none to repeat, and beyond the last none to go to.
    @Test func gapsAreFilledFromWhatIsThere() throws {
        let sparse = TimeSeries(
            period: 60,
            points: [TimeSeries.Point(time: 120, value: 3), TimeSeries.Point(time: 300, value: 9)])
        let evaluation = MathEvaluation(
            values: ["a": .series(sparse)], metrics: ["a"],
            periods: { Periods(start: 0, end: 480, length: $0) }, budget: MathBudget())
        func points(_ text: String) throws -> [Int64: Double] {
            guard case .series(let series) = try evaluation.value(of: MathParser.parse(text)) else { return [:] }
            return Dictionary(uniqueKeysWithValues: series.points.map { ($0.time, $0.value) })
        }
        #expect(try points("FILL(a, REPEAT)") == [120: 3, 180: 3, 240: 3, 300: 9, 360: 9, 420: 9])
        #expect(try points("FILL(a, LINEAR)") == [120: 3, 180: 5, 240: 7, 300: 9])
        #expect(try points("FILL(a, 0)").count == 8)
        // What is no number is no value, and answers could not say it.
        #expect(try points("FILL(a, 1e308 * 10)").count == 2)
        #expect(try points("DIFF((a - 6) * 5e307)").isEmpty)
    }

    /// Neither do arrays of arrays grow for ever, nor is more filled in than anybody could look at.
    @Test(.timeLimit(.minutes(10))) func whatIsWorkedOutIsBounded() throws {
        let series = TimeSeries(period: 1, points: (0..<100).map { TimeSeries.Point(time: $0 * 1_000, value: 1) })
        func value(_ text: String, _ values: [String: MathValue], _ budget: MathBudget) throws -> MathValue {
            try MathEvaluation(
                values: values, metrics: ["a"], periods: { Periods(start: 0, end: 100_000, length: $0) },
                budget: budget
            ).value(of: MathParser.parse(text))
        }
        let budget = MathBudget(limit: 1_000_000)
        var last = MathValue.series(series)
        #expect(throws: MathError.self) {
            for _ in 0..<20 { last = try value("[a, a, a, a, a, a, a, a]", ["a": last], budget) }
        }
        #expect(last.size < 1_000_000)
        let whole = try value("FILL(a, REPEAT) + FILL(a, LINEAR)", ["a": .series(series)], MathBudget())
        #expect(whole.size == 99_000 + 2)
        let all = MathValue.array(Array(repeating: series, count: 500))
        #expect(throws: MathError.self) { try value("FILL(a, 0)", ["a": all], MathBudget()) }
    }

    @Test func nonsense() {
        for text in ["", "1 +", "a b", "(a", "[a", "'x", "a $ b", "SUM()", "1..2", "SUM(a, b)", "x", ")", "IF(a)"] {
            #expect(throws: MathError.self, "\(text)") { try self.value(text) }
        }
        let deep = String(repeating: "(", count: 5_000)
        #expect(throws: MathError.self) { try MathParser.parse(deep) }
        let minus = String(repeating: "-", count: 5_000) + "1"
        #expect(throws: MathError.self) { try MathParser.parse(minus) }
        let plus = String(repeating: "+", count: 5_000) + "1"
        #expect(throws: MathError.self) { try MathParser.parse(plus) }
    }
}
