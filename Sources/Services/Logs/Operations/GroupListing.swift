import AWSWire
import Storage

/// Which groups of an account in a region are listed: one page of them by name.
struct GroupListing: Sendable {
    /// How many groups are read at a time while those that are meant are looked for.
    private static let batch = 100

    private let account: String
    private let region: String
    /// Of their names.
    private let prefix: String
    /// The last name of the page before.
    private let after: String?
    private let limit: Int

    /// - Parameters:
    ///   - token: As the page before has it.
    ///   - limit: 50 where a request does not say.
    /// - Throws: `InvalidParameterException` for a token that no page has.
    init(of caller: Caller, prefix: String = "", after token: String?, limit: Int?) throws(AWSError) {
        account = caller.account.digits
        region = caller.region
        self.prefix = prefix
        after = try token.map { (token) throws(AWSError) in
            guard let name = Base64.decodeText(token) else { throw LogsFailure.invalidToken }
            return name
        }
        self.limit = limit ?? 50
    }

    /// The groups that `isMeant` takes, and where the next page begins if there is one.
    func read(
        on connection: any SQLConnection, where isMeant: (GroupRecord) -> Bool
    ) throws(StorageError) -> (groups: ArraySlice<GroupRecord>, nextToken: String?) {
        var page: [GroupRecord] = []
        var from = max(prefix, after ?? "")
        var isInclusive = from != after
        walk: while true {
            let batch = try GroupRecord.list(
                account: account, region: region, from: from, inclusive: isInclusive, limit: Self.batch, on: connection)
            for group in batch {
                guard group.name.utf8.starts(with: prefix.utf8) else { break walk }
                if isMeant(group) { page.append(group) }
                if page.count > limit { break walk }
            }
            guard batch.count == Self.batch, let last = batch.last else { break }
            (from, isInclusive) = (last.name, false)
        }
        let shown = page.prefix(limit)
        return (shown, page.count > limit ? shown.last.map { Base64.encode($0.name.utf8) } : nil)
    }

    func key(of group: GroupRecord) -> GroupKey { GroupKey(account: account, region: region, name: group.name) }
}
