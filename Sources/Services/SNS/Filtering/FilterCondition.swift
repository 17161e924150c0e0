import AWSWire
import Delivery
import EventPatterns
import NIOCore

/// Filter policies have fewer conditions than event patterns; those that they have are the same.
extension Condition {
    private typealias Refusal = FilterPolicy.Refusal

    private static let names: Set<String> = [
        "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "numeric", "cidr",
    ]

    init(filter value: JSONValue) throws(FilterPolicy.Refusal) {
        try Self.checkDialect(value)
        do throws(PatternFault) { try self.init(value) } catch { throw Refusal(reason: error.reason) }
    }

    /// Refuses what only event patterns have.
    private static func checkDialect(_ value: JSONValue) throws(FilterPolicy.Refusal) {
        guard let (name, operand) = value.members.first else { return }
        guard names.contains(name) else { throw Refusal(reason: "Unrecognized match type \(name)") }
        switch name {
        case "prefix", "suffix": try checkText(operand, of: name)
        case "anything-but" where operand.kind == .object:
            guard let (inner, text) = operand.members.first else {
                throw Refusal(reason: "Empty objects are not allowed")
            }
            guard inner == "prefix", operand.members.count == 1 else {
                throw Refusal(reason: "Unsupported anything-but pattern: \(inner)")
            }
            try checkText(text, of: inner)
        case "anything-but" where operand.kind == .array && operand.elements.isEmpty:
            throw Refusal(reason: "Empty arrays are not allowed")
        default: break
        }
    }

    private static func checkText(_ operand: JSONValue, of name: String) throws(FilterPolicy.Refusal) {
        guard operand.kind == .string else { throw Refusal(reason: "\(name) match pattern must be a string") }
    }

    /// - Parameter values: nil for a key that is not there.
    func wants(_ values: [Leaf]?) -> Bool {
        if case .exists(let wanted) = self { return (values != nil) == wanted }
        return values?.contains(where: holds) ?? false
    }
}

extension Leaf {
    /// The values of a member of a message's body: of an array all that are in it, however deep.
    ///
    /// - Returns: nil for an object, which has no value of its own.
    static func all(in value: JSONValue) -> [Leaf]? {
        switch value.kind {
        case .object: nil
        case .array: value.elements.flatMap { all(in: $0) ?? [] }
        default: Leaf(value).map { [$0] } ?? []
        }
    }
}

extension MessageAttribute {
    /// What filters see of it: of an array its elements, of bytes only that they are there.
    var filterValues: [Leaf] {
        guard case .text(let text) = value else { return [] }
        switch type {
        case "String.Array":
            guard let array = try? JSONValue(parsing: ByteBuffer(string: text)), array.kind == .array else {
                return [.text(text)]
            }
            return array.elements.compactMap { Leaf($0) }
        case let type where type.hasPrefix("Number"): return Double(text).map { [.number($0, text)] } ?? []
        default: return [.text(text)]
        }
    }
}
