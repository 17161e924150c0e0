import Testing
import TestSupport

@testable import Fleet

/// The pool's decisions, alone: environments are numbers, invocations too.
@Suite struct PoolStateMachineTests {
    struct Waiter: Identifiable, Equatable { var id: Int }
    typealias Machine = PoolStateMachine<Int, Waiter>

    @Test func theEnvironmentUsedLastIsTakenFirst() {
        var machine = Machine()
        for id in 1...3 { #expect(machine.acquire(Waiter(id: id)).isStart) }
        for environment in 11...13 { #expect(machine.started(environment).work == environment - 10) }
        for environment in [12, 11, 13] {
            machine.answered(environment)
            #expect(machine.ready(environment).isPark)
        }
        for (id, environment) in [(4, 13), (5, 11), (6, 12)] {
            #expect(machine.acquire(Waiter(id: id)).environment == environment)
        }
    }

    @Test func aNearEnvironmentAmongTheLastIsTakenBeforeTheLast() {
        var machine = Machine()
        for id in 1...12 { #expect(machine.acquire(Waiter(id: id)).isStart) }
        for environment in 101...112 { #expect(machine.started(environment).work != nil) }
        for environment in 101...112 {
            machine.answered(environment)
            #expect(machine.ready(environment).isPark)
        }
        // Of two near ones the one used last; one that was used long ago counts no more than any other.
        #expect(machine.acquire(Waiter(id: 21)) { $0 == 106 || $0 == 107 }.environment == 107)
        #expect(machine.acquire(Waiter(id: 22)) { $0 == 102 }.environment == 112)
        #expect(machine.acquireAgain(Waiter(id: 23)) { $0 == 106 }.environment == 106)
        #expect(machine.acquire(Waiter(id: 24)) { _ in false }.environment == 111)
        #expect(machine.counts == (8, 4, 0, 0, 0))
    }

    @Test func whoeverWaitsLongestIsServedFirst() {
        var machine = Machine()
        #expect(machine.acquire(Waiter(id: 1)).isStart)
        #expect(machine.started(11).work == 1)
        #expect(machine.acquire(Waiter(id: 2)).isStart)
        #expect(machine.acquire(Waiter(id: 3)).isStart)
        machine.answered(11)
        #expect(machine.ready(11).work == 2)
        // Two are starting for one that waits: a newcomer needs no third.
        #expect(machine.acquire(Waiter(id: 4)).isWait)
        #expect(machine.started(12).work == 3)
        #expect(machine.started(13).work == 4)
        #expect(machine.counts == (0, 3, 0, 0, 0))
    }

    @Test func anEnvironmentThatIsAboutToBeFreeIsWaitedFor() {
        var machine = Machine()
        _ = machine.acquire(Waiter(id: 1))
        _ = machine.started(11)
        machine.answered(11)
        #expect(machine.acquire(Waiter(id: 2)).isPatientWait)
        #expect(machine.acquire(Waiter(id: 3)).isStart)
        // 2 is first in the queue: the environment that starts will be its.
        #expect(machine.patienceEnded(2) == false)
        #expect(machine.patienceEnded(3) == true)
        #expect(machine.ready(11).work == 2)
        #expect(machine.patienceEnded(2) == false)
        #expect(machine.started(12).work == 3)
        #expect(machine.started(13).isPark)
    }

    @Test func whatWaitedForALostEnvironmentGetsAnother() {
        var machine = Machine()
        _ = machine.acquire(Waiter(id: 1))
        _ = machine.started(11)
        machine.answered(11)
        #expect(machine.acquire(Waiter(id: 2)).isPatientWait)
        #expect(machine.removed(11) == true)
        #expect(machine.started(12).work == 2)
        #expect(machine.removed(12) == false)
        #expect(machine.isEmpty)
    }

    @Test func aFailedInitGoesToWhoWaitsAndElseEnds() {
        var machine = Machine()
        _ = machine.acquire(Waiter(id: 1))
        #expect(machine.initFailed(11).work == 1)
        #expect(machine.counts == (0, 1, 0, 0, 0))
        _ = machine.acquire(Waiter(id: 2))
        machine.answered(11)
        #expect(machine.ready(11).work == 2)
        #expect(machine.initFailed(12).isClose)
        #expect(machine.removed(12) == false)
    }

    @Test func aStartThatFailsIsToldToWhoHasNoOtherHope() {
        var machine = Machine()
        _ = machine.acquire(Waiter(id: 1))
        _ = machine.acquire(Waiter(id: 2))
        #expect(machine.startFailed() == Waiter(id: 1))
        #expect(machine.started(12).work == 2)
        _ = machine.acquire(Waiter(id: 3))
        machine.answered(12)
        #expect(machine.ready(12).work == 3)
        #expect(machine.startFailed() == nil)
        #expect(machine.counts == (0, 1, 0, 0, 0))
    }

    @Test func anInvocationThatComesBackIsFirst() {
        var machine = Machine()
        _ = machine.acquire(Waiter(id: 1))
        _ = machine.started(11)
        _ = machine.acquire(Waiter(id: 2))
        #expect(machine.removed(11) == false)
        #expect(machine.acquireAgain(Waiter(id: 1)).isStart)
        #expect(machine.started(12).work == 1)
        #expect(machine.started(13).work == 2)
    }

    /// Environments that wait for their turn to start are not started in vain.
    @Test func whatIsNotWaitedForIsNotStarted() {
        var machine = Machine()
        _ = machine.acquire(Waiter(id: 1))
        let isStill = machine.isStillToStart()
        #expect(isStill && machine.started(11).work == 1)
        #expect(machine.acquire(Waiter(id: 2)).isStart)
        #expect(machine.acquire(Waiter(id: 3)).isStart)
        machine.answered(11)
        #expect(machine.ready(11).work == 2)
        let (first, second) = (machine.isStillToStart(), machine.isStillToStart())
        #expect(!first && second)
        #expect(machine.counts == (0, 1, 0, 1, 1))
        #expect(machine.started(12).work == 3)
        for environment in [12, 11] {
            machine.answered(environment)
            #expect(machine.ready(environment).isPark)
        }
        #expect(machine.idle.first == 12)
    }

    @Test func retiredEnvironmentsEndWhenTheyAreFree() {
        var machine = Machine()
        for id in 1...3 { _ = machine.acquire(Waiter(id: id)) }
        for environment in 11...13 { _ = machine.started(environment) }
        machine.answered(11)
        _ = machine.ready(11)
        #expect(machine.retire() == [11])
        machine.answered(12)
        #expect(machine.acquire(Waiter(id: 4)).isPatientWait)
        #expect(machine.ready(12).work == 4)
        machine.answered(12)
        #expect(machine.ready(12).isClose)
        #expect(machine.removed(12) == false)
        #expect(machine.removed(13) == false)
        #expect(machine.removed(11) == false)
        #expect(machine.isEmpty)
    }

    /// Its credentials would end under it. Who waited for it has another started.
    @Test func anOutwornEnvironmentGetsNoMoreInvocations() {
        var machine = Machine()
        _ = machine.acquire(Waiter(id: 1))
        _ = machine.started(11)
        machine.answered(11)
        #expect(machine.acquire(Waiter(id: 2)).isPatientWait)
        #expect(machine.ready(11, isOutworn: true).isClose)
        #expect(machine.idle.isEmpty)
        #expect(machine.removed(11) == true)
        #expect(machine.started(12).work == 2)
        machine.answered(12)
        #expect(machine.ready(12, isOutworn: true).isClose)
        #expect(machine.removed(12) == false)
        #expect(machine.isEmpty)
    }

    @Test func whatMayNotStartIsRefusedOrWaitsOn() {
        var machine = Machine()
        var asked = 0
        let never = {
            asked += 1
            return false
        }
        #expect(machine.acquire(Waiter(id: 1), mayStart: never).isRefused)
        #expect(machine.counts == (0, 0, 0, 0, 0))
        #expect(machine.acquire(Waiter(id: 2)).isStart)
        #expect(machine.started(11).work == 2)
        machine.answered(11)
        // One that can wait need not be asked about until its patience ends.
        #expect(machine.acquire(Waiter(id: 3), mayStart: never).isPatientWait)
        #expect(asked == 1)
        #expect(machine.patienceEnded(3, mayStart: never) == false)
        #expect(machine.isWaiting(3))
        #expect(machine.patienceEnded(3) == true)
        #expect(machine.ready(11).work == 3)
        #expect(machine.acquireAgain(Waiter(id: 4)).isWait)
        #expect(asked == 2)
    }

    @Test func onlyTheIdleAreReaped() {
        var machine = Machine()
        _ = machine.acquire(Waiter(id: 1))
        _ = machine.started(11)
        #expect(machine.reap(11) == false)
        machine.answered(11)
        #expect(machine.reap(11) == false)
        _ = machine.ready(11)
        #expect(machine.reap(11) == true)
        #expect(machine.reap(11) == false)
        #expect(machine.acquire(Waiter(id: 2)).isStart)
    }

    /// Every sequence of six events of a small world, and long random ones of a large world, against a model that keeps
    /// sets of numbers.
    @Test func everyShortHistoryHoldsTheInvariants() {
        let choices = 6
        var histories = 0
        func explore(_ walk: Walk, depth: Int) {
            histories += 1
            guard depth > 0 else { return }
            for choice in 0..<choices {
                var next = walk
                next.step(choice, pick: { _ in 0 })
                explore(next, depth: depth - 1)
            }
        }
        explore(Walk(), depth: 6)
        #expect(histories == (0...6).reduce(0) { $0 + (0..<$1).reduce(1) { product, _ in product * choices } })
    }

    @Test(arguments: 0..<40 as Range<UInt64>) func randomHistoriesHoldTheInvariants(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var walk = Walk()
        for _ in 0..<2_000 {
            // Early seeds favour arrivals, late ones departures.
            let choice = Int.random(in: 0..<10, using: &generator)
            walk.step(choice < 6 ? choice : (seed < 20 ? 0 : 3), pick: { Int.random(in: 0..<$0, using: &generator) })
        }
        walk.finishEverything()
    }

    /// A machine and a model of what it must do, moved together.
    struct Walk {
        var machine = Machine()
        var nextWaiter = 0
        var nextEnvironment = 0
        /// In the order of their arrival.
        var waiting: [Int] = []
        var idle: [Int] = []
        var busy: [Int: Int] = [:]
        var finishing: [Int] = []
        var starting = 0

        mutating func step(_ choice: Int, pick: (Int) -> Int) {
            switch choice {
            case 0: arrive()
            case 1: if starting > 0 { begin { $0.started($1) } }
            case 2: if starting > 0 { begin { $0.initFailed($1) } }
            case 3: answerOrReady(pick)
            case 4: lose(pick)
            default: reapOrFail(pick)
            }
            let counts = machine.counts
            #expect(counts.idle == idle.count)
            #expect(counts.busy == busy.count)
            #expect(counts.finishing == finishing.count)
            #expect(counts.starting == starting)
            #expect(counts.waiting == waiting.count)
            // Nobody waits without hope, and nobody waits while an environment is idle.
            #expect(waiting.count <= starting + finishing.count)
            #expect(waiting.isEmpty || idle.isEmpty)
        }

        private mutating func arrive() {
            nextWaiter += 1
            switch machine.acquire(Waiter(id: nextWaiter)) {
            case .run(let environment):
                #expect(environment == idle.popLast())
                busy[environment] = nextWaiter
            case .start:
                waiting.append(nextWaiter)
                starting += 1
                #expect(waiting.count == starting + finishing.count)
            case .wait, .waitPatiently: waiting.append(nextWaiter)
            case .refused: Issue.record("everything may start")
            }
        }

        private mutating func begin(_ event: (inout Machine, Int) -> Machine.Freed) {
            nextEnvironment += 1
            starting -= 1
            freed(nextEnvironment, event(&machine, nextEnvironment))
        }

        private mutating func freed(_ environment: Int, _ freed: Machine.Freed) {
            switch freed {
            case .run(let waiter):
                #expect(waiter.id == waiting.first)
                if !waiting.isEmpty { waiting.removeFirst() }
                busy[environment] = waiter.id
            case .park:
                #expect(waiting.isEmpty)
                idle.append(environment)
            case .close:
                #expect(waiting.isEmpty)
                #expect(machine.removed(environment) == false)
            }
        }

        private mutating func answerOrReady(_ pick: (Int) -> Int) {
            if !finishing.isEmpty, busy.isEmpty || pick(2) == 0 {
                let environment = finishing.remove(at: pick(finishing.count))
                freed(environment, machine.ready(environment))
            } else if !busy.isEmpty {
                let environment = busy.keys.sorted()[pick(busy.count)]
                busy[environment] = nil
                finishing.append(environment)
                machine.answered(environment)
            }
        }

        private mutating func lose(_ pick: (Int) -> Int) {
            let all = (idle + finishing + busy.keys).sorted()
            guard !all.isEmpty else { return }
            let environment = all[pick(all.count)]
            idle.removeAll { $0 == environment }
            finishing.removeAll { $0 == environment }
            let lost = busy.removeValue(forKey: environment)
            if machine.removed(environment) { starting += 1 }
            guard let lost, pick(2) == 0 else { return }
            // It had not begun: it comes back.
            switch machine.acquireAgain(Waiter(id: lost)) {
            case .run(let environment):
                #expect(environment == idle.popLast())
                busy[environment] = lost
            case .start:
                waiting.insert(lost, at: 0)
                starting += 1
            case .wait, .waitPatiently: waiting.insert(lost, at: 0)
            case .refused: Issue.record("what comes back is not refused")
            }
        }

        private mutating func reapOrFail(_ pick: (Int) -> Int) {
            if starting > 0 {
                starting -= 1
                let hopeless = waiting.count > starting + finishing.count
                let failed = machine.startFailed()
                #expect(failed?.id == (hopeless ? waiting.first : nil))
                if hopeless { waiting.removeFirst() }
            } else if !idle.isEmpty {
                let environment = idle.remove(at: pick(idle.count))
                #expect(machine.reap(environment) == true)
            } else if let waiter = waiting.last, machine.patienceEnded(waiter) {
                starting += 1
            }
        }

        mutating func finishEverything() {
            while starting > 0 { begin { $0.started($1) } }
            while !busy.isEmpty || !finishing.isEmpty { answerOrReady { _ in 0 } }
            #expect(waiting.isEmpty)
            #expect(Set(machine.retire()) == Set(idle))
            #expect(machine.isEmpty)
        }
    }
}

extension PoolStateMachine.Acquired {
    var environment: Environment? { if case .run(let environment) = self { environment } else { nil } }
    var isStart: Bool { if case .start = self { true } else { false } }
    var isWait: Bool { if case .wait = self { true } else { false } }
    var isPatientWait: Bool { if case .waitPatiently = self { true } else { false } }
    var isRefused: Bool { if case .refused = self { true } else { false } }
}

extension PoolStateMachine.Freed {
    var work: Waiter.ID? { if case .run(let waiter) = self { waiter.id } else { nil } }
    var isPark: Bool { if case .park = self { true } else { false } }
    var isClose: Bool { if case .close = self { true } else { false } }
}
