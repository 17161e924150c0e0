import AWSWire

/// Where in a JSON document a value stands: `$.a.b[0]`, `$.["a b"]`, `$['a']`, `$.a[*]`.
struct JSONSelector: Sendable {
    private enum Step: Sendable {
        case member(String)
        case element(Int)
        /// Any member or element.
        case any
    }

    private static let stepLimit = 32

    private let steps: [Step]
    /// As it was written.
    let text: String

    init(_ scanner: inout PatternScanner) throws(FilterPattern.Failure) {
        let start = scanner
        guard scanner.take("$") else { throw .malformed }
        var steps: [Step] = []
        while steps.count < Self.stepLimit {
            if scanner.take(".") {
                if scanner.take("*") {
                    steps.append(.any)
                } else if scanner.peek != UInt8(ascii: "[") {
                    let name = scanner.take { PatternScanner.isName($0) || $0 == UInt8(ascii: "-") }
                    guard !name.isEmpty else { throw .malformed }
                    steps.append(.member(String(decoding: name, as: UTF8.self)))
                }
            } else if scanner.take("[") {
                steps.append(try Self.bracketed(&scanner))
            } else {
                break
            }
        }
        guard !steps.isEmpty else { throw .malformed }
        self.steps = steps
        text = scanner.text(since: start)
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

    /// Whether the value passes a test. A selector with wildcards may have many values, of which one has to do.
    func isMet(in document: JSONValue, _ test: (JSONValue?) -> Bool) -> Bool {
        Self.some(steps[...], of: document, test)
    }

    /// The first value there is.
    func value(in document: JSONValue) -> JSONValue? {
        var found: JSONValue?
        _ = isMet(in: document) { value in
            found = value
            return value != nil
        }
        return found
    }

    private static func some(
        _ steps: ArraySlice<Step>, of value: JSONValue?, _ test: (JSONValue?) -> Bool
    ) -> Bool {
        guard let value else { return test(nil) }
        guard let step = steps.first else { return test(value) }
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
