import AWSWire
import Delivery
import Policies
import SNSModel
import Storage

extension SNSService {
    /// A queue or a function of the caller's own gets messages from now on; others are asked first.
    func subscribe(_ call: Call) async throws -> Output {
        let input = try SNS.SubscribeInput(decoding: call.request)
        let id = try call.topic(input.topicArn)
        let topic = try await topics.topic(id)
        let context = ["sns:Protocol": [input.protocol], "sns:Endpoint": [input.endpoint ?? ""]]
        try require("Subscribe", on: id, topic, call, context: AccessContext(context))
        guard topic != nil else { throw AWSError.noTopic }
        let endpoint = try Endpoint(input.protocol, input.endpoint, to: id)
        var wanted = SubscriptionRecord(
            delivery: endpoint.delivery, endpoint: endpoint.address, owner: call.account,
            principal: call.request.caller.principalARN, state: .pending, since: call.now)
        let rules = SubscriptionAttributes(
            topic: id, delivery: endpoint.delivery, endpoint: endpoint.address, source: .map)
        for (name, value) in (input.attributes ?? [:]).sorted(by: { $0.key < $1.key }) {
            try rules.set(name, value, in: &wanted.attributes)
        }
        try rules.check(wanted.attributes)
        if endpoint.account == call.account {
            wanted.state = .confirmed
            wanted.isAuthenticated = true
        } else {
            wanted.token = Confirmation.token()
        }
        let subscription = try await store(wanted, given: Set(input.attributes.map(\.keys) ?? [:].keys), to: id, call)
        topics.forget(id)
        let isTold = subscription.record.state == .confirmed || input.returnSubscriptionArn == true
        return SNS.SubscribeResponse(subscriptionArn: isTold ? subscription.arn : "pending confirmation")
    }

    /// Stores a subscription, with the question that its endpoint is asked; one that is there already stays as it is.
    ///
    /// - Parameter given: The names of the attributes that were given.
    private func store(
        _ wanted: SubscriptionRecord, given: Set<String>, to topic: TopicID, _ call: Call
    ) async throws -> StoredSubscription {
        // Its own ID is in the question, so it is chosen before.
        let id = SubscriptionID(topic: topic, id: RequestID.make())
        let stale = call.now - quotas.confirmationTime
        let key = wanted.state == .pending ? try await signer.key() : nil
        let (subscription, question) = try await database.write { [quotas, outbox] connection in
            let table = SNSTable(connection)
            guard let topicRecord = try table.topic(topic) else { throw AWSError.noTopic }
            try table.deleteStale(of: topic, before: stale)
            var subscription = StoredSubscription(id: id, record: wanted)
            let present = try table.subscriptions(of: wanted.endpoint, to: topic).first {
                $0.record.delivery == wanted.delivery && $0.record.owner == wanted.owner
                    && $0.record.state != .cancelled
            }
            if var present {
                for name in given where present.record.shownAttribute(name) != wanted.shownAttribute(name) {
                    throw AttributeSource.map.invalid("Subscription already exists with different attributes")
                }
                if present.record.state == .confirmed { return (present, OutboxEntry?.none) }
                // Whoever subscribes again is asked again.
                present.record.token = wanted.token
                present.record.since = wanted.since
                if wanted.state == .confirmed { present.record = wanted }
                subscription = present
            } else {
                try table.checkQuotas(quotas, wanted, topic)
            }
            try table.put(subscription.record, subscription.id)
            guard let key, let token = subscription.record.token else { return (subscription, nil) }
            let live = LiveSubscription(subscription, WebDelivery(topic: topicRecord.attributes["DeliveryPolicy"]))
            let question = try Confirmation.question(
                .subscriptionConfirmation, live, token: token, version: topicRecord.attributes["SignatureVersion"],
                key: key, endpoint: call.endpoint, now: call.now)
            try outbox.add([question], to: connection)
            return (subscription, question)
        }
        if let question { outbox.wake([question.parcel.target]) }
        return subscription
    }
}

extension SubscriptionRecord {
    /// An attribute as it counts, set or not.
    fileprivate func shownAttribute(_ name: String) -> String? {
        switch name {
        case "RawMessageDelivery": "\(isRaw)"
        case "FilterPolicyScope": attributes[name] ?? FilterPolicy.Scope.messageAttributes.rawValue
        default: attributes[name]
        }
    }
}

extension SNSTable {
    fileprivate func checkQuotas(_ quotas: SNSQuotas, _ wanted: SubscriptionRecord, _ topic: TopicID) throws {
        let (confirmed, pending) = try subscriptionCounts(of: topic, since: 0)
        let limit = topic.isFIFO ? quotas.subscriptionsPerFIFOTopic : quotas.subscriptionsPerTopic
        guard confirmed + pending < limit else {
            throw SNSError.subscriptionLimitExceeded(
                message: "The maximum number of subscriptions to the topic, \(limit), has been reached.")
        }
        if wanted.attributes["FilterPolicy"] != nil { try checkFilterQuota(quotas, topic) }
    }

    func checkFilterQuota(_ quotas: SNSQuotas, _ topic: TopicID) throws {
        let filters = try confirmed(topic).count { $0.record.attributes["FilterPolicy"] != nil }
        guard filters < quotas.filterPoliciesPerTopic else {
            throw SNSError.filterPolicyLimitExceeded(
                message: "The maximum number of filter policies of the topic, \(quotas.filterPoliciesPerTopic), has "
                    + "been reached.")
        }
    }
}
