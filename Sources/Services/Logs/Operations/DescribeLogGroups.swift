import AWSWire
import LogsModel
import Storage

extension LogsService {
    func describeLogGroups(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.DescribeLogGroupsRequest(decoding: request)
        if input.logGroupNamePrefix != nil, input.logGroupNamePattern != nil {
            throw LogsError.invalidParameter(
                message: "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        }
        let after = try input.nextToken.map { (token) throws(AWSError) in
            guard let name = Base64.decodeText(token) else {
                throw LogsFailure.invalidToken
            }
            return name
        }
        let listing = try GroupListing(input, caller: request.caller, after: after)
        return try await database.read { connection in try listing.read(on: connection) }.encode()
    }
}

/// One page of groups by name.
private struct GroupListing: Sendable {
    private let account: String
    private let region: String
    private let prefix: String
    private let pattern: String
    private let logClass: String?
    private let names: Set<String>?
    private let after: String?
    private let limit: Int

    init(_ input: Logs.DescribeLogGroupsRequest, caller: Caller, after: String?) throws(AWSError) {
        account = caller.account.digits
        region = caller.region
        prefix = input.logGroupNamePrefix ?? ""
        pattern = input.logGroupNamePattern ?? ""
        logClass = input.logGroupClass?.rawValue
        limit = input.limit ?? 50
        self.after = after
        var names: Set<String>?
        for identifier in input.logGroupIdentifiers ?? [] {
            names = (names ?? []).union([try GroupKey(nil, identifier: identifier, of: caller).name])
        }
        self.names = names
    }

    func read(on connection: any SQLConnection) throws(StorageError) -> Logs.DescribeLogGroupsResponse {
        var page: [GroupRecord] = []
        var from = max(prefix, after ?? "")
        var isInclusive = from != after
        walk: while true {
            let batch = try GroupRecord.list(
                account: account, region: region, from: from, inclusive: isInclusive, limit: 100, on: connection)
            for group in batch {
                guard group.name.utf8.starts(with: prefix.utf8) else { break walk }
                if accepts(group) { page.append(group) }
                if page.count > limit { break walk }
            }
            guard batch.count == 100, let last = batch.last else { break }
            (from, isInclusive) = (last.name, false)
        }
        let shown = page.prefix(limit)
        let next = page.count > limit ? shown.last.map { Base64.encode($0.name.utf8) } : nil
        return Logs.DescribeLogGroupsResponse(
            logGroups: shown.map { group in
                var shape = group.shape(in: GroupKey(account: account, region: region, name: group.name))
                // As AWS does, which looks for patterns in an index that does not have these.
                if !pattern.isEmpty { (shape.storedBytes, shape.deletionProtectionEnabled) = (nil, nil) }
                return shape
            },
            nextToken: next)
    }

    private func accepts(_ group: GroupRecord) -> Bool {
        if let names, !names.contains(group.name) { return false }
        if let logClass, group.logClass != logClass { return false }
        return pattern.isEmpty || group.name.contains(pattern)
    }
}

extension GroupRecord {
    func shape(in key: GroupKey) -> Logs.LogGroup {
        Logs.LogGroup(
            logGroupName: name, creationTime: Int(created), retentionInDays: retentionDays.map(Int.init),
            metricFilterCount: Int(metricFilters), arn: "\(key.arn):*", storedBytes: Int(storedBytes),
            logGroupClass: Logs.LogGroupClass(rawValue: logClass), logGroupArn: key.arn,
            deletionProtectionEnabled: false)
    }
}
