import AWSWire
import NIOCore
import Storage
import XRayModel

extension XRayService {
    /// How many traces one answer looks at, whether or not they pass its filter.
    private static let page = 100

    func getTraceSummaries(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try XRay.GetTraceSummariesRequest(decoding: request)
        let filter = try input.filterExpression.flatMap { (text) throws(AWSError) in try FilterParser.parse(text) }
        let order = try Self.order(input.timeRangeType)
        let range = try Self.range(input, order)
        let position = try input.nextToken.map { (token) throws(AWSError) in try Self.position(token) }
        await store.flush()
        let (summaries, last, count) = try await database.read { [owner = request.owner] connection in
            let tables = TraceTables(connection)
            let records = try tables.list(owner, by: order, within: range, after: position, limit: Self.page)
            var summaries: [XRay.TraceSummary] = []
            for record in records {
                let documents = try tables.documents(record.id, of: owner)
                let trace = Trace(id: record.id, documents: documents.map(\.text), account: owner.account)
                guard filter?.matches(trace) ?? true else { continue }
                var summary = trace.summary
                // As on AWS, where it is the time by which traces were looked for.
                if order == .started { summary.matchedEventTime = trace.start }
                summaries.append(summary)
            }
            return (summaries, records.count == Self.page ? records.last : nil, records.count)
        }
        return XRay.GetTraceSummariesResult(
            traceSummaries: summaries, approximateTime: Double(clock() / 1000), tracesProcessedCount: count,
            nextToken: last.map { "\(order == .time ? $0.time : $0.started)/\($0.id)" }
        ).encode()
    }

    private static func order(_ type: XRay.TimeRangeType?) throws(AWSError) -> TraceTables.Order {
        switch type {
        case nil, .traceId?: .time
        case .event?: .started
        default: throw .unsupported("TimeRangeType \(type?.rawValue ?? "") is not implemented.")
        }
    }

    /// In the units of the order.
    private static func range(
        _ input: XRay.GetTraceSummariesRequest, _ order: TraceTables.Order
    ) throws(AWSError) -> ClosedRange<Int64> {
        guard input.startTime <= input.endTime else {
            throw XRayError.invalidRequest(message: "StartTime must not be after EndTime.")
        }
        guard [input.startTime, input.endTime].allSatisfy((0..<RequestTime.years.upperBound).contains) else {
            throw XRayError.invalidRequest(message: "StartTime and EndTime must be times in seconds since 1970.")
        }
        let unit = order == .time ? 1.0 : 1000.0
        return Int64((input.startTime * unit).rounded(.down))...Int64((input.endTime * unit).rounded(.down))
    }

    /// `number/id`, as made above.
    private static func position(_ token: String) throws(AWSError) -> (at: Int64, id: String) {
        let parts = token.split(separator: "/", maxSplits: 1)
        guard parts.count == 2, let number = Int64(parts[0]) else {
            throw AWSError.invalidToken
        }
        return (number, String(parts[1]))
    }
}
