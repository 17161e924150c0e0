/// Samples of one metric.
package struct MetricSample: Sendable, Hashable {
    package var key: MetricKey
    package var unit: MetricUnit
    /// Milliseconds since 1970.
    package var timestamp: Int64
    package var distribution: Distribution
    /// Whether seconds are wanted apart, rather than minutes.
    package var isHighResolution = false

    package init(_ key: MetricKey, unit: MetricUnit, timestamp: Int64, distribution: Distribution) {
        self.key = key
        self.unit = unit
        self.timestamp = timestamp
        self.distribution = distribution
    }

    /// One sample, or `count` of the same value.
    package init(_ key: MetricKey, unit: MetricUnit, timestamp: Int64, value: Double, count: Double = 1) {
        var distribution = Distribution()
        distribution.record(value, count: count)
        self.init(key, unit: unit, timestamp: timestamp, distribution: distribution)
    }
}

/// What takes samples, from whoever has any. It is told often and from everywhere: it neither waits nor fails, and says
/// itself what it drops when there is too much.
package protocol MetricSink: Sendable {
    /// Samples of the same metric may come in any order, and several times for one minute.
    func record(_ samples: [MetricSample])
}
