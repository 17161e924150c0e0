import Fleet
import NIOCore
import Sandbox
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Whole invocations, from the fleet to a runtime that is a thread, over real sockets. Unless a comment says otherwise,
/// documents and log lines are those that Lambda gave in the recordings of LocalStack's snapshot tests
/// (test_lambda.snapshot.json) and in logs that users published.
@Suite struct InvocationTests {
    /// Who does not ask for the log is answered before it is written; the log is the same.
    @Test func theLogIsWrittenWithoutATailToo() async throws {
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in
                runtime.print("thinking\n")
                connection.respond(event.requestID, event.payload)
            }
        }
        let outcome = try await fixture.start("7", logTail: .none).get()
        #expect(outcome.text == "7" && outcome.tail.isEmpty)
        let expected = [
            "START RequestId: r-1 Version: $LATEST", "thinking", "END RequestId: r-1",
            "REPORT RequestId: r-1\tDuration: _ ms\tBilled Duration: _ ms\tMemory Size: 128 MB\t"
                + "Max Memory Used: 36 MB\tInit Duration: _ ms\t",
        ]
        try await eventually("the log is written") { fixture.logs.lines.count == expected.count + 1 }
        #expect(fixture.maskedLines.dropFirst() == expected[...])
        #expect(try await fixture.invoke("8", requestID: "r-2").tail.contains("REPORT RequestId: r-2"))
        await fixture.fleet.shutDown()
    }

    /// Each waits for the environment before it, and gets one of its own when its patience ends.
    @Test func everyPatienceEnds() async throws {
        let fixture = FleetFixture(settings: .changed { $0.patience = .milliseconds(30) }) { runtime in
            guard let connection = runtime.connect(), let event = connection.next() else {
                return SandboxExit(cause: .lost)
            }
            connection.respond(event.requestID, event.payload)
            // It never asks for more.
            runtime.hang()
            return SandboxExit(cause: .lost)
        }
        for number in 1...3 { #expect(try await fixture.invoke("\(number)").text == "\(number)") }
        #expect(fixture.sandboxing.started == 3)
        await fixture.fleet.shutDown()
    }

    @Test func anEventComesBackAndTheLogHasItsLines() async throws {
        let fixture = FleetFixture { runtime in
            runtime.print("starting\n")
            return runtime.serve { event, connection in
                runtime.print("one\ntwo\nno newline")
                connection.respond(event.requestID, event.payload)
            }
        }
        let outcome = try await fixture.invoke("{\"n\":1}")
        #expect(outcome.text == "{\"n\":1}")
        #expect(outcome.functionError == nil)
        let expected = [
            "START RequestId: r-1 Version: $LATEST", "one", "two", "no newline", "END RequestId: r-1",
            "REPORT RequestId: r-1\tDuration: _ ms\tBilled Duration: _ ms\tMemory Size: 128 MB\t"
                + "Max Memory Used: 36 MB\tInit Duration: _ ms\t",
        ]
        #expect(FleetFixture.masked(outcome.tail) == expected.map { $0 + "\n" }.joined())
        try await eventually("the log is written") { fixture.logs.lines.count == 8 }
        #expect(fixture.maskedLines == ["INIT_START Runtime Version: python:3.12", "starting"] + expected)
        let stream = try #require(fixture.logs.streams.first)
        #expect(stream.wholeMatch(of: /2025\/11\/24\/\[\$LATEST\][0-9a-f]{32}/) != nil)
        await fixture.fleet.shutDown()
    }

    @Test func theRuntimeGetsEveryHeader() async throws {
        let headers = Mutex<[String: String]>([:])
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in
                headers.withLock { $0 = event.headers }
                connection.respond(event.requestID, "1")
            }
        }
        _ = try await fixture.invoke(version: fixture.version(timeout: .seconds(900)))
        let seen = headers.withLock { $0 }
        #expect(seen["content-type"] == "application/json")
        #expect(seen["lambda-runtime-aws-request-id"] == "r-1")
        #expect(seen["lambda-runtime-invoked-function-arn"] == "arn:aws:lambda:us-east-1:000000000000:function:hello")
        #expect(seen["lambda-runtime-trace-id"] == "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0")
        #expect(seen["lambda-runtime-client-context"] == "{\"a\": 1}")
        // The clock stands still: the deadline is the timeout away, less what passed on the loop's own clock.
        let deadline = try #require(Int64(seen["lambda-runtime-deadline-ms"] ?? ""))
        #expect((1_763_942_890_123...1_763_943_790_123).contains(deadline))
        await fixture.fleet.shutDown()
    }

    @Test func environmentsAreReusedOneInvocationAtATime() async throws {
        let fixture = FleetFixture { runtime in
            var count = 0
            return runtime.serve { event, connection in
                count += 1
                connection.respond(event.requestID, "\(runtime.number):\(count)")
            }
        }
        var outcomes: [String] = []
        for number in 0..<20 { outcomes.append(try await fixture.invoke(requestID: "r-\(number)").text) }
        #expect(outcomes == (1...20).map { "2:\($0)" })
        #expect(fixture.sandboxing.started == 1)
        // Only the first invocation has an Init Duration.
        #expect(fixture.logs.lines.filter { $0.contains("Init Duration") }.count == 1)
        await fixture.fleet.shutDown()
    }

    @Test func parallelInvocationsGetEnvironmentsOfTheirOwn() async throws {
        let inside = Mutex<Set<UInt64>>([])
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in
                let isAlone = inside.withLock { $0.insert(runtime.number).inserted }
                // Everybody waits until all are inside.
                while inside.withLock({ $0.count }) < 8, !runtime.isKilled { sched_yield() }
                connection.respond(event.requestID, isAlone ? "true" : "false")
            }
        }
        let futures = (0..<8).map { fixture.start(requestID: "r-\($0)") }
        for future in futures { #expect(try await future.get().text == "true") }
        #expect(fixture.sandboxing.started == 8)
        #expect(fixture.fleet.concurrency(account: "000000000000", region: "us-east-1") == 0)
        await fixture.fleet.shutDown()
    }

    @Test func aHandlerErrorIsPassedOnAndTheEnvironmentKept() async throws {
        let document = #"{"errorMessage":"Handler fails","errorType":"Exception","requestId":"x","stackTrace":[]}"#
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in connection.fail(event.requestID, document) }
        }
        for number in 0..<2 {
            let outcome = try await fixture.invoke(requestID: "r-\(number)")
            #expect(outcome.text == document)
            #expect(outcome.functionError == "Unhandled")
        }
        #expect(fixture.sandboxing.started == 1)
        await fixture.fleet.shutDown()
    }

    @Test func aTimeoutKillsTheEnvironment() async throws {
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in
                if event.payload == "\"hang\"" {
                    runtime.print("before\n")
                    runtime.hang()
                } else {
                    connection.respond(event.requestID, event.payload)
                }
            }
        }
        let version = fixture.version(timeout: .seconds(5))
        let outcome = try await fixture.invoke("\"hang\"", version: version)
        #expect(
            outcome.text
                == #"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: r-1 Error: Task timed out after 5.00 seconds"}"#
        )
        #expect(outcome.functionError == "Unhandled")
        // The order of the fields and the exact duration: published REPORT lines with "Status: timeout".
        let tail = outcome.tail.split(separator: "\n").map(String.init)
        #expect(
            tail.prefix(4).elementsEqual([
                "START RequestId: r-1 Version: $LATEST", "before",
                "2025-11-24T00:08:10.123Z r-1 Task timed out after 5.00 seconds", "END RequestId: r-1",
            ]))
        #expect(tail[4].hasPrefix("REPORT RequestId: r-1\tDuration: 5000.00 ms\tBilled Duration: "))
        #expect(tail[4].hasSuffix(" ms\tStatus: timeout"))
        try await eventually("the sandbox is killed") { fixture.sandboxing.alive == 0 }
        #expect(try await fixture.invoke("1", version: fixture.version()).text == "1")
        #expect(fixture.sandboxing.started == 2)
        await fixture.fleet.shutDown()
        #expect(fixture.credentials.revoked == 2)
    }

    @Test(arguments: [
        (SandboxExit(cause: .exited(status: 1)), "Runtime exited with error: exit status 1", "Runtime.ExitError"),
        (SandboxExit(cause: .exited(status: 0)), "Runtime exited without providing a reason", "Runtime.ExitError"),
        (SandboxExit(cause: .lost), "Runtime exited without providing a reason", "Runtime.ExitError"),
        (
            SandboxExit(cause: .signalled(number: 11)), "Runtime exited with error: signal: segmentation fault",
            "Runtime.ExitError"
        ),
        (
            SandboxExit(cause: .signalled(number: 9), outOfMemory: true), "Runtime exited with error: signal: killed",
            "Runtime.OutOfMemory"
        ),
    ])
    func anExitEndsTheInvocation(exit: SandboxExit, message: String, type: String) async throws {
        let fixture = FleetFixture { runtime in
            guard let connection = runtime.connect(), connection.next() != nil else { return exit }
            runtime.print("last words")
            return exit
        }
        let outcome = try await fixture.invoke()
        #expect(outcome.text == #"{"errorType":"\#(type)","errorMessage":"RequestId: r-1 Error: \#(message)"}"#)
        #expect(outcome.functionError == "Unhandled")
        let used = exit.outOfMemory ? 128 : 36
        #expect(
            FleetFixture.masked(outcome.tail)
                == "START RequestId: r-1 Version: $LATEST\nlast words\nRequestId: r-1 Error: \(message)\n\(type)\n"
                + "END RequestId: r-1\nREPORT RequestId: r-1\tDuration: _ ms\tBilled Duration: _ ms\t"
                + "Memory Size: 128 MB\tMax Memory Used: \(used) MB\tInit Duration: _ ms\tStatus: error\t"
                + "Error Type: \(type)\n")
        #expect(try await fixture.invoke(requestID: "r-2").functionError == "Unhandled")
        #expect(fixture.sandboxing.started == 2)
        await fixture.fleet.shutDown()
    }

    /// An answer that was sent counts, even when the runtime ends at once: shell runtimes do that.
    @Test func anAnswerJustBeforeTheExitCounts() async throws {
        let fixture = FleetFixture { runtime in
            guard let connection = runtime.connect(), let event = connection.next() else {
                return SandboxExit(cause: .lost)
            }
            runtime.print("said\n")
            let body = "\"answer\""
            connection.send(
                "POST /2018-06-01/runtime/invocation/\(event.requestID)/response HTTP/1.1\r\nHost: a\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            return SandboxExit(cause: .exited(status: 0))
        }
        for number in 0..<10 {
            let outcome = try await fixture.invoke(requestID: "r-\(number)")
            #expect(outcome.text == "\"answer\"")
            #expect(outcome.tail.contains("said\nEND"))
        }
        await fixture.fleet.shutDown()
    }

    @Test func aResponseThatIsTooLargeBecomesAnError() async throws {
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in
                let size = event.payload == "big" ? 6_291_557 : 6_291_556
                let answer = connection.respond(event.requestID, String(repeating: "a", count: size))
                runtime.print("\(answer?.status ?? 0) \(answer?.body ?? "")\n")
            }
        }
        let outcome = try await fixture.invoke("big")
        #expect(
            outcome.text
                == #"{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}"#
        )
        #expect(outcome.functionError == "Unhandled")
        #expect(try await fixture.invoke("small", requestID: "r-2").payload.readableBytes == 6_291_556)
        #expect(fixture.sandboxing.started == 1)
        try await eventually("the runtime saw both answers") { fixture.logs.lines.contains { $0.hasPrefix("202") } }
        // The words of Lambda's runtime interface emulator.
        #expect(
            fixture.logs.lines.contains(
                #"413 {"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}"#
            ))
        await fixture.fleet.shutDown()
    }

    @Test func anAnswerForAnotherInvocationIsRefused() async throws {
        let answers = Mutex<[String]>([])
        let fixture = FleetFixture { runtime in
            var last = "none"
            return runtime.serve { event, connection in
                func note(_ answer: RuntimeConnection.Answer?) {
                    answers.withLock { $0.append("\(answer?.status ?? 0) \(answer?.body ?? "")") }
                }
                note(connection.respond(last, "1"))
                connection.respond(event.requestID, "2")
                note(connection.respond(event.requestID, "3"))
                note(connection.failInit("{}", type: "Runtime.Late"))
                last = event.requestID
            }
        }
        #expect(try await fixture.invoke(requestID: "r-1").text == "2")
        #expect(try await fixture.invoke(requestID: "r-2").text == "2")
        try await eventually("all were answered") { answers.withLock { $0.count } == 6 }
        // The words of Lambda's runtime interface emulator.
        let invalid = #"400 {"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}"#
        func transition(_ from: String, _ to: String) -> String {
            #"403 {"errorMessage":"State transition from \#(from) to \#(to) failed for runtime. "#
                + #"Error: State transition is not allowed","errorType":"InvalidStateTransition"}"#
        }
        let round = [
            invalid, transition("RuntimeResponseSentState", "InvocationResponse"),
            transition("RuntimeResponseSentState", "InitError"),
        ]
        #expect(answers.withLock { $0 } == round + round)
        await fixture.fleet.shutDown()
    }

    @Test func variablesAreThoseOfLambda() async throws {
        let fixture = FleetFixture(settings: .changed { $0.endpointURL = "http://10.0.0.1:4566" }) { runtime in
            runtime.serve { event, connection in connection.respond(event.requestID, "1") }
        }
        let version = fixture.version(
            variables: ["GREETING": "hi", "AWS_REGION": "eu-west-1", "LANG": "C", "_HANDLER": "evil"])
        _ = try await fixture.invoke(version: version)
        let spec = try #require(fixture.sandboxing.specs.first)
        let stream = try #require(fixture.logs.streams.first)
        // The names: LocalStack's snapshot test_introspection_invoke, without those of the shell.
        #expect(
            spec.environment == [
                "AWS_ACCESS_KEY_ID=ASIA1", "AWS_DEFAULT_REGION=us-east-1", "AWS_ENDPOINT_URL=http://10.0.0.1:4566",
                "AWS_EXECUTION_ENV=AWS_Lambda_python3.12", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128",
                "AWS_LAMBDA_FUNCTION_NAME=hello", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
                "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand", "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/hello",
                "AWS_LAMBDA_LOG_STREAM_NAME=\(stream)", "AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001",
                "AWS_REGION=us-east-1", "AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=token",
                "AWS_XRAY_CONTEXT_MISSING=LOG_ERROR", "AWS_XRAY_DAEMON_ADDRESS=127.0.0.1:2000", "GREETING=hi",
                "LAMBDA_RUNTIME_DIR=/var/runtime", "LAMBDA_TASK_ROOT=/var/task", "LANG=C", "TZ=:UTC",
                "_AWS_XRAY_DAEMON_ADDRESS=127.0.0.1", "_AWS_XRAY_DAEMON_PORT=2000", "_HANDLER=index.handler",
            ])
        var limits = SandboxLimits(memoryMiB: 128)
        limits.initializationCPUMillis = 1000
        #expect(spec.limits == limits)
        #expect(spec.workingDirectory == "/var/task")
        await fixture.fleet.shutDown()
    }
}
