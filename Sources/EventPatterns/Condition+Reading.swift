package import AWSWire

/// What the language of conditions is, and what AWS says of what is not in it.
extension Condition {
    package init(_ value: JSONValue) throws(PatternFault) {
        switch value.kind {
        case .object: self = try Self.expression(value)
        case .array: throw .seen(value, "Match value must be String, number, true, false, or null")
        default: self = .equals(Leaf(value) ?? .null)
        }
    }

    private static func expression(_ value: JSONValue) throws(PatternFault) -> Condition {
        let members = value.members
        guard let (name, operand) = members.first else { throw .closed(value, "Match expression name not found") }
        let condition: Condition
        switch name {
        case "exactly": condition = .equals(.text(try text(operand, "exact match pattern must be a string")))
        case "prefix":
            condition =
                operand.kind == .object
                ? .prefixIgnoringCase(try caseless(operand, "Prefix"))
                : .prefix(try text(operand, "prefix match pattern must be a string"))
        case "suffix":
            condition =
                operand.kind == .object
                ? .suffixIgnoringCase(try caseless(operand, "Suffix"))
                : .suffix(try text(operand, "suffix match pattern must be a string"))
        case "equals-ignore-case":
            condition = .equalsIgnoringCase(
                try text(operand, "equals-ignore-case match pattern must be a string").lowercased())
        case "numeric": condition = .numeric(try bounds(operand))
        case "anything-but": condition = .anythingBut(try unwanted(operand))
        case "exists":
            guard let wanted = operand.bool else {
                throw .seen(operand, "exists match pattern must be either true or false.")
            }
            condition = .exists(wanted)
        case "cidr": condition = .address(try range(operand))
        case "wildcard": condition = .wildcard(try wildcard(operand))
        default: throw .seen(operand, "Unrecognized match type \(name)")
        }
        guard members.count == 1 else {
            let isNumeric = name == "numeric" || name == "anything-but"
            throw .seen(
                members[1].value,
                isNumeric ? "Too many elements in numeric expression" : "Only one key allowed in match expression")
        }
        return condition
    }

    private static func text(_ operand: JSONValue, _ otherwise: String) throws(PatternFault) -> String {
        guard let text = operand.string else { throw .seen(operand, otherwise) }
        return text
    }

    /// What stands where the case of a prefix or suffix does not matter.
    private static func caseless(_ operand: JSONValue, _ kind: String) throws(PatternFault) -> String {
        let members = operand.members
        guard let (name, inner) = members.first else {
            throw .closed(operand, "\(kind) expression name not found")
        }
        guard name == "equals-ignore-case" else {
            throw .seen(inner, "Unsupported \(kind.lowercased()) pattern: \(name)")
        }
        let text = try text(inner, "equals-ignore-case match pattern must be a string")
        guard members.count == 1 else { throw .seen(members[1].value, "Only one key allowed in match expression") }
        return text.lowercased()
    }

    private static func wildcard(_ operand: JSONValue) throws(PatternFault) -> Wildcard {
        let text = try text(operand, "wildcard match pattern must be a string")
        do throws(Wildcard.Failure) { return try Wildcard(text) } catch {
            throw error.isTooComplex ? .nowhere(error.reason) : .read(operand, error.reason)
        }
    }

    private static func range(_ operand: JSONValue) throws(PatternFault) -> AddressRange {
        // AWS's own word for it.
        let text = try text(operand, "prefix match pattern must be a string")
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw .nowhere("Malformed CIDR, one '/' required") }
        guard let bits = Int(parts[1]) else { throw .nowhere("Malformed CIDR, mask bits must be an integer") }
        guard bits >= 0 else { throw .nowhere("Malformed CIDR, mask bits must not be negative") }
        guard AddressRange(String(parts[0])) != nil else { throw .nowhere("Nonstandard IP address: \(parts[0])") }
        guard let range = AddressRange(text) else {
            throw .nowhere(parts[0].contains(":") ? "IPv6 mask bits must be < 128" : "IPv4 mask bits must be < 32")
        }
        return range
    }
}

// MARK: anything-but

extension Condition {
    private static func unwanted(_ operand: JSONValue) throws(PatternFault) -> [Condition] {
        switch operand.kind {
        case .string, .number: return [.equals(Leaf(operand) ?? .null)]
        case .array: return try unwantedValues(operand)
        case .object: return try unwantedExpressions(operand)
        default: throw .seen(operand, valueMessage)
        }
    }

    private static let valueMessage = "Value of anything-but must be an array or single string/number value."

    private static func unwantedValues(_ operand: JSONValue) throws(PatternFault) -> [Condition] {
        var conditions: [Condition] = []
        var kinds: Set<JSONKind> = []
        for element in operand.elements {
            guard element.kind == .string || element.kind == .number, let leaf = Leaf(element) else {
                throw PatternFault.seen(element, "Inside anything but list, start|null|boolean is not supported.")
                    .inList()
            }
            kinds.insert(element.kind)
            conditions.append(.equals(leaf))
        }
        guard kinds.count == 1 else {
            throw .closed(
                operand,
                "Inside anything but list, either all values are number or string, mixed type is not supported")
        }
        return conditions
    }

    private static func unwantedExpressions(_ operand: JSONValue) throws(PatternFault) -> [Condition] {
        let members = operand.members
        guard let (name, inner) = members.first else {
            throw .closed(operand, "Anything-But expression name not found")
        }
        guard ["equals-ignore-case", "prefix", "suffix", "wildcard"].contains(name) else {
            throw .seen(inner, "Unsupported anything-but pattern: \(name)")
        }
        guard [.string, .number, .array].contains(inner.kind) else { throw .seen(inner, valueMessage) }
        var conditions: [Condition] = []
        if inner.kind == .array {
            for element in inner.elements {
                do throws(PatternFault) { conditions.append(try unwantedExpression(name, element)) } catch {
                    throw error.inList()
                }
            }
        } else {
            conditions.append(try unwantedExpression(name, inner))
        }
        guard members.count == 1 else { throw .seen(members[1].value, "Too many elements in numeric expression") }
        return conditions
    }

    private static func unwantedExpression(_ name: String, _ operand: JSONValue) throws(PatternFault) -> Condition {
        switch name {
        case "equals-ignore-case":
            let message =
                "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
            return .equalsIgnoringCase(try text(operand, message).lowercased())
        case "wildcard": return .wildcard(try wildcard(operand))
        default:
            let text = try text(operand, "prefix/suffix match pattern must be a string")
            guard !text.isEmpty else { throw .read(operand, "Null prefix/suffix not allowed") }
            return name == "prefix" ? .prefix(text) : .suffix(text)
        }
    }
}

// MARK: numeric

extension Condition {
    private static func bounds(_ operand: JSONValue) throws(PatternFault) -> [Bound] {
        guard operand.kind == .array else { throw .seen(operand, "Value of numeric must be an array.") }
        var rest = operand.elements[...]
        let first = rest.popFirst()
        guard let name = first?.string else {
            throw first.map { .read($0, "Invalid member in numeric match: \(spelling($0))") }
                ?? .closed(operand, "Invalid member in numeric match: ]")
        }
        guard let comparison = Bound.Comparison(rawValue: name) else {
            let mark = rest.first.map { PatternFault.seen($0, "") } ?? .closed(operand, "")
            var fault = mark
            fault.reason = "Unrecognized numeric range operator: \(name)"
            throw fault
        }
        let shown = comparison == .equal ? "equals" : name
        let bottom = Bound(comparison: comparison, number: try number(rest.popFirst(), in: operand, of: shown))
        guard let second = rest.popFirst() else { return [bottom] }
        guard comparison == .greater || comparison == .atLeast else {
            throw .seen(second, "Too many elements in numeric expression")
        }
        guard let name = second.string else {
            throw .read(second, "Bad value in numeric range: \(spelling(second))")
        }
        guard let limit = Bound.Comparison(rawValue: name), limit == .less || limit == .atMost else {
            throw .read(second, "Bad numeric range operator: \(name)")
        }
        let top = Bound(comparison: limit, number: try number(rest.popFirst(), in: operand, of: name))
        if let extra = rest.first { throw .seen(extra, "Too many terms in numeric range expression") }
        guard bottom.number < top.number else { throw .closed(operand, "Bottom must be less than top") }
        return [bottom, top]
    }

    private static func number(
        _ value: JSONValue?, in operand: JSONValue, of name: String
    ) throws(PatternFault) -> Double {
        let reason = "Value of \(name) must be numeric"
        guard let value else { throw .closed(operand, reason) }
        guard let number = value.double else { throw .seen(value, reason) }
        return number
    }

    /// A value as AWS's messages show it.
    private static func spelling(_ value: JSONValue) -> String {
        switch value.kind {
        case .null: "null"
        case .true: "true"
        case .false: "false"
        case .number: value.numberText ?? ""
        case .string: value.string ?? ""
        case .array: "["
        case .object: "{"
        }
    }
}
