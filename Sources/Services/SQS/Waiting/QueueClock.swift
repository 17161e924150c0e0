import AWSWire
package import NIOCore

/// The time by which messages become visible and expire. Tests have one that they turn by hand.
package protocol QueueClock: Sendable {
    /// Milliseconds since 1970.
    func milliseconds() -> Int64

    /// Calls `body` once at that time, or right away when it has passed.
    func schedule(at milliseconds: Int64, _ body: @escaping @Sendable () -> Void) -> any QueueAlarm
}

/// What is to happen at a time.
package protocol QueueAlarm: Sendable {
    /// It need not happen any more.
    func cancel()
}

/// The wall clock, with the timers of an event loop.
package struct LoopClock: QueueClock {
    private struct Alarm: QueueAlarm {
        var scheduled: Scheduled<Void>

        func cancel() { scheduled.cancel() }
    }

    private let loop: any EventLoop

    package init(_ loop: any EventLoop) { self.loop = loop }

    package func milliseconds() -> Int64 { WallClock.milliseconds() }

    package func schedule(at milliseconds: Int64, _ body: @escaping @Sendable () -> Void) -> any QueueAlarm {
        let delay = max(0, milliseconds - self.milliseconds())
        return Alarm(scheduled: loop.scheduleTask(in: .milliseconds(delay)) { body() })
    }
}

extension QueueClock {
    /// Suspends until that time; returns at once where the task is cancelled.
    func sleep(until milliseconds: Int64) async {
        let gate = Gate()
        let alarm = schedule(at: milliseconds) { gate.open() }
        await withTaskCancellationHandler {
            await gate.wait()
        } onCancel: {
            gate.open()
        }
        alarm.cancel()
    }
}
