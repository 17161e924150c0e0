import AWSWire
import Delivery
import SNSModel
import Storage

extension SNSService {
    /// Cancelling what is not there is as good. An endpoint of the web, or a reader of mail, is told, and may have it
    /// back for a while.
    func unsubscribe(_ call: Call) async throws -> Output {
        let input = try SNS.UnsubscribeInput(decoding: call.request)
        let id = try SubscriptionID(input.subscriptionArn, in: call.isAnonymous ? nil : call.region)
        if !call.isAnonymous { try require("Unsubscribe", call) }
        let key = try await signer.key()
        let goodbye = try await database.write { [outbox] connection -> OutboxEntry? in
            let table = SNSTable(connection)
            guard var record = try table.subscription(id), record.state != .cancelled else { return nil }
            try record.mayCancel(call, id)
            let wasConfirmed = record.state == .confirmed
            guard let topic = try table.topic(id.topic) else { return nil }
            var changed = topic
            changed.deleted += 1
            try table.put(changed, id.topic)
            guard wasConfirmed, record.isWeb || record.isMail else {
                try table.delete(id)
                return nil
            }
            record.state = .cancelled
            record.since = call.now
            let token = Confirmation.token()
            record.token = token
            try table.put(record, id)
            let live = LiveSubscription(
                StoredSubscription(id: id, record: record), WebDelivery(topic: topic.attributes["DeliveryPolicy"]))
            let entry = try Confirmation.question(
                .unsubscribeConfirmation, live, token: token, version: topic.attributes["SignatureVersion"], key: key,
                endpoint: call.endpoint, now: call.now)
            try outbox.add([entry], to: connection)
            return entry
        }
        topics.forget(id.topic)
        if let goodbye { outbox.wake([goodbye.parcel.target]) }
        return nil
    }
}

extension SubscriptionRecord {
    /// The owners of the subscription and of the topic may; whoever has a link may, unless it was confirmed otherwise.
    fileprivate func mayCancel(_ call: Call, _ id: SubscriptionID) throws(AWSError) {
        if !call.isAnonymous, [owner, id.topic.account].contains(call.account) { return }
        if call.isAnonymous, !needsOwner, isWeb || isMail { return }
        throw AWSError(
            code: "AuthorizationError",
            message: "User: \(call.request.caller.principalARN) is not authorized to perform: SNS:Unsubscribe on "
                + "resource: \(id.arn)",
            status: 403)
    }
}
