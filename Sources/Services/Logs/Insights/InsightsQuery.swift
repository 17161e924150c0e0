import AWSWire

/// A Logs Insights query: commands, one after the other.
struct InsightsQuery: Sendable {
    enum Command: Sendable {
        /// Makes fields, and shows them.
        case fields([(expression: InsightsExpression, name: String)])
        /// Shows these only.
        case display([(expression: InsightsExpression, name: String)])
        case filter(InsightsExpression)
        case parse(InsightsExpression, InsightsExtraction)
        case stats([InsightsStatistic], by: [(expression: InsightsExpression, name: String)])
        case sort([(expression: InsightsExpression, isDescending: Bool)])
        case limit(Int)
        /// One row for each combination of values.
        case dedup([InsightsExpression])
    }

    var commands: [Command]

    /// - Throws: What AWS calls a malformed query.
    init(_ text: String) throws(InsightsFailure) {
        var parser = try InsightsParser(text)
        commands = try parser.commands()
    }
}

/// Reads a query's tokens into commands.
struct InsightsParser {
    private static let depthLimit = 64
    private static let commandLimit = 64
    /// The largest number of lines that a query returns.
    static let lines = 10_000

    private let tokens: [(token: InsightsToken, offset: Int)]
    private var at = 0
    private var depth = 0
    private let source: [Character]

    init(_ text: String) throws(InsightsFailure) {
        tokens = try InsightsLexer.tokens(text)
        source = Array(text)
    }

    private var peek: InsightsToken? { at < tokens.count ? tokens[at].token : nil }

    private func failure(_ message: String) -> InsightsFailure {
        InsightsFailure(message: message, offset: at < tokens.count ? tokens[at].offset : source.count)
    }

    private mutating func take(_ sign: String) -> Bool {
        guard peek == .sign(sign) else { return false }
        at += 1
        return true
    }

    private mutating func takeWord(_ word: String) -> Bool {
        guard case .name(let name) = peek, name.lowercased() == word else { return false }
        at += 1
        return true
    }

    private mutating func name() throws(InsightsFailure) -> String {
        guard case .name(let name) = peek else { throw failure("a name is missing") }
        at += 1
        return name
    }

    // MARK: Commands

    mutating func commands() throws(InsightsFailure) -> [InsightsQuery.Command] {
        var commands: [InsightsQuery.Command] = []
        repeat {
            guard commands.count < Self.commandLimit else { throw failure("too many commands") }
            commands.append(try command())
        } while take("|")
        guard peek == nil else { throw failure("unexpected text") }
        return commands
    }

    private mutating func command() throws(InsightsFailure) -> InsightsQuery.Command {
        let word = try name().lowercased()
        switch word {
        case "fields": return .fields(try named())
        case "display": return .display(try named())
        case "filter", "where": return .filter(try expression())
        case "parse": return try parse()
        case "stats": return try stats()
        case "sort", "order": return try sort()
        case "limit", "head":
            guard case .number(let number) = peek, let limit = Int(exactly: number), (1...Self.lines).contains(limit)
            else { throw failure("a number from 1 to \(Self.lines) is missing") }
            at += 1
            return .limit(limit)
        case "dedup": return .dedup(try list())
        default:
            at -= 1
            throw failure("unknown command \(word)")
        }
    }

    /// Expressions with their names.
    private mutating func named() throws(InsightsFailure) -> [(expression: InsightsExpression, name: String)] {
        var found: [(expression: InsightsExpression, name: String)] = []
        repeat {
            let start = at
            let expression = try expression()
            found.append((expression, try alias() ?? text(from: start)))
        } while take(",")
        return found
    }

    private mutating func list() throws(InsightsFailure) -> [InsightsExpression] {
        var found: [InsightsExpression] = []
        repeat { found.append(try expression()) } while take(",")
        return found
    }

    private mutating func alias() throws(InsightsFailure) -> String? { takeWord("as") ? try name() : nil }

    private mutating func parse() throws(InsightsFailure) -> InsightsQuery.Command {
        var source = InsightsExpression.field("@message")
        if case .name = peek { source = .field(try name()) }
        if case .expression(let text) = peek { return .parse(source, .groups(try groups(text))) }
        guard case .text(let text) = peek else { throw failure("a glob or a regular expression is missing") }
        at += 1
        let glob = InsightsGlob(text)
        guard takeWord("as") else { throw failure("as is missing") }
        var names: [String] = []
        repeat { names.append(try name()) } while take(",")
        guard names.count == glob.stars else { throw failure("\(glob.stars) names are wanted for \(glob.stars) stars") }
        return .parse(source, .glob(glob, names: names))
    }

    private mutating func groups(_ text: String) throws(InsightsFailure) -> NamedGroups {
        let ignoresCase = text.hasPrefix(Self.caseless)
        let source = ignoresCase ? String(text.dropFirst(Self.caseless.count)) : text
        guard let groups = try? NamedGroups(untrusted: source, ignoresCase: ignoresCase) else {
            throw failure("unusable regular expression")
        }
        guard !groups.names.isEmpty else { throw failure("the regular expression has no named group") }
        at += 1
        return groups
    }

    private mutating func sort() throws(InsightsFailure) -> InsightsQuery.Command {
        _ = takeWord("by")
        var keys: [(expression: InsightsExpression, isDescending: Bool)] = []
        repeat {
            let expression = try expression()
            let isDescending = takeWord("desc")
            if !isDescending { _ = takeWord("asc") }
            keys.append((expression, isDescending))
        } while take(",")
        return .sort(keys)
    }

    // MARK: Statistics

    private mutating func stats() throws(InsightsFailure) -> InsightsQuery.Command {
        var statistics: [InsightsStatistic] = []
        repeat { statistics.append(try statistic()) } while take(",")
        return .stats(statistics, by: takeWord("by") ? try named() : [])
    }

    private mutating func statistic() throws(InsightsFailure) -> InsightsStatistic {
        let start = at
        let word = try name().lowercased()
        let kind = InsightsStatistic.Kind(rawValue: word) ?? (word == "percentile" ? .pct : nil)
        guard let kind, take("(") else {
            at = start
            throw failure("\(word) is no statistic")
        }
        var statistic = InsightsStatistic(kind: kind, name: "")
        if take("*") || peek == .sign(")") {
            guard kind == .count else { throw failure("\(word) wants a field") }
        } else {
            statistic.argument = try expression()
        }
        if kind == .pct {
            guard take(","), case .number(let percentile) = peek, (0...100).contains(percentile) else {
                throw failure("a percentile from 0 to 100 is missing")
            }
            at += 1
            statistic.percentile = percentile
        }
        guard take(")") else { throw failure(") is missing") }
        statistic.name = try alias() ?? text(from: start)
        return statistic
    }

    /// An expression as it was written: its name, where it is given none.
    private func text(from start: Int) -> String {
        let end = at < tokens.count ? tokens[at].offset : source.count
        let text = source[tokens[start].offset..<end]
        return String(text[..<(text.lastIndex { !$0.isWhitespace }.map { $0 + 1 } ?? text.startIndex)])
    }
}

// MARK: Expressions

extension InsightsParser {
    mutating func expression() throws(InsightsFailure) -> InsightsExpression {
        guard depth < Self.depthLimit else { throw failure("too many levels") }
        depth += 1
        defer { depth -= 1 }
        var result = try conjunction()
        while takeWord("or") { result = .either(result, try conjunction()) }
        return result
    }

    private mutating func conjunction() throws(InsightsFailure) -> InsightsExpression {
        var result = try negation()
        while takeWord("and") { result = .both(result, try negation()) }
        return result
    }

    private mutating func negation() throws(InsightsFailure) -> InsightsExpression {
        var isNegated = false
        while takeWord("not") { isNegated.toggle() }
        let result = try comparison()
        return isNegated ? .not(result) : result
    }

    private mutating func comparison() throws(InsightsFailure) -> InsightsExpression {
        let left = try sum()
        if take("=~") { return try like(left) }
        for sign in ["=", "!=", "<=", ">=", "<", ">"] where take(sign) {
            guard let comparison = InsightsExpression.Comparison(rawValue: sign) else { continue }
            return .compare(comparison, left, try sum())
        }
        let isNegated = takeWord("not")
        if takeWord("like") {
            let result = try like(left)
            return isNegated ? .not(result) : result
        }
        if takeWord("in") {
            guard take("[") else { throw failure("[ is missing") }
            let others = try list()
            guard take("]") else { throw failure("] is missing") }
            return isNegated ? .not(.isIn(left, others)) : .isIn(left, others)
        }
        if isNegated { throw failure("like or in is missing") }
        return left
    }

    private mutating func like(_ left: InsightsExpression) throws(InsightsFailure) -> InsightsExpression {
        switch peek {
        case .text(let text):
            at += 1
            return .contains(left, text)
        case .expression(let text):
            guard let pattern = Self.pattern(text) else { throw failure("unusable regular expression") }
            at += 1
            return .like(left, pattern)
        default: throw failure("a text or a regular expression is missing")
        }
    }

    /// At the beginning of an expression it makes letters of either case match.
    private static let caseless = "(?i)"

    private static func pattern(_ text: String) -> Pattern? {
        text.hasPrefix(caseless)
            ? try? Pattern(untrusted: String(text.dropFirst(caseless.count)), ignoresCase: true)
            : try? Pattern(untrusted: text)
    }

    private mutating func sum() throws(InsightsFailure) -> InsightsExpression {
        var result = try product()
        while true {
            if take("+") {
                result = .arithmetic("+", result, try product())
            } else if take("-") {
                result = .arithmetic("-", result, try product())
            } else {
                return result
            }
        }
    }

    private mutating func product() throws(InsightsFailure) -> InsightsExpression {
        var result = try power()
        while let sign = ["*", "/", "%"].first(where: { peek == .sign($0) }) {
            at += 1
            result = .arithmetic(Character(sign), result, try power())
        }
        return result
    }

    private mutating func power() throws(InsightsFailure) -> InsightsExpression {
        let base = try value()
        return take("^") ? .arithmetic("^", base, try value()) : base
    }

    private mutating func value() throws(InsightsFailure) -> InsightsExpression {
        guard let token = peek else { throw failure("a value is missing") }
        at += 1
        switch token {
        case .text(let text): return .constant(.text(text))
        case .number(let number): return .constant(.number(number))
        case .duration(let milliseconds): return .constant(.number(milliseconds))
        case .sign("-"): return .arithmetic("-", .constant(.number(0)), try value())
        case .sign("("):
            let result = try expression()
            guard take(")") else { throw failure(") is missing") }
            return result
        case .name(let name):
            guard take("(") else { return .field(name) }
            return try call(name)
        case .expression, .sign:
            at -= 1
            throw failure("a value is missing")
        }
    }

    private mutating func call(_ name: String) throws(InsightsFailure) -> InsightsExpression {
        guard let function = InsightsFunction(rawValue: name.lowercased()) else {
            at -= 2
            throw failure("unknown function \(name)")
        }
        var arguments: [InsightsExpression] = []
        if peek != .sign(")") { arguments = try list() }
        guard take(")") else { throw failure(") is missing") }
        guard function.arity.contains(arguments.count) else { throw failure("wrong number of arguments of \(name)") }
        // `bin(5m)` is the time of the event.
        if function == .bin { return .call(.datefloor, [.field("@timestamp"), arguments[0]]) }
        return .call(function, arguments)
    }
}
