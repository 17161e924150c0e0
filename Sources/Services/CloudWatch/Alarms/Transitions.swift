import AWSWire
import CloudWatchModel
import Delivery
import NIOCore

/// Changes of state in one transaction, and what is to be told of them.
struct Transitions {
    let table: AlarmTable
    private(set) var entries: [OutboxEntry] = []

    /// Composite alarms may hang on each other this deep.
    private static let depthLimit = 16

    init(table: AlarmTable) { self.table = table }

    /// An alarm was made, changed or deleted.
    mutating func tell(_ notice: ConfigurationNotice) { entries.append(notice.entry) }

    /// Has an alarm be in a state, for a reason.
    ///
    /// - Parameters:
    ///   - now: Milliseconds since 1970.
    ///   - children: The alarms that made a composite alarm change.
    mutating func move(
        _ alarm: Alarm, to state: AlarmState, reason: String, data: String?, now: Int64, children: [Alarm] = [],
        depth: Int = 0
    ) throws {
        let before = alarm
        var alarm = alarm
        alarm.state = state
        alarm.reason = reason
        alarm.reasonData = data
        alarm.updated = now
        if state != before.state { alarm.transitioned = now }
        try table.put(alarm)
        guard state != before.state else { return }
        try table.note(.stateUpdate(alarm, from: before))
        let notice = AlarmNotice(alarm: alarm, before: before, children: children)
        entries.append(notice.entryForBus)
        if alarm.actionsEnabled { entries += alarm.actions(state).map(notice.entry) }
        guard depth < Self.depthLimit else { return }
        for composite in try table.composites(alarm.key.account, alarm.key.region) {
            guard case .composite(let input) = composite.configuration, let rule = try? AlarmRule(input.alarmRule),
                rule.children.contains(where: { alarm.key.isNamed($0) })
            else { continue }
            // One of those before it may have changed it.
            guard let composite = try table.find(composite.key) else { continue }
            try evaluate(composite, rule, because: alarm, now: now, depth: depth + 1)
        }
    }

    /// Has a composite alarm be in the state that its rule says.
    ///
    /// - Parameter child: The alarm that changed; nil when the composite alarm itself did.
    mutating func evaluate(
        _ composite: Alarm, _ rule: AlarmRule, because child: Alarm?, now: Int64, isNew: Bool = false, depth: Int = 0
    ) throws {
        var children: [String: Alarm] = [:]
        for name in rule.children { children[name] = try table.find(composite.key.child(name)) }
        let state: AlarmState = rule.holds { children[$0]?.state ?? .insufficientData } ? .alarm : .ok
        guard state != composite.state else { return }
        let reason: String
        if let child {
            let time = AlarmTime.spelled(now)
            reason = "\(child.key.arn) transitioned to \(child.state.rawValue) at \(time)"
        } else {
            let word = isNew ? "created" : "updated"
            reason = "\(composite.key.arn) was \(word) and its alarm rule evaluates to \(state.rawValue)"
        }
        try move(
            composite, to: state, reason: reason, data: child.map { Self.reasonData([$0]) }, now: now,
            children: child.map { [$0] } ?? [], depth: depth)
    }

    /// `{"triggeringAlarms":[{"arn":…,"state":{"value":…,"timestamp":…}}]}`
    private static func reasonData(_ children: [Alarm]) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("triggeringAlarms")
        writer.beginArray()
        for child in children {
            writer.beginObject()
            writer.member("arn", child.key.arn)
            writer.name("state")
            writer.beginObject()
            writer.member("value", child.state.rawValue)
            writer.member("timestamp", AlarmTime.text(child.updated))
            writer.endObject()
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return String(buffer: writer.buffer)
    }
}

extension AlarmKey {
    /// The alarm that a rule of this one calls so: a name, or an ARN.
    func child(_ name: String) -> AlarmKey {
        AlarmKey(arn: name) ?? AlarmKey(account: account, region: region, name: name)
    }

    fileprivate func isNamed(_ name: String) -> Bool { child(name) == self }
}
