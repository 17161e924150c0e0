import AWSWire
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@testable import LogsService

/// Members and rules are those of the API reference (StartLiveTail, LiveTailSessionStart, LiveTailSessionUpdate).
@Suite struct LiveTailTests {
    private static let arn = "arn:aws:logs:us-east-1:000000000000:log-group:g"

    /// What a client reads of a session.
    private struct Reader {
        var stream: ResponseStream
        var decoder = EventStreamDecoder()

        /// The messages that are there.
        mutating func messages() throws -> [EventStreamMessage] {
            while case .part(let part) = stream.next(wake: {}) { decoder.append(part) }
            var found: [EventStreamMessage] = []
            while let message = try decoder.next() { found.append(message) }
            return found
        }

        var hasEnded: Bool { if case .end = stream.next(wake: {}) { true } else { false } }
    }

    private func rig(_ groups: String...) async throws -> Rig {
        let rig = try Rig()
        for group in groups { _ = try await rig.send("CreateLogGroup", #"{"logGroupName":"\#(group)"}"#) }
        return rig
    }

    private func start(_ rig: Rig, _ more: String = "", groups: String = "\"\(arn)\"") async throws -> Reader {
        let answer = try await rig.send("StartLiveTail", #"{"logGroupIdentifiers":[\#(groups)]\#(more)}"#)
        #expect(answer.headers.first(name: "Content-Type") == "application/vnd.amazon.eventstream")
        guard case .stream(let stream) = answer.body else { throw Missing() }
        return Reader(stream: stream)
    }

    private struct Missing: Error {}

    private func texts(_ messages: [EventStreamMessage]) throws -> [[String]] {
        try messages.filter { $0[":event-type"] == "sessionUpdate" }.map { message in
            try JSONValue(parsing: message.payload)["sessionResults"]?.elements.map { $0["message"]?.string ?? "" }
                ?? []
        }
    }

    @Test func aSessionSeesWhatIsStoredFromNowOn() async throws {
        let rig = try await rig("g", "h")
        rig.append(["before"], group: "g")
        var reader = try await start(rig, #","logEventFilterPattern":"ERROR""#)
        let begin = try reader.messages()
        #expect(begin.map { $0[":event-type"] } == ["initial-response", "sessionStart"])
        let start = try JSONValue(parsing: begin[1].payload)
        #expect(
            start.members.map(\.name) == ["requestId", "sessionId", "logGroupIdentifiers", "logEventFilterPattern"])
        rig.append(["ERROR 1", "fine"], group: "g", at: 5)
        rig.append(["ERROR of another"], group: "h")
        await rig.service.store.flush()
        rig.service.tails.tick()
        let update = try #require(try reader.messages().last)
        let document = try JSONValue(parsing: update.payload)
        #expect(document["sessionMetadata"]?["sampled"]?.bool == false)
        let events = document["sessionResults"]?.elements ?? []
        #expect(events.count == 1)
        #expect(events.first?["message"]?.string == "ERROR 1")
        #expect(events.first?["timestamp"]?.int == Int(Rig.start + 5))
        #expect(events.first?["ingestionTime"]?.int == Int(Rig.start))
        #expect(events.first?["logStreamName"]?.string == "s")
        #expect(events.first?["logGroupIdentifier"]?.string == "000000000000:g")
        rig.service.tails.tick()
        #expect(try texts(reader.messages()) == [[]])
    }

    @Test func streamsAreChosenByNameAndPrefix() async throws {
        let rig = try await rig("g")
        var named = try await start(rig, #","logStreamNames":["a1"]"#)
        var prefixed = try await start(rig, #","logStreamNamePrefixes":["b","a2"]"#)
        for stream in ["a1", "a2", "b1", "c"] { rig.append([stream], group: "g", stream: stream) }
        await rig.service.store.flush()
        rig.service.tails.tick()
        #expect(try texts(named.messages()) == [["a1"]])
        #expect(try texts(prefixed.messages()) == [["a2", "b1"]])
    }

    @Test func moreThanFiveHundredAreSampled() async throws {
        let rig = try await rig("g")
        var reader = try await start(rig)
        rig.append((0..<800).map(String.init), group: "g")
        await rig.service.store.flush()
        rig.service.tails.tick()
        let update = try #require(try reader.messages().last)
        #expect(try JSONValue(parsing: update.payload)["sessionMetadata"]?["sampled"]?.bool == true)
        let numbers = try texts([update])[0].compactMap { Int($0) }
        #expect(numbers.count == 500)
        #expect(numbers == numbers.sorted() && Set(numbers).count == 500)
    }

    /// A message of the stream has to stay within what clients take, and a session within its memory.
    @Test func largeEventsAreSampledToo() async throws {
        let rig = try await rig("g")
        var reader = try await start(rig)
        rig.append((0..<10).map { "\($0)" + String(repeating: "x", count: 200_000) }, group: "g")
        await rig.service.store.flush()
        rig.service.tails.tick()
        let texts = try texts(reader.messages())[0]
        #expect((1...5).contains(texts.count))
    }

    /// Ten updates wait for a client that does not read; then the oldest goes, and the next says so.
    @Test func aSlowClientLosesTheOldest() async throws {
        let rig = try await rig("g")
        var reader = try await start(rig)
        func second(_ number: Int) async {
            rig.append(["\(number) " + String(repeating: "x", count: 200_000)], group: "g")
            await rig.service.store.flush()
            rig.service.tails.tick()
        }
        // The first fills what the stream holds, ten wait, and of fifteen four are lost.
        for number in 1...15 { await second(number) }
        #expect(try texts(reader.messages()).map { $0.map { $0.prefix(2) } } == [["1 "]])
        await second(16)
        var updates: [EventStreamMessage] = []
        for _ in 0..<12 {
            updates += try reader.messages()
            rig.service.tails.tick()
        }
        let numbers = try texts(updates).joined().compactMap { Int($0.prefix { $0 != " " }) }
        #expect(numbers.last == 16)
        #expect(numbers == numbers.sorted())
        #expect(numbers.first.map { $0 > 5 } == true)
        let sampled = try updates.map { try JSONValue(parsing: $0.payload)["sessionMetadata"]?["sampled"]?.bool }
        #expect(sampled.contains(true))
    }

    @Test func sessionsEnd() async throws {
        let rig = try await rig("g")
        var reader = try await start(rig)
        rig.clock.now += LiveTailSession.duration
        rig.service.tails.tick()
        let last = try #require(try reader.messages().last)
        #expect(last[":message-type"] == "exception")
        #expect(last[":exception-type"] == "SessionTimeoutException")
        #expect(reader.hasEnded)
        #expect(rig.service.tails.isIdle)
        let gone = try await start(rig)
        gone.stream.cancel()
        rig.service.tails.tick()
        #expect(rig.service.tails.isIdle)
        let open = try await start(rig)
        rig.service.tails.close()
        var rest = open
        _ = try rest.messages()
        #expect(rest.hasEnded)
        #expect(rig.service.tails.isIdle)
    }

    /// The service tells sessions itself, and nothing is kept where nobody listens.
    @Test func theServiceTells() async throws {
        let rig = try await rig("g")
        let running = Task { try await rig.service.run() }
        defer { running.cancel() }
        var reader = try await start(rig)
        rig.append(["one"], group: "g")
        var seen: [String] = []
        #expect(
            try await eventually {
                seen += try texts(reader.messages()).joined()
                return seen == ["one"]
            })
    }

    @Test func whatIsRefused() async throws {
        let rig = try await rig("g", "h")
        func failure(_ body: String) async -> AWSError? { await rig.failure("StartLiveTail", body) }
        let arn = Self.arn
        #expect(await failure("{}")?.code == "InvalidParameterException")
        for identifiers in [#""g""#, "\"\(arn):*\"", #""arn:aws:logs:us-east-1:000000000000:log-group:g*""#] {
            let failed = await failure(#"{"logGroupIdentifiers":[\#(identifiers)]}"#)
            #expect(failed?.code == "InvalidParameterException", "\(identifiers)")
        }
        let missing = await failure(#"{"logGroupIdentifiers":["\#(arn)none"]}"#)
        #expect(missing?.code == "ResourceNotFoundException")
        let two = #"{"logGroupIdentifiers":["\#(arn)","arn:aws:logs:us-east-1:000000000000:log-group:h"],"#
        #expect(await failure(two + #""logStreamNames":["s"]}"#)?.code == "InvalidParameterException")
        #expect(
            await failure(
                #"{"logGroupIdentifiers":["\#(arn)"],"logStreamNames":["s"],"logStreamNamePrefixes":["s"]}"#)?.code
                == "InvalidParameterException")
        #expect(
            await failure(#"{"logGroupIdentifiers":["\#(arn)"],"logEventFilterPattern":"a:b"}"#)?.code
                == "InvalidParameterException")
        _ = try await rig.send("CreateLogGroup", #"{"logGroupName":"ia","logGroupClass":"INFREQUENT_ACCESS"}"#)
        #expect(
            await failure(
                #"{"logGroupIdentifiers":["arn:aws:logs:us-east-1:000000000000:log-group:ia"]}"#)?.code
                == "InvalidOperationException")
        for _ in 0..<LiveTails.limit { _ = try await start(rig) }
        #expect(await failure(#"{"logGroupIdentifiers":["\#(arn)"]}"#)?.code == "LimitExceededException")
    }
}
