import AWSWire
import NIOCore

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
        case tooManyExpressions
        /// What stands in braces or brackets cannot be read.
        case malformed
    }

    enum Kind: Sendable {
        case terms(TermPattern)
        case json(JSONPattern)
        case fields(FieldPattern)
    }

    /// How many regular expressions a pattern has at most: API reference, PutMetricFilter.
    static let expressionLimit = 2

    let kind: Kind
    /// How many regular expressions it has.
    let expressions: Int

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
        expressions = scanner.expressions
    }

    func matches(_ message: [UInt8]) -> Bool { match(message) != nil }

    /// A message that matches, as the pattern has read it.
    enum Match: Sendable {
        case terms
        case json(JSONValue)
        case fields([ArraySlice<UInt8>])
    }

    func match(_ message: [UInt8]) -> Match? {
        switch kind {
        case .terms(let pattern): pattern.matches(message) ? .terms : nil
        case .json(let pattern): pattern.match(message).map { .json($0) }
        case .fields(let pattern): pattern.match(message).map { .fields($0) }
        }
    }

    /// The values of a message that the pattern speaks of, by how it names them.
    func values(of match: Match) -> [String: String] {
        switch (kind, match) {
        case (.json(let pattern), .json(let document)):
            var values: [String: String] = [:]
            for selector in pattern.selectors {
                if let value = selector.value(in: document) { values[selector.text] = value.selectedText }
            }
            return values
        case (.fields(let pattern), .fields(let fields)): return pattern.named(fields)
        default: return [:]
        }
    }
}

extension JSONValue {
    /// A value as a selector gives it: strings without their quotes, all else as JSON.
    var selectedText: String {
        if let string { return string }
        var writer = JSONWriter()
        writer.write(self)
        return String(buffer: writer.buffer)
    }
}
