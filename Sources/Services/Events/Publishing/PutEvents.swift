import AWSWire
import EventBridgeModel
import NIOCore
import Policies

extension EventsService {
    /// Each entry stands for itself; what is accepted of them is one commit.
    func putEvents(_ call: Call) async throws -> ServiceResponse {
        let meters = PutEventsMeters(call, meters: meters)
        let begin = ContinuousClock.now
        defer { meters.took(.now - begin, at: clock()) }
        meters.called(size: call.request.body.readableBytes, at: call.now)
        do {
            let response = try await accept(call, meters)
            meters.succeeded(failures: response.failedEntryCount ?? 0, at: call.now)
            return response.encode()
        } catch {
            meters.failed(at: call.now)
            throw error
        }
    }

    private func accept(_ call: Call, _ meters: PutEventsMeters) async throws -> EventBridge.PutEventsResponse {
        let input = try EventBridge.PutEventsRequest(decoding: call.request)
        meters.read(entries: input.entries.count, at: call.now)
        guard input.endpointId == nil else { throw AWSError.unsupported("Global endpoints are not implemented.") }
        guard input.entries.reduce(0, { $0 + $1.bytes }) <= quotas.requestBytes else {
            throw EventsFailure.validation("Total size of the entries in the request is over the limit.")
        }
        var publication = Publisher.Publication()
        var results: [EventBridge.PutEventsResultEntry] = []
        for entry in input.entries {
            let key = BusKey(entry.eventBusName, of: call.request.caller)
            let bus = try await buses.bus(key)
            var context = AccessContext()
            if let source = entry.source { context["events:source"] = [source] }
            if let type = entry.detailType { context["events:detail-type"] = [type] }
            context["events:eventBusInvocation"] = ["false"]
            try require("PutEvents", on: key, bus, call, context: context)
            switch try event(entry, for: key, call) {
            case .failure(let refusal):
                results.append(
                    EventBridge.PutEventsResultEntry(errorCode: refusal.code, errorMessage: refusal.message))
            case .success(let event):
                results.append(EventBridge.PutEventsResultEntry(eventId: event.id))
                // AWS takes events for buses that are not there, and tells nobody of them.
                if let bus { publication.add(event, on: bus) }
            }
        }
        try await publisher.publish(publication)
        return EventBridge.PutEventsResponse(
            failedEntryCount: results.count { $0.errorCode != nil }, entries: results)
    }

    /// Why an entry is not taken.
    private struct Refusal: Error {
        var code: String
        var message: String

        static func missing(_ name: String) -> Refusal {
            Refusal(
                code: "InvalidArgument",
                message: "Parameter \(name) is not valid. Reason: \(name) is a required argument.")
        }

        static let late = Refusal(
            code: "InvalidArgument", message: "Parameter Time is not valid. Reason: It is out of range.")
        static let malformed = Refusal(code: "MalformedDetail", message: "Detail is malformed.")
        static let foreign = Refusal(
            code: "NotAuthorizedForSourceException", message: "Not authorized for the source.")
    }

    private func event(
        _ entry: EventBridge.PutEventsRequestEntry, for bus: BusKey, _ call: Call
    ) throws -> Result<Event, Refusal> {
        guard let source = entry.source, !source.isEmpty else { return .failure(.missing("Source")) }
        guard let type = entry.detailType, !type.isEmpty else { return .failure(.missing("DetailType")) }
        guard let text = entry.detail, !text.isEmpty else { return .failure(.missing("Detail")) }
        guard let detail = try? JSONValue(parsing: ByteBuffer(string: text)), detail.kind == .object else {
            return .failure(.malformed)
        }
        guard !source.hasPrefix("aws.") else { return .failure(.foreign) }
        var writer = JSONWriter()
        writer.write(detail)
        let now = call.now
        guard let time = entry.time.map({ Event.milliseconds(seconds: $0) }) ?? now else { return .failure(.late) }
        let content = Event.Content(
            id: RequestID.make(), source: source, detailType: type, account: call.request.caller.account.digits,
            region: bus.region, time: Event.time(time), resources: entry.resources ?? [], detail: writer.buffer)
        guard var event = try? Event(content, milliseconds: time, ingested: now) else { return .failure(.malformed) }
        event.trace = entry.traceHeader ?? call.request.header("x-amzn-trace-id")
        return .success(event)
    }
}

extension EventBridge.PutEventsRequestEntry {
    /// As AWS counts: "Calculating event entry size" in the user guide.
    fileprivate var bytes: Int {
        (time == nil ? 0 : 14) + [source, detailType, detail].reduce(0) { $0 + ($1?.utf8.count ?? 0) }
            + (resources ?? []).reduce(0) { $0 + $1.utf8.count }
    }
}
