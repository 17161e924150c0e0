import AWSWire
import Glibc
import Metrics
import NIOCore

/// The embedded metric format: metrics that an event says are in it.
///
/// A directive that is not as the specification has it gives nothing; others of the event still do.
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
enum EmbeddedMetrics {
    /// Of one directive.
    private static let metricLimit = 100
    /// Of one set.
    private static let dimensionLimit = 30
    /// Of one metric in one event.
    private static let valueLimit = 100
    /// Of one event: sets times metrics may come to very many.
    private static let sampleLimit = 10_000
    private static let depthLimit = 100
    /// CloudWatch takes samples from two weeks back to two hours ahead.
    private static let past: Int64 = 14 * 86_400_000
    private static let future: Int64 = 2 * 3_600_000

    /// Whether an event is worth reading: it is an object, and has the metadata's name somewhere. Ordinary lines fail
    /// at their first byte.
    static func mayBe(in message: ArraySlice<UInt8>) -> Bool {
        guard let first = message.first(where: { !PatternScanner.isSpace($0) }), first == UInt8(ascii: "{") else {
            return false
        }
        return message.withUnsafeBytes(holdsName)
    }

    /// Goes from one underscore to the next.
    private static func holdsName(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let name: StaticString = "\"_aws\""
        let length = name.utf8CodeUnitCount
        guard let start = bytes.baseAddress, bytes.count >= length else { return false }
        var at = 1
        while let found = memchr(start + at, CInt(UInt8(ascii: "_")), bytes.count - at) {
            let place = UnsafeRawPointer(found) - start
            guard place - 1 + length <= bytes.count else { return false }
            if memcmp(start + place - 1, name.utf8Start, length) == 0 { return true }
            at = place + 1
        }
        return false
    }

    /// - Parameter now: Milliseconds since 1970.
    static func samples(in message: ArraySlice<UInt8>, of group: GroupKey, now: Int64) -> [MetricSample] {
        guard mayBe(in: message),
            let root = try? JSONValue(parsing: ByteBuffer(bytes: message), depthLimit: depthLimit),
            let metadata = root["_aws"], let directives = metadata["CloudWatchMetrics"], directives.kind == .array,
            let time = metadata["Timestamp"]?.int.map(Int64.init), (now - past...now + future).contains(time)
        else { return [] }
        var samples: [MetricSample] = []
        for value in directives.elements {
            guard let directive = Directive(value, root), samples.count + directive.count <= sampleLimit else {
                continue
            }
            samples += directive.samples(of: group, at: time)
        }
        return samples
    }

    private struct Metric {
        var name: String
        var unit: MetricUnit
        var values: [Double]
        var isHighResolution = false

        /// Nil unless it is as it has to be, and the root has its values.
        init?(_ definition: JSONValue, _ root: JSONValue) {
            guard let name = definition["Name"]?.string, (1...1024).contains(name.utf8.count), let target = root[name]
            else { return nil }
            self.name = name
            unit = .none
            if let wanted = definition["Unit"] {
                guard let known = wanted.string.flatMap(MetricUnit.init(rawValue:)) else { return nil }
                unit = known
            }
            if let resolution = definition["StorageResolution"] {
                guard let seconds = resolution.int, seconds == 1 || seconds == 60 else { return nil }
                isHighResolution = seconds == 1
            }
            let elements = target.kind == .array ? target.elements : [target]
            values = elements.compactMap(\.double)
            guard values.count == elements.count, values.count <= EmbeddedMetrics.valueLimit else { return nil }
        }
    }

    private struct Directive {
        private var namespace: String
        private var sets: [[MetricDimension]] = []
        private var metrics: [Metric] = []

        var count: Int { sets.count * metrics.count }

        init?(_ directive: JSONValue, _ root: JSONValue) {
            guard let namespace = directive["Namespace"]?.string, (1...1024).contains(namespace.utf8.count),
                !namespace.hasPrefix("AWS/"),
                let sets = directive["Dimensions"], sets.kind == .array,
                let metrics = directive["Metrics"], metrics.kind == .array
            else { return nil }
            self.namespace = namespace
            for set in sets.elements {
                guard let dimensions = Self.dimensions(set, root) else { return nil }
                self.sets.append(dimensions)
            }
            let definitions = metrics.elements
            guard definitions.count <= EmbeddedMetrics.metricLimit else { return nil }
            for definition in definitions {
                guard let metric = Metric(definition, root) else { return nil }
                self.metrics.append(metric)
            }
        }

        /// The root's values of a set's names; nil where one is not there, or no text.
        private static func dimensions(_ set: JSONValue, _ root: JSONValue) -> [MetricDimension]? {
            let names = set.elements
            guard set.kind == .array, names.count <= EmbeddedMetrics.dimensionLimit else { return nil }
            var dimensions: [MetricDimension] = []
            for name in names {
                guard let name = name.string, (1...250).contains(name.utf8.count), let value = root[name]?.string,
                    (1...1024).contains(value.utf8.count), !dimensions.contains(where: { $0.name == name })
                else { return nil }
                dimensions.append(MetricDimension(name, value))
            }
            return dimensions
        }

        func samples(of group: GroupKey, at time: Int64) -> [MetricSample] {
            metrics.flatMap { metric in
                var distribution = Distribution()
                for value in metric.values where value.magnitude <= MetricSample.largest { distribution.record(value) }
                guard !distribution.isEmpty else { return [MetricSample]() }
                return sets.map { dimensions in
                    let key = MetricKey(
                        account: group.account, region: group.region, namespace: namespace, name: metric.name,
                        dimensions: dimensions)
                    var sample = MetricSample(
                        key, unit: metric.unit, timestamp: time, distribution: distribution)
                    sample.isHighResolution = metric.isHighResolution
                    return sample
                }
            }
        }
    }
}
