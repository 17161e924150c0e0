import AWSWire
import Identity
import LogsModel
import NIOCore
import Policies
import Testing

@testable import LogsService

/// What policies decide on: the members that an operation has, and no others. Members are those of the service's model.
@Suite struct AccessTests {
    private static let mine = "arn:aws:logs:us-east-1:000000000000:log-group:mine"
    /// Everything that some operation names its group, its stream or its tags with.
    private static let members = [
        "resourceArn": #""\#(mine)""#, "logGroupName": #""mine""#, "logGroupIdentifier": #""\#(mine)""#,
        "logGroupNames": #"["mine"]"#, "logGroupIdentifiers": #"["\#(mine)"]"#, "logStreamName": #""own""#,
        "tagKeys": #"["mine"]"#, "tags": #"{"mine":"v"}"#,
    ]
    /// What those have that are about a group.
    private static let own: [Logs.Operation: String] = [
        .createLogGroup: "logGroupName tags", .createLogStream: "logGroupName logStreamName",
        .deleteLogGroup: "logGroupName", .deleteLogStream: "logGroupName logStreamName",
        .deleteMetricFilter: "logGroupName", .deleteRetentionPolicy: "logGroupName",
        .deleteSubscriptionFilter: "logGroupName", .describeLogStreams: "logGroupName logGroupIdentifier",
        .describeMetricFilters: "logGroupName", .describeSubscriptionFilters: "logGroupName",
        .filterLogEvents: "logGroupName logGroupIdentifier",
        .getLogEvents: "logGroupName logGroupIdentifier logStreamName", .listTagsForResource: "resourceArn",
        .listTagsLogGroup: "logGroupName", .putLogEvents: "logGroupName logStreamName",
        .putMetricFilter: "logGroupName", .putRetentionPolicy: "logGroupName", .putSubscriptionFilter: "logGroupName",
        .startLiveTail: "logGroupIdentifiers", .startQuery: "logGroupName logGroupNames logGroupIdentifiers",
        .tagLogGroup: "logGroupName tags", .tagResource: "resourceArn tags", .untagLogGroup: "logGroupName tags",
        .untagResource: "resourceArn tagKeys", .putResourcePolicy: "resourceArn", .deleteResourcePolicy: "resourceArn",
        .describeResourcePolicies: "resourceArn",
    ]
    private static let caller = Caller(.root(.standard, accessKeyID: "key"), region: "us-east-1")

    private func body(_ members: [String: String]) throws -> JSONValue {
        let text = members.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        return try JSONValue(parsing: ByteBuffer(string: "{\(text)}"))
    }

    @Test(arguments: Logs.Operation.allCases)
    func membersOfOtherOperationsDecideNothing(operation: Logs.Operation) throws {
        let own = Set((Self.own[operation] ?? "").split(separator: " ").map(String.init))
        let alien = try body(Self.members.filter { !own.contains($0.key) })
        let none = try body([:])
        #expect(
            LogsService.resources(of: operation, alien, Self.caller)
                == LogsService.resources(of: operation, none, Self.caller))
        #expect(LogsService.context(of: operation, alien) == LogsService.context(of: operation, none))
        // Each of its own by which something is named does decide.
        for name in own where !["logStreamName", "tags", "tagKeys"].contains(name) {
            let named = try body(Self.members.filter { $0.key == name })
            let resource = try #require(LogsService.resources(of: operation, named, Self.caller).first)
            #expect(resource.hasPrefix(Self.mine))
        }
    }

    @Test func whatIsNamedDecides() throws {
        let both = try body(["logGroupName": #""secret""#, "resourceArn": #""\#(Self.mine)""#])
        let secret = "arn:aws:logs:us-east-1:000000000000:log-group:secret:log-stream:"
        #expect(LogsService.resources(of: .deleteLogGroup, both, Self.caller) == [secret])
        let stream = try body(["logGroupName": #""secret""#, "logStreamName": #""s""#])
        #expect(LogsService.resources(of: .putLogEvents, stream, Self.caller) == [secret + "s"])
        #expect(LogsService.resources(of: .filterLogEvents, stream, Self.caller) == [secret])
        let several = try body(["logGroupNames": #"["mine","secret"]"#])
        #expect(
            LogsService.resources(of: .startQuery, several, Self.caller) == ["\(Self.mine):log-stream:", secret])
    }

    @Test func tagsThatAreChangedDecide() throws {
        let untagged = try body(["tags": #"["Owner"]"#, "tagKeys": #"["x"]"#])
        #expect(LogsService.context(of: .untagLogGroup, untagged) == ["aws:TagKeys": ["Owner"]])
        #expect(LogsService.context(of: .untagResource, untagged) == ["aws:TagKeys": ["x"]])
        let tagged = try body(["tags": #"{"Owner":"me"}"#, "tagKeys": #"["x"]"#])
        #expect(
            LogsService.context(of: .tagResource, tagged)
                == ["aws:TagKeys": ["Owner"], "aws:RequestTag/Owner": ["me"]])
    }
}
