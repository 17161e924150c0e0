/// A pattern for messages of fields with spaces between them: `[ip, user, ..., status = 4*, bytes > 1000]`.
///
/// A field in quotes or brackets is one, whatever is in it. Without an ellipsis a message has to have as many fields as
/// the pattern.
struct FieldPattern: Sendable {
    fileprivate struct Field: Sendable {
        /// Empty without one.
        var name = ""
        /// Nil: anything will do.
        var condition: Condition<String>?
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
        let name = String(decoding: probe.take(while: isName), as: UTF8.self)
        probe.skipSpaces()
        if probe.peek == UInt8(ascii: ",") || probe.peek == UInt8(ascii: "]") {
            scanner = probe
            return Field(name: name)
        }
        let condition = try Condition<String>(&scanner) { (scanner) throws(FilterPattern.Failure) in
            let name = scanner.take(while: isName)
            guard !name.isEmpty else { throw .malformed }
            return (String(decoding: name, as: UTF8.self), try Comparison(&scanner, ends: ends))
        }
        return Field(name: condition.subjects.first ?? "", condition: condition)
    }

    private static func isName(_ byte: UInt8) -> Bool {
        PatternScanner.isName(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "$")
            || byte == UInt8(ascii: ".")
    }

    /// The message's fields, if it matches. `[]` takes every message.
    func match(_ message: [UInt8]) -> [ArraySlice<UInt8>]? {
        let count = head.count + (tail?.count ?? 0)
        let fields = Self.fields(of: message)
        if isOpen { return fields }
        guard tail == nil ? fields.count == count : fields.count >= count else { return nil }
        let isMet =
            zip(head, fields).allSatisfy { $0.isMet(by: $1) }
            && zip(tail ?? [], fields.suffix(tail?.count ?? 0)).allSatisfy { $0.isMet(by: $1) }
        return isMet ? fields : nil
    }

    private var isOpen: Bool { tail == nil && head.count == 1 && head[0].name.isEmpty && head[0].condition == nil }

    /// Where a field stands; nil when none has that name.
    func place(of name: String) -> Place? {
        guard !name.isEmpty else { return nil }
        if let index = head.firstIndex(where: { $0.name == name }) { return .fromStart(index) }
        return tail.flatMap { tail in
            tail.firstIndex { $0.name == name }.map { .fromEnd(tail.count - $0) }
        }
    }

    enum Place: Sendable {
        case fromStart(Int)
        /// From 1, which is the last.
        case fromEnd(Int)

        func text(in fields: [ArraySlice<UInt8>]) -> String? {
            let index =
                switch self {
                case .fromStart(let index): index
                case .fromEnd(let index): fields.count - index
                }
            return fields.indices.contains(index) ? String(decoding: fields[index], as: UTF8.self) : nil
        }
    }

    /// The fields by their names; those without one by their place, from `$1`.
    func named(_ fields: [ArraySlice<UInt8>]) -> [String: String] {
        var values: [String: String] = [:]
        for (index, field) in fields.enumerated() {
            let fromEnd = index - (fields.count - (tail?.count ?? 0))
            let known = index < head.count ? head[index] : fromEnd >= 0 ? tail?[fromEnd] : nil
            let name = known.flatMap { $0.name.isEmpty ? nil : $0.name } ?? "\(index + 1)"
            values["$" + name] = String(decoding: field, as: UTF8.self)
        }
        return values
    }

    private static func fields(of message: [UInt8]) -> [ArraySlice<UInt8>] {
        var fields: [ArraySlice<UInt8>] = []
        var rest = message[...]
        // Where the last of each closing byte stands: beyond it nobody has to look for one.
        let lastQuote = message.lastIndex(of: UInt8(ascii: "\"")) ?? 0
        let lastBracket = message.lastIndex(of: UInt8(ascii: "]")) ?? 0
        while true {
            rest = rest.drop { PatternScanner.isSpace($0) }
            guard let first = rest.first else { return fields }
            let closing: UInt8? =
                switch first {
                case UInt8(ascii: "\"") where lastQuote > rest.startIndex: UInt8(ascii: "\"")
                case UInt8(ascii: "[") where lastBracket > rest.startIndex: UInt8(ascii: "]")
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
