import AWSWire
import CloudWatchModel
import Metrics
import NIOCore

/// Looking at alarms.
extension CloudWatchService {
    func describeAlarms(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.DescribeAlarmsInput(decoding: request)
        try authorize(.describeAlarms, on: [AlarmKey("*", of: request.caller).arn], request)
        if input.alarmNames != nil, input.alarmNamePrefix != nil {
            throw AWSError.exclusive("AlarmNames", "AlarmNamePrefix")
        }
        let family = [input.childrenOfAlarmName, input.parentsOfAlarmName].compactMap(\.self)
        guard family.count <= 1 else { throw AWSError.exclusive("ChildrenOfAlarmName", "ParentsOfAlarmName") }
        let start = try input.nextToken.map(AlarmPage.name) ?? ""
        let limit = input.maxRecords ?? 50
        let root = AlarmKey(family.first ?? "", of: request.caller)
        let found = try await alarms.read { table -> [Alarm] in
            var all = try table.all(root.account, root.region, after: start)
            if input.childrenOfAlarmName != nil {
                let children = try Self.children(of: root, table)
                all = all.filter { children.contains($0.key) }
            } else if input.parentsOfAlarmName != nil {
                all = all.filter { $0.rule?.children.contains { $0 == root.name || $0 == root.arn } ?? false }
            }
            return all.filter { $0.isMeant(by: input) }
        }
        let page = found.prefix(limit)
        return CloudWatch.DescribeAlarmsOutput(
            compositeAlarms: page.compactMap(\.compositeShape), metricAlarms: page.compactMap(\.metricShape),
            nextToken: found.count > limit ? page.last.map { AlarmPage.token($0.key.name) } : nil)
    }

    private static func children(of key: AlarmKey, _ table: AlarmTable) throws -> Set<AlarmKey> {
        Set(try table.find(key)?.rule?.children.map { key.child($0) } ?? [])
    }

    func describeAlarmsForMetric(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.DescribeAlarmsForMetricInput(decoding: request)
        try authorize(.describeAlarmsForMetric, request)
        let account = request.caller.account.digits
        let region = request.caller.region
        let wanted = Set((input.dimensions ?? []).map { MetricDimension($0.name, $0.value) })
        let found = try await alarms.read { try $0.all(account, region) }.filter { alarm in
            guard case .metric(let of) = alarm.configuration, of.metrics == nil else { return false }
            return of.metricName == input.metricName && of.namespace == input.namespace
                && Set((of.dimensions ?? []).map { MetricDimension($0.name, $0.value) }) == wanted
                && (input.statistic == nil || input.statistic == of.statistic)
                && (input.extendedStatistic == nil || input.extendedStatistic == of.extendedStatistic)
                && (input.period == nil || input.period == of.period) && (input.unit == nil || input.unit == of.unit)
        }
        return CloudWatch.DescribeAlarmsForMetricOutput(metricAlarms: found.compactMap(\.metricShape))
    }

    func describeAlarmHistory(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.DescribeAlarmHistoryInput(decoding: request)
        try authorize(.describeAlarmHistory, on: [AlarmKey(input.alarmName ?? "*", of: request.caller).arn], request)
        if input.alarmContributorId != nil { throw AWSError.unsupported("Alarm contributors are not supported.") }
        let start = try input.nextToken.map { (token) throws(AWSError) in try PageToken(token).offset } ?? 0
        let account = request.caller.account.digits
        let region = request.caller.region
        let from = AlarmTime.milliseconds(input.startDate ?? 0)
        let to = input.endDate.map(AlarmTime.milliseconds) ?? .max
        let types = input.alarmTypes.map { Set($0.map(\.rawValue)) } ?? [CloudWatch.AlarmType.metricAlarm.rawValue]
        var items = try await alarms.read { table in
            try table.history(account, region, name: input.alarmName, from: from, to: to)
        }.filter { item in
            types.contains(item.alarmType.rawValue)
                && (input.historyItemType == nil || input.historyItemType?.rawValue == item.type.rawValue)
        }
        if input.scanBy == .timestampAscending { items.reverse() }
        let limit = input.maxRecords ?? 100
        let page = items.dropFirst(Int(clamping: start)).prefix(limit)
        let end = Int(clamping: start) + page.count
        return CloudWatch.DescribeAlarmHistoryOutput(
            alarmHistoryItems: page.map(\.shape),
            nextToken: end < items.count ? PageToken(offset: Int64(end)).text : nil)
    }
}

/// Where a page of alarms begins: behind the last name of the one before.
enum AlarmPage {
    static func token(_ name: String) -> String { Base64.encode(name.utf8) }

    static func name(_ token: String) throws(AWSError) -> String {
        guard let name = Base64.decodeText(token), !name.isEmpty
        else { throw .badToken }
        return name
    }
}

extension Alarm {
    /// Of a composite alarm.
    var rule: AlarmRule? {
        guard case .composite(let input) = configuration else { return nil }
        return try? AlarmRule(input.alarmRule)
    }

    fileprivate func isMeant(by input: CloudWatch.DescribeAlarmsInput) -> Bool {
        let hasFamily = input.childrenOfAlarmName != nil || input.parentsOfAlarmName != nil
        // Without a word, only metric alarms are.
        if let types = input.alarmTypes {
            guard types.contains(kind) else { return false }
        } else if isComposite, !hasFamily {
            return false
        }
        if let names = input.alarmNames, !names.contains(key.name) { return false }
        if let prefix = input.alarmNamePrefix, !key.name.hasPrefix(prefix) { return false }
        if let wanted = input.stateValue, wanted.rawValue != state.rawValue { return false }
        guard let prefix = input.actionPrefix else { return true }
        return [AlarmState.ok, .alarm, .insufficientData].contains { actions($0).contains { $0.hasPrefix(prefix) } }
    }
}

extension AlarmHistory {
    var alarmType: CloudWatch.AlarmType { isComposite ? .compositeAlarm : .metricAlarm }

    fileprivate var shape: CloudWatch.AlarmHistoryItem {
        CloudWatch.AlarmHistoryItem(
            alarmName: key.name, alarmType: alarmType, timestamp: Double(time) / 1_000,
            historyItemType: .init(rawValue: type.rawValue), historySummary: summary, historyData: data)
    }

    /// An alarm is in another state.
    static func stateUpdate(_ alarm: Alarm, from before: Alarm) -> AlarmHistory {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("version", "1.0")
        for (name, alarm) in [("oldState", before), ("newState", alarm)] {
            writer.name(name)
            writer.beginObject()
            writer.member("stateValue", alarm.state.rawValue)
            writer.member("stateReason", alarm.reason)
            if let data = alarm.reasonData, JSONSyntax.validate(ByteBuffer(string: data)) == nil {
                writer.name("stateReasonData")
                writer.raw(ByteBuffer(string: data))
            }
            writer.endObject()
        }
        writer.endObject()
        return AlarmHistory(
            key: alarm.key, isComposite: alarm.isComposite, time: alarm.updated, type: .stateUpdate,
            summary: "Alarm updated from \(before.state.rawValue) to \(alarm.state.rawValue)",
            data: String(buffer: writer.buffer))
    }

    /// An alarm was made, or changed.
    static func configured(_ alarm: Alarm, before: Alarm?) -> AlarmHistory {
        configuration(
            alarm, at: alarm.configured, before == nil ? "Create" : "Update", before == nil ? "created" : "updated")
    }

    static func deleted(_ alarm: Alarm, at time: Int64) -> AlarmHistory {
        configuration(alarm, at: time, "Delete", "deleted")
    }

    private static func configuration(_ alarm: Alarm, at time: Int64, _ type: String, _ word: String) -> AlarmHistory {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("version", "1.0")
        writer.member("type", type)
        writer.name("\(word)Alarm")
        writer.raw(ByteBuffer(string: alarm.configurationText))
        writer.endObject()
        return AlarmHistory(
            key: alarm.key, isComposite: alarm.isComposite, time: time, type: .configurationUpdate,
            summary: String("Alarm \"\(alarm.key.name)\" \(word)".prefix(255)), data: String(buffer: writer.buffer))
    }

    /// Something that an alarm should do was done, or could not be.
    static func action(_ key: AlarmKey, isComposite: Bool, at time: Int64, target: String, error: String?)
        -> AlarmHistory
    {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("actionState", error == nil ? "Succeeded" : "Failed")
        writer.member("notificationResource", target)
        if let error { writer.member("error", error) }
        writer.endObject()
        let words = error == nil ? "Successfully executed action" : "Failed to execute action"
        return AlarmHistory(
            key: key, isComposite: isComposite, time: time, type: .action,
            summary: String("\(words) \(target)".prefix(255)), data: String(buffer: writer.buffer))
    }
}
