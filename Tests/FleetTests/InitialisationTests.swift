import Fleet
import NIOCore
import Runtimes
import Sandbox
import Synchronization
import Testing

/// INIT and what becomes of an invocation when it fails. Lines and documents: logs that users published of functions
/// without a bootstrap, with a crash at import and with an initialisation past ten seconds; LocalStack's snapshots
/// test_lambda_runtime_error and test_lambda_runtime_exit.
@Suite struct InitialisationTests {
    private let document =
        #"{"errorMessage":"Runtime startup fails","errorType":"Exception","requestId":"","stackTrace":[]}"#

    @Test func aReportedErrorIsTheInvocationsAnswerAfterASecondTry() async throws {
        let document = self.document
        let fixture = FleetFixture { runtime in
            runtime.print("failing\n")
            runtime.connect()?.failInit(document, type: "Runtime.ImportModuleError")
            return SandboxExit(cause: .exited(status: 1))
        }
        let outcome = try await fixture.invoke()
        #expect(outcome.text == document)
        #expect(outcome.functionError == "Unhandled")
        #expect(fixture.sandboxing.started == 2)
        let ending = "Status: error\tError Type: Runtime.ImportModuleError"
        let expected = [
            "INIT_START Runtime Version: python:3.12", "failing",
            "INIT_REPORT Init Duration: _ ms\tPhase: init\t\(ending)", "failing",
            "INIT_REPORT Init Duration: _ ms\tPhase: invoke\t\(ending)", "START RequestId: r-1 Version: $LATEST",
            "END RequestId: r-1",
            "REPORT RequestId: r-1\tDuration: _ ms\tBilled Duration: _ ms\tMemory Size: 128 MB\t"
                + "Max Memory Used: 36 MB\t\(ending)",
        ]
        try await eventually("the log is written") { fixture.logs.lines.count == expected.count }
        #expect(fixture.maskedLines == expected)
        #expect(FleetFixture.masked(outcome.tail) == expected[3...].map { $0 + "\n" }.joined())
        await fixture.fleet.shutDown()
    }

    /// AWS: at least one core until INIT is over, then a core for every 1,769 MB.
    @Test func initialisationHasAWholeCore() async throws {
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in connection.respond(event.requestID, event.payload) }
        }
        #expect(try await fixture.invoke("1").text == "1")
        #expect(try await fixture.invoke("2").text == "2")
        #expect(fixture.sandboxing.specs.map(\.limits.initializationCPUMillis) == [1000])
        #expect(fixture.sandboxing.specs.map(\.limits.cpuMillis) == [72])
        #expect(fixture.sandboxing.settled.count == 1)
        await fixture.fleet.shutDown()
    }

    @Test func aSuppressedInitHasWhatTheMemoryEarns() async throws {
        let fixture = FleetFixture { _ in SandboxExit(cause: .exited(status: 1)) }
        _ = try await fixture.invoke()
        #expect(fixture.sandboxing.specs.map(\.limits.initializationCPUMillis) == [1000, nil])
        #expect(fixture.sandboxing.settled.isEmpty)
        await fixture.fleet.shutDown()
    }

    @Test func theSecondTryMaySucceed() async throws {
        let tries = Atomic<Int>(0)
        let fixture = FleetFixture { runtime in
            if tries.add(1, ordering: .relaxed).newValue == 1 { return SandboxExit(cause: .exited(status: 3)) }
            return runtime.serve { event, connection in connection.respond(event.requestID, event.payload) }
        }
        for number in 0..<3 { #expect(try await fixture.invoke("7", requestID: "r-\(number)").text == "7") }
        #expect(fixture.sandboxing.started == 2)
        let lines = fixture.maskedLines
        #expect(
            lines.prefix(3).elementsEqual([
                "INIT_START Runtime Version: python:3.12",
                "INIT_REPORT Init Duration: _ ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError",
                "START RequestId: r-0 Version: $LATEST",
            ]))
        // Its time is the invocation's, so there is no Init Duration.
        #expect(!lines.contains { $0.contains("\tInit Duration") })
        await fixture.fleet.shutDown()
    }

    @Test func anExitWithoutAWordIsAnExitError() async throws {
        let fixture = FleetFixture { _ in SandboxExit(cause: .exited(status: 0)) }
        let outcome = try await fixture.invoke()
        #expect(
            outcome.text
                == #"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r-1 Error: Runtime exited without providing a reason"}"#
        )
        #expect(
            outcome.tail.contains(
                "RequestId: r-1 Error: Runtime exited without providing a reason\nRuntime.ExitError\nEND"))
        await fixture.fleet.shutDown()
    }

    @Test func anInitThatTakesTooLongRunsAgainInTheInvocationsTime() async throws {
        let fixture = FleetFixture(settings: .changed { $0.initTimeout = .seconds(5) }) { runtime in
            runtime.print("thinking\n")
            runtime.hang()
            return SandboxExit(cause: .lost)
        }
        let outcome = try await fixture.invoke(version: fixture.version(timeout: .seconds(5)))
        #expect(
            outcome.text
                == #"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: r-1 Error: Task timed out after 5.00 seconds"}"#
        )
        try await eventually("the log is written") { fixture.logs.lines.last?.hasPrefix("REPORT") == true }
        let expected = [
            "INIT_START Runtime Version: python:3.12", "thinking",
            "INIT_REPORT Init Duration: _ ms\tPhase: init\tStatus: timeout", "thinking",
            "INIT_REPORT Init Duration: _ ms\tPhase: invoke\tStatus: timeout", "START RequestId: r-1 Version: $LATEST",
            "2025-11-24T00:08:10.123Z r-1 Task timed out after 5.00 seconds", "END RequestId: r-1",
            "REPORT RequestId: r-1\tDuration: _ ms\tBilled Duration: _ ms\tMemory Size: 128 MB\t"
                + "Max Memory Used: 36 MB\tStatus: timeout",
        ]
        #expect(fixture.maskedLines == expected)
        try await eventually("both sandboxes are killed") { fixture.sandboxing.alive == 0 }
        await fixture.fleet.shutDown()
    }

    /// A runtime that reports an error and then stays is killed after a while, and its report counts.
    @Test func aReportCountsThoughTheRuntimeStays() async throws {
        let document = self.document
        let fixture = FleetFixture(settings: .changed { $0.initErrorGrace = .milliseconds(20) }) { runtime in
            runtime.connect()?.failInit(document, type: "Runtime.Odd")
            runtime.hang()
            return SandboxExit(cause: .lost)
        }
        #expect(try await fixture.invoke().text == document)
        try await eventually("both sandboxes are killed") { fixture.sandboxing.alive == 0 }
        await fixture.fleet.shutDown()
    }

    @Test(arguments: [
        (2, "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"),
        (13, "fork/exec /var/task/bootstrap: permission denied"),
        (8, "fork/exec /var/task/bootstrap: exec format error"),
    ])
    func aBootstrapThatCannotRunIsAnInvalidEntrypoint(errno: Int32, reason: String) async throws {
        let failure = SandboxError(operation: "execve", subject: "", errno: errno)
        let fixture = FleetFixture(failure: failure) { _ in SandboxExit(cause: .lost) }
        let outcome = try await fixture.invoke(version: fixture.version(command: "/var/task/bootstrap"))
        #expect(
            outcome.text
                == #"{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: r-1 Error: \#(reason)"}"#)
        let ending = "Status: error\tError Type: Runtime.InvalidEntrypoint"
        try await eventually("the log is written") { fixture.logs.lines.last?.hasPrefix("REPORT") == true }
        #expect(
            fixture.maskedLines == [
                "INIT_START Runtime Version: python:3.12", "INIT_REPORT Init Duration: _ ms\tPhase: init\t\(ending)",
                "INIT_REPORT Init Duration: _ ms\tPhase: invoke\t\(ending)", "START RequestId: r-1 Version: $LATEST",
                "RequestId: r-1 Error: \(reason)\nRuntime.InvalidEntrypoint", "END RequestId: r-1",
                "REPORT RequestId: r-1\tDuration: _ ms\tBilled Duration: _ ms\tMemory Size: 128 MB\t"
                    + "Max Memory Used: 0 MB\t\(ending)",
            ])
        await fixture.fleet.shutDown()
    }

    /// The sentences are those of Lambda's runtime interface emulator and of its logs (aws-lambda-base-images 79); an
    /// image's log has no INIT_START.
    @Test(arguments: [
        ("execve", "", 2, "Entrypoint", #"exec: "app": executable file not found in $PATH"#),
        ("execve", "", 8, "Entrypoint", "fork/exec app: exec format error"),
        ("chdir", "", 2, "WorkingDir", "the working directory doesn't exist: work"),
        ("chdir", "", 20, "WorkingDir", "chdir work: not a directory"),
        (
            SandboxError.unspeakable, "working directory", 22, "WorkingDir",
            "the working directory 'work' is invalid, it needs to be an absolute path"
        ),
        (SandboxError.unspeakable, "arguments", 22, "Entrypoint", "the image's arguments cannot be used"),
        ("ask launcher", "", 7, "Entrypoint", "argument list too long"),
    ])
    func anImageThatCannotStartSaysWhy(
        operation: String, subject: String, errno: Int32, kind: String, reason: String
    ) async throws {
        let failure = SandboxError(operation: operation, subject: subject, errno: errno)
        let fixture = FleetFixture(failure: failure) { _ in SandboxExit(cause: .lost) }
        var version = fixture.version()
        version.runtime = .image(entryPoint: ["app"], command: [], workingDirectory: "work", environment: [])
        let outcome = try await fixture.invoke(version: version)
        let escaped = reason.replacing("\"", with: "\\\"")
        #expect(
            outcome.text
                == #"{"errorType":"Runtime.Invalid\#(kind)","errorMessage":"RequestId: r-1 Error: \#(escaped)"}"#)
        #expect(fixture.logs.lines.first?.hasPrefix("INIT_REPORT") == true)
        await fixture.fleet.shutDown()
    }

    @Test func aSandboxThatThisHostCannotStartIsUnavailable() async throws {
        let fixture = FleetFixture(failure: SandboxError(operation: "clone3", subject: "", errno: 28)) { _ in
            SandboxExit(cause: .lost)
        }
        let futures = (0..<5).map { fixture.start(requestID: "r-\($0)") }
        for future in futures {
            await #expect(throws: FleetError.unavailable("clone3 : errno 28")) { try await future.get() }
        }
        #expect(fixture.fleet.concurrency(account: "000000000000", region: "us-east-1") == 0)
        #expect(fixture.logs.lines.isEmpty)
        #expect(fixture.credentials.revoked == 5)
        await fixture.fleet.shutDown()
    }

    @Test func aFileSystemThatCannotBeMountedIsTheInvocationsError() async throws {
        let error = SandboxError(operation: "mount_setattr file system", subject: "fsap-0", errno: 22)
        let fixture = FleetFixture(failure: error) { _ in SandboxExit(cause: .lost) }
        var version = fixture.version()
        let mount = FileSystemMount(name: "fsap-0", place: "data")
        version.fileSystem = .init(arn: "arn:access-point/fsap-0", mount: mount)
        await #expect(throws: FleetError.fileSystemNotMounted(accessPoint: "arn:access-point/fsap-0")) {
            try await fixture.start(version: version).get()
        }
        #expect(fixture.sandboxing.specs.map(\.fileSystem) == [mount])
        #expect(fixture.fleet.concurrency(account: "000000000000", region: "us-east-1") == 0)
        await fixture.fleet.shutDown()
    }

    @Test func aSubstitutedRuntimeSaysSoFirst() async throws {
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in connection.respond(event.requestID, "1") }
        }
        _ = try await fixture.invoke(version: fixture.version(substitution: "python3.11 serves python3.12"))
        #expect(
            fixture.logs.lines.prefix(2).elementsEqual([
                "python3.11 serves python3.12", "INIT_START Runtime Version: python:3.12",
            ]))
        await fixture.fleet.shutDown()
    }
}
