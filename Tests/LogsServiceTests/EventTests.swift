import AWSWire
import LogsModel
import NIOCore
import Storage
import Testing

@testable import LogsService

@Suite struct EventTests {
    @Test func whatIsAppendedCanBeReadAtOnce() async throws {
        let rig = try Rig()
        rig.append(["one", "two"], at: 5)
        rig.append(["three"], stream: "t", at: 3)
        let answer = try await rig.call("FilterLogEvents", #"{"logGroupName":"/aws/lambda/f","interleaved":true}"#)
        let events = answer["events"]?.elements ?? []
        #expect(events.map { $0["message"]?.string } == ["three", "one", "two"])
        #expect(events.map { $0["logStreamName"]?.string } == ["t", "s", "s"])
        #expect(events.map { $0["timestamp"]?.int } == [3, 5, 5].map { Int(Rig.start) + $0 })
        #expect(events.allSatisfy { $0["ingestionTime"]?.int == Int(Rig.start) })
        let ids = events.compactMap { $0["eventId"]?.string }
        #expect(ids.count == 3 && Set(ids).count == 3 && ids == ids.sorted())
        #expect(answer["nextToken"] == nil)
        // Since 2020 the list of searched streams is empty: API reference, FilterLogEvents.
        #expect(answer["searchedLogStreams"]?.elements.isEmpty == true)
    }

    /// API reference: GetLogEvents leaves out events at the end time, FilterLogEvents only those after it.
    @Test func timesAreBounds() async throws {
        let rig = try Rig()
        for offset in 1...5 { rig.append(["\(offset)"], at: Int64(offset)) }
        let range = #""startTime":\#(Rig.start + 2),"endTime":\#(Rig.start + 4)"#
        #expect(
            try await rig.messages("FilterLogEvents", #"{"logGroupName":"/aws/lambda/f",\#(range)}"#) == [
                "2", "3", "4",
            ])
        #expect(
            try await rig.messages("GetLogEvents", #"{"logGroupName":"/aws/lambda/f","logStreamName":"s",\#(range)}"#)
                == ["2", "3"])
        #expect(
            try await rig.messages(
                "FilterLogEvents", #"{"logGroupName":"/aws/lambda/f","startTime":9223372036854775807}"#)
                == [])
        let backwards = #"{"logGroupName":"/aws/lambda/f","startTime":9,"endTime":1}"#
        #expect(try await rig.messages("FilterLogEvents", backwards) == [])
    }

    /// Recorded from AWS by LocalStack: tests/aws/services/logs/test_logs_events.snapshot.json,
    /// test_logs_filter_events.snapshot.json and test_logs_streams.snapshot.json.
    @Test func wordsOfFailures() async throws {
        let rig = try Rig()
        let noGroup = await rig.failure("GetLogEvents", #"{"logGroupName":"none","logStreamName":"s"}"#)
        #expect(noGroup == LogsError.resourceNotFound(message: "The specified log group does not exist."))
        rig.append(["x"], group: "g")
        let noStream = await rig.failure("GetLogEvents", #"{"logGroupName":"g","logStreamName":"none"}"#)
        #expect(noStream == LogsError.resourceNotFound(message: "The specified log stream does not exist."))
        for operation in ["GetLogEvents", "FilterLogEvents"] {
            let token = await rig.failure(
                operation, #"{"logGroupName":"g","logStreamName":"s","nextToken":"invalid"}"#)
            #expect(token == LogsError.invalidParameter(message: "The specified nextToken is invalid."))
        }
        let both = await rig.failure("DescribeLogStreams", #"{"logGroupName":"g","logGroupIdentifier":"g"}"#)
        #expect(
            both
                == LogsError.validation(message: "LogGroup name and LogGroup ARN are mutually exclusive parameters."))
        let neither = await rig.failure("FilterLogEvents", "{}")
        #expect(neither?.code == "InvalidParameterException")
        let named = await rig.failure("FilterLogEvents", #"{"logGroupName":"g","logStreamNames":["s","t"]}"#)
        #expect(named?.code == "ResourceNotFoundException")
        // API reference, FilterLogEvents: names and a prefix together are an InvalidParameterException.
        let prefixed = await rig.failure(
            "FilterLogEvents", #"{"logGroupName":"g","logStreamNames":["s"],"logStreamNamePrefix":"s"}"#)
        #expect(prefixed?.code == "InvalidParameterException")
    }

    @Test func groupsHaveIdentifiers() async throws {
        let rig = try Rig()
        rig.append(["x"], group: "g")
        for identifier in ["g", "arn:aws:logs:us-east-1:000000000000:log-group:g"] {
            #expect(try await rig.messages("FilterLogEvents", #"{"logGroupIdentifier":"\#(identifier)"}"#) == ["x"])
        }
        let foreign = await rig.failure(
            "FilterLogEvents", #"{"logGroupIdentifier":"arn:aws:logs:us-east-1:000000000001:log-group:g"}"#)
        #expect(foreign?.code == "ResourceNotFoundException")
    }

    @Test func accountsAndRegionsAreApart() async throws {
        let rig = try Rig()
        let body = #"{"logGroupName":"/aws/lambda/f"}"#
        rig.append(["mine"])
        rig.append(["theirs"], account: "111111111111")
        rig.append(["far"], region: "eu-west-1")
        #expect(try await rig.messages("FilterLogEvents", body) == ["mine"])
        let theirs = try await rig.call("FilterLogEvents", body, account: "111111111111")
        #expect(theirs["events"]?.elements.map { $0["message"]?.string } == ["theirs"])
        let far = try await rig.call("FilterLogEvents", body, region: "eu-west-1")
        #expect(far["events"]?.elements.map { $0["message"]?.string } == ["far"])
    }

    /// Functions write what they like; JSON strings are Unicode.
    @Test func messagesMayHoldAnyBytes() async throws {
        let rig = try Rig()
        rig.append(["nul \0 here", "", "π"])
        rig.service.store.append(
            account: "000000000000", region: "us-east-1", group: "/aws/lambda/f", stream: "s", timestamp: Rig.start,
            lines: [ByteBuffer(bytes: [0x61, 0xff, 0x62])])
        #expect(
            try await rig.messages("FilterLogEvents", #"{"logGroupName":"/aws/lambda/f"}"#)
                == ["nul \0 here", "", "π", "a\u{FFFD}b"])
    }

    @Test func onlySomeStreamsAreRead() async throws {
        let rig = try Rig()
        for stream in ["a1", "a2", "b1"] { rig.append([stream], stream: stream) }
        let group = #""logGroupName":"/aws/lambda/f""#
        let read = { (rest: String) in try await rig.messages("FilterLogEvents", "{\(group),\(rest)}") }
        #expect(try await read(#""logStreamNames":["b1"]"#) == ["b1"])
        #expect(try await read(#""logStreamNames":["b1","a1"]"#) == ["a1", "b1"])
        #expect(try await read(#""logStreamNamePrefix":"a""#) == ["a1", "a2"])
        #expect(try await read(#""filterPattern":"?a1 ?b1""#) == ["a1", "b1"])
        #expect(try await read(#""filterPattern":"-a1""#) == ["a2", "b1"])
    }

    @Test func whatIsMissingSaysSo() async throws {
        let rig = try Rig()
        for operation in ["CreateExportTask", "PutDestination"] {
            #expect(await rig.failure(operation, "{}") == AWSError.notImplemented(operation))
        }
        #expect(await rig.failure("Nonsense", "{}") == AWSError.unknownTarget)
        let json = await rig.failure("FilterLogEvents", #"{"logGroupName":"g","filterPattern":"{ $.a == }"}"#)
        // The group is looked up first.
        #expect(json?.code == "ResourceNotFoundException")
        rig.append(["x"], group: "g")
        let malformed = await rig.failure("FilterLogEvents", #"{"logGroupName":"g","filterPattern":"{ $.a == }"}"#)
        #expect(malformed?.code == "InvalidParameterException")
        #expect(malformed?.message == "Invalid filter pattern")
    }

    /// SQLite walks one index from the start time on, whichever way and however many events came before.
    @Test(arguments: [EventQuery.Scope.group(1), .stream(1)], [EventQuery.Direction.forward, .backward])
    func queriesWalkAnIndex(scope: EventQuery.Scope, direction: EventQuery.Direction) async throws {
        let rig = try Rig()
        let query = EventQuery(
            scope: scope, direction: direction, after: EventPosition(time: 1, sequence: 1),
            before: EventPosition(time: 2, sequence: 1))
        let (sql, arguments) = query.statement
        let plan = try await rig.database.read { try $0.query("EXPLAIN QUERY PLAN " + sql, arguments) }
        let detail = plan.compactMap { $0.optionalText("detail") }.joined(separator: "; ")
        #expect(detail.contains("(time,sequence)>(?,?) AND (time,sequence)<(?,?)") && !detail.contains("B-TREE"))
    }
}
