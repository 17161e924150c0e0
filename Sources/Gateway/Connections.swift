import NIOCore
import Synchronization

/// The connections that are open, so that there are not too many and a shutdown can wait for them.
final class Connections: Sendable {
    /// Tells a connection to end as soon as it has answered what it took on.
    struct Quiesce: Sendable {}

    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isQuiescing = false
        var waiters: [EventLoopPromise<Void>] = []
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) {
        self.limit = limit
    }

    var count: Int { state.withLock { $0.channels.count } }

    /// - Returns: false when there are as many as may be, or a shutdown has begun.
    func add(_ channel: any Channel) -> Bool {
        let added = state.withLock { state in
            guard !state.isQuiescing, state.channels.count < limit else { return false }
            state.channels[ObjectIdentifier(channel)] = channel
            return true
        }
        if added { channel.closeFuture.whenComplete { [self] _ in remove(channel) } }
        return added
    }

    private func remove(_ channel: any Channel) {
        let waiters = state.withLock { state in
            state.channels[ObjectIdentifier(channel)] = nil
            guard state.channels.isEmpty else { return [EventLoopPromise<Void>]() }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.succeed() }
    }

    /// Lets requests in flight finish and cuts the connections that are left at the deadline.
    ///
    /// - Returns: completes on `eventLoop` when none is open.
    func quiesce(within amount: TimeAmount, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let drained = eventLoop.makePromise(of: Void.self)
        let open = state.withLock { state in
            state.isQuiescing = true
            if !state.channels.isEmpty { state.waiters.append(drained) }
            return Array(state.channels.values)
        }
        if open.isEmpty { drained.succeed() }
        for channel in open { channel.pipeline.fireUserInboundEventTriggered(Quiesce()) }
        let cut = eventLoop.scheduleTask(in: amount) { [self] in
            let left = state.withLock { Array($0.channels.values) }
            for channel in left { channel.close(promise: nil) }
        }
        drained.futureResult.whenComplete { _ in cut.cancel() }
        return drained.futureResult
    }
}
