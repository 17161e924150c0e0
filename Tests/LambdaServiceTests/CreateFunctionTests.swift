import AWSWire
import FoundationEssentials
import NIOCore
import NIOHTTP1
import Testing
import TestSupport

@testable import LambdaService

@Suite struct CreateFunctionTests {
    /// The members of the recorded answers in localstack's test_lambda_api.snapshot.json,
    /// TestLambdaFunction::test_lambda_code_location_zipfile (AWS, 2025-11-25).
    private static let created: Set<String> = [
        "Architectures", "CodeSha256", "CodeSize", "Description", "EphemeralStorage", "FunctionArn", "FunctionName",
        "Handler", "LastModified", "LoggingConfig", "MemorySize", "PackageType", "RevisionId", "Role", "Runtime",
        "RuntimeVersionConfig", "SnapStart", "State", "StateReason", "StateReasonCode", "Timeout", "TracingConfig",
        "Version",
    ]

    @Test func answersAsRecorded() async throws {
        let apus = try Harness()
        let answer = try await apus.create("hello", members: #""Architectures":["\#(Machine.architecture)"]"#)
        #expect(answer.status == 201)
        #expect(try answer.members == Self.created)
        let json = try answer.json
        #expect(json["FunctionArn"]?.string == "arn:aws:lambda:us-east-1:111111111111:function:hello")
        #expect(json["State"]?.string == "Pending")
        #expect(json["StateReason"]?.string == "The function is being created.")
        #expect(json["StateReasonCode"]?.string == "Creating")
        #expect(json["Version"]?.string == "$LATEST")
        #expect(json["Timeout"]?.int == 3)
        #expect(json["MemorySize"]?.int == 128)
        #expect(json["Description"]?.string == "")
        #expect(json["EphemeralStorage"]?["Size"]?.int == 512)
        #expect(json["TracingConfig"]?["Mode"]?.string == "PassThrough")
        #expect(json["SnapStart"]?["ApplyOn"]?.string == "None")
        #expect(json["SnapStart"]?["OptimizationStatus"]?.string == "Off")
        #expect(json["LoggingConfig"]?["LogFormat"]?.string == "Text")
        #expect(json["LoggingConfig"]?["LogGroup"]?.string == "/aws/lambda/hello")
        #expect(json["PackageType"]?.string == "Zip")
        #expect(json["CodeSize"]?.int == Harness.hello.count)
        let modified = try #require(json["LastModified"]?.string)
        #expect(modified.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000/#) != nil)
        let version = try #require(json["RuntimeVersionConfig"]?["RuntimeVersionArn"]?.string)
        #expect(version.wholeMatch(of: #/arn:aws:lambda:us-east-1::runtime:[0-9a-f]{64}/#) != nil)
    }

    // The get-function-response of the same recording.
    @Test func becomesActive() async throws {
        let apus = try Harness()
        let pending = try await apus.create("hello").json["RevisionId"]?.string
        await apus.settle()
        let answer = try await apus.send(.GET, "/2015-03-31/functions/hello")
        #expect(answer.status == 200)
        let json = try answer.json
        #expect(try answer.members == ["Code", "Configuration"])
        #expect(json["Code"]?["RepositoryType"]?.string == "S3")
        let configuration = try #require(json["Configuration"])
        #expect(
            Set(configuration.members.map(\.name))
                == Self.created.subtracting(["StateReason", "StateReasonCode"]).union(["LastUpdateStatus"]))
        #expect(configuration["State"]?.string == "Active")
        #expect(configuration["LastUpdateStatus"]?.string == "Successful")
        #expect(configuration["RevisionId"]?.string != pending)
    }

    // CodeSha256 is what `openssl dgst -sha256 -binary | base64` says of the zip file; the location downloads it.
    @Test func keepsTheCode() async throws {
        let apus = try Harness()
        let zip = Zip.archive([(name: "index.py", contents: "x = 1\n"), (name: "lib/a.py", contents: "")])
        try await apus.deploy("hello", zip: zip)
        let configuration = try await apus.configuration("hello")
        let digest = try #require(configuration["CodeSha256"]?.string.flatMap { Base64.decode($0) })
        let hex = digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(apus.directory.names("code") == [hex])
        #expect(apus.directory.files("code/\(hex)") == ["index.py", "lib", "lib/a.py"])
        let location = try await apus.send(.GET, "/2015-03-31/functions/hello").json["Code"]?["Location"]?.string
        #expect(location == "http://127.0.0.1:4566/_apus/code/111111111111/\(hex)")
        let owner = try #require(AccountID(Harness.account))
        let path = try #require(try await apus.service.zipFile(hex, account: owner))
        #expect(FileManager.default.contents(atPath: path) == Data(zip))
        #expect(try await apus.service.zipFile(hex, account: #require(AccountID("222222222222"))) == nil)
    }

    @Test func refusesASecond() async throws {
        let apus = try Harness()
        _ = try await apus.create("hello")
        let answer = try await apus.create("hello")
        #expect(answer.status == 409)
        #expect(answer.errorType == "ResourceConflictException")
        #expect(try answer.message == "Function already exist: hello")
        #expect(try answer.json["Type"]?.string == "User")
        // Other accounts and regions have functions of their own.
        #expect(try await apus.create("hello", account: "222222222222").status == 201)
        #expect(try await apus.create("hello", region: "eu-west-1").status == 201)
    }

    @Test func oneOfManyWins() async throws {
        let apus = try Harness()
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<8 { group.addTask { try await apus.create("hello").status } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.filter { $0 == 201 }.count == 1)
        #expect(statuses.filter { $0 == 409 }.count == 7)
    }

    /// Requests and AWS's answers to them. Wording: localstack's recorded test_create_lambda_exceptions and
    /// TestRuntimeValidation; for the environment the error texts of AWS that users report.
    @Test(
        arguments: [
            (
                #""Role":"r1""#, "ValidationException",
                #"1 validation error detected: Value 'r1' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"#
            ),
            (
                #""Runtime":"non-existent-runtime""#, "InvalidParameterValueException",
                "Value non-existent-runtime at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, java11, dotnet6, nodejs18.x, provided.al2, java8.al2] or be a valid ARN"
            ),
            (
                #""Runtime":"go1.x""#, "InvalidParameterValueException",
                "The runtime parameter of go1.x is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions."
            ),
            (
                #""Runtime":"java21""#, "InvalidParameterValueException",
                "Runtime java21 is not available on this machine: no interpreter of its language is installed."
            ),
            (
                #""MemorySize":64"#, "ValidationException",
                "1 validation error detected: Value '64' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128"
            ),
            (
                #""MemorySize":10241"#, "InvalidParameterValueException",
                "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to 10240"
            ),
            (
                #""Timeout":901"#, "ValidationException",
                "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900"
            ),
            (
                #""EphemeralStorage":{"Size":511}"#, "ValidationException",
                "1 validation error detected: Value '511' at 'ephemeralStorage.size' failed to satisfy constraint: Member must have value greater than or equal to 512"
            ),
            (
                #""Environment":{"Variables":{"FINE":"1","AWS_REGION":"x","AWS_ACCESS_KEY_ID":"y"}}"#,
                "InvalidParameterValueException",
                "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: AWS_REGION, AWS_ACCESS_KEY_ID"
            ),
            (
                #""Code":{}"#, "InvalidParameterValueException", "Please provide a source for function code."
            ),
            (
                #""Code":{"ZipFile":""}"#, "InvalidParameterValueException", "Uploaded file must be a non-empty zip"
            ),
            (
                #""Code":{"ZipFile":"bm90IGEgemlw"}"#, "InvalidParameterValueException",
                "Could not unzip uploaded file. Please check your file, then try to upload again."
            ),
            (#""Code":{"S3Bucket":"bucket","S3Key":"key"}"#, "NotImplementedException", nil),
            (#""Layers":["arn:aws:lambda:us-east-1:111111111111:layer:a:1"]"#, "InvalidParameterValueException", nil),
            (
                #""Runtime":"python3.11","SnapStart":{"ApplyOn":"PublishedVersions"}"#,
                "InvalidParameterValueException",
                "python3.11 is not supported for SnapStart enabled functions."
            ),
            (
                #""LoggingConfig":{"ApplicationLogLevel":"INFO"}"#, "InvalidParameterValueException",
                #"LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your request or change the LogFormat to "JSON" and try again."#
            ),
            (
                #""Tags":{"aws:x":"1"}"#, "InvalidParameterValueException",
                "aws: prefixed tag key names are not allowed for external use."
            ),
        ] as [(String, String, String?)])
    func refuses(_ member: String, _ code: String, _ message: String?) async throws {
        let apus = try Harness()
        // Of repeated members the last counts.
        let answer = try await apus.create("hello", members: member)
        #expect(answer.errorType == code, "\(answer.text)")
        #expect(answer.status == (code == "NotImplementedException" ? 501 : 400))
        if let message { #expect(try answer.message == message) } else { #expect(try !answer.message.isEmpty) }
        await apus.settle()
        #expect(try await apus.send(.GET, "/2015-03-31/functions/hello").status == 404)
        #expect(apus.directory.files("blobs").filter { $0.hasSuffix("/") == false && $0.count > 60 }.isEmpty)
    }

    // Terraform's aws_lambda_function and SAM send these for functions that ask for nothing.
    @Test(arguments: [
        #""VpcConfig":{"SubnetIds":[],"SecurityGroupIds":[]}"#, #""TracingConfig":{"Mode":"PassThrough"}"#,
        #""SnapStart":{"ApplyOn":"None"}"#, #""Layers":[]"#, #""Publish":false"#, #""PackageType":"Zip""#,
        #""DeadLetterConfig":{}"#, #""KMSKeyArn":"""#, #""FileSystemConfigs":[]"#,
        #""LoggingConfig":{"LogFormat":"Text"}"#,
        #""EphemeralStorage":{"Size":10240}"#, #""MemorySize":10240"#, #""Timeout":900"#, #""Description":"""#,
    ])
    func accepts(_ member: String) async throws {
        let apus = try Harness()
        let answer = try await apus.create("hello", members: member)
        #expect(answer.status == 201, "\(answer.text)")
    }

    @Test func requiresRuntimeAndHandler() async throws {
        let apus = try Harness()
        let answer = try await apus.create("hello", runtime: nil)
        #expect(answer.errorType == "InvalidParameterValueException")
        #expect(
            try answer.message
                == "Runtime and Handler are mandatory parameters for functions created with deployment packages.")
    }

    // localstack's recorded test_function_arns: a name alone has 64 characters at most.
    @Test func boundsTheName() async throws {
        let apus = try Harness()
        #expect(try await apus.create(String(repeating: "a", count: 64)).status == 201)
        let long = String(repeating: "a", count: 65)
        let answer = try await apus.create(long)
        #expect(answer.errorType == "InvalidParameterValueException")
        #expect(
            try answer.message
                == "1 validation error detected: Value '\(long)' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64"
        )
    }

    // localstack's test_large_environment_variables_fails: 4,096 bytes of JSON text pass, 4,097 do not; of several
    // variables the text has the order of the request (test_large_environment_fails_multiple_keys).
    @Test func boundsTheEnvironment() async throws {
        let apus = try Harness()
        func environment(_ size: Int) -> String {
            let text = #"{"SMALL_VAR":"ok","LARGE_VAR":""}"#
            return #"{"SMALL_VAR":"ok","LARGE_VAR":"\#(String(repeating: "x", count: size - text.utf8.count))"}"#
        }
        let fits = try await apus.create("fits", members: #""Environment":{"Variables":\#(environment(4096))}"#)
        #expect(fits.status == 201)
        let answer = try await apus.create("hello", members: #""Environment":{"Variables":\#(environment(4097))}"#)
        #expect(answer.errorType == "InvalidParameterValueException")
        #expect(
            try answer.message
                == "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: \(environment(4097))"
        )
    }

    // localstack's recorded test_oversized_unzipped_lambda, test_oversized_zipped_create_lambda and
    // test_oversized_request_create_lambda.
    @Test func boundsTheCode() async throws {
        var quotas = Quotas()
        quotas.unzippedCodeBytes = 100
        quotas.zippedCodeBytes = 400
        quotas.codeRequestBytes = 1000
        let apus = try Harness(quotas: quotas)
        func zip(_ size: Int) -> [UInt8] { Zip.archive([(name: "a", contents: String(repeating: "x", count: size))]) }
        let unzipped = try await apus.create("hello", zip: zip(101))
        #expect(unzipped.errorType == "InvalidParameterValueException")
        #expect(try unzipped.message == "Unzipped size must be smaller than 100 bytes")
        let zipped = try await apus.create("hello", zip: zip(350))
        #expect(zipped.status == 413)
        #expect(zipped.errorType == "RequestEntityTooLargeException")
        #expect(try zipped.message == "Zipped size must be smaller than 400 bytes")
        let request = try await apus.create("hello", zip: zip(900))
        #expect(request.status == 413)
        #expect(try request.message == "Request must be smaller than 1000 bytes for the CreateFunction operation")
    }

    @Test func boundsTheAccountsCode() async throws {
        var quotas = Quotas()
        quotas.totalCodeBytes = Harness.hello.count * 2
        let apus = try Harness(quotas: quotas)
        #expect(try await apus.create("a").status == 201)
        #expect(try await apus.create("b").status == 201)
        let answer = try await apus.create("c")
        #expect(answer.status == 400)
        #expect(answer.errorType == "CodeStorageExceededException")
        #expect(try answer.message == "Code storage limit exceeded.")
        #expect(try await apus.create("c", account: "222222222222").status == 201)
    }

    /// Random damage to the bytes of a request never takes the service down, and what it accepts is a whole function.
    @Test func survivesDamagedRequests() async throws {
        let apus = try Harness()
        let body = """
            {"FunctionName":"hello","Runtime":"python3.13","Role":"\(Harness.role)","Handler":"a.b",\
            "Code":{"ZipFile":"\(Base64.encode(Harness.hello))"},"Timeout":5,"Environment":{"Variables":{"A1":"b"}},\
            "Tags":{"k":"v"}}
            """
        var generator = SeededGenerator(seed: 3)
        for round in 0..<400 {
            var bytes = Array(body.utf8)
            for _ in 0...Int.random(in: 0...2, using: &generator) {
                let index = Int.random(in: bytes.indices, using: &generator)
                switch Int.random(in: 0...2, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: index)
                default: bytes.insert(UInt8.random(in: 32...126, using: &generator), at: index)
                }
            }
            var request = try apus.request(.POST, "/2015-03-31/functions")
            request.body = .init(bytes: bytes)
            let answer = try await apus.send(request)
            if answer.status == 201 {
                let name = try #require(try answer.json["FunctionName"]?.string)
                let deleted = try await apus.send(.DELETE, "/2015-03-31/functions/\(name)")
                #expect(deleted.status == 204, "round \(round)")
            } else {
                #expect((400..<500).contains(answer.status) || answer.status == 501, "round \(round): \(answer.text)")
            }
        }
    }
}
