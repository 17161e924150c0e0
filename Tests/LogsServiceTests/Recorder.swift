import Metrics
import Synchronization

@testable import LogsService

/// Takes samples and keeps them.
final class Recorder: MetricSink {
    private let taken = Mutex<[MetricSample]>([])

    func record(_ samples: [MetricSample]) { taken.withLock { $0 += samples } }

    var samples: [MetricSample] { taken.withLock { $0 } }

    /// What came of a metric: for each sample its dimensions and its sum.
    func sums(_ name: String) -> [String] {
        samples.filter { $0.key.name == name }.map { sample in
            let dimensions = sample.key.dimensions.map { "\($0.name)=\($0.value) " }.joined()
            return "\(dimensions)\(sample.distribution.sum)"
        }
    }
}

extension Rig {
    /// Has samples go to the recorder that is returned.
    func recording() -> Recorder {
        let recorder = Recorder()
        service.measure(into: recorder)
        return recorder
    }
}
