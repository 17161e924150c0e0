import AWSWire
import ServiceLifecycle
import Synchronization

/// What knows by itself how much there is of something, and is asked once a minute.
package protocol MetricSource: Sendable {
    /// - Parameter time: Milliseconds since 1970: samples are of that time.
    func samples(at time: Int64) async -> [MetricSample]
}

/// All meters: makes them, and carries what they have to the sinks every few seconds, and once more at the end.
package final class Meters: ServiceLifecycle.Service {
    private struct ID: Hashable {
        var series: [MetricKey]
        var unit: MetricUnit
    }

    private struct State {
        /// By what they feed, to be found again.
        var known: [ID: Meter] = [:]
        /// Those that are drained. One that was forgotten and is used again is here, but may not be known.
        var listed: [ObjectIdentifier: Meter] = [:]
        var gauges: [ObjectIdentifier: any MetricGauge] = [:]
        var levels: [ID: Level] = [:]
        var sinks: [any MetricSink] = []
        var sources: [any MetricSource] = []
        /// The minute in which sources were asked last.
        var asked: Int64?
    }

    /// How often meters are drained.
    package static let period = Duration.seconds(5)
    /// A meter without samples for so many periods (15 minutes, the longest invocation) is forgotten.
    package static let patience = 180

    private let state = Mutex(State())
    private let groupLimit: Int
    private let groups = Mutex<[MetricSubject: MeterGroup]>([:])
    /// Milliseconds since 1970.
    private let clock: @Sendable () -> Int64
    private let sleep: @Sendable (Duration) async throws -> Void

    /// - Parameters:
    ///   - groupLimit: How many groups are kept for who asks next; when there would be more, all are forgotten.
    ///   - sleep: Waits between two drains; tests have their own.
    package init(
        groupLimit: Int = 4_096,
        clock: @escaping @Sendable () -> Int64 = WallClock.milliseconds,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.groupLimit = groupLimit
        self.clock = clock
        self.sleep = sleep
    }

    package func add(_ sink: any MetricSink) { state.withLock { $0.sinks.append(sink) } }

    package func add(_ source: any MetricSource) { state.withLock { $0.sources.append(source) } }

    /// The meter of these series: the same for whoever asks, as long as it is used.
    package func meter(_ series: [MetricKey], unit: MetricUnit) -> Meter {
        let id = ID(series: series, unit: unit)
        return state.withLock { state in
            if let meter = state.known[id] { return meter }
            let meter = Meter(series, unit: unit, meters: self)
            state.known[id] = meter
            state.listed[ObjectIdentifier(meter)] = meter
            return meter
        }
    }

    /// The level of these series, likewise.
    package func level(_ series: [MetricKey], shares: [MetricKey] = []) -> Level {
        let id = ID(series: series, unit: .count)
        return state.withLock { state in
            if let level = state.levels[id] { return level }
            let level = Level(series, shares: shares, meters: self)
            state.levels[id] = level
            state.gauges[ObjectIdentifier(level)] = level
            return level
        }
    }

    /// The meters of a subject, for those who are told of one after the other and keep none. With a group that is
    /// forgotten no sample is: its meters are drained all the same.
    ///
    /// - Parameter series: What a meter of that name feeds, for one subject always the same; nil: the subject's own.
    package func group(
        of subject: MetricSubject, series: (@Sendable (_ name: String) -> [MetricKey])? = nil
    ) -> MeterGroup {
        groups.withLock { groups in
            if let group = groups[subject] { return group }
            if groups.count >= groupLimit { groups.removeAll() }
            let group = series.map { MeterGroup(self, series: $0) } ?? MeterGroup(self, of: subject)
            groups[subject] = group
            return group
        }
    }

    /// Groups that are kept.
    package var groupCount: Int { groups.withLock(\.count) }

    /// A gauge is to be read from now on: one that is new, or was forgotten and is used again.
    package func list(_ gauge: any MetricGauge) {
        state.withLock { state in
            state.gauges[ObjectIdentifier(gauge)] = gauge
            guard let level = gauge as? Level else { return }
            let id = ID(series: level.series, unit: .count)
            if state.levels[id] == nil { state.levels[id] = level }
        }
    }

    /// Meters that are drained.
    package var count: Int { state.withLock { $0.listed.count } }

    /// A meter that was forgotten has samples again.
    func list(_ meter: Meter) { state.withLock { $0.listed[ObjectIdentifier(meter)] = meter } }

    /// Hands on what meters have, in one go.
    package func drain() {
        let (meters, gauges, sinks) = state.withLock {
            (Array($0.listed.values), Array($0.gauges.values), $0.sinks)
        }
        var samples: [SampleID: MetricSample] = [:]
        for meter in meters {
            let (parts, isIdle) = meter.drain(patience: Self.patience)
            if isIdle { forget(meter) }
            for (minute, distribution) in parts {
                for key in meter.series {
                    samples[
                        SampleID(key: key, unit: meter.unit, minute: minute),
                        default: MetricSample(
                            key, unit: meter.unit, timestamp: minute * 60_000, distribution: Distribution())
                    ]
                    .distribution.merge(distribution)
                }
            }
        }
        var all = Array(samples.values)
        let now = clock()
        for gauge in gauges {
            let (samples, isIdle) = gauge.read(at: now)
            all += samples
            if isIdle { forget(gauge) }
        }
        if all.isEmpty { return }
        for sink in sinks { sink.record(all) }
    }

    /// Forgets what has not been handed on.
    package func discard() {
        let (meters, gauges) = state.withLock { (Array($0.listed.values), Array($0.gauges.values)) }
        for meter in meters where meter.drain(patience: Self.patience).isIdle { forget(meter) }
        for gauge in gauges where gauge.read(at: clock()).isIdle { forget(gauge) }
    }

    private struct SampleID: Hashable {
        var key: MetricKey
        var unit: MetricUnit
        var minute: Int64
    }

    private func forget(_ meter: Meter) {
        state.withLock { state in
            // It may have been used meanwhile.
            guard !meter.isListed else { return }
            state.listed[ObjectIdentifier(meter)] = nil
            let id = ID(series: meter.series, unit: meter.unit)
            if state.known[id] === meter { state.known[id] = nil }
        }
    }

    private func forget(_ gauge: any MetricGauge) {
        state.withLock { state in
            guard !gauge.isListed else { return }
            state.gauges[ObjectIdentifier(gauge)] = nil
            guard let level = gauge as? Level else { return }
            let id = ID(series: level.series, unit: .count)
            if state.levels[id] === level { state.levels[id] = nil }
        }
    }

    /// Asks the sources, where that has not been done in this minute.
    package func ask() async {
        let now = clock()
        let (sources, sinks) = state.withLock { state -> ([any MetricSource], [any MetricSink]) in
            guard state.asked != now / 60_000 else { return ([], []) }
            state.asked = now / 60_000
            return (state.sources, state.sinks)
        }
        for source in sources {
            let samples = await source.samples(at: now)
            if samples.isEmpty { continue }
            for sink in sinks { sink.record(samples) }
        }
    }

    /// Drains until graceful shutdown or cancellation, and then once more.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.ask()
                self.drain()
                try? await self.sleep(Self.period)
            }
        }
        drain()
    }
}
