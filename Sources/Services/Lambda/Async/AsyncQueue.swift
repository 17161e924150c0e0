import Fleet
import Logging
import NIOCore
import Storage
import Synchronization

/// The queue of asynchronous invocations: what it accepts is on disk, and is tried until it has an outcome, whatever
/// ends in between.
///
/// An event for which there is room when it comes goes to its function straight from memory, while it is written; the
/// others are claimed from the store when their turn comes (``AsyncLanes``). Claims are leases of this node, which the
/// next process of the same name takes back.
final class AsyncQueue: Sendable {
    /// How long this node has an event for itself, in milliseconds; renewed for as long as it is at hand.
    private static let lease: Int64 = 600_000
    /// How often leases are looked through.
    private static let renewalPause = Duration.seconds(60)
    /// How many events of a function that is gone are deleted at a time.
    private static let deletion = 2_000

    private struct State {
        var lanes: AsyncLanes
        /// When the lease of each event at hand ends.
        var leases: [AsyncEvent.ID: (function: FunctionKey, end: Int64)] = [:]
        var lastPosition: Int64 = 0
        /// For which a sleeper is there.
        var alarm: Int64?
        /// The last event could not be written.
        var isFailing = false
        var isStopped = false
    }

    private let database: any Database
    private let journal: AsyncJournal
    private let attempt: AsyncAttempt
    private let node: String
    private let clock: @Sendable () -> Int64
    private let eventLoops: any EventLoopGroup
    private let logger: Logger
    private let state: Mutex<State>
    private let wakeups: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    /// - Parameters:
    ///   - database: Has had ``AsyncEventTable/migrations`` applied.
    ///   - node: The name of this process among those that share the database; the same after a restart.
    ///   - clock: Milliseconds since 1970.
    init(
        database: any Database, attempt: AsyncAttempt, node: String, limits: AsyncLanes.Limits,
        clock: @escaping @Sendable () -> Int64, eventLoops: any EventLoopGroup, logger: Logger
    ) {
        self.database = database
        self.attempt = attempt
        self.node = node
        self.clock = clock
        self.eventLoops = eventLoops
        self.logger = logger
        state = Mutex(State(lanes: AsyncLanes(limits: limits)))
        journal = AsyncJournal(database: database, node: node, lease: Self.lease, clock: clock, logger: logger)
        (wakeups, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Takes up what an earlier process left. Before the first event is accepted.
    func prepare() async throws {
        let now = clock()
        let functions = try await database.write { [node] connection in
            let table = AsyncEventTable(connection: connection)
            for (function, _) in try table.functions() { try table.release(function, node: node, now: now) }
            return try table.functions()
        }
        state.withLock { state in
            for (function, due) in functions { state.lanes.arrived(function, due: due, now: now) }
        }
    }

    // MARK: Accepting

    /// What is to be invoked.
    struct Request: Sendable {
        var requestID: String
        var target: FunctionTarget
        var creation: Int64
        var payload: ByteBuffer
        var clientContext: String?
        var traceID: String
        var isSampled: Bool
        var meters: LambdaMeters
    }

    /// The event may reach its function before it is on disk. If it then cannot be written it has run all the same, as
    /// that of a caller who does not hear the answer; until something could be written again no other does.
    ///
    /// - Returns: Succeeds once the event is on disk.
    func accept(_ request: Request, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        let now = clock()
        let (event, isClaimed, isBegun) = state.withLock { state in
            state.lastPosition = max(state.lastPosition + 1, now << 10)
            let event = AsyncEvent(
                id: AsyncEvent.ID(position: state.lastPosition, request: request.requestID), target: request.target,
                creation: request.creation, payload: request.payload, clientContext: request.clientContext,
                traceID: request.traceID,
                isSampled: request.isSampled, accepted: now, due: now, lease: now + Self.lease)
            let isClaimed = state.lanes.admit(event)
            if isClaimed { state.leases[event.id] = (event.function, event.lease) }
            return (event, isClaimed, isClaimed && !state.isFailing)
        }
        let accepted = promise.futureResult
        if isBegun {
            begin(event, accepted, on: eventLoop)
        } else if isClaimed {
            accepted.whenComplete { result in
                switch result {
                case .success: self.start(event, on: eventLoop)
                case .failure: self.ended(event, wasRun: false)
                }
            }
        }
        journal.add(event, isClaimed: isClaimed) { result in
            switch result {
            case .success(let count):
                request.meters.record(.asyncEventsReceived, at: now)
                promise.succeed()
                self.settled(event, isClaimed: isClaimed, with: count)
            case .failure(let error):
                promise.fail(error)
                self.settled(event, isClaimed: isClaimed, with: 0)
            }
        }
        return accepted
    }

    /// Tries an event that is being written. What comes of it counts once it is: there is nothing to note it of before.
    private func begin(_ event: AsyncEvent, _ accepted: EventLoopFuture<Void>, on eventLoop: any EventLoop) {
        guard eventLoop.inEventLoop else {
            return eventLoop.execute { self.begin(event, accepted, on: eventLoop) }
        }
        attempt.run(event, on: eventLoop).whenSuccess { verdict in
            accepted.whenComplete { result in
                switch result {
                case .success: self.settle(event, verdict)
                case .failure: self.ended(event, wasRun: false)
                }
            }
        }
    }

    /// - Parameter count: How many events were accepted by the same commit; 0: it failed.
    private func settled(_ event: AsyncEvent, isClaimed: Bool, with count: Int) {
        let mustLook = state.withLock { state in
            state.isFailing = count == 0
            let mayStart = state.lanes.accepted(with: count)
            guard count > 0, !isClaimed else { return mayStart }
            state.lanes.arrived(event.function, due: event.due, now: event.due)
            return true
        }
        if mustLook { pump() }
    }

    private func arrived(_ function: FunctionKey, due: Int64) {
        state.withLock { $0.lanes.arrived(function, due: due, now: clock()) }
        pump()
    }

    /// Deletes the events of a function that is gone. What this leaves, because the store fails or because it is with
    /// its function just now, ends in its turn: no other function gets it.
    ///
    /// - Parameter creation: Which function of that name.
    func remove(_ function: FunctionKey, creation: Int64) async throws {
        state.withLock { state in
            for event in state.lanes.remove(function, creation: creation) { state.leases[event.id] = nil }
        }
        do {
            var deleted = Self.deletion
            while deleted == Self.deletion {
                deleted = try await database.write {
                    try AsyncEventTable(connection: $0).delete(function, creation: creation, limit: Self.deletion)
                }
            }
        } catch {
            let now = clock()
            for due in [now, now + Self.lease] { arrived(function, due: due) }
            throw error
        }
    }

    func removeAll() async throws {
        state.withLock { state in
            for event in state.lanes.removeAll() { state.leases[event.id] = nil }
        }
        try await database.write { try AsyncEventTable(connection: $0).deleteAll() }
    }

    /// Looks at the clock.
    func wake() { signal.yield() }

    // MARK: Dispatching

    /// Dispatches until the task is cancelled. By then nothing may come any more, nor be with its function; what is at
    /// hand is given back. Runs at most once.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.journal.run() }
            group.addTask { await self.dispatch() }
            group.addTask { await self.renew() }
        }
        stop()
        await journal.close()
    }

    private func dispatch() async {
        signal.yield()
        await withDiscardingTaskGroup { group in
            for await _ in wakeups {
                pump()
                let alarm: Int64? = state.withLock { state in
                    guard let alarm = state.lanes.alarm, alarm < state.alarm ?? .max else { return nil }
                    state.alarm = alarm
                    return alarm
                }
                if let alarm { group.addTask { await self.sleep(until: alarm) } }
            }
            group.cancelAll()
        }
    }

    private func sleep(until alarm: Int64) async {
        try? await Task.sleep(for: .milliseconds(max(1, alarm - clock())))
        state.withLock { state in
            if state.alarm == alarm { state.alarm = nil }
        }
        signal.yield()
    }

    /// Has the leases of what is at hand go on.
    private func renew() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.renewalPause)
            let now = clock()
            state.withLock { state in
                // Under the lock, so that nobody notes the end of an event by a lease that is not written down yet.
                for (id, lease) in state.leases where lease.end < now + Self.lease / 2 {
                    state.leases[id] = (lease.function, now + Self.lease)
                    journal.renew(id, of: lease.function, lease: lease.end, until: now + Self.lease)
                }
            }
        }
    }

    /// Starts what may start, and claims what may be next.
    private func pump() {
        let now = clock()
        let (moves, isEarlier) = state.withLock { state in
            let moves = state.lanes.next(now: now)
            return (moves, state.lanes.alarm.map { $0 < state.alarm ?? .max } ?? false)
        }
        for event in moves.starts {
            let eventLoop = eventLoops.next()
            eventLoop.execute { self.start(event, on: eventLoop) }
        }
        for fetch in moves.fetches {
            journal.claim(fetch.function, limit: fetch.limit) { self.fetched(fetch, $0) }
        }
        if isEarlier { signal.yield() }
    }

    private func fetched(_ fetch: AsyncLanes.Fetch, _ result: Result<(events: [AsyncEvent], next: Int64?), any Error>) {
        let now = clock()
        state.withLock { state in
            switch result {
            case .success(let found):
                for event in found.events { state.leases[event.id] = (event.function, event.lease) }
                state.lanes.fetched(fetch, found.events, next: found.next, now: now)
            case .failure: state.lanes.fetchFailed(fetch, now: now)
            }
        }
        pump()
    }

    // MARK: Trying

    /// Tries an event once; it counts as running.
    private func start(_ event: AsyncEvent, on eventLoop: any EventLoop) {
        attempt.run(event, on: eventLoop).whenSuccess { self.settle(event, $0) }
    }

    private func settle(_ event: AsyncEvent, _ verdict: AsyncAttempt.Verdict) {
        switch verdict {
        case .over(let others, let then, let wasRun):
            journal.note(event, lease: takeLease(event), .over(others), then)
            ended(event, wasRun: wasRun)
        case .again(let due):
            var event = event
            event.failures += 1
            event.due = due
            let function = event.function
            journal.note(event, lease: takeLease(event), .back) { self.arrived(function, due: due) }
            ended(event, wasRun: true)
        case .heldBack(let setback, let end):
            var event = event
            event.setback = setback
            let mustGiveBack = state.withLock { state in
                if !state.isStopped { state.lanes.heldBack(event, until: end, now: clock()) }
                return state.isStopped
            }
            if mustGiveBack { giveBack(event) } else { pump() }
        case .shuttingDown:
            stop()
            giveBack(event)
        }
    }

    private func giveBack(_ event: AsyncEvent) {
        journal.note(event, lease: takeLease(event), .back)
        ended(event, wasRun: false)
    }

    private func ended(_ event: AsyncEvent, wasRun: Bool) {
        state.withLock { state in
            state.leases[event.id] = nil
            state.lanes.ended(event, wasRun: wasRun)
        }
        pump()
    }

    private func takeLease(_ event: AsyncEvent) -> Int64 {
        state.withLock { $0.leases.removeValue(forKey: event.id)?.end ?? 0 }
    }

    /// Gives back what waits for its turn.
    private func stop() {
        let waiting = state.withLock { state in
            state.isStopped = true
            return state.lanes.stop()
        }
        for event in waiting { journal.note(event, lease: takeLease(event), .back) }
    }

    /// When the clock is looked at again, for tests.
    var alarm: Int64? { state.withLock { $0.lanes.alarm } }

    /// How many events the store has, for tests and metrics.
    func count() async throws -> Int { try await database.read { try AsyncEventTable(connection: $0).count() } }
}
