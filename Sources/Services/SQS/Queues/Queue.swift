import AWSWire
import Metrics
import NIOCore
import Policies
import Synchronization

/// What is kept of a queue.
struct QueueDefinition: Sendable {
    var key: QueueKey
    /// No other queue has or had it.
    var id: Int64
    /// Goes up with each change.
    var revision: Int64
    /// Seconds since 1970.
    var created: Int64
    /// Seconds since 1970.
    var modified: Int64
    /// Milliseconds since 1970.
    var purged: Int64?
    var attributes: QueueAttributes
    var tags: [String: String]
}

/// A queue in memory: one object for as long as the queue lives.
final class Queue: Sendable {
    private struct State {
        var definition: QueueDefinition
        var policy: CompiledPolicy?
        /// At most how many messages are in flight; nil before they were counted.
        var inFlight: Int?
        /// Whether the last look found as many messages as it wanted, or some came since.
        var isPromising = true
    }

    let id: Int64
    let key: QueueKey
    let isFIFO: Bool
    let hub: QueueHub
    let meters: QueueMeters
    private let state: Mutex<State>

    init(_ definition: QueueDefinition, clock: any QueueClock, meters: Meters) {
        id = definition.id
        key = definition.key
        isFIFO = definition.attributes.kind == .fifo
        hub = QueueHub(clock: clock)
        self.meters = QueueMeters(definition.key, meters: meters, now: clock.milliseconds())
        state = Mutex(State(definition: definition, policy: Self.compile(definition.attributes.policy)))
    }

    var definition: QueueDefinition { state.withLock { $0.definition } }
    var attributes: QueueAttributes { state.withLock { $0.definition.attributes } }
    var policy: CompiledPolicy? { state.withLock { $0.policy } }

    /// - Returns: Whether it is newer than what was known.
    @discardableResult
    func publish(_ definition: QueueDefinition) -> Bool {
        state.withLock { state in
            guard definition.revision > state.definition.revision else { return false }
            if definition.attributes.policy != state.definition.attributes.policy {
                state.policy = Self.compile(definition.attributes.policy)
            }
            state.definition = definition
            return true
        }
    }

    private static func compile(_ text: String?) -> CompiledPolicy? {
        text.flatMap { try? PolicyDocument(parsing: ByteBuffer(string: $0)) }.map { CompiledPolicy($0) }
    }

    // MARK: Hints

    /// Whether a look is likely to find messages: then it is not worth its while to look before it takes them.
    var isPromising: Bool {
        get { state.withLock { $0.isPromising } }
        set { state.withLock { $0.isPromising = newValue } }
    }

    /// Whether so many more may be in flight for all that is known.
    func mayTake(_ count: Int, limit: Int) -> Bool {
        state.withLock { state in
            guard let inFlight = state.inFlight, inFlight + count <= limit else { return false }
            state.inFlight = inFlight + count
            return true
        }
    }

    func setInFlight(_ count: Int?) { state.withLock { $0.inFlight = count } }

    /// Messages have come that can be had now.
    func came(_ count: Int) {
        isPromising = true
        hub.signal(count)
    }
}
