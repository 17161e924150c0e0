import AWSWire
import CloudWatchModel
import Metrics

/// One of the queries of GetMetricData, or of an alarm on several metrics.
struct MetricQuery: Sendable, Hashable {
    enum Source: Sendable, Hashable {
        case metric(MetricStat)
        case expression(MathExpression, text: String)
    }

    var id: String
    var source: Source
    var label: String?
    var isReturned: Bool
    /// Seconds, of an expression that says so.
    var period: Int64?

    /// - Throws: `ValidationException`.
    static func read(_ queries: [CloudWatch.MetricDataQuery], _ path: String, of caller: Caller) throws(AWSError)
        -> [MetricQuery]
    {
        var read: [MetricQuery] = []
        var ids: Set<String> = []
        for (index, query) in queries.enumerated() {
            let path = "\(path).member.\(index + 1)"
            guard isID(query.id) else {
                throw .validation(
                    "The value \(query.id) for parameter \(path).Id is not matching the expected pattern "
                        + "^[a-z][a-zA-Z0-9_]*$."
                )
            }
            guard ids.insert(query.id).inserted else {
                throw .validation("The values for parameter \(path.prefix { $0 != "." }).member.Id must be unique.")
            }
            read.append(try MetricQuery(query, path, of: caller))
        }
        return read
    }

    private init(_ query: CloudWatch.MetricDataQuery, _ path: String, of caller: Caller) throws(AWSError) {
        id = query.id
        label = query.label
        isReturned = query.returnData ?? true
        period = query.period.map(Int64.init)
        if let account = query.accountId, account != caller.account.digits {
            throw .unsupported("Metrics of other accounts are not supported.")
        }
        if label?.contains("${") == true { throw .unsupported("Labels with dynamic values are not supported.") }
        switch (query.metricStat, query.expression) {
        case (let stat?, nil):
            guard query.period == nil else { throw .exclusive("\(path).Period", "\(path).MetricStat") }
            source = .metric(try MetricStat(stat, "\(path).MetricStat", of: caller))
        case (nil, let text?):
            if let period = query.period, !MetricStat.isPeriod(period) { throw .period(period, path) }
            do {
                source = .expression(try MathParser.parse(text), text: text)
            } catch {
                throw error.inWords(of: query.id)
            }
        default:
            throw .validation(
                "Exactly one of the parameters \(path).MetricStat and \(path).Expression must be specified.")
        }
    }

    private static func isID(_ id: String) -> Bool {
        guard let first = id.utf8.first, (0x61...0x7A).contains(first) else { return false }
        return id.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
        }
    }
}

extension MetricStat {
    fileprivate init(_ stat: CloudWatch.MetricStat, _ path: String, of caller: Caller) throws(AWSError) {
        guard let namespace = stat.metric.namespace else { throw .missing("\(path).Metric.Namespace") }
        guard let name = stat.metric.metricName else { throw .missing("\(path).Metric.MetricName") }
        guard MetricStat.isPeriod(stat.period) else { throw .period(stat.period, path) }
        guard let statistic = Statistic(stat.stat) else {
            throw .validation("The value \(stat.stat) for parameter \(path).Stat is not supported.")
        }
        self.init(
            key: MetricKey(
                account: caller.account.digits, region: caller.region, namespace: namespace, name: name,
                dimensions: (stat.metric.dimensions ?? []).map { MetricDimension($0.name, $0.value) }),
            period: Int64(stat.period), statistic: statistic, statisticName: stat.stat,
            unit: stat.unit.flatMap { MetricUnit(rawValue: $0.rawValue) })
    }
}

extension AWSError {
    fileprivate static func period(_ period: Int, _ path: String) -> AWSError {
        .validation(
            "The value \(period) for parameter \(path).Period is invalid: it must be 1, 5, 10, 20, 30 or a multiple of "
                + "60.")
    }
}

extension MathError {
    func inWords(of id: String) -> AWSError {
        switch kind {
        case .invalid: .validation("Error in expression '\(id)': \(message)")
        case .unsupported: .unsupported("Error in expression '\(id)': \(message)")
        }
    }
}
