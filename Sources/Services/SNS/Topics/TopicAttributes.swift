import AWSWire
import NIOCore
import Policies

/// The attributes of topics that may be set, each with what it may be.
enum TopicAttributes {
    /// Checks one that is set, alone or with others.
    ///
    /// - Returns: What is kept; nil: nothing, as for one that is set to what it is without.
    static func checked(_ name: String, _ value: String, of topic: TopicID, _ source: AttributeSource) throws(AWSError)
        -> String?
    {
        switch name {
        case "DisplayName":
            guard value.unicodeScalars.count <= 100, value.unicodeScalars.allSatisfy({ $0.value >= 0x20 }) else {
                throw source.invalid("DisplayName")
            }
            return value.isEmpty ? nil : value
        case "Policy": return try policy(value, source)
        case "DeliveryPolicy":
            if value.isEmpty { return nil }
            do { _ = try WebDelivery(parsing: value, .topic) } catch { throw refusal(error, source) }
            return value
        case "SignatureVersion":
            guard value == "1" || value == "2" else {
                throw source.invalid("SignatureVersion: Invalid value [\(value)]. Must be 1 or 2.")
            }
            return value
        case "ContentBasedDeduplication" where topic.isFIFO: return try flag(name, value, source)
        case "FifoTopic" where source == .map: return try flag(name, value, source)
        case "FifoThroughputScope" where topic.isFIFO:
            guard value == "Topic" || value == "MessageGroup" else {
                throw source.invalid("FifoThroughputScope: Invalid value [\(value)]. Must be Topic or MessageGroup.")
            }
            return value
        case "TracingConfig" where value.isEmpty || value == "PassThrough": return value.isEmpty ? nil : value
        case "KmsMasterKeyId" where value.isEmpty, "ArchivePolicy" where value.isEmpty: return nil
        case "TracingConfig", "KmsMasterKeyId", "ArchivePolicy":
            throw .unsupported("The topic attribute \(name) is not implemented.")
        case let name where isFeedback(name):
            if value.isEmpty { return nil }
            // Without a role nothing is logged, however much of it.
            guard name.hasSuffix(sampleRate) else {
                throw .unsupported("Delivery status logging (\(name)) is not implemented.")
            }
            guard let rate = Int(value), (0...100).contains(rate) else { throw source.invalid(name) }
            return value
        default: throw source == .map ? source.invalid("Unknown attribute \(name)") : .invalid("AttributeName")
        }
    }

    static let sampleRate = "SuccessFeedbackSampleRate"

    /// Of the logs that tell which deliveries went well.
    private static func isFeedback(_ name: String) -> Bool {
        let protocols = ["HTTP", "Firehose", "Lambda", "Application", "SQS"]
        let suffixes = ["SuccessFeedbackRoleArn", sampleRate, "FailureFeedbackRoleArn"]
        return protocols.contains { start in suffixes.contains { name == start + $0 } }
    }

    static func refusal(_ refusal: WebDelivery.Refusal, _ source: AttributeSource) -> AWSError {
        source.invalid(refusal.reason)
    }

    static func flag(_ name: String, _ value: String, _ source: AttributeSource) throws(AWSError) -> String {
        guard ["true", "false"].contains(value.lowercased()) else {
            throw source.invalid("\(name): Invalid value [\(value)]. Must be true or false.")
        }
        return value.lowercased()
    }

    /// Empty: the topic gets the standard one back.
    private static func policy(_ text: String, _ source: AttributeSource) throws(AWSError) -> String? {
        if text.isEmpty { return nil }
        let document: PolicyDocument
        do { document = try PolicyDocument(parsing: ByteBuffer(string: text)) } catch {
            throw source.invalid("Policy Error: \(error.message)")
        }
        for statement in document.statements {
            guard statement.principals != nil else { throw source.invalid("Policy Error: principal is missing") }
            guard statement.actions.values.allSatisfy({ $0.lowercased().hasPrefix("sns:") }) else {
                throw source.invalid("Policy statement action out of service scope!")
            }
        }
        return text
    }
}

extension TopicRecord {
    /// What GetTopicAttributes shows.
    func shown(_ id: TopicID, confirmed: Int, pending: Int) -> [String: String] {
        let delivery = WebDelivery(topic: attributes["DeliveryPolicy"])
        var shown = [
            "DisplayName": attributes["DisplayName"] ?? "",
            "EffectiveDeliveryPolicy": delivery.topicText(.effective),
            "Owner": id.account,
            "Policy": attributes["Policy"] ?? StandardPolicy.text(of: id),
            "SubscriptionsConfirmed": "\(confirmed)", "SubscriptionsDeleted": "\(deleted)",
            "SubscriptionsPending": "\(pending)", "TopicArn": id.arn,
        ]
        if attributes["DeliveryPolicy"] != nil { shown["DeliveryPolicy"] = delivery.topicText(.given) }
        for name in ["SignatureVersion", "TracingConfig", "FifoThroughputScope"] { shown[name] = attributes[name] }
        for (name, value) in attributes where name.hasSuffix(TopicAttributes.sampleRate) { shown[name] = value }
        if id.isFIFO {
            shown["FifoTopic"] = "true"
            shown["ContentBasedDeduplication"] = attributes["ContentBasedDeduplication"] ?? "false"
        }
        return shown
    }
}
