import CloudWatchModel

/// Decides which state a metric alarm is to be in, from what was measured: without a clock or a store.
///
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
struct AlarmEvaluation: Sendable {
    enum MissingData: String, Sendable, CaseIterable {
        case missing
        case ignore
        case breaching
        case notBreaching
    }

    enum Comparison: String, Sendable {
        case greaterOrEqual = "GreaterThanOrEqualToThreshold"
        case greater = "GreaterThanThreshold"
        case less = "LessThanThreshold"
        case lessOrEqual = "LessThanOrEqualToThreshold"

        func holds(_ value: Double, _ threshold: Double) -> Bool {
            switch self {
            case .greaterOrEqual: value >= threshold
            case .greater: value > threshold
            case .less: value < threshold
            case .lessOrEqual: value <= threshold
            }
        }

        /// As reasons have it.
        var words: String {
            switch self {
            case .greaterOrEqual: "greater than or equal to"
            case .greater: "greater than"
            case .less: "less than"
            case .lessOrEqual: "less than or equal to"
            }
        }
    }

    /// What was measured in one period.
    struct Datapoint: Sendable, Hashable {
        /// Where the period begins: seconds since 1970.
        var time: Int64
        /// Nil: nothing was.
        var value: Double?
        var sampleCount: Double?
    }

    var comparison: Comparison
    var threshold: Double
    /// N, of which M are to breach.
    var periods: Int
    /// M; nil: all, and reasons do not speak of it.
    var datapointsToAlarm: Int?
    var missingData: MissingData

    /// How many periods are looked at: when some are missing, older ones take their place.
    var range: Int { periods + 2 }

    struct Outcome: Sendable, Hashable {
        var state: AlarmState
        var reason: String
        /// Those that decided, the newest first.
        var evaluated: [Datapoint]
    }

    /// - Parameter datapoints: Of ``range`` periods, the newest first.
    /// - Returns: nil where the alarm is to stay as it is.
    func outcome(of datapoints: [Datapoint]) -> Outcome? {
        let wanted = datapointsToAlarm ?? periods
        let real = datapoints.filter { $0.value != nil }
        if real.count >= periods { return decided(Array(real.prefix(periods)), filled: 0) }
        let filled = periods - real.count
        let breaching = real.filter(isBreaching).count
        switch missingData {
        case .breaching, .notBreaching:
            let all = breaching + (missingData == .breaching ? filled : 0)
            return outcome(all >= wanted ? .alarm : .ok, real, filled: filled, datapoints)
        case .missing, .ignore:
            if breaching >= wanted { return outcome(.alarm, real, filled: 0, datapoints) }
            if real.contains(where: { !isBreaching($0) }) { return outcome(.ok, real, filled: 0, datapoints) }
            if missingData == .ignore { return nil }
            guard !real.isEmpty else { return unknown(datapoints) }
            // All that is known breaches. It is enough once the oldest is as old as there are to be.
            let oldest = datapoints.prefix(periods).lastIndex { $0.value != nil }
            return (oldest ?? -1) + 1 >= wanted ? outcome(.alarm, real, filled: 0, datapoints) : nil
        }
    }

    private func isBreaching(_ datapoint: Datapoint) -> Bool {
        datapoint.value.map { comparison.holds($0, threshold) } ?? false
    }

    private func decided(_ datapoints: [Datapoint], filled: Int) -> Outcome {
        let breaching = datapoints.filter(isBreaching).count
        return outcome(breaching >= datapointsToAlarm ?? periods ? .alarm : .ok, datapoints, filled: filled, datapoints)
    }

    private func unknown(_ datapoints: [Datapoint]) -> Outcome {
        let noun = periods == 1 ? "datapoint was" : "datapoints were"
        return Outcome(
            state: .insufficientData, reason: "Insufficient Data: \(periods) \(noun) unknown.",
            evaluated: Array(datapoints.prefix(periods)))
    }

    // MARK: Reasons

    /// - Parameters:
    ///   - real: What was measured, the newest first.
    ///   - filled: How many periods something was assumed of.
    private func outcome(_ state: AlarmState, _ real: [Datapoint], filled: Int, _ all: [Datapoint]) -> Outcome {
        var words: [String] = []
        if real.isEmpty {
            words.append("no datapoints were received for \(periods) \(periods == 1 ? "period" : "periods")")
        } else {
            // The most telling are told: those that breach, of an alarm that rang.
            let told = state == .alarm ? real.filter(isBreaching) : real
            words.append(sentence(told, of: real.count, state))
        }
        if filled > 0 {
            let kind = missingData == .breaching ? "Breaching" : "NonBreaching"
            let noun = filled == 1 ? "missing datapoint was" : "missing datapoints were"
            words.append("\(filled) \(noun) treated as [\(kind)]")
        }
        var reason = "Threshold Crossed: \(words.joined(separator: " and "))"
        if let wanted = datapointsToAlarm, !real.isEmpty {
            let change = state == .alarm ? "OK -> ALARM" : "ALARM -> OK"
            let minimum = state == .alarm ? wanted : periods - wanted + 1
            reason += " (minimum \(minimum) \(minimum == 1 ? "datapoint" : "datapoints") for \(change) transition)"
        }
        let evaluated = filled > 0 ? Array(all.prefix(periods)) : real
        return Outcome(state: state, reason: Self.cut(reason + "."), evaluated: evaluated)
    }

    private func sentence(_ told: [Datapoint], of count: Int, _ state: AlarmState) -> String {
        let values = told.prefix(5).map { "\(($0.value ?? 0).shown) (\(AlarmTime.short(seconds: $0.time)))" }
        let noun = told.count == 1 ? "datapoint" : "datapoints"
        let verb = told.count == 1 ? "was" : "were"
        let head =
            datapointsToAlarm == nil
            ? "\(told.count) \(noun)"
            : "\(told.count) out of the last \(count) \(count == 1 ? "datapoint" : "datapoints")"
        let more = told.count > 5 ? ", ..." : ""
        let negation = state == .alarm ? "" : "not "
        return "\(head) [\(values.joined(separator: ", "))\(more)] \(verb) \(negation)\(comparison.words) "
            + "the threshold (\(threshold.shown))"
    }

    /// Reasons have 1,023 characters at most.
    private static func cut(_ reason: String) -> String { String(reason.prefix(1_023)) }
}
