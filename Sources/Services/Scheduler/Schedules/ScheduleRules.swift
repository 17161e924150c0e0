import AWSWire
import NIOCore
import SchedulerModel
import Schedules

/// What a schedule has to be beyond what its shape says.
struct ScheduleRules: Sendable {
    let quotas: SchedulerQuotas
    /// Milliseconds since 1970.
    let now: Int64

    /// What a request makes, were it new.
    ///
    /// - Parameter checksStart: False where it may begin when it began before.
    func record(
        _ input: some ScheduleInput, for id: ScheduleID, checksStart: Bool
    ) throws(AWSError) -> ScheduleRecord {
        let expression: ScheduleExpression
        do throws(InvalidSchedule) {
            expression = try ScheduleExpression(input.scheduleExpression, for: .scheduler)
        } catch {
            throw .invalidSchedule(error.message)
        }
        let zone = input.scheduleExpressionTimezone ?? "UTC"
        guard TimeZoneRules(named: zone) != nil else {
            // AWS's words for this are not known.
            throw .invalidSchedule("Invalid Schedule Expression Timezone \(zone).")
        }
        guard input.kmsKeyArn == nil else { throw .unsupported("Keys of KMS for schedules are not supported.") }
        try checkBounds(input.startDate, input.endDate, recurs: expression.recurs)
        let window = try window(input.flexibleTimeWindow)
        let target = try TargetRules(quotas: quotas, place: id.group).record(input.target)
        let start = input.startDate.map { Int64($0.rounded(.up)) }
        let record = ScheduleRecord(
            description: input.description, expression: input.scheduleExpression, zone: zone, start: input.startDate,
            end: input.endDate, anchor: start ?? now / 1_000, window: window, isEnabled: input.state != .disabled,
            isDeletedAtTheEnd: input.actionAfterCompletion == .delete, target: target, created: now, modified: now)
        if checksStart { try checkStart(of: record) }
        return record
    }

    /// Refuses a recurring schedule that begins too long ago.
    func checkStart(of record: ScheduleRecord) throws(AWSError) {
        guard let start = record.start, !record.expression.hasPrefix("at(") else { return }
        if Int64(start) < now / 1_000 - quotas.earliestStart { throw .startTooEarly }
    }

    private func checkBounds(_ start: Double?, _ end: Double?, recurs: Bool) throws(AWSError) {
        for date in [start, end].compactMap({ $0 }) where !(0..<RequestTime.years.upperBound).contains(date) {
            throw .invalidSchedule("Dates must be of the years 1970 to 9999.")
        }
        // A one-time schedule has no use for them.
        guard recurs else { return }
        // AWS's words for these are not known.
        if let end, Int64(end) <= now / 1_000 {
            throw .invalidSchedule("The EndDate you specify must be in the future.")
        }
        if let start, let end, end <= start {
            throw .invalidSchedule("The EndDate you specify must come after the StartDate.")
        }
    }

    private func window(_ window: Scheduler.FlexibleTimeWindow) throws(AWSError) -> Int? {
        // AWS's words for these are not known.
        switch (window.mode, window.maximumWindowInMinutes) {
        case (.off, nil): return nil
        case (.off, _): throw .invalidSchedule("MaximumWindowInMinutes must not be set when the mode is OFF.")
        case (_, let minutes?): return minutes
        case (_, nil): throw .invalidSchedule("MaximumWindowInMinutes must be set when the mode is FLEXIBLE.")
        }
    }
}

/// What both requests that say what a schedule is have in common.
protocol ScheduleInput {
    var actionAfterCompletion: Scheduler.ActionAfterCompletion? { get }
    var description: String? { get }
    var endDate: Double? { get }
    var flexibleTimeWindow: Scheduler.FlexibleTimeWindow { get }
    var kmsKeyArn: String? { get }
    var scheduleExpression: String { get }
    var scheduleExpressionTimezone: String? { get }
    var startDate: Double? { get }
    var state: Scheduler.ScheduleState? { get }
    var target: Scheduler.Target { get }
}

extension Scheduler.CreateScheduleInput: ScheduleInput {}
extension Scheduler.UpdateScheduleInput: ScheduleInput {}
