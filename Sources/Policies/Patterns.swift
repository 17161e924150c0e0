import Glibc

/// `*` stands for any text, `?` for any one character.
enum Glob {
    /// Takes time that grows with the product of the lengths, whatever the pattern.
    static func matches(_ text: some StringProtocol, _ pattern: some StringProtocol) -> Bool {
        matches(Array(text.utf8), Array(pattern.utf8))
    }

    private static func matches(_ text: [UInt8], _ pattern: [UInt8]) -> Bool {
        var (at, wanted) = (0, 0)
        /// Where to go on when what follows the last `*` does not match: the star swallows one byte more.
        var retry: (at: Int, wanted: Int)?
        while at < text.count {
            if wanted < pattern.count, pattern[wanted] == UInt8(ascii: "*") {
                wanted += 1
                retry = (at, wanted)
            } else if wanted < pattern.count, pattern[wanted] == UInt8(ascii: "?") {
                at = endOfCharacter(text, at)
                wanted += 1
            } else if wanted < pattern.count, pattern[wanted] == text[at] {
                (at, wanted) = (at + 1, wanted + 1)
            } else if let last = retry {
                (at, wanted) = (last.at + 1, last.wanted)
                retry?.at = at
            } else {
                return false
            }
        }
        return pattern[wanted...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    /// The index behind the UTF-8 sequence that begins at `start`.
    private static func endOfCharacter(_ text: [UInt8], _ start: Int) -> Int {
        var end = start + 1
        while end < text.count, text[end] & 0xc0 == 0x80 { end += 1 }
        return end
    }
}

/// Patterns of ARNs in conditions: each of the six parts is matched by itself.
enum ARNPattern {
    static func matches(_ text: String, _ pattern: String) -> Bool {
        if pattern == "*" { return true }
        let parts = split(text)
        let wanted = split(pattern)
        guard parts.count == 6, wanted.count == 6 else { return false }
        return zip(parts, wanted).allSatisfy { Glob.matches($0, $1) }
    }

    private static func split(_ text: String) -> [Substring] {
        text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
    }
}

/// Addresses in CIDR notation, of either family; without a length, one address.
struct AddressRange {
    private let bytes: [UInt8]
    private let length: Int

    /// - Returns: nil for what is no such range.
    init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let bytes = Self.bytes(String(first)) else { return nil }
        self.bytes = bytes
        guard parts.count == 2 else {
            length = bytes.count * 8
            return
        }
        guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(parts[1]),
            length <= bytes.count * 8
        else { return nil }
        self.length = length
    }

    func contains(_ address: String) -> Bool {
        guard let other = Self.bytes(address), other.count == bytes.count else { return false }
        return (0..<bytes.count).allSatisfy { index in
            let bits = min(8, max(0, length - 8 * index))
            let mask = bits == 0 ? 0 : UInt8(truncatingIfNeeded: 0xff << (8 - bits))
            return bytes[index] & mask == other[index] & mask
        }
    }

    private static func bytes(_ text: String) -> [UInt8]? {
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if inet_pton(family, text, &bytes) == 1 { return bytes }
        }
        return nil
    }
}

/// Points in time as policies write them.
enum PolicyDate {
    /// Seconds since 1970 of `2026-11-23`, `2026-11-23T12:00:00Z`, `2026-11-23T12:00:00.5+01:00` or `1795435200`.
    static func seconds(_ text: String) -> Double? {
        if let seconds = Double(text), seconds.isFinite { return seconds }
        let bytes = Array(text.utf8)
        guard bytes.count >= 10, let year = number(bytes, 0..<4), let month = number(bytes, 5..<7),
            let day = number(bytes, 8..<10), bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        let midnight = Double(days(year, month, day) * 86_400)
        if bytes.count == 10 { return midnight }
        guard bytes.count >= 17, bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"),
            let hour = number(bytes, 11..<13), let minute = number(bytes, 14..<16), hour < 24, minute < 60
        else { return nil }
        var rest = bytes[16...]
        var second = 0.0
        if rest.first == UInt8(ascii: ":") {
            let digits = rest.dropFirst().prefix { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
            guard let value = Double(String(decoding: digits, as: UTF8.self)), value < 61 else { return nil }
            second = value
            rest = rest.dropFirst(1 + digits.count)
        }
        guard let offset = offset(Array(rest)) else { return nil }
        return midnight + Double(hour * 3600 + minute * 60 - offset) + second
    }

    /// Seconds east of Greenwich of `Z`, `+01:00` or `-0500`.
    private static func offset(_ bytes: [UInt8]) -> Int? {
        if bytes == [UInt8(ascii: "Z")] { return 0 }
        guard bytes.count == 5 || bytes.count == 6, let sign = bytes.first,
            sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), let hours = number(bytes, 1..<3),
            let minutes = number(bytes, bytes.count - 2..<bytes.count),
            bytes.count == 5 || bytes[3] == UInt8(ascii: ":")
        else { return nil }
        return (sign == UInt8(ascii: "-") ? -1 : 1) * (hours * 3600 + minutes * 60)
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
