import NIOCore
import Synchronization

/// The connections that are open, so that there are not too many and a shutdown can wait for them. Where there would be
/// too many, those that have been idle for longest make room: nobody is shut out by clients that only hold theirs.
final class Connections: Sendable {
    /// Tells a connection to end as soon as it has answered what it took on.
    struct Quiesce: Sendable {}

    private struct Entry {
        var channel: any Channel
        var idleness: Idleness
        var isOfFunction: Bool
        var isLeaving = false
    }

    /// Connections that share a limit.
    private struct Share {
        var open = 0
        /// Of these, those that were told to make room.
        var leaving = 0
        /// None is looked for before that time: none was idle.
        var nextSearch = NIODeadline.uptimeNanoseconds(0)
    }

    private struct State {
        var entries: [ObjectIdentifier: Entry] = [:]
        /// Of execution environments: how many from each address.
        var bySource: [String: Int] = [:]
        var all = Share()
        var functions = Share()
        var isQuiescing = false
        var waiters: [EventLoopPromise<Void>] = []
    }

    /// How long nobody looks for idle connections once there was none.
    private static let pause = TimeAmount.milliseconds(100)

    private let limits: GatewayLimits
    /// For how long an idle connection keeps its place in any case.
    private let grace: TimeAmount
    private let state = Mutex(State())

    init(limits: GatewayLimits, grace: TimeAmount) {
        self.limits = limits
        self.grace = grace
    }

    var count: Int { state.withLock { $0.all.open } }

    /// - Parameter source: The address of the execution environment that it comes from; nil for everybody else.
    /// - Returns: What it is to say of itself; nil when there are as many as may be and none is idle, or a shutdown has
    ///   begun.
    func add(_ channel: any Channel, from source: String? = nil) -> Idleness? {
        var leaving: [any Channel] = []
        let idleness: Idleness? = state.withLock { state in
            guard !state.isQuiescing else { return nil }
            if let source {
                guard state.bySource[source] ?? 0 < limits.environmentConnections,
                    hasRoom(\.functions, limits.functionConnections, &state, &leaving)
                else { return nil }
            }
            guard hasRoom(\.all, limits.connections, &state, &leaving) else { return nil }
            if let source {
                state.bySource[source, default: 0] += 1
                state.functions.open += 1
            }
            state.all.open += 1
            let entry = Entry(channel: channel, idleness: Idleness(), isOfFunction: source != nil)
            state.entries[ObjectIdentifier(channel)] = entry
            return entry.idleness
        }
        // One that has got a request meanwhile answers it and goes then.
        for channel in leaving { channel.pipeline.fireUserInboundEventTriggered(Quiesce()) }
        if idleness != nil { channel.closeFuture.whenComplete { [self] _ in remove(channel, from: source) } }
        return idleness
    }

    /// Whether a share has room for one more, for which its longest idle connections leave: a few at once, so that not
    /// every newcomer has them looked for. There are a few too many until they have.
    private func hasRoom(
        _ path: WritableKeyPath<State, Share>, _ limit: Int, _ state: inout State, _ leaving: inout [any Channel]
    ) -> Bool {
        let share = state[keyPath: path]
        if share.open - share.leaving < limit { return share.open < Self.most(limit) }
        let now = NIODeadline.now()
        guard now >= share.nextSearch else { return false }
        let isOfFunctions = path == \State.functions
        // Who came last is to have time to say what for: newcomers do not push each other out.
        let latest = now - grace
        let idle = state.entries.compactMap { id, entry -> (id: ObjectIdentifier, since: NIODeadline)? in
            guard !entry.isLeaving, entry.isOfFunction || !isOfFunctions, let since = entry.idleness.since,
                since <= latest
            else { return nil }
            return (id, since)
        }
        guard !idle.isEmpty else {
            state[keyPath: path].nextSearch = now + Self.pause
            return false
        }
        for (id, _) in idle.sorted(by: { $0.since < $1.since }).prefix(max(1, limit / 64)) {
            guard var entry = state.entries[id] else { continue }
            entry.isLeaving = true
            state.entries[id] = entry
            state.all.leaving += 1
            if entry.isOfFunction { state.functions.leaving += 1 }
            leaving.append(entry.channel)
        }
        return state[keyPath: path].open < Self.most(limit)
    }

    /// How many connections there may be while those that are to leave have not.
    private static func most(_ limit: Int) -> Int { limit + max(8, limit / 8) }

    private func remove(_ channel: any Channel, from source: String?) {
        let waiters = state.withLock { state in
            guard let entry = state.entries.removeValue(forKey: ObjectIdentifier(channel)) else {
                return [EventLoopPromise<Void>]()
            }
            state.all.open -= 1
            if entry.isLeaving { state.all.leaving -= 1 }
            if let source, let count = state.bySource[source] {
                state.bySource[source] = count == 1 ? nil : count - 1
                state.functions.open -= 1
                if entry.isLeaving { state.functions.leaving -= 1 }
            }
            guard state.entries.isEmpty else { return [] }
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
            if !state.entries.isEmpty { state.waiters.append(drained) }
            return state.entries.values.map(\.channel)
        }
        if open.isEmpty { drained.succeed() }
        for channel in open { channel.pipeline.fireUserInboundEventTriggered(Quiesce()) }
        let cut = eventLoop.scheduleTask(in: amount) { [self] in
            let left = state.withLock { $0.entries.values.map(\.channel) }
            for channel in left { channel.close(promise: nil) }
        }
        drained.futureResult.whenComplete { _ in cut.cancel() }
        return drained.futureResult
    }
}

/// Since when a connection has been idle: what it tells the others of itself, without a lock.
final class Idleness: Sendable {
    /// Nanoseconds of the loop's clock; 0 while it has a request.
    private let time = Atomic<UInt64>(0)

    /// nil while it has a request.
    var since: NIODeadline? {
        let time = time.load(ordering: .relaxed)
        return time == 0 ? nil : .uptimeNanoseconds(time)
    }

    func begin(at time: NIODeadline) { self.time.store(time.uptimeNanoseconds, ordering: .relaxed) }

    func end() { time.store(0, ordering: .relaxed) }
}
