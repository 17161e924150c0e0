import AWSWire
import EventBridgeModel
import Storage

extension EventsService {
    func createArchive(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.CreateArchiveRequest(decoding: call.request)
        let key = NamedKey(input.archiveName, of: call.request.caller)
        try require("CreateArchive", on: key.arn("archive"), call)
        try checkUnsupported(input.kmsKeyIdentifier)
        let bus = try ownBus(input.eventSourceArn, call)
        if let pattern = input.eventPattern { try Self.check(pattern: pattern) }
        var record = ArchiveRecord(created: call.now, source: bus.arn, days: input.retentionDays ?? 0)
        record.description = input.description
        record.pattern = input.eventPattern
        // Of one of that name that was deleted.
        try await replays.clear(key)
        try await database.write { [record] connection in
            let table = EventsTable(connection)
            guard try table.bus(bus, now: call.now) != nil else { throw EventsFailure.noBus(bus.name) }
            guard try table.archive(key) == nil else { throw EventsFailure.exists("Archive \(key.name)") }
            try table.clear(key, limit: .max)
            try table.put(record, key)
        }
        buses.forget(bus)
        return EventBridge.CreateArchiveResponse(
            archiveArn: key.arn("archive"), state: .enabled, creationTime: record.created.seconds
        ).encode()
    }

    private func checkUnsupported(_ key: String?) throws(AWSError) {
        guard key?.isEmpty ?? true else { throw .unsupported("Encryption of archives with a key is not implemented.") }
    }

    private func ownBus(_ arn: String, _ call: Call) throws(AWSError) -> BusKey {
        guard let bus = BusKey(arn: arn) else {
            throw EventsFailure.parameter("EventSourceArn", "\(arn) is not the ARN of an event bus.")
        }
        // Nobody learns which buses others have.
        guard bus.account == call.account, bus.region == call.region else { throw EventsFailure.noBus(bus.name) }
        return bus
    }

    func describeArchive(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.DescribeArchiveRequest(decoding: call.request)
        let key = NamedKey(input.archiveName, of: call.request.caller)
        try require("DescribeArchive", on: key.arn("archive"), call)
        let (record, contents) = try await database.read { connection in
            let table = EventsTable(connection)
            guard let record = try table.archive(key) else { throw EventsFailure.noArchive(key.name) }
            return (record, try table.contents(of: key, since: record.start(now: call.now)))
        }
        return EventBridge.DescribeArchiveResponse(
            archiveArn: key.arn("archive"), archiveName: key.name, eventSourceArn: record.source,
            description: record.description, eventPattern: record.pattern, state: .enabled,
            retentionDays: record.days, sizeBytes: contents.bytes, eventCount: contents.count,
            creationTime: record.created.seconds
        ).encode()
    }

    func listArchives(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.ListArchivesRequest(decoding: call.request)
        try require("ListArchives", on: NamedKey("*", of: call.request.caller).arn("archive"), call)
        let bus = try input.eventSourceArn.map { (arn) throws(AWSError) in try ownBus(arn, call) }
        if let bus, try await buses.bus(bus) == nil { throw EventsFailure.noBus(bus.name) }
        if let state = input.state, state != .enabled {
            return EventBridge.ListArchivesResponse(archives: []).encode()
        }
        let (quota, caller) = (quotas.pageSize, call.request.caller)
        let (page, contents) = try await database.read { connection in
            let table = EventsTable(connection)
            let all = try table.archives(of: call.account, in: call.region).filter { name, record in
                name.hasPrefix(input.namePrefix ?? "") && input.eventSourceArn.map { $0 == record.source } ?? true
            }
            let page = try Page(all, after: input.nextToken, limit: input.limit, standard: quota) { $0.name }
            let contents = try page.elements.map { name, record in
                try table.contents(of: NamedKey(name, of: caller), since: record.start(now: call.now))
            }
            return (page, contents)
        }
        return EventBridge.ListArchivesResponse(
            archives: zip(page.elements, contents).map { archive, contents in
                EventBridge.Archive(
                    archiveName: archive.name, eventSourceArn: archive.record.source, state: .enabled,
                    retentionDays: archive.record.days, sizeBytes: contents.bytes, eventCount: contents.count,
                    creationTime: archive.record.created.seconds)
            }, nextToken: page.next
        ).encode()
    }

    func updateArchive(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.UpdateArchiveRequest(decoding: call.request)
        let key = NamedKey(input.archiveName, of: call.request.caller)
        try require("UpdateArchive", on: key.arn("archive"), call)
        try checkUnsupported(input.kmsKeyIdentifier)
        guard input.eventPattern != nil || input.retentionDays != nil || input.description != nil else {
            throw EventsFailure.validation(
                "At least one of EventPattern, RetentionDays or Description must be provided.")
        }
        if let pattern = input.eventPattern { try Self.check(pattern: pattern) }
        let record = try await database.write { connection in
            let table = EventsTable(connection)
            guard var record = try table.archive(key) else { throw EventsFailure.noArchive(key.name) }
            if let pattern = input.eventPattern { record.pattern = pattern }
            if let days = input.retentionDays { record.days = days }
            if let description = input.description { record.description = description }
            try table.put(record, key)
            return record
        }
        if let bus = BusKey(arn: record.source) { buses.forget(bus) }
        return EventBridge.UpdateArchiveResponse(
            archiveArn: key.arn("archive"), state: .enabled, creationTime: record.created.seconds
        ).encode()
    }

    func deleteArchive(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.DeleteArchiveRequest(decoding: call.request)
        let key = NamedKey(input.archiveName, of: call.request.caller)
        try require("DeleteArchive", on: key.arn("archive"), call)
        let record = try await database.write { connection in
            let table = EventsTable(connection)
            guard let record = try table.archive(key) else { throw EventsFailure.noArchive(key.name) }
            try table.deleteArchive(key)
            return record
        }
        if let bus = BusKey(arn: record.source) { buses.forget(bus) }
        // What is left when this fails or the server stops goes with what expires.
        try? await replays.clear(key)
        return EventBridge.DeleteArchiveResponse().encode()
    }
}
