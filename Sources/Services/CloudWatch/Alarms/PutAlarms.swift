import AWSWire
import CloudWatchModel
import Identity
import NIOCore
import Policies

/// Making, changing and deleting alarms.
extension CloudWatchService {
    func putMetricAlarm(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.PutMetricAlarmInput(decoding: request)
        let key = AlarmKey(input.alarmName, of: request.caller)
        try authorize(.putMetricAlarm, on: [key.arn], request, context: Self.context(input.tags))
        try AlarmRules.check(input, of: key)
        try await put(Alarm(key, .metric(input), now: clock()), tags: input.tags ?? [])
        return nil
    }

    func putCompositeAlarm(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.PutCompositeAlarmInput(decoding: request)
        let key = AlarmKey(input.alarmName, of: request.caller)
        try authorize(.putCompositeAlarm, on: [key.arn], request, context: Self.context(input.tags))
        try AlarmRules.checkName(input.alarmName)
        let suppression: [Any?] = [
            input.actionsSuppressor, input.actionsSuppressorWaitPeriod, input.actionsSuppressorExtensionPeriod,
        ]
        guard suppression.allSatisfy({ $0 == nil }) else {
            throw AWSError.unsupported("Suppressing the actions of composite alarms is not supported.")
        }
        let rule = try AlarmRule(input.alarmRule)
        try AlarmRules.check(actions: input.okActions, input.alarmActions, input.insufficientDataActions)
        try await put(Alarm(key, .composite(input), now: clock()), tags: input.tags ?? [], rule)
        return nil
    }

    /// Tags are given when an alarm is made; those of one that is there stay.
    private func put(_ alarm: Alarm, tags: [CloudWatch.Tag], _ rule: AlarmRule? = nil) async throws {
        let made = try AlarmTag.merged([], tags)
        try await alarms.change { [quotas] transitions in
            let table = transitions.table
            if let rule {
                let missing = try rule.children.filter { try table.find(alarm.key.child($0)) == nil }
                guard missing.isEmpty else {
                    throw AWSError.validation(
                        "Could not save the composite alarm as alarms [\(missing.joined(separator: ", "))] in the alarm "
                            + "rule do not exist")
                }
            }
            var alarm = alarm
            if let there = try table.find(alarm.key) {
                guard there.isComposite == alarm.isComposite else {
                    throw AWSError.validation("An alarm of another type has the name \(alarm.key.name).")
                }
                alarm.tags = there.tags
                alarm.state = there.state
                alarm.reason = there.reason
                alarm.reasonData = there.reasonData
                alarm.updated = there.updated
                alarm.transitioned = there.transitioned
                // Two configurations are never of the same time.
                alarm.configured = max(alarm.configured, there.configured + 1)
                try table.note(.configured(alarm, before: there))
                transitions.tell(ConfigurationNotice(operation: .update, alarm: alarm, before: there))
            } else {
                guard try table.count(alarm.key.account, alarm.key.region) < quotas.alarms else {
                    throw CloudWatchError.limitExceededFault(
                        message: "The maximum number of alarms of this account has been reached.")
                }
                alarm.tags = made
                try table.note(.configured(alarm, before: nil))
                transitions.tell(ConfigurationNotice(operation: .create, alarm: alarm))
            }
            try table.put(alarm)
            try table.putChildren(of: alarm)
        }
        evaluator.wake()
    }

    func deleteAlarms(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.DeleteAlarmsInput(decoding: request)
        // One that is named twice goes once.
        var seen: Set<String> = []
        let keys = input.alarmNames.filter { seen.insert($0).inserted }.map { AlarmKey($0, of: request.caller) }
        try authorize(.deleteAlarms, on: keys.map(\.arn), request)
        let now = clock()
        try await alarms.change { transitions in
            let table = transitions.table
            let found = try keys.compactMap { try table.find($0) }
            try Self.checkDeletion(of: found, table)
            for alarm in found {
                try table.delete(alarm.key)
                try table.note(.deleted(alarm, at: now))
                transitions.tell(ConfigurationNotice(operation: .delete, alarm: alarm))
            }
        }
        return nil
    }

    /// Alarms that rules name stay, in AWS's words as issues of its users have them, and composite alarms go one by
    /// one:
    /// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteAlarms.html
    private static func checkDeletion(of alarms: [Alarm], _ table: AlarmTable) throws {
        guard alarms.count(where: \.isComposite) <= 1 else {
            throw AWSError.validation("Only one composite alarm can be deleted in one operation.")
        }
        let names = Set(alarms.map(\.key.name))
        let needed = try alarms.map(\.key).filter { key in
            try table.parents(of: key).contains { !names.contains($0) }
        }
        guard needed.isEmpty else {
            throw AWSError.validation(
                "Cannot delete \(needed.map(\.name).joined(separator: ",")) as there are composite alarm(s) depending on "
                    + "\(needed.count == 1 ? "it" : "them").")
        }
    }

    func enableAlarmActions(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.EnableAlarmActionsInput(decoding: request)
        try await setActions(of: input.alarmNames, enabled: true, .enableAlarmActions, request)
        return nil
    }

    func disableAlarmActions(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.DisableAlarmActionsInput(decoding: request)
        try await setActions(of: input.alarmNames, enabled: false, .disableAlarmActions, request)
        return nil
    }

    private func setActions(
        of names: [String], enabled: Bool, _ operation: CloudWatch.Operation, _ request: ServiceRequest
    ) async throws {
        let keys = names.map { AlarmKey($0, of: request.caller) }
        try authorize(operation, on: keys.map(\.arn), request)
        let now = clock()
        try await alarms.change { transitions in
            let table = transitions.table
            for key in keys {
                guard var alarm = try table.find(key), alarm.actionsEnabled != enabled else { continue }
                let before = alarm
                alarm.actionsEnabled = enabled
                alarm.configured = max(now, alarm.configured + 1)
                try table.put(alarm)
                try table.note(.configured(alarm, before: before))
                transitions.tell(ConfigurationNotice(operation: .update, alarm: alarm, before: before))
            }
        }
    }

    func setAlarmState(_ request: ServiceRequest) async throws -> Output {
        let input = try CloudWatch.SetAlarmStateInput(decoding: request)
        let key = AlarmKey(input.alarmName, of: request.caller)
        try authorize(.setAlarmState, on: [key.arn], request)
        if let data = input.stateReasonData, JSONSyntax.validate(ByteBuffer(string: data)) != nil {
            throw CloudWatchError.invalidFormatFault(message: "The StateReasonData is not valid JSON.")
        }
        guard let state = AlarmState(rawValue: input.stateValue.rawValue) else { throw AWSError.noAlarm }
        let now = clock()
        try await alarms.change { transitions in
            guard let alarm = try transitions.table.find(key) else { throw AWSError.noAlarm }
            try transitions.move(
                alarm, to: state, reason: input.stateReason, data: input.stateReasonData,
                now: max(now, alarm.updated + 1))
        }
        // Composite alarms may have been put off.
        evaluator.wake()
        return nil
    }

    /// The condition keys that tags in a request are.
    static func context(_ tags: [CloudWatch.Tag]?) -> AccessContext {
        AccessContext(settingTags: (tags ?? []).map { ($0.key, $0.value) })
    }
}
