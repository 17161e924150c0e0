import AWSWire
import Metrics

/// What a rule's events count for in CloudWatch.
///
/// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
struct RuleMeters: Sendable {
    enum Metric: String, CaseIterable, Sendable {
        case triggered = "TriggeredRules"
        case matched = "MatchedEvents"
        case created = "InvocationsCreated"
        /// What arrived, and what was given up.
        case invocations = "Invocations"
        case failed = "FailedInvocations"
        case attempts = "InvocationAttempts"
        case successfulAttempts = "SuccessfulInvocationAttempts"
        case retries = "RetryInvocationAttempts"
        case sentToLetters = "InvocationsSentToDlq"
        case lostLetters = "InvocationsFailedToBeSentToDlq"
        /// From when the event was taken in: to the first try, to its end, and to the one that succeeded.
        case startLatency = "IngestionToInvocationStartLatency"
        case completeLatency = "IngestionToInvocationCompleteLatency"
        case successLatency = "IngestionToInvocationSuccessLatency"

        fileprivate var unit: MetricUnit {
            switch self {
            case .startLatency, .completeLatency, .successLatency: .milliseconds
            default: .count
            }
        }

        /// What it is counted for.
        fileprivate var scopes: [Scope] {
            switch self {
            case .created: [.account]
            case .invocations: [.account, .rule]
            case .matched, .failed, .sentToLetters, .lostLetters: [.rule]
            case .triggered, .attempts, .successfulAttempts, .retries, .startLatency, .completeLatency,
                .successLatency:
                [.account, .bus, .rule]
            }
        }
    }

    fileprivate enum Scope {
        case account, bus, rule
    }

    private let group: MeterGroup

    init(_ rule: RuleKey, meters: Meters) {
        group = meters.group(of: rule.subject(.rule)) { name in
            (Metric(rawValue: name)?.scopes ?? []).map { rule.subject($0).key(name) }
        }
    }

    /// Adds a sample.
    ///
    /// - Parameter time: Milliseconds since 1970.
    func record(_ metric: Metric, _ value: Double = 1, at time: Int64) {
        group.record(metric.rawValue, metric.unit, value, at: time)
    }

    /// One that was made of an event and cannot even be tried.
    func recordFailure(at time: Int64) {
        record(.invocations, at: time)
        record(.failed, at: time)
    }
}

/// What events of a bus count for beside its rules.
struct BusMeters: Sendable {
    private let group: MeterGroup

    init(_ bus: BusKey, meters: Meters) {
        group = meters.group(of: bus.subject(bus.dimensions))
    }

    /// An event that some rule wanted.
    func recordMatch(at time: Int64) { group.record(RuleMeters.Metric.matched.rawValue, .count, 1, at: time) }
}

extension BusKey {
    fileprivate var dimensions: [MetricDimension] { [MetricDimension("EventBusName", name)] }

    fileprivate func subject(_ dimensions: [MetricDimension]) -> MetricSubject {
        MetricSubject(account: account, region: region, namespace: "AWS/Events", dimensions: dimensions)
    }
}

extension RuleKey {
    /// A rule of the default bus has its name alone.
    fileprivate func subject(_ scope: RuleMeters.Scope) -> MetricSubject {
        switch scope {
        case .account: bus.subject([])
        case .bus: bus.subject(bus.dimensions)
        case .rule: bus.subject((bus.isStandard ? [] : bus.dimensions) + [MetricDimension("RuleName", name)])
        }
    }
}
