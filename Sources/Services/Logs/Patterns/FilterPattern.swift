/// What a `filterPattern` asks of a message: CloudWatch's patterns for plain text, JSON and space-delimited fields.
///
/// Source: "Filter pattern syntax for metric filters", CloudWatch Logs user guide.
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
struct FilterPattern: Sendable {
    /// Why a pattern cannot be used.
    enum Failure: Error, Hashable {
        /// A term that must be quoted.
        case characters(term: String)
        case unterminatedQuote
        /// What stands between percent signs is no regular expression that CloudWatch takes.
        case regularExpression(String)
        /// What stands in braces or brackets cannot be read.
        case malformed
    }

    private enum Kind {
        case terms(TermPattern)
        case json(JSONPattern)
        case fields(FieldPattern)
    }

    private let kind: Kind

    /// Whether every message matches.
    var isEmpty: Bool { if case .terms(let pattern) = kind { pattern.isEmpty } else { false } }

    init(_ text: String) throws(Failure) {
        var scanner = PatternScanner(text)
        scanner.skipSpaces()
        kind =
            switch scanner.peek {
            case UInt8(ascii: "{"): .json(try JSONPattern(&scanner))
            case UInt8(ascii: "["): .fields(try FieldPattern(&scanner))
            default: .terms(try TermPattern(&scanner))
            }
    }

    func matches(_ message: [UInt8]) -> Bool {
        switch kind {
        case .terms(let pattern): pattern.matches(message)
        case .json(let pattern): pattern.matches(message)
        case .fields(let pattern): pattern.matches(message)
        }
    }
}
