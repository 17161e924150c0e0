import AWSWire
import Identity
import LogsModel
import Policies

/// What each operation has to be allowed, on the ARNs that AWS's refusals name.
///
/// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
extension LogsService {
    func authorize(_ operation: Logs.Operation, _ request: ServiceRequest) throws(AWSError) {
        guard !request.caller.principal.isUnlimited else { return }
        let body = try? JSONValue(parsing: request.body)
        var context = AccessContext()
        if let tags = body?["tags"]?.members {
            context["aws:TagKeys"] = tags.map(\.name)
            for (key, value) in tags { context["aws:RequestTag/\(key)"] = value.string.map { [$0] } }
        }
        if let keys = (body?["tagKeys"] ?? body?["tags"])?.elements, !keys.isEmpty {
            context["aws:TagKeys"] = keys.compactMap(\.string)
        }
        for arn in Self.resources(of: operation, body, request.caller) {
            try authorizer.require(
                "logs:\(operation.rawValue)", on: ProtectedResource(arn, account: request.caller.account.digits),
                request,
                wire: wireProtocol, context: context)
        }
    }

    /// A query is on each of its groups; what is done with a query is on nothing in particular.
    private static func resources(of operation: Logs.Operation, _ body: JSONValue?, _ caller: Caller) -> [String] {
        switch operation {
        case .describeQueries, .getQueryResults, .stopQuery, .testMetricFilter, .putQueryDefinition,
            .describeQueryDefinitions, .deleteQueryDefinition:
            return ["*"]
        case .putResourcePolicy, .describeResourcePolicies, .deleteResourcePolicy:
            return [body?["resourceArn"]?.string ?? "*"]
        case .startLiveTail:
            let groups = (body?["logGroupIdentifiers"]?.elements ?? []).prefix(100).compactMap(\.string)
            return groups.isEmpty
                ? [resource(body, caller)]
                : groups.map { name in
                    ((name.hasPrefix("arn:") ? GroupKey(arn: name) : nil) ?? GroupKey(name, of: caller)).arn
                        + ":log-stream:"
                }
        case .startQuery:
            let names = ["logGroupNames", "logGroupIdentifiers"].flatMap { body?[$0]?.elements ?? [] }
            let groups = names.prefix(100).compactMap(\.string).map { name in
                ((name.hasPrefix("arn:") ? GroupKey(arn: name) : nil) ?? GroupKey(name, of: caller)).arn
                    + ":log-stream:"
            }
            return groups + (body?["logGroupName"] != nil || groups.isEmpty ? [resource(body, caller)] : [])
        default: return [resource(body, caller)]
        }
    }

    /// Operations on a group are on its streams, too: `…:log-group:NAME:log-stream:`. Those that name no group are on
    /// one without a name.
    private static func resource(_ body: JSONValue?, _ caller: Caller) -> String {
        if let arn = body?["resourceArn"]?.string { return arn }
        let group = body?["logGroupName"]?.string ?? body?["logGroupIdentifier"]?.string ?? ""
        let stream = body?["logStreamName"]?.string ?? ""
        let key = group.hasPrefix("arn:") ? GroupKey(arn: group) : GroupKey(group, of: caller)
        return (key ?? GroupKey("", of: caller)).arn + ":log-stream:\(stream)"
    }
}
