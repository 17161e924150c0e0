import AWSWire
import CloudWatchModel
import Metrics
import Storage

/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
extension CloudWatchService {
    func getMetricData(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.GetMetricDataInput(decoding: request)
        try authorize(.getMetricData, request)
        guard [input.startTime, input.endTime].allSatisfy(RequestTime.years.contains) else {
            throw AWSError.validation("The parameters StartTime and EndTime must be times of the years 1 to 9999.")
        }
        guard input.startTime < input.endTime else {
            throw AWSError.validation("The parameter EndTime must be greater than StartTime.")
        }
        guard (1...quotas.queriesInRequest).contains(input.metricDataQueries.count) else {
            throw AWSError.validation(
                "The collection MetricDataQueries must have a size from 1 to \(quotas.queriesInRequest).")
        }
        let limit = input.maxDatapoints ?? quotas.datapointsInAnswer
        guard (1...quotas.datapointsInAnswer).contains(limit) else {
            throw AWSError.validation(
                "The value \(limit) for parameter MaxDatapoints must be from 1 to \(quotas.datapointsInAnswer).")
        }
        if input.labelOptions != nil { throw AWSError.unsupported("Labels with times are not supported.") }
        let start = try input.nextToken.map { (token) throws(AWSError) in try PageToken(token).offset } ?? 0
        let queries = try MetricQuery.read(input.metricDataQueries, "MetricDataQueries", of: request.caller)
        let now = clock() / 1_000
        let run = QueryRun(queries) { length in
            Periods(from: input.startTime, to: input.endTime, length: length, now: now)
        }
        try Self.checkSize(queries, from: input.startTime, to: input.endTime)
        await samples.flush()
        let results = try await database.read { try run.results(MetricTable($0)) }
        let labels = Labels(queries)
        var page = DataPage(skipping: Int(start), limit: limit)
        for result in results where result.query.isReturned {
            let isAscending = input.scanBy == .timestampAscending
            for (series, label) in try labels.labelled(result) {
                page.append(series, label, of: result, isAscending: isAscending)
            }
        }
        return CloudWatch.GetMetricDataOutput(
            metricDataResults: page.results,
            nextToken: page.isMore ? PageToken(offset: Int64(page.end)).text : nil, messages: [])
    }

    /// Nobody gets to have a year of seconds worked out.
    private static func checkSize(_ queries: [MetricQuery], from start: Double, to end: Double) throws(AWSError) {
        let shortest = queries.compactMap { query -> Int64? in
            if case .metric(let stat) = query.source { stat.period } else { query.period }
        }.min()
        guard (end - start) / Double(shortest ?? 60) <= 1_000_000 else {
            throw .validation("The time range has too many periods.")
        }
    }
}

/// What results are called whose queries do not say: by what they differ in, as LocalStack's test_label_generation has
/// it from AWS.
struct Labels {
    private var hasStatistics = false
    private var hasPeriods = false

    init(_ queries: [MetricQuery]) {
        let stats = queries.compactMap { query -> MetricStat? in
            if case .metric(let stat) = query.source { stat } else { nil }
        }
        // Different metrics are told apart by their names.
        guard Set(stats.map(\.key.name)).count == 1 else { return }
        hasStatistics = Set(stats.map(\.statisticName)).count > 1
        hasPeriods = Set(stats.map(\.period)).count > 1
    }

    /// The series that a result returns, each with its label.
    func labelled(_ result: QueryRun.Result) throws(AWSError) -> [(TimeSeries, String)] {
        let own = label(of: result.query)
        switch result.value {
        case .scalar:
            throw .validation(
                "Error in expression '\(result.query.id)': A returned value must be a time series or an array of them")
        case .series(let series): return [(series, own)]
        case .array(let all): return all.map { ($0, $0.label.isEmpty ? own : "\(own) \($0.label)") }
        }
    }

    private func label(of query: MetricQuery) -> String {
        if let label = query.label { return label }
        guard case .metric(let stat) = query.source else { return query.id }
        var parts = [stat.key.name]
        if hasStatistics { parts.append(stat.statisticName) }
        if hasPeriods { parts.append(String(stat.period)) }
        return parts.joined(separator: " ")
    }
}

/// The part of all datapoints that one answer has.
private struct DataPage {
    private let start: Int
    private let limit: Int
    private var position = 0
    private(set) var results: [CloudWatch.MetricDataResult] = []
    private(set) var isMore = false

    /// Where the next page begins.
    var end: Int { start + limit }

    init(skipping start: Int, limit: Int) {
        self.start = start
        self.limit = limit
    }

    mutating func append(_ series: TimeSeries, _ label: String, of result: QueryRun.Result, isAscending: Bool) {
        let points = isAscending ? series.points : series.points.reversed()
        let range = position..<position + points.count
        position = range.upperBound
        let shown = range.clamped(to: start..<max(start, end))
        isMore = isMore || range.upperBound > end
        // Those that were shown as a whole, or begin later, are not in this page.
        if !points.isEmpty, shown.isEmpty { return }
        if points.isEmpty, start > 0 { return }
        let part = points[(shown.lowerBound - range.lowerBound)..<(shown.upperBound - range.lowerBound)]
        var shape = CloudWatch.MetricDataResult(
            id: result.query.id, label: label, timestamps: part.map { Double($0.time) }, values: part.map(\.value),
            statusCode: range.upperBound > end ? .partialData : .complete)
        if !result.units.isEmpty {
            let units = result.units.joined(separator: ", ")
            shape.messages = [.init(code: "MultipleUnits", value: "Multiple units returned: '[\(units)]'")]
        }
        results.append(shape)
    }
}
