import AWSWire
import Identity
import Policies
import SchedulerModel
import Storage

/// What each operation has to be allowed, as the Service Authorization Reference lists it.
///
/// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgescheduler.html
extension SchedulerService {
    func require(_ action: String, on schedule: ScheduleID, _ call: Call) async throws {
        try await require(action, on: schedule.arn, in: schedule.group, call)
    }

    /// - Parameter tags: Those that the request gives.
    func require(_ action: String, on group: GroupID, _ call: Call, tags: [GroupRecord.Tag] = []) async throws {
        let context = AccessContext(settingTags: tags.map { ($0.key, $0.value) })
        try await require(action, on: group.arn, in: group, call, context: context)
    }

    func require(_ action: String, on group: GroupID, _ call: Call, tagKeys: [String]) async throws {
        try await require(action, on: group.arn, in: group, call, context: ["aws:TagKeys": tagKeys])
    }

    /// Of lists: there is no resource.
    func require(_ action: String, _ call: Call) throws(AWSError) {
        try authorizer.require(
            "scheduler:\(action)", on: ProtectedResource("*", account: call.account), call.request, wire: wireProtocol)
    }

    private func require(
        _ action: String, on arn: String, in group: GroupID, _ call: Call, context: AccessContext = [:]
    ) async throws {
        // Their tags are read for those alone whose policies may look at them.
        if call.request.caller.principal.isUnlimited, group.account == call.account { return }
        var context = context
        let record = try await database.read { try SchedulerTable($0).group(group) }
        for tag in record?.tags ?? [] { context["aws:ResourceTag/\(tag.key)"] = [tag.value] }
        try authorizer.require(
            "scheduler:\(action)", on: ProtectedResource(arn, account: group.account), call.request, wire: wireProtocol,
            context: context)
    }

    /// Refuses a role that the caller may not hand on, or that Scheduler cannot act as.
    func requireRole(_ role: String, of schedule: ScheduleID, _ call: Call) throws(AWSError) {
        guard ARN(role)?.account == call.account else {
            throw .accessDenied("Cross-account pass role is not allowed.", wire: wireProtocol)
        }
        try authorizer.require(
            "iam:PassRole", on: ProtectedResource(role, account: call.account), call.request, wire: wireProtocol,
            context: ["iam:PassedToService": [Self.principal], "iam:AssociatedResourceArn": [schedule.arn]])
        try authorizer.requireAssumable(
            role: role, by: Self.principal, in: call.account, for: schedule.group.arn
        ) { .roleNotAssumable }
    }
}
