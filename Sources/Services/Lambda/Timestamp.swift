/// Instants as the service writes them.
enum Timestamp {
    /// `2026-11-23T12:00:00.000+0000`, the form of `LastModified`.
    ///
    /// - Parameter milliseconds: Since 1970, UTC.
    static func text(milliseconds: Int64) -> String {
        let (day, time) = quotientAndRemainder(milliseconds, 86_400_000)
        let date = civilDate(daysSince1970: day)
        let hour = time / 3_600_000
        let minute = time / 60_000 % 60
        let second = time / 1000 % 60
        return padded(date.year, 4) + "-" + padded(date.month, 2) + "-" + padded(date.day, 2) + "T" + padded(hour, 2)
            + ":" + padded(minute, 2) + ":" + padded(second, 2) + "." + padded(time % 1000, 3) + "+0000"
    }

    /// `2026-11-23T12:00:00+0000`, the form of provisioned concurrency's times.
    static func seconds(milliseconds: Int64) -> String { text(milliseconds: milliseconds).dropLast(9) + "+0000" }

    /// `2026-11-23T12:00:00.000000Z`, the form of function URLs' times.
    static func microseconds(milliseconds: Int64) -> String { text(milliseconds: milliseconds).dropLast(5) + "000Z" }

    /// `23/Nov/2026:12:00:00 +0000`, the form of the events that HTTP requests make.
    static func request(milliseconds: Int64) -> String {
        let (day, time) = quotientAndRemainder(milliseconds, 86_400_000)
        let date = civilDate(daysSince1970: day)
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        return padded(date.day, 2) + "/" + months[Int(date.month) - 1] + "/" + padded(date.year, 4) + ":"
            + padded(time / 3_600_000, 2) + ":" + padded(time / 60_000 % 60, 2) + ":" + padded(time / 1000 % 60, 2)
            + " +0000"
    }

    /// Howard Hinnant's `civil_from_days`, in years that begin in March:
    /// http://howardhinnant.github.io/date_algorithms.html
    private static func civilDate(daysSince1970 days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = quotientAndRemainder(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    /// Division that rounds down.
    private static func quotientAndRemainder(_ value: Int64, _ divisor: Int64) -> (Int64, Int64) {
        let result = value.quotientAndRemainder(dividingBy: divisor)
        return result.remainder < 0 ? (result.quotient - 1, result.remainder + divisor) : result
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
