import AWSWire
import Identity
import Policies

/// What each operation has to be allowed, as the Service Authorization Reference lists it.
///
/// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
extension EventsService {
    /// Refuses what the caller may not do with a bus.
    ///
    /// - Parameter bus: As it is; nil where there is none of that name.
    func require(
        _ action: String, on key: BusKey, _ bus: LiveBus?, _ call: Call, context: AccessContext = [:]
    ) throws(AWSError) {
        try require(
            action, on: ProtectedResource(key.arn, account: key.account, policy: bus?.policy), call,
            tags: bus?.record.tags, context: context)
    }

    /// Refuses what the caller may not do with a rule, about which its bus's policy decides, too.
    func require(
        _ action: String, on key: RuleKey, _ bus: LiveBus?, _ call: Call, context: AccessContext = [:]
    ) throws(AWSError) {
        try require(
            action, on: ProtectedResource(key.arn, account: key.bus.account, policy: bus?.policy), call,
            tags: bus?.rule(key.name)?.record.tags, context: context)
    }

    /// Refuses a role that the caller may not hand on, or that EventBridge cannot act as.
    ///
    /// - Parameter role: Of a rule or of one of its targets; nil: it has none.
    func requireRole(_ role: String?, of rule: RuleKey, _ call: Call) throws(AWSError) {
        guard let role else { return }
        guard ARN(role)?.account == call.account else {
            throw .accessDenied("Cross-account pass role is not allowed.", wire: wireProtocol)
        }
        try authorizer.require(
            "iam:PassRole", on: ProtectedResource(role, account: call.account), call.request, wire: wireProtocol,
            context: ["iam:PassedToService": [Self.principal], "iam:AssociatedResourceArn": [rule.arn]])
        try authorizer.requireAssumable(role: role, by: Self.principal, in: call.account, for: rule.arn) {
            EventsFailure.validation("Provided role '\(role)' cannot be assumed by principal '\(Self.principal)'.")
        }
    }

    /// As policies name it.
    static let principal = "events.amazonaws.com"

    /// Refuses what the caller may not do with an archive or a replay, of its own account.
    func require(_ action: String, on arn: String, _ call: Call) throws(AWSError) {
        try require(action, on: ProtectedResource(arn, account: call.account), call, tags: nil, context: [:])
    }

    private func require(
        _ action: String, on resource: ProtectedResource, _ call: Call, tags: [TagRecord]?, context: AccessContext
    ) throws(AWSError) {
        var context = context
        for tag in tags ?? [] { context["aws:ResourceTag/\(tag.key)"] = [tag.value] }
        try authorizer.require("events:\(action)", on: resource, call.request, wire: wireProtocol, context: context)
    }
}
