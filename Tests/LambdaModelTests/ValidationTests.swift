import AWSWire
import LambdaModel
import NIOHTTP1
import Testing

/// Wordings recorded from AWS by LocalStack, in tests/aws/services/lambda_/test_lambda_api.snapshot.json of its
/// repository; each test names the recording.
@Suite struct ValidationTests {
    /// A CreateFunction body that is valid but for `members`.
    private func failure(_ members: String, name: String = "hello", role: String = "arn:aws:iam::123456789012:role/r")
        -> AWSError?
    {
        let extra = members.isEmpty ? "" : ",\(members)"
        let body = #"{"FunctionName":"\#(name)","Role":"\#(role)","Code":{"ZipFile":"UEsFBg=="}\#(extra)}"#
        return #expect(throws: AWSError.self) {
            try Lambda.CreateFunctionRequest(decoding: request(.POST, "/2015-03-31/functions", body: body))
        }
    }

    private func expectOne(_ error: AWSError?, _ text: String) {
        #expect(error?.code == "ValidationException")
        #expect(error?.status == 400)
        #expect(error?.message == "1 validation error detected: Value \(text)")
    }

    @Test func rolePattern() {  // test_create_lambda_exceptions
        let pattern = #"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"#
        expectOne(
            failure("", role: "r1"),
            "'r1' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: \(pattern)")
    }

    @Test func architectures() {  // test_create_lambda_exceptions
        expectOne(
            failure(#""Architectures":["X86_64"]"#),
            "'[X86_64]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: "
                + "[Member must satisfy enum value set: [x86_64, arm64], Member must not be null]")
        expectOne(
            failure(#""Architectures":["x86_64","arm64"]"#),
            "'[x86_64, arm64]' at 'architectures' failed to satisfy constraint: Member must have length less than or equal to 1"
        )
    }

    @Test func nameTooLong() {  // test_function_arns
        let name = "arn:aws:lambda:us-east-1:123456789012:function:" + String(repeating: "a", count: 100)
        expectOne(
            failure("", name: name),
            "'\(name)' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 140"
        )
    }

    @Test func namePattern() {  // test_function_arns
        expectOne(
            failure("", name: "invalid:function:name"),
            "'invalid:function:name' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression "
                + #"pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?"#
                + #"(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"#)
    }

    @Test func nestedEnumeration() {  // test_snapstart_exceptions
        expectOne(
            failure(#""SnapStart":{"ApplyOn":"invalidOption"}"#),
            "'invalidOption' at 'snapStart.applyOn' failed to satisfy constraint: Member must satisfy enum value set: "
                + "[PublishedVersions, None]")
    }

    @Test func subnets() {  // test_invalid_vpc_config_subnet
        expectOne(
            failure(#""VpcConfig":{"SubnetIds":["bad-format"]}"#),
            "'[bad-format]' at 'vpcConfig.subnetIds' failed to satisfy constraint: Member must satisfy constraint: [Member must "
                + "have length less than or equal to 1024, Member must have length greater than or equal to 0, Member must satisfy "
                + "regular expression pattern: subnet-[0-9a-z]*]")
    }

    @Test func layers() {  // test_layer_function_exceptions
        let pattern =
            #"(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:"#
            + #"[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)"#
        let arn = "arn:aws:lambda:us-east-1:123456789012:layer:l"
        expectOne(
            failure(#""Layers":["\#(arn)"]"#),
            "'[\(arn)]' at 'layers' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less "
                + "than or equal to 2048, Member must have length greater than or equal to 1, Member must satisfy regular "
                + "expression pattern: \(pattern), Member must not be null]")
    }

    // https://github.com/trek10inc/serverless-secrets/issues/39
    @Test func environmentNames() {
        let error = failure(#""Environment":{"Variables":{"/stage/a":"secret"}}"#)
        #expect(
            error?.message
                == "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: "
                + "Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]"
        )
    }

    // https://github.com/highsource/bitcoin-a-day/issues/1: only the first letter of a member is lowered.
    @Test func keyPattern() {
        expectOne(
            failure(#""KMSKeyArn":"\"x\"""#),
            #"'"x"' at 'kMSKeyArn' failed to satisfy constraint: Member must satisfy regular expression pattern: "#
                + "(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()")
    }

    @Test func emptyTagKeys() {  // test_tag_exceptions
        let path = "/2017-03-31/tags/arn:aws:lambda:us-east-1:123456789012:function:hello"
        let labels = Lambda.route(request(.DELETE, path))?.labels ?? RouteLabels()
        let error = #expect(throws: AWSError.self) {
            try Lambda.UntagResourceRequest(decoding: request(.DELETE, path), labels: labels)
        }
        expectOne(error, "null at 'tagKeys' failed to satisfy constraint: Member must not be null")
    }

    @Test func listEnumerations() {  // test_list_functions
        let error = #expect(throws: AWSError.self) {
            try Lambda.ListFunctionsRequest(
                decoding: request(.GET, "/2015-03-31/functions", query: "FunctionVersion=invalid"))
        }
        expectOne(
            error,
            "'invalid' at 'functionVersion' failed to satisfy constraint: Member must satisfy enum value set: [ALL]")
    }

    @Test func everythingMissingIsSaidAtOnce() {
        let error = #expect(throws: AWSError.self) {
            try Lambda.CreateFunctionRequest(
                decoding: request(.POST, "/2015-03-31/functions", body: #"{"MemorySize":1}"#))
        }
        let rule = "failed to satisfy constraint: Member must not be null"
        #expect(
            error?.message
                == "4 validation errors detected: Value null at 'functionName' \(rule); Value null at 'role' \(rule); "
                + "Value null at 'code' \(rule); Value '1' at 'memorySize' failed to satisfy constraint: Member must have value "
                + "greater than or equal to 128")
    }

    @Test func structuresNeedTheirRequiredMembers() {
        expectOne(
            failure(#""EphemeralStorage":{}"#),
            "null at 'ephemeralStorage.size' failed to satisfy constraint: Member must not be null")
        expectOne(
            failure(
                #""FileSystemConfigs":[{"Arn":"arn:aws:s3files:a:file-system/fs-00000000000000000/access-point/fsap-00000000000000000"}]"#
            ),
            "null at 'fileSystemConfigs.1.member.localMountPath' failed to satisfy constraint: Member must not be null")
    }

    // https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
    @Test func timeoutHasTheBoundThatAWSDocuments() {
        expectOne(
            failure(#""Timeout":901"#),
            "'901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900")
    }

    /// AWS checks the runtime outside of its validation: whatever it is, it passes here. test_create_lambda_exceptions.
    @Test func runtimeIsCheckedElsewhere() throws {
        let body = #"{"FunctionName":"f","Role":"arn:aws:iam::123456789012:role/r","Code":{},"Runtime":"PYTHON3.9"}"#
        let input = try Lambda.CreateFunctionRequest(decoding: request(.POST, "/2015-03-31/functions", body: body))
        #expect(input.runtime?.isKnown == false)
        let error = Lambda.Runtime.unknown("PYTHON3.9")
        #expect(error.code == "InvalidParameterValueException")
        #expect(
            error.message.hasPrefix(
                "Value PYTHON3.9 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: ["))
        #expect(error.message.hasSuffix(", provided.al2, java8.al2] or be a valid ARN"))
        #expect(
            Lambda.Runtime.python3_12.isAccepted && !Lambda.Runtime.python3_7.isAccepted
                && Lambda.Runtime.python3_7.isKnown)
    }
}
