import Metrics

/// What a group's events give, brought together: samples of one series and minute are one, and there are not more than
/// so many. Functions choose the names and the values of dimensions, and all share what takes samples.
struct SampleSet {
    private struct Point: Hashable {
        var key: MetricKey
        var unit: MetricUnit
        /// Since 1970, of the length that the sample wants apart.
        var time: Int64
        var isHighResolution: Bool
    }

    /// Of one transaction. On AWS a metric filter has 1,000 values of dimensions in an hour before it is disabled.
    static let limit = 2_000

    private var points: [Point: MetricSample] = [:]
    /// How many samples had no room.
    private(set) var dropped = 0

    var samples: [MetricSample] { Array(points.values) }

    mutating func add(_ sample: MetricSample) {
        let length: Int64 = sample.isHighResolution ? 1_000 : 60_000
        let point = Point(
            key: sample.key, unit: sample.unit, time: sample.timestamp / length,
            isHighResolution: sample.isHighResolution)
        if points[point] == nil, points.count >= Self.limit {
            dropped += 1
        } else {
            points[point, default: sample.withoutValues].distribution.merge(sample.distribution)
        }
    }
}

extension MetricSample {
    fileprivate var withoutValues: MetricSample {
        var sample = self
        sample.distribution = Distribution()
        return sample
    }
}
