import Synchronization
import Testing

@testable import Fleet

@Suite struct HookTests {
    /// As many accesses as environments come and go in seconds.
    @Test func isCalledByTheSameWayHoweverOften() {
        let hook = Hook<Int>()
        let depths = Mutex<[UInt]>([])
        hook.call(0)
        hook.set { number in
            var place = number
            let address = withUnsafeMutablePointer(to: &place) { UInt(bitPattern: $0) }
            depths.withLock { $0.append(address) }
        }
        for number in 1...1000 { hook.call(number) }
        let all = depths.withLock { $0 }
        #expect(all.count == 1000)
        // Every wrapping would be a frame of the stack.
        #expect(Set(all).count == 1)
    }
}
