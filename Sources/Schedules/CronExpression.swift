/// The six fields of AWS's cron: minutes, hours, days of the month, months, days of the week, years.
///
/// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html#eb-cron-expressions
package struct CronExpression: Sendable, Hashable {
    private let minutes: CronField
    private let hours: CronField
    private let days: CronDays
    private let months: CronField
    private let years: CronField

    /// - Parameter text: What is between the parentheses.
    package init?(_ text: some StringProtocol) {
        let fields = Substring(text).split(separator: " ").map { $0 }
        guard fields.count == 6, let minutes = CronField(fields[0], .minutes), let hours = CronField(fields[1], .hours),
            let days = CronDays(ofMonth: fields[2], ofWeek: fields[4]), let months = CronField(fields[3], .months),
            let years = CronField(fields[5], .years)
        else { return nil }
        self.minutes = minutes
        self.hours = hours
        self.days = days
        self.months = months
        self.years = years
    }

    /// The first minute after an instant; nil when none comes up to the year 2199.
    ///
    /// Looks at each month once at most, so that what never comes costs little.
    ///
    /// - Parameter instant: Seconds since 1970.
    func next(after instant: Int64, in zone: TimeZoneRules) -> Int64? {
        guard instant < Self.end else { return nil }
        // Where a zone's clocks were turned back, they show times that were before the instant.
        var time = CivilTime(seconds: max(instant, Self.beginning) + zone.offset(at: instant))
        time.second = 0
        while let next = first(from: time) {
            if let found = zone.instant(of: next.seconds), found > instant { return found }
            time = CivilTime(seconds: next.seconds + 60)
        }
        return nil
    }

    /// A year before 1970, and one after 2199: no expression names them.
    private static let beginning = CivilTime(year: 1969, month: 1, day: 1).seconds
    private static let end = CivilTime(year: 2201, month: 1, day: 1).seconds

    /// The first minute that is at least that, on clocks that are never turned.
    private func first(from start: CivilTime) -> CivilTime? {
        for year in years.values where year >= start.year {
            for month in months.values where year > start.year || month >= start.month {
                let isFirst = year == start.year && month == start.month
                for day in days.days(in: month, of: year) where !isFirst || day >= start.day {
                    let time = isFirst && day == start.day ? time(from: start) : time(from: nil)
                    guard let time else { continue }
                    return CivilTime(year: year, month: month, day: day, hour: time.hour, minute: time.minute)
                }
            }
        }
        return nil
    }

    /// The first time of a day that is at least that.
    private func time(from start: CivilTime?) -> (hour: Int, minute: Int)? {
        guard let start else { return (hours.values[0], minutes.values[0]) }
        if hours.contains(start.hour), let minute = minutes.first(from: start.minute) { return (start.hour, minute) }
        return hours.first(from: start.hour + 1).map { ($0, minutes.values[0]) }
    }
}
