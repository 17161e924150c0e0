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
        let listing = try GroupListing(of: request.caller, after: input.nextToken, limit: input.limit)
        let names = NamePattern(input.logGroupNamePattern)
        let page = try await database.read { connection in
            try listing.read(on: connection) { group in
                names.fits(group.name) && (input.logGroupClass.map(\.rawValue) ?? group.logClass) == group.logClass
            }
        }
        return Logs.ListLogGroupsResponse(
            logGroups: page.groups.map { group in
                Logs.LogGroupSummary(
                    logGroupName: group.name, logGroupArn: listing.key(of: group).arn,
                    logGroupClass: Logs.LogGroupClass(rawValue: group.logClass))
            }, nextToken: page.nextToken
        ).encode()
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
