package import NIOCore
import Synchronization

/// The body of an answer that comes in parts: a pipe with one writer and one reader, each on a thread of its own.
///
/// The writer is told when the reader has fallen behind and, later, when it may write on; it is not told of a reader
/// that has gone away, whose parts are thrown away as if they had been read: what makes a body runs to its end whoever
/// listens. Parts are handed over as they are, never copied.
package final class ResponseStream: Sendable {
    /// What the reader finds.
    package enum Next: Sendable {
        case part(ByteBuffer)
        /// Nothing yet: the closure that was given is called once there is something.
        case nothing
        /// The body is complete.
        case end
        /// The body ends before it is complete.
        case failed
    }

    private enum Ending {
        case finished
        case failed
    }

    private struct State {
        var parts = CircularBuffer<ByteBuffer>(initialCapacity: 4)
        /// What `parts` hold, in bytes. A tiny part counts for more than it has: it takes that much to keep.
        var held = 0
        var ending: Ending?
        var isCancelled = false
        var writerWaits = false
        var wakeWriter: (@Sendable () -> Void)?
        var wakeReader: (@Sendable () -> Void)?

        mutating func takeReader() -> (@Sendable () -> Void)? {
            defer { wakeReader = nil }
            return wakeReader
        }

        mutating func take(upTo size: Int) -> ByteBuffer? {
            guard !parts.isEmpty else { return nil }
            if parts[parts.startIndex].readableBytes > size,
                let piece = parts[parts.startIndex].readSlice(length: size)
            {
                held -= size
                return piece
            }
            let part = parts.removeFirst()
            held = parts.isEmpty ? 0 : max(0, held - max(part.readableBytes, ResponseStream.leastCost))
            return part
        }
    }

    /// The exact length in bytes, where it is known beforehand.
    package let length: Int?
    private let high: Int
    private let state = Mutex(State())

    /// - Parameter buffer: how many bytes wait for the reader before the writer is asked to wait; it may write on once
    ///   half of them are left.
    package init(length: Int? = nil, buffer: Int = 131_072) {
        self.length = length
        high = buffer
    }

    private static let leastCost = 256

    // MARK: The writer

    /// Sets what is called when the writer may write on after ``write(_:)`` returned false. It is called on any thread,
    /// sometimes from within ``write(_:)`` and sometimes once too often.
    package func whenWritable(_ body: @escaping @Sendable () -> Void) {
        state.withLock { $0.wakeWriter = body }
    }

    /// Adds a part to the body. Never refused: the answer is a request.
    ///
    /// - Returns: false when the reader has fallen behind, and the writer should wait.
    package func write(_ part: ByteBuffer) -> Bool { write(contentsOf: CollectionOfOne(part)) }

    /// As ``write(_:)``, for parts that belong together.
    package func write(contentsOf parts: some Collection<ByteBuffer>) -> Bool {
        let wake = state.withLock { state -> (@Sendable () -> Void)? in
            guard state.ending == nil, !state.isCancelled else { return nil }
            for part in parts where part.readableBytes > 0 {
                state.parts.append(part)
                state.held += max(part.readableBytes, Self.leastCost)
            }
            if state.held >= high { state.writerWaits = true }
            return state.parts.isEmpty ? nil : state.takeReader()
        }
        wake?()
        // The reader may have taken it all already.
        return state.withLock { !$0.writerWaits }
    }

    /// The body is complete. Nothing more may be written.
    package func finish() { end(.finished) }

    /// The body ends here though it is not complete: the reader is told after the parts before.
    package func fail() { end(.failed) }

    private func end(_ ending: Ending) {
        let wake = state.withLock { state -> (@Sendable () -> Void)? in
            guard state.ending == nil else { return nil }
            state.ending = ending
            state.wakeWriter = nil
            return state.takeReader()
        }
        wake?()
    }

    // MARK: The reader

    /// Takes what is there.
    ///
    /// - Parameters:
    ///   - size: the most bytes to take; a larger part comes in pieces.
    ///   - wake: called, once, when there is something after there was nothing; on any thread.
    package func next(upTo size: Int = .max, wake: @escaping @Sendable () -> Void) -> Next {
        let (next, wakeWriter) = state.withLock { state -> (Next, (@Sendable () -> Void)?) in
            guard let part = state.take(upTo: size) else {
                switch state.ending {
                case .finished: return (.end, nil)
                case .failed: return (.failed, nil)
                case nil:
                    state.wakeReader = wake
                    return (.nothing, nil)
                }
            }
            guard state.writerWaits, state.held <= high / 2 else { return (.part(part), nil) }
            state.writerWaits = false
            return (.part(part), state.wakeWriter)
        }
        wakeWriter?()
        return next
    }

    /// The reader goes away: whatever is written is thrown away from now on.
    package func cancel() {
        let wakeWriter = state.withLock { state -> (@Sendable () -> Void)? in
            state.isCancelled = true
            state.parts = CircularBuffer()
            state.held = 0
            state.wakeReader = nil
            defer { state.writerWaits = false }
            return state.writerWaits ? state.wakeWriter : nil
        }
        wakeWriter?()
    }

    /// Whether the reader has gone away.
    package var isCancelled: Bool { state.withLock { $0.isCancelled } }
}
