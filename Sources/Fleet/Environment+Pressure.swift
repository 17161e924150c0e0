import NIOCore
import Synchronization

/// What an environment takes of the machine, and when it lets go of it.
extension Environment {
    // MARK: Processors

    /// INIT has taken so long that others have its place: it yields no more.
    func yieldNoMore() {
        onLoop { if case .initialising(let session, _, _) = self.state { session.raise() } }
    }

    /// INIT is over.
    func leavePlace() {
        place?.leave()
        place = nil
    }

    /// When it is to be frozen, if it stays idle; `end` when never.
    func freezeTime(before end: NIODeadline) -> NIODeadline {
        configuration.freezeDelay.map { min(end, eventLoop.now + TimeAmount($0)) } ?? end
    }

    /// When it became idle, on the fleet's clock.
    var idleSince: UInt64 { idleSinceTime.load(ordering: .relaxed) }

    // MARK: Memory

    /// Ends the environment, which the pool has given up, for its memory: returns how much that is, MiB.
    func giveWay() -> Int {
        let claim = memory.withLock { $0 }
        claim?.beginEnd()
        close()
        return max(1, claim?.mebibytes ?? 0)
    }

    /// Counts what INIT took, and room for an invocation of which nothing is known yet.
    func noteInitialMemory(_ session: SandboxSession) {
        _ = session.memoryPeakBytes()
        noteMemory(session, atLeast: MemoryBudget.unproven)
    }

    /// Counts what the environment has been seen to hold.
    func noteMemory(_ session: SandboxSession, atLeast least: Int = 0) {
        let bytes = session.lastPeakBytes
        let seen = bytes > 0 ? max(least, Int((bytes + 1_048_575) >> 20)) : version.memoryMiB
        let mebibytes = min(version.memoryMiB, seen)
        memory.withLock { $0 }?.change(to: mebibytes)
        pool.note(mebibytes: mebibytes)
    }
}
