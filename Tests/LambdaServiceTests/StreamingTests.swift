import AWSWire
import Fleet
import NIOCore
import NIOHTTP1
import Synchronization
import Testing
import TestSupport

@testable import LambdaService

/// InvokeWithResponseStream. Operation, headers and events: the service model of `lambda` (2015-03-31).
@Suite struct StreamingTests {
    private func path(_ name: String) -> String { "/2021-11-15/functions/\(name)/response-streaming-invocations" }

    /// An answer with the events of its stream.
    private struct Streamed {
        var status: Int
        var headers: HTTPHeaders
        var events: [EventStreamMessage] = []

        var chunks: [String] {
            events.filter { $0[":event-type"] == "PayloadChunk" }.map { String(buffer: $0.payload) }
        }
        var complete: JSONValue {
            get throws { try JSONValue(parsing: try #require(events.last).payload) }
        }
    }

    private func send(_ apus: Harness, _ name: String, headers: HTTPHeaders = [:], body: String = "{}") async throws
        -> Streamed
    {
        let request = try apus.request(.POST, path(name), headers: headers, body: body)
        let loop = apus.loop
        let service = apus.service
        let response = try await loop.submit { service.respond(to: request, on: loop) }.get().get()
        var answer = Streamed(status: Int(response.status.code), headers: response.headers)
        guard case .stream(let stream) = response.body else { return answer }
        var decoder = EventStreamDecoder()
        while case .part(let part) = stream.next(wake: {}) { decoder.append(part) }
        while let event = try decoder.next() { answer.events.append(event) }
        #expect(!decoder.hasRest)
        guard case .end = stream.next(wake: {}) else {
            Issue.record("the stream has not ended")
            return answer
        }
        return answer
    }

    @Test func partsAreChunks() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let long = String(repeating: "x", count: 100_000)
        apus.fleet.stream(["one", "two", long])
        apus.fleet.answer(.success(InvocationOutcome(payload: ByteBuffer(), logTail: ByteBuffer(string: "log"))))
        let answer = try await send(apus, "hello")
        #expect(answer.status == 200)
        #expect(answer.headers["Content-Type"] == ["application/vnd.amazon.eventstream"])
        #expect(answer.headers["X-Amz-Executed-Version"] == ["$LATEST"])
        #expect(answer.chunks == ["one", "two", long])
        #expect(answer.events.allSatisfy { $0[":message-type"] == "event" })
        #expect(answer.events[0][":content-type"] == "application/octet-stream")
        #expect(answer.events.last?[":event-type"] == "InvokeComplete")
        #expect(answer.events.last?[":content-type"] == "application/json")
        #expect(String(buffer: answer.events.last?.payload ?? ByteBuffer()) == "{}")
    }

    @Test func aWholeAnswerIsOneChunk() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let answer = try await send(apus, "hello", headers: ["X-Amz-Log-Type": "Tail"], body: #"{"a":1}"#)
        #expect(answer.chunks == [#"{"a":1}"#])
        #expect(try answer.complete["LogResult"]?.string == Base64.encode("START\nEND\n".utf8))
        #expect(try answer.complete["ErrorCode"] == nil)
    }

    // The error is not part of the payload: before the first byte as after it.
    @Test(arguments: [[], ["half"]]) func errorsEndTheStream(_ parts: [String]) async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        if !parts.isEmpty { apus.fleet.stream(parts) }
        let document = #"{"errorType":"E","errorMessage":"\"bad\""}"#
        apus.fleet.answer(
            .success(
                InvocationOutcome(
                    payload: ByteBuffer(string: document), functionError: "Unhandled", logTail: ByteBuffer())))
        let answer = try await send(apus, "hello")
        #expect(answer.status == 200)
        #expect(answer.chunks == parts)
        #expect(try answer.complete["ErrorCode"]?.string == "Unhandled")
        #expect(try answer.complete["ErrorDetails"]?.string == document)
    }

    @Test func dryRunsRunNothing() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let answer = try await send(apus, "hello", headers: ["X-Amz-Invocation-Type": "DryRun"])
        #expect(answer.status == 204 && answer.events.isEmpty)
        #expect(apus.fleet.invocations.isEmpty)
    }

    // As for Invoke; the enumeration of types is the model's, which has no Event here.
    @Test func refusals() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let missing = try await apus.send(.POST, path("none"))
        #expect(missing.status == 404 && missing.errorType == "ResourceNotFoundException")
        let event = try await apus.send(.POST, path("hello"), headers: ["X-Amz-Invocation-Type": "Event"])
        #expect(event.status == 400)
        #expect(
            try event.message
                == "1 validation error detected: Value 'Event' at 'invocationType' failed to satisfy constraint: "
                + "Member must satisfy enum value set: [RequestResponse, DryRun]")
        let noJSON = try await apus.send(.POST, path("hello"), body: "{")
        #expect(noJSON.status == 400 && noJSON.errorType == "InvalidRequestContentException")
        let long = try await apus.send(.POST, path(String(repeating: "x", count: 257)))
        #expect(long.status == 400 && long.errorType == "ValidationException")
        let large = try await apus.send(
            .POST, path("hello"), body: "\"" + String(repeating: "x", count: 6_291_455) + "\"")
        #expect(large.status == 413)
        #expect(
            try large.message
                == "Request must be smaller than 6291456 bytes for the InvokeWithResponseStream operation")
        apus.fleet.answer(.failure(.throttled(reason: "ConcurrentInvocationLimitExceeded")))
        let throttled = try await apus.send(.POST, path("hello"))
        #expect(throttled.status == 429 && throttled.errorType == "TooManyRequestsException")
    }
}

/// Streamed responses on their way to an HTTP client. The prelude's format: the developer guide's page on writing
/// handlers that stream.
@Suite struct HTTPIntegrationTests {
    static let json = #"{"statusCode":201,"headers":{"Content-Type":"text/html","X-N":7},"cookies":["a=b","c=d"]}"#
    static let prelude = json + String(repeating: "\0", count: 8)
    static let type = "application/vnd.awslambda.http-integration-response"
    static let head = HTTPIntegrationHead(
        status: 201,
        headers: [.init(name: "Content-Type", value: "text/html"), .init(name: "X-N", value: "7")],
        cookies: ["a=b", "c=d"])

    /// What a sink makes of parts and an outcome: `head|body|end`.
    private func split(_ parts: [String], type: String? = HTTPIntegrationTests.type, error: String? = nil) -> (
        StreamedAnswer?, String
    ) {
        let answers = Mutex<[StreamedAnswer]>([])
        let sink = HTTPIntegrationSink { answer in answers.withLock { $0.append(answer) } }
        sink.responseBegan(contentType: type) {}
        for part in parts { _ = sink.responseCame(ByteBuffer(string: part)) }
        sink.finish(
            InvocationOutcome(payload: ByteBuffer(string: "doc"), functionError: error, logTail: ByteBuffer()))
        #expect(answers.withLock { $0.count } == 1)
        guard let answer = answers.withLock({ $0.first }), case .stream(let response) = answer else {
            return (answers.withLock { $0.first }, "")
        }
        var text = ""
        while true {
            switch response.body.next(wake: {}) {
            case .part(let part): text += String(buffer: part)
            case .nothing: return (answer, text + "|nothing")
            case .end: return (answer, text + "|end")
            case .failed: return (answer, text + "|failed")
            }
        }
    }

    @Test func splitAnywhere() throws {
        let bytes = Array((Self.prelude + "body").utf8)
        for at in 0...bytes.count {
            let parts = [bytes[..<at], bytes[at...]].map { String(decoding: $0, as: UTF8.self) }
            let (answer, text) = split(parts)
            guard case .stream(let response) = answer else {
                Issue.record("no stream when split at \(at)")
                continue
            }
            #expect(response.head == Self.head)
            #expect(text == "body|end", "split at \(at)")
        }
    }

    @Test func withoutAPreludeTheTypeCounts() {
        let (answer, text) = split(["a", "b"], type: "text/event-stream")
        guard case .stream(let response) = answer else {
            Issue.record("no stream")
            return
        }
        #expect(response.head == nil && response.contentType == "text/event-stream" && text == "ab|end")
    }

    @Test func emptyBodies() {
        for parts in [[Self.prelude], [Self.prelude, ""]] {
            let (answer, text) = split(parts)
            guard case .stream(let response) = answer else {
                Issue.record("no stream")
                continue
            }
            #expect(response.head == Self.head && text == "|end")
        }
        guard case .stream = split([], type: "text/plain").0 else {
            Issue.record("no stream")
            return
        }
    }

    @Test func errorsBeforeTheBodyCanStillBeAnsweredFor() {
        for parts in [[], [String(Self.json.prefix(5))], [Self.prelude]] {
            guard case .whole(let outcome) = split(parts, error: "Unhandled").0 else {
                Issue.record("\(parts)")
                continue
            }
            #expect(outcome.functionError == "Unhandled")
        }
        #expect(split([Self.prelude, "half"], error: "Unhandled").1 == "half|failed")
    }

    @Test(arguments: [
        "[]\0\0\0\0\0\0\0\0", "{\0\0\0\0\0\0\0\0", "{}\0\0\0\0\0\0\0x", "{\"statusCode\":99}\0\0\0\0\0\0\0\0",
        "{\"headers\":{\"a\":[]}}\0\0\0\0\0\0\0\0", "{\"cookies\":[1]}\0\0\0\0\0\0\0\0", "{}", "{}\0\0\0\0",
        String(repeating: " ", count: 70_000),
    ]) func noPreludes(_ text: String) {
        guard case .malformed = split([text, ""]).0 else {
            Issue.record("accepted")
            return
        }
    }

    @Test func announcements() {
        for type in [Self.type, Self.type.uppercased(), "\(Self.type); charset=utf-8", " \(Self.type) "] {
            #expect(HTTPIntegrationPrelude.isAnnounced(by: type), "\(type)")
        }
        for type in [nil, "", "text/plain", "\(Self.type)x"] {
            #expect(!HTTPIntegrationPrelude.isAnnounced(by: type))
        }
    }

    /// Mutated preludes in pieces: a head or a failure, never a crash, and no byte of the body is lost.
    @Test(arguments: 0..<8 as Range<UInt64>) func mutations(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            var bytes = Array((Self.prelude + "body").utf8)
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: at)
                default: bytes.insert(Array("{}[]\",:\0".utf8).randomElement(using: &random) ?? 0, at: at)
                }
            }
            var prelude = HTTPIntegrationPrelude()
            var rest = bytes[...]
            var body: [UInt8]?
            do {
                while !rest.isEmpty {
                    let piece = Array(rest.prefix(Int.random(in: 1...rest.count, using: &random)))
                    rest = rest.dropFirst(piece.count)
                    if body != nil {
                        body? += piece
                    } else if let (_, first) = try prelude.append(ByteBuffer(bytes: piece)) {
                        body = Array(first.readableBytesView)
                    }
                }
                guard let zero = bytes.firstIndex(of: 0), bytes.count >= zero + 8 else {
                    #expect(body == nil)
                    continue
                }
                #expect(body == Array(bytes[(zero + 8)...]))
            } catch {}
        }
    }
}
