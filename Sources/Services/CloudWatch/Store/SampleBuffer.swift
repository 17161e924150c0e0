import Logging
package import Metrics
import Storage
import Synchronization

/// Takes the samples of services, brings those of one minute together and writes them behind: what has not been written
/// when the process is killed is lost, unless whoever gave it finds that there is no receipt and gives it again.
package final class SampleBuffer: ReceiptSink {
    /// So many points wait at most; samples of others are dropped then.
    static let capacity = 20_000

    private struct State {
        var waiting: [PointDraft.Place: Distribution] = [:]
        /// Of samples among those, and who is told once they are written.
        var receipts: [SampleReceipt: @Sendable () -> Void] = [:]
        var dropped = 0
    }

    private let database: any Database
    private let capacity: Int
    private let clock: @Sendable () -> Int64
    private let logger: Logger
    private let state = Mutex(State())
    private let wakeups: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    /// - Parameter clock: Milliseconds since 1970.
    init(
        database: any Database, capacity: Int = SampleBuffer.capacity, clock: @escaping @Sendable () -> Int64,
        logger: Logger
    ) {
        self.database = database
        self.capacity = capacity
        self.clock = clock
        self.logger = logger
        (wakeups, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    package func record(_ samples: [MetricSample]) {
        state.withLock { add(samples, to: &$0) }
        signal.yield()
    }

    package func record(_ samples: [MetricSample], as receipt: SampleReceipt, kept: @escaping @Sendable () -> Void) {
        state.withLock { state in
            add(samples, to: &state)
            state.receipts[receipt] = kept
        }
        signal.yield()
    }

    private func add(_ samples: [MetricSample], to state: inout State) {
        let now = clock() / 1_000
        for sample in samples where !sample.distribution.isEmpty {
            let time = sample.timestamp / 1_000
            let resolution = (sample.isHighResolution ? Resolution.second : .minute).kept(age: now - time)
            let place = PointDraft.Place(
                key: sample.key, resolution: resolution, time: time - time % resolution.rawValue, unit: sample.unit)
            if state.waiting[place] == nil, state.waiting.count >= capacity {
                state.dropped += 1
            } else {
                state.waiting[place, default: Distribution()].merge(sample.distribution)
            }
        }
    }

    package func receipts(of source: String) async throws -> Set<Int64> {
        try await database.read { try MetricTable($0).receipts(of: source) }
    }

    package func forgetReceipts(of source: String, below number: Int64) async throws {
        try await database.write { try MetricTable($0).forgetReceipts(of: source, below: number) }
    }

    /// Writes what waits. What the store does not take waits on, within the capacity.
    func flush() async {
        let (waiting, receipts, dropped) = state.withLock { state in
            defer { state = State() }
            return (state.waiting, state.receipts, state.dropped)
        }
        if dropped > 0 { logger.warning("Metric samples were dropped", metadata: ["count": "\(dropped)"]) }
        guard !waiting.isEmpty || !receipts.isEmpty else { return }
        let drafts = waiting.map { PointDraft(place: $0.key, distribution: $0.value) }
        do {
            try await database.write { connection in
                let table = MetricTable(connection)
                try table.add(drafts)
                for receipt in receipts.keys { try table.note(receipt) }
            }
            for kept in receipts.values { kept() }
        } catch {
            logger.error("Metric samples could not be written", metadata: ["error": "\(error)"])
            state.withLock { state in
                for draft in drafts where state.waiting[draft.place] != nil || state.waiting.count < capacity {
                    state.waiting[draft.place, default: Distribution()].merge(draft.distribution)
                }
                state.receipts.merge(receipts) { there, _ in there }
            }
        }
    }

    /// Forgets what waits. Whoever gave it need not give it again.
    func discard() {
        let receipts = state.withLock { state in
            defer { state = State() }
            return state.receipts
        }
        for kept in receipts.values { kept() }
    }

    /// Writes what comes, until the task is cancelled.
    func run() async {
        for await _ in wakeups {
            await flush()
            if Task.isCancelled { return }
        }
    }
}
