/// What an expression comes to.
enum MathValue: Sendable, Hashable {
    case scalar(Double)
    case series(TimeSeries)
    case array([TimeSeries])

    /// Both sides of an operator, value by value. Where only one of two series has a value there is none.
    static func combined(
        _ left: MathValue, _ right: MathValue, _ operation: (Double, Double) -> Double?
    ) throws(MathError) -> MathValue {
        switch (left, right) {
        case (.scalar(let one), .scalar(let other)): return .scalar(operation(one, other) ?? .nan)
        case (.array(let one), .array(let other)):
            guard one.count == other.count else {
                throw MathError(message: "Arrays of different length cannot be combined")
            }
            return .array(zip(one, other).map { $0.combined(with: $1, operation) })
        case (.array(let all), .series(let other)): return .array(all.map { $0.combined(with: other, operation) })
        case (.series(let one), .array(let all)): return .array(all.map { one.combined(with: $0, operation) })
        case (.array(let all), .scalar(let number)):
            return .array(all.map { $0.mapped { operation($0, number) } })
        case (.scalar(let number), .array(let all)):
            return .array(all.map { $0.mapped { operation(number, $0) } })
        case (.series(let one), .series(let other)): return .series(one.combined(with: other, operation))
        case (.series(let one), .scalar(let number)): return .series(one.mapped { operation($0, number) })
        case (.scalar(let number), .series(let one)): return .series(one.mapped { operation(number, $0) })
        }
    }

    /// Each value by itself.
    func mapped(_ operation: (Double) -> Double?) -> MathValue {
        switch self {
        case .scalar(let number): .scalar(operation(number) ?? .nan)
        case .series(let series): .series(series.mapped(operation))
        case .array(let all): .array(all.map { $0.mapped(operation) })
        }
    }

    /// Each series by itself.
    func changed(_ name: String, _ change: (TimeSeries) -> TimeSeries) throws(MathError) -> MathValue {
        switch self {
        case .scalar: throw MathError(message: "\(name) takes time series")
        case .series(let series): .series(change(series))
        case .array(let all): .array(all.map(change))
        }
    }
}

extension TimeSeries {
    /// Values that are no numbers are left out.
    func mapped(_ operation: (Double) -> Double?) -> TimeSeries {
        var mapped = self
        mapped.points = points.compactMap { point in
            guard let value = operation(point.value), value.isFinite else { return nil }
            return Point(time: point.time, value: value)
        }
        return mapped
    }

    func combined(with other: TimeSeries, _ operation: (Double, Double) -> Double?) -> TimeSeries {
        var combined = self
        combined.period = max(period, other.period)
        combined.points = []
        var index = 0
        for point in points {
            while index < other.points.count, other.points[index].time < point.time { index += 1 }
            guard index < other.points.count, other.points[index].time == point.time,
                let value = operation(point.value, other.points[index].value), value.isFinite
            else { continue }
            combined.points.append(Point(time: point.time, value: value))
        }
        return combined
    }

    /// What is made of the values that several series have at each time.
    static func across(_ all: [TimeSeries], _ operation: ([Double]) -> Double) -> TimeSeries {
        var values: [Int64: [Double]] = [:]
        for series in all {
            for point in series.points { values[point.time, default: []].append(point.value) }
        }
        let points = values.map { Point(time: $0.key, value: operation($0.value)) }.filter(\.value.isFinite)
        return TimeSeries(period: all.map(\.period).max() ?? 60, points: points.sorted { $0.time < $1.time })
    }
}

/// What is made of several numbers.
enum Aggregate: String, Sendable {
    case sum = "SUM"
    case average = "AVG"
    case minimum = "MIN"
    case maximum = "MAX"
    case deviation = "STDDEV"

    func callAsFunction(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return self == .sum ? 0 : .nan }
        let sum = values.reduce(0, +)
        let mean = sum / Double(values.count)
        switch self {
        case .sum: return sum
        case .average: return mean
        case .minimum: return values.min() ?? .nan
        case .maximum: return values.max() ?? .nan
        case .deviation:
            let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            return (squares / Double(values.count)).squareRoot()
        }
    }
}
