import AWSWire
import NIOCore

/// The attributes of subscriptions that may be set, each with what it may be.
struct SubscriptionAttributes {
    let topic: TopicID
    /// As ``SubscriptionRecord/delivery``.
    let delivery: String
    let endpoint: String
    let source: AttributeSource

    /// Puts one that is set into what there is. Its own errors, but not how it fits the others.
    func set(_ name: String, _ value: String, in attributes: inout [String: String]) throws(AWSError) {
        switch name {
        case "RawMessageDelivery": attributes[name] = try raw(value)
        case "FilterPolicy":
            // Without conditions it is none.
            let isNone = value.isEmpty || (try? JSONValue(parsing: ByteBuffer(string: value)))?.isEmptyObject == true
            attributes[name] = isNone ? nil : value
        case "FilterPolicyScope":
            guard value.isEmpty || FilterPolicy.Scope(rawValue: value) != nil else {
                throw source.invalid(
                    "FilterPolicyScope: Invalid value [\(value)]. Please use either MessageBody or MessageAttributes")
            }
            attributes[name] = value.isEmpty ? nil : value
        case "RedrivePolicy": attributes[name] = try redrive(value)
        case "DeliveryPolicy": attributes[name] = try deliveryPolicy(value)
        case "SubscriptionRoleArn" where value.isEmpty, "ReplayPolicy" where value.isEmpty: break
        case "SubscriptionRoleArn", "ReplayPolicy":
            throw .unsupported("The subscription attribute \(name) is not implemented.")
        default: throw source == .map ? source.invalid("Unknown attribute \(name)") : .invalid("AttributeName")
        }
    }

    /// - Throws: For a filter that is none, in its scope.
    func check(_ attributes: [String: String]) throws(AWSError) {
        guard let text = attributes["FilterPolicy"] else { return }
        let scope = FilterPolicy.Scope(rawValue: attributes["FilterPolicyScope"] ?? "") ?? .messageAttributes
        do {
            _ = try FilterPolicy(text, scope: scope)
        } catch {
            throw source.invalid(error.isWhole ? error.reason : "FilterPolicy: \(error.reason)")
        }
    }

    private func raw(_ value: String) throws(AWSError) -> String {
        let flag = try TopicAttributes.flag("RawMessageDelivery", value, source)
        guard flag == "false" || ["sqs", "http", "https"].contains(delivery) else {
            throw source.invalid("Delivery protocol [\(delivery)] does not support raw message delivery.")
        }
        return flag
    }

    private func redrive(_ text: String) throws(AWSError) -> String? {
        if text.isEmpty { return nil }
        let value: JSONValue
        do { value = try JSONValue(parsing: ByteBuffer(string: text)) } catch {
            throw source.invalid("RedrivePolicy: failed to parse JSON. \(error)")
        }
        if value.isEmptyObject { return nil }
        guard let policy = RedrivePolicy(value) else {
            throw source.invalid("RedrivePolicy: deadLetterTargetArn is an invalid arn")
        }
        guard !endpoint.hasSuffix(".fifo") || policy.queue.hasSuffix(".fifo") else {
            throw source.invalid("RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.")
        }
        return text
    }

    private func deliveryPolicy(_ text: String) throws(AWSError) -> String? {
        if text.isEmpty { return nil }
        guard delivery == "http" || delivery == "https" else {
            throw source.invalid("DeliveryPolicy: Delivery protocol [\(delivery)] does not support a delivery policy.")
        }
        do { _ = try WebDelivery(parsing: text, .subscription) } catch {
            throw TopicAttributes.refusal(error, source)
        }
        return text
    }
}

extension JSONValue {
    fileprivate var isEmptyObject: Bool { kind == .object && members.isEmpty }
}

extension StoredSubscription {
    /// What GetSubscriptionAttributes shows.
    ///
    /// - Parameter topic: The delivery policy of its topic.
    func shown(_ topic: WebDelivery) -> [String: String] {
        let attributes = record.attributes
        var shown = [
            "ConfirmationWasAuthenticated": "\(record.isAuthenticated)", "Endpoint": record.endpoint,
            "Owner": record.owner, "PendingConfirmation": "\(record.state == .pending)",
            "Protocol": record.delivery, "RawMessageDelivery": "\(record.isRaw)", "SubscriptionArn": arn,
            "SubscriptionPrincipal": record.principal, "TopicArn": id.topic.arn,
        ]
        for name in ["FilterPolicy", "RedrivePolicy"] { shown[name] = attributes[name] }
        // Without a filter its scope is not told, even where it is set.
        if attributes["FilterPolicy"] != nil {
            shown["FilterPolicyScope"] =
                attributes["FilterPolicyScope"] ?? FilterPolicy.Scope.messageAttributes.rawValue
        }
        guard record.isWeb else { return shown }
        if let text = attributes["DeliveryPolicy"], let own = try? WebDelivery(parsing: text, .subscription) {
            shown["DeliveryPolicy"] = own.subscriptionText(.given)
        }
        shown["EffectiveDeliveryPolicy"] = topic.overridden(by: attributes["DeliveryPolicy"])
            .subscriptionText(.effective)
        return shown
    }
}
