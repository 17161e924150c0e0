import AWSWire
import CloudWatchModel
import Metrics
import Storage

/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
extension CloudWatchService {
    func getMetricStatistics(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.GetMetricStatisticsInput(decoding: request)
        try authorize(.getMetricStatistics, request)
        let statistics = try Self.statistics(input)
        guard [input.startTime, input.endTime].allSatisfy(RequestTime.years.contains) else {
            throw AWSError.invalidValue("The parameters StartTime and EndTime must be times of the years 1 to 9999.")
        }
        guard input.startTime < input.endTime else {
            throw AWSError.invalidValue("The parameter StartTime must be less than the parameter EndTime.")
        }
        guard MetricStat.isPeriod(input.period) else {
            throw AWSError.invalidValue(
                "The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.")
        }
        let periods = Periods(
            from: input.startTime, to: input.endTime, length: Int64(input.period), now: clock() / 1_000)
        // However the periods lie.
        let count = Int64(((input.endTime - input.startTime) / Double(input.period)).rounded(.up))
        guard count <= quotas.datapoints else {
            throw AWSError.invalidCombination(
                "You have requested up to \(count) datapoints, which exceeds the limit of \(quotas.datapoints)"
                    + ". You may reduce the datapoints requested by increasing Period, or decreasing the time range.")
        }
        let key = MetricKey(
            account: request.caller.account.digits, region: request.caller.region, namespace: input.namespace,
            name: input.metricName, dimensions: (input.dimensions ?? []).map { MetricDimension($0.name, $0.value) })
        await samples.flush()
        let unit = input.unit.flatMap { MetricUnit(rawValue: $0.rawValue) }
        let gathered = try await database.read { try periods.gathered(key, unit, in: MetricTable($0)) }
        var datapoints: [CloudWatch.Datapoint] = []
        for (unit, parts) in gathered.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            for (time, distribution) in parts.sorted(by: { $0.key < $1.key }) {
                if let point = Self.datapoint(distribution, at: time, unit, statistics) { datapoints.append(point) }
            }
        }
        return CloudWatch.GetMetricStatisticsOutput(label: input.metricName, datapoints: datapoints)
    }

    private static func statistics(_ input: CloudWatch.GetMetricStatisticsInput) throws(AWSError) -> [(
        name: String, statistic: Statistic
    )] {
        if input.statistics != nil, input.extendedStatistics != nil {
            throw .exclusive("Statistics", "ExtendedStatistics")
        }
        var statistics: [(name: String, statistic: Statistic)] = []
        for name in input.statistics ?? [] {
            if let statistic = Statistic(name.rawValue) { statistics.append((name.rawValue, statistic)) }
        }
        for name in input.extendedStatistics ?? [] {
            guard let statistic = Statistic(name), statistic.isExtended else {
                throw .invalidValue(name, for: "ExtendedStatistics")
            }
            statistics.append((name, statistic))
        }
        guard !statistics.isEmpty else {
            throw CloudWatchError.missingRequiredParameter(
                message: "Must specify either Statistics or ExtendedStatistics")
        }
        return statistics
    }

    /// Nil where the samples have none of the statistics.
    private static func datapoint(
        _ samples: Distribution, at time: Int64, _ unit: MetricUnit,
        _ statistics: [(name: String, statistic: Statistic)]
    ) -> CloudWatch.Datapoint? {
        var point = CloudWatch.Datapoint(timestamp: Double(time), unit: .init(rawValue: unit.rawValue))
        var hasAny = false
        for (name, statistic) in statistics {
            guard let value = statistic.value(of: samples) else { continue }
            hasAny = true
            switch statistic {
            case .sampleCount: point.sampleCount = value
            case .average: point.average = value
            case .sum: point.sum = value
            case .minimum: point.minimum = value
            case .maximum: point.maximum = value
            default: point.extendedStatistics = (point.extendedStatistics ?? [:]).merging([name: value]) { $1 }
            }
        }
        return hasAny ? point : nil
    }
}
