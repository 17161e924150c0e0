import AWSWire
import Delivery
import NIOCore

/// What an endpoint is told: the document that SNS puts around a message or a question.
///
/// https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
struct Notice: Sendable {
    enum Kind: Sendable, Hashable {
        case notification
        /// Asks whether the endpoint wants the topic's messages.
        case subscriptionConfirmation
        /// Tells that it gets none any longer, and how to get them again.
        case unsubscribeConfirmation

        var name: String {
            switch self {
            case .notification: "Notification"
            case .subscriptionConfirmation: "SubscriptionConfirmation"
            case .unsubscribeConfirmation: "UnsubscribeConfirmation"
            }
        }
    }

    struct Signature: Sendable, Hashable {
        /// `1` or `2`.
        var version: String
        var text: String
        var certificateURL: String
    }

    var kind: Kind
    var messageID: String
    var topic: String
    var subject: String?
    var text: String
    var timestamp: String
    var sequence: String?
    /// Nil: it goes unsigned, as FIFO topics' do.
    var signature: Signature?
    /// Of a notification.
    var unsubscribeURL: String?
    /// Of a question.
    var token: String?
    var subscribeURL: String?
    var attributes: [String: MessageAttribute] = [:]

    /// What is signed: some of its members, each on two lines.
    ///
    /// https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
    var signedText: String {
        var members = [("Message", text), ("MessageId", messageID)]
        if let subject, kind == .notification { members.append(("Subject", subject)) }
        if let subscribeURL { members.append(("SubscribeURL", subscribeURL)) }
        members.append(("Timestamp", timestamp))
        if let token { members.append(("Token", token)) }
        members += [("TopicArn", topic), ("Type", kind.name)]
        return members.map { "\($0.0)\n\($0.1)\n" }.joined()
    }

    // MARK: Documents

    /// As queues, endpoints of the web and `email-json` get it.
    var envelope: ByteBuffer {
        var members: [(name: String, value: String)] = [("Type", kind.name), ("MessageId", messageID)]
        if let sequence { members.append(("SequenceNumber", sequence)) }
        if let token { members.append(("Token", token)) }
        members.append(("TopicArn", topic))
        if let subject { members.append(("Subject", subject)) }
        members.append(("Message", text))
        if let subscribeURL { members.append(("SubscribeURL", subscribeURL)) }
        members.append(("Timestamp", timestamp))
        if let signature {
            members += [
                ("SignatureVersion", signature.version), ("Signature", signature.text),
                ("SigningCertURL", signature.certificateURL),
            ]
        }
        if let unsubscribeURL { members.append(("UnsubscribeURL", unsubscribeURL)) }
        var lines = members.map { "  \(Self.quoted($0.name)) : \(Self.quoted($0.value))" }
        if !attributes.isEmpty {
            let entries = attributes.sorted { $0.key < $1.key }.map { name, attribute in
                let value = "\"Type\":\(Self.quoted(attribute.type)),\"Value\":\(Self.quoted(attribute.shown))"
                return "    \(Self.quoted(name)) : {\(value)}"
            }
            lines.append("  \"MessageAttributes\" : {\n\(entries.joined(separator: ",\n"))\n  }")
        }
        return ByteBuffer(string: "{\n\(lines.joined(separator: ",\n"))\n}")
    }

    /// As functions get it.
    ///
    /// https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
    func event(subscription: String) -> ByteBuffer {
        var writer = JSONWriter()
        func member(_ name: String, _ value: String?) {
            writer.name(name)
            if let value { writer.string(value) } else { writer.null() }
        }
        writer.beginObject()
        writer.name("Records")
        writer.beginArray()
        writer.beginObject()
        member("EventSource", "aws:sns")
        member("EventVersion", "1.0")
        member("EventSubscriptionArn", subscription)
        writer.name("Sns")
        writer.beginObject()
        member("Type", kind.name)
        member("MessageId", messageID)
        member("TopicArn", topic)
        member("Subject", subject)
        member("Message", text)
        member("Timestamp", timestamp)
        if let signature {
            // Functions are told version 1, whichever it is: recorded by test_publish_lambda_verify_signature.
            member("SignatureVersion", "1")
            member("Signature", signature.text)
            member("SigningCertUrl", signature.certificateURL)
        }
        member("UnsubscribeUrl", unsubscribeURL)
        writer.name("MessageAttributes")
        writer.beginObject()
        for (name, attribute) in attributes.sorted(by: { $0.key < $1.key }) {
            writer.name(name)
            writer.beginObject()
            member("Type", attribute.type)
            member("Value", attribute.shown)
            writer.endObject()
        }
        writer.endObject()
        writer.endObject()
        writer.endObject()
        writer.endArray()
        writer.endObject()
        return writer.buffer
    }

    private static func quoted(_ text: String) -> String {
        var writer = JSONWriter()
        writer.string(text)
        return String(buffer: writer.buffer)
    }
}
