import Testing

@testable import Launcher

/// Which zygotes there are to be. The rules are ``ZygoteStock``'s own.
struct ZygoteStockTests {
    private let start = ContinuousClock.now
    private let python = recipe("python")
    private let ruby = recipe("ruby")

    private static func recipe(_ root: String) -> ZygoteRecipe {
        ZygoteRecipe(
            root: root,
            command: .init(
                arguments: ["/bin/\(root)"], fallback: nil, environment: [], workingDirectory: "/", isForkable: true))
    }

    private func serving(_ policy: ZygoteStock.Policy = .init()) -> ZygoteStock {
        var stock = ZygoteStock(policy: policy)
        stock.began(python, number: 1, now: start)
        stock.ready(1, now: start)
        return stock
    }

    @Test func oneIsStartedAndThenForks() {
        var stock = ZygoteStock()
        #expect(stock.way(python, now: start) == .start)
        stock.began(python, number: 1, now: start)
        #expect(stock.way(python, now: start) == .wait)
        #expect(stock.way(ruby, now: start) == .start)
        stock.ready(1, now: start)
        #expect(stock.way(python, now: start) == .fork(1))
    }

    @Test func whatFailsIsLeftAloneForAWhile() {
        var stock = ZygoteStock(policy: .init(failures: 2, pause: .seconds(60)))
        for number in 1...2 {
            #expect(stock.way(python, now: start) == .start)
            stock.began(python, number: number, now: start)
            stock.ended(number, isFinal: false, now: start)
        }
        #expect(stock.way(python, now: start) == .alone)
        #expect(stock.removeExcess(now: start + .seconds(59)) == [])
        #expect(stock.way(python, now: start + .seconds(59)) == .alone)
        #expect(stock.way(python, now: start + .seconds(60)) == .start)
    }

    @Test func whatNeverWillDoIsNotTriedAgain() {
        var stock = ZygoteStock()
        stock.began(python, number: 1, now: start)
        stock.ended(1, isFinal: true, now: start)
        let later = start + .seconds(100_000)
        #expect(stock.removeExcess(now: later) == [])
        #expect(stock.way(python, now: later) == .alone)
    }

    @Test func aWornOneIsReplacedWithoutAGap() {
        var stock = serving(.init(forks: 2))
        #expect(stock.worn(now: start) == nil)
        stock.used(1, now: start)
        stock.used(1, now: start)
        #expect(stock.worn(now: start) == python)
        stock.began(python, number: 2, now: start)
        #expect(stock.worn(now: start) == nil)
        #expect(stock.way(python, now: start) == .fork(1))
        stock.ready(2, now: start)
        #expect(stock.way(python, now: start) == .fork(2))
        #expect(stock.removeExcess(now: start) == [1])
        #expect(stock.removeExcess(now: start) == [])
        // Its end is no failure of the new one.
        stock.ended(1, isFinal: false, now: start)
        #expect(stock.way(python, now: start) == .fork(2))
    }

    @Test func anOldOneIsReplacedWhileItIsOfUse() {
        var stock = serving(.init(memory: .seconds(300), age: .seconds(900)))
        #expect(stock.worn(now: start + .seconds(901)) == nil)
        stock.used(1, now: start + .seconds(800))
        #expect(stock.worn(now: start + .seconds(900)) == nil)
        #expect(stock.worn(now: start + .seconds(901)) == python)
    }

    @Test func aSuccessorThatFailsIsNotTriedWithoutEnd() {
        var stock = serving(.init(forks: 1, pause: .seconds(60)))
        stock.used(1, now: start)
        stock.began(python, number: 2, now: start)
        stock.ended(2, isFinal: false, now: start)
        #expect(stock.way(python, now: start) == .fork(1))
        #expect(stock.worn(now: start + .seconds(59)) == nil)
        #expect(stock.worn(now: start + .seconds(60)) == python)
    }

    @Test func whatNobodyNeedsEnds() {
        var stock = serving(.init(memory: .seconds(300)))
        #expect(stock.removeExcess(now: start + .seconds(300)) == [])
        #expect(stock.removeExcess(now: start + .seconds(301)) == [1])
        #expect(stock.way(python, now: start + .seconds(301)) == .start)
    }

    @Test func thereAreNoMoreThanTheMaximum() {
        var stock = serving(.init(maximum: 1))
        #expect(stock.way(ruby, now: start) == .alone)
        stock.ended(1, isFinal: false, now: start)
        #expect(stock.way(ruby, now: start) == .start)
    }
}
