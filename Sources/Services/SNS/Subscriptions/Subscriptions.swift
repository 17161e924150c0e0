import AWSWire
import SNSModel
import Storage

extension SNSService {
    func listSubscriptions(_ call: Call) async throws -> Output {
        let input = try SNS.ListSubscriptionsInput(decoding: call.request)
        try require("ListSubscriptions", call)
        let (size, since) = (quotas.pageSize, call.now - quotas.confirmationTime)
        let after = try PageToken.read(input.nextToken)
        let found = try await database.read {
            try SNSTable($0).subscriptions(
                of: call.account, in: call.region, after: after, since: since, limit: size + 1)
        }
        let (page, next) = page(found)
        return SNS.ListSubscriptionsResponse(subscriptions: page, nextToken: next)
    }

    func listSubscriptionsByTopic(_ call: Call) async throws -> Output {
        let input = try SNS.ListSubscriptionsByTopicInput(decoding: call.request)
        let id = try call.topic(input.topicArn)
        let topic = try await topics.topic(id)
        try require("ListSubscriptionsByTopic", on: id, topic, call)
        guard topic != nil else { throw AWSError.noTopic }
        let (size, since) = (quotas.pageSize, call.now - quotas.confirmationTime)
        let after = try PageToken.read(input.nextToken)
        let found = try await database.read {
            try SNSTable($0).subscriptions(to: id, after: after, since: since, limit: size + 1)
        }
        let (page, next) = page(found)
        return SNS.ListSubscriptionsByTopicResponse(subscriptions: page, nextToken: next)
    }

    private func page(_ found: [StoredSubscription]) -> ([SNS.Subscription], String?) {
        let size = quotas.pageSize
        let shown = found.prefix(size).map { found in
            SNS.Subscription(
                subscriptionArn: found.record.state == .pending ? "PendingConfirmation" : found.arn,
                owner: found.record.owner, protocol: found.record.delivery, endpoint: found.record.endpoint,
                topicArn: found.id.topic.arn)
        }
        return (shown, found.count > size ? PageToken.write(found[size - 1].id.id) : nil)
    }

    func getSubscriptionAttributes(_ call: Call) async throws -> Output {
        let input = try SNS.GetSubscriptionAttributesInput(decoding: call.request)
        let id = try SubscriptionID(input.subscriptionArn, in: call.region)
        try require("GetSubscriptionAttributes", call)
        let oldest = call.now - quotas.confirmationTime
        let shown = try await database.read { connection in
            let table = SNSTable(connection)
            let record = try table.subscription(id)?.visible(to: call, id, oldest)
            guard let record else { throw AWSError.noSubscription }
            let delivery = WebDelivery(topic: try table.topic(id.topic)?.attributes["DeliveryPolicy"])
            return StoredSubscription(id: id, record: record).shown(delivery)
        }
        return SNS.GetSubscriptionAttributesResponse(attributes: shown)
    }

    func setSubscriptionAttributes(_ call: Call) async throws -> Output {
        let input = try SNS.SetSubscriptionAttributesInput(decoding: call.request)
        let id = try SubscriptionID(input.subscriptionArn, in: call.region)
        try require("SetSubscriptionAttributes", call)
        let (name, value) = (input.attributeName, input.attributeValue ?? "")
        let oldest = call.now - quotas.confirmationTime
        try await database.write { [quotas] connection in
            let table = SNSTable(connection)
            guard var record = try table.subscription(id)?.visible(to: call, id, oldest) else {
                throw AWSError.noSubscription
            }
            let rules = SubscriptionAttributes(
                topic: id.topic, delivery: record.delivery, endpoint: record.endpoint, source: .alone)
            let hadFilter = record.attributes["FilterPolicy"] != nil
            try rules.set(name, value, in: &record.attributes)
            try rules.check(record.attributes)
            if !hadFilter, record.attributes["FilterPolicy"] != nil { try table.checkFilterQuota(quotas, id.topic) }
            try table.put(record, id)
        }
        topics.forget(id.topic)
        return nil
    }
}

extension SubscriptionRecord {
    /// - Returns: nil for one that is cancelled or came to nothing.
    /// - Throws: For one that is neither the caller's nor of its topic.
    fileprivate func visible(to call: Call, _ id: SubscriptionID, _ oldest: Int64) throws(AWSError)
        -> SubscriptionRecord?
    {
        guard state == .confirmed || state == .pending && since > oldest else { return nil }
        guard [owner, id.topic.account].contains(call.account) else {
            throw AWSError(code: "AuthorizationError", message: "Not the owner of the subscription", status: 403)
        }
        return self
    }
}
