import NIOCore
import Synchronization

/// Counts the sandboxes that exist, so that the fleet can wait until there are none.
final class SandboxTracker: Sendable {
    private struct State {
        var alive = 0
        var waiting: [EventLoopPromise<Void>] = []
    }
    private let state = Mutex(State())

    func started() { state.withLock { $0.alive += 1 } }

    func ended() {
        let promises: [EventLoopPromise<Void>] = state.withLock { state in
            state.alive -= 1
            guard state.alive == 0 else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for promise in promises { promise.succeed() }
    }

    /// Completes when no sandbox is left.
    func none(on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        let isEmpty = state.withLock { state in
            if state.alive > 0 { state.waiting.append(promise) }
            return state.alive == 0
        }
        if isEmpty { promise.succeed() }
        return promise.futureResult
    }
}
