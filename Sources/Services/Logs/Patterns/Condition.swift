import AWSWire

/// Comparisons that are tied together with `&&` and `||`, as JSON and space-delimited patterns have them.
indirect enum Condition<Subject: Sendable>: Sendable {
    case holds(Subject, Comparison)
    case all([Condition])
    case any([Condition])

    private static var depthLimit: Int { 32 }

    /// - Parameter comparison: Reads one comparison.
    init(
        _ scanner: inout PatternScanner, depth: Int = 0,
        _ comparison: (inout PatternScanner) throws(FilterPattern.Failure) -> (Subject, Comparison)
    ) throws(FilterPattern.Failure) {
        guard depth < Self.depthLimit else { throw .malformed }
        var alternatives: [Condition] = []
        repeat {
            var parts: [Condition] = []
            repeat {
                scanner.skipSpaces()
                if scanner.take("(") {
                    parts.append(try Condition(&scanner, depth: depth + 1, comparison))
                    scanner.skipSpaces()
                    guard scanner.take(")") else { throw .malformed }
                } else {
                    let (subject, test) = try comparison(&scanner)
                    parts.append(.holds(subject, test))
                }
                scanner.skipSpaces()
            } while scanner.take("&&")
            alternatives.append(parts.count == 1 ? parts[0] : .all(parts))
        } while scanner.take("||")
        self = alternatives.count == 1 ? alternatives[0] : .any(alternatives)
    }

    /// All that are compared, in their order.
    var subjects: [Subject] {
        switch self {
        case .holds(let subject, _): [subject]
        case .all(let parts), .any(let parts): parts.flatMap(\.subjects)
        }
    }

    func isMet(_ holds: (Subject, Comparison) -> Bool) -> Bool {
        switch self {
        case .holds(let subject, let test): holds(subject, test)
        case .all(let parts): parts.allSatisfy { $0.isMet(holds) }
        case .any(let parts): parts.contains { $0.isMet(holds) }
        }
    }
}

/// What a comparison asks of one value.
enum Comparison: Sendable {
    enum Order: Sendable {
        case less
        case lessOrEqual
        case greater
        case greaterOrEqual
    }

    /// What there is to compare.
    enum Value {
        case missing
        case null
        case bool(Bool)
        case number(Double, text: String)
        case text(String)
        /// An object or an array.
        case container
    }

    case number(Order, Double)
    case equals(Operand, isNegated: Bool)
    case isNull
    case isBool(Bool)
    case isMissing
    case exists

    /// What a value is compared with.
    enum Operand: Sendable {
        case number(Double, text: String)
        /// With `*` for any run of characters.
        case text(WildcardText)
        case expression(Pattern)
    }

    func isMet(by value: Value) -> Bool {
        switch (self, value) {
        case (.isMissing, .missing): true
        case (.exists, .missing), (_, .missing): false
        case (.exists, _): true
        case (.isNull, .null): true
        case (.isBool(let wanted), .bool(let value)): wanted == value
        case (.number(let order, let bound), .number(let number, _)): order.isMet(number, bound)
        case (.equals(let operand, let isNegated), .number(let number, let text)):
            operand.isMet(by: text, number) != isNegated
        case (.equals(let operand, let isNegated), .text(let text)): operand.isMet(by: text, nil) != isNegated
        case (.equals(let operand, let isNegated), .bool(let value)):
            operand.isMet(by: value ? "true" : "false", nil) != isNegated
        default: false
        }
    }

    /// The operator and what is compared with: `= 4*`, `!= "x"`, `>= 1.5e3`, `= %ERR.R%`.
    ///
    /// - Parameter ends: What an operand without quotes ends before.
    init(_ scanner: inout PatternScanner, ends: (UInt8) -> Bool) throws(FilterPattern.Failure) {
        scanner.skipSpaces()
        let order: Order?
        var isNegated = false
        if scanner.take("<=") {
            order = .lessOrEqual
        } else if scanner.take(">=") {
            order = .greaterOrEqual
        } else if scanner.take("<") {
            order = .less
        } else if scanner.take(">") {
            order = .greater
        } else if scanner.take("!=") {
            (order, isNegated) = (nil, true)
        } else if scanner.take("=") {
            order = nil
        } else {
            throw .malformed
        }
        let operand = try Operand(&scanner, ends: ends)
        guard let order else {
            self = .equals(operand, isNegated: isNegated)
            return
        }
        guard case .number(let number, _) = operand else { throw .malformed }
        self = .number(order, number)
    }
}

extension Comparison.Order {
    fileprivate func isMet(_ value: Double, _ bound: Double) -> Bool {
        switch self {
        case .less: value < bound
        case .lessOrEqual: value <= bound
        case .greater: value > bound
        case .greaterOrEqual: value >= bound
        }
    }
}

extension Comparison.Operand {
    fileprivate init(_ scanner: inout PatternScanner, ends: (UInt8) -> Bool) throws(FilterPattern.Failure) {
        scanner.skipSpaces()
        if scanner.take("%") {
            self = .expression(try scanner.takeExpression())
        } else if scanner.take("\"") {
            self = .text(WildcardText(try scanner.takeQuoted()))
        } else {
            let bytes = scanner.take { !PatternScanner.isSpace($0) && !ends($0) }
            guard let first = bytes.first, !Array("=<>!".utf8).contains(first) else { throw .malformed }
            let text = String(decoding: bytes, as: UTF8.self)
            if let number = Double(text), number.isFinite {
                self = .number(number, text: text)
            } else {
                self = .text(WildcardText(bytes))
            }
        }
    }

    fileprivate func isMet(by text: String, _ number: Double?) -> Bool {
        switch self {
        case .number(let wanted, let wantedText): number.map { $0 == wanted } ?? (text == wantedText)
        case .text(let pattern): pattern.matches(text)
        case .expression(let expression): expression.occurs(in: text)
        }
    }
}

/// A text in which `*` stands for any run of characters. Takes one pass over what it is compared with.
struct WildcardText: Sendable {
    private let head: [UInt8]
    private let middle: [Phrase]
    /// Nil without a `*`.
    private let tail: [UInt8]?

    init(_ bytes: [UInt8]) {
        let parts = bytes.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map(Array.init)
        head = parts[0]
        middle = parts.dropFirst().dropLast().filter { !$0.isEmpty }.map { Phrase($0) }
        tail = parts.count > 1 ? parts[parts.count - 1] : nil
    }

    func matches(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let tail else { return bytes == head }
        guard bytes.count >= head.count + tail.count, bytes.starts(with: head), bytes.suffix(tail.count) == tail[...]
        else { return false }
        return bytes.withUnsafeBytes { bytes in
            var start = head.count
            let end = bytes.count - tail.count
            for phrase in middle {
                guard let found = phrase.end(in: UnsafeRawBufferPointer(rebasing: bytes[start..<end])) else {
                    return false
                }
                start += found
            }
            return true
        }
    }
}
