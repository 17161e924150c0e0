import TestSupport
import Testing

@testable import Fleet

/// Which environments of a SnapStart version wait to be restored.
@Suite struct SnapshotStateMachineTests {
    private typealias Machine = SnapshotStateMachine<Int>

    private func machine(width: Int = 2, limit: Int = 4) -> Machine {
        Machine(width: width, limit: limit, window: 100, idle: 1000)
    }

    /// Begins and initialises what is missing; returns how many there were.
    private func fill(_ machine: inout Machine, next: inout Int, now: UInt64) -> Int {
        var count = 0
        while machine.needsAnother(now: now) {
            #expect(machine.begin(next, now: now) == true)
            #expect(machine.initialised(next) == .wait)
            next += 1
            count += 1
        }
        return count
    }

    @Test func nothingIsStartedForAVersionThatNobodyUses() {
        let machine = machine()
        #expect(machine.isEmpty)
        #expect(!machine.needsAnother(now: 5))
    }

    @Test func oneWaitsAtFirstAndAsManyAsAreTakenLater() {
        var machine = machine()
        var next = 0
        machine.want(now: 0)
        #expect(fill(&machine, next: &next, now: 0) == 1)
        for step in 1...10 { _ = machine.take(now: UInt64(step)) }
        #expect(machine.target(now: 10) == 4)
        #expect(fill(&machine, next: &next, now: 10) == 4)
        // The takes fall out of the window, and after long there is none at all.
        #expect(machine.target(now: 108) == 2)
        #expect(machine.target(now: 500) == 1)
        #expect(machine.target(now: 1010) == 0)
        let first = (1...4).filter { machine.reap($0, now: 500) }
        #expect(first.count == 3)
        #expect(machine.counts.prepared == 1)
        let second = (1...4).filter { machine.reap($0, now: 1010) }
        #expect(second.count == 1)
        #expect(machine.isEmpty)
        // The next invocation makes a beginning.
        if case .none = machine.take(now: 2000) {} else { Issue.record("there was none") }
        #expect(machine.needsAnother(now: 2000))
    }

    @Test func whatInitialisesMayBeTaken() {
        var machine = machine()
        machine.want(now: 0)
        #expect(machine.begin(1, now: 0) == true)
        guard case .starting(1) = machine.take(now: 1) else {
            Issue.record("1 was starting")
            return
        }
        // It is no business of the machine any more: neither when it has initialised nor when it fails.
        #expect(machine.initialised(1) == .close)
        #expect(machine.lost(1) == .none)
        #expect(machine.needsAnother(now: 1))
    }

    @Test func failuresMakePausesThatGrow() {
        var machine = machine()
        machine.want(now: 0)
        for number in 1...3 {
            #expect(machine.begin(number, now: 0) == true)
            #expect(machine.lost(number) == .pause(number: number))
            #expect(!machine.needsAnother(now: 0))
            machine.resume()
        }
        #expect(machine.begin(4, now: 0) == true)
        #expect(machine.initialised(4) == .wait)
        if case .prepared(4) = machine.take(now: 1) {} else { Issue.record("4 waited") }
        #expect(machine.begin(5, now: 1) == true)
        #expect(machine.lost(5) == .pause(number: 1))
    }

    @Test func memoryThatIsShortEndsThem() {
        var machine = machine()
        var next = 0
        machine.want(now: 0)
        #expect(fill(&machine, next: &next, now: 0) == 1)
        #expect(machine.release() == [0])
        #expect(machine.isEmpty)
        #expect(!machine.needsAnother(now: 0))
    }

    @Test func aRetiredVersionHasNone() {
        var machine = machine()
        machine.want(now: 0)
        #expect(machine.begin(1, now: 0) == true)
        #expect(machine.retire() == [1])
        machine.want(now: 1)
        _ = machine.take(now: 1)
        #expect(!machine.needsAnother(now: 1))
        #expect(machine.isEmpty)
    }

    /// Whatever happens, there are never more than the limit, and what is needed is started in the end.
    @Test(arguments: 0..<20) func randomWalk(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var machine = machine(width: 3, limit: 5)
        var (now, next) = (UInt64(0), 0)
        var (starting, prepared) = ([] as [Int], [] as [Int])
        machine.want(now: 0)
        for _ in 0..<2000 {
            now += random.next() % 40
            switch random.next() % 7 {
            case 0, 1:
                if machine.needsAnother(now: now) {
                    #expect(machine.begin(next, now: now) == true)
                    starting.append(next)
                    next += 1
                }
            case 2:
                if let first = starting.first {
                    starting.removeFirst()
                    #expect(machine.initialised(first) == .wait)
                    prepared.append(first)
                }
            case 3:
                switch machine.take(now: now) {
                case .prepared(let taken):
                    #expect(prepared.last == taken)
                    prepared.removeLast()
                case .starting(let taken):
                    #expect(prepared.isEmpty && starting.first == taken)
                    starting.removeFirst()
                case .none: #expect(prepared.isEmpty && starting.isEmpty)
                }
            case 4:
                if let lost = (starting + prepared).randomElement(using: &random) {
                    #expect(machine.lost(lost) != .none)
                    starting.removeAll { $0 == lost }
                    prepared.removeAll { $0 == lost }
                }
            case 5: machine.resume()
            default:
                if let old = prepared.first, machine.reap(old, now: now) { prepared.removeFirst() }
            }
            #expect(machine.counts == (starting.count, prepared.count))
            #expect(starting.count + prepared.count <= 5)
        }
        machine.resume()
        machine.want(now: now)
        #expect(machine.needsAnother(now: now) || starting.count + prepared.count > 0)
    }
}
