import AWSWire
import Identity
import LogsModel
import Policies

/// What each operation has to be allowed, on the ARNs that AWS's refusals name.
///
/// Only members that an operation has decide: requests may have others, which nobody reads.
///
/// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
extension LogsService {
    func authorize(_ operation: Logs.Operation, _ request: ServiceRequest) throws(AWSError) {
        guard !request.caller.principal.isUnlimited else { return }
        let body = try? JSONValue(parsing: request.body)
        let context = Self.context(of: operation, body)
        for arn in Self.resources(of: operation, body, request.caller) {
            try authorizer.require(
                "logs:\(operation.rawValue)", on: ProtectedResource(arn, account: request.caller.account.digits),
                request,
                wire: wireProtocol, context: context)
        }
    }

    /// The condition keys that tags in a request are.
    static func context(of operation: Logs.Operation, _ body: JSONValue?) -> AccessContext {
        switch operation {
        case .createLogGroup, .tagLogGroup, .tagResource:
            return AccessContext(settingTags: body?["tags"]?.texts ?? [])
        case .untagLogGroup: return ["aws:TagKeys": texts(body?["tags"])]
        case .untagResource: return ["aws:TagKeys": texts(body?["tagKeys"])]
        default: return [:]
        }
    }

    /// Operations on a group are on its streams, too: `…:log-group:NAME:log-stream:`. Those that name no group are on
    /// one without a name. A query is on each of its groups; what is done with a query is on nothing in particular.
    static func resources(of operation: Logs.Operation, _ body: JSONValue?, _ caller: Caller) -> [String] {
        let name = body?["logGroupName"]?.string
        let identifier = body?["logGroupIdentifier"]?.string
        let stream = body?["logStreamName"]?.string
        switch operation {
        case .describeQueries, .getQueryResults, .stopQuery, .testMetricFilter, .putQueryDefinition,
            .describeQueryDefinitions, .deleteQueryDefinition:
            return ["*"]
        case .putResourcePolicy, .describeResourcePolicies, .deleteResourcePolicy:
            return [body?["resourceArn"]?.string ?? "*"]
        case .listTagsForResource, .tagResource, .untagResource:
            return [body?["resourceArn"]?.string ?? resource(GroupKey("", of: caller))]
        case .createLogStream, .deleteLogStream, .putLogEvents:
            return [resource(GroupKey(name ?? "", of: caller), stream: stream)]
        case .getLogEvents: return [resource(group(name ?? identifier, caller), stream: stream)]
        case .filterLogEvents, .describeLogStreams: return [resource(group(name ?? identifier, caller))]
        case .createLogGroup, .deleteLogGroup, .putRetentionPolicy, .deleteRetentionPolicy, .listTagsLogGroup,
            .tagLogGroup, .untagLogGroup, .putMetricFilter, .deleteMetricFilter, .describeMetricFilters,
            .putSubscriptionFilter, .deleteSubscriptionFilter, .describeSubscriptionFilters:
            return [resource(GroupKey(name ?? "", of: caller))]
        case .startLiveTail: return resources(texts(body?["logGroupIdentifiers"]), caller)
        case .startQuery:
            // A request for groups in more ways than one is refused where it is read.
            let groups = texts(body?["logGroupNames"]) + texts(body?["logGroupIdentifiers"])
            return resources((name.map { [$0] } ?? []) + groups, caller)
        // Lists of groups, and what is not done here.
        default: return [resource(GroupKey("", of: caller))]
        }
    }

    private static func resources(_ groups: [String], _ caller: Caller) -> [String] {
        let groups = groups.isEmpty ? [""] : groups.prefix(100)
        return groups.map { resource(group($0, caller)) }
    }

    private static func resource(_ group: GroupKey, stream: String? = nil) -> String {
        group.arn + ":log-stream:\(stream ?? "")"
    }

    /// The group of a name or an ARN.
    private static func group(_ text: String?, _ caller: Caller) -> GroupKey {
        guard let text, text.hasPrefix("arn:") else { return GroupKey(text ?? "", of: caller) }
        return GroupKey(arn: text) ?? GroupKey("", of: caller)
    }

    private static func texts(_ list: JSONValue?) -> [String] { (list?.elements ?? []).compactMap(\.string) }
}
