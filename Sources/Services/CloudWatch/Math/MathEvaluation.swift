import Glibc

/// Works out expressions over the series of a request.
struct MathEvaluation {
    /// What an id stands for, once it is worked out.
    var values: [String: MathValue]
    /// The ids of queries of metrics, in their order: what `METRICS()` is made of.
    var metrics: [String]
    /// The stretch of time that is asked for, in periods of so many seconds.
    var periods: (Int64) -> Periods
    let budget: MathBudget

    func value(of expression: MathExpression) throws(MathError) -> MathValue {
        if case .name(let name) = expression {
            guard let value = values[name] else { throw MathError(message: "There is no metric of the id \(name)") }
            return value
        }
        let value = try workedOut(expression)
        try budget.take(value.size)
        return value
    }

    private func workedOut(_ expression: MathExpression) throws(MathError) -> MathValue {
        switch expression {
        case .number(let number): return .scalar(number)
        case .text, .name: throw MathError(message: "A text is no value")
        case .negated(let inner): return try value(of: inner).mapped { -$0 }
        case .binary(let operation, let left, let right):
            return try MathValue.combined(value(of: left), value(of: right)) { Self.apply(operation, $0, $1) }
        case .array(let parts): return .array(try series(of: parts))
        case .call(let name, let arguments): return try call(name, arguments)
        }
    }

    private func series(of parts: [MathExpression]) throws(MathError) -> [TimeSeries] {
        var all: [TimeSeries] = []
        for part in parts {
            switch try value(of: part) {
            case .scalar: throw MathError(message: "An array has time series")
            case .series(let series): all.append(series)
            case .array(let more):
                // Arrays of arrays of arrays grow fast.
                try budget.take(more.count)
                all += more
            }
        }
        return all
    }

    private static func apply(_ operation: MathExpression.Operator, _ left: Double, _ right: Double) -> Double {
        switch operation {
        case .add: left + right
        case .subtract: left - right
        case .multiply: left * right
        case .divide: left / right
        case .power: pow(left, right)
        case .less: left < right ? 1 : 0
        case .lessOrEqual: left <= right ? 1 : 0
        case .greater: left > right ? 1 : 0
        case .greaterOrEqual: left >= right ? 1 : 0
        case .equal: left == right ? 1 : 0
        case .notEqual: left != right ? 1 : 0
        case .and: left != 0 && right != 0 ? 1 : 0
        case .or: left != 0 || right != 0 ? 1 : 0
        }
    }

    // MARK: Functions

    private static let unsupported: Set<String> = [
        "SEARCH", "ANOMALY_DETECTION_BAND", "INSIGHT_RULE_METRIC", "SERVICE_QUOTA", "DB_PERF_INSIGHTS", "LAMBDA",
        "REMOVE_EMPTY", "SORT", "SLICE", "TIME_SERIES",
    ]

    private func call(_ name: String, _ arguments: [MathExpression]) throws(MathError) -> MathValue {
        if let aggregate = Aggregate(rawValue: name) {
            switch try only(name, arguments) {
            case .array(let all): return .series(TimeSeries.across(all) { aggregate($0) })
            case .series(let series): return .scalar(aggregate(series.points.map(\.value)))
            case .scalar(let number): return .scalar(number)
            }
        }
        switch name {
        case "ABS": return try only(name, arguments).mapped { $0.magnitude }
        case "CEIL": return try only(name, arguments).mapped { $0.rounded(.up) }
        case "FLOOR": return try only(name, arguments).mapped { $0.rounded(.down) }
        case "LOG": return try only(name, arguments).mapped { Glibc.log($0) }
        case "LOG10": return try only(name, arguments).mapped { Glibc.log10($0) }
        case "DIFF": return try only(name, arguments).changed(name) { Self.steps($0) { value, _ in value } }
        case "DIFF_TIME": return try only(name, arguments).changed(name) { Self.steps($0) { _, time in time } }
        case "RATE": return try only(name, arguments).changed(name) { Self.steps($0) { value, time in value / time } }
        case "RUNNING_SUM":
            return try only(name, arguments).changed(name) { series in
                var sum = 0.0
                return series.mapped { value in
                    sum += value
                    return sum
                }
            }
        case "PERIOD", "DATAPOINT_COUNT", "FIRST", "LAST", "METRIC_COUNT":
            return try property(name, try only(name, arguments))
        case "METRICS": return try metrics(arguments)
        case "FILL": return try fill(arguments)
        case "IF": return try choose(arguments)
        case let name where Self.unsupported.contains(name):
            throw MathError(kind: .unsupported, message: "The function \(name) is not supported.")
        default: throw MathError(message: "Unknown function \(name)")
        }
    }

    private func only(_ name: String, _ arguments: [MathExpression]) throws(MathError) -> MathValue {
        guard arguments.count == 1 else { throw MathError(message: "\(name) takes one argument") }
        return try value(of: arguments[0])
    }

    /// Between each value and the one before it.
    private static func steps(
        _ series: TimeSeries, _ step: (_ value: Double, _ seconds: Double) -> Double
    ) -> TimeSeries {
        var changed = series
        changed.points = zip(series.points, series.points.dropFirst()).compactMap { before, after in
            let value = step(after.value - before.value, Double(after.time - before.time))
            return value.isFinite ? TimeSeries.Point(time: after.time, value: value) : nil
        }
        return changed
    }

    private func property(_ name: String, _ value: MathValue) throws(MathError) -> MathValue {
        switch (name, value) {
        case ("PERIOD", .series(let series)): return .scalar(Double(series.period))
        case ("DATAPOINT_COUNT", .series(let series)): return .scalar(Double(series.points.count))
        case ("METRIC_COUNT", .array(let all)): return .scalar(Double(all.count))
        case ("FIRST", .array(let all)), ("LAST", .array(let all)):
            guard let chosen = name == "FIRST" ? all.first : all.last else {
                throw MathError(message: "\(name) of an array without time series")
            }
            return .series(chosen)
        case ("METRIC_COUNT", _), ("FIRST", _), ("LAST", _): throw MathError(message: "\(name) takes an array")
        default: throw MathError(message: "\(name) takes a time series")
        }
    }

    private func metrics(_ arguments: [MathExpression]) throws(MathError) -> MathValue {
        var part = ""
        switch (arguments.count, arguments.first) {
        case (0, _): break
        case (1, .text(let text)): part = text
        default: throw MathError(message: "METRICS takes a text")
        }
        var all: [TimeSeries] = []
        for id in metrics where part.isEmpty || id.contains(part) {
            if case .series(let series) = values[id] { all.append(series) }
        }
        return .array(all)
    }

    /// A value for each period that has none.
    private func fill(_ arguments: [MathExpression]) throws(MathError) -> MathValue {
        guard arguments.count == 2 else { throw MathError(message: "FILL takes two arguments") }
        let filled = try value(of: arguments[0])
        try takeSlots(of: filled)
        if case .name(let word) = arguments[1], values[word] == nil {
            switch word.uppercased() {
            case "REPEAT": return try filled.changed("FILL") { repeated($0) }
            case "LINEAR": return try filled.changed("FILL") { interpolated($0) }
            default: throw MathError(message: "There is no metric of the id \(word)")
            }
        }
        switch try value(of: arguments[1]) {
        case .scalar(let number): return try filled.changed("FILL") { self.filled($0) { _ in number } }
        case .series(let other):
            let values = Dictionary(other.points.map { ($0.time, $0.value) }, uniquingKeysWith: { $1 })
            return try filled.changed("FILL") { self.filled($0) { values[$0] } }
        case .array: throw MathError(message: "FILL takes a number, a time series, REPEAT or LINEAR")
        }
    }

    /// Takes what is going to be filled off the budget, before it is.
    private func takeSlots(of value: MathValue) throws(MathError) {
        switch value {
        case .scalar: break
        case .series(let series): try budget.take(Int(periods(series.period).count))
        case .array(let all): for series in all { try budget.take(Int(periods(series.period).count)) }
        }
    }

    /// - Parameter value: Asked for the periods that have none, in their order.
    private func filled(_ series: TimeSeries, _ value: (Int64) -> Double?) -> TimeSeries {
        let periods = periods(series.period)
        var filled = series
        let there = Dictionary(series.points.map { ($0.time, $0.value) }, uniquingKeysWith: { $1 })
        filled.points = stride(from: periods.start, to: periods.end, by: Int(series.period)).compactMap { time in
            guard let value = there[time] ?? value(time), value.isFinite else { return nil }
            return TimeSeries.Point(time: time, value: value)
        }
        return filled
    }

    private func repeated(_ series: TimeSeries) -> TimeSeries {
        var next = series.points[...]
        var last: Double?
        return filled(series) { time in
            while let point = next.first, point.time < time {
                last = point.value
                next = next.dropFirst()
            }
            return last
        }
    }

    private func interpolated(_ series: TimeSeries) -> TimeSeries {
        var after = 0
        return filled(series) { time in
            while after < series.points.count, series.points[after].time <= time { after += 1 }
            guard after > 0, after < series.points.count else { return nil }
            let (left, right) = (series.points[after - 1], series.points[after])
            let part = Double(time - left.time) / Double(right.time - left.time)
            return left.value + (right.value - left.value) * part
        }
    }

    /// `IF(condition, then, else)`; without the last there is no value where the condition does not hold.
    private func choose(_ arguments: [MathExpression]) throws(MathError) -> MathValue {
        guard (2...3).contains(arguments.count) else { throw MathError(message: "IF takes two or three arguments") }
        let condition = try value(of: arguments[0])
        let then = try value(of: arguments[1])
        let otherwise = arguments.count == 3 ? try value(of: arguments[2]) : nil
        if case .scalar(let number) = condition, arguments.count == 3, let otherwise {
            return number != 0 ? then : otherwise
        }
        let kept = try MathValue.combined(condition, then) { $0 != 0 ? $1 : nil }
        guard let otherwise else { return kept }
        let other = try MathValue.combined(condition, otherwise) { $0 == 0 ? $1 : nil }
        guard case .series(let one) = kept, case .series(let two) = other else {
            throw MathError(message: "IF takes numbers and time series")
        }
        var merged = one
        merged.points = (one.points + two.points).sorted { $0.time < $1.time }
        return .series(merged)
    }
}
