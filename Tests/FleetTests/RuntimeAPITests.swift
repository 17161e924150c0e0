import NIOCore
import NIOPosix
import RuntimeAPI
import Synchronization
import Testing
import TestSupport

#if canImport(Glibc)
    import Glibc
#endif

/// The Runtime API over real sockets, as real and as hostile clients use it. Statuses and documents: Lambda's runtime
/// interface emulator.
@Suite struct RuntimeAPITests {
    @Test func unknownPathsAndMethodsAreRefused() async throws {
        let server = try await TestServer.start()
        let connection = server.connect()
        for (request, status) in [
            ("GET /", 404), ("GET /2018-06-01/runtime/invocation/next/", 404), ("GET /2018-06-01/runtime", 404),
            ("GET /2020-01-01/extension/event/next", 403), ("POST /2020-01-01/extension/register", 403),
            ("GET /2020-01-01/extension/register", 405), ("POST /2020-01-01/extension/event/next", 405),
            ("POST /2022-07-01/telemetry", 405), ("PUT /2022-07-01/telemetry", 403), ("PUT /2020-08-15/logs", 403),
            ("GET /2020-01-01/extension", 404), ("PUT /2022-07-01/telemetry/x", 404),
            ("POST /2018-06-01/runtime/invocation/next", 405), ("GET /2018-06-01/runtime/init/error", 405),
            ("GET /2018-06-01/runtime/invocation/x/response", 405), ("PUT /2018-06-01/runtime/invocation/x/error", 405),
            ("POST /2018-06-01/runtime/invocation//response", 404),
            ("POST /2018-06-01/runtime/invocation/x/response", 400),
        ] {
            connection.send("\(request) HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            #expect(connection.receive()?.status == status, "\(request)")
        }
        await server.stop()
    }

    @Test func initErrorIsTakenOnceAndOnlyBeforeTheFirstNext() async throws {
        let server = try await TestServer.start()
        let connection = server.connect()
        #expect(connection.failInit("{}", type: "Runtime.Bad")?.body == #"{"status":"OK"}"#)
        #expect(connection.failInit("{}", type: "Runtime.Bad")?.status == 403)
        connection.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(
            connection.receive()?.body
                == #"{"errorMessage":"State transition from InitError to Ready failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}"#
        )
        #expect(server.events == ["init error Runtime.Bad {}"])
        await server.stop()
    }

    /// curl and shell scripts close after each request; curl asks first before it sends a large body; Go and Node send
    /// chunks.
    @Test func everyKindOfClientIsUnderstood() async throws {
        let server = try await TestServer.start()
        let next = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: a\r\nUser-Agent: curl/8 lambda/1\r\n"
        for number in 0..<4 {
            let asking = server.connect()
            asking.send(next + "Connection: close\r\n\r\n")
            try await server.dispatch("id-\(number)")
            let event = asking.receive()
            #expect(event?.body == "{\"id\":\"id-\(number)\"}")
            #expect(event?.headers["connection"] == "close")
            #expect(asking.receive() == nil)
            let answering = server.connect()
            let target = "POST /2018-06-01/runtime/invocation/id-\(number)/response HTTP/1.1\r\nHost: a\r\n"
            switch number {
            case 0: answering.send(target + "Connection: close\r\nContent-Length: 2\r\n\r\n42")
            case 1:
                answering.send(target + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
                answering.send("42")
            case 2:
                answering.send(
                    target + "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n"
                        + "Trailer: Lambda-Runtime-Function-Error-Type\r\n\r\n1\r\n4\r\n1\r\n2\r\n0\r\n\r\n")
            default:
                for byte in Array((target + "Content-Length: 2\r\n\r\n42").utf8) { answering.send([byte]) }
            }
            #expect(answering.receive()?.status == 202)
        }
        #expect(server.events == (0..<4).flatMap { _ in ["ready", "response 42"] })
        await server.stop()
    }

    @Test func anUnknownResponseModeIsRefused() async throws {
        let server = try await TestServer.start()
        let connection = server.connect()
        connection.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: a\r\n\r\n")
        try await server.dispatch("id")
        _ = connection.receive()
        let answer = connection.post(
            "/2018-06-01/runtime/invocation/id/response", "1",
            headers: "Lambda-Runtime-Function-Response-Mode: odd\r\n")
        #expect(answer?.status == 400)
        #expect(
            answer?.body
                == #"{"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}"#)
        #expect(server.events == ["ready", "invalid mode"])
        await server.stop()
    }

    /// A client that lost its connection asks again and gets the same event.
    @Test func theEventIsDeliveredAgainToWhoAsksAgain() async throws {
        let server = try await TestServer.start()
        let first = server.connect()
        first.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: a\r\n\r\n")
        try await server.dispatch("id")
        #expect(first.receive()?.status == 200)
        let second = server.connect()
        #expect(second.next()?.requestID == "id")
        #expect(second.respond("id", "1")?.status == 202)
        #expect(first.respond("id", "2")?.status == 403)
        await server.stop()
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        let server = try await TestServer.start()
        let connection = server.connect()
        let next = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: a\r\n\r\n"
        connection.send(
            next + "POST /2018-06-01/runtime/invocation/id/response HTTP/1.1\r\nContent-Length: 1\r\n\r\n1" + next)
        // The answer is looked at once the event has gone out, so it counts.
        try await server.dispatch("id")
        #expect(connection.receive()?.status == 200)
        #expect(connection.receive()?.status == 202)
        try await server.dispatch("id-2")
        #expect(connection.receive()?.body == "{\"id\":\"id-2\"}")
        connection.send(String(repeating: next, count: 100))
        #expect(connection.receive() != nil)
        await server.stop()
    }

    /// What asks for the next event in one breath with its answer wakes once, not twice.
    @Test func anAcceptanceWaitsForTheEventThatWasAskedForWithIt() async throws {
        let server = try await TestServer.start()
        let connection = server.connect()
        let next = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: a\r\n\r\n"
        connection.send(next)
        try await server.dispatch("id")
        #expect(connection.receive()?.status == 200)
        connection.send(
            "POST /2018-06-01/runtime/invocation/id/response HTTP/1.1\r\nContent-Length: 1\r\n\r\n1" + next)
        try await server.becameReadyAgain()
        #expect(connection.unreadBytes == 0)
        try await server.dispatch("id-2")
        #expect(connection.receive()?.status == 202)
        #expect(connection.receive()?.body == "{\"id\":\"id-2\"}")
        #expect(server.events == ["ready", "response 1", "ready"])
        await server.stop()
    }

    @Test func connectionsPastTheLimitAreClosed() async throws {
        let server = try await TestServer.start()
        let connections = (0..<16).map { _ in server.connect() }
        for connection in connections {
            connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(connection.receive()?.status == 404)
        }
        #expect(server.connect().receive() == nil)
        for connection in connections {
            connection.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(connection.receive()?.status == 404)
        }
        try await eventually("there is room again") {
            let connection = server.connect()
            connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            return connection.receive()?.status == 404
        }
        await server.stop()
    }

    @Test func endlessHeadersAndBodiesAreCut() async throws {
        let server = try await TestServer.start()
        let headers = server.connect()
        headers.send("GET / HTTP/1.1\r\nHost: a\r\n")
        headers.send((0..<200).map { "X-\($0): \(String(repeating: "a", count: 1000))\r\n" }.joined())
        #expect(headers.receive()?.status ?? 400 == 400)
        let body = server.connect()
        body.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        let chunk = "100000\r\n" + String(repeating: "a", count: 0x100000) + "\r\n"
        for _ in 0..<66 { body.send(chunk) }
        let answer = body.receive()
        #expect(answer == nil || answer?.status == 404)
        // Two bodies at once for one invocation: only one is kept.
        let first = server.connect()
        first.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: a\r\n\r\n")
        try await server.dispatch("id")
        _ = first.receive()
        first.send("POST /2018-06-01/runtime/invocation/id/response HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n1")
        try await eventually("the first has begun") {
            let second = server.connect()
            return second.respond("id", "5")?.status == 403
        }
        first.send("2")
        #expect(first.receive()?.status == 202)
        #expect(server.events.last == "response 12")
        await server.stop()
    }

    /// A client that asks and asks and never reads is no longer read from, so what it makes us keep is bounded.
    @Test func whoDoesNotReadIsNotReadFrom() async throws {
        let server = try await TestServer.start()
        let connection = server.connect()
        var sent = 0
        let requests = Array(String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 1000).utf8)
        // 64 MB would be 150 MB of answers.
        while sent < 64 * 1024 * 1024 {
            let count = connection.sendWhatFits(requests)
            if count == 0 { break }
            sent += count
        }
        #expect(sent < 64 * 1024 * 1024)
        await server.stop()
    }

    /// Bytes that are almost requests. The server answers or closes; it neither crashes nor hangs, and serves the next
    /// client.
    @Test(arguments: 0..<8 as Range<UInt64>) func mutatedRequestsDoNoHarm(seed: UInt64) async throws {
        let server = try await TestServer.start()
        let seeds = [
            "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST /2018-06-01/runtime/invocation/id/response HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nnull",
            "POST /2018-06-01/runtime/invocation/id/error HTTP/1.1\r\nHost: a\r\nLambda-Runtime-Function-Error-Type: "
                + "Function.Bad\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "POST /2018-06-01/runtime/init/error HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
            "POST /2020-01-01/extension/register HTTP/1.1\r\nHost: a\r\nLambda-Extension-Name: e\r\n"
                + "Lambda-Extension-Accept-Feature: accountId\r\nContent-Length: 21\r\n\r\n{\"events\":[\"INVOKE\"]}",
            "GET /2020-01-01/extension/event/next HTTP/1.1\r\nHost: a\r\nLambda-Extension-Identifier: "
                + "11111111-2222-3333-4444-555555555555\r\n\r\n",
            "POST /2020-01-01/extension/exit/error HTTP/1.1\r\nHost: a\r\nLambda-Extension-Function-Error-Type: T.E\r\n"
                + "Content-Length: 2\r\n\r\n{}",
            "PUT /2022-07-01/telemetry HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        ].map { Array($0.utf8) }
        var generator = SeededGenerator(seed: seed)
        for round in 0..<60 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                bytes += seeds.randomElement(using: &generator) ?? []
            }
            for _ in 0..<Int.random(in: 0...6, using: &generator) where !bytes.isEmpty {
                let at = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[at] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: at)
                case 2: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 20)], at: at)
                default: bytes.removeLast(bytes.count - at)
                }
            }
            let connection = server.connect()
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = Int.random(in: 1...rest.count, using: &generator)
                connection.send(Array(rest.prefix(piece)))
                rest = rest.dropFirst(piece)
            }
            if round % 8 == 0 { server.tryDispatch("id") }
            connection.hangUp()
            while connection.receive() != nil {}
        }
        try await eventually("it still serves") {
            let connection = server.connect()
            connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            return connection.receive()?.status == 404
        }
        await server.stop()
    }

    @Test(arguments: [
        ("Runtime.ImportModuleError", "Runtime.ImportModuleError"), ("Function.Bad", "Function.Bad"),
        ("Function.bad", "Function.Unknown"), ("Error", "Runtime.Unknown"), ("Runtime.A\tB", "Runtime.Unknown"),
        ("", "Runtime.Unknown"), ("Runtime.", "Runtime.Unknown"),
    ])
    func errorTypesAreSifted(claimed: String, name: String) {
        #expect(RuntimeErrorType(claimed: claimed).name == name)
    }
}
