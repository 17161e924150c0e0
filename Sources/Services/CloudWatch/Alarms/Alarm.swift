import AWSWire
import CloudWatchModel
import NIOCore
import NIOHTTP1

/// What names an alarm: metric alarms and composite alarms share their names.
struct AlarmKey: Sendable, Hashable {
    /// Twelve digits.
    var account: String
    var region: String
    var name: String

    init(account: String, region: String, name: String) {
        self.account = account
        self.region = region
        self.name = name
    }

    init(_ name: String, of caller: Caller) {
        self.init(account: caller.account.digits, region: caller.region, name: name)
    }

    /// - Returns: nil for the ARN of anything else.
    init?(arn text: String) {
        guard let arn = ARN(text), arn.service == "cloudwatch", arn.resource.hasPrefix("alarm:"),
            arn.resource.utf8.count > 6
        else { return nil }
        self.init(account: arn.account, region: arn.region, name: String(arn.resource.dropFirst(6)))
    }

    var arn: String { "arn:\(ARN.partition(of: region)):cloudwatch:\(region):\(account):alarm:\(name)" }
}

enum AlarmState: String, Sendable, Hashable {
    case ok = "OK"
    case alarm = "ALARM"
    case insufficientData = "INSUFFICIENT_DATA"
}

/// An alarm and the state that it is in. Times are milliseconds since 1970.
struct Alarm: Sendable {
    enum Configuration: Sendable {
        case metric(CloudWatch.PutMetricAlarmInput)
        case composite(CloudWatch.PutCompositeAlarmInput)
    }

    var key: AlarmKey
    var configuration: Configuration
    /// When it was configured last.
    var configured: Int64
    var tags: [AlarmTag] = []

    var state = AlarmState.insufficientData
    var reason = "Unchecked: Initial alarm creation"
    /// JSON; nil: none.
    var reasonData: String?
    var updated: Int64
    /// When the state became another.
    var transitioned: Int64
    /// When it is looked at next; nil: only when another alarm changes.
    var due: Int64?

    init(_ key: AlarmKey, _ configuration: Configuration, now: Int64) {
        self.key = key
        self.configuration = configuration
        configured = now
        updated = now
        transitioned = now
        due = now
    }

    var isComposite: Bool { if case .composite = configuration { true } else { false } }

    var description: String? {
        switch configuration {
        case .metric(let input): input.alarmDescription
        case .composite(let input): input.alarmDescription
        }
    }

    var actionsEnabled: Bool {
        get {
            switch configuration {
            case .metric(let input): input.actionsEnabled ?? true
            case .composite(let input): input.actionsEnabled ?? true
            }
        }
        set {
            switch configuration {
            case .metric(var input):
                input.actionsEnabled = newValue
                configuration = .metric(input)
            case .composite(var input):
                input.actionsEnabled = newValue
                configuration = .composite(input)
            }
        }
    }

    /// What is to be done once it is in that state.
    func actions(_ state: AlarmState) -> [String] {
        let all: (ok: [String]?, alarm: [String]?, insufficientData: [String]?) =
            switch configuration {
            case .metric(let input): (input.okActions, input.alarmActions, input.insufficientDataActions)
            case .composite(let input): (input.okActions, input.alarmActions, input.insufficientDataActions)
            }
        return switch state {
        case .ok: all.ok ?? []
        case .alarm: all.alarm ?? []
        case .insufficientData: all.insufficientData ?? []
        }
    }

    var kind: CloudWatch.AlarmType { isComposite ? .compositeAlarm : .metricAlarm }
}

struct AlarmTag: Sendable, Hashable {
    var key: String
    var value: String
}

// MARK: Shapes

extension Alarm {
    /// As answers have it; nil for composite alarms.
    var metricShape: CloudWatch.MetricAlarm? {
        guard case .metric(let input) = configuration else { return nil }
        var shape = CloudWatch.MetricAlarm(
            alarmName: key.name, alarmArn: key.arn, alarmDescription: input.alarmDescription,
            alarmConfigurationUpdatedTimestamp: Double(configured) / 1_000, actionsEnabled: actionsEnabled,
            okActions: actions(.ok), alarmActions: actions(.alarm), insufficientDataActions: actions(.insufficientData))
        shape.stateValue = CloudWatch.StateValue(rawValue: state.rawValue)
        shape.stateReason = reason
        shape.stateReasonData = reasonData
        shape.stateUpdatedTimestamp = Double(updated) / 1_000
        shape.stateTransitionedTimestamp = Double(transitioned) / 1_000
        shape.metricName = input.metricName
        shape.namespace = input.namespace
        shape.statistic = input.statistic
        shape.extendedStatistic = input.extendedStatistic
        shape.dimensions = input.dimensions ?? []
        shape.period = input.period
        shape.unit = input.unit
        shape.evaluationPeriods = input.evaluationPeriods
        shape.datapointsToAlarm = input.datapointsToAlarm
        shape.threshold = input.threshold
        shape.comparisonOperator = input.comparisonOperator
        shape.treatMissingData = input.treatMissingData
        shape.evaluateLowSampleCountPercentile = input.evaluateLowSampleCountPercentile
        shape.metrics = input.metrics
        return shape
    }

    /// As answers have it; nil for metric alarms.
    var compositeShape: CloudWatch.CompositeAlarm? {
        guard case .composite(let input) = configuration else { return nil }
        var shape = CloudWatch.CompositeAlarm(
            actionsEnabled: actionsEnabled, alarmActions: actions(.alarm), alarmArn: key.arn,
            alarmConfigurationUpdatedTimestamp: Double(configured) / 1_000, alarmDescription: input.alarmDescription,
            alarmName: key.name, alarmRule: input.alarmRule, insufficientDataActions: actions(.insufficientData),
            okActions: actions(.ok))
        shape.stateReason = reason
        shape.stateReasonData = reasonData
        shape.stateUpdatedTimestamp = Double(updated) / 1_000
        shape.stateValue = CloudWatch.StateValue(rawValue: state.rawValue)
        shape.stateTransitionedTimestamp = Double(transitioned) / 1_000
        return shape
    }

    /// The configuration as JSON: shapes of answers and of requests call its members alike.
    var configurationText: String {
        var writer = JSONWriter()
        metricShape?.encode(to: &writer)
        compositeShape?.encode(to: &writer)
        return String(buffer: writer.buffer)
    }

    /// - Returns: nil unless the text is what ``configurationText`` made.
    static func configuration(_ text: String, isComposite: Bool, of key: AlarmKey) -> Configuration? {
        let account = AccountID(key.account) ?? .standard
        let request = ServiceRequest(
            method: .POST, path: "/", headers: ["content-type": "application/x-amz-json-1.0"],
            body: ByteBuffer(string: text), caller: Caller(.anonymous(account), region: key.region), requestID: "")
        if isComposite { return (try? CloudWatch.PutCompositeAlarmInput(decoding: request)).map { .composite($0) } }
        return (try? CloudWatch.PutMetricAlarmInput(decoding: request)).map { .metric($0) }
    }
}

extension Alarm {
    /// How often it is looked at, in milliseconds.
    ///
    /// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
    var interval: Int64 { shortestPeriod < 60 ? 10_000 : 60_000 }

    /// Seconds.
    var shortestPeriod: Int64 {
        guard case .metric(let input) = configuration else { return 60 }
        if let period = input.period { return Int64(period) }
        return (input.metrics ?? []).compactMap { ($0.metricStat?.period ?? $0.period).map(Int64.init) }.min() ?? 60
    }

    /// The next time after `now`: when a stretch of time has ended and what was measured in it has come.
    func nextDue(after now: Int64) -> Int64? {
        if isComposite { return nil }
        let grace: Int64 = interval == 10_000 ? 1_000 : 6_000
        return (max(0, now - grace) / interval + 1) * interval + grace
    }
}
