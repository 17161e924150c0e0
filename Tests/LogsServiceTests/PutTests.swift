import AWSWire
import Testing

@testable import LogsService

/// Answers and errors are those that LocalStack's tests recorded (test_logs_events.snapshot.json,
/// test_logs_streams.snapshot.json), bounds those of the API reference, PutLogEvents.
@Suite struct PutTests {
    private static let place = #""logGroupName":"g","logStreamName":"s""#

    private func rig(retentionDays: Int? = nil) async throws -> Rig {
        let rig = try Rig(retentionDays: retentionDays)
        _ = try await rig.send("CreateLogGroup", #"{"logGroupName":"g"}"#)
        _ = try await rig.send("CreateLogStream", "{\(Self.place)}")
        return rig
    }

    private func put(_ rig: Rig, _ events: [(offset: Int64, message: String)]) async throws -> JSONValue {
        try await rig.call("PutLogEvents", body(events))
    }

    private func body(_ events: [(offset: Int64, message: String)]) -> String {
        let list = events.map { #"{"timestamp":\#(Rig.start + $0.offset),"message":\#($0.message.json)}"# }
        return #"{\#(Self.place),"logEvents":[\#(list.joined(separator: ","))]}"#
    }

    @Test func anEmptyStreamHasNoTimes() async throws {
        let rig = try await rig()
        let stream = try #require(
            try await rig.call("DescribeLogStreams", #"{"logGroupName":"g"}"#)["logStreams"]?.elements.first)
        #expect(Set(stream.members.map(\.name)) == ["arn", "creationTime", "logStreamName", "storedBytes"])
        let again = await rig.failure("CreateLogStream", "{\(Self.place)}")
        #expect(again?.code == "ResourceAlreadyExistsException")
        #expect(again?.message == "The specified log stream already exists")
        // Nor does it end before it is old.
        try await rig.service.retention.pass()
        #expect(try await rig.count("logs_streams") == 1)
    }

    @Test func whatIsAcknowledgedCanBeRead() async throws {
        let rig = try await rig()
        let answer = try await put(rig, [(0, "hello"), (0, "wörld \u{0} \u{1F600}"), (5, "later")])
        #expect(answer["nextSequenceToken"]?.string?.count == 56)
        #expect(answer["rejectedLogEventsInfo"] == nil)
        #expect(
            try await rig.messages("GetLogEvents", "{\(Self.place)}") == ["hello", "wörld \u{0} \u{1F600}", "later"])
        let stream = try #require(
            try await rig.call("DescribeLogStreams", #"{"logGroupName":"g"}"#)["logStreams"]?.elements.first)
        #expect(stream["firstEventTimestamp"]?.int == Int(Rig.start))
        #expect(stream["lastEventTimestamp"]?.int == Int(Rig.start) + 5)
    }

    @Test func groupsAndStreamsHaveToBeThere() async throws {
        let rig = try Rig()
        let event = #""logEvents":[{"timestamp":\#(Rig.start),"message":"m"}]"#
        #expect(
            await rig.failure("PutLogEvents", "{\(Self.place),\(event)}")?.message
                == "The specified log group does not exist.")
        #expect(
            await rig.failure("CreateLogStream", "{\(Self.place)}")?.message
                == "The specified log group does not exist.")
        _ = try await rig.send("CreateLogGroup", #"{"logGroupName":"g"}"#)
        let failure = await rig.failure("PutLogEvents", "{\(Self.place),\(event)}")
        #expect(failure?.code == "ResourceNotFoundException")
        #expect(failure?.message == "The specified log stream does not exist.")
    }

    @Test func whatIsNoGoodIsRefusedWhole() async throws {
        let rig = try await rig()
        let order = await rig.failure("PutLogEvents", body([(1, "a"), (0, "b")]))
        #expect(order?.code == "InvalidParameterException")
        #expect(
            order?.message == "Log events in a single PutLogEvents request must be in chronological order.")
        let span = await rig.failure("PutLogEvents", body([(-86_400_001, "a"), (0, "b")]))
        #expect(
            span?.message == "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
        let large = String(repeating: "x", count: 1_048_576 - 25)
        #expect(
            await rig.failure("PutLogEvents", body([(0, large)]))?.message
                == "Upload too large: 1048577 bytes exceeds limit of 1048576")
        #expect(await rig.failure("PutLogEvents", body([(0, "")]))?.code == "InvalidParameterException")
        #expect(await rig.failure("PutLogEvents", body([]))?.code == "InvalidParameterException")
        #expect(try await rig.count("logs_events") == 0)
        _ = try await put(rig, [(0, String(large.dropLast()))])
        #expect(try await rig.count("logs_events") == 1)
    }

    /// Ends are exclusive, starts inclusive.
    @Test func whatIsTooOldOrTooNewIsLeftOut() async throws {
        let rig = try await rig()
        let (hour, day) = (Int64(3_600_000), Rig.day)
        let old = try await put(rig, [(-30 * day, "a"), (-30 * day + 1, "b")])
        #expect(old["rejectedLogEventsInfo"]?["tooOldLogEventEndIndex"]?.int == 2)
        #expect(old["rejectedLogEventsInfo"]?.members.count == 1)
        #expect(old["nextSequenceToken"]?.string != nil)
        let new = try await put(rig, [(0, "c"), (2 * hour, "d"), (2 * hour + 1, "e")])
        #expect(new["rejectedLogEventsInfo"]?["tooNewLogEventStartIndex"]?.int == 2)
        #expect(try await rig.messages("GetLogEvents", "{\(Self.place)}") == ["c", "d"])
        _ = try await rig.send("PutRetentionPolicy", #"{"logGroupName":"g","retentionInDays":1}"#)
        let expired = try await put(rig, [(-day - 1, "f"), (-day, "g"), (-1, "h")])
        #expect(expired["rejectedLogEventsInfo"]?["expiredLogEventEndIndex"]?.int == 1)
        #expect(try await rig.messages("GetLogEvents", "{\(Self.place)}") == ["g", "h", "c", "d"])
    }
}
