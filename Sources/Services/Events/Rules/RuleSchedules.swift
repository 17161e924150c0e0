import AWSWire
import Delivery
import Metrics
import NIOCore
import Schedules
import Storage

/// When rules that have schedules come, and what their targets get then: parcels and next time are one commit.
///
/// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
struct RuleSchedules: TimetableOwner {
    /// As the timetable knows it.
    static let owner = "events"
    let meters: Meters

    /// How many seconds late what was missed may go: as long as any target is tried.
    private static let maximumAge: Int64 = 86_400

    /// - Throws: AWS's error for what is no schedule of a rule.
    static func check(_ expression: String) throws(AWSError) {
        do throws(InvalidSchedule) { _ = try ScheduleExpression(expression, for: .rules) } catch {
            throw EventsFailure.validation(error.message)
        }
    }

    /// Has a rule come from now on as it says, within the transaction that stores it.
    ///
    /// - Parameters:
    ///   - former: As it was; nil: it is new.
    ///   - record: As it is; nil: it is gone.
    /// - Returns: When that is due; nil where nothing is, or nothing else than before.
    static func book(
        _ rule: RuleKey, _ former: RuleRecord?, _ record: RuleRecord?, now: Int64, in timetable: Timetable,
        _ connection: any SQLConnection
    ) throws -> Int64? {
        if former?.schedule == record?.schedule, former?.isEnabled == record?.isEnabled { return nil }
        let key = appointment(rule)
        guard let record, record.isEnabled, let next = ScheduleTimes(record)?.next(after: now / 1_000) else {
            try timetable.cancel(key, in: connection)
            return nil
        }
        try timetable.make(Appointment(key, time: next * 1_000, due: next * 1_000), in: connection)
        return next * 1_000
    }

    func keep(_ appointment: Appointment, now: Int64, _ connection: any SQLConnection) throws -> TimetableOutcome {
        let rule = Self.rule(appointment.key)
        guard let record = try EventsTable(connection).rule(rule), record.isEnabled,
            let times = ScheduleTimes(record)
        else { return TimetableOutcome() }
        let (time, next) = times.keep(
            appointment.time / 1_000, lateness: (now - appointment.due) / 1_000, now: now / 1_000,
            maximumAge: Self.maximumAge)
        var outcome = TimetableOutcome(
            next: next.map { Appointment(appointment.key, time: $0 * 1_000, due: $0 * 1_000) })
        guard let time else { return outcome }
        let publication = try publication(of: rule, record, at: time * 1_000, now: now)
        outcome.entries = publication.entries
        outcome.committed = { publication.count(at: now) }
        return outcome
    }

    /// What a rule's targets get.
    ///
    /// - Parameter time: For when it was due, in milliseconds since 1970.
    private func publication(
        of rule: RuleKey, _ record: RuleRecord, at time: Int64, now: Int64
    ) throws -> Publisher.Publication {
        let content = Event.Content(
            id: RequestID.make(), source: "aws.events", detailType: "Scheduled Event", account: rule.bus.account,
            region: rule.bus.region, time: Event.time(time), resources: [rule.arn], detail: ByteBuffer(string: "{}"))
        var publication = Publisher.Publication()
        publication.add(
            try Event(content, milliseconds: time, ingested: now), to: LiveRule(rule, record, meters: meters))
        return publication
    }

    // MARK: Its place in the timetable

    /// Only the default bus has rules with schedules.
    private static func appointment(_ rule: RuleKey) -> Appointment.Key {
        Appointment.Key(account: rule.bus.account, region: rule.bus.region, owner: owner, name: rule.name)
    }

    private static func rule(_ key: Appointment.Key) -> RuleKey {
        RuleKey(key.name, on: BusKey(account: key.account, region: key.region, name: BusKey.standard))
    }
}

extension ScheduleTimes {
    /// A rate begins when its rule gets it, and comes for the first time when it is over once.
    ///
    /// - Returns: nil for a rule without a schedule.
    fileprivate init?(_ record: RuleRecord) {
        guard let schedule = record.schedule, let expression = try? ScheduleExpression(schedule, for: .rules) else {
            return nil
        }
        self.init(expression, anchor: record.created / 1_000)
    }
}
