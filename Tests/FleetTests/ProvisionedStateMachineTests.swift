import Testing
import TestSupport

@testable import Fleet

/// Which environments are started ahead, alone: environments are numbers, invocations too.
@Suite struct ProvisionedStateMachineTests {
    struct Waiter: Identifiable, Equatable { var id: Int }
    typealias Machine = ProvisionedStateMachine<Int, Waiter>

    private func machine(_ target: Int, width: Int = 2, attempts: Int = 3) -> Machine {
        var machine = Machine(width: width, attempts: attempts)
        #expect(machine.provision(target, .anew) == [])
        return machine
    }

    @Test func asManyAreStartedAsAreWantedAFewAtATime() {
        var machine = machine(3)
        #expect(machine.begin(1) == true)
        #expect(machine.begin(2) == true)
        #expect(machine.begin(3) == false)
        #expect(machine.available == 0)
        #expect(machine.started(1).isPark)
        #expect(machine.available == 1)
        #expect(machine.begin(3) == true)
        #expect(machine.begin(4) == false)
        #expect(machine.started(2).isPark)
        #expect(machine.started(3).isPark)
        #expect(!machine.needsAnother)
        #expect(machine.available == 3)
        #expect(machine.counts == (3, 0, 0, 0, 0))
    }

    @Test func fewerEndTheStartingThenTheIdleAndTheBusyWhenTheyAreFree() {
        var machine = machine(4, width: 4)
        for environment in 1...4 { #expect(machine.begin(environment) == true) }
        for environment in 1...3 { #expect(machine.started(environment).isPark) }
        #expect(machine.acquire(Waiter(id: 1)).environment == 3)
        #expect(machine.provision(2, .onwards) == [4, 1])
        #expect(machine.provision(0, .onwards) == [2])
        #expect(machine.available == 0)
        #expect(machine.counts == (0, 1, 0, 0, 0))
        #expect(machine.started(4).isClose)
        machine.answered(3)
        #expect(machine.ready(3).isClose)
        #expect(machine.isEmpty)
    }

    @Test func theOneUsedLastIsTakenAndANearOneBefore() {
        var machine = machine(3, width: 3)
        for environment in 1...3 { #expect(machine.begin(environment) == true) }
        for environment in 1...3 { #expect(machine.started(environment).isPark) }
        #expect(machine.acquire(Waiter(id: 1)).environment == 3)
        #expect(machine.acquire(Waiter(id: 2)) { $0 == 1 }.environment == 1)
        #expect(machine.acquire(Waiter(id: 3)) { _ in false }.environment == 2)
        #expect(machine.acquire(Waiter(id: 4)).isNone)
    }

    @Test func oneThatIsAboutToBeFreeIsWaitedForUntilPatienceEnds() {
        var machine = machine(1)
        #expect(machine.begin(1) == true)
        #expect(machine.started(1).isPark)
        #expect(machine.acquire(Waiter(id: 1)).environment == 1)
        #expect(machine.acquire(Waiter(id: 2)).isNone)
        machine.answered(1)
        #expect(machine.acquire(Waiter(id: 2)).isPatientWait)
        #expect(machine.acquire(Waiter(id: 3)).isNone)
        #expect(machine.ready(1).work == 2)
        machine.answered(1)
        #expect(machine.acquire(Waiter(id: 4)).isPatientWait)
        #expect(machine.isWaiting(4))
        #expect(machine.giveUp(4) == Waiter(id: 4))
        #expect(machine.giveUp(4) == nil)
        #expect(machine.ready(1).isPark)
    }

    @Test func whatEndsInAnInvocationIsReplacedAtOnce() {
        var machine = machine(1)
        #expect(machine.begin(1) == true)
        #expect(machine.started(1).isPark)
        #expect(machine.acquire(Waiter(id: 1)).environment == 1)
        #expect(machine.removed(1) == ([], .none))
        #expect(machine.begin(2) == true)
        #expect(machine.started(2).isPark)
        // One that ends while nobody uses it is replaced after a while, which grows.
        #expect(machine.removed(2) == ([], .pause(number: 1)))
        #expect(!machine.needsAnother)
        machine.resume()
        #expect(machine.begin(3) == true)
        #expect(machine.started(3).isPark)
        #expect(machine.removed(3) == ([], .pause(number: 2)))
        machine.resume()
        // An answer is proof that it works.
        #expect(machine.begin(4) == true)
        #expect(machine.started(4).isPark)
        #expect(machine.acquire(Waiter(id: 2)).environment == 4)
        machine.answered(4)
        #expect(machine.ready(4).isPark)
        #expect(machine.removed(4) == ([], .pause(number: 1)))
    }

    @Test func theOrphansOfALostEnvironmentAreHandedBack() {
        var machine = machine(1)
        #expect(machine.begin(1) == true)
        #expect(machine.started(1).isPark)
        _ = machine.acquire(Waiter(id: 1))
        machine.answered(1)
        #expect(machine.acquire(Waiter(id: 2)).isPatientWait)
        #expect(machine.removed(1) == ([Waiter(id: 2)], .none))
        #expect(!machine.isWaiting(2))
    }

    @Test func initialisationIsGivenUpAfterSoManyFailuresUntilItIsAskedForAnew() {
        var machine = machine(2)
        #expect(machine.begin(1) == true)
        #expect(machine.failed(1, reason: "no") == .pause(number: 1))
        #expect(!machine.needsAnother)
        machine.resume()
        #expect(machine.begin(2) == true)
        // One at a time from now on.
        #expect(machine.begin(3) == false)
        #expect(machine.failed(2, reason: "no") == .pause(number: 2))
        machine.resume()
        #expect(machine.begin(3) == true)
        #expect(machine.failed(3, reason: "no") == .none)
        #expect(machine.failure == "no")
        machine.resume()
        #expect(!machine.needsAnother)
        #expect(machine.provision(3, .onwards) == [])
        #expect(machine.failure == "no")
        #expect(machine.provision(3, .anew) == [])
        #expect(machine.failure == nil)
        #expect(machine.begin(4) == true)
        #expect(machine.started(4).isPark)
        // A success in between starts the count again.
        #expect(machine.begin(5) == true)
        #expect(machine.failed(5, reason: "no") == .pause(number: 1))
        // What is not wanted any more may fail as it likes.
        machine.resume()
        #expect(machine.begin(6) == true)
        #expect(Set(machine.provision(0, .onwards)) == [4, 6])
        #expect(machine.failed(6, reason: "no") == .none)
        #expect(machine.isEmpty)
    }

    @Test func oldOnesAreReplacedOneAfterTheOther() {
        var machine = machine(2)
        for environment in 1...2 { #expect(machine.begin(environment) == true) }
        #expect(machine.started(1).isPark)
        #expect(machine.recycle(1) == false)
        #expect(machine.started(2).isPark)
        #expect(machine.recycle(1) == true)
        #expect(machine.recycle(1) == false)
        #expect(machine.recycle(2) == false)
        #expect(machine.removed(1) == ([], .none))
        #expect(machine.begin(3) == true)
        #expect(machine.recycle(2) == false)
        #expect(machine.started(3).isPark)
        #expect(machine.acquire(Waiter(id: 1)).environment == 3)
        #expect(machine.recycle(3) == false)
        #expect(machine.recycle(2) == true)
        #expect(machine.available == 1)
    }

    /// What has worked once is worth trying for as long as it takes.
    @Test func whatHasWorkedIsTriedOnAndOn() {
        var machine = machine(1)
        #expect(machine.begin(1) == true)
        #expect(machine.started(1).isPark)
        #expect(machine.removed(1) == ([], .pause(number: 1)))
        for number in 2...9 {
            machine.resume()
            #expect(machine.begin(number) == true)
            #expect(machine.failed(number, reason: "no") == .pause(number: number))
            #expect(machine.failure == (number < 4 ? nil : "no"))
        }
        machine.resume()
        #expect(machine.begin(10) == true)
        #expect(machine.started(10).isPark)
        #expect(machine.failure == nil)
    }

    /// Every sequence of five events of a small world, and long random ones of a large world, against a model.
    @Test func everyShortHistoryHoldsTheInvariants() {
        let choices = 9
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
        explore(Walk(target: 2), depth: 5)
        #expect(histories == (0...5).reduce(0) { $0 + (0..<$1).reduce(1) { product, _ in product * choices } })
    }

    @Test(arguments: 0..<40 as Range<UInt64>) func randomHistoriesHoldTheInvariants(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var walk = Walk(target: Int.random(in: 0...6, using: &generator))
        for _ in 0..<2_000 {
            let choice = Int.random(in: 0..<10, using: &generator)
            walk.step(choice, pick: { Int.random(in: 0..<$0, using: &generator) })
        }
        walk.finishEverything()
    }

    /// A machine and a model of what it must do, moved together.
    struct Walk {
        var machine: Machine
        var target: Int
        var nextWaiter = 0
        var nextEnvironment = 0
        /// In the order of their arrival.
        var waiting: [Int] = []
        var starting: [Int] = []
        var idle: [Int] = []
        var busy: [Int] = []
        var finishing: [Int] = []
        var mustPause = false
        var failures = 0
        var hasSucceeded = false
        var mayTry: Bool { failures < 4 || hasSucceeded }

        init(target: Int) {
            self.target = target
            machine = Machine(width: 2, attempts: 4)
            #expect(machine.provision(target, .anew) == [])
        }

        var count: Int { starting.count + idle.count + busy.count + finishing.count }

        mutating func step(_ choice: Int, pick: (Int) -> Int) {
            switch choice {
            case 0: begin()
            case 1: if !starting.isEmpty { start(starting.remove(at: pick(starting.count))) }
            case 2: if !starting.isEmpty { fail(starting.remove(at: pick(starting.count))) }
            case 3: arrive()
            case 4: answerOrReady(pick)
            case 5: lose(pick)
            case 6: setTarget(pick(4), pick)
            case 7: resume()
            case 8: recycle(pick)
            default: if let waiter = waiting.first { giveUp(waiter) }
            }
            #expect(machine.counts == (idle.count, busy.count, finishing.count, starting.count, waiting.count))
            #expect(machine.available == min(target, count - starting.count))
            // Nobody waits without hope or beside an idle environment, and no idle one is too many.
            #expect(waiting.count <= finishing.count)
            #expect(waiting.isEmpty || idle.isEmpty)
            #expect(count <= target || idle.isEmpty && starting.isEmpty)
            #expect(!machine.needsAnother || count < target)
            #expect((machine.failure != nil) == (failures >= 4))
        }

        private mutating func begin() {
            let isWanted = !mustPause && mayTry && count < target && starting.count < (failures > 0 ? 1 : 2)
            #expect(machine.needsAnother == isWanted)
            nextEnvironment += 1
            #expect(machine.begin(nextEnvironment) == isWanted)
            if isWanted { starting.append(nextEnvironment) }
        }

        private mutating func start(_ environment: Int) {
            (failures, hasSucceeded) = (0, true)
            freed(environment, machine.started(environment))
        }

        private mutating func fail(_ environment: Int) {
            failures += 1
            switch machine.failed(environment, reason: "no") {
            case .pause:
                #expect(mayTry)
                mustPause = true
            case .none: #expect(!mayTry)
            }
        }

        private mutating func resume() {
            machine.resume()
            mustPause = false
        }

        private mutating func setTarget(_ target: Int, _ pick: (Int) -> Int) {
            self.target = target
            let before = Set(starting + idle)
            let isAnew = pick(2) == 1
            if isAnew { (failures, mustPause, hasSucceeded) = (0, false, false) }
            let surplus = max(0, count - target)
            let ending = machine.provision(target, isAnew ? .anew : .onwards)
            #expect(ending.count == min(surplus, before.count))
            #expect(before.isSuperset(of: ending))
            // Those that only start go first.
            #expect(ending.allSatisfy(starting.contains) || starting.allSatisfy(ending.contains))
            starting.removeAll(where: ending.contains)
            idle.removeAll(where: ending.contains)
            for environment in ending { #expect(machine.removed(environment) == ([], .none)) }
        }

        private mutating func arrive() {
            nextWaiter += 1
            switch machine.acquire(Waiter(id: nextWaiter)) {
            case .run(let environment):
                #expect(environment == idle.popLast())
                busy.append(environment)
            case .waitPatiently: waiting.append(nextWaiter)
            case .none: #expect(idle.isEmpty && waiting.count == finishing.count)
            }
        }

        private mutating func freed(_ environment: Int, _ freed: Machine.Freed) {
            switch freed {
            case .run(let waiter):
                #expect(waiter.id == waiting.first)
                if !waiting.isEmpty { waiting.removeFirst() }
                busy.append(environment)
            case .park:
                #expect(waiting.isEmpty && count < target)
                idle.append(environment)
            case .close:
                #expect(waiting.isEmpty && count >= target)
                #expect(machine.removed(environment) == ([], .none))
            }
        }

        private mutating func answerOrReady(_ pick: (Int) -> Int) {
            if !finishing.isEmpty, busy.isEmpty || pick(2) == 0 {
                let environment = finishing.remove(at: pick(finishing.count))
                freed(environment, machine.ready(environment))
            } else if !busy.isEmpty {
                let environment = busy.remove(at: pick(busy.count))
                finishing.append(environment)
                machine.answered(environment)
            }
        }

        private mutating func lose(_ pick: (Int) -> Int) {
            let all = (idle + finishing + busy).sorted()
            guard !all.isEmpty else { return }
            let environment = all[pick(all.count)]
            let wasIdle = idle.contains(environment)
            idle.removeAll { $0 == environment }
            finishing.removeAll { $0 == environment }
            busy.removeAll { $0 == environment }
            let (orphans, setback) = machine.removed(environment)
            // The last to come are those for whom none is left.
            #expect(orphans.map(\.id) == Array(waiting.dropFirst(finishing.count)))
            waiting = Array(waiting.prefix(finishing.count))
            #expect((setback != .none) == wasIdle)
            if wasIdle { mustPause = true }
        }

        private mutating func recycle(_ pick: (Int) -> Int) {
            guard !idle.isEmpty else { return }
            let environment = idle[pick(idle.count)]
            let mayEnd = starting.isEmpty && !mustPause && count >= target
            #expect(machine.recycle(environment) == mayEnd)
            guard mayEnd else { return }
            idle.removeAll { $0 == environment }
            #expect(machine.removed(environment) == ([], .none))
        }

        private mutating func giveUp(_ waiter: Int) {
            #expect(machine.giveUp(waiter) == Waiter(id: waiter))
            waiting.removeAll { $0 == waiter }
        }

        mutating func finishEverything() {
            setTarget(0) { _ in 0 }
            while !busy.isEmpty || !finishing.isEmpty { answerOrReady { _ in 0 } }
            #expect(machine.isEmpty)
        }
    }
}

extension ProvisionedStateMachine.Acquired {
    fileprivate var environment: Environment? { if case .run(let environment) = self { environment } else { nil } }
    fileprivate var isPatientWait: Bool { if case .waitPatiently = self { true } else { false } }
    fileprivate var isNone: Bool { if case .none = self { true } else { false } }
}

extension ProvisionedStateMachine.Freed {
    fileprivate var work: Waiter.ID? { if case .run(let waiter) = self { waiter.id } else { nil } }
    fileprivate var isPark: Bool { if case .park = self { true } else { false } }
    fileprivate var isClose: Bool { if case .close = self { true } else { false } }
}
