import AWSWire
import NIOCore
import Synchronization

/// One client that follows some groups, and what it is still to be told.
///
/// A client that reads too slowly loses the oldest of what waits for it, as on AWS: nobody else waits for it.
final class LiveTailSession: Sendable {
    /// Whose it is.
    struct Owner: Sendable, Hashable {
        var account: String
        var region: String
    }

    enum Streams: Sendable {
        case all
        case names(Set<String>)
        case prefixes([String])

        func contain(_ name: String) -> Bool {
            switch self {
            case .all: true
            case .names(let names): names.contains(name)
            case .prefixes(let prefixes): prefixes.contains { name.utf8.starts(with: $0.utf8) }
            }
        }
    }

    /// How long a session lasts, in milliseconds.
    static let duration: Int64 = 3 * 3_600_000
    /// How many updates wait for a slow client.
    private static let backlogLimit = 10

    private struct State {
        var sample = LiveTailSample()
        var backlog: CircularBuffer<ByteBuffer> = []
        var hasLost = false
    }

    let owner: Owner
    let groups: [GroupKey]
    /// What the client reads.
    let stream = ResponseStream()
    private let streams: Streams
    private let pattern: FilterPattern
    /// Milliseconds since 1970.
    private let started: Int64
    private let state = Mutex(State())
    private let isWritable = Atomic(true)

    init(owner: Owner, groups: [GroupKey], streams: Streams, pattern: FilterPattern, started: Int64) {
        self.owner = owner
        self.groups = groups
        self.streams = streams
        self.pattern = pattern
        self.started = started
        stream.whenWritable { [weak self] in self?.isWritable.store(true, ordering: .releasing) }
    }

    /// Writes what stands before the first update.
    func begin(_ messages: [ByteBuffer]) { write(messages) }

    /// Takes what is asked for of a stream's new events.
    func take(_ events: [StoredEvent], of stream: StreamKey, at time: Int64) {
        guard streams.contain(stream.name) else { return }
        let wanted = events.filter { pattern.isEmpty || pattern.matches(Array($0.message)) }
        guard !wanted.isEmpty else { return }
        state.withLock { state in
            for event in wanted { state.sample.add(.init(event: event, stream: stream, ingested: time)) }
        }
    }

    /// Tells the client what came since the last time.
    ///
    /// - Returns: false once the session has ended.
    func tick(now: Int64) -> Bool {
        if stream.isCancelled { return false }
        let (sample, hasLost) = state.withLock { state in
            defer {
                state.sample = LiveTailSample()
                state.hasLost = false
            }
            return (state.sample, state.hasLost)
        }
        let update = LiveTailFrames.update(sample, hasLost: hasLost)
        state.withLock { state in
            state.backlog.append(update)
            if state.backlog.count > Self.backlogLimit {
                state.backlog.removeFirst()
                state.hasLost = true
            }
        }
        while isWritable.load(ordering: .acquiring), let next = state.withLock({ $0.backlog.popFirst() }) {
            write([next])
        }
        guard now - started < Self.duration else {
            _ = stream.write(LiveTailFrames.timeout)
            stream.finish()
            return false
        }
        return true
    }

    /// The stream may say that it can be written to before it has said that it cannot.
    private func write(_ messages: [ByteBuffer]) {
        isWritable.store(false, ordering: .releasing)
        if stream.write(contentsOf: messages) { isWritable.store(true, ordering: .releasing) }
    }

    func end() { stream.finish() }
}

/// The events of one second, as far as one update takes them: beyond that, some of them by chance.
struct LiveTailSample: Sendable {
    struct Entry: Sendable {
        var event: StoredEvent
        var stream: StreamKey
        /// Milliseconds since 1970.
        var ingested: Int64
    }

    /// As on AWS.
    static let limit = 500
    /// Of messages: a message of the stream must not become too long for clients.
    static let bytes = 1 << 20

    private var kept: [Entry] = []
    private var size = 0
    private var seen = 0
    /// Whether some were left out.
    private(set) var isSampled = false

    mutating func add(_ entry: Entry) {
        seen += 1
        if kept.count < Self.limit {
            kept.append(entry)
            size += entry.event.message.count
        } else {
            isSampled = true
            let place = Int.random(in: 0..<seen)
            guard place < kept.count else { return }
            size += entry.event.message.count - kept[place].event.message.count
            kept[place] = entry
        }
        while size > Self.bytes, kept.count > 1 {
            isSampled = true
            let last = kept.removeLast()
            let place = Int.random(in: 0...kept.count)
            guard place < kept.count else {
                size -= last.event.message.count
                continue
            }
            size -= kept[place].event.message.count
            kept[place] = last
        }
    }

    /// In the order in which they came.
    var entries: [Entry] { kept.sorted { $0.event.position.sequence < $1.event.position.sequence } }
}
