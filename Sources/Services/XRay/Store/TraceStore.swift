import AWSWire
import Fleet
import Logging
package import NIOCore
import Storage
import Synchronization

/// Takes segments, and has those of functions in the store about 100 ms later.
///
/// ``record(_:account:region:)`` only buffers: it takes one lock for as long as it takes to put the document away. What
/// finds the buffer full is dropped and counted in the server's log. When the store fails, the segments wait for the
/// next to come, or to be read.
package final class TraceStore: TraceSink {
    /// How long segments wait for others to share their transaction.
    private static let delay = Duration.milliseconds(100)
    /// What a document costs in memory beside its bytes, about.
    private static let overhead = 128
    /// How many traces one transaction deletes at most.
    private static let batch = 500

    struct Limits: Sendable {
        /// Bytes of memory that may wait.
        var buffer = 16 << 20
        /// Bytes of documents that are kept, of all accounts: the oldest traces make room.
        var stored = 1 << 30
        /// As on AWS.
        var retention = Duration.seconds(30 * 86_400)
    }

    private struct Waiting: Sendable {
        var owner: TraceOwner
        var document: ByteBuffer
        var cost: Int { document.readableBytes + TraceStore.overhead }
    }
    private struct State {
        var waiting: [Waiting] = []
        var cost = 0
        var dropped = 0
        /// How many transactions hold segments that are not committed.
        var inFlight = 0
        var isSignalled = false
        /// Bytes in the store; nil until they were counted.
        var stored: Int?
    }

    private let database: any Database
    private let limits: Limits
    private let clock: @Sendable () -> Int64
    private let logger: Logger
    private let state = Mutex(State())
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init(database: any Database, limits: Limits, clock: @escaping @Sendable () -> Int64, logger: Logger) {
        self.database = database
        self.limits = limits
        self.clock = clock
        self.logger = logger
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: Functions' segments

    package func record(_ document: ByteBuffer, account: String, region: String) {
        guard document.readableBytes <= SegmentDocument.maximumBytes else { return }
        // A copy, for it may be a slice of a large buffer.
        let waiting = Waiting(
            owner: TraceOwner(account: account, region: region), document: ByteBuffer(bytes: document.readableBytesView)
        )
        let mustSignal = state.withLock { state in
            guard state.cost + waiting.cost <= limits.buffer else {
                state.dropped += 1
                return false
            }
            state.waiting.append(waiting)
            state.cost += waiting.cost
            defer { state.isSignalled = true }
            return !state.isSignalled
        }
        if mustSignal { signal.yield() }
    }

    /// Writes what is recorded, until cancelled. Sleeps without a timer while nothing is.
    func writeRecorded() async {
        for await _ in signals {
            try? await Task.sleep(for: Self.delay)
            await flush()
        }
    }

    /// Returns when everything that was recorded before the call can be read. A failure of the store is logged, and
    /// what waits keeps waiting.
    func flush() async {
        guard state.withLock({ !$0.waiting.isEmpty || $0.inFlight > 0 }) else { return }
        let taken = Mutex<[Waiting]?>(nil)
        do {
            // Taken inside the transaction: a flush that finds nothing still waits for the one before it.
            try await database.write { [self] connection in
                let (segments, dropped) = state.withLock { state in
                    defer { (state.waiting, state.cost, state.dropped, state.isSignalled) = ([], 0, 0, false) }
                    state.inFlight += 1
                    return (state.waiting, state.dropped)
                }
                taken.withLock { $0 = segments }
                if dropped > 0 { logger.warning("Trace segments were dropped", metadata: ["count": "\(dropped)"]) }
                for waiting in segments {
                    guard let segment = try? SegmentDocument(waiting.document) else { continue }
                    try keep(segment, of: waiting.owner, on: connection)
                }
            }
            state.withLock { $0.inFlight -= 1 }
        } catch {
            state.withLock { state in
                state.isSignalled = false
                state.stored = nil
                guard let segments = taken.withLock({ $0 }) else { return }
                state.inFlight -= 1
                state.waiting = segments + state.waiting
                state.cost += segments.reduce(0) { $0 + $1.cost }
            }
            logger.error("Trace segments could not be stored", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Clients' segments

    /// Has segments in the store before it returns.
    func add(_ segments: [SegmentDocument], of owner: TraceOwner) async throws {
        guard !segments.isEmpty else { return }
        do {
            try await database.write { connection in
                for segment in segments { try self.keep(segment, of: owner, on: connection) }
            }
        } catch {
            state.withLock { $0.stored = nil }
            throw error
        }
    }

    // MARK: Bounds

    /// The earliest time that a trace's id may have, in seconds.
    private var oldest: Int64 { clock() / 1000 - limits.retention.components.seconds }

    /// Whether a trace is neither so old that it would be deleted before anybody saw it, nor of a time to come, which
    /// would make it stay for ever.
    func takes(_ trace: TraceIdentifier) -> Bool {
        (oldest...clock() / 1000 + 86_400).contains(trace.time)
    }

    private func keep(_ segment: SegmentDocument, of owner: TraceOwner, on connection: any SQLConnection) throws {
        guard takes(segment.traceID) else { return }
        let tables = TraceTables(connection)
        let known = state.withLock { $0.stored }
        var stored = try known ?? tables.bytes()
        stored += try tables.add(segment, of: owner)
        while stored > limits.stored {
            let (count, bytes) = try tables.deleteOldest(before: nil, limit: 16)
            if count == 0 { break }
            stored -= bytes
        }
        state.withLock { $0.stored = stored }
    }

    /// Deletes what is too old.
    func expire() async throws {
        let before = oldest
        while !Task.isCancelled {
            let count = try await database.write { connection in
                let (count, bytes) = try TraceTables(connection).deleteOldest(before: before, limit: Self.batch)
                self.state.withLock { state in state.stored = state.stored.map { $0 - bytes } }
                return count
            }
            if count < Self.batch { return }
        }
    }

    /// Forgets what waits. Called inside a transaction, so that nothing is on its way.
    func discard() {
        state.withLock { state in
            (state.waiting, state.cost, state.stored) = ([], 0, nil)
        }
    }
}
