import AWSWire
import NIOCore

/// A pattern for JSON messages: `{ ($.user.id = 1 || $.tags[0] = "a*") && $.error NOT EXISTS }`.
struct JSONPattern: Sendable {
    private typealias Selector = [Step]

    private enum Step: Sendable {
        case member(String)
        case element(Int)
        /// Any member or element.
        case any
    }

    /// No message that is worth reading nests deeper.
    private static let depthLimit = 100
    private static let stepLimit = 32

    private let condition: Condition<Selector>

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
    ) throws(FilterPattern.Failure) -> (Selector, Comparison) {
        let selector = try selector(&scanner)
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

    /// `$.a.b[0]`, `$.["a b"]`, `$['a']`, `$.a[*]`.
    private static func selector(_ scanner: inout PatternScanner) throws(FilterPattern.Failure) -> Selector {
        guard scanner.take("$") else { throw .malformed }
        var steps: Selector = []
        while steps.count < stepLimit {
            if scanner.take(".") {
                if scanner.take("*") {
                    steps.append(.any)
                } else if scanner.peek != UInt8(ascii: "[") {
                    let name = scanner.take { PatternScanner.isName($0) || $0 == UInt8(ascii: "-") }
                    guard !name.isEmpty else { throw .malformed }
                    steps.append(.member(String(decoding: name, as: UTF8.self)))
                }
            } else if scanner.take("[") {
                steps.append(try bracketed(&scanner))
            } else {
                break
            }
        }
        guard !steps.isEmpty else { throw .malformed }
        return steps
    }

    private static func bracketed(_ scanner: inout PatternScanner) throws(FilterPattern.Failure) -> Step {
        scanner.skipSpaces()
        let step: Step
        if scanner.take("*") {
            step = .any
        } else if scanner.take("\"") {
            step = .member(String(decoding: try scanner.takeQuoted(), as: UTF8.self))
        } else if scanner.take("'") {
            step = .member(String(decoding: try scanner.takeQuoted(UInt8(ascii: "'")), as: UTF8.self))
        } else {
            let digits = scanner.take { (0x30...0x39).contains($0) }
            guard let index = Int(String(decoding: digits, as: UTF8.self)) else { throw .malformed }
            step = .element(index)
        }
        scanner.skipSpaces()
        guard scanner.take("]") else { throw .malformed }
        return step
    }

    /// Messages that are no JSON objects match no such pattern.
    func matches(_ message: [UInt8]) -> Bool {
        guard message.first(where: { !PatternScanner.isSpace($0) }) == UInt8(ascii: "{"),
            let document = try? JSONValue(parsing: ByteBuffer(bytes: message), depthLimit: Self.depthLimit)
        else { return false }
        return condition.isMet { selector, test in
            Self.some(selector[...], of: document) { test.isMet(by: $0) }
        }
    }

    /// A selector with wildcards may have many values, of which one has to do.
    private static func some(
        _ steps: ArraySlice<Step>, of value: JSONValue?, _ test: (Comparison.Value) -> Bool
    ) -> Bool {
        guard let value else { return test(.missing) }
        guard let step = steps.first else { return test(Comparison.Value(value)) }
        let rest = steps.dropFirst()
        switch step {
        case .member(let name): return some(rest, of: value[name], test)
        case .element(let index):
            let elements = value.elements
            return some(rest, of: index < elements.count ? elements[index] : nil, test)
        case .any:
            let values = value.kind == .array ? value.elements : value.members.map(\.value)
            return values.contains { some(rest, of: $0, test) }
        }
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
