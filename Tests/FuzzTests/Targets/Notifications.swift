import AWSWire
import Delivery
import NIOCore

@testable import SNSService

extension FuzzTarget {
    /// A filter policy and a message. What is wanted of attributes is wanted of a body that has the same members; what
    /// the narrower scope takes as a policy, the wider one does.
    static let filterPolicy = FuzzTarget("filter-policy") { input in
        let parts = input.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        let text = String(decoding: parts[0], as: UTF8.self)
        let body = String(decoding: parts.count > 1 ? parts[1] : [], as: UTF8.self)
        let ofBody = try? FilterPolicy(text, scope: .messageBody)
        let ofAttributes = try? FilterPolicy(text, scope: .messageAttributes)
        try hold(ofAttributes == nil || ofBody != nil, "attributes have a policy that bodies have not: \(text)")
        _ = ofBody?.matches(attributes: [:], body: body)
        guard let message = try? JSONValue(parsing: ByteBuffer(string: body)), message.kind == .object else { return }
        var attributes: [String: MessageAttribute] = [:]
        for (name, value) in message.members {
            // A name that comes twice means either.
            guard let text = value.string, attributes[name] == nil else { return }
            attributes[name] = MessageAttribute(.text(text))
        }
        guard let ofBody, let ofAttributes else { return }
        let (one, other) = (
            ofBody.matches(attributes: [:], body: body), ofAttributes.matches(attributes: attributes, body: "")
        )
        try hold(one == other, "\(text) wants \(body) as a body: \(one), as attributes: \(other)")
    }

    /// Whatever says nothing of a queue is refused.
    static let deadLetters = FuzzTarget("dead-letters") { input in
        guard let policy = RedrivePolicy(String(decoding: input, as: UTF8.self)) else { return }
        try hold(ARN(policy.queue)?.service == "sqs", "\(policy)")
    }
}

extension FilterPolicy {
    fileprivate func matches(attributes: [String: MessageAttribute], body: String) -> Bool {
        var message = FilteredMessage(Message(id: "", text: body, attributes: attributes, published: 0))
        return matches(&message, for: "sqs")
    }
}
