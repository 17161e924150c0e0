import AWSWire
import SchedulerModel
import Storage

/// Groups have tags, schedules have none.
extension SchedulerService {
    func tagResource(_ call: Call) async throws -> ServiceResponse {
        let input = try Scheduler.TagResourceInput(decoding: call.request, labels: call.labels)
        let id = try group(input.resourceArn, call)
        let tags = input.tags
        try await require(
            "TagResource", on: id, call, tags: tags.map { GroupRecord.Tag(key: $0.key, value: $0.value) })
        try await change(id, call) { [quotas] record in try record.add(tags, limit: quotas.tagsPerGroup) }
        return Scheduler.TagResourceOutput().encode()
    }

    func untagResource(_ call: Call) async throws -> ServiceResponse {
        let input = try Scheduler.UntagResourceInput(decoding: call.request, labels: call.labels)
        let id = try group(input.resourceArn, call)
        try await require("UntagResource", on: id, call, tagKeys: input.tagKeys)
        try await change(id, call) { record in record.tags.removeAll { input.tagKeys.contains($0.key) } }
        return Scheduler.UntagResourceOutput().encode()
    }

    func listTagsForResource(_ call: Call) async throws -> ServiceResponse {
        let input = try Scheduler.ListTagsForResourceInput(decoding: call.request, labels: call.labels)
        let id = try group(input.resourceArn, call)
        try await require("ListTagsForResource", on: id, call)
        let record = try await group(id, now: call.now)
        return Scheduler.ListTagsForResourceOutput(
            tags: record.tags.map { Scheduler.Tag(key: $0.key, value: $0.value) }
        ).encode()
    }

    /// The group of an ARN; one of another account or region is not there.
    private func group(_ arn: String, _ call: Call) throws(AWSError) -> GroupID {
        guard let id = GroupID(arn: arn), id.account == call.account, id.region == call.region else {
            throw .noGroup(arn.split(separator: "/").last.map(String.init) ?? arn)
        }
        return id
    }

    private func change(
        _ id: GroupID, _ call: Call, _ work: @escaping @Sendable (inout GroupRecord) throws -> Void
    ) async throws {
        try await database.write { connection in
            let table = SchedulerTable(connection)
            try table.requireGroup(id, now: call.now)
            guard var record = try table.group(id) else { throw AWSError.noGroup(id.name) }
            try work(&record)
            record.modified = call.now
            try table.put(record, id)
        }
    }
}

extension GroupRecord {
    /// A key that is there gets the new value.
    mutating func add(_ new: [Scheduler.Tag], limit: Int) throws(AWSError) {
        for tag in new {
            // AWS's words for these are not known.
            if tag.key.lowercased().hasPrefix("aws:") {
                throw .invalidSchedule("Tag keys must not begin with aws:.")
            }
            if let index = tags.firstIndex(where: { $0.key == tag.key }) {
                tags[index].value = tag.value
            } else {
                tags.append(Tag(key: tag.key, value: tag.value))
            }
        }
        guard tags.count <= limit else { throw .invalidSchedule("A resource must not have more than \(limit) tags.") }
    }
}
