/// A text of a policy in which variables such as `${aws:username}` may stand.
///
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
struct PatternTemplate: Sendable {
    enum Piece: Sendable {
        case tokens([TextPattern.Token])
        case variable(PolicyVariable)
    }

    /// Which characters of the text mean more than themselves.
    struct Syntax: OptionSet {
        let rawValue: Int

        static let wildcards = Syntax(rawValue: 1)
        /// Those of version 2012-10-17.
        static let variables = Syntax(rawValue: 2)
        /// Letters are the same in either case.
        static let caseless = Syntax(rawValue: 4)
    }

    /// The pattern, where no variable stands in the text.
    private let fixed: TextPattern?
    private let pieces: [Piece]
    private let isCaseless: Bool

    init(_ pieces: [Piece], isCaseless: Bool = false) {
        self.pieces = pieces
        self.isCaseless = isCaseless
        var tokens: [TextPattern.Token] = []
        for case .tokens(let some) in pieces { tokens += some }
        let hasVariables = pieces.contains { if case .variable = $0 { true } else { false } }
        fixed = hasVariables ? nil : TextPattern(tokens)
    }

    init(_ text: String, _ syntax: Syntax) {
        self.init(Self.pieces(text, syntax), isCaseless: syntax.contains(.caseless))
    }

    var variables: [PolicyVariable] {
        pieces.compactMap { if case .variable(let variable) = $0 { variable } else { nil } }
    }

    /// Whether it matches one text only, in every request.
    var isExact: Bool { fixed?.isExact ?? false }

    /// - Parameter text: Of a caseless template, in lower case.
    func match(_ text: Span<UInt8>, _ inquiry: inout Inquiry) -> PatternMatch {
        if let fixed { return fixed.matches(text) ? .matches : .differs }
        var tokens: [TextPattern.Token] = []
        for piece in pieces {
            switch piece {
            case .tokens(let some): tokens += some
            case .variable(let variable):
                guard let value = inquiry.value(of: variable) else { return .unresolved }
                tokens += (isCaseless ? value.lowercased() : value).utf8.map(TextPattern.Token.init)
            }
        }
        return TextPattern(tokens).matches(text) ? .matches : .differs
    }

    /// The text in pieces. `${*}`, `${?}` and `${$}` are the characters themselves; what is no variable stands for
    /// itself.
    static func pieces(_ text: String, _ syntax: Syntax) -> [Piece] {
        var pieces: [Piece] = []
        var tokens: [TextPattern.Token] = []
        var rest = (syntax.contains(.caseless) ? text.lowercased() : text)[...].utf8
        while let byte = rest.first {
            if syntax.contains(.variables), byte == UInt8(ascii: "$"), let found = PolicyVariable.find(at: rest) {
                switch found.meaning {
                case .character(let character): tokens.append(TextPattern.Token(character))
                case .variable(let variable):
                    if !tokens.isEmpty { pieces.append(.tokens(tokens)) }
                    tokens = []
                    pieces.append(.variable(variable))
                }
                rest = found.rest
            } else {
                tokens.append(syntax.contains(.wildcards) ? TextPattern.token(byte) : TextPattern.Token(byte))
                rest = rest.dropFirst()
            }
        }
        if !tokens.isEmpty { pieces.append(.tokens(tokens)) }
        return pieces
    }
}

/// A placeholder for a value of the request: `${KEY}` or `${KEY, 'what to take when there is none'}`.
struct PolicyVariable: Sendable {
    /// As the text spells it.
    let name: String
    let key: ContextKey
    let fallback: String?

    enum Meaning {
        case character(UInt8)
        case variable(PolicyVariable)
    }

    /// What begins with the `$` at the start of the text; nil when that is only a character.
    static func find(at text: Substring.UTF8View) -> (meaning: Meaning, rest: Substring.UTF8View)? {
        let opened = text.dropFirst()
        guard opened.first == UInt8(ascii: "{"), let end = opened.firstIndex(of: UInt8(ascii: "}")) else { return nil }
        let inside = opened[opened.index(after: opened.startIndex)..<end]
        let rest = opened[opened.index(after: end)...]
        if inside.count == 1, let character = inside.first,
            [UInt8](["*", "?", "$"].map { UInt8(ascii: $0) }).contains(character)
        {
            return (.character(character), rest)
        }
        let parts = Substring(inside).split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts[0].trimmingSpaces
        guard !name.isEmpty else { return nil }
        var fallback: String?
        if parts.count == 2 {
            let quoted = parts[1].trimmingSpaces
            guard quoted.utf8.count >= 2, quoted.hasPrefix("'"), quoted.hasSuffix("'") else { return nil }
            fallback = String(quoted.dropFirst().dropLast())
        }
        return (.variable(PolicyVariable(name: String(name), key: ContextKey(String(name)), fallback: fallback)), rest)
    }
}

extension Substring {
    fileprivate var trimmingSpaces: Substring {
        var text = self
        while text.first == " " { text = text.dropFirst() }
        while text.last == " " { text = text.dropLast() }
        return text
    }
}
