import AWSWire
import XRayModel

/// Reads filter expressions, from anybody. `OR` binds less than `AND`, which binds less than `NOT`.
struct FilterParser {
    /// How long an expression may be, and how deep it may nest.
    private static let maximumBytes = 8192
    private static let maximumDepth = 32

    fileprivate enum Token: Hashable {
        case word(String)
        case string(String)
        case symbol(String)
    }

    private var tokens: ArraySlice<Token>
    private var depth = 0

    /// - Returns: nil for nothing but spaces.
    /// - Throws: `InvalidRequestException` for what is no expression, `NotImplementedException` for one that AWS has
    ///   and this service does not.
    static func parse(_ text: String) throws(AWSError) -> FilterExpression? {
        guard text.utf8.count <= maximumBytes else { throw invalid("it is too long") }
        let tokens = try FilterParser.tokens(text)
        if tokens.isEmpty { return nil }
        var parser = FilterParser(tokens: tokens[...])
        let expression = try parser.disjunction()
        guard parser.tokens.isEmpty else { throw invalid("something follows its end") }
        return expression
    }

    private static func invalid(_ problem: String) -> AWSError {
        XRayError.invalidRequest(message: "Invalid filter expression: \(problem).")
    }

    // MARK: Expressions

    private mutating func disjunction() throws(AWSError) -> FilterExpression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else { throw Self.invalid("it nests too deep") }
        var expression = try conjunction()
        while takeWord("OR") { expression = .any(expression, try conjunction()) }
        return expression
    }

    private mutating func conjunction() throws(AWSError) -> FilterExpression {
        var expression = try negation()
        while takeWord("AND") { expression = .all(expression, try negation()) }
        return expression
    }

    private mutating func negation() throws(AWSError) -> FilterExpression {
        var isNegated = false
        while take(.symbol("!")) || takeWord("NOT") { isNegated.toggle() }
        let expression = try condition()
        return isNegated ? .not(expression) : expression
    }

    private mutating func condition() throws(AWSError) -> FilterExpression {
        if take(.symbol("(")) {
            let expression = try disjunction()
            try expect(")")
            return expression
        }
        guard case .word(let word)? = tokens.popFirst() else { throw Self.invalid("a keyword is missing") }
        let key = word.lowercased()
        if let flag = FilterExpression.Flag(rawValue: key) { return try self.flag(flag) }
        if let number = FilterExpression.NumberKey(rawValue: key) {
            let comparison = try comparison()
            return .number(number, comparison, try self.number())
        }
        if let text = FilterExpression.TextKey(rawValue: key) {
            let comparison = try textComparison()
            return .text(text, comparison, try string())
        }
        if key == "service" { return try service() }
        if key == "annotation", take(.symbol("[")) {
            let name = try name()
            try expect("]")
            return .annotation(name, try annotationTest())
        }
        if key.hasPrefix("annotation."), word.utf8.count > 11 {
            return .annotation(String(word.dropFirst(11)), try annotationTest())
        }
        throw .unsupported("The filter keyword \(word) is not implemented.")
    }

    private mutating func flag(_ flag: FilterExpression.Flag) throws(AWSError) -> FilterExpression {
        let isUnequal = take(.symbol("!="))
        guard isUnequal || take(.symbol("=")) else { return .flag(flag) }
        return try bool() == isUnequal ? .not(.flag(flag)) : .flag(flag)
    }

    /// `service()`, `service("name")`, `service(id(name: "name", type: "type"))`, each with a filter in braces or not.
    private mutating func service() throws(AWSError) -> FilterExpression {
        var (name, type): (String?, String?) = (nil, nil)
        try expect("(")
        if takeWord("id") {
            try expect("(")
            repeat {
                guard case .word(let key)? = tokens.popFirst() else { throw Self.invalid("id() has no such member") }
                try expect(":")
                switch key.lowercased() {
                case "name": name = try string()
                case "type": type = try string()
                case "account.id": throw .unsupported("The filter keyword account.id is not implemented.")
                default: throw Self.invalid("id() has no member \(key)")
                }
            } while take(.symbol(","))
            try expect(")")
        } else if case .string(let text)? = tokens.first {
            tokens.removeFirst()
            name = text
        }
        try expect(")")
        guard take(.symbol("{")) else { return .service(name: name, type: type, nil) }
        let condition = try disjunction()
        try expect("}")
        return .service(name: name, type: type, condition)
    }

    private mutating func annotationTest() throws(AWSError) -> FilterExpression.AnnotationTest {
        guard case .some(let first) = tokens.first, first.isComparison else { return .exists }
        switch tokens.dropFirst().first {
        case .string:
            let comparison = try textComparison()
            return .text(comparison, try string())
        case .word(let word) where ["true", "false"].contains(word.lowercased()):
            let comparison = try comparison()
            guard comparison == .equal || comparison == .unequal else {
                throw Self.invalid("true and false have no order")
            }
            return .flag(isUnequal: comparison == .unequal, try bool())
        default:
            let comparison = try comparison()
            return .number(comparison, try number())
        }
    }

    // MARK: Parts

    private mutating func take(_ token: Token) -> Bool {
        guard tokens.first == token else { return false }
        tokens.removeFirst()
        return true
    }

    private mutating func takeWord(_ word: String) -> Bool {
        guard case .word(let found)? = tokens.first, found.lowercased() == word.lowercased() else { return false }
        tokens.removeFirst()
        return true
    }

    private mutating func expect(_ symbol: String) throws(AWSError) {
        guard take(.symbol(symbol)) else { throw Self.invalid("\(symbol) is missing") }
    }

    private mutating func string() throws(AWSError) -> String {
        guard case .string(let text)? = tokens.popFirst() else { throw Self.invalid("a string is missing") }
        return text
    }

    private mutating func name() throws(AWSError) -> String {
        switch tokens.popFirst() {
        case .word(let text), .string(let text): return text
        default: throw Self.invalid("the name of an annotation is missing")
        }
    }

    private mutating func number() throws(AWSError) -> Double {
        guard case .word(let text)? = tokens.popFirst(), let number = Double(text), number.isFinite else {
            throw Self.invalid("a number is missing")
        }
        return number
    }

    private mutating func bool() throws(AWSError) -> Bool {
        if takeWord("true") { return true }
        guard takeWord("false") else { throw Self.invalid("neither true nor false") }
        return false
    }

    private mutating func comparison() throws(AWSError) -> FilterExpression.Comparison {
        guard case .symbol(let symbol)? = tokens.popFirst(), let found = FilterExpression.Comparison(rawValue: symbol)
        else { throw Self.invalid("a comparison is missing") }
        return found
    }

    private mutating func textComparison() throws(AWSError) -> FilterExpression.TextComparison {
        switch tokens.popFirst() {
        case .symbol(let text), .word(let text):
            guard let found = FilterExpression.TextComparison(rawValue: text.uppercased()) else { break }
            return found
        default: break
        }
        throw Self.invalid("a comparison of strings is missing")
    }
}

extension FilterParser.Token {
    fileprivate var isComparison: Bool {
        switch self {
        case .symbol(let text): FilterExpression.Comparison(rawValue: text) != nil
        case .word(let text): FilterExpression.TextComparison(rawValue: text.uppercased()) != nil
        case .string: false
        }
    }
}

// MARK: Tokens

extension FilterParser {
    private static func tokens(_ text: String) throws(AWSError) -> [Token] {
        var tokens: [Token] = []
        var rest = text.unicodeScalars[...]
        while let first = rest.popFirst() {
            switch first {
            case " ", "\t", "\n", "\r": continue
            case "\"", "'": tokens.append(.string(try quoted(&rest, by: first)))
            case "(", ")", "{", "}", "[", "]", ":", ",", "=": tokens.append(.symbol(String(first)))
            case "!", "<", ">":
                let isLonger = rest.first == "="
                if isLonger { rest.removeFirst() }
                tokens.append(.symbol(String(first) + (isLonger ? "=" : "")))
            default:
                guard isWord(first) else { throw invalid("\(first) has no meaning in it") }
                let tail = rest.prefix(while: isWord)
                rest = rest.dropFirst(tail.count)
                tokens.append(.word(String(first) + String(tail)))
            }
        }
        return tokens
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "._-+".unicodeScalars.contains(scalar)
    }

    private static func quoted(
        _ rest: inout Substring.UnicodeScalarView, by quote: Unicode.Scalar
    ) throws(AWSError) -> String {
        var text = String.UnicodeScalarView()
        while let next = rest.popFirst() {
            if next == quote { return String(text) }
            if next == "\\", let escaped = rest.popFirst() { text.append(escaped) } else { text.append(next) }
        }
        throw invalid("a string does not end")
    }
}
