import AWSWire

/// A value of a Logs Insights query. Fields are texts; what looks like a number is one where a number is wanted.
enum InsightsValue: Sendable, Hashable {
    case text(String)
    case number(Double)
    case bool(Bool)
    /// Milliseconds since 1970.
    case time(Double)

    var text: String {
        switch self {
        case .text(let text): text
        case .number(let number): Self.text(of: number)
        case .bool(let value): value ? "1" : "0"
        case .time(let milliseconds): Self.text(ofTime: milliseconds)
        }
    }

    /// Of its text, beside itself, in bytes.
    var size: Int { if case .text(let text) = self { text.utf8.count } else { 0 } }

    /// Nil for what is no number.
    var number: Double? {
        switch self {
        case .number(let number), .time(let number): number
        case .bool(let value): value ? 1 : 0
        case .text(let text): Double(text).flatMap { $0.isFinite ? $0 : nil }
        }
    }

    var isTrue: Bool {
        switch self {
        case .bool(let value): value
        case .number(let number), .time(let number): number != 0
        case .text(let text): !text.isEmpty && text != "0" && text != "false"
        }
    }

    /// Whole numbers have no fraction.
    static func text(of number: Double) -> String {
        if number == number.rounded(), abs(number) < 9e15 { return String(Int64(number)) }
        return "\(number)"
    }

    /// `2026-01-01 00:00:00.000`.
    private static func text(ofTime milliseconds: Double) -> String {
        guard abs(milliseconds) < 1e14 else { return text(of: milliseconds) }
        let whole = Int64(milliseconds.rounded(.down))
        let fraction = (whole % 1000 + 1000) % 1000
        let time = SigV4Time(secondsSince1970: (whole - fraction) / 1000).extended
        let digits = String(fraction)
        return time.dropLast().replacing("T", with: " ") + "." + String(repeating: "0", count: 3 - digits.count)
            + digits
    }

    /// Numbers by their size, texts by their characters; numbers come before texts.
    static func isOrdered(_ one: InsightsValue?, _ other: InsightsValue?) -> Bool {
        guard let one else { return other != nil }
        guard let other else { return false }
        switch (one.number, other.number) {
        case (let left?, let right?): return left < right
        case (.some, nil): return true
        case (nil, .some): return false
        case (nil, nil): return one.text < other.text
        }
    }
}

/// A log event, or a line of a result, as a query sees it.
struct InsightsRow: Sendable {
    var fields: [String: InsightsValue] = [:]
    /// The names in the order in which a command made them; what `display` shows when nothing else is said.
    var shown: [String] = []
    /// How many bytes of texts may still be made of it: all commands of a query together make so many of one row, and
    /// what comes then is none. It is as much as the longest event has.
    private(set) var left = 1 << 20

    subscript(name: String) -> InsightsValue? {
        get { fields[name] }
        set { fields[name] = newValue }
    }

    /// What an expression comes to; nil, too, where there is no room for it. A field's own text is no other one.
    mutating func made(_ expression: InsightsExpression) -> InsightsValue? {
        guard let value = expression.value(self) else { return nil }
        if case .field = expression { return value }
        return made(value)
    }

    /// A value that was made of the row.
    mutating func made(_ value: InsightsValue) -> InsightsValue? {
        guard value.size <= left else { return nil }
        left -= value.size
        return value
    }
}
