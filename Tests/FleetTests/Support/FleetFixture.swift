import Fleet
import Logging
import Metrics
import NIOCore
import NIOPosix
import Runtimes
import Sandbox
import Synchronization
import Testing
import TestSupport

/// Collects what functions log.
final class RecordingLogs: LogSink {
    struct Line: Equatable {
        var stream: String
        var text: String
    }
    private let recorded = Mutex<[Line]>([])

    func append(account: String, region: String, group: String, stream: String, timestamp: Int64, lines: [ByteBuffer]) {
        recorded.withLock { $0 += lines.map { Line(stream: stream, text: String(buffer: $0)) } }
    }

    var lines: [String] { recorded.withLock { $0.map(\.text) } }
    var streams: Set<String> { recorded.withLock { Set($0.map(\.stream)) } }
    var byteCount: Int { recorded.withLock { $0.reduce(0) { $0 + $1.text.utf8.count } } }
}

/// Collects segments.
final class RecordingTraces: TraceSink {
    private let recorded = Mutex<[String]>([])

    func record(_ document: ByteBuffer, account: String, region: String) {
        recorded.withLock { $0.append(String(buffer: document)) }
    }

    var documents: [String] { recorded.withLock { $0 } }
}

final class FixedCredentials: CredentialIssuing {
    private let state = Mutex((issued: 0, revoked: Set<String>()))
    var issued: Int { state.withLock { $0.issued } }
    var revoked: Int { state.withLock { $0.revoked.count } }

    func issue(account: String, region: String, roleARN: String, functionName: String) -> EnvironmentCredentials {
        let number = state.withLock { state in
            state.issued += 1
            return state.issued
        }
        return EnvironmentCredentials(
            accessKeyID: "ASIA\(number)", secretAccessKey: "secret", sessionToken: "token",
            expires: 1_763_942_890_000 + 12 * 3_600_000)
    }
    func revoke(accessKeyID: String) { state.withLock { _ = $0.revoked.insert(accessKeyID) } }
}

/// A fleet of fake sandboxes.
struct FleetFixture {
    let fleet: Fleet
    let sandboxing: FakeSandboxing
    let logs = RecordingLogs()
    let traces = RecordingTraces()
    let meters = Meters()
    let metrics = MetricRecorder()
    let credentials: FixedCredentials
    let loops = MultiThreadedEventLoopGroup.singleton

    init(
        failure: SandboxError? = nil, memoryPeak: String? = "36700161\n",
        canFreeze: Bool = false, settings: FleetConfiguration = .changed { _ in },
        credentials: FixedCredentials = FixedCredentials(),
        extensions: [(name: String, script: FakeSandboxing.Script)] = [], script: @escaping FakeSandboxing.Script
    ) {
        self.credentials = credentials
        sandboxing = FakeSandboxing(
            failure: failure, memoryPeak: memoryPeak, canFreeze: canFreeze, extensions: extensions, script: script)
        fleet = Fleet(
            configuration: settings, sandboxing: sandboxing, logs: logs, traces: traces,
            credentials: credentials, eventLoopGroup: loops, meters: meters,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        meters.add(metrics)
    }

    func version(
        name: String = "hello", revision: String = "1", timeout: Duration = .seconds(900),
        command: String = "/usr/bin/python3", substitution: String? = nil, variables: [String: String] = [:],
        logging: FunctionLogging = FunctionLogging()
    ) -> FunctionVersion {
        FunctionVersion(
            key: .init(
                account: "000000000000", region: "us-east-1", name: name, version: "$LATEST", revision: revision),
            runtime: ResolvedRuntime(
                identifier: "python3.12", root: "python3.12", arguments: [command],
                environment: [("LANG", "en_US.UTF-8"), ("AWS_EXECUTION_ENV", "AWS_Lambda_python3.12")],
                substitution: substitution),
            code: "abc", handler: "index.handler", memoryMiB: 128, timeout: timeout, temporaryStorageMiB: 512,
            variables: variables, roleARN: "arn:aws:iam::000000000000:role/r", logGroup: "/aws/lambda/\(name)",
            logging: logging)
    }

    func start(
        _ payload: String = "{}", requestID: String = "r-1", version: FunctionVersion? = nil,
        logTail: Invocation.LogTail = .last, response: Invocation.ResponseMode = .buffered,
        sampled header: String? = nil, meters: InvocationMeters? = nil
    ) -> EventLoopFuture<InvocationOutcome> {
        fleet.invoke(
            version ?? self.version(),
            Invocation(
                requestID: requestID, payload: ByteBuffer(string: payload),
                invokedARN: "arn:aws:lambda:us-east-1:000000000000:function:hello", clientContext: "{\"a\":\n1}",
                traceID: header ?? "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0", isSampled: header != nil,
                logTail: logTail, response: response, meters: meters),
            on: loops.next())
    }

    func invoke(
        _ payload: String = "{}", requestID: String = "r-1", version: FunctionVersion? = nil
    ) async throws -> InvocationOutcome {
        try await start(payload, requestID: requestID, version: version).get()
    }

    /// The numbers replaced that differ from run to run.
    static func masked(_ line: String) -> String {
        line.replacing(/[0-9]+\.[0-9]{2} ms/, with: "_ ms").replacing(
            /Billed Duration: [0-9]+ ms/, with: "Billed Duration: _ ms")
    }

    var maskedLines: [String] { logs.lines.map(Self.masked) }
}

extension FleetConfiguration {
    /// What tests use, changed by `change`: a clock that stands at 2025-11-24T00:08:10.123Z, and patience, so that a
    /// busy machine changes nothing.
    static func changed(_ change: (inout FleetConfiguration) -> Void) -> FleetConfiguration {
        var configuration = FleetConfiguration()
        configuration.wallClock = { 1_763_942_890_123 }
        configuration.initTimeout = .seconds(600)
        configuration.initErrorGrace = .seconds(600)
        configuration.patience = .seconds(600)
        configuration.shutdownGrace = .seconds(600)
        configuration.externalShutdownGrace = .seconds(600)
        configuration.teardownGrace = .seconds(600)
        change(&configuration)
        return configuration
    }
}

extension InvocationOutcome {
    var text: String { String(buffer: payload) }
    var tail: String { String(buffer: logTail) }
}

/// Waits until `condition` holds, for at most five minutes.
func eventually(
    _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation, _ condition: () -> Bool
) async throws {
    for _ in 0..<300_000 {
        if condition() { return }
        try await Task.sleep(for: .milliseconds(1))
    }
    Issue.record(what, sourceLocation: sourceLocation)
}
