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
    /// How many composite alarms are looked at in one transaction: whole nets of them must not keep everybody's
    /// commits. Others are put off.
    private static let lookLimit = 1_000

    /// The alarms whose changes led here. As on AWS, a circle ends where it closes.
    private var path: [AlarmKey] = []
    private var looks = 0

    init(table: AlarmTable) { self.table = table }

    /// An alarm was made, changed or deleted.
    mutating func tell(_ notice: ConfigurationNotice) { entries.append(notice.entry) }

    /// Has an alarm be in a state, for a reason.
    ///
    /// - Parameters:
    ///   - now: Milliseconds since 1970.
    ///   - children: The alarms that made a composite alarm change.
    mutating func move(
        _ alarm: Alarm, to state: AlarmState, reason: String, data: String?, now: Int64, children: [Alarm] = []
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
        try look(atParentsOf: alarm, now: now)
    }

    private mutating func look(atParentsOf alarm: Alarm, now: Int64) throws {
        path.append(alarm.key)
        defer { path.removeLast() }
        for name in try table.parents(of: alarm.key) {
            let key = AlarmKey(account: alarm.key.account, region: alarm.key.region, name: name)
            if path.contains(key) { continue }
            guard path.count <= Self.depthLimit, looks < Self.lookLimit else {
                try table.putOff(key, now: now)
                continue
            }
            looks += 1
            // As those before it left it.
            guard let composite = try table.find(key), let rule = composite.rule else { continue }
            try evaluate(composite, rule, because: alarm, now: now)
        }
    }

    /// Has a composite alarm be in the state that its rule says.
    ///
    /// - Parameter child: The alarm that changed; nil when the composite alarm itself did, or was put off.
    mutating func evaluate(
        _ composite: Alarm, _ rule: AlarmRule, because child: Alarm?, now: Int64, isNew: Bool = false
    ) throws {
        var states: [String: AlarmState] = [:]
        for name in rule.children { states[name] = try table.state(of: composite.key.child(name)) }
        let state: AlarmState = rule.holds { states[$0] ?? .insufficientData } ? .alarm : .ok
        guard state != composite.state else { return }
        let child = try child ?? latestChange(for: composite, rule)
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
            children: child.map { [$0] } ?? [])
    }

    /// The alarm that changed last of those that a rule names, if one did after the composite alarm was made or
    /// changed.
    private func latestChange(for composite: Alarm, _ rule: AlarmRule) throws -> Alarm? {
        try rule.children.compactMap { try table.find(composite.key.child($0)) }
            .filter { $0.transitioned > composite.configured }.max { $0.transitioned < $1.transitioned }
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
}
