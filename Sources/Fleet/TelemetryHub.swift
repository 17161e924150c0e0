import AWSWire
import NIOCore
import RuntimeAPI

/// What the extensions of one environment hear: the platform's events and every line of the function and of the
/// extensions.
///
/// Until the initialisation is over what happens is kept for those that subscribe, within bounds; without subscribers
/// it costs nothing afterwards. Confined to its event loop.
final class TelemetryHub: @unchecked Sendable {
    enum Entry {
        case platform(PlatformEvent)
        case line(TelemetrySubscription.Category, ByteBuffer)

        var category: TelemetrySubscription.Category {
            switch self {
            case .platform: .platform
            case .line(let category, _): category
            }
        }

        fileprivate var size: Int { if case .line(_, let line) = self { 64 + line.readableBytes } else { 256 } }
    }

    /// How one of an environment's extensions gets a socket in its network.
    typealias SocketMaker = (@escaping @Sendable (Int32) -> Void) -> Void

    private struct Early {
        var time: Int64
        var entry: Entry
    }

    private static let earlyItems = 1000
    private static let earlyBytes = 262_144

    private let eventLoop: any EventLoop
    /// What events are told with.
    var facts: PlatformEvent.Facts
    /// Nil once nobody may subscribe any more.
    private var early: [Early]? = []
    private var earlyBytes = 0
    private var subscribers: [(name: String, subscriber: TelemetrySubscriber)] = []

    private let wallClock: @Sendable () -> Int64

    init(on eventLoop: any EventLoop, facts: PlatformEvent.Facts, wallClock: @escaping @Sendable () -> Int64) {
        self.eventLoop = eventLoop
        self.facts = facts
        self.wallClock = wallClock
    }

    /// Something has happened at `time`, milliseconds since 1970.
    func publish(_ entry: Entry, at time: Int64) {
        if early != nil, earlyBytes < Self.earlyBytes, (early?.count ?? 0) < Self.earlyItems {
            early?.append(Early(time: time, entry: entry))
            earlyBytes += entry.size
        }
        if subscribers.isEmpty { return }
        // Rendered once for all that want the same.
        var rendered: [TelemetrySubscription.Schema: [ByteBuffer]] = [:]
        for (_, subscriber) in subscribers where subscriber.wants(entry.category) {
            let schema = subscriber.subscription.schema
            let events = rendered[schema] ?? TelemetryEvents.render(entry, schema: schema, facts: facts, at: time)
            rendered[schema] = events
            for event in events { subscriber.add(event) }
        }
    }

    /// A new subscription takes the place of the extension's older one.
    func subscribe(_ name: String, _ subscription: TelemetrySubscription, makeSocket: @escaping SocketMaker) {
        for (_, subscriber) in subscribers where subscriber.name == name { subscriber.close() }
        subscribers.removeAll { $0.name == name }
        let (facts, wallClock) = (self.facts, self.wallClock)
        let subscriber = TelemetrySubscriber(
            name: name, subscription: subscription, on: eventLoop, makeSocket: makeSocket
        ) { bytes, records in
            PlatformEvent.logsDropped(
                bytes: bytes, records: records,
                reason: "Consumer seems to have fallen behind as it has not acknowledged receipt of logs."
            ).json(facts, at: wallClock())
        }
        subscribers.append((name, subscriber))
        for early in early ?? [] where subscriber.wants(early.entry.category) {
            let events = TelemetryEvents.render(
                early.entry, schema: subscription.schema, facts: facts, at: early.time)
            for event in events { subscriber.add(event) }
        }
    }

    /// The initialisation is over.
    func endSubscriptions() { early = nil }

    /// Whether everything has been delivered.
    var isQuiet: Bool { subscribers.allSatisfy(\.subscriber.isQuiet) }

    /// Sends what waits, at once.
    func flush() { for (_, subscriber) in subscribers { subscriber.flush() } }

    func close() {
        early = nil
        for (_, subscriber) in subscribers { subscriber.close() }
        subscribers = []
    }
}

/// Events as JSON, in the words of either API.
enum TelemetryEvents {
    static func render(
        _ entry: TelemetryHub.Entry, schema: TelemetrySubscription.Schema, facts: PlatformEvent.Facts, at time: Int64
    ) -> [ByteBuffer] {
        switch (entry, schema) {
        case (.line(let category, let line), _):
            [
                record(category.rawValue, at: time) { writer in
                    // Of a function whose log is JSON, an object is an object.
                    if category == .function, facts.isJSON {
                        writer.json(line)
                    } else {
                        writer.string(String(buffer: line))
                    }
                }
            ]
        case (.platform(let event), .telemetry): [event.json(facts, at: time)]
        case (.platform(let event), .logs): logs(event, facts: facts, at: time)
        }
    }

    /// The Logs API knows fewer events, and some others (developer guide, "Lambda Logs API").
    private static func logs(_ event: PlatformEvent, facts: PlatformEvent.Facts, at time: Int64) -> [ByteBuffer] {
        switch event {
        case .initStart, .initRuntimeDone, .initReport, .restoreStart, .restoreReport, .subscription(_, _, .telemetry):
            []
        case .start, .restoreRuntimeDone, .extensionState, .subscription, .logsDropped: [event.json(facts, at: time)]
        case .runtimeDone(let done):
            fault(done, at: time) + [
                record(event.type, at: time) { writer in
                    writer.object([("requestId", done.requestID), ("status", done.failure?.status ?? "success")])
                }
            ]
        case .report(let report):
            [
                record("platform.end", at: time) { $0.object([("requestId", report.requestID)]) },
                event.json(facts, at: time),
            ]
        }
    }

    /// What an invocation died of, as the function's log has it.
    private static func fault(_ done: PlatformEvent.Done, at time: Int64) -> [ByteBuffer] {
        guard let line = done.failure?.logLine(requestID: done.requestID, wallClock: time) else { return [] }
        return [record("platform.fault", at: time) { $0.string(line) }]
    }

    private static func record(_ type: String, at time: Int64, _ body: (inout JSONWriter) -> Void) -> ByteBuffer {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("time")
        writer.string(UTCDate(millisecondsSince1970: time).iso8601)
        writer.name("type")
        writer.string(type)
        writer.name("record")
        body(&writer)
        writer.endObject()
        return writer.buffer
    }
}

extension JSONWriter {
    /// A line: a JSON object as it is, anything else as text, ill-formed UTF-8 mended.
    fileprivate mutating func json(_ line: ByteBuffer) {
        if line.readableBytesView.first == UInt8(ascii: "{"), (try? JSONValue(parsing: line)) != nil {
            raw(line)
        } else {
            string(String(buffer: line))
        }
    }

    fileprivate mutating func object(_ members: [(String, String)]) {
        beginObject()
        for (name, value) in members {
            self.name(name)
            string(value)
        }
        endObject()
    }
}
