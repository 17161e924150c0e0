/// Points in time as forms have them: `2026-11-27T22:04:07Z`, with a fraction of the second and an offset from UTC
/// where they have any.
package enum ISO8601 {
    /// - Returns: Seconds since 1970; nil for every other form.
    package static func seconds(_ text: String) -> Double? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 19, bytes.count <= 40, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: " "), bytes[13] == UInt8(ascii: ":"),
            bytes[16] == UInt8(ascii: ":")
        else { return nil }
        var digits: [UInt8] = []
        for part in [0..<4, 5..<7, 8..<10] { digits += bytes[part] }
        digits.append(UInt8(ascii: "T"))
        for part in [11..<13, 14..<16, 17..<19] { digits += bytes[part] }
        digits.append(UInt8(ascii: "Z"))
        guard let time = SigV4Time(basic: String(decoding: digits, as: UTF8.self)) else { return nil }
        var rest = bytes[19...]
        var fraction = 0.0
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix { (0x30...0x39).contains($0) }
            guard !digits.isEmpty, let part = Double("0." + String(decoding: digits, as: UTF8.self)) else { return nil }
            fraction = part
            rest = rest.dropFirst(digits.count + 1)
        }
        guard let offset = offset(rest) else { return nil }
        return Double(time.secondsSince1970 - offset) + fraction
    }

    /// Seconds that local time is ahead of UTC: of nothing, `Z`, `+01:00` and `+0100`.
    private static func offset(_ rest: ArraySlice<UInt8>) -> Int64? {
        guard let sign = rest.first else { return 0 }
        if sign == UInt8(ascii: "Z") { return rest.count == 1 ? 0 : nil }
        let digits = rest.dropFirst().filter { $0 != UInt8(ascii: ":") }
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"), digits.count == 4,
            digits.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        let numbers = digits.map { Int64($0 - 0x30) }
        let seconds = (numbers[0] * 10 + numbers[1]) * 3_600 + (numbers[2] * 10 + numbers[3]) * 60
        return sign == UInt8(ascii: "-") ? -seconds : seconds
    }
}
