import Metrics
import Synchronization

/// All queues, as of the last commit that changed them.
final class QueueRegistry: Sendable {
    private let queues = Mutex<[QueueKey: Queue]>([:])
    private let clock: any QueueClock
    private let meters: Meters

    init(clock: any QueueClock, meters: Meters) {
        self.clock = clock
        self.meters = meters
    }

    subscript(key: QueueKey) -> Queue? { queues.withLock { $0[key] } }

    func queue(arn: String) -> Queue? { QueueKey(arn: arn).flatMap { self[$0] } }

    /// In the order of their names.
    func all(account: String, region: String) -> [Queue] {
        queues.withLock { queues in
            queues.values.filter { $0.key.account == account && $0.key.region == region }
        }.sorted { $0.key.name < $1.key.name }
    }

    var all: [Queue] { queues.withLock { Array($0.values) } }

    /// The queues whose dead letters go to that one, in the order of their names.
    func sources(of target: QueueKey) -> [Queue] {
        let arn = target.arn
        return all.filter { $0.attributes.redrive?.target == arn }.sorted { $0.key.name < $1.key.name }
    }

    /// A queue that is new, or new here.
    func add(_ definition: QueueDefinition) {
        queues.withLock { queues in
            if let queue = queues[definition.key], queue.id >= definition.id { return }
            queues[definition.key] = Queue(definition, clock: clock, meters: meters)
        }
    }

    func remove(_ queue: Queue) {
        queues.withLock { queues in
            if queues[queue.key]?.id == queue.id { queues[queue.key] = nil }
        }
        queue.hub.signalAll()
    }

    func removeAll() {
        let all = queues.withLock { queues in
            defer { queues = [:] }
            return Array(queues.values)
        }
        for queue in all { queue.hub.signalAll() }
    }
}
