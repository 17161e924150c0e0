import AWSWire
import Fleet
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Runtimes
import Testing
import TestSupport

@testable import LambdaService

@Suite struct InvokeTests {
    private func path(_ name: String) -> String { "/2015-03-31/functions/\(name)/invocations" }

    @Test func handsPayloadAndAnswerThrough() async throws {
        let apus = try Harness()
        try await apus.deploy("hello", members: #""Environment":{"Variables":{"A1":"b"}},"Timeout":7,"MemorySize":256"#)
        let answer = try await apus.send(.POST, path("hello"), body: #"{"a": 1}"#)
        #expect(answer.status == 200)
        #expect(answer.text == #"{"a": 1}"#)
        #expect(answer.headers.first(name: "X-Amz-Executed-Version") == "$LATEST")
        #expect(answer.headers.first(name: "X-Amz-Function-Error") == nil)
        #expect(answer.headers.first(name: "X-Amz-Log-Result") == nil)
        #expect(answer.headers.first(name: "Content-Type") == "application/json")
        let call = try #require(apus.fleet.invocations.first)
        #expect(call.version.handler == "index.handler")
        #expect(call.version.variables == ["A1": "b"])
        #expect(call.version.timeout == .seconds(7))
        #expect(call.version.memoryMiB == 256)
        #expect(call.version.temporaryStorageMiB == 512)
        #expect(call.version.logGroup == "/aws/lambda/hello")
        #expect(call.version.runtime.identifier == "python3.13")
        #expect(call.version.key.name == "hello")
        #expect(call.version.key.account == Harness.account)
        #expect(apus.directory.names("code") == [call.version.code])
        #expect(call.invocation.invokedARN == "arn:aws:lambda:us-east-1:111111111111:function:hello")
    }

    // Warm invocations stay on their event loop: with an embedded loop, on which nothing runs unless it is told to, the
    // answer is there when the call returns.
    @Test func neverLeavesTheEventLoopWhenWarm() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let request = try apus.request(.POST, path("hello"), body: "7")
        #expect(answerAtOnce(apus.service, request)?.status == .ok)
    }

    private func answerAtOnce(_ service: LambdaService, _ request: ServiceRequest) -> ServiceResponse? {
        let loop = EmbeddedEventLoop()
        var response: ServiceResponse?
        service.respond(to: request, on: loop).assumeIsolated().whenSuccess { response = $0 }
        return response
    }

    // The payload that reaches the fleet shares the storage of the request's.
    @Test func copiesNoPayload() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let request = try apus.request(.POST, path("hello"), body: #"{"some":"thing"}"#)
        _ = try await apus.send(request)
        let payload = try #require(apus.fleet.invocations.last?.invocation.payload)
        let sent = request.body.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        #expect(payload.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) } == sent)
    }

    // API_Invoke: LogType Tail, and the error header.
    @Test func answersFunctionErrorsAndTheLogsTail() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        apus.fleet.answer(
            .success(
                InvocationOutcome(
                    payload: ByteBuffer(string: #"{"errorMessage":"x"}"#), functionError: "Unhandled",
                    logTail: ByteBuffer(string: "START RequestId"))))
        let answer = try await apus.send(.POST, path("hello"), headers: ["X-Amz-Log-Type": "Tail"])
        #expect(answer.status == 200)
        #expect(answer.headers.first(name: "x-amz-function-error") == "Unhandled")
        #expect(answer.headers.first(name: "x-amz-log-result") == "U1RBUlQgUmVxdWVzdElk")
        #expect(answer.text == #"{"errorMessage":"x"}"#)
    }

    // localstack's recorded test_invocation_type_dry_run: 204 and no body.
    // What is for functions of kinds that do not exist here is not ignored.
    @Test func refusesTenantsAndDurableNames() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let tenant = try await apus.send(.POST, path("hello"), headers: ["X-Amz-Tenant-Id": "t"])
        #expect(tenant.status == 400 && tenant.errorType == "InvalidParameterValueException")
        let durable = try await apus.send(.POST, path("hello"), headers: ["X-Amz-Durable-Execution-Name": "d"])
        #expect(durable.status == 501)
        let wrong = try await apus.send(.POST, path("hello"), headers: ["X-Amz-Tenant-Id": "!"])
        #expect(wrong.errorType == "ValidationException")
        #expect(apus.fleet.invocations.isEmpty)
    }

    @Test func dryRunsRunNothing() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let answer = try await apus.send(.POST, path("hello"), headers: ["X-Amz-Invocation-Type": "DryRun"])
        #expect(answer.status == 204)
        #expect(answer.body.readableBytes == 0)
        #expect(apus.fleet.invocations.isEmpty)
    }

    // Invoking without a payload gives the handler an empty object (localstack: "empty payloads have to work as well").
    @Test func noPayloadIsAnEmptyObject() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        #expect(try await apus.send(.POST, path("hello")).text == "{}")
    }

    // localstack's recorded test_invoke_exceptions (2025) and test_function_name_and_qualifier_validation.
    @Test(
        arguments: [
            ("doesnotexist", nil, "doesnotexist:$LATEST"), ("hello", "1221", "hello:1221"),
            ("hello", "alias", "hello:alias"), ("hello:alias", nil, "hello:alias"),
            ("hello", "$latest", "hello:$latest"),
        ] as [(String, String?, String)])
    func findsNothing(_ name: String, _ qualifier: String?, _ shown: String) async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let query = qualifier.map { "Qualifier=\(PercentEncoding.encode($0))" }
        let answer = try await apus.send(.POST, path(name), query: query)
        #expect(answer.status == 404)
        #expect(answer.errorType == "ResourceNotFoundException")
        #expect(
            answer.text
                == #"{"Type":"User","Message":"Function not found: arn:aws:lambda:us-east-1:111111111111:function:\#(shown)"}"#
        )
    }

    @Test(arguments: [
        "hello", "hello:$LATEST", "hello%3A%24LATEST", "111111111111%3Afunction%3Ahello", "function:hello",
        "arn%3Aaws%3Alambda%3Aus-east-1%3A111111111111%3Afunction%3Ahello",
        "arn:aws:lambda:us-east-1:111111111111:function:hello:$LATEST",
    ])
    func takesEveryFormOfName(_ name: String) async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let answer = try await apus.send(.POST, path(name), body: "1")
        #expect(answer.status == 200, "\(answer.text)")
        let arn = try #require(apus.fleet.invocations.last?.invocation.invokedARN)
        let qualified = name.contains("LATEST")
        #expect(arn == "arn:aws:lambda:us-east-1:111111111111:function:hello" + (qualified ? ":$LATEST" : ""))
    }

    // localstack's recorded test_invalid_invoke and test_function_name_and_qualifier_validation.
    @Test func refusesInvalidMembers() async throws {
        let apus = try Harness()
        let name = try await apus.send(.POST, path("my-function!"))
        #expect(name.errorType == "ValidationException")
        #expect(
            try name.message == "1 validation error detected: Value 'my-function!' at 'functionName' failed to satisfy "
                + "constraint: Member must satisfy regular expression pattern: " + FunctionName.pattern)
        let qualifier = try await apus.send(.POST, path("my-function"), query: "Qualifier=invalid%21")
        #expect(
            try qualifier.message
                == #"1 validation error detected: Value 'invalid!' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: \$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+"#
        )
        let kind = try await apus.send(.POST, path("f"), headers: ["X-Amz-Invocation-Type": "Now"])
        #expect(
            try kind.message
                == "1 validation error detected: Value 'Now' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [Event, RequestResponse, DryRun]"
        )
        #expect(kind.status == 400)
    }

    // localstack's recorded test_lambda_invoke_payload_encoding_error, with the two payloads of its parameters.
    @Test(
        arguments: [
            (
                [UInt8(ascii: "n"), 0x87, 0x72, 0x9e],
                "Invalid UTF-8 start byte 0x87\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 3]"
            ),
            (
                [0x99, 0xeb, 0x2c],
                "Unexpected character ((CTRL-CHAR, code 153)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 1]"
            ),
        ] as [([UInt8], String)])
    func refusesWhatIsNotJSON(_ payload: [UInt8], _ problem: String) async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        var request = try apus.request(.POST, path("hello"))
        request.body = ByteBuffer(bytes: payload)
        let answer = try await apus.send(request)
        #expect(answer.status == 400)
        #expect(answer.errorType == "InvalidRequestContentException")
        #expect(
            try answer.message
                == "Could not parse request body into json: Could not parse payload into json: \(problem)")
        #expect(apus.fleet.invocations.isEmpty)
    }

    // 6 MB: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    @Test func boundsThePayload() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let largest = "\"" + String(repeating: "x", count: 6_291_454) + "\""
        #expect(try await apus.send(.POST, path("hello"), body: largest).status == 200)
        let answer = try await apus.send(.POST, path("hello"), body: largest + " ")
        #expect(answer.status == 413)
        #expect(answer.errorType == "RequestTooLargeException")
        #expect(try answer.message == "Request must be smaller than 6291456 bytes for the InvokeFunction operation")
    }

    @Test func passesTheClientContext() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let context = #"{"custom":{"a":"b"}}"#
        _ = try await apus.send(
            .POST, path("hello"), headers: ["X-Amz-Client-Context": Base64.encode(context.utf8)])
        #expect(apus.fleet.invocations.last?.invocation.clientContext == context)
        // The answer that github.com/boto/boto3/issues/2153 shows.
        for wrong in ["string", Base64.encode("[1]".utf8), Base64.encode("{".utf8), "*"] {
            let answer = try await apus.send(.POST, path("hello"), headers: ["X-Amz-Client-Context": wrong])
            #expect(answer.errorType == "InvalidRequestContentException")
            #expect(try answer.message == "Client context must be a valid Base64-encoded JSON object.")
        }
        // API_Invoke: up to 3,583 bytes of base64.
        func sized(_ bytes: Int) -> String {
            Base64.encode(#"{"a":"\#(String(repeating: "x", count: bytes - 8))"}"#.utf8)
        }
        let fits = try await apus.send(.POST, path("hello"), headers: ["X-Amz-Client-Context": sized(2685)])
        #expect(fits.status == 200)
        let long = try await apus.send(.POST, path("hello"), headers: ["X-Amz-Client-Context": sized(2700)])
        #expect(long.errorType == "InvalidRequestContentException")
    }

    @Test func passesOrMakesTheTrace() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
        let traced = try await apus.send(.POST, path("hello"), headers: ["X-Amzn-Trace-Id": trace])
        #expect(apus.fleet.invocations.last?.invocation.traceID == trace)
        #expect(traced.headers.first(name: "X-Amzn-Trace-Id") == trace)
        for header: HTTPHeaders in [[:], ["X-Amzn-Trace-Id": "nonsense"]] {
            _ = try await apus.send(.POST, path("hello"), headers: header)
            let made = try #require(apus.fleet.invocations.last?.invocation.traceID)
            // The form of
            // https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
            #expect(
                made.wholeMatch(of: #/Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0/#) != nil, "\(made)"
            )
        }
    }

    // ResourceConflictException: remotion-dev/remotion issue 1186 shows AWS's text.
    @Test func refusesPendingFunctions() async throws {
        let apus = try Harness()
        _ = try await apus.create("hello")
        let answer = try await apus.send(.POST, path("hello"))
        #expect(answer.status == 409)
        #expect(answer.errorType == "ResourceConflictException")
        #expect(
            try answer.message == "The operation cannot be performed at this time. "
                + "The function is currently in the following state: Pending")
        await apus.settle()
        #expect(try await apus.send(.POST, path("hello")).status == 200)
    }

    // localstack's recorded test_reserved_concurrency: 429 with Reason, Type and message.
    @Test func tellsWhatTheFleetRefuses() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        apus.fleet.answer(.failure(.throttled(reason: "ReservedFunctionConcurrentInvocationLimitExceeded")))
        let throttled = try await apus.send(.POST, path("hello"))
        #expect(throttled.status == 429)
        #expect(throttled.errorType == "TooManyRequestsException")
        #expect(
            throttled.text
                == #"{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}"#
        )
        apus.fleet.answer(.failure(.unavailable("no user namespaces")))
        let unavailable = try await apus.send(.POST, path("hello"))
        #expect(unavailable.status == 500)
        #expect(unavailable.errorType == "ServiceException")
        #expect(try unavailable.message.contains("no user namespaces"))
        #expect(try unavailable.json["Type"]?.string == "Service")
    }

    /// Random damage to the head of a request: never anything but an answer of AWS's.
    @Test func survivesDamagedRequests() async throws {
        let apus = try Harness()
        try await apus.deploy("hello")
        var generator = SeededGenerator(seed: 4)
        func damaged(_ text: String) -> String {
            var characters = Array(text.utf8)
            for _ in 0...Int.random(in: 0...2, using: &generator) where !characters.isEmpty {
                let index = Int.random(in: characters.indices, using: &generator)
                if Bool.random(using: &generator) {
                    characters[index] = UInt8.random(in: 33...126, using: &generator)
                } else {
                    characters.remove(at: index)
                }
            }
            return String(decoding: characters, as: UTF8.self)
        }
        for _ in 0..<500 {
            let answer = try await apus.send(
                .POST, damaged(path("111111111111%3Afunction%3Ahello%3A%24LATEST")),
                query: damaged("Qualifier=%24LATEST"),
                headers: [
                    "X-Amz-Invocation-Type": damaged("RequestResponse"), "X-Amz-Log-Type": damaged("Tail"),
                    "X-Amz-Client-Context": damaged(Base64.encode("{}".utf8)),
                ], body: damaged(#"{"a":[1,2.5e3,"é"]}"#))
            #expect(
                answer.status == 200 || (400..<500).contains(answer.status) || answer.status == 501, "\(answer.text)")
        }
    }
}
