import AWSWire
import CloudWatchModel
import Metrics
import Storage

/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
extension CloudWatchService {
    /// How long metrics without new samples are listed, in milliseconds.
    private static let listed: Int64 = 14 * 86_400_000
    private static let recent: Int64 = 3 * 3_600_000

    func listMetrics(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.ListMetricsInput(decoding: request)
        try authorize(.listMetrics, request)
        let account = request.caller.account.digits
        if let owner = input.owningAccount, owner != account || input.includeLinkedAccounts == true {
            throw AWSError.unsupported("Metrics of linked accounts are not supported.")
        }
        let since = clock() - (input.recentlyActive == nil ? Self.listed : Self.recent)
        let after = try input.nextToken.map { (token) throws(AWSError) in try PageToken(token).offset }
        let filters = input.dimensions ?? []
        var filter = MetricTable.Filter(
            account: account, region: request.caller.region, namespace: input.namespace, name: input.metricName,
            since: since)
        filter.dimensions = filters.map { ($0.name, $0.value) }
        await samples.flush()
        let limit = quotas.metricsInAnswer
        let found = try await database.read { [filter] connection in
            var found: [MetricTable.Listing] = []
            var place = after
            while true {
                let listed = try MetricTable(connection).list(filter, after: place, limit: limit + 1)
                found += listed.filter { listing in filters.allSatisfy { listing.key.matches($0) } }
                if found.count > limit || listed.count <= limit { return found }
                place = listed.last?.id
            }
        }
        let page = found.prefix(limit)
        return CloudWatch.ListMetricsOutput(
            metrics: page.map(\.key.shape),
            nextToken: found.count > limit ? page.last.map { PageToken(offset: $0.id).text } : nil)
    }
}

extension MetricKey {
    /// A filter without a value is of the name alone.
    fileprivate func matches(_ filter: CloudWatch.DimensionFilter) -> Bool {
        dimensions.contains { $0.name == filter.name && (filter.value == nil || filter.value == $0.value) }
    }

    var shape: CloudWatch.Metric {
        CloudWatch.Metric(
            namespace: namespace, metricName: name, dimensions: dimensions.map { .init(name: $0.name, value: $0.value) }
        )
    }
}

/// Where the next page begins.
struct PageToken: Sendable, Hashable {
    var offset: Int64

    init(offset: Int64) { self.offset = offset }

    /// - Throws: `InvalidNextToken`.
    init(_ text: String) throws(AWSError) {
        guard let bytes = Base64.decode(text), let offset = Int64(String(decoding: bytes, as: UTF8.self)),
            (0...1 << 53).contains(offset)
        else { throw .badToken }
        self.offset = offset
    }

    var text: String { Base64.encode(String(offset).utf8) }
}
