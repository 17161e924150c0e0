import AWSWire
import Crypto
import Delivery
import NIOCore
import SNSModel

/// A message that was published, checked.
struct Message: Sendable {
    /// A lower-case UUID.
    var id: String
    var subject: String?
    /// What everybody gets for whom there is nothing else.
    var text: String
    /// Texts for single protocols, such as `sqs`.
    var texts: [String: String] = [:]
    var attributes: [String: MessageAttribute] = [:]
    var group: String?
    /// Of a message to a FIFO topic.
    var deduplicationID: String?
    /// Milliseconds since 1970.
    var published: Int64
    /// Of a message to a FIFO topic, once it was accepted: twenty digits.
    var sequence: String?

    func text(for delivery: String) -> String { texts[delivery] ?? text }

    /// Bytes, with its attributes.
    var size: Int {
        attributes.reduce(text.utf8.count) { $0 + $1.key.utf8.count + $1.value.size }
    }

    /// `2026-11-28T02:11:42.123Z`
    var timestamp: String { Self.timestamp(published) }

    static func timestamp(_ milliseconds: Int64) -> String {
        let fraction = String(1_000 + milliseconds % 1_000).dropFirst()
        return "\(SigV4Time(secondsSince1970: milliseconds / 1_000).extended.dropLast()).\(fraction)Z"
    }

    /// Messages are numbered as AWS numbers them.
    static func sequence(_ number: Int64) -> String {
        String(10_000_000_000_000_000_000 + UInt64(number) * 1_000)
    }
}

/// What a message is asked to be, by Publish or by an entry of PublishBatch.
struct Draft: Sendable {
    var text: String
    var subject: String?
    var structure: String?
    var attributes: [String: SNS.MessageAttributeValue]?
    var group: String?
    var deduplicationID: String?

    init(_ input: SNS.PublishInput) {
        text = input.message
        subject = input.subject
        structure = input.messageStructure
        attributes = input.messageAttributes
        group = input.messageGroupId
        deduplicationID = input.messageDeduplicationId
    }

    init(_ entry: SNS.PublishBatchRequestEntry) {
        text = entry.message
        subject = entry.subject
        structure = entry.messageStructure
        attributes = entry.messageAttributes
        group = entry.messageGroupId
        deduplicationID = entry.messageDeduplicationId
    }

    /// Its size in bytes, as limits count.
    var size: Int {
        text.utf8.count
            + (attributes ?? [:]).reduce(0) { sum, attribute in
                let value = attribute.value
                return sum + attribute.key.utf8.count + value.dataType.utf8.count
                    + (value.stringValue?.utf8.count ?? 0) + (value.binaryValue?.count ?? 0)
            }
    }

    /// - Throws: `InvalidParameter`, `ParameterValueInvalid`.
    func message(for topic: LiveTopic, now: Int64) throws(AWSError) -> Message {
        guard !text.isEmpty else { throw .invalid("Empty message") }
        try checkSubject()
        var message = Message(id: RequestID.make(), subject: subject, text: text, published: now)
        if let structure {
            guard structure == "json" else { throw .invalid("MessageStructure") }
            (message.text, message.texts) = try texts()
        }
        message.attributes = try MessageAttribute.checked(attributes)
        message.group = group
        try checkGroup(of: topic)
        message.deduplicationID = try deduplicationID(in: topic)
        return message
    }

    private func checkSubject() throws(AWSError) {
        guard let subject else { return }
        let isPlain = subject.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
        guard !subject.isEmpty, subject.count <= 100, isPlain, !subject.hasPrefix(" ") else {
            throw .invalid("Subject")
        }
    }

    private func texts() throws(AWSError) -> (String, [String: String]) {
        guard let value = try? JSONValue(parsing: ByteBuffer(string: text)), value.kind == .object else {
            throw .invalid("Message Structure - JSON message body failed to parse")
        }
        guard let standard = value["default"]?.string else {
            throw .invalid("Message Structure - No default entry in JSON message body")
        }
        var texts: [String: String] = [:]
        for (name, member) in value.members where name != "default" { texts[name] = member.string }
        return (standard, texts)
    }

    private func checkGroup(of topic: LiveTopic) throws(AWSError) {
        if topic.id.isFIFO, group == nil {
            throw .invalid("The MessageGroupId parameter is required for FIFO topics")
        }
        if let group, !Self.isPlainID(group) { throw .invalid("MessageGroupId") }
    }

    private func deduplicationID(in topic: LiveTopic) throws(AWSError) -> String? {
        guard topic.id.isFIFO else {
            guard deduplicationID == nil else {
                throw .invalid(
                    "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not "
                        + "valid for this topic type")
            }
            return nil
        }
        if let deduplicationID {
            guard Self.isPlainID(deduplicationID) else { throw .invalid("MessageDeduplicationId") }
            return deduplicationID
        }
        guard topic.record.isContentBased else {
            throw .invalid(
                "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
                    + "explicitly")
        }
        return Hexadecimal.encode(SHA256.hash(data: Array(text.utf8)))
    }

    /// Up to 128 printable characters of ASCII without spaces.
    private static func isPlainID(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}

extension TopicRecord {
    var isContentBased: Bool { attributes["ContentBasedDeduplication"]?.lowercased() == "true" }
    /// Whether a deduplication id counts within its message group only.
    var isDeduplicatedByGroup: Bool { attributes["FifoThroughputScope"] == "MessageGroup" }
}
