import Logging
import Storage
import Synchronization

/// All writes of the queue on their way to the store, in as few commits as can be: what comes while one commit is
/// synced shares the next one.
///
/// New events and claims are written at once. That an event is over can wait a moment for something to share a commit
/// with; a crash before then has it tried once more.
final class AsyncJournal: Sendable {
    /// What is to be written of an event that was claimed.
    enum Note: Sendable {
        /// It is over; whatever else belongs into the same commit is written only if it was still there.
        case over(@Sendable (any SQLConnection) throws -> Void)
        /// It is given back.
        case back
    }

    typealias Claimed = @Sendable (Result<(events: [AsyncEvent], next: Int64?), any Error>) -> Void

    private enum Entry: Sendable {
        case new(AsyncEvent, isClaimed: Bool, done: @Sendable ((any Error)?) -> Void)
        case claim(FunctionKey, limit: Int, done: Claimed)
    }

    private struct Noted: Sendable {
        var event: AsyncEvent
        var lease: Int64
        var note: Note
        var done: @Sendable () -> Void
    }

    private struct Renewal: Sendable {
        var id: AsyncEvent.ID
        var function: FunctionKey
        var lease: Int64
        var end: Int64
    }

    /// Whether notes wait for something to share a commit with.
    private enum Patience {
        case none
        case waiting
        /// They have waited for long enough.
        case over
    }

    private struct State {
        var entries: [Entry] = []
        var notes: [Noted] = []
        var renewals: [Renewal] = []
        var patience = Patience.none
        var isClosed = false
    }

    /// How many entries share a transaction at most.
    private static let batch = 256
    /// How long notes wait for something to share a commit with, and how many do at most.
    private static let linger = Duration.milliseconds(20)
    private static let lingering = 64
    /// After the store has failed.
    private static let pause = Duration.seconds(1)

    private let database: any Database
    private let node: String
    private let clock: @Sendable () -> Int64
    /// How long a claim lasts, in milliseconds.
    private let lease: Int64
    private let logger: Logger
    private let state = Mutex(State())
    private let wakeups: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init(
        database: any Database, node: String, lease: Int64, clock: @escaping @Sendable () -> Int64, logger: Logger
    ) {
        self.database = database
        self.node = node
        self.lease = lease
        self.clock = clock
        self.logger = logger
        (wakeups, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: What is to be written

    /// - Parameter done: Called once it is on disk, or cannot be.
    func add(
        _ event: AsyncEvent, isClaimed: Bool, _ done: @escaping @Sendable ((any Error)?) -> Void
    ) {
        submit(.new(event, isClaimed: isClaimed, done: done))
    }

    func claim(_ function: FunctionKey, limit: Int, _ done: @escaping Claimed) {
        submit(.claim(function, limit: limit, done: done))
    }

    /// - Parameter done: Called once it is on disk, however long that takes.
    func note(_ event: AsyncEvent, lease: Int64, _ note: Note, _ done: @escaping @Sendable () -> Void = {}) {
        state.withLock { $0.notes.append(Noted(event: event, lease: lease, note: note, done: done)) }
        signal.yield()
    }

    func renew(_ id: AsyncEvent.ID, of function: FunctionKey, lease: Int64, until end: Int64) {
        state.withLock { $0.renewals.append(Renewal(id: id, function: function, lease: lease, end: end)) }
        signal.yield()
    }

    private func submit(_ entry: Entry) {
        let isTaken = state.withLock { state in
            if !state.isClosed { state.entries.append(entry) }
            return !state.isClosed
        }
        if isTaken { signal.yield() } else { fail([entry], JournalClosed()) }
    }

    // MARK: Writing

    /// Writes until the task is cancelled; then everything that is left.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await _ in wakeups {
                switch await write(isLast: false) {
                case .done: break
                case .linger: group.addTask { await self.wait(Self.linger) }
                case .failed: group.addTask { await self.wait(Self.pause) }
                }
            }
            group.cancelAll()
        }
    }

    /// Takes nothing new any more, and writes what has been noted.
    func close() async {
        state.withLock { $0.isClosed = true }
        _ = await write(isLast: true)
    }

    private func wait(_ duration: Duration) async {
        try? await Task.sleep(for: duration)
        state.withLock { $0.patience = .over }
        signal.yield()
    }

    private enum Outcome {
        case done
        case linger
        case failed
    }

    private struct Batch {
        var entries: [Entry] = []
        var notes: [Noted] = []
        var renewals: [Renewal] = []

        var isEmpty: Bool { entries.isEmpty && notes.isEmpty && renewals.isEmpty }
    }

    private func write(isLast: Bool) async -> Outcome {
        while true {
            let (batch, mustLinger) = state.withLock { Self.take(&$0, isLast: isLast) }
            if mustLinger { return .linger }
            if batch.isEmpty { return .done }
            async let isNoted = write(batch.notes, batch.renewals)
            await write(batch.entries)
            guard await isNoted else {
                state.withLock { state in
                    state.notes.insert(contentsOf: batch.notes, at: 0)
                    state.renewals.insert(contentsOf: batch.renewals, at: 0)
                    state.patience = .waiting
                }
                return .failed
            }
        }
    }

    /// What the next transaction has: nothing as long as there are but a few notes, which may wait.
    private static func take(_ state: inout State, isLast: Bool) -> (Batch, mustLinger: Bool) {
        if state.entries.isEmpty, state.renewals.isEmpty, !isLast {
            switch state.patience {
            case .waiting: return (Batch(), false)
            case .none where !state.notes.isEmpty && state.notes.count < lingering:
                state.patience = .waiting
                return (Batch(), true)
            case .none, .over: break
            }
        }
        let batch = Batch(
            entries: Array(state.entries.prefix(Self.batch)), notes: Array(state.notes.prefix(Self.batch)),
            renewals: state.renewals)
        state.entries.removeFirst(batch.entries.count)
        state.notes.removeFirst(batch.notes.count)
        state.renewals = []
        if state.patience == .over { state.patience = .none }
        return (batch, false)
    }

    private func write(_ entries: [Entry]) async {
        if entries.isEmpty { return }
        do {
            let now = clock()
            let claimed = try await database.write { [node, lease] connection in
                let table = AsyncEventTable(connection: connection)
                var claimed: [(events: [AsyncEvent], next: Int64?)] = []
                for entry in entries {
                    switch entry {
                    case .new(let event, let isClaimed, _):
                        try table.insert(event, node: isClaimed ? node : nil)
                    case .claim(let function, let limit, _):
                        let events = try table.claim(
                            function, node: node, now: now, lease: now + lease, limit: limit)
                        claimed.append((events, try table.nextDue(function)))
                    }
                }
                return claimed
            }
            var next = claimed.makeIterator()
            for entry in entries {
                switch entry {
                case .new(_, _, let done): done(nil)
                case .claim(_, _, let done): if let found = next.next() { done(.success(found)) }
                }
            }
        } catch {
            logger.error("The queue of asynchronous invocations cannot be written", metadata: ["error": "\(error)"])
            fail(entries, error)
        }
    }

    /// - Returns: Whether it is on disk.
    private func write(_ notes: [Noted], _ renewals: [Renewal]) async -> Bool {
        if notes.isEmpty, renewals.isEmpty { return true }
        do {
            try await database.write { connection in
                let table = AsyncEventTable(connection: connection)
                for renewal in renewals {
                    try table.renew(renewal.id, of: renewal.function, lease: renewal.lease, until: renewal.end)
                }
                for noted in notes {
                    switch noted.note {
                    case .over(let others):
                        if try table.delete(noted.event, lease: noted.lease) { try others(connection) }
                    case .back: try table.release(noted.event, lease: noted.lease)
                    }
                }
            }
            for noted in notes { noted.done() }
            return true
        } catch {
            logger.error("The queue of asynchronous invocations cannot be written", metadata: ["error": "\(error)"])
            return false
        }
    }

    private func fail(_ entries: [Entry], _ error: any Error) {
        for entry in entries {
            switch entry {
            case .new(_, _, let done): done(error)
            case .claim(_, _, let done): done(.failure(error))
            }
        }
    }
}

/// The server ends.
struct JournalClosed: Error {}
