import AWSWire
import EventBridgeModel
import Policies
import Storage

extension EventsService {
    func createEventBus(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.CreateEventBusRequest(decoding: call.request)
        let key = BusKey(account: call.account, region: call.region, name: input.name)
        try require("CreateEventBus", on: key, nil, call, context: Tagging.context(input.tags ?? []))
        guard input.eventSourceName == nil else {
            throw AWSError.unsupported("Partner event sources are not implemented.")
        }
        try checkUnsupported(input.kmsKeyIdentifier, input.logConfig)
        guard !input.name.contains("/") else {
            throw EventsFailure.validation("Event bus name must not contain '/'.")
        }
        var record = BusRecord(created: call.now, modified: call.now)
        record.description = input.description
        record.deadLetters = input.deadLetterConfig?.arn
        record.tags = try Tagging.merged([], with: input.tags ?? [], limit: quotas.tagsPerResource)
        try await database.write { [record, quotas] connection in
            let table = EventsTable(connection)
            guard try table.bus(key, now: call.now) == nil else { throw EventsFailure.exists("Event bus \(key.name)") }
            let present = try table.buses(of: key.account, in: key.region).filter { $0.name != BusKey.standard }
            guard present.count + 1 < quotas.buses else { throw EventsFailure.tooMany }
            try table.put(record, key)
        }
        buses.forget(key)
        return EventBridge.CreateEventBusResponse(
            eventBusArn: key.arn, description: input.description, deadLetterConfig: input.deadLetterConfig
        ).encode()
    }

    private func checkUnsupported(_ key: String?, _ logs: EventBridge.LogConfig?) throws(AWSError) {
        guard key?.isEmpty ?? true else {
            throw .unsupported("Encryption of event buses with a key is not implemented.")
        }
        guard logs?.level == nil || logs?.level == .off else {
            throw .unsupported("Logs of event buses are not implemented.")
        }
    }

    func describeEventBus(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.DescribeEventBusRequest(decoding: call.request)
        let key = BusKey(input.name, of: call.request.caller)
        try require("DescribeEventBus", on: key, try await buses.bus(key), call)
        let record = try await bus(key, now: call.now)
        return EventBridge.DescribeEventBusResponse(
            name: key.name, arn: key.arn, description: record.description,
            deadLetterConfig: record.deadLetters.map { EventBridge.DeadLetterConfig(arn: $0) }, policy: record.policy,
            creationTime: record.created.seconds, lastModifiedTime: record.modified.seconds
        ).encode()
    }

    /// The default bus is written down as soon as somebody asks when it was made.
    private func bus(_ key: BusKey, now: Int64) async throws -> BusRecord {
        try await database.write { connection in
            let table = EventsTable(connection)
            guard let record = try table.bus(key, now: now) else { throw EventsFailure.noBus(key.name) }
            if key.isStandard { try table.put(record, key) }
            return record
        }
    }

    func listEventBuses(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.ListEventBusesRequest(decoding: call.request)
        let standard = BusKey(account: call.account, region: call.region, name: BusKey.standard)
        try require("ListEventBuses", on: BusKey(account: call.account, region: call.region, name: "*"), nil, call)
        _ = try await bus(standard, now: call.now)
        let all = try await database.read { try EventsTable($0).buses(of: call.account, in: call.region) }
            .filter { $0.name.hasPrefix(input.namePrefix ?? "") }
        let page = try Page(all, after: input.nextToken, limit: input.limit, standard: quotas.pageSize) { $0.name }
        return EventBridge.ListEventBusesResponse(
            eventBuses: page.elements.map { name, record in
                EventBridge.EventBus(
                    name: name, arn: BusKey(account: call.account, region: call.region, name: name).arn,
                    description: record.description, policy: record.policy, creationTime: record.created.seconds,
                    lastModifiedTime: record.modified.seconds)
            }, nextToken: page.next
        ).encode()
    }

    func updateEventBus(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.UpdateEventBusRequest(decoding: call.request)
        let key = BusKey(input.name, of: call.request.caller)
        try require("UpdateEventBus", on: key, try await buses.bus(key), call)
        try checkUnsupported(input.kmsKeyIdentifier, input.logConfig)
        let record = try await changeBus(key, now: call.now) { record in
            if let description = input.description { record.description = description }
            if let letters = input.deadLetterConfig { record.deadLetters = letters.arn }
        }
        return EventBridge.UpdateEventBusResponse(
            arn: key.arn, name: key.name, description: record.description,
            deadLetterConfig: record.deadLetters.map { EventBridge.DeadLetterConfig(arn: $0) }
        ).encode()
    }

    /// Deleting what is not there is as good. A bus takes its archives' events no longer, but leaves them.
    func deleteEventBus(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.DeleteEventBusRequest(decoding: call.request)
        let key = BusKey(input.name, of: call.request.caller)
        try require("DeleteEventBus", on: key, try await buses.bus(key), call)
        guard !key.isStandard else { throw EventsFailure.validation("Cannot delete event bus default.") }
        try await database.write { connection in
            let table = EventsTable(connection)
            guard try table.rules(of: key).isEmpty else {
                throw EventsFailure.validation("Event bus can't be deleted since it has rules.")
            }
            try table.delete(key)
        }
        buses.forget(key)
        return EventBridge.empty
    }

    /// Changes a bus that is there. The change is on disk when this returns.
    @discardableResult
    func changeBus(
        _ key: BusKey, now: Int64, _ work: @escaping @Sendable (inout BusRecord) throws -> Void
    ) async throws -> BusRecord {
        let record = try await database.write { connection in
            let table = EventsTable(connection)
            guard var record = try table.bus(key, now: now) else { throw EventsFailure.noBus(key.name) }
            try work(&record)
            record.modified = now
            try table.put(record, key)
            return record
        }
        buses.forget(key)
        return record
    }
}
