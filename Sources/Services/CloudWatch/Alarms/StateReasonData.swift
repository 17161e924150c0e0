import AWSWire
import CloudWatchModel
import NIOCore

/// What a change of state says of the values that made it, as recorded in LocalStack's test_put_metric_alarm.
struct StateReasonData {
    var input: CloudWatch.PutMetricAlarmInput
    /// Seconds.
    var period: Int64
    /// Milliseconds since 1970.
    var now: Int64
    var outcome: AlarmEvaluation.Outcome

    var text: String {
        var writer = JSONWriter()
        let real = outcome.evaluated.filter { $0.value != nil }
        writer.beginObject()
        writer.member("version", "1.0")
        writer.member("queryDate", AlarmTime.text(now))
        if let first = real.map(\.time).min() { writer.member("startDate", AlarmTime.text(first * 1_000)) }
        if let unit = input.unit { writer.member("unit", unit.rawValue) }
        if let statistic = input.statistic { writer.member("statistic", statistic.rawValue) }
        writer.name("period")
        writer.int(Int(period))
        writer.name("recentDatapoints")
        writer.beginArray()
        for datapoint in real.reversed().prefix(20) { writer.double(datapoint.value ?? 0) }
        writer.endArray()
        writer.name("threshold")
        writer.double(input.threshold ?? 0)
        writer.name("evaluatedDatapoints")
        writer.beginArray()
        // A state's data have 4,000 characters at most.
        for datapoint in outcome.evaluated.prefix(20) {
            writer.beginObject()
            writer.member("timestamp", AlarmTime.text(datapoint.time * 1_000))
            if let count = datapoint.sampleCount {
                writer.name("sampleCount")
                writer.double(count)
            }
            if let value = datapoint.value {
                writer.name("value")
                writer.double(value)
            }
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return String(buffer: writer.buffer)
    }
}
