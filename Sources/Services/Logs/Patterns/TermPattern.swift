import AWSWire

/// A pattern for plain text.
///
/// `ERROR code` wants both terms, `"two words"` the phrase, `%[4-5]\d\d%` what the regular expression describes, `-DEBUG`
/// forbids a term, `?a ?b` wants one of them. Terms are case-sensitive and may stand anywhere in the message. Optional
/// terms count only when there are no others.
struct TermPattern: Sendable {
    private enum Term {
        case phrase(Phrase)
        case expression(Pattern)

        func occurs(in message: UnsafeRawBufferPointer) -> Bool {
            switch self {
            case .phrase(let phrase): phrase.occurs(in: message)
            case .expression(let expression): expression.occurs(in: String(decoding: message, as: UTF8.self))
            }
        }
    }

    private var required: [Term] = []
    private var excluded: [Term] = []
    private var optional: [Term] = []

    /// Whether every message matches.
    var isEmpty: Bool { required.isEmpty && excluded.isEmpty && optional.isEmpty }

    init(_ scanner: inout PatternScanner) throws(FilterPattern.Failure) {
        scanner.skipSpaces()
        while !scanner.isAtEnd {
            try takeTerm(&scanner)
            scanner.skipSpaces()
        }
        if !required.isEmpty || !excluded.isEmpty { optional = [] }
    }

    private mutating func takeTerm(_ scanner: inout PatternScanner) throws(FilterPattern.Failure) {
        let whole = scanner.word
        let isExcluded = scanner.take("-")
        let isOptional = !isExcluded && scanner.take("?")
        let term = try Self.term(&scanner, whole)
        if isExcluded {
            excluded.append(term)
        } else if isOptional {
            optional.append(term)
        } else {
            required.append(term)
        }
    }

    private static func term(
        _ scanner: inout PatternScanner, _ whole: String
    ) throws(FilterPattern.Failure) -> Term {
        if scanner.take("%") {
            let expression = try scanner.takeExpression()
            guard scanner.peek.map(PatternScanner.isSpace) ?? true else { throw .characters(term: whole) }
            return .expression(expression)
        }
        if scanner.take("\"") {
            let phrase = try scanner.takeQuoted()
            guard scanner.peek.map(PatternScanner.isSpace) ?? true, !phrase.isEmpty else {
                throw .characters(term: whole)
            }
            return .phrase(Phrase(phrase))
        }
        let term = scanner.take { !PatternScanner.isSpace($0) }
        guard !term.isEmpty, term.allSatisfy(PatternScanner.isName) else { throw .characters(term: whole) }
        return .phrase(Phrase(term))
    }

    func matches(_ message: [UInt8]) -> Bool {
        isEmpty
            || message.withUnsafeBytes { message in
                required.allSatisfy { $0.occurs(in: message) } && !excluded.contains { $0.occurs(in: message) }
                    && (optional.isEmpty || optional.contains { $0.occurs(in: message) })
            }
    }
}
