import AWSWire

/// A path to a part of an event: `$.detail.items[0]`, or `$.detail['a name']`.
///
/// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
struct EventPath: Sendable, Hashable {
    private enum Step: Sendable, Hashable {
        case name(String)
        case index(Int)
    }

    private let steps: [Step]

    /// - Returns: nil for what is no such path.
    init?(_ text: String) {
        guard text.first == "$" else { return nil }
        var steps: [Step] = []
        var rest = text.dropFirst()
        while let first = rest.popFirst() {
            switch first {
            case ".":
                let name = rest.prefix { $0 != "." && $0 != "[" }
                guard !name.isEmpty else { return nil }
                steps.append(.name(String(name)))
                rest = rest.dropFirst(name.count)
            case "[":
                guard let end = rest.firstIndex(of: "]") else { return nil }
                let inner = rest[..<end]
                rest = rest[rest.index(after: end)...]
                if let quote = inner.first, quote == "'" || quote == "\"" {
                    guard inner.count > 2, inner.last == quote else { return nil }
                    steps.append(.name(String(inner.dropFirst().dropLast())))
                } else {
                    guard let index = Int(inner), index >= 0 else { return nil }
                    steps.append(.index(index))
                }
            default: return nil
            }
        }
        self.steps = steps
    }

    /// - Returns: nil for what is not there.
    func value(in event: JSONValue) -> JSONValue? {
        var value = event
        for step in steps {
            switch step {
            case .name(let name):
                guard let next = value[name] else { return nil }
                value = next
            case .index(let index):
                let elements = value.elements
                guard index < elements.count else { return nil }
                value = elements[index]
            }
        }
        return value
    }
}
