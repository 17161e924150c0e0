import AWSWire
import NIOCore

/// A pattern for JSON messages: `{ ($.user.id = 1 || $.tags[0] = "a*") && $.error NOT EXISTS }`.
struct JSONPattern: Sendable {
    /// No message that is worth reading nests deeper.
    private static let depthLimit = 100

    private let condition: Condition<JSONSelector>

    init(_ scanner: inout PatternScanner) throws(FilterPattern.Failure) {
        guard scanner.take("{") else { throw .malformed }
        condition = try Condition(&scanner, Self.comparison)
        scanner.skipSpaces()
        guard scanner.take("}") else { throw .malformed }
        scanner.skipSpaces()
        guard scanner.isAtEnd else { throw .malformed }
    }

    private static func comparison(
        _ scanner: inout PatternScanner
    ) throws(FilterPattern.Failure) -> (JSONSelector, Comparison) {
        let selector = try JSONSelector(&scanner)
        scanner.skipSpaces()
        if scanner.takeWord("IS") {
            scanner.skipSpaces()
            if scanner.takeWord("NULL") { return (selector, .isNull) }
            if scanner.takeWord("TRUE") { return (selector, .isBool(true)) }
            if scanner.takeWord("FALSE") { return (selector, .isBool(false)) }
            throw .malformed
        }
        if scanner.takeWord("NOT") {
            scanner.skipSpaces()
            guard scanner.takeWord("EXISTS") else { throw .malformed }
            return (selector, .isMissing)
        }
        if scanner.takeWord("EXISTS") { return (selector, .exists) }
        let ends = Array("(){}&|,".utf8)
        return (selector, try Comparison(&scanner) { ends.contains($0) })
    }

    /// What the pattern compares.
    var selectors: [JSONSelector] { condition.subjects }

    /// The message as a document, if it matches. Messages that are no JSON objects match no such pattern.
    func match(_ message: [UInt8]) -> JSONValue? {
        guard message.first(where: { !PatternScanner.isSpace($0) }) == UInt8(ascii: "{"),
            let document = try? JSONValue(parsing: ByteBuffer(bytes: message), depthLimit: Self.depthLimit)
        else { return nil }
        let isMet = condition.isMet { selector, test in
            selector.isMet(in: document) { test.isMet(by: $0.map { Comparison.Value($0) } ?? .missing) }
        }
        return isMet ? document : nil
    }
}

extension Comparison.Value {
    fileprivate init(_ value: JSONValue) {
        switch value.kind {
        case .null: self = .null
        case .true: self = .bool(true)
        case .false: self = .bool(false)
        case .number: self = value.double.map { .number($0, text: value.numberText ?? "") } ?? .text("")
        case .string: self = .text(value.string ?? "")
        case .array, .object: self = .container
        }
    }
}
