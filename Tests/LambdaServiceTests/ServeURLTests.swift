import AWSWire
import Fleet
import NIOCore
import NIOEmbedded
import NIOHTTP1
import TestSupport
import Testing

@testable import LambdaService

/// Requests to function URLs, from what the gateway hands over to what it gets back.
@Suite struct ServeURLTests {
    private static let both = [
        ("lambda:InvokeFunctionUrl", #""FunctionUrlAuthType":"NONE""#),
        ("lambda:InvokeFunction", #""InvokedViaFunctionUrl":true"#),
    ]

    /// A function with a URL that everybody may use.
    ///
    /// - Returns: the id of the URL.
    private func open(_ apus: Harness, query: String? = nil, members: String = "") async throws -> String {
        let id = try await create(apus, query: query, members: #""AuthType":"NONE"\#(members)"#)
        for (action, condition) in Self.both { try await allow(apus, action, "*", condition, query: query) }
        return id
    }

    private func create(_ apus: Harness, query: String? = nil, members: String) async throws -> String {
        let made = try await apus.send(
            .POST, "/2021-10-31/functions/hello/url", query: query, body: "{\(members)}")
        try #require(made.status == 201, "\(made.text)")
        return String((try made.json["FunctionUrl"]?.string ?? "").dropFirst("http://".count).prefix(32))
    }

    private func allow(
        _ apus: Harness, _ action: String, _ principal: String, _ condition: String = "", query: String? = nil
    ) async throws {
        let body = """
            {"StatementId":"s\(action.count)","Action":"\(action)","Principal":"\(principal)"\
            \(condition.isEmpty ? "" : ",")\(condition)}
            """
        let answer = try await apus.send(.POST, "/2015-03-31/functions/hello/policy", query: query, body: body)
        try #require(answer.status == 201, "\(answer.text)")
    }

    private func ask(
        _ apus: Harness, _ id: String, _ method: HTTPMethod = .GET, path: String = "/", query: String? = nil,
        headers: HTTPHeaders = [:], body: ByteBuffer = ByteBuffer(), account: String? = nil, region: String? = nil
    ) async throws -> Harness.Answer {
        var request = try apus.request(
            method, path, query: query, headers: headers, account: account ?? Harness.account)
        request.body = body
        request.peer = try SocketAddress(ipAddress: "192.0.2.7", port: 1)
        request.headers.add(name: "Host", value: "\(id).lambda-url.us-east-1.localhost:4566")
        if account == nil { request.caller.principal = .anonymous(request.caller.account) }
        let response = try await serve(apus, id, path: path, region: region, request)
        return Harness.Answer(status: Int(response.status.code), headers: response.headers, body: response.bytes)
    }

    private func serve(
        _ apus: Harness, _ id: String, path: String = "/", region: String? = nil, _ request: ServiceRequest? = nil
    ) async throws -> ServiceResponse {
        var sent = try request ?? apus.request(.GET, path)
        if request == nil { sent.caller.principal = .anonymous(sent.caller.account) }
        let (loop, service, message) = (apus.loop, apus.service, sent)
        return try await loop.submit {
            service.serve(url: id, region: region, path: path, message, on: loop)
        }.get().get()
    }

    // MARK: Who may

    // Developer Guide, "Control access to Lambda function URLs": both actions have to be allowed.
    @Test func asksThePolicyTwice() async throws {
        let apus = try await FunctionURLTests.deployed()
        let id = try await create(apus, members: #""AuthType":"NONE""#)
        for (action, condition) in Self.both {
            let answer = try await ask(apus, id)
            #expect(answer.status == 403)
            #expect(answer.errorType == "AccessDeniedException")
            // As recorded in test_lambda_url_persists_after_alias_delete.
            #expect(
                answer.text
                    == #"{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: "#
                    + #"https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}"#)
            try await allow(apus, action, "*", condition)
        }
        #expect(try await ask(apus, id).status == 200)
        #expect(apus.fleet.invocations.count == 1)
    }

    @Test func wantsSignatures() async throws {
        let apus = try await FunctionURLTests.deployed()
        let id = try await create(apus, members: #""AuthType":"AWS_IAM""#)
        #expect(apus.service.requiresSignature(url: id) == true)
        #expect(try await ask(apus, id).status == 403)
        #expect(try await ask(apus, id, account: Harness.account).status == 200)
        #expect(try await ask(apus, id, account: "222222222222").status == 403)
        try await allow(apus, "lambda:InvokeFunctionUrl", "222222222222", #""FunctionUrlAuthType":"AWS_IAM""#)
        #expect(try await ask(apus, id, account: "222222222222").status == 403)
        try await allow(apus, "lambda:InvokeFunction", "222222222222")
        #expect(try await ask(apus, id, account: "222222222222").status == 200)
        #expect(try await ask(apus, id, account: "333333333333").status == 403)
    }

    // A permission for one kind of URL is none for the other.
    @Test func tellsTheKindsApart() async throws {
        let apus = try await FunctionURLTests.deployed()
        let id = try await create(apus, members: #""AuthType":"NONE""#)
        try await allow(apus, "lambda:InvokeFunctionUrl", "*", #""FunctionUrlAuthType":"AWS_IAM""#)
        try await allow(apus, "lambda:InvokeFunction", "*")
        #expect(try await ask(apus, id).status == 403)
    }

    // localstack's recorded test_lambda_url_non_existing_url.
    @Test func knowsNoOtherURL() async throws {
        let apus = try await FunctionURLTests.deployed()
        let id = try await open(apus)
        for (asked, region) in [(String(repeating: "0", count: 32), nil), (id, "eu-west-1"), ("", nil)] {
            let answer = try await ask(apus, asked, region: region)
            #expect(answer.status == 403)
            #expect(answer.text == #"{"Message":null}"#)
            #expect(answer.errorType == "AccessDeniedException")
        }
        #expect(try await ask(apus, id, region: "us-east-1").status == 200)
    }

    @Test func goesWithWhatItHangsOn() async throws {
        let apus = try await FunctionURLTests.deployed()
        let id = try await open(apus)
        let alias = try await open(apus, query: "Qualifier=live")
        _ = try await ask(apus, alias)
        let call = try #require(apus.fleet.invocations.last)
        #expect(call.version.key.version == "1")
        #expect(call.invocation.invokedARN == FunctionURLTests.arn + ":live")
        _ = try await apus.send(.DELETE, "/2015-03-31/functions/hello/aliases/live")
        #expect(try await ask(apus, alias).status == 403)
        #expect(try await ask(apus, id).status == 200)
        _ = try await apus.send(.DELETE, "/2015-03-31/functions/hello")
        #expect(try await ask(apus, id).status == 403)
        // A new function of the same name has nothing to do with the old one's URL.
        try await apus.deploy("hello")
        for (action, condition) in Self.both { try await allow(apus, action, "*", condition) }
        #expect(try await ask(apus, id).status == 403)
    }

    @Test func survivesARestart() async throws {
        let directory = TemporaryDirectory()
        let first = try Harness(in: directory)
        try await first.deploy("hello")
        let id = try await open(first)
        let second = try Harness(in: directory)
        try await second.service.prepare()
        #expect(try await ask(second, id).status == 200)
        try await second.service.reset()
        #expect(try await ask(second, id).status == 403)
    }

    // Warm requests ask no store: an embedded loop runs nothing unless it is told to.
    @Test func neverLeavesTheEventLoopWhenWarm() async throws {
        let apus = try await FunctionURLTests.deployed()
        let id = try await open(apus)
        _ = try await ask(apus, id)
        var request = try apus.request(.GET, "/")
        request.caller.principal = .anonymous(request.caller.account)
        #expect(Self.statusAtOnce(apus, id, request) == .ok)
    }

    private static func statusAtOnce(_ apus: Harness, _ id: String, _ request: ServiceRequest) -> HTTPResponseStatus? {
        var status: HTTPResponseStatus?
        apus.service.serve(url: id, path: "/", request, on: EmbeddedEventLoop()).assumeIsolated()
            .whenSuccess { status = $0.status }
        return status
    }

    // MARK: The audit

    @Test func isToldByItsFunctionAndNotByWhatItWasAsked() async throws {
        let apus = try await FunctionURLTests.deployed()
        let id = try await create(apus, members: #""AuthType":"NONE","Cors":{"AllowOrigins":["*"]}"#)
        var request = try apus.request(.GET, "/secret", account: "222222222222")
        let forbidden = try await serve(apus, id, request)
        #expect(forbidden.status == .forbidden && forbidden.author == .service)
        let call = try #require(apus.service.audited(url: id, request, forbidden))
        #expect(call.eventName == "InvokeFunctionUrl" && call.eventSource == "lambda.amazonaws.com")
        #expect(call.category == .data && !call.isReadOnly && !call.tellsAnswer)
        #expect(call.account == Harness.account && call.region == "us-east-1")
        #expect(call.resources.map(\.arn) == [FunctionURLTests.arn])
        #expect(call.resources.map(\.type) == ["AWS::Lambda::Function"])
        #expect(call.parameters == .object([AuditValue.Member("functionName", .text("hello"))]))
        #expect(apus.service.audited(url: id, region: "eu-west-1", request, forbidden) == nil)
        #expect(apus.service.audited(url: String(repeating: "0", count: 32), request, forbidden) == nil)
        for (action, condition) in Self.both { try await allow(apus, action, "*", condition) }
        #expect(try await serve(apus, id, request).author == .function)
        // What a browser asks beforehand asks no function.
        request.method = .OPTIONS
        request.headers = ["Origin": "https://a.example", "Access-Control-Request-Method": "GET"]
        let answer = try await serve(apus, id, request)
        #expect(answer.status == .ok && apus.service.audited(url: id, request, answer) == nil)
    }

    // MARK: The event

    // The members, and that the cookies stay among the headers, are as aws-lambda-go's recorded
    // function-url-request-with-headers-and-cookies-and-text-body.json has them; it was signed, ours here is not.
    @Test func makesTheEvent() async throws {
        let apus = try await FunctionURLTests.deployed()
        let id = try await open(apus)
        let headers: HTTPHeaders = [
            "Header1": "h1", "Header2": "h1", "header2": "h2", "Cookie": "foo=bar; hello=hello", "User-Agent": "test",
            "Content-Type": "application/json", "Connection": "keep-alive", "Authorization": "Bearer x",
            "X-Amzn-Trace-Id": "Root=1-643ec28d-5503dc7274559e68706dae64;Sampled=1",
        ]
        let answer = try await ask(
            apus, id, .POST, path: "/pa2%2Fth/1", query: "hello=a&foo=b%20c&hello=d", headers: headers,
            body: ByteBuffer(string: #"{"a": "é"}"#))
        #expect(answer.status == 200)
        #expect(
            answer.headers.first(name: "x-amzn-trace-id")
                == "Root=1-643ec28d-5503dc7274559e68706dae64;Sampled=1")
        let call = try #require(apus.fleet.invocations.last)
        #expect(call.invocation.traceID == "Root=1-643ec28d-5503dc7274559e68706dae64;Sampled=1")
        #expect(call.invocation.isSampled)
        let event = try JSONValue(parsing: call.invocation.payload)
        let context = try #require(event["requestContext"])
        let domain = "\(id).lambda-url.us-east-1.localhost"
        #expect(event["version"]?.string == "2.0")
        #expect(event["routeKey"]?.string == "$default")
        #expect(event["rawPath"]?.string == "/pa2%2Fth/1")
        #expect(event["rawQueryString"]?.string == "hello=a&foo=b%20c&hello=d")
        #expect(event["cookies"]?.elements.map(\.string) == ["foo=bar", "hello=hello"])
        #expect(event["body"]?.string == #"{"a": "é"}"#)
        #expect(event["isBase64Encoded"]?.bool == false)
        #expect(pairs(event["queryStringParameters"]) == ["hello": "a,d", "foo": "b c"])
        #expect(
            pairs(event["headers"])
                == [
                    "header1": "h1", "header2": "h1,h2", "cookie": "foo=bar; hello=hello", "user-agent": "test",
                    "content-type": "application/json", "authorization": "Bearer x", "host": domain + ":4566",
                    "x-forwarded-for": "192.0.2.7", "x-forwarded-port": "4566", "x-forwarded-proto": "http",
                    "x-amzn-trace-id": "Root=1-643ec28d-5503dc7274559e68706dae64",
                ])
        #expect(
            Set(context.members.map(\.name))
                == [
                    "accountId", "apiId", "domainName", "domainPrefix", "http", "requestId", "routeKey", "stage",
                    "time", "timeEpoch",
                ])
        #expect(context["accountId"]?.string == "anonymous")
        #expect(context["apiId"]?.string == id)
        #expect(context["domainName"]?.string == domain)
        #expect(context["domainPrefix"]?.string == id)
        #expect(
            pairs(context["http"])
                == [
                    "method": "POST", "path": "/pa2/th/1", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7",
                    "userAgent": "test",
                ])
        #expect(context["requestId"]?.string == call.invocation.requestID)
        #expect(context["stage"]?.string == "$default")
        let epoch = try #require(context["timeEpoch"]?.int)
        #expect(context["time"]?.string == Timestamp.request(milliseconds: Int64(epoch)))
    }

    // localstack's recorded test_lambda_url_echo_http_fixture_default has the first; the others are not recorded.
    @Test(
        arguments: [
            ("//pa2%25Fth/1", "/pa2%Fth/1"), ("/a//b%20c+d/", "/a//b c+d/"), ("/", "/"), ("//", "/"),
            ("/%C3%A9", "/é"), ("/%zz%20", "/%zz%20"), ("/%ff", "/%ff"),
        ])
    func decodesThePathOfTheContext(sent: String, seen: String) async throws {
        let apus = try await FunctionURLTests.deployed()
        let id = try await open(apus)
        _ = try await ask(apus, id, path: sent)
        let event = try JSONValue(parsing: try #require(apus.fleet.invocations.last).invocation.payload)
        #expect(event["rawPath"]?.string == sent)
        #expect(event["requestContext"]?["http"]?["path"]?.string == seen)
    }

    @Test func leavesOutWhatIsNotThere() async throws {
        let apus = try await FunctionURLTests.deployed()
        let id = try await create(apus, members: #""AuthType":"AWS_IAM""#)
        _ = try await ask(apus, id, headers: ["Authorization": "AWS4-HMAC-SHA256 x"], account: Harness.account)
        let event = try JSONValue(parsing: try #require(apus.fleet.invocations.last).invocation.payload)
        #expect(
            Set(event.members.map(\.name))
                == [
                    "version", "routeKey", "rawPath", "rawQueryString", "headers", "requestContext", "isBase64Encoded",
                ])
        #expect(event["headers"]?["authorization"] == nil)
        let context = try #require(event["requestContext"])
        #expect(context["accountId"]?.string == Harness.account)
        let identity = try #require(context["authorizer"]?["iam"])
        #expect(identity["userArn"]?.string == "arn:aws:iam::\(Harness.account):root")
        #expect(identity["accessKey"]?.string == "AKIAEXAMPLE")
        #expect(identity["cognitoIdentity"]?.isNull == true)
    }

    // localstack's recorded test_lambda_url_form_payload, and its text bodies in test_lambda_url_echo_invoke.
    @Test(
        arguments: [
            ("text/plain", "text", "text"), ("application/json; charset=utf-8", "{}", "{}"),
            ("application/vnd.api+json", "{}", "{}"), ("application/xml", "<a/>", "<a/>"),
            ("multipart/form-data; boundary=x", "a", nil), ("application/x-www-form-urlencoded", "a=b", nil),
            ("application/octet-stream", "a", nil), (nil, "a", nil), ("text/plain", "\u{0}\"\\\n", "\u{0}\"\\\n"),
        ] as [(String?, String, String?)])
    func encodesBodies(_ type: String?, _ body: String, _ text: String?) async throws {
        let apus = try await FunctionURLTests.deployed()
        let id = try await open(apus)
        let headers = type.map { HTTPHeaders([("Content-Type", $0)]) } ?? [:]
        _ = try await ask(apus, id, .POST, headers: headers, body: ByteBuffer(string: body))
        let event = try JSONValue(parsing: try #require(apus.fleet.invocations.last).invocation.payload)
        #expect(event["isBase64Encoded"]?.bool == (text == nil))
        #expect(event["body"]?.string == text ?? Base64.encode(body.utf8))
    }

    @Test func encodesTextThatIsNone() async throws {
        let apus = try await FunctionURLTests.deployed()
        let id = try await open(apus)
        _ = try await ask(
            apus, id, .POST, headers: ["Content-Type": "text/plain"], body: ByteBuffer(bytes: [0xff, 0xfe]))
        let event = try JSONValue(parsing: try #require(apus.fleet.invocations.last).invocation.payload)
        #expect(event["isBase64Encoded"]?.bool == true)
        #expect(event["body"]?.string == "//4=")
    }

    @Test func limitsTheEvent() async throws {
        let apus = try await FunctionURLTests.deployed()
        let id = try await open(apus)
        let body = ByteBuffer(repeating: 0x61, count: 6_000_000)
        let answer = try await ask(apus, id, .POST, body: body)
        #expect(answer.status == 413)
        #expect(answer.errorType == "RequestEntityTooLargeException")
        #expect(try await ask(apus, id, .POST, headers: ["Content-Type": "text/plain"], body: body).status == 200)
    }

    private func pairs(_ value: JSONValue?) -> [String: String?] {
        Dictionary((value?.members ?? []).map { ($0.name, $0.value.string) }, uniquingKeysWith: { _, last in last })
    }

    // MARK: The answer

    // localstack's recorded test_lambda_url_invocation and test_lambda_url_headers_and_status.
    @Test(arguments: [
        (#"{"hello": "world"}"#, 200, #"{"hello":"world"}"#), (#"["hello", 3, true]"#, 200, #"["hello",3,true]"#),
        (#""hello""#, 200, "hello"), ("3", 200, "3"), ("3.1", 200, "3.1"), ("true", 200, "true"),
        ("null", 200, "null"), (#"{"body":"x"}"#, 200, #"{"body":"x"}"#),
        (#"{"statusCode": 200, "body": "body123"}"#, 200, "body123"),
        (#"{"statusCode":200,"body":"{\"hello\": \"world\"}"}"#, 200, #"{"hello": "world"}"#),
        (#"{"statusCode":"418","body":"i'm a teapot","isBase64Encoded":false}"#, 418, "i'm a teapot"),
        (#"{"statusCode":204}"#, 204, ""), (#"{"statusCode":200,"body":null}"#, 200, ""),
        (#"{"statusCode":200,"body":{"a": 1}}"#, 200, #"{"a":1}"#),
        (#"{"statusCode":200,"body":"aGk=","isBase64Encoded":true}"#, 200, "hi"),
        (#"{"statusCode":200,"body":"not base64","isBase64Encoded":true}"#, 502, "Internal Server Error"),
        (#"{"statusCode":"many","body":"x"}"#, 502, "Internal Server Error"),
        (#"{"statusCode":99}"#, 502, "Internal Server Error"), (#"{"statusCode":600}"#, 502, "Internal Server Error"),
        (#"{"statusCode":200,"headers":"x"}"#, 502, "Internal Server Error"),
        (#"{"statusCode":200,"headers":{"a b":"x"}}"#, 502, "Internal Server Error"),
        (#"{"statusCode":200,"headers":{"a":"x\r\ny: z"}}"#, 502, "Internal Server Error"),
        (#"{"statusCode":200,"cookies":["a\n"]}"#, 502, "Internal Server Error"),
        (#"{"statusCode":200,"cookies":"a=b"}"#, 502, "Internal Server Error"), ("", 502, "Internal Server Error"),
        ("not JSON", 502, "Internal Server Error"),
    ])
    func answers(_ result: String, _ status: UInt, _ body: String) {
        let response = URLAnswer.response(ByteBuffer(string: result))
        #expect(response.status.code == status)
        #expect(String(buffer: response.bytes) == body)
        #expect(response.headers.first(name: "content-type") == "application/json")
    }

    @Test func answersWithHeadersAndCookies() {
        let result = """
            {"statusCode":201,"headers":{"Content-Type":"text/html","X-Number":3,"Content-Length":"9","Connection":"x"},
             "cookies":["a=b; HttpOnly","c=d"],"body":"<p>"}
            """
        let response = URLAnswer.response(ByteBuffer(string: result))
        #expect(
            response.headers
                == [
                    "Content-Type": "text/html", "X-Number": "3", "Set-Cookie": "a=b; HttpOnly", "Set-Cookie": "c=d",
                ])
    }

    // localstack's recorded test_lambda_url_invocation_exception.
    @Test func tellsOfFailures() async throws {
        let apus = try await FunctionURLTests.deployed()
        let id = try await open(apus)
        apus.fleet.answer(
            .success(
                InvocationOutcome(
                    payload: ByteBuffer(string: "{}"), functionError: "Unhandled", logTail: ByteBuffer())))
        let failed = try await ask(apus, id)
        #expect(failed.status == 502)
        #expect(failed.text == "Internal Server Error")
        apus.fleet.answer(.failure(.throttled(reason: "ReservedFunctionConcurrentInvocationLimitExceeded")))
        let throttled = try await ask(apus, id)
        #expect(throttled.status == 429)
        #expect(throttled.errorType == "TooManyRequestsException")
    }

    // MARK: In parts

    // Developer Guide, "Writing response streaming-enabled Lambda functions": the prelude of an HTTP integration.
    @Test func streamsAnswers() async throws {
        let apus = try await FunctionURLTests.deployed()
        let id = try await open(apus, members: #","InvokeMode":"RESPONSE_STREAM""#)
        apus.fleet.stream(
            [
                #"{"statusCode":201,"headers":{"X-One":"1","Connection":"x"},"cookies":["a=b"]}"#
                    + String(repeating: "\u{0}", count: 8), "one", "two",
            ], contentType: "application/vnd.awslambda.http-integration-response")
        let response = try await serve(apus, id)
        #expect(response.status == .created)
        #expect(response.headers["x-one"] == ["1"])
        #expect(response.headers["set-cookie"] == ["a=b"])
        #expect(!response.headers.contains(name: "connection"))
        #expect(response.headers.contains(name: "x-amzn-trace-id"))
        guard case .stream(let stream) = response.body else {
            Issue.record("The answer does not come in parts.")
            return
        }
        var text = ""
        while case .part(let part) = stream.next(wake: {}) { text += String(buffer: part) }
        #expect(text == "onetwo")
    }

    @Test(arguments: [
        #"{"headers":{"a b":"x"}}"#, #"{"headers":{"a":"x\ny"}}"#, #"{"cookies":["\n"]}"#, #"{"statusCode":101}"#,
    ])
    func refusesPreludes(_ prelude: String) async throws {
        let apus = try await FunctionURLTests.deployed()
        let id = try await open(apus, members: #","InvokeMode":"RESPONSE_STREAM""#)
        apus.fleet.stream(
            [prelude + String(repeating: "\u{0}", count: 8), "x"],
            contentType: "application/vnd.awslambda.http-integration-response")
        let response = try await serve(apus, id)
        #expect(response.status == .badGateway)
        #expect(String(buffer: response.bytes) == "Internal Server Error")
    }

    // A function that does not stream is handed through as it is: recorded in test_lambda_url_echo_invoke.
    @Test func handsWholeAnswersThrough() async throws {
        let apus = try await FunctionURLTests.deployed()
        let id = try await open(apus, members: #","InvokeMode":"RESPONSE_STREAM""#)
        let result = #"{"statusCode": 418, "body": "x"}"#
        apus.fleet.answer(.success(InvocationOutcome(payload: ByteBuffer(string: result), logTail: ByteBuffer())))
        let answer = try await ask(apus, id)
        #expect(answer.status == 200)
        #expect(answer.text == result)
        apus.fleet.answer(
            .success(
                InvocationOutcome(
                    payload: ByteBuffer(string: "{}"), functionError: "Unhandled", logTail: ByteBuffer())))
        #expect(try await ask(apus, id).status == 502)
    }

    // Whatever a function returns, the client gets an answer that is one.
    @Test(arguments: 0..<8 as Range<UInt64>)
    func mutatedResults(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let sample = Array(
            #"{"statusCode":201,"headers":{"A":"b","C":[1]},"cookies":["a=b"],"body":"aGk=","isBase64Encoded":true}"#
                .utf8)
        for _ in 0..<500 {
            var bytes = sample
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                if Bool.random(using: &random) {
                    bytes[at] = bytes[Int.random(in: 0..<bytes.count, using: &random)]
                } else {
                    bytes.remove(at: at)
                }
            }
            let response = URLAnswer.response(ByteBuffer(bytes: bytes))
            #expect((200...599).contains(response.status.code))
            for (name, value) in response.headers {
                #expect(!name.isEmpty && !value.utf8.contains { $0 == 0x0a || $0 == 0x0d })
            }
        }
    }

    // MARK: Other sites

    private static let cors =
        #","Cors":{"AllowOrigins":["https://swift.example"],"AllowMethods":["GET","PUT"],"#
        + #""AllowHeaders":["x-one","x-two"],"ExposeHeaders":["x-three"],"MaxAge":60,"AllowCredentials":true}"#

    @Test func answersPreflights() async throws {
        let apus = try await FunctionURLTests.deployed()
        let id = try await open(apus, members: Self.cors)
        func preflight(_ origin: String, _ method: String) async throws -> HTTPHeaders {
            let answer = try await ask(
                apus, id, .OPTIONS, headers: ["Origin": origin, "Access-Control-Request-Method": method])
            #expect(answer.status == 200 && answer.text.isEmpty)
            return answer.headers
        }
        let headers = try await preflight("https://swift.example", "PUT")
        #expect(headers.first(name: "access-control-allow-origin") == "https://swift.example")
        #expect(headers.first(name: "access-control-allow-methods") == "GET,PUT")
        #expect(headers.first(name: "access-control-allow-headers") == "x-one,x-two")
        #expect(headers.first(name: "access-control-allow-credentials") == "true")
        #expect(headers.first(name: "access-control-max-age") == "60")
        #expect(headers.first(name: "vary") == "Origin")
        #expect(try await !preflight("https://other.example", "PUT").contains(name: "access-control-allow-origin"))
        #expect(try await !preflight("https://swift.example", "POST").contains(name: "access-control-allow-origin"))
        #expect(apus.fleet.invocations.isEmpty)
        // Any other OPTIONS is the function's.
        _ = try await ask(apus, id, .OPTIONS)
        #expect(apus.fleet.invocations.count == 1)
    }

    @Test func tellsOtherSites() async throws {
        let apus = try await FunctionURLTests.deployed()
        let id = try await open(apus, members: Self.cors)
        apus.fleet.answer(
            .success(
                InvocationOutcome(
                    payload: ByteBuffer(
                        string: #"{"statusCode":200,"headers":{"access-control-allow-origin":"nobody"}}"#),
                    logTail: ByteBuffer())))
        let allowed = try await ask(apus, id, headers: ["Origin": "https://swift.example"]).headers
        #expect(allowed["access-control-allow-origin"] == ["https://swift.example"])
        #expect(allowed.first(name: "access-control-expose-headers") == "x-three")
        let other = try await ask(apus, id, headers: ["Origin": "https://other.example"]).headers
        #expect(other["access-control-allow-origin"] == ["nobody"])
        #expect(!(try await ask(apus, id).headers.contains(name: "access-control-allow-credentials")))
    }

    @Test(
        arguments: [
            (["*"], false, "https://a.example", "*"), (["*"], true, "https://a.example", "https://a.example"),
            (["https://*"], false, "https://a.example", "https://a.example"), (["https://*"], false, "http://a", nil),
            (["https://*.example"], false, "https://a.example", "https://a.example"), ([], false, "https://a", nil),
        ] as [([String], Bool, String, String?)])
    func originsWithStars(_ allowed: [String], _ credentials: Bool, _ origin: String, _ named: String?) async throws {
        let apus = try await FunctionURLTests.deployed()
        let list = allowed.map { #""\#($0)""# }.joined(separator: ",")
        let id = try await open(
            apus, members: #","Cors":{"AllowOrigins":[\#(list)],"AllowCredentials":\#(credentials)}"#)
        let headers = try await ask(apus, id, headers: ["Origin": origin]).headers
        #expect(headers.first(name: "access-control-allow-origin") == named)
    }
}
