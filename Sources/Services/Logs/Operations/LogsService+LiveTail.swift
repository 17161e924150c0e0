import AWSWire
import LogsModel
import NIOHTTP1
import Storage

/// Live Tail: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartLiveTail.html
extension LogsService {
    /// Answers with a stream of what is stored from now on.
    func startLiveTail(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.StartLiveTailRequest(decoding: request)
        let keys = try Self.tailedGroups(input, request.caller)
        let streams = try Self.tailedStreams(input)
        let pattern = try FilterPattern(parameter: input.logEventFilterPattern ?? "")
        try await database.read { connection in
            for key in keys {
                guard let group = try GroupRecord.find(key, on: connection) else { throw LogsFailure.noGroup }
                guard group.logClass != Logs.LogGroupClass.infrequentAccess.rawValue else {
                    throw LogsError.invalidOperation(
                        message: "Live Tail is not supported for log groups of the Infrequent Access log class.")
                }
            }
        }
        let session = LiveTailSession(
            owner: .init(account: request.caller.account.digits, region: request.caller.region), groups: keys,
            streams: streams, pattern: pattern, started: clock())
        session.begin([
            LiveTailFrames.initial,
            LiveTailFrames.start(input, requestID: request.requestID, sessionID: RequestID.make()),
        ])
        guard tails.add(session) else {
            throw LogsError.limitExceeded(message: "The limit on concurrent Live Tail sessions has been reached.")
        }
        return ServiceResponse(
            headers: ["Content-Type": "application/vnd.amazon.eventstream"], stream: session.stream)
    }

    /// Groups are named by their ARNs here, without `:*`.
    private static func tailedGroups(
        _ input: Logs.StartLiveTailRequest, _ caller: Caller
    ) throws(AWSError) -> [GroupKey] {
        var keys: [GroupKey] = []
        for identifier in input.logGroupIdentifiers {
            guard identifier.hasPrefix("arn:"), !identifier.hasSuffix("*") else {
                throw LogsError.invalidParameter(
                    message: "The log group identifier '\(identifier)' must be an ARN that does not end in an "
                        + "asterisk.")
            }
            let key = try GroupKey(nil, identifier: identifier, of: caller)
            if !keys.contains(key) { keys.append(key) }
        }
        return keys
    }

    private static func tailedStreams(_ input: Logs.StartLiveTailRequest) throws(AWSError) -> LiveTailSession.Streams {
        if input.logStreamNames != nil, input.logStreamNamePrefixes != nil { throw LogsFailure.namesAndPrefix }
        if input.logStreamNames != nil || input.logStreamNamePrefixes != nil, input.logGroupIdentifiers.count > 1 {
            throw LogsError.invalidParameter(
                message: "Log streams can be chosen of one log group only: logGroupIdentifiers must have one item.")
        }
        if let names = input.logStreamNames { return .names(Set(names)) }
        return input.logStreamNamePrefixes.map { .prefixes($0) } ?? .all
    }
}
