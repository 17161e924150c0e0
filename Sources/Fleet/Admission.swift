import Linux
import NIOCore
import Synchronization

/// Lets environments initialise at the rate that this machine can take: a few at a time, the others in order
/// (``AdmissionQueue``), within the memory that there is for them (``MemoryBudget``).
///
/// An initialisation has its place for some time only: one that waits for something else than a processor, or takes
/// long, keeps nobody from starting for longer than that; and as long as a processor is idle more are let in. While
/// there are warm invocations, each but one that is alone yields to everything else on the machine as long as it has
/// its place.
final class Admission: Sendable {
    /// The right to initialise, until ``leave()``.
    final class Place: Sendable {
        let precedence: Precedence
        let memory: MemoryBudget.Claim
        fileprivate let until: NIODeadline
        private let admission: Admission
        private let state = Mutex((isLeft: false, isOverdue: false, onOverdue: (@Sendable () -> Void)?.none))

        fileprivate init(
            _ admission: Admission, _ precedence: Precedence, _ memory: MemoryBudget.Claim, until: NIODeadline
        ) {
            self.admission = admission
            self.precedence = precedence
            self.memory = memory
            self.until = until
        }

        /// Calls `body` when the place has been given to another before ``leave()``: at once when it has been.
        func onOverdue(_ body: @escaping @Sendable () -> Void) {
            let isOverdue = state.withLock { state in
                if !state.isOverdue, !state.isLeft { state.onOverdue = body }
                return state.isOverdue
            }
            if isOverdue { body() }
        }

        /// The initialisation is over, however. The memory stays claimed.
        func leave() {
            let mustTell = state.withLock { state in
                defer { (state.isLeft, state.onOverdue) = (true, nil) }
                return !state.isLeft && !state.isOverdue
            }
            if mustTell { admission.left(self) }
        }

        fileprivate func lose() {
            let body = state.withLock { state in
                defer { (state.isOverdue, state.onOverdue) = (true, nil) }
                return state.onOverdue
            }
            body?()
        }
    }

    typealias Body = @Sendable (Result<Place, FleetError>) -> Void

    private struct Ticket: Sendable {
        /// As far as is known when it is asked for.
        var mebibytes: @Sendable () -> Int
        var since: NIODeadline
        var body: Body
    }

    private struct State {
        var queue = AdmissionQueue<FunctionVersion.Key, Ticket>()
        /// Who has a place.
        var places: [ObjectIdentifier: Place] = [:]
        /// Since when who is next has been waiting for memory.
        var shortSince: NIODeadline?
        var isTicking = false
        /// Whether somebody acts on a verdict, and whether there may be more to do after it.
        var isProceeding = false
        var mustRepeat = false
        var isOver = false
    }

    private struct Verdict {
        var admitted: [(Ticket, Place)] = []
        var refused: [Ticket] = []
        var overdue: [Place] = []
        /// What has to be freed, MiB.
        var missing = 0
        var mustTick = false
    }

    let budget: MemoryBudget
    private let configuration: FleetConfiguration
    private let eventLoopGroup: any EventLoopGroup
    private let state = Mutex(State())
    /// When a warm invocation last began, to some milliseconds.
    private let warm = Atomic<UInt64>(0)
    /// Hears how many MiB are missing, and is to free them; says nothing when there are none to be had.
    let onShortage = Hook<Int>()

    init(configuration: FleetConfiguration, eventLoopGroup: any EventLoopGroup) {
        self.configuration = configuration
        self.eventLoopGroup = eventLoopGroup
        budget = MemoryBudget(mebibytes: configuration.memoryMiB)
    }

    /// An invocation begins for which nothing had to be initialised.
    func noteWarm(_ now: NIODeadline) {
        // Read by every invocation, written by few.
        let last = warm.load(ordering: .relaxed)
        if now.uptimeNanoseconds > last + 10_000_000 { warm.store(now.uptimeNanoseconds, ordering: .relaxed) }
    }

    /// How many wait, for tests and metrics.
    var waiting: Int { state.withLock { $0.queue.count } }

    /// Asks for a place to initialise in. `body` is called once: at once, when there is nobody before.
    ///
    /// - Parameter mebibytes: The memory that it is expected to take. Asked for when it is its turn: those before it
    ///   may have shown more by then.
    func enter(
        _ key: FunctionVersion.Key, mebibytes: @autoclosure @escaping @Sendable () -> Int, _ body: @escaping Body
    ) {
        let isOver = state.withLock { state in
            if !state.isOver { state.queue.enter(Ticket(mebibytes: mebibytes, since: .now(), body: body), of: key) }
            return state.isOver
        }
        if isOver { body(.failure(.shuttingDown)) } else { proceed() }
    }

    /// Refuses everybody from now on.
    func end() {
        let waiting = state.withLock { state in
            state.isOver = true
            var waiting: [Ticket] = []
            while let ticket = state.queue.leave() { waiting.append(ticket) }
            return waiting
        }
        for ticket in waiting { ticket.body(.failure(.shuttingDown)) }
    }

    private func left(_ place: Place) {
        state.withLock { _ = $0.places.removeValue(forKey: ObjectIdentifier(place)) }
        proceed()
    }

    /// - Parameter extra: How many more than usual may initialise.
    private func proceed(extra: Int = 0) {
        // One at a time, so that who is admitted may leave at once without end.
        let isMine = state.withLock { state in
            if state.isProceeding { state.mustRepeat = true }
            defer { state.isProceeding = true }
            return !state.isProceeding
        }
        guard isMine else { return }
        var extra = extra
        repeat {
            act(on: state.withLock { decide(&$0, extra: extra) })
            extra = 0
        } while state.withLock { state in
            defer { state.mustRepeat = false }
            state.isProceeding = state.mustRepeat
            return state.mustRepeat
        }
    }

    private func act(on verdict: Verdict) {
        for place in verdict.overdue { place.lose() }
        for ticket in verdict.refused { ticket.body(.failure(.outOfCapacity)) }
        for (ticket, place) in verdict.admitted { ticket.body(.success(place)) }
        if verdict.missing > 0 { onShortage.call(verdict.missing) }
        if verdict.mustTick {
            eventLoopGroup.any().scheduleTask(in: TimeAmount(configuration.admissionPace)) { self.tick() }
        }
    }

    private func tick() {
        let isWaitedFor = state.withLock { state in
            state.isTicking = false
            return state.queue.count > 0
        }
        let isIdle = isWaitedFor && configuration.hasIdleProcessor()
        proceed(extra: isIdle ? configuration.processors : 0)
    }

    private func decide(_ state: inout State, extra: Int) -> Verdict {
        let now = NIODeadline.now()
        var verdict = Verdict()
        for (id, place) in state.places where place.until <= now {
            state.places[id] = nil
            verdict.overdue.append(place)
        }
        let limit = max(state.places.count, configuration.admissionWidth) + extra
        while let ticket = state.queue.next, state.places.count < limit {
            guard let claim = budget.claim(ticket.mebibytes()) else {
                // All that wait do so for memory, not only who is next.
                let shortSince = state.shortSince ?? now
                state.shortSince = shortSince
                if max(shortSince, ticket.since) + TimeAmount(configuration.memoryPatience) > now {
                    verdict.missing = budget.missing(for: ticket.mebibytes())
                    break
                }
                verdict.refused.append(ticket)
                state.queue.leave()
                continue
            }
            state.queue.leave()
            state.shortSince = nil
            let isAlone = state.places.isEmpty && state.queue.count == 0
            // Without warm invocations there is nobody of ours to yield to, and others of this machine would only
            // slow it down.
            let last = warm.load(ordering: .relaxed)
            let isWarm = last > 0 && .uptimeNanoseconds(last) + TimeAmount(configuration.warmth) > now
            let place = Place(
                self, isAlone || !isWarm ? .ordinary : .yielding, claim,
                until: now + TimeAmount(configuration.admissionHold))
            state.places[ObjectIdentifier(place)] = place
            verdict.admitted.append((ticket, place))
        }
        let isWanted = state.queue.count > 0 || state.places.contains { $0.value.precedence == .yielding }
        verdict.mustTick = isWanted && !state.isTicking
        if verdict.mustTick { state.isTicking = true }
        return verdict
    }
}
