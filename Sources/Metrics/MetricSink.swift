/// Samples of one metric.
package struct MetricSample: Sendable, Hashable {
    package var key: MetricKey
    package var unit: MetricUnit
    /// Milliseconds since 1970.
    package var timestamp: Int64
    package var distribution: Distribution
    /// Whether seconds are wanted apart, rather than minutes.
    package var isHighResolution = false

    /// The furthest that a value may be from zero; sums of such stay numbers.
    package static let largest = 0x1p360

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

/// Which samples of whose: they count once, however often they are given.
package struct SampleReceipt: Sendable, Hashable {
    /// Who gives them: `logs`.
    package var source: String
    package var number: Int64

    package init(source: String, number: Int64) {
        self.source = source
        self.number = number
    }
}

/// A sink that knows beyond the end of the process which samples it has.
package protocol ReceiptSink: MetricSink {
    /// As ``MetricSink/record(_:)``. The commit that has the samples has their receipt, and `kept` is called after it.
    func record(_ samples: [MetricSample], as receipt: SampleReceipt, kept: @escaping @Sendable () -> Void)

    /// The numbers of a source's receipts.
    func receipts(of source: String) async throws -> Set<Int64>

    /// Nobody asks for receipts below that number any more.
    func forgetReceipts(of source: String, below number: Int64) async throws
}
