import Fleet
import NIOCore
import Sandbox
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Environments that are initialised ahead of invocations, and how fast others may be started.
@Suite struct ProvisionedTests {
    private let account = "000000000000"
    private let region = "us-east-1"

    private func provision(
        _ fixture: FleetFixture, _ count: Int, _ version: FunctionVersion? = nil, generation: String = "1"
    ) {
        let version = version ?? fixture.version()
        fixture.fleet.provision(
            account: account, region: region, name: version.key.name,
            count == 0 ? [] : [ProvisionedVersion(version: version, executions: count, generation: generation)],
            total: count)
    }

    private func available(_ fixture: FleetFixture, _ version: FunctionVersion? = nil) -> Int {
        fixture.fleet.provisioned((version ?? fixture.version()).key).available
    }

    private func types(_ fixture: FleetFixture) -> [String] {
        fixture.sandboxing.specs.map { spec in
            spec.environment.first { $0.hasPrefix("AWS_LAMBDA_INITIALIZATION_TYPE=") }?.split(separator: "=").last
                .map(String.init) ?? ""
        }
    }

    /// Answers with its environment's number, as soon as `gate` is open for payloads that wait.
    private func numbered(
        _ gate: Flag = Flag(isSet: true), configure: (inout FleetConfiguration) -> Void = { _ in }
    ) -> FleetFixture {
        FleetFixture(settings: .changed(configure)) { runtime in
            runtime.serve { event, connection in
                while event.payload == "1", !gate.isSet, !runtime.isKilled { usleep(100) }
                connection.respond(event.requestID, "\(runtime.number)")
            }
        }
    }

    @Test func environmentsAreInitialisedAheadAndServe() async throws {
        let fixture = numbered { $0.idleTimeout = .milliseconds(1) }
        provision(fixture, 3)
        try await eventually("three are there") { available(fixture) == 3 }
        #expect(types(fixture) == ["provisioned-concurrency", "provisioned-concurrency", "provisioned-concurrency"])
        for _ in 0..<5 {
            _ = try await fixture.invoke()
            try await eventually("it is idle") {
                fixture.fleet.provisionedCounts(of: fixture.version().key)?.idle == 3
            }
        }
        #expect(fixture.sandboxing.started == 3)
        // The initialisation is told of, and not billed again.
        let report = try #require(fixture.logs.lines.first { $0.hasPrefix("REPORT") })
        #expect(report.contains("\tInit Duration: "))
        #expect(report.firstMatch(of: /Billed Duration: ([0-9]+) ms/).flatMap { Int($0.1) } != nil)
        // Idle for longer than others may be, none has ended.
        #expect(fixture.sandboxing.alive == 3)
        provision(fixture, 0)
        try await eventually("all are gone") { fixture.sandboxing.alive == 0 }
        #expect(available(fixture) == 0)
        try await eventually("the pool is forgotten") { fixture.fleet.counts(of: fixture.version().key) == nil }
        #expect(fixture.credentials.issued == fixture.credentials.revoked)
        await fixture.fleet.shutDown()
    }

    @Test func whatIsTooMuchRunsOnDemand() async throws {
        let gate = Flag()
        let fixture = numbered(gate)
        provision(fixture, 1)
        try await eventually("it is there") { available(fixture) == 1 }
        let first = fixture.start("1", requestID: "r-1")
        try await eventually("it runs") { fixture.fleet.provisionedCounts(of: fixture.version().key)?.busy == 1 }
        let second = try await fixture.invoke("2", requestID: "r-2").text
        gate.set()
        #expect(try await first.get().text != second)
        #expect(types(fixture) == ["provisioned-concurrency", "on-demand"])
        #expect(fixture.fleet.concurrency(account: account, region: region) == 0)
        await fixture.fleet.shutDown()
        #expect(fixture.sandboxing.alive == 0)
    }

    /// localstack's test_lambda_concurrency_block and test_reserved_provisioned_overlap.
    @Test func aReservationThatIsAllProvisionedLeavesNothingToOtherVersions() async throws {
        let fixture = numbered()
        fixture.fleet.setReservedConcurrency(account: account, region: region, name: "hello", 1)
        _ = try await fixture.invoke(version: fixture.version(revision: "latest"))
        provision(fixture, 1)
        try await eventually("it is there") { available(fixture) == 1 }
        await #expect(throws: FleetError.throttled(reason: "ReservedFunctionConcurrentInvocationLimitExceeded")) {
            try await fixture.invoke(version: fixture.version(revision: "latest"))
        }
        _ = try await fixture.invoke()
        provision(fixture, 0)
        _ = try await fixture.invoke(version: fixture.version(revision: "latest"))
        await fixture.fleet.shutDown()
    }

    @Test func anEnvironmentThatEndsIsReplaced() async throws {
        let fixture = FleetFixture(settings: .changed { $0.provisionedRetryDelay = .milliseconds(1) }) { runtime in
            runtime.serve { event, connection in
                if event.payload == "0" { connection.send("x\r\n\r\n") }
                connection.respond(event.requestID, "\(runtime.number)")
            }
        }
        provision(fixture, 1)
        try await eventually("it is there") { available(fixture) == 1 }
        #expect(try await fixture.invoke("0").functionError == "Unhandled")
        try await eventually("another is there") { fixture.sandboxing.started == 2 && available(fixture) == 1 }
        // So is one that ends while it is idle: the ids begin with 2.
        fixture.sandboxing.kill(3)
        try await eventually("a third is there") { fixture.sandboxing.started == 3 && available(fixture) == 1 }
        #expect(Set(types(fixture)) == ["provisioned-concurrency"])
        await fixture.fleet.shutDown()
        #expect(fixture.sandboxing.alive == 0)
    }

    /// localstack's test_provisioned_concurrency_init_failure: six attempts, and invocations run on demand meanwhile.
    @Test func initialisationIsGivenUpAfterSixAttempts() async throws {
        let broken = Flag(isSet: true)
        let fixture = FleetFixture(settings: .changed { $0.provisionedRetryDelay = .milliseconds(1) }) { runtime in
            if broken.isSet { return SandboxExit(cause: .exited(status: 3)) }
            return runtime.serve { event, connection in connection.respond(event.requestID, event.payload) }
        }
        let key = fixture.version().key
        provision(fixture, 1)
        try await eventually("it is given up") { fixture.fleet.provisioned(key).failure != nil }
        #expect(fixture.fleet.provisioned(key) == ProvisionedState(failure: "FUNCTION_ERROR_INIT_FAILURE"))
        #expect(fixture.sandboxing.started == 6)
        let ending = "Phase: init\tStatus: error\tError Type: Runtime.ExitError"
        try await eventually("the log is written") {
            fixture.maskedLines.filter { $0 == "INIT_REPORT Init Duration: _ ms\t\(ending)" }.count == 6
        }
        broken.clear()
        #expect(try await fixture.invoke("5").text == "5")
        #expect(types(fixture).last == "on-demand")
        // The same again is no reason to try again; to put it once more is.
        provision(fixture, 1)
        #expect(fixture.fleet.provisioned(key).failure != nil)
        provision(fixture, 1, generation: "2")
        try await eventually("it is there") { fixture.fleet.provisioned(key) == ProvisionedState(available: 1) }
        await fixture.fleet.shutDown()
    }

    @Test func aHostThatCannotStartSandboxesIsTheReason() async throws {
        let fixture = FleetFixture(
            failure: SandboxError(operation: "clone3", subject: "", errno: 11),
            settings: .changed { $0.provisionedRetryDelay = .milliseconds(1) }
        ) { _ in SandboxExit(cause: .lost) }
        provision(fixture, 2)
        try await eventually("it is given up") {
            fixture.fleet.provisioned(fixture.version().key).failure?.contains("clone3") == true
        }
        await fixture.fleet.shutDown()
        #expect(fixture.credentials.issued == fixture.credentials.revoked)
    }

    @Test func fewerAreKeptWhenFewerAreWanted() async throws {
        let fixture = numbered()
        provision(fixture, 4)
        try await eventually("four are there") { available(fixture) == 4 }
        provision(fixture, 2)
        try await eventually("two are there") { fixture.sandboxing.alive == 2 && available(fixture) == 2 }
        // Those of a version that is not named any more end.
        let next = fixture.version(revision: "2")
        provision(fixture, 1, next)
        try await eventually("the other version has them") {
            fixture.sandboxing.alive == 1 && available(fixture, next) == 1 && available(fixture) == 0
        }
        fixture.fleet.retire(account: account, region: region, name: "hello", version: nil, except: nil)
        try await eventually("all are gone") { fixture.sandboxing.alive == 0 }
        await fixture.fleet.shutDown()
    }

    @Test func aHangingInitialisationEndsWithItsConfiguration() async throws {
        let fixture = FleetFixture { runtime in
            runtime.hang()
            return SandboxExit(cause: .lost)
        }
        provision(fixture, 1)
        try await eventually("it starts") { fixture.sandboxing.alive == 1 }
        provision(fixture, 0)
        try await eventually("it is gone") { fixture.sandboxing.alive == 0 }
        await fixture.fleet.shutDown()
    }

    /// AWS: up to 15 minutes, where on demand there are ten seconds.
    @Test func initialisationMayTakeLonger() async throws {
        let fixture = FleetFixture(
            settings: .changed {
                $0.initTimeout = .milliseconds(1)
                $0.provisionedInitTimeout = .seconds(600)
            }
        ) { runtime in
            usleep(20_000)
            return runtime.serve { event, connection in connection.respond(event.requestID, event.payload) }
        }
        provision(fixture, 1)
        try await eventually("it is there") { available(fixture) == 1 }
        #expect(fixture.sandboxing.started == 1)
        await fixture.fleet.shutDown()
    }

    /// Developer guide, "Configuring provisioned concurrency": initialisation code runs every few hours.
    @Test func oldEnvironmentsAreReplaced() async throws {
        let clock = Clock()
        let fixture = numbered { $0.clock = { clock.now } }
        provision(fixture, 1)
        try await eventually("it is there") { available(fixture) == 1 }
        let first = try await fixture.invoke().text
        clock.advance(6 * 3_600_000_000)
        #expect(try await fixture.invoke().text == first)
        try await eventually("it is replaced") { fixture.sandboxing.started == 2 && available(fixture) == 1 }
        #expect(try await fixture.invoke().text != first)
        #expect(fixture.sandboxing.started == 2)
        #expect(Set(types(fixture)) == ["provisioned-concurrency"])
        await fixture.fleet.shutDown()
    }

    /// So are those on demand, which may be busy for days and find their credentials in variables.
    @Test func oldEnvironmentsOnDemandAreReplaced() async throws {
        let clock = Clock()
        let fixture = numbered { $0.clock = { clock.now } }
        let first = try await fixture.invoke().text
        clock.advance(5 * 3_600_000_000)
        #expect(try await fixture.invoke().text == first)
        clock.advance(3_600_000_000)
        #expect(try await fixture.invoke().text == first)
        try await eventually("it is gone") { fixture.sandboxing.alive == 0 }
        #expect(try await fixture.invoke().text != first)
        #expect(Set(types(fixture)) == ["on-demand"])
        await fixture.fleet.shutDown()
    }

    @Test func soAreIdleOnesOneAfterTheOther() async throws {
        let fixture = numbered {
            $0.lifetime = .milliseconds(20)
            $0.recyclingDelay = .milliseconds(1)
        }
        provision(fixture, 2)
        try await eventually("four and more have been started") {
            #expect(available(fixture) <= 2)
            return fixture.sandboxing.started > 4
        }
        provision(fixture, 0)
        try await eventually("all are gone") { fixture.sandboxing.alive == 0 }
        await fixture.fleet.shutDown()
        #expect(fixture.credentials.issued == fixture.credentials.revoked)
    }

    /// Developer guide, "Lambda scaling behavior", with a clock of the test's own.
    @Test func pastTheBurstInvocationsAreThrottledUntilItIsRefilled() async throws {
        let gate = Flag()
        let clock = Clock()
        let fixture = numbered(gate) { configuration in
            configuration.burstEnvironments = 2
            configuration.clock = { clock.now }
        }
        let running = (0..<2).map { fixture.start("1", requestID: "r-\($0)") }
        await #expect(throws: FleetError.throttled(reason: "FunctionInvocationRateLimitExceeded")) {
            try await fixture.invoke("1", requestID: "r-2")
        }
        #expect(fixture.fleet.concurrency(account: account, region: region) == 2)
        // Other functions have a burst of their own.
        #expect(try await fixture.invoke("2", version: fixture.version(name: "other")).functionError == nil)
        clock.advance(5_000_000)
        let third = fixture.start("1", requestID: "r-3")
        await #expect(throws: FleetError.self) { try await fixture.invoke("1", requestID: "r-4") }
        gate.set()
        for future in running + [third] { #expect(try await future.get().functionError == nil) }
        // What is warm needs no burst.
        try await eventually("all are idle") { fixture.fleet.counts(of: fixture.version().key)?.idle == 3 }
        let again = (0..<3).map { fixture.start("1", requestID: "s-\($0)") }
        for future in again { #expect(try await future.get().functionError == nil) }
        await fixture.fleet.shutDown()
    }

    @Test func tenInvocationsASecondMayComeForEachThatMayRun() async throws {
        let clock = Clock()
        let fixture = numbered { configuration in
            configuration.accountConcurrency = 2
            configuration.clock = { clock.now }
        }
        for _ in 0..<20 { _ = try await fixture.invoke() }
        await #expect(throws: FleetError.throttled(reason: "FunctionInvocationRateLimitExceeded")) {
            try await fixture.invoke()
        }
        fixture.fleet.setReservedConcurrency(account: account, region: region, name: "reserved", 1)
        for _ in 0..<10 { _ = try await fixture.invoke(version: fixture.version(name: "reserved")) }
        await #expect(throws: FleetError.throttled(reason: "ReservedFunctionInvocationRateLimitExceeded")) {
            try await fixture.invoke(version: fixture.version(name: "reserved"))
        }
        clock.advance(100_000)
        _ = try await fixture.invoke(version: fixture.version(name: "reserved"))
        await fixture.fleet.shutDown()
    }

    /// Many callers while the number changes: every invocation is answered, every sandbox ends.
    @Test func nothingIsLostUnderLoad() async throws {
        let fixture = FleetFixture(
            settings: .changed {
                $0.provisionedRetryDelay = .milliseconds(1)
                $0.provisionedAttempts = .max
                $0.patience = .milliseconds(1)
            }
        ) { runtime in
            runtime.serve { event, connection in
                if event.payload == "0" { connection.send("x\r\n\r\n") }
                connection.respond(event.requestID, event.payload)
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for count in [1, 4, 2, 0, 3, 1, 5, 0, 2] {
                    self.provision(fixture, count)
                    try await Task.sleep(for: .milliseconds(5))
                }
            }
            for worker in 0..<6 {
                group.addTask {
                    for number in 0..<40 {
                        let payload = number % 7 == 6 ? "0" : "\(number + 1)"
                        let outcome = try await fixture.invoke(payload, requestID: "r-\(worker)-\(number)")
                        #expect(payload == "0" ? outcome.functionError != nil : outcome.text == payload)
                    }
                }
            }
            try await group.waitForAll()
        }
        try await eventually("two are left") { available(fixture) == 2 }
        #expect(fixture.fleet.concurrency(account: account, region: region) == 0)
        await fixture.fleet.shutDown()
        #expect(fixture.sandboxing.alive == 0)
        #expect(fixture.credentials.issued == fixture.credentials.revoked)
    }
}

final class Flag: Sendable {
    private let state: Atomic<Bool>
    init(isSet: Bool = false) { state = Atomic(isSet) }
    var isSet: Bool { state.load(ordering: .acquiring) }
    func set() { state.store(true, ordering: .releasing) }
    func clear() { state.store(false, ordering: .releasing) }
}

/// Stands still until it is told otherwise.
private final class Clock: Sendable {
    private let microseconds = Atomic<UInt64>(1)
    var now: UInt64 { microseconds.load(ordering: .relaxed) }
    func advance(_ step: UInt64) { microseconds.add(step, ordering: .relaxed) }
}
