import AWSWire
import Delivery
import Identity
import NIOCore
import Policies

/// Takes parcels for topics: an event of another service is published as a message.
struct TopicTarget: DeliveryTarget {
    /// The service keeps the delivery that keeps this.
    private weak let service: SNSService?

    init(_ service: SNSService) { self.service = service }

    func deliver(_ parcel: Parcel) async throws(DeliveryFailure) {
        try await ask(service, "SNS") { try await $0.publish(parcel) }
    }

    func check(_ target: String, from sender: ServiceCaller) async throws(DeliveryFailure) {
        try await ask(service, "SNS") { _ = try await $0.topic(target, for: sender) }
    }
}

extension SNSService {
    /// The topic of an ARN, where its policies let the sender publish.
    fileprivate func topic(_ arn: String, for sender: ServiceCaller) async throws -> LiveTopic {
        guard let id = TopicID(arn: arn), let topic = try await topics.topic(id) else { throw AWSError.noTopic }
        // Some services say for whom they act, and the standard policy lets these in.
        let saysOwner = sender.service == "cloudwatch.amazonaws.com"
        let policy = topic.policy ?? CompiledPolicy(StandardPolicy.document(of: id))
        do throws(AWSError) {
            try authorizer.require(
                "sns:Publish", on: ProtectedResource(id.arn, account: id.account, policy: policy), by: sender,
                wire: wireProtocol, context: saysOwner ? ["aws:SourceOwner": [sender.account.digits]] : [:])
        } catch {
            throw AWSError.notAuthorized(error, to: "Publish")
        }
        return topic
    }

    fileprivate func publish(_ parcel: Parcel) async throws {
        let topic = try await topic(parcel.target, for: parcel.sender)
        var message = Message(id: RequestID.make(), text: String(buffer: parcel.body), published: clock())
        message.attributes = parcel.attributes
        if case .text(let subject) = message.attributes.removeValue(forKey: Parcel.subject)?.value {
            message.subject = subject
        }
        message.group = parcel.group
        if topic.id.isFIFO {
            message.group = parcel.group ?? parcel.id
            message.deduplicationID = parcel.deduplicationID ?? parcel.id
        }
        _ = try await publisher.publish([message], to: topic, endpoint: endpoint, trace: parcel.trace)
    }
}
