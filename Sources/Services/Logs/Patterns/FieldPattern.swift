/// A pattern for messages of fields with spaces between them: `[ip, user, ..., status = 4*, bytes > 1000]`.
///
/// A field in quotes or brackets is one, whatever is in it. Without an ellipsis a message has to have as many fields as
/// the pattern.
struct FieldPattern: Sendable {
    fileprivate struct Field: Sendable {
        /// Nil: anything will do.
        var condition: Condition<Void>?
    }

    private static let fieldLimit = 256

    private var head: [Field] = []
    /// What comes after the ellipsis; nil without one.
    private var tail: [Field]?

    init(_ scanner: inout PatternScanner) throws(FilterPattern.Failure) {
        guard scanner.take("[") else { throw .malformed }
        repeat {
            scanner.skipSpaces()
            if scanner.take("...") {
                guard tail == nil else { throw .malformed }
                tail = []
            } else {
                let field = try Self.field(&scanner)
                if tail == nil { head.append(field) } else { tail?.append(field) }
            }
            guard head.count + (tail?.count ?? 0) <= Self.fieldLimit else { throw .malformed }
            scanner.skipSpaces()
        } while scanner.take(",")
        guard scanner.take("]") else { throw .malformed }
        scanner.skipSpaces()
        guard scanner.isAtEnd else { throw .malformed }
    }

    /// A name alone, or conditions on it.
    private static func field(_ scanner: inout PatternScanner) throws(FilterPattern.Failure) -> Field {
        let ends: @Sendable (UInt8) -> Bool = { Array("(),]&|".utf8).contains($0) }
        var probe = scanner
        _ = probe.take(while: isName)
        probe.skipSpaces()
        if probe.peek == UInt8(ascii: ",") || probe.peek == UInt8(ascii: "]") {
            scanner = probe
            return Field()
        }
        let condition = try Condition<Void>(&scanner) { (scanner) throws(FilterPattern.Failure) in
            guard !scanner.take(while: isName).isEmpty else { throw .malformed }
            return ((), try Comparison(&scanner, ends: ends))
        }
        return Field(condition: condition)
    }

    private static func isName(_ byte: UInt8) -> Bool {
        PatternScanner.isName(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "$")
            || byte == UInt8(ascii: ".")
    }

    func matches(_ message: [UInt8]) -> Bool {
        let count = head.count + (tail?.count ?? 0)
        let fields = Self.fields(of: message)
        guard tail == nil ? fields.count == count : fields.count >= count else { return false }
        return zip(head, fields).allSatisfy { $0.isMet(by: $1) }
            && zip(tail ?? [], fields.suffix(tail?.count ?? 0)).allSatisfy { $0.isMet(by: $1) }
    }

    private static func fields(of message: [UInt8]) -> [ArraySlice<UInt8>] {
        var fields: [ArraySlice<UInt8>] = []
        var rest = message[...]
        while true {
            rest = rest.drop { PatternScanner.isSpace($0) }
            guard let first = rest.first else { return fields }
            let closing: UInt8? =
                switch first {
                case UInt8(ascii: "\""): UInt8(ascii: "\"")
                case UInt8(ascii: "["): UInt8(ascii: "]")
                default: nil
                }
            if let closing, let end = rest.dropFirst().firstIndex(of: closing) {
                fields.append(rest[rest.index(after: rest.startIndex)..<end])
                rest = rest[rest.index(after: end)...]
            } else {
                let field = rest.prefix { !PatternScanner.isSpace($0) }
                fields.append(field)
                rest = rest.dropFirst(field.count)
            }
        }
    }
}

extension FieldPattern.Field {
    fileprivate func isMet(by field: ArraySlice<UInt8>) -> Bool {
        guard let condition else { return true }
        let text = String(decoding: field, as: UTF8.self)
        let number = Double(text).flatMap { $0.isFinite ? $0 : nil }
        let value = number.map { Comparison.Value.number($0, text: text) } ?? .text(text)
        return condition.isMet { _, test in test.isMet(by: value) }
    }
}
