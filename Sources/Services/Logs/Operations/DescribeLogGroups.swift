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
        var identified: Set<String>?
        for identifier in input.logGroupIdentifiers ?? [] {
            identified = (identified ?? []).union([try GroupKey(nil, identifier: identifier, of: request.caller).name])
        }
        let names = identified
        let pattern = input.logGroupNamePattern ?? ""
        let listing = try GroupListing(
            of: request.caller, prefix: input.logGroupNamePrefix ?? "", after: input.nextToken, limit: input.limit)
        let page = try await database.read { connection in
            try listing.read(on: connection) { group in
                names?.contains(group.name) != false && (pattern.isEmpty || group.name.contains(pattern))
                    && (input.logGroupClass.map(\.rawValue) ?? group.logClass) == group.logClass
            }
        }
        return Logs.DescribeLogGroupsResponse(
            logGroups: page.groups.map { group in
                var shape = group.shape(in: listing.key(of: group))
                // As AWS does, which looks for patterns in an index that does not have these.
                if !pattern.isEmpty { (shape.storedBytes, shape.deletionProtectionEnabled) = (nil, nil) }
                return shape
            }, nextToken: page.nextToken
        ).encode()
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
