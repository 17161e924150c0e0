import Logging
import Metrics
import Storage
import Synchronization

/// Which stored events may not have been measured yet: what a crash cuts off between the commit of events and that of
/// their samples is made up for at the next start, and counts once.
///
/// The transaction that stores events notes where those are that may give samples. The commit that has the samples has
/// the note's number as its receipt, and a later transaction forgets the note.
final class MeasureJournal: Sendable {
    static let source = "logs"
    /// How many notes one transaction forgets at most.
    private static let batch = 256
    /// How many receipts there are, about, before those that nobody asks for any more go.
    private static let receipts = 1_000
    /// How long to wait after a store has failed.
    private static let pause = Duration.seconds(1)

    /// Where the events of a stream are that one transaction stored. Its sequences begin at the note's number.
    struct Place: Sendable {
        var stream: Int64
        var firstTime: Int64
        var lastTime: Int64
        var lastSequence: Int64
    }

    private struct State {
        /// The first note of this process.
        var first: Int64?
        /// Notes that an earlier process left whose samples were given: the sink has them, whatever fails then.
        var given: Set<Int64> = []
        /// Notes whose samples are kept.
        var done: Set<Int64> = []
        var forgotten = 0
    }

    private let database: any Database
    private let logger: Logger
    private let state = Mutex(State())
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init(database: any Database, logger: Logger) {
        self.database = database
        self.logger = logger
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: In the transaction

    func note(_ number: Int64, _ places: some Sequence<Place>, on connection: any SQLConnection) throws(StorageError) {
        state.withLock { $0.first = min($0.first ?? number, number) }
        for place in places {
            try connection.execute(
                """
                INSERT INTO logs_unmeasured (number, stream_id, first_time, last_time, last_sequence)
                VALUES (?, ?, ?, ?, ?)
                """, ([number, place.stream, place.firstTime, place.lastTime, place.lastSequence]).map { .integer($0) })
        }
    }

    /// Forgets what is measured.
    ///
    /// - Returns: The notes, for ``settle(_:)`` after the commit.
    func forget(on connection: any SQLConnection) throws(StorageError) -> [Int64] {
        let numbers = state.withLock { Array($0.done.prefix(Self.batch)) }
        try Self.delete(numbers, on: connection)
        return numbers
    }

    private static func delete(_ numbers: [Int64], on connection: any SQLConnection) throws(StorageError) {
        guard let last = numbers.last else { return }
        // As many as the next power of two, the last one repeated: stores keep the statements that they have read.
        var arguments = numbers.map { SQLValue.integer($0) }
        while arguments.count.nonzeroBitCount > 1 { arguments.append(.integer(last)) }
        let marks = arguments.map { _ in "?" }.joined(separator: ", ")
        try connection.execute("DELETE FROM logs_unmeasured WHERE number IN (\(marks))", arguments)
    }

    // MARK: After it

    func settle(_ forgotten: [Int64]) {
        guard !forgotten.isEmpty else { return }
        let isMuch = state.withLock { state in
            state.done.subtract(forgotten)
            state.forgotten += forgotten.count
            return state.forgotten >= Self.receipts
        }
        if isMuch { signal.yield() }
    }

    /// The samples of a note are kept, or there are none.
    func finish(_ number: Int64) { state.withLock { _ = $0.done.insert(number) } }

    // MARK: Life

    /// Has what an earlier process left measured, then forgets receipts now and then, until cancelled.
    func run(into sink: any ReceiptSink, measure: @Sendable (WrittenEvents) -> Void) async {
        while !Task.isCancelled {
            do {
                try await resume(from: sink, measure: measure)
                break
            } catch {
                logger.error("Stored log events could not be measured", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: Self.pause)
            }
        }
        for await _ in signals {
            do { try await forgetReceipts(of: sink) } catch {
                logger.error("Receipts of samples could not be forgotten", metadata: ["error": "\(error)"])
            }
        }
    }

    /// May be called again when it has thrown: what was given is not given twice.
    func resume(from sink: any ReceiptSink, measure: @Sendable (WrittenEvents) -> Void) async throws {
        // In a transaction: what notes of this process there are is known, and none is being made.
        let left = try await database.write { [self] connection in
            let first = state.withLock { $0.first } ?? .max
            return try connection.query(
                "SELECT DISTINCT number FROM logs_unmeasured WHERE number < ? ORDER BY number", [.integer(first)]
            ).map { (row) throws(StorageError) in try row.integer("number") }
        }
        guard !left.isEmpty else { return }
        let receipts = try await sink.receipts(of: Self.source)
        var failure: (any Error)?
        for number in left where !state.withLock({ $0.given.contains(number) }) {
            if receipts.contains(number) {
                finish(number)
                continue
            }
            do {
                let written = try await database.read { try Self.written(number, on: $0) }
                state.withLock { _ = $0.given.insert(number) }
                measure(written)
            } catch {
                // Those behind it can be read, perhaps.
                failure = error
            }
        }
        if let failure { throw failure }
        try await forgetReceipts(of: sink)
    }

    /// Receipts are gone for good: so must be the notes that they are of.
    func forgetReceipts(of sink: any ReceiptSink) async throws {
        let (done, lowest) = try await database.synced.write { [self] connection in
            let done = state.withLock { Array($0.done) }
            for start in stride(from: 0, to: done.count, by: Self.batch) {
                try Self.delete(Array(done[start...].prefix(Self.batch)), on: connection)
            }
            let rows = try connection.query("SELECT MIN(number) AS number FROM logs_unmeasured", [])
            // Transactions that come take higher numbers than any that was taken.
            if let lowest = rows.first?.optionalInteger("number") { return (done, lowest) }
            return (done, try LogCounter.take(1, on: connection))
        }
        state.withLock { state in
            state.done.subtract(done)
            state.forgotten = 0
        }
        try await sink.forgetReceipts(of: Self.source, below: lowest)
    }

    func reset() { state.withLock { $0.done = [] } }

    // MARK: Reading again

    /// What one transaction stored, as it was told after its commit.
    private static func written(_ number: Int64, on connection: any SQLConnection) throws -> WrittenEvents {
        var written = WrittenEvents()
        written.note = number
        let rows = try connection.query(
            """
            SELECT u.stream_id, u.first_time, u.last_time, u.last_sequence, s.name AS stream, s.group_id,
                g.account, g.region, g.name AS group_name
            FROM logs_unmeasured u JOIN logs_streams s ON s.id = u.stream_id JOIN logs_groups g ON g.id = s.group_id
            WHERE u.number = ?
            """, [.integer(number)])
        for row in rows {
            let group = GroupKey(
                account: try row.text("account"), region: try row.text("region"), name: try row.text("group_name"))
            let last = try row.integer("last_sequence")
            let query = EventQuery(
                scope: .stream(try row.integer("stream_id")), direction: .forward,
                after: EventPosition(time: try row.integer("first_time"), sequence: number - 1),
                before: EventPosition(time: try row.integer("last_time"), sequence: last + 1))
            var events: [StoredEvent] = []
            _ = try query.forEach(on: connection) { (event) throws(StorageError) in
                guard (number...last).contains(event.position.sequence) else { return .proceed }
                events.append(StoredEvent(position: event.position, message: event.message[...]))
                written.ingested = event.ingested
                return .proceed
            }
            let ingested = written.ingested
            let filters = try MetricFilterRecord.all(of: try row.integer("group_id"), on: connection)
                .filter { $0.created <= ingested }
            if !filters.isEmpty {
                written.measured.append((StreamKey(group: group, name: try row.text("stream")), events, filters))
            }
            written.embedding[group, default: []] += events.filter { EmbeddedMetrics.mayBe(in: $0.message) }
        }
        return written
    }
}
