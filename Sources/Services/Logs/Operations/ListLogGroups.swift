import AWSWire
import LogsModel
import Storage

/// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListLogGroups.html
extension LogsService {
    func listLogGroups(_ request: ServiceRequest) async throws -> ServiceResponse {
        let input = try Logs.ListLogGroupsRequest(decoding: request)
        let account = request.caller.account.digits
        guard input.includeLinkedAccounts != true, input.accountIdentifiers?.contains(where: { $0 != account }) != true
        else { throw AWSError.unsupported("Log groups of linked accounts: not implemented.") }
        guard input.dataSources == nil, input.fieldIndexNames == nil, input.logGroupTags == nil else {
            throw AWSError.unsupported("Listing by data sources, field indexes and tags: not implemented.")
        }
        let after = try input.nextToken.map { (token) throws(AWSError) in
            guard let name = Base64.decodeText(token) else { throw LogsFailure.invalidToken }
            return name
        }
        let region = request.caller.region
        let limit = input.limit ?? 50
        let names = NamePattern(input.logGroupNamePattern)
        return try await database.read { connection in
            var page: [GroupRecord] = []
            var (from, isInclusive) = (after ?? "", after == nil)
            while page.count <= limit {
                let batch = try GroupRecord.list(
                    account: account, region: region, from: from, inclusive: isInclusive, limit: 100, on: connection)
                page += batch.filter {
                    names.fits($0.name) && (input.logGroupClass.map(\.rawValue) ?? $0.logClass) == $0.logClass
                }
                guard batch.count == 100, let last = batch.last else { break }
                (from, isInclusive) = (last.name, false)
            }
            let shown = page.prefix(limit)
            return Logs.ListLogGroupsResponse(
                logGroups: shown.map { group in
                    Logs.LogGroupSummary(
                        logGroupName: group.name,
                        logGroupArn: GroupKey(account: account, region: region, name: group.name).arn,
                        logGroupClass: Logs.LogGroupClass(rawValue: group.logClass))
                },
                nextToken: page.count > limit ? shown.last.map { Base64.encode($0.name.utf8) } : nil)
        }.encode()
    }
}

/// `^/aws/lambda|queue`: up to five texts that a name begins with or has in it.
private struct NamePattern: Sendable {
    private let texts: [String]

    init(_ pattern: String?) { texts = pattern.map { $0.split(separator: "|").map(String.init) } ?? [] }

    func fits(_ name: String) -> Bool {
        texts.isEmpty
            || texts.contains { text in
                text.hasPrefix("^") ? name.hasPrefix(text.dropFirst()) : name.contains(text)
            }
    }
}
