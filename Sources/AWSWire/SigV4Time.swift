#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A second of the civil calendar in UTC, as requests are dated.
package struct SigV4Time: Sendable, Hashable, Comparable {
    package var secondsSince1970: Int64

    package init(secondsSince1970: Int64) {
        self.secondsSince1970 = secondsSince1970
    }

    /// The machine's wall clock.
    package static func now() -> SigV4Time {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return SigV4Time(secondsSince1970: Int64(time.tv_sec))
    }

    package static func < (left: SigV4Time, right: SigV4Time) -> Bool {
        left.secondsSince1970 < right.secondsSince1970
    }

    package static func + (time: SigV4Time, seconds: Int64) -> SigV4Time {
        SigV4Time(secondsSince1970: time.secondsSince1970 + seconds)
    }

    package static func - (time: SigV4Time, seconds: Int64) -> SigV4Time {
        SigV4Time(secondsSince1970: time.secondsSince1970 - seconds)
    }

    /// Reads the ISO 8601 basic form `YYYYMMDDTHHMMSSZ`.
    ///
    /// - Returns: nil when it has another form or names no second of the calendar.
    package init?(basic text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count == 16, bytes[8] == UInt8(ascii: "T"), bytes[15] == UInt8(ascii: "Z"),
            let year = Self.number(bytes[0..<4]), let month = Self.number(bytes[4..<6]),
            let day = Self.number(bytes[6..<8]), let hour = Self.number(bytes[9..<11]),
            let minute = Self.number(bytes[11..<13]), let second = Self.number(bytes[13..<15])
        else { return nil }
        self.init(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
    }

    /// Reads the date of HTTP, `Sun, 06 Nov 1994 08:49:37 GMT`.
    ///
    /// - Returns: nil when it has another form or names no second of the calendar.
    package init?(http text: some StringProtocol) {
        guard text.utf8.count == 29 else { return nil }
        let bytes = Array(text.utf8)
        guard bytes.count == 29, bytes[3] == UInt8(ascii: ","), bytes[4] == 0x20, bytes[7] == 0x20, bytes[11] == 0x20,
            bytes[16] == 0x20, bytes[19] == UInt8(ascii: ":"), bytes[22] == UInt8(ascii: ":"),
            bytes[25...].elementsEqual(" GMT".utf8), let day = Self.number(bytes[5..<7]),
            let month = Self.months.firstIndex(where: { bytes[8..<11].elementsEqual($0.utf8) }),
            let year = Self.number(bytes[12..<16]), let hour = Self.number(bytes[17..<19]),
            let minute = Self.number(bytes[20..<22]), let second = Self.number(bytes[23..<25])
        else { return nil }
        self.init(year: year, month: month + 1, day: day, hour: hour, minute: minute, second: second)
    }

    private init?(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
        guard year >= 1970, (1...12).contains(month), (1...Self.length(of: month, year: year)).contains(day), hour < 24,
            minute < 60, second < 60
        else { return nil }
        // Days since 1970-03-01 in years that begin in March, so that the leap day is the last.
        let marchYear = month <= 2 ? year - 1 : year
        let marchMonth = (month + 9) % 12
        let dayOfYear = (153 * marchMonth + 2) / 5 + day - 1
        let days = marchYear * 365 + marchYear / 4 - marchYear / 100 + marchYear / 400 + dayOfYear - 719_468
        secondsSince1970 = Int64(days) * 86_400 + Int64(hour * 3_600 + minute * 60 + second)
    }

    /// `YYYYMMDDTHHMMSSZ`.
    package var basic: String {
        let civil = self.civil
        return day + "T" + Self.padded(civil.hour, 2) + Self.padded(civil.minute, 2) + Self.padded(civil.second, 2)
            + "Z"
    }

    /// `YYYYMMDD`.
    package var day: String {
        let civil = self.civil
        return Self.padded(civil.year, 4) + Self.padded(civil.month, 2) + Self.padded(civil.day, 2)
    }

    /// `YYYY-MM-DDTHH:MM:SSZ`.
    package var extended: String {
        let civil = self.civil
        let date = [Self.padded(civil.year, 4), Self.padded(civil.month, 2), Self.padded(civil.day, 2)]
        let clock = [civil.hour, civil.minute, civil.second].map { Self.padded($0, 2) }
        return "\(date.joined(separator: "-"))T\(clock.joined(separator: ":"))Z"
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`.
    package var http: String {
        let civil = self.civil
        let clock = [civil.hour, civil.minute, civil.second].map { Self.padded($0, 2) }.joined(separator: ":")
        return "\(Self.weekdays[civil.weekday]), \(Self.padded(civil.day, 2)) \(Self.months[civil.month - 1]) "
            + "\(Self.padded(civil.year, 4)) \(clock) GMT"
    }

    private struct Civil {
        var year: Int
        var month: Int
        var day: Int
        var hour: Int
        var minute: Int
        var second: Int
        /// Sunday is 0.
        var weekday: Int
    }

    private var civil: Civil {
        let seconds = max(0, secondsSince1970)
        let days = Int(seconds / 86_400)
        let second = Int(seconds % 86_400)
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return Civil(
            year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month: month,
            day: dayOfYear - (153 * marchMonth + 2) / 5 + 1, hour: second / 3_600, minute: second / 60 % 60,
            second: second % 60, weekday: (days + 4) % 7)
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

    private static func length(of month: Int, year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        var value = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            value = value * 10 + Int(digit - 0x30)
        }
        return value
    }

    private static func padded(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
