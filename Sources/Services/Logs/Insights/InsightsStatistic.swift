/// What `stats` computes over many rows.
struct InsightsStatistic: Sendable {
    enum Kind: String, Sendable {
        case count
        case countDistinct = "count_distinct"
        case sum, avg, min, max, stddev, pct, median
        case earliest, latest
        case sortsFirst = "sortsfirst"
        case sortsLast = "sortslast"
    }

    var kind: Kind
    /// Nil: the rows themselves (`count(*)`).
    var argument: InsightsExpression?
    /// From 0 to 100, of `pct`.
    var percentile: Double = 50
    /// As the result names it.
    var name: String
}

/// A statistic on its way over the rows.
struct InsightsAccumulator: Sendable {
    /// How many values percentiles and distinct counts are made of at most, while there is room for them; those of more
    /// rows are of the first.
    private static let valueLimit = 100_000

    private let statistic: InsightsStatistic
    private var count = 0.0
    private var sum = 0.0
    /// Of the squares of the differences from the mean so far.
    private var squares = 0.0
    private var least: InsightsValue?
    private var greatest: InsightsValue?
    private var first: (time: Double, value: InsightsValue)?
    private var last: (time: Double, value: InsightsValue)?
    private var numbers: [Double] = []
    private var distinct: Set<String> = []

    init(_ statistic: InsightsStatistic) { self.statistic = statistic }

    /// - Parameter room: How many bytes of memory there are for values.
    mutating func add(_ row: InsightsRow, _ room: inout Int) {
        guard let argument = statistic.argument else {
            count += 1
            return
        }
        guard let value = argument.value(row) else { return }
        switch statistic.kind {
        case .count: count += 1
        case .countDistinct:
            guard distinct.count < Self.valueLimit, room > 0, distinct.insert(value.text).inserted else { return }
            room -= value.text.utf8.count + 64
        case .sum, .avg, .stddev:
            guard let number = value.number else { return }
            let before = count > 0 ? number - sum / count : 0
            count += 1
            sum += number
            squares += before * (number - sum / count)
        case .pct, .median:
            guard let number = value.number, numbers.count < Self.valueLimit, room > 0 else { return }
            numbers.append(number)
            room -= 16
        case .min, .max: if value.number != nil { widen(value) }
        case .sortsFirst, .sortsLast: widen(value)
        case .earliest, .latest:
            let time = row["@timestamp"]?.number ?? 0
            if first.map({ time < $0.time }) ?? true { first = (time, value) }
            if last.map({ time >= $0.time }) ?? true { last = (time, value) }
        }
    }

    private mutating func widen(_ value: InsightsValue) {
        if least.map({ InsightsValue.isOrdered(value, $0) }) ?? true { least = value }
        if greatest.map({ InsightsValue.isOrdered($0, value) }) ?? true { greatest = value }
    }

    /// Nil where there was nothing to compute it of.
    var value: InsightsValue? {
        switch statistic.kind {
        case .count: return .number(count)
        case .countDistinct: return .number(Double(distinct.count))
        case .sum: return .number(sum)
        case .avg: return count > 0 ? .number(sum / count) : nil
        case .stddev:
            return count > 0 ? .number(max(0, squares / count).squareRoot()) : nil
        case .pct, .median: return percentile.map { .number($0) }
        case .min, .sortsFirst: return least
        case .max, .sortsLast: return greatest
        case .earliest: return first?.value
        case .latest: return last?.value
        }
    }

    /// Between the two values that are nearest.
    private var percentile: Double? {
        guard !numbers.isEmpty else { return nil }
        let sorted = numbers.sorted()
        let place = statistic.percentile / 100 * Double(sorted.count - 1)
        let below = Int(place.rounded(.down))
        let above = min(below + 1, sorted.count - 1)
        return sorted[below] + (sorted[above] - sorted[below]) * (place - Double(below))
    }
}
