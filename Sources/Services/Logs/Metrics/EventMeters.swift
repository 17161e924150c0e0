import Logging
import Metrics
import Synchronization

/// Makes samples of what is stored: by metric filters, and by what events embed.
///
/// Works after the commit, and only on what the writer kept for it: groups without filters cost it nothing, and events
/// that embed nothing no more than a look at their first byte. ``journal`` makes up for what a crash cuts off.
final class EventMeters: Sendable {
    let journal: MeasureJournal
    private let sink = Mutex<(any ReceiptSink)?>(nil)
    private let isUsed = Atomic(false)
    private let misses = MissedMinutes()
    /// Milliseconds since 1970.
    private let clock: @Sendable () -> Int64
    private let logger: Logger
    /// The last minute in which it did.
    private let complained = Mutex<Int64?>(nil)

    init(journal: MeasureJournal, clock: @escaping @Sendable () -> Int64, logger: Logger) {
        self.journal = journal
        self.clock = clock
        self.logger = logger
    }

    func begin(into sink: any ReceiptSink) {
        self.sink.withLock { $0 = sink }
        isUsed.store(true, ordering: .releasing)
    }

    /// Whether anybody takes samples.
    var isActive: Bool { isUsed.load(ordering: .acquiring) }

    func measure(_ written: WrittenEvents) {
        journal.settle(written.forgotten)
        guard let note = written.note, let sink = sink.withLock({ $0 }) else { return }
        var sets: [GroupKey: SampleSet] = [:]
        for part in written.measured {
            measure(
                part.events, by: part.filters, of: part.stream.group, &sets[part.stream.group, default: SampleSet()])
        }
        let now = clock()
        for (group, events) in written.embedding {
            for event in events {
                for sample in EmbeddedMetrics.samples(in: event.message, of: group, now: now) {
                    sets[group, default: SampleSet()].add(sample)
                }
            }
        }
        for (group, set) in sets where set.dropped > 0 { complain(of: set.dropped, in: group) }
        let samples = sets.values.flatMap(\.samples)
        guard !samples.isEmpty else { return journal.finish(note) }
        sink.record(samples, as: SampleReceipt(source: MeasureJournal.source, number: note)) { [journal] in
            journal.finish(note)
        }
    }

    private func measure(
        _ events: [StoredEvent], by filters: [MetricFilterRecord], of group: GroupKey, _ set: inout SampleSet
    ) {
        for record in filters {
            guard let filter = try? record.compiled(for: group) else { continue }
            var missed: Set<Int64> = []
            var matched: Set<Int64> = []
            for event in events {
                let minute = event.position.time / 60_000
                guard let match = filter.pattern.match(Array(event.message)) else {
                    missed.insert(minute)
                    continue
                }
                matched.insert(minute)
                if let sample = filter.sample(match, at: event.position.time) { set.add(sample) }
            }
            if filter.defaultValue != nil { misses.note(filter, record.id, missed: missed, matched: matched) }
        }
    }

    /// Once a minute: whoever writes much may write such events on purpose.
    private func complain(of dropped: Int, in group: GroupKey) {
        let minute = clock() / 60_000
        let isFirst = complained.withLock { last in
            defer { last = minute }
            return last != minute
        }
        guard isFirst else { return }
        logger.warning(
            "Events of a log group have too many different metrics",
            metadata: ["group": "\(group.arn)", "dropped": "\(dropped)"])
    }

    // MARK: Time

    /// Tells of the minutes that are over, in which nothing matched.
    func settle() {
        let samples = misses.settle(before: clock())
        guard !samples.isEmpty, let sink = sink.withLock({ $0 }) else { return }
        sink.record(samples)
    }

    /// Tells of them soon after their end, and of what an earlier process left, until cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            if let sink = sink.withLock({ $0 }) {
                group.addTask { await self.journal.run(into: sink) { self.measure($0) } }
            }
            group.addTask { await self.settleMinutes() }
        }
    }

    private func settleMinutes() async {
        for await _ in misses.signals {
            while !misses.isEmpty, !Task.isCancelled {
                let rest = 60_000 - clock() % 60_000
                try? await Task.sleep(for: .milliseconds(rest))
                settle()
            }
        }
    }

    func reset() {
        misses.reset()
        journal.reset()
    }
}

/// Minutes in which events came to filters that have a default value, and whether any of them matched.
private final class MissedMinutes: Sendable {
    private struct Minute: Hashable {
        var filter: MetricFilterRecord.ID
        /// Since 1970.
        var number: Int64
    }

    private struct State {
        var minutes: [Minute: (filter: MetricFilter, isMatched: Bool)] = [:]
    }

    /// Beyond so many, minutes without a match are not told of.
    private static let limit = 100_000

    private let state = Mutex(State())
    let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init() { (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    var isEmpty: Bool { state.withLock { $0.minutes.isEmpty } }

    func note(_ filter: MetricFilter, _ id: MetricFilterRecord.ID, missed: Set<Int64>, matched: Set<Int64>) {
        state.withLock { state in
            for number in missed.union(matched) {
                let minute = Minute(filter: id, number: number)
                let isMatched = matched.contains(number) || state.minutes[minute]?.isMatched == true
                guard state.minutes[minute] != nil || state.minutes.count < Self.limit else { continue }
                state.minutes[minute] = (filter, isMatched)
            }
        }
        signal.yield()
    }

    func settle(before time: Int64) -> [MetricSample] {
        state.withLock { state in
            let over = state.minutes.filter { ($0.key.number + 1) * 60_000 <= time }
            for minute in over.keys { state.minutes[minute] = nil }
            return over.compactMap { minute, entry in
                entry.isMatched ? nil : entry.filter.missed(at: minute.number * 60_000)
            }
        }
    }

    func reset() { state.withLock { $0.minutes = [:] } }
}
