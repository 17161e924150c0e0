import NIOCore
import RuntimeAPI

/// One extension's subscription: collects events into batches and delivers one batch after the other.
///
/// At most one batch is on its way and one is being filled; what comes when both are full is dropped and counted, so
/// that an extension that does not keep up costs neither memory nor time. Confined to its event loop.
final class TelemetrySubscriber: @unchecked Sendable {
    let name: String
    let subscription: TelemetrySubscription
    private let eventLoop: any EventLoop
    private let link: TelemetryLink
    private var pending: [ByteBuffer] = []
    private var pendingBytes = 0
    private var isSending = false
    private var isClosed = false
    private var timer: Scheduled<Void>?
    private var dropped = (bytes: 0, records: 0)
    /// The event that tells of drops.
    private let dropEvent: (_ bytes: Int, _ records: Int) -> ByteBuffer

    init(
        name: String, subscription: TelemetrySubscription, on eventLoop: any EventLoop,
        makeSocket: @escaping TelemetryHub.SocketMaker, dropEvent: @escaping (Int, Int) -> ByteBuffer
    ) {
        self.dropEvent = dropEvent
        self.name = name
        self.subscription = subscription
        self.eventLoop = eventLoop
        link = TelemetryLink(subscription.destination, on: eventLoop, makeSocket: makeSocket)
    }

    /// What waits for the next batch, and what has been dropped and not been told, for tests.
    var heldBytes: Int { pendingBytes }
    var droppedRecords: Int { dropped.records }

    /// Whether everything has been delivered.
    var isQuiet: Bool { pending.isEmpty && !isSending }

    func wants(_ category: TelemetrySubscription.Category) -> Bool { subscription.categories.contains(category) }

    /// Takes one event, a JSON object.
    func add(_ event: ByteBuffer) {
        guard !isClosed else { return }
        if isFull {
            if isSending {
                dropped.bytes += event.readableBytes
                dropped.records += 1
                return
            }
            send()
        }
        pending.append(event)
        pendingBytes += event.readableBytes
        if isFull {
            send()
        } else if timer == nil, !isSending {
            arm()
        }
    }

    private var isFull: Bool { pending.count >= subscription.maxItems || pendingBytes >= subscription.maxBytes }

    private func arm() {
        timer = eventLoop.scheduleTask(in: subscription.timeout) {
            self.timer = nil
            self.send()
        }
    }

    /// Sends what waits without waiting for more.
    func flush() { send() }

    func close() {
        isClosed = true
        timer?.cancel()
        timer = nil
        pending = []
        pendingBytes = 0
        link.close()
    }

    private func send() {
        guard !isSending, !isClosed, !pending.isEmpty else { return }
        timer?.cancel()
        timer = nil
        isSending = true
        let (count, bytes) = (pending.count, pendingBytes)
        let batch = Self.join(pending, for: subscription.destination, bytes: bytes)
        pending = []
        pendingBytes = 0
        link.deliver(batch) { [weak self] isDelivered in
            self?.sent(isDelivered, count: count, bytes: bytes)
        }
    }

    private func sent(_ isDelivered: Bool, count: Int, bytes: Int) {
        isSending = false
        guard !isClosed else { return }
        if !isDelivered {
            dropped.bytes += bytes
            dropped.records += count
        } else if dropped.records > 0, wants(.platform) {
            // Who can't be reached is told once it can.
            let event = dropEvent(dropped.bytes, dropped.records)
            dropped = (0, 0)
            pending.append(event)
            pendingBytes += event.readableBytes
        }
        if isFull { send() } else if !pending.isEmpty, timer == nil { arm() }
    }

    /// A JSON array for HTTP, a line for each event for TCP.
    private static func join(
        _ events: [ByteBuffer], for destination: TelemetrySubscription.Destination, bytes: Int
    ) -> ByteBuffer {
        var batch = ByteBufferAllocator().buffer(capacity: bytes + events.count + 2)
        switch destination {
        case .tcp:
            for event in events {
                batch.writeImmutableBuffer(event)
                batch.writeStaticString("\n")
            }
        case .http:
            batch.writeStaticString("[")
            for (index, event) in events.enumerated() {
                if index > 0 { batch.writeStaticString(",") }
                batch.writeImmutableBuffer(event)
            }
            batch.writeStaticString("]")
        }
        return batch
    }
}
