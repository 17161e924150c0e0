import Linux
import NIOCore
import NIOPosix
import Synchronization
import Testing
import TestSupport

@testable import Fleet

/// Who may initialise when.
@Suite struct AdmissionTests {
    // MARK: The queue

    @Test func differentKeysAreServedInOrder() {
        var queue = AdmissionQueue<String, Int>()
        for (number, key) in ["a", "b", "c"].enumerated() { queue.enter(number, of: key) }
        #expect(queue.next == 0)
        #expect((0..<4).map { _ in queue.leave() } == [0, 1, 2, nil])
        #expect(queue.count == 0)
    }

    @Test func whoWantsMuchKeepsNobodyWaiting() {
        var queue = AdmissionQueue<String, String>()
        for number in 1...4 { queue.enter("a\(number)", of: "a") }
        #expect(queue.leave() == "a1")
        queue.enter("b1", of: "b")
        queue.enter("b2", of: "b")
        queue.enter("c1", of: "c")
        #expect((0..<7).map { _ in queue.leave() } == ["b1", "c1", "a2", "b2", "a3", "a4", nil])
        // Whose starts are all over begins anew.
        queue.enter("b3", of: "b")
        queue.enter("a5", of: "a")
        #expect((0..<3).map { _ in queue.leave() } == ["b3", "a5", nil])
    }

    /// Each key's own order is kept, nothing is lost, and between two starts of a key that waits no other has more than
    /// one and a half rounds.
    @Test(arguments: 0..<20) func randomStormsAreFair(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var queue = AdmissionQueue<Int, (key: Int, number: Int)>()
        var (entered, left) = ([Int: Int](), [Int: Int]())
        for _ in 0..<2000 {
            if Bool.random(using: &generator) {
                let key = Int.random(in: 0..<5, using: &generator)
                queue.enter((key, entered[key, default: 0]), of: key)
                entered[key, default: 0] += 1
            } else if let (key, number) = queue.leave() {
                #expect(number == left[key, default: 0])
                left[key] = number + 1
            }
        }
        while let (key, number) = queue.leave() {
            #expect(number == left[key, default: 0])
            left[key] = number + 1
        }
        #expect(entered == left && queue.count == 0 && queue.next == nil)
    }

    // MARK: Places

    private final class Guests: Sendable {
        let admitted = Mutex<[(number: Int, place: Admission.Place)]>([])
        let refused = Mutex<[FleetError]>([])
        /// Both, in their order.
        let told = Notes()

        func enter(_ admission: Admission, _ number: Int, mebibytes: Int = 1, name: String? = nil) {
            let key = FunctionVersion.Key(
                account: "0", region: "r", name: name ?? "f\(number)", version: "1", revision: "1")
            admission.enter(key, mebibytes: mebibytes) { result in
                switch result {
                case .success(let place): self.admitted.withLock { $0.append((number, place)) }
                case .failure(let error): self.refused.withLock { $0.append(error) }
                }
                self.told.add((try? result.get()) == nil ? "no \(number)" : "\(number)")
            }
        }

        var numbers: [Int] { admitted.withLock { $0.map(\.number) } }
        func place(_ number: Int) -> Admission.Place? { admitted.withLock { $0.first { $0.number == number }?.place } }
    }

    private func admission(_ change: (inout FleetConfiguration) -> Void) -> Admission {
        Admission(
            configuration: .changed { configuration in
                configuration.admissionWidth = 2
                configuration.admissionHold = .seconds(600)
                // Nothing happens but what a test does, unless it asks for more.
                configuration.admissionPace = .seconds(600)
                configuration.warmth = .seconds(600)
                configuration.hasIdleProcessor = { false }
                change(&configuration)
            }, eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
    }

    @Test func soManyInitialiseAtATime() {
        let (admission, guests) = (admission { _ in }, Guests())
        for number in 0..<5 { guests.enter(admission, number) }
        #expect(guests.numbers == [0, 1] && admission.waiting == 3)
        guests.place(1)?.leave()
        #expect(guests.numbers == [0, 1, 2])
        // Once is enough.
        guests.place(1)?.leave()
        #expect(guests.numbers == [0, 1, 2])
        guests.place(0)?.leave()
        guests.place(2)?.leave()
        #expect(guests.numbers == [0, 1, 2, 3, 4] && admission.waiting == 0)
    }

    @Test func whoIsAloneYieldsToNobody() {
        let (admission, guests) = (admission { _ in }, Guests())
        admission.noteWarm(.now())
        guests.enter(admission, 0)
        guests.enter(admission, 1)
        #expect(guests.place(0)?.precedence == .ordinary && guests.place(1)?.precedence == .yielding)
        guests.place(0)?.leave()
        guests.place(1)?.leave()
        guests.enter(admission, 2)
        #expect(guests.place(2)?.precedence == .ordinary)
    }

    @Test func withoutWarmInvocationsNobodyYields() {
        let (admission, guests) = (admission { _ in }, Guests())
        guests.enter(admission, 0)
        guests.enter(admission, 1)
        guests.place(0)?.leave()
        admission.noteWarm(.now())
        guests.enter(admission, 2)
        #expect(guests.place(1)?.precedence == .ordinary && guests.place(2)?.precedence == .yielding)
    }

    @Test func aLongInitialisationLosesItsPlace() async throws {
        let (admission, guests) = (
            admission {
                $0.admissionHold = .milliseconds(20)
                $0.admissionPace = .milliseconds(10)
            }, Guests()
        )
        let lost = Notes()
        for number in 0..<5 { guests.enter(admission, number) }
        guests.place(0)?.onOverdue { lost.add("lost") }
        try await eventually("all are admitted") { guests.numbers.count == 5 }
        #expect(guests.numbers == [0, 1, 2, 3, 4] && lost.all.count == 1)
        guests.place(1)?.onOverdue { lost.add("lost") }
        #expect(lost.all.count == 2)
    }

    @Test func anIdleProcessorLetsMoreIn() async throws {
        let (admission, guests) = (
            admission {
                $0.hasIdleProcessor = { true }
                $0.admissionPace = .milliseconds(10)
            }, Guests()
        )
        for number in 0..<20 { guests.enter(admission, number) }
        try await eventually("all are admitted") { guests.numbers.count == 20 }
        #expect(guests.numbers == Array(0..<20))
    }

    /// Whoever gives its place back at once, thousands of times.
    @Test func leavingAtOnceTakesNoStack() {
        let admission = admission { $0.admissionWidth = 1 }
        let (first, left) = (Guests(), Notes())
        first.enter(admission, 0)
        for _ in 0..<20_000 {
            admission.enter(.init(account: "0", region: "r", name: "f", version: "1", revision: "1"), mebibytes: 1) {
                left.add("left")
                if case .success(let place) = $0 { place.leave() }
            }
        }
        first.place(0)?.leave()
        #expect(left.all.count == 20_000)
    }

    @Test func nobodyIsAdmittedAfterTheEnd() {
        let (admission, guests) = (admission { $0.admissionWidth = 1 }, Guests())
        guests.enter(admission, 0)
        guests.enter(admission, 1)
        admission.end()
        guests.enter(admission, 2)
        #expect(guests.numbers == [0] && guests.refused.withLock { $0 } == [.shuttingDown, .shuttingDown])
    }

    // MARK: Memory

    @Test func memoryIsWaitedForInOrderAndNotForEver() async throws {
        let (admission, guests) = (
            admission {
                $0.memoryMiB = 100
                $0.admissionWidth = 10
                $0.memoryPatience = .milliseconds(50)
                $0.admissionPace = .milliseconds(10)
            }, Guests()
        )
        let missing = Notes()
        admission.onShortage.set { mebibytes in missing.add("\(mebibytes)") }
        guests.enter(admission, 0, mebibytes: 80)
        guests.enter(admission, 1, mebibytes: 30)
        guests.enter(admission, 2, mebibytes: 10)
        // The second waits for memory, and the third for the second.
        #expect(missing.all.first == "10")
        try await eventually("the second is refused") { guests.told.all.count == 3 }
        #expect(guests.told.all == ["0", "no 1", "2"])
        #expect(guests.refused.withLock { $0 } == [.outOfCapacity])
        #expect(admission.budget.usedMiB == 90)
        guests.place(0)?.memory.release()
        guests.place(0)?.memory.release()
        #expect(admission.budget.usedMiB == 10)
    }

    /// The tenth of ten does not wait ten times as long: when the first is told, none is left.
    @Test func allWaitForMemoryAtOnce() async throws {
        let admission = admission {
            $0.memoryMiB = 100
            $0.admissionWidth = 1
            $0.memoryPatience = .milliseconds(50)
            $0.admissionPace = .milliseconds(10)
        }
        let (first, left) = (Guests(), Notes())
        first.enter(admission, 0, mebibytes: 80)
        for number in 1...10 {
            admission.enter(
                .init(account: "0", region: "r", name: "f\(number)", version: "1", revision: "1"), mebibytes: 30
            ) { _ in left.add("\(admission.waiting)") }
        }
        // Its memory stays claimed.
        first.place(0)?.leave()
        try await eventually("all are refused") { left.all.count == 10 }
        #expect(left.all == Array(repeating: "0", count: 10))
    }

    @Test func claimsFollowWhatIsSeen() {
        let budget = MemoryBudget(mebibytes: 100)
        guard let claim = budget.claim(60) else {
            Issue.record("no claim")
            return
        }
        #expect(budget.claim(60) == nil && budget.missing(for: 60) == 20)
        claim.change(to: 12)
        #expect(budget.usedMiB == 12 && budget.missing(for: 60) == 0)
        claim.change(to: 90)
        claim.beginEnd()
        claim.beginEnd()
        // What is about to end has not ended, but nothing more has to.
        #expect(budget.claim(60) == nil && budget.missing(for: 60) == 0)
        claim.release()
        #expect(budget.usedMiB == 0 && budget.claim(60) != nil)
        // One that is alone gets what it wants: it will see what there is.
        #expect(MemoryBudget(mebibytes: 100).claim(10_240) != nil)
        #expect(MemoryBudget(mebibytes: nil).claim(1 << 40)?.mebibytes == 1 << 40)
    }
}
