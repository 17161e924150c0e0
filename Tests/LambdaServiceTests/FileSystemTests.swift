import AWSWire
import Fleet
import NIOHTTP1
import Sandbox
import Testing
import TestSupport

@testable import LambdaService

/// `FileSystemConfigs`. Members and constraints are the API model's. The words about the VPC were reported by users of
/// AWS (cfn-lint issue 4369, chalice issue 1453); those about access points that are elsewhere are our own.
@Suite struct FileSystemTests {
    private static let id = "fsap-0123456789abcdef0"
    private static let arn = "arn:aws:elasticfilesystem:us-east-1:111111111111:access-point/\(id)"
    private static let other = "fsap-0123456789abcdef1"
    private static let vpc = #""VpcConfig":{"SubnetIds":["subnet-1"],"SecurityGroupIds":["sg-1"]}"#
    private static let path = "/2015-03-31/functions/hello/configuration"

    private static func configs(_ arn: String = arn, path: String = "/mnt/data") -> String {
        #""FileSystemConfigs":[{"Arn":"\#(arn)","LocalMountPath":"\#(path)"}]"#
    }

    private func harness(in directory: TemporaryDirectory? = nil) throws -> Harness {
        try Harness(in: directory, accessPoints: [Self.id, Self.other])
    }

    private func update(_ apus: Harness, _ members: String) async throws -> Harness.Answer {
        let answer = try await apus.send(.PUT, Self.path, body: "{\(members)}")
        await apus.settle()
        return answer
    }

    private func expectShown(
        _ answer: JSONValue, arn: String = arn, path: String = "/mnt/data", location: SourceLocation = #_sourceLocation
    ) {
        let shown = answer["FileSystemConfigs"]?.elements ?? []
        #expect(shown.count == 1, sourceLocation: location)
        #expect(Set(shown.first?.members.map(\.name) ?? []) == ["Arn", "LocalMountPath"], sourceLocation: location)
        #expect(shown.first?["Arn"]?.string == arn, sourceLocation: location)
        #expect(shown.first?["LocalMountPath"]?.string == path, sourceLocation: location)
    }

    @Test func isShownKeptAndRemoved() async throws {
        let apus = try harness()
        let created = try await apus.create("hello", members: "\(Self.vpc),\(Self.configs())")
        #expect(created.status == 201, "\(created.text)")
        expectShown(try created.json)
        await apus.settle()
        expectShown(try await harness(in: apus.directory).configuration("hello"))
        // Neither an update of something else nor one of the VPC takes it away.
        expectShown(try await update(apus, #""Description":"new""#).json)
        expectShown(try await update(apus, Self.vpc).json)
        let otherARN = Self.arn.replacing(Self.id, with: Self.other)
        expectShown(
            try await update(apus, Self.configs(otherARN, path: "/mnt/a-b_c.d")).json, arn: otherARN,
            path: "/mnt/a-b_c.d")
        #expect(try await update(apus, #""FileSystemConfigs":[]"#).json["FileSystemConfigs"] == nil)
        let emptied = #""VpcConfig":{"SubnetIds":[],"SecurityGroupIds":[]}"#
        #expect(try await update(apus, emptied).status == 200)
        #expect(try await apus.configuration("hello")["FileSystemConfigs"] == nil)
    }

    @Test func staysWithAPublishedVersionAndReachesTheFleet() async throws {
        let apus = try harness()
        try await apus.deploy("hello", members: "\(Self.vpc),\(Self.configs())")
        _ = try await apus.send(.POST, "/2015-03-31/functions/hello/versions")
        _ = try await update(apus, #""FileSystemConfigs":[]"#)
        expectShown(try await apus.send(.GET, Self.path, query: "Qualifier=1").json)
        let invocations = "/2015-03-31/functions/hello/invocations"
        _ = try await apus.send(.POST, invocations, query: "Qualifier=1")
        #expect(
            apus.fleet.invocations.last?.version.fileSystem
                == FunctionVersion.FileSystem(arn: Self.arn, mount: FileSystemMount(name: Self.id, place: "data")))
        _ = try await apus.send(.POST, invocations)
        #expect(apus.fleet.invocations.count == 2)
        #expect(apus.fleet.invocations.last?.version.fileSystem == nil)
    }

    @Test func needsAVPC() async throws {
        let apus = try harness()
        let needed = "Function must be configured to execute in a VPC to reference access point \(Self.arn)."
        let created = try await apus.create("hello", members: Self.configs())
        #expect(created.errorType == "InvalidParameterValueException")
        #expect(try created.message == needed)
        try await apus.deploy("hello")
        #expect(try await update(apus, Self.configs()).message == needed)
        expectShown(try await update(apus, "\(Self.vpc),\(Self.configs())").json)
        let removed = try await update(apus, #""VpcConfig":{"SubnetIds":[],"SecurityGroupIds":[]}"#)
        #expect(removed.errorType == "InvalidParameterValueException")
        #expect(
            try removed.message
                == "Function VPC configuration cannot be removed with access point \(Self.arn) referenced.")
        expectShown(try await apus.configuration("hello"))
        // Both at once.
        let both = #""VpcConfig":{"SubnetIds":[],"SecurityGroupIds":[]},"FileSystemConfigs":[]"#
        #expect(try await update(apus, both).status == 200)
    }

    private static let s3Files = """
        arn:aws:s3files:us-east-1:111111111111:file-system/fs-0123456789abcdef0/access-point/fsap-0123456789abcdef0
        """

    @Test(arguments: [
        (configs("arn:aws:elasticfilesystem:us-east-1:111111111111:access-point/fsap-0123456789abcdef2"), 400),
        (configs(arn.replacing("us-east-1", with: "eu-west-1")), 400),
        (configs(arn.replacing("arn:aws:", with: "arn:aws-cn:")), 400),
        (configs(arn.replacing("111111111111", with: "222222222222")), 400),
        (configs(path: "/mnt/.."), 400), (configs(path: "/mnt/."), 400), (configs(s3Files), 501),
    ])
    func isChecked(members: String, status: Int) async throws {
        let apus = try harness()
        let code = status == 501 ? "NotImplementedException" : "InvalidParameterValueException"
        let created = try await apus.create("hello", members: "\(Self.vpc),\(members)")
        #expect(created.status == status, "\(created.text)")
        #expect(created.errorType == code)
        try await apus.deploy("hello", members: Self.vpc)
        #expect(try await update(apus, members).errorType == code)
        #expect(try await apus.configuration("hello")["FileSystemConfigs"] == nil)
    }

    @Test(arguments: [
        configs("arn:aws:elasticfilesystem:us-east-1:111111111111:file-system/fs-01234567"),
        configs(path: "/mnt"), configs(path: "/mnt/"), configs(path: "/mnt/a/b"), configs(path: "/tmp/a"),
        configs(path: "/mnt/" + String(repeating: "a", count: 156)), #""FileSystemConfigs":[{"Arn":"\#(arn)"}]"#,
        #""FileSystemConfigs":[{"Arn":"\#(arn)","LocalMountPath":"/mnt/a"},{"Arn":"\#(arn)","LocalMountPath":"/mnt/b"}]"#,
    ])
    func keepsTheModelsConstraints(members: String) async throws {
        let apus = try harness()
        let answer = try await apus.create("hello", members: "\(Self.vpc),\(members)")
        #expect(answer.status == 400)
        #expect(answer.errorType == "ValidationException", "\(answer.text)")
    }

    // The status is the model's, the words are the developer guide's ("Troubleshoot invocation issues").
    @Test func failsToMountAsOnAWS() async throws {
        let apus = try harness()
        try await apus.deploy("hello", members: "\(Self.vpc),\(Self.configs())")
        apus.fleet.answer(.failure(.fileSystemNotMounted(accessPoint: Self.arn)))
        let answer = try await apus.send(.POST, "/2015-03-31/functions/hello/invocations")
        #expect(answer.status == 403)
        #expect(answer.errorType == "EFSMountFailureException")
        #expect(
            try answer.message == "The function could not mount the EFS file system with access point \(Self.arn).")
    }
}
