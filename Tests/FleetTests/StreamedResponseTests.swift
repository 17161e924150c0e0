import Fleet
import NIOCore
import Sandbox
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Responses in parts, from a runtime that is a thread to a sink. What a runtime sends: the developer guide's page on
/// custom runtimes ("Response streaming").
@Suite(.timeLimit(.minutes(10))) struct StreamedResponseTests {
    static let head =
        "Host: a\r\nLambda-Runtime-Function-Response-Mode: streaming\r\nContent-Type: text/x\r\n"
        + "Transfer-Encoding: chunked\r\nTrailer: Lambda-Runtime-Function-Error-Type\r\n\r\n"

    /// Notes what it gets; wants no more once it has `capacity` bytes, until it is told to resume.
    final class Sink: ResponseSink {
        private struct State {
            var events: [String] = []
            var bytes = 0
            var capacity: Int
            var resume: (@Sendable () -> Void)?
        }
        private let state: Mutex<State>

        init(capacity: Int = .max) { state = Mutex(State(capacity: capacity)) }

        var events: [String] { state.withLock { $0.events } }
        var bytes: Int { state.withLock { $0.bytes } }

        func responseBegan(contentType: String?, resume: @escaping @Sendable () -> Void) {
            state.withLock { state in
                state.events.append("began \(contentType ?? "-")")
                state.resume = resume
            }
        }

        func responseCame(_ part: ByteBuffer) -> Bool {
            state.withLock { state in
                state.bytes += part.readableBytes
                if state.events.count < 100 { state.events.append(String(buffer: part)) }
                return state.bytes < state.capacity
            }
        }

        func takeAll() {
            state.withLock { state in
                state.capacity = .max
                return state.resume
            }?()
        }
    }

    private func run(
        _ fixture: FleetFixture, _ sink: Sink, requestID: String = "r-1", timeout: Duration = .seconds(900)
    ) -> EventLoopFuture<InvocationOutcome> {
        fixture.start("{}", requestID: requestID, version: fixture.version(timeout: timeout), response: .streamed(sink))
    }

    @Test func partsComeBeforeTheFunctionEnds() async throws {
        let mayGoOn = Mutex(false)
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in
                connection.begin(event.requestID)
                connection.send("3\r\none\r\n")
                while !mayGoOn.withLock({ $0 }), !runtime.isKilled { usleep(1000) }
                connection.send("3\r\ntwo\r\n0\r\n\r\n")
                _ = connection.receive()
            }
        }
        let sink = Sink()
        let outcome = run(fixture, sink)
        try await eventually("the first part is there") { sink.events == ["began text/x", "one"] }
        mayGoOn.withLock { $0 = true }
        let end = try await outcome.get()
        #expect(end.payload.readableBytes == 0 && end.functionError == nil)
        #expect(end.tail.contains("END RequestId: r-1\nREPORT RequestId: r-1"))
        #expect(sink.events == ["began text/x", "one", "two"])
        // The environment serves on.
        #expect(try await run(fixture, Sink(), requestID: "r-2").get().functionError == nil)
        #expect(fixture.sandboxing.started == 1)
        await fixture.fleet.shutDown()
    }

    @Test func wholeResponsesStayWhole() async throws {
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in connection.respond(event.requestID, "[1]") }
        }
        let sink = Sink()
        #expect(try await run(fixture, sink).get().text == "[1]")
        #expect(sink.events.isEmpty)
        await fixture.fleet.shutDown()
    }

    @Test func partsAreGatheredForWhoWantsThemWhole() async throws {
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in
                connection.begin(event.requestID)
                connection.send("3\r\none\r\n3\r\ntwo\r\n0\r\n")
                connection.send(event.requestID == "r-2" ? Self.trailers + "\r\n" : "\r\n")
                _ = connection.receive()
            }
        }
        #expect(try await fixture.invoke().text == "onetwo")
        let failed = try await fixture.invoke(requestID: "r-2")
        #expect(failed.functionError == "Unhandled" && failed.text == #"{"errorType":"X"}"#)
        await fixture.fleet.shutDown()
    }

    // {"errorType":"X"}
    static let trailers =
        "Lambda-Runtime-Function-Error-Type: Function.Bad\r\n"
        + "Lambda-Runtime-Function-Error-Body: eyJlcnJvclR5cGUiOiJYIn0=\r\n"

    @Test func errorsComeInTrailers() async throws {
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in
                connection.begin(event.requestID)
                connection.send("4\r\nhalf\r\n0\r\n\(Self.trailers)\r\n")
                #expect(connection.receive()?.status == 202)
            }
        }
        let sink = Sink()
        let outcome = try await run(fixture, sink).get()
        #expect(sink.events.last == "half")
        #expect(outcome.functionError == "Unhandled" && outcome.text == #"{"errorType":"X"}"#)
        await fixture.fleet.shutDown()
    }

    @Test func aTimeoutEndsTheResponse() async throws {
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in
                connection.begin(event.requestID)
                connection.send("4\r\nhalf\r\n")
                runtime.hang()
            }
        }
        let sink = Sink()
        let outcome = try await run(fixture, sink, timeout: .seconds(5)).get()
        #expect(sink.events.last == "half")
        #expect(
            outcome.text
                == #"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: r-1 Error: Task timed out after 5.00 seconds"}"#
        )
        await fixture.fleet.shutDown()
    }

    @Test func anExitSaysMoreThanACut() async throws {
        let fixture = FleetFixture(settings: .changed { $0.truncationGrace = .seconds(600) }) { runtime in
            guard let connection = runtime.connect(), let event = connection.next() else {
                return SandboxExit(cause: .lost)
            }
            connection.begin(event.requestID)
            connection.send("4\r\nhalf\r\n")
            connection.hangUp()
            return SandboxExit(cause: .exited(status: 129))
        }
        let outcome = try await run(fixture, Sink()).get()
        #expect(
            outcome.text
                == #"{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r-1 Error: Runtime exited with error: exit status 129"}"#
        )
        await fixture.fleet.shutDown()
    }

    // The type: Lambda's runtime interface emulator. A runtime that asks for more instead does not get the same again.
    @Test(arguments: [true, false]) func aCutAloneIsAnError(asksOn: Bool) async throws {
        let fixture = FleetFixture { runtime in
            guard let connection = runtime.connect(), let event = connection.next() else {
                return SandboxExit(cause: .lost)
            }
            connection.begin(event.requestID)
            connection.send("4\r\nhalf\r\n")
            connection.hangUp()
            while connection.receive() != nil {}
            if asksOn {
                return runtime.serve { event, connection in connection.respond(event.requestID, event.requestID) }
            }
            runtime.hang()
            return SandboxExit(cause: .lost)
        }
        let outcome = try await run(fixture, Sink()).get()
        #expect(outcome.functionError == "Unhandled")
        #expect(outcome.text.hasPrefix(#"{"errorType":"Runtime.TruncatedResponse","#))
        if asksOn {
            #expect(try await fixture.invoke(requestID: "r-2").text == "r-2")
            #expect(fixture.sandboxing.started == 1)
        }
        await fixture.fleet.shutDown()
    }

    @Test func aSlowSinkHoldsTheRuntime() async throws {
        let total = 128 << 20
        let stalledAt = Mutex<Int?>(nil)
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in
                connection.begin(event.requestID)
                connection.send("\(String(total, radix: 16))\r\n")
                let part = [UInt8](repeating: 0x78, count: 1 << 20)
                var sent = 0
                while sent < total, !runtime.isKilled {
                    let count = connection.sendWhatFits(Array(part.prefix(total - sent)))
                    sent += count
                    if count == 0 { stalledAt.withLock { $0 = $0 ?? sent } }
                }
                connection.send("\r\n0\r\n\r\n")
                _ = connection.receive()
            }
        }
        let sink = Sink(capacity: 1)
        let outcome = run(fixture, sink)
        try await eventually("nothing more is taken") { stalledAt.withLock { $0 != nil } }
        // The kernel's buffers hold the most of what was sent; only what had been read by then goes past the sink.
        #expect(stalledAt.withLock { $0 ?? total } < total / 2)
        #expect(sink.bytes < 4 << 20)
        sink.takeAll()
        #expect(try await outcome.get().functionError == nil)
        #expect(sink.bytes == total)
        await fixture.fleet.shutDown()
    }

    /// 200 MiB may come, not a byte more (Lambda quotas).
    @Test func tooMuchIsRefused() async throws {
        let fixture = FleetFixture { runtime in
            runtime.serve { event, connection in
                connection.begin(event.requestID)
                let part = Array("100000\r\n".utf8) + Array(repeating: 0x78, count: 1 << 20) + Array("\r\n".utf8)
                for _ in 0..<200 { connection.send(part) }
                connection.send("1\r\nx\r\n")
                #expect(connection.receive()?.status == 413)
            }
        }
        let sink = Sink()
        let outcome = try await run(fixture, sink).get()
        #expect(sink.bytes == 200 << 20)
        #expect(
            outcome.text
                == #"{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (209715200 bytes)."}"#
        )
        await fixture.fleet.shutDown()
    }
}

extension RuntimeConnection {
    /// Begins a response in chunks.
    fileprivate func begin(_ requestID: String) {
        send("POST /2018-06-01/runtime/invocation/\(requestID)/response HTTP/1.1\r\n" + StreamedResponseTests.head)
    }
}
