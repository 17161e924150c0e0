import NIOCore

/// Lines that were appended together.
struct LogBatch: Sendable {
    /// What a line costs beside its bytes, in bytes of memory, about.
    private static let overhead = 64

    /// Its place among all batches.
    var order: UInt64 = 0
    var timestamp: Int64
    /// The lines without anything between them, and where each ends.
    private(set) var bytes: [UInt8] = []
    private(set) var ends: [Int] = []

    /// Copies the lines, since they may be slices of large buffers. A line that is longer than CloudWatch's limit for
    /// one event (256 KiB) is cut there.
    init(timestamp: Int64, lines: [ByteBuffer]) {
        self.timestamp = max(0, timestamp)
        bytes.reserveCapacity(lines.reduce(0) { $0 + $1.readableBytes })
        ends.reserveCapacity(lines.count)
        for line in lines {
            bytes.append(contentsOf: line.readableBytesView.prefix(256 * 1024))
            ends.append(bytes.count)
        }
    }

    var count: Int { ends.count }
    var cost: Int { bytes.count + ends.count * Self.overhead }

    func line(_ index: Int) -> ArraySlice<UInt8> { bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]] }

    /// Takes lines off the front until at least `excess` of the cost is gone, or all of them.
    ///
    /// - Returns: How many lines were taken.
    mutating func dropFirst(costing excess: Int) -> Int {
        var dropped = 0
        while dropped < count, (dropped == 0 ? 0 : ends[dropped - 1]) + dropped * Self.overhead < excess {
            dropped += 1
        }
        guard dropped > 0 else { return 0 }
        let start = ends[dropped - 1]
        bytes = Array(bytes[start...])
        ends = ends[dropped...].map { $0 - start }
        return dropped
    }
}

/// Lines on their way into the store, at most ``capacity`` of them.
///
/// When there are more, the stream that holds most loses its oldest lines, and remembers how many.
struct LogBuffer: Sendable {
    /// What a stream has waiting.
    struct Pending: Sendable {
        /// In their order.
        var batches: [LogBatch] = []
        var cost = 0
        /// What overflowed, and the last batch of which something did.
        var lost: (lines: Int, timestamp: Int64, order: UInt64)?
    }

    /// In bytes of memory, about.
    let capacity: Int
    private(set) var streams: [StreamKey: Pending] = [:]
    private(set) var cost = 0
    private var nextOrder: UInt64 = 0

    init(capacity: Int) { self.capacity = capacity }

    var isEmpty: Bool { streams.isEmpty }

    mutating func append(_ batch: LogBatch, to stream: StreamKey) {
        var batch = batch
        batch.order = nextOrder
        nextOrder += 1
        cost += batch.cost
        streams[stream, default: Pending()].add(batch)
        if cost > capacity { makeRoom() }
    }

    /// Takes everything out.
    mutating func take() -> [StreamKey: Pending] {
        defer {
            streams = [:]
            cost = 0
        }
        return streams
    }

    /// Puts back what could not be stored, before what came since.
    mutating func restore(_ taken: [StreamKey: Pending]) {
        for (key, old) in taken {
            cost += old.cost
            streams[key, default: Pending()].merge(old)
        }
        if cost > capacity { makeRoom() }
    }

    /// Frees an eighth at once, so that a full buffer does not look for the noisiest stream at every append.
    private mutating func makeRoom() {
        let target = capacity - capacity / 8
        while cost > target, let noisiest = streams.max(by: { $0.value.cost < $1.value.cost })?.key {
            let freed = streams[noisiest]?.drop(costing: cost - target) ?? 0
            if freed == 0 { return }
            cost -= freed
        }
    }
}

extension LogBuffer.Pending {
    fileprivate mutating func add(_ batch: LogBatch) {
        batches.append(batch)
        cost += batch.cost
    }

    fileprivate mutating func merge(_ other: Self) {
        batches = (other.batches + batches).sorted { $0.order < $1.order }
        cost += other.cost
        guard let more = other.lost else { return }
        let last = lost.map { $0.order > more.order ? $0 : more } ?? more
        lost = (more.lines + (lost?.lines ?? 0), last.timestamp, last.order)
    }

    /// - Returns: How much was freed.
    fileprivate mutating func drop(costing excess: Int) -> Int {
        let before = cost
        var whole = 0
        while whole < batches.count, before - cost < excess {
            let old = batches[whole].cost
            let lines = batches[whole].dropFirst(costing: excess - (before - cost))
            lost = ((lost?.lines ?? 0) + lines, batches[whole].timestamp, batches[whole].order)
            cost -= old - batches[whole].cost
            if batches[whole].count == 0 { whole += 1 }
        }
        batches.removeFirst(whole)
        return before - cost
    }
}
