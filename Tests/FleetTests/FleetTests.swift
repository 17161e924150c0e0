import Fleet
import NIOCore
import Sandbox
import Synchronization
import Testing
import TestSupport

#if canImport(Glibc)
    import Glibc
#endif

/// Limits, reuse, retirement, reaping and shutdown.
@Suite struct FleetTests {
    private let account = "000000000000"
    private let region = "us-east-1"

    /// Answers "1" once it is let go.
    private func gated(_ gate: Gate, configure: (inout FleetConfiguration) -> Void = { _ in }) -> FleetFixture {
        FleetFixture(settings: .changed(configure)) { runtime in
            runtime.serve { event, connection in
                while !gate.isOpen, !runtime.isKilled { usleep(100) }
                connection.respond(event.requestID, "1")
            }
        }
    }

    @Test func pastTheAccountsLimitInvocationsAreThrottled() async throws {
        let gate = Gate()
        let fixture = gated(gate) { $0.accountConcurrency = 3 }
        let running = (0..<3).map { fixture.start(requestID: "r-\($0)", version: fixture.version(name: "f\($0)")) }
        #expect(fixture.fleet.concurrency(account: account, region: region) == 3)
        // The reason's name: the API reference of Invoke.
        await #expect(throws: FleetError.throttled(reason: "ConcurrentInvocationLimitExceeded")) {
            try await fixture.invoke(requestID: "r-3")
        }
        gate.open()
        for future in running { #expect(try await future.get().text == "1") }
        #expect(try await fixture.invoke(requestID: "r-4").text == "1")
        #expect(fixture.fleet.concurrency(account: account, region: region) == 0)
        #expect(fixture.fleet.concurrency(account: "other", region: region) == 0)
        await fixture.fleet.shutDown()
    }

    @Test func aReservationIsAFloorAndACeiling() async throws {
        let gate = Gate()
        let fixture = gated(gate) { $0.accountConcurrency = 3 }
        fixture.fleet.setReservedConcurrency(account: account, region: region, name: "reserved", 2)
        fixture.fleet.setReservedConcurrency(account: account, region: region, name: "off", 0)
        let other = fixture.start(requestID: "r-0", version: fixture.version(name: "other"))
        await #expect(throws: FleetError.throttled(reason: "ConcurrentInvocationLimitExceeded")) {
            try await fixture.invoke(version: fixture.version(name: "another"))
        }
        let reserved = (1...2).map { fixture.start(requestID: "r-\($0)", version: fixture.version(name: "reserved")) }
        for name in ["reserved", "off"] {
            await #expect(throws: FleetError.throttled(reason: "ReservedFunctionConcurrentInvocationLimitExceeded")) {
                try await fixture.invoke(version: fixture.version(name: name))
            }
        }
        fixture.fleet.setReservedConcurrency(account: account, region: region, name: "reserved", nil)
        fixture.fleet.setReservedConcurrency(account: account, region: region, name: "off", nil)
        let further = (3...4).map { fixture.start(requestID: "r-\($0)", version: fixture.version(name: "off")) }
        gate.open()
        for future in [other] + reserved + further { #expect(try await future.get().text == "1") }
        #expect(fixture.fleet.concurrency(account: account, region: region) == 0)
        await fixture.fleet.shutDown()
    }

    @Test func retiringEndsOldRevisionsAndSparesTheCurrentOne() async throws {
        let fixture = gated(Gate(isOpen: true))
        for revision in ["1", "2"] { _ = try await fixture.invoke(version: fixture.version(revision: revision)) }
        _ = try await fixture.invoke(version: fixture.version(name: "other"))
        try await eventually("all are idle") {
            [("hello", "1"), ("hello", "2"), ("other", "1")].allSatisfy { name, revision in
                fixture.fleet.counts(of: fixture.version(name: name, revision: revision).key)?.idle == 1
            }
        }
        fixture.fleet.retire(account: account, region: region, name: "hello", version: nil, except: "2")
        try await eventually("the old one ended") { fixture.sandboxing.alive == 2 }
        #expect(fixture.fleet.counts(of: fixture.version(revision: "2").key)?.idle == 1)
        fixture.fleet.retire(account: account, region: region, name: "hello", version: nil, except: nil)
        try await eventually("both ended") { fixture.sandboxing.alive == 1 }
        #expect(fixture.fleet.counts(of: fixture.version(name: "other").key)?.idle == 1)
        // A pool without anything in it is not kept.
        try await eventually("the pools are forgotten") {
            fixture.fleet.counts(of: fixture.version(revision: "1").key) == nil
                && fixture.fleet.counts(of: fixture.version(revision: "2").key) == nil
        }
        #expect(try await fixture.invoke(version: fixture.version(revision: "2")).text == "1")
        await fixture.fleet.shutDown()
    }

    @Test func retiringLetsTheRunningInvocationFinish() async throws {
        let gate = Gate()
        let fixture = gated(gate)
        let running = fixture.start()
        try await eventually("it runs") { fixture.fleet.counts(of: fixture.version().key)?.busy == 1 }
        fixture.fleet.retire(account: account, region: region, name: "hello", version: nil, except: nil)
        gate.open()
        #expect(try await running.get().text == "1")
        try await eventually("it ended") { fixture.sandboxing.alive == 0 }
        await fixture.fleet.shutDown()
    }

    @Test func idleEnvironmentsEnd() async throws {
        let fixture = FleetFixture(settings: .changed { $0.idleTimeout = .milliseconds(30) }) { runtime in
            runtime.serve { event, connection in connection.respond(event.requestID, "1") }
        }
        _ = try await fixture.invoke()
        try await eventually("it ended") { fixture.sandboxing.alive == 0 && fixture.credentials.revoked == 1 }
        #expect(try await fixture.invoke(requestID: "r-2").text == "1")
        #expect(fixture.sandboxing.started == 2)
        await fixture.fleet.shutDown()
    }

    @Test func aRuntimeThatEndsWhileIdleIsReplaced() async throws {
        let gate = Gate()
        let fixture = FleetFixture { runtime in
            guard let connection = runtime.connect(), let event = connection.next() else {
                return SandboxExit(cause: .lost)
            }
            connection.respond(event.requestID, "1")
            connection.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: a\r\n\r\n")
            while !gate.isOpen, !runtime.isKilled { usleep(100) }
            return SandboxExit(cause: .exited(status: 0))
        }
        #expect(try await fixture.invoke(requestID: "r-1").text == "1")
        try await eventually("it is idle") { fixture.fleet.counts(of: fixture.version().key)?.idle == 1 }
        gate.open()
        try await eventually("it is gone") { fixture.fleet.counts(of: fixture.version().key) == nil }
        #expect(try await fixture.invoke(requestID: "r-2").text == "1")
        #expect(fixture.sandboxing.started == 2)
        await fixture.fleet.shutDown()
        #expect(fixture.sandboxing.alive == 0)
    }

    /// A runtime that works on after its answer does not hold the next invocation up for long.
    @Test func whatWaitsForABusyRuntimeGetsAnotherEnvironment() async throws {
        let fixture = FleetFixture(settings: .changed { $0.patience = .milliseconds(5) }) { runtime in
            runtime.serve { event, connection in
                connection.respond(event.requestID, "1")
                runtime.hang()
            }
        }
        #expect(try await fixture.invoke(requestID: "r-1").text == "1")
        #expect(try await fixture.invoke(requestID: "r-2").text == "1")
        #expect(fixture.sandboxing.started == 2)
        await fixture.fleet.shutDown()
        #expect(fixture.sandboxing.alive == 0)
    }

    @Test func shutdownWaitsForRunningInvocationsAndEndsEverything() async throws {
        let gate = Gate()
        let fixture = gated(gate)
        let running = (0..<3).map { fixture.start(requestID: "r-\($0)") }
        try await eventually("they run") { fixture.fleet.counts(of: fixture.version().key)?.busy == 3 }
        async let shutdown: Void = fixture.fleet.shutDown()
        let refused = Mutex(false)
        try await eventually("no more is taken") {
            fixture.start(requestID: "late").whenFailure { error in
                if error as? FleetError == .shuttingDown { refused.withLock { $0 = true } }
            }
            return refused.withLock { $0 }
        }
        gate.open()
        for future in running { #expect(try await future.get().text == "1") }
        await shutdown
        #expect(fixture.sandboxing.alive == 0)
        try await eventually("no credentials are left") { fixture.credentials.issued == fixture.credentials.revoked }
    }

    @Test func theServiceRunsUntilItIsCancelled() async throws {
        let fixture = gated(Gate(isOpen: true))
        let service = Task { try await fixture.fleet.run() }
        #expect(try await fixture.invoke().text == "1")
        service.cancel()
        try await service.value
        #expect(fixture.sandboxing.alive == 0)
        await #expect(throws: FleetError.shuttingDown) { try await fixture.invoke() }
    }

    @Test func shutdownKillsWhatDoesNotFinish() async throws {
        let fixture = FleetFixture(settings: .changed { $0.shutdownGrace = .milliseconds(30) }) { runtime in
            runtime.serve { _, _ in runtime.hang() }
        }
        let running = fixture.start()
        try await eventually("it runs") { fixture.fleet.counts(of: fixture.version().key)?.busy == 1 }
        await fixture.fleet.shutDown()
        #expect(try await running.get().functionError == "Unhandled")
        #expect(fixture.sandboxing.alive == 0)
    }

    /// Many callers, functions that end in every way: every invocation is answered, every permit comes back, every
    /// sandbox ends.
    @Test func nothingIsLostUnderLoad() async throws {
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in
                switch event.payload {
                case "\"exit\"": connection.send("x\r\n\r\n")
                case "\"fail\"": connection.fail(event.requestID, "{}")
                default: connection.respond(event.requestID, event.payload)
                }
            }
        }
        var generator = SeededGenerator(seed: 7)
        let payloads = (0..<400).map { _ in ["1", "2", "\"fail\"", "\"exit\""].randomElement(using: &generator) ?? "" }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<8 {
                group.addTask {
                    for index in stride(from: worker, to: payloads.count, by: 8) {
                        let outcome = try await fixture.invoke(payloads[index], requestID: "r-\(index)")
                        switch payloads[index] {
                        case "\"fail\"": #expect(outcome.text == "{}")
                        case "\"exit\"": #expect(outcome.text.contains("Runtime.ExitError"))
                        default: #expect(outcome.text == payloads[index])
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(fixture.fleet.concurrency(account: account, region: region) == 0)
        await fixture.fleet.shutDown()
        #expect(fixture.sandboxing.alive == 0)
        try await eventually("no credentials are left") { fixture.credentials.issued == fixture.credentials.revoked }
        let lines = fixture.logs.lines
        #expect(lines.filter { $0.hasPrefix("END RequestId") }.count == 400)
        #expect(lines.filter { $0.hasPrefix("REPORT RequestId") }.count == 400)
    }
}

/// Lets invocations finish.
private final class Gate: Sendable {
    private let state: Atomic<Bool>
    init(isOpen: Bool = false) { state = Atomic(isOpen) }
    var isOpen: Bool { state.load(ordering: .acquiring) }
    func open() { state.store(true, ordering: .releasing) }
}
