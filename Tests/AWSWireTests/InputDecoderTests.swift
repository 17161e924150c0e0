import AWSWire
import NIOCore
import NIOHTTP1
import Testing

@Suite struct InputDecoderTests {
    private func request(
        _ body: String = "", query: String? = nil, headers: HTTPHeaders = [:]
    ) throws -> ServiceRequest {
        let caller = Caller(.root(.standard, accessKeyID: "k"), region: "us-east-1")
        return ServiceRequest(
            method: .POST, path: "/", query: query, headers: headers, body: ByteBuffer(string: body), caller: caller,
            requestID: "r")
    }

    /// The message with which reading `json` as the body's member `M` fails.
    private func message(
        _ json: String, _ read: (inout InputDecoder, JSONValue?) throws -> Void
    ) throws -> String? {
        var input = InputDecoder(try request(#"{"M":\#(json)}"#), RouteLabels(), validationCode: "ValidationException")
        do {
            try read(&input, try input.body()["M"])
            try input.check()
            return nil
        } catch let error as AWSError {
            #expect(error.status == 400)
            return error.message
        }
    }

    private let prefix = "1 validation error detected: Value "

    // Recorded from AWS by LocalStack (tests/aws/services/lambda_/test_lambda_api.snapshot.json): test_function_arns,
    // test_create_lambda_exceptions, test_list_functions.
    @Test func wordsOfStringConstraints() throws {
        let length = StringConstraint(min: 1, max: 4)
        #expect(
            try message(#""abcde""#) { _ = try $0.string($1, "functionName", length) }
                == prefix
                + "'abcde' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 4"
        )
        #expect(
            try message(#""""#) { _ = try $0.string($1, "name", length) }
                == prefix
                + "'' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1")
        let both = StringConstraint(max: 1, pattern: "b")
        let broken = "failed to satisfy constraint: Member must"
        #expect(
            try message(#""aa""#) { _ = try $0.string($1, "m", both) }
                == "2 validation errors detected: Value 'aa' at 'm' \(broken) have length less than or equal to 1; "
                + "Value 'aa' at 'm' \(broken) satisfy regular expression pattern: b")
        // Not AWS's: what is tens of thousands of units too long is told only that.
        let long = String(repeating: "a", count: 65_537)
        #expect(
            try message("\"\(long)\"") { _ = try $0.string($1, "m", both) }
                == prefix + "'\(long)' at 'm' \(broken) have length less than or equal to 1")
        let role = StringConstraint(pattern: #"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"#)
        #expect(
            try message(#""r1""#) { _ = try $0.string($1, "role", role) }
                == prefix
                + "'r1' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: "
                + #"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"#)
        let all = StringConstraint(values: ["ALL"])
        #expect(
            try message(#""invalid""#) { _ = try $0.string($1, "functionVersion", all) }
                == prefix
                + "'invalid' at 'functionVersion' failed to satisfy constraint: Member must satisfy enum value set: [ALL]"
        )
    }

    // Java counts UTF-16 units: a character outside of the Basic Multilingual Plane counts twice.
    @Test func lengthIsInUTF16Units() throws {
        #expect(try message(#""😀😀""#) { _ = try $0.string($1, "m", StringConstraint(max: 4)) } == nil)
        #expect(try message(#""😀😀""#) { _ = try $0.string($1, "m", StringConstraint(max: 3)) } != nil)
    }

    // Recorded: test_provisioned_concurrency_exceptions; tests/aws/services/logs/,
    // test_get_log_events_limit_validation.
    @Test func wordsOfNumberConstraints() throws {
        let bounds = NumberConstraint<Int>(min: 1, max: 10000)
        #expect(
            try message("10001") { _ = try $0.int($1, "limit", bounds) }
                == prefix
                + "'10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000")
        #expect(
            try message("0") { _ = try $0.int($1, "limit", bounds) }
                == prefix
                + "'0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1")
        #expect(
            try message("9.5") { _ = try $0.double($1, "d", NumberConstraint<Double>(max: 8)) }
                == prefix
                + "'9.5' at 'd' failed to satisfy constraint: Member must have value less than or equal to 8.0")
    }

    // Recorded: test_create_lambda_exceptions and test_invalid_vpc_config_subnet.
    @Test func wordsOfListConstraints() throws {
        let architecture = StringConstraint(values: ["x86_64", "arm64"])
        #expect(
            try message(#"["X86_64"]"#) {
                _ = try $0.strings($1, "architectures", LengthConstraint(max: 1), architecture)
            }
                == prefix
                + "'[X86_64]' at 'architectures' failed to satisfy constraint: Member must satisfy constraint: "
                + "[Member must satisfy enum value set: [x86_64, arm64], Member must not be null]")
        #expect(
            try message(#"["x86_64","arm64"]"#) {
                _ = try $0.strings($1, "architectures", LengthConstraint(max: 1), architecture)
            }
                == prefix + "'[x86_64, arm64]' at 'architectures' failed to satisfy constraint: "
                + "Member must have length less than or equal to 1")
        let subnet = StringConstraint(min: 0, max: 1024, pattern: "subnet-[0-9a-z]*", elementsMayBeNull: true)
        #expect(
            try message(#"["bad"]"#) { _ = try $0.strings($1, "vpcConfig.subnetIds", nil, subnet) }
                == prefix
                + "'[bad]' at 'vpcConfig.subnetIds' failed to satisfy constraint: Member must satisfy constraint: "
                + "[Member must have length less than or equal to 1024, Member must have length greater than or equal to 0, "
                + "Member must satisfy regular expression pattern: subnet-[0-9a-z]*]")
        #expect(
            try message(#"["x86_64",null]"#) { _ = try $0.strings($1, "l") }
                == prefix + "'[x86_64, null]' at 'l' failed to satisfy constraint: Member must satisfy constraint: "
                + "[Member must not be null]")
    }

    // Map keys: https://github.com/trek10inc/serverless-secrets/issues/39; values:
    // test_notfound_and_invalid_routingconfigs.
    @Test func wordsOfMapConstraints() throws {
        let name = StringConstraint(pattern: "[a-zA-Z]([a-zA-Z0-9_])+", disclosure: .sensitive)
        #expect(
            try message(#"{"/a":"1"}"#) { _ = try $0.stringMap($1, "environment.variables", key: name, .sensitive) }
                == "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must "
                + "satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]")
        #expect(
            try message(#"{"2":"long"}"#) { _ = try $0.stringMap($1, "tags", value: StringConstraint(max: 1)) }
                == prefix + "'{2=long}' at 'tags' failed to satisfy constraint: Map value must satisfy constraint: "
                + "[Member must have length less than or equal to 1, Member must not be null]")
        #expect(
            try message(#"{"a":"","b":""}"#) { _ = try $0.stringMap($1, "tags", LengthConstraint(max: 1)) }
                == prefix
                + "'{a=, b=}' at 'tags' failed to satisfy constraint: Member must have length less than or equal to 1")
        #expect(
            try message(#"{"a":null}"#) { _ = try $0.stringMap($1, "tags") }?.contains("[Member must not be null]")
                == true)
    }

    // Recorded: test_tag_exceptions; two violations: test_layer_exceptions.
    @Test func gathersAllViolations() throws {
        let message = try message("5") { input, value in
            input.require(false, "tagKeys")
            _ = try input.int(value, "size", NumberConstraint(max: 4))
        }
        #expect(
            message
                == "2 validation errors detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null; "
                + "Value '5' at 'size' failed to satisfy constraint: Member must have value less than or equal to 4")
    }

    @Test func listsOfStructuresNumberTheirElements() throws {
        let message = try message(#"[{"A":"ok"},{"A":"long"},null]"#) { input, value in
            _ = try input.list(value, "configs", LengthConstraint(max: 2)) {
                (input: inout InputDecoder, body: JSONObject, path: String) throws(AWSError) -> String? in
                try input.string(body["A"], "\(path)a", StringConstraint(max: 2))
            }
        }
        #expect(
            message?.hasPrefix("3 validation errors detected: Value '[{A=ok}, {A=long}, null]' at 'configs'") == true)
        #expect(message?.contains("Value 'long' at 'configs.2.member.a' failed") == true)
    }

    @Test func nullCountsAsAbsent() throws {
        var input = InputDecoder(try request(#"{"M":null}"#), RouteLabels(), validationCode: "V")
        let member = try input.body()["M"]
        #expect(try input.string(member, "m", StringConstraint(min: 1)) == nil)
        try input.check()
    }

    @Test(arguments: ["1", "true", "[]", "{}"])
    func wrongKindsAreSerializationExceptions(json: String) throws {
        var input = InputDecoder(try request(#"{"M":\#(json)}"#), RouteLabels(), validationCode: "V")
        let member = try input.body()["M"]
        let error = #expect(throws: AWSError.self) { try input.string(member, "m") }
        #expect(error?.code == "SerializationException")
        #expect(error?.status == 400)
    }

    @Test(arguments: ["{", "[]", "1", "{\"a\":1}x", "\u{1}"])
    func unreadableBodiesAreSerializationExceptions(body: String) throws {
        let input = InputDecoder(try request(body), RouteLabels(), validationCode: "V")
        let error = #expect(throws: AWSError.self) { try input.body() }
        #expect(error?.code == "SerializationException")
    }

    @Test func anEmptyBodyIsAnEmptyObject() throws {
        let input = InputDecoder(try request(), RouteLabels(), validationCode: "V")
        #expect(try input.body()["a"] == nil)
    }

    @Test func readsBase64WithAndWithoutEscapes() throws {
        for text in [#""AP8=""#, #""\u0041P8=""#] {
            let input = InputDecoder(try request(#"{"M":\#(text)}"#), RouteLabels(), validationCode: "V")
            #expect(try input.blob(try input.body()["M"]) == [0, 255])
        }
        #expect(try message(#""A""#) { _ = try $0.blob($1) } != nil)
        #expect(try message("1") { _ = try $0.blob($1) } == "NUMBER_VALUE can not be converted to a Blob")
    }

    @Test func readsHeadersQueriesAndLabels() throws {
        let request = try request(query: "MaxItems=12&k=a&k=b", headers: ["X-Amz-Log-Type": "Tail"])
        var input = InputDecoder(request, RouteLabels([("Name", "f")]), validationCode: "V")
        #expect(input.string(input.header("x-amz-log-type"), "logType") == "Tail")
        #expect(try input.int(input.parameter("MaxItems"), "maxItems") == 12)
        #expect(input.strings(input.parameters("k"), "keys") == ["a", "b"])
        #expect(input.parameters("none") == nil)
        #expect(input.label("Name") == "f")
        #expect(throws: AWSError.self) { try input.int("1x", "maxItems") }
    }

    /// No service meets a time that it cannot reckon with: what lies beyond the years 1 to 9999 is just beyond them.
    @Test func timesAreBounded() throws {
        let years = RequestTime.years
        for (json, expected) in [
            ("0", 0), ("-1.5", -1.5), ("253402300799.5", 253_402_300_799.5), ("253402300800", years.upperBound),
            ("1e300", years.upperBound), ("9223372036854775807", years.upperBound), (#""Infinity""#, years.upperBound),
            (#""NaN""#, years.upperBound), ("-62135596800", years.lowerBound), ("-1e300", years.lowerBound - 1),
            (#""-Infinity""#, years.lowerBound - 1),
        ] {
            var input = InputDecoder(try request(#"{"M":\#(json)}"#), RouteLabels(), validationCode: "V")
            #expect(try input.timestamp(try input.body()["M"]) == expected, "\(json)")
        }
        #expect(!years.contains(years.upperBound) && !years.contains(years.lowerBound - 1))
        #expect(try message(#""x""#) { _ = try $0.timestamp($1) } == "STRING_VALUE can not be converted to a Double")
        let form = try request("A=9999-12-31T23:59:59.5Z&B=9999-12-31T23:59:59-99:00&C=x")
        let input = InputDecoder(form, RouteLabels(), validationCode: "V")
        #expect(try input.timestamp(input.form["A"]) == 253_402_300_799.5)
        #expect(try input.timestamp(input.form["B"]) == years.upperBound)
        #expect(throws: AWSError.self) { try input.timestamp(input.form["C"]) }
    }

    @Test func readsBodiesOfCBOR() throws {
        var writer = CBORWriter()
        writer.beginObject()
        writer.name("M")
        writer.timestamp(secondsSinceEpoch: 1.5)
        writer.endObject()
        var asked = try request(headers: ["smithy-protocol": "rpc-v2-cbor"])
        asked.body = writer.buffer
        var input = InputDecoder(asked, RouteLabels(), validationCode: "V")
        #expect(try input.timestamp(try input.body()["M"]) == 1.5)
        asked.body = ByteBuffer(string: "{}")
        let error = #expect(throws: AWSError.self) {
            try InputDecoder(asked, RouteLabels(), validationCode: "V").body()
        }
        #expect(error?.code == "SerializationException")
    }
}
