import Delivery
import Schedules

extension ScheduleTimes {
    /// How far a one-time schedule may lie back when it is made and still come: AWS keeps times to the minute.
    private static let grace: Int64 = 60

    /// - Returns: nil where the system no longer has the zone.
    init?(_ record: ScheduleRecord) {
        guard let expression = try? ScheduleExpression(record.expression, for: .scheduler),
            let zone = TimeZoneRules(named: record.zone)
        else { return nil }
        self.init(expression, in: zone, anchor: record.anchor, window: Int64(record.window ?? 0) * 60)
        // One-time schedules have neither.
        guard expression.recurs else { return }
        start = record.start.map { Int64($0.rounded(.up)) }
        end = record.end.map { Int64($0.rounded(.down)) }
    }

    /// The first time of a schedule that is made now: that of a rate is its beginning.
    func first(now: Int64) -> Int64? {
        switch expression {
        case .rate: next(after: now - 1)
        case .cron: next(after: now)
        case .at: next(after: now - Self.grace)
        }
    }

    /// The appointment for a time: somewhere in its window.
    func appointment(_ time: Int64, _ id: ScheduleID) -> Appointment {
        let delay = window > 0 ? Int64.random(in: 0..<window * 1_000) : 0
        return Appointment(id.key, time: time * 1_000, due: time * 1_000 + delay)
    }
}
