/// Points in time as policies write them.
enum PolicyDate {
    /// Seconds since 1970 of `2026-11`, `2026-11-23`, `2026-11-23T12:00Z`, `2026-11-23T12:00:00.5+01:00` or of such a
    /// number themselves, in either case of the letters.
    ///
    /// https://www.w3.org/TR/NOTE-datetime
    static func seconds(_ text: String) -> Double? {
        if let number = PolicyNumber(text) { return number.value }
        let bytes = Array(text.utf8)
        let date = bytes.prefix { $0 | 0x20 != UInt8(ascii: "t") }
        guard let midnight = midnight(Array(date)) else { return nil }
        if date.count == bytes.count { return midnight }
        guard date.count == 10 else { return nil }
        let time = bytes[(date.count + 1)...]
        let clock = time.prefix { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") }
        guard let sinceMidnight = sinceMidnight(Array(clock)), let offset = offset(Array(time[clock.endIndex...]))
        else {
            return nil
        }
        return midnight + sinceMidnight - Double(offset)
    }

    /// `2026-11` or `2026-11-23`.
    private static func midnight(_ bytes: [UInt8]) -> Double? {
        guard bytes.count == 7 || bytes.count == 10, bytes[4] == UInt8(ascii: "-"), let year = number(bytes, 0..<4),
            let month = number(bytes, 5..<7), (1...12).contains(month)
        else { return nil }
        if bytes.count == 7 { return Double(days(year, month, 1) * 86_400) }
        guard bytes[7] == UInt8(ascii: "-"), let day = number(bytes, 8..<10), (1...31).contains(day) else { return nil }
        return Double(days(year, month, day) * 86_400)
    }

    /// Seconds of `12:00`, `12:00:00` or `12:00:00.5`.
    private static func sinceMidnight(_ bytes: [UInt8]) -> Double? {
        guard bytes.count >= 5, bytes[2] == UInt8(ascii: ":"), let hour = number(bytes, 0..<2), hour < 24,
            let minute = number(bytes, 3..<5), minute < 60
        else { return nil }
        let seconds = Double(hour * 3600 + minute * 60)
        if bytes.count == 5 { return seconds }
        let rest = bytes[6...]
        guard bytes[5] == UInt8(ascii: ":"), rest.count == 2 || rest.dropFirst(2).first == UInt8(ascii: "."),
            !rest.contains(UInt8(ascii: ":")), let second = Double(String(decoding: rest, as: UTF8.self)), second < 61
        else { return nil }
        return seconds + second
    }

    /// Seconds east of Greenwich of `Z`, `+01:00`, `-0500` or `+01`.
    private static func offset(_ bytes: [UInt8]) -> Int? {
        guard let first = bytes.first else { return nil }
        if bytes.count == 1 { return first | 0x20 == UInt8(ascii: "z") ? 0 : nil }
        guard (3...6).contains(bytes.count), bytes.count != 4, first == UInt8(ascii: "+") || first == UInt8(ascii: "-"),
            let hours = number(bytes, 1..<3), bytes.count != 6 || bytes[3] == UInt8(ascii: ":")
        else { return nil }
        guard let minutes = bytes.count == 3 ? 0 : number(bytes, bytes.count - 2..<bytes.count) else { return nil }
        return (first == UInt8(ascii: "-") ? -1 : 1) * (hours * 3600 + minutes * 60)
    }

    private static func number(_ bytes: [UInt8], _ range: Range<Int>) -> Int? {
        bytes[range].reduce(into: Optional(0)) { value, byte in
            value = (0x30...0x39).contains(byte) ? value.map { $0 * 10 + Int(byte) - 0x30 } : nil
        }
    }

    /// Days from 1970-01-01 by Howard Hinnant's `days_from_civil`, in years that begin in March:
    /// http://howardhinnant.github.io/date_algorithms.html
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
