import Fleet
import Logging
package import NIOCore
import Storage
import Synchronization

/// Takes what functions write, and has it in the store about 100 ms later.
///
/// ``append(account:region:group:stream:timestamp:lines:)`` only buffers: it takes one lock for as long as it takes to
/// put the lines away. The buffer is bounded; see ``LogBuffer`` for what happens when it is full. When the store fails,
/// the lines stay in the buffer until the next append or read tries again.
package final class LogStore: LogSink {
    /// How many bytes of memory may wait, about.
    static let capacity = 16 << 20
    /// How long appended lines wait for others to share their transaction.
    static let delay = Duration.milliseconds(100)

    private struct State {
        var buffer: LogBuffer
        /// How many transactions hold lines that are not committed.
        var inFlight = 0
        /// Whether the writer knows that there is something to write.
        var isSignalled = false
    }

    private let database: any Database
    private let followers: EventFollowers
    private let clock: @Sendable () -> Int64
    private let logger: Logger
    private let state: Mutex<State>
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init(
        database: any Database, followers: EventFollowers, capacity: Int = LogStore.capacity,
        clock: @escaping @Sendable () -> Int64, logger: Logger
    ) {
        self.database = database
        self.followers = followers
        self.clock = clock
        self.logger = logger
        state = Mutex(State(buffer: LogBuffer(capacity: capacity)))
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    package func append(
        account: String, region: String, group: String, stream: String, timestamp: Int64, lines: [ByteBuffer]
    ) {
        guard !lines.isEmpty else { return }
        let key = StreamKey(group: GroupKey(account: account, region: region, name: group), name: stream)
        let batch = LogBatch(timestamp: timestamp, lines: lines)
        let mustSignal = state.withLock { state in
            state.buffer.append(batch, to: key)
            defer { state.isSignalled = true }
            return !state.isSignalled
        }
        if mustSignal { signal.yield() }
    }

    /// Writes what is appended, until cancelled. Sleeps without a timer while nothing is.
    func writeAppended() async {
        for await _ in signals {
            try? await Task.sleep(for: Self.delay)
            await flush()
        }
    }

    /// Returns when everything that was appended before the call can be read.
    ///
    /// A failure of the store is logged, and what waits keeps waiting.
    func flush() async {
        guard state.withLock({ !$0.buffer.isEmpty || $0.inFlight > 0 }) else { return }
        let taken = Mutex<[StreamKey: LogBuffer.Pending]?>(nil)
        do {
            // The lines are taken inside the transaction: the store runs one at a time, so they keep their order, and a
            // flush that finds none still waits for the one before it.
            let written = try await database.write { [self] connection in
                let streams = state.withLock { state in
                    state.isSignalled = false
                    state.inFlight += 1
                    return state.buffer.take()
                }
                taken.withLock { $0 = streams }
                return try LogWriter.write(streams, now: clock(), followers, on: connection)
            }
            state.withLock { $0.inFlight -= 1 }
            followers.settle(written)
        } catch {
            giveBack(taken.withLock { $0 })
            logger.error("Logs could not be stored", metadata: ["error": "\(error)"])
        }
    }

    /// - Parameter streams: nil when the transaction failed before it took any.
    private func giveBack(_ streams: [StreamKey: LogBuffer.Pending]?) {
        state.withLock { state in
            // The writer has used up its signal.
            state.isSignalled = false
            guard let streams else { return }
            state.inFlight -= 1
            state.buffer.restore(streams)
        }
    }

    /// Forgets what waits. Called inside a transaction, so that nothing is on its way.
    func discard() { state.withLock { _ = $0.buffer.take() } }
}
