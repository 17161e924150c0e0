import AWSWire
import SNSModel

/// Which method answers which operation.
extension SNSService {
    func answer(_ operation: SNS.Operation, _ call: Call) async throws -> Output {
        // Whoever has a link may follow it; everything else is signed.
        if call.request.caller.principal.kind == .anonymous, operation != .confirmSubscription,
            operation != .unsubscribe
        {
            throw SigV4Failure.missingToken.error(for: wireProtocol)
        }
        guard let method = Self.methods[operation] else { throw AWSError.notImplemented(operation.rawValue) }
        if let name = operation.requiredARN, FormValue(call.request)[name]?.text?.isEmpty ?? true {
            throw AWSError.missing(name)
        }
        return try await method(self)(call)
    }

    private typealias Method = @Sendable (SNSService) -> @Sendable (Call) async throws -> Output

    private static let methods: [SNS.Operation: Method] = [
        .addPermission: { $0.addPermission },
        .confirmSubscription: { $0.confirmSubscription },
        .createTopic: { $0.createTopic },
        .deleteTopic: { $0.deleteTopic },
        .getSubscriptionAttributes: { $0.getSubscriptionAttributes },
        .getTopicAttributes: { $0.getTopicAttributes },
        .listSubscriptions: { $0.listSubscriptions },
        .listSubscriptionsByTopic: { $0.listSubscriptionsByTopic },
        .listTagsForResource: { $0.listTagsForResource },
        .listTopics: { $0.listTopics },
        .publish: { $0.publish },
        .publishBatch: { $0.publishBatch },
        .removePermission: { $0.removePermission },
        .setSubscriptionAttributes: { $0.setSubscriptionAttributes },
        .setTopicAttributes: { $0.setTopicAttributes },
        .subscribe: { $0.subscribe },
        .tagResource: { $0.tagResource },
        .unsubscribe: { $0.unsubscribe },
        .untagResource: { $0.untagResource },
    ]
}

extension SNS.Operation {
    /// The ARN that a request has to name, for those operations that miss it in words of their own.
    fileprivate var requiredARN: String? {
        switch self {
        case .addPermission, .confirmSubscription, .deleteTopic, .getTopicAttributes, .listSubscriptionsByTopic,
            .publishBatch, .removePermission, .setTopicAttributes, .subscribe:
            "TopicArn"
        case .getSubscriptionAttributes, .setSubscriptionAttributes, .unsubscribe: "SubscriptionArn"
        default: nil
        }
    }
}
