import NIOCore
import Synchronization

/// The connections that are open, so that there are not too many and a shutdown can wait for them.
final class Connections: Sendable {
    /// Tells a connection to end as soon as it has answered what it took on.
    struct Quiesce: Sendable {}

    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        /// Of execution environments: how many from each address, and in all.
        var bySource: [String: Int] = [:]
        var fromFunctions = 0
        var isQuiescing = false
        var waiters: [EventLoopPromise<Void>] = []
    }

    private let limits: GatewayLimits
    private let state = Mutex(State())

    init(limits: GatewayLimits) {
        self.limits = limits
    }

    var count: Int { state.withLock { $0.channels.count } }

    /// - Parameter source: The address of the execution environment that it comes from; nil for everybody else.
    /// - Returns: false when there are as many as may be, or a shutdown has begun.
    func add(_ channel: any Channel, from source: String? = nil) -> Bool {
        let added = state.withLock { state in
            guard !state.isQuiescing, state.channels.count < limits.connections else { return false }
            if let source {
                let count = state.bySource[source] ?? 0
                guard count < limits.environmentConnections, state.fromFunctions < limits.functionConnections else {
                    return false
                }
                state.bySource[source] = count + 1
                state.fromFunctions += 1
            }
            state.channels[ObjectIdentifier(channel)] = channel
            return true
        }
        if added { channel.closeFuture.whenComplete { [self] _ in remove(channel, from: source) } }
        return added
    }

    private func remove(_ channel: any Channel, from source: String?) {
        let waiters = state.withLock { state in
            state.channels[ObjectIdentifier(channel)] = nil
            if let source, let count = state.bySource[source] {
                state.bySource[source] = count == 1 ? nil : count - 1
                state.fromFunctions -= 1
            }
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
