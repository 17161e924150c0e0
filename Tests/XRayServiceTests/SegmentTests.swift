import AWSWire
import NIOCore
import Storage
import Testing
import TestSupport

@testable import XRayService

/// What is taken and kept:
/// https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
@Suite struct SegmentTests {
    @Test func comeBackAsTheyWereSent() async throws {
        let rig = try Rig()
        let trace = Rig.trace()
        let child = Rig.segment(trace, id: "00000000000000bb", members: #""parent_id":"00000000000000aa""#)
        #expect(try await rig.put([Rig.segment(trace), child]).isEmpty)
        #expect(try await rig.documents(trace) == [Rig.segment(trace), child])
        #expect(try await rig.documents(Rig.trace(1)) == nil)
        let answer = try await rig.send("/Traces", #"{"TraceIds":["\#(trace)"]}"#)
        let found = try #require(answer["Traces"]?.elements.first)
        #expect(Set(found.members.map(\.name)) == ["Id", "Duration", "LimitExceeded", "Segments"])
        #expect(found["Duration"]?.double == 0.5)
        // A new process finds them.
        #expect(try await Rig(in: rig.directory).documents(trace)?.count == 2)
    }

    @Test func areTheirAccountsAlone() async throws {
        let rig = try Rig()
        _ = try await rig.put([Rig.segment(Rig.trace())])
        rig.record(Rig.segment(Rig.trace(), name: "other"), account: "111111111111")
        #expect(try await rig.documents(Rig.trace(), account: "111111111111")?.count == 1)
        #expect(try await rig.documents(Rig.trace()) == [Rig.segment(Rig.trace())])
        #expect(try await rig.documents(Rig.trace(), account: "222222222222") == nil)
        try await rig.service.reset()
        #expect(try await rig.documents(Rig.trace()) == nil)
    }

    /// A segment is sent while it is in progress and again when it is complete, in whichever order they come.
    @Test func theCompleteOneStays() async throws {
        let open = Rig.segment(Rig.trace()).replacing(#""end_time":\#(Rig.start).75"#, with: #""in_progress":true"#)
        let complete = Rig.segment(Rig.trace())
        for documents in [[open, complete], [complete, open]] {
            let rig = try Rig()
            for document in documents { _ = try await rig.put([document]) }
            #expect(try await rig.documents(Rig.trace()) == [complete])
            #expect(try await rig.summaries().answer["TraceSummaries"]?.elements[0]["IsPartial"]?.bool == false)
        }
        let rig = try Rig()
        _ = try await rig.put([open])
        #expect(try await rig.summaries().answer["TraceSummaries"]?.elements[0]["IsPartial"]?.bool == true)
    }

    @Test func areChecked() async throws {
        let rig = try Rig()
        let good = Rig.segment(Rig.trace())
        let cases: [(String, String)] = [
            ("", "ParseError"), ("[]", "ParseError"), (good + "x", "ParseError"), ("{}", "MissingId"),
            (good.replacing("1-", with: "2-"), "InvalidTraceId"), (Rig.segment("1-2-3"), "InvalidTraceId"),
            (Rig.segment(Rig.trace(at: -31 * 86_400)), "InvalidTraceId"),
            (Rig.segment(Rig.trace(at: 2 * 86_400)), "InvalidTraceId"),
            (Rig.segment(Rig.trace(), id: "xyz"), "InvalidId"),
            (Rig.segment(Rig.trace(), members: #""parent_id":"1""#), "InvalidId"),
            (Rig.segment(Rig.trace(), name: ""), "InvalidName"),
            (Rig.segment(Rig.trace(), name: String(repeating: "n", count: 201)), "InvalidName"),
            (good.replacing(#""start_time":\#(Rig.start).25"#, with: #""start_time":"now""#), "ParseError"),
            (good.replacing(#""end_time":\#(Rig.start).75"#, with: #""end_time":-1"#), "ParseError"),
            (
                Rig.segment(Rig.trace(), members: "\"x\":\"\(String(repeating: "x", count: 65_536))\""),
                "SegmentTooLarge"
            ),
        ]
        let unprocessed = try await rig.put(cases.map(\.0))
        #expect(unprocessed.map { $0["ErrorCode"]?.string } == cases.map(\.1))
        #expect(unprocessed.allSatisfy { $0["Message"]?.string?.isEmpty == false })
        #expect(unprocessed[8]["Id"]?.string == "xyz")
        #expect(try await rig.count("xray_segments") == 0)
    }

    // https://github.com/open-telemetry/opentelemetry-collector-contrib/pull/203
    @Test func areBoundedInARequest() async throws {
        let rig = try Rig()
        #expect(try await rig.put((0..<50).map { Rig.segment(Rig.trace($0)) }).isEmpty)
        let texts = Array(repeating: "\"{}\"", count: 51).joined(separator: ",")
        let refusal = await rig.failure("/TraceSegments", #"{"TraceSegmentDocuments":[\#(texts)]}"#)
        #expect(refusal?.code == "InvalidRequestException")
        #expect(refusal?.message == "Exceeding maximum segment count: 50")
    }

    @Test func areBoundedInATrace() async throws {
        let rig = try Rig()
        let large = #""metadata":{"x":"\#(String(repeating: "x", count: 60_000))"}"#
        for number in 0..<12 {
            _ = try await rig.put([Rig.segment(Rig.trace(), id: "00000000000000\(10 + number)", members: large)])
        }
        let answer = try await rig.send("/Traces", #"{"TraceIds":["\#(Rig.trace())"]}"#)
        #expect(answer["Traces"]?.elements[0]["LimitExceeded"]?.bool == true)
        #expect(answer["Traces"]?.elements[0]["Segments"]?.elements.count == 8)
    }

    @Test func areBoundedInAll() async throws {
        var limits = TraceStore.Limits()
        limits.stored = 10_000
        let rig = try Rig(limits: limits)
        for number in 0..<200 { _ = try await rig.put([Rig.segment(Rig.trace(number, at: Int64(number)))]) }
        let bytes = try await rig.database.read { try TraceTables($0).bytes() }
        #expect(bytes <= 10_000 && bytes > 5_000)
        // The latest are there.
        #expect(try await rig.documents(Rig.trace(199, at: 199)) != nil)
        #expect(try await rig.documents(Rig.trace(0)) == nil)
    }

    @Test func areBoundedWhileTheyWait() async throws {
        var limits = TraceStore.Limits()
        limits.buffer = 4096
        let rig = try Rig(limits: limits)
        for number in 0..<100 { rig.record(Rig.segment(Rig.trace(number))) }
        await rig.service.store.flush()
        let count = try await rig.count("xray_segments")
        #expect((5...30).contains(count))
        rig.record(Rig.segment(Rig.trace(1000)))
        #expect(try await rig.documents(Rig.trace(1000)) != nil)
    }

    @Test func expireAfterThirtyDays() async throws {
        let rig = try Rig()
        _ = try await rig.put([Rig.segment(Rig.trace(1)), Rig.segment(Rig.trace(2, at: 86_400))])
        rig.clock.now += (30 * 86_400 + 1) * 1000
        try await rig.service.store.expire()
        #expect(try await rig.count("xray_traces") == 1)
        #expect(try await rig.count("xray_segments") == 1)
        #expect(try await rig.documents(Rig.trace(2, at: 86_400)) != nil)
    }

    /// Anybody in a function's environment writes these.
    @Test func surviveMutations() async throws {
        let rig = try Rig()
        var generator = SeededGenerator(seed: 11)
        let seed = Array(
            Rig.segment(
                Rig.trace(),
                members:
                    #""annotations":{"a":1,"b":"x"},"subsegments":[{"id":"1","name":"s","annotations":{"c":true}}],"#
                    + #""http":{"request":{"url":"u"},"response":{"status":500}},"aws":{"ec2":{"instance_id":"i"}}"#
            ).utf8)
        var taken = 0
        for _ in 0..<3000 {
            var bytes = seed
            for _ in 0...Int.random(in: 0...4, using: &generator) {
                let index = Int.random(in: bytes.indices, using: &generator)
                switch Int.random(in: 0...3, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: .min ... .max, using: &generator)
                case 1: bytes.remove(at: index)
                case 2: bytes.insert(contentsOf: Array("[{\"9e999,".utf8).shuffled(using: &generator), at: index)
                default: bytes.removeSubrange(index..<min(bytes.count, index + 20))
                }
                if bytes.isEmpty { bytes = seed }
            }
            if (try? SegmentDocument(ByteBuffer(bytes: bytes))) != nil { taken += 1 }
            rig.service.store.record(ByteBuffer(bytes: bytes), account: "000000000000", region: "us-east-1")
        }
        await rig.service.store.flush()
        #expect(taken > 50)
        // Whatever was taken can be shown.
        _ = try await rig.summaries(#""FilterExpression":"annotation.a = 1 OR service() { fault }""#)
        let answer = try await rig.summaries().answer
        #expect(answer["TraceSummaries"]?.elements.isEmpty == false)
    }
}
