import AWSWire
import LogsModel
import Storage

/// Logs Insights: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AnalyzingLogData.html
extension LogsService {
    /// How many groups one query takes, as on AWS.
    private static let groupLimit = 50
    /// How many events one read takes, so that none keeps the store from tidying up.
    private static let batch = InsightsScan.Batch(events: 5_000, bytes: 8 << 20, time: .milliseconds(500))
    /// How long a query may run.
    private static let patience = Duration.seconds(900)

    func startQuery(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.StartQueryRequest(decoding: request)
        guard input.queryLanguage == nil || input.queryLanguage == .cwli else {
            throw AWSError.unsupported("Queries in SQL and PPL: not implemented.")
        }
        guard input.startTime <= input.endTime else {
            throw LogsError.invalidParameter(message: "The end time of a query must not be before its start time.")
        }
        // Seconds, which are to be milliseconds.
        guard input.endTime <= 1 << 50 else {
            throw LogsError.invalidParameter(message: "The end time of a query is too far away.")
        }
        let query: InsightsQuery
        do throws(InsightsFailure) {
            query = try InsightsQuery(input.queryString)
        } catch {
            throw LogsError.malformedQuery(message: "\(error.message) at character \(error.offset)")
        }
        let keys = try Self.groups(of: input, request.caller)
        let groups = try await database.read { connection in
            try keys.map { key in
                guard let group = try GroupRecord.find(key, on: connection) else { throw Self.noGroup(key, request) }
                return (key: key, id: group.id)
            }
        }
        let owner = InsightsStore.Owner(account: request.caller.account.digits, region: request.caller.region)
        let names = groups.map(\.key.name)
        let source = names.map { "\"\($0)\"" }.joined(separator: ", ")
        let entry = InsightsStore.Entry(
            id: RequestID.make(), groups: names,
            text: "SOURCE \(source) START=\(input.startTime)000 END=\(input.endTime)999 | \(input.queryString)",
            created: clock())
        let run = InsightsRun(query, limit: input.limit ?? InsightsParser.lines, isInOrder: groups.count == 1)
        let isStarted = queries.start(entry, of: owner) { [self] in
            await self.run(
                run, entry.id, owner, over: groups,
                after: EventPosition(time: Int64(input.startTime) * 1000, sequence: 0),
                before: EventPosition(time: (Int64(input.endTime) + 1) * 1000, sequence: 0))
        }
        guard isStarted else { throw LogsError.limitExceeded(message: "Too many queries run at once.") }
        return Logs.StartQueryResponse(queryId: entry.id).encode()
    }

    private static func groups(of input: Logs.StartQueryRequest, _ caller: Caller) throws(AWSError) -> [GroupKey] {
        let ways = [input.logGroupName.map { [$0] }, input.logGroupNames, input.logGroupIdentifiers].compactMap(\.self)
        guard ways.count == 1, let names = ways.first, !names.isEmpty else {
            throw LogsError.invalidParameter(
                message: "Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be specified.")
        }
        guard names.count <= groupLimit else {
            throw LogsError.invalidParameter(message: "A query takes \(groupLimit) log groups at most.")
        }
        var keys: [GroupKey] = []
        for name in names {
            let key = try GroupKey(nil, identifier: name, of: caller)
            if !keys.contains(key) { keys.append(key) }
        }
        return keys
    }

    /// As LocalStack's tests recorded it (`test_start_query_log_group_not_found`).
    private static func noGroup(_ key: GroupKey, _ request: ServiceRequest) -> AWSError {
        LogsError.resourceNotFound(
            message: "Log group '\(key.name)' does not exist for account ID '\(key.account)' (Service: AWSLogs; "
                + "Status Code: 400; Error Code: ResourceNotFoundException; Request ID: \(request.requestID); "
                + "Proxy: null)")
    }

    private func run(
        _ run: InsightsRun, _ id: String, _ owner: InsightsStore.Owner, over groups: [(key: GroupKey, id: Int64)],
        after: EventPosition, before: EventPosition
    ) async {
        var run = run
        let end = ContinuousClock.now + Self.patience
        do {
            search: for group in groups {
                let scope = EventQuery.Scope.group(group.id)
                var query = EventQuery(scope: scope, direction: .backward, after: after, before: before)
                var scan: InsightsScan
                repeat {
                    let (next, former) = (query, run)
                    let log = "\(owner.account):\(group.key.name)"
                    (scan, run) = try await turns.take {
                        try await database.read { connection in
                            var run = former
                            let scan = try InsightsScan(next, log: log, limit: Self.batch, &run, on: connection)
                            return (scan, run)
                        }
                    }
                    if let last = scan.last { query.before = last }
                    let isOurs = queries.change(id, of: owner) { entry in
                        entry.scanned += scan.count
                        entry.bytes += scan.bytes
                    }
                    guard isOurs else { return }
                    if ContinuousClock.now > end {
                        queries.change(id, of: owner) { $0.status = .timeout }
                        return
                    }
                } while !scan.isComplete && scan.wantsMore
                if !scan.wantsMore { break search }
            }
            let (rows, skipped) = run.finished()
            let lines = rows.map(\.shownFields)
            let matched = run.matched
            queries.change(id, of: owner) { entry in
                entry.keep(lines)
                entry.matched = matched
                entry.skipped = skipped
                entry.status = .complete
            }
        } catch {
            queries.change(id, of: owner) { $0.status = .failed }
        }
    }

    func getQueryResults(_ request: ServiceRequest) throws -> ServiceResponse {
        let input = try Logs.GetQueryResultsRequest(decoding: request)
        guard let entry = queries.find(input.queryId, of: owner(request)) else { throw LogsFailure.noQuery }
        let start = input.nextToken.flatMap { Int($0) } ?? 0
        guard (0...entry.lines.count).contains(start) else { throw LogsFailure.invalidToken }
        let page = entry.lines[start...].prefix(input.maxItems ?? InsightsParser.lines)
        return Logs.GetQueryResultsResponse(
            queryLanguage: .cwli, results: Array(page),
            statistics: Logs.QueryStatistics(
                recordsMatched: Double(entry.matched), recordsScanned: Double(entry.scanned),
                estimatedRecordsSkipped: Double(entry.skipped.events), bytesScanned: Double(entry.bytes),
                estimatedBytesSkipped: Double(entry.skipped.bytes),
                logGroupsScanned: Double(entry.groups.count)),
            status: entry.status, nextToken: page.endIndex < entry.lines.count ? String(page.endIndex) : nil
        ).encode()
    }

    func stopQuery(_ request: ServiceRequest) throws -> ServiceResponse {
        let input = try Logs.StopQueryRequest(decoding: request)
        guard queries.find(input.queryId, of: owner(request)) != nil else { throw LogsFailure.noQuery }
        guard queries.cancel(input.queryId, of: owner(request)) else {
            throw LogsError.invalidParameter(message: "The query is not running.")
        }
        return Logs.StopQueryResponse(success: true).encode()
    }

    func describeQueries(_ request: ServiceRequest) throws -> ServiceResponse {
        let input = try Logs.DescribeQueriesRequest(decoding: request)
        let all = queries.all(of: owner(request)).filter { entry in
            (input.logGroupName.map { entry.groups.contains($0) } ?? true)
                && (input.status.map { entry.status == $0 } ?? true)
                && (input.queryLanguage ?? .cwli) == .cwli
        }
        let start = input.nextToken.flatMap { token in all.firstIndex { $0.id == token } } ?? 0
        let page = all[start...].prefix(input.maxResults ?? 1_000)
        return Logs.DescribeQueriesResponse(
            queries: page.map { entry in
                Logs.QueryInfo(
                    queryLanguage: .cwli, queryId: entry.id, queryString: entry.text, status: entry.status,
                    createTime: Int(entry.created), logGroupName: entry.groups.first)
            }, nextToken: page.endIndex < all.count ? all[page.endIndex].id : nil
        ).encode()
    }

    private func owner(_ request: ServiceRequest) -> InsightsStore.Owner {
        InsightsStore.Owner(account: request.caller.account.digits, region: request.caller.region)
    }
}

/// One read of a query: a number of events, and how far it came.
struct InsightsScan: Sendable {
    /// How much one read does at most, so that others get their turn, and it is seen that nobody waits any more.
    struct Batch: Sendable {
        var events: Int
        var bytes: Int
        var time: Duration
    }

    private(set) var count = 0
    private(set) var bytes = 0
    private(set) var last: EventPosition?
    private(set) var isComplete = false
    private(set) var wantsMore = true

    init(
        _ query: EventQuery, log: String, limit: Batch, _ run: inout InsightsRun, on connection: any SQLConnection
    ) throws(StorageError) {
        let end = ContinuousClock.now + limit.time
        var names: [Int64: String?] = [:]
        isComplete = try query.forEach(on: connection) { (event) throws(StorageError) in
            guard wantsMore, count < limit.events, bytes < limit.bytes, count == 0 || ContinuousClock.now < end else {
                return .stop
            }
            count += 1
            bytes += event.size
            last = event.position
            let known = names[event.streamID]
            let name: String?
            if let known { name = known } else { name = try StreamRecord.name(of: event.streamID, on: connection) }
            names[event.streamID] = .some(name)
            // Its stream was deleted.
            guard let name else { return .proceed }
            wantsMore = run.add(InsightsFields.row(of: event, log: log, stream: name))
            return wantsMore ? .proceed : .stop
        }
    }
}

extension InsightsRow {
    /// What a result has of the row, and where the event is found.
    fileprivate var shownFields: [Logs.ResultField] {
        let names = shown.isEmpty && fields["@ptr"] != nil ? InsightsQuery.standardFields : shown
        return (names + (fields["@ptr"] == nil ? [] : ["@ptr"])).compactMap { name in
            fields[name].map { Logs.ResultField(field: name, value: $0.text) }
        }
    }
}
