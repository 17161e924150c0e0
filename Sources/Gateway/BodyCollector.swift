import NIOCore
import Synchronization

/// How much memory the bodies of all requests in flight may take together.
final class BodyBudget: Sendable {
    private let limit: Int
    private let used = Mutex(0)

    init(bytes: Int) {
        limit = bytes
    }

    /// - Returns: false, having taken nothing, when so much is not left.
    func take(_ bytes: Int) -> Bool {
        used.withLock { used in
            guard used + bytes <= limit else { return false }
            used += bytes
            return true
        }
    }

    func give(_ bytes: Int) {
        used.withLock { $0 -= bytes }
    }

    var inUse: Int { used.withLock { $0 } }
}

/// Gathers one request's body. A body that arrives in one piece is not copied.
struct BodyCollector {
    enum Refusal: Error, Hashable {
        case tooLarge
        case noMemory
    }

    private let limit: Int
    /// The declared length, as far as memory is set aside for it at once.
    private let expected: Int
    private let budget: BodyBudget
    private(set) var body = ByteBuffer()
    private var taken = 0

    init(limit: Int, length: Int?, budget: BodyBudget) {
        self.limit = limit
        expected = min(length ?? 0, 1 << 20)
        self.budget = budget
    }

    mutating func append(_ part: ByteBuffer) throws(Refusal) {
        let size = body.readableBytes + part.readableBytes
        guard size <= limit else { throw .tooLarge }
        guard budget.take(part.readableBytes) else { throw .noMemory }
        taken += part.readableBytes
        guard body.readableBytes > 0 else {
            body = part
            return
        }
        if body.writableBytes < part.readableBytes { body.reserveCapacity(max(expected, size)) }
        body.writeImmutableBuffer(part)
    }

    /// Gives the memory back. To be called once the body is used no more.
    mutating func release() {
        budget.give(taken)
        taken = 0
        body = ByteBuffer()
    }
}
