import AWSWire
import Delivery
import SchedulerModel
import Schedules
import Storage

extension SchedulerService {
    func createSchedule(_ call: Call) async throws -> ServiceResponse {
        let input = try Scheduler.CreateScheduleInput(decoding: call.request, labels: call.labels)
        let id = call.schedule(input.name, in: input.groupName)
        try await require("CreateSchedule", on: id, call)
        let record = try ScheduleRules(quotas: quotas, now: call.now).record(input, for: id, checksStart: true)
        try requireRole(record.target.role, of: id, call)
        let idempotency = Idempotency(input.clientToken, call, quotas)
        let due = try await database.write { [timetable] connection -> Int64? in
            guard try idempotency.isNew(connection) else { return nil }
            let table = SchedulerTable(connection)
            try table.requireGroup(id.group, now: call.now)
            guard try table.schedule(id) == nil else { throw AWSError.scheduleExists(id.name) }
            try table.put(record, id)
            return try record.begin(id, now: call.now, in: timetable, connection)
        }
        if let due { timetable.expect(due) }
        return Scheduler.CreateScheduleOutput(scheduleArn: id.arn).encode()
    }

    /// What the request does not say gets what it has in a new schedule. When it comes next stays where nothing is said
    /// about times that was not said before.
    func updateSchedule(_ call: Call) async throws -> ServiceResponse {
        let input = try Scheduler.UpdateScheduleInput(decoding: call.request, labels: call.labels)
        let id = call.schedule(input.name, in: input.groupName)
        try await require("UpdateSchedule", on: id, call)
        let record = try ScheduleRules(quotas: quotas, now: call.now).record(input, for: id, checksStart: false)
        try requireRole(record.target.role, of: id, call)
        let idempotency = Idempotency(input.clientToken, call, quotas)
        let due = try await database.write { [timetable, quotas] connection -> Int64? in
            guard try idempotency.isNew(connection) else { return nil }
            let table = SchedulerTable(connection)
            try table.requireGroup(id.group, now: call.now)
            guard let old = try table.schedule(id) else { throw AWSError.noSchedule(id.name) }
            var new = record
            new.created = old.created
            if new.start != old.start { try ScheduleRules(quotas: quotas, now: call.now).checkStart(of: new) }
            let isSame = new.hasTimes(of: old)
            if isSame { new.anchor = old.anchor }
            try table.put(new, id)
            if isSame, new.isEnabled, old.isEnabled, new.window == old.window { return nil }
            return try isSame
                ? new.resume(id, now: call.now, in: timetable, connection)
                : new.begin(id, now: call.now, in: timetable, connection)
        }
        if let due { timetable.expect(due) }
        return Scheduler.UpdateScheduleOutput(scheduleArn: id.arn).encode()
    }

    func deleteSchedule(_ call: Call) async throws -> ServiceResponse {
        let input = try Scheduler.DeleteScheduleInput(decoding: call.request, labels: call.labels)
        let id = call.schedule(input.name, in: input.groupName)
        try await require("DeleteSchedule", on: id, call)
        let idempotency = Idempotency(input.clientToken, call, quotas)
        try await database.write { [timetable] connection in
            guard try idempotency.isNew(connection) else { return }
            let table = SchedulerTable(connection)
            try table.requireGroup(id.group, now: call.now)
            guard try table.schedule(id) != nil else { throw AWSError.noSchedule(id.name) }
            try table.delete(id)
            try timetable.cancel(id.key, in: connection)
        }
        return Scheduler.DeleteScheduleOutput().encode()
    }

    func getSchedule(_ call: Call) async throws -> ServiceResponse {
        let input = try Scheduler.GetScheduleInput(decoding: call.request, labels: call.labels)
        let id = call.schedule(input.name, in: input.groupName)
        try await require("GetSchedule", on: id, call)
        let record = try await database.read { connection in
            let table = SchedulerTable(connection)
            guard try id.group.name == GroupID.standard || table.group(id.group) != nil else {
                throw AWSError.noGroup(id.group.name)
            }
            guard let record = try table.schedule(id) else { throw AWSError.noSchedule(id.name) }
            return record
        }
        return record.shown(id).encode()
    }

    func listSchedules(_ call: Call) async throws -> ServiceResponse {
        let input = try Scheduler.ListSchedulesInput(decoding: call.request, labels: call.labels)
        try require("ListSchedules", call)
        let size = input.maxResults ?? quotas.pageSize
        let place = call.group(nil)
        let after = try PageToken.read(input.nextToken)
        let state = input.state
        let found = try await database.read { connection in
            let table = SchedulerTable(connection)
            if let name = input.groupName, name != GroupID.standard, try table.group(call.group(name)) == nil {
                throw AWSError.noGroup(name)
            }
            return try table.page(
                of: place, in: input.groupName, prefix: input.namePrefix ?? "", after: after, limit: size + 1
            ) { record in state.map { ($0 != .disabled) == record.isEnabled } ?? true }
        }
        let page = found.prefix(size)
        let token = found.count > size ? page.last.map { PageToken.write($0.id) } : nil
        return Scheduler.ListSchedulesOutput(
            nextToken: token, schedules: page.map { $0.record.summary($0.id) }
        ).encode()
    }
}

extension SchedulerTable {
    /// - Throws: `ResourceNotFoundException`. The group that everybody has is made where it is used first.
    func requireGroup(_ id: GroupID, now: Int64) throws {
        if try group(id) != nil { return }
        guard id.name == GroupID.standard else { throw AWSError.noGroup(id.name) }
        try put(GroupRecord(created: now, modified: now), id)
    }

    /// As many as wanted of those that are wanted, a bunch at a time.
    fileprivate func page(
        of place: GroupID, in group: String?, prefix: String, after last: (group: String, name: String), limit: Int,
        _ isWanted: (ScheduleRecord) -> Bool
    ) throws -> [(id: ScheduleID, record: ScheduleRecord)] {
        let bunch = 1_000
        var (last, found) = (last, [(id: ScheduleID, record: ScheduleRecord)]())
        while found.count < limit {
            let next = try schedules(of: place, in: group, prefix: prefix, after: last, limit: bunch)
            found += next.filter { isWanted($0.record) }
            guard next.count == bunch, let end = next.last else { break }
            last = (end.id.group.name, end.id.name)
        }
        return Array(found.prefix(limit))
    }
}

extension ScheduleRecord {
    /// Whether all that says when it comes is as in another.
    fileprivate func hasTimes(of other: ScheduleRecord) -> Bool {
        expression == other.expression && zone == other.zone && start == other.start && end == other.end
    }

    /// Has it come for the first time.
    ///
    /// - Returns: When that is due; nil when it does not come.
    fileprivate func begin(
        _ id: ScheduleID, now: Int64, in timetable: Timetable, _ connection: any SQLConnection
    ) throws -> Int64? {
        try book(id, ScheduleTimes(self)?.first(now: now / 1_000), in: timetable, connection)
    }

    /// Has it come from now on as it would have.
    fileprivate func resume(
        _ id: ScheduleID, now: Int64, in timetable: Timetable, _ connection: any SQLConnection
    ) throws -> Int64? {
        try book(id, ScheduleTimes(self)?.next(after: now / 1_000), in: timetable, connection)
    }

    private func book(
        _ id: ScheduleID, _ time: Int64?, in timetable: Timetable, _ connection: any SQLConnection
    ) throws -> Int64? {
        guard isEnabled, let time, let appointment = ScheduleTimes(self)?.appointment(time, id) else {
            try timetable.cancel(id.key, in: connection)
            return nil
        }
        try timetable.make(appointment, in: connection)
        return appointment.due
    }
}

/// Where the next page of a list begins: after what the last one ended with.
enum PageToken {
    static func write(_ last: ScheduleID) -> String { write("\(last.group.name)/\(last.name)") }
    static func write(_ last: String) -> String { Base64.encode(Array(last.utf8)) }

    static func read(_ token: String?) throws(AWSError) -> (group: String, name: String) {
        let text = try text(token)
        guard !text.isEmpty else { return ("", "") }
        let names = text.split(separator: "/").map(String.init)
        guard names.count == 2 else { throw invalid }
        return (names[0], names[1])
    }

    static func text(_ token: String?) throws(AWSError) -> String {
        guard let token else { return "" }
        guard let text = Base64.decodeText(token), !text.isEmpty,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { throw invalid }
        return text
    }

    /// AWS's words for this are not known.
    private static let invalid = AWSError.invalidSchedule("Invalid NextToken.")
}
