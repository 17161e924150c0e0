import AWSWire
import NIOCore
import NIOHTTP1
import Testing
import TestSupport

@testable import LambdaModel

@Suite struct DecodingTests {
    private let whole = #"""
        {"FunctionName":"hello","Runtime":"python3.12","Role":"arn:aws:iam::123456789012:role/r","Handler":"a.b",
        "Code":{"ZipFile":"UEsFBg=="},"Description":"d","Timeout":3,"MemorySize":256,"Publish":true,"PackageType":"Zip",
        "VpcConfig":{"SubnetIds":["subnet-1"],"SecurityGroupIds":[],"Ipv6AllowedForDualStack":false},
        "DeadLetterConfig":{"TargetArn":"arn:aws:sqs:us-east-1:123456789012:q"},"KMSKeyArn":"",
        "Environment":{"Variables":{"AB":"1","C_D":""}},"TracingConfig":{"Mode":"Active"},"Tags":{"k":"v"},
        "Layers":["arn:aws:lambda:us-east-1:123456789012:layer:l:1"],"Architectures":["arm64"],
        "FileSystemConfigs":[{"Arn":"arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0",
        "LocalMountPath":"/mnt/a"}],"ImageConfig":{"EntryPoint":["/x"],"Command":[],"WorkingDirectory":"/"},
        "EphemeralStorage":{"Size":512},"SnapStart":{"ApplyOn":"None"},"LoggingConfig":{"LogFormat":"JSON","LogGroup":"/g"}}
        """#

    private func create(_ body: String) throws -> Lambda.CreateFunctionRequest {
        try Lambda.CreateFunctionRequest(decoding: request(.POST, "/2015-03-31/functions", body: body))
    }

    private func decoded<Input>(
        _ request: ServiceRequest, _ decode: (ServiceRequest, RouteLabels) throws(AWSError) -> Input
    ) throws -> Input {
        let (_, labels) = try #require(Lambda.route(request))
        return try decode(request, labels)
    }

    @Test func readsEveryKindOfMember() throws {
        let input = try create(whole)
        #expect(input.functionName == "hello")
        #expect(input.runtime == .python3_12)
        #expect(input.role == "arn:aws:iam::123456789012:role/r")
        #expect(input.code.zipFile == Array("PK\u{5}\u{6}".utf8))
        #expect(input.timeout == 3 && input.memorySize == 256 && input.publish == true)
        #expect(input.packageType == .zip)
        #expect(input.vpcConfig?.subnetIds == ["subnet-1"])
        #expect(input.vpcConfig?.securityGroupIds == [])
        #expect(input.vpcConfig?.ipv6AllowedForDualStack == false)
        #expect(input.kmsKeyArn == "")
        #expect(input.environment?.variables == ["AB": "1", "C_D": ""])
        #expect(input.tracingConfig?.mode == .active)
        #expect(input.tags == ["k": "v"])
        #expect(input.layers?.count == 1)
        #expect(input.architectures == [.arm64])
        #expect(input.fileSystemConfigs?.first?.localMountPath == "/mnt/a")
        #expect(input.imageConfig?.entryPoint == ["/x"])
        #expect(input.ephemeralStorage?.size == 512)
        #expect(input.snapStart?.applyOn == Lambda.SnapStartApplyOn(rawValue: "None"))
        #expect(input.loggingConfig?.logFormat == .json)
        #expect(input.codeSigningConfigArn == nil && input.durableConfig == nil)
    }

    @Test func readsAnInvocationFromPathQueryHeadersAndBody() throws {
        let sent = request(
            .POST, "/2015-03-31/functions/hello%3Aprod/invocations", query: "Qualifier=prod",
            headers: ["X-Amz-Invocation-Type": "Event", "x-amz-log-type": "Tail", "X-Amz-Client-Context": "e30="],
            body: "not json \u{0}")
        let input = try decoded(sent) { request, labels throws(AWSError) in
            try Lambda.InvocationRequest(decoding: request, labels: labels)
        }
        #expect(input.functionName == "hello:prod")
        #expect(input.qualifier == "prod")
        #expect(input.invocationType == .event)
        #expect(input.logType == .tail)
        #expect(input.clientContext == "e30=")
        #expect(input.payload == sent.body)
    }

    @Test func readsListsAndNumbersFromTheQuery() throws {
        let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Ahello"
        let untag = try decoded(request(.DELETE, "/2017-03-31/tags/\(arn)", query: "tagKeys=a&tagKeys=b%2Fc")) {
            request, labels throws(AWSError) in try Lambda.UntagResourceRequest(decoding: request, labels: labels)
        }
        #expect(untag.resource == "arn:aws:lambda:us-east-1:123456789012:function:hello")
        #expect(untag.tagKeys == ["a", "b/c"])
        let list = try decoded(
            request(.GET, "/2015-03-31/functions/", query: "MaxItems=5&Marker=m&FunctionVersion=ALL")
        ) {
            request, labels throws(AWSError) in try Lambda.ListFunctionsRequest(decoding: request, labels: labels)
        }
        #expect(list.maxItems == 5 && list.marker == "m" && list.functionVersion == .all)
    }

    @Test func inputWithoutMembers() throws {
        _ = try Lambda.GetAccountSettingsRequest(decoding: request(.GET, "/2016-08-19/account-settings"))
    }

    /// Every constraint compiles: its pattern lies within the subset that `Pattern` knows.
    @Test func constraintsOfEveryShapeHold() throws {
        #expect(Lambda.Constraints.s3Bucket.pattern?.matches("bucket.") == false)
        #expect(Lambda.Constraints.s3Bucket.pattern?.matches("bucket.a") == true)
        #expect(Lambda.Constraints.handler.pattern?.matches("a b") == false)
        #expect(Lambda.Constraints.kmsKeyArn.pattern?.matches("") == true)
        #expect(Lambda.Constraints.codeSigningConfigArn.pattern?.matches("x") == false)
        #expect(Lambda.Constraints.masterRegion.pattern?.matches("ALL") == true)
    }

    @Test func damagedBodiesAreReadOrRefusedWithAnAWSError() throws {
        var random = SeededGenerator(seed: 7)
        let bytes = Array(whole.utf8)
        var accepted = 0
        for _ in 0..<3000 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let at = Int.random(in: 0..<damaged.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: damaged[at] = UInt8.random(in: 0...255, using: &random)
                case 1: damaged.remove(at: at)
                default: damaged.insert(contentsOf: damaged[at...].prefix(12), at: at)
                }
            }
            var sent = request(.POST, "/2015-03-31/functions")
            sent.body = ByteBuffer(bytes: damaged)
            do {
                let input = try Lambda.CreateFunctionRequest(decoding: sent)
                accepted += 1
                #expect(!input.functionName.isEmpty && input.functionName.utf16.count <= 140)
            } catch {
                #expect(["SerializationException", "ValidationException"].contains(error.code))
                #expect(error.status == 400 && !error.message.isEmpty)
            }
        }
        #expect(accepted > 0)
    }
}
