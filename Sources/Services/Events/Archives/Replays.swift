import AWSWire
import EventBridgeModel
import Storage

extension EventsService {
    func startReplay(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.StartReplayRequest(decoding: call.request)
        let key = NamedKey(input.replayName, of: call.request.caller)
        try require("StartReplay", on: key.arn("replay"), call)
        let archive = try archive(input.eventSourceArn, call)
        guard let bus = BusKey(arn: input.destination.arn) else {
            throw EventsFailure.parameter("Destination.Arn", "Must contain an event bus ARN.")
        }
        guard input.eventStartTime < input.eventEndTime else {
            throw EventsFailure.parameter("EventEndTime", "EventStartTime must be before EventEndTime.")
        }
        guard let from = Event.milliseconds(seconds: input.eventStartTime),
            let to = Event.milliseconds(seconds: input.eventEndTime)
        else { throw EventsFailure.parameter("EventStartTime", "It is out of range.") }
        var record = ReplayRecord(
            created: call.now, source: archive.arn("archive"), destination: bus.arn, from: from, to: to,
            state: EventBridge.ReplayState.starting.rawValue)
        record.description = input.description
        record.rules = input.destination.filterArns.flatMap { $0.isEmpty ? nil : $0 }
        try await database.write { [record, quotas] connection in
            let table = EventsTable(connection)
            guard try table.bus(bus, now: call.now) != nil else { throw EventsFailure.noBus(bus.name) }
            guard let source = try table.archive(archive) else {
                throw EventsFailure.parameter("EventSourceArn", "Archive \(archive.name) does not exist.")
            }
            guard source.source == bus.arn else {
                throw EventsFailure.parameter("Destination.Arn", "Cross event bus replay is not permitted.")
            }
            guard try table.replay(key) == nil else { throw EventsFailure.exists("Replay \(key.name)") }
            let active = try table.countActiveReplays(of: call.account, in: call.region)
            guard active < quotas.activeReplays else { throw EventsFailure.tooMany }
            try table.put(record, key)
        }
        replays.wake()
        return EventBridge.StartReplayResponse(
            replayArn: key.arn("replay"), state: .starting, replayStartTime: record.created.seconds
        ).encode()
    }

    private func archive(_ arn: String, _ call: Call) throws(AWSError) -> NamedKey {
        guard let arn = ARN(arn), arn.account == call.account, arn.region == call.region,
            arn.resource.hasPrefix("archive/")
        else { throw EventsFailure.parameter("EventSourceArn", "Must contain an archive ARN.") }
        return NamedKey(String(arn.resource.dropFirst("archive/".count)), of: call.request.caller)
    }

    func describeReplay(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.DescribeReplayRequest(decoding: call.request)
        let key = NamedKey(input.replayName, of: call.request.caller)
        try require("DescribeReplay", on: key.arn("replay"), call)
        guard let record = try await database.read({ try EventsTable($0).replay(key) }) else {
            throw EventsFailure.noReplay(key.name)
        }
        return EventBridge.DescribeReplayResponse(
            replayName: key.name, replayArn: key.arn("replay"), description: record.description,
            state: EventBridge.ReplayState(rawValue: record.state), eventSourceArn: record.source,
            destination: EventBridge.ReplayDestination(arn: record.destination, filterArns: record.rules),
            eventStartTime: record.from.seconds, eventEndTime: record.to.seconds,
            eventLastReplayedTime: record.lastTime?.seconds, replayStartTime: record.created.seconds,
            replayEndTime: record.ended?.seconds
        ).encode()
    }

    func listReplays(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.ListReplaysRequest(decoding: call.request)
        try require("ListReplays", on: NamedKey("*", of: call.request.caller).arn("replay"), call)
        let all = try await database.read { try EventsTable($0).replays(of: call.account, in: call.region) }
            .filter { name, record in
                name.hasPrefix(input.namePrefix ?? "") && input.eventSourceArn.map { $0 == record.source } ?? true
                    && input.state.map { $0.rawValue == record.state } ?? true
            }
        let page = try Page(all, after: input.nextToken, limit: input.limit, standard: quotas.pageSize) { $0.name }
        return EventBridge.ListReplaysResponse(
            replays: page.elements.map { name, record in
                EventBridge.Replay(
                    replayName: name, eventSourceArn: record.source,
                    state: EventBridge.ReplayState(rawValue: record.state), eventStartTime: record.from.seconds,
                    eventEndTime: record.to.seconds, eventLastReplayedTime: record.lastTime?.seconds,
                    replayStartTime: record.created.seconds, replayEndTime: record.ended?.seconds)
            }, nextToken: page.next
        ).encode()
    }

    func cancelReplay(_ call: Call) async throws -> ServiceResponse {
        let input = try EventBridge.CancelReplayRequest(decoding: call.request)
        let key = NamedKey(input.replayName, of: call.request.caller)
        try require("CancelReplay", on: key.arn("replay"), call)
        try await database.write { connection in
            let table = EventsTable(connection)
            guard var record = try table.replay(key) else { throw EventsFailure.noReplay(key.name) }
            guard ["STARTING", "RUNNING"].contains(record.state) else {
                throw EventBridgeError.illegalStatus(
                    message: "Replay \(key.name) is not in a valid state for this operation.")
            }
            record.state = EventBridge.ReplayState.cancelling.rawValue
            try table.put(record, key)
        }
        replays.wake()
        return EventBridge.CancelReplayResponse(replayArn: key.arn("replay"), state: .cancelling).encode()
    }
}
