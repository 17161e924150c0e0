import Glibc

/// The functions of expressions: user guide, "Supported operations and functions".
enum InsightsFunction: String, Sendable, CaseIterable {
    case abs, ceil, floor, greatest, least, log, sqrt
    case bin, datefloor, dateceil, frommillis, tomillis
    case ispresent, coalesce
    case isempty, isblank, concat, ltrim, rtrim, trim, strlen, toupper, tolower, substr, replace, strcontains

    /// How long a text may be that a function makes, in bytes; a longer one is none. A query could double texts as
    /// often as it has room for words.
    static let textLimit = 64 << 10

    /// How many arguments it takes.
    var arity: ClosedRange<Int> {
        switch self {
        case .abs, .ceil, .floor, .log, .sqrt, .frommillis, .tomillis, .ispresent, .isempty, .isblank, .ltrim, .rtrim,
            .trim, .strlen, .toupper, .tolower, .bin:
            1...1
        case .datefloor, .dateceil, .strcontains: 2...2
        case .substr: 2...3
        case .replace: 3...3
        case .greatest, .least, .coalesce, .concat: 1...64
        }
    }

    func value(_ arguments: [InsightsExpression], _ row: InsightsRow) -> InsightsValue? {
        // Of those that take many arguments, not all are in memory at a time.
        let values = arguments.lazy.map { $0.value(row) }
        switch self {
        case .coalesce: return values.first { $0 != nil } ?? nil
        case .concat:
            var whole = ""
            for case let value? in values {
                let text = value.text
                guard text.utf8.count <= Self.textLimit - whole.utf8.count else { return nil }
                whole += text
            }
            return .text(whole)
        case .greatest: return arguments.compactMap { $0.value(row)?.number }.max().map { .number($0) }
        case .least: return arguments.compactMap { $0.value(row)?.number }.min().map { .number($0) }
        default: return value(Array(values))
        }
    }

    private func value(_ arguments: [InsightsValue?]) -> InsightsValue? {
        switch self {
        case .ispresent: return .bool(arguments[0] != nil)
        case .isempty: return .bool(arguments[0]?.text.isEmpty ?? true)
        case .isblank: return .bool(arguments[0]?.text.allSatisfy(\.isWhitespace) ?? true)
        case .abs, .ceil, .floor, .log, .sqrt, .tomillis:
            return number(arguments.map { $0?.number }).flatMap { $0.isFinite ? .number($0) : nil }
        case .frommillis, .datefloor, .dateceil, .bin:
            return number(arguments.map { $0?.number }).flatMap { $0.isFinite ? .time($0) : nil }
        case .concat, .coalesce, .greatest, .least: return nil
        case .ltrim, .rtrim, .trim, .strlen, .toupper, .tolower, .substr, .replace, .strcontains:
            guard let text = arguments[0]?.text else { return nil }
            return string(text, arguments.dropFirst().map { $0 })
        }
    }

    private func number(_ arguments: [Double?]) -> Double? {
        guard let first = arguments[0] else { return nil }
        switch self {
        case .abs: return Swift.abs(first)
        case .ceil: return first.rounded(.up)
        case .floor: return first.rounded(.down)
        case .log: return Glibc.log(first)
        case .sqrt: return first.squareRoot()
        case .datefloor: return arguments[1].map { (first / $0).rounded(.down) * $0 }
        case .dateceil: return arguments[1].map { (first / $0).rounded(.up) * $0 }
        default: return first
        }
    }

    private func string(_ text: String, _ others: [InsightsValue?]) -> InsightsValue? {
        switch self {
        case .ltrim: return .text(String(text.drop(while: \.isWhitespace)))
        case .rtrim: return .text(Self.rtrim(text))
        case .trim: return .text(Self.rtrim(String(text.drop(while: \.isWhitespace))))
        case .strlen: return .number(Double(text.unicodeScalars.count))
        case .toupper: return .text(text.uppercased())
        case .tolower: return .text(text.lowercased())
        case .strcontains: return others[0].map { .bool($0.text.isEmpty || text.contains($0.text)) }
        case .replace:
            guard let old = others[0]?.text, let new = others[1]?.text else { return nil }
            if old.isEmpty { return .text(text) }
            let places = new.utf8.count > old.utf8.count ? text.ranges(of: old).count : 0
            let growth = places.multipliedReportingOverflow(by: new.utf8.count - old.utf8.count)
            guard !growth.overflow, growth.partialValue <= Self.textLimit - text.utf8.count else { return nil }
            return .text(text.replacing(old, with: new))
        default:
            guard let start = others[0]?.number.flatMap({ Int(exactly: $0) }), start >= 0 else { return nil }
            let rest = text.dropFirst(start)
            guard others.count > 1 else { return .text(String(rest)) }
            guard let length = others[1]?.number.flatMap({ Int(exactly: $0) }), length >= 0 else { return nil }
            return .text(String(rest.prefix(length)))
        }
    }

    private static func rtrim(_ text: String) -> String {
        var text = text
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}

func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
