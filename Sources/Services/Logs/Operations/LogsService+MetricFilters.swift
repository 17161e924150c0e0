import AWSWire
import LogsModel
import Storage

/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html
extension LogsService {
    /// AWS's quota.
    private static let metricFilterLimit = 100

    func putMetricFilter(_ request: ServiceRequest) async throws -> ServiceResponse {
        try Self.checkLength(request)
        let input = try Logs.PutMetricFilterRequest(decoding: request)
        if input.applyOnTransformedLogs == true {
            throw AWSError.unsupported("Metric filters on transformed logs: not implemented.")
        }
        if input.fieldSelectionCriteria != nil || input.emitSystemFieldDimensions?.isEmpty == false {
            throw AWSError.unsupported("System fields of metric filters: not implemented.")
        }
        guard let transformation = input.metricTransformations.first else {
            throw LogsError.invalidParameter(message: "A metric transformation is missing.")
        }
        let key = GroupKey(input.logGroupName, of: request.caller)
        let pattern = try FilterPattern(parameter: input.filterPattern)
        do { _ = try MetricFilter(pattern, transformation, of: key) } catch {
            throw LogsError.invalidParameter(message: error.message)
        }
        let now = clock()
        try await database.write { connection in
            guard let group = try GroupRecord.find(key, on: connection) else { throw LogsFailure.noGroup }
            let others = try MetricFilterRecord.all(of: group.id, on: connection).filter {
                $0.id.name != input.filterName
            }
            guard others.count < Self.metricFilterLimit else {
                throw LogsError.limitExceeded(message: "Resource limit exceeded.")
            }
            let subscriptions = try SubscriptionRecord.all(of: group.id, on: connection)
            try pattern.checkExpressions(beside: others.map(\.pattern) + subscriptions.map(\.pattern))
            try MetricFilterRecord(
                id: .init(group: group.id, name: input.filterName), pattern: input.filterPattern,
                transformation: transformation, created: now
            ).put(on: connection)
        }
        return Logs.empty
    }

    func describeMetricFilters(_ request: ServiceRequest) async throws -> ServiceResponse {
        try Self.checkLength(request)
        let input = try Logs.DescribeMetricFiltersRequest(decoding: request)
        guard (input.metricName == nil) == (input.metricNamespace == nil) else {
            throw LogsError.invalidParameter(message: "metricName and metricNamespace must be specified together.")
        }
        var listing = MetricFilterRecord.Listing(
            account: request.caller.account.digits, region: request.caller.region,
            prefix: input.filterNamePrefix ?? "")
        if let name = input.metricName, let namespace = input.metricNamespace { listing.metric = (namespace, name) }
        if let token = input.nextToken { listing.after = try Self.place(token) }
        let (page, limit) = (listing, input.limit ?? 50)
        return try await database.read { connection in
            var listing = page
            if let name = input.logGroupName {
                guard let group = try GroupRecord.find(GroupKey(name, of: request.caller), on: connection) else {
                    throw LogsFailure.noGroup
                }
                listing.group = group.id
            }
            let found = try MetricFilterRecord.list(listing, limit: limit + 1, on: connection)
            let shown = found.prefix(limit)
            return Logs.DescribeMetricFiltersResponse(
                metricFilters: shown.map { $0.filter.shape(of: $0.group) },
                nextToken: found.count > limit ? shown.last.map { Self.token($0.filter.id.name, $0.group) } : nil)
        }.encode()
    }

    /// Names of filters have no colons.
    private static func token(_ filter: String, _ group: String) -> String { Base64.encode("\(filter):\(group)".utf8) }

    private static func place(_ token: String) throws(AWSError) -> (name: String, group: String) {
        guard let text = Base64.decodeText(token),
            let colon = text.firstIndex(of: ":")
        else { throw LogsFailure.invalidToken }
        return (String(text[..<colon]), String(text[text.index(after: colon)...]))
    }

    func deleteMetricFilter(_ request: ServiceRequest) async throws -> ServiceResponse {
        try Self.checkLength(request)
        let input = try Logs.DeleteMetricFilterRequest(decoding: request)
        let key = GroupKey(input.logGroupName, of: request.caller)
        try await database.write { connection in
            guard let group = try GroupRecord.find(key, on: connection) else { throw LogsFailure.noGroup }
            guard try MetricFilterRecord.delete(.init(group: group.id, name: input.filterName), on: connection) else {
                throw LogsError.resourceNotFound(message: "The specified metric filter does not exist.")
            }
        }
        return Logs.empty
    }

    /// Events are counted from 0, as the API reference's examples do.
    func testMetricFilter(_ request: ServiceRequest) throws -> ServiceResponse {
        let input = try Logs.TestMetricFilterRequest(decoding: request)
        let pattern = try FilterPattern(parameter: input.filterPattern)
        return Logs.TestMetricFilterResponse(
            matches: input.logEventMessages.enumerated().compactMap { number, message in
                pattern.match(Array(message.utf8)).map { match in
                    Logs.MetricFilterMatchRecord(
                        eventNumber: number, eventMessage: message, extractedValues: pattern.values(of: match))
                }
            }
        ).encode()
    }
}

extension MetricFilterRecord {
    fileprivate func shape(of group: String) -> Logs.MetricFilter {
        Logs.MetricFilter(
            filterName: id.name, filterPattern: pattern, metricTransformations: [transformation],
            creationTime: Int(created), logGroupName: group, applyOnTransformedLogs: false)
    }
}
