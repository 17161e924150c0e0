/// What FilterLogEvents' `filterPattern` asks of a message: CloudWatch's patterns for unstructured logs.
///
/// `ERROR code` wants both terms, `"two words"` the phrase, `-DEBUG` forbids a term, `?a ?b` wants one of them. Terms
/// are case-sensitive and may stand anywhere in the message. Optional terms count only when there are no others.
/// Source: "Filter pattern syntax", CloudWatch Logs user guide.
struct FilterPattern: Sendable {
    /// Why a pattern cannot be used.
    enum Failure: Error, Hashable {
        /// A term that must be quoted.
        case characters(term: String)
        case unterminatedQuote
        /// A kind of pattern that CloudWatch has and Apus does not: `JSON`, `space-delimited`, `regular expression`.
        case unsupported(kind: String)
    }

    private enum Mode {
        case required
        case excluded
        case optional
    }

    private var required: [Phrase] = []
    private var excluded: [Phrase] = []
    private var optional: [Phrase] = []

    /// Whether every message matches.
    var isEmpty: Bool { required.isEmpty && excluded.isEmpty && optional.isEmpty }

    init(_ text: String) throws(Failure) {
        var rest = Array(text.utf8)[...]
        while true {
            rest = rest.drop { Self.isSpace($0) }
            guard let first = rest.first else { break }
            switch first {
            case UInt8(ascii: "{"): throw .unsupported(kind: "JSON")
            case UInt8(ascii: "["): throw .unsupported(kind: "space-delimited")
            case UInt8(ascii: "%"): throw .unsupported(kind: "regular expression")
            default: try takeTerm(from: &rest)
            }
        }
        if !required.isEmpty || !excluded.isEmpty { optional = [] }
    }

    private mutating func takeTerm(from rest: inout ArraySlice<UInt8>) throws(Failure) {
        let whole = rest
        var mode = Mode.required
        if rest.first == UInt8(ascii: "-") { mode = .excluded }
        if rest.first == UInt8(ascii: "?") { mode = .optional }
        if mode != .required { rest.removeFirst() }
        let term: [UInt8]
        if rest.first == UInt8(ascii: "\"") {
            rest.removeFirst()
            term = try Self.phrase(from: &rest)
            guard rest.first.map(Self.isSpace) ?? true, !term.isEmpty else { throw Self.characters(of: whole) }
        } else {
            term = Array(rest.prefix { !Self.isSpace($0) })
            guard !term.isEmpty, term.allSatisfy(Self.isPlain) else { throw Self.characters(of: whole) }
            rest = rest.dropFirst(term.count)
        }
        switch mode {
        case .required: required.append(Phrase(term))
        case .excluded: excluded.append(Phrase(term))
        case .optional: optional.append(Phrase(term))
        }
    }

    /// Up to the closing quote; a backslash takes the next byte as it is.
    private static func phrase(from rest: inout ArraySlice<UInt8>) throws(Failure) -> [UInt8] {
        var phrase: [UInt8] = []
        while var byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") { return phrase }
            if byte == UInt8(ascii: "\\"), let next = rest.popFirst() { byte = next }
            phrase.append(byte)
        }
        throw .unterminatedQuote
    }

    private static func characters(of whole: ArraySlice<UInt8>) -> Failure {
        .characters(term: String(decoding: whole.prefix { !isSpace($0) }, as: UTF8.self))
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

    /// Letters, digits, underscores and all beyond ASCII; other terms must be quoted.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "_"), 0x80...: true
        default: false
        }
    }

    func matches(_ message: [UInt8]) -> Bool {
        isEmpty
            || message.withUnsafeBytes { message in
                required.allSatisfy { $0.occurs(in: message) } && !excluded.contains { $0.occurs(in: message) }
                    && (optional.isEmpty || optional.contains { $0.occurs(in: message) })
            }
    }
}
