import Logging
import Storage
import Synchronization

/// All writes of the queue on their way to the store, in as few commits as can be: what comes while one commit is
/// synced shares the next one.
///
/// New events and claims are written at once. That an event is over can wait a moment for something to share a commit
/// with; a crash before then has it tried once more.
///
/// Whoever has something to write hands the store a unit of work, unless one waits there already. The unit takes what
/// there is when its turn comes, which is more than there was when it was handed over.
final class AsyncJournal: Sendable {
    /// What is to be written of an event that was claimed.
    enum Note: Sendable {
        /// It is over; whatever else belongs into the same commit is written only if it was still there.
        case over(@Sendable (any SQLConnection) throws -> Void)
        /// It is given back.
        case back
    }

    typealias Claimed = @Sendable (Result<(events: [AsyncEvent], next: Int64?), any Error>) -> Void
    /// Told how many new events there were in the commit, once it is on disk.
    typealias Added = @Sendable (Result<Int, any Error>) -> Void

    private enum Entry: Sendable {
        case new(AsyncEvent, isClaimed: Bool, done: Added)
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

    private struct Notes: Sendable {
        var noted: [Noted] = []
        var renewals: [Renewal] = []

        var isEmpty: Bool { noted.isEmpty && renewals.isEmpty }
    }

    /// What notes wait for.
    private enum Patience {
        case none
        /// Something to share a commit with.
        case lingering
        /// The store, which has failed.
        case resting
    }

    private struct State {
        var entries: [Entry] = []
        var notes = Notes()
        /// Whether a unit of work that will take them is with the store.
        var entriesAreDue = false
        var notesAreDue = false
        var patience = Patience.none
        var isClosed = false

        var notesMayGo: Bool { !notesAreDue && !notes.isEmpty && patience != .resting }
    }

    /// How many entries, and how many notes, share a unit of work at most.
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
    private let waits: AsyncStream<Duration>
    private let wait: AsyncStream<Duration>.Continuation

    init(
        database: any Database, node: String, lease: Int64, clock: @escaping @Sendable () -> Int64, logger: Logger
    ) {
        self.database = database
        self.node = node
        self.lease = lease
        self.clock = clock
        self.logger = logger
        // One at a time, as the patience says.
        (waits, wait) = AsyncStream.makeStream(of: Duration.self)
    }

    // MARK: What is to be written

    /// - Parameter done: Called once it is on disk, or cannot be; on a thread of the store, which it must not block.
    func add(_ event: AsyncEvent, isClaimed: Bool, _ done: @escaping Added) {
        submit(.new(event, isClaimed: isClaimed, done: done))
    }

    /// - Parameter done: As for ``add(_:isClaimed:_:)``.
    func claim(_ function: FunctionKey, limit: Int, _ done: @escaping Claimed) {
        submit(.claim(function, limit: limit, done: done))
    }

    /// - Parameter done: Called once it is on disk, however long that takes; on a thread of the store.
    func note(_ event: AsyncEvent, lease: Int64, _ note: Note, _ done: @escaping @Sendable () -> Void = {}) {
        noting { $0.noted.append(Noted(event: event, lease: lease, note: note, done: done)) }
    }

    func renew(_ id: AsyncEvent.ID, of function: FunctionKey, lease: Int64, until end: Int64) {
        noting { $0.renewals.append(Renewal(id: id, function: function, lease: lease, end: end)) }
    }

    private func submit(_ entry: Entry) {
        let (isTaken, units) = state.withLock { state -> (Bool, [WriteUnit]) in
            if state.isClosed { return (false, []) }
            state.entries.append(entry)
            if state.entriesAreDue { return (true, []) }
            state.entriesAreDue = true
            guard state.notesMayGo else { return (true, [entriesUnit()]) }
            state.notesAreDue = true
            return (true, [entriesUnit(), notesUnit()])
        }
        if !isTaken { fail([entry], JournalClosed()) }
        if !units.isEmpty { database.submit(units) }
    }

    private func noting(_ add: (inout Notes) -> Void) {
        let (isDue, mustWait) = state.withLock { state in
            add(&state.notes)
            if state.notesMayGo, state.notes.noted.count >= Self.lingering {
                state.notesAreDue = true
                return (true, false)
            }
            guard state.patience == .none, !state.notesAreDue else { return (false, false) }
            state.patience = .lingering
            return (false, true)
        }
        if isDue { database.submit([notesUnit()]) }
        if mustWait { wait.yield(Self.linger) }
    }

    // MARK: Writing

    /// Has notes written in their time, until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await duration in waits {
                group.addTask {
                    try? await Task.sleep(for: duration)
                    self.stopWaiting()
                }
            }
            group.cancelAll()
        }
    }

    private func stopWaiting() {
        let isDue = state.withLock { state in
            state.patience = .none
            guard state.notesMayGo else { return false }
            state.notesAreDue = true
            return true
        }
        if isDue { database.submit([notesUnit()]) }
    }

    /// Takes nothing new any more, and writes what has been noted.
    func close() async {
        state.withLock { $0.isClosed = true }
        while true {
            let notes = takeNotes()
            if notes.isEmpty { return }
            do {
                try await database.write { try Self.write(notes, $0) }
                for noted in notes.noted { noted.done() }
            } catch {
                return logFailure(error)
            }
        }
    }

    /// Writes the entries that there are when its turn comes.
    private func entriesUnit() -> WriteUnit {
        let taken = Mutex<[Entry]?>(nil)
        return WriteUnit(
            run: { connection in
                let entries = self.takeEntries()
                taken.withLock { $0 = entries }
                let claimed = try self.write(entries, connection)
                return { Self.tell(entries, claimed) }
            },
            fail: { error in
                self.logFailure(error)
                self.fail(taken.withLock { $0 } ?? self.takeEntries(), error)
            })
    }

    private func notesUnit() -> WriteUnit {
        let taken = Mutex(Notes())
        return WriteUnit(
            run: { connection in
                let notes = self.takeNotes()
                taken.withLock { $0 = notes }
                try Self.write(notes, connection)
                return { for noted in notes.noted { noted.done() } }
            },
            fail: { error in
                self.logFailure(error)
                self.putBack(taken.withLock { $0 })
            })
    }

    private func takeEntries() -> [Entry] {
        let (entries, mustGoOn) = state.withLock { state in
            let entries = Array(state.entries.prefix(Self.batch))
            state.entries.removeFirst(entries.count)
            state.entriesAreDue = !state.entries.isEmpty
            return (entries, state.entriesAreDue)
        }
        if mustGoOn { database.submit([entriesUnit()]) }
        return entries
    }

    private func takeNotes() -> Notes {
        let (notes, mustGoOn) = state.withLock { state in
            let noted = Array(state.notes.noted.prefix(Self.batch))
            let notes = Notes(noted: noted, renewals: state.notes.renewals)
            state.notes.noted.removeFirst(noted.count)
            state.notes.renewals = []
            state.notesAreDue = !state.notes.noted.isEmpty && !state.isClosed
            return (notes, state.notesAreDue)
        }
        if mustGoOn { database.submit([notesUnit()]) }
        return notes
    }

    /// What could not be written waits for the store to recover.
    private func putBack(_ notes: Notes) {
        let mustWait = state.withLock { state in
            state.notes.noted.insert(contentsOf: notes.noted, at: 0)
            state.notes.renewals.insert(contentsOf: notes.renewals, at: 0)
            state.notesAreDue = false
            defer { state.patience = .resting }
            return state.patience != .resting
        }
        if mustWait { wait.yield(Self.pause) }
    }

    /// - Returns: What was claimed, for each claim in their order.
    private func write(
        _ entries: [Entry], _ connection: any SQLConnection
    ) throws -> [(events: [AsyncEvent], next: Int64?)] {
        let now = clock()
        let table = AsyncEventTable(connection: connection)
        var claimed: [(events: [AsyncEvent], next: Int64?)] = []
        for entry in entries {
            switch entry {
            case .new(let event, let isClaimed, _): try table.insert(event, node: isClaimed ? node : nil)
            case .claim(let function, let limit, _):
                let events = try table.claim(function, node: node, now: now, lease: now + lease, limit: limit)
                claimed.append((events, try table.nextDue(function)))
            }
        }
        return claimed
    }

    private static func tell(_ entries: [Entry], _ claimed: [(events: [AsyncEvent], next: Int64?)]) {
        let added = entries.count - claimed.count
        var next = claimed.makeIterator()
        for entry in entries {
            switch entry {
            case .new(_, _, let done): done(.success(added))
            case .claim(_, _, let done): if let found = next.next() { done(.success(found)) }
            }
        }
    }

    private static func write(_ notes: Notes, _ connection: any SQLConnection) throws {
        let table = AsyncEventTable(connection: connection)
        for renewal in notes.renewals {
            try table.renew(renewal.id, of: renewal.function, lease: renewal.lease, until: renewal.end)
        }
        for noted in notes.noted {
            switch noted.note {
            case .over(let others): if try table.delete(noted.event, lease: noted.lease) { try others(connection) }
            case .back: try table.release(noted.event, lease: noted.lease)
            }
        }
    }

    private func fail(_ entries: [Entry], _ error: any Error) {
        for entry in entries {
            switch entry {
            case .new(_, _, let done): done(.failure(error))
            case .claim(_, _, let done): done(.failure(error))
            }
        }
    }

    private func logFailure(_ error: any Error) {
        logger.error("The queue of asynchronous invocations cannot be written", metadata: ["error": "\(error)"])
    }
}

/// The server ends.
struct JournalClosed: Error {}
