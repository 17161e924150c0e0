package import AWSWire
import NIOCore
import Storage

/// A rule that a schedule fires.
package struct ScheduledRule: Sendable, Hashable {
    package var arn: String
    /// `rate(…)` or `cron(…)`.
    package var expression: String
    package var isEnabled: Bool
    /// Milliseconds since 1970: when its schedule was set.
    package var since: Int64
}

/// What fires rules at their times. It is told of every change after its commit, and asks
/// ``EventsService/scheduledRules()`` when it starts.
package protocol RuleTimetable: Sendable {
    /// - Throws: AWS's error for what is no schedule.
    func check(_ expression: String) throws(AWSError)

    /// A rule is new, or changed.
    func keep(_ rule: ScheduledRule)

    /// A rule is gone, or has a schedule no longer.
    func forget(_ arn: String)
}

extension EventsService {
    /// Of all accounts.
    package func scheduledRules() async throws -> [ScheduledRule] {
        try await database.read { connection in
            try EventsTable(connection).allRules().compactMap { ScheduledRule($0.key, $0.record) }
        }
    }

    /// Sends a rule's targets the event of its schedule. It is on disk when this returns.
    ///
    /// - Parameter time: Milliseconds since 1970: for when it was due.
    package func fire(_ arn: String, at time: Int64) async throws {
        guard let key = RuleKey(arn: arn), let rule = try await buses.bus(key.bus)?.rule(key.name),
            rule.record.isEnabled
        else { return }
        let content = Event.Content(
            id: RequestID.make(), source: "aws.events", detailType: "Scheduled Event", account: key.bus.account,
            region: key.bus.region, time: Event.time(time), resources: [arn], detail: ByteBuffer(string: "{}"))
        var publication = Publisher.Publication()
        publication.add(try Event(content, milliseconds: time, ingested: clock()), to: rule)
        try await publisher.publish(publication)
    }

    /// Tells the timetable what became of a rule.
    func reschedule(_ key: RuleKey, _ record: RuleRecord?) {
        guard let schedules else { return }
        if let rule = record.flatMap({ ScheduledRule(key, $0) }) {
            schedules.keep(rule)
        } else {
            schedules.forget(key.arn)
        }
    }
}

extension ScheduledRule {
    /// - Returns: nil for a rule without a schedule.
    init?(_ key: RuleKey, _ record: RuleRecord) {
        guard let schedule = record.schedule else { return nil }
        self.init(arn: key.arn, expression: schedule, isEnabled: record.isEnabled, since: record.created)
    }
}
