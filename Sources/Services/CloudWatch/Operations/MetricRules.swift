import AWSWire
import CloudWatchModel
import Metrics

/// What a metric, and what is said of it, has to be.
enum MetricRules {
    /// AWS's services have namespaces of their own.
    private static let reserved = "AWS/"
    private static let largest = MetricSample.largest

    /// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Namespace
    static func check(namespace: String) throws(AWSError) {
        let isPlain = namespace.utf8.allSatisfy { byte in
            isAlphanumeric(byte) || ".-_/#: ".utf8.contains(byte)
        }
        guard isPlain, namespace.contains(where: { $0 != " " }), !namespace.hasPrefix(reserved) else {
            throw .invalidValue(namespace, for: "Namespace")
        }
    }

    /// Printable ASCII, not only spaces.
    static func check(name: String, _ path: String) throws(AWSError) {
        guard isPrintable(name) else { throw .invalidValue(name, for: path) }
    }

    static func dimensions(_ dimensions: [CloudWatch.Dimension]?, _ path: String) throws(AWSError) -> [MetricDimension]
    {
        var names: Set<String> = []
        var read: [MetricDimension] = []
        for (index, dimension) in (dimensions ?? []).enumerated() {
            guard isPrintable(dimension.name), !dimension.name.hasPrefix(":") else {
                throw .invalidValue(dimension.name, for: "\(path).member.\(index + 1).Name")
            }
            guard isPrintable(dimension.value) else {
                throw .invalidValue(dimension.value, for: "\(path).member.\(index + 1).Value")
            }
            guard names.insert(dimension.name).inserted else {
                throw .invalidValue("The parameter \(path) has more than one dimension of the name \(dimension.name).")
            }
            read.append(MetricDimension(dimension.name, dimension.value))
        }
        return read
    }

    /// - Parameters:
    ///   - time: Seconds since 1970; nil for now.
    ///   - now: Milliseconds since 1970.
    /// - Returns: Seconds since 1970.
    static func time(_ time: Double?, _ path: String, now: Int64) throws(AWSError) -> Int64 {
        guard let time else { return now / 1_000 }
        guard time >= Double(now) / 1_000 - 14 * 86_400 else {
            throw .invalidValue("The parameter \(path) must specify a time within the past two weeks.")
        }
        guard time <= Double(now) / 1_000 + 2 * 3_600 else {
            throw .invalidValue("The parameter \(path) must specify a time no more than two hours in the future.")
        }
        return Int64(time.rounded(.down))
    }

    static func distribution(
        _ datum: CloudWatch.MetricDatum, _ path: String, _ quotas: CloudWatchQuotas
    ) throws(AWSError) -> Distribution {
        if datum.value != nil, datum.values != nil { throw .exclusive("\(path).Value", "\(path).Values") }
        if datum.value != nil, datum.statisticValues != nil {
            throw .exclusive("\(path).Value", "\(path).StatisticValues")
        }
        if datum.counts != nil, datum.values == nil {
            throw .invalidCombination("The parameter \(path).Counts needs the parameter \(path).Values.")
        }
        var distribution = Distribution()
        if let value = datum.value {
            try check(value, "\(path).Value")
            distribution.record(value)
            return distribution
        }
        // AWS takes values beside a statistic set, too; they say more.
        if let values = datum.values { return try Self.distribution(values, datum.counts, path, quotas) }
        if let set = datum.statisticValues { return try Self.distribution(set, "\(path).StatisticValues") }
        throw .invalidCombination("At least one of the parameters must be specified.")
    }

    private static func distribution(
        _ values: [Double], _ counts: [Double]?, _ path: String, _ quotas: CloudWatchQuotas
    ) throws(AWSError) -> Distribution {
        guard values.count <= quotas.valuesOfMetric else {
            throw .tooMany("\(path).Values", limit: quotas.valuesOfMetric)
        }
        guard !values.isEmpty else { throw .missing("\(path).Values") }
        if let counts, counts.count != values.count {
            throw .invalidValue("The parameters \(path).Values and \(path).Counts must be of the same size.")
        }
        var distribution = Distribution()
        for (index, value) in values.enumerated() {
            try check(value, "\(path).Values.member.\(index + 1)")
            let count = counts?[index] ?? 1
            guard count.isFinite, count > 0, count <= largest else {
                throw .invalidValue(count, for: "\(path).Counts.member.\(index + 1)")
            }
            distribution.record(value, count: count)
        }
        return distribution
    }

    private static func distribution(_ set: CloudWatch.StatisticSet, _ path: String) throws(AWSError) -> Distribution {
        for (name, value) in [("Sum", set.sum), ("Minimum", set.minimum), ("Maximum", set.maximum)] {
            try check(value, "\(path).\(name)")
        }
        guard set.sampleCount.isFinite, set.sampleCount > 0, set.sampleCount <= largest else {
            throw .invalidValue(set.sampleCount, for: "\(path).SampleCount")
        }
        guard set.minimum <= set.maximum else {
            throw .invalidValue(
                "The parameter \(path).Maximum must be greater than or equal to the parameter \(path).Minimum.")
        }
        return Distribution(
            sampleCount: set.sampleCount, sum: set.sum, minimum: set.minimum, maximum: set.maximum)
    }

    private static func check(_ value: Double, _ path: String) throws(AWSError) {
        guard value.isFinite, value.magnitude <= largest else { throw .invalidValue(value.shown, for: path) }
    }

    private static func isPrintable(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x20...0x7E).contains($0) } && text.contains { $0 != " " }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}

extension Double {
    /// As AWS's messages have numbers.
    var shown: String {
        if isNaN { return "NaN" }
        if isInfinite { return self < 0 ? "-Infinity" : "Infinity" }
        return description
    }
}

/// What there may be of what.
package struct CloudWatchQuotas: Sendable {
    package var metricsInRequest = 1_000
    package var valuesOfMetric = 150
    /// Of one GetMetricStatistics.
    package var datapoints = 1_440
    package var queriesInRequest = 500
    /// Of one answer of GetMetricData.
    package var datapointsInAnswer = 100_800
    package var metricsInAnswer = 500
    /// Of an account in a region.
    package var alarms = 10_000
    package var alarmHistoryDays = 30

    package init() {}
}
