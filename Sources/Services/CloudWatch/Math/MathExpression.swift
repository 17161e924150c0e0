/// A metric math expression, as read.
///
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
indirect enum MathExpression: Sendable, Hashable {
    enum Operator: String, Sendable, Hashable {
        case add = "+"
        case subtract = "-"
        case multiply = "*"
        case divide = "/"
        case power = "^"
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case equal = "=="
        case notEqual = "!="
        case and = "AND"
        case or = "OR"

        /// How tight it binds.
        var rank: Int {
            switch self {
            case .or: 1
            case .and: 2
            case .less, .lessOrEqual, .greater, .greaterOrEqual, .equal, .notEqual: 3
            case .add, .subtract: 4
            case .multiply, .divide: 5
            case .power: 6
            }
        }
    }

    case number(Double)
    case text(String)
    /// Another query, or a word such as `REPEAT`.
    case name(String)
    case array([MathExpression])
    case call(String, [MathExpression])
    case negated(MathExpression)
    case binary(Operator, MathExpression, MathExpression)

    /// The queries that it needs; nil: all that there are, of `METRICS()`.
    var names: Set<String>? {
        switch self {
        case .number, .text: return []
        case .name(let name): return [name]
        case .negated(let inner): return inner.names
        case .binary(_, let left, let right): return Self.union([left, right])
        case .array(let parts): return Self.union(parts)
        case .call("METRICS", _): return nil
        case .call(_, let arguments): return Self.union(arguments)
        }
    }

    private static func union(_ parts: [MathExpression]) -> Set<String>? {
        var names: Set<String> = []
        for part in parts {
            guard let more = part.names else { return nil }
            names.formUnion(more)
        }
        return names
    }
}

/// Why an expression cannot be had.
struct MathError: Error, Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        /// It means nothing.
        case invalid
        /// AWS has it, and it is not here.
        case unsupported
    }

    var kind = Kind.invalid
    var message: String
}

/// Reads expressions.
struct MathParser {
    private enum Token: Hashable {
        case number(Double)
        case text(String)
        case name(String)
        case symbol(String)
        case end
    }

    /// No reasonable expression nests as deep.
    private static let depthLimit = 64

    private var tokens: [Token] = []
    private var at = 0

    static func parse(_ text: String) throws(MathError) -> MathExpression {
        var parser = MathParser()
        parser.tokens = try tokens(of: text)
        let expression = try parser.expression(rank: 1, depth: 0)
        guard parser.peek == .end else { throw parser.unexpected }
        return expression
    }

    private var peek: Token { at < tokens.count ? tokens[at] : .end }

    private var unexpected: MathError {
        switch peek {
        case .end: MathError(message: "Unexpected end of the expression")
        case .number(let number): MathError(message: "Unexpected number \(number)")
        case .text(let text): MathError(message: "Unexpected text \"\(text)\"")
        case .name(let name): MathError(message: "Unexpected name \(name)")
        case .symbol(let symbol): MathError(message: "Unexpected \(symbol)")
        }
    }

    private mutating func take(_ symbol: String) -> Bool {
        guard peek == .symbol(symbol) else { return false }
        at += 1
        return true
    }

    private var binary: MathExpression.Operator? {
        switch peek {
        case .symbol("&&"): .and
        case .symbol("||"): .or
        case .symbol(let symbol): MathExpression.Operator(rawValue: symbol)
        case .name(let name): MathExpression.Operator(rawValue: name.uppercased())
        default: nil
        }
    }

    private mutating func expression(rank: Int, depth: Int) throws(MathError) -> MathExpression {
        guard depth < Self.depthLimit else { throw MathError(message: "The expression nests too deep") }
        var left = try prefix(depth: depth + 1)
        while let next = binary, next.rank >= rank {
            at += 1
            // A power of a power is taken from the right.
            let right = try expression(rank: next == .power ? next.rank : next.rank + 1, depth: depth + 1)
            left = .binary(next, left, right)
        }
        return left
    }

    private mutating func prefix(depth: Int) throws(MathError) -> MathExpression {
        guard depth < Self.depthLimit else { throw MathError(message: "The expression nests too deep") }
        if take("-") { return .negated(try expression(rank: MathExpression.Operator.power.rank, depth: depth + 1)) }
        if take("+") { return try prefix(depth: depth + 1) }
        if take("(") {
            let inner = try expression(rank: 1, depth: depth + 1)
            guard take(")") else { throw unexpected }
            return inner
        }
        if take("[") { return .array(try list(until: "]", depth: depth)) }
        switch peek {
        case .number(let number):
            at += 1
            return .number(number)
        case .text(let text):
            at += 1
            return .text(text)
        case .name(let name):
            at += 1
            guard take("(") else { return .name(name) }
            return .call(name.uppercased(), try list(until: ")", depth: depth))
        default: throw unexpected
        }
    }

    private mutating func list(until end: String, depth: Int) throws(MathError) -> [MathExpression] {
        if take(end) { return [] }
        var parts: [MathExpression] = []
        repeat { parts.append(try expression(rank: 1, depth: depth + 1)) } while take(",")
        guard take(end) else { throw unexpected }
        return parts
    }

    // MARK: Tokens

    private static let symbols = [
        "<=", ">=", "==", "!=", "&&", "||", "<", ">", "+", "-", "*", "/", "^", "(", ")", "[", "]", ",",
    ]

    private static func tokens(of text: String) throws(MathError) -> [Token] {
        var tokens: [Token] = []
        var rest = text[...]
        while let first = rest.first {
            if first.isWhitespace {
                rest = rest.dropFirst()
            } else if first.isASCII, first.isNumber || first == "." {
                tokens.append(.number(try number(&rest)))
            } else if first == "'" || first == "\"" {
                guard let close = rest.dropFirst().firstIndex(of: first) else {
                    throw MathError(message: "A text has no end")
                }
                tokens.append(.text(String(rest[rest.index(after: rest.startIndex)..<close])))
                rest = rest[rest.index(after: close)...]
            } else if first.isASCII, first.isLetter || first == "_" {
                let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
                tokens.append(.name(String(name)))
                rest = rest[name.endIndex...]
            } else if let symbol = symbols.first(where: { rest.hasPrefix($0) }) {
                tokens.append(.symbol(symbol))
                rest = rest.dropFirst(symbol.count)
            } else {
                throw MathError(message: "Unexpected character \(first)")
            }
        }
        return tokens
    }

    private static func number(_ rest: inout Substring) throws(MathError) -> Double {
        var end = rest.startIndex
        var last: Character?
        while end < rest.endIndex {
            let character = rest[end]
            let isSign = (character == "+" || character == "-") && (last == "e" || last == "E")
            guard character.isASCII, character.isNumber || character == "." || "eE".contains(character) || isSign else {
                break
            }
            last = character
            end = rest.index(after: end)
        }
        guard let number = Double(rest[..<end]), number.isFinite else {
            throw MathError(message: "\(rest[..<end]) is no number")
        }
        rest = rest[end...]
        return number
    }
}
