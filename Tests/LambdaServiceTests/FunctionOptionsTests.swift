import AWSWire
import Fleet
import NIOHTTP1
import Storage
import Testing
import TestSupport

@testable import LambdaService

@Suite struct FunctionOptionsTests {
    private static let path = "/2015-03-31/functions/hello/configuration"
    private static let queue = "arn:aws:sqs:us-east-1:111111111111:queue"
    private static let key = "arn:aws:kms:us-east-1:111111111111:key/1"

    private func update(_ apus: Harness, _ body: String) async throws -> Harness.Answer {
        let answer = try await apus.send(.PUT, Self.path, body: body)
        await apus.settle()
        return answer
    }

    // The members and their places are the API model's; AWS leaves out what was never set.
    @Test func areShownOnceSet() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let bare = try await apus.configuration("hello")
        for member in ["DeadLetterConfig", "KMSKeyArn", "VpcConfig"] { #expect(bare[member] == nil, "\(member)") }
        let answer = try await update(
            apus,
            """
            {"DeadLetterConfig":{"TargetArn":"\(Self.queue)"},"KMSKeyArn":"\(Self.key)",\
            "TracingConfig":{"Mode":"Active"},\
            "VpcConfig":{"SubnetIds":["subnet-1","subnet-2"],"SecurityGroupIds":["sg-1"]}}
            """)
        #expect(answer.status == 200, "\(answer.text)")
        let again = try Harness(in: apus.directory)
        let set = try await again.configuration("hello")
        #expect(set["DeadLetterConfig"]?["TargetArn"]?.string == Self.queue)
        #expect(set["KMSKeyArn"]?.string == Self.key)
        #expect(set["TracingConfig"]?["Mode"]?.string == "Active")
        #expect(set["VpcConfig"]?["SubnetIds"]?.elements.map(\.string) == ["subnet-1", "subnet-2"])
        #expect(set["VpcConfig"]?["SecurityGroupIds"]?.elements.map(\.string) == ["sg-1"])
        // As recorded in test_vpc_config; the network's name is Amazon EC2's, which is not here.
        #expect(set["VpcConfig"]?["Ipv6AllowedForDualStack"]?.bool == false)
        #expect(set["VpcConfig"]?["VpcId"]?.string == "")
        _ = try await update(
            again,
            """
            {"DeadLetterConfig":{"TargetArn":""},"KMSKeyArn":"","TracingConfig":{"Mode":"PassThrough"},\
            "VpcConfig":{"SubnetIds":[],"SecurityGroupIds":[]}}
            """)
        let cleared = try await again.configuration("hello")
        #expect(cleared["DeadLetterConfig"] == nil)
        #expect(cleared["KMSKeyArn"] == nil)
        #expect(cleared["TracingConfig"]?["Mode"]?.string == "PassThrough")
        #expect(cleared["VpcConfig"]?["SubnetIds"]?.elements.isEmpty == true)
    }

    @Test func stayWithAPublishedVersion() async throws {
        let apus = try Harness()
        try await apus.deploy("hello", members: #""DeadLetterConfig":{"TargetArn":"\#(Self.queue)"}"#)
        _ = try await apus.send(.POST, "/2015-03-31/functions/hello/versions")
        // Recorded in test_dead_letter_queue.
        _ = try await update(apus, #"{"DeadLetterConfig":{}}"#)
        #expect(try await apus.configuration("hello")["DeadLetterConfig"]?["TargetArn"]?.string == Self.queue)
        _ = try await update(apus, #"{"DeadLetterConfig":{"TargetArn":""}}"#)
        let version = try await apus.send(.GET, Self.path, query: "Qualifier=1").json
        #expect(version["DeadLetterConfig"]?["TargetArn"]?.string == Self.queue)
        #expect(try await apus.configuration("hello")["DeadLetterConfig"] == nil)
    }

    // "SubnetIds and SecurityIds must coexist" and the words about CreateGrant are AWS's; the rest is the model's or
    // says what is wrong in our own words.
    @Test(
        arguments: [
            (#""VpcConfig":{"SubnetIds":["subnet-1"]}"#, "InvalidParameterValueException"),
            (#""VpcConfig":{"SecurityGroupIds":["sg-1"]}"#, "InvalidParameterValueException"),
            (#""VpcConfig":{"SubnetIds":["net-1"],"SecurityGroupIds":["sg-1"]}"#, "ValidationException"),
            (#""DeadLetterConfig":{"TargetArn":"queue"}"#, "ValidationException"),
            (
                #""DeadLetterConfig":{"TargetArn":"arn:aws:lambda:us-east-1:111111111111:function:f"}"#,
                "InvalidParameterValueException"
            ),
            (#""KMSKeyArn":"key""#, "ValidationException"),
            (#""KMSKeyArn":"arn:aws:s3:us-east-1:111111111111:key/1""#, "InvalidParameterValueException"),
            (#""KMSKeyArn":"arn:aws:kms:eu-west-1:111111111111:key/1""#, "InvalidParameterValueException"),
            (#""KMSKeyArn":"arn:aws:kms:us-east-1:111111111111:alias/a""#, "InvalidParameterValueException"),
            (#""TracingConfig":{"Mode":"Sometimes"}"#, "ValidationException"),
            (#""LoggingConfig":{"LogFormat":"XML"}"#, "ValidationException"),
            (#""LoggingConfig":{"LogFormat":"JSON","ApplicationLogLevel":"LOUD"}"#, "ValidationException"),
            (#""LoggingConfig":{"LogFormat":"Text","SystemLogLevel":"WARN"}"#, "InvalidParameterValueException"),
        ])
    func areChecked(member: String, code: String) async throws {
        let apus = try Harness()
        let answer = try await apus.create("hello", members: member)
        #expect(answer.status == 400)
        #expect(answer.errorType == code, "\(answer.text)")
        try await apus.deploy("hello")
        #expect(try await update(apus, "{\(member)}").errorType == code)
    }

    // localstack's recorded TestLoggingConfig.
    @Test func logsAsJSON() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        func logging(_ body: String) async throws -> JSONValue? {
            try await update(apus, #"{"LoggingConfig":\#(body)}"#).json["LoggingConfig"]
        }
        let json = try await logging(#"{"LogFormat":"JSON"}"#)
        #expect(
            Set(json?.members.map(\.name) ?? [])
                == ["ApplicationLogLevel", "LogFormat", "LogGroup", "SystemLogLevel"])
        #expect(json?["ApplicationLogLevel"]?.string == "INFO")
        #expect(json?["SystemLogLevel"]?.string == "INFO")
        #expect(try await logging(#"{"SystemLogLevel":"DEBUG"}"#)?["SystemLogLevel"]?.string == "DEBUG")
        #expect(try await logging(#"{"LogGroup":"cool_lambda"}"#)?["SystemLogLevel"]?.string == "DEBUG")
        _ = try await apus.send(.POST, "/2015-03-31/functions/hello/invocations")
        let version = try #require(apus.fleet.invocations.last?.version)
        #expect(version.logging == FunctionLogging(format: .json, applicationLevel: "INFO", systemLevel: "DEBUG"))
        #expect(version.logGroup == "cool_lambda")
        let text = try await logging(#"{"LogFormat":"Text"}"#)
        #expect(Set(text?.members.map(\.name) ?? []) == ["LogFormat", "LogGroup"])
        #expect(try await logging(#"{"LogFormat":"JSON"}"#)?["SystemLogLevel"]?.string == "INFO")
    }

    // https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html: Active samples; a caller's decision stands.
    @Test func sampleTracesWhereTheCallerLeavesItOpen() async throws {
        let apus = try Harness()
        try await apus.deploy("hello", members: #""TracingConfig":{"Mode":"Active"}"#)
        let root = "Root=1-5759e988-bd862e3fe1be46a994272793"
        func trace(_ header: String?) async throws -> String? {
            let headers: HTTPHeaders = header.map { ["X-Amzn-Trace-Id": $0] } ?? [:]
            let answer = try await apus.send(.POST, "/2015-03-31/functions/hello/invocations", headers: headers)
            let seen = apus.fleet.invocations.last?.invocation.traceID
            #expect(answer.headers.first(name: "X-Amzn-Trace-Id") == seen)
            #expect(apus.fleet.invocations.last?.invocation.isSampled == seen?.hasSuffix(";Sampled=1"))
            return seen
        }
        let made = try #require(try await trace(nil))
        #expect(made.wholeMatch(of: #/Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=1/#) != nil)
        #expect(try await trace("nonsense")?.hasSuffix(";Sampled=1") == true)
        #expect(try await trace(root) == root + ";Sampled=1")
        #expect(try await trace(root + ";Sampled=?") == root + ";Sampled=1")
        #expect(try await trace(root + ";Sampled=0") == root + ";Sampled=0")
        #expect(try await trace(root + ";Sampled=1") == root + ";Sampled=1")
        #expect(apus.fleet.invocations.last?.version.isTraced == true)
    }

    /// Without TracingConfig a caller who samples is followed, and nobody else.
    @Test func followSampledCallers() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        func isSampled(_ header: String?) async throws -> Bool? {
            let headers: HTTPHeaders = header.map { ["X-Amzn-Trace-Id": $0] } ?? [:]
            _ = try await apus.send(.POST, "/2015-03-31/functions/hello/invocations", headers: headers)
            let invocation = apus.fleet.invocations.last?.invocation
            if let header { #expect(invocation?.traceID == header) }
            return invocation?.isSampled
        }
        let root = "Root=1-5759e988-bd862e3fe1be46a994272793"
        #expect(try await isSampled(nil) == false)
        #expect(try await isSampled(root) == false)
        #expect(try await isSampled(root + ";Sampled=0") == false)
        #expect(try await isSampled(root + ";Sampled=1") == true)
        #expect(apus.fleet.invocations.last?.version.isTraced == false)
    }
}
