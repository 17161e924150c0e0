import Fleet
import NIOCore
import Sandbox
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// SnapStart: environments initialised up to a snapshot, and restored for invocations.
@Suite struct SnapStartTests {
    private func snapStart(_ fixture: FleetFixture, revision: String = "1") -> FunctionVersion {
        var version = fixture.version(revision: revision)
        version.isSnapStart = true
        version.key.version = "7"
        return version
    }

    /// A runtime that waits to be restored, does what `after` says, and answers with its environment's number.
    private static func hooked(
        _ after: @escaping @Sendable (FakeRuntime, RuntimeConnection) -> Bool = { _, _ in true }
    ) -> FakeSandboxing.Script {
        { runtime in
            guard let connection = runtime.connect(), connection.restoreNext() == 200, after(runtime, connection) else {
                return SandboxExit(cause: .exited(status: 65))
            }
            while let event = connection.next() { connection.respond(event.requestID, "\(runtime.number)") }
            return SandboxExit(cause: .exited(status: 0))
        }
    }

    private func prepared(_ fixture: FleetFixture) -> Int {
        fixture.fleet.snapshotCounts(of: snapStart(fixture).key)?.prepared ?? 0
    }

    @Test func aVersionIsInitialisedWhenItIsPublished() async throws {
        let fixture = FleetFixture(script: Self.hooked())
        #expect(await fixture.fleet.publish(snapStart(fixture)) == nil)
        #expect(prepared(fixture) == 1)
        #expect(fixture.fleet.concurrency(account: "000000000000", region: "us-east-1") == 0)
        try await eventually("the log is written") { fixture.logs.lines.count == 2 }
        // That SnapStart functions always have INIT_REPORT the developer guide says ("Lambda execution environment").
        #expect(
            fixture.maskedLines == [
                "INIT_START Runtime Version: python:3.12", "INIT_REPORT Init Duration: _ ms",
            ])
        // Once more is no more.
        #expect(await fixture.fleet.publish(snapStart(fixture)) == nil)
        #expect(fixture.sandboxing.started == 1)
        await fixture.fleet.shutDown()
        #expect(fixture.sandboxing.alive == 0)
        #expect(fixture.credentials.issued == fixture.credentials.revoked)
    }

    @Test func anInvocationRestoresOne() async throws {
        let fixture = FleetFixture(
            script: Self.hooked { runtime, _ in
                runtime.print("after\n")
                return true
            })
        let version = snapStart(fixture)
        #expect(await fixture.fleet.publish(version) == nil)
        let outcome = try await fixture.invoke(requestID: "r-1", version: version)
        // The ids begin with 2.
        #expect(outcome.text == "2")
        let restored = fixture.maskedLines.drop { !$0.hasPrefix("RESTORE") }.filter { !$0.hasPrefix("INIT") }
        #expect(
            Array(restored) == [
                "RESTORE_START Runtime Version: python:3.12", "after", "RESTORE_REPORT Restore Duration: _ ms",
                "START RequestId: r-1 Version: 7", "END RequestId: r-1",
                "REPORT RequestId: r-1\tDuration: _ ms\tBilled Duration: _ ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t"
                    + "Restore Duration: _ ms\tBilled Restore Duration: \(billed(fixture)) ms\t",
            ])
        // INIT and the rest are in streams of their own, and so is each environment.
        try await eventually("another waits") { prepared(fixture) == 1 }
        #expect(fixture.sandboxing.started == 2)
        try await eventually("its log is written") { fixture.logs.streams.count == 3 }
        // The next one is warm.
        try await eventually("it is idle") { fixture.fleet.counts(of: version.key)?.idle == 1 }
        let second = try await fixture.invoke(requestID: "r-2", version: version)
        #expect(second.text == "2")
        #expect(!second.tail.contains("Restore Duration"))
        await fixture.fleet.shutDown()
        #expect(fixture.sandboxing.alive == 0)
        #expect(fixture.credentials.issued == fixture.credentials.revoked)
    }

    private func billed(_ fixture: FleetFixture) -> String {
        let report = fixture.logs.lines.first { $0.hasPrefix("REPORT") } ?? ""
        return report.firstMatch(of: /Billed Restore Duration: ([0-9]+) ms/).map { String($0.1) } ?? "?"
    }

    @Test func whatChangesIsNoVariable() async throws {
        let fixture = FleetFixture(script: Self.hooked())
        #expect(await fixture.fleet.publish(snapStart(fixture)) == nil)
        let variables = try #require(fixture.sandboxing.specs.first).environment
        let names = Set(variables.map { String($0.prefix { $0 != "=" }) })
        #expect(variables.contains("AWS_LAMBDA_INITIALIZATION_TYPE=snap-start"))
        #expect(
            names.isDisjoint(with: [
                "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                "AWS_SESSION_TOKEN",
            ]))
        #expect(variables.contains("AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:9001/2021-04-23/credentials"))
        #expect(names.contains("AWS_CONTAINER_AUTHORIZATION_TOKEN"))
        await fixture.fleet.shutDown()
    }

    @Test func credentialsAreAskedForWithTheToken() async throws {
        let answers = Mutex<[RuntimeConnection.Answer?]>([])
        let box = Mutex<FakeSandboxing?>(nil)
        let fixture = FleetFixture { runtime in
            guard let connection = runtime.connect() else { return SandboxExit(cause: .lost) }
            let variable = box.withLock { $0 }?.specs[0].environment.first {
                $0.hasPrefix("AWS_CONTAINER_AUTHORIZATION_TOKEN=")
            }
            let token = variable?.split(separator: "=").last ?? ""
            let ask = { (token: Substring) in
                let answer = connection.get("/2021-04-23/credentials", headers: "Authorization: \(token)\r\n")
                answers.withLock { $0.append(answer) }
            }
            ask(token)
            ask("another")
            guard connection.restoreNext() == 200 else { return SandboxExit(cause: .lost) }
            ask(token)
            while let event = connection.next() { connection.respond(event.requestID, "{}") }
            return SandboxExit(cause: .exited(status: 0))
        }
        box.withLock { $0 = fixture.sandboxing }
        let version = snapStart(fixture)
        #expect(await fixture.fleet.publish(version) == nil)
        _ = try await fixture.invoke(version: version)
        let found = answers.withLock { $0 }.prefix(3)
        #expect(found.map { $0?.status } == [200, 404, 200])
        // The members that AWS's runtime interface emulator has.
        #expect(
            found.first??.body
                == #"{"AccessKeyId":"ASIA1","SecretAccessKey":"secret","Token":"token","Expiration":"2025-11-24T12:08:10.000Z"}"#
        )
        // Those of the restored environment are new.
        #expect(found.last??.body.contains(#""AccessKeyId":"ASIA1""#) == false)
        await fixture.fleet.shutDown()
    }

    @Test func manyAtOnceAreManyEnvironments() async throws {
        let fixture = FleetFixture(script: Self.hooked())
        let version = snapStart(fixture)
        #expect(await fixture.fleet.publish(version) == nil)
        let futures = (0..<8).map { fixture.start(requestID: "r-\($0)", version: version) }
        var numbers: Set<String> = []
        for future in futures { numbers.insert(try await future.get().text) }
        #expect(numbers.count >= 1)
        // The supply follows.
        let count = fixture.maskedLines.filter { $0.hasPrefix("RESTORE_START") }.count
        try await eventually("as many wait as were taken") { prepared(fixture) >= min(count, 16) }
        #expect(
            fixture.sandboxing.specs.allSatisfy {
                $0.environment.contains("AWS_LAMBDA_INITIALIZATION_TYPE=snap-start")
            })
        fixture.fleet.retire(account: "000000000000", region: "us-east-1", name: "hello", version: "7", except: nil)
        try await eventually("all are gone") { fixture.sandboxing.alive == 0 }
        try await eventually("the pool is forgotten") { fixture.fleet.counts(of: version.key) == nil }
        #expect(fixture.credentials.issued == fixture.credentials.revoked)
        await fixture.fleet.shutDown()
    }

    @Test func withoutSupplyItIsInitialisedOnDemand() async throws {
        let fixture = FleetFixture(script: Self.hooked())
        let version = snapStart(fixture)
        #expect(try await fixture.invoke(version: version).text != "")
        #expect(fixture.maskedLines.contains("RESTORE_REPORT Restore Duration: _ ms"))
        try await eventually("one waits from then on") { prepared(fixture) == 1 }
        // Memory is short: it gives way, and nothing replaces it before it is needed.
        fixture.fleet.makeRoom(1)
        try await eventually("it is gone") { fixture.sandboxing.alive == 1 }
        #expect(prepared(fixture) == 0)
        await fixture.fleet.shutDown()
    }

    @Test func itIsNotKeptForEver() async throws {
        let now = Mutex<UInt64>(1)
        let fixture = FleetFixture(
            settings: .changed {
                $0.snapshotWindow = .milliseconds(1)
                $0.clock = { now.withLock { $0 } }
            }, script: Self.hooked())
        let version = snapStart(fixture)
        #expect(await fixture.fleet.publish(version) == nil)
        #expect(fixture.sandboxing.alive == 1)
        now.withLock { $0 += 3_600_000_000 }
        try await eventually("it is gone") { fixture.sandboxing.alive == 0 }
        #expect(try await fixture.invoke(version: version).text != "2")
        await fixture.fleet.shutDown()
    }

    @Test func aRuntimeWithoutHooksIsRestoredAtOnce() async throws {
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in connection.respond(event.requestID, "\(runtime.number)") }
        }
        let version = snapStart(fixture)
        #expect(await fixture.fleet.publish(version) == nil)
        #expect(try await fixture.invoke(version: version).text == "2")
        #expect(fixture.maskedLines.contains("RESTORE_REPORT Restore Duration: _ ms"))
        await fixture.fleet.shutDown()
    }

    // MARK: Failures

    @Test func anInitialisationThatFailsIsTold() async throws {
        let fixture = FleetFixture(settings: .changed { $0.provisionedRetryDelay = .seconds(600) }) { _ in
            SandboxExit(cause: .exited(status: 3))
        }
        #expect(await fixture.fleet.publish(snapStart(fixture)) == .initialisation)
        let ending = "Phase: init\tStatus: error\tError Type: Runtime.ExitError"
        try await eventually("the log is written") {
            fixture.maskedLines.last == "INIT_REPORT Init Duration: _ ms\t\(ending)"
        }
        // Without a version to take from, an invocation's own initialisation fails, too.
        await #expect(throws: FleetError.restoreFailed) { try await fixture.invoke(version: snapStart(fixture)) }
        #expect(fixture.fleet.concurrency(account: "000000000000", region: "us-east-1") == 0)
        await fixture.fleet.shutDown()
        #expect(fixture.sandboxing.alive == 0)
        #expect(fixture.credentials.issued == fixture.credentials.revoked)
    }

    @Test func aHostThatCannotStartSandboxesIsTold() async throws {
        let fixture = FleetFixture(
            failure: SandboxError(operation: "clone3", subject: "", errno: 11),
            settings: .changed { $0.provisionedRetryDelay = .seconds(600) }
        ) { _ in SandboxExit(cause: .lost) }
        guard case .unavailable = await fixture.fleet.publish(snapStart(fixture)) else {
            Issue.record("the host is to blame")
            return
        }
        await fixture.fleet.shutDown()
    }

    @Test func aHookThatFailsBeforeTheSnapshot() async throws {
        let fixture = FleetFixture(settings: .changed { $0.provisionedRetryDelay = .seconds(600) }) { runtime in
            runtime.connect()?.failInit("{}", type: "Runtime.BeforeSnapshotError")
            return SandboxExit(cause: .exited(status: 64))
        }
        #expect(await fixture.fleet.publish(snapStart(fixture)) == .initialisation)
        try await eventually("the log is written") {
            fixture.maskedLines.last?.hasSuffix("Error Type: Runtime.BeforeSnapshotError") == true
        }
        await fixture.fleet.shutDown()
    }

    @Test func aHookThatFailsAfterTheRestoration() async throws {
        let fixture = FleetFixture(
            script: Self.hooked { runtime, connection in
                runtime.print("no connection\n")
                let answer = connection.post(
                    "/2018-06-01/runtime/restore/error", "{}",
                    headers: "Lambda-Runtime-Function-Error-Type: Runtime.AfterRestoreError\r\n")
                #expect(answer?.status == 202)
                return false
            })
        let version = snapStart(fixture)
        #expect(await fixture.fleet.publish(version) == nil)
        await #expect(throws: FleetError.restoreFailed) { try await fixture.invoke(version: version) }
        let restored = fixture.maskedLines.filter { !$0.hasPrefix("INIT") }
        // The form of the developer guide's example ("Failures during the Restore phase").
        #expect(
            restored == [
                "RESTORE_START Runtime Version: python:3.12", "no connection",
                "RESTORE_REPORT Restore Duration: _ ms\tStatus: error\tError Type: Runtime.AfterRestoreError",
            ])
        #expect(fixture.fleet.concurrency(account: "000000000000", region: "us-east-1") == 0)
        await fixture.fleet.shutDown()
        #expect(fixture.sandboxing.alive == 0)
    }

    @Test func aRuntimeThatEndsInItsRestoration() async throws {
        let fixture = FleetFixture(script: Self.hooked { _, _ in false })
        let version = snapStart(fixture)
        #expect(await fixture.fleet.publish(version) == nil)
        await #expect(throws: FleetError.restoreFailed) { try await fixture.invoke(version: version) }
        #expect(
            fixture.maskedLines.contains(
                "RESTORE_REPORT Restore Duration: _ ms\tStatus: error\tError Type: Runtime.ExitError"))
        await fixture.fleet.shutDown()
    }

    @Test func aRestorationThatTakesTooLong() async throws {
        let fixture = FleetFixture(
            settings: .changed { $0.restoreTimeout = .milliseconds(20) },
            script: Self.hooked { runtime, _ in
                runtime.hang()
                return false
            })
        let version = snapStart(fixture)
        #expect(await fixture.fleet.publish(version) == nil)
        await #expect(throws: FleetError.restoreTimedOut) { try await fixture.invoke(version: version) }
        #expect(fixture.maskedLines.contains("RESTORE_REPORT Restore Duration: _ ms\tStatus: timeout"))
        await fixture.fleet.shutDown()
        #expect(fixture.sandboxing.alive == 0)
    }

    @Test func oneThatEndsWhileItWaitsIsReplaced() async throws {
        let fixture = FleetFixture(
            settings: .changed { $0.provisionedRetryDelay = .milliseconds(1) }, script: Self.hooked())
        let version = snapStart(fixture)
        #expect(await fixture.fleet.publish(version) == nil)
        // The ids begin with 2.
        fixture.sandboxing.kill(2)
        try await eventually("another waits") { fixture.sandboxing.started == 2 && prepared(fixture) == 1 }
        #expect(try await fixture.invoke(version: version).text == "3")
        await fixture.fleet.shutDown()
    }

    @Test func aVersionThatIsDeletedMeanwhile() async throws {
        let fixture = FleetFixture { runtime in
            runtime.hang()
            return SandboxExit(cause: .lost)
        }
        let version = snapStart(fixture)
        async let failure = fixture.fleet.publish(version)
        try await eventually("it initialises") { fixture.sandboxing.alive == 1 }
        fixture.fleet.retire(account: "000000000000", region: "us-east-1", name: "hello", version: nil, except: nil)
        #expect(await failure == .retired)
        try await eventually("it is gone") { fixture.sandboxing.alive == 0 }
        #expect(fixture.fleet.counts(of: version.key) == nil)
        await fixture.fleet.shutDown()
    }

    @Test func whoeverWaitsForItMayGiveUp() async throws {
        let fixture = FleetFixture { runtime in
            runtime.hang()
            return SandboxExit(cause: .lost)
        }
        let version = snapStart(fixture)
        let waiting = Task { await fixture.fleet.publish(version) }
        try await eventually("it initialises") { fixture.sandboxing.alive == 1 }
        waiting.cancel()
        #expect(await waiting.value == .retired)
        await fixture.fleet.shutDown()
        #expect(fixture.sandboxing.alive == 0)
    }

    // MARK: Other records

    @Test func jsonLogs() async throws {
        let fixture = FleetFixture(script: Self.hooked())
        var version = snapStart(fixture)
        version.logging = FunctionLogging(format: .json, applicationLevel: "DEBUG", systemLevel: "DEBUG")
        #expect(await fixture.fleet.publish(version) == nil)
        _ = try await fixture.invoke(version: version)
        let lines = fixture.logs.lines.map {
            $0.replacing(/"(durationMs|restoreDurationMs)":[0-9.e-]+/) { "\"\($0.1)\":0" }
                .replacing(/"instanceId":"[^"]+"/, with: #""instanceId":"i""#)
        }
        // The developer guide, "Lambda Telemetry API Event schema reference".
        let time = #"{"time":"2025-11-24T00:08:10.123Z","type":"#
        #expect(
            lines.contains(
                time + #""platform.restoreStart","record":{"runtimeVersion":"python:3.12","functionName":"hello","#
                    + #""functionVersion":"7","instanceId":"i","instanceMaxMemory":134217728}}"#))
        #expect(lines.contains(time + #""platform.restoreRuntimeDone","record":{"status":"success"}}"#))
        #expect(
            lines.contains(
                time + #""platform.restoreReport","record":{"status":"success","metrics":{"durationMs":0}}}"#))
        let report = try #require(lines.first { $0.contains("platform.report") })
        #expect(report.contains(#""restoreDurationMs":0,"billedRestoreDurationMs":"#))
        #expect(!report.contains("initDurationMs"))
        await fixture.fleet.shutDown()
    }

    /// https://docs.aws.amazon.com/lambda/latest/dg/snapstart-monitoring.html#snapstart-xray
    @Test func tracesHaveARestoration() async throws {
        let fixture = FleetFixture(script: Self.hooked())
        let version = snapStart(fixture)
        #expect(await fixture.fleet.publish(version) == nil)
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
        _ = try await fixture.start(version: version, sampled: header).get()
        try await eventually("both segments are written") { fixture.traces.documents.count == 2 }
        let function = try #require(fixture.traces.documents.first { $0.contains("AWS::Lambda::Function") })
        #expect(function.contains(#""name":"Restore""#))
        #expect(!function.contains("Initialization"))
        await fixture.fleet.shutDown()
    }

    @Test func othersCannotAskForIt() async throws {
        let answers = Mutex<[Int?]>([])
        let fixture = FleetFixture { runtime in
            guard let connection = runtime.connect() else { return SandboxExit(cause: .lost) }
            let found = [
                connection.restoreNext(), connection.post("/2018-06-01/runtime/restore/error", "{}")?.status,
                connection.get("/2021-04-23/credentials", headers: "Authorization: \r\n")?.status,
            ]
            answers.withLock { $0 = found }
            while let event = connection.next() { connection.respond(event.requestID, "{}") }
            return SandboxExit(cause: .exited(status: 0))
        }
        _ = try await fixture.invoke()
        #expect(answers.withLock { $0 } == [404, 404, 404])
        await fixture.fleet.shutDown()
    }
}
