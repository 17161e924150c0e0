import AWSWire
import Delivery
import SNSModel
import Storage

/// Questions to endpoints, and the tokens by which they answer.
enum Confirmation {
    /// 288 digits of base 16, as AWS's have.
    static func token() -> String { Hexadecimal.encode((0..<144).map { _ in UInt8.random(in: 0...255) }) }

    static func isToken(_ text: String) -> Bool { text.utf8.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit } }

    /// - Parameters:
    ///   - version: Of the signature, where the topic says.
    ///   - endpoint: Where the link leads.
    ///   - now: Milliseconds since 1970.
    static func question(
        _ kind: Notice.Kind, _ subscription: LiveSubscription, token: String, version: String?, key: SigningKey,
        endpoint: String, now: Int64
    ) throws -> OutboxEntry {
        let topic = subscription.id.topic.arn
        let text =
            kind == .unsubscribeConfirmation
            ? "You have chosen to deactivate subscription \(subscription.id.arn).\nTo cancel this operation and restore "
                + "the subscription, visit the SubscribeURL included in this message."
            : "You have chosen to subscribe to the topic \(topic).\nTo confirm the subscription, visit the SubscribeURL "
                + "included in this message."
        var notice = Notice(
            kind: kind, messageID: RequestID.make(), topic: topic, text: text, timestamp: Message.timestamp(now))
        notice.token = token
        notice.subscribeURL = "\(endpoint)/?Action=ConfirmSubscription&TopicArn=\(topic)&Token=\(token)"
        let version = version ?? "1"
        notice.signature = Notice.Signature(
            version: version, text: try key.signature(of: notice.signedText, version: version),
            certificateURL: endpoint + SNSService.certificatePath(key))
        return Addressing(subscription: subscription).entry(notice)
    }
}

extension SNSService {
    /// Whoever has the token may: it went to the endpoint alone.
    func confirmSubscription(_ call: Call) async throws -> Output {
        let input = try SNS.ConfirmSubscriptionInput(decoding: call.request)
        guard let named = TopicID(arn: input.topicArn), call.isAnonymous || named.region == call.region else {
            throw AWSError.invalid("Topic")
        }
        if !call.isAnonymous {
            try require("ConfirmSubscription", on: named, try await topics.topic(named), call)
        }
        guard Confirmation.isToken(input.token) else {
            throw SNSError.invalidParameter(message: "Invalid token")
        }
        let needsOwner = input.authenticateOnUnsubscribe?.lowercased() == "true"
        guard !(needsOwner && call.isAnonymous) else { throw AWSError.invalid("AuthenticateOnUnsubscribe") }
        let oldest = call.now - quotas.confirmationTime
        let confirmed = try await database.write { connection in
            let table = SNSTable(connection)
            // The token tells which topic it is; that which the request names need only be in the same place.
            guard var found = try table.subscription(token: input.token) else { throw AWSError.invalid("Token") }
            guard found.id.topic.region == named.region else { throw AWSError.invalid("Topic") }
            if found.record.state == .confirmed { return found }
            guard found.record.since > oldest else { throw AWSError.invalid("Token") }
            found.record.state = .confirmed
            found.record.since = call.now
            found.record.isAuthenticated = !call.isAnonymous
            found.record.needsOwner = needsOwner
            try table.put(found.record, found.id)
            return found
        }
        topics.forget(confirmed.id.topic)
        return SNS.ConfirmSubscriptionResponse(subscriptionArn: confirmed.arn)
    }
}
