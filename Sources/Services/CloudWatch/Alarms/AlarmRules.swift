import AWSWire
import CloudWatchModel
import Metrics

/// What an alarm has to be.
///
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
enum AlarmRules {
    static func check(_ input: CloudWatch.PutMetricAlarmInput, of key: AlarmKey) throws(AWSError) {
        try checkName(input.alarmName)
        guard input.evaluationCriteria == nil, input.evaluationInterval == nil else {
            throw .unsupported("Alarms on PromQL queries are not supported.")
        }
        guard let comparison = input.comparisonOperator else { throw .missing("ComparisonOperator") }
        guard AlarmEvaluation.Comparison(rawValue: comparison.rawValue) != nil, input.thresholdMetricId == nil else {
            throw .unsupported("Alarms on anomaly detection bands are not supported.")
        }
        guard let periods = input.evaluationPeriods else { throw .missing("EvaluationPeriods") }
        guard let threshold = input.threshold else { throw .missing("Threshold") }
        guard threshold.isFinite else { throw .invalidValue(threshold.shown, for: "Threshold") }
        if let wanted = input.datapointsToAlarm, wanted > periods {
            throw .validation("DatapointsToAlarm must be less than or equal to EvaluationPeriods.")
        }
        try checkOptions(input)
        if input.metrics != nil {
            let single: [Any?] = [
                input.metricName, input.namespace, input.statistic, input.extendedStatistic, input.period, input.unit,
                input.dimensions,
            ]
            guard single.allSatisfy({ $0 == nil }) else {
                throw .validation(
                    "Metrics list cannot be specified together with MetricName, Namespace, Dimensions, Period, Unit, "
                        + "Statistic or ExtendedStatistic.")
            }
        } else {
            try checkMetric(input)
        }
        let watched = try WatchedMetric(input, of: key)
        try checkSpan(periods, watched.period)
        try check(actions: input.okActions, input.alarmActions, input.insufficientDataActions)
    }

    static func checkName(_ name: String) throws(AWSError) {
        let isPlain = name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
        guard isPlain, name.contains(where: { $0 != " " }) else { throw .invalidValue(name, for: "AlarmName") }
    }

    private static func checkMetric(_ input: CloudWatch.PutMetricAlarmInput) throws(AWSError) {
        guard input.metricName != nil else { throw .missing("MetricName") }
        guard input.namespace != nil else { throw .missing("Namespace") }
        guard let period = input.period else { throw .missing("Period") }
        guard [10, 20, 30].contains(period) || period % 60 == 0 else {
            throw .validation("Period must be 10, 20, 30 or a multiple of 60")
        }
        switch (input.statistic, input.extendedStatistic) {
        case (nil, nil): throw .validation("Either Statistic or ExtendedStatistic must be specified.")
        case (.some, .some): throw .exclusive("Statistic", "ExtendedStatistic")
        case (nil, let name?):
            guard let statistic = Statistic(name), statistic.isExtended else {
                throw .validation("The value \(name) for parameter ExtendedStatistic is not supported.")
            }
        case (.some, nil): break
        }
        var names: Set<String> = []
        for dimension in input.dimensions ?? [] where !names.insert(dimension.name).inserted {
            throw .validation("Dimensions must not have more than one dimension of the name \(dimension.name).")
        }
    }

    private static func checkOptions(_ input: CloudWatch.PutMetricAlarmInput) throws(AWSError) {
        if let option = input.treatMissingData, AlarmEvaluation.MissingData(rawValue: option) == nil {
            throw .validation(
                "Option \(option) is not supported for TreatMissingData parameter. Supported options are [breaching, "
                    + "notBreaching, ignore, missing].")
        }
        if let option = input.evaluateLowSampleCountPercentile {
            guard option == "evaluate" || option == "ignore" else {
                throw .validation(
                    "Option \(option) is not supported for EvaluateLowSampleCountPercentile parameter. Supported "
                        + "options are [evaluate, ignore].")
            }
            guard input.extendedStatistic != nil else {
                throw .validation("EvaluateLowSampleCountPercentile is for alarms on percentiles.")
            }
        }
    }

    private static func checkSpan(_ periods: Int, _ period: Int64) throws(AWSError) {
        let (span, overflow) = Int64(periods).multipliedReportingOverflow(by: period)
        if period >= 3_600 {
            guard !overflow, span <= 604_800 else {
                throw .validation(
                    "Metrics cannot be checked across more than seven days (EvaluationPeriods * Period must be <= "
                        + "604800).")
            }
        } else {
            guard !overflow, span <= 86_400 else {
                throw .validation(
                    "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).")
            }
        }
    }

    /// Topics and functions are told of changes; what else AWS can do, is not here.
    static func check(actions lists: [String]?...) throws(AWSError) {
        for list in lists {
            var known: Set<String> = []
            for action in list ?? [] {
                guard let arn = ARN(action) else { throw .validation("Invalid arn syntax: \(action)") }
                guard known.insert(action).inserted else { throw .validation("Duplicate action: \(action)") }
                guard arn.service == "sns" || (arn.service == "lambda" && arn.resource.hasPrefix("function:")) else {
                    throw .unsupported("Actions of \(arn.service) are not supported: \(action)")
                }
            }
        }
    }
}
