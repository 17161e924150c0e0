import AWSWire
import LogsModel
import Storage

/// GetLogEvents: one stream, paged in both directions.
///
/// A token names a place between events and a direction: `f/` gives what comes after it, `b/` what comes before. When
/// there is nothing more in a direction, the answer repeats the token that it was asked with, as AWS's does.
struct StreamPage: Sendable {
    private enum Token {
        case forward(after: EventPosition)
        case backward(before: EventPosition)

        /// - Throws: `InvalidParameterException`.
        init(_ text: String) throws(AWSError) {
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 3, parts[2] == "s", let position = EventPosition(id: parts[1]) else {
                throw LogsFailure.invalidToken
            }
            switch parts[0] {
            case "f": self = .forward(after: position)
            case "b": self = .backward(before: position)
            default: throw LogsFailure.invalidToken
            }
        }

        var text: String {
            switch self {
            case .forward(let position): "f/\(position.id)/s"
            case .backward(let position): "b/\(position.id)/s"
            }
        }
    }

    private let query: EventQuery
    private let limit: Int?
    private let token: Token?

    init(_ input: Logs.GetLogEventsRequest, stream: Int64) throws(AWSError) {
        token = try input.nextToken.map { (text) throws(AWSError) in try Token(text) }
        limit = input.limit
        // The start is inclusive and the end is not; sequences count from 1.
        var query = EventQuery(
            scope: .stream(stream), direction: input.startFromHead == true ? .forward : .backward,
            after: EventPosition(time: Int64(input.startTime ?? 0), sequence: 0),
            before: EventPosition(time: input.endTime.map(Int64.init) ?? .max, sequence: 0))
        switch token {
        case .forward(let position):
            query.direction = .forward
            query.after = max(query.after, position)
        case .backward(let position):
            query.direction = .backward
            query.before = min(query.before, position)
        case nil: break
        }
        self.query = query
    }

    func read(on connection: any SQLConnection) throws(StorageError) -> Logs.GetLogEventsResponse {
        var budget = PageBudget(limit: limit)
        var events: [EventRecord] = []
        _ = try query.forEach(on: connection) { (event) throws(StorageError) in
            guard budget.fits(event, first: events.isEmpty) else { return .stop }
            events.append(event)
            budget.add(event)
            return budget.isSpent ? .stop : .proceed
        }
        if query.direction == .backward { events.reverse() }
        let (forward, backward) = tokens(first: events.first?.position, last: events.last?.position)
        return Logs.GetLogEventsResponse(
            events: events.map {
                Logs.OutputLogEvent(
                    timestamp: Int($0.position.time), message: String(decoding: $0.message, as: UTF8.self),
                    ingestionTime: Int($0.ingested))
            },
            nextForwardToken: forward.text, nextBackwardToken: backward.text)
    }

    private func tokens(first: EventPosition?, last: EventPosition?) -> (forward: Token, backward: Token) {
        if let first, let last { return (.forward(after: last), .backward(before: first)) }
        switch token {
        case .forward(let position)?:
            return (.forward(after: position), .backward(before: Self.next(position)))
        case .backward(let position)?:
            return (.forward(after: Self.previous(position)), .backward(before: position))
        case nil:
            return (.forward(after: query.after), .backward(before: query.after))
        }
    }

    /// The place before which an event at `position` comes.
    private static func next(_ position: EventPosition) -> EventPosition {
        EventPosition(time: position.time, sequence: position.sequence == .max ? .max : position.sequence + 1)
    }

    /// The place after which an event at `position` comes.
    private static func previous(_ position: EventPosition) -> EventPosition {
        EventPosition(time: position.time, sequence: max(0, position.sequence - 1))
    }
}
