import Metrics
import Synchronization
import Testing

/// Keeps what it is told.
final class Recorder: MetricSink {
    private let all = Mutex<[MetricSample]>([])

    func record(_ samples: [MetricSample]) { all.withLock { $0 += samples } }

    var samples: [MetricSample] { all.withLock { $0 } }

    func sum(_ key: MetricKey) -> Double {
        samples.filter { $0.key == key }.reduce(0) { $0 + $1.distribution.sum }
    }
}

final class Hands: Sendable {
    let time = Mutex<Int64>(600_000)

    func read() -> Int64 { time.withLock { $0 } }
    func turn(to time: Int64) { self.time.withLock { $0 = time } }
}

@Suite struct MeterTests {
    private let hands = Hands()
    private let recorder = Recorder()
    private let meters: Meters

    init() {
        meters = Meters(clock: hands.read)
        meters.add(recorder)
    }

    private func key(_ name: String, _ function: String? = nil) -> MetricKey {
        MetricKey(
            account: "000000000000", region: "eu-west-1", namespace: "AWS/Lambda", name: name,
            dimensions: function.map { [MetricDimension("FunctionName", $0)] } ?? [])
    }

    @Test func dimensionsHaveNoOrder() {
        let one = MetricDimension("a", "1")
        let other = MetricDimension("b", "0")
        #expect(
            MetricKey(account: "", region: "", namespace: "", name: "", dimensions: [one, other])
                == MetricKey(account: "", region: "", namespace: "", name: "", dimensions: [other, one]))
    }

    @Test func feedsAllItsSeries() {
        let one = meters.meter([key("Invocations"), key("Invocations", "one")], unit: .count)
        let other = meters.meter([key("Invocations"), key("Invocations", "other")], unit: .count)
        one.add(at: 600_000)
        one.add(at: 600_001)
        other.add(at: 600_002)
        meters.drain()
        #expect(recorder.samples.count == 3)
        #expect(recorder.sum(key("Invocations")) == 3)
        #expect(recorder.sum(key("Invocations", "one")) == 2)
        #expect(recorder.sum(key("Invocations", "other")) == 1)
        meters.drain()
        #expect(recorder.samples.count == 3)
    }

    @Test func isCutByMinute() {
        let meter = meters.meter([key("Duration")], unit: .milliseconds)
        meter.record(5, at: 659_999)
        meter.record(7, at: 660_000)
        meter.record(9, at: 600_000)
        meters.drain()
        let found = recorder.samples.sorted { $0.timestamp < $1.timestamp }
        #expect(found.map(\.timestamp) == [600_000, 660_000])
        #expect(found.map(\.distribution.sum) == [14, 7])
        #expect(found.allSatisfy { $0.unit == .milliseconds })
        meter.record(1, at: 720_000)
        meters.drain()
        #expect(recorder.samples.last?.timestamp == 720_000)
        #expect(recorder.samples.last?.distribution.sum == 1)
    }

    @Test func isTheSameForWhoeverAsks() {
        let meter = meters.meter([key("Errors")], unit: .count)
        #expect(meters.meter([key("Errors")], unit: .count) === meter)
        #expect(meters.meter([key("Errors")], unit: .none) !== meter)
        #expect(meters.meter([key("Errors", "f")], unit: .count) !== meter)
    }

    private func group(_ function: String, of meters: Meters) -> MeterGroup {
        meters.group(
            of: MetricSubject(
                account: "000000000000", region: "eu-west-1", namespace: "AWS/Lambda",
                dimensions: [MetricDimension("FunctionName", function)]))
    }

    @Test func groupsAreTheSameForWhoeverAsks() {
        let one = group("one", of: meters)
        #expect(group("one", of: meters) === one)
        #expect(group("other", of: meters) !== one)
        #expect(meters.groupCount == 2)
    }

    /// One that made room counts on, beside the one that its subject has now.
    @Test func groupsMakeRoomAndLoseNothing() {
        let meters = Meters(groupLimit: 4, clock: hands.read)
        meters.add(recorder)
        let first = group("0", of: meters)
        first.record("Errors", .count, 1, at: 600_000)
        for number in 1..<30 {
            group("\(number)", of: meters).record("Errors", .count, 1, at: 600_000)
            #expect(meters.groupCount <= 4)
        }
        #expect(group("0", of: meters) !== first)
        group("0", of: meters).record("Errors", .count, 1, at: 600_000)
        meters.drain()
        first.record("Errors", .count, 1, at: 600_000)
        first.record("Throttles", .count, 1, at: 600_000)
        meters.drain()
        #expect(recorder.sum(key("Errors", "0")) == 3)
        #expect(recorder.sum(key("Throttles", "0")) == 1)
        for number in 1..<30 { #expect(recorder.sum(key("Errors", "\(number)")) == 1, "\(number)") }
    }

    @Test func groupsLoseNothingWhileTheyMakeRoom() async {
        let meters = Meters(groupLimit: 2, clock: hands.read)
        meters.add(recorder)
        await withTaskGroup { tasks in
            for _ in 0..<4 {
                tasks.addTask {
                    for count in 0..<1_000 {
                        group("\(count % 5)", of: meters).record("Errors", .count, 1, at: 600_000)
                    }
                }
            }
            tasks.addTask { for _ in 0..<200 { meters.drain() } }
        }
        meters.drain()
        #expect((0..<5).map { recorder.sum(key("Errors", "\($0)")) } == Array(repeating: 800, count: 5))
        #expect(meters.groupCount <= 2)
    }

    @Test func isForgottenWhenIdleAndComesBackWhenUsed() {
        let meter = meters.meter([key("Errors")], unit: .count)
        meter.add(at: 600_000)
        for _ in 0...Meters.patience { meters.drain() }
        #expect(meters.count == 0)
        meter.add(at: 660_000)
        #expect(meters.count == 1)
        // Somebody else gets another; both feed the series.
        meters.meter([key("Errors")], unit: .count).add(at: 660_000)
        meters.drain()
        #expect(recorder.sum(key("Errors")) == 3)
    }

    @Test func losesNothingWhileDrained() async {
        let meter = meters.meter([key("Invocations")], unit: .count)
        await withTaskGroup { group in
            for _ in 0..<4 {
                group.addTask { for count in 0..<5000 { meter.add(at: Int64(count) * 100) } }
            }
            group.addTask { for _ in 0..<500 { meters.drain() } }
        }
        meters.drain()
        #expect(recorder.sum(key("Invocations")) == 20_000)
    }

    @Test func discardsWhatWasNotHandedOn() {
        let meter = meters.meter([key("Errors")], unit: .count)
        let level = meters.level([key("ConcurrentExecutions")])
        meter.add(at: 600_000)
        level.up()
        level.down()
        meters.discard()
        meters.drain()
        #expect(recorder.samples.isEmpty)
        meter.add(at: 600_000)
        meters.drain()
        #expect(recorder.sum(key("Errors")) == 1)
    }

    @Test func levelsShowTheMostThatThereWere() {
        let level = meters.level([key("ConcurrentExecutions")], shares: [key("Utilization")])
        #expect(meters.level([key("ConcurrentExecutions")]) === level)
        for _ in 0..<3 { level.up(of: 4) }
        level.down()
        level.down()
        meters.drain()
        #expect(recorder.samples.map(\.distribution.maximum) == [3, 0.75])
        #expect(recorder.samples.map(\.timestamp) == [600_000, 600_000])
        // One is still there.
        meters.drain()
        #expect(recorder.samples.map(\.distribution.maximum) == [3, 0.75, 1, 0.25])
        level.down()
        meters.drain()
        meters.drain()
        #expect(recorder.samples.count == 6)
    }

    @Test func levelsAreForgottenAndComeBack() {
        let level = meters.level([key("ConcurrentExecutions")])
        level.up()
        level.down()
        for _ in 0...Meters.patience { meters.drain() }
        #expect(recorder.samples.count == 1)
        #expect(meters.level([key("ConcurrentExecutions")]) !== level)
        #expect(meters.level([key("Other")]) !== level)
        level.up()
        meters.drain()
        #expect(recorder.samples.last?.key == key("ConcurrentExecutions"))
    }

    /// One that is used again is found by those who ask later: there is one level of a series.
    @Test func levelsThatComeBackAreFound() {
        let level = meters.level([key("ConcurrentExecutions")])
        for _ in 0...Meters.patience { meters.drain() }
        level.up()
        #expect(meters.level([key("ConcurrentExecutions")]) === level)
    }

    @Test func asksItsSourcesOnceAMinute() async {
        struct Level: MetricSource {
            let key: MetricKey
            func samples(at time: Int64) async -> [MetricSample] {
                [MetricSample(key, unit: .count, timestamp: time, value: 4)]
            }
        }
        meters.add(Level(key: key("Level")))
        await meters.ask()
        await meters.ask()
        #expect(recorder.samples.count == 1)
        hands.turn(to: 659_999)
        await meters.ask()
        #expect(recorder.samples.count == 1)
        hands.turn(to: 660_000)
        await meters.ask()
        #expect(recorder.samples.map(\.timestamp) == [600_000, 660_000])
    }

    @Test func drainsUntilItEndsAndOnceMore() async throws {
        let meters = Meters(clock: hands.read) { _ in try await Task.sleep(for: .seconds(3600)) }
        meters.add(recorder)
        let meter = meters.meter([key("Invocations")], unit: .count)
        let running = Task { try await meters.run() }
        meter.add(at: 600_000)
        running.cancel()
        try await running.value
        #expect(recorder.sum(key("Invocations")) == 1)
    }
}
