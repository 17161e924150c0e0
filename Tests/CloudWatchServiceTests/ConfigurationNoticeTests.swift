import AWSWire
import Delivery
import TestSupport
import Testing

@testable import CloudWatchService

/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
@Suite struct ConfigurationNoticeTests {
    private func put(_ rig: Rig, threshold: Int) async throws {
        try await rig.ask(
            "PutMetricAlarm",
            """
            {"AlarmName":"a","AlarmDescription":"hot","MetricName":"m","Namespace":"n","Period":60,
            "EvaluationPeriods":1,"Threshold":\(threshold),"ComparisonOperator":"GreaterThanThreshold",
            "Statistic":"Average","TreatMissingData":"ignore","AlarmActions":["\(Rig.topic)"]}
            """)
    }

    /// What the bus got, once it is so much: the outbox brings it in any order.
    private func told(_ rig: Rig, _ count: Int) async throws -> [JSONValue] {
        #expect(try await eventually { rig.bus.all.count == count })
        #expect(rig.bus.all.allSatisfy { $0.event?.source == "aws.cloudwatch" })
        #expect(rig.bus.all.allSatisfy { $0.event?.detailType == "CloudWatch Alarm Configuration Change" })
        return try rig.bus.all.map { try JSONValue(parsing: $0.body) }
    }

    @Test func alarmsAreToldOfAsTheyAreMadeChangedAndDeleted() async throws {
        let rig = try Rig()
        try await put(rig, threshold: 70)
        let made = try #require(try await told(rig, 1).first)
        #expect(made.members.map(\.0) == ["alarmName", "operation", "state", "configuration"])
        #expect(made["operation"]?.string == "create")
        #expect(made["state"]?.members.map(\.0) == ["value", "timestamp"])
        #expect(made["state"]?["value"]?.string == "INSUFFICIENT_DATA")
        let configuration = try #require(made["configuration"])
        #expect(
            configuration.members.map(\.0) == [
                "evaluationPeriods", "threshold", "comparisonOperator", "treatMissingData", "metrics", "alarmName",
                "description", "actionsEnabled", "timestamp", "okActions", "alarmActions", "insufficientDataActions",
            ])
        #expect(configuration["alarmActions"]?.elements.map(\.string) == [Rig.topic])
        #expect(configuration["okActions"]?.elements.isEmpty == true)
        #expect(configuration["timestamp"]?.string == "2026-01-01T00:00:00.000+0000")
        #expect(configuration["metrics"]?.elements.first?["metricStat"]?["stat"]?.string == "Average")

        rig.clock.now += 1_000
        try await put(rig, threshold: 80)
        let changed = try #require(try await told(rig, 2).last)
        #expect(changed["operation"]?.string == "update")
        #expect(changed["configuration"]?["threshold"]?.double == 80)
        #expect(changed["configuration"]?["timestamp"]?.string == "2026-01-01T00:00:01.000+0000")
        #expect(changed["previousConfiguration"]?["threshold"]?.double == 70)
        #expect(changed["previousConfiguration"]?["timestamp"]?.string == "2026-01-01T00:00:00.000+0000")

        try await rig.ask("DisableAlarmActions", #"{"AlarmNames":["a","none"]}"#)
        let disabled = try #require(try await told(rig, 3).last)
        #expect(disabled["operation"]?.string == "update")
        #expect(disabled["configuration"]?["actionsEnabled"]?.bool == false)
        #expect(disabled["previousConfiguration"]?["actionsEnabled"]?.bool == true)

        try await rig.ask("DeleteAlarms", #"{"AlarmNames":["a","none"]}"#)
        let deleted = try #require(try await told(rig, 4).last)
        #expect(deleted["operation"]?.string == "delete")
        #expect(deleted["configuration"]?["threshold"]?.double == 80)
        #expect(deleted["previousConfiguration"] == nil)
    }

    @Test func compositeAlarmsHaveTheirRule() async throws {
        let rig = try Rig()
        try await put(rig, threshold: 1)
        _ = try await told(rig, 1)
        try await rig.ask("PutCompositeAlarm", #"{"AlarmName":"c","AlarmRule":"ALARM(a)"}"#)
        let made = try #require(try await told(rig, 2).last?["configuration"])
        #expect(
            made.members.map(\.0) == [
                "alarmRule", "alarmName", "actionsEnabled", "timestamp", "okActions", "alarmActions",
                "insufficientDataActions",
            ])
        #expect(made["alarmRule"]?.string == "ALARM(a)")
    }

    /// Whatever is refused of these, the process that is asked goes on.
    @Test(arguments: ["1e300", "-1e300", "9223372036854775807", #""NaN""#, #""Infinity""#])
    func noTimeIsTooMuch(_ time: String) async throws {
        let rig = try Rig()
        try await put(rig, threshold: 1)
        let query = #"{"Id":"m","MetricStat":{"Metric":{"Namespace":"n","MetricName":"m"},"Period":60,"Stat":"Sum"}}"#
        let metric = #""Namespace":"n","MetricName":"m","Period":86400,"Statistics":["Sum"]"#
        for (start, end) in [(time, "1767225600"), ("1767225600", time), (time, time)] {
            let range = #""StartTime":\#(start),"EndTime":\#(end)"#
            _ = try? await rig.ask("DescribeAlarmHistory", #"{"StartDate":\#(start),"EndDate":\#(end)}"#)
            _ = try? await rig.ask("GetMetricStatistics", "{\(metric),\(range)}")
            _ = try? await rig.ask("GetMetricData", #"{"MetricDataQueries":[\#(query)],\#(range)}"#)
        }
        #expect(try await rig.state("a").value == "INSUFFICIENT_DATA")
    }
}
