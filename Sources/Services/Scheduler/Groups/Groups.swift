import AWSWire
import Delivery
import SchedulerModel
import Storage

extension SchedulerService {
    func createScheduleGroup(_ call: Call) async throws -> ServiceResponse {
        let input = try Scheduler.CreateScheduleGroupInput(decoding: call.request, labels: call.labels)
        let id = call.group(input.name)
        var record = GroupRecord(created: call.now, modified: call.now)
        try record.add(input.tags ?? [], limit: quotas.tagsPerGroup)
        try await require("CreateScheduleGroup", on: id, call, tags: record.tags)
        let idempotency = Idempotency(input.clientToken, call, quotas)
        try await database.write { [record, quotas] connection in
            guard try idempotency.isNew(connection) else { return }
            let table = SchedulerTable(connection)
            guard try id.name != GroupID.standard && table.group(id) == nil else { throw AWSError.groupExists(id.name) }
            guard try table.groupCount(of: id) < quotas.groups else {
                throw SchedulerError.serviceQuotaExceeded(
                    message: "The maximum number of schedule groups, \(quotas.groups), has been reached.")
            }
            try table.put(record, id)
        }
        return Scheduler.CreateScheduleGroupOutput(scheduleGroupArn: id.arn).encode()
    }

    /// With its schedules, at once: AWS shows the group as DELETING while it does that.
    func deleteScheduleGroup(_ call: Call) async throws -> ServiceResponse {
        let input = try Scheduler.DeleteScheduleGroupInput(decoding: call.request, labels: call.labels)
        let id = call.group(input.name)
        try await require("DeleteScheduleGroup", on: id, call)
        // AWS's words for this are not known.
        if id.name == GroupID.standard {
            throw AWSError.invalidSchedule("The default schedule group cannot be deleted.")
        }
        let idempotency = Idempotency(input.clientToken, call, quotas)
        try await database.write { [timetable] connection in
            guard try idempotency.isNew(connection) else { return }
            let table = SchedulerTable(connection)
            guard try table.group(id) != nil else { throw AWSError.noGroup(id.name) }
            for name in try table.names(in: id) {
                try timetable.cancel(ScheduleID(group: id, name: name).key, in: connection)
            }
            try table.delete(id)
        }
        return Scheduler.DeleteScheduleGroupOutput().encode()
    }

    func getScheduleGroup(_ call: Call) async throws -> ServiceResponse {
        let input = try Scheduler.GetScheduleGroupInput(decoding: call.request, labels: call.labels)
        let id = call.group(input.name)
        try await require("GetScheduleGroup", on: id, call)
        return try await group(id, now: call.now).shown(id).encode()
    }

    func listScheduleGroups(_ call: Call) async throws -> ServiceResponse {
        let input = try Scheduler.ListScheduleGroupsInput(decoding: call.request, labels: call.labels)
        try require("ListScheduleGroups", call)
        let size = input.maxResults ?? quotas.pageSize
        let after = try PageToken.text(input.nextToken)
        let place = call.group(nil)
        _ = try await group(place, now: call.now)
        let found = try await database.read { connection in
            try SchedulerTable(connection).groups(
                of: place, prefix: input.namePrefix ?? "", after: after, limit: size + 1)
        }
        let page = found.prefix(size)
        return Scheduler.ListScheduleGroupsOutput(
            nextToken: found.count > size ? page.last.map { PageToken.write($0.id.name) } : nil,
            scheduleGroups: page.map { $0.record.summary($0.id) }
        ).encode()
    }

    /// A group that is there; that which everybody has is made when it is asked for first.
    func group(_ id: GroupID, now: Int64) async throws -> GroupRecord {
        if let record = try await database.read({ try SchedulerTable($0).group(id) }) { return record }
        guard id.name == GroupID.standard else { throw AWSError.noGroup(id.name) }
        return try await database.write { connection in
            let table = SchedulerTable(connection)
            try table.requireGroup(id, now: now)
            return try table.group(id) ?? GroupRecord(created: now, modified: now)
        }
    }
}
