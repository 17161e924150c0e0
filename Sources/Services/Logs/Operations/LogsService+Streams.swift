import AWSWire
import LogsModel
import Storage

extension LogsService {
    func describeLogStreams(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.DescribeLogStreamsRequest(decoding: request)
        let key = try GroupKey(input.logGroupName, identifier: input.logGroupIdentifier, of: request.caller)
        let order = input.orderBy == .lastEventTime ? StreamRecord.Listing.Order.lastEvent : .name
        if order == .lastEvent, input.logStreamNamePrefix != nil {
            throw LogsError.invalidParameter(message: "Cannot order by LastEventTime with a logStreamNamePrefix.")
        }
        let listing = StreamRecord.Listing(
            order: order, isDescending: input.descending ?? false, prefix: input.logStreamNamePrefix ?? "",
            after: try input.nextToken.map { (text) throws(AWSError) in try StreamRecord.Cursor(token: text, for: order)
            })
        let limit = input.limit ?? 50
        return try await database.read { connection in
            guard let group = try GroupRecord.find(key, on: connection) else { throw LogsFailure.noGroup }
            let found = try StreamRecord.list(listing, in: group.id, limit: limit + 1, on: connection)
            let page = found.prefix(limit)
            let next = found.count > limit ? page.last.map { $0.cursor(for: order).token } : nil
            return Logs.DescribeLogStreamsResponse(logStreams: page.map { $0.shape(in: key) }, nextToken: next)
        }.encode()
    }

    func createLogStream(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.CreateLogStreamRequest(decoding: request)
        let key = GroupKey(input.logGroupName, of: request.caller)
        let now = clock()
        try await database.write { connection in
            guard let group = try GroupRecord.find(key, on: connection) else { throw LogsFailure.noGroup }
            guard try StreamRecord.find(input.logStreamName, in: group.id, on: connection) == nil else {
                throw LogsFailure.streamExists
            }
            _ = try StreamRecord.create(input.logStreamName, in: group.id, now: now, on: connection)
        }
        return Logs.empty
    }

    func deleteLogStream(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.DeleteLogStreamRequest(decoding: request)
        let key = GroupKey(input.logGroupName, of: request.caller)
        try await database.write { connection in
            guard let group = try GroupRecord.find(key, on: connection) else { throw LogsFailure.noGroup }
            guard let stream = try StreamRecord.find(input.logStreamName, in: group.id, on: connection) else {
                throw LogsFailure.noStream
            }
            try StreamRecord.delete(stream, in: group.id, on: connection)
        }
        removal.begin()
        return Logs.empty
    }
}

extension StreamRecord {
    func shape(in group: GroupKey) -> Logs.LogStream {
        // Since 2019 AWS reports 0 stored bytes for every stream.
        Logs.LogStream(
            logStreamName: name, creationTime: Int(created), firstEventTimestamp: firstEvent.map { Int($0) },
            lastEventTimestamp: firstEvent == nil ? nil : Int(lastEvent),
            lastIngestionTime: firstEvent == nil ? nil : Int(lastIngestion),
            arn: "\(group.arn):log-stream:\(name)", storedBytes: 0)
    }

    func cursor(for order: Listing.Order) -> Cursor {
        switch order {
        case .name: .name(name)
        case .lastEvent: .lastEvent(time: lastEvent, id: id)
        }
    }
}

extension StreamRecord.Cursor {
    var token: String {
        switch self {
        case .name(let name): Base64.encode(name.utf8)
        case .lastEvent(let time, let id): EventPosition(time: time, sequence: id).id
        }
    }

    /// - Throws: `InvalidParameterException`.
    init(token: String, for order: StreamRecord.Listing.Order) throws(AWSError) {
        switch order {
        case .name:
            guard let name = Base64.decodeText(token) else {
                throw LogsFailure.invalidToken
            }
            self = .name(name)
        case .lastEvent:
            guard let place = EventPosition(id: token) else { throw LogsFailure.invalidToken }
            self = .lastEvent(time: place.time, id: place.sequence)
        }
    }
}
