import AWSWire
import CloudTrailModel
import Storage

extension CloudTrailService {
    private static let maximumResults = 50

    func lookupEvents(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try CloudTrail.LookupEventsRequest(decoding: request)
        let attribute = try Self.attribute(input.lookupAttributes)
        let limit = input.maxResults ?? Self.maximumResults
        guard (1...Self.maximumResults).contains(limit) else {
            throw CloudTrailError.invalidMaxResults(
                message: "Specify a max results between 1 and \(Self.maximumResults).")
        }
        let range = try range(input)
        let position = try input.nextToken.map { (token) throws(AWSError) in try Self.position(token) }
        if let category = input.eventCategory {
            guard category == .insight else {
                throw CloudTrailError.invalidEventCategory(message: "Event category \(category.rawValue) is invalid.")
            }
            // Nothing looks for insights here, so there are none.
            return CloudTrail.LookupEventsResponse(events: []).encode()
        }
        await trail.flush()
        let caller = request.caller
        let found = try await database.read { connection in
            try TrailTables(connection).list(
                account: caller.account.digits, region: caller.region, from: range.lowerBound, to: range.upperBound,
                attribute, after: position, limit: limit + 1)
        }
        let page = found.prefix(limit)
        let token = found.count > limit ? page.last.map { "\($0.position.time)/\($0.position.sequence)" } : nil
        return CloudTrail.LookupEventsResponse(
            events: page.map(Self.event), nextToken: token.map { Base64.encode($0.utf8) }
        ).encode()
    }

    private static func event(_ found: TrailTables.Found) -> CloudTrail.Event {
        CloudTrail.Event(
            eventId: found.id, eventName: found.name, readOnly: found.isReadOnly, accessKeyId: found.accessKeyID,
            eventTime: Double(found.position.time), eventSource: found.source, username: found.userName,
            resources: found.resources.map { CloudTrail.Resource(resourceType: $0.type, resourceName: $0.name) },
            cloudTrailEvent: found.document)
    }

    private static func attribute(_ attributes: [CloudTrail.LookupAttribute]?) throws(AWSError)
        -> TrailTables.Attribute?
    {
        guard let attributes, let first = attributes.first else { return nil }
        guard attributes.count == 1 else {
            throw CloudTrailError.invalidLookupAttributes(
                message: "Only one lookup attribute can be specified in a lookup request.")
        }
        let value = first.attributeValue
        guard !value.isEmpty, value.utf8.count <= 2_000 else {
            throw CloudTrailError.invalidLookupAttributes(message: "Specify a value for the lookup attribute.")
        }
        switch first.attributeKey {
        case .eventId: return .column("id", value)
        case .eventName: return .column("name", value)
        case .readOnly: return .column("read_only", value)
        case .username: return .column("user_name", value)
        case .eventSource: return .column("source", value)
        case .accessKeyId: return .column("access_key", value)
        case .resourceName: return .resourceName(value)
        case .resourceType: return .resourceType(value)
        default:
            throw CloudTrailError.invalidLookupAttributes(
                message: "Lookup attribute \(first.attributeKey.rawValue) is invalid.")
        }
    }

    /// In seconds since 1970. What is older than ninety days is not found.
    private func range(_ input: CloudTrail.LookupEventsRequest) throws(AWSError) -> ClosedRange<Int64> {
        let start = input.startTime.map { Int64($0.rounded(.up)) } ?? 0
        let end = input.endTime.map { Int64($0.rounded(.down)) } ?? .max
        if let first = input.startTime, let last = input.endTime, first > last {
            throw CloudTrailError.invalidTimeRange(message: "The start time must be before the end time.")
        }
        let from = max(start, clock() - 90 * 86_400)
        return from...max(from, end)
    }

    /// `time/sequence` in base64, as made above.
    private static func position(_ token: String) throws(AWSError) -> TrailTables.Position {
        let text = Base64.decodeText(token)
        let parts = text?.split(separator: "/").map { Int64($0) } ?? []
        guard parts.count == 2, let time = parts[0], let sequence = parts[1] else {
            throw CloudTrailError.invalidNextToken(message: "Invalid NextToken.")
        }
        return TrailTables.Position(time: time, sequence: sequence)
    }
}
