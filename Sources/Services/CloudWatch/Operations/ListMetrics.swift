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
        var place = try input.nextToken.map { (token) throws(AWSError) in try PageToken(token).offset } ?? 0
        let filters = input.dimensions ?? []
        await samples.flush()
        let limit = quotas.metricsInAnswer
        let region = request.caller.region
        var metrics: [CloudWatch.Metric] = []
        var isMore = true
        while isMore, metrics.count < limit {
            let after = place
            let page = try await database.read { connection in
                try MetricTable(connection).list(
                    account: account, region: region, namespace: input.namespace, name: input.metricName, since: since,
                    after: after, limit: limit)
            }
            isMore = page.count == limit
            for listing in page where metrics.count < limit {
                place = listing.id
                if filters.allSatisfy({ listing.key.matches($0) }) { metrics.append(listing.key.shape) }
                if metrics.count == limit { isMore = isMore || listing.id != page.last?.id }
            }
        }
        return CloudWatch.ListMetricsOutput(
            metrics: metrics, nextToken: isMore ? PageToken(offset: place).text : nil)
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
        guard let bytes = Base64.decode(text), let offset = Int64(String(decoding: bytes, as: UTF8.self)), offset >= 0
        else { throw .badToken }
        self.offset = offset
    }

    var text: String { Base64.encode(String(offset).utf8) }
}
