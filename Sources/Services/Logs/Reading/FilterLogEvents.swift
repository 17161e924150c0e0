import AWSWire
import LogsModel
import Storage

/// FilterLogEvents: the events of all or some streams of a group, in the order of their times.
///
/// The token is the place of the last event that was looked at. An answer may hold few events, or none, and yet a
/// token: then the search has not seen everything.
struct GroupPage: Sendable {
    private enum Streams: Sendable {
        case all
        case some(Set<Int64>)
        case prefix(String)
    }

    private var query: EventQuery
    private let pattern: FilterPattern
    private let streams: Streams
    private let limit: Int?

    /// - Throws: `ResourceNotFoundException` for a stream that is not there, `InvalidParameterException`;
    ///   `StorageError`.
    init(_ input: Logs.FilterLogEventsRequest, group: GroupRecord, on connection: any SQLConnection) throws {
        pattern = try FilterPattern(parameter: input.filterPattern ?? "")
        limit = input.limit
        if let names = input.logStreamNames {
            guard input.logStreamNamePrefix == nil else { throw LogsFailure.namesAndPrefix }
            let ids = try names.map { name in
                guard let stream = try StreamRecord.find(name, in: group.id, on: connection) else {
                    throw LogsFailure.noStream
                }
                return stream.id
            }
            streams = .some(Set(ids))
        } else if let prefix = input.logStreamNamePrefix {
            streams = .prefix(prefix)
        } else {
            streams = .all
        }
        var scope = EventQuery.Scope.group(group.id)
        if case .some(let ids) = streams, ids.count == 1, let id = ids.first { scope = .stream(id) }
        // Both ends are inclusive here, unlike GetLogEvents'; sequences count from 1.
        query = EventQuery(
            scope: scope, direction: .forward, after: EventPosition(time: Int64(input.startTime ?? 0), sequence: 0),
            before: EventPosition(time: input.endTime.map(Int64.init) ?? .max, sequence: .max))
        if let token = input.nextToken {
            guard let position = EventPosition(id: token) else { throw LogsFailure.invalidToken }
            query.after = max(query.after, position)
        }
    }

    func read(on connection: any SQLConnection) throws(StorageError) -> Logs.FilterLogEventsResponse {
        var budget = PageBudget(limit: limit)
        var names: [Int64: String?] = [:]
        var events: [Logs.FilteredLogEvent] = []
        var last = query.after
        let isComplete = try query.forEach(on: connection) { (event) throws(StorageError) in
            guard !budget.isSpent else { return .stop }
            if let name = try name(of: event.streamID, &names, on: connection), pattern.matches(event.message) {
                guard budget.fits(event, first: events.isEmpty) else { return .stop }
                events.append(Self.shape(event, stream: name))
                budget.add(event)
            }
            budget.addSearched(event)
            last = event.position
            return .proceed
        }
        return Logs.FilterLogEventsResponse(
            events: events, searchedLogStreams: [], nextToken: isComplete ? nil : last.id)
    }

    /// The stream's name if its events are asked for; nil also when it was deleted meanwhile.
    private func name(
        of id: Int64, _ names: inout [Int64: String?], on connection: any SQLConnection
    ) throws(StorageError) -> String? {
        if case .some(let ids) = streams, !ids.contains(id) { return nil }
        if let known = names[id] { return known }
        var name = try StreamRecord.name(of: id, on: connection)
        if case .prefix(let prefix) = streams, name?.utf8.starts(with: prefix.utf8) != true { name = nil }
        names[id] = .some(name)
        return name
    }

    private static func shape(_ event: EventRecord, stream: String) -> Logs.FilteredLogEvent {
        Logs.FilteredLogEvent(
            logStreamName: stream, timestamp: Int(event.position.time),
            message: String(decoding: event.message, as: UTF8.self), ingestionTime: Int(event.ingested),
            eventId: event.position.id)
    }
}
