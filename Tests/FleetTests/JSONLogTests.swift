import NIOCore
import Sandbox
import TestSupport
import Testing
import TestSupport

@testable import Fleet

/// Logs in JSON. The shapes: developer guide, "Lambda Telemetry API Event schema reference"; which level has which
/// event: "Configuring advanced logging controls", system log level event mapping.
@Suite struct JSONLogTests {
    private let initStart =
        #"{"time":"2025-11-24T00:08:10.123Z","type":"platform.initStart","record":{"initializationType":"on-demand","#
        + #""phase":"init","runtimeVersion":"python:3.12","functionName":"hello","functionVersion":"$LATEST","#
        + #""instanceId":"_","instanceMaxMemory":134217728}}"#
    private let start =
        #"{"time":"2025-11-24T00:08:10.123Z","type":"platform.start","record":{"requestId":"r-1","version":"$LATEST"}}"#

    private func masked(_ line: String) -> String {
        line.replacing(/"(durationMs|initDurationMs|billedDurationMs)":[0-9.]+/) { "\"\($0.1)\":_" }
            .replacing(/"instanceId":"[^"]+"/, with: #""instanceId":"_""#)
            .replacing(/"start":"2025-11-24T00:0[78]:[^"]+"/, with: #""start":"_""#)
    }

    private func echo(_ runtime: FakeRuntime) -> SandboxExit {
        runtime.serve { event, connection in
            runtime.print("plain\n")
            runtime.print(#"{"timestamp":"2025-11-24T00:08:10Z","level":"DEBUG","message":"hidden"}"# + "\n")
            runtime.print(#"{"timestamp":"2025-11-24T00:08:10Z","level":"ERROR","message":"shown"}"# + "\n")
            connection.respond(event.requestID, event.payload)
        }
    }

    @Test func platformEventsAreObjects() async throws {
        let fixture = FleetFixture(script: echo)
        let outcome = try await fixture.invoke(version: fixture.version(logging: FunctionLogging(format: .json)))
        let report =
            #"{"time":"2025-11-24T00:08:10.123Z","type":"platform.report","record":{"requestId":"r-1","metrics":"#
            + #"{"durationMs":_,"billedDurationMs":_,"memorySizeMB":128,"maxMemoryUsedMB":36,"initDurationMs":_},"#
            + #""status":"success"}}"#
        let expected = [
            initStart, start, "plain",
            #"{"timestamp":"2025-11-24T00:08:10Z","level":"ERROR","message":"shown"}"#, report,
        ]
        try await eventually("the log is written") { fixture.logs.lines.count == expected.count }
        #expect(fixture.logs.lines.map(masked) == expected)
        #expect(masked(outcome.tail) == expected[1...].map { $0 + "\n" }.joined())
        let variables = try #require(fixture.sandboxing.specs.first).environment
        #expect(variables.contains("AWS_LAMBDA_LOG_FORMAT=JSON") && variables.contains("AWS_LAMBDA_LOG_LEVEL=INFO"))
        await fixture.fleet.shutDown()
    }

    @Test func debugShowsWhatSucceeds() async throws {
        let fixture = FleetFixture(script: echo)
        let logging = FunctionLogging(format: .json, applicationLevel: "FATAL", systemLevel: "DEBUG")
        _ = try await fixture.invoke(version: fixture.version(logging: logging))
        try await eventually("the log is written") { fixture.logs.lines.count == 7 }
        let lines = fixture.logs.lines.map(masked)
        #expect(
            lines[1...2] == [
                #"{"time":"2025-11-24T00:08:10.123Z","type":"platform.initRuntimeDone","record":{"initializationType":"#
                    + #""on-demand","phase":"init","status":"success"}}"#,
                #"{"time":"2025-11-24T00:08:10.123Z","type":"platform.initReport","record":{"initializationType":"#
                    + #""on-demand","phase":"init","status":"success","metrics":{"durationMs":_}}}"#,
            ])
        #expect(lines[4] == "plain")
        #expect(
            lines[5]
                == #"{"time":"2025-11-24T00:08:10.123Z","type":"platform.runtimeDone","record":{"requestId":"r-1","#
                + #""status":"success","spans":[{"name":"responseLatency","start":"_","durationMs":_},"#
                + #"{"name":"responseDuration","start":"_","durationMs":_}],"#
                + #""metrics":{"durationMs":_,"producedBytes":2}}}"#)
        await fixture.fleet.shutDown()
    }

    @Test func warnShowsWhatFails() async throws {
        let fixture = FleetFixture { runtime in
            guard let event = runtime.connect()?.next() else { return SandboxExit(cause: .lost) }
            runtime.print("taken \(event.requestID)\n")
            return SandboxExit(cause: .exited(status: 2))
        }
        let logging = FunctionLogging(format: .json, systemLevel: "WARN")
        let outcome = try await fixture.invoke(version: fixture.version(logging: logging))
        #expect(outcome.functionError == "Unhandled")
        try await eventually("the log is written") { fixture.logs.lines.count == 3 }
        #expect(
            fixture.logs.lines.map(masked) == [
                "taken r-1",
                #"{"time":"2025-11-24T00:08:10.123Z","type":"platform.runtimeDone","record":{"requestId":"r-1","#
                    + #""status":"error","errorType":"Runtime.ExitError","metrics":{"durationMs":_}}}"#,
                #"{"time":"2025-11-24T00:08:10.123Z","type":"platform.report","record":{"requestId":"r-1","metrics":"#
                    + #"{"durationMs":_,"billedDurationMs":_,"memorySizeMB":128,"maxMemoryUsedMB":36,"initDurationMs":_},"#
                    + #""status":"error","errorType":"Runtime.ExitError"}}"#,
            ])
        await fixture.fleet.shutDown()
    }

    @Test func textFunctionsHaveNoVariablesOfTheFormat() async throws {
        let fixture = FleetFixture(script: echo)
        _ = try await fixture.invoke()
        let variables = try #require(fixture.sandboxing.specs.first).environment
        #expect(!variables.contains { $0.hasPrefix("AWS_LAMBDA_LOG_FORMAT") || $0.hasPrefix("AWS_LAMBDA_LOG_LEVEL") })
        await fixture.fleet.shutDown()
    }

    @Test func sampledTracesAreNamed() {
        let facts = PlatformEvent.Facts(function: "f", version: "1", runtime: "java21", memoryMiB: 1, logStream: "s")
        let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
        #expect(
            String(buffer: PlatformEvent.start(requestID: "r", trace: trace).json(facts, at: 0))
                == #"{"time":"1970-01-01T00:00:00.000Z","type":"platform.start","record":{"requestId":"r","version":"1","#
                + #""tracing":{"type":"X-Amzn-Trace-Id","value":"\#(trace)"}}}"#)
    }

    /// Developer guide, "Log-level filtering": without a timestamp a line is INFO and gets one.
    @Test(
        arguments: [
            Sifted(
                line: #"{"level":"TRACE","message":"m"}"#, least: .info,
                kept: #"{"timestamp":"T","level":"TRACE","message":"m"}"#),
            Sifted(line: #"{"level":"ERROR","message":"m"}"#, least: .warn, kept: nil),
            Sifted(line: #"{ }"#, least: .info, kept: #"{"timestamp":"T" }"#),
            Sifted(line: #"{"timestamp":"x","level":"odd"}"#, least: .info, kept: #"{"timestamp":"x","level":"odd"}"#),
            Sifted(line: #"{"timestamp":"x","level":"odd"}"#, least: .warn, kept: nil),
            Sifted(line: #"{"timestamp":"x","level":7}"#, least: .warn, kept: nil),
            Sifted(
                line: #"{"timestamp":"x","level":"critical"}"#, least: .fatal,
                kept: #"{"timestamp":"x","level":"critical"}"#),
            Sifted(line: #"{"timestamp":"x","level":"WARNING"}"#, least: .error, kept: nil),
            Sifted(line: #"{broken"#, least: .fatal, kept: #"{broken"#),
            Sifted(line: #""#, least: .fatal, kept: #""#),
            Sifted(line: #"[1]"#, least: .fatal, kept: #"[1]"#),
            Sifted(line: #"{"timestamp":7}"#, least: .info, kept: #"{"timestamp":7}"#),
        ])
    func linesAreSifted(sifted: Sifted) {
        let result = ApplicationLogFilter(least: sifted.least).apply(to: ByteBuffer(string: sifted.line), at: 0)
        #expect(result.map { String(buffer: $0).replacing("1970-01-01T00:00:00.000Z", with: "T") } == sifted.kept)
    }

    struct Sifted {
        var line: String
        var least: LogLevel
        var kept: String?
    }

    /// Whatever a function writes, the filter lives, and without a level nothing is lost but by its rule.
    @Test(arguments: 0..<8 as Range<UInt64>) func mutatedLinesDoNoHarm(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let seeds = [
            #"{"timestamp":"2025-11-24T00:08:10Z","level":"INFO","message":{"a":[1,2.5e3,null,true,"\u00e9\n"]}}"#,
            #"{"level":"\u0044EBUG"}"#, "{}",
        ].map { Array($0.utf8) }
        for _ in 0..<2000 {
            var bytes = seeds.randomElement(using: &generator) ?? []
            for _ in 0..<Int.random(in: 0...4, using: &generator) where !bytes.isEmpty {
                let at = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[at] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: at)
                default: bytes.insert(bytes[at], at: at)
                }
            }
            let kept = ApplicationLogFilter(least: .trace).apply(to: ByteBuffer(bytes: bytes), at: 0)
            #expect((kept?.readableBytes ?? -1) >= bytes.count)
        }
    }
}
