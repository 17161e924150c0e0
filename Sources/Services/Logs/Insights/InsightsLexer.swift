/// What a query is made of.
enum InsightsToken: Sendable, Equatable {
    /// A name, which may begin with `@` and have dots, or anything between backticks.
    case name(String)
    case text(String)
    case number(Double)
    /// `5m`: its length in milliseconds.
    case duration(Double)
    case expression(String)
    /// An operator or a sign.
    case sign(String)
}

/// Why a query cannot be run; `offset` counts characters of the query.
struct InsightsFailure: Error, Sendable, Hashable {
    var message: String
    var offset: Int
}

/// Reads a query's text into tokens.
struct InsightsLexer {
    private let text: [Character]
    private var at = 0

    init(_ text: String) { self.text = Array(text) }

    /// All of them, each with where it begins.
    static func tokens(_ text: String) throws(InsightsFailure) -> [(token: InsightsToken, offset: Int)] {
        var lexer = InsightsLexer(text)
        var tokens: [(token: InsightsToken, offset: Int)] = []
        while let token = try lexer.next(after: tokens.suffix(2).map(\.token)) { tokens.append(token) }
        return tokens
    }

    private var peek: Character? { at < text.count ? text[at] : nil }

    private func failure(_ message: String) -> InsightsFailure { InsightsFailure(message: message, offset: at) }

    private mutating func next(
        after last: [InsightsToken]
    ) throws(InsightsFailure) -> (token: InsightsToken, offset: Int)? {
        skipBlanks()
        guard let character = peek else { return nil }
        let start = at
        switch character {
        case "\"", "'": return (.text(try quoted(character)), start)
        case "`": return (.name(try quoted(character)), start)
        case "/" where Self.mayBeginExpression(after: last): return (.expression(try expression()), start)
        case "0"..."9": return (try number(), start)
        case _ where Self.isName(character): return (.name(name()), start)
        default: return (.sign(try sign()), start)
        }
    }

    private mutating func skipBlanks() {
        while let character = peek {
            if character == "#" {
                while let character = peek, !character.isNewline { at += 1 }
            } else if character.isWhitespace {
                at += 1
            } else {
                return
            }
        }
    }

    /// Elsewhere a slash divides.
    private static func mayBeginExpression(after last: [InsightsToken]) -> Bool {
        if last.last == .sign("=~") { return true }
        if case .name(let name) = last.last, name.lowercased() == "like" { return true }
        guard case .name(let name) = last.last else { return false }
        // `parse /…/`, where a command may begin.
        if name.lowercased() == "parse", last.count == 1 || last.first == .sign("|") { return true }
        guard last.count == 2, case .name(let command) = last[0] else { return false }
        return command.lowercased() == "parse"
    }

    private mutating func quoted(_ quote: Character) throws(InsightsFailure) -> String {
        at += 1
        var result = ""
        while let character = peek {
            at += 1
            if character == quote { return result }
            if character == "\\", let escaped = peek {
                at += 1
                switch escaped {
                case "n": result.append("\n")
                case "t": result.append("\t")
                case quote, "\\": result.append(escaped)
                default: result += "\\" + String(escaped)
                }
            } else {
                result.append(character)
            }
        }
        throw failure("unterminated text")
    }

    private mutating func expression() throws(InsightsFailure) -> String {
        at += 1
        var result = ""
        while let character = peek {
            at += 1
            if character == "/" { return result }
            if character == "\\", peek == "/" {
                at += 1
                result.append("/")
            } else if character == "\\", let escaped = peek {
                at += 1
                result += "\\" + String(escaped)
            } else {
                result.append(character)
            }
        }
        throw failure("unterminated regular expression")
    }

    private mutating func number() throws(InsightsFailure) -> InsightsToken {
        let digits = take { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard let number = Double(digits) else { throw failure("\(digits) is no number") }
        let unit = take { $0.isASCII && $0.isLetter }
        if unit.isEmpty { return .number(number) }
        guard let length = Self.units[unit] else { throw failure("\(unit) is no unit of time") }
        return .duration(number * length)
    }

    private static let units: [String: Double] = [
        "ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000,
    ]

    private mutating func name() -> String { take { Self.isName($0) || $0 == "." || ("0"..."9").contains($0) } }

    private static func isName(_ character: Character) -> Bool {
        character.isLetter || character == "_" || character == "@"
    }

    private mutating func take(while isTaken: (Character) -> Bool) -> String {
        let start = at
        while let character = peek, isTaken(character) { at += 1 }
        return String(text[start..<at])
    }

    private static let signs =
        ["<=", ">=", "!=", "=~"] + "|()[],=<>+-*/%^".map { String($0) }

    private mutating func sign() throws(InsightsFailure) -> String {
        guard let sign = Self.signs.first(where: { text[at...].starts(with: $0) }) else {
            throw failure("unexpected \(text[at])")
        }
        at += sign.count
        return sign
    }
}
