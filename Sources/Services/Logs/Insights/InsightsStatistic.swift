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
    /// The least, the greatest, the first or the last value so far, and when it was.
    private var kept: InsightsValue?
    private var keptTime = 0.0
    private var numbers: [Double] = []
    private var distinct: Set<String> = []

    init(_ statistic: InsightsStatistic) { self.statistic = statistic }

    /// - Parameter room: How many bytes of memory there are for values.
    /// - Returns: Whether there was room for what the row has.
    mutating func add(_ row: InsightsRow, _ room: inout Int) -> Bool {
        guard let argument = statistic.argument else {
            count += 1
            return true
        }
        guard let value = argument.value(row) else { return true }
        switch statistic.kind {
        case .count: count += 1
        case .countDistinct:
            let text = value.text
            if distinct.contains(text) { return true }
            guard distinct.count < Self.valueLimit, room > 0 else { return false }
            distinct.insert(text)
            room -= text.utf8.count + 64
        case .sum, .avg, .stddev:
            guard let number = value.number else { return true }
            let before = count > 0 ? number - sum / count : 0
            count += 1
            sum += number
            squares += before * (number - sum / count)
        case .pct, .median:
            guard let number = value.number else { return true }
            guard numbers.count < Self.valueLimit, room > 0 else { return false }
            numbers.append(number)
            room -= 16
        case .min, .max, .sortsFirst, .sortsLast:
            let isOfNumbers = statistic.kind == .min || statistic.kind == .max
            if isOfNumbers, value.number == nil { return true }
            let isLeast = statistic.kind == .min || statistic.kind == .sortsFirst
            if let kept, !(isLeast ? InsightsValue.isOrdered(value, kept) : InsightsValue.isOrdered(kept, value)) {
                return true
            }
            return keep(value, &room)
        case .earliest, .latest:
            let time = row["@timestamp"]?.number ?? 0
            if kept != nil, statistic.kind == .earliest ? time >= keptTime : time < keptTime { return true }
            guard keep(value, &room) else { return false }
            keptTime = time
        }
        return true
    }

    private mutating func keep(_ value: InsightsValue, _ room: inout Int) -> Bool {
        let growth = value.size - (kept?.size ?? 0)
        guard growth <= 0 || room > 0 else { return false }
        room -= growth
        kept = value
        return true
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
        case .min, .max, .sortsFirst, .sortsLast, .earliest, .latest: return kept
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
