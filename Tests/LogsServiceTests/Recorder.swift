import Metrics
import Synchronization

@testable import LogsService

/// Takes samples and keeps them.
final class Recorder: ReceiptSink {
    private let taken = Mutex<[MetricSample]>([])
    private let known: Mutex<Set<Int64>>
    /// Whether it has receipts on disk when it is given samples, or dies before.
    private let keeps: Bool

    init(receipts: Set<Int64> = [], keeps: Bool = true) {
        known = Mutex(receipts)
        self.keeps = keeps
    }

    func record(_ samples: [MetricSample]) { taken.withLock { $0 += samples } }

    func record(_ samples: [MetricSample], as receipt: SampleReceipt, kept: @escaping @Sendable () -> Void) {
        record(samples)
        guard keeps else { return }
        known.withLock { _ = $0.insert(receipt.number) }
        kept()
    }

    func receipts(of _: String) async throws -> Set<Int64> { receipts }

    func forgetReceipts(of _: String, below number: Int64) async throws {
        known.withLock { receipts in receipts = receipts.filter { $0 >= number } }
    }

    var receipts: Set<Int64> { known.withLock { $0 } }

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
    func recording(by recorder: Recorder = Recorder()) -> Recorder {
        service.measure(into: recorder)
        return recorder
    }
}
