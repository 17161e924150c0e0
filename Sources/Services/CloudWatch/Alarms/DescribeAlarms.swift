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
        let listing = AlarmListing(input, of: request.caller)
        let found = try await alarms.read { table -> [Alarm] in
            guard let names = try Self.names(input, root, table) else {
                return try listing.alarms(in: table, after: start, limit: limit + 1) { $0.isMeant(by: input) }
            }
            var found: [Alarm] = []
            for name in names.filter({ start.precedes($0) }).sorted(by: { $0.precedes($1) }) {
                let alarm = try table.find(AlarmKey(account: root.account, region: root.region, name: name))
                if let alarm, alarm.isMeant(by: input) { found.append(alarm) }
                if found.count > limit { break }
            }
            return found
        }
        let page = found.prefix(limit)
        return CloudWatch.DescribeAlarmsOutput(
            compositeAlarms: page.compactMap(\.compositeShape), metricAlarms: page.compactMap(\.metricShape),
            nextToken: found.count > limit ? page.last.map { AlarmPage.token($0.key.name) } : nil)
    }

    /// The names of those that may be meant; nil: they are not said.
    private static func names(
        _ input: CloudWatch.DescribeAlarmsInput, _ root: AlarmKey, _ table: AlarmTable
    ) throws -> Set<String>? {
        if input.parentsOfAlarmName != nil { return Set(try table.parents(of: root)) }
        if input.childrenOfAlarmName != nil {
            let children = try table.find(root)?.rule?.children.map { root.child($0) } ?? []
            return Set(children.filter { $0.account == root.account && $0.region == root.region }.map(\.name))
        }
        return input.alarmNames.map(Set.init)
    }

    func describeAlarmsForMetric(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.DescribeAlarmsForMetricInput(decoding: request)
        try authorize(.describeAlarmsForMetric, request)
        let account = request.caller.account.digits
        let region = request.caller.region
        let wanted = Set((input.dimensions ?? []).map { MetricDimension($0.name, $0.value) })
        let listing = AlarmListing(
            account: account, region: region, isComposite: false, text: "\"MetricName\":\(input.metricName.inJSON)")
        let found = try await alarms.read { table in
            try listing.alarms(in: table, after: "") { alarm in
                guard case .metric(let of) = alarm.configuration, of.metrics == nil else { return false }
                return of.metricName == input.metricName && of.namespace == input.namespace
                    && Set((of.dimensions ?? []).map { MetricDimension($0.name, $0.value) }) == wanted
                    && (input.statistic == nil || input.statistic == of.statistic)
                    && (input.extendedStatistic == nil || input.extendedStatistic == of.extendedStatistic)
                    && (input.period == nil || input.period == of.period)
                    && (input.unit == nil || input.unit == of.unit)
            }
        }
        return CloudWatch.DescribeAlarmsForMetricOutput(metricAlarms: found.compactMap(\.metricShape))
    }

    func describeAlarmHistory(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.DescribeAlarmHistoryInput(decoding: request)
        try authorize(.describeAlarmHistory, on: [AlarmKey(input.alarmName ?? "*", of: request.caller).arn], request)
        if input.alarmContributorId != nil { throw AWSError.unsupported("Alarm contributors are not supported.") }
        guard [input.startDate, input.endDate].compactMap(\.self).allSatisfy(RequestTime.years.contains) else {
            throw AWSError.validation("The parameters StartDate and EndDate must be times of the years 1 to 9999.")
        }
        let types = input.alarmTypes ?? [.metricAlarm]
        let listing = HistoryListing(
            account: request.caller.account.digits, region: request.caller.region, name: input.alarmName,
            from: Int64((input.startDate ?? 0) * 1_000), to: input.endDate.map { Int64($0 * 1_000) } ?? .max,
            isComposite: Set(types).count == 1 ? types.contains(.compositeAlarm) : nil,
            type: input.historyItemType.flatMap { AlarmHistory.Kind(rawValue: $0.rawValue) },
            isAscending: input.scanBy == .timestampAscending,
            after: try input.nextToken.map { (token) throws(AWSError) in try HistoryListing.Place(token: token) })
        // Contributors do not change here, and there is no history of them.
        guard input.historyItemType == nil || listing.type != nil else {
            return CloudWatch.DescribeAlarmHistoryOutput(alarmHistoryItems: [])
        }
        let limit = input.maxRecords ?? 100
        let found = try await alarms.read { try listing.items(in: $0, limit: limit + 1) }
        let page = found.prefix(limit)
        return CloudWatch.DescribeAlarmHistoryOutput(
            alarmHistoryItems: page.map(\.item.shape),
            nextToken: found.count > limit ? page.last?.place.token : nil)
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

extension AlarmListing {
    fileprivate init(_ input: CloudWatch.DescribeAlarmsInput, of caller: Caller) {
        account = caller.account.digits
        region = caller.region
        // Without a word, only metric alarms are meant.
        let types = Set(input.alarmTypes ?? [.metricAlarm])
        isComposite = types.count == 1 ? types.contains(.compositeAlarm) : nil
        prefix = input.alarmNamePrefix ?? ""
        state = input.stateValue.flatMap { AlarmState(rawValue: $0.rawValue) }
        // An action stands in quotation marks; only its beginning is known.
        text = input.actionPrefix.map { String($0.inJSON.dropLast()) }
    }
}

extension String {
    /// In the order of the store.
    fileprivate func precedes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
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
        if let prefix = input.alarmNamePrefix, !key.name.utf8.starts(with: prefix.utf8) { return false }
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
