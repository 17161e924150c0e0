/// What IAM takes for a date in a policy: less than an instant may need, and years beyond all use.
enum DateRules {
    static func accept(_ text: String) -> Bool {
        let text = text.lowercased()
        guard text.contains("t") || text.contains("-") else { return Int(text).map { $0 >= 0 } ?? false }
        let halves = text.split(separator: "t", maxSplits: 1, omittingEmptySubsequences: false)
        return acceptDate(halves[0]) && (halves.count == 1 || acceptTime(halves[1]))
    }

    /// `2026`, `2026-11` or `2026-11-23`; the year may be negative.
    private static func acceptDate(_ text: Substring) -> Bool {
        let isNegative = text.hasPrefix("-")
        let parts = text.dropFirst(isNegative ? 1 : 0).split(separator: "-", omittingEmptySubsequences: false)
        let bounds = [0...(isNegative ? 292_275_054 : 292_278_993), 1...12, 1...31]
        return parts.count <= 3 && zip(parts, bounds).allSatisfy { isNumber($0, $1) }
    }

    /// Nothing, or what follows of `12:00:00.5+01:00`.
    private static func acceptTime(_ text: Substring) -> Bool {
        var parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        if parts == [""] { return true }
        let seconds = parts.count == 3 ? parts.removeLast() : nil
        return zip(parts, [0...23, 0...59]).allSatisfy { isNumber($0, $1) } && (seconds.map(acceptSeconds) ?? true)
    }

    /// `15`, `15.593194`, `15z` or `15+01:00`.
    private static func acceptSeconds(_ text: Substring) -> Bool {
        let end = text.firstIndex { "z+-".contains($0) } ?? text.endIndex
        let parts = text[..<end].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard isNumber(parts[0], 0...59), parts.count == 1 || isNumber(parts[1], 0...999_999_999) else { return false }
        if end == text.endIndex { return true }
        let zone = text[text.index(after: end)...]
        if text[end] == "z" { return zone.isEmpty }
        let offset = zone.split(separator: ":", omittingEmptySubsequences: false)
        return offset.count <= 2 && zip(offset, [0...23, 0...59]).allSatisfy { $0.count == 2 && isNumber($0, $1) }
    }

    private static func isNumber(_ text: Substring, _ bounds: ClosedRange<Int>) -> Bool {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text) else { return false }
        return bounds.contains(number)
    }
}
