import Synchronization

/// Those who wait for messages of one queue, in the order in which they came.
///
/// Who looks for messages notes the ``generation`` first. What could give it some raises that, so that nobody goes to
/// sleep over a message that came between the look and the sleep. One waiter is woken for each message; the time at
/// which the next one becomes visible is one alarm of the queue, not of each waiter.
final class QueueHub: Sendable {
    /// A place in the line: it is kept by who finds nothing and waits on.
    struct Ticket: Sendable {
        fileprivate var number: UInt64
    }

    private struct State {
        var generation: UInt64 = 0
        var tickets: UInt64 = 0
        /// In the order of their tickets.
        var waiting: [(ticket: UInt64, gate: Gate)] = []
        var alarm: (time: Int64, alarm: any QueueAlarm)?
    }

    private let state = Mutex(State())
    private let clock: any QueueClock

    init(clock: any QueueClock) { self.clock = clock }

    var generation: UInt64 { state.withLock { $0.generation } }
    var hasWaiters: Bool { state.withLock { !$0.waiting.isEmpty } }
    var waiters: Int { state.withLock { $0.waiting.count } }

    func ticket() -> Ticket {
        state.withLock { state in
            state.tickets += 1
            return Ticket(number: state.tickets)
        }
    }

    /// There are so many more messages to be had.
    func signal(_ count: Int = 1) {
        let woken = state.withLock { state in
            state.generation += 1
            let woken = state.waiting.prefix(count).map(\.gate)
            state.waiting.removeFirst(woken.count)
            return woken
        }
        for gate in woken { gate.open() }
    }

    /// Everybody looks again: the queue is gone, or is another than it was.
    func signalAll() { signal(.max) }

    /// A message will be visible at that time, in milliseconds since 1970.
    func expect(at time: Int64) {
        // Who is just looking has to look again.
        state.withLock { $0.generation += 1 }
        expectForWaiters(at: time)
    }

    /// Waits until there may be a message, or until `deadline`.
    ///
    /// - Parameters:
    ///   - generation: As of before the look that found nothing.
    ///   - next: When the next message becomes visible, as far as was known at that look.
    func wait(_ ticket: Ticket, since generation: UInt64, next: Int64?, until deadline: Int64) async {
        let gate = Gate()
        let mustSleep = state.withLock { state in
            guard state.generation == generation else { return false }
            let place = state.waiting.firstIndex { $0.ticket > ticket.number } ?? state.waiting.endIndex
            state.waiting.insert((ticket.number, gate), at: place)
            return true
        }
        guard mustSleep else { return }
        if let next { expectForWaiters(at: next) }
        let end = clock.schedule(at: deadline) { gate.open() }
        await withTaskCancellationHandler {
            await gate.wait()
        } onCancel: {
            gate.open()
        }
        end.cancel()
        leave(ticket)
    }

    /// As ``expect(at:)``, by one who has looked.
    func expectForWaiters(at time: Int64) {
        let now = clock.milliseconds()
        let needsAlarm = state.withLock { state in
            !state.waiting.isEmpty && (state.alarm.map { $0.time > time || $0.time <= now } ?? true)
        }
        if needsAlarm { setAlarm(at: time) }
    }

    private func leave(_ ticket: Ticket) {
        let idle = state.withLock { state -> (any QueueAlarm)? in
            state.waiting.removeAll { $0.ticket == ticket.number }
            guard state.waiting.isEmpty, let alarm = state.alarm else { return nil }
            state.alarm = nil
            return alarm.alarm
        }
        idle?.cancel()
    }

    private func setAlarm(at time: Int64) {
        let now = clock.milliseconds()
        let alarm = clock.schedule(at: time) { [weak self] in self?.ring(at: time) }
        let former = state.withLock { state -> (any QueueAlarm)? in
            if let present = state.alarm, present.time <= time, present.time > now { return alarm }
            defer { state.alarm = (time, alarm) }
            return state.alarm?.alarm
        }
        former?.cancel()
    }

    private func ring(at time: Int64) {
        state.withLock { state in
            if let alarm = state.alarm, alarm.time <= time { state.alarm = nil }
        }
        signal()
    }
}
