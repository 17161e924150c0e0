import AWSWire
import NIOCore
import NIOHTTP1
import SQSModel

@testable import SQSService

extension FuzzTarget {
    private static let caller = Caller(.root(.standard, accessKeyID: "k"), region: "us-east-1")
    private static let formType = "application/x-www-form-urlencoded"

    private static func request(_ type: String, _ body: ByteBuffer) -> ServiceRequest {
        ServiceRequest(
            method: .POST, path: "/", headers: ["Content-Type": type], body: body, caller: caller, requestID: "r")
    }

    /// Whatever is no handle is none, and a handle says what it was made of.
    static let receiptHandle = FuzzTarget("receipt-handle") { input in
        guard let handle = ReceiptHandle(String(decoding: input, as: UTF8.self)) else { return }
        try hold(ReceiptHandle(handle.text) == handle, "\(handle) is not \(handle.text)")
    }

    /// A URL names the queue that its own URL names.
    static let queueURL = FuzzTarget("queue-url") { input in
        let url = String(decoding: input, as: UTF8.self)
        let asked = request("application/x-amz-json-1.0", ByteBuffer())
        let key: QueueKey
        do throws(AWSError) {
            key = try QueueURL.queue(url, asked)
        } catch {
            return try hold(error.status == 404 && error.code == "InvalidAddress", "\(error)")
        }
        try hold(AccountID(key.account) != nil && !key.name.contains("/"), "\(url) is \(key)")
        let made = QueueURL.make(key, endpoint: "http://127.0.0.1:4566")
        guard let again = try? QueueURL.queue(made, asked) else { throw Violation("\(made) names no queue") }
        try hold(again.account == key.account && again.name == key.name, "\(url) is \(key), its URL \(again)")
    }

    /// Redrive policies: what is taken is taken again as it is written.
    static let redrivePolicy = FuzzTarget("redrive-policy") { input in
        let text = String(decoding: input, as: UTF8.self)
        if let policy = try taken({ () throws(AWSError) in try RedrivePolicy(text) }) {
            let again = try? RedrivePolicy(policy.text)
            try hold(again == policy && (1...1000).contains(policy.maxReceives), "\(policy) is \(policy.text)")
        }
        if let policy = try taken({ () throws(AWSError) in try RedriveAllowPolicy(text) }) {
            let again = try? RedriveAllowPolicy(policy.text)
            try hold(again == policy, "\(policy) is \(policy.text)")
        }
    }

    /// - Returns: nil for what is refused, as a client is to be told.
    private static func taken<Value>(_ read: () throws(AWSError) -> Value) throws(Violation) -> Value? {
        let refusal: AWSError
        do throws(AWSError) { return try read() } catch { refusal = error }
        try hold(refusal.status == 400 && !refusal.code.isEmpty, "\(refusal)")
        return nil
    }

    /// A batch as it comes in either protocol, or one batch in both, which is the same then.
    static let messageBatch = FuzzTarget("message-batch") { input in
        var choices = Choices(input)
        switch choices.byte() % 3 {
        case 0: try read(request("application/x-amz-json-1.0", ByteBuffer(bytes: choices.rest)))
        case 1: try read(request(formType, ByteBuffer(bytes: choices.rest)))
        default:
            let words = choices.rest.split(separator: 0, omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
            let json = outcome(request("application/x-amz-json-1.0", json(words)))
            let form = outcome(request(formType, form(words)))
            try hold(json == form, "\(words): \(json) is not \(form)")
        }
    }

    private static func read(_ request: ServiceRequest) throws {
        let reads: [() throws -> Void] = [
            { _ = entries(try checked(request)) },
            { _ = try SQS.DeleteMessageBatchRequest(decoding: request) },
            { _ = try SQS.ChangeMessageVisibilityBatchRequest(decoding: request) },
            { _ = try SQS.ReceiveMessageRequest(decoding: request) },
            { _ = try SQS.SetQueueAttributesRequest(decoding: request) },
        ]
        for read in reads {
            do { try read() } catch let error as AWSError {
                try hold(error.status == 400 && !error.code.isEmpty, "\(error)")
            } catch {
                throw Violation("\(error) is no error of AWS")
            }
        }
    }

    private static func checked(_ request: ServiceRequest) throws(AWSError) -> [SQS.SendMessageBatchRequestEntry] {
        let input = try SQS.SendMessageBatchRequest(decoding: request)
        return try Batch.check(input.entries, \.id, "SendMessageBatchRequestEntry", SQSQuotas())
    }

    /// What would be put into the queue, and what would be said of the others.
    private static func entries(_ batch: [SQS.SendMessageBatchRequestEntry]) -> [String] {
        batch.map { entry in
            do throws(AWSError) {
                let content = try MessageRules.content(
                    body: entry.messageBody, attributes: entry.messageAttributes,
                    system: entry.messageSystemAttributes, requestTrace: MessageRules.kept(nil), quotas: SQSQuotas())
                return "\(entry.id) \(content.body) \(MessageDigest.of(content.attributes) ?? "")"
            } catch {
                return "\(entry.id) \(error.code)"
            }
        }
    }

    private static func outcome(_ request: ServiceRequest) -> [String] {
        do throws(AWSError) { return entries(try checked(request)) } catch { return [error.code] }
    }

    /// Of each three words an entry: its id, its body, and an attribute's value.
    private static func json(_ words: [String]) -> ByteBuffer {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("QueueUrl")
        writer.string("q")
        writer.name("Entries")
        writer.beginArray()
        for start in stride(from: 0, to: words.count - 2, by: 3) {
            writer.beginObject()
            for (name, word) in Swift.zip(["Id", "MessageBody"], words[start...]) {
                writer.name(name)
                writer.string(word)
            }
            writer.name("MessageAttributes")
            writer.beginObject()
            writer.name("a")
            writer.beginObject()
            writer.name("DataType")
            writer.string("String")
            writer.name("StringValue")
            writer.string(words[start + 2])
            for _ in 0..<3 { writer.endObject() }
        }
        writer.endArray()
        writer.endObject()
        return writer.buffer
    }

    private static func form(_ words: [String]) -> ByteBuffer {
        var pairs = [("Action", "SendMessageBatch"), ("QueueUrl", "q")]
        for start in stride(from: 0, to: words.count - 2, by: 3) {
            let entry = "SendMessageBatchRequestEntry.\(start / 3 + 1)"
            pairs += [
                ("\(entry).Id", words[start]), ("\(entry).MessageBody", words[start + 1]),
                ("\(entry).MessageAttribute.1.Name", "a"),
                ("\(entry).MessageAttribute.1.Value.DataType", "String"),
                ("\(entry).MessageAttribute.1.Value.StringValue", words[start + 2]),
            ]
        }
        let text = pairs.map { "\(PercentEncoding.encode($0.0))=\(PercentEncoding.encode($0.1))" }
        return ByteBuffer(string: text.joined(separator: "&"))
    }
}
