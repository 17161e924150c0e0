import AWSWire
import Identity
import NIOCore
import Policies

/// What each operation has to be allowed, as the Service Authorization Reference lists it.
///
/// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
extension SNSService {
    /// Refuses what the caller may not do with a topic.
    ///
    /// - Parameter topic: As it is; nil where there is none of that id.
    func require(
        _ action: String, on id: TopicID, _ topic: LiveTopic?, _ call: Call, context: AccessContext = [:]
    ) throws(AWSError) {
        let resource = ProtectedResource(id.arn, account: id.account, policy: topic?.policy)
        var context = context
        for tag in topic?.record.tags ?? [] { context["aws:ResourceTag/\(tag.key)"] = [tag.value] }
        try require(action, on: resource, call, context: context)
    }

    /// Refuses what the caller may not do in its region.
    func require(_ action: String, _ call: Call) throws(AWSError) {
        let arn = TopicID(account: call.account, region: call.region, name: "*").arn
        try require(action, on: ProtectedResource(arn, account: call.account), call, context: [:])
    }

    private func require(
        _ action: String, on resource: ProtectedResource, _ call: Call, context: AccessContext
    ) throws(AWSError) {
        do throws(AWSError) {
            try authorizer.require("sns:\(action)", on: resource, call.request, wire: wireProtocol, context: context)
        } catch {
            throw .notAuthorized(error, to: action)
        }
    }
}

extension AWSError {
    /// A refusal in SNS's own code and spelling.
    static func notAuthorized(_ error: AWSError, to action: String) -> AWSError {
        var error = error
        error.code = "AuthorizationError"
        error.message.replace("sns:\(action)", with: "SNS:\(action)")
        return error
    }
}

/// The policy of topics to which nobody gave one.
enum StandardPolicy {
    static let actions = [
        "GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic", "Subscribe",
        "ListSubscriptionsByTopic", "Publish",
    ]

    /// Its owner's services may do everything, as far as they say for whom they act; users need policies of their own.
    static func document(of topic: TopicID) -> PolicyDocument {
        let statement = PolicyStatement(
            sid: "__default_statement_ID", effect: .allow, principals: PolicyElement([.aws("*")]),
            actions: PolicyElement(actions.map { "SNS:\($0)" }), resources: PolicyElement([topic.arn]),
            conditions: ConditionOperator("StringEquals").map {
                [PolicyCondition($0, "AWS:SourceOwner", [topic.account])]
            } ?? [])
        return PolicyDocument(version: "2008-10-17", id: "__default_policy_ID", statements: [statement])
    }

    static func text(of topic: TopicID) -> String { String(buffer: document(of: topic).json) }
}
