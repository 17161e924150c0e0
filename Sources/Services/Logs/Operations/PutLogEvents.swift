import AWSWire
import LogsModel
import Storage

/// What AWS takes in one request, and from when: API reference, PutLogEvents.
enum Upload {
    /// Of all events together, each with ``LogWriter/eventOverhead``.
    static let bytes = 1_048_576
    /// Milliseconds from the first event to the last.
    static let span: Int64 = 86_400_000
    static let future: Int64 = 2 * 3_600_000
    static let past: Int64 = 14 * 86_400_000

    /// The times that are taken at `now`.
    static func range(_ now: Int64) -> ClosedRange<Int64> { now - past...now + future }
}

extension LogsService {
    /// Acknowledges events once they are stored.
    func putLogEvents(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.PutLogEventsRequest(decoding: request)
        guard input.entity == nil else { throw AWSError.unsupported("Entities of log events: not implemented.") }
        try Self.check(input.logEvents)
        let key = StreamKey(group: GroupKey(input.logGroupName, of: request.caller), name: input.logStreamName)
        let now = clock()
        let (answer, written) = try await database.write {
            [followers, defaultDays = retention.defaultDays] connection in
            guard let group = try GroupRecord.find(key.group, on: connection) else { throw LogsFailure.noGroup }
            guard try StreamRecord.find(key.name, in: group.id, on: connection) != nil else {
                throw LogsFailure.noStream
            }
            let acceptance = Acceptance(
                input.logEvents, now: now, retentionDays: group.retentionDays ?? defaultDays.map(Int64.init))
            let written = try LogWriter.put(
                input.logEvents[acceptance.accepted], to: key, now: now, followers, on: connection)
            let answer = Logs.PutLogEventsResponse(
                nextSequenceToken: (written.last ?? EventPosition(time: now, sequence: 0)).id,
                rejectedLogEventsInfo: acceptance.rejected)
            return (answer, written)
        }
        followers.settle(written)
        return answer.encode()
    }

    /// - Throws: `InvalidParameterException`: then nothing is taken.
    private static func check(_ events: [Logs.InputLogEvent]) throws(AWSError) {
        let bytes = events.reduce(0) { $0 + $1.message.utf8.count + LogWriter.eventOverhead }
        if bytes > Upload.bytes {
            throw LogsError.invalidParameter(
                message: "Upload too large: \(bytes) bytes exceeds limit of \(Upload.bytes)")
        }
        guard zip(events, events.dropFirst()).allSatisfy({ $0.timestamp <= $1.timestamp }) else {
            throw LogsError.invalidParameter(
                message: "Log events in a single PutLogEvents request must be in chronological order.")
        }
        if let first = events.first, let last = events.last, Int64(last.timestamp - first.timestamp) > Upload.span {
            throw LogsError.invalidParameter(
                message: "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
        }
    }
}

/// Which events of a request are taken: those that are neither too old nor too new. They are in order.
private struct Acceptance {
    var accepted: Range<Int>
    var rejected: Logs.RejectedLogEventsInfo?

    init(_ events: [Logs.InputLogEvent], now: Int64, retentionDays: Int64?) {
        func first(notBefore time: Int64) -> Int {
            events.firstIndex { Int64($0.timestamp) >= time } ?? events.count
        }
        let tooOld = first(notBefore: now - Upload.past)
        let expired = retentionDays.map { first(notBefore: now - $0 * 86_400_000) } ?? 0
        let tooNew = first(notBefore: now + Upload.future + 1)
        let start = max(tooOld, expired)
        accepted = start..<max(start, tooNew)
        if tooOld > 0 || expired > 0 || tooNew < events.count {
            rejected = Logs.RejectedLogEventsInfo(
                tooNewLogEventStartIndex: tooNew < events.count ? tooNew : nil,
                tooOldLogEventEndIndex: tooOld > 0 ? tooOld : nil,
                expiredLogEventEndIndex: expired > tooOld ? expired : nil)
        }
    }
}
