import NIOCore
import NIOEmbedded
import Sandbox
import Synchronization
import TestSupport
import Testing

@testable import Fleet
@testable import RuntimeAPI

#if canImport(Glibc)
    import Glibc
#endif

/// Telemetry to real listeners. The events: developer guide, "Lambda Telemetry API Event schema reference" and "Lambda
/// Logs API"; what a subscription answers: Lambda's runtime interface emulator.
@Suite struct TelemetryTests {
    private static let ended = SandboxExit(cause: .exited(status: 0))

    private static func subscription(_ destination: String, version: String = "2022-07-01") -> String {
        #"{"schemaVersion":"\#(version)","types":["platform","function","extension"],"destination":\#(destination),"#
            + #""buffering":{"timeoutMs":25}}"#
    }

    /// An extension that subscribes and then asks for events until it is told to stop, and then until it `hasAll`.
    private static func subscriber(
        _ body: String, path: String = "/2022-07-01/telemetry", notes: Notes,
        hasAll: @escaping @Sendable () -> Bool = { true }
    ) -> (name: String, script: FakeSandboxing.Script) {
        (
            "ear",
            { runtime in
                guard let client = ExtensionClient(runtime, name: "ear") else { return ended }
                client.register()
                let answer = client.subscribe(body, path: path)
                notes.add("\(answer?.status ?? 0) \(answer?.body ?? "")")
                runtime.print("listening\n")
                while let event = client.next(), !event.body.contains("SHUTDOWN") {
                    if let late = client.subscribe(body, path: path) { notes.add("\(late.status) \(late.body)") }
                }
                while !runtime.isKilled, !hasAll() { usleep(1000) }
                return ended
            }
        )
    }

    private static func runtime(_ runtime: FakeRuntime) -> SandboxExit {
        runtime.print("starting\n")
        return runtime.serve { event, connection in
            runtime.print("thinking\n{\"a\":1}\n\u{1}\n")
            connection.respond(event.requestID, event.payload)
        }
    }

    /// What differs from run to run replaced.
    private static func masked(_ event: String) -> String {
        let timeless = event.replacing(/"time":"[^"]+",/, with: "")
        let unbilled = timeless.replacing(/"billedDurationMs":[0-9]+,/, with: "")
        let steady = unbilled.replacing(/"(durationMs|initDurationMs)":[0-9.]+/) { "\"\($0.1)\":0" }
            .replacing(/"start":"[^"]+"/, with: #""start":"_""#)
        return steady.replacing(/"instanceId":"[^"]+"/, with: #""instanceId":"_""#)
    }

    @Test func eventsArriveOverHTTP() async throws {
        let ear = Ear(.http)
        let notes = Notes()
        let body = Self.subscription(
            #"{"protocol":"HTTP","URI":"http://sandbox.localdomain:\#(ear.port)/telemetry"}"#)
        let fixture = FleetFixture(extensions: [Self.subscriber(body, notes: notes)], script: Self.runtime)
        #expect(try await fixture.invoke("12").text == "12")
        try await eventually("the report arrives") { ear.events.contains { $0.contains("platform.report") } }
        #expect(notes.all.first == #"200 "OK""#)
        let masked = ear.events.map(Self.masked)
        let function = masked.filter { $0.hasPrefix(#"{"type":"function""#) }
        #expect(
            function == [
                #"{"type":"function","record":"starting"}"#, #"{"type":"function","record":"thinking"}"#,
                #"{"type":"function","record":"{\"a\":1}"}"#, #"{"type":"function","record":"\u0001"}"#,
            ])
        #expect(masked.contains(#"{"type":"extension","record":"listening"}"#))
        let expected: [String] = [
            #"{"type":"platform.initStart","record":{"initializationType":"on-demand","phase":"init","#
                + #""runtimeVersion":"python:3.12","functionName":"hello","functionVersion":"$LATEST","#
                + #""instanceId":"_","instanceMaxMemory":134217728}}"#,
            #"{"type":"platform.telemetrySubscription","record":{"name":"ear","state":"Subscribed","#
                + #""types":["platform","function","extension"]}}"#,
            #"{"type":"platform.initRuntimeDone","record":{"initializationType":"on-demand","phase":"init","#
                + #""status":"success"}}"#,
            #"{"type":"platform.extension","record":{"name":"ear","state":"Ready","events":["INVOKE","SHUTDOWN"]}}"#,
            #"{"type":"platform.initReport","record":{"initializationType":"on-demand","phase":"init","#
                + #""status":"success","metrics":{"durationMs":0}}}"#,
            #"{"type":"platform.start","record":{"requestId":"r-1","version":"$LATEST"}}"#,
            #"{"type":"platform.runtimeDone","record":{"requestId":"r-1","status":"success","spans":["#
                + #"{"name":"responseLatency","start":"_","durationMs":0},"#
                + #"{"name":"responseDuration","start":"_","durationMs":0}],"#
                + #""metrics":{"durationMs":0,"producedBytes":2}}}"#,
            #"{"type":"platform.report","record":{"requestId":"r-1","metrics":{"durationMs":0,"memorySizeMB":128,"#
                + #""maxMemoryUsedMB":36,"initDurationMs":0},"status":"success"}}"#,
        ]
        let events = masked.filter { $0.contains("platform.") }
        #expect(events == expected)
        #expect(ear.heads.allSatisfy { $0.hasPrefix("POST /telemetry HTTP/1.1\r\n") })
        #expect(ear.heads.allSatisfy { $0.lowercased().contains("content-type: application/json") })
        #expect(
            fixture.logs.lines.contains(
                "TELEMETRY\tName: ear\tState: Subscribed\tTypes: [Platform, Function, Extension]"))
        try await eventually("it was late") { notes.all.count > 1 }
        #expect(notes.all[1].hasPrefix("403 ") && notes.all[1].contains("Telemetry.SubscriptionClosed"))
        await fixture.fleet.shutDown()
        ear.close()
    }

    @Test func theLogsAPIHasItsOwnEvents() async throws {
        let ear = Ear(.lines)
        let notes = Notes()
        let body = Self.subscription(#"{"protocol":"TCP","port":\#(ear.port)}"#, version: "2021-03-18")
        let fixture = FleetFixture(
            extensions: [Self.subscriber(body, path: "/2020-08-15/logs", notes: notes)], script: Self.runtime)
        #expect(try await fixture.invoke("12").text == "12")
        try await eventually("the report arrives") { ear.events.contains { $0.contains("platform.report") } }
        let types = ear.events.compactMap { $0.firstMatch(of: /"type":"(platform[^"]+)"/).map { String($0.1) } }
        #expect(
            types == [
                "platform.logsSubscription", "platform.extension", "platform.start", "platform.runtimeDone",
                "platform.end", "platform.report",
            ])
        #expect(ear.events.contains { $0.hasSuffix(#""record":{"requestId":"r-1","status":"success"}}"#) })
        #expect(
            fixture.logs.lines.contains("LOGS\tName: ear\tState: Subscribed\tTypes: [Platform, Function, Extension]"))
        await fixture.fleet.shutDown()
        ear.close()
    }

    /// Over HTTP by the method that the extension chose; a failure comes as a line, too.
    @Test func theLogsAPITellsOfFaults() async throws {
        let ear = Ear(.http)
        let notes = Notes()
        let destination = #"{"protocol":"HTTP","URI":"http://sandbox:\#(ear.port)","method":"PUT","encoding":"JSON"}"#
        let body = #"{"types":["platform"],"destination":\#(destination),"buffering":{"timeoutMs":25}}"#
        let fixture = FleetFixture(
            extensions: [
                Self.subscriber(body, path: "/2020-08-15/logs", notes: notes) {
                    ear.events.contains { $0.contains("platform.report") }
                }
            ],
            script: { runtime in
                _ = runtime.connect()?.next()
                return SandboxExit(cause: .exited(status: 3))
            })
        #expect(try await fixture.invoke("12").functionError == "Unhandled")
        try await eventually("the report arrives") { ear.events.contains { $0.contains("platform.report") } }
        let fault =
            #"{"type":"platform.fault","record":"RequestId: r-1 Error: Runtime exited with error: exit status 3"#
            + #"\nRuntime.ExitError"}"#
        #expect(ear.events.map(Self.masked).contains(fault))
        #expect(!ear.heads.isEmpty && ear.heads.allSatisfy { $0.hasPrefix("PUT / HTTP/1.1\r\n") })
        await fixture.fleet.shutDown()
        ear.close()
    }

    /// Nobody accepts at the destination, and the function writes and writes.
    @Test func aDeafConsumerStopsNobody() async throws {
        let (listener, port) = listen()
        let notes = Notes()
        let body = Self.subscription(#"{"protocol":"HTTP","URI":"http://sandbox.localdomain:\#(port)"}"#)
        let fixture = FleetFixture(extensions: [Self.subscriber(body, notes: notes)]) { runtime in
            runtime.serve { event, connection in
                for _ in 0..<200 { runtime.print(String(repeating: "x", count: 10_000) + "\n") }
                connection.respond(event.requestID, event.payload)
            }
        }
        #expect(try await fixture.invoke("1").text == "1")
        #expect(try await fixture.invoke("2", requestID: "r-2").text == "2")
        await fixture.fleet.shutDown()
        close(listener)
    }

    /// What a consumer does not take is dropped within bounds, and it hears of that once it takes again.
    @Test func dropsAreBoundedAndTold() throws {
        let loop = EmbeddedEventLoop()
        let subscription = try TelemetrySubscription(
            ByteBuffer(string: Self.subscription(#"{"protocol":"TCP","port":1}"#)), schema: .telemetry)
        let asked = Atomic<Int>(0)
        let subscriber = TelemetrySubscriber(
            name: "slow", subscription: subscription, on: loop,
            makeSocket: { _ in asked.add(1, ordering: .relaxed) },
            dropEvent: { bytes, records in ByteBuffer(string: "\(bytes)/\(records)") })
        let event = ByteBuffer(string: String(repeating: "e", count: 1000))
        for _ in 0..<10_000 { subscriber.add(event) }
        // One batch waits for its socket, one is full: 262,144 bytes each, past which one event may reach.
        #expect(asked.load(ordering: .relaxed) == 1)
        #expect(subscriber.heldBytes <= 263_144)
        #expect(subscriber.droppedRecords == 10_000 - 2 * 263)
        subscriber.close()
        #expect(subscriber.heldBytes == 0)
    }
}

/// Listens where an extension wants its telemetry, and keeps what comes.
private final class Ear: Sendable {
    enum Kind { case http, lines }

    let port: UInt16
    private let kind: Kind
    private let listener: Int32
    private let state = Mutex((events: [String](), heads: [String](), sockets: Set<Int32>(), isClosed: false))

    init(_ kind: Kind) {
        self.kind = kind
        (listener, port) = listen()
        runThread { [self] in
            while true {
                let socket = accept(listener, nil, nil)
                if socket < 0 { break }
                let isWanted = state.withLock { state in
                    if !state.isClosed { state.sockets.insert(socket) }
                    return !state.isClosed
                }
                if isWanted { runThread { [self] in serve(socket) } } else { Glibc.close(socket) }
            }
            Glibc.close(listener)
        }
    }

    /// Every event, as JSON, in the order of arrival.
    var events: [String] { state.withLock { $0.events } }
    var heads: [String] { state.withLock { $0.heads } }

    /// Whoever uses a descriptor closes it; here it is only shut down, and only while it is open.
    func close() {
        state.withLock { state in
            state.isClosed = true
            shutdown(listener, Int32(SHUT_RDWR))
            for socket in state.sockets { shutdown(socket, Int32(SHUT_RDWR)) }
        }
    }

    private func serve(_ socket: Int32) {
        var received: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            switch kind {
            case .lines:
                while let end = received.firstIndex(of: 10) {
                    let line = String(decoding: received[..<end], as: UTF8.self)
                    state.withLock { $0.events.append(line) }
                    received.removeFirst(end + 1)
                }
            case .http:
                while let request = takeRequest(&received) {
                    state.withLock { state in
                        state.heads.append(request.head)
                        state.events += Self.elements(request.body)
                    }
                    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
                    _ = send(socket, answer, answer.utf8.count, Int32(MSG_NOSIGNAL))
                }
            }
            let count = recv(socket, &chunk, chunk.count, 0)
            if count <= 0 { break }
            received += chunk[..<count]
        }
        state.withLock { state in
            state.sockets.remove(socket)
            Glibc.close(socket)
        }
    }

    private func takeRequest(_ received: inout [UInt8]) -> (head: String, body: String)? {
        guard let end = received.firstRange(of: [13, 10, 13, 10]) else { return nil }
        let head = String(decoding: received[..<end.lowerBound], as: UTF8.self)
        guard let length = head.lowercased().firstMatch(of: /content-length: ([0-9]+)/).flatMap({ Int($0.1) }),
            received.count >= end.upperBound + length
        else { return nil }
        let body = String(decoding: received[end.upperBound..<end.upperBound + length], as: UTF8.self)
        received.removeFirst(end.upperBound + length)
        return (head + "\r\n", body)
    }

    /// The elements of a JSON array of events, each of which begins with its time.
    private static func elements(_ array: String) -> [String] {
        guard array.hasPrefix("["), array.hasSuffix("]") else { return ["not an array: \(array)"] }
        return array.dropFirst().dropLast().split(separator: #",{"time":"#).enumerated().map { index, text in
            index == 0 ? String(text) : #"{"time":"# + text
        }
    }
}
