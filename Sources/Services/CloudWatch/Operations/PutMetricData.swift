import AWSWire
import CloudWatchModel
import Metrics
import NIOHTTP1
import Policies
import Storage

/// PutMetricData: what is acknowledged is on disk.
///
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
extension CloudWatchService {
    func putMetricData(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.PutMetricDataInput(decoding: request)
        try authorize(.putMetricData, request, context: ["cloudwatch:namespace": [input.namespace]])
        if input.entityMetricData != nil || input.strictEntityValidation != nil {
            throw AWSError.unsupported("Entities of metrics are not supported.")
        }
        guard let data = input.metricData, !data.isEmpty else { throw AWSError.missing("MetricData") }
        guard data.count <= quotas.metricsInRequest else {
            throw AWSError.tooMany("MetricData", limit: quotas.metricsInRequest)
        }
        try MetricRules.check(namespace: input.namespace)
        let now = clock()
        var drafts: [PointDraft] = []
        for (index, datum) in data.enumerated() {
            let path = "MetricData.member.\(index + 1)"
            drafts.append(try draft(datum, path, namespace: input.namespace, request.caller, now: now))
        }
        let gathered = PointDraft.gathered(drafts)
        try await database.write { try MetricTable($0).add(gathered) }
        return nil
    }

    private func draft(
        _ datum: CloudWatch.MetricDatum, _ path: String, namespace: String, _ caller: Caller, now: Int64
    ) throws(AWSError) -> PointDraft {
        try MetricRules.check(name: datum.metricName, "\(path).MetricName")
        let key = MetricKey(
            account: caller.account.digits, region: caller.region, namespace: namespace, name: datum.metricName,
            dimensions: try MetricRules.dimensions(datum.dimensions, "\(path).Dimensions"))
        let time = try MetricRules.time(datum.timestamp, "\(path).Timestamp", now: now)
        var resolution = Resolution.minute
        if let wanted = datum.storageResolution {
            guard wanted == 1 || wanted == 60 else {
                throw .invalidValue(wanted, for: "\(path).StorageResolution")
            }
            if wanted == 1 { resolution = .second }
        }
        resolution = resolution.kept(age: now / 1_000 - time)
        let place = PointDraft.Place(
            key: key, resolution: resolution, time: time - time % resolution.rawValue,
            unit: datum.unit.flatMap { MetricUnit(rawValue: $0.rawValue) } ?? .none)
        return PointDraft(place: place, distribution: try MetricRules.distribution(datum, path, quotas))
    }
}

extension ServiceRequest {
    /// How long the content of a compressed body may be, in bytes: that of one that is not compressed.
    private static let inflatedLimit = 1_048_576

    /// The request with its body as it was before its client compressed it.
    func inflated() throws(AWSError) -> ServiceRequest {
        guard let encoding = header("Content-Encoding"), encoding != "identity" else { return self }
        guard encoding.lowercased() == "gzip" else {
            throw AWSError(
                code: "UnsupportedMediaTypeException", message: "Content-Encoding \(encoding) is not supported.",
                status: 415)
        }
        guard let whole = Gzip.decompress(body, limit: Self.inflatedLimit) else {
            throw .serialization("The compressed body is not gzip, or too long.")
        }
        var request = self
        request.body = whole
        request.headers.remove(name: "Content-Encoding")
        return request
    }
}
