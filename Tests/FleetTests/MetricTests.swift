import Fleet
import Metrics
import NIOCore
import Sandbox
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// What counts, and when, is AWS's: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
@Suite struct MetricTests {
    private static let hello = ["FunctionName": "hello"]
    private static let live = ["FunctionName": "hello", "Resource": "hello:live"]
    private static let version = ["FunctionName": "hello", "Resource": "hello:live", "ExecutedVersion": "1"]

    private func meters(_ fixture: FleetFixture) -> InvocationMeters {
        InvocationMeters(
            LambdaSeries(
                account: "000000000000", region: "us-east-1", function: "hello", qualifier: "live", executed: "1"),
            meters: fixture.meters, clock: { 1_763_942_890_123 })
    }

    private func fixture(_ gate: Flag = Flag(isSet: true), _ change: (inout FleetConfiguration) -> Void = { _ in })
        -> FleetFixture
    {
        FleetFixture(settings: .changed(change)) { runtime in
            runtime.serve { event, connection in
                while event.payload == "1", !gate.isSet, !runtime.isKilled { usleep(100) }
                if event.payload == "0" { connection.send("x\r\n\r\n") }
                connection.respond(event.requestID, "\(runtime.number)")
            }
        }
    }

    @Test func invocationsCountForTheirFunctionQualifierVersionAndAccount() async throws {
        let fixture = fixture()
        let meters = meters(fixture)
        _ = try await fixture.start("2", meters: meters).get()
        #expect(try await fixture.start("0", requestID: "r-2", meters: meters).get().functionError != nil)
        // An invocation is counted once its caller has been answered.
        try await eventually("both are counted") {
            fixture.meters.drain()
            return fixture.metrics.sum("Invocations", Self.hello) == 2
        }
        for dimensions in [[:], Self.hello, Self.live, Self.version] {
            #expect(fixture.metrics.sum("Invocations", dimensions) == 2)
            #expect(fixture.metrics["Errors", dimensions]?.sampleCount == 2)
            #expect(fixture.metrics.sum("Errors", dimensions) == 1)
            #expect(fixture.metrics.sum("Throttles", dimensions) == 0)
            #expect(fixture.metrics["Duration", dimensions]?.sampleCount == 2)
            #expect(fixture.metrics["ConcurrentExecutions", dimensions]?.maximum == 1)
        }
        #expect(fixture.metrics["UnreservedConcurrentExecutions", [:]]?.maximum == 1)
        #expect(fixture.metrics["ClaimedAccountConcurrency", [:]]?.maximum == 1)
        #expect(fixture.metrics.samples.allSatisfy { $0.key.account == "000000000000" && $0.key.region == "us-east-1" })
        // Of the time at which the function was invoked.
        let invocation = try #require(fixture.metrics.samples.first { $0.key.name == "Invocations" })
        #expect(invocation.timestamp <= 1_763_942_880_000)
        #expect(fixture.fleet.coldStarts == 1)
        await fixture.fleet.shutDown()
    }

    /// An extension that goes on after the answer counts for the time until it asks for its next event; one that is
    /// through before the answer has no time after it.
    @Test func whatExtensionsTakeAfterTheAnswerIsCounted() async throws {
        let answered = Flag()
        let heard = Flag()
        let fixture = FleetFixture(
            extensions: [
                (
                    "slow",
                    { runtime in
                        let ended = SandboxExit(cause: .exited(status: 0))
                        guard let client = ExtensionClient(runtime, name: "slow") else { return ended }
                        client.register()
                        _ = client.next()
                        heard.set()
                        while !answered.isSet, !runtime.isKilled { usleep(100) }
                        usleep(20_000)
                        while let event = client.next(), !event.body.contains("SHUTDOWN") {}
                        return ended
                    }
                )
            ]
        ) { runtime in
            runtime.serve { event, connection in
                while !heard.isSet, !runtime.isKilled { usleep(100) }
                connection.respond(event.requestID, event.payload)
            }
        }
        let meters = meters(fixture)
        _ = try await fixture.start("1", meters: meters).get()
        answered.set()
        func counted(_ count: Double) async throws {
            try await eventually("the extension's time is counted") {
                fixture.meters.drain()
                return fixture.metrics["PostRuntimeExtensionsDuration", Self.hello]?.sampleCount == count
            }
        }
        try await counted(1)
        let first = try #require(fixture.metrics["PostRuntimeExtensionsDuration", Self.version])
        #expect(first.minimum >= 20)
        let sample = try #require(
            fixture.metrics.samples.first { $0.key.name == "PostRuntimeExtensionsDuration" })
        #expect(sample.unit == .milliseconds)
        _ = try await fixture.start("2", requestID: "r-2", meters: meters).get()
        try await counted(2)
        await fixture.fleet.shutDown()
    }

    @Test func whereThereAreNoExtensionsTheyTakeNoTime() async throws {
        let fixture = fixture()
        let meters = meters(fixture)
        for number in 0..<2 { _ = try await fixture.start("2", requestID: "r-\(number)", meters: meters).get() }
        await fixture.fleet.shutDown()
        fixture.meters.drain()
        #expect(fixture.metrics.sum("Invocations", Self.hello) == 2)
        #expect(fixture.metrics["PostRuntimeExtensionsDuration", Self.hello] == nil)
    }

    @Test func throttledInvocationsAreNoInvocations() async throws {
        let gate = Flag()
        let fixture = fixture(gate)
        fixture.fleet.setReservedConcurrency(account: "000000000000", region: "us-east-1", name: "hello", 1)
        let meters = meters(fixture)
        let first = fixture.start("1", meters: meters)
        await #expect(throws: FleetError.self) { try await fixture.start("2", requestID: "r-2", meters: meters).get() }
        gate.set()
        _ = try await first.get()
        try await eventually("it is counted") {
            fixture.meters.drain()
            return fixture.metrics.sum("Invocations", Self.hello) == 1
        }
        #expect(fixture.metrics.sum("Throttles", Self.hello) == 1)
        #expect(fixture.metrics["Throttles", [:]]?.sampleCount == 2)
        #expect(fixture.metrics.sum("Errors", Self.hello) == 0)
        // The reservation is claimed, whatever runs on it.
        #expect(fixture.metrics["ClaimedAccountConcurrency", [:]]?.maximum == 1)
        #expect(fixture.metrics["UnreservedConcurrentExecutions", [:]] == nil)
        await fixture.fleet.shutDown()
    }

    @Test func concurrencyIsTheMostThatRanAtOnce() async throws {
        let gate = Flag()
        let fixture = fixture(gate)
        let meters = meters(fixture)
        let all = (0..<3).map { fixture.start("1", requestID: "r-\($0)", meters: meters) }
        try await eventually("all run") { fixture.fleet.census.busy == 3 }
        fixture.meters.drain()
        gate.set()
        for one in all { _ = try await one.get() }
        for dimensions in [[:], Self.hello, Self.live, Self.version] {
            #expect(fixture.metrics["ConcurrentExecutions", dimensions]?.maximum == 3)
        }
        #expect(fixture.metrics.sum("Invocations", Self.hello) == nil)
        await fixture.fleet.shutDown()
        #expect(fixture.fleet.census.busy == 0 && fixture.fleet.census.idle == 0)
    }

    @Test func provisionedConcurrencyIsCountedAsItIsUsed() async throws {
        let gate = Flag()
        let fixture = fixture(gate)
        let version = fixture.version()
        fixture.fleet.provision(
            account: "000000000000", region: "us-east-1", name: "hello",
            [ProvisionedVersion(version: version, executions: 2, generation: "1")], total: 2)
        try await eventually("two are there") { fixture.fleet.provisioned(version.key).available == 2 }
        let meters = meters(fixture)
        _ = try await fixture.start("2", meters: meters).get()
        try await eventually("it is counted") {
            fixture.meters.drain()
            return fixture.metrics.sum("Invocations", Self.hello) == 1
        }
        #expect(fixture.metrics.sum("ProvisionedConcurrencyInvocations", Self.live) == 1)
        #expect(fixture.metrics["ProvisionedConcurrencySpilloverInvocations", Self.live] == nil)
        #expect(fixture.metrics["ProvisionedConcurrentExecutions", Self.version]?.maximum == 1)
        #expect(fixture.metrics["ProvisionedConcurrencyUtilization", Self.live]?.maximum == 0.5)
        // Its environment was there.
        #expect(fixture.fleet.coldStarts == 0)
        let held = (0..<3).map { fixture.start("1", requestID: "h-\($0)", meters: meters) }
        try await eventually("all run") { fixture.fleet.census.busy == 3 }
        gate.set()
        for one in held { _ = try await one.get() }
        try await eventually("they are counted") {
            fixture.meters.drain()
            return fixture.metrics.sum("Invocations", Self.hello) == 4
        }
        #expect(fixture.metrics.sum("ProvisionedConcurrencyInvocations", Self.live) == 3)
        #expect(fixture.metrics.sum("ProvisionedConcurrencySpilloverInvocations", Self.live) == 1)
        #expect(fixture.metrics["ProvisionedConcurrencyUtilization", Self.live]?.maximum == 1)
        await fixture.fleet.shutDown()
    }
}
