import ServiceLifecycle
import Synchronization

/// Whether consumers may wait for messages.
final class PollSwitch: Sendable {
    private let closed = Atomic(false)

    var isClosed: Bool { closed.load(ordering: .acquiring) }
    func close() { closed.store(true, ordering: .releasing) }
}

/// Has all who wait answered, with what there is, once the server is to end.
struct Polling: ServiceLifecycle.Service {
    let service: SQSService

    func run() async throws {
        try? await gracefulShutdown()
        service.polls.close()
        for queue in service.queues.all { queue.hub.signalAll() }
    }
}
