import Fleet
import Linux
import NIOCore
import Sandbox
import Synchronization
import Testing
import TestSupport

#if canImport(Glibc)
    import Glibc
#endif

/// A fleet that is short of processors or memory, and one whose environments are frozen.
@Suite struct PressureTests {
    private func serving(
        canFreeze: Bool = false, extensions: [(name: String, script: FakeSandboxing.Script)] = [],
        gate: Gate = Gate(isOpen: true), _ change: (inout FleetConfiguration) -> Void
    ) -> FleetFixture {
        FleetFixture(canFreeze: canFreeze, settings: .changed(change), extensions: extensions) { runtime in
            runtime.serve { event, connection in
                while !gate.isOpen, !runtime.isKilled { usleep(100) }
                connection.respond(event.requestID, "1")
            }
        }
    }

    private func isIdle(_ fixture: FleetFixture, _ name: String) -> Bool {
        fixture.fleet.counts(of: fixture.version(name: name).key)?.idle == 1
    }

    // MARK: Processors

    /// What waits for its turn takes an environment of its function that becomes free.
    @Test func whatWaitsToStartTakesWhatBecomesFree() async throws {
        let gate = Gate()
        let fixture = FleetFixture(
            settings: .changed {
                $0.admissionWidth = 1
                $0.admissionHold = .seconds(600)
                $0.hasIdleProcessor = { false }
                $0.shutdownGrace = .milliseconds(10)
            }
        ) { runtime in
            // The second sandbox never initialises.
            if runtime.number > 2 {
                runtime.hang()
                return SandboxExit(cause: .lost)
            }
            return runtime.serve { event, connection in
                while !gate.isOpen, !runtime.isKilled { usleep(100) }
                connection.respond(event.requestID, "1")
            }
        }
        let first = fixture.start(requestID: "r-1")
        try await eventually("it runs") { fixture.fleet.counts(of: fixture.version().key)?.busy == 1 }
        let blocking = fixture.start(requestID: "r-2", version: fixture.version(name: "other"))
        try await eventually("the other initialises") { fixture.sandboxing.started == 2 }
        let second = fixture.start(requestID: "r-3")
        #expect(fixture.fleet.pressure.waiting == 1)
        gate.open()
        #expect(try await first.get().text == "1")
        #expect(try await second.get().text == "1")
        await fixture.fleet.shutDown()
        _ = try? await blocking.get()
        #expect(fixture.sandboxing.started == 2 && fixture.sandboxing.alive == 0)
    }

    @Test func aStormIsServedAndYields() async throws {
        let fixture = serving {
            $0.admissionWidth = 2
            $0.warmth = .seconds(600)
        }
        for number in 1...2 {
            _ = try await fixture.invoke(requestID: "w-\(number)", version: fixture.version(name: "w"))
        }
        let storm = (0..<100).map { number in
            fixture.start(requestID: "r-\(number)", version: fixture.version(name: "f\(number)"))
        }
        for future in storm { #expect(try await future.get().text == "1") }
        #expect(fixture.sandboxing.started == 101 && fixture.fleet.pressure.waiting == 0)
        #expect(fixture.sandboxing.specs.first?.precedence == .ordinary)
        #expect(fixture.sandboxing.specs.contains { $0.precedence == .yielding })
        await fixture.fleet.shutDown()
        #expect(fixture.fleet.pressure.usedMiB == 0)
    }

    /// A busy machine starves nobody: who has initialised for long yields no more.
    @Test func whoInitialisesForLongYieldsNoMore() async throws {
        let fixture = FleetFixture(
            settings: .changed {
                $0.admissionHold = .milliseconds(20)
                $0.warmth = .seconds(600)
                $0.shutdownGrace = .milliseconds(10)
            }
        ) { runtime in
            if runtime.number > 2 {
                runtime.hang()
                return SandboxExit(cause: .lost)
            }
            return runtime.serve { event, connection in connection.respond(event.requestID, "1") }
        }
        for number in 1...2 { _ = try await fixture.invoke(requestID: "w-\(number)") }
        let started = (0..<2).map { fixture.start(requestID: "r-\($0)", version: fixture.version(name: "f\($0)")) }
        try await eventually("it is raised") { fixture.sandboxing.raised.count >= 1 }
        await fixture.fleet.shutDown()
        for future in started { _ = try? await future.get() }
    }

    // MARK: Memory

    /// The fixture's environments hold 36 MiB each, once one has been invoked.
    @Test func whoHasBeenIdleForLongestGivesWay() async throws {
        let fixture = serving { $0.memoryMiB = 220 }
        for (number, name) in ["a", "b"].enumerated() {
            _ = try await fixture.invoke(requestID: "r-\(number)", version: fixture.version(name: name))
            try await eventually("it is idle") { isIdle(fixture, name) }
        }
        #expect(fixture.fleet.pressure.usedMiB == 72)
        // 128 MiB are expected of one that nobody knows: there is room for it.
        _ = try await fixture.invoke(requestID: "r-3", version: fixture.version(name: "c"))
        try await eventually("it is idle") { isIdle(fixture, "c") }
        #expect(fixture.fleet.pressure.usedMiB == 108 && fixture.sandboxing.alive == 3)
        _ = try await fixture.invoke(requestID: "r-4", version: fixture.version(name: "d"))
        try await eventually("the first gave way") {
            fixture.fleet.counts(of: fixture.version(name: "a").key) == nil && fixture.sandboxing.alive == 3
        }
        #expect(isIdle(fixture, "b") && isIdle(fixture, "c"))
        #expect(fixture.sandboxing.endedSpares == 1)
        await fixture.fleet.shutDown()
        #expect(fixture.fleet.pressure.usedMiB == 0)
    }

    @Test func whereNothingGivesWayThereIsNoCapacity() async throws {
        let gate = Gate()
        let fixture = serving(gate: gate) {
            $0.memoryMiB = 130
            $0.memoryPatience = .milliseconds(30)
        }
        let busy = fixture.start(requestID: "r-1", version: fixture.version(name: "a"))
        try await eventually("it runs") { fixture.fleet.counts(of: fixture.version(name: "a").key)?.busy == 1 }
        await #expect(throws: FleetError.outOfCapacity) {
            _ = try await fixture.invoke(requestID: "r-2", version: fixture.version(name: "b"))
        }
        #expect(fixture.fleet.counts(of: fixture.version(name: "b").key) == nil)
        gate.open()
        #expect(try await busy.get().text == "1")
        // An environment that is there needs no room.
        #expect(try await fixture.invoke(requestID: "r-3", version: fixture.version(name: "a")).text == "1")
        await fixture.fleet.shutDown()
        #expect(fixture.fleet.concurrency(account: "000000000000", region: "us-east-1") == 0)
    }

    @Test func provisionedEnvironmentsDoNotGiveWay() async throws {
        let fixture = serving {
            $0.memoryMiB = 130
            $0.memoryPatience = .milliseconds(30)
        }
        let version = fixture.version(name: "p")
        fixture.fleet.provision(
            account: "000000000000", region: "us-east-1", name: "p",
            [ProvisionedVersion(version: version, executions: 1, generation: "1")], total: 1)
        try await eventually("it is there") { fixture.fleet.provisioned(version.key).available == 1 }
        await #expect(throws: FleetError.outOfCapacity) {
            _ = try await fixture.invoke(requestID: "r-1", version: fixture.version(name: "b"))
        }
        #expect(fixture.fleet.provisioned(version.key).available == 1)
        await fixture.fleet.shutDown()
    }

    // MARK: Freezing

    @Test func whatIsIdleIsFrozenUntilItIsInvoked() async throws {
        let fixture = serving(canFreeze: true) { $0.freezeDelay = .milliseconds(5) }
        for number in 0..<50 {
            #expect(try await fixture.invoke(requestID: "r-\(number)").text == "1")
            try await eventually("it is frozen") { fixture.sandboxing.frozen == [true] }
        }
        #expect(fixture.sandboxing.started == 1)
        await fixture.fleet.shutDown()
        #expect(fixture.sandboxing.alive == 0)
        try await eventually("it is thawed at its end") { fixture.sandboxing.frozen == [false] }
    }

    @Test func invocationsRunThawed() async throws {
        let gate = Gate(isOpen: true)
        let fixture = serving(canFreeze: true, gate: gate) { $0.freezeDelay = .milliseconds(5) }
        _ = try await fixture.invoke(requestID: "r-1")
        try await eventually("it is frozen") { fixture.sandboxing.frozen == [true] }
        gate.close()
        let running = fixture.start(requestID: "r-2")
        try await eventually("it is thawed") { fixture.sandboxing.frozen == [false] }
        gate.open()
        #expect(try await running.get().text == "1")
        await fixture.fleet.shutDown()
    }

    @Test func aFrozenEnvironmentEndsWhenItHasBeenIdleForLong() async throws {
        let fixture = serving(canFreeze: true) {
            $0.freezeDelay = .milliseconds(5)
            $0.idleTimeout = .milliseconds(200)
        }
        _ = try await fixture.invoke()
        try await eventually("it ended") { fixture.sandboxing.alive == 0 }
        // Nobody thaws what was not frozen.
        try await eventually("it is thawed") { fixture.sandboxing.frozen == [false] }
        await fixture.fleet.shutDown()
    }

    /// SHUTDOWN is for extensions that run.
    @Test func extensionsAreThawedToShutDown() async throws {
        let notes = Notes()
        let fixture = serving(
            canFreeze: true,
            extensions: [
                (
                    "one",
                    { runtime in
                        guard let client = ExtensionClient(runtime, name: "one") else {
                            return SandboxExit(cause: .lost)
                        }
                        client.register()
                        while let event = client.next() {
                            if event.body.contains("SHUTDOWN") {
                                notes.add("shutdown")
                                break
                            }
                        }
                        return SandboxExit(cause: .exited(status: 0))
                    }
                )
            ]
        ) { $0.freezeDelay = .milliseconds(5) }
        _ = try await fixture.invoke()
        try await eventually("it is frozen") { fixture.sandboxing.frozen == [true] }
        fixture.fleet.retire(account: "000000000000", region: "us-east-1", name: "hello", version: nil, except: nil)
        try await eventually("it is thawed") { fixture.sandboxing.frozen == [false] }
        try await eventually("it ended") { fixture.sandboxing.alive == 0 }
        #expect(notes.all == ["shutdown"])
        await fixture.fleet.shutDown()
    }
}

private final class Gate: Sendable {
    private let state: Atomic<Bool>
    init(isOpen: Bool = false) { state = Atomic(isOpen) }
    var isOpen: Bool { state.load(ordering: .acquiring) }
    func open() { state.store(true, ordering: .releasing) }
    func close() { state.store(false, ordering: .releasing) }
}
