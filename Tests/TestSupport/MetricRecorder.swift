package import Metrics
import Synchronization

/// A sink that keeps what it is told, and sums it up.
package final class MetricRecorder: MetricSink {
    private let all = Mutex<[MetricSample]>([])

    package init() {}

    package func record(_ samples: [MetricSample]) { all.withLock { $0 += samples } }

    package var samples: [MetricSample] { all.withLock { $0 } }

    /// The samples of a metric, merged over all times; nil when there are none.
    ///
    /// - Parameter dimensions: All of them.
    package subscript(name: String, dimensions: [String: String]) -> Distribution? {
        let found = samples.filter { sample in
            sample.key.name == name
                && Dictionary(sample.key.dimensions.map { ($0.name, $0.value) }) { first, _ in first } == dimensions
        }
        guard let first = found.first else { return nil }
        return found.dropFirst().reduce(into: first.distribution) { $0.merge($1.distribution) }
    }

    package func sum(_ name: String, _ dimensions: [String: String]) -> Double? { self[name, dimensions]?.sum }
}
