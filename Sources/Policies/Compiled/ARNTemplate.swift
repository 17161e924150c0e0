/// A pattern of ARNs in a condition: each of the six parts is matched by itself, so that no wildcard and no variable of
/// one part reaches into another.
struct ARNTemplate: Sendable {
    /// Nil for `*`, which matches whatever there is.
    private let parts: [PatternTemplate]?
    /// The ARN, where its parts leave nothing open.
    private let exact: TextPattern?

    init(_ text: String, _ syntax: PatternTemplate.Syntax) {
        guard text != "*" else {
            (parts, exact) = (nil, nil)
            return
        }
        var parts: [[PatternTemplate.Piece]] = [[]]
        for piece in PatternTemplate.pieces(text, syntax.union(.wildcards)) {
            guard case .tokens(let tokens) = piece else {
                parts[parts.count - 1].append(piece)
                continue
            }
            let colon = TextPattern.Token(UInt8(ascii: ":"))
            for (index, some) in tokens.split(
                separator: colon, maxSplits: 6 - parts.count, omittingEmptySubsequences: false
            ).enumerated() {
                if index > 0 { parts.append([]) }
                parts[parts.count - 1].append(.tokens(Array(some)))
            }
        }
        let templates = parts.map { PatternTemplate($0) }
        self.parts = templates
        let isExact = templates.count == 6 && templates.allSatisfy(\.isExact)
        exact = isExact ? TextPattern(text.utf8.map(TextPattern.Token.init)) : nil
    }

    func match(_ text: String, _ inquiry: inout Inquiry) -> PatternMatch {
        if let exact { return exact.matches(text) ? .matches : .differs }
        guard let parts else { return .matches }
        guard parts.count == 6 else { return .differs }
        let bytes = text.utf8Span.span
        var start = 0
        var outcome = PatternMatch.matches
        for index in parts.indices {
            var end = bytes.count
            if index < 5 {
                end = start
                while end < bytes.count, bytes[end] != UInt8(ascii: ":") { end += 1 }
                guard end < bytes.count else { return .differs }
            }
            switch parts[index].match(bytes.extracting(start..<end), &inquiry) {
            case .matches: break
            case .unresolved: outcome = .unresolved
            case .differs: return .differs
            }
            start = end + 1
        }
        return outcome
    }

    var variables: [PolicyVariable] { (parts ?? []).flatMap(\.variables) }
}
