import AWSWire
import NIOCore
import NIOHTTP1
import SQSModel
import Testing

@testable import SQSService

@Suite struct WireTests {
    /// Digests that AWS answered: test_receive_message_message_attribute_names_filters and
    /// test_send_message_with_binary_attributes.
    @Test func digestsAreAWSs() {
        #expect(MessageDigest.of("msg") == "6e2baaf3b97dbeef01c0043275f9a0e7")
        let texts = ["Hello": "There", "General": "Kenobi", "Help.Me": "Me"]
            .mapValues { MessageAttribute(type: "String", value: .text($0)) }
        #expect(MessageDigest.of(texts) == "4c360f3fdafd970e05fae2f149d997f5")
        let bytes = Array("traceparent\u{1e}00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01".utf8)
        #expect(
            MessageDigest.of(["attr1": MessageAttribute(type: "Binary", value: .binary(bytes))])
                == "8cbe4db156db8a94db8b801b7addb984")
        #expect(MessageDigest.of([:]) == nil)
    }

    @Test func attributesAreKept() {
        let attributes = [
            "a": MessageAttribute(type: "String.x", value: .text("\u{1}\"ü")),
            "b": MessageAttribute(type: "Binary", value: .binary([0, 255])),
        ]
        #expect([String: MessageAttribute](json: attributes.json) == attributes)
    }

    @Test func handlesAreReadBackAndCannotBeMistyped() throws {
        let handle = ReceiptHandle(queue: 17, message: .max - 3, receives: 2)
        let text = handle.text
        #expect(ReceiptHandle(text) == handle)
        for index in text.indices {
            var wrong = text
            wrong.replaceSubrange(index...index, with: text[index] == "A" ? "B" : "A")
            #expect(ReceiptHandle(wrong) != handle)
        }
        #expect(ReceiptHandle("") == nil)
        #expect(ReceiptHandle("garbage") == nil)
    }

    @Test(arguments: [
        ("http://127.0.0.1:4566/111111111111/q", "us-east-1"), ("q", "us-east-1"),
        ("/111111111111/q", "us-east-1"), ("https://sqs.eu-west-1.amazonaws.com/111111111111/q", "eu-west-1"),
        ("https://eu-west-1.queue.amazonaws.com/111111111111/q/", "eu-west-1"),
        ("http://localhost:4566/queue/eu-west-1/111111111111/q", "eu-west-1"),
        ("https://queue.amazonaws.com/111111111111/q", "us-east-1"),
    ])
    func urlsNameQueues(url: String, region: String) throws {
        let key = try QueueURL.queue(url, request(account: "111111111111"))
        #expect(key == QueueKey(account: "111111111111", region: region, name: "q"))
    }

    @Test(arguments: ["http://127.0.0.1:4566/", "http://127.0.0.1/q", "/q/r/s", "http://h/12/q", ""])
    func otherURLsNameNone(url: String) {
        let error = #expect(throws: AWSError.self) { try QueueURL.queue(url, request()) }
        #expect(error?.code == "InvalidAddress" && error?.status == 404)
        #expect(error?.message == "The address \(url) is not valid for this endpoint.")
    }

    @Test func policiesHaveLimits() throws {
        func policy(_ statements: Int, _ actions: Int) -> String {
            let list = Array(repeating: #""sqs:SendMessage""#, count: actions).joined(separator: ",")
            let statement = #"{"Effect":"Allow","Principal":"*","Action":[\#(list)],"Resource":"*"}"#
            let all = Array(repeating: statement, count: statements).joined(separator: ",")
            return #"{"Version":"2012-10-17","Statement":[\#(all)]}"#
        }
        _ = try QueueAttributes(creating: ["Policy": policy(20, 7)])
        for (text, words) in [
            (policy(21, 1), "21 statements were found in the submitted policy, max allowed is 20"),
            (policy(1, 10), "10 actions were found in a statement from the submitted policy, max allowed is 7"),
        ] {
            let error = #expect(throws: AWSError.self) { try QueueAttributes(creating: ["Policy": text]) }
            #expect(error?.code == "OverLimit" && error?.status == 403 && error?.message == words)
        }
    }

    @Test func aPolicyGrowsToTwentyStatements() async throws {
        let rig = try await Rig()
        _ = try await rig.queue("q")
        func add(_ label: Int) -> String {
            #"{"QueueUrl":"q","Label":"l\#(label)","AWSAccountIds":["111111111111"],"Actions":["SendMessage"]}"#
        }
        for label in 1...20 { try await rig.call("AddPermission", add(label)) }
        #expect(await rig.failure("AddPermission", add(21))?.code == "OverLimit")
        let own = #"{"QueueUrl":"q","Label":"l","AWSAccountIds":["111111111111"],"Actions":["AddPermission"]}"#
        #expect(
            await rig.failure("AddPermission", own)?.message
                == "Value SQS:AddPermission for parameter ActionName is invalid. Reason: Only the queue owner is "
                + "allowed to invoke this action.")
    }

    @Test func errorsHaveTheirOlderNamesInAHeader() throws {
        let json = ErrorEncoding.response(for: .noQueue, protocol: SQS.json, requestID: "id")
        #expect(json.headers["x-amzn-query-error"] == ["AWS.SimpleQueueService.NonExistentQueue;Sender"])
        #expect(json.headers["content-type"] == ["application/x-amz-json-1.0"])
        #expect(
            String(buffer: json.bytes)
                == #"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}"#)
        let xml = String(
            buffer: ErrorEncoding.response(for: .noQueue, protocol: SQS.query, requestID: "id").bytes)
        #expect(xml.contains("<Type>Sender</Type><Code>AWS.SimpleQueueService.NonExistentQueue</Code>"))
        #expect(xml.contains("</Message><Detail/></Error>"))
        #expect(AuditEventReader.code(json.bytes) == "QueueDoesNotExist")
    }

    /// test_get_without_query_returns_unknown_operation, test_get_send_and_receive_messages
    @Test func whatHoldsNothingIsOneTag() {
        let unknown = ErrorEncoding.response(for: .unknownOperation, protocol: SQS.query, requestID: "id")
        #expect(String(buffer: unknown.bytes) == "<UnknownOperationException/>")
        #expect(unknown.status == .notFound)
        let none = QueryAnswer.response(
            "ReceiveMessage", namespace: "", requestID: "id", SQS.ReceiveMessageResult(messages: nil))
        let start = "<ReceiveMessageResponse><ReceiveMessageResult/><ResponseMetadata>"
        #expect(String(buffer: none.bytes).hasPrefix(start))
    }

    /// test_aws_trace_header_propagation
    @Test(arguments: [("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", true), ("x", false)])
    func messagesKeepTheTraceOfTheirRequest(header: String, isKept: Bool) throws {
        func content(_ system: [String: SQS.MessageSystemAttributeValue]?) throws -> MessageContent {
            try MessageRules.content(
                body: "m", attributes: nil, system: system, requestTrace: MessageRules.kept(header),
                quotas: SQSQuotas())
        }
        let plain = try content(nil)
        #expect(plain.requestTrace == (isKept ? header : nil))
        // Digests are of what the sender names.
        #expect(plain.systemDigest == nil)
        let own = try content(["AWSTraceHeader": .init(dataType: "String", stringValue: "Root=1-2-3")])
        #expect(own.trace == "Root=1-2-3")
    }

    @Test func requestsAreOfTheProtocolThatTheyShow() {
        #expect(SQS.wireProtocol(of: ["X-Amz-Target": "AmazonSQS.SendMessage"]) == SQS.json)
        #expect(SQS.wireProtocol(of: ["Content-Type": "application/x-amz-json-1.0"]) == SQS.json)
        #expect(SQS.wireProtocol(of: ["Content-Type": "application/x-www-form-urlencoded"]) == SQS.query)
        #expect(SQS.wireProtocol(of: [:]) == SQS.query)
    }

    private func request(account: String = Rig.account) throws -> ServiceRequest {
        let caller = Caller(.root(try #require(AccountID(account)), accessKeyID: "key"), region: "us-east-1")
        return ServiceRequest(method: .POST, path: "/", caller: caller, requestID: "id")
    }
}

private enum AuditEventReader {
    static func code(_ body: ByteBuffer) -> String? { AuditEvent.error(in: body).code }
}
