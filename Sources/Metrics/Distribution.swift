import Glibc

/// Samples of one metric, summed up: how many, their sum and bounds, and which values there were, for percentiles.
///
/// While there are few different values, each is kept with how often it came. Past that they are put into buckets of
/// the logarithm, 1 % wide; when even those become too many, buckets of twice the width take their place. So it stays
/// small whatever comes, and two of them can always be merged.
package struct Distribution: Sendable, Hashable {
    /// Different values, or a bucket's samples.
    struct Bin: Sendable, Hashable {
        /// The value itself; of buckets the ``Scale/ordinal(_:)``.
        var place: Double
        var count: Double
    }

    /// So many different values are kept as they are: what one PutMetricData may bring for a metric.
    package static let exactLimit = 150
    /// So many buckets are kept before their width is doubled.
    package static let bucketLimit = 1024

    package private(set) var sampleCount = 0.0
    package private(set) var sum = 0.0
    /// Infinite while there are no samples.
    package private(set) var minimum = Double.infinity
    /// Negative infinity while there are no samples.
    package private(set) var maximum = -Double.infinity
    /// In the order of their places.
    private(set) var bins: [Bin] = []
    /// Nil while bins are values.
    private(set) var scale: Scale?
    /// Samples of which no more than their bounds and their sum are known.
    private(set) var unknown = 0.0

    package init() {}

    /// Samples that somebody else summed up: their values are unknown, but where there can be only one.
    package init(sampleCount: Double, sum: Double, minimum: Double, maximum: Double) {
        guard sampleCount > 0 else { return }
        if minimum == maximum {
            bins = [Bin(place: minimum, count: sampleCount)]
        } else {
            unknown = sampleCount
        }
        self.sampleCount = sampleCount
        self.sum = sum
        self.minimum = minimum
        self.maximum = maximum
    }

    /// Nil where the parts do not belong together.
    init?(
        sampleCount: Double, sum: Double, minimum: Double, maximum: Double, unknown: Double, scale: Scale?, bins: [Bin]
    ) {
        let limit = scale == nil ? Self.exactLimit : Self.bucketLimit
        guard bins.count <= limit, zip(bins, bins.dropFirst()).allSatisfy({ $0.place < $1.place }),
            bins.allSatisfy({ $0.count > 0 && scale.isPlace($0.place) }), sampleCount >= 0, unknown >= 0, !sum.isNaN,
            sampleCount == 0 ? bins.isEmpty : minimum <= maximum
        else { return nil }
        self.sampleCount = sampleCount
        self.sum = sum
        self.minimum = minimum
        self.maximum = maximum
        self.unknown = unknown
        self.scale = scale
        self.bins = bins
    }

    package var isEmpty: Bool { sampleCount == 0 }

    /// Nil without samples.
    package var average: Double? { isEmpty ? nil : sum / sampleCount }

    /// Whether the values are known, so that there are percentiles: not of statistics that somebody else made.
    package var hasValues: Bool { !isEmpty && unknown == 0 }

    /// How many bins there are: what it takes in memory.
    package var binCount: Int { bins.count }

    // MARK: Adding

    /// Values that are no numbers are none.
    package mutating func record(_ value: Double, count: Double = 1) {
        guard value.isFinite, count > 0, count.isFinite else { return }
        sampleCount += count
        sum += value * count
        minimum = min(minimum, value)
        maximum = max(maximum, value)
        insert(scale?.ordinal(value) ?? value, count)
    }

    package mutating func merge(_ other: Distribution) {
        guard !other.isEmpty else { return }
        if isEmpty {
            self = other
            return
        }
        sampleCount += other.sampleCount
        sum += other.sum
        minimum = min(minimum, other.minimum)
        maximum = max(maximum, other.maximum)
        unknown += other.unknown
        var other = other
        if let wanted = [scale, other.scale].compactMap(\.self).max() {
            coarsen(to: wanted)
            other.coarsen(to: wanted)
        }
        bins = Self.merged(bins, other.bins)
        limitBins()
    }

    /// As new, but for the memory that it has.
    mutating func reset() {
        var kept = bins
        kept.removeAll(keepingCapacity: true)
        bins = []
        self = Distribution()
        bins = kept
    }

    /// The same in memory of its own, so that ``reset()`` keeps that of the other.
    func copy() -> Distribution {
        var copy = self
        copy.bins = bins.map(\.self)
        return copy
    }

    private mutating func insert(_ place: Double, _ count: Double) {
        var low = 0
        var high = bins.count
        while low < high {
            let middle = (low + high) / 2
            if bins[middle].place < place { low = middle + 1 } else { high = middle }
        }
        if low < bins.count, bins[low].place == place {
            bins[low].count += count
        } else {
            bins.insert(Bin(place: place, count: count), at: low)
            limitBins()
        }
    }

    private mutating func limitBins() {
        while bins.count > (scale == nil ? Self.exactLimit : Self.bucketLimit) {
            coarsen(to: scale?.coarser ?? Scale(0))
        }
    }

    private mutating func coarsen(to wanted: Scale) {
        if scale == nil {
            scale = Scale(0)
            replacePlaces { Scale(0).ordinal($0) }
        }
        while let scale, scale < wanted {
            self.scale = scale.coarser
            replacePlaces(Scale.coarser)
        }
    }

    /// - Parameter new: Keeps the order.
    private mutating func replacePlaces(_ new: (Double) -> Double) {
        var end = 0
        for index in bins.indices {
            let bin = Bin(place: new(bins[index].place), count: bins[index].count)
            if end > 0, bins[end - 1].place == bin.place {
                bins[end - 1].count += bin.count
            } else {
                bins[end] = bin
                end += 1
            }
        }
        bins.removeSubrange(end...)
    }

    private static func merged(_ one: [Bin], _ other: [Bin]) -> [Bin] {
        var merged: [Bin] = []
        merged.reserveCapacity(one.count + other.count)
        var left = one[...]
        var right = other[...]
        while let a = left.first, let b = right.first {
            if a.place == b.place {
                merged.append(Bin(place: a.place, count: a.count + b.count))
                left = left.dropFirst()
                right = right.dropFirst()
            } else if a.place < b.place {
                merged.append(a)
                left = left.dropFirst()
            } else {
                merged.append(b)
                right = right.dropFirst()
            }
        }
        return merged + left + right
    }
}

extension Distribution {
    /// How wide buckets are: each is `1.01^(2^step)` times as far from zero as the one before it.
    struct Scale: Sendable, Hashable, Comparable {
        /// What keeps the ordinals of positive numbers positive: those of the smallest number reach -75,000.
        private static let offset = 80_000.0
        private static let base = log(1.01)
        /// With this one all numbers of a sign are in one bucket or two.
        static let coarsest = 17

        let step: Int

        init(_ step: Int) { self.step = step }

        var coarser: Scale { Scale(step + 1) }

        private var width: Double { Self.base * Double(1 << step) }

        /// Zero has a bucket of its own; the others' are in the order of their values.
        func ordinal(_ value: Double) -> Double {
            if value == 0 { return 0 }
            let ordinal = (log(value.magnitude) / width).rounded(.up) + Self.offset
            return value < 0 ? -ordinal : ordinal
        }

        /// The middle of a bucket.
        func value(_ ordinal: Double) -> Double {
            if ordinal == 0 { return 0 }
            let upper = (ordinal.magnitude - Self.offset) * width
            let value = exp(upper) * 2 / (1 + exp(width))
            return ordinal < 0 ? -value : value
        }

        /// An ordinal with buckets of twice the width.
        static func coarser(_ ordinal: Double) -> Double {
            if ordinal == 0 { return 0 }
            let coarser = ((ordinal.magnitude - offset) / 2).rounded(.up) + offset
            return ordinal < 0 ? -coarser : coarser
        }

        /// Whether it can be an ordinal of a number.
        fileprivate static func isOrdinal(_ place: Double) -> Bool { place.magnitude <= 2 * offset }

        static func < (one: Scale, other: Scale) -> Bool { one.step < other.step }
    }
}

extension Distribution.Scale? {
    /// Whether a bin can have that place.
    fileprivate func isPlace(_ place: Double) -> Bool {
        self == nil ? place.isFinite : Distribution.Scale.isOrdinal(place)
    }
}
