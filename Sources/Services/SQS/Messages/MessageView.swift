import AWSWire
import SQSModel

/// What of its messages a consumer wants to see.
struct MessageView: Sendable {
    private let names: [String]
    private let systemNames: Set<String>

    /// - Throws: `InvalidAttributeName`.
    init(_ input: SQS.ReceiveMessageRequest) throws(AWSError) {
        names = input.messageAttributeNames ?? []
        let asked =
            (input.attributeNames ?? []).map(\.rawValue)
            + (input.messageSystemAttributeNames ?? []).map(\.rawValue)
        systemNames = Set(asked)
        for name in asked {
            let isKnown =
                SQS.MessageSystemAttributeName.allValues.contains(name)
                || SQS.QueueAttributeName.allValues.contains(name)
            guard isKnown else { throw .unknownAttribute(name) }
        }
    }

    func shape(_ message: ReceivedMessage, of queue: Int64) -> SQS.Message {
        let attributes = message.content.attributes.filter { attribute in
            names.contains { Self.matches($0, attribute.key) }
        }
        let system = self.system(message)
        return SQS.Message(
            messageId: message.uuid,
            receiptHandle: ReceiptHandle(queue: queue, message: message.id, receives: message.receives).text,
            md5OfBody: MessageDigest.of(message.content.body), body: message.content.body,
            attributes: system.isEmpty ? nil : system, md5OfMessageAttributes: MessageDigest.of(attributes),
            messageAttributes: attributes.isEmpty ? nil : attributes.mapValues(\.shape))
    }

    /// `All`, `.*` and `*` name all, `PREFIX.*` those that begin so, as recorded in
    /// test_receive_message_message_attribute_names_filters.
    private static func matches(_ pattern: String, _ name: String) -> Bool {
        if pattern == "All" || pattern == ".*" || pattern == "*" { return true }
        return pattern.hasSuffix(".*") ? name.hasPrefix(pattern.dropLast(2)) : name == pattern
    }

    private func system(_ message: ReceivedMessage) -> [String: String] {
        guard !systemNames.isEmpty else { return [:] }
        let all = message.systemAttributes
        return systemNames.contains("All") ? all : all.filter { systemNames.contains($0.key) }
    }
}

extension ReceivedMessage {
    var systemAttributes: [String: String] {
        var all = [
            "SenderId": sender, "SentTimestamp": String(sent), "ApproximateReceiveCount": String(receives),
            "ApproximateFirstReceiveTimestamp": String(firstReceived),
        ]
        all["AWSTraceHeader"] = content.trace
        all["DeadLetterQueueSourceArn"] = source
        all["MessageGroupId"] = group
        all["MessageDeduplicationId"] = deduplication
        all["SequenceNumber"] = sequence?.sequenceText
        return all
    }
}

extension MessageAttribute {
    var shape: SQS.MessageAttributeValue {
        switch value {
        case .text(let text): SQS.MessageAttributeValue(dataType: type, stringValue: text)
        case .binary(let bytes): SQS.MessageAttributeValue(dataType: type, binaryValue: bytes)
        }
    }
}
