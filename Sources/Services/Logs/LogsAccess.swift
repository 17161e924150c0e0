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
        let resource = ProtectedResource(
            Self.resource(body, request.caller), account: request.caller.account.digits)
        var context = AccessContext()
        if let tags = body?["tags"]?.members {
            context["aws:TagKeys"] = tags.map(\.name)
            for (key, value) in tags { context["aws:RequestTag/\(key)"] = value.string.map { [$0] } }
        }
        if let keys = body?["tagKeys"]?.elements { context["aws:TagKeys"] = keys.compactMap(\.string) }
        try authorizer.require(
            "logs:\(operation.rawValue)", on: resource, request, wire: wireProtocol, context: context)
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
