import AWSWire
import CloudWatchModel
import Delivery
import Identity
import NIOCore

/// What is told of a change of state: to topics, to functions, and always to the account's event bus.
struct AlarmNotice {
    /// In its new state.
    var alarm: Alarm
    var before: Alarm
    /// The alarms that made a composite alarm change.
    var children: [Alarm]

    /// AWS tries a topic, and a function, for an hour or so.
    private static let policy = RetryPolicy(maximumAttempts: .max, maximumAge: 3_600_000)

    func entry(for action: String) -> OutboxEntry {
        let isFunction = ARN(action)?.service == "lambda"
        let service = isFunction ? "lambda.alarms.cloudwatch.amazonaws.com" : "cloudwatch.amazonaws.com"
        let sender = ServiceCaller(service, for: alarm.key.arn, of: AccountID(alarm.key.account) ?? .standard)
        let body = isFunction ? event : message
        var parcel = Parcel(id: RequestID.make(), to: action, from: sender, body)
        if !isFunction { parcel.attributes[Parcel.subject] = Parcel.Attribute(.text(subject)) }
        return OutboxEntry(
            parcel, policy: Self.policy, owner: AlarmActions.name, note: alarm.isComposite ? "composite" : "metric")
    }

    /// For rules of EventBridge.
    ///
    /// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
    var entryForBus: OutboxEntry {
        var writer = JSONWriter()
        writeData(to: &writer)
        return Self.entryForBus(alarm.key, "CloudWatch Alarm State Change", writer.buffer)
    }

    static func entryForBus(_ key: AlarmKey, _ detailType: String, _ detail: ByteBuffer) -> OutboxEntry {
        let bus = ARN(
            partition: ARN.partition(of: key.region), service: "events", region: key.region, account: key.account,
            resource: "event-bus/default")
        let sender = ServiceCaller("cloudwatch.amazonaws.com", for: key.arn, of: AccountID(key.account) ?? .standard)
        var parcel = Parcel(id: RequestID.make(), to: bus.description, from: sender, detail)
        parcel.event = Parcel.Event(source: "aws.cloudwatch", detailType: detailType, resources: [key.arn])
        return OutboxEntry(parcel, policy: policy)
    }

    /// Subjects have 100 characters at most, of ASCII.
    private var subject: String {
        let region = RegionNames.name(alarm.key.region)
        let text = "\(alarm.state.rawValue): \"\(alarm.key.name)\" in \(region)"
        return String(String.UnicodeScalarView(text.unicodeScalars.map { $0.isASCII ? $0 : "?" }).prefix(100))
    }

    // MARK: Topics

    /// The message that a topic gets, as recorded in LocalStack's test_put_metric_alarm.
    private var message: ByteBuffer {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("AlarmName", alarm.key.name)
        writer.member("AlarmDescription", alarm.description)
        writer.member("AWSAccountId", alarm.key.account)
        writer.member("AlarmConfigurationUpdatedTimestamp", AlarmTime.text(alarm.configured))
        writer.member("NewStateValue", alarm.state.rawValue)
        writer.member("NewStateReason", alarm.reason)
        writer.member("StateChangeTime", AlarmTime.text(alarm.updated))
        writer.member("Region", RegionNames.name(alarm.key.region))
        writer.member("AlarmArn", alarm.key.arn)
        writer.member("OldStateValue", before.state.rawValue)
        for (name, state) in [
            ("OKActions", AlarmState.ok), ("AlarmActions", .alarm), ("InsufficientDataActions", .insufficientData),
        ] {
            writer.name(name)
            writer.beginArray()
            for action in alarm.actions(state) { writer.string(action) }
            writer.endArray()
        }
        switch alarm.configuration {
        case .metric(let input):
            writer.name("ActionExecutedAfterMuteWindow")
            writer.bool(false)
            writer.name("Trigger")
            input.writeTrigger(to: &writer)
        case .composite(let input):
            writer.member("AlarmRule", input.alarmRule)
            writer.name("TriggeringChildren")
            writer.beginArray()
            for child in children {
                writer.beginObject()
                writer.member("Arn", child.key.arn)
                writer.name("State")
                writer.beginObject()
                writer.member("Value", child.state.rawValue)
                writer.member("Timestamp", AlarmTime.text(child.updated))
                writer.endObject()
                writer.endObject()
            }
            writer.endArray()
        }
        writer.endObject()
        return writer.buffer
    }

    // MARK: Functions

    /// The event that a function gets, as recorded in LocalStack's test_alarm_lambda_target.
    private var event: ByteBuffer {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("source", "aws.cloudwatch")
        writer.member("alarmArn", alarm.key.arn)
        writer.member("accountId", alarm.key.account)
        writer.member("time", AlarmTime.text(alarm.updated))
        writer.member("region", alarm.key.region)
        writer.name("alarmData")
        writeData(to: &writer)
        writer.endObject()
        return writer.buffer
    }

    /// Both states, and what the alarm is.
    private func writeData(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("alarmName", alarm.key.name)
        for (name, alarm) in [("state", alarm), ("previousState", before)] {
            writer.name(name)
            writer.beginObject()
            writer.member("value", alarm.state.rawValue)
            writer.member("reason", alarm.reason)
            if let data = alarm.reasonData { writer.member("reasonData", data) }
            writer.member("timestamp", AlarmTime.text(alarm.updated))
            writer.endObject()
        }
        writer.name("configuration")
        writer.beginObject()
        if let description = alarm.description { writer.member("description", description) }
        switch alarm.configuration {
        case .metric(let input): input.writeMetrics(to: &writer)
        case .composite(let input): writer.member("alarmRule", input.alarmRule)
        }
        writer.endObject()
        writer.endObject()
    }
}

/// Whoever puts actions of alarms into the outbox: what was done, and what is given up, is in the alarm's history.
struct AlarmActions: OutboxOwner {
    static let name = "cloudwatch"

    /// Notes an action that was done, or could not be.
    let ended: @Sendable (_ key: AlarmKey, _ isComposite: Bool, _ target: String, _ failure: DeliveryFailure?) -> Void

    func attempted(_ entry: OutboxEntry, _ attempt: DeliveryAttempt) {
        if attempt.failure == nil { note(entry, nil) }
    }

    func givenUp(_ entry: OutboxEntry, _ failure: DeliveryFailure, attempts _: Int) -> [OutboxEntry] {
        note(entry, failure)
        return []
    }

    private func note(_ entry: OutboxEntry, _ failure: DeliveryFailure?) {
        guard let key = AlarmKey(arn: entry.parcel.sender.source) else { return }
        ended(key, entry.note == "composite", entry.parcel.target, failure)
    }
}

extension CloudWatch.PutMetricAlarmInput {
    /// `Trigger` of a topic's message.
    fileprivate func writeTrigger(to writer: inout JSONWriter) {
        writer.beginObject()
        if let metrics {
            writer.name("Period")
            writer.int(metrics.compactMap { $0.metricStat?.period ?? $0.period }.max() ?? 60)
        } else {
            writer.member("MetricName", metricName)
            writer.member("Namespace", namespace)
            writer.member("StatisticType", statistic == nil ? "ExtendedStatistic" : "Statistic")
            if let statistic {
                writer.member("Statistic", statistic.trigger)
            } else {
                writer.member("ExtendedStatistic", extendedStatistic)
            }
            writer.member("Unit", unit?.rawValue)
            writer.name("Dimensions")
            (dimensions ?? []).write(to: &writer)
            writer.name("Period")
            writer.int(period ?? 60)
        }
        writer.name("EvaluationPeriods")
        writer.int(evaluationPeriods ?? 1)
        if let datapointsToAlarm {
            writer.name("DatapointsToAlarm")
            writer.int(datapointsToAlarm)
        }
        writer.member("ComparisonOperator", comparisonOperator?.rawValue)
        writer.name("Threshold")
        writer.double(threshold ?? 0)
        writer.member("TreatMissingData", treatMissingData ?? "missing")
        writer.member("EvaluateLowSampleCountPercentile", evaluateLowSampleCountPercentile ?? "")
        if let metrics {
            writer.name("Metrics")
            writer.beginArray()
            for query in metrics { query.writeTrigger(to: &writer) }
            writer.endArray()
        }
        writer.endObject()
    }

    /// `metrics` of a function's event.
    func writeMetrics(to writer: inout JSONWriter) {
        writer.name("metrics")
        writer.beginArray()
        if let metrics {
            for query in metrics { query.writeEvent(to: &writer) }
        } else {
            var stat = CloudWatch.MetricStat(
                metric: .init(namespace: namespace, metricName: metricName, dimensions: dimensions),
                period: period ?? 60, stat: statistic?.rawValue ?? extendedStatistic ?? "")
            stat.unit = unit
            CloudWatch.MetricDataQuery(id: RequestID.make(), metricStat: stat, returnData: true).writeEvent(to: &writer)
        }
        writer.endArray()
    }
}

extension CloudWatch.MetricDataQuery {
    fileprivate func writeTrigger(to writer: inout JSONWriter) {
        writer.beginObject()
        if let expression { writer.member("Expression", expression) }
        writer.member("Id", id)
        if let label { writer.member("Label", label) }
        if let metricStat {
            writer.name("MetricStat")
            writer.beginObject()
            writer.name("Metric")
            writer.beginObject()
            writer.name("Dimensions")
            (metricStat.metric.dimensions ?? []).write(to: &writer)
            writer.member("MetricName", metricStat.metric.metricName)
            writer.member("Namespace", metricStat.metric.namespace)
            writer.endObject()
            writer.name("Period")
            writer.int(metricStat.period)
            writer.member("Stat", metricStat.stat)
            if let unit = metricStat.unit { writer.member("Unit", unit.rawValue) }
            writer.endObject()
        }
        writer.name("ReturnData")
        writer.bool(returnData ?? true)
        writer.endObject()
    }

    fileprivate func writeEvent(to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("id", id)
        if let expression { writer.member("expression", expression) }
        if let label { writer.member("label", label) }
        if let metricStat {
            writer.name("metricStat")
            writer.beginObject()
            writer.name("metric")
            writer.beginObject()
            writer.member("namespace", metricStat.metric.namespace)
            writer.member("name", metricStat.metric.metricName)
            writer.name("dimensions")
            writer.beginObject()
            for dimension in metricStat.metric.dimensions ?? [] { writer.member(dimension.name, dimension.value) }
            writer.endObject()
            writer.endObject()
            writer.name("period")
            writer.int(metricStat.period)
            writer.member("stat", metricStat.stat)
            if let unit = metricStat.unit { writer.member("unit", unit.rawValue) }
            writer.endObject()
        }
        writer.name("returnData")
        writer.bool(returnData ?? true)
        writer.endObject()
    }
}

extension [CloudWatch.Dimension] {
    fileprivate func write(to writer: inout JSONWriter) {
        writer.beginArray()
        for dimension in self {
            writer.beginObject()
            writer.member("value", dimension.value)
            writer.member("name", dimension.name)
            writer.endObject()
        }
        writer.endArray()
    }
}

extension CloudWatch.Statistic {
    /// As messages spell it.
    fileprivate var trigger: String {
        switch rawValue {
        case "SampleCount": "SAMPLE_COUNT"
        default: rawValue.uppercased()
        }
    }
}
