import NIOCore
import RuntimeAPI
import Sandbox
import Synchronization
import TestSupport
import Testing

@testable import Fleet

#if canImport(Glibc)
    import Glibc
#endif

/// Extensions in whole invocations. Documents, states and refusals: Lambda's runtime interface emulator; the order of
/// phases: developer guide, "Understanding the Lambda execution environment lifecycle".
@Suite struct ExtensionTests {
    private static let ended = SandboxExit(cause: .exited(status: 0))

    private static func echo(_ runtime: FakeRuntime) -> SandboxExit {
        runtime.serve { event, connection in connection.respond(event.requestID, event.payload) }
    }

    @Test func anExtensionSeesEveryPhase() async throws {
        let notes = Notes()
        let fixture = FleetFixture(
            extensions: [
                (
                    "watcher",
                    { runtime in
                        guard let client = ExtensionClient(runtime, name: "watcher") else { return Self.ended }
                        runtime.print("hello\n")
                        notes.add(client.register(features: "x, accountId")?.body ?? "")
                        while let event = client.next() {
                            notes.add(event.body)
                            if event.body.contains("SHUTDOWN") { break }
                        }
                        return Self.ended
                    }
                )
            ], script: Self.echo)
        for number in 1...2 {
            #expect(try await fixture.invoke("\(number)", requestID: "r-\(number)").text == "\(number)")
        }
        await fixture.fleet.shutDown()
        let function = #""invokedFunctionArn":"arn:aws:lambda:us-east-1:000000000000:function:hello""#
        let value = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0"
        let tracing = #""tracing":{"type":"X-Amzn-Trace-Id","value":"\#(value)"}"#
        let events = notes.all.map { $0.replacing(/"deadlineMs":[0-9]+/, with: #""deadlineMs":0"#) }
        #expect(
            events.first
                == #"{"accountId":"000000000000","functionName":"hello","functionVersion":"$LATEST","#
                + #""handler":"index.handler"}"#)
        let invokes = (1...2).map { number in
            #"{"eventType":"INVOKE","deadlineMs":0,"requestId":"r-\#(number)",\#(function),\#(tracing)}"#
        }
        let shutdown = #"{"eventType":"SHUTDOWN","deadlineMs":0,"shutdownReason":"spindown"}"#
        #expect(Array(events.dropFirst()) == invokes + [shutdown])
        #expect(fixture.logs.lines.contains("hello"))
        #expect(fixture.logs.lines.contains("EXTENSION\tName: watcher\tState: Ready\tEvents: [INVOKE,SHUTDOWN]"))
    }

    /// The runtime starts when all have registered; the environment is free when all have asked for the next event.
    @Test func nothingGoesOnWithoutEveryExtension() async throws {
        let notes = Notes()
        let gates = (0..<3).map { _ in Gate() }
        let fixture = FleetFixture(
            extensions: [
                (
                    "late",
                    { runtime in
                        guard let client = ExtensionClient(runtime, name: "late") else { return Self.ended }
                        gates[0].wait()
                        notes.add("registers")
                        client.register(#""INVOKE""#)
                        gates[1].wait()
                        notes.add("is ready")
                        _ = client.next()
                        gates[2].wait()
                        notes.add("is done")
                        _ = client.next()
                        return Self.ended
                    }
                )
            ],
            script: { runtime in
                notes.add("runtime")
                return Self.echo(runtime)
            })
        let first = fixture.start("1")
        gates[0].open()
        try await eventually("the runtime runs") { notes.all.contains("runtime") }
        #expect(notes.all == ["registers", "runtime"])
        gates[1].open()
        #expect(try await first.get().text == "1")
        // The caller has its answer, the environment is not free: another serves the next.
        #expect(fixture.fleet.counts(of: fixture.version().key)?.finishing == 1)
        gates[2].open()
        try await eventually("it is free") { fixture.fleet.counts(of: fixture.version().key)?.idle == 1 }
        #expect(notes.all == ["registers", "runtime", "is ready", "is done"])
        await fixture.fleet.shutDown()
    }

    @Test func aCrashFailsTheInvocationAndEndsTheEnvironment() async throws {
        let fixture = FleetFixture(
            extensions: [
                (
                    "fragile",
                    { runtime in
                        guard let client = ExtensionClient(runtime, name: "fragile") else { return Self.ended }
                        client.register()
                        _ = client.next()
                        return SandboxExit(cause: .exited(status: 7))
                    }
                )
            ],
            script: { runtime in
                _ = runtime.connect()?.next()
                runtime.hang()
                return Self.ended
            })
        let outcome = try await fixture.invoke()
        #expect(outcome.functionError == "Unhandled")
        #expect(
            outcome.text == #"{"errorType":"Extension.Crash","errorMessage":"RequestId: r-1 Error: exit status 7"}"#)
        #expect(outcome.tail.contains("RequestId: r-1 Error: exit status 7\nExtension.Crash\nEND RequestId: r-1\n"))
        #expect(outcome.tail.contains("\tStatus: error\tError Type: Extension.Crash\n"))
        await fixture.fleet.shutDown()
    }

    /// The first error that an extension reports names the failure once a process has ended.
    @Test(arguments: [("init", "Extension.InitError", "InitError"), ("exit", "Extension.ExitError", "ExitError")])
    func aReportedErrorNamesTheFailure(phase: String, type: String, state: String) async throws {
        let notes = Notes()
        let fixture = FleetFixture(
            extensions: [
                (
                    "broken",
                    { runtime in
                        guard let client = ExtensionClient(runtime, name: "broken") else { return Self.ended }
                        client.register()
                        notes.add(client.fail(phase, "My.Reason")?.body ?? "")
                        return SandboxExit(cause: .exited(status: 1))
                    }
                )
            ],
            script: { runtime in
                runtime.hang()
                return Self.ended
            })
        let outcome = try await fixture.invoke()
        #expect(notes.all.allSatisfy { $0 == #"{"status":"OK"}"# })
        #expect(outcome.text == #"{"errorType":"\#(type)","errorMessage":"RequestId: r-1 Error: exit status 1"}"#)
        #expect(fixture.sandboxing.started == 2)
        #expect(
            fixture.logs.lines.contains(
                "EXTENSION\tName: broken\tState: \(state)\tEvents: [INVOKE,SHUTDOWN]\tError Type: My.Reason"))
        #expect(
            fixture.maskedLines.contains(
                "INIT_REPORT Init Duration: _ ms\tPhase: init\tStatus: error\tError Type: \(type)"))
        await fixture.fleet.shutDown()
    }

    @Test func anExtensionThatNeverRegistersCostsTheWholeInit() async throws {
        let fixture = FleetFixture(
            settings: .changed { $0.initTimeout = .milliseconds(50) },
            extensions: [
                (
                    "mute",
                    { runtime in
                        runtime.hang()
                        return Self.ended
                    }
                )
            ], script: Self.echo)
        let outcome = try await fixture.invoke(version: fixture.version(timeout: .milliseconds(50)))
        #expect(outcome.text.contains("Task timed out after 0.05 seconds"))
        #expect(fixture.maskedLines.contains("INIT_REPORT Init Duration: _ ms\tPhase: init\tStatus: timeout"))
        await fixture.fleet.shutDown()
    }

    /// After a timeout the extensions hear why.
    @Test(arguments: ["timeout", "failure"]) func theReasonIsTold(reason: String) async throws {
        let notes = Notes()
        let fixture = FleetFixture(
            extensions: [
                (
                    "watcher",
                    { runtime in
                        guard let client = ExtensionClient(runtime, name: "watcher") else { return Self.ended }
                        client.register(#""SHUTDOWN""#)
                        notes.add(client.next()?.body ?? "none")
                        return Self.ended
                    }
                )
            ],
            script: { runtime in
                _ = runtime.connect()?.next()
                if reason == "failure" { return SandboxExit(cause: .exited(status: 1)) }
                runtime.hang()
                return Self.ended
            })
        let limit: Duration = reason == "failure" ? .seconds(900) : .milliseconds(50)
        let outcome = try await fixture.invoke(version: fixture.version(timeout: limit))
        #expect(outcome.functionError == "Unhandled")
        #expect(outcome.text.contains(reason == "failure" ? "Runtime.ExitError" : "Sandbox.Timedout"))
        try await eventually("it is told") { !notes.all.isEmpty }
        #expect(notes.all.first?.hasSuffix(#""shutdownReason":"\#(reason)"}"#) == true)
        await fixture.fleet.shutDown()
    }

    /// An extension that does not leave is killed when its time is over.
    @Test func whoStaysIsKilled() async throws {
        let fixture = FleetFixture(
            settings: .changed { $0.externalShutdownGrace = .milliseconds(50) },
            extensions: [
                (
                    "stubborn",
                    { runtime in
                        guard let client = ExtensionClient(runtime, name: "stubborn") else { return Self.ended }
                        client.register()
                        while client.next() != nil {}
                        return Self.ended
                    }
                )
            ], script: Self.echo)
        #expect(try await fixture.invoke("1").text == "1")
        await fixture.fleet.shutDown()
        #expect(fixture.sandboxing.alive == 0)
        try await eventually("its credentials are gone") { fixture.credentials.revoked == 1 }
    }

    /// What an extension sends when it is told to shut down is signed with the environment's credentials.
    @Test func credentialsOutliveTheShutdown() async throws {
        let notes = Notes()
        let credentials = FixedCredentials()
        let fixture = FleetFixture(
            credentials: credentials,
            extensions: [
                (
                    "sender",
                    { runtime in
                        guard let client = ExtensionClient(runtime, name: "sender") else { return Self.ended }
                        client.register(#""SHUTDOWN""#)
                        _ = client.next()
                        notes.add("issued \(credentials.issued), revoked \(credentials.revoked)")
                        return Self.ended
                    }
                )
            ], script: Self.echo)
        #expect(try await fixture.invoke("1").text == "1")
        fixture.fleet.retire(account: "000000000000", region: "us-east-1", name: "hello", version: nil, except: nil)
        try await eventually("they are gone") { credentials.revoked == 1 }
        #expect(notes.all == ["issued 1, revoked 0"])
        await fixture.fleet.shutDown()
        #expect(credentials.issued == 1)
    }

    /// The environment lives on with its credentials while the sandbox of its failed initialisation shuts down.
    @Test func credentialsOutliveAFailedInitialisation() async throws {
        let credentials = FixedCredentials()
        let notes = Notes()
        let fixture = FleetFixture(
            credentials: credentials,
            extensions: [
                (
                    "sender",
                    { runtime in
                        guard let client = ExtensionClient(runtime, name: "sender") else { return Self.ended }
                        client.register(#""SHUTDOWN""#)
                        _ = client.next()
                        notes.add("\(credentials.revoked)")
                        return Self.ended
                    }
                )
            ],
            script: { _ in SandboxExit(cause: .exited(status: 1)) })
        #expect(try await fixture.invoke().text.contains("Runtime.ExitError"))
        try await eventually("they are gone") { credentials.revoked == 1 }
        #expect(notes.all.allSatisfy { $0 == "0" })
        #expect(credentials.issued == 1 && fixture.sandboxing.started == 2)
        await fixture.fleet.shutDown()
    }

    @Test func internalExtensionsMakeTheRuntimeBeTerminated() async throws {
        let notes = Notes()
        let fixture = FleetFixture { runtime in
            guard let client = ExtensionClient(runtime, name: "inside") else { return Self.ended }
            notes.add("\(client.register()?.status ?? 0)")
            notes.add("\(client.register(#""INVOKE""#)?.status ?? 0)")
            client.ask()
            return runtime.serve { event, connection in
                connection.respond(event.requestID, event.payload)
            }
        }
        #expect(try await fixture.invoke("1").text == "1")
        #expect(notes.all == ["403", "200"])
        await fixture.fleet.shutDown()
        #expect(fixture.sandboxing.terminated.count == 1)
        #expect(fixture.sandboxing.alive == 0)
    }
}

/// Opened once; whoever waits goes on.
private final class Gate: Sendable {
    private let ends: [Int32]

    init() {
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        self.ends = ends
    }

    deinit { for end in ends { close(end) } }

    func open() { _ = write(ends[1], "x", 1) }

    func wait() {
        var byte: UInt8 = 0
        _ = read(ends[0], &byte, 1)
    }
}
