import AWSWire
import NIOCore
import RuntimeAPI

/// Something that Lambda itself says about an environment: a line of a text log, or an event of a JSON log and of the
/// Telemetry API (developer guide, "Lambda Telemetry API Event schema reference").
enum PlatformEvent {
    case initStart(PlatformLines.Phase)
    /// The runtime has initialised, or has failed to.
    case initRuntimeDone(PlatformLines.Phase, EnvironmentFailure?)
    case initReport(PlatformLines.Phase, nanoseconds: Int64, EnvironmentFailure?)
    /// An environment is restored (SnapStart).
    case restoreStart
    /// The runtime has done what it does after a restoration, or has failed to.
    case restoreRuntimeDone(EnvironmentFailure?)
    case restoreReport(nanoseconds: Int64, EnvironmentFailure?)
    /// An extension when the initialisation is over.
    case extensionState(name: String, state: String, events: [String], errorType: String?)
    /// `trace` is the invocation's trace header.
    case start(requestID: String, trace: String)
    case runtimeDone(Done)
    case report(Report)
    /// An extension wants telemetry.
    case subscription(name: String, types: [String], api: TelemetrySubscription.Schema)
    case logsDropped(bytes: Int, records: Int, reason: String)

    /// The runtime is through with an invocation.
    struct Done {
        var requestID: String
        var nanoseconds: Int64
        /// The response's size; nil where there was none.
        var producedBytes: Int?
        /// Nil where the runtime did not finish its answer.
        var answer: Answer?
        var trace: String
        var failure: EnvironmentFailure?
    }

    /// When an answer came, in nanoseconds: the invocation began `invokedAgo`, the answer `latency` after it, and took
    /// `duration`.
    struct Answer {
        var invokedAgo: Int64
        var latency: Int64
        var duration: Int64
    }

    /// What an invocation took.
    struct Report {
        var requestID: String
        var nanoseconds: Int64
        var maxMemoryUsedMiB: Int
        /// How long the initialisation before this invocation took.
        var initNanoseconds: Int64?
        /// How long the restoration before this invocation took.
        var restoreNanoseconds: Int64?
        var trace: String
        var failure: EnvironmentFailure?
    }

    /// What events say about their environment.
    struct Facts {
        var function: String
        var version: String
        var runtime: String
        var memoryMiB: Int
        var logStream: String
        var kind = Environment.Kind.onDemand
        /// Whether the function's log is JSON.
        var isJSON = false
    }

    /// As `type` has it.
    var type: String {
        switch self {
        case .initStart: "platform.initStart"
        case .initRuntimeDone: "platform.initRuntimeDone"
        case .initReport: "platform.initReport"
        case .restoreStart: "platform.restoreStart"
        case .restoreRuntimeDone: "platform.restoreRuntimeDone"
        case .restoreReport: "platform.restoreReport"
        case .extensionState: "platform.extension"
        case .start: "platform.start"
        case .runtimeDone: "platform.runtimeDone"
        case .report: "platform.report"
        case .subscription(_, _, .telemetry): "platform.telemetrySubscription"
        case .subscription(_, _, .logs): "platform.logsSubscription"
        case .logsDropped: "platform.logsDropped"
        }
    }

    /// Which logs have it (developer guide, "System log level event mapping").
    var level: LogLevel {
        switch self {
        case .initStart, .restoreStart, .start, .subscription: .info
        case .restoreRuntimeDone(let failure): failure == nil ? .debug : .warn
        case .restoreReport(_, let failure): failure == nil ? .info : .warn
        case .initRuntimeDone(_, let failure), .initReport(_, _, let failure): failure == nil ? .debug : .warn
        case .runtimeDone(let done): done.failure == nil ? .debug : .warn
        case .report(let report): report.failure == nil ? .info : .warn
        case .extensionState(_, _, _, let errorType): errorType == nil ? .info : .warn
        case .logsDropped: .warn
        }
    }

    /// Calls `body` with each line of a text log.
    func forEachLine(_ facts: Facts, _ body: (ByteBuffer) -> Void) {
        switch self {
        // Images have no runtime of ours, and AWS's logs of them no such line.
        case .initStart where facts.runtime.isEmpty: return
        case .initStart: body(ByteBuffer(string: PlatformLines.initStart(runtime: facts.runtime)))
        case .initReport(let phase, let nanoseconds, .some(let failure)):
            body(PlatformLines.initReport(nanoseconds: nanoseconds, phase: phase, failure: failure))
        case .initReport(_, let nanoseconds, nil) where facts.kind == .snapStart:
            body(PlatformLines.initReport(nanoseconds: nanoseconds))
        case .restoreStart where facts.runtime.isEmpty: body(ByteBuffer(string: "RESTORE_START"))
        case .restoreStart: body(ByteBuffer(string: PlatformLines.restoreStart(runtime: facts.runtime)))
        case .restoreReport(let nanoseconds, let failure):
            body(PlatformLines.restoreReport(nanoseconds: nanoseconds, failure: failure))
        case .extensionState(let name, let state, let events, let errorType):
            body(PlatformLines.extensionState(name: name, state: state, events: events, errorType: errorType))
        case .start(let requestID, _): body(PlatformLines.start(requestID: requestID, version: facts.version))
        case .report(let report):
            body(PlatformLines.end(requestID: report.requestID))
            body(PlatformLines.report(report, kind: facts.kind, memorySizeMiB: facts.memoryMiB))
        case .subscription(let name, let types, let api):
            body(PlatformLines.subscription(name: name, types: types, api: api))
        case .initReport, .initRuntimeDone, .restoreRuntimeDone, .runtimeDone, .logsDropped: return
        }
    }

    /// `{"time":…,"type":…,"record":…}`.
    func json(_ facts: Facts, at milliseconds: Int64) -> ByteBuffer {
        var writer = JSONWriter(into: ByteBufferAllocator().buffer(capacity: 320))
        writer.beginObject()
        writer.member("time", UTCDate(millisecondsSince1970: milliseconds).iso8601)
        writer.member("type", type)
        writer.name("record")
        writer.beginObject()
        writeRecord(facts, at: milliseconds, &writer)
        writer.endObject()
        writer.endObject()
        return writer.buffer
    }

    private func writeRecord(_ facts: Facts, at milliseconds: Int64, _ writer: inout JSONWriter) {
        switch self {
        case .initStart(let phase):
            writer.member("initializationType", facts.kind.rawValue)
            writer.member("phase", phase.rawValue)
            facts.writeInstance(&writer)
        case .restoreStart: facts.writeInstance(&writer)
        case .restoreRuntimeDone(let failure): writer.status(failure)
        case .restoreReport(let nanoseconds, let failure):
            writer.status(failure)
            writer.duration(nanoseconds)
        case .initRuntimeDone(let phase, let failure):
            writer.member("initializationType", facts.kind.rawValue)
            writer.member("phase", phase.rawValue)
            writer.status(failure)
        case .initReport(let phase, let nanoseconds, let failure):
            writer.member("initializationType", facts.kind.rawValue)
            writer.member("phase", phase.rawValue)
            writer.status(failure)
            writer.duration(nanoseconds)
        case .extensionState(let name, let state, let events, let errorType):
            writer.member("name", name)
            writer.member("state", state)
            writer.strings("events", events)
            if let errorType { writer.member("errorType", errorType) }
        case .start(let requestID, let trace):
            writer.member("requestId", requestID)
            writer.member("version", facts.version)
            writer.tracing(trace)
        case .runtimeDone(let done): done.write(at: milliseconds, &writer)
        case .report(let report): report.write(facts, &writer)
        case .subscription(let name, let types, _):
            writer.member("name", name)
            writer.member("state", "Subscribed")
            writer.strings("types", types)
        case .logsDropped(let bytes, let records, let reason):
            writer.name("droppedBytes")
            writer.int(bytes)
            writer.name("droppedRecords")
            writer.int(records)
            writer.member("reason", reason)
        }
    }
}

extension PlatformEvent.Facts {
    /// What runs where.
    fileprivate func writeInstance(_ writer: inout JSONWriter) {
        if !runtime.isEmpty { writer.member("runtimeVersion", PlatformLines.runtimeVersion(runtime)) }
        writer.member("functionName", function)
        writer.member("functionVersion", version)
        writer.member("instanceId", logStream)
        writer.name("instanceMaxMemory")
        writer.int(memoryMiB * 1_048_576)
    }
}

extension PlatformEvent.Done {
    fileprivate func write(at milliseconds: Int64, _ writer: inout JSONWriter) {
        writer.member("requestId", requestID)
        writer.status(failure)
        answer?.write(at: milliseconds, &writer)
        writer.name("metrics")
        writer.beginObject()
        writer.milliseconds("durationMs", nanoseconds)
        if let producedBytes {
            writer.name("producedBytes")
            writer.int(producedBytes)
        }
        writer.endObject()
        writer.tracing(trace)
    }
}

extension PlatformEvent.Answer {
    /// The spans that Lambda tells of: until the answer began, and until it was complete.
    fileprivate func write(at milliseconds: Int64, _ writer: inout JSONWriter) {
        let invoked = milliseconds - invokedAgo / 1_000_000
        writer.name("spans")
        writer.beginArray()
        for (name, start, nanoseconds) in [
            ("responseLatency", invoked, latency), ("responseDuration", invoked + latency / 1_000_000, duration),
        ] {
            writer.beginObject()
            writer.member("name", name)
            writer.member("start", UTCDate(millisecondsSince1970: start).iso8601)
            writer.milliseconds("durationMs", nanoseconds)
            writer.endObject()
        }
        writer.endArray()
    }
}

extension PlatformEvent.Report {
    fileprivate func write(_ facts: PlatformEvent.Facts, _ writer: inout JSONWriter) {
        writer.member("requestId", requestID)
        writer.name("metrics")
        writer.beginObject()
        writer.milliseconds("durationMs", nanoseconds)
        writer.name("billedDurationMs")
        writer.int(Int(billedMilliseconds(facts.kind)))
        writer.name("memorySizeMB")
        writer.int(facts.memoryMiB)
        writer.name("maxMemoryUsedMB")
        writer.int(maxMemoryUsedMiB)
        if let initNanoseconds { writer.milliseconds("initDurationMs", initNanoseconds) }
        if let restoreNanoseconds {
            writer.milliseconds("restoreDurationMs", restoreNanoseconds)
            writer.name("billedRestoreDurationMs")
            writer.int(Int(billedRestoreMilliseconds))
        }
        writer.endObject()
        writer.status(failure)
        writer.tracing(trace)
    }
}

extension JSONWriter {
    fileprivate mutating func strings(_ name: String, _ values: [String]) {
        self.name(name)
        beginArray()
        for value in values { string(value) }
        endArray()
    }

    /// Milliseconds with at most three decimals.
    fileprivate mutating func milliseconds(_ name: String, _ nanoseconds: Int64) {
        self.name(name)
        double(Double(max(0, nanoseconds) / 1000) / 1000)
    }

    /// The metrics of what has but a duration.
    fileprivate mutating func duration(_ nanoseconds: Int64) {
        name("metrics")
        beginObject()
        milliseconds("durationMs", nanoseconds)
        endObject()
    }

    fileprivate mutating func status(_ failure: EnvironmentFailure?) {
        member("status", failure?.status ?? "success")
        if let type = failure?.type { member("errorType", type) }
    }

    /// Only of a trace that is sampled.
    fileprivate mutating func tracing(_ header: String) {
        guard header.split(separator: ";").contains("Sampled=1") else { return }
        name("tracing")
        beginObject()
        member("type", "X-Amzn-Trace-Id")
        member("value", header)
        endObject()
    }
}
