extension Distribution {
    /// Values and how often they came, in ascending order; of buckets their middles.
    package var values: [(value: Double, count: Double)] {
        bins.map { (min(max(scale?.value($0.place) ?? $0.place, minimum), maximum), $0.count) }
    }

    /// The smallest value that at least so many percent of the samples do not exceed.
    ///
    /// - Parameter percent: From 0 to 100.
    /// - Returns: nil where the values are unknown.
    package func percentile(_ percent: Double) -> Double? {
        guard hasValues else { return nil }
        if percent <= 0 { return minimum }
        if percent >= 100 { return maximum }
        let rank = sampleCount * percent / 100
        var passed = 0.0
        for (value, count) in values {
            passed += count
            // What rounding takes off a rank may not lead to the next value.
            if passed >= rank - sampleCount * 1e-12 { return value }
        }
        return maximum
    }

    /// How many samples are above the one bound and not above the other, and their sum: what trimmed means, counts and
    /// sums, and percentile ranks, are made of. Without a bound there is none on that side.
    ///
    /// - Returns: nil where the values are unknown.
    package func part(above lower: Double?, through upper: Double?) -> (count: Double, sum: Double)? {
        guard hasValues else { return nil }
        if (lower ?? -.infinity) < minimum, (upper ?? .infinity) >= maximum { return (sampleCount, sum) }
        var part = (count: 0.0, sum: 0.0)
        for (value, count) in values where value > lower ?? -.infinity && value <= upper ?? .infinity {
            part.count += count
            part.sum += value * count
        }
        return part
    }

    /// The sum that there would be if no sample were beyond the bounds: what winsorized means are made of.
    ///
    /// - Returns: nil where the values are unknown.
    package func sum(clampedTo lower: Double?, _ upper: Double?) -> Double? {
        guard hasValues else { return nil }
        if (lower ?? -.infinity) <= minimum, (upper ?? .infinity) >= maximum { return sum }
        return values.reduce(0) { sum, bin in
            sum + min(max(bin.value, lower ?? -.infinity), upper ?? .infinity) * bin.count
        }
    }
}
