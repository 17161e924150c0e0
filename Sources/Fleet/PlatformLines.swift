import AWSWire
import NIOCore
import RuntimeAPI
import Runtimes

/// The lines that Lambda itself writes into a function's log.
enum PlatformLines {
    static func initStart(runtime identifier: String) -> String {
        "INIT_START Runtime Version: \(runtimeVersion(identifier))"
    }

    /// `python3.12` is written `python:3.12`, `nodejs22.x` is `nodejs:22`, `provided.al2023` is `provided:al2023`.
    static func runtimeVersion(_ identifier: String) -> String {
        var name = Substring(identifier)
        if name.hasSuffix(".x") { name = name.dropLast(2) }
        let language = name.prefix { $0.isLetter }
        let version = name.dropFirst(language.count)
        return "\(language):\(version.hasPrefix(".") ? version.dropFirst() : version)"
    }

    enum Phase: String {
        case initialisation = "init"
        case invocation = "invoke"
    }

    /// The line for an initialisation that failed.
    static func initReport(nanoseconds: Int64, phase: Phase, failure: EnvironmentFailure) -> ByteBuffer {
        var line = ByteBuffer()
        line.writeStaticString("INIT_REPORT Init Duration: ")
        line.writeMilliseconds(nanoseconds)
        line.writeString(" ms\tPhase: \(phase.rawValue)\tStatus: \(failure.status)")
        if let type = failure.type { line.writeString("\tError Type: \(type)") }
        return line
    }

    /// The line for an initialisation that succeeded, which only logs of SnapStart functions have.
    static func initReport(nanoseconds: Int64) -> ByteBuffer {
        var line = ByteBuffer()
        line.writeStaticString("INIT_REPORT Init Duration: ")
        line.writeMilliseconds(nanoseconds)
        line.writeStaticString(" ms")
        return line
    }

    static func restoreStart(runtime identifier: String) -> String {
        "RESTORE_START Runtime Version: \(runtimeVersion(identifier))"
    }

    static func restoreReport(nanoseconds: Int64, failure: EnvironmentFailure?) -> ByteBuffer {
        var line = ByteBuffer()
        line.writeStaticString("RESTORE_REPORT Restore Duration: ")
        line.writeMilliseconds(nanoseconds)
        line.writeStaticString(" ms")
        if let failure {
            line.writeString("\tStatus: \(failure.status)")
            if let type = failure.type { line.writeString("\tError Type: \(type)") }
        }
        return line
    }

    static func start(requestID: String, version: String) -> ByteBuffer {
        var line = ByteBufferAllocator().buffer(capacity: 80)
        line.writeStaticString("START RequestId: ")
        line.writeString(requestID)
        line.writeStaticString(" Version: ")
        line.writeString(version)
        return line
    }

    static func end(requestID: String) -> ByteBuffer {
        var line = ByteBufferAllocator().buffer(capacity: 64)
        line.writeStaticString("END RequestId: ")
        line.writeString(requestID)
        return line
    }

    /// `EXTENSION	Name: NAME	State: STATE	Events: [INVOKE,SHUTDOWN]`, with tabs.
    static func extensionState(name: String, state: String, events: [String], errorType: String?) -> ByteBuffer {
        var line = ByteBuffer(
            string: "EXTENSION\tName: \(name)\tState: \(state)\tEvents: [\(events.joined(separator: ","))]")
        if let errorType { line.writeString("\tError Type: \(errorType)") }
        return line
    }

    static func subscription(name: String, types: [String], api: TelemetrySubscription.Schema) -> ByteBuffer {
        let types = types.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined(separator: ", ")
        return ByteBuffer(
            string: "\(api == .telemetry ? "TELEMETRY" : "LOGS")\tName: \(name)\tState: Subscribed\tTypes: [\(types)]")
    }

    /// The line that bills an invocation.
    static func report(_ report: PlatformEvent.Report, kind: Environment.Kind, memorySizeMiB: Int) -> ByteBuffer {
        var line = ByteBufferAllocator().buffer(capacity: 256)
        line.writeStaticString("REPORT RequestId: ")
        line.writeString(report.requestID)
        line.writeStaticString("\tDuration: ")
        line.writeMilliseconds(report.nanoseconds)
        line.writeStaticString(" ms\tBilled Duration: ")
        line.writeDecimal(report.billedMilliseconds(kind))
        line.writeStaticString(" ms\tMemory Size: ")
        line.writeDecimal(Int64(memorySizeMiB))
        line.writeStaticString(" MB\tMax Memory Used: ")
        line.writeDecimal(Int64(report.maxMemoryUsedMiB))
        line.writeStaticString(" MB\t")
        if let initNanoseconds = report.initNanoseconds {
            line.writeStaticString("Init Duration: ")
            line.writeMilliseconds(initNanoseconds)
            line.writeStaticString(" ms\t")
        }
        if let restoreNanoseconds = report.restoreNanoseconds {
            line.writeStaticString("Restore Duration: ")
            line.writeMilliseconds(restoreNanoseconds)
            line.writeStaticString(" ms\tBilled Restore Duration: ")
            line.writeDecimal(report.billedRestoreMilliseconds)
            line.writeStaticString(" ms\t")
        }
        if let failure = report.failure {
            line.writeString("Status: \(failure.status)")
            if let type = failure.type { line.writeString("\tError Type: \(type)") }
        }
        return line
    }

    static func timedOut(requestID: String, limit: Duration, at wallClock: Int64) -> String {
        "\(UTCDate(millisecondsSince1970: wallClock).iso8601) \(requestID) Task timed out after \(seconds(limit)) seconds"
    }

    /// Seconds with two decimals.
    static func seconds(_ duration: Duration) -> String {
        let hundredths = (duration.nanoseconds + 5_000_000) / 10_000_000
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100)"
    }
}

extension PlatformEvent.Report {
    /// Since August 2025 the billed duration includes the initialisation's, but for that of provisioned concurrency,
    /// which is billed whether invocations come or not. Whole milliseconds, rounded up.
    func billedMilliseconds(_ kind: Environment.Kind) -> Int64 {
        let initialisation = kind == .onDemand ? initNanoseconds ?? 0 : 0
        let (sum, overflow) = nanoseconds.addingReportingOverflow(initialisation)
        let billed = overflow ? Int64.max : sum
        return max(1, Self.roundedUp(billed)) + billedRestoreMilliseconds
    }

    /// What the runtime does after a restoration is billed, on top of the invocation. Recorded by users of AWS:
    /// `Duration: 2338.66 ms Billed Duration: 2521 ms … Billed Restore Duration: 182 ms`.
    var billedRestoreMilliseconds: Int64 { restoreNanoseconds.map(Self.roundedUp) ?? 0 }

    private static func roundedUp(_ nanoseconds: Int64) -> Int64 {
        nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 > 0 ? 1 : 0)
    }
}

extension ByteBuffer {
    /// Milliseconds with two decimals, rounded.
    fileprivate mutating func writeMilliseconds(_ nanoseconds: Int64) {
        let hundredths = (max(0, nanoseconds) + 5_000) / 10_000
        writeDecimal(hundredths / 100)
        writeInteger(UInt8(ascii: "."))
        let fraction = hundredths % 100
        if fraction < 10 { writeInteger(UInt8(ascii: "0")) }
        writeDecimal(fraction)
    }
}
