import NIOCore

/// One deadline of a connection that moves often. Moving it on costs no timer: the timer that is set looks, when it
/// fires, whether the deadline has gone ahead.
///
/// Used on its event loop only.
final class Watchdog {
    private let eventLoop: any EventLoop
    private let expired: () -> Void
    private var deadline: NIODeadline?
    private var timer: (task: Scheduled<Void>, at: NIODeadline)?

    init(on eventLoop: any EventLoop, expired: @escaping () -> Void) {
        self.eventLoop = eventLoop
        self.expired = expired
    }

    @discardableResult func set(after amount: TimeAmount) -> NIODeadline {
        let deadline = eventLoop.now + amount
        self.deadline = deadline
        if let timer, timer.at <= deadline { return deadline }
        timer?.task.cancel()
        arm(at: deadline)
        return deadline
    }

    /// Nothing is waited for until the next deadline is set.
    func pause() {
        deadline = nil
    }

    func cancel() {
        deadline = nil
        timer?.task.cancel()
        timer = nil
    }

    private func arm(at time: NIODeadline) {
        let task = eventLoop.assumeIsolated().scheduleTask(deadline: time) { [weak self] in
            guard let self else { return }
            self.fire()
        }
        timer = (task, time)
    }

    private func fire() {
        timer = nil
        guard let deadline else { return }
        if deadline <= eventLoop.now {
            self.deadline = nil
            expired()
        } else {
            arm(at: deadline)
        }
    }
}
