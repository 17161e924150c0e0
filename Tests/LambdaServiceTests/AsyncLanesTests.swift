import NIOCore
import TestSupport
import Testing

@testable import LambdaService

@Suite struct AsyncLanesTests {
    private static func key(_ name: String) -> FunctionKey {
        FunctionKey(account: "111111111111", region: "us-east-1", name: name)
    }

    private static func event(_ name: String, _ position: Int64, bytes: Int = 2, creation: Int64 = 1) -> AsyncEvent {
        AsyncEvent(
            id: AsyncEvent.ID(position: position, request: "r\(position)"), target: FunctionTarget(key(name)),
            creation: creation, payload: ByteBuffer(repeating: 0x30, count: bytes), traceID: "", isSampled: false,
            accepted: position,
            due: position, lease: 0)
    }

    /// A lane with so many events at hand, and more in the store.
    private static func filled(_ lanes: inout AsyncLanes, _ name: String, _ positions: Range<Int64>, now: Int64 = 0) {
        lanes.arrived(key(name), due: 0, now: now)
        for fetch in lanes.next(now: now).fetches {
            lanes.fetched(fetch, positions.map { event(name, $0) }, next: nil, now: now)
        }
    }

    @Test func whatIsFreshGoesAheadWhileNothingWaits() {
        var lanes = AsyncLanes(limits: AsyncLanes.Limits(running: 3, narrow: 2))
        #expect(lanes.admit(Self.event("a", 1)) == true)
        #expect(lanes.admit(Self.event("a", 2)) == true)
        #expect(lanes.admit(Self.event("a", 3)) == false)
        #expect(lanes.admit(Self.event("b", 4)) == true)
        #expect(lanes.admit(Self.event("c", 5)) == false)
        lanes.ended(Self.event("a", 1), wasRun: true)
        // One of its function waits by now.
        lanes.arrived(Self.key("a"), due: 0, now: 0)
        #expect(lanes.admit(Self.event("a", 6)) == false)
        #expect(lanes.admit(Self.event("c", 7)) == true)
    }

    @Test func functionsTakeTurns() {
        var lanes = AsyncLanes(limits: AsyncLanes.Limits(running: 6, narrow: 10))
        for name in ["a", "b", "c"] { lanes.arrived(Self.key(name), due: 0, now: 0) }
        for (index, fetch) in lanes.next(now: 0).fetches.enumerated() {
            let first = Int64(index) * 10
            lanes.fetched(
                fetch, (first..<first + 10).map { Self.event(fetch.function.name, $0) }, next: 0, now: 0)
        }
        let starts = lanes.next(now: 0).starts
        #expect(starts.map(\.function.name) == ["a", "b", "c", "a", "b", "c"])
        #expect(starts.map(\.id.position) == [0, 10, 20, 1, 11, 21])
        for event in starts.prefix(4) { lanes.ended(event, wasRun: true) }
        #expect(lanes.next(now: 0).starts.map(\.function.name) == ["a", "b", "c", "a"])
    }

    @Test func aFunctionThatIsThrottledRunsAsManyAsWereTakenOn() {
        var lanes = AsyncLanes(limits: AsyncLanes.Limits(running: 10, narrow: 8))
        Self.filled(&lanes, "a", 0..<8)
        let started = lanes.next(now: 0).starts
        #expect(started.map(\.id.position) == Array(0..<8))
        // Two were taken on.
        for event in started.dropFirst(2) { lanes.heldBack(event, until: .max, now: 0) }
        #expect(lanes.next(now: 0).starts.isEmpty)
        #expect(lanes.alarm == nil)
        lanes.ended(started[0], wasRun: true)
        #expect(lanes.next(now: 0).starts.map(\.id.position) == [2])
    }

    @Test func aFunctionThatTakesNothingOnRestsForLongerAndLonger() {
        var lanes = AsyncLanes()
        Self.filled(&lanes, "a", 0..<1)
        var now: Int64 = 0
        var pauses: [Int64] = []
        for _ in 0..<11 {
            for event in lanes.next(now: now).starts { lanes.heldBack(event, until: .max, now: now) }
            #expect(lanes.next(now: now).starts.isEmpty)
            guard let alarm = lanes.alarm else { break }
            pauses.append((alarm - now) / 1000)
            now = alarm
        }
        #expect(pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300])
        // Once it works, the next pause is short again.
        let event = lanes.next(now: now).starts[0]
        lanes.ended(event, wasRun: true)
        Self.filled(&lanes, "a", 5..<6, now: now)
        for event in lanes.next(now: now).starts { lanes.heldBack(event, until: .max, now: now) }
        #expect(lanes.alarm == now + 1000)
    }

    @Test func aRestEndsWhenTheEventIsTooOld() {
        var lanes = AsyncLanes()
        Self.filled(&lanes, "a", 0..<1)
        for event in lanes.next(now: 0).starts { lanes.heldBack(event, until: 400, now: 0) }
        #expect(lanes.alarm == 400)
        #expect(lanes.next(now: 399).starts.isEmpty)
        #expect(lanes.next(now: 400).starts.count == 1)
    }

    @Test func retriesWaitForTheirTime() {
        var lanes = AsyncLanes()
        lanes.arrived(Self.key("a"), due: 60_000, now: 0)
        #expect(lanes.alarm == 60_000)
        #expect(lanes.next(now: 59_999).fetches.isEmpty)
        // Others are not kept waiting by it.
        #expect(lanes.admit(Self.event("a", 9)) == true)
        #expect(lanes.next(now: 60_000).fetches.map(\.function) == [Self.key("a")])
    }

    @Test func aFetchDoesNotForgetWhatCameMeanwhile() {
        var lanes = AsyncLanes()
        lanes.arrived(Self.key("a"), due: 0, now: 0)
        let fetch = lanes.next(now: 0).fetches[0]
        lanes.arrived(Self.key("a"), due: 0, now: 0)
        lanes.fetched(fetch, [], next: nil, now: 0)
        #expect(lanes.next(now: 0).fetches.count == 1)
    }

    @Test func payloadsAtHandAreBounded() {
        var lanes = AsyncLanes(limits: AsyncLanes.Limits(bytes: 1_000))
        #expect(lanes.admit(Self.event("a", 1, bytes: 5_000)) == true)
        #expect(lanes.admit(Self.event("b", 2, bytes: 10)) == false)
        lanes.ended(Self.event("a", 1, bytes: 5_000), wasRun: true)
        #expect(lanes.bytes == 0)
        #expect(lanes.admit(Self.event("b", 2, bytes: 10)) == true)
    }

    /// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html: as many as the function's concurrency lets
    /// run. What one function does not get of everything is there for others.
    @Test func aFunctionThatTakesMoreOnGetsMore() {
        let limits = AsyncLanes.Limits(running: 200, narrow: 8)
        var lanes = AsyncLanes(limits: limits)
        Self.filled(&lanes, "a", 0..<3_000)
        var running: [AsyncEvent] = []
        var widest = 0
        for _ in 0..<1_000 {
            running += lanes.next(now: 0).starts
            widest = max(widest, running.count)
            if running.count == limits.wide { break }
            lanes.ended(running.removeFirst(), wasRun: true)
        }
        #expect(widest == limits.wide)
        // Nothing more of it starts, but another function's events do, as many as its narrow share.
        #expect(lanes.next(now: 0).starts.isEmpty)
        Self.filled(&lanes, "b", 5_000..<5_100)
        let others = lanes.next(now: 0).starts
        #expect(others.map(\.function.name) == Array(repeating: "b", count: 8))
        // And what is free next is no more for the one that has most.
        lanes.ended(running.removeFirst(), wasRun: true)
        #expect(lanes.next(now: 0).starts.isEmpty)
    }

    @Test func aFunctionAtItsLimitIsAskedForALittleMore() {
        var lanes = AsyncLanes(limits: AsyncLanes.Limits(running: 100, narrow: 40))
        Self.filled(&lanes, "a", 0..<2_000)
        var running: [AsyncEvent] = []
        var (tries, throttled) = (0, 0)
        for _ in 0..<1_000 {
            for event in lanes.next(now: 0).starts {
                tries += 1
                guard running.count == 20 else {
                    running.append(event)
                    continue
                }
                throttled += 1
                lanes.heldBack(event, until: .max, now: 0)
            }
            #expect(running.count <= 20)
            lanes.ended(running.removeFirst(), wasRun: true)
        }
        #expect(throttled * 3 < tries, "\(throttled) of \(tries)")
    }

    @Test func eventsGoWithTheirFunctionAndNoOther() {
        var lanes = AsyncLanes(limits: AsyncLanes.Limits(running: 10, narrow: 1))
        lanes.arrived(Self.key("a"), due: 0, now: 0)
        for fetch in lanes.next(now: 0).fetches {
            lanes.fetched(
                fetch, (0..<6).map { Self.event("a", $0, creation: $0 < 4 ? 1 : 2) }, next: nil, now: 0)
        }
        let started = lanes.next(now: 0).starts
        #expect(lanes.remove(Self.key("a"), creation: 1).map(\.id.position) == [1, 2, 3])
        #expect(lanes.bytes == 6)
        lanes.ended(started[0], wasRun: true)
        #expect(lanes.next(now: 0).starts.map(\.id.position) == [4, 5])
    }

    /// What another function was throttled for is nothing to one that has its name.
    @Test func aNewFunctionDoesNotRest() {
        var lanes = AsyncLanes()
        Self.filled(&lanes, "a", 0..<1)
        for event in lanes.next(now: 0).starts { lanes.heldBack(event, until: .max, now: 0) }
        #expect(lanes.admit(Self.event("a", 2, creation: 2)) == false)
        _ = lanes.remove(Self.key("a"), creation: 1)
        #expect(lanes.admit(Self.event("a", 3, creation: 2)) == true)
    }

    /// One starts for each eight that are accepted while more come than that, and all the others when no more do.
    @Test func aCrowdIsAcceptedFirst() {
        var lanes = AsyncLanes()
        var position: Int64 = 0
        var started = 0
        func come(_ count: Int) {
            for _ in 0..<count {
                position += 1
                if lanes.admit(Self.event("a", position)) { started += 1 }
            }
        }
        func settle(_ count: Int) {
            for _ in 0..<count where lanes.accepted(with: count) { started += lanes.next(now: 0).starts.count }
        }
        come(20)
        // Nobody knows of a crowd yet.
        #expect(started == 20)
        for _ in 0..<10 {
            come(20)
            settle(20)
        }
        // The first commit tells of the crowd, after all of the next 20; what the last allows has not come yet.
        #expect(started == 40 + 9 * 20 / 8)
        settle(20)
        #expect(lanes.admit(Self.event("a", position + 1)) == true)
    }

    @Test func whatIsStoppedStartsNothing() {
        var lanes = AsyncLanes(limits: AsyncLanes.Limits(narrow: 1))
        Self.filled(&lanes, "a", 0..<3)
        let started = lanes.next(now: 0).starts
        #expect(lanes.stop().map(\.id.position) == [1, 2])
        #expect(lanes.admit(Self.event("b", 4)) == false)
        lanes.ended(started[0], wasRun: false)
        #expect(lanes.next(now: 0).starts.isEmpty)
        #expect((lanes.running, lanes.bytes) == (0, 0))
    }

    /// Random walks against a store that is a list: limits hold, every function gets its turn, events of a function
    /// start in order where nothing is held back, everything ends, and nothing is left in memory.
    @Test(arguments: 0..<60) func everythingEnds(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let limits = AsyncLanes.Limits(
            running: Int.random(in: 1...12, using: &random), narrow: Int.random(in: 1...5, using: &random),
            bytes: Int.random(in: 1...100, using: &random), batch: Int.random(in: 1...8, using: &random))
        var lanes = AsyncLanes(limits: limits)
        let names = (0..<Int.random(in: 1...9, using: &random)).map { "f\($0)" }
        var store: [String: [(due: Int64, event: AsyncEvent)]] = [:]
        var running: [AsyncEvent] = []
        var fetches: [AsyncLanes.Fetch] = []
        var left = 300
        var ended: Set<Int64> = []
        var now: Int64 = 0
        let holdsBack = Bool.random(using: &random)
        var last: [String: Int64] = [:]
        func take(_ moves: AsyncLanes.Moves) {
            for event in moves.starts {
                if !holdsBack {
                    #expect(event.id.position > last[event.function.name] ?? -1)
                    last[event.function.name] = event.id.position
                }
                running.append(event)
            }
            fetches += moves.fetches
            #expect(running.count <= limits.running)
            for name in names {
                #expect(running.count { $0.function.name == name } <= max(limits.narrow, limits.wide))
            }
        }
        var position: Int64 = 0
        for step in 0..<100_000 {
            now += Int64.random(in: 0...20, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0 where left > 0:
                left -= 1
                position += 1
                let event = Self.event(names[Int.random(in: 0..<names.count, using: &random)], position, bytes: 7)
                if lanes.admit(event) {
                    take(AsyncLanes.Moves(starts: [event]))
                } else {
                    store[event.function.name, default: []].append((now, event))
                    lanes.arrived(event.function, due: now, now: now)
                }
            case 1 where !fetches.isEmpty:
                let fetch = fetches.remove(at: Int.random(in: 0..<fetches.count, using: &random))
                let all = store[fetch.function.name] ?? []
                let found = all.filter { $0.due <= now }.prefix(fetch.limit)
                let ids = Set(found.map(\.event.id.position))
                let rest = all.filter { !ids.contains($0.event.id.position) }
                store[fetch.function.name] = rest
                lanes.fetched(fetch, found.map(\.event), next: rest.map(\.due).min(), now: now)
            case 2 where !running.isEmpty:
                let event = running.remove(at: Int.random(in: 0..<running.count, using: &random))
                if holdsBack, Int.random(in: 0..<4, using: &random) == 0 {
                    lanes.heldBack(event, until: .max, now: now)
                } else {
                    lanes.ended(event, wasRun: true)
                    let isFirst = ended.insert(event.id.position).inserted
                    #expect(isFirst)
                }
            default: break
            }
            take(lanes.next(now: now))
            if left == 0, ended.count == 300 { break }
            // Nothing but time can help.
            if running.isEmpty, fetches.isEmpty, left == 0 {
                guard let alarm = lanes.alarm else {
                    Issue.record("stuck at step \(step) with \(ended.count)")
                    return
                }
                now = max(now, alarm)
            }
        }
        #expect(ended.count == 300)
        // What is still looked for in the store is not there.
        while !fetches.isEmpty {
            lanes.fetched(fetches.removeFirst(), [], next: nil, now: now)
            take(lanes.next(now: now))
        }
        #expect((lanes.running, lanes.bytes) == (0, 0))
        #expect(lanes.count == 0, "\(fetches.count)")
    }
}
