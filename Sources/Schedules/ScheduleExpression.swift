/// When something is to happen, as AWS's schedules say it: `rate(5 minutes)`, `cron(0 12 * * ? *)`, or
/// `at(2026-03-29T02:30:00)`.
///
/// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
package enum ScheduleExpression: Sendable, Hashable {
    /// Every so many seconds.
    case rate(seconds: Int64)
    case cron(CronExpression)
    /// Once.
    case at(CivilTime)

    /// Whose expressions they are: the services differ in what they take, and in what they say.
    package enum Dialect: Sendable, Hashable {
        /// Of EventBridge's rules: no `at`, and `1 minute` but `5 minutes`.
        case rules
        /// Of EventBridge Scheduler, which takes either form of a unit.
        case scheduler
    }

    package init(_ text: String, for dialect: Dialect) throws(InvalidSchedule) {
        guard let expression = Self.read(text, dialect) else { throw InvalidSchedule(text: text, dialect: dialect) }
        self = expression
    }

    private static func read(_ text: String, _ dialect: Dialect) -> ScheduleExpression? {
        // No expression of either service is longer: https://docs.aws.amazon.com/general/latest/gr/ev.html
        guard text.utf8.count <= 256, text.hasSuffix(")"), let open = text.firstIndex(of: "(") else { return nil }
        let inside = text[text.index(after: open)...].dropLast()
        switch text[..<open] {
        case "rate": return rate(inside, dialect)
        case "cron": return CronExpression(inside).map { .cron($0) }
        case "at" where dialect == .scheduler: return CivilTime(text: String(inside)).map { .at($0) }
        default: return nil
        }
    }

    private static func rate(_ text: Substring, _ dialect: Dialect) -> ScheduleExpression? {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count <= 9, parts[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let count = Int64(parts[0]), count > 0
        else { return nil }
        let unit = parts[1].hasSuffix("s") ? parts[1].dropLast() : parts[1]
        if dialect == .rules, (count == 1) != (unit.count == parts[1].count) { return nil }
        switch unit {
        case "minute": return .rate(seconds: count * 60)
        case "hour": return .rate(seconds: count * 3_600)
        case "day": return .rate(seconds: count * 86_400)
        default: return nil
        }
    }

    /// Whether it can come more than once.
    package var recurs: Bool {
        if case .at = self { false } else { true }
    }

    /// The first time after an instant; nil when there is none any more, which is said at once.
    ///
    /// Times that a zone's clocks leave out in spring are left out; those that they show twice in autumn come once, the
    /// first time. Rates know no zone: a day has 24 hours.
    ///
    /// - Parameters:
    ///   - instant: Seconds since 1970, and so is what is returned.
    ///   - start: When a rate begins: it comes then, and every so often from there on.
    package func next(after instant: Int64, in zone: TimeZoneRules, start: Int64) -> Int64? {
        switch self {
        case .rate(let seconds):
            if instant < start { return start }
            let (next, overflow) = start.addingReportingOverflow(
                ((instant - start) / seconds + 1).multipliedReportingOverflow(by: seconds).partialValue)
            return overflow ? nil : next
        case .cron(let expression): return expression.next(after: instant, in: zone)
        case .at(let time): return zone.instant(of: time.seconds).flatMap { $0 > instant ? $0 : nil }
        }
    }
}

/// What is no expression, and what AWS says of it.
package struct InvalidSchedule: Error, Sendable, Hashable {
    package var text: String
    package var dialect: ScheduleExpression.Dialect

    /// Of a `ValidationException`.
    package var message: String {
        switch dialect {
        case .rules: "Parameter ScheduleExpression is not valid."
        case .scheduler: "Invalid Schedule Expression \(text)."
        }
    }
}
