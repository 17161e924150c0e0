import AWSWire
import NIOCore
import RuntimeAPI
import Runtimes

/// Where one environment's lines go: to its log stream, and while an invocation runs to the tail that its caller may
/// see.
struct EnvironmentLog {
    /// How much of an invocation's log its caller may see: the last 4 KB.
    static let tailBytes = 4096

    /// `YYYY/MM/DD/[VERSION]` and 32 hexadecimal digits.
    private(set) var stream: String
    private let key: FunctionVersion.Key
    private let group: String
    private let sink: any LogSink
    private let wallClock: @Sendable () -> Int64
    private(set) var facts: PlatformEvent.Facts
    /// Where extensions hear of every line and event.
    var telemetry: TelemetryHub?
    /// The least level of a platform event in a JSON log; nil for a text log.
    private let systemLevel: LogLevel?
    /// What a JSON log keeps of the function's lines.
    private let filter: ApplicationLogFilter?
    private var assembler = LineAssembler()
    private var extensionAssembler = LineAssembler()
    private var pending: [ByteBuffer] = []
    private var tail: ByteBuffer?

    init(
        version: FunctionVersion, kind: Environment.Kind, sink: any LogSink,
        wallClock: @escaping @Sendable () -> Int64
    ) {
        stream = Self.makeStream(version.key.version, at: wallClock())
        key = version.key
        group = version.logGroup
        self.sink = sink
        self.wallClock = wallClock
        facts = PlatformEvent.Facts(
            function: version.key.name, version: version.key.version, runtime: version.runtime.identifier,
            memoryMiB: version.memoryMiB, logStream: stream, kind: kind, isJSON: version.logging.format == .json)
        switch version.logging.format {
        case .text: (systemLevel, filter) = (nil, nil)
        case .json:
            systemLevel = version.logging.systemLevel.flatMap { LogLevel(named: $0) } ?? .info
            filter = ApplicationLogFilter(
                least: version.logging.applicationLevel.flatMap { LogLevel(named: $0) } ?? .info)
        }
    }

    private static func makeStream(_ version: String, at milliseconds: Int64) -> String {
        var generator = BufferedRandom()
        let date = UTCDate(millisecondsSince1970: milliseconds)
        return "\(date.path)/[\(version)]\(hexadecimal(generator.next()))\(hexadecimal(generator.next()))"
    }

    /// From here on lines go to another stream, which is new.
    mutating func beginStream() {
        finishPartialLine()
        flush()
        stream = Self.makeStream(key.version, at: wallClock())
        facts.logStream = stream
        telemetry?.facts = facts
    }

    /// Whether platform events are JSON.
    var isJSON: Bool { systemLevel != nil }

    /// From here on lines also go to the tail, if there is to be one.
    mutating func beginTail(_ wanted: Invocation.LogTail) { tail = wanted == .last ? ByteBuffer() : nil }

    /// The last bytes of the invocation's lines, each with its newline.
    mutating func endTail() -> ByteBuffer {
        defer { tail = nil }
        return tail ?? ByteBuffer()
    }

    /// One of our own lines. What the function wrote before it, newline or not, comes first.
    mutating func write(_ line: ByteBuffer) {
        finishPartialLine()
        add(line)
    }

    mutating func write(_ line: String) { write(ByteBuffer(string: line)) }

    /// A sentence of ours that no event is for.
    mutating func writeNotice(_ text: String) {
        guard isJSON else { return write(text) }
        var writer = JSONWriter()
        writer.beginObject()
        for (name, value) in [
            ("timestamp", UTCDate(millisecondsSince1970: wallClock()).iso8601), ("level", "WARN"), ("message", text),
        ] {
            writer.name(name)
            writer.string(value)
        }
        writer.endObject()
        write(writer.buffer)
    }

    /// What Lambda says, in the log's format. What the function wrote before it comes first.
    mutating func write(_ event: PlatformEvent) {
        finishPartialLine()
        telemetry?.publish(.platform(event), at: wallClock())
        if let systemLevel {
            if event.level >= systemLevel { add(event.json(facts, at: wallClock())) }
        } else {
            event.forEachLine(facts) { add($0) }
        }
    }

    /// Something that the function wrote.
    mutating func writeOutput(_ bytes: ByteBuffer) {
        // The assembler is taken out so that the lines can be added while it works.
        var assembler = self.assembler
        self.assembler = LineAssembler()
        assembler.append(bytes) { addOutput($0) }
        self.assembler = assembler
    }

    /// Something that extensions wrote.
    mutating func writeExtensionOutput(_ bytes: ByteBuffer) {
        var assembler = extensionAssembler
        extensionAssembler = LineAssembler()
        assembler.append(bytes) { line in
            telemetry?.publish(.line(.extension, line), at: wallClock())
            add(line)
        }
        extensionAssembler = assembler
    }

    private mutating func finishPartialLine() {
        var assembler = self.assembler
        self.assembler = LineAssembler()
        assembler.finish { addOutput($0) }
        self.assembler = assembler
    }

    private mutating func addOutput(_ line: ByteBuffer) {
        telemetry?.publish(.line(.function, line), at: wallClock())
        guard let filter else { return add(line) }
        if let kept = filter.apply(to: line, at: wallClock()) { add(kept) }
    }

    private mutating func add(_ line: ByteBuffer) {
        pending.append(line)
        guard tail != nil else { return }
        let kept = min(line.readableBytes, Self.tailBytes - 1)
        if let end = line.getSlice(at: line.writerIndex - kept, length: kept) { tail?.writeImmutableBuffer(end) }
        tail?.writeInteger(UInt8(ascii: "\n"))
        guard let length = tail?.readableBytes, length > Self.tailBytes else { return }
        tail?.moveReaderIndex(forwardBy: length - Self.tailBytes)
        if length > 4 * Self.tailBytes { tail?.discardReadBytes() }
    }

    /// Hands the lines since the last time to the logs service.
    mutating func flush() {
        guard !pending.isEmpty else { return }
        sink.append(
            account: key.account, region: key.region, group: group, stream: stream, timestamp: wallClock(),
            lines: pending)
        pending.removeAll(keepingCapacity: true)
    }
}

/// 16 lower-case digits.
private func hexadecimal(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
}
