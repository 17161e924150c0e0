import AWSWire
import LogsModel
import NIOCore
import NIOHTTP1
import Storage
import Testing

@testable import LogsService

/// Words and shapes recorded from AWS by LocalStack: tests/aws/services/logs/test_logs_groups.snapshot.json and
/// test_logs_streams.snapshot.json.
@Suite struct GroupTests {
    @Test func groupsAreMadeAndDescribed() async throws {
        let rig = try Rig()
        let created = try await rig.send("CreateLogGroup", #"{"logGroupName":"g"}"#)
        #expect(created.status == .ok && created.bytes.readableBytes == 0)
        let described = try await rig.send("DescribeLogGroups", #"{"logGroupNamePrefix":"g"}"#)
        let arn = "arn:aws:logs:us-east-1:000000000000:log-group:g"
        #expect(
            String(buffer: described.bytes)
                == #"{"logGroups":[{"logGroupName":"g","creationTime":\#(Rig.start),"metricFilterCount":0,"#
                + #""arn":"\#(arn):*","storedBytes":0,"logGroupClass":"STANDARD","logGroupArn":"\#(arn)","#
                + #""deletionProtectionEnabled":false}]}"#)
        let again = await rig.failure("CreateLogGroup", #"{"logGroupName":"g"}"#)
        #expect(again == LogsError.resourceAlreadyExists(message: "The specified log group already exists"))
        let both = await rig.failure("DescribeLogGroups", #"{"logGroupNamePrefix":"g","logGroupNamePattern":"g"}"#)
        #expect(
            both
                == LogsError.invalidParameter(
                    message: "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."))
        let long = await rig.failure("CreateLogGroup", #"{"logGroupName":"\#(String(repeating: "g", count: 513))"}"#)
        #expect(
            long
                == LogsError.invalidParameter(
                    message: "Invalid LogGroup or LogStream, both must have length less than or equal to 512."))
        for (field, value) in [
            ("kmsKeyId", #""arn:aws:kms:us-east-1:000000000000:key/k""#), ("deletionProtectionEnabled", "true"),
        ] {
            let refused = await rig.failure("CreateLogGroup", #"{"logGroupName":"h","\#(field)":\#(value)}"#)
            #expect(refused?.code == "InvalidParameterException")
        }
    }

    @Test func streamsAreDescribed() async throws {
        let rig = try Rig()
        rig.append(["x"], group: "g", stream: "s", at: 7)
        rig.append(["y"], group: "g", stream: "s", at: 3)
        let described = try await rig.send("DescribeLogStreams", #"{"logGroupName":"g"}"#)
        #expect(
            String(buffer: described.bytes)
                == #"{"logStreams":[{"logStreamName":"s","creationTime":\#(Rig.start),"#
                + #""firstEventTimestamp":\#(Rig.start + 3),"lastEventTimestamp":\#(Rig.start + 7),"#
                + #""lastIngestionTime":\#(Rig.start),"#
                + #""arn":"arn:aws:logs:us-east-1:000000000000:log-group:g:log-stream:s","storedBytes":0}]}"#)
        let missing = await rig.failure("DescribeLogStreams", #"{"logGroupName":"none"}"#)
        #expect(missing?.code == "ResourceNotFoundException")
        // API reference, DescribeLogStreams: a prefix cannot be combined with the order of last events.
        let ordered = await rig.failure(
            "DescribeLogStreams", #"{"logGroupName":"g","orderBy":"LastEventTime","logStreamNamePrefix":"s"}"#)
        #expect(ordered?.code == "InvalidParameterException")
        rig.append(["z"], group: "g", stream: "t")
        let prefixed = try await rig.call("DescribeLogStreams", #"{"logGroupName":"g","logStreamNamePrefix":"t"}"#)
        #expect(prefixed["logStreams"]?.elements.compactMap { $0["logStreamName"]?.string } == ["t"])
    }

    @Test func tagsComeAndGo() async throws {
        let rig = try Rig()
        _ = try await rig.send("CreateLogGroup", #"{"logGroupName":"g","tags":{"env":"testing1"}}"#)
        let arn = "arn:aws:logs:us-east-1:000000000000:log-group:g"
        func tags() async throws -> [String: String] {
            let answer = try await rig.call("ListTagsForResource", #"{"resourceArn":"\#(arn)"}"#)
            let members = answer["tags"]?.members ?? []
            return Dictionary(uniqueKeysWithValues: members.map { ($0.name, $0.value.string ?? "") })
        }
        #expect(try await tags() == ["env": "testing1"])
        _ = try await rig.send("TagResource", #"{"resourceArn":"\#(arn)","tags":{"test1":"val1","env":"two"}}"#)
        #expect(try await tags() == ["env": "two", "test1": "val1"])
        _ = try await rig.send("UntagResource", #"{"resourceArn":"\#(arn)","tagKeys":["env","none"]}"#)
        #expect(try await tags() == ["test1": "val1"])
        let many = (0..<50).map { #""k\#($0)":"v""# }.joined(separator: ",")
        let tooMany = await rig.failure("TagResource", #"{"resourceArn":"\#(arn)","tags":{\#(many)}}"#)
        #expect(tooMany?.code == "TooManyTagsException")
        #expect(try await tags() == ["test1": "val1"])
        for other in [
            "arn:aws:logs:us-east-1:000000000000:log-group:none", "arn:aws:logs:us-east-1:1:log-group:g", "x",
        ] {
            let missing = await rig.failure("ListTagsForResource", #"{"resourceArn":"\#(other)"}"#)
            #expect(missing?.code == "ResourceNotFoundException")
        }
    }

    /// A group that is written to again reappears, and nothing of the old one in it.
    @Test func groupsAreDeleted() async throws {
        let rig = try Rig()
        rig.append((0..<2500).map { "old \($0)" }, group: "g")
        rig.append(["other"], group: "h")
        _ = try await rig.send("DeleteLogGroup", #"{"logGroupName":"g"}"#)
        let gone = await rig.failure("FilterLogEvents", #"{"logGroupName":"g"}"#)
        #expect(gone == LogsError.resourceNotFound(message: "The specified log group does not exist."))
        let again = await rig.failure("DeleteLogGroup", #"{"logGroupName":"g"}"#)
        #expect(again == gone)
        rig.append(["new"], group: "g")
        #expect(try await rig.messages("FilterLogEvents", #"{"logGroupName":"g"}"#) == ["new"])
        #expect(try await rig.count("logs_events") == 2502)
        try await rig.service.removal.pass()
        #expect(try await rig.count("logs_events") == 2)
        #expect(try await rig.count("logs_deleted") == 0)
        #expect(try await rig.messages("FilterLogEvents", #"{"logGroupName":"h"}"#) == ["other"])
    }

    @Test func streamsAreDeleted() async throws {
        let rig = try Rig()
        rig.append(["old"], group: "g", stream: "s")
        rig.append(["kept"], group: "g", stream: "t")
        _ = try await rig.send("DeleteLogStream", #"{"logGroupName":"g","logStreamName":"s"}"#)
        #expect(try await rig.messages("FilterLogEvents", #"{"logGroupName":"g"}"#) == ["kept"])
        let again = await rig.failure("DeleteLogStream", #"{"logGroupName":"g","logStreamName":"s"}"#)
        #expect(again == LogsError.resourceNotFound(message: "The specified log stream does not exist."))
        try await rig.service.removal.pass()
        #expect(try await rig.count("logs_events") == 1)
        let groups = try await rig.call("DescribeLogGroups", "{}")
        #expect(groups["logGroups"]?.elements.first?["storedBytes"]?.int == "kept".utf8.count + 26)
    }
}
