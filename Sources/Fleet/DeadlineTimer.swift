import NIOCore

/// One deadline that moves often and passes rarely.
///
/// Moving it costs nothing: a task that is scheduled already stays, and when it runs early it schedules itself again
/// for what is left. So an invocation neither schedules nor cancels anything, and an idle environment wakes its loop
/// once. Lives on its event loop.
final class DeadlineTimer: @unchecked Sendable {
    private let eventLoop: any EventLoop
    private let expired: @Sendable () -> Void
    private var deadline: NIODeadline?
    private var armed: (at: NIODeadline, task: Scheduled<Void>)?

    init(on eventLoop: any EventLoop, expired: @escaping @Sendable () -> Void) {
        self.eventLoop = eventLoop
        self.expired = expired
    }

    /// Sets the deadline, or none.
    func set(_ deadline: NIODeadline?) {
        eventLoop.assertInEventLoop()
        self.deadline = deadline
        guard let deadline else { return }
        if let armed {
            if armed.at <= deadline { return }
            armed.task.cancel()
        }
        arm(deadline)
    }

    /// Ends the timer and lets go of what it calls.
    func cancel() {
        deadline = nil
        armed?.task.cancel()
        armed = nil
    }

    private func arm(_ time: NIODeadline) {
        armed = (time, eventLoop.scheduleTask(deadline: time) { self.fire() })
    }

    private func fire() {
        armed = nil
        guard let deadline else { return }
        if deadline <= eventLoop.now {
            self.deadline = nil
            expired()
        } else {
            arm(deadline)
        }
    }
}
