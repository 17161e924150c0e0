import Metrics

/// A statistic that can be asked for: the five, and the extended ones.
///
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
enum Statistic: Sendable, Hashable {
    /// Where a part of the samples begins or ends.
    enum Bound: Sendable, Hashable {
        case percent(Double)
        case value(Double)
    }

    /// What is made of a part of the samples.
    enum Kind: String, Sendable, Hashable, CaseIterable {
        case trimmedMean = "TM"
        case winsorizedMean = "WM"
        case trimmedCount = "TC"
        case trimmedSum = "TS"
        case percentileRank = "PR"
    }

    case sampleCount
    case average
    case sum
    case minimum
    case maximum
    /// From 0 to 100.
    case percentile(Double)
    case interquartileMean
    /// Nil: no bound on that side.
    case part(Kind, from: Bound?, to: Bound?)

    /// - Parameter name: As requests have it, `p99.9` or `TM(10%:90%)`.
    init?(_ name: String) {
        switch name {
        case "SampleCount": self = .sampleCount
        case "Average": self = .average
        case "Sum": self = .sum
        case "Minimum": self = .minimum
        case "Maximum": self = .maximum
        case "IQM": self = .interquartileMean
        default:
            guard let extended = Self.extended(name) else { return nil }
            self = extended
        }
    }

    /// Whether it is one of those that GetMetricStatistics has under `ExtendedStatistics`.
    var isExtended: Bool {
        switch self {
        case .sampleCount, .average, .sum, .minimum, .maximum: false
        case .percentile, .interquartileMean, .part: true
        }
    }

    private static func extended(_ name: String) -> Statistic? {
        if let first = name.first, first == "p" || first == "P", name.dropFirst().first?.isNumber == true {
            return percent(name.dropFirst()).map { .percentile($0) }
        }
        for (short, kind) in [
            ("tm", Kind.trimmedMean), ("wm", .winsorizedMean), ("tc", .trimmedCount), ("ts", .trimmedSum),
        ] where name.lowercased().hasPrefix(short) && !name.hasSuffix(")") {
            // `tm98` leaves out what is above the 98th percentile.
            return percent(name.dropFirst(2)).map { .part(kind, from: nil, to: .percent($0)) }
        }
        guard name.hasSuffix(")"), let open = name.firstIndex(of: "("),
            let kind = Kind(rawValue: name[..<open].uppercased())
        else { return nil }
        let bounds = name[name.index(after: open)...].dropLast().split(separator: ":", omittingEmptySubsequences: false)
        guard bounds.count == 2 else { return nil }
        let isPercent = bounds.contains { $0.hasSuffix("%") }
        if isPercent, kind == .percentileRank { return nil }
        var read: [Bound?] = []
        for bound in bounds {
            if bound.isEmpty {
                read.append(nil)
            } else if isPercent {
                guard bound.hasSuffix("%"), let percent = percent(bound.dropLast()) else { return nil }
                read.append(.percent(percent))
            } else {
                guard let value = Double(bound), value.isFinite else { return nil }
                read.append(.value(value))
            }
        }
        guard read.contains(where: { $0 != nil }) else { return nil }
        return .part(kind, from: read[0], to: read[1])
    }

    /// Up to ten places after the point, as AWS has it.
    private static func percent(_ text: Substring) -> Double? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isDigit) }),
            parts.count == 1 || parts[1].utf8.count <= 10, let percent = Double(text), percent <= 100
        else { return nil }
        return percent
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    /// What it is of samples; nil where the samples do not say, as statistic sets do not of percentiles.
    func value(of samples: Distribution) -> Double? {
        guard !samples.isEmpty else { return nil }
        switch self {
        case .sampleCount: return samples.sampleCount
        case .average: return samples.average
        case .sum: return samples.sum
        case .minimum: return samples.minimum
        case .maximum: return samples.maximum
        case .percentile(let percent): return samples.percentile(percent)
        case .interquartileMean: return Self.mean(of: samples, from: .percent(25), to: .percent(75))
        case .part(.trimmedMean, let from, let to): return Self.mean(of: samples, from: from, to: to)
        case .part(.winsorizedMean, let from, let to):
            return samples.sum(clampedTo: Self.value(from, samples), Self.value(to, samples))
                .map { $0 / samples.sampleCount }
        case .part(.trimmedCount, let from, let to): return Self.part(of: samples, from, to)?.count
        case .part(.trimmedSum, let from, let to): return Self.part(of: samples, from, to)?.sum
        case .part(.percentileRank, let from, let to):
            return Self.part(of: samples, from, to).map { $0.count / samples.sampleCount * 100 }
        }
    }

    private static func mean(of samples: Distribution, from: Bound?, to: Bound?) -> Double? {
        guard let part = part(of: samples, from, to) else { return nil }
        return part.count > 0 ? part.sum / part.count : nil
    }

    /// Above the lower bound, and not above the upper one.
    private static func part(of samples: Distribution, _ from: Bound?, _ to: Bound?) -> (count: Double, sum: Double)? {
        let (lower, upper) = (value(from, samples), value(to, samples))
        guard let part = samples.part(above: lower, through: upper) else { return nil }
        // Where all samples are the same value, no percentile is below any.
        if part.count == 0, case .percent = from ?? to, samples.minimum == samples.maximum {
            return (samples.sampleCount, samples.sum)
        }
        return part
    }

    /// The value of a bound; of none, or of the lowest percentile, nil.
    private static func value(_ bound: Bound?, _ samples: Distribution) -> Double? {
        switch bound {
        case nil, .percent(0): nil
        case .percent(let percent): samples.percentile(percent)
        case .value(let value): value
        }
    }
}
