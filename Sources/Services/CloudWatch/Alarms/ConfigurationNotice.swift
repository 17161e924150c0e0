import AWSWire
import CloudWatchModel
import Delivery
import NIOCore

/// What the account's event bus is told when an alarm is made, changed or deleted.
///
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
struct ConfigurationNotice {
    enum Operation: String {
        case create, update, delete
    }

    var operation: Operation
    /// As it is now; of one that is deleted, as it was.
    var alarm: Alarm
    /// Of one that is changed.
    var before: Alarm?

    var entry: OutboxEntry {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("alarmName", alarm.key.name)
        writer.member("operation", operation.rawValue)
        writer.name("state")
        writer.beginObject()
        writer.member("value", alarm.state.rawValue)
        writer.member("timestamp", AlarmTime.text(alarm.updated))
        writer.endObject()
        writer.name("configuration")
        alarm.writeConfiguration(to: &writer)
        if let before {
            writer.name("previousConfiguration")
            before.writeConfiguration(to: &writer)
        }
        writer.endObject()
        return AlarmNotice.entryForBus(alarm.key, "CloudWatch Alarm Configuration Change", writer.buffer)
    }
}

extension Alarm {
    fileprivate func writeConfiguration(to writer: inout JSONWriter) {
        writer.beginObject()
        switch configuration {
        case .metric(let input): input.writeEvaluation(to: &writer)
        case .composite(let input): writer.member("alarmRule", input.alarmRule)
        }
        writer.member("alarmName", key.name)
        if let description { writer.member("description", description) }
        writer.name("actionsEnabled")
        writer.bool(actionsEnabled)
        writer.member("timestamp", AlarmTime.text(configured))
        for (name, state) in [
            ("okActions", AlarmState.ok), ("alarmActions", .alarm), ("insufficientDataActions", .insufficientData),
        ] {
            writer.name(name)
            writer.beginArray()
            for action in actions(state) { writer.string(action) }
            writer.endArray()
        }
        writer.endObject()
    }
}

extension CloudWatch.PutMetricAlarmInput {
    fileprivate func writeEvaluation(to writer: inout JSONWriter) {
        writer.name("evaluationPeriods")
        writer.int(evaluationPeriods ?? 1)
        if let datapointsToAlarm {
            writer.name("datapointsToAlarm")
            writer.int(datapointsToAlarm)
        }
        if let threshold {
            writer.name("threshold")
            writer.double(threshold)
        }
        if let comparisonOperator { writer.member("comparisonOperator", comparisonOperator.rawValue) }
        if let treatMissingData { writer.member("treatMissingData", treatMissingData) }
        if let evaluateLowSampleCountPercentile {
            writer.member("evaluateLowSampleCountPercentile", evaluateLowSampleCountPercentile)
        }
        writeMetrics(to: &writer)
    }
}
