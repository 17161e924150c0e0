import NIOCore

/// Which event is tried next: what the dispatcher decides by, without a clock or a store of its own.
///
/// Every function has a lane of its own, in which its events stay in order. Lanes take turns, so that a function with a
/// million events keeps no other waiting; one that is throttled waits as a whole instead of trying one event after the
/// other. Of what lies in the store each lane has a few events at hand. Times are milliseconds.
///
/// The outbox has lanes, too, and no more than that in common. Its parcels are due each at its own time, because a
/// target's failure says nothing of the next parcel; they are claimed as they are sent, and no lane widens, rests or
/// waits for memory. What both share is whose turn it is: fewer lines than a policy for either would be.
struct AsyncLanes {
    struct Limits: Hashable, Sendable {
        /// How many events are with their functions at a time.
        var running = 1_000
        /// How many of one function there may be of these, as long as there is any room. Functions that take more on
        /// get more, one by one, until they are throttled or ``wide`` are running: the rest is for others.
        var narrow = 64
        /// What the payloads at hand may take, in bytes; an event that is larger comes alone.
        var bytes = 67_108_864
        /// How many events are claimed at once.
        var batch = 128
        /// How many events are accepted by one commit when so many callers come that they go first: then one event
        /// starts for each ``share`` that are accepted.
        var crowd = 8
        var share = 8

        /// How many may be running, of all functions, for one that has more than its narrow share to get another.
        var wide: Int { running - running / 4 }
    }

    /// Events to be claimed for a lane.
    struct Fetch: Hashable, Sendable {
        var function: FunctionKey
        var limit: Int
        fileprivate var arrivals: Int
    }

    struct Moves: Sendable {
        /// To be given to their functions, in this order.
        var starts: [AsyncEvent] = []
        var fetches: [Fetch] = []
    }

    private struct Lane {
        /// Claimed events that wait for their turn, in order.
        var ready = CircularBuffer<AsyncEvent>()
        var running = 0
        /// Whether the store may have events that are due.
        var hasMore = false
        var isFetching = false
        /// Grows with what comes into the store, so that a fetch knows what it could not see.
        var arrivals = 0
        /// When the store has events that are not due yet.
        var nextDue: Int64?
        /// How many may run: fewer after the function was throttled, more after it has taken on as many as that.
        var width: Int
        /// Successes since the width was changed.
        var credit = 0
        var pausedUntil: Int64?
        /// In a row.
        var pauses = 0
        var isInTurn = false

        var isIdle: Bool {
            running == 0 && ready.isEmpty && !hasMore && !isFetching && nextDue == nil && pausedUntil == nil
        }
    }

    let limits: Limits
    private var lanes: [FunctionKey: Lane] = [:]
    /// The lanes that may have something to do.
    private var turns = CircularBuffer<FunctionKey>()
    private(set) var running = 0
    private(set) var bytes = 0
    /// How many are to be accepted.
    private var accepting = 0
    private var isCrowded = false
    /// What was accepted in the crowd for which nothing has started.
    private var credit = 0
    /// When to look again, whatever happens; nil: when something happens.
    private(set) var alarm: Int64?
    private var isStopped = false

    init(limits: Limits = Limits()) { self.limits = limits }

    /// How many lanes there are: none that has nothing to do.
    var count: Int { lanes.count }

    // MARK: What comes

    /// Whether a new event may go to its function as soon as it is in the store, which it then counts as running for:
    /// nothing waits before it, and there is room. ``accepted(with:)`` is to follow.
    mutating func admit(_ event: AsyncEvent) -> Bool {
        accepting += 1
        let lane = lanes[event.function] ?? Lane(width: limits.narrow)
        guard !isStopped, mayStart, mayStart(lane), lane.ready.isEmpty, !lane.hasMore, !lane.isFetching,
            lane.pausedUntil == nil, hasRoom(for: event.payload.readableBytes)
        else { return false }
        change(event.function) { $0.running += 1 }
        running += 1
        pay()
        bytes += event.payload.readableBytes
        return true
    }

    /// A new event is in the store, or could not be.
    ///
    /// - Parameter count: How many are, by the same commit.
    /// - Returns: Whether something may start because of that.
    mutating func accepted(with count: Int) -> Bool {
        accepting -= 1
        isCrowded = accepting > 0 && (count == 0 ? isCrowded : count >= limits.crowd)
        credit = isCrowded ? min(credit + 1, limits.share * limits.narrow) : 0
        return mayStart && !turns.isEmpty
    }

    /// The store has an event of the function that nobody has claimed.
    mutating func arrived(_ function: FunctionKey, due: Int64, now: Int64) {
        change(function) { lane in
            lane.arrivals += 1
            if due <= now { lane.hasMore = true } else { lane.nextDue = min(lane.nextDue ?? due, due) }
        }
        if due > now { setAlarm(due) }
        offerTurn(function)
    }

    /// - Parameters:
    ///   - events: What was claimed.
    ///   - next: When the first of the others is due; nil when there are none.
    mutating func fetched(_ fetch: Fetch, _ events: [AsyncEvent], next: Int64?, now: Int64) {
        change(fetch.function) { lane in
            lane.isFetching = false
            lane.ready.append(contentsOf: events)
            let isComplete = lane.arrivals == fetch.arrivals
            if isComplete { lane.nextDue = nil }
            if let next {
                if next <= now { lane.hasMore = true } else { lane.nextDue = min(lane.nextDue ?? next, next) }
            }
            if isComplete, next.map({ $0 > now }) ?? true { lane.hasMore = false }
        }
        bytes += events.reduce(0) { $0 + $1.payload.readableBytes }
        if let next, next > now { setAlarm(next) }
        offerTurn(fetch.function)
    }

    /// The store could not be read: the lane rests.
    mutating func fetchFailed(_ fetch: Fetch, now: Int64) {
        pause(fetch.function, until: now + AsyncRetryPolicy.backOff(1)) { $0.isFetching = false }
    }

    // MARK: What ends

    /// An event is not with its function any more, nor here.
    mutating func ended(_ event: AsyncEvent, wasRun: Bool) {
        running -= 1
        bytes -= event.payload.readableBytes
        let widest = max(limits.narrow, limits.wide)
        change(event.function) { lane in
            lane.running -= 1
            guard wasRun else { return }
            lane.pauses = 0
            guard lane.width < widest else { return }
            lane.credit += 1
            if lane.credit >= lane.width {
                // A quarter more, so that one that is at its limit is not throttled for every other event.
                lane.width = min(widest, lane.width + max(1, lane.width / 4))
                lane.credit = 0
            }
        }
        offerTurn(event.function)
    }

    /// The function, or the system, could not take an event on: it goes back to the head of its lane, which then has no
    /// more running than were taken on, or rests when none was.
    ///
    /// - Parameter end: When the event will be too old.
    mutating func heldBack(_ event: AsyncEvent, until end: Int64, now: Int64) {
        running -= 1
        var until: Int64?
        change(event.function) { lane in
            lane.running -= 1
            let place = lane.ready.firstIndex { event.id.position < $0.id.position } ?? lane.ready.endIndex
            lane.ready.insert(event, at: place)
            lane.credit = 0
            lane.width = max(1, lane.running)
            guard lane.running == 0, lane.pausedUntil == nil else { return }
            lane.pauses += 1
            until = max(now + 1, min(end, now + AsyncRetryPolicy.backOff(lane.pauses)))
        }
        if let until { pause(event.function, until: until) { _ in } } else { offerTurn(event.function) }
    }

    /// The function is gone. What of its events runs ends in its time; another of its name has a lane that does not
    /// rest.
    ///
    /// - Returns: The claimed events that did not get their turn.
    mutating func remove(_ function: FunctionKey, creation: Int64) -> [AsyncEvent] {
        let waiting = lanes[function].map { $0.ready.filter { $0.creation == creation } } ?? []
        bytes -= waiting.reduce(0) { $0 + $1.payload.readableBytes }
        change(function) { lane in
            lane.ready.removeAll { $0.creation == creation }
            lane.pausedUntil = nil
            lane.pauses = 0
        }
        offerTurn(function)
        return waiting
    }

    /// Nothing is in the store any more.
    ///
    /// - Returns: The claimed events that did not get their turn.
    mutating func removeAll() -> [AsyncEvent] {
        let waiting = lanes.values.flatMap { Array($0.ready) }
        bytes -= waiting.reduce(0) { $0 + $1.payload.readableBytes }
        for function in Array(lanes.keys) {
            change(function) { lane in
                lane.ready.removeAll()
                lane.hasMore = false
                lane.nextDue = nil
                lane.pausedUntil = nil
            }
        }
        return waiting
    }

    /// Starts nothing any more.
    ///
    /// - Returns: The claimed events that did not get their turn.
    mutating func stop() -> [AsyncEvent] {
        isStopped = true
        let waiting = lanes.values.flatMap { Array($0.ready) }
        for function in lanes.keys { lanes[function]?.ready.removeAll() }
        bytes -= waiting.reduce(0) { $0 + $1.payload.readableBytes }
        return waiting
    }

    // MARK: What is next

    mutating func next(now: Int64) -> Moves {
        var moves = Moves()
        if isStopped { return moves }
        if let alarm, alarm <= now { ring(now) }
        var rest = turns.count
        while rest > 0, mayStart, running < limits.running, let function = turns.popFirst() {
            rest -= 1
            guard var lane = lanes[function] else { continue }
            lane.isInTurn = false
            defer { lanes[function] = lane.isIdle ? nil : lane }
            guard lane.pausedUntil == nil else { continue }
            if mayStart(lane), let event = lane.ready.popFirst() {
                lane.running += 1
                running += 1
                pay()
                moves.starts.append(event)
                rest = turns.count + 1
            }
            if let fetch = fetch(function, &lane) { moves.fetches.append(fetch) }
            if lane.running < lane.width, !lane.ready.isEmpty {
                lane.isInTurn = true
                turns.append(function)
            }
        }
        return moves
    }

    /// More for a lane that has less at hand than may run.
    private func fetch(_ function: FunctionKey, _ lane: inout Lane) -> Fetch? {
        guard lane.hasMore, !lane.isFetching, lane.ready.count < max(1, lane.width / 2) else { return nil }
        guard hasRoom(for: 0) || lane.running + lane.ready.count == 0 else { return nil }
        lane.isFetching = true
        let wanted = 2 * lane.width - lane.ready.count
        return Fetch(function: function, limit: max(1, min(limits.batch, wanted)), arrivals: lane.arrivals)
    }

    /// Whether it is any event's turn, and not that of those who wait to be accepted.
    private var mayStart: Bool { !isCrowded || credit >= limits.share }

    private mutating func pay() {
        if isCrowded { credit -= limits.share }
    }

    private func mayStart(_ lane: Lane) -> Bool {
        lane.running < lane.width && running < (lane.running < limits.narrow ? limits.running : limits.wide)
    }

    private func hasRoom(for size: Int) -> Bool { bytes == 0 || bytes + size < limits.bytes }

    /// Ends the pauses that are over, sees which events are due by now, and sets the next alarm.
    private mutating func ring(_ now: Int64) {
        alarm = nil
        for function in Array(lanes.keys) {
            change(function) { lane in
                if let until = lane.pausedUntil, until <= now { lane.pausedUntil = nil }
                if let due = lane.nextDue, due <= now {
                    lane.nextDue = nil
                    lane.hasMore = true
                }
            }
            guard let lane = lanes[function] else { continue }
            for time in [lane.pausedUntil, lane.nextDue].compactMap(\.self) { setAlarm(time) }
            offerTurn(function)
        }
    }

    // MARK: Helpers

    private mutating func change(_ function: FunctionKey, _ body: (inout Lane) -> Void) {
        var lane = lanes[function] ?? Lane(width: limits.narrow)
        body(&lane)
        lanes[function] = lane.isIdle ? nil : lane
    }

    private mutating func pause(_ function: FunctionKey, until time: Int64, _ body: (inout Lane) -> Void) {
        change(function) { lane in
            lane.pausedUntil = time
            body(&lane)
        }
        setAlarm(time)
    }

    private mutating func setAlarm(_ time: Int64) { alarm = min(alarm ?? time, time) }

    private mutating func offerTurn(_ function: FunctionKey) {
        guard let lane = lanes[function], !lane.isInTurn, lane.pausedUntil == nil else { return }
        guard lane.hasMore && !lane.isFetching || !lane.ready.isEmpty && lane.running < lane.width else { return }
        lanes[function]?.isInTurn = true
        turns.append(function)
    }
}
