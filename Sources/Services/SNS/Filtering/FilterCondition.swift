import AWSWire
import Policies

/// One condition of a filter policy.
enum FilterCondition: Sendable, Hashable {
    typealias Refusal = FilterPolicy.Refusal

    /// A comparison with a number.
    struct Bound: Sendable, Hashable {
        enum Comparison: String, Sendable {
            case less = "<"
            case atMost = "<="
            case equal = "="
            case greater = ">"
            case atLeast = ">="
        }
        var comparison: Comparison
        var number: Double

        func holds(_ value: Double) -> Bool {
            switch comparison {
            case .less: value < number
            case .atMost: value <= number
            case .equal: value == number
            case .greater: value > number
            case .atLeast: value >= number
            }
        }
    }

    case equals(FilterValue)
    case equalsIgnoringCase(String)
    case prefix(String)
    case suffix(String)
    case anythingBut([FilterValue])
    case anythingButPrefix(String)
    case exists(Bool)
    case numeric([Bound])
    case address(AddressRange)

    /// - Parameter values: nil for a key that is not there.
    func matches(_ values: [FilterValue]?) -> Bool {
        if case .exists(let wanted) = self { return (values != nil) == wanted }
        return values?.contains(where: fits) ?? false
    }

    private func fits(_ value: FilterValue) -> Bool {
        switch (self, value) {
        case (.equals(let wanted), _): value == wanted
        case (.equalsIgnoringCase(let wanted), .text(let text)): text.lowercased() == wanted.lowercased()
        case (.prefix(let prefix), .text(let text)): text.utf8.starts(with: prefix.utf8)
        case (.suffix(let suffix), .text(let text)): text.utf8.reversed().starts(with: suffix.utf8.reversed())
        case (.anythingBut(let unwanted), _): !unwanted.contains(value)
        case (.anythingButPrefix(let prefix), .text(let text)): !text.utf8.starts(with: prefix.utf8)
        case (.numeric(let bounds), .number(let number)): bounds.allSatisfy { $0.holds(number) }
        case (.address(let range), .text(let text)): range.contains(text)
        default: false
        }
    }

    // MARK: Reading

    init(_ value: JSONValue) throws(Refusal) {
        if let plain = FilterValue(value) {
            self = .equals(plain)
            return
        }
        guard value.kind == .object, let (name, operand) = value.members.first else {
            throw Refusal(reason: "Match value must be String, number, true, false, or null")
        }
        guard value.members.count == 1 else { throw Refusal(reason: "Only one key allowed in match expression") }
        switch name {
        case "equals-ignore-case": self = .equalsIgnoringCase(try Self.text(operand, of: name))
        case "prefix": self = .prefix(try Self.text(operand, of: name))
        case "suffix": self = .suffix(try Self.text(operand, of: name))
        case "anything-but": self = try Self.anythingBut(operand)
        case "exists":
            guard let wanted = operand.bool else {
                throw Refusal(reason: "exists match pattern must be either true or false.")
            }
            self = .exists(wanted)
        case "numeric": self = .numeric(try Self.bounds(operand))
        case "cidr": self = .address(try Self.range(operand))
        default: throw Refusal(reason: "Unrecognized match type \(name)")
        }
    }

    private static func text(_ operand: JSONValue, of name: String) throws(Refusal) -> String {
        guard let text = operand.string else { throw Refusal(reason: "\(name) match pattern must be a string") }
        return text
    }

    private static func anythingBut(_ operand: JSONValue) throws(Refusal) -> FilterCondition {
        if operand.kind == .object {
            guard let (name, inner) = operand.members.first else {
                throw Refusal(reason: "Empty objects are not allowed")
            }
            guard name == "prefix", operand.members.count == 1 else {
                throw Refusal(reason: "Unsupported anything-but pattern: \(name)")
            }
            return .anythingButPrefix(try text(inner, of: "prefix"))
        }
        let elements = operand.kind == .array ? operand.elements : [operand]
        guard !elements.isEmpty else { throw Refusal(reason: "Empty arrays are not allowed") }
        var unwanted: [FilterValue] = []
        for element in elements {
            guard let value = FilterValue(element), element.kind == .string || element.kind == .number else {
                throw Refusal(reason: "Inside anything but list, start|null|boolean is not supported.")
            }
            unwanted.append(value)
        }
        return .anythingBut(unwanted)
    }

    private static func range(_ operand: JSONValue) throws(Refusal) -> AddressRange {
        let text = try text(operand, of: "prefix")
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw Refusal(reason: "Malformed CIDR, one '/' required") }
        guard Int(parts[1]) != nil else { throw Refusal(reason: "Malformed CIDR, mask bits must be an integer") }
        guard let range = AddressRange(text) else { throw Refusal(reason: "Nonstandard IP address: \(parts[0])") }
        return range
    }

    private static func bounds(_ operand: JSONValue) throws(Refusal) -> [Bound] {
        var rest = operand.elements[...]
        guard let first = rest.popFirst() else { throw Refusal(reason: "Invalid member in numeric match: ]") }
        guard let name = first.string else {
            throw Refusal(reason: "Invalid member in numeric match: \(first.numberText ?? "")")
        }
        guard let comparison = Bound.Comparison(rawValue: name) else {
            throw Refusal(reason: "Unrecognized numeric range operator: \(name)")
        }
        let bottom = Bound(comparison: comparison, number: try number(rest.popFirst(), of: comparison))
        guard let second = rest.popFirst() else { return [bottom] }
        guard comparison == .greater || comparison == .atLeast else {
            throw Refusal(reason: "Too many elements in numeric expression")
        }
        guard let name = second.string else {
            throw Refusal(reason: "Bad value in numeric range: \(second.numberText ?? "")")
        }
        guard let limit = Bound.Comparison(rawValue: name), limit == .less || limit == .atMost else {
            throw Refusal(reason: "Bad numeric range operator: \(name)")
        }
        let top = Bound(comparison: limit, number: try number(rest.popFirst(), of: limit))
        guard bottom.number < top.number else { throw Refusal(reason: "Bottom must be less than top") }
        guard rest.isEmpty else { throw Refusal(reason: "Too many terms in numeric range expression") }
        return [bottom, top]
    }

    private static func number(_ value: JSONValue?, of comparison: Bound.Comparison) throws(Refusal) -> Double {
        guard let number = value?.double else {
            let name = comparison == .equal ? "equals" : comparison.rawValue
            throw Refusal(reason: "Value of \(name) must be numeric")
        }
        return number
    }
}
