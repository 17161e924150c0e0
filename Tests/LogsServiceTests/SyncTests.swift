import AWSWire
import Delivery
import Identity
import NIOCore
import Storage
import Synchronization
import Testing

@testable import LogsService

/// What clients are told is stored, is on disk; what functions write is not waited for.
@Suite struct SyncTests {
    private static let arn = "arn:aws:logs:us-east-1:000000000000:log-group:g"
    private static let policy =
        #"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"#
        + #""Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"\#(arn):*"}]}"#

    /// Every operation that keeps something, in an order in which all of them have something to do.
    private static let steps: [(operation: String, body: String)] = [
        ("CreateLogGroup", #"{"logGroupName":"g"}"#),
        ("CreateLogStream", #"{"logGroupName":"g","logStreamName":"s"}"#),
        (
            "PutLogEvents",
            #"{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":\#(Rig.start),"message":"m"}]}"#
        ),
        ("PutRetentionPolicy", #"{"logGroupName":"g","retentionInDays":7}"#),
        ("DeleteRetentionPolicy", #"{"logGroupName":"g"}"#),
        ("TagResource", #"{"resourceArn":"\#(arn)","tags":{"k":"v"}}"#),
        ("UntagResource", #"{"resourceArn":"\#(arn)","tagKeys":["k"]}"#),
        (
            "PutSubscriptionFilter",
            #"{"logGroupName":"g","filterName":"f","filterPattern":"","destinationArn":"#
                + #""arn:aws:lambda:us-east-1:000000000000:function:f"}"#
        ),
        ("DeleteSubscriptionFilter", #"{"logGroupName":"g","filterName":"f"}"#),
        (
            "PutMetricFilter",
            #"{"logGroupName":"g","filterName":"m","filterPattern":"x","metricTransformations":"#
                + #"[{"metricName":"M","metricNamespace":"N","metricValue":"1"}]}"#
        ),
        ("DeleteMetricFilter", #"{"logGroupName":"g","filterName":"m"}"#),
        ("PutResourcePolicy", #"{"policyName":"p","policyDocument":\#(policy.json)}"#),
        ("PutQueryDefinition", #"{"name":"q","queryString":"limit 1"}"#),
        ("DeleteLogStream", #"{"logGroupName":"g","logStreamName":"s"}"#),
    ]

    /// - Returns: How safe the commits were that `work` made.
    private func levels(_ watch: Watch, _ work: () async throws -> Void) async throws -> [Int64] {
        watch.levels.withLock { $0 = [] }
        try await work()
        return watch.levels.withLock { $0 }
    }

    @Test func whatAnOperationKeepsIsSynced() async throws {
        let watch = Watch()
        let rig = try Rig(over: { WatchedDatabase(base: $0, watch: watch) })
        for (operation, body) in Self.steps {
            let levels = try await levels(watch) { _ = try await rig.send(operation, body) }
            #expect(levels == [2], "\(operation)")
        }
        // What EventBridge is told has arrived, it forgets.
        let parcel = Parcel(
            id: "0b6a7a5e-0000-4000-8000-000000000001", to: Self.arn,
            from: ServiceCaller(
                "events.amazonaws.com", for: "arn:aws:events:us-east-1:000000000000:rule/r", of: .standard),
            ByteBuffer(string: "{}"))
        #expect(try await levels(watch) { try await rig.delivery.send(parcel) } == [2])
        let id = try #require(
            try await rig.call("DescribeQueryDefinitions", "{}")["queryDefinitions"]?.elements.first?[
                "queryDefinitionId"]?
                .string)
        for (operation, body) in [
            ("DeleteQueryDefinition", #"{"queryDefinitionId":"\#(id)"}"#),
            ("DeleteResourcePolicy", #"{"policyName":"p"}"#), ("DeleteLogGroup", #"{"logGroupName":"g"}"#),
        ] {
            let levels = try await levels(watch) { _ = try await rig.send(operation, body) }
            #expect(levels == [2], "\(operation)")
        }
        #expect(try await levels(watch) { try await rig.service.reset() }.first == 2)
    }

    @Test func whatFunctionsWriteIsNot() async throws {
        let watch = Watch()
        let rig = try Rig(over: { WatchedDatabase(base: $0, watch: watch) })
        let levels = try await levels(watch) {
            rig.append(["a line"])
            await rig.service.store.flush()
            try await rig.service.retention.pass()
        }
        #expect(!levels.isEmpty && levels.allSatisfy { $0 == 1 })
        #expect(try await rig.messages("FilterLogEvents", #"{"logGroupName":"/aws/lambda/f"}"#) == ["a line"])
    }
}

/// How safe commits were: 1 is SQLite's NORMAL, 2 its FULL, with which the log is synced at each.
private final class Watch: Sendable {
    let levels = Mutex<[Int64]>([])
}

private struct WatchedDatabase: Database {
    let base: any Database
    let watch: Watch

    func read<Value: Sendable>(_ work: @escaping @Sendable (any SQLConnection) throws -> Value) async throws -> Value {
        try await base.read(work)
    }

    func write<Value: Sendable>(_ work: @escaping @Sendable (any SQLConnection) throws -> Value) async throws -> Value {
        try await base.write { [watch] connection in
            let level = try connection.query("PRAGMA synchronous", []).first?.integer("synchronous") ?? 0
            watch.levels.withLock { $0.append(level) }
            return try work(connection)
        }
    }

    var synced: any Database { WatchedDatabase(base: base.synced, watch: watch) }
}
